//! The errors in a response from Railway.

use std::fmt;

/// The messages of the errors in a response, redacted and escaped, and the trace ids that Railway's support asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RailwayErrors {
    /// One for each error.
    pub messages: Vec<String>,
    /// In the same order, for those that have one.
    pub traces: Vec<String>,
}

impl fmt::Display for RailwayErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Railway responded “{}”", self.messages.join("”, “"))?;
        if !self.traces.is_empty() {
            write!(formatter, " (trace {})", self.traces.join(", "))?;
        }
        Ok(())
    }
}
