//! The traffic with Railway: the number of requests, the rate limit, and Railway's clock.

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;

use crate::io::clock::Clock;
use crate::io::railway::rate_limit::{policy, remaining, window_allowance};
use crate::io::railway::transport::{PostOutcome, was_sent};

/// The facts from the requests so far.
pub(super) struct Traffic<'t> {
    clock: &'t dyn Clock,
    requests: Cell<usize>,
    /// The rate limit as requests and seconds, once a response has stated it.
    allowance: Cell<Option<(u64, u64)>>,
    /// The number of requests that are left, once a response has stated it.
    stated: Cell<Option<u64>>,
    /// The same, if only this run uses the allowance that a response has stated.
    counted: Cell<Option<u64>>,
    /// What happens when none is left.
    at_end: Cell<AtAllowanceEnd>,
    /// Railway's time in the last response, and the time since the start of the run at that moment.
    server_time: Cell<Option<(Timestamp, Duration)>>,
}

/// What happens when the allowance of requests is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AtAllowanceEnd {
    /// Requests are sent as before, until Railway rejects one.
    #[default]
    Continue,
    /// No further request is sent.
    Stop,
}

impl<'t> Traffic<'t> {
    pub(super) fn new(clock: &'t dyn Clock) -> Self {
        Self {
            clock,
            requests: Cell::new(0),
            allowance: Cell::default(),
            stated: Cell::default(),
            counted: Cell::default(),
            at_end: Cell::default(),
            server_time: Cell::default(),
        }
    }

    /// Records a finished request.
    pub(super) fn record(&self, outcome: &PostOutcome) {
        if was_sent(outcome) {
            self.count_sent();
        }
        let Ok(reply) = outcome else { return };
        if let Some(allowance) = policy(&reply.rate) {
            self.allowance.set(Some(allowance));
        }
        if let Some(time) = reply.date {
            self.server_time.set(Some((time, self.clock.elapsed())));
        }
        if let Some(remaining) = remaining(reply) {
            self.stated.set(Some(remaining));
        }
        if self.counted.get().is_none() {
            self.counted.set(window_allowance(&reply.rate).map(|allowed| allowed.saturating_sub(self.sent())));
        }
    }

    /// Counts a request that was sent, so that the report's number equals the server's.
    pub(super) fn count_sent(&self) {
        self.requests.set(self.requests.get() + 1);
        for remaining in [&self.stated, &self.counted] {
            remaining.set(remaining.get().map(|remaining| remaining.saturating_sub(1)));
        }
    }

    fn sent(&self) -> u64 {
        u64::try_from(self.requests()).unwrap_or(u64::MAX)
    }

    /// Returns how many requests are left according to Railway, if it has stated the number.
    pub(super) fn stated_remaining(&self) -> Option<usize> {
        self.stated.get().map(|remaining| usize::try_from(remaining).unwrap_or(usize::MAX))
    }

    /// Returns how many requests are left, or how many would be left if only this run used the allowance.
    pub(super) fn remaining(&self) -> Option<usize> {
        let counted = || self.counted.get().map(|remaining| usize::try_from(remaining).unwrap_or(usize::MAX));
        self.stated_remaining().or_else(counted)
    }

    /// From now on, sends no request that exceeds the allowance.
    pub(super) fn stop_at_allowance_end(&self) {
        self.at_end.set(AtAllowanceEnd::Stop);
    }

    /// Returns whether no further request may be sent.
    pub(super) fn is_used_up(&self) -> bool {
        self.at_end.get() == AtAllowanceEnd::Stop && self.remaining() == Some(0)
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
