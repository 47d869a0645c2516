//! The names of all services and variables of an environment.

use std::collections::{BTreeMap, BTreeSet};

/// The names of all services and variables of the environment, including services out of scope: the targets of
/// references.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Service name → names of its user-set variables.
    pub services: BTreeMap<String, BTreeSet<String>>,
    /// Service name → names of its user-set variables that are sealed.
    pub sealed: BTreeMap<String, BTreeSet<String>>,
    /// Names of the environment's shared variables.
    pub shared: BTreeSet<String>,
    /// Names of the services that are databases, caches or brokers.
    pub databases: BTreeSet<String>,
    /// Names of the services that are out of scope because they are built from other directories.
    pub elsewhere: BTreeSet<String>,
}

impl Catalogue {
    /// Returns whether the keys of the compared files and templates are not expected on the service: it is a database, or
    /// it is built from another directory.
    pub fn is_separate(&self, service: &str) -> bool {
        self.databases.contains(service) || self.elsewhere.contains(service)
    }
}
