//! Types for Railway's custom scalars. They contain only the parts that `doctor` reads, so that additions by Railway do
//! not break them.

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

/// Name → value; `None` for a sealed variable, as opposed to a missing key.
pub(crate) type EnvironmentVariables = BTreeMap<String, Option<Secret>>;

/// The source and the configuration of a deployment. Every key is optional and of any type, because Railway fills it in
/// while a deployment starts. Its start command may contain a credential, so that `Debug` omits it.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct DeploymentMeta(pub(crate) serde_json::Value);

impl std::fmt::Debug for DeploymentMeta {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DeploymentMeta(…)")
    }
}

/// Railway's diagnosis of a failure. Its form is not documented: a text, or an object with a text in it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct DeploymentDiagnosis(serde_json::Value);

/// The likely keys of the text.
const TEXT_KEYS: [&str; 6] = ["summary", "title", "message", "description", "rootCause", "reason"];

impl DeploymentDiagnosis {
    /// Returns the text, if there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        let whole = self.0.as_str();
        let text = whole.or_else(|| TEXT_KEYS.iter().find_map(|key| self.0.get(key)?.as_str()));
        text.filter(|text| !text.trim().is_empty())
    }
}

/// A staged patch as Railway returns it: any part of a configuration, with null for a deletion.
pub(crate) type Patch = serde_json::Value;

/// Values that are sent to Railway. Its `Serialize` is the only code that writes values into a request.
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

/// A configuration patch that sets one start command, or removes it with null.
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

/// An environment's configuration. Every key is optional, and null means missing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EnvironmentConfig {
    pub(crate) services: Option<BTreeMap<String, Option<ServiceConfig>>>,
    pub(crate) shared_variables: Option<BTreeMap<String, Option<VariableConfig>>>,
}

/// A service in it. A field that is only checked for existence may have any type.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServiceConfig {
    pub(crate) variables: Option<BTreeMap<String, Option<VariableConfig>>>,
    /// Volume id → mount path.
    pub(crate) volume_mounts: serde_json::Value,
    pub(crate) deploy: serde_json::Value,
    pub(crate) build: serde_json::Value,
}

impl ServiceConfig {
    /// Returns whether a volume is attached.
    pub(crate) fn has_volume(&self) -> bool {
        self.volume_mounts.as_object().is_some_and(|mounts| !mounts.is_empty())
    }

    /// Returns the settings that a configuration file can override.
    pub(crate) fn settings(&self) -> SettingValues {
        SettingValues::of(&serde_json::json!({ "build": self.build, "deploy": self.deploy }))
    }

    /// Returns whether it runs on a cron schedule.
    pub(crate) fn has_schedule(&self) -> bool {
        self.deploy.get("cronSchedule").and_then(serde_json::Value::as_str).is_some_and(|cron| !cron.is_empty())
    }
}

/// A variable in it. Its `value` is not read: Railway redacts it, because `doctor` never requests decryption.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VariableConfig {
    pub(crate) is_sealed: Option<bool>,
}
