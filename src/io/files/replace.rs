//! Replaces a `.env` in one step: whoever reads it meanwhile has the whole old text or the whole new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::drift::Secret;
use crate::error::Error;
use crate::io::files::follow_links::resolve;
use crate::io::files::locate::is_gits_own;
use crate::io::files::temporary::Scratch;
use crate::io::files::write::folder_of;
use crate::io::files::{Budget, ENV_FILE_LIMIT, ReadOutcome, display_path, kind, read_text};
use crate::io::io_error_text::io_error_text;
use crate::io::os;

/// How a replacement ended that was no error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Replaced {
    /// The new text is there, and on the disk.
    Done,
    /// The same, and the file has lost these extended attributes.
    Without(Vec<String>),
    /// The file is not what it was expected to be: somebody else has changed it, and nothing was written.
    Conflict,
}

/// The folders that a replacement goes by.
#[derive(Clone, Copy, Debug)]
pub struct Folders<'f> {
    /// The working folder, which relative paths start from.
    pub working: &'f Path,
    /// Where a record leads the next start to what a killed run has left; none where nothing can be kept.
    pub state: Option<&'f Path>,
}

/// Replaces the file's text by `new`, if it is still `expected`; `None` expects no file.
///
/// A symbolic link is followed and stays. Mode, owner, access list and extended attributes stay, and a new file is its owner's
/// alone. A hard link to it keeps the old text.
pub fn replace(path: &Path, expected: Option<&Secret>, new: &Secret, folders: Folders<'_>) -> Result<Replaced, Error> {
    let path = &folders.working.join(path);
    let fail = |why: String| Error::Write {
        path: display_path(path, folders.working),
        cause: why,
        help: "nothing in it was changed: mend that, then run it again".to_owned(),
    };
    refuse_too_large(new, path, folders.working)?;
    let target = target(path).map_err(fail)?;
    if !is_still(&target, expected).map_err(fail)? {
        return Ok(Replaced::Conflict);
    }
    let replacement = Replacement { target: &target, expected, new, state: folders.state };
    let done = match replacement.apply(Naming::Late) {
        // The file system has no files without a name.
        Err(Stopped::Unnamed) => replacement.apply(Naming::Early),
        done => done,
    };
    match done {
        Ok(replaced) => Ok(replaced),
        Err(Stopped::Because(error)) => Err(fail(io_error_text(&error))),
        Err(Stopped::Unnamed) => Err(fail(io_error_text(&io::ErrorKind::Unsupported.into()))),
    }
}

/// Returns whether other names of the file keep the old text when it is replaced.
pub fn has_other_names(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| os::names(&metadata) > 1)
}

/// Refuses a text that could not be read again once it is the file's.
pub fn refuse_too_large(text: &Secret, path: &Path, working_folder: &Path) -> Result<(), Error> {
    Budget::default().take(text).map_err(|why| Error::Write {
        path: display_path(path, working_folder),
        cause: format!("the new text could not be read again: {why}"),
        help: "select fewer keys with `--only`, or make the file smaller; nothing was changed".to_owned(),
    })
}

/// Returns the end of the path's links, if it is none of git's own files.
pub(super) fn may_be_written(path: &Path) -> Result<PathBuf, String> {
    let resolved = resolve(path)?;
    if resolved.links.iter().chain([&resolved.end]).any(|path| is_gits_own(path)) {
        return Err("git keeps its own files there".to_owned());
    }
    Ok(resolved.end)
}

/// Returns whether the file is not to be written, by its mode or by the system.
pub fn is_read_only(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| os::is_read_only(path, &metadata))
}

/// Returns the file at the end of all links, if it may be replaced: a new name would go round a file's own mode.
fn target(path: &Path) -> Result<PathBuf, String> {
    let end = may_be_written(path)?;
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && os::is_read_only(&end, &metadata) => Err("it is read-only".to_owned()),
        Ok(metadata) if metadata.is_file() => path.canonicalize().map_err(|error| io_error_text(&error)),
        Ok(metadata) => Err(format!("it is {}, not a file", kind(metadata.file_type()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.symlink_metadata() {
            // A new file in the place of the link would leave two truths.
            Ok(_) => Err("it is a symbolic link that leads nowhere".to_owned()),
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

/// When the new text gets a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// Once it is whole and on the disk: what is killed before leaves nothing.
    Late,
    /// From the beginning, where there is no other way.
    Early,
}

/// Why nothing was replaced.
#[derive(Debug)]
pub(super) enum Stopped {
    /// There can be no file without a name.
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
    /// The file itself, at the end of all links.
    pub(super) target: &'r Path,
    /// The text that the file must still have; `None` expects no file.
    pub(super) expected: Option<&'r Secret>,
    pub(super) new: &'r Secret,
    /// Where a record leads the next start to what a killed run has left.
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
            Some(_) => os::dress_like(&file, &os::open_no_link(self.target)?)?,
            None => Vec::new(),
        };
        file.sync_all()?;
        if !is_still(self.target, self.expected).map_err(io::Error::other)? {
            return Ok(Replaced::Conflict);
        }
        let taken = self.take_name(&file, scratch)?;
        // The rename itself has to reach the disk; some file systems can't be asked to.
        drop(os::sync_folder(folder));
        Ok(match taken {
            NameTaken::No => Replaced::Conflict,
            NameTaken::Yes if lost.is_empty() => Replaced::Done,
            NameTaken::Yes => Replaced::Without(lost),
        })
    }

    /// Gives the new text the file's name. Without `scratch`, the new text has no name yet.
    fn take_name(&self, file: &File, scratch: Option<Scratch>) -> Result<NameTaken, Stopped> {
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
pub(super) enum NameTaken {
    Yes,
    /// Somebody else was faster.
    No,
}

/// Gives the text the new file's name. A file system without links has no other way than to look first.
fn link_new(text: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(text, target) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && target.symlink_metadata().is_err() => {
            fs::rename(text, target)
        }
        done => done,
    }
}

/// Returns what came of giving a new file its name. What somebody has put there in this moment is not lost.
fn named(linked: io::Result<()>, naming: Naming) -> Result<NameTaken, Stopped> {
    match linked {
        Ok(()) => Ok(NameTaken::Yes),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(NameTaken::No),
        Err(_) if naming == Naming::Late => Err(Stopped::Unnamed),
        Err(error) => Err(error.into()),
    }
}

/// Has the new text and the file take each other's name, and looks at what came out: an edit of the last moment goes back.
pub(super) fn take_place(scratch: Scratch, target: &Path, expected: &Secret) -> io::Result<NameTaken> {
    let text = scratch.text();
    if os::exchange(&text, target).is_err() {
        // Not every file system can; the moment between the last look and this stays.
        return fs::rename(&text, target).map(|()| NameTaken::Yes);
    }
    let is_file = text.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    if is_file && matches!(read_text(&text, ENV_FILE_LIMIT), ReadOutcome::Text(text) if text == *expected) {
        return Ok(NameTaken::Yes);
    }
    match os::exchange(&text, target).or_else(|_| fs::rename(&text, target)) {
        Ok(()) => Ok(NameTaken::No),
        Err(error) => Err(io::Error::new(error.kind(), format!("what was there is in {}", scratch.keep().display()))),
    }
}
