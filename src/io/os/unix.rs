//! Linux, macOS and the like: modes, owners, terminal settings.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, FileType, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::sys::signal::{SigSet, Signal};
use rustix::fs::{Access, OFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::termios::{self, OptionalActions, Termios};

use crate::drift::model::file_exposure::Readers;
use crate::io::os::FileMode;

/// The variable with the folder for what programs remember, and that folder below the home folder.
pub(in crate::io) const STATE: (&str, &str) = ("XDG_STATE_HOME", ".local/state");

/// The same for what only saves time, and the name of ours in there.
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

/// Sets the mode of a temporary file or folder that is to be made; otherwise it is the user's alone.
pub(in crate::io) fn make_with(builder: &mut tempfile::Builder<'_, '_>, mode: FileMode) {
    builder.permissions(Permissions::from_mode(mode.bits()));
}

/// Makes folders for the user alone.
pub(in crate::io) fn make_own(builder: &mut DirBuilder) {
    builder.mode(FileMode::OwnFolder.bits());
}

/// Takes away what others may do with it.
pub(in crate::io) fn close(path: &Path, metadata: &Metadata, mode: FileMode) -> io::Result<()> {
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(mode.bits()))?;
    }
    Ok(())
}

/// Returns whether it is the user's.
pub(in crate::io) fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Returns whether another user can change it: by its mode, or because it is another user's, who can set the mode. A
/// group with its user's own number has that one member. In a sticky directory, only a file's owner replaces it.
pub(in crate::io) fn others_can_write(metadata: &Metadata) -> bool {
    let is_group_open = metadata.mode() & 0o020 != 0 && metadata.gid() != metadata.uid() && !is_sticky(metadata);
    let is_anothers = !is_ours(metadata) && metadata.uid() != 0;
    is_group_open || is_anothers || everybody_can_write(metadata)
}

/// Returns whether its mode lets every user change it.
pub(in crate::io) fn everybody_can_write(metadata: &Metadata) -> bool {
    metadata.mode() & 0o002 != 0 && !is_sticky(metadata)
}

fn is_sticky(metadata: &Metadata) -> bool {
    metadata.is_dir() && metadata.mode() & 0o1000 != 0
}

/// Gives a file the owner and the mode of another one.
fn dress(file: &File, like: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    let same = (own.uid(), own.gid()) == (like.uid(), like.gid());
    // Where the owner can't be kept, what was meant for another group is for none.
    let kept = same || fchown(file, Some(like.uid()), Some(like.gid())).is_ok();
    let mode = like.mode() & if kept { 0o7777 } else { 0o700 };
    file.set_permissions(Permissions::from_mode(mode))
}

/// Returns the mode, and who can read it by that. A mode lets nobody in whom a folder above keeps out. A group with its
/// user's own number has that one member.
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

/// Returns whether the system would run it.
pub(in crate::io) fn is_executable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o111 != 0
}

/// Has the names in a folder reach the disk.
pub(in crate::io) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Returns what neither is a file nor a folder, in words.
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

/// Returns whether another program writes it while it is read.
pub(in crate::io) fn is_stream(file_type: FileType) -> bool {
    file_type.is_fifo()
}

/// Opens a file to read it, and waits for nobody: a pipe may have taken its place.
pub(in crate::io) fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), OFlags::NONBLOCK | OFlags::NOCTTY, path)
}

/// Returns the same, and a link that has taken its place is an error.
pub(in crate::io) fn open_no_link(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW, path)
}

/// Opens a file to write below what is in it, and makes it if it is missing; neither a link nor a pipe.
pub(in crate::io) fn open_to_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    open_with(options.append(true).create(true), OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW, path)
}

fn open_with(options: &mut OpenOptions, flags: OFlags, path: &Path) -> io::Result<File> {
    // The bits of `open` are those of a C `int`.
    options.custom_flags(flags.bits().cast_signed()).open(path)
}

/// Returns whether what stands there is a terminal. It is opened only if it can be one, and without becoming this
/// process's.
pub(in crate::io) fn is_terminal(path: &Path, file_type: FileType) -> bool {
    let opened = || open_with(OpenOptions::new().write(true), OFlags::NONBLOCK | OFlags::NOCTTY, path);
    file_type.is_char_device() && opened().is_ok_and(|file| io::IsTerminal::is_terminal(&file))
}

/// Makes a file that has no name, for the user alone, in the file system of that folder. Only Linux has such files, and not
/// in every file system.
pub(in crate::io) fn open_unnamed(folder: &Path) -> io::Result<File> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::fs::{CWD, Mode as Bits, openat};
        use std::os::fd::OwnedFd;
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file: OwnedFd = openat(CWD, folder, flags, Bits::RUSR | Bits::WUSR)?;
        Ok(file.into())
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = folder;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Gives a file without a name this one, which nothing has yet.
pub(in crate::io) fn name_unnamed(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    use std::os::fd::AsRawFd;
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, own, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// Makes a file for the user alone, where nothing is yet.
pub(in crate::io) fn create_own(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(FileMode::OwnFile.bits()).open(path)
}

/// Has two files take each other's name in one step.
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

/// The longest list of extended attributes, and the longest of their values, that are kept.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
const ATTRIBUTE: usize = 64 * 1024;

/// The access list of a file, as Linux keeps it.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Gives a file the owner, the mode, the access list and the extended attributes of another one; the names of those
/// attributes that it can't have.
pub(in crate::io) fn dress_like(file: &File, like: &File) -> io::Result<Vec<String>> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
        // What the folder gives to new files is not what this one had.
        let _ = fremovexattr(file, ACCESS_LIST);
        dress(file, &like.metadata()?)?;
        let mut names = vec![0; ATTRIBUTE];
        // A file system without attributes has none to lose.
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
        dress(file, &like.metadata()?).map(|()| Vec::new())
    }
}

/// Returns the names that a file has.
pub(in crate::io) fn names(metadata: &Metadata) -> u64 {
    metadata.nlink()
}

/// Locks a file for as long as this process has it open; whether nobody else has.
pub(in crate::io) fn try_lock(file: &File) -> bool {
    rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Has Ctrl-\ clean up before it ends the process as it always does. It waits in a thread of its own, and no other thread
/// hears the signal: this is called before there is one.
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
            // Unblocked in this thread, it does what it does anyway.
            let _ = quit.thread_unblock().and_then(|()| raise(Signal::SIGQUIT));
        }
    });
    if waiting.is_err() {
        let _ = quit.thread_unblock();
    }
}

/// Returns what tells one file from all others, whatever its names.
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
pub(in crate::io) fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    Some((metadata.dev(), metadata.ino()))
}

/// Returns whether its owner has said that it is not to be written, or the system would refuse it.
pub(in crate::io) fn is_read_only(path: &Path, metadata: &Metadata) -> bool {
    metadata.mode() & 0o200 == 0 || rustix::fs::access(path, Access::WRITE_OK).is_err()
}

/// Returns a path as git writes it.
pub(in crate::io) fn path_of(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// Has a crash leave no image of the memory, where the values are. A limit alone does not bind a system that hands images to
/// a program; Linux makes none of a process that no other one may look into. Where it is refused, a run goes on as before.
pub(in crate::io) fn keep_no_image() {
    setrlimit(Resource::Core, Rlimit { current: Some(0), ..getrlimit(Resource::Core) }).unwrap_or(());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).unwrap_or(());
}

/// Has a write beyond the limit on the size of files (`ulimit -f`) fail, where the system would end the process. Threads that
/// are started later inherit it.
pub(in crate::io) fn survive_file_limit() {
    SigSet::from_iter([Signal::SIGXFSZ]).thread_block().unwrap_or(());
}

/// Returns the memory that the process takes, in bytes; `None` where the system does not tell.
pub(in crate::io) fn memory() -> Option<u64> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // Total size, then what of it is in memory, both in pages.
        let pages = fs::read_to_string("/proc/self/statm").ok()?;
        let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
        Some(resident * rustix::param::page_size() as u64)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    None
}

/// How the terminal reads keys: a question that is cut short would leave it without echo.
pub(in crate::io) struct TerminalMode(Option<Termios>);

impl TerminalMode {
    /// Returns the mode of standard input at this moment, if that is a terminal.
    pub(in crate::io) fn read() -> Self {
        Self(termios::tcgetattr(io::stdin()).ok())
    }

    /// Puts it back.
    pub(in crate::io) fn restore(&self) {
        // In the background the terminal is somebody else's, and the system stops whoever sets its mode from there.
        if let Some(mode) = &self.0
            && termios::tcgetpgrp(io::stdin()) == Ok(rustix::process::getpgrp())
        {
            termios::tcsetattr(io::stdin(), OptionalActions::Now, mode).unwrap_or(());
        }
    }
}
