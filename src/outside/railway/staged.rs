//! Changes that somebody has staged, read from the patch as Railway shows it.

use serde_json::Value;

use crate::drift::staged::{Others, Staged, State};

/// What a patch touches. With nothing staged Railway answers with a placeholder whose patch is empty.
pub(crate) fn staged(patch: &Value, status: &str, updated_at: String) -> Option<Staged> {
    let patch = patch.as_object().filter(|patch| !patch.is_empty())?;
    let mut variables = Vec::new();
    let mut others = Others::None;
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    for (section, content) in patch {
        match section.as_str() {
            "services" => {
                for (service, parts) in object(content) {
                    let parts = parts.as_object().cloned();
                    let own = parts.as_ref().and_then(|parts| parts.get("variables")).map(object).unwrap_or_default();
                    variables.extend(own.keys().map(|key| (Some(service.clone()), key.clone())));
                    if parts.is_none_or(|parts| parts.keys().any(|part| part != "variables")) {
                        others = Others::Some;
                    }
                }
            }
            "sharedVariables" => variables.extend(object(content).keys().map(|key| (None, key.clone()))),
            _ if content.as_object().is_none_or(|content| !content.is_empty()) => others = Others::Some,
            _ => {}
        }
    }
    let state = match status {
        "APPLYING" => State::Applying,
        _ => State::Waiting,
    };
    // What is committed waits for nobody; empty sections touch nothing.
    let touches = !variables.is_empty() || others == Others::Some;
    (touches && status != "COMMITTED").then_some(Staged { state, variables, others, updated_at, by: None })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::staged;
    use crate::drift::staged::{Others, State};

    #[test]
    fn a_placeholder_is_no_staged_change() {
        for patch in [json!({}), json!(null), json!({ "services": {} }), json!({ "services": {}, "volumes": {} })] {
            assert_eq!(staged(&patch, "STAGED", String::new()), None, "{patch}");
        }
        assert_eq!(staged(&json!({ "sharedVariables": { "A": null } }), "COMMITTED", String::new()), None);
    }

    #[test]
    fn a_patch_tells_which_variables_it_touches() {
        let patch = json!({
            "services": {
                "one": { "variables": { "A": { "value": "" }, "B": null } },
                "two": { "deploy": { "startCommand": "x" } },
                "three": null,
            },
            "sharedVariables": { "S": { "value": "" } },
        });
        let found = staged(&patch, "APPLYING", "2026".to_owned()).unwrap();
        assert_eq!((found.state, found.others), (State::Applying, Others::Some));
        for (service, key, touched) in
            [(Some("one"), "A", true), (Some("one"), "B", true), (None, "S", true), (None, "A", false)]
        {
            assert_eq!(found.touches(service, key), touched, "{service:?} {key}");
        }
        let only = staged(&json!({ "services": { "one": { "variables": { "A": null } } } }), "STAGED", String::new());
        assert_eq!(only.unwrap().others, Others::None);
    }
}
