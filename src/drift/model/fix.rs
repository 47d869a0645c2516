//! How the findings of a rule can be fixed.

/// What resolves a finding.
#[derive(Clone, Debug)]
pub enum Fix {
    /// Writing its variable.
    Variable(VariableFix),
    /// Deploying its services again, for this reason.
    Deployment(DeployReason),
    /// Another start command in the settings; where they have it already, a deployment.
    StartCommand,
}

/// How the variable of a finding may be written.
#[derive(Clone, Copy, Debug)]
pub struct VariableFix {
    /// In which directions and under which condition, the most likely first.
    pub directions: &'static [(Direction, FixCondition)],
    /// Whether "all of them" includes it.
    pub bulk: Bulk,
    /// What becomes of a value that is empty in the file.
    pub empty_value: EmptyValue,
}

/// A direction in which a variable is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Local → Railway, on services that hold the key or have to.
    Push,
    /// Local → the shared variable that Railway's reference names.
    PushShared,
    /// Local → Railway, on a service that does not hold the key.
    Add,
    /// Railway → file.
    Pull,
    /// Away from Railway.
    Remove,
}

/// When a direction is open to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixCondition {
    /// Always; what it writes over may need a permission.
    Always,
    /// Where the finding has the remedy of that direction.
    Remedy,
    /// With `--prune`, unless the key is required.
    Prune,
}

/// Whether a push or pull of everything includes a finding that is not named and not required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bulk {
    /// It does.
    Included,
    /// Its key must be named.
    Excluded,
}

/// What becomes of a value that is empty in the file. An empty value often means that nobody has set it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyValue {
    /// It is pushed if its key is named.
    Pushed,
    /// It is not pushed.
    NotPushed,
}

/// Why a service is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployReason {
    /// Its variables change.
    Changed,
    /// It takes changed values by reference, and `--dependents` was given.
    Dependent,
    /// It runs with old values, and a deployment was chosen.
    Stale,
    /// It runs an older commit than is wanted, and a deployment was chosen.
    Behind,
    /// It was started with another command than is set, and a deployment was chosen.
    Command,
    /// Its newest deployment failed or crashed, and a deployment was chosen.
    Unhealthy,
}

/// A commit that takes the place of an older one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The one that runs, in full, where Railway tells it.
    pub over: Option<String>,
    /// The one that is to run, in full.
    pub wanted: String,
}

impl Fix {
    /// Writing the variable in these directions, if its key is named.
    pub const fn variable(directions: &'static [(Direction, FixCondition)]) -> Self {
        Self::Variable(VariableFix { directions, bulk: Bulk::Excluded, empty_value: EmptyValue::Pushed })
    }

    /// Why a service is deployed that has such a finding; `None` if a deployment does not fix it.
    pub fn deploy_reason(&self) -> Option<DeployReason> {
        match self {
            Self::Variable(_) => None,
            Self::Deployment(reason) => Some(reason.clone()),
            Self::StartCommand => Some(DeployReason::Command),
        }
    }
}
