//! What Railway's custom scalars are read into: the parts of them that `doctor` looks at, and nothing that breaks when
//! Railway adds to them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::drift::Secret;

/// RFC 3339 text; only ever tested for being there.
pub(crate) type DateTime = String;

/// Name → value; `None` where the value is sealed. A missing key is a third thing.
pub(crate) type EnvironmentVariables = BTreeMap<String, Option<Secret>>;

/// The environment as configuration. Every key is optional, and null stands for absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EnvironmentConfig {
    pub(crate) services: Option<BTreeMap<String, Option<ServiceConfig>>>,
    pub(crate) shared_variables: Option<BTreeMap<String, Option<VariableConfig>>>,
}

/// One service of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceConfig {
    pub(crate) variables: Option<BTreeMap<String, Option<VariableConfig>>>,
}

/// One variable of it. Its `value` is masked unless decryption is asked for, which `doctor` never does; it is not read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VariableConfig {
    pub(crate) is_sealed: Option<bool>,
}
