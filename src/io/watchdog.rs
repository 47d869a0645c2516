//! Ends a run that takes too long or needs too much memory, whatever it is doing.
//!
//! Code that compares is pure and knows no clock; so the limits are enforced from the thread that waits for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::io::interrupt::{Interrupt, PromptState, RunEnd, Usage};
use crate::io::os;

/// The most memory that a run may need, in bytes. It is below the 256 MiB that are promised by what a run can take between
/// two checks.
const MEMORY: u64 = 216 << 20;

/// How often the limits are checked. A run can't take more than a few MiB in that time.
const TICK: Duration = Duration::from_millis(10);

/// Waits for the run to end, and ends it with `leave` when it is over a limit.
pub(super) fn watch(done: &Receiver<()>, interrupt: &Interrupt, leave: &dyn Fn(&RunEnd, PromptState)) {
    let mut before = Instant::now();
    while done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        let is_large = os::memory().is_some_and(|bytes| bytes > MEMORY);
        interrupt.enforce(Usage { passed: now - before, is_large }, leave);
        before = now;
    }
}
