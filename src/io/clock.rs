//! The clock of a run: the current time, the elapsed time, and waiting.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The clock of a run. Tests replace it with one that does not wait.
pub trait Clock {
    /// Returns the current time, for expiry dates. It is never compared with Railway's times.
    fn now(&self) -> Timestamp;
    /// Returns the time since the start of the run. It never decreases.
    fn elapsed(&self) -> Duration;
    fn sleep(&self, time: Duration);
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Returns a clock that starts now.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
