//! Windows: access lists in the place of modes, inherited from the folder. What is below the user's profile is closed to
//! others by that, and the lists themselves are not looked at.

use std::fs::{DirBuilder, File, FileType, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::drift::model::file_exposure::Readers;
use crate::io::os::FileMode;

/// The variable with the folder for what programs remember, and that folder below the home folder.
pub(in crate::io) const STATE: (&str, &str) = ("LOCALAPPDATA", "AppData/Local");

/// The same for what only saves time, and the name of ours in there: the system has one folder for both.
pub(in crate::io) const CACHE: (&str, &str, &str) = ("LOCALAPPDATA", "AppData/Local", "railway-doctor/cache");

/// What is made inherits its access list.
pub(in crate::io) fn make_with(_: &mut tempfile::Builder<'_, '_>, _: FileMode) {}

/// What is made inherits its access list.
pub(in crate::io) fn make_own(_: &mut DirBuilder) {}

/// What is in the user's profile is closed to others by what it inherits.
#[expect(clippy::unnecessary_wraps, reason = "modes can fail to be set")]
pub(in crate::io) fn close(_: &Path, _: &Metadata, _: FileMode) -> io::Result<()> {
    Ok(())
}

/// What is in the user's profile is the user's by its location.
pub(in crate::io) fn is_ours(_: &Metadata) -> bool {
    true
}

/// As [`is_ours`].
pub(in crate::io) fn others_can_write(_: &Metadata) -> bool {
    false
}

/// As [`is_ours`].
pub(in crate::io) fn everybody_can_write(_: &Metadata) -> bool {
    false
}

/// Keeps the one thing that is no access list: whether it may be written to.
pub(in crate::io) fn dress_like(file: &File, like: &File) -> io::Result<Vec<String>> {
    file.set_permissions(like.metadata()?.permissions()).map(|()| Vec::new())
}

/// Every file has a name here.
pub(in crate::io) fn open_unnamed(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// As [`open_unnamed`].
pub(in crate::io) fn name_unnamed(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Makes a file where nothing is yet.
pub(in crate::io) fn create_own(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Names are not exchanged here.
pub(in crate::io) fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The number of names of a file is not known here.
pub(in crate::io) fn names(_: &Metadata) -> u64 {
    1
}

/// A process that runs keeps its file young; older ones are left behind.
pub(in crate::io) fn try_lock(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|at| std::time::SystemTime::now().duration_since(at).ok());
    age.is_none_or(|age| age > std::time::Duration::from_secs(60))
}

/// There is no Ctrl-\ here.
pub(in crate::io) fn before_quit(_: impl Fn() + Send + 'static) {}

/// No mode, and nobody else.
pub(in crate::io) fn readers(_: &Path, _: &Metadata) -> (Option<u32>, Readers) {
    (None, Readers::Owner)
}

/// git runs what begins with `#!`.
pub(in crate::io) fn is_executable(_: &Metadata) -> bool {
    true
}

/// A folder can't be opened as a file here; a rename reaches the disk with the file system's own journal.
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(in crate::io) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Pipes and devices have no place in a folder.
pub(in crate::io) fn special(_: FileType) -> Option<&'static str> {
    None
}

/// Pipes have no place in a folder.
pub(in crate::io) fn is_stream(_: FileType) -> bool {
    false
}

/// Opens a file to read it.
pub(in crate::io) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// As [`open`]: links need a right here that few have.
pub(in crate::io) fn open_no_link(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a file to write below what is in it, and makes it if it is missing.
pub(in crate::io) fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// A console has no path in a folder.
pub(in crate::io) fn is_terminal(_: &Path, _: FileType) -> bool {
    false
}

/// Files are told apart by their paths.
pub(in crate::io) fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Returns whether it is marked as not to be written.
pub(in crate::io) fn is_read_only(_: &Path, metadata: &Metadata) -> bool {
    metadata.permissions().readonly()
}

/// Returns a path as git writes it: in UTF-8.
pub(in crate::io) fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Reports of crashes are the user's to turn off.
pub(in crate::io) fn keep_no_image() {}

/// Windows has no limit on the size of files.
pub(in crate::io) fn survive_file_limit() {}

/// The memory is not measured here: the limits on each input apply, and the system's own.
pub(in crate::io) fn memory() -> Option<u64> {
    None
}

/// The console's mode is set and put back by the library that asks.
pub(in crate::io) struct TerminalMode;

impl TerminalMode {
    /// Nothing to remember.
    pub(in crate::io) fn read() -> Self {
        Self
    }

    /// Nothing to put back.
    #[expect(clippy::unused_self, reason = "elsewhere the mode is in it")]
    pub(in crate::io) fn restore(&self) {}
}
