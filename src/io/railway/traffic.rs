//! What passed between `doctor` and Railway: how many requests, how many are allowed, and what time it is there.

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;

use crate::io::clock::Clock;
use crate::io::railway::rate_limit::policy;
use crate::io::railway::transport::{PostOutcome, was_sent};

/// What is known from the requests so far.
pub(super) struct Traffic<'t> {
    clock: &'t dyn Clock,
    requests: Cell<usize>,
    /// How many requests Railway allows in how many seconds, once it has said so.
    allowance: Cell<Option<(u64, u64)>>,
    /// What time Railway said it is, and how far into the run that was.
    heard_time: Cell<Option<(Timestamp, Duration)>>,
}

impl<'t> Traffic<'t> {
    pub(super) fn new(clock: &'t dyn Clock) -> Self {
        Self { clock, requests: Cell::new(0), allowance: Cell::default(), heard_time: Cell::default() }
    }

    /// Takes note of a request that is over.
    pub(super) fn record(&self, outcome: &PostOutcome) {
        if let Some(allowance) = outcome.as_ref().ok().and_then(|reply| policy(&reply.rate)) {
            self.allowance.set(Some(allowance));
        }
        if let Some(time) = outcome.as_ref().ok().and_then(|reply| reply.date) {
            self.heard_time.set(Some((time, self.clock.elapsed())));
        }
        if was_sent(outcome) {
            self.count_sent();
        }
    }

    /// Counts a request that really went out, so that the report's number is the server's.
    pub(super) fn count_sent(&self) {
        self.requests.set(self.requests.get() + 1);
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.get()
    }

    pub(super) fn allowance(&self) -> Option<(u64, u64)> {
        self.allowance.get()
    }

    /// What time it is by Railway's own clock: doctor's may be wrong by hours.
    pub(super) fn railway_time(&self) -> Option<Timestamp> {
        let (time, heard) = self.heard_time.get()?;
        time.checked_add(self.clock.elapsed().saturating_sub(heard)).ok()
    }
}
