//! D110 placeholder-value: the whole value is a placeholder.

use std::collections::BTreeMap;

use crate::drift::comparison::{counting, observation};
use crate::drift::model::finding::Finding;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::survey::Local;
use crate::drift::{Survey, Target, Variable, system_variables};

pub static RULE: Rule = Rule {
    code: "D110",
    name: "placeholder-value",
    severity: Severity::Error,
    summary: "A value is still a placeholder",
    explain: EXPLAIN,
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
    let stored = keys.into_iter().map(|(key, holders)| stored(key, &holders));
    let local =
        counting(survey).into_iter().filter(|local| survey.is_unset(&local.entry.key, &local.entry.value)).map(local);
    stored.chain(local).collect()
}

fn stored(key: &str, holders: &[(&Target, &Variable)]) -> Finding {
    Finding {
        key: Some(key.to_owned()),
        services: holders.iter().map(|(target, _)| target.service.clone()).collect(),
        advice: Some(format!("set {key} to its real value on Railway")),
        observations: holders.iter().map(|(target, variable)| observation(target, Some(variable))).collect(),
        ..Finding::new(&RULE, format!("{key} is still a placeholder on Railway"))
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
        let (one, two) = (format!("error A [api]: {on_railway}"), format!("error A [api, worker]: {on_railway}"));
        table(
            &RULE,
            &[
                (&["A=changeme"], &[("api", &["A=secret"])], &[in_file]),
                (&["A=secret"], &[("api", &["A=changeme"])], &[&one]),
                (&["A=***"], &[("api", &["A=***"]), ("worker", &["A=[SENSITIVE]"])], &[&two, in_file]),
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
