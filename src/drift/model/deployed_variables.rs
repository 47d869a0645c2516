//! The variables of a running deployment.

use std::collections::BTreeMap;

use crate::drift::model::secret::Secret;

/// The values that a deployment was created with; `None` if Railway returned no value.
pub type DeployedVariables = BTreeMap<String, Option<Secret>>;
