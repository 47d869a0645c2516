//! Platform differences: permissions and owners of files, executables, crash dumps, terminal modes.
//!
//! The rest of `doctor` is the same on all platforms. Libraries cover two more differences: the keyring (Secret
//! Service, Keychain, Credential Manager), and the console, whose escape sequences Windows supports since version 10.

use std::io;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use crate::io::io_error_text::io_error_text;

/// The stack size of a probing thread, in bytes.
const PROBE_STACK: usize = 64 << 10;

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(super) use crate::io::os::other::*;
#[cfg(unix)]
pub(super) use crate::io::os::unix::*;

/// The mode of a new file or directory. On systems with access lists, it is ignored: new files inherit the list of
/// their directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileMode {
    /// A private directory.
    OwnFolder,
    /// A private file.
    OwnFile,
    /// A file as a shell's `>` creates it; the umask applies.
    File,
    /// A program for all users, such as git's sample hooks; the umask applies.
    Program,
}

/// Fails if the system can't run that many threads at the same time, because some libraries panic if they can't start
/// one. Other processes may use them up in the meantime, but this detects a low limit.
pub(super) fn probe_threads(count: usize) -> Result<(), String> {
    // Each of them waits until the sender is dropped.
    let (running, ended) = mpsc::channel::<()>();
    let ended = Arc::new(Mutex::new(ended));
    let start = || {
        let ended = Arc::clone(&ended);
        let wait = move || drop(ended.lock().map(|ended| ended.recv()));
        thread::Builder::new().stack_size(PROBE_STACK).spawn(wait)
    };
    let mut started: Vec<_> = (0..count).map(|_| start()).collect();
    drop(running);
    let failed = started.iter().position(Result::is_err).map(|first| started.remove(first));
    // Joined, so that their threads are available again.
    started.into_iter().flatten().for_each(|thread| drop(thread.join()));
    match failed {
        Some(Err(error)) => Err(thread_error_text(&error)),
        _ => Ok(()),
    }
}

/// Returns why a thread could not be started.
pub(super) fn thread_error_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock => "the limit on processes and threads is reached".to_owned(),
        _ => io_error_text(error),
    }
}
