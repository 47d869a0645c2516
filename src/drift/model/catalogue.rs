//! The names of everything in an environment.

use std::collections::{BTreeMap, BTreeSet};

/// The names of everything in the environment, also of services out of scope: what references may point to.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Service name → its user-set variable names. Names only.
    pub services: BTreeMap<String, BTreeSet<String>>,
    /// Names of the environment's shared variables.
    pub shared: BTreeSet<String>,
}
