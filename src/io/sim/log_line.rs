//! Lines of the logs of builds and deployments.

use std::time::Duration;

use crate::drift::Secret;
use crate::io::sim::clock::SimClock;

#[derive(Clone, Debug)]
pub struct SimLogLine {
    /// RFC 3339 with nanoseconds.
    pub timestamp: String,
    /// The text, which may contain values.
    pub message: Secret,
    /// `info` or `error`.
    pub severity: &'static str,
    /// The number of reads after which the log contains it.
    pub after_reads: usize,
    /// Its attributes, with JSON as values.
    pub attributes: Vec<(&'static str, Secret)>,
}

impl SimLogLine {
    /// Returns the line with this number among those that are written at this time.
    pub(crate) fn written(message: &Secret, clock: SimClock, number: u32) -> Self {
        let at = clock.after(Duration::from_millis(10) * number);
        Self { timestamp: at.precisely(), ..Self::new(message.expose()) }
    }

    /// Returns a line without a time.
    pub(crate) fn new(message: &str) -> Self {
        let message = Secret::new(message);
        Self { timestamp: String::new(), message, severity: "info", after_reads: 0, attributes: Vec::new() }
    }

    /// Returns the same line, which appears only after this number of reads.
    pub(crate) fn after(mut self, reads: usize) -> Self {
        self.after_reads = reads;
        self
    }
}

/// A line that a program writes at each start.
#[derive(Clone, Debug)]
pub(crate) struct StartupLine {
    pub(crate) message: Secret,
    /// Written only if the start command has this argument.
    pub(crate) argument: Option<&'static str>,
    pub(crate) after_reads: usize,
}
