//! Windows: access lists instead of modes, inherited from the directory. Files in the user's profile are private
//! because of that, and the lists are not checked.

use std::fs::{DirBuilder, File, FileType, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::drift::model::file_exposure::Readers;
use crate::io::os::FileMode;

/// The variable with the base directory for state, and its default below the home directory.
pub(in crate::io) const STATE: (&str, &str) = ("LOCALAPPDATA", "AppData/Local");

/// The same for caches, and the name of doctor's directory in it: Windows has one base directory for both.
pub(in crate::io) const CACHE: (&str, &str, &str) = ("LOCALAPPDATA", "AppData/Local", "railway-doctor/cache");

/// Does nothing: new files inherit their access list.
pub(in crate::io) fn set_mode(_: &mut tempfile::Builder<'_, '_>, _: FileMode) {}

/// Does nothing, like [`set_mode`].
pub(in crate::io) fn set_private(_: &mut DirBuilder) {}

/// Does nothing: files in the user's profile are private.
#[expect(clippy::unnecessary_wraps, reason = "modes can fail to be set")]
pub(in crate::io) fn close(_: &Path, _: &Metadata, _: FileMode) -> io::Result<()> {
    Ok(())
}

/// Files in the user's profile belong to the user.
pub(in crate::io) fn is_owned_by_user(_: &Metadata) -> bool {
    true
}

/// Files in the user's profile are private.
pub(in crate::io) fn others_can_write(_: &Metadata) -> bool {
    false
}

/// Files in the user's profile are private.
pub(in crate::io) fn everybody_can_write(_: &Metadata) -> bool {
    false
}

/// Copies the read-only attribute, which is not part of the access list.
pub(in crate::io) fn copy_metadata(file: &File, like: &File) -> io::Result<Vec<String>> {
    file.set_permissions(like.metadata()?.permissions()).map(|()| Vec::new())
}

/// Not supported: every file has a name.
pub(in crate::io) fn open_unnamed(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not supported, like [`open_unnamed`].
pub(in crate::io) fn name_unnamed(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Creates a file, which must not exist.
pub(in crate::io) fn create_own(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Not supported.
pub(in crate::io) fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The number of names of a file is not known.
pub(in crate::io) fn names(_: &Metadata) -> u64 {
    1
}

/// Returns whether the file was last modified over a minute ago: a running process writes its file more often.
pub(in crate::io) fn try_lock(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|at| std::time::SystemTime::now().duration_since(at).ok());
    age.is_none_or(|age| age > std::time::Duration::from_secs(60))
}

/// Does nothing: Windows has no Ctrl-\.
pub(in crate::io) fn before_quit(_: impl Fn() + Send + 'static) {}

/// There is no mode, and only the owner can read the file.
pub(in crate::io) fn readers(_: &Path, _: &Metadata) -> (Option<u32>, Readers) {
    (None, Readers::Owner)
}

/// git runs every hook that starts with `#!`.
pub(in crate::io) fn is_executable(_: &Metadata) -> bool {
    true
}

/// Does nothing: a directory can't be opened as a file, and the file system's journal covers a rename.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on other platforms")]
pub(in crate::io) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Directories contain no pipes or devices.
pub(in crate::io) fn special(_: FileType) -> Option<&'static str> {
    None
}

/// Directories contain no pipes.
pub(in crate::io) fn is_stream(_: FileType) -> bool {
    false
}

/// Opens a file for reading.
pub(in crate::io) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a file like [`open`]: creating links requires a privilege that few users have.
pub(in crate::io) fn open_no_link(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a file for appending, and creates it if it is missing.
pub(in crate::io) fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// A console has no path in a directory.
pub(in crate::io) fn is_terminal(_: &Path, _: FileType) -> bool {
    false
}

/// Files are identified by their paths.
pub(in crate::io) fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Returns whether the file has the read-only attribute.
pub(in crate::io) fn is_read_only(_: &Path, metadata: &Metadata) -> bool {
    metadata.permissions().readonly()
}

/// Returns the path for bytes that git printed, which are UTF-8.
pub(in crate::io) fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Does nothing: the user can disable crash reports.
pub(in crate::io) fn disable_core_dumps() {}

/// Does nothing: Windows has no limit on the size of files.
pub(in crate::io) fn survive_file_limit() {}

/// The memory is not measured; the limits on each input apply.
pub(in crate::io) fn memory() -> Option<u64> {
    None
}

/// The prompt library sets and restores the mode of the console.
pub(in crate::io) struct TerminalMode;

impl TerminalMode {
    pub(in crate::io) fn read() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the mode is part of it on other platforms")]
    pub(in crate::io) fn silence(&self) {}

    #[expect(clippy::unused_self, reason = "the mode is part of it on other platforms")]
    pub(in crate::io) fn restore(&self) {}
}

/// Does nothing: only unsafe functions discard the input of a console.
pub(in crate::io) fn discard_input() {}
