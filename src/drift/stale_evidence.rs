//! Whether a running deployment has the stored values, judged by the variables that it was created with.

use std::collections::BTreeMap;

use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::observed::Observed;
use crate::drift::{Survey, Target, Variable, system_variables};

/// How stale values of a running deployment were detected, and their keys.
#[derive(Debug)]
pub enum Evidence {
    /// By the variables that the deployment was created with.
    Values(Vec<String>),
    /// By times of change.
    Times {
        /// Keys that were changed after the deployment was created.
        later: Vec<String>,
        /// Keys that were changed too close to its creation to decide.
        near: Vec<String>,
        /// Why its variables are unknown.
        why: String,
    },
}

/// Returns the evidence of stale values; `None` if nothing runs or nothing is known.
pub fn evidence(survey: &Survey, target: &Target) -> Option<Evidence> {
    let running = target.live.deployed.known()?.running()?;
    let why = match (&target.live.got, &target.stored) {
        (Observed::Known(got), Ok(stored)) => match stale_keys(got, stored) {
            Some(keys) => return Some(Evidence::Values(keys)),
            None => "Railway returned unrendered references",
        },
        (Observed::Unavailable(why), Ok(_)) => why,
        _ => return None,
    };
    let changed = survey.times.known()?.since(target, &running.created_at, &survey.catalogue);
    Some(Evidence::Times { later: changed.later, near: changed.near, why: why.to_owned() })
}

/// Returns whether the deployment's variables can't be compared with the stored ones, so that only times can be used.
pub fn is_judged_by_time(target: &Target) -> bool {
    let (Observed::Known(got), Ok(stored)) = (&target.live.got, &target.stored) else { return true };
    stale_keys(got, stored).is_none()
}

/// Returns the sorted keys that a deployment has with another value than the stored one, without sealed values and
/// system variables. `None` if its variables can't be compared, because they contain unrendered references.
pub fn stale_keys(got: &DeployedVariables, stored: &BTreeMap<String, Variable>) -> Option<Vec<String>> {
    if is_unrendered(got, stored) {
        return None;
    }
    let mut keys: Vec<String> = stored
        .iter()
        .filter(|(key, variable)| !system_variables::is_provided(key) && !is_running(got, key, variable))
        .map(|(key, _)| key.clone())
        .collect();
    let is_gone = |key: &&String| !stored.contains_key(*key) && !system_variables::may_be_added(key);
    keys.extend(got.keys().filter(is_gone).cloned());
    keys.sort_unstable();
    Some(keys)
}

/// Returns whether a deployment runs with the stored value of the variable. An unknown value, such as a sealed one,
/// counts.
pub fn is_running(got: &DeployedVariables, key: &str, variable: &Variable) -> bool {
    let Some(effective) = variable.effective() else { return true };
    match got.get(key) {
        Some(Some(value)) => value == effective,
        Some(None) => true,
        None => false,
    }
}

/// Returns whether a deployment runs without a variable that is no longer stored. Tracing may set the same name.
pub fn is_removed(got: &DeployedVariables, key: &str) -> bool {
    !got.contains_key(key) || system_variables::is_set_by_tracing(key)
}

/// Returns whether its variables are the stored templates instead of rendered values, in case Railway returns these.
fn is_unrendered(got: &DeployedVariables, stored: &BTreeMap<String, Variable>) -> bool {
    stored.iter().any(|(key, variable)| {
        let kept = got.get(key).and_then(Option::as_ref);
        kept.is_some() && variable.template() == kept && variable.effective() != kept
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::drift::model::deployed_variables::DeployedVariables;
    use crate::drift::stale_evidence::stale_keys;
    use crate::drift::{Secret, Variable};

    fn stored(rows: &[(&str, &str)]) -> BTreeMap<String, Variable> {
        let variable = |text: &str| match text.split_once(" => ") {
            Some((template, rendered)) => Variable::Reference {
                template: Secret::new(template),
                rendered: (!rendered.is_empty()).then(|| Secret::new(rendered)),
            },
            None if text == "<sealed>" => Variable::Sealed,
            None => Variable::Plain(Secret::new(text)),
        };
        rows.iter().map(|(key, text)| ((*key).to_owned(), variable(text))).collect()
    }

    fn got(rows: &[(&str, Option<&str>)]) -> DeployedVariables {
        rows.iter().map(|(key, value)| ((*key).to_owned(), value.map(Secret::new))).collect()
    }

    #[test]
    fn only_known_differences_are_stale() {
        for (got_rows, stored_rows, expected) in [
            (&[("A", Some("1"))][..], &[("A", "1")][..], Some(&[][..])),
            (&[("A", Some("1"))], &[("A", "2")], Some(&["A"])),
            (&[], &[("A", "2")], Some(&["A"])),
            (&[("A", Some("1")), ("B", Some("2"))], &[("A", "1")], Some(&["B"])),
            (&[("A", None)], &[("A", "<sealed>")], Some(&[])),
            (&[], &[("A", "<sealed>")], Some(&[])),
            (&[("A", Some("x"))], &[("A", "${{P.A}} => x")], Some(&[])),
            (&[("A", Some("y"))], &[("A", "${{P.A}} => x")], Some(&["A"])),
            (&[("A", Some("${{P.A}}"))], &[("A", "${{P.A}} => x")], None),
            (&[("A", Some("y"))], &[("A", "${{P.A}} => ")], Some(&[])),
            (&[("RAILWAY_SERVICE_ID", Some("1")), ("RAILWAY_NEW_THING", Some("2"))], &[], Some(&[])),
            (&[], &[("RAILWAY_RUN_UID", "0")], Some(&["RAILWAY_RUN_UID"])),
            (&[("OTEL_SERVICE_NAME", Some("api")), ("OTEL_SERVICE_VERSION", Some("d1"))], &[], Some(&[])),
            (&[("OTEL_TRACES_SAMPLER", Some("always_on")), ("OTEL_TRACES_SAMPLER_ARG", None)], &[], Some(&[])),
            (&[("OTEL_SERVICE_NAME", Some("shop"))], &[("OTEL_SERVICE_NAME", "shop")], Some(&[])),
            (
                &[("OTEL_SERVICE_NAME", Some("api")), ("OTEL_SERVICE_VERSION", Some("d1"))],
                &[("OTEL_SERVICE_NAME", "shop")],
                Some(&["OTEL_SERVICE_NAME"]),
            ),
            (&[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x")], Some(&["OTEL_EXPORTER_OTLP_ENDPOINT"])),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", Some("http://a")), ("OTEL_EXPORTER_OTLP_HEADERS", Some("k=v"))],
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b")],
                Some(&["OTEL_EXPORTER_OTLP_ENDPOINT"]),
            ),
            (&[("OTEL_RESOURCE_ATTRIBUTES", Some("a=b"))], &[], Some(&["OTEL_RESOURCE_ATTRIBUTES"])),
        ] {
            let keys = stale_keys(&got(got_rows), &stored(stored_rows));
            let expected = expected.map(|keys| keys.iter().map(|&key| key.to_owned()).collect());
            assert_eq!(keys, expected, "{got_rows:?} against {stored_rows:?}");
        }
    }
}
