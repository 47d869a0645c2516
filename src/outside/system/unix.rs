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

use crate::drift::exposure::Readers;
use crate::outside::system::Mode;

/// The variable with the folder for what programs remember, and that folder below the home folder.
pub(in crate::outside) const STATE: (&str, &str) = ("XDG_STATE_HOME", ".local/state");

/// The same for what only saves time, and the name of ours in there.
pub(in crate::outside) const CACHE: (&str, &str, &str) = ("XDG_CACHE_HOME", ".cache", "railway-doctor");

impl Mode {
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
pub(in crate::outside) fn make_with(builder: &mut tempfile::Builder<'_, '_>, mode: Mode) {
    builder.permissions(Permissions::from_mode(mode.bits()));
}

/// Makes folders for the user alone.
pub(in crate::outside) fn make_own(builder: &mut DirBuilder) {
    builder.mode(Mode::OwnFolder.bits());
}

/// Takes away what others may do with it.
pub(in crate::outside) fn close(path: &Path, metadata: &Metadata, mode: Mode) -> io::Result<()> {
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(mode.bits()))?;
    }
    Ok(())
}

/// Whether it is the user's.
pub(in crate::outside) fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Whether another user can change it: by its mode, or because it is another user's, who can set the mode. A group with its
/// user's own number has that one member. In a sticky directory, only a file's owner replaces it.
pub(in crate::outside) fn others_can_write(metadata: &Metadata) -> bool {
    let is_group_open = metadata.mode() & 0o020 != 0 && metadata.gid() != metadata.uid() && !is_sticky(metadata);
    let is_anothers = !is_ours(metadata) && metadata.uid() != 0;
    is_group_open || is_anothers || everybody_can_write(metadata)
}

/// Whether its mode lets every user change it.
pub(in crate::outside) fn everybody_can_write(metadata: &Metadata) -> bool {
    metadata.mode() & 0o002 != 0 && !is_sticky(metadata)
}

fn is_sticky(metadata: &Metadata) -> bool {
    metadata.is_dir() && metadata.mode() & 0o1000 != 0
}

/// Whether the file belongs to whom the files belong that this process makes: on a network's file system that may be nobody.
pub(in crate::outside) fn is_made_by_us(metadata: &Metadata) -> bool {
    let own = tempfile::tempfile().and_then(|file| file.metadata());
    own.is_ok_and(|own| own.uid() == metadata.uid())
}

/// Gives a file the owner and the mode of another one.
pub(in crate::outside) fn dress(file: &File, like: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    let same = (own.uid(), own.gid()) == (like.uid(), like.gid());
    // Where the owner can't be kept, what was meant for another group is for none.
    let kept = same || fchown(file, Some(like.uid()), Some(like.gid())).is_ok();
    let mode = like.mode() & if kept { 0o7777 } else { 0o700 };
    file.set_permissions(Permissions::from_mode(mode))
}

/// The mode, and who can read it by that. A mode lets nobody in whom a folder above keeps out. A group with its user's own
/// number has that one member.
pub(in crate::outside) fn readers(end: &Path, metadata: &Metadata) -> (Option<u32>, Readers) {
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

/// Whether the system would run it.
pub(in crate::outside) fn is_executable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o111 != 0
}

/// Has the names in a folder reach the disk.
pub(in crate::outside) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// What neither is a file nor a folder, in words.
pub(in crate::outside) fn special(file_type: FileType) -> Option<&'static str> {
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

/// Whether another program writes it while it is read.
pub(in crate::outside) fn is_stream(file_type: FileType) -> bool {
    file_type.is_fifo()
}

/// Opens a file to read it, and waits for nobody: a pipe may have taken its place.
pub(in crate::outside) fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), OFlags::NONBLOCK | OFlags::NOCTTY, path)
}

/// The same, and a link that has taken its place is an error.
pub(in crate::outside) fn open_no_link(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW, path)
}

/// Opens a file to write below what is in it, and makes it if it is missing; neither a link nor a pipe.
pub(in crate::outside) fn open_to_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    open_with(options.append(true).create(true), OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW, path)
}

fn open_with(options: &mut OpenOptions, flags: OFlags, path: &Path) -> io::Result<File> {
    // The bits of `open` are those of a C `int`.
    options.custom_flags(flags.bits().cast_signed()).open(path)
}

/// Whether what stands there is a terminal. It is opened only if it can be one, and without becoming this process's.
pub(in crate::outside) fn is_terminal(path: &Path, file_type: FileType) -> bool {
    let opened = || open_with(OpenOptions::new().write(true), OFlags::NONBLOCK | OFlags::NOCTTY, path);
    file_type.is_char_device() && opened().is_ok_and(|file| io::IsTerminal::is_terminal(&file))
}

/// What tells one file from all others, whatever its names.
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
pub(in crate::outside) fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    Some((metadata.dev(), metadata.ino()))
}

/// Whether its owner has said that it is not to be written, or the system would refuse it.
pub(in crate::outside) fn is_read_only(path: &Path, metadata: &Metadata) -> bool {
    metadata.mode() & 0o200 == 0 || rustix::fs::access(path, Access::WRITE_OK).is_err()
}

/// A path as git writes it.
pub(in crate::outside) fn path_of(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// Has a crash leave no image of the memory, where the values are. A limit alone does not bind a system that hands images to
/// a program; Linux makes none of a process that no other one may look into. Where it is refused, a run goes on as before.
pub(in crate::outside) fn keep_no_image() {
    setrlimit(Resource::Core, Rlimit { current: Some(0), ..getrlimit(Resource::Core) }).unwrap_or(());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).unwrap_or(());
}

/// Has a write beyond the limit on the size of files (`ulimit -f`) fail, where the system would end the process. Threads that
/// are started later inherit it.
pub(in crate::outside) fn survive_file_limit() {
    SigSet::from_iter([Signal::SIGXFSZ]).thread_block().unwrap_or(());
}

/// The memory that the process takes, in bytes; `None` where the system does not tell.
pub(in crate::outside) fn memory() -> Option<u64> {
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
pub(in crate::outside) struct TerminalMode(Option<Termios>);

impl TerminalMode {
    /// The mode of standard input at this moment, if that is a terminal.
    pub(in crate::outside) fn read() -> Self {
        Self(termios::tcgetattr(io::stdin()).ok())
    }

    /// Puts it back.
    pub(in crate::outside) fn restore(&self) {
        // In the background the terminal is somebody else's, and the system stops whoever sets its mode from there.
        if let Some(mode) = &self.0
            && termios::tcgetpgrp(io::stdin()) == Ok(rustix::process::getpgrp())
        {
            termios::tcsetattr(io::stdin(), OptionalActions::Now, mode).unwrap_or(());
        }
    }
}
