//! D506 across-violated: an `[[across]]` of `doctor.toml` is not met.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::compare::{self, EnvironmentSide, KeyPair, ServicePair, pair_observations};
use crate::drift::engine::policy::Must;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::{Rule, RuleScope};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{
    Declaration, RuleCheck, backend_shared, missing_in_environment, sealed_not_copied, secret_shared,
};
use crate::drift::survey::Coverage;
use crate::drift::system_variables::is_provided;
use crate::drift::{Survey, Target, Variable};

pub static RULE: Rule = Rule {
    code: "D506",
    name: "across-violated",
    severity: Severity::Error,
    summary: "Two environments do not have the values that [[across]] demands",
    explain: EXPLAIN,
    scope: RuleScope::EnvironmentPair,
    markers: &[Marker::new(Mark::AcrossViolated, "X", "across", "across-violated", "an [[across]] is not met")],
    in_place_of: &[
        &missing_in_environment::RULE,
        &sealed_not_copied::RULE,
        &secret_shared::RULE,
        &backend_shared::RULE,
    ],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck {
    declaration: Some(Declaration { name: "[[across]]", is_made: |survey| !survey.policy.across.is_empty() }),
    ..RuleCheck::new(&RULE, check)
};

const EXPLAIN: &str = "\
## Why it matters

Some keys must be equal in two environments, and others must never be. `[[across]]` in `doctor.toml` declares which,
and `doctor compare` verifies it.

## Example

    [[across]]
    keys = [\"SECRET_KEY\"]
    must = \"differ\"

    staging      api   SECRET_KEY=4f1c…
    production   api   SECRET_KEY=4f1c…

`agree` demands that a service has equal values in both environments, `differ` that they differ, and `exist` that
both exist. Values are compared as a deployment gets them, with references rendered. A sealed or indirect value is
unknown, so that only its existence is verified. A service that a pull request environment lacks is not checked.

## Fix

Set the value in the environment where it is wrong: in the Railway dashboard, or with `doctor fix` and a file for
that environment.

## Suppress

Change or remove the `[[across]]`.
";

const FILE: &str = "doctor.toml";

/// How an entry is violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Violation {
    Differs,
    Equal,
    MissingLeft,
    MissingRight,
    /// No service of either environment has the key.
    Nowhere(Must),
}

/// The services with a violation, and their values.
#[derive(Default)]
struct Violators<'s> {
    services: BTreeSet<&'s ResourceRef>,
    /// The lines of the entries.
    lines: BTreeSet<usize>,
    pairs: Vec<KeyPair<'s>>,
}

fn check(survey: &Survey) -> Vec<Finding> {
    let Some(sides) = compare::environments(survey) else { return Vec::new() };
    let mut violations: BTreeMap<(&str, Violation), Violators<'_>> = BTreeMap::new();
    for pair in compare::services(survey) {
        let targets = pair.sides.into_iter().flatten();
        let keys: BTreeSet<&str> =
            targets.flat_map(|target| target.stored.iter().flatten()).map(|(key, _)| &**key).collect();
        for key in keys.into_iter().filter(|key| survey.includes_key(key) && !is_provided(key)) {
            for across in survey.policy.across.of(key) {
                let Some(violation) = violation_on(survey, pair, key, across.must) else { continue };
                let violators = violations.entry((key, violation)).or_default();
                violators.lines.insert(across.line);
                if violators.services.insert(pair.service) {
                    violators.pairs.extend(pair.key(key));
                }
            }
        }
    }
    for key in missing_everywhere(survey) {
        for across in survey.policy.across.of(key) {
            violations.entry((key, Violation::Nowhere(across.must))).or_default().lines.insert(across.line);
        }
    }
    violations.into_iter().map(|((key, violation), violators)| finding(key, violation, &violators, sides)).collect()
}

/// Returns the keys of `[[across]]` that no service has; none if some services were not read.
fn missing_everywhere(survey: &Survey) -> Vec<&str> {
    let is_whole = survey.coverage == Coverage::Whole && survey.all_targets().all(|one| one.stored.is_ok());
    if !is_whole {
        return Vec::new();
    }
    let held: BTreeSet<&str> =
        survey.all_targets().flat_map(|target| target.stored.iter().flatten()).map(|(key, _)| &**key).collect();
    survey.policy.across.keys().filter(|key| !held.contains(key) && !is_provided(key)).collect()
}

fn finding(key: &str, violation: Violation, violators: &Violators<'_>, sides: [EnvironmentSide<'_>; 2]) -> Finding {
    let [one, other] = sides.map(EnvironmentSide::name);
    let message = match violation {
        Violation::Differs => format!("{key} must agree, but differs between {one} and {other}"),
        Violation::Equal => format!("{key} must differ, but {one} and {other} have the same value"),
        Violation::MissingLeft => format!("{key} is missing in {one}, but an [[across]] names it"),
        Violation::MissingRight => format!("{key} is missing in {other}, but an [[across]] names it"),
        Violation::Nowhere(_) => format!("no service in {one} or {other} has {key}, which an [[across]] names"),
    };
    let is_typo = violation == Violation::Nowhere(Must::Differ);
    Finding {
        severity: if is_typo { Severity::Warning } else { RULE.severity },
        key: Some(key.to_owned()),
        services: violators.services.iter().copied().cloned().collect(),
        places: violators.lines.iter().map(|&line| Location { file: FILE.to_owned(), line }).collect(),
        advice: Some(match violation {
            Violation::MissingLeft => format!("set {key} in {one}, or change the [[across]] in doctor.toml"),
            Violation::MissingRight => format!("set {key} in {other}, or change the [[across]] in doctor.toml"),
            Violation::Nowhere(_) => "correct the key in doctor.toml, or remove it".to_owned(),
            _ => "correct the value in one environment, or change the [[across]] in doctor.toml".to_owned(),
        }),
        observations: pair_observations(&violators.pairs, sides),
        ..Finding::new(&RULE, message)
    }
}

/// Returns how the service violates the demand. A service that could not be read violates nothing, nor does one that a
/// pull request environment lacks.
fn violation_on(survey: &Survey, pair: ServicePair<'_>, key: &str, must: Must) -> Option<Violation> {
    let [left, right] = compare::environments(survey)?;
    let is_missing = |target: &Target, absent: EnvironmentSide<'_>| {
        target.variable(key).is_some() && must != Must::Differ && !absent.traits.is_ephemeral
    };
    match pair.sides {
        [Some(target), None] => is_missing(target, right).then_some(Violation::MissingRight),
        [None, Some(target)] => is_missing(target, left).then_some(Violation::MissingLeft),
        _ if pair.is_unreadable() => None,
        _ => pair.key(key).and_then(|pair| violation(survey, &pair, must)),
    }
}

/// Returns how the pair violates the demand. An unknown value violates nothing.
fn violation(survey: &Survey, pair: &KeyPair<'_>, must: Must) -> Option<Violation> {
    let missing = match pair.sides {
        [None, _] => Some(Violation::MissingLeft),
        [_, None] => Some(Violation::MissingRight),
        _ => None,
    };
    if missing.is_some() {
        return missing.filter(|_| must != Must::Differ);
    }
    if pair.sides.into_iter().flatten().any(|variable| survey.is_stored_indirect(variable)) {
        return None;
    }
    let [left, right] = pair.sides.map(|side| side.and_then(Variable::effective));
    let is_equal = left? == right?;
    match must {
        Must::Agree => (!is_equal).then_some(Violation::Differs),
        Must::Differ => is_equal.then_some(Violation::Equal),
        Must::Exist => None,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::drift::engine::policy::Must;
    use crate::drift::test_support::{ServiceRows, across, counterpart, lines, pair, unreadable};

    #[test]
    fn each_demand_is_checked_on_every_service_that_has_the_key() {
        let cases: &[(Must, &str, &str, &[&str])] = &[
            (Must::Agree, "K=1", "K=1", &[]),
            (Must::Agree, "K=1", "K=${{R.K}} => 1", &[]),
            (
                Must::Agree,
                "K=1",
                "K=2",
                &["error K [api] doctor.toml:9: K must agree, but differs between staging and production"],
            ),
            (
                Must::Agree,
                "K=1",
                "X=1",
                &["error K [api] doctor.toml:9: K is missing in production, but an [[across]] names it"],
            ),
            (Must::Agree, "K=<sealed>", "K=1", &[]),
            (Must::Differ, "K=1", "K=2", &[]),
            (
                Must::Differ,
                "K=1",
                "K=1",
                &["error K [api] doctor.toml:9: K must differ, but staging and production have the same value"],
            ),
            (Must::Differ, "K=1", "K=<sealed>", &[]),
            (Must::Differ, "K=1", "X=1", &[]),
            (Must::Agree, "K=op://a/b/c", "K=1", &[]),
            (Must::Differ, "K=op://a/b/c", "K=op://a/b/c", &[]),
            (Must::Exist, "K=1", "K=2", &[]),
            (Must::Exist, "K=1", "K=<sealed>", &[]),
            (
                Must::Exist,
                "X=1",
                "K=2",
                &["error K [api] doctor.toml:9: K is missing in staging, but an [[across]] names it"],
            ),
            (
                Must::Exist,
                "X=1",
                "X=2",
                &["error K [] doctor.toml:9: no service in staging or production has K, which an [[across]] names"],
            ),
            (
                Must::Differ,
                "X=1",
                "X=2",
                &["warning K [] doctor.toml:9: no service in staging or production has K, which an [[across]] names"],
            ),
        ];
        for (must, left, right, expected) in cases {
            let mut found = pair(&[("api", &[left])], &[("api", &[right])]);
            across(&mut found, "K", *must);
            assert_eq!(&lines(&RULE, &found), expected, "{must:?} {left} {right}");
        }
    }

    #[test]
    fn service_of_one_environment_lacks_the_key_in_the_other() {
        let (both, one): (&[ServiceRows<'_>], &[ServiceRows<'_>]) =
            (&[("api", &["X=1"]), ("mailer", &["K=1"])], &[("api", &["X=1"])]);
        for (must, is_reported) in [(Must::Exist, true), (Must::Agree, true), (Must::Differ, false)] {
            for (staging, production, absent) in [(one, both, "staging"), (both, one, "production")] {
                let mut found = pair(staging, production);
                across(&mut found, "K", must);
                let message = format!("K is missing in {absent}, but an [[across]] names it");
                let expected = is_reported.then(|| format!("error K [mailer] doctor.toml:9: {message}"));
                assert_eq!(lines(&RULE, &found), Vec::from_iter(expected), "{must:?}");
            }
        }
    }

    #[test]
    fn service_missing_from_a_pull_request_environment_is_not_checked() {
        let mut found = pair(&[("api", &["X=1"])], &[("api", &["X=1"]), ("mailer", &["K=1"])]);
        counterpart(&mut found).traits[0].is_ephemeral = true;
        across(&mut found, "K", Must::Exist);
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn service_that_was_not_read_violates_nothing() {
        for right in ["K=1", "X=1"] {
            let mut found = pair(&[("api", &["X=1"])], &[("api", &[right])]);
            unreadable(&mut found, "api");
            across(&mut found, "K", Must::Exist);
            assert_eq!(lines(&RULE, &found), [""; 0], "{right}");
        }
    }

    #[test]
    fn only_selected_keys_that_railway_does_not_set_are_checked() {
        let rows = [["K=1", "RAILWAY_PROJECT_ID=a"], ["K=2", "RAILWAY_PROJECT_ID=b"]];
        let mut found = pair(&[("api", &rows[0])], &[("api", &rows[1])]);
        across(&mut found, "K", Must::Agree);
        across(&mut found, "RAILWAY_PROJECT_ID", Must::Agree);
        let expected = "error K [api] doctor.toml:9: K must agree, but differs between staging and production";
        assert_eq!(lines(&RULE, &found), [expected]);
        found.only.insert("OTHER".to_owned());
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn services_with_the_same_fault_share_a_finding() {
        let rows: &[(&str, &[&str])] = &[("api", &["K=1"]), ("web", &["K=1"]), ("worker", &["K=1"])];
        let mut found = pair(rows, &[("api", &["K=1"]), ("web", &["K=2"]), ("worker", &["K=1"])]);
        across(&mut found, "K", Must::Differ);
        let expected =
            "error K [api, worker] doctor.toml:9: K must differ, but staging and production have the same value";
        assert_eq!(lines(&RULE, &found), [expected]);
    }
}
