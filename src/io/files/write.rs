//! Writes a file atomically.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::Error;
use crate::io::files::display_path;
use crate::io::io_error_text::io_error_text;
use crate::io::os::{self, FileMode};

/// Writes a file completely, or leaves it unchanged. A symbolic link is followed and kept.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_bytes(path, bytes)
        .map_err(|error| Error::Output { path: path.display().to_string(), cause: io_error_text(&error) })
}

/// The outcome of creating a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Created {
    /// The file was created.
    Now,
    /// The path already exists, possibly as a broken link, and is unchanged.
    ThereAlready,
}

/// Creates a file atomically. Never replaces a file, and never follows a link.
pub fn create(path: &Path, text: &str, working_folder: &Path) -> Result<Created, Error> {
    let put = || -> io::Result<Created> {
        let mut file = new_beside(path)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::ThereAlready),
            Err(error) => return Err(error.error),
        }
        // Flush the directory entry, too. Some file systems don't support this.
        drop(File::open(folder_of(path)).and_then(|folder| folder.sync_all()));
        Ok(Created::Now)
    };
    put().map_err(|error| Error::Write {
        path: display_path(path, working_folder),
        cause: io_error_text(&error),
        help: "nothing was written; fix this and try again".into(),
    })
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn write_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (target, permissions) = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => (path.canonicalize()?, Some(metadata.permissions())),
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => return Err(io::Error::other("not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(error),
    };
    let mut file = new_beside(&target)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// Returns a temporary file in the directory of `path`. It is removed when dropped.
fn new_beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    os::set_mode(&mut builder, FileMode::File);
    builder.prefix(".doctor-").tempfile_in(folder_of(path))
}
