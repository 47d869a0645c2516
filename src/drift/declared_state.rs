//! What `doctor.toml` says of how a service is to run.

use std::time::Duration;

use crate::drift::model::finding::Location;

/// Everything that is declared for one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredState {
    /// `start-command-contains`: words, or several words in a row.
    pub start_command: Vec<String>,
    /// `commit`: the digits as they were written, or `HEAD`.
    pub commit: Option<String>,
    /// `[[expect.log]]`, in the order of the file.
    pub lines: Vec<ExpectedLine>,
    /// `[[expect.http]]`, in the order of the file.
    pub requests: Vec<ExpectedAnswer>,
}

/// `[[expect.log]]`: a line that the running deployment's log must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedLine {
    /// A part of the line.
    pub contains: String,
    /// How long a fresh deployment has for it.
    pub within: Option<Duration>,
    /// Where it is declared.
    pub place: Option<Location>,
}

/// `[[expect.http]]`: a request, and what must come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedAnswer {
    /// Method and path: `GET /health`. Without the query, which may hold a credential.
    pub request: String,
    /// The status that must come back.
    pub status: Option<u16>,
    /// The keys whose local values are sent in its headers.
    pub keys: Vec<String>,
    /// Where it is declared.
    pub place: Option<Location>,
}

impl DeclaredState {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
