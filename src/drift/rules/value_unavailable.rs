//! D114 value-unavailable: not sealed, and Railway returned no value.

use std::collections::BTreeMap;

use crate::drift::Survey;
use crate::drift::comparison::{ComparisonOutcome, Pair, pairs, sighting};
use crate::drift::model::finding::{Finding, Observation};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;

/// The rule.
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
        "on Railway, which returned no value although it is not sealed",
    )],
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

Railway lists the variable as not sealed, and its response has no value for it. So the value is unknown: it may or may
not be equal to the one in the file. Unlike a sealed variable, this one should have been compared.

## Example

    .env:4   SMTP_PASSWORD=…
    api      SMTP_PASSWORD exists, and its value was not returned

It is a warning. If the key is required, it is an error: nothing shows that the values are equal.

## How to mend it

Run `doctor check` again: the response may have been incomplete. If it stays, open the variable on Railway's dashboard.
If its value is not visible there either, set it again.

## How to silence it

    [severity]
    value-unavailable = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let mut keys: BTreeMap<&str, Vec<Pair<'_>>> = BTreeMap::new();
    for pair in pairs(survey).filter(|pair| pair.verdict(survey) == ComparisonOutcome::Unavailable) {
        keys.entry(pair.key).or_default().push(pair);
    }
    keys.into_iter().map(|(key, pairs)| finding(survey, key, &pairs)).collect()
}

fn finding(survey: &Survey, key: &str, pairs: &[Pair<'_>]) -> Finding {
    let required = pairs.iter().any(|pair| survey.requires(pair.target, key));
    let locals: BTreeMap<_, Observation> =
        pairs.iter().map(|pair| (pair.local.place(), pair.local.sighting())).collect();
    let places = locals.keys().cloned().collect();
    let mut sightings: Vec<Observation> = locals.into_values().collect();
    sightings.extend(pairs.iter().map(|pair| sighting(pair.target, Some(pair.variable))));
    Finding {
        severity: if required { Severity::Error } else { RULE.severity },
        required,
        key: Some(key.to_owned()),
        services: pairs.iter().map(|pair| pair.target.service.clone()).collect(),
        places,
        advice: Some(format!("check again, then see {key} on Railway's dashboard")),
        sightings,
        ..Finding::new(&RULE, format!("Railway returned no value for {key}, which is not sealed; it was not compared"))
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::engine::run_rules::{ComparedExtent, examine};
    use crate::drift::rules::value_unavailable::RULE;
    use crate::drift::test_support::{healthy, lines, out_of_scope, require, survey, table};

    const TOLD: &str = "Railway returned no value for A, which is not sealed; it was not compared";

    #[test]
    fn unavailable_value_is_neither_sealed_nor_equal() {
        let (one, two) = (format!("warning A [api] .env:1: {TOLD}"), format!("warning A [api, web] .env:1: {TOLD}"));
        table(
            &RULE,
            &[
                (&["A=1"], &[("api", &["A=<unavailable>"])], &[&one]),
                (&["A=1"], &[("api", &["A=<unavailable>"]), ("web", &["A=<unavailable>"])], &[&two]),
                (&["A=1"], &[("api", &["A=<unavailable>"]), ("web", &["A=1"])], &[&one]),
                (&["A=1"], &[("api", &["A=<sealed>"])], &[]),
                (&["B=1"], &[("api", &["A=<unavailable>"])], &[]),
                // A reference without a rendered value goes through something sealed, or should have one.
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
            (&["value-unavailable"][..], ComparedExtent { compared: 0, sealed: 0, unknown: 1 },)
        );
        require(&mut found, "A", &[]);
        assert_eq!(lines(&RULE, &found), [format!("error A [api] .env:1: {TOLD}")]);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
