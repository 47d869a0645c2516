//! What systems do differently: who may read a file, whose it is, what can be run, what a crash leaves, how a terminal
//! reads keys.
//!
//! Everything else of `doctor` is the same everywhere. Two systems differ in two more places, which are libraries': the keyring
//! (Secret Service, Keychain, Credential Manager), and the console, whose escapes Windows has understood since version 10.

use std::io;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use crate::io::io_error_text::io_error_text;

/// The stack of a thread that does nothing, in bytes.
const PROBE_STACK: usize = 64 << 10;

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(super) use crate::io::os::other::*;
#[cfg(unix)]
pub(super) use crate::io::os::unix::*;

/// The mode of a file or folder that is the user's alone, of one that the umask decides on, and of a program. Only modes are
/// numbers: where there are access lists, what is made inherits that of its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileMode {
    /// A folder for the user alone.
    OwnFolder,
    /// A file for the user alone.
    OwnFile,
    /// What a shell's `>` asks for; the umask takes its part away.
    File,
    /// A program for everybody, as git's own sample hooks; the umask takes its part away.
    Program,
}

/// Fails where the system does not let so many threads run at the same time: some libraries panic without theirs. What is
/// left may be gone a moment later, but a limit stays what it is.
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
    // They are gone before the threads start that there has to be room for.
    started.into_iter().flatten().for_each(|thread| drop(thread.join()));
    match failed {
        Some(Err(error)) => Err(thread_error_text(&error)),
        _ => Ok(()),
    }
}

/// Returns why a thread could not be started, without full stop.
pub(super) fn thread_error_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock => "the limit on processes and threads is reached".to_owned(),
        _ => io_error_text(error),
    }
}
