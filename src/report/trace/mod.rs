//! The places where a value is used, in every output format.

pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod rows;
mod table;
pub(crate) mod text;
mod totals;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transcript;

use crate::drift::Secret;
use crate::drift::trace::Trace;

/// The result of a trace.
#[derive(Debug)]
pub struct TraceReport {
    pub key: String,
    /// The traced value. Text reports show its fingerprint.
    pub value: Secret,
    /// Where the value was read: `.env:3`, `api`, `shared variables`.
    pub origin: String,
    /// What the places are.
    pub role: TraceRole,
    pub trace: Trace,
    /// What was not searched, and why; phrases without a full stop.
    pub unsearched: Vec<String>,
    /// The command that changes the value in all places; `None` if there is no place on Railway.
    pub rotate_command: Option<Vec<String>>,
}

/// What the places of a trace are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceRole {
    /// The result of `doctor trace`.
    Found,
    /// The places where an old value is left after a rotation.
    Left,
}

impl TraceReport {
    /// Returns whether everything was searched.
    pub fn is_complete(&self) -> bool {
        self.unsearched.is_empty() && self.trace.environments.iter().all(|one| one.unread.is_empty())
    }
}
