//! The expected state of a service, from `doctor.toml`.

use std::time::Duration;

use crate::drift::model::finding::Location;

/// The expectations for one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredState {
    /// `start-command-contains`: one or more arguments each.
    pub start_command: Vec<String>,
    /// `commit`: the hash as written, or `HEAD`.
    pub commit: Option<String>,
    /// `[[expect.log]]`, in the order of the file.
    pub lines: Vec<ExpectedLine>,
    /// `[[expect.http]]`, in the order of the file.
    pub requests: Vec<ExpectedResponse>,
}

/// `[[expect.log]]`: a line that must be in the running deployment's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedLine {
    /// The text to search for.
    pub contains: String,
    /// How long after a deployment the line may take to appear.
    pub within: Option<Duration>,
    /// Where it is declared.
    pub place: Option<Location>,
}

/// `[[expect.http]]`: a request and its expected response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedResponse {
    /// Method and path, without the query, which may contain a credential: `GET /health`.
    pub request: String,
    pub status: Option<u16>,
    /// The keys whose local values are sent in its headers.
    pub keys: Vec<String>,
    /// Where it is declared.
    pub place: Option<Location>,
}

impl DeclaredState {
    /// Returns whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
