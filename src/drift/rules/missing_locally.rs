//! D102 missing-locally: on a service but not in the file.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::comparison::observation;
use crate::drift::dotenv::ReadOnly;
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::fix::{Direction, Fix, FixCondition};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::{RuleCheck, example_key_missing};
use crate::drift::{Secret, Survey, Target, Variable, phrases, system_variables};

pub static RULE: Rule = Rule {
    code: "D102",
    name: "missing-locally",
    severity: Severity::Note,
    summary: "A variable on a service is missing from the file",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[(Direction::Pull, FixCondition::Remedy), (Direction::Remove, FixCondition::Prune)])),
    markers: &[Marker::new(
        Mark::MissingLocally,
        "+",
        "Railway only",
        "missing-locally",
        "on Railway but not in the file",
    )],
    // A service usually has many keys that the file does not need.
    counted_as: Some("only on Railway"),
    in_place_of: &[&example_key_missing::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A variable that exists only on Railway is often intended only for Railway. Sometimes, though, a colleague set it in
the dashboard, and your local program needs it too.

## Example

    api      SENTRY_DSN=…
    .env     (no such line)

The finding is a note, shown as one line per service; `-v` lists the names. If the services that have the key have
different values, the finding states it. If a service requires the key, it is an error on that service.

## Fix

`doctor fix --only SENTRY_DSN --pull` writes it to the file. A sealed variable can't be pulled, because Railway does
not return its value. An indirect value such as `op://…` is not pulled either.

## Suppress

    [severity]
    missing-locally = \"off\"

or, for some keys only:

    [[ignore]]
    keys   = [\"SENTRY_*\"]
    rules  = [\"missing-locally\"]
    reason = \"errors are reported from Railway only\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let mut missing: BTreeMap<&str, Vec<(&Target, &Variable)>> = BTreeMap::new();
    for target in survey.readable().filter(|target| target.has_file()) {
        for (key, variable) in target.stored.iter().flatten() {
            if survey.local(target, key).is_none() && !system_variables::is_provided(key) {
                missing.entry(key).or_default().push((target, variable));
            }
        }
    }
    missing.into_iter().map(|(key, holders)| finding(survey, key, &holders)).collect()
}

fn finding(survey: &Survey, key: &str, holders: &[(&Target, &Variable)]) -> Finding {
    // If services require the key, the finding is about them. The key is missing for the others, too, but is no fault.
    let requiring: Vec<_> = holders.iter().copied().filter(|(target, _)| survey.requires(target, key)).collect();
    let required = !requiring.is_empty();
    let holders = if required { &requiring } else { holders };
    let layers: BTreeSet<usize> = holders.iter().flat_map(|(target, _)| &target.layers).copied().collect();
    // `None` is the smallest: one file that can be written is enough.
    let read_only = layers.iter().map(|&layer| survey.files[layer].read_only).min().flatten();
    let files: Vec<&str> = layers.into_iter().map(|layer| survey.files[layer].name.as_str()).collect();
    let values: BTreeSet<&str> =
        holders.iter().filter_map(|(_, variable)| variable.effective()).map(Secret::expose).collect();
    let finding = Finding {
        severity: if required { Severity::Error } else { RULE.severity },
        required,
        key: Some(key.to_owned()),
        services: holders.iter().map(|(target, _)| target.service.clone()).collect(),
        reason: (values.len() > 1).then(|| "its values on the services differ".to_owned()),
        observations: holders.iter().map(|(target, variable)| observation(target, Some(variable))).collect(),
        ..Finding::new(&RULE, message(key, &files, required))
    };
    if holders.iter().all(|(_, variable)| variable.is_unknown()) {
        let advice = "copy it from its original source, because Railway does not return the value".to_owned();
        return Finding { advice: Some(advice), ..finding };
    }
    if holders.iter().any(|(_, variable)| survey.is_stored_indirect(variable)) {
        let advice = format!("copy {key} from its original source, which the value on Railway refers to");
        return Finding { advice: Some(advice), ..finding };
    }
    if let Some(read_only) = read_only {
        let advice = match read_only {
            ReadOnly::Stream => format!("add it to the source of {}, which can't be written", phrases::names(&files)),
            ReadOnly::MainWorktree => format!("add it to {}", phrases::alternatives(&files)),
        };
        return Finding { advice: Some(advice), ..finding };
    }
    Finding { remedies: vec![Remedy::Pull], next: Some(Finding::fix_only(key)), ..finding }
}

fn message(key: &str, files: &[&str], required: bool) -> String {
    if required {
        format!("{key} is required but missing from {}", phrases::names(files))
    } else {
        format!("{key} is on Railway but not in {}", phrases::alternatives(files))
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::dotenv::ReadOnly;
    use crate::drift::model::finding::Remedy;
    use crate::drift::rules::missing_locally::RULE;
    use crate::drift::test_support::{healthy, layer, lines, require, survey, table, without_file};

    #[test]
    fn reports_keys_missing_from_the_file() {
        table(
            &RULE,
            &[
                (&["A=1"], &[("api", &["A=2"])], &[]),
                (&[], &[("api", &["A=1"])], &["note A [api]: A is on Railway but not in .env"]),
                (&[], &[("api", &["A="])], &["note A [api]: A is on Railway but not in .env"]),
                (
                    &["a=1"],
                    &[("api", &["A=1"]), ("web", &["A=<sealed>"])],
                    &["note A [api, web]: A is on Railway but not in .env"],
                ),
                (&[], &[("api", &["RAILWAY_PUBLIC_DOMAIN=x"])], &[]),
                (
                    &[],
                    &[("api", &["RAILWAY_RUN_UID=0"])],
                    &["note RAILWAY_RUN_UID [api]: RAILWAY_RUN_UID is on Railway but not in .env"],
                ),
            ],
        );
    }

    #[test]
    fn key_may_be_in_any_layer_of_the_service() {
        let mut found = survey(&["A=1"], &[("api", &["A=1", "B=1"]), ("worker", &["A=1", "B=1"])]);
        layer(&mut found, "worker/.env", &["B=1"], &["worker"]);
        assert_eq!(lines(&RULE, &found), ["note B [api]: B is on Railway but not in .env"]);
    }

    #[test]
    fn required_key_is_an_error() {
        let mut found = survey(&[], &[("api", &["A=1"]), ("worker", &["A=1"])]);
        require(&mut found, "A", &["worker"]);
        assert_eq!(lines(&RULE, &found), ["error A [worker]: A is required but missing from .env"]);
        assert!(check(&found)[0].required);
    }

    #[test]
    fn nothing_is_missing_without_a_file() {
        let mut found = survey(&[], &[("api", &["A=1"]), ("worker", &["A=1"])]);
        require(&mut found, "A", &[]);
        without_file(&mut found);
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn differing_values_are_reported_as_the_cause() {
        let differ = Some("its values on the services differ");
        for (web, reason) in [("A=1", None), ("A=2", differ), ("A=<sealed>", None), ("A=${{api.B}} => 2", differ)] {
            let found = survey(&[], &[("api", &["A=1"]), ("web", &[web])]);
            assert_eq!(check(&found)[0].reason.as_deref(), reason, "{web}");
        }
    }

    #[test]
    fn key_sealed_everywhere_cannot_be_pulled() {
        let findings =
            check(&survey(&[], &[("api", &["A=<sealed>", "B=<sealed>", "C=${{x.C}} => <sealed>"]), ("web", &["B=1"])]));
        let remedies: Vec<_> = findings.iter().map(|finding| finding.remedies.as_slice()).collect();
        assert_eq!(remedies, [&[][..], &[Remedy::Pull], &[]]);
    }

    #[test]
    fn indirect_value_is_not_pulled() {
        for stored in ["op://dev/a/b", "encrypted:BDqDBibm4wsYqMpCjTQ6", "${{b.A}} => vault:secret/data/a"] {
            let rows = [format!("A={stored}")];
            let finding = check(&survey(&[], &[("api", &[&rows[0]]), ("web", &["A=1"])])).remove(0);
            assert!(finding.remedies.is_empty() && finding.next.is_none() && finding.advice.is_some(), "{stored}");
        }
    }

    #[test]
    fn key_missing_from_a_read_only_file_is_not_pulled() {
        let mut found = survey(&["A=1"], &[("api", &["A=1", "B=2"])]);
        require(&mut found, "B", &[]);
        for (read_only, advice) in [
            (ReadOnly::Stream, "add it to the source of .env, which can't be written"),
            (ReadOnly::MainWorktree, "add it to .env"),
        ] {
            found.files[0].read_only = Some(read_only);
            let finding = check(&found).into_iter().find(|one| one.key.as_deref() == Some("B")).unwrap();
            assert_eq!((finding.remedies.as_slice(), finding.next), (&[][..], None));
            assert_eq!(finding.advice.as_deref(), Some(advice));
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
