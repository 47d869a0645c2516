//! What systems do differently: who may read a file, whose it is, what can be run, what a crash leaves, how a terminal
//! reads keys.
//!
//! Everything else of `doctor` is the same everywhere. Two systems differ in two more places, which are libraries': the keyring
//! (Secret Service, Keychain, Credential Manager), and the console, whose escapes Windows has understood since version 10.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(super) use other::*;
#[cfg(unix)]
pub(super) use unix::*;

/// The mode of a file or folder that is the user's alone, of one that the umask decides on, and of a program. Only modes are
/// numbers: where there are access lists, what is made inherits that of its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A folder for the user alone.
    OwnFolder,
    /// A file for the user alone.
    OwnFile,
    /// What a shell's `>` asks for; the umask takes its part away.
    File,
    /// A program for everybody, as git's own sample hooks; the umask takes its part away.
    Program,
}
