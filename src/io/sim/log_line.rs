//! Lines of the logs of builds and deployments.

use std::time::Duration;

use crate::drift::Secret;
use crate::io::sim::clock::SimClock;

#[derive(Clone, Debug)]
pub struct SimLogLine {
    /// RFC 3339 with nanoseconds.
    pub timestamp: String,
    /// The text, which may hold values.
    pub message: Secret,
    /// `info` or `error`.
    pub severity: &'static str,
    /// The log shows it after so many reads.
    pub after_reads: usize,
    /// What was parsed of it, as JSON texts.
    pub attributes: Vec<(&'static str, Secret)>,
}

impl SimLogLine {
    /// Returns the line of that number among those written at that time.
    pub(crate) fn written(message: &Secret, clock: SimClock, number: u32) -> Self {
        let at = clock.after(Duration::from_millis(10) * number);
        Self { timestamp: at.precisely(), ..Self::new(message.expose()) }
    }

    /// Returns a line of no time.
    pub(crate) fn new(message: &str) -> Self {
        let message = Secret::new(message);
        Self { timestamp: String::new(), message, severity: "info", after_reads: 0, attributes: Vec::new() }
    }

    /// Returns the same line, which shows only after so many reads.
    pub(crate) fn after(mut self, reads: usize) -> Self {
        self.after_reads = reads;
        self
    }
}

/// What a program writes whenever it starts.
#[derive(Clone, Debug)]
pub(crate) struct StartupLine {
    pub(crate) message: Secret,
    /// Only where the start command has this word.
    pub(crate) argument: Option<&'static str>,
    pub(crate) after_reads: usize,
}
