//! The traffic with Railway: the number of requests, the rate limit, and Railway's clock.

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;

use crate::io::clock::Clock;
use crate::io::railway::rate_limit::policy;
use crate::io::railway::transport::{PostOutcome, was_sent};

/// The facts from the requests so far.
pub(super) struct Traffic<'t> {
    clock: &'t dyn Clock,
    requests: Cell<usize>,
    /// The rate limit as requests and seconds, once a response has stated it.
    allowance: Cell<Option<(u64, u64)>>,
    /// Railway's time in the last response, and the time since the start of the run at that moment.
    server_time: Cell<Option<(Timestamp, Duration)>>,
}

impl<'t> Traffic<'t> {
    pub(super) fn new(clock: &'t dyn Clock) -> Self {
        Self { clock, requests: Cell::new(0), allowance: Cell::default(), server_time: Cell::default() }
    }

    /// Records a finished request.
    pub(super) fn record(&self, outcome: &PostOutcome) {
        if let Some(allowance) = outcome.as_ref().ok().and_then(|reply| policy(&reply.rate)) {
            self.allowance.set(Some(allowance));
        }
        if let Some(time) = outcome.as_ref().ok().and_then(|reply| reply.date) {
            self.server_time.set(Some((time, self.clock.elapsed())));
        }
        if was_sent(outcome) {
            self.count_sent();
        }
    }

    /// Counts a request that was sent, so that the report's number equals the server's.
    pub(super) fn count_sent(&self) {
        self.requests.set(self.requests.get() + 1);
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.get()
    }

    pub(super) fn allowance(&self) -> Option<(u64, u64)> {
        self.allowance.get()
    }

    /// Returns the time of Railway's clock, because the local clock may be wrong by hours.
    pub(super) fn railway_time(&self) -> Option<Timestamp> {
        let (time, received) = self.server_time.get()?;
        time.checked_add(self.clock.elapsed().saturating_sub(received)).ok()
    }
}
