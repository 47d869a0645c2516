//! A private directory for the state of `doctor`, in which files are written atomically.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::io::io_error_text::io_error_text;
use crate::io::os::{self, FileMode};

/// The maximum size of a file, in bytes. A record contains `.env` files before and after the change.
const LIMIT: u64 = 256 * 1024 * 1024;

/// The content of a file, which is zeroed when it is dropped.
pub(in crate::io) struct StoredContent(pub(in crate::io) Zeroizing<Vec<u8>>);

/// The outcome of placing a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io) enum Placed {
    /// The file was written.
    Now,
    /// A file with that name exists, and was not changed.
    AlreadyExists,
}

/// The texts of the errors, which depend on the use of the directory.
#[derive(Clone, Copy, Debug)]
pub(in crate::io) struct Purpose {
    /// What the directory contains: `the journal`.
    pub(in crate::io) what: &'static str,
    /// The message if a file can't be written.
    pub(in crate::io) cannot: &'static str,
    /// The last alternative of a help text.
    pub(in crate::io) instead: &'static str,
}

/// A directory, which may not exist yet.
#[derive(Debug)]
pub(in crate::io) struct PrivateDir {
    path: PathBuf,
    purpose: Purpose,
}

impl PrivateDir {
    pub(in crate::io) fn new(path: PathBuf, purpose: Purpose) -> Self {
        Self { path, purpose }
    }

    /// Returns the path of a file in the directory, for messages.
    pub(in crate::io) fn shown(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// Creates the directory if it is missing, and makes it private.
    pub(in crate::io) fn make(&self) -> Result<(), Error> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        os::set_private(&mut builder);
        // A link is checked below, not followed.
        if self.path.symlink_metadata().is_err() {
            builder.create(&self.path).map_err(|error| self.cannot_write(&error))?;
        }
        self.check()
    }

    /// Opens the directory, to lock it, and creates it if it is missing. `None` if the system can't open directories.
    pub(in crate::io) fn open(&self) -> Result<Option<File>, Error> {
        self.make()?;
        Ok(File::open(&self.path).ok())
    }

    /// Returns whether the directory exists, and makes it private. A directory of another user is an error.
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
            Some("it is a symbolic link")
        } else if !metadata.is_dir() {
            Some("it is not a directory")
        } else if !os::is_owned_by_user(&metadata) {
            Some("it belongs to another user")
        } else {
            None
        };
        match wrong {
            Some(wrong) => Err(self.unreadable(&self.path, wrong)),
            None => self.close(&self.path, &metadata, FileMode::OwnFolder),
        }
    }

    /// Reads a file. Returns `None` if it does not exist.
    pub(in crate::io) fn read(&self, name: &str) -> Result<Option<StoredContent>, Error> {
        self.read_up_to(name, LIMIT)
    }

    /// Reads a file like [`Self::read`], with a size limit.
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
        } else if !os::is_owned_by_user(&metadata) {
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

    /// Writes a new file atomically. The directory is created if it is missing.
    pub(in crate::io) fn place(&self, name: &str, bytes: &[u8]) -> Result<Placed, Error> {
        self.make()?;
        if bytes.len() as u64 > LIMIT {
            // `read` would refuse it.
            return Err(self.cannot_write(&io::ErrorKind::FileTooLarge.into()));
        }
        self.write(name, bytes).map_err(|error| self.cannot_write(&error))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<Placed> {
        // `tempfile` creates files with mode 0600. The prefix is the file's name, so that the temporary file of an
        // aborted run expires with it.
        let mut file = tempfile::Builder::new().prefix(&format!(".{name}.")).tempfile_in(&self.path)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(self.path.join(name)) {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Placed::AlreadyExists),
            other => other.map_err(|error| error.error)?,
        };
        // The directory entry must be on disk before a change that only this file can undo.
        os::sync_folder(&self.path)?;
        Ok(Placed::Now)
    }

    /// Writes a file atomically, and replaces an existing one. It is not synced to disk.
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

    /// Returns the names of the files, except those that are not Unicode.
    pub(in crate::io) fn names(&self) -> Result<Vec<String>, Error> {
        if self.is_there()? == FilePresence::Missing {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&self.path).map_err(|error| self.unreadable(&self.path, &io_error_text(&error)))?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    /// Removes a file, and ignores errors.
    pub(in crate::io) fn remove(&self, name: &str) {
        // The file stays private, and the next run tries again.
        drop(fs::remove_file(self.path.join(name)));
    }

    fn close(&self, path: &Path, metadata: &Metadata, mode: FileMode) -> Result<(), Error> {
        let cause = |error| format!("failed to restrict its permissions: {}", io_error_text(&error));
        os::close(path, metadata, mode).map_err(|error| self.unreadable(path, &cause(error)))
    }

    /// Returns the error for a file that can't be written.
    pub(in crate::io) fn cannot_write(&self, error: &io::Error) -> Error {
        Error::Journal {
            what: self.purpose.cannot.to_owned(),
            cause: format!("{}: {}", self.path.display(), io_error_text(error)),
            help: format!(
                "check its permissions and free space, set XDG_STATE_HOME to another directory, or {}",
                self.purpose.instead
            )
            .into(),
        }
    }

    fn unreadable(&self, path: &Path, wrong: &str) -> Error {
        Error::Journal {
            what: format!("failed to access {} in {}", self.purpose.what, path.display()),
            cause: wrong.to_owned(),
            help: format!("check {}, or {}", self.path.display(), self.purpose.instead).into(),
        }
    }
}

/// Whether the directory exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io) enum FilePresence {
    There,
    Missing,
}
