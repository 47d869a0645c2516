//! Ends a run that takes too long or needs too much memory.
//!
//! The analysis is pure and has no access to a clock, so the limits are enforced from the thread that waits for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::io::interrupt::{Interrupt, PromptState, RunEnd, Usage};
use crate::io::os;

/// The memory limit of a run, in bytes. It is below the documented 256 MiB, because a run can allocate more between two
/// checks.
const MEMORY: u64 = 216 << 20;

/// The time between two checks. A run can't allocate more than a few MiB in it.
const TICK: Duration = Duration::from_millis(10);

/// Waits for the run to end, and ends it with `leave` if it exceeds a limit.
pub(super) fn watch(done: &Receiver<()>, interrupt: &Interrupt, leave: &dyn Fn(&RunEnd, PromptState)) {
    let mut before = Instant::now();
    while done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        let is_large = os::memory().is_some_and(|bytes| bytes > MEMORY);
        interrupt.enforce(Usage { passed: now - before, is_large }, leave);
        before = now;
    }
}
