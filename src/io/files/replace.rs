//! Replaces a `.env` atomically: a concurrent reader gets either the whole old text or the whole new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::drift::Secret;
use crate::error::Error;
use crate::io::files::follow_links::resolve;
use crate::io::files::locate::is_in_git_dir;
use crate::io::files::temporary::Scratch;
use crate::io::files::write::folder_of;
use crate::io::files::{Budget, ENV_FILE_LIMIT, ReadOutcome, display_path, kind, read_text};
use crate::io::io_error_text::io_error_text;
use crate::io::os;

/// The outcome of a replacement that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Replaced {
    /// The new text is written and flushed to disk.
    Done,
    /// The new text is written, but the file has lost these extended attributes.
    Without(Vec<String>),
    /// The file does not have the expected text, because it was changed. Nothing was written.
    Conflict,
}

/// The directories that a replacement needs.
#[derive(Clone, Copy, Debug)]
pub struct Folders<'f> {
    /// The working directory, for relative paths.
    pub working: &'f Path,
    /// The state directory. A record there lets the next run remove the temporary files of a killed run.
    pub state: Option<&'f Path>,
}

/// Replaces the file's text with `new` if it is still `expected`; `None` expects no file.
///
/// A symbolic link is followed and kept. Mode, owner, access list and extended attributes are kept, and a new file is
/// private. Another hard link to the file keeps the old text.
pub fn replace(path: &Path, expected: Option<&Secret>, new: &Secret, folders: Folders<'_>) -> Result<Replaced, Error> {
    let path = &folders.working.join(path);
    let fail = |cause: String| Error::Write {
        path: display_path(path, folders.working),
        cause,
        help: "the file is unchanged; fix this and try again".into(),
    };
    refuse_too_large(new, path, folders.working)?;
    let target = target(path).map_err(fail)?;
    if !is_still(&target, expected).map_err(fail)? {
        return Ok(Replaced::Conflict);
    }
    let replacement = Replacement { target: &target, expected, new, state: folders.state };
    let done = match replacement.apply(Naming::Late) {
        // The file system does not support unnamed files.
        Err(Stopped::Unnamed) => replacement.apply(Naming::Early),
        done => done,
    };
    match done {
        Ok(replaced) => Ok(replaced),
        Err(Stopped::Because(error)) => Err(fail(io_error_text(&error))),
        Err(Stopped::Unnamed) => Err(fail(io_error_text(&io::ErrorKind::Unsupported.into()))),
    }
}

/// Returns whether the file has other hard links, which keep the old text when it is replaced.
pub fn has_other_names(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| os::names(&metadata) > 1)
}

/// Rejects a text that is too large to be read again.
pub fn refuse_too_large(text: &Secret, path: &Path, working_folder: &Path) -> Result<(), Error> {
    Budget::default().take(text).map_err(|why| Error::Write {
        path: display_path(path, working_folder),
        cause: format!("the new text exceeds a limit: {why}"),
        help: "the file is unchanged; select fewer keys with `--only`, or make the file smaller".into(),
    })
}

/// Returns the path with links resolved, unless it is in a git directory.
pub(super) fn may_be_written(path: &Path) -> Result<PathBuf, String> {
    let resolved = resolve(path)?;
    if resolved.links.iter().chain([&resolved.end]).any(|path| is_in_git_dir(path)) {
        return Err("it is inside a git directory".to_owned());
    }
    Ok(resolved.end)
}

/// Returns whether the file is read-only, by its mode or its file system.
pub fn is_read_only(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| os::is_read_only(path, &metadata))
}

/// Resolves the links of the path. A read-only file is rejected, because a rename would bypass its mode.
fn target(path: &Path) -> Result<PathBuf, String> {
    let end = may_be_written(path)?;
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && os::is_read_only(&end, &metadata) => Err("it is read-only".to_owned()),
        Ok(metadata) if metadata.is_file() => path.canonicalize().map_err(|error| io_error_text(&error)),
        Ok(metadata) => Err(format!("it is {}, not a file", kind(metadata.file_type()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.symlink_metadata() {
            // Replacing the link would leave two files with different values.
            Ok(_) => Err("it is a broken symbolic link".to_owned()),
            Err(_) => Ok(path.to_owned()),
        },
        Err(error) => Err(io_error_text(&error)),
    }
}

fn is_still(target: &Path, expected: Option<&Secret>) -> Result<bool, String> {
    match (read_text(target, ENV_FILE_LIMIT), expected) {
        (ReadOutcome::Text(text), Some(expected)) => Ok(text == *expected),
        (ReadOutcome::Missing, None) => Ok(true),
        (ReadOutcome::Text(_), None) | (ReadOutcome::Missing, Some(_)) => Ok(false),
        (ReadOutcome::Unusable(why), _) => Err(why),
    }
}

/// When the new text gets a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// Once it is written and flushed. A process that is killed before leaves nothing.
    Late,
    /// From the beginning, if the file system does not support unnamed files.
    Early,
}

/// Why the file was not replaced.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Unnamed files are not supported.
    Unnamed,
    Because(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Because(error)
    }
}

/// A new text for a file.
pub(super) struct Replacement<'r> {
    /// The file, with all links resolved.
    pub(super) target: &'r Path,
    /// The text that the file must still have; `None` expects no file.
    pub(super) expected: Option<&'r Secret>,
    pub(super) new: &'r Secret,
    /// The state directory, see [`Folders::state`].
    pub(super) state: Option<&'r Path>,
}

impl Replacement<'_> {
    pub(super) fn apply(&self, naming: Naming) -> Result<Replaced, Stopped> {
        let folder = folder_of(self.target);
        let (mut file, scratch) = match naming {
            Naming::Late => (os::open_unnamed(folder).map_err(|_| Stopped::Unnamed)?, None),
            Naming::Early => {
                let scratch = Scratch::beside(self.target, self.state)?;
                (os::create_own(&scratch.text())?, Some(scratch))
            }
        };
        file.write_all(self.new.expose().as_bytes())?;
        let lost = match self.expected {
            Some(_) => os::copy_metadata(&file, &os::open_no_link(self.target)?)?,
            None => Vec::new(),
        };
        file.sync_all()?;
        if !is_still(self.target, self.expected).map_err(io::Error::other)? {
            return Ok(Replaced::Conflict);
        }
        let taken = self.take_name(&file, scratch)?;
        // Flush the rename, too. Some file systems don't support this.
        drop(os::sync_folder(folder));
        Ok(match taken {
            RenameOutcome::No => Replaced::Conflict,
            RenameOutcome::Yes if lost.is_empty() => Replaced::Done,
            RenameOutcome::Yes => Replaced::Without(lost),
        })
    }

    /// Gives the new text the file's name. Without `scratch`, the new text has no name yet.
    fn take_name(&self, file: &File, scratch: Option<Scratch>) -> Result<RenameOutcome, Stopped> {
        let target = self.target;
        match (self.expected, scratch) {
            (None, None) => named(os::name_unnamed(file, target), Naming::Late),
            (None, Some(scratch)) => named(link_new(&scratch.text(), target), Naming::Early),
            (Some(expected), Some(scratch)) => Ok(take_place(scratch, target, expected)?),
            (Some(expected), None) => {
                let scratch = Scratch::beside(target, self.state)?;
                os::name_unnamed(file, &scratch.text()).map_err(|_| Stopped::Unnamed)?;
                Ok(take_place(scratch, target, expected)?)
            }
        }
    }
}

/// Whether the new text has taken the file's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RenameOutcome {
    Yes,
    /// Another process has created or changed the file.
    No,
}

/// Gives the text the new file's name. If the file system has no hard links, checks the target first.
fn link_new(text: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(text, target) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && target.symlink_metadata().is_err() => {
            fs::rename(text, target)
        }
        done => done,
    }
}

/// Converts the result of naming a new file. A file that another process has just created is not lost.
fn named(linked: io::Result<()>, naming: Naming) -> Result<RenameOutcome, Stopped> {
    match linked {
        Ok(()) => Ok(RenameOutcome::Yes),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(RenameOutcome::No),
        Err(_) if naming == Naming::Late => Err(Stopped::Unnamed),
        Err(error) => Err(error.into()),
    }
}

/// Exchanges the new text and the file, then checks the replaced text. A last-moment edit is restored.
pub(super) fn take_place(scratch: Scratch, target: &Path, expected: &Secret) -> io::Result<RenameOutcome> {
    let text = scratch.text();
    if os::exchange(&text, target).is_err() {
        // Not supported by every file system. An edit between the last check and the rename is lost.
        return fs::rename(&text, target).map(|()| RenameOutcome::Yes);
    }
    let is_file = text.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    if is_file && matches!(read_text(&text, ENV_FILE_LIMIT), ReadOutcome::Text(text) if text == *expected) {
        return Ok(RenameOutcome::Yes);
    }
    match os::exchange(&text, target).or_else(|_| fs::rename(&text, target)) {
        Ok(()) => Ok(RenameOutcome::No),
        Err(error) => Err(io::Error::new(error.kind(), format!("the previous file is {}", scratch.keep().display()))),
    }
}
