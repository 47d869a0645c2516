//! D108 sealed: the variable exists but can't be compared.

use std::collections::BTreeMap;

use crate::drift::comparison::{ComparisonOutcome, Pair, observation, pairs_with};
use crate::drift::model::finding::{Finding, Observation};
use crate::drift::model::fix::{Direction, Fix, FixCondition};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, Variable, needs};

pub static RULE: Rule = Rule {
    code: "D108",
    name: "sealed",
    severity: Severity::Note,
    summary: "A sealed variable can't be compared",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[(Direction::Push, FixCondition::Always)])),
    markers: &[Marker::new(Mark::Sealed, "#", "sealed", "sealed", "Railway does not return the value")],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

Railway never returns the value of a sealed variable, nor of one that refers to it. The variable is not missing, but
whether it equals the value in the file is unknown. The finding is a reminder that it was not checked. Without a file,
it is about needed keys: whether such a key has a value, and the same as on other services, is unknown.

## Example

    .env:4   SIGNING_KEY=…
    api      SIGNING_KEY is sealed

## Fix

No action is needed. If you doubt the value, set it again on Railway; it stays sealed.

## Suppress

    [severity]
    sealed = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let mut keys: BTreeMap<&str, Vec<Pair<'_>>> = BTreeMap::new();
    for pair in pairs_with(survey, ComparisonOutcome::Sealed) {
        keys.entry(pair.key).or_default().push(pair);
    }
    let needs = needs::unknown(survey, ComparisonOutcome::Sealed);
    let needs = needs.iter().map(|need| {
        let state = state(need.holders.iter().map(|(_, variable)| *variable));
        need.finding(&RULE, format!("{} {state} and can't be checked", need.key))
    });
    keys.into_iter().map(|(key, pairs)| finding(key, &pairs)).chain(needs).collect()
}

fn state<'s>(mut variables: impl Iterator<Item = &'s Variable>) -> &'static str {
    if variables.any(|variable| matches!(variable, Variable::Sealed)) {
        "is sealed on Railway"
    } else {
        "refers to a sealed variable"
    }
}

fn finding(key: &str, pairs: &[Pair<'_>]) -> Finding {
    let state = state(pairs.iter().map(|pair| pair.variable));
    let locals: BTreeMap<_, Observation> =
        pairs.iter().map(|pair| (pair.local.place(), pair.local.observation())).collect();
    let places = locals.keys().cloned().collect();
    let mut observations: Vec<Observation> = locals.into_values().collect();
    observations.extend(pairs.iter().map(|pair| observation(pair.target, Some(pair.variable))));
    Finding {
        key: Some(key.to_owned()),
        services: pairs.iter().map(|pair| pair.target.service.clone()).collect(),
        places,
        observations,
        ..Finding::new(&RULE, format!("{key} {state} and can't be compared"))
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::rules::sealed::RULE;
    use crate::drift::test_support::{healthy, lines, require, survey, table, template, without_file};

    #[test]
    fn reports_sealed_keys_of_the_file() {
        table(
            &RULE,
            &[
                (
                    &["A=1"],
                    &[("api", &["A=<sealed>"]), ("web", &["A=1"]), ("worker", &["A=${{B}} => <sealed>", "B=<sealed>"])],
                    &["note A [api, worker] .env:1: A is sealed on Railway and can't be compared"],
                ),
                (
                    &["A=1"],
                    &[("api", &["A=token=${{B}} => <sealed>", "B=<sealed>"])],
                    &["note A [api] .env:1: A refers to a sealed variable and can't be compared"],
                ),
                (&["A=${{x.A}}"], &[("api", &["A=${{x.A}} => <sealed>"])], &[]),
                (&["A=1"], &[("api", &["A="])], &[]),
                (&["A=1"], &[("api", &["B=<sealed>"])], &[]),
                (&["A=1"], &[("api", &["A=${{nowhere.B}} => <sealed>"])], &[]),
                (&["A=1"], &[("api", &["A=<unavailable>"])], &[]),
                (&["A=op://dev/a/b"], &[("api", &["A=<sealed>"])], &[]),
            ],
        );
    }

    #[test]
    fn needed_key_is_reported_without_a_file() {
        let rows = ["A=<sealed>", "B=${{A}} => <sealed>", "C=<sealed>"];
        let mut found = survey(&[], &[("api", &rows), ("web", &["A=<sealed>"]), ("docs", &["A=1"])]);
        without_file(&mut found);
        assert_eq!(lines(&RULE, &found), [""; 0]);
        template(&mut found, ".env.example", "X=\nB=\n", &["api", "web"]);
        require(&mut found, "A", &[]);
        let expected = [
            "note A [api, web]: A is sealed on Railway and can't be checked",
            "note B [api] .env.example:2: B refers to a sealed variable and can't be checked",
        ];
        assert_eq!(lines(&RULE, &found), expected);
    }

    #[test]
    fn sealed_value_is_not_observed() {
        let findings = check(&survey(&["A=1"], &[("api", &["A=<sealed>"])]));
        let observed = findings[0].observations.iter().map(|one| (one.state, one.value.is_some()));
        let observed: Vec<_> = observed.collect();
        assert_eq!(observed, [("local", true), ("sealed", false)]);
        assert!(findings[0].remedies.is_empty());
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
