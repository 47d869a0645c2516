//! The results of a fix, step by step.

use crate::drift::Secret;

/// One step of a fix and its result.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// `push`, `pull`, `remove`, `hoist`, `restore`, `redeploy`, `ignore`.
    pub change: &'static str,
    /// The variable's name; `None` for a deployment.
    pub key: Option<String>,
    /// The name of the service or file, or the label of shared variables.
    pub place: String,
    pub outcome: Outcome,
    /// The deployment that runs with it, or was expected to.
    pub deployment: Option<String>,
    /// Details, as a phrase without a full stop.
    pub detail: Option<String>,
    /// For a conflict, the values: planned on, found and wanted.
    pub sides: Option<Sides>,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It succeeded.
    Done,
    /// An earlier step failed, or the run was interrupted.
    NotTried,
    Failed,
    /// The value changed in the meantime, so nothing was written.
    Conflict,
    Unknown,
}

impl Outcome {
    /// All results, best first.
    pub const ALL: [Self; 5] = [Self::Done, Self::NotTried, Self::Failed, Self::Conflict, Self::Unknown];

    /// Returns the name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotTried => "not-tried",
            Self::Failed => "failed",
            Self::Conflict => "conflict",
            Self::Unknown => "unknown",
        }
    }
}

/// What is wrong with a service or file after a run that wrote, least severe first. It determines the exit code of the
/// run and the verdict of the service in the report's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortfall {
    /// Every change was applied; whether it took effect could not be verified.
    Unverified,
    /// Every change was applied; verification failed: the deployment, the running values, a log line or an endpoint.
    VerificationFailed,
    /// A change was not applied.
    Incomplete,
}

/// A deployment that failed.
#[derive(Clone, Debug)]
pub struct ReceiptFailure {
    /// The service's name.
    pub service: String,
    /// The step and Railway's message, redacted.
    pub step: Option<String>,
    /// The log that shows the failure: `build`, `run`.
    pub log: &'static str,
    /// The last lines of the log, redacted; empty if logs are not shown.
    pub lines: Vec<String>,
    /// How many lines are not shown.
    pub hidden: usize,
    /// The URL of the deployment in the dashboard.
    pub link: String,
}

/// The values of a conflict; `None` if there is no value or it is unknown.
#[derive(Clone, Debug)]
pub struct Sides {
    /// The value when the plan was created.
    pub planned_on: Option<Secret>,
    /// The value directly before the write.
    pub found: Option<Secret>,
    /// The value to write.
    pub wanted: Option<Secret>,
}

impl Receipt {
    /// Creates a step that has not been tried yet.
    pub fn of(change: &'static str, key: Option<&str>, place: &str) -> Self {
        Self {
            change,
            key: key.map(ToOwned::to_owned),
            place: place.to_owned(),
            outcome: Outcome::NotTried,
            deployment: None,
            detail: None,
            sides: None,
        }
    }

    /// Sets the result.
    pub fn end(&mut self, outcome: Outcome, detail: impl Into<Option<String>>) {
        self.outcome = outcome;
        self.detail = detail.into();
    }
}
