//! When variables were last changed.

use std::collections::BTreeMap;

/// When each variable of the environment was last changed, as RFC 3339 on Railway's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeTimes {
    /// Service name → variable → time.
    pub services: BTreeMap<String, BTreeMap<String, String>>,
    /// Shared variable → time.
    pub shared: BTreeMap<String, String>,
}
