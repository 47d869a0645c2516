//! A run of git in the background, with limits on its time and output.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::error::Seconds;

/// The maximum number of bytes of git's error messages that are read.
const ERROR_LIMIT: u64 = 1 << 20;

/// The shortest and the longest pause before the next look at a child that has closed its output and is about to end.
const SHORTEST_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// The cause if the directory is not in a repository. A `.git` that can't be read has another one.
pub const NO_REPOSITORY: &str = "neither this directory nor a parent has a .git";

/// The cause if git fails for an unknown reason.
pub(super) const UNREADABLE: &str = "git could not read the repository";

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueryLimits {
    /// A run that takes longer is killed.
    pub(super) time: Duration,
    /// The maximum number of bytes of output that are read.
    pub(super) output: u64,
}

/// A run of git. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct RunningQuery {
    child: Child,
    output: Receiver<Vec<u8>>,
    errors: Receiver<Vec<u8>>,
    limit: Duration,
    deadline: Instant,
}

impl RunningQuery {
    /// Starts git with this standard input.
    pub(super) fn start(mut command: Command, input: &str, limits: QueryLimits) -> Result<Self, String> {
        let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "git is not installed".to_owned(),
            _ => "git could not be started".to_owned(),
        })?;
        let deadline = Instant::now() + limits.time;
        let Ok([output, errors]) = read_and_write(&mut child, Zeroizing::new(input.to_owned()), limits.output) else {
            end(&mut child);
            return Err("failed to start a thread to read git's output".to_owned());
        };
        Ok(Self { child, output, errors, limit: limits.time, deadline })
    }

    /// Waits for git, and returns its output. On failure, returns the cause.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, String> {
        let left = || self.deadline.saturating_duration_since(Instant::now());
        let output = self.output.recv_timeout(left()).and_then(|out| Ok((out, self.errors.recv_timeout(left())?)));
        let mut pause = SHORTEST_PAUSE;
        let status = loop {
            match self.child.try_wait() {
                Ok(None) if output.is_ok() && !left().is_zero() => thread::sleep(pause),
                Ok(Some(status)) => break Some(status),
                _ => break None,
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        };
        match (output, status) {
            (Ok((out, _)), Some(status)) if status.success() => Ok(out),
            (Ok((_, errors)), Some(_)) => Err(failure(&errors)),
            _ => Err(format!("git timed out after {}", Seconds(self.limit))),
        }
    }
}

impl Drop for RunningQuery {
    /// Kills and reaps the child here, because nothing waits for it later. Has no effect on one that was reaped.
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Writes the input and reads up to `most` bytes of output, in the background.
fn read_and_write(child: &mut Child, input: Zeroizing<String>, most: u64) -> io::Result<[Receiver<Vec<u8>>; 2]> {
    let output = read_in_background(child.stdout.take(), most)?;
    let errors = read_in_background(child.stderr.take(), ERROR_LIMIT)?;
    if let Some(mut stdin) = child.stdin.take() {
        // If git rejects the input, its exit status shows that.
        thread::Builder::new().spawn(move || drop(stdin.write_all(input.as_bytes())))?;
    }
    Ok([output, errors])
}

/// Reads in the background, so that a program that keeps the stream open can't block the run.
fn read_in_background(stream: Option<impl Read + Send + 'static>, most: u64) -> io::Result<Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = stream.map_or(Ok(0), |stream| stream.take(most).read_to_end(&mut bytes));
        if read.is_ok() {
            // The receiver is gone after the time limit.
            let _ = sender.send(bytes);
        }
    })?;
    Ok(receiver)
}

/// Returns the cause of a failure. Git's own message is not shown, because it contains paths and unsafe advice.
fn failure(message: &[u8]) -> String {
    let message = String::from_utf8_lossy(message);
    if message.contains("dubious ownership") {
        "the repository belongs to another user, and git does not trust it".to_owned()
    } else if message.contains("not a git repository (or any") {
        NO_REPOSITORY.to_owned()
    } else {
        UNREADABLE.to_owned()
    }
}
