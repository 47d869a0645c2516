//! D113 indirect-value: one side refers to a value kept elsewhere.

use std::collections::BTreeMap;

use crate::drift::comparison::{ComparisonOutcome, Pair, observation, pairs};
use crate::drift::model::finding::{Finding, Location, Observation};
use crate::drift::model::fix::Direction;
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, needs, phrases};

pub static RULE: Rule = Rule {
    code: "D113",
    name: "indirect-value",
    severity: Severity::Note,
    summary: "A value is kept elsewhere and can't be compared",
    explain: EXPLAIN,
    markers: &[Marker::new(
        Mark::Indirect,
        "@",
        "indirect",
        "indirect",
        "one side refers to a value kept elsewhere, so it can't be compared",
    )],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck { obstacles, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

A value such as `op://dev/openai/credential` is not the secret itself: it refers to where the secret is kept, or
contains it encrypted. Whether the secret equals the other side's value is unknown, so the key was not compared.

## Example

    .env:2   OPENAI_API_KEY=op://dev/openai/credential
    api      OPENAI_API_KEY=sk-proj-…

These forms are recognised: `op://…` and `{{ op://… }}` (1Password), `encrypted:…` (dotenvx), `ENC[…]` (sops),
`vault:…`, `ref+…` and `secretref+…` (vals), `awssm:…`, `arn:aws:secretsmanager:…`, `infisical://…`, `doppler://…` and
`${{ secrets.NAME }}` (GitHub). Such a value is never pushed, and a pull neither writes nor overwrites one. Two equal
references do not count as equal values.

## Fix

No action is needed. To compare the real values, let the tool write them to a file that git ignores, and pass that file
with `doctor check --env-file .env.resolved`. Railway does not resolve such references; unless the program does, store
the value itself, or a Railway reference such as `${{shared.OPENAI_API_KEY}}`.

## Suppress

    [severity]
    indirect-value = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let mut keys: BTreeMap<&str, Vec<Pair<'_>>> = BTreeMap::new();
    for pair in pairs(survey).filter(|pair| pair.is_indirect(survey)) {
        keys.entry(pair.key).or_default().push(pair);
    }
    let needs = needs::unknown(survey, ComparisonOutcome::Indirect);
    let needs = needs.iter().map(|need| {
        let message = format!("{} on Railway refers to a value kept elsewhere and can't be checked", need.key);
        let finding = need.finding(&RULE, message);
        Finding { observations: finding.observations.into_iter().map(unknown).collect(), ..finding }
    });
    keys.into_iter().map(|(key, pairs)| finding(survey, key, &pairs)).chain(needs).collect()
}

fn finding(survey: &Survey, key: &str, pairs: &[Pair<'_>]) -> Finding {
    let locals: BTreeMap<Location, Pair<'_>> = pairs.iter().map(|pair| (pair.local.place(), *pair)).collect();
    let mut files: Vec<&str> = Vec::new();
    let mut observations: Vec<Observation> = Vec::new();
    for pair in locals.values() {
        let is_indirect = survey.is_indirect(pair.local_value());
        if is_indirect && files.last() != Some(&pair.local.file.name.as_str()) {
            files.push(&pair.local.file.name);
        }
        observations.push(if is_indirect { unknown(pair.local.observation()) } else { pair.local.observation() });
    }
    observations.extend(pairs.iter().map(|pair| {
        let stored = observation(pair.target, Some(pair.variable));
        if survey.is_stored_indirect(pair.variable) { unknown(stored) } else { stored }
    }));
    let sides = phrases::sides(&files, pairs.iter().any(|pair| survey.is_stored_indirect(pair.variable)));
    Finding {
        key: Some(key.to_owned()),
        services: pairs.iter().map(|pair| pair.target.service.clone()).collect(),
        places: locals.into_keys().collect(),
        observations,
        ..Finding::new(&RULE, format!("{key} {sides} refers to a value kept elsewhere and can't be compared"))
    }
}

fn obstacles(_: &Finding, key: &str) -> Vec<(Direction, String)> {
    let why = format!("{key} refers to a value kept elsewhere, so it is neither pushed nor pulled");
    [Direction::Push, Direction::Pull].map(|direction| (direction, why.clone())).to_vec()
}

/// Removes the text: equal references must not look like equal values.
fn unknown(observation: Observation) -> Observation {
    Observation { value: None, state: "indirect", ..observation }
}

#[cfg(test)]
mod tests {
    use super::{Direction, check};
    use crate::drift::engine::run_rules::{ComparedExtent, examine};
    use crate::drift::rules::indirect_value::{CHECK, RULE};
    use crate::drift::test_support::{
        healthy, layer, lines, out_of_scope, require, shared, survey, table, without_file,
    };

    fn line(services: &str, sides: &str) -> String {
        format!("note A [{services}] .env:1: A {sides} refers to a value kept elsewhere and can't be compared")
    }

    #[test]
    fn names_each_side_with_an_indirect_value() {
        let (local, stored, both) =
            (line("api", "in .env"), line("api", "on Railway"), line("api", "in .env and on Railway"));
        table(
            &RULE,
            &[
                (&["A=op://dev/a/b"], &[("api", &["A=real"])], &[&local]),
                (&["A=real"], &[("api", &["A=op://dev/a/b"])], &[&stored]),
                (&["A=op://dev/a/b"], &[("api", &["A=op://dev/a/b"])], &[&both]),
                (&["A=op://dev/a/b"], &[("api", &["A=<sealed>"])], &[&local]),
                (&["A=op://dev/a/b"], &[("api", &["A=${{b.A}} => real"])], &[&local]),
                (&["A=real"], &[("api", &["A=${{b.A}} => op://dev/a/b"])], &[&stored]),
                (&["A=${{ secrets.A }}"], &[("api", &["A=${{ secrets.A }} => "])], &[&both]),
                (&["A=op://dev/a/b"], &[("api", &["A="]), ("web", &["A=real"])], &[&line("api, web", "in .env")]),
                (&["A=op://"], &[("api", &["A=real"])], &[]),
                (&["A=vault:8200"], &[("api", &["A=vault:8201"])], &[]),
                (&["A=op://dev/a/b"], &[("api", &["B=1"])], &[]),
                (&["RAILWAY_PROJECT_ID=op://dev/a/b"], &[("api", &["RAILWAY_PROJECT_ID=1"])], &[]),
            ],
        );
    }

    #[test]
    fn names_each_file_and_shows_no_value() {
        let mut found = survey(&["A=op://dev/a/b"], &[("api", &["A=1"]), ("worker", &["A=op://dev/a/b"])]);
        layer(&mut found, "worker/.env", &["B=", "A=op://dev/a/c"], &["worker"]);
        let finding = check(&found).remove(0);
        let sides = "A in .env and worker/.env and on Railway refers to a value kept elsewhere and can't be compared";
        assert_eq!(finding.message, sides);
        let states: Vec<_> = finding.observations.iter().map(|one| (one.state, one.value.is_some())).collect();
        assert_eq!(states, [("indirect", false), ("indirect", false), ("stored", true), ("indirect", false)]);
        assert!(finding.next.is_none() && finding.remedies.is_empty());
    }

    /// For every pair, even of a required key, no other rule compares the values, and nothing counts as compared.
    #[test]
    fn indirect_value_is_unknown_to_every_rule() {
        for value in ["op://dev/a/b", "encrypted:BDqDBibm4wsYqMpCjTQ6", "ENC[x]", "${{ secrets.A }}", "ref+x://y"] {
            for stored in ["real", value, "", "changeme", "<sealed>"] {
                for (local, stored) in [(value, stored), (stored, value)] {
                    if local == "<sealed>" || local == "changeme" || local.is_empty() {
                        continue;
                    }
                    for key in ["API_KEY", "PORT"] {
                        let stored = if stored.contains("${{") { format!("{stored} => ") } else { stored.to_owned() };
                        let rows = [format!("{key}={local}"), format!("{key}={stored}")];
                        let mut found = survey(&[&rows[0]], &[("api", &[&rows[1]]), ("web", &[&rows[1]])]);
                        require(&mut found, key, &[]);
                        let examination = examine(&found);
                        let mut rules: Vec<_> = examination.findings.iter().map(|one| one.rule.name).collect();
                        rules.retain(|rule| *rule != "placeholder-value" || !rows[1].ends_with("=changeme"));
                        rules.retain(|rule| *rule != "empty-on-railway" || !rows[1].ends_with('='));
                        assert_eq!(rules, ["indirect-value"], "{rows:?}");
                        let extent = ComparedExtent { unknown: 1, ..ComparedExtent::default() };
                        assert_eq!(examination.extents, [extent; 2], "{rows:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn needed_key_is_reported_without_a_file() {
        let mut found = survey(&[], &[("api", &["A=op://dev/a", "B=op://b"]), ("web", &["A=op://dev/b"])]);
        without_file(&mut found);
        require(&mut found, "A", &[]);
        let message = "A on Railway refers to a value kept elsewhere and can't be checked";
        assert_eq!(lines(&RULE, &found), [format!("note A [api, web]: {message}")]);
        assert!(check(&found)[0].observations.iter().all(|one| one.value.is_none() && one.state == "indirect"));
    }

    #[test]
    fn service_named_secrets_makes_it_a_railway_reference() {
        let mut found = survey(&["A=1"], &[("api", &["A=${{secrets.A}} => 1"])]);
        assert_eq!(lines(&RULE, &found), [line("api", "on Railway")]);
        out_of_scope(&mut found, "secrets", &["A"]);
        shared(&mut found, "B");
        assert_eq!(lines(&RULE, &found), [""; 0]);
        assert_eq!(examine(&found).extents[0].compared, 1);
    }

    #[test]
    fn indirect_value_is_neither_pushed_nor_pulled() {
        let finding = check(&survey(&["A=op://dev/a/b"], &[("api", &["A=1"])])).remove(0);
        let why = "A refers to a value kept elsewhere, so it is neither pushed nor pulled".to_owned();
        assert_eq!((CHECK.obstacles)(&finding, "A"), [(Direction::Push, why.clone()), (Direction::Pull, why)]);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
