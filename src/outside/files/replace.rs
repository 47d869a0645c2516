//! Replaces a `.env` in one step: whoever reads it meanwhile has the whole old text or the whole new one.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::drift::Secret;
use crate::error::Error;
use crate::outside::files::place::{is_gits_own, resolve};
use crate::outside::files::{Budget, ENV_FILE_LIMIT, Reading, display_path, kind, read_text, why};
use crate::outside::system;

/// How the file is called that is about to replace a `.env`: any rule that keeps `.env*` or `.env.*` out of git, an image
/// or a sync covers it, too.
pub(super) const PREFIX: &str = ".env.doctor-";

/// How many letters and digits follow.
const RANDOM: usize = 12;

/// What is younger may belong to a run that is under way.
const LEFTOVER_AGE: Duration = Duration::from_secs(60);

/// How a replacement ended that was no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Replaced {
    /// The new text is there, and on the disk.
    Done,
    /// The file is not what it was expected to be: somebody else has changed it, and nothing was written.
    Conflict,
}

/// Replaces the file's text by `new`, if it is still `expected`; `None` expects no file.
///
/// A symbolic link is followed and stays. The mode stays, and a new file is its owner's alone.
pub fn replace(path: &Path, expected: Option<&Secret>, new: &Secret, working_folder: &Path) -> Result<Replaced, Error> {
    let path = &working_folder.join(path);
    let fail = |why: String| Error::Write {
        path: display_path(path, working_folder),
        why,
        next: "nothing in it was changed: mend that, then run it again".to_owned(),
    };
    refuse_too_large(new, path, working_folder)?;
    let target = target(path).map_err(fail)?;
    if !is_still(&target, expected).map_err(fail)? {
        return Ok(Replaced::Conflict);
    }
    put(&target, expected, new).map_err(|error| fail(why(&error)))
}

/// Refuses a text that could not be read again once it is the file's.
pub fn refuse_too_large(text: &Secret, path: &Path, working_folder: &Path) -> Result<(), Error> {
    Budget::default().take(text).map_err(|why| Error::Write {
        path: display_path(path, working_folder),
        why: format!("the new text could not be read again: {why}"),
        next: "select fewer keys with `--only`, or make the file smaller; nothing was changed".to_owned(),
    })
}

/// The end of the path's links, if it is none of git's own files.
pub(super) fn may_be_written(path: &Path) -> Result<PathBuf, String> {
    let resolved = resolve(path)?;
    if resolved.links.iter().chain([&resolved.end]).any(|path| is_gits_own(path)) {
        return Err("git keeps its own files there".to_owned());
    }
    Ok(resolved.end)
}

/// Whether the file is not to be written, by its mode or by the system.
pub fn is_read_only(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| system::is_read_only(path, &metadata))
}

/// Removes what a killed run has left of a replacement in a folder: regular files of ours, of exactly such a name, that
/// have lain there for a while.
pub fn clear_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let left = is_leftover_name(&entry.file_name())
            && entry.path().symlink_metadata().is_ok_and(|metadata| is_leftover(&metadata));
        if left {
            // Whoever can't remove it now will try again at the next start.
            drop(fs::remove_file(entry.path()));
        }
    }
}

fn is_leftover_name(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn is_leftover(metadata: &Metadata) -> bool {
    let old = metadata.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
    metadata.is_file() && system::is_made_by_us(metadata) && old.is_some_and(|age| age > LEFTOVER_AGE)
}

/// The file at the end of all links, if it may be replaced: a new name would go round a file's own mode.
fn target(path: &Path) -> Result<PathBuf, String> {
    let end = may_be_written(path)?;
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && system::is_read_only(&end, &metadata) => {
            Err("it is read-only".to_owned())
        }
        Ok(metadata) if metadata.is_file() => path.canonicalize().map_err(|error| why(&error)),
        Ok(metadata) => Err(format!("it is {}, not a file", kind(metadata.file_type()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.symlink_metadata() {
            // A new file in the place of the link would leave two truths.
            Ok(_) => Err("it is a symbolic link that leads nowhere".to_owned()),
            Err(_) => Ok(path.to_owned()),
        },
        Err(error) => Err(why(&error)),
    }
}

fn is_still(target: &Path, expected: Option<&Secret>) -> Result<bool, String> {
    match (read_text(target, ENV_FILE_LIMIT), expected) {
        (Reading::Text(text), Some(expected)) => Ok(text == *expected),
        (Reading::Missing, None) => Ok(true),
        (Reading::Text(_), None) | (Reading::Missing, Some(_)) => Ok(false),
        (Reading::Unusable(why), _) => Err(why),
    }
}

fn put(target: &Path, expected: Option<&Secret>, new: &Secret) -> io::Result<Replaced> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Its own mode is 0600 from the first byte on; dropping it removes it.
    let mut file = builder.prefix(PREFIX).rand_bytes(RANDOM).tempfile_in(folder)?;
    file.write_all(new.reveal().as_bytes())?;
    if expected.is_some() {
        system::dress(file.as_file(), &fs::metadata(target)?)?;
    }
    file.as_file().sync_all()?;
    if !is_still(target, expected).map_err(io::Error::other)? {
        return Ok(Replaced::Conflict);
    }
    let persisted = match expected {
        Some(_) => file.persist(target),
        // What somebody has put there in this moment is not lost.
        None => file.persist_noclobber(target),
    };
    match persisted {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Replaced::Conflict),
        Err(error) => return Err(error.error),
    }
    // The rename itself has to reach the disk; some file systems can't be asked to.
    drop(system::sync_folder(folder));
    Ok(Replaced::Done)
}
