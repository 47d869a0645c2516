//! What became of each step of a fix.

use crate::drift::Secret;

/// One step and what became of it.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// `push`, `pull`, `remove`, `restore`, `redeploy`, `ignore`.
    pub change: &'static str,
    /// The variable's name; none for a deployment.
    pub key: Option<String>,
    /// The service's name, the file's, or what shared variables are called.
    pub place: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The deployment that runs it, or was to.
    pub deployment: Option<String>,
    /// More about it; a phrase without full stop.
    pub detail: Option<String>,
    /// Where a conflict was met: what was there, what is there now, what was to be there.
    pub sides: Option<Sides>,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is as it was to be.
    Done,
    /// Something before it failed, or the run was interrupted.
    NotTried,
    /// It was tried, and is not done.
    Failed,
    /// Somebody else was there first; nothing was written.
    Conflict,
    /// It can't be told.
    Unknown,
}

impl Outcome {
    /// Every one, the best first.
    pub const ALL: [Self; 5] = [Self::Done, Self::NotTried, Self::Failed, Self::Conflict, Self::Unknown];

    /// The word that reports use.
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

/// What is wrong with one service or file after a run that wrote, the least bad first. The exit code of the run and the
/// verdict of the service in the report's table both follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortfall {
    /// Every change was applied; whether it took effect could not be verified.
    Unverified,
    /// Every change was applied; verification failed: the deployment, the running values, a log line or an endpoint.
    Disproved,
    /// A change was not applied.
    Incomplete,
}

/// A deployment that failed.
#[derive(Clone, Debug)]
pub struct ReceiptFailure {
    /// The service's name.
    pub service: String,
    /// The step, and what Railway says of it, scrubbed.
    pub step: Option<String>,
    /// Which log tells of it: `build`, `run`.
    pub log: &'static str,
    /// Its last lines, scrubbed; none where logs are not shown.
    pub lines: Vec<String>,
    /// How many there would have been.
    pub hidden: usize,
    /// Railway's page of the deployment.
    pub link: String,
}

/// The three sides of a conflict; each is `None` where nothing stands there or nothing can be known of it.
#[derive(Clone, Debug)]
pub struct Sides {
    /// When the plan was made.
    pub planned_on: Option<Secret>,
    /// Right before it was to be written.
    pub found: Option<Secret>,
    /// What was to be written.
    pub wanted: Option<Secret>,
}

impl Receipt {
    /// A step that has not been tried yet.
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

    /// Sets what became of it.
    pub fn end(&mut self, outcome: Outcome, detail: impl Into<Option<String>>) {
        self.outcome = outcome;
        self.detail = detail.into();
    }
}
