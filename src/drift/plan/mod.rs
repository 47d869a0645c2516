//! What a fix will do, with what stands there now, before anything is done. Pure: a plan changes nothing.

pub mod bulk_selection;
pub mod commands;
pub mod dependents;
pub mod deployments;
pub mod invocation;
pub mod offer;
pub mod proposals;
pub mod redeploys;
pub mod start_command;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::drift::model::finding::Location;
use crate::drift::plan::deployments::PlannedDeployment;
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::{ResourceRef, Secret, Variable};

/// Whose variable it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VariableOwner {
    /// One service's.
    Service(ResourceRef),
    /// The environment's: every service that refers to it follows.
    Shared,
}

impl VariableOwner {
    /// The service's id; none for a shared variable.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Service(service) => Some(&service.id),
            Self::Shared => None,
        }
    }

    /// The service's name, or what shared variables are called.
    pub fn name(&self) -> &str {
        match self {
            Self::Service(service) => &service.name,
            Self::Shared => "shared variables",
        }
    }
}

/// One variable on Railway that is to change.
#[derive(Clone, Debug)]
pub struct VariableChange {
    /// Whose it is.
    pub owner: VariableOwner,
    /// Its name.
    pub key: String,
    /// What Railway stores now; `None` if there is no such variable.
    pub before: Option<Variable>,
    /// What it is to store; `None` removes it.
    pub after: Option<Secret>,
    /// Where the new value comes from: a line of a file, or a run that is undone.
    pub from: Option<Location>,
    /// The services that are to run with it: the owner, or those that a shared variable was changed for.
    pub meant_for: Vec<ResourceRef>,
}

/// One assignment in a file that is to change.
#[derive(Clone, Debug)]
pub struct FileEdit {
    /// What it is called: `pull`, `ignore`.
    pub change: &'static str,
    /// Its name.
    pub key: String,
    /// The value that counts now; `None` for a new key.
    pub before: Option<Secret>,
    /// The value that is to count; `None` removes it.
    pub after: Option<Secret>,
    /// Whose variable it comes from.
    pub from: String,
}

/// One file that is to change.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// What sort of file it is.
    pub kind: ChangedFileKind,
    /// Where it is, absolute.
    pub path: PathBuf,
    /// How reports name it.
    pub name: String,
    /// The whole text that was read; `None` if there is no such file.
    pub before: Option<Secret>,
    /// The whole text that is to stand there; `None` removes the file.
    pub after: Option<Secret>,
    /// The same two with a mask in the place of every value, to be shown.
    pub shown: [String; 2],
    /// What changes in it.
    pub edits: Vec<FileEdit>,
}

/// A sort of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedFileKind {
    /// A `.env`: nobody else may read it.
    Variables,
    /// `doctor.toml`: it is part of the repository.
    Configuration,
}

/// Everything that a fix will do, in the order in which it is done: files, variables, start commands, deployments.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Files that change.
    pub files: Vec<FileChange>,
    /// Variables that change, by owner and key.
    pub stores: Vec<VariableChange>,
    /// Start commands that change, by service.
    pub settings: Vec<StartCommandChange>,
    /// Services that are deployed once after that, sorted by name.
    pub deploys: Vec<PlannedDeployment>,
    /// What a person should know before saying yes; sentences without full stop.
    pub cautions: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.changes_nothing_stored() && self.deploys.is_empty()
    }

    /// Whether neither a variable nor a start command changes.
    pub fn changes_nothing_stored(&self) -> bool {
        self.stores.is_empty() && self.settings.is_empty()
    }

    /// The start command that changes on that service.
    pub fn setting(&self, service: &ResourceRef) -> Option<&StartCommandChange> {
        self.settings.iter().find(|setting| setting.service.id == service.id)
    }

    /// The owners of variables that change, each once, services first by name.
    pub fn owners(&self) -> Vec<&VariableOwner> {
        let mut owners: Vec<&VariableOwner> = self.stores.iter().map(|store| &store.owner).collect();
        owners.sort_by_key(|owner| (owner.id().is_none(), owner.name()));
        owners.dedup();
        owners
    }
}
