//! The file of `--debug-api`: one line of JSON for each request, written during the run.
//!
//! The line of a request is written when the request is sent, and completed when the response arrives. So after a run
//! that hangs, is interrupted or reaches its time limit, the file contains the pending request.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::error::{Error, Help};
use crate::io::clock::{Clock, SystemClock};
use crate::io::files;
use crate::io::io_error_text::io_error_text;

/// A pending request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry(u64);

/// The file, open for the whole run.
#[derive(Debug)]
pub struct DebugLog {
    /// Measures real times, even in a demo, whose clock does not wait.
    clock: SystemClock,
    began: Timestamp,
    state: Mutex<DebugLogState>,
}

#[derive(Debug)]
struct DebugLogState {
    file: File,
    /// The length of the complete lines, in bytes.
    complete: u64,
    /// The pending requests.
    pending: Vec<DebugLine>,
    next: u64,
    /// Why writing failed. Nothing is written after that.
    broken: Option<String>,
}

/// The part of a line that is known when the request is sent.
#[derive(Debug, Serialize)]
struct DebugLine {
    request: u64,
    operation: &'static str,
    attempt: u32,
    host: String,
    started_at: String,
    started_ms: u64,
    doctor: &'static str,
}

#[derive(Serialize)]
struct Whole<'l, T> {
    #[serde(flatten)]
    line: &'l DebugLine,
    #[serde(flatten)]
    rest: T,
}

/// The rest of the line of a pending request.
#[derive(Serialize)]
struct Pending {
    pending: bool,
}

/// The rest of the line of a completed request.
#[derive(Serialize)]
struct EndedRequest<'l, T> {
    duration_ms: u64,
    #[serde(flatten)]
    outcome: &'l T,
}

impl DebugLog {
    /// Creates the file, which only the user can read. An existing file is replaced if [`files::create_own`] allows it.
    pub fn create(path: &Path, taken: &[(PathBuf, &'static str)], working_folder: &Path) -> Result<Self, Error> {
        let file =
            files::create_own(&working_folder.join(path), taken, working_folder).map_err(|why| Error::Usage {
                what: format!("failed to create {} for --debug-api", path.display()),
                cause: Some(why),
                help: Help::command("pass the path of a new file:", "--debug-api debug.jsonl"),
            })?;
        let clock = SystemClock::start();
        let state = DebugLogState { file, complete: 0, pending: Vec::new(), next: 1, broken: None };
        Ok(Self { began: clock.now(), clock, state: Mutex::new(state) })
    }

    /// Returns the time since the file was created.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Records a request that is sent, or was sent at that time.
    pub fn begin(&self, operation: &'static str, host: &str, attempt: u32, started: Duration) -> LogEntry {
        let mut state = self.state();
        let request = state.next;
        state.next += 1;
        let started_at = self.began.checked_add(started).unwrap_or(self.began);
        state.pending.push(DebugLine {
            request,
            operation,
            attempt,
            host: host.to_owned(),
            started_at: started_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            started_ms: milliseconds(started),
            doctor: env!("CARGO_PKG_VERSION"),
        });
        state.write("");
        LogEntry(request)
    }

    /// Completes the line of a request.
    pub fn end<T: Serialize>(&self, entry: LogEntry, outcome: &T) {
        let now = self.clock.elapsed();
        let mut state = self.state();
        let Some(position) = state.pending.iter().position(|line| line.request == entry.0) else { return };
        let line = state.pending.remove(position);
        let duration_ms = milliseconds(now).saturating_sub(line.started_ms);
        let whole = rendered(&Whole { line: &line, rest: EndedRequest { duration_ms, outcome } });
        state.write(&whole);
    }

    /// Returns why the file is incomplete, if writing failed.
    pub fn failure(&self) -> Option<String> {
        self.state().broken.clone()
    }

    fn state(&self) -> MutexGuard<'_, DebugLogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DebugLogState {
    /// Writes a complete line, followed by the lines of the pending requests.
    fn write(&mut self, whole: &str) {
        if self.broken.is_some() {
            return;
        }
        let pending: String =
            self.pending.iter().map(|line| rendered(&Whole { line, rest: Pending { pending: true } })).collect();
        if let Err(error) = self.put(whole, &pending) {
            self.broken = Some(io_error_text(&error));
        }
    }

    fn put(&mut self, whole: &str, pending: &str) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.complete))?;
        self.file.write_all(whole.as_bytes())?;
        self.file.write_all(pending.as_bytes())?;
        self.complete += whole.len() as u64;
        self.file.set_len(self.complete + pending.len() as u64)
    }
}

fn rendered(line: &impl Serialize) -> String {
    let text = serde_json::to_string(line).expect("names and numbers are JSON");
    format!("{text}\n")
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
