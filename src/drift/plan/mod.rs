//! The changes that a fix will make, with the current values. A plan is pure data and changes nothing.

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

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VariableOwner {
    Service(ResourceRef),
    /// The environment: a shared variable, which services reference.
    Shared,
}

impl VariableOwner {
    /// Returns the service's id; `None` for a shared variable.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Service(service) => Some(&service.id),
            Self::Shared => None,
        }
    }

    /// Returns the service's name, or the label of shared variables.
    pub fn name(&self) -> &str {
        match self {
            Self::Service(service) => &service.name,
            Self::Shared => "shared variables",
        }
    }
}

/// A change of one variable on Railway.
#[derive(Clone, Debug)]
pub struct VariableChange {
    pub owner: VariableOwner,
    /// The variable's name.
    pub key: String,
    /// The stored variable; `None` if there is none.
    pub before: Option<Variable>,
    /// The new value; `None` removes the variable.
    pub after: Option<Secret>,
    /// The source of the new value: a line of a file, or an undone run.
    pub from: Option<Location>,
    /// The services that need the new value: the owner, or those for which a shared variable changes.
    pub meant_for: Vec<ResourceRef>,
}

/// A change of one assignment in a file.
#[derive(Clone, Debug)]
pub struct FileEdit {
    /// The kind of change: `pull`, `ignore`.
    pub change: &'static str,
    /// The variable's name.
    pub key: String,
    /// The effective value now; `None` for a new key.
    pub before: Option<Secret>,
    /// The new value; `None` removes the assignment.
    pub after: Option<Secret>,
    /// The owner of the variable that it comes from.
    pub from: String,
}

#[derive(Clone, Debug)]
pub struct FileChange {
    pub kind: ChangedFileKind,
    /// The absolute path.
    pub path: PathBuf,
    /// The name in reports.
    pub name: String,
    /// The whole text as read; `None` if the file does not exist.
    pub before: Option<Secret>,
    /// The whole new text; `None` removes the file.
    pub after: Option<Secret>,
    /// Both texts with every value masked, for display.
    pub shown: [String; 2],
    /// The changed assignments.
    pub edits: Vec<FileEdit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedFileKind {
    /// A `.env` file, which other users must not be able to read.
    Variables,
    /// `doctor.toml`, which is part of the repository.
    Configuration,
}

/// All changes of a fix, in the order in which they are made: files, variables, start commands, deployments.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Files that change.
    pub files: Vec<FileChange>,
    /// Variables that change, by owner and key.
    pub stores: Vec<VariableChange>,
    /// Start commands that change, by service.
    pub settings: Vec<StartCommandChange>,
    /// Services that are then deployed once, sorted by name.
    pub deploys: Vec<PlannedDeployment>,
    /// Notes to read before confirming; sentences without a full stop.
    pub cautions: Vec<String>,
}

impl Plan {
    /// Returns whether the plan has no changes and no deployments.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.changes_nothing_stored() && self.deploys.is_empty()
    }

    /// Returns whether neither a variable nor a start command changes.
    pub fn changes_nothing_stored(&self) -> bool {
        self.stores.is_empty() && self.settings.is_empty()
    }

    /// Returns the change of the service's start command.
    pub fn setting(&self, service: &ResourceRef) -> Option<&StartCommandChange> {
        self.settings.iter().find(|setting| setting.service.id == service.id)
    }

    /// Returns the owners of changed variables without repetition: services by name, then shared variables.
    pub fn owners(&self) -> Vec<&VariableOwner> {
        let mut owners: Vec<&VariableOwner> = self.stores.iter().map(|store| &store.owner).collect();
        owners.sort_by_key(|owner| (owner.id().is_none(), owner.name()));
        owners.dedup();
        owners
    }
}
