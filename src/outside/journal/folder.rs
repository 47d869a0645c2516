//! The journal's folder: the user's own, closed to others, and written to in whole files.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::outside::files::why;

/// The longest file that is read, in bytes: a record holds the texts of `.env` files before and after.
const LIMIT: u64 = 256 * 1024 * 1024;

/// What a file of the journal holds.
pub(super) struct Content(pub(super) Zeroizing<Vec<u8>>);

/// What became of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is there, whole.
    Now,
    /// Another one has that name, and was left alone.
    ThereAlready,
}

/// The folder; it need not be there yet.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The path of a file in it, as it is shown.
    pub(super) fn shown(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Makes the folder if it is not there, and closes it to others.
    pub(super) fn make(&self) -> Result<(), Error> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        // A link in its place is looked at below, and not through.
        if self.0.symlink_metadata().is_err() {
            builder.create(&self.0).map_err(|error| self.cannot_write(&error))?;
        }
        self.check()
    }

    /// Whether the folder is there. One that others can change is closed to them if it is ours, and an error if not.
    pub(super) fn is_there(&self) -> Result<Presence, Error> {
        match self.0.symlink_metadata() {
            Ok(_) => self.check().map(|()| Presence::There),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Presence::Missing),
            Err(error) => Err(self.unreadable(&self.0, &why(&error))),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let metadata = self.0.symlink_metadata().map_err(|error| self.unreadable(&self.0, &why(&error)))?;
        let wrong = if metadata.is_symlink() {
            Some("it is a link, and what it leads to may be anybody's")
        } else if !metadata.is_dir() {
            Some("it is not a folder")
        } else if !is_ours(&metadata) {
            Some("it belongs to another user")
        } else {
            None
        };
        match wrong {
            Some(wrong) => Err(self.unreadable(&self.0, wrong)),
            None => self.close(&self.0, &metadata, 0o700),
        }
    }

    /// Reads a file of the folder; none if there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<Content>, Error> {
        if self.is_there()? == Presence::Missing {
            return Ok(None);
        }
        let path = self.0.join(name);
        let fail = |wrong: &str| self.unreadable(&path, wrong);
        let metadata = match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| fail(&why(&error)))?,
        };
        if !metadata.is_file() {
            return Err(fail("it is not a file"));
        } else if !is_ours(&metadata) {
            return Err(fail("it belongs to another user"));
        } else if metadata.len() > LIMIT {
            return Err(fail("it is too large"));
        }
        self.close(&path, &metadata, 0o600)?;
        let length = usize::try_from(metadata.len()).unwrap_or(0);
        let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
        let read = |bytes: &mut Vec<u8>| File::open(&path)?.take(LIMIT).read_to_end(bytes);
        read(&mut bytes).map_err(|error| fail(&why(&error)))?;
        Ok(Some(Content(bytes)))
    }

    /// Writes a new file in one step. The folder is made if need be.
    pub(super) fn place(&self, name: &str, bytes: &[u8]) -> Result<Placed, Error> {
        self.make()?;
        self.write(name, bytes).map_err(|error| self.cannot_write(&error))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<Placed> {
        // `tempfile` makes files for the user alone: 0600. The name is the file's, so that a rest of a run that was cut
        // short goes away with the file's own time.
        let mut file = tempfile::Builder::new().prefix(&format!(".{name}.")).tempfile_in(&self.0)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(self.0.join(name)) {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Placed::ThereAlready),
            other => other.map_err(|error| error.error)?,
        };
        // The name has to be on disk before anything is changed that only this file can put back.
        #[cfg(unix)]
        File::open(&self.0)?.sync_all()?;
        Ok(Placed::Now)
    }

    /// The names in the folder that are Unicode text.
    pub(super) fn names(&self) -> Result<Vec<String>, Error> {
        if self.is_there()? == Presence::Missing {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&self.0).map_err(|error| self.unreadable(&self.0, &why(&error)))?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    /// Removes a file, if it can be.
    pub(super) fn remove(&self, name: &str) {
        // What can't be removed stays as unreadable to others as it was, and is tried again after the next run.
        drop(fs::remove_file(self.0.join(name)));
    }

    /// Takes away what others may do with it.
    #[cfg(unix)]
    fn close(&self, path: &Path, metadata: &Metadata, mode: u32) -> Result<(), Error> {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            let closed = fs::set_permissions(path, fs::Permissions::from_mode(mode));
            closed.map_err(|error| self.unreadable(path, &format!("others can read it: {}", why(&error))))?;
        }
        Ok(())
    }

    /// Elsewhere, what is in the user's profile is closed to others by what it inherits.
    #[cfg(not(unix))]
    fn close(&self, _path: &Path, _metadata: &Metadata, _mode: u32) -> Result<(), Error> {
        Ok(())
    }

    /// The error for a journal that can't be written to.
    pub(super) fn cannot_write(&self, error: &io::Error) -> Error {
        Error::Journal {
            what: "can't record what is about to change".to_owned(),
            why: format!("{}: {}", self.0.display(), why(error)),
            next: "make room for that folder, name another in XDG_STATE_HOME, or pass --no-journal to do without undo"
                .to_owned(),
        }
    }

    fn unreadable(&self, path: &Path, wrong: &str) -> Error {
        Error::Journal {
            what: format!("can't use {} for the journal", path.display()),
            why: wrong.to_owned(),
            next: format!("look at {}, or pass --no-journal to do without undo", self.0.display()),
        }
    }
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    Missing,
}

#[cfg(unix)]
fn is_ours(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Elsewhere, the folder is the user's by where it is.
#[cfg(not(unix))]
fn is_ours(_metadata: &Metadata) -> bool {
    true
}
