//! Writes a whole file in one step.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::error::Error;
use crate::outside::files::why;

/// Writes a result: the whole file, or nothing.
///
/// A link is followed and stays; a device or pipe (`/dev/null`, `/dev/stdout`) is written to as it is.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_bytes(path, bytes).map_err(|error| Error::Output { path: path.display().to_string(), why: why(&error) })
}

/// Refuses a path that [`write_whole`] could not write, without leaving anything there.
pub fn refuse_unwritable(path: &Path) -> Result<(), Error> {
    let fail = |error: io::Error| Error::Output { path: path.display().to_string(), why: why(&error) };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(fail(io::ErrorKind::IsADirectory.into())),
        Ok(metadata) if !metadata.is_file() => Ok(()),
        _ => tempfile::Builder::new().prefix(".doctor-").tempfile_in(folder_of(path)).map(drop).map_err(fail),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (target, permissions) = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => (path.canonicalize()?, Some(metadata.permissions())),
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => return OpenOptions::new().write(true).open(path)?.write_all(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(error),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What a shell's `>` would ask for; the user's umask takes its part away.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".doctor-").tempfile_in(folder_of(&target))?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}
