//! How the findings of a rule can be fixed.

/// The fix for the findings of a rule.
#[derive(Clone, Debug)]
pub enum Fix {
    /// Write the variable.
    Variable(VariableFix),
    /// Redeploy the services, for this reason.
    Deployment(DeployReason),
    /// Set the start command in the settings, or redeploy if they already have it.
    StartCommand,
}

/// How the variable of a finding may be written.
#[derive(Clone, Copy, Debug)]
pub struct VariableFix {
    /// The directions with their conditions, the most likely first.
    pub directions: &'static [(Direction, FixCondition)],
    /// Whether a bulk push or pull includes it.
    pub bulk: Bulk,
}

/// A direction in which a variable is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Local → Railway, on services that have the key or require it.
    Push,
    /// Local → the shared variable that the stored reference names.
    PushShared,
    /// Local → Railway, on a service that lacks the key.
    Add,
    /// Railway → file.
    Pull,
    /// Delete from Railway.
    Remove,
    /// Create a shared variable, and refer to it on the services that have its value.
    Hoist,
}

/// When a direction is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixCondition {
    /// Always; overwriting some values needs permission.
    Always,
    /// If the finding has the remedy for the direction.
    Remedy,
    /// With `--prune`, unless the key is required.
    Prune,
}

/// Whether a bulk push or pull includes a finding that is neither named nor required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bulk {
    /// Yes.
    Included,
    /// No: its key must be named.
    Excluded,
}

/// Why a service is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployReason {
    /// Its variables change.
    Changed,
    /// It references changed variables, and `--dependents` was given.
    Dependent,
    /// It is running with old values, and a redeploy was selected.
    Stale,
    /// It runs an older commit than the wanted one, and a redeploy was selected.
    Behind,
    /// It runs with another start command than the settings have, and a redeploy was selected.
    Command,
    /// Its newest deployment failed or crashed, and a redeploy was selected.
    Unhealthy,
}

/// A commit that replaces an older one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The full hash of the running commit, if Railway reports it.
    pub over: Option<String>,
    /// The full hash of the wanted commit.
    pub wanted: String,
}

impl Fix {
    /// Writes the variable in these directions if its key is named.
    pub const fn variable(directions: &'static [(Direction, FixCondition)]) -> Self {
        Self::Variable(VariableFix { directions, bulk: Bulk::Excluded })
    }

    /// Returns the reason for a redeploy that fixes such a finding; `None` if a redeploy does not fix it.
    pub fn deploy_reason(&self) -> Option<DeployReason> {
        match self {
            Self::Variable(_) => None,
            Self::Deployment(reason) => Some(reason.clone()),
            Self::StartCommand => Some(DeployReason::Command),
        }
    }
}
