//! Time: what day it is, how long the run has taken, and waiting.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The clock of a run; tests have one that jumps.
pub trait Clock {
    /// Now, for expiry dates. Never compared with Railway's times.
    fn now(&self) -> Timestamp;
    /// Since the run began; never goes back.
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
