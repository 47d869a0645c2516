//! D103 value-differs: the same key with different values.

use std::collections::BTreeMap;

use crate::drift::comparison::{ComparisonOutcome, Pair, observation, pairs_with};
use crate::drift::model::finding::{Finding, Location, Remedy};
use crate::drift::model::fix::{Bulk, Direction, Fix, FixCondition, VariableFix};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::reason::other_values::OtherValues;
use crate::drift::reason::{Reason, ReasonSide};
use crate::drift::rules::{RuleCheck, empty_on_railway, placeholder_value};
use crate::drift::survey::Local;
use crate::drift::{Survey, Target, Variable};

pub static RULE: Rule = Rule {
    code: "D103",
    name: "value-differs",
    severity: Severity::Error,
    summary: "The file and Railway have different values",
    explain: EXPLAIN,
    fix: Some(Fix::Variable(VariableFix {
        directions: &[(Direction::Push, FixCondition::Remedy), (Direction::Pull, FixCondition::Always)],
        bulk: Bulk::Included,
    })),
    markers: &[
        Marker::new(Mark::Differs, "≠", "differs", "differs", "the file and Railway have different values"),
        Marker::new(Mark::EmptyLocally, "_", "empty", "empty-locally", "empty in the file"),
    ],
    in_place_of: &[&placeholder_value::RULE, &empty_on_railway::RULE],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck { obstacles, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

A key that was rotated in the file but not on Railway, or on only one of three services, is the most common cause of
“invalid API key” in a system that worked yesterday. Nothing else reports it: each side is valid on its own.

## Example

`.env` was changed, but the services were not:

    .env:3   OPS_API_KEY=new-key
    api      OPS_API_KEY=old-key
    worker   OPS_API_KEY=old-key

Services with the same difference share a finding. A key that is empty in the file has not been set there: that is a
note, and it is pushed only if it is selected individually. Values are compared byte for byte. If the cause is known (a
trailing newline, quotes that a shell stored, only the case, …), the finding states it. Values are never shown; equal
fingerprints mean equal values. A match with the value of another key is reported only for files that you chose:
`--env-file`, an untracked `.env`, or a file in a `doctor.toml` that you accepted with `doctor trust`.

## Fix

- The file is right: push it with `doctor fix --only OPS_API_KEY --push`.
- Railway is right: pull it with `doctor fix --only OPS_API_KEY --pull`.

A service keeps its old values until it is deployed again.

## Suppress

If the difference is expected, declare it in `doctor.toml`:

    [[ignore]]
    keys   = [\"OPS_API_KEY\"]
    rules  = [\"value-differs\"]
    reason = \"every developer has a separate key\"
";

/// Services share a finding if key, location and cause are the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct DifferingGroup<'s> {
    key: &'s str,
    file: &'s str,
    line: usize,
    reason: Option<Reason>,
}

fn check(survey: &Survey) -> Vec<Finding> {
    let differing: Vec<Pair<'_>> = pairs_with(survey, ComparisonOutcome::Differs).collect();
    let others = OtherValues::of(survey, &differing);
    let mut groups: BTreeMap<DifferingGroup<'_>, Vec<Pair<'_>>> = BTreeMap::new();
    for pair in differing {
        if let Variable::Plain(stored) = pair.variable {
            let elsewhere = || others.around(&pair).reason(pair.local_value(), stored);
            let reason = pair.reason_by_texts(survey).or_else(elsewhere);
            let (file, line) = (pair.local.file.name.as_str(), pair.local.entry.line);
            groups.entry(DifferingGroup { key: pair.key, file, line, reason }).or_default().push(pair);
        }
    }
    groups.iter().map(|(group, pairs)| finding(survey, group, pairs)).collect()
}

fn finding(survey: &Survey, group: &DifferingGroup<'_>, pairs: &[Pair<'_>]) -> Finding {
    let DifferingGroup { key, file, reason, .. } = group;
    let local = pairs[0].local;
    let mut observations = vec![local.observation()];
    observations.extend(pairs.iter().map(|pair| observation(pair.target, Some(pair.variable))));
    let required = pairs.iter().any(|pair| survey.requires(pair.target, key));
    // A key that is unset only in the file is not an error: the services have the value.
    let is_note = *reason == Some(Reason::Empty(ReasonSide::Local)) && !required;
    let message = if is_note {
        format!("{key} is empty in {file} but has a value on Railway")
    } else {
        format!("{key} differs between {file} and Railway")
    };
    let intended = reason.as_ref().and_then(Reason::intended);
    let remedies = remedies(survey, pairs, intended);
    let is_possible = |remedy: &Remedy| remedies.contains(remedy) && is_unambiguous(survey, pairs, *remedy);
    // Nothing is pulled into a read-only file, and prompts can't be answered from a stream.
    let only_push = local.file.read_only.map(|_| Remedy::Push);
    let direction = intended.map(remedy).or(only_push).filter(is_possible);
    let is_offered = !is_note && !remedies.is_empty() && (direction.is_some() || local.file.read_only.is_none());
    let next = [Finding::fix_only(key), direction.iter().map(|remedy| format!("--{}", remedy.name())).collect()];
    Finding {
        severity: if is_note { Severity::Note } else { RULE.severity },
        required,
        key: Some((*key).to_owned()),
        services: pairs.iter().map(|pair| pair.target.service.clone()).collect(),
        places: vec![local.place()],
        reason: reason.as_ref().filter(|_| !is_note).map(Reason::sentence),
        differs_in_form: reason.as_ref().is_some_and(Reason::is_about_form),
        next: Some(next.concat()).filter(|_| is_offered),
        advice: advice(reason.as_ref(), &remedies, local),
        remedies,
        observations,
        ..Finding::new(&RULE, message)
    }
}

/// How to use the value of that side.
fn remedy(side: ReasonSide) -> Remedy {
    match side {
        ReasonSide::Local => Remedy::Push,
        ReasonSide::Stored => Remedy::Pull,
    }
}

/// Returns whether `doctor fix --only KEY` in that direction is about these services alone, and a pull gets one value.
fn is_unambiguous(survey: &Survey, pairs: &[Pair<'_>], remedy: Remedy) -> bool {
    let key = pairs[0].key;
    let has_one_value = pairs.windows(2).all(|pair| pair[0].variable.effective() == pair[1].variable.effective());
    let affected = survey.readable().filter(|target| is_affected(survey, target, key)).take(pairs.len() + 1).count();
    (remedy == Remedy::Push || has_one_value) && affected == pairs.len()
}

/// Returns whether `doctor fix --only KEY` may be about the service: its value is not the local one, or one is missing.
fn is_affected(survey: &Survey, target: &Target, key: &str) -> bool {
    match (target.variable(key), survey.local(target, key)) {
        (Some(variable), Some(local)) => !Pair { target, key, variable, local }.is_equal(survey),
        (Some(_), None) => true,
        // A push adds only required keys.
        (None, _) => survey.requires(target, key),
    }
}

fn advice(reason: Option<&Reason>, remedies: &[Remedy], local: Local<'_>) -> Option<String> {
    if remedies.is_empty() {
        return Some("set the real value in the file, then push it".to_owned());
    }
    let correction = reason.and_then(Reason::correction).map(|correction| {
        let Location { file, line } = local.place();
        let or_pull = if remedies.contains(&Remedy::Pull) { ", or pull the stored value" } else { "" };
        format!("{correction} in {file}:{line}{or_pull}")
    });
    correction.or_else(|| reason.and_then(Reason::advice))
}

/// Returns the remedies, the preferred one first. An unset side never overwrites the other. An empty local value may be
/// pushed if it is selected individually.
pub(super) fn remedies(survey: &Survey, pairs: &[Pair<'_>], intended: Option<ReasonSide>) -> Vec<Remedy> {
    let local = pairs[0].local_value();
    let may_pull = |pair: &Pair<'_>| {
        let stored = pair.variable.effective();
        pair.local.file.read_only.is_none()
            && stored.is_some_and(|stored| !stored.expose().is_empty() && !survey.is_unset(pair.key, stored))
    };
    let is_placeholder =
        |pair: &Pair<'_>| pair.variable.effective().is_some_and(|stored| survey.is_unset(pair.key, stored));
    // An empty value in place of a placeholder would only hide that the real value was never set.
    let is_set = !local.expose().is_empty() || !pairs.iter().all(is_placeholder);
    let push = (is_set && !survey.is_unset(pairs[0].key, local)).then_some(Remedy::Push);
    let pull = pairs.iter().any(may_pull).then_some(Remedy::Pull);
    let prefers_pull = local.expose().is_empty() || intended == Some(ReasonSide::Stored);
    let order = if prefers_pull { [pull, push] } else { [push, pull] };
    order.into_iter().flatten().collect()
}

/// Returns why a value that differs is not pushed.
pub(super) fn obstacles(finding: &Finding, key: &str) -> Vec<(Direction, String)> {
    if finding.remedies.contains(&Remedy::Push) {
        return Vec::new();
    }
    let obstacle = match finding.advice.as_deref().filter(|_| finding.has_loader_conflict) {
        Some(advice) => format!("loaders parse {key} differently, so it is not pushed: {advice}"),
        None => format!("{key} is not set in the file, so it is not pushed"),
    };
    vec![(Direction::Push, obstacle)]
}

#[cfg(test)]
mod tests {
    use super::{CHECK, check};
    use crate::drift::Survey;
    use crate::drift::dotenv::{CheckoutSource, ReadOnly};
    use crate::drift::model::finding::{Finding, Remedy};
    use crate::drift::model::fix::Direction;
    use crate::drift::rules::value_differs::RULE;
    use crate::drift::test_support::{healthy, layer, lines, out_of_scope, require, survey, table};

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
        let observed = finding.observations.iter().map(|one| (one.place.as_str(), one.state));
        let observed: Vec<(&str, &str)> = observed.collect();
        assert_eq!(observed, [(".env:1", "local"), ("api", "stored"), ("worker", "stored")]);
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
        assert_eq!(reasons, [None, Some("only the case differs"), None]);
    }

    #[test]
    fn value_found_elsewhere_is_a_reason() {
        type Case<'c> = (&'c [&'c str], &'c [&'c str], &'c [&'c str], &'c str);
        let cases: &[Case<'_>] = &[
            (&["A=rotated-key"], &["A=old"], &["A=rotated-key"], "the local value matches the value on worker"),
            (&["A=rotated-key"], &["A=old"], &["B=rotated-key"], "the local value matches B on worker"),
            (&["A=rotated-key"], &["A=old", "B=rotated-key"], &[], "the local value matches B on the same service"),
            (&["A=rotated-key", "B=other-key"], &["A=other-key"], &[], "the stored value matches B in the file"),
            (
                &["A=https://$B/x", "B=example.com"],
                &["A=https://example.com/x"],
                &[],
                "expanding the variables in the local value gives the stored one",
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
            found.files[0].from_checkout = Some(CheckoutSource::Tracked);
            assert_eq!(check(&found)[0].reason, None, "{file:?}");
        }
        let mut found = survey(&["B=other-key"], &[("api", &["A=other-key"])]);
        layer(&mut found, ".env.local", &["A=the-new-key"], &["api"]);
        found.files[0].from_checkout = Some(CheckoutSource::Tracked);
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
            ("A=", "A=changeme", &[]),
        ] {
            assert_eq!(check(&survey(&[local], &[("api", &[stored])]))[0].remedies, remedies, "{local} {stored}");
        }
    }

    #[test]
    fn evident_mistake_is_replaced_by_the_other_side() {
        let push = "store it without the newline; `echo -n` and `printf %s` do not add one";
        for (local, stored, advice, next) in [
            ("A=key\n", "A=key", "remove the newline in .env:1, or pull the stored value", "--pull"),
            ("A=\"key\"", "A=key", "remove the quotes in .env:1, or pull the stored value", "--pull"),
            ("A=a\r\nb", "A=a\nb", "replace CRLF with LF in .env:1, or pull the stored value", "--pull"),
            ("A=k\u{200b}ey", "A=key", "remove the invisible characters in .env:1, or pull the stored value", "--pull"),
            ("A=c2VjcmV0MQ", "A=c2VjcmV0MQ==", "add the `=` padding in .env:1, or pull the stored value", "--pull"),
            ("A=key", "A=key\n", push, "--push"),
            ("A=key", "A=k\u{200b}ey", "push the local value, which has no invisible characters", "--push"),
        ] {
            let finding = &check(&survey(&[local], &[("api", &[stored])]))[0];
            assert_eq!(finding.advice.as_deref(), Some(advice), "{local:?}");
            assert_eq!(finding.next.as_deref().unwrap(), ["fix", "--only", "A", next], "{local:?}");
            assert_eq!(format!("--{}", finding.remedies[0].name()), next, "{local:?}");
        }
    }

    #[test]
    fn command_has_no_direction_if_another_finding_has_the_key() {
        let no_direction = |mut found: Survey, number: usize, case: &str| {
            out_of_scope(&mut found, "Redis", &["URL"]);
            let findings = check(&found);
            assert_eq!(findings.len(), number, "{case}");
            let is_plain = |finding: &Finding| finding.next.as_deref().unwrap() == ["fix", "--only", "A"];
            assert!(findings.iter().all(is_plain), "{case}");
        };
        for (web, number) in [("A=other", 2), ("A=${{Redis.URL}} => other", 1), ("A=<sealed>", 1)] {
            no_direction(survey(&["A=key\n"], &[("api", &["A=key"]), ("web", &[web])]), number, web);
        }
        let mut only_stored = survey(&["B=1"], &[("api", &["A=key"]), ("web", &["A=key"])]);
        layer(&mut only_stored, "api/.env", &["A=key\n"], &["api"]);
        no_direction(only_stored, 1, "web only has it on Railway");
        let mut required = survey(&["A=key\n"], &[("api", &["A=key"]), ("web", &[])]);
        require(&mut required, "A", &["web"]);
        no_direction(required, 1, "web lacks it");
        let blanks = survey(&["A=a\u{a0}b"], &[("api", &["A=ab"]), ("web", &["A=a b"])]);
        no_direction(blanks, 1, "api and web have different values");
    }

    #[test]
    fn command_has_a_direction_if_other_services_have_the_local_value_or_lack_the_key() {
        for web in ["A=key\n", "B=1"] {
            let finding = &check(&survey(&["A=key\n"], &[("api", &["A=key"]), ("web", &[web])]))[0];
            assert_eq!(finding.next.as_deref().unwrap(), ["fix", "--only", "A", "--pull"], "{web:?}");
        }
    }

    #[test]
    fn stream_is_never_pulled_into() {
        for (local, stored, remedies, next) in [
            ("A=one", "A=two", &[Remedy::Push][..], Some("fix --only A --push")),
            ("A=changeme", "A=two", &[], None),
            // The quotes are wrong, so the stored value is right.
            ("A=\"key\"", "A=key", &[Remedy::Push], None),
        ] {
            let mut found = survey(&[local], &[("api", &[stored])]);
            found.files[0].read_only = Some(ReadOnly::Stream);
            let findings = check(&found);
            let command = findings[0].next.as_ref().map(|next| next.join(" "));
            assert_eq!((findings[0].remedies.as_slice(), command.as_deref()), (remedies, next), "{local}");
            let advice = findings[0].advice.clone().unwrap_or_default();
            assert!(!advice.contains("pull"), "{local}: {advice}");
        }
    }

    #[test]
    fn obstacle_states_that_the_value_is_not_pushed() {
        let (obstacles, advice) = (CHECK.obstacles, Some("write it as KEY='…'".to_owned()));
        let finding = Finding { advice, remedies: vec![Remedy::Pull], ..Finding::new(&RULE, "") };
        let conflict = Finding { has_loader_conflict: true, ..finding.clone() };
        let pushable = Finding { remedies: vec![Remedy::Push], ..conflict.clone() };
        let parsed = "loaders parse A differently, so it is not pushed: write it as KEY='…'";
        assert_eq!(obstacles(&conflict, "A"), [(Direction::Push, parsed.to_owned())]);
        let unset = "A is not set in the file, so it is not pushed";
        assert_eq!(obstacles(&finding, "A"), [(Direction::Push, unset.to_owned())]);
        assert_eq!(obstacles(&pushable, "A"), []);
    }

    #[test]
    fn empty_local_value_is_a_note_unless_required() {
        let mut found = survey(&["A=", "B="], &[("api", &["A=1", "B=1"])]);
        require(&mut found, "B", &[]);
        let expected = [
            "note A [api] .env:1: A is empty in .env but has a value on Railway",
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
