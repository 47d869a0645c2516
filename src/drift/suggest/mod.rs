//! What a new `doctor.toml` is to say: suggested by what was seen of both sides, decided by a person.

pub mod alias;
pub mod differing_keys;
pub mod shared_keys;

use std::collections::BTreeMap;

use crate::drift::ResourceRef;
pub use crate::drift::suggest::alias::sections;
pub use crate::drift::suggest::differing_keys::{Difference, DifferenceGroup, differences, exceptions, groups};
pub use crate::drift::suggest::shared_keys::{Shared, requirements, shared};

/// A `doctor.toml` that is not written yet. It names; it never holds a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigDraft {
    /// The project; it is named by its id.
    pub project: ResourceRef,
    /// The environment; it is named by its id.
    pub environment: ResourceRef,
    /// The files of this environment, as they are reached from where it will lie; none means those that are found by
    /// default.
    pub files: Vec<String>,
    /// The services that are looked at.
    pub services: Vec<Section>,
    /// Keys that must be there, and equal.
    pub require: Vec<Requirement>,
    /// Keys that differ on purpose.
    pub ignore: Vec<Exception>,
    /// Keys with another value on Railway that are neither required nor ignored: shown as a comment.
    pub undecided: Vec<String>,
}

/// A service and its short name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The short name: ASCII letters, digits and hyphens.
    pub alias: String,
    /// By what it is found on Railway: its name, or its id where the name could be taken for another service.
    pub name: String,
    /// The service.
    pub service: ResourceRef,
}

/// One `[[require]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// Exact names; never empty.
    pub keys: Vec<String>,
    /// Short names; never empty.
    pub services: Vec<String>,
}

/// One `[[ignore]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// Exact names; never empty.
    pub keys: Vec<String>,
    /// Short names; none means every service.
    pub services: Vec<String>,
    /// Names of rules; never empty, so that whatever else is wrong with a key is told as before.
    pub rules: Vec<&'static str>,
    /// Why; never empty.
    pub reason: String,
}

impl ConfigDraft {
    /// Whether the environment is one that is better asked for by name before something is changed.
    pub fn is_production(&self) -> bool {
        self.environment.name.to_lowercase().starts_with("prod")
    }

    /// By what a section of the environment is called: its name, or its id where no section can have that name.
    pub fn environment_title(&self) -> &str {
        let ResourceRef { id, name } = &self.environment;
        if name.trim().is_empty() || name.chars().any(char::is_control) { id } else { name }
    }
}

/// Whether `doctor.toml` can name the key: a `*` or a `?` is a pattern there.
fn can_be_named(key: &str) -> bool {
    !key.is_empty() && !key.contains(['*', '?']) && !key.chars().any(char::is_control)
}

/// The short names of those services, in the order of the sections.
pub fn aliases_of(services: &[ResourceRef], sections: &[Section]) -> Vec<String> {
    let own = sections.iter().filter(|section| services.iter().any(|service| service.id == section.service.id));
    own.map(|section| section.alias.clone()).collect()
}

/// The values of equal keys together, in the order in which a key came first.
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
