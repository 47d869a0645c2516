//! Suggests the content of a new `doctor.toml` from the local files and the state of Railway. The user decides.

pub mod alias;
pub mod differing_keys;
pub mod intent;
pub mod service_files;
pub mod shared_keys;

use std::collections::BTreeMap;

use crate::drift::ResourceRef;
pub use crate::drift::suggest::alias::sections;
pub use crate::drift::suggest::differing_keys::{Difference, DifferenceGroup, differences, exceptions, groups};
pub use crate::drift::suggest::shared_keys::{Shared, requirements, shared};

/// The content of a new `doctor.toml`. It contains names but never a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigDraft {
    /// The project; written as its id.
    pub project: ResourceRef,
    /// The environment; written as its id.
    pub environment: ResourceRef,
    /// The env files of this environment, relative to the new `doctor.toml`; empty for the default files.
    pub files: Vec<String>,
    /// The services to check.
    pub services: Vec<Section>,
    /// Keys that must exist and be equal.
    pub require: Vec<Requirement>,
    /// Keys that are expected to differ.
    pub ignore: Vec<Exception>,
    /// Keys with a different value on Railway that are neither required nor ignored: written as a comment.
    pub undecided: Vec<String>,
}

/// A service and its alias.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The alias: lower-case ASCII letters, digits and hyphens.
    pub alias: String,
    /// Its name on Railway, or its id if the name is ambiguous.
    pub name: String,
    pub service: ResourceRef,
    /// Its env files, relative to `doctor.toml`; empty for those of the environment.
    pub files: Vec<String>,
}

/// One `[[require]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// Exact names; never empty.
    pub keys: Vec<String>,
    /// Aliases; never empty.
    pub services: Vec<String>,
}

/// One `[[ignore]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// Exact names; never empty.
    pub keys: Vec<String>,
    /// Aliases; empty for every service.
    pub services: Vec<String>,
    /// Names of rules; never empty, so that other rules still report the key.
    pub rules: Vec<&'static str>,
    /// The reason; never empty.
    pub reason: String,
}

impl ConfigDraft {
    /// Returns whether it has nothing to add to an existing file.
    pub fn adds_nothing(&self) -> bool {
        self.services.is_empty() && self.require.is_empty() && self.ignore.is_empty()
    }

    /// Returns whether the environment is production, judged by its name, so that changes should need a confirmation by
    /// name.
    pub fn is_production(&self) -> bool {
        self.environment.name.to_lowercase().starts_with("prod")
    }

    /// Returns the name for the environment's section: its name, or its id if the name can't be used.
    pub fn environment_title(&self) -> &str {
        let ResourceRef { id, name } = &self.environment;
        if name.trim().is_empty() || name.chars().any(char::is_control) { id } else { name }
    }
}

/// Returns whether `doctor.toml` can contain the exact key: there, `*` and `?` are wildcards.
fn can_be_named(key: &str) -> bool {
    !key.is_empty() && !key.contains(['*', '?']) && !key.chars().any(char::is_control)
}

/// Returns the aliases of the given services, in the order of the sections.
pub fn aliases_of(services: &[ResourceRef], sections: &[Section]) -> Vec<String> {
    let own = sections.iter().filter(|section| services.iter().any(|service| service.id == section.service.id));
    own.map(|section| section.alias.clone()).collect()
}

/// Groups the values of equal keys, in the order of the first occurrence of each key.
fn gathered<K: Ord + Clone, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut places: BTreeMap<K, usize> = BTreeMap::new();
    let mut gathered: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in pairs {
        let place = *places.entry(key.clone()).or_insert(gathered.len());
        if place == gathered.len() {
            gathered.push((key, Vec::new()));
        }
        gathered[place].1.push(value);
    }
    gathered
}
