//! The changes that a fix will make, with the current values. A plan is pure data and changes nothing.

pub mod bulk_selection;
#[cfg(test)]
mod command_tests;
pub mod commands;
pub mod dependents;
pub mod deployments;
pub mod hoist;
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
use crate::drift::{ResourceRef, Secret, Variable, reference};

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
    /// The value that services get from the variable before and after the change, so that none is deployed. `None` if
    /// they get another value.
    pub renders: Option<Secret>,
}

impl VariableChange {
    /// Returns the name of the shared variable that a change without a new value is about: the variable itself, or the
    /// one that a service refers to before or after the change.
    pub fn shared_name(&self) -> Option<&str> {
        self.renders.as_ref()?;
        if self.owner == VariableOwner::Shared {
            return Some(&self.key);
        }
        let before = self.before.as_ref().and_then(Variable::template);
        self.after.iter().chain(before).find_map(|text| reference::shared_name(text.expose()))
    }

    /// Returns the key and the owner: `KEY of api`.
    pub fn label(&self) -> String {
        format!("{} of {}", self.key, self.owner.name())
    }

    /// Returns the name of the shared variable that a service refers to after a change without a new value.
    pub fn reference(&self) -> Option<&str> {
        let text = self.after.as_ref().filter(|_| self.renders.is_some() && self.owner != VariableOwner::Shared)?;
        reference::shared_name(text.expose())
    }
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

    /// Returns the owners of changed variables without repetition: services by name, then shared variables. If services
    /// are to refer to a new shared variable, it comes first.
    pub fn owners(&self) -> Vec<&VariableOwner> {
        let mut owners: Vec<&VariableOwner> = self.stores.iter().map(|store| &store.owner).collect();
        let shared_is_first = self.creates_shared();
        owners.sort_by_key(|owner| (owner.id().is_none() != shared_is_first, owner.name()));
        owners.dedup();
        owners
    }

    /// Sorts the changes of variables by owner, as [`Plan::owners`] does, and by key.
    pub fn sort_stores(&mut self) {
        let shared_is_first = self.creates_shared();
        self.stores.sort_by(|one, other| {
            let [one, other] = [one, other]
                .map(|store| (store.owner.id().is_none() != shared_is_first, store.owner.name(), &store.key));
            one.cmp(&other)
        });
    }

    /// Returns whether the plan stores a shared variable that services are to refer to.
    fn creates_shared(&self) -> bool {
        let is_new = |store: &VariableChange| {
            store.owner == VariableOwner::Shared && store.renders.is_some() && store.after.is_some()
        };
        self.stores.iter().any(is_new)
    }

    /// Returns the index of the change that creates or removes a shared variable whose value services keep.
    pub fn shared(&self, name: &str) -> Option<usize> {
        let is_it = |store: &VariableChange| store.owner == VariableOwner::Shared && store.shared_name() == Some(name);
        self.stores.iter().position(is_it)
    }

    /// Returns whether a service is to refer to the shared variable, with the value that it has already.
    pub fn references(&self, name: &str) -> bool {
        self.stores.iter().any(|store| store.reference() == Some(name))
    }

    /// Returns whether any service gets another value from a changed variable.
    pub fn changes_values(&self) -> bool {
        self.stores.iter().any(|store| store.renders.is_none())
    }
}
