//! Reads staged changes from the patch that Railway returns.

use serde_json::{Map, Value};

use crate::drift::model::staged_changes::{OtherChanges, StagedChanges, StagedState};

/// The id of the patch that Railway returns if nothing is staged.
const PLACEHOLDER: &str = "<empty>";

/// A patch as Railway returns it.
pub(crate) struct StagedPatch<'p> {
    pub(crate) id: &'p str,
    pub(crate) patch: &'p Value,
    pub(crate) status: &'p str,
    pub(crate) updated_at: String,
    pub(crate) last_error: Option<String>,
}

/// The contents of a patch.
struct Touched {
    variables: Vec<(Option<String>, String)>,
    settings: Vec<String>,
    others: OtherChanges,
}

/// Returns the changes in a patch; `None` if nothing is staged. Railway then returns a placeholder with an empty patch.
pub(crate) fn staged(shown: StagedPatch<'_>) -> Option<StagedChanges> {
    let patch = shown.patch.as_object().filter(|patch| !patch.is_empty() && shown.id != PLACEHOLDER)?;
    let Touched { variables, settings, others } = touched(patch);
    let state = match shown.status {
        "APPLYING" => StagedState::Applying,
        "FAILED" => StagedState::Failed,
        _ => StagedState::Waiting,
    };
    // A committed patch is not staged any more, and empty sections change nothing.
    let touches = !variables.is_empty() || others == OtherChanges::Some;
    let error = shown.last_error.filter(|error| !error.trim().is_empty());
    let StagedPatch { status, updated_at, .. } = shown;
    (touches && status != "COMMITTED").then_some(StagedChanges {
        state,
        variables,
        settings,
        others,
        updated_at,
        by: None,
        error,
    })
}

fn touched(patch: &Map<String, Value>) -> Touched {
    let mut touched = Touched { variables: Vec::new(), settings: Vec::new(), others: OtherChanges::None };
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    for (section, content) in patch {
        match section.as_str() {
            "services" => {
                for (service, parts) in object(content) {
                    let parts = parts.as_object().cloned();
                    let own = parts.as_ref().and_then(|parts| parts.get("variables")).map(object).unwrap_or_default();
                    touched.variables.extend(own.keys().map(|key| (Some(service.clone()), key.clone())));
                    if parts.is_none_or(|parts| parts.keys().any(|part| part != "variables")) {
                        touched.others = OtherChanges::Some;
                        touched.settings.push(service);
                    }
                }
            }
            "sharedVariables" => touched.variables.extend(object(content).keys().map(|key| (None, key.clone()))),
            _ if content.as_object().is_none_or(|content| !content.is_empty()) => touched.others = OtherChanges::Some,
            _ => {}
        }
    }
    touched
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::drift::model::staged_changes::{OtherChanges, StagedChanges, StagedState};
    use crate::io::railway::staged_changes::{StagedPatch, staged};

    fn read(id: &str, patch: &serde_json::Value, status: &str) -> Option<StagedChanges> {
        staged(StagedPatch { id, patch, status, updated_at: "2026".to_owned(), last_error: Some("odd".to_owned()) })
    }

    #[test]
    fn placeholder_is_not_staged_change() {
        for patch in [json!({}), json!(null), json!({ "services": {} }), json!({ "services": {}, "volumes": {} })] {
            assert_eq!(read("one", &patch, "STAGED"), None, "{patch}");
        }
        let patch = json!({ "sharedVariables": { "A": null } });
        assert_eq!(read("one", &patch, "COMMITTED"), None);
        for status in ["STAGED", "FAILED", "LATER"] {
            assert_eq!(read("<empty>", &patch, status), None, "{status}");
        }
    }

    #[test]
    fn only_staged_or_unknown_status_is_waiting() {
        let patch = json!({ "sharedVariables": { "A": null } });
        for (status, expected) in [
            ("STAGED", StagedState::Waiting),
            ("LATER", StagedState::Waiting),
            ("APPLYING", StagedState::Applying),
            ("FAILED", StagedState::Failed),
        ] {
            let found = read("one", &patch, status).unwrap();
            assert_eq!((found.state, found.error.as_deref()), (expected, Some("odd")), "{status}");
        }
    }

    #[test]
    fn patch_lists_affected_variables() {
        let patch = json!({
            "services": {
                "one": { "variables": { "A": { "value": "" }, "B": null } },
                "two": { "deploy": { "startCommand": "x" } },
                "three": null,
            },
            "sharedVariables": { "S": { "value": "" } },
        });
        let found = read("one", &patch, "APPLYING").unwrap();
        assert_eq!((found.state, found.others), (StagedState::Applying, OtherChanges::Some));
        assert_eq!(found.settings, ["three", "two"]);
        for (service, key, touched) in
            [(Some("one"), "A", true), (Some("one"), "B", true), (None, "S", true), (None, "A", false)]
        {
            assert_eq!(found.touches(service, key), touched, "{service:?} {key}");
        }
        let only = read("one", &json!({ "services": { "one": { "variables": { "A": null } } } }), "STAGED");
        assert_eq!(only.unwrap().others, OtherChanges::None);
    }
}
