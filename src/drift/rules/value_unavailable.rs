//! D114 value-unavailable: the variable is not sealed, but Railway returned no value.

use std::collections::BTreeMap;

use crate::drift::Survey;
use crate::drift::comparison::{ComparisonOutcome, Pair, observation, pairs_with};
use crate::drift::model::finding::{Finding, Observation};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::needs::{self, UnknownNeed};
use crate::drift::rules::RuleCheck;

pub static RULE: Rule = Rule {
    code: "D114",
    name: "value-unavailable",
    severity: Severity::Warning,
    summary: "Railway returned no value for a variable that is not sealed",
    explain: EXPLAIN,
    markers: &[Marker::new(
        Mark::Unavailable,
        "u",
        "unavailable",
        "unavailable",
        "not sealed, but Railway returned no value",
    )],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

Railway lists the variable as not sealed, but its response has no value for it. Whether it equals the value in the file
is unknown. Unlike a sealed variable, this one should have been compared.

## Example

    .env:4   SMTP_PASSWORD=…
    api      SMTP_PASSWORD exists, but its value was not returned

The finding is a warning. If the key is required, it is an error: nothing shows that the values are equal.

## Fix

Run `doctor check` again: the response may have been incomplete. If the problem persists, open the variable in the
dashboard. If its value is missing there, too, set it again.

## Suppress

    [severity]
    value-unavailable = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let mut keys: BTreeMap<&str, Vec<Pair<'_>>> = BTreeMap::new();
    for pair in pairs_with(survey, ComparisonOutcome::Unavailable) {
        keys.entry(pair.key).or_default().push(pair);
    }
    let needs = needs::unknown(survey, ComparisonOutcome::Unavailable);
    let needs = needs.iter().map(of_need);
    keys.into_iter().map(|(key, pairs)| finding(survey, key, &pairs)).chain(needs).collect()
}

fn of_need(need: &UnknownNeed<'_>) -> Finding {
    let message = format!("{} was not checked: Railway returned no value, although it is not sealed", need.key);
    Finding {
        severity: if need.is_required() { Severity::Error } else { RULE.severity },
        required: need.is_required(),
        advice: Some(advice(need.key)),
        ..need.finding(&RULE, message)
    }
}

fn advice(key: &str) -> String {
    format!("check again; if the problem persists, open {key} in the dashboard")
}

fn finding(survey: &Survey, key: &str, pairs: &[Pair<'_>]) -> Finding {
    let required = pairs.iter().any(|pair| survey.requires(pair.target, key));
    let locals: BTreeMap<_, Observation> =
        pairs.iter().map(|pair| (pair.local.place(), pair.local.observation())).collect();
    let places = locals.keys().cloned().collect();
    let mut observations: Vec<Observation> = locals.into_values().collect();
    observations.extend(pairs.iter().map(|pair| observation(pair.target, Some(pair.variable))));
    Finding {
        severity: if required { Severity::Error } else { RULE.severity },
        required,
        key: Some(key.to_owned()),
        services: pairs.iter().map(|pair| pair.target.service.clone()).collect(),
        places,
        advice: Some(advice(key)),
        observations,
        ..Finding::new(&RULE, format!("{key} was not compared: Railway returned no value, although it is not sealed"))
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Survey;
    use crate::drift::engine::run_rules::{ComparedExtent, examine};
    use crate::drift::rules::value_unavailable::RULE;
    use crate::drift::test_support::{healthy, lines, out_of_scope, require, survey, table, template, without_file};

    fn required(found: &Survey) -> Vec<bool> {
        check(found).iter().map(|finding| finding.required).collect()
    }

    const MESSAGE: &str = "A was not compared: Railway returned no value, although it is not sealed";

    #[test]
    fn unavailable_value_is_neither_sealed_nor_equal() {
        let one = format!("warning A [api] .env:1: {MESSAGE}");
        let two = format!("warning A [api, web] .env:1: {MESSAGE}");
        table(
            &RULE,
            &[
                (&["A=1"], &[("api", &["A=<unavailable>"])], &[&one]),
                (&["A=1"], &[("api", &["A=<unavailable>"]), ("web", &["A=<unavailable>"])], &[&two]),
                (&["A=1"], &[("api", &["A=<unavailable>"]), ("web", &["A=1"])], &[&one]),
                (&["A=1"], &[("api", &["A=<sealed>"])], &[]),
                (&["B=1"], &[("api", &["A=<unavailable>"])], &[]),
                // A reference without a rendered value depends on a sealed variable, or should have a value.
                (&["A=1"], &[("api", &["A=${{B}} => <sealed>", "B=2"])], &[&one]),
                (&["A=1"], &[("api", &["A=${{RAILWAY_SERVICE_NAME}} => <sealed>"])], &[&one]),
                (&["A=1"], &[("api", &["A=${{B}} => <sealed>", "B=<unavailable>"])], &[&one]),
                (&["A=1"], &[("api", &["A=${{B}} => <sealed>", "B=${{C}} => <sealed>", "C=1"])], &[&one]),
                (&["A=1"], &[("api", &["A=${{A}} => <sealed>"])], &[]),
                (&["A=1"], &[("api", &["A=${{B}} => <sealed>", "B=<sealed>"])], &[]),
                (
                    &["A=1"],
                    &[("api", &["A=${{B}}${{C}} => <sealed>", "B=2", "C=${{D}} => <sealed>", "D=<sealed>"])],
                    &[],
                ),
                (&["A=${{B}}"], &[("api", &["A=${{B}} => <sealed>", "B=2"])], &[]),
            ],
        );
        let mut found = survey(&["A=1"], &[("api", &["A=${{db.A}} => <sealed>"])]);
        out_of_scope(&mut found, "db", &["A"]);
        assert_eq!(lines(&RULE, &found), [""; 0], "a variable out of scope may be sealed");
    }

    #[test]
    fn unavailable_value_is_counted_as_unknown() {
        let mut found = survey(&["A=1"], &[("api", &["A=<unavailable>"])]);
        let examination = examine(&found);
        let rules: Vec<_> = examination.findings.iter().map(|finding| finding.rule.name).collect();
        assert_eq!(
            (rules.as_slice(), examination.extents[0]),
            (&["value-unavailable"][..], ComparedExtent { unknown: 1, ..ComparedExtent::default() },)
        );
        require(&mut found, "A", &[]);
        assert_eq!(lines(&RULE, &found), [format!("error A [api] .env:1: {MESSAGE}")]);
        assert_eq!(required(&found), [true], "[severity] can't lower it");
    }

    #[test]
    fn needed_key_is_reported_without_a_file() {
        let mut found = survey(&[], &[("api", &["A=<unavailable>", "B=<unavailable>", "C=<unavailable>"])]);
        without_file(&mut found);
        template(&mut found, ".env.example", "B=\n", &["api"]);
        require(&mut found, "A", &[]);
        let message = "was not checked: Railway returned no value, although it is not sealed";
        let expected = [format!("error A [api]: A {message}"), format!("warning B [api] .env.example:1: B {message}")];
        assert_eq!(lines(&RULE, &found), expected);
        assert_eq!(required(&found), [true, false]);
        let advice = "check again; if the problem persists, open A in the dashboard";
        assert_eq!(check(&found)[0].advice.as_deref(), Some(advice));
        assert_eq!(
            examine(&found).extents[0],
            ComparedExtent { unknown: 2, needs: Some(0), ..ComparedExtent::default() }
        );
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
