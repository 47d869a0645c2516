//! What Railway's custom scalars are read into: the parts of them that `doctor` looks at, and nothing that breaks when
//! Railway adds to them.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::drift::Secret;
use crate::drift::model::service_settings::SettingValues;

/// RFC 3339 text.
pub(crate) type DateTime = String;

/// Any JSON.
#[expect(clippy::upper_case_acronyms, reason = "the schema's name for it")]
pub(crate) type JSON = serde_json::Value;

/// Name → value; `None` where the value is sealed. A missing key is a third thing.
pub(crate) type EnvironmentVariables = BTreeMap<String, Option<Secret>>;

/// What a deployment was made from. Every key is optional and of any type: it is half filled while a deployment starts.
/// The start command in it may hold a credential.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct DeploymentMeta(pub(crate) serde_json::Value);

impl std::fmt::Debug for DeploymentMeta {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DeploymentMeta(…)")
    }
}

/// What the platform makes of a failure. Its form is not documented: a text, or an object with one somewhere.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct DeploymentDiagnosis(serde_json::Value);

/// Where a text is likely to stand in it.
const LIKELY: [&str; 6] = ["summary", "title", "message", "description", "rootCause", "reason"];

impl DeploymentDiagnosis {
    /// Its text, if there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        let own = self.0.as_str();
        let text = own.or_else(|| LIKELY.iter().find_map(|place| self.0.get(place)?.as_str()));
        text.filter(|text| !text.trim().is_empty())
    }
}

/// A staged patch, as it comes: any part of a configuration, null where something is to be deleted.
pub(crate) type Patch = serde_json::Value;

/// Values on their way to Railway: the one place where they are written into a request.
pub(crate) struct Leaving(pub(crate) BTreeMap<String, Secret>);

impl std::fmt::Debug for Leaving {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Serialize for Leaving {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value.expose())?;
        }
        map.end()
    }
}

/// The part of a configuration that sets one start command, on its way to Railway; null removes it.
pub(crate) struct StartCommandPatch {
    pub(crate) service: String,
    pub(crate) command: Option<Secret>,
}

impl std::fmt::Debug for StartCommandPatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("StartCommandPatch").field(&self.service).finish()
    }
}

impl Serialize for StartCommandPatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let command = self.command.as_ref().map(Secret::expose);
        let deploy = BTreeMap::from([("startCommand", command)]);
        let services = BTreeMap::from([(self.service.as_str(), BTreeMap::from([("deploy", deploy)]))]);
        BTreeMap::from([("services", services)]).serialize(serializer)
    }
}

/// The environment as configuration. Every key is optional, and null stands for absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EnvironmentConfig {
    pub(crate) services: Option<BTreeMap<String, Option<ServiceConfig>>>,
    pub(crate) shared_variables: Option<BTreeMap<String, Option<VariableConfig>>>,
}

/// One service of it. What is only looked at for being there may be of any type.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServiceConfig {
    pub(crate) variables: Option<BTreeMap<String, Option<VariableConfig>>>,
    /// Volume id → where it is mounted.
    pub(crate) volume_mounts: serde_json::Value,
    pub(crate) deploy: serde_json::Value,
    pub(crate) build: serde_json::Value,
}

impl ServiceConfig {
    /// Whether a volume is attached.
    pub(crate) fn has_volume(&self) -> bool {
        self.volume_mounts.as_object().is_some_and(|mounts| !mounts.is_empty())
    }

    /// Its settings, as far as a configuration file can override them.
    pub(crate) fn settings(&self) -> SettingValues {
        SettingValues::of(&serde_json::json!({ "build": self.build, "deploy": self.deploy }))
    }

    /// Whether its command runs at set times.
    pub(crate) fn has_schedule(&self) -> bool {
        self.deploy.get("cronSchedule").and_then(serde_json::Value::as_str).is_some_and(|cron| !cron.is_empty())
    }
}

/// One variable of it. Its `value` is masked unless decryption is asked for, which `doctor` never does; it is not read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VariableConfig {
    pub(crate) is_sealed: Option<bool>,
}
