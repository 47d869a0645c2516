//! A deployment. The types of all operations that list deployments are converted to it.

use serde_json::Value;

use crate::drift::Secret;
use crate::drift::model::deployment::{Deployed, Deployment, DeploymentSource, DeploymentStatus, StartCommand};
use crate::drift::model::observed::Observed;
use crate::drift::model::service_settings::{SettingValues, given};
use crate::io::railway::scalars::DeploymentMeta;

/// The statuses of instances that no longer exist.
const GONE: [&str; 3] = ["REMOVED", "REMOVING", "SKIPPED"];

/// Converts a deployment. A macro, because the generated types differ only in name.
macro_rules! deployment {
    ($node:expr) => {{
        let node = $node;
        crate::drift::model::deployment::Deployment {
            id: node.id,
            status: crate::io::railway::deployment_fields::named(&node.status),
            created_at: node.created_at,
            status_updated_at: node.status_updated_at,
            stopped: node.deployment_stopped,
            can_redeploy: node.can_redeploy,
            instances: Some(crate::io::railway::deployment_fields::present(
                node.instances.iter().map(|one| &one.status),
            )),
            origin: crate::io::railway::deployment_fields::origin(node.meta.as_ref()),
        }
    }};
}

pub(crate) use deployment;

/// Returns the deployments of a service, the active ones sorted by time, newest first.
pub(crate) fn deployed(latest: Option<Deployment>, mut active: Vec<Deployment>) -> Deployed {
    active.sort_by(|one, other| other.created_at.cmp(&one.created_at));
    Deployed { latest, active, unavailable: None }
}

/// Returns Railway's name of a generated enum variant, also of an unknown one.
pub(crate) fn text<E: serde::Serialize>(variant: &E) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

/// Returns the status for a generated enum variant.
pub(crate) fn named<E: serde::Serialize>(variant: &E) -> DeploymentStatus {
    DeploymentStatus::named(&text(variant))
}

/// Counts the instances that exist, by their statuses.
pub(crate) fn present<'e, E: serde::Serialize + 'e>(statuses: impl Iterator<Item = &'e E>) -> usize {
    statuses.filter(|status| !GONE.contains(&text(*status).as_str())).count()
}

/// Reads what was deployed from `meta`. Each part of it may be missing or have another type.
pub(crate) fn origin(meta: Option<&DeploymentMeta>) -> DeploymentSource {
    let meta = meta.map_or(&Value::Null, |meta| &meta.0);
    let text = |name: &str| filled(meta.get(name));
    let of_file = |value: &Value| filled(value.pointer("/deploy/startCommand"));
    let start = start(meta);
    let object = |name: &str| meta.get(name).filter(|value| value.is_object());
    let (in_file, mapping) = (object("fileServiceManifest"), object("propertyFileMapping"));
    let is_filled = |value: &&Value| value.as_object().is_some_and(|object| !object.is_empty());
    // The mapping lists each property that a file sets. The command itself is then in the manifest.
    let mapped = || {
        let is_given = mapping?.as_object()?.keys().any(|property| property.ends_with("startCommand"));
        match (&start, is_given) {
            (StartCommand::Set(command), true) => Some(Some(command.clone())),
            (_, true) => None,
            (_, false) => Some(None),
        }
    };
    let own_start = |file: &Value| of_file(file).map(Secret::new);
    let start_in_file = match in_file.filter(is_filled) {
        Some(file) => Some(own_start(file)),
        None => mapped().or_else(|| in_file.map(own_start)),
    };
    let given_by_file = in_file.filter(is_filled).or(mapping.filter(is_filled)).map(|_| given(in_file, mapping));
    DeploymentSource {
        commit: text("commitHash"),
        image: text("image"),
        repository: text("repo"),
        branch: text("branch"),
        start_in_file: start_in_file.map_or(Observed::NotRequested, Observed::Known),
        config_file: text("configFile"),
        settings: meta.get("serviceManifest").filter(|manifest| manifest["deploy"].is_object()).map(SettingValues::of),
        given_by_file,
        reason: text("reason"),
        skipped_reason: text("skippedReason"),
        is_patch: text("patchId").is_some(),
        build_only: meta.get("buildOnly").and_then(Value::as_bool).unwrap_or(false),
        start,
    }
}

/// Returns the start command. The manifest is missing while the deployment is being created. Without a command in it,
/// the image's own command is used.
fn start(meta: &Value) -> StartCommand {
    match meta.pointer("/serviceManifest/deploy") {
        Some(Value::Object(deploy)) => match deploy.get("startCommand") {
            None | Some(Value::Null) => StartCommand::Unset,
            command => filled(command).map_or(StartCommand::Unset, |command| StartCommand::Set(Secret::new(command))),
        },
        _ => StartCommand::Unknown,
    }
}

fn filled(value: Option<&Value>) -> Option<String> {
    value?.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::drift::Secret;
    use crate::drift::model::deployment::{DeploymentSource, StartCommand};
    use crate::drift::model::observed::Observed;
    use crate::io::railway::deployment_fields::origin;
    use crate::io::railway::scalars::DeploymentMeta;

    fn of(meta: &Value) -> DeploymentSource {
        origin(Some(&DeploymentMeta(meta.clone())))
    }

    #[test]
    fn incomplete_meta_is_tolerated() {
        assert_eq!(origin(None), DeploymentSource::default());
        for meta in [
            json!(null),
            json!([]),
            json!({ "commitHash": 7, "image": "", "buildOnly": "yes" }),
            json!({ "serviceManifest": null, "fileServiceManifest": [], "propertyFileMapping": 1 }),
            json!({ "serviceManifest": { "build": {} } }),
        ] {
            assert_eq!(of(&meta), DeploymentSource::default(), "{meta}");
        }
        let meta = json!({ "commitHash": "371a158", "serviceManifest": null });
        assert_eq!(of(&meta).commit.as_deref(), Some("371a158"));
    }

    #[test]
    fn reads_deployment_and_skip_reasons() {
        let found = of(&json!({ "reason": "deploy", "patchId": "p", "skippedReason": "CI check suite failed" }));
        assert_eq!(found.skipped_reason.as_deref(), Some("CI check suite failed"));
        assert!(found.is_patch && !found.is_push());
        for (meta, is_push) in [
            (json!({}), true),
            (json!({ "reason": "deploy", "patchId": null, "skippedReason": 7 }), true),
            (json!({ "reason": "redeploy" }), false),
            (json!({ "reason": "autoupdate" }), false),
        ] {
            assert_eq!((of(&meta).is_push(), of(&meta).skipped_reason), (is_push, None), "{meta}");
        }
    }

    #[test]
    fn distinguishes_set_unset_and_unknown_start_commands() {
        let is = |command: &str| StartCommand::Set(Secret::new(command));
        for (deploy, expected) in [
            (json!({ "startCommand": "celery -B" }), is("celery -B")),
            (json!({ "startCommand": null }), StartCommand::Unset),
            (json!({ "startCommand": "" }), StartCommand::Unset),
            (json!({ "startCommand": 7 }), StartCommand::Unset),
            (json!({}), StartCommand::Unset),
            (json!(null), StartCommand::Unknown),
        ] {
            assert_eq!(of(&json!({ "serviceManifest": { "deploy": deploy } })).start, expected, "{deploy}");
        }
    }

    #[test]
    fn start_command_in_file_is_known_from_manifest_or_mapping() {
        let manifest = json!({ "deploy": { "startCommand": "web" } });
        for (meta, expected) in [
            (json!({ "serviceManifest": manifest }), Observed::NotRequested),
            (json!({ "serviceManifest": manifest, "fileServiceManifest": manifest }), Observed::Known(Some("web"))),
            (json!({ "serviceManifest": manifest, "fileServiceManifest": { "build": {} } }), Observed::Known(None)),
            (
                json!({ "serviceManifest": manifest, "fileServiceManifest": {}, "propertyFileMapping": {} }),
                Observed::Known(None),
            ),
            (
                json!({ "serviceManifest": manifest, "propertyFileMapping": { "deploy.startCommand": "$.x" } }),
                Observed::Known(Some("web")),
            ),
            (
                json!({ "serviceManifest": manifest, "propertyFileMapping": { "build.builder": "$.x" } }),
                Observed::Known(None),
            ),
        ] {
            let expected = match expected {
                Observed::Known(command) => Observed::Known(command.map(Secret::new)),
                Observed::NotRequested | Observed::Unavailable(_) => Observed::NotRequested,
            };
            assert_eq!(of(&meta).start_in_file, expected, "{meta}");
        }
    }

    #[test]
    fn settings_from_file_are_known_if_railway_names_any() {
        let manifest = json!({ "deploy": { "startCommand": "web", "numReplicas": 2 } });
        let mapping = json!({ "deploy.startCommand": "$.deploy.startCommand", "build.builder": "$.build.builder" });
        for (meta, expected) in [
            (json!({ "configFile": "/railway.json", "fileServiceManifest": null }), None),
            (json!({ "configFile": "/railway.json", "fileServiceManifest": {}, "propertyFileMapping": {} }), None),
            (json!({ "fileServiceManifest": manifest }), Some(vec!["start command"])),
            (
                json!({ "propertyFileMapping": mapping, "fileServiceManifest": {} }),
                Some(vec!["builder", "start command"]),
            ),
            (json!({ "fileServiceManifest": { "deploy": { "numReplicas": 2 } } }), Some(vec![])),
            (json!({ "fileServiceManifest": ["odd"], "propertyFileMapping": "odd" }), None),
        ] {
            let given = of(&meta).given_by_file.map(|given| given.into_iter().collect::<Vec<_>>());
            assert_eq!(given, expected, "{meta}");
        }
        assert_eq!(of(&json!({ "serviceManifest": { "build": {} } })).settings, None, "incomplete manifest");
        assert!(of(&json!({ "serviceManifest": manifest })).settings.is_some());
    }

    #[test]
    fn debug_output_of_meta_omits_contents() {
        let meta = DeploymentMeta(json!({ "serviceManifest": { "deploy": { "startCommand": "marker" } } }));
        assert!(!format!("{meta:?}").contains("marker"));
    }
}
