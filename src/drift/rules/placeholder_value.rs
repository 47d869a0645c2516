//! D110 placeholder-value: the whole value is a placeholder.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::comparison::{counting, observation};
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::{RuleCheck, suspicious_value};
use crate::drift::survey::Local;
use crate::drift::{Survey, Target, Variable, phrases, system_variables};

pub static RULE: Rule = Rule {
    code: "D110",
    name: "placeholder-value",
    severity: Severity::Error,
    summary: "A value is still a placeholder",
    explain: EXPLAIN,
    in_place_of: &[&suspicious_value::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

With a value such as `changeme`, the service starts and fails where the real value is needed. Worse, it may work with a
password that is public knowledge. Other tools print `***` or `[SENSITIVE]` instead of a value; pasting their output
stores these texts.

## Example

    .env:4   STRIPE_KEY=<your key>
    api      SESSION_SECRET=changeme

The finding is an error on Railway and a warning in the file. Only a value that consists entirely of a placeholder
counts. For a key that names a secret, text that asks for a value counts too (`generate_a_new_key`,
`sk_test_your_key_here`, 64 zeros), and so does a value that is unchanged from `.env.example`, `.env.sample` or
`.env.template`. A placeholder is never pushed.

## Fix

Set the real value. If one side has it, run `doctor fix --only STRIPE_KEY --pull` or `--push`.

## Suppress

    [[ignore]]
    keys   = [\"DEMO_PASSWORD\"]
    rules  = [\"placeholder-value\"]
    reason = \"the demo is public\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let mut keys: BTreeMap<&str, Vec<(&Target, &Variable)>> = BTreeMap::new();
    for target in survey.readable() {
        for (key, variable) in target.stored.iter().flatten() {
            let is_placeholder = matches!(variable, Variable::Plain(value) if survey.is_unset(key, value));
            if is_placeholder && !system_variables::is_provided(key) {
                keys.entry(key).or_default().push((target, variable));
            }
        }
    }
    let stored: Vec<Finding> = keys.into_iter().map(|(key, holders)| stored(survey, key, &holders)).collect();
    let reported: BTreeSet<&Location> = stored.iter().flat_map(|finding| &finding.places).collect();
    let is_new = |local: &Local<'_>| !reported.contains(&local.place());
    let local = counting(survey).into_iter().filter(|local| is_unset(survey, local)).filter(is_new).map(local);
    let local: Vec<Finding> = local.collect();
    [stored, local].concat()
}

fn is_unset(survey: &Survey, local: &Local<'_>) -> bool {
    survey.is_unset(&local.entry.key, &local.entry.value)
}

fn stored(survey: &Survey, key: &str, holders: &[(&Target, &Variable)]) -> Finding {
    let locals = holders.iter().filter_map(|(target, _)| survey.local(target, key));
    let locals: BTreeMap<Location, Local<'_>> =
        locals.filter(|local| is_unset(survey, local)).map(|local| (local.place(), local)).collect();
    let mut files: Vec<&str> = locals.keys().map(|place| place.file.as_str()).collect();
    files.dedup();
    let mut observations: Vec<_> = locals.values().map(Local::observation).collect();
    observations.extend(holders.iter().map(|(target, variable)| observation(target, Some(variable))));
    let message = format!("{key} is still a placeholder {}", phrases::sides(&files, true));
    let both = if files.is_empty() { "" } else { " and in the file" };
    Finding {
        key: Some(key.to_owned()),
        services: holders.iter().map(|(target, _)| target.service.clone()).collect(),
        advice: Some(format!("set {key} to its real value on Railway{both}")),
        places: locals.into_keys().collect(),
        observations,
        ..Finding::new(&RULE, message)
    }
}

fn local(local: Local<'_>) -> Finding {
    let (key, file) = (&local.entry.key, &local.file.name);
    Finding {
        severity: Severity::Warning,
        key: Some(key.clone()),
        places: vec![local.place()],
        advice: Some("set the real value, or remove the line if nothing needs it".to_owned()),
        observations: vec![local.observation()],
        ..Finding::new(&RULE, format!("{key} is still a placeholder in {file}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::rules::placeholder_value::RULE;
    use crate::drift::test_support::{healthy, layer, lines, survey, table};

    #[test]
    fn reports_placeholder_values() {
        let on_railway = "A is still a placeholder on Railway";
        let in_file = "warning A [] .env:1: A is still a placeholder in .env";
        let both = "error A [api, worker] .env:1: A is still a placeholder in .env and on Railway";
        let one = format!("error A [api]: {on_railway}");
        table(
            &RULE,
            &[
                (&["A=changeme"], &[("api", &["A=secret"])], &[in_file]),
                (&["A=secret"], &[("api", &["A=changeme"])], &[&one]),
                (&["A=***"], &[("api", &["A=***"]), ("worker", &["A=[SENSITIVE]"])], &[both]),
                (&["A="], &[("api", &["A="])], &[]),
                (&["A=my-changeme"], &[("api", &["A=<p>hello</p>"])], &[]),
                (&["A=secret"], &[("api", &["A=${{b.A}} => changeme", "B=<sealed>"])], &[]),
                (&["A=changeme", "A=secret"], &[("api", &["A=secret"])], &[]),
            ],
        );
    }

    #[test]
    fn higher_layer_may_replace_a_placeholder() {
        let mut found = survey(&["A=changeme"], &[("api", &["A=1"]), ("worker", &["A=1"])]);
        layer(&mut found, ".env.local", &["A=1"], &["api"]);
        assert_eq!(lines(&RULE, &found).len(), 1);
        let mut found = survey(&["A=changeme"], &[("api", &["A=1"]), ("worker", &["A=1"])]);
        layer(&mut found, ".env.local", &["A=1"], &["api", "worker"]);
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
