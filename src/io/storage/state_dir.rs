//! The folder for what `doctor` remembers between runs: the user's own, closed to others, and written to in whole files.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::io::io_error_text::io_error_text;
use crate::io::os::{self, FileMode};

/// The longest file that is read, in bytes: a record holds the texts of `.env` files before and after.
const LIMIT: u64 = 256 * 1024 * 1024;

/// What a file of the folder holds.
pub(in crate::io) struct StoredContent(pub(in crate::io) Zeroizing<Vec<u8>>);

/// What became of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io) enum Placed {
    /// It is there, whole.
    Now,
    /// Another one has that name, and was left alone.
    ThereAlready,
}

/// What the folder is opened for: the words of its errors.
#[derive(Clone, Copy, Debug)]
pub(in crate::io) struct Purpose {
    /// What can't be read: `the journal`.
    pub(in crate::io) what: &'static str,
    /// What could not be written.
    pub(in crate::io) cannot: &'static str,
    /// What to do instead, after "name another in `XDG_STATE_HOME`".
    pub(in crate::io) instead: &'static str,
}

/// The folder; it need not be there yet.
#[derive(Debug)]
pub(in crate::io) struct Folder {
    path: PathBuf,
    purpose: Purpose,
}

impl Folder {
    /// Returns the folder that [`crate::io::storage::journal::state_folder`] names.
    pub(in crate::io) fn new(path: PathBuf, purpose: Purpose) -> Self {
        Self { path, purpose }
    }

    /// Returns the path of a file in it, as it is shown.
    pub(in crate::io) fn shown(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// Makes the folder if it is not there, and closes it to others.
    pub(in crate::io) fn make(&self) -> Result<(), Error> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        os::make_own(&mut builder);
        // A link in its place is looked at below, and not through.
        if self.path.symlink_metadata().is_err() {
            builder.create(&self.path).map_err(|error| self.cannot_write(&error))?;
        }
        self.check()
    }

    /// Returns whether the folder is there. One that others can change is closed to them if it is ours, and an error if
    /// not.
    pub(in crate::io) fn is_there(&self) -> Result<FilePresence, Error> {
        match self.path.symlink_metadata() {
            Ok(_) => self.check().map(|()| FilePresence::There),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FilePresence::Missing),
            Err(error) => Err(self.unreadable(&self.path, &io_error_text(&error))),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let metadata =
            self.path.symlink_metadata().map_err(|error| self.unreadable(&self.path, &io_error_text(&error)))?;
        let wrong = if metadata.is_symlink() {
            Some("it is a link, and what it leads to may be anybody's")
        } else if !metadata.is_dir() {
            Some("it is not a folder")
        } else if !os::is_ours(&metadata) {
            Some("it belongs to another user")
        } else {
            None
        };
        match wrong {
            Some(wrong) => Err(self.unreadable(&self.path, wrong)),
            None => self.close(&self.path, &metadata, FileMode::OwnFolder),
        }
    }

    /// Reads a file of the folder; none if there is none.
    pub(in crate::io) fn read(&self, name: &str) -> Result<Option<StoredContent>, Error> {
        self.read_up_to(name, LIMIT)
    }

    /// Returns the same for a file of which it is known how long it may be.
    pub(in crate::io) fn read_up_to(&self, name: &str, limit: u64) -> Result<Option<StoredContent>, Error> {
        if self.is_there()? == FilePresence::Missing {
            return Ok(None);
        }
        let path = self.path.join(name);
        let fail = |wrong: &str| self.unreadable(&path, wrong);
        let metadata = match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| fail(&io_error_text(&error)))?,
        };
        if !metadata.is_file() {
            return Err(fail("it is not a file"));
        } else if !os::is_ours(&metadata) {
            return Err(fail("it belongs to another user"));
        } else if metadata.len() > limit {
            return Err(fail("it is too large"));
        }
        self.close(&path, &metadata, FileMode::OwnFile)?;
        let length = usize::try_from(metadata.len()).unwrap_or(0);
        let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
        let read = |bytes: &mut Vec<u8>| File::open(&path)?.take(limit).read_to_end(bytes);
        read(&mut bytes).map_err(|error| fail(&io_error_text(&error)))?;
        Ok(Some(StoredContent(bytes)))
    }

    /// Writes a new file in one step. The folder is made if need be.
    pub(in crate::io) fn place(&self, name: &str, bytes: &[u8]) -> Result<Placed, Error> {
        self.make()?;
        if bytes.len() as u64 > LIMIT {
            // It could never be read again.
            return Err(self.cannot_write(&io::ErrorKind::FileTooLarge.into()));
        }
        self.write(name, bytes).map_err(|error| self.cannot_write(&error))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<Placed> {
        // `tempfile` makes files for the user alone: 0600. The name is the file's, so that a rest of a run that was cut
        // short goes away with the file's own time.
        let mut file = tempfile::Builder::new().prefix(&format!(".{name}.")).tempfile_in(&self.path)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(self.path.join(name)) {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Placed::ThereAlready),
            other => other.map_err(|error| error.error)?,
        };
        // The name has to be on disk before anything is changed that only this file can put back.
        os::sync_folder(&self.path)?;
        Ok(Placed::Now)
    }

    /// Writes a file in one step, in the place of the one that has its name. It may be lost with the power.
    pub(in crate::io) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.make()?;
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(&format!(".{name}.")).tempfile_in(&self.path)?;
            file.write_all(bytes)?;
            file.persist(self.path.join(name)).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| self.cannot_write(&error))
    }

    /// Returns the names in the folder that are Unicode text.
    pub(in crate::io) fn names(&self) -> Result<Vec<String>, Error> {
        if self.is_there()? == FilePresence::Missing {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&self.path).map_err(|error| self.unreadable(&self.path, &io_error_text(&error)))?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    /// Removes a file, if it can be.
    pub(in crate::io) fn remove(&self, name: &str) {
        // What can't be removed stays as unreadable to others as it was, and is tried again after the next run.
        drop(fs::remove_file(self.path.join(name)));
    }

    fn close(&self, path: &Path, metadata: &Metadata, mode: FileMode) -> Result<(), Error> {
        os::close(path, metadata, mode)
            .map_err(|error| self.unreadable(path, &format!("others can read it: {}", io_error_text(&error))))
    }

    /// Returns the error for a folder that can't be written to.
    pub(in crate::io) fn cannot_write(&self, error: &io::Error) -> Error {
        Error::Journal {
            what: self.purpose.cannot.to_owned(),
            cause: format!("{}: {}", self.path.display(), io_error_text(error)),
            help: format!("make room for that folder, name another in XDG_STATE_HOME, or {}", self.purpose.instead),
        }
    }

    fn unreadable(&self, path: &Path, wrong: &str) -> Error {
        Error::Journal {
            what: format!("can't use {} for {}", path.display(), self.purpose.what),
            cause: wrong.to_owned(),
            help: format!("look at {}, or {}", self.path.display(), self.purpose.instead),
        }
    }
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io) enum FilePresence {
    There,
    Missing,
}
