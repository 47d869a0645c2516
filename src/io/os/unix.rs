//! Unix: modes, owners, terminal settings.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, FileType, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::sys::signal::{SigSet, Signal};
use rustix::fs::{Access, OFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::termios::{self, LocalModes, OptionalActions, QueueSelector, Termios};

use crate::drift::model::file_exposure::Readers;
use crate::io::os::FileMode;

/// The variable with the base directory for state, and its default below the home directory.
pub(in crate::io) const STATE: (&str, &str) = ("XDG_STATE_HOME", ".local/state");

/// The same for caches, and the name of doctor's directory in it.
pub(in crate::io) const CACHE: (&str, &str, &str) = ("XDG_CACHE_HOME", ".cache", "railway-doctor");

impl FileMode {
    fn bits(self) -> u32 {
        match self {
            Self::OwnFolder => 0o700,
            Self::OwnFile => 0o600,
            Self::File => 0o666,
            Self::Program => 0o777,
        }
    }
}

/// Sets the mode of a temporary file or directory, which is private by default.
pub(in crate::io) fn set_mode(builder: &mut tempfile::Builder<'_, '_>, mode: FileMode) {
    builder.permissions(Permissions::from_mode(mode.bits()));
}

/// Makes new directories private.
pub(in crate::io) fn set_private(builder: &mut DirBuilder) {
    builder.mode(FileMode::OwnFolder.bits());
}

/// Removes the permissions of other users.
pub(in crate::io) fn close(path: &Path, metadata: &Metadata, mode: FileMode) -> io::Result<()> {
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(mode.bits()))?;
    }
    Ok(())
}

/// Returns whether the current user owns the file.
pub(in crate::io) fn is_owned_by_user(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Returns whether another user can change the file: by its mode, or as its owner, who can set the mode. A group with
/// the same id as the owner has no other members. In a sticky directory, only the owner can replace a file.
pub(in crate::io) fn others_can_write(metadata: &Metadata) -> bool {
    let is_group_open = metadata.mode() & 0o020 != 0 && metadata.gid() != metadata.uid() && !is_sticky(metadata);
    let is_anothers = !is_owned_by_user(metadata) && metadata.uid() != 0;
    is_group_open || is_anothers || everybody_can_write(metadata)
}

/// Returns whether the mode lets every user change the file.
pub(in crate::io) fn everybody_can_write(metadata: &Metadata) -> bool {
    metadata.mode() & 0o002 != 0 && !is_sticky(metadata)
}

fn is_sticky(metadata: &Metadata) -> bool {
    metadata.is_dir() && metadata.mode() & 0o1000 != 0
}

/// Copies the owner and the mode of another file.
fn copy_owner_and_mode(file: &File, like: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    let same = (own.uid(), own.gid()) == (like.uid(), like.gid());
    // If the owner can't be kept, the permissions of the group are dropped: it is another group.
    let kept = same || fchown(file, Some(like.uid()), Some(like.gid())).is_ok();
    let mode = like.mode() & if kept { 0o7777 } else { 0o700 };
    file.set_permissions(Permissions::from_mode(mode))
}

/// Returns the mode, and who can read the file. The directories above must be passable, too. A group with the same id
/// as the owner has no other members.
pub(in crate::io) fn readers(end: &Path, metadata: &Metadata) -> (Option<u32>, Readers) {
    let passable = |bits: u32| {
        let mut folders = end.ancestors().skip(1);
        folders.all(|folder| fs::metadata(folder).is_ok_and(|metadata| metadata.mode() & bits != 0))
    };
    let mode = metadata.mode() & 0o777;
    let readers = if mode & 0o004 != 0 && passable(0o001) {
        Readers::Everybody
    } else if mode & 0o040 != 0 && metadata.gid() != metadata.uid() && passable(0o011) {
        Readers::Group
    } else {
        Readers::Owner
    };
    (Some(mode), readers)
}

/// Returns whether the file is executable.
pub(in crate::io) fn is_executable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o111 != 0
}

/// Syncs the entries of a directory to disk.
pub(in crate::io) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Describes a file type other than a file, a directory and a link.
pub(in crate::io) fn special(file_type: FileType) -> Option<&'static str> {
    if file_type.is_fifo() {
        Some("a pipe")
    } else if file_type.is_socket() {
        Some("a socket")
    } else if file_type.is_char_device() || file_type.is_block_device() {
        Some("a device")
    } else {
        None
    }
}

/// Returns whether another program may write the file while it is read.
pub(in crate::io) fn is_stream(file_type: FileType) -> bool {
    file_type.is_fifo()
}

/// Opens a file for reading, without blocking if a pipe has taken its place.
pub(in crate::io) fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), OFlags::NONBLOCK | OFlags::NOCTTY, path)
}

/// Opens a file like [`open`]; a link in its place is an error.
pub(in crate::io) fn open_no_link(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW, path)
}

/// Opens a file for appending, and creates it if it is missing. A link or a pipe in its place is an error.
pub(in crate::io) fn open_to_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    open_with(options.append(true).create(true), OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW, path)
}

fn open_with(options: &mut OpenOptions, flags: OFlags, path: &Path) -> io::Result<File> {
    // The flags of `open` are a C `int`.
    options.custom_flags(flags.bits().cast_signed()).open(path)
}

/// Returns whether the path is a terminal. It is opened only if it is a character device, and does not become the
/// controlling terminal.
pub(in crate::io) fn is_terminal(path: &Path, file_type: FileType) -> bool {
    let opened = || open_with(OpenOptions::new().write(true), OFlags::NONBLOCK | OFlags::NOCTTY, path);
    file_type.is_char_device() && opened().is_ok_and(|file| io::IsTerminal::is_terminal(&file))
}

/// Creates a private file without a name in the file system of that directory. Only Linux supports this, and not on
/// every file system.
pub(in crate::io) fn open_unnamed(folder: &Path) -> io::Result<File> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::fs::{CWD, Mode as Bits, openat};
        use std::os::fd::OwnedFd;
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file: OwnedFd = openat(CWD, folder, flags, Bits::RUSR | Bits::WUSR)?;
        own(file.into())
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = folder;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Links a file without a name to a path, which must not exist.
pub(in crate::io) fn name_unnamed(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    use std::os::fd::AsRawFd;
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, own, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// Creates a private file, which must not exist.
pub(in crate::io) fn create_own(path: &Path) -> io::Result<File> {
    own(OpenOptions::new().read(true).write(true).create_new(true).mode(FileMode::OwnFile.bits()).open(path)?)
}

/// Makes a new file readable for its owner, which a umask may prevent.
fn own(file: File) -> io::Result<File> {
    file.set_permissions(Permissions::from_mode(FileMode::OwnFile.bits()))?;
    Ok(file)
}

/// Exchanges two files atomically.
pub(in crate::io) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        let _ = (one, other);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The maximum length of the list of extended attributes, and of each value, in bytes.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
const ATTRIBUTE: usize = 64 * 1024;

/// The attribute with the access list of a file on Linux.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Copies the owner, the mode, the access list and the extended attributes of another file. Returns the names of the
/// attributes that could not be copied.
pub(in crate::io) fn copy_metadata(file: &File, like: &File) -> io::Result<Vec<String>> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
        // A new file inherits the access list of its directory, which the other file may not have.
        let _ = fremovexattr(file, ACCESS_LIST);
        copy_owner_and_mode(file, &like.metadata()?)?;
        let mut names = vec![0; ATTRIBUTE];
        // A file system without attributes returns an error here.
        let length = flistxattr(like, names.as_mut_slice()).unwrap_or(0);
        let mut lost = Vec::new();
        for name in names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            let mut value = vec![0; ATTRIBUTE];
            let copied = fgetxattr(like, name, value.as_mut_slice())
                .and_then(|length| fsetxattr(file, name, &value[..length], XattrFlags::empty()));
            if copied.is_err() {
                lost.push(String::from_utf8_lossy(name).into_owned());
            }
        }
        Ok(lost)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        copy_owner_and_mode(file, &like.metadata()?).map(|()| Vec::new())
    }
}

/// Returns the number of names (hard links) of a file.
pub(in crate::io) fn names(metadata: &Metadata) -> u64 {
    metadata.nlink()
}

/// Locks a file until this process closes it. Returns whether no other process has it locked.
pub(in crate::io) fn try_lock(file: &File) -> bool {
    rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Runs `clean_up` before Ctrl-\ ends the process. A separate thread waits for the signal. This must be called before
/// other threads start, so that they have it blocked.
pub(in crate::io) fn before_quit(clean_up: impl Fn() + Send + 'static) {
    use nix::sys::signal::{SigSet, Signal, raise};
    let mut quit = SigSet::empty();
    quit.add(Signal::SIGQUIT);
    if quit.thread_block().is_err() {
        return;
    }
    let waiting = std::thread::Builder::new().spawn(move || {
        if quit.wait().is_ok() {
            clean_up();
            // Unblocked in this thread, the signal has its default effect.
            let _ = quit.thread_unblock().and_then(|()| raise(Signal::SIGQUIT));
        }
    });
    if waiting.is_err() {
        let _ = quit.thread_unblock();
    }
}

/// Returns the identity of a file, independent of its path.
#[expect(clippy::unnecessary_wraps, reason = "`None` on other platforms")]
pub(in crate::io) fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    Some((metadata.dev(), metadata.ino()))
}

/// Returns whether the owner has no write permission, or the system would refuse a write.
pub(in crate::io) fn is_read_only(path: &Path, metadata: &Metadata) -> bool {
    metadata.mode() & 0o200 == 0 || rustix::fs::access(path, Access::WRITE_OK).is_err()
}

/// Returns the path for bytes that git printed.
pub(in crate::io) fn path_of(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// Disables core dumps, which would contain values. The resource limit alone has no effect if the system pipes core
/// dumps to a program; Linux writes none for a process that is not dumpable. Errors are ignored.
pub(in crate::io) fn disable_core_dumps() {
    setrlimit(Resource::Core, Rlimit { current: Some(0), ..getrlimit(Resource::Core) }).unwrap_or(());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).unwrap_or(());
}

/// Makes a write beyond the file size limit (`ulimit -f`) fail instead of ending the process. Threads that are started
/// later inherit this.
pub(in crate::io) fn survive_file_limit() {
    SigSet::from_iter([Signal::SIGXFSZ]).thread_block().unwrap_or(());
}

/// Returns the resident memory of the process in bytes, or `None` if the platform does not provide it.
pub(in crate::io) fn memory() -> Option<u64> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // The total size, then the resident size, both in pages.
        let pages = fs::read_to_string("/proc/self/statm").ok()?;
        let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
        Some(resident * rustix::param::page_size() as u64)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    None
}

/// The mode of the terminal. An interrupted prompt would leave it without echo.
pub(in crate::io) struct TerminalMode(Option<Termios>);

impl TerminalMode {
    /// Reads the mode of standard input, if that is a terminal.
    pub(in crate::io) fn read() -> Self {
        Self(termios::tcgetattr(io::stdin()).ok())
    }

    /// Turns off echo and line editing. The prompt library does so only while it waits for a key, so the terminal would
    /// show what arrives between two keys, such as the rest of a pasted token.
    pub(in crate::io) fn silence(&self) {
        let Some(mode) = &self.0 else { return };
        let mut silent = mode.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        set_mode_of_input(&silent);
    }

    pub(in crate::io) fn restore(&self) {
        if let Some(mode) = &self.0 {
            set_mode_of_input(mode);
        }
    }
}

fn set_mode_of_input(mode: &Termios) {
    // A process in the background would be stopped for setting the mode.
    if termios::tcgetpgrp(io::stdin()) == Ok(rustix::process::getpgrp()) {
        termios::tcsetattr(io::stdin(), OptionalActions::Now, mode).unwrap_or(());
    }
}

/// Discards what was typed at the terminal and not read yet.
pub(in crate::io) fn discard_input() {
    termios::tcflush(io::stdin(), QueueSelector::IFlush).unwrap_or(());
}
