//! The settings of a service that a configuration file can override, in a comparable form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::drift::Secret;

/// One setting. It has the same path in a deployment's manifest, in the environment's configuration and in a file.
#[derive(Debug)]
pub struct Setting {
    /// `deploy` or `build`.
    section: &'static str,
    /// Railway's name.
    key: &'static str,
    /// The name in reports.
    pub name: &'static str,
    /// The default from Railway's documentation; empty if there is none.
    default: &'static str,
    /// What sets it in a deployment's manifest.
    pub set_by: SetBy,
}

/// What sets a setting in a deployment's manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// The user, in the settings or in a file.
    Person,
    /// The user, or Railway's detection from the code.
    PersonOrDetection,
}

const fn deploy(key: &'static str, name: &'static str, default: &'static str) -> Setting {
    Setting { section: "deploy", key, name, default, set_by: SetBy::Person }
}

const fn build(key: &'static str, name: &'static str, default: &'static str) -> Setting {
    Setting { section: "build", key, name, default, set_by: SetBy::PersonOrDetection }
}

pub static START_COMMAND: Setting = deploy("startCommand", "start command", "");
/// The schedule of a cron service.
pub static CRON_SCHEDULE: Setting = deploy("cronSchedule", "cron schedule", "");
/// The path that a new deployment must answer before it receives requests.
pub static HEALTH_CHECK_PATH: Setting = deploy("healthcheckPath", "health check path", "");
/// Whether the service sleeps when it receives no requests.
pub static SLEEP: Setting = deploy("sleepApplication", "sleep when idle", "false");

/// The compared settings. Replicas, regions and limits are omitted, because Railway stores them in another form than
/// files.
pub static SETTINGS: &[&Setting] = &[
    &START_COMMAND,
    &deploy("preDeployCommand", "pre-deploy command", ""),
    &CRON_SCHEDULE,
    &HEALTH_CHECK_PATH,
    &deploy("healthcheckTimeout", "health check timeout", "300"),
    &deploy("restartPolicyType", "restart policy", "ON_FAILURE"),
    &deploy("restartPolicyMaxRetries", "restart limit", "10"),
    &SLEEP,
    &deploy("overlapSeconds", "overlap time", "0"),
    &deploy("drainingSeconds", "draining time", "0"),
    &build("builder", "builder", "RAILPACK"),
    &build("buildCommand", "build command", ""),
    &build("dockerfilePath", "Dockerfile path", ""),
    &build("watchPatterns", "watch paths", ""),
];

impl Setting {
    /// Returns the value in a comparable form; `None` if it is unset or the default. A command may contain a
    /// credential.
    pub fn comparable(&self, value: &Value) -> Option<Secret> {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text.trim().to_owned(),
            // A list with one command is equivalent to the command.
            Value::Array(list) => match list.as_slice() {
                [] => return None,
                [one] if self.default.is_empty() && self.key.ends_with("Command") => return self.comparable(one),
                _ => value.to_string(),
            },
            other => other.to_string(),
        };
        // Enum values, which a file may have in lower case.
        let is_name = self.default.chars().any(|letter| letter.is_ascii_uppercase());
        let text = if is_name { text.to_ascii_uppercase() } else { text };
        (!text.is_empty() && text != self.default).then(|| Secret::new(text))
    }

    fn within<'v>(&self, manifest: &'v Value) -> Option<&'v Value> {
        manifest.get(self.section)?.get(self.key)
    }
}

/// Settings with their values; missing ones have their default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingValues(BTreeMap<&'static str, Secret>);

impl SettingValues {
    /// Reads a manifest: `{"build": {…}, "deploy": {…}}`.
    pub fn of(manifest: &Value) -> Self {
        let value = |setting: &&'static Setting| Some((setting.name, setting.comparable(setting.within(manifest)?)?));
        Self(SETTINGS.iter().filter_map(value).collect())
    }

    /// Returns the value of a setting, if it is not the default.
    pub fn get(&self, setting: &Setting) -> Option<&Secret> {
        self.0.get(setting.name)
    }
}

/// Returns the names of the settings in a file: those in its manifest, and those in the mapping of properties to places
/// in the file. A property that is null counts as set.
pub fn given(manifest: Option<&Value>, mapping: Option<&Value>) -> BTreeSet<&'static str> {
    let in_mapping = |setting: &Setting| mapping?.get(format!("{}.{}", setting.section, setting.key));
    let is_given = |setting: &&&Setting| {
        manifest.and_then(|manifest| setting.within(manifest)).is_some() || in_mapping(setting).is_some()
    };
    SETTINGS.iter().filter(is_given).map(|setting| setting.name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::drift::model::service_settings::{SETTINGS, SettingValues, given};

    #[test]
    fn equivalent_spellings_are_equal_and_defaults_are_omitted() {
        for (section, key, one, other) in [
            ("deploy", "startCommand", json!("web"), json!(" web\n")),
            ("deploy", "startCommand", json!(null), json!("")),
            ("deploy", "preDeployCommand", json!(["migrate"]), json!("migrate")),
            ("deploy", "preDeployCommand", json!([]), json!(null)),
            ("deploy", "restartPolicyType", json!("on_failure"), json!(null)),
            ("deploy", "restartPolicyType", json!("never"), json!("NEVER")),
            ("deploy", "restartPolicyMaxRetries", json!(10), json!(null)),
            ("deploy", "healthcheckTimeout", json!(300), json!(null)),
            ("deploy", "sleepApplication", json!(false), json!(null)),
            ("build", "builder", json!("dockerfile"), json!("DOCKERFILE")),
            ("build", "watchPatterns", json!([]), json!(null)),
        ] {
            let of = |value: &Value| SettingValues::of(&json!({ section: { key: value } }));
            assert_eq!(of(&one), of(&other), "{key}: {one} and {other}");
        }
    }

    #[test]
    fn different_values_are_not_equal() {
        for (section, key, one, other) in [
            ("deploy", "startCommand", json!("web"), json!("Web")),
            ("deploy", "preDeployCommand", json!(["a", "b"]), json!("a")),
            ("deploy", "restartPolicyType", json!("NEVER"), json!(null)),
            ("deploy", "restartPolicyMaxRetries", json!(3), json!(10)),
            ("deploy", "sleepApplication", json!(true), json!(null)),
            ("build", "builder", json!("DOCKERFILE"), json!("RAILPACK")),
            ("build", "watchPatterns", json!(["/api/**"]), json!("/api/**")),
        ] {
            let of = |value: &Value| SettingValues::of(&json!({ section: { key: value } }));
            assert_ne!(of(&one), of(&other), "{key}: {one} and {other}");
        }
    }

    #[test]
    fn file_settings_come_from_manifest_or_mapping() {
        let names =
            |manifest: Value, mapping: Value| given(Some(&manifest), Some(&mapping)).into_iter().collect::<Vec<_>>();
        assert_eq!(names(json!({ "deploy": { "startCommand": "web" } }), json!({})), ["start command"]);
        assert_eq!(names(json!({}), json!({ "deploy.cronSchedule": "$.deploy.cronSchedule" })), ["cron schedule"]);
        assert_eq!(names(json!({ "deploy": { "preDeployCommand": null } }), json!(null)), ["pre-deploy command"]);
        assert_eq!(names(json!({ "deploy": { "numReplicas": 2 } }), json!({ "deploy.region": "$" })), [""; 0]);
        assert_eq!(names(json!([]), json!("odd")), [""; 0]);
        assert!(given(None, None).is_empty());
    }

    #[test]
    fn setting_names_are_unique() {
        let mut names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SETTINGS.len());
    }
}
