//! D103 value-differs: the same name, two values.

use std::collections::BTreeMap;

use crate::drift::comparison::{ComparisonOutcome, Pair, pairs, sighting};
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::fix::{Bulk, Direction, EmptyValue, Fix, FixCondition, VariableFix};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::reason::other_values::OtherValues;
use crate::drift::reason::{Reason, ReasonSide};
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, Variable};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D103",
    name: "value-differs",
    severity: Severity::Error,
    summary: "The file and Railway hold different values",
    explain: EXPLAIN,
    fix: Some(Fix::Variable(VariableFix {
        directions: &[(Direction::Push, FixCondition::Remedy), (Direction::Pull, FixCondition::Remedy)],
        bulk: Bulk::Included,
        empty_value: EmptyValue::Pushed,
    })),
    markers: &[Marker::new(Mark::Differs, "≠", "differs", "differs", "the file and Railway hold different values")],
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck { obstacles, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

A key that was rotated in the file and not on Railway, or on one of three services, is the most common cause of
“invalid API key” in a system that worked yesterday. Nothing reports it: each side is right by itself.

## Example

`.env` was changed, the services were not:

    .env:3   OPS_API_KEY=new-key
    api      OPS_API_KEY=old-key
    worker   OPS_API_KEY=old-key

Services that share the fault are one finding. A key that is empty in the file has not been set there: that is a note,
and is pushed only if it is selected individually. Values are compared byte for byte, and where it can be told why they
differ (a line break at the end, quotes that a shell stored, only upper and lower case, …), the finding says so.
Values are never shown; equal fingerprints mean equal values. That a value is another key's is reported only for files
that you chose: `--env-file`, an untracked `.env`, or a file of a `doctor.toml` that you accepted with `doctor trust`.

## How to mend it

- The file is right: push it with `doctor fix --only OPS_API_KEY --push`.
- Railway is right: pull it with `doctor fix --only OPS_API_KEY --pull`.

A service goes on with its old values until it is deployed again.

## How to silence it

If the two differ on purpose, say so in `doctor.toml`:

    [[ignore]]
    keys   = [\"OPS_API_KEY\"]
    rules  = [\"value-differs\"]
    reason = \"everybody has a key of their own\"
";

/// Services share a finding when key, place and reason are the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct DifferingGroup<'s> {
    key: &'s str,
    file: &'s str,
    line: usize,
    reason: Option<Reason>,
}

fn check(survey: &Survey) -> Vec<Finding> {
    let differing: Vec<Pair<'_>> =
        pairs(survey).filter(|pair| pair.verdict(survey) == ComparisonOutcome::Differs).collect();
    let others = OtherValues::of(survey, &differing);
    let mut groups: BTreeMap<DifferingGroup<'_>, Vec<Pair<'_>>> = BTreeMap::new();
    for pair in differing {
        if let Variable::Plain(stored) = pair.variable {
            let around = || others.around(&pair).reason(pair.local_value(), stored);
            let reason = pair.reason_by_texts(survey).or_else(around);
            let (file, line) = (pair.local.file.name.as_str(), pair.local.entry.line);
            groups.entry(DifferingGroup { key: pair.key, file, line, reason }).or_default().push(pair);
        }
    }
    groups.into_iter().map(|(group, pairs)| finding(survey, &group, &pairs)).collect()
}

fn finding(survey: &Survey, group: &DifferingGroup<'_>, pairs: &[Pair<'_>]) -> Finding {
    let DifferingGroup { key, file, reason, .. } = group;
    let local = pairs[0].local;
    let mut sightings = vec![local.sighting()];
    sightings.extend(pairs.iter().map(|pair| sighting(pair.target, Some(pair.variable))));
    let required = pairs.iter().any(|pair| survey.requires(pair.target, key));
    // Not set locally is not wrong: the services have the value.
    let is_note = *reason == Some(Reason::Empty(ReasonSide::Local)) && !required;
    let message = if is_note {
        format!("{key} is empty in {file}, and has a value on Railway")
    } else {
        format!("{key} differs between {file} and Railway")
    };
    let remedies = remedies(survey, pairs);
    Finding {
        severity: if is_note { Severity::Note } else { RULE.severity },
        required,
        key: Some((*key).to_owned()),
        services: pairs.iter().map(|pair| pair.target.service.clone()).collect(),
        places: vec![local.place()],
        reason: reason.as_ref().filter(|_| !is_note).map(Reason::sentence),
        next: Some(Finding::fix_only(key)).filter(|_| !is_note && !remedies.is_empty()),
        remedies,
        advice: reason.as_ref().and_then(Reason::advice),
        sightings,
        ..Finding::new(&RULE, message)
    }
}

/// A side that was never set is not copied over the other. An empty local value may be pushed if it is selected
/// individually.
fn remedies(survey: &Survey, pairs: &[Pair<'_>]) -> Vec<Remedy> {
    let local = pairs[0].local_value();
    let may_pull = |pair: &Pair<'_>| {
        let stored = pair.variable.effective();
        stored.is_some_and(|stored| !stored.expose().is_empty() && !survey.is_unset(pair.key, stored))
    };
    let push = (!survey.is_unset(pairs[0].key, local)).then_some(Remedy::Push);
    let pull = pairs.iter().any(may_pull).then_some(Remedy::Pull);
    let order = if local.expose().is_empty() { [pull, push] } else { [push, pull] };
    order.into_iter().flatten().collect()
}

/// Why a value that differs is not pushed.
fn obstacles(finding: &Finding, key: &str) -> Vec<(Direction, String)> {
    if finding.remedies.contains(&Remedy::Push) {
        return Vec::new();
    }
    let why = match finding.advice.as_deref().filter(|advice| advice.starts_with("it is not pushed")) {
        Some(advice) => format!("{key}: {advice}"),
        None => format!("{key} is a placeholder in the file, so it is not pushed"),
    };
    vec![(Direction::Push, why)]
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::model::finding::Remedy;
    use crate::drift::rules::value_differs::RULE;
    use crate::drift::test_support::{healthy, layer, lines, require, survey, table};

    #[test]
    fn reports_only_real_differences() {
        let differs = "error A [api] .env:1: A differs between .env and Railway";
        table(
            &RULE,
            &[
                (&["A=1"], &[("api", &["A=1"])], &[]),
                (&["A=1"], &[("api", &["A=2"])], &[differs]),
                (&["A="], &[("api", &["A="])], &[]),
                (&["A= 1"], &[("api", &["A=1"])], &[differs]),
                (&["A=1"], &[("api", &["A=<sealed>"])], &[]),
                (&["A=1"], &[("api", &["B=2"])], &[]),
                (&["A=1"], &[("api", &["A=${{B.A}} => 2"])], &[]),
                (&["A=${{B.A}}"], &[("api", &["A=2"])], &[differs]),
                (&["A=http://localhost"], &[("api", &["A=https://x.com"])], &[]),
                (&["PORT=1"], &[("api", &["PORT=2"])], &[]),
                (&["RAILWAY_PROJECT_ID=1"], &[("api", &["RAILWAY_PROJECT_ID=2"])], &[]),
                (&["A=2", "A=1"], &[("api", &["A=1"])], &[]),
            ],
        );
    }

    #[test]
    fn services_with_the_same_difference_share_a_finding() {
        let found = survey(&["A=1"], &[("api", &["A=2"]), ("web", &["A=1"]), ("worker", &["A=3"])]);
        assert_eq!(lines(&RULE, &found), ["error A [api, worker] .env:1: A differs between .env and Railway"]);
        let finding = &check(&found)[0];
        let seen: Vec<(&str, &str)> = finding.sightings.iter().map(|seen| (seen.place.as_str(), seen.state)).collect();
        assert_eq!(seen, [(".env:1", "local"), ("api", "stored"), ("worker", "stored")]);
        assert_eq!(finding.next.as_deref().unwrap(), ["fix", "--only", "A"]);
    }

    #[test]
    fn different_reason_or_file_is_a_separate_finding() {
        let mut found = survey(&["A=one"], &[("api", &["A=two"]), ("web", &["A=ONE"]), ("worker", &["A=two"])]);
        layer(&mut found, "worker/.env", &["B=", "A=three"], &["worker"]);
        assert_eq!(
            lines(&RULE, &found),
            [
                "error A [api] .env:1: A differs between .env and Railway",
                "error A [web] .env:1: A differs between .env and Railway",
                "error A [worker] worker/.env:2: A differs between worker/.env and Railway",
            ]
        );
        let findings = check(&found);
        let reasons: Vec<_> = findings.iter().map(|finding| finding.reason.as_deref()).collect();
        assert_eq!(reasons, [None, Some("only upper and lower case differ"), None]);
    }

    #[test]
    fn value_found_elsewhere_is_a_reason() {
        type Case<'c> = (&'c [&'c str], &'c [&'c str], &'c [&'c str], &'c str);
        let cases: &[Case<'_>] = &[
            (&["A=rotated-key"], &["A=old"], &["A=rotated-key"], "the local value is what worker holds"),
            (&["A=rotated-key"], &["A=old"], &["B=rotated-key"], "the local value is what worker has as B"),
            (&["A=rotated-key"], &["A=old", "B=rotated-key"], &[], "the local value is what the service has as B"),
            (&["A=rotated-key", "B=other-key"], &["A=other-key"], &[], "the stored value is that of B in the file"),
            (
                &["A=https://$B/x", "B=example.com"],
                &["A=https://example.com/x"],
                &[],
                "the local value has a $ that a loader took for a variable on its way to the stored one",
            ),
        ];
        for (file, api, worker, reason) in cases {
            let findings = check(&survey(file, &[("api", api), ("worker", worker)]));
            assert_eq!(findings[0].reason.as_deref(), Some(*reason), "{file:?}");
        }
    }

    #[test]
    fn file_from_checkout_gives_no_reason() {
        type Case<'c> = (&'c [&'c str], &'c [&'c str], &'c [&'c str]);
        let cases: &[Case<'_>] = &[
            (&["A=rotated-key"], &["A=old"], &["A=rotated-key"]),
            (&["A=rotated-key"], &["A=old"], &["B=rotated-key"]),
            (&["A=rotated-key"], &["A=old", "B=rotated-key"], &[]),
            (&["A=rotated-key", "B=other-key"], &["A=other-key"], &[]),
        ];
        for (file, api, worker) in cases {
            let mut found = survey(file, &[("api", api), ("worker", worker)]);
            found.files[0].is_from_checkout = true;
            assert_eq!(check(&found)[0].reason, None, "{file:?}");
        }
        let mut found = survey(&["B=other-key"], &[("api", &["A=other-key"])]);
        layer(&mut found, ".env.local", &["A=the-new-key"], &["api"]);
        found.files[0].is_from_checkout = true;
        assert_eq!(check(&found)[0].reason, None);
    }

    #[test]
    fn same_key_in_a_lower_layer_is_not_a_reason() {
        let mut found = survey(&["A=the-old-key"], &[("api", &["A=the-old-key"])]);
        layer(&mut found, ".env.local", &["A=the-new-key"], &["api"]);
        assert_eq!(check(&found)[0].reason, None);
    }

    #[test]
    fn short_and_ordinary_values_are_not_a_reason() {
        for (local, stored) in [("short", "old"), ("true", "false"), ("1234567890", "1"), ("2026-10-03", "1")] {
            let (file, worker) = ([format!("A={local}")], [format!("A={local}")]);
            let found = survey(&[&file[0]], &[("api", &[&format!("A={stored}")]), ("worker", &[&worker[0]])]);
            assert_eq!(check(&found)[0].reason, None, "{local}");
        }
    }

    #[test]
    fn unset_side_is_never_the_preferred_source() {
        for (local, stored, remedies) in [
            ("A=one", "A=two", &[Remedy::Push, Remedy::Pull][..]),
            ("A=changeme", "A=two", &[Remedy::Pull]),
            ("A=", "A=two", &[Remedy::Pull, Remedy::Push]),
            ("A=one", "A=changeme", &[Remedy::Push]),
            ("A=one", "A=", &[Remedy::Push]),
            ("A=***", "A=changeme", &[]),
        ] {
            assert_eq!(check(&survey(&[local], &[("api", &[stored])]))[0].remedies, remedies, "{local} {stored}");
        }
    }

    #[test]
    fn empty_local_value_is_a_note_unless_required() {
        let mut found = survey(&["A=", "B="], &[("api", &["A=1", "B=1"])]);
        require(&mut found, "B", &[]);
        let expected = [
            "note A [api] .env:1: A is empty in .env, and has a value on Railway",
            "error B [api] .env:2: B differs between .env and Railway",
        ];
        assert_eq!(lines(&RULE, &found), expected);
        let findings = check(&found);
        assert_eq!((&findings[0].next, &findings[0].reason), (&None, &None));
        assert_eq!(findings[1].reason.as_deref(), Some("the local value is empty"));
    }

    #[test]
    fn require_overrides_expected_difference() {
        let mut found = survey(&["PORT=1"], &[("api", &["PORT=2"]), ("worker", &["PORT=2"])]);
        require(&mut found, "PORT", &["api"]);
        assert_eq!(lines(&RULE, &found), ["error PORT [api] .env:1: PORT differs between .env and Railway"]);
        assert!(check(&found)[0].required);
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
