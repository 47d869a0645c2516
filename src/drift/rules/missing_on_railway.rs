//! D101 missing-on-railway: in the file but not on every service that should have it.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::drift::comparison::observation;
use crate::drift::dotenv::Entry;
use crate::drift::missing_keys::{MissingKey, missing_keys};
use crate::drift::model::finding::{Finding, Location, Remedy};
use crate::drift::model::fix::{Direction, Fix, FixCondition};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::secret_like::is_encryption_metadata;
use crate::drift::survey::Local;
use crate::drift::{Survey, Target, expected_differences, phrases, system_variables};

pub static RULE: Rule = Rule {
    code: "D101",
    name: "missing-on-railway",
    severity: Severity::Warning,
    summary: "A key in the file is missing from some or all services",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[(Direction::Push, FixCondition::Remedy), (Direction::Add, FixCondition::Always)])),
    markers: &[
        Marker::new(Mark::Missing, "0", "missing", "missing", "required, but neither in the file nor on Railway"),
        Marker::new(Mark::MissingOnRailway, "-", "local only", "missing-on-railway", "in the file but not on Railway"),
    ],
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A key that is added to the file during development is easily forgotten on Railway. The program then starts without it
and fails only where the key is used.

## Example

    .env:7   MAILGUN_KEY=…
    api      (no such variable)
    worker   (no such variable)

It is a warning if none of the services that use the file has the key. It is a note if some of them do, because one
file often serves several programs that need different parts of it. An empty assignment, `MAILGUN_KEY=`, is also a
note. If the key is required for a service that lacks it, it is an error.

## Fix

`doctor fix --add --push --only MAILGUN_KEY --service api` adds it to a service that needs it. Without `--add`, a push
adds it only where a `[[require]]` names it. If a shared variable with that name exists, refer to it instead:
`MAILGUN_KEY=${{shared.MAILGUN_KEY}}`. If nothing needs the key any more, remove the line.

## Suppress

    [[ignore]]
    keys   = [\"LOCAL_*\"]
    rules  = [\"missing-on-railway\"]
    reason = \"only for local runs\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let holders = holders(survey);
    let mut findings = required(survey, &holders);
    let is_wanted = |local: Local<'_>| {
        let Entry { key, value, .. } = local.entry;
        expected_differences::of(key, value).is_none() && !is_encryption_metadata(key)
    };
    let all = missing_keys(survey, is_wanted);
    findings.extend(all.iter().filter_map(|missing_key| optional(survey, missing_key, &holders)));
    findings
}

/// Services that are not compared in this run, by the names of their variables.
type Holders<'s> = HashMap<&'s str, &'s str>;

fn holders(survey: &Survey) -> Holders<'_> {
    let scope: HashSet<&str> = survey.targets.iter().map(|target| target.service.name.as_str()).collect();
    let others = survey.catalogue.services.iter().filter(|(service, _)| !scope.contains(service.as_str()));
    others.rev().flat_map(|(service, names)| names.iter().map(|name| (name.as_str(), service.as_str()))).collect()
}

/// Where else the key exists, as the cause of a finding.
fn elsewhere(survey: &Survey, key: &str, holders: &Holders<'_>) -> Option<String> {
    if survey.catalogue.shared.contains(key) {
        return Some(format!(
            "the shared variable {key} exists, but a service gets it only through ${{{{shared.{key}}}}}"
        ));
    }
    if let Some(service) = holders.get(key) {
        return Some(format!("{service} has {key}, but is not compared in this run"));
    }
    system_variables::is_set_by_tracing(key).then(|| {
        format!("Railway sets {key} if tracing is on; that value is not compared, and a stored value overrides it")
    })
}

/// A service that lacks a key, and the local value that it could have.
type Lacking<'s> = (&'s Target, Option<Local<'s>>);

/// Required keys that a service lacks, by key and location of the local value.
fn required(survey: &Survey, holders: &Holders<'_>) -> Vec<Finding> {
    let mut missing: BTreeMap<(&str, Option<Location>), Vec<Lacking<'_>>> = BTreeMap::new();
    let mut keys: Vec<&str> = survey.policy.require.iter().flat_map(|one| &one.keys).map(String::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys.into_iter().filter(|key| !system_variables::is_provided(key)) {
        let lacks = |target: &&Target| target.variable(key).is_none() && survey.requires(target, key);
        for target in survey.readable().filter(lacks) {
            let local = survey.local(target, key);
            missing.entry((key, local.map(|local| local.place()))).or_default().push((target, local));
        }
    }
    missing.into_iter().map(|((key, place), lacking)| required_finding(survey, key, place, &lacking, holders)).collect()
}

fn required_finding(
    survey: &Survey,
    key: &str,
    place: Option<Location>,
    lacking: &[Lacking<'_>],
    holders: &Holders<'_>,
) -> Finding {
    let local = lacking.first().and_then(|(_, local)| *local);
    let message = match place {
        Some(_) => format!("{key} is required but missing on Railway"),
        None => format!("{key} is required but is neither in a file nor on Railway"),
    };
    let mut observations: Vec<_> = local.iter().map(Local::observation).collect();
    observations.extend(lacking.iter().map(|(target, _)| observation(target, None)));
    let advice = local.is_none().then(|| format!("add {key} to the file, then push it"));
    Finding {
        severity: Severity::Error,
        key: Some(key.to_owned()),
        services: lacking.iter().map(|(target, _)| target.service.clone()).collect(),
        places: place.into_iter().collect(),
        reason: elsewhere(survey, key, holders),
        observations: observations,
        ..required_fix(survey, key, local, Finding { required: true, advice, ..Finding::new(&RULE, message) })
    }
}

fn optional(survey: &Survey, missing_key: &MissingKey<'_>, holders: &Holders<'_>) -> Option<Finding> {
    let key = missing_key.key;
    let lacking: Vec<&Target> =
        missing_key.named.iter().copied().filter(|target| !survey.requires(target, key)).collect();
    if lacking.is_empty() && !missing_key.named.is_empty() {
        return None;
    }
    let is_empty = missing_key.local.entry.value.expose().is_empty();
    let severity = if missing_key.having.is_empty() && !is_empty { RULE.severity } else { Severity::Note };
    let mut observations = vec![missing_key.local.observation()];
    observations.extend(lacking.iter().map(|target| observation(target, None)));
    Some(Finding {
        severity,
        key: Some(key.to_owned()),
        services: lacking.iter().map(|target| target.service.clone()).collect(),
        places: vec![missing_key.local.place()],
        reason: elsewhere(survey, key, holders),
        observations: observations,
        ..optional_fix(survey, missing_key, &lacking, Finding::new(&RULE, message(missing_key)))
    })
}

/// Does not name the services that lack the key: the finding lists them, and an `[[ignore]]` may remove some later.
fn message(missing_key: &MissingKey<'_>) -> String {
    let (key, file) = (missing_key.key, &missing_key.local.file.name);
    match (missing_key.having.as_slice(), missing_key.users) {
        ([], 1) => format!("{key} is in {file} but not on Railway"),
        ([], users) => format!("{key} is in {file} but on none of the {users} services that use it"),
        (having, _) => {
            let names: Vec<&str> = having.iter().map(|target| target.service.name.as_str()).collect();
            format!("{key} is in {file} and on {}, but not on every service that uses it", phrases::names(&names))
        }
    }
}

/// The finding with other advice if the file has no value to push: an unset key or an indirect value.
fn unfilled(survey: &Survey, local: Local<'_>, finding: &Finding) -> Option<Finding> {
    let entry = local.entry;
    let advice = if survey.is_indirect(&entry.value) {
        format!("set {} on Railway to the value that the file refers to", entry.key)
    } else if entry.value.expose().is_empty() || survey.is_unset(&entry.key, &entry.value) {
        let otherwise = if finding.required { "then push it" } else { "or remove the line if nothing needs it" };
        format!("set the real value in the file, {otherwise}")
    } else {
        return None;
    };
    Some(Finding { advice: Some(advice), ..finding.clone() })
}

/// A push adds a required key to the services that must have it.
fn required_fix(survey: &Survey, key: &str, local: Option<Local<'_>>, finding: Finding) -> Finding {
    let Some(local) = local else { return finding };
    unfilled(survey, local, &finding).unwrap_or_else(|| Finding {
        remedies: vec![Remedy::Push],
        next: Some(Finding::fix_only(key)),
        ..finding
    })
}

/// Only the user knows which services need the key. The command that adds it is shown if only one service lacks it, and
/// is never a `next`.
fn optional_fix(survey: &Survey, missing_key: &MissingKey<'_>, lacking: &[&Target], finding: Finding) -> Finding {
    let key = missing_key.key;
    if !missing_key.having.is_empty() {
        return finding;
    }
    unfilled(survey, missing_key.local, &finding).unwrap_or_else(|| match lacking {
        [target] => Finding {
            advice: Some(format!("remove the line if nothing needs it, or add it to {}", target.service.name)),
            to_add: Some(Finding::fix_add(key, &target.service)),
            ..finding
        },
        _ => Finding {
            advice: Some(format!(
                "remove the line if nothing needs it, or add it to a service: `doctor fix --add --only={key} --service=NAME`"
            )),
            ..finding
        },
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::model::finding::Remedy;
    use crate::drift::rules::missing_on_railway::RULE;
    use crate::drift::test_support::{healthy, layer, lines, out_of_scope, require, shared, survey, table, unreadable};

    #[test]
    fn reports_keys_missing_from_services() {
        table(
            &RULE,
            &[
                (&["A=1"], &[("api", &["A=2"])], &[]),
                (&["A=1"], &[("api", &["A=<sealed>"]), ("web", &["A=${{B.A}} => "])], &[]),
                (&["A=1"], &[("api", &["B=1"])], &["warning A [api] .env:1: A is in .env but not on Railway"]),
                (
                    &["A=1"],
                    &[("api", &[]), ("web", &[])],
                    &["warning A [api, web] .env:1: A is in .env but on none of the 2 services that use it"],
                ),
                (
                    &["A=1"],
                    &[("api", &[]), ("web", &["A=1"]), ("worker", &[])],
                    &["note A [api, worker] .env:1: A is in .env and on web, but not on every service that uses it"],
                ),
                (&["A="], &[("api", &["A="])], &[]),
                (&["A="], &[("api", &[])], &["note A [api] .env:1: A is in .env but not on Railway"]),
                (&["a=1"], &[("api", &["A=1"])], &["warning a [api] .env:1: a is in .env but not on Railway"]),
                (&["PORT=1", "DB=redis://localhost"], &[("api", &[])], &[]),
                (&["RAILWAY_PROJECT_ID=1"], &[("api", &[])], &[]),
                (&["DOTENV_PUBLIC_KEY_CI=03f8", "sops_version=3.9.0"], &[("api", &[])], &[]),
                (&["A=op://dev/a/b"], &[("api", &[])], &["warning A [api] .env:1: A is in .env but not on Railway"]),
                (&[], &[("api", &["A=1"])], &[]),
            ],
        );
    }

    #[test]
    fn each_file_applies_only_to_services_that_use_it() {
        let mut found = survey(&["A=1", "B=1"], &[("api", &["A=1", "B=1"]), ("worker", &["B=1"])]);
        layer(&mut found, "worker/.env", &["A=2", "B=2"], &["worker"]);
        assert_eq!(lines(&RULE, &found), ["warning A [worker] worker/.env:1: A is in worker/.env but not on Railway"]);
    }

    #[test]
    fn services_with_different_layers_share_a_sorted_finding() {
        let mut found = survey(&["A=1"], &[("api", &["B=1"]), ("web", &["B=1"]), ("worker", &["B=1"])]);
        layer(&mut found, ".env.local", &["B=1"], &["api", "worker"]);
        let line = "warning A [api, web, worker] .env:1: A is in .env but on none of the 3 services that use it";
        assert_eq!(lines(&RULE, &found), [line]);
    }

    #[test]
    fn unreadable_service_has_no_missing_keys() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"]), ("worker", &[])]);
        unreadable(&mut found, "worker");
        assert_eq!(lines(&RULE, &found), [""; 0]);
        unreadable(&mut found, "api");
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn required_key_is_an_error_on_its_service() {
        let mut found = survey(&["A=1"], &[("api", &["A=1"]), ("web", &[]), ("worker", &[])]);
        require(&mut found, "A", &["worker", "api"]);
        require(&mut found, "B", &["api", "worker"]);
        require(&mut found, "PORT", &["api"]);
        assert_eq!(
            lines(&RULE, &found),
            [
                "error A [worker] .env:1: A is required but missing on Railway",
                "error B [api, worker]: B is required but is neither in a file nor on Railway",
                "error PORT [api]: PORT is required but is neither in a file nor on Railway",
                "note A [web] .env:1: A is in .env and on api, but not on every service that uses it",
            ]
        );
        assert!(check(&found).iter().take(3).all(|finding| finding.required));
    }

    #[test]
    fn reason_names_shared_variable_or_other_service() {
        let mut found = survey(&["A=1", "B=1", "C=1"], &[("api", &[])]);
        shared(&mut found, "A");
        out_of_scope(&mut found, "Postgres", &["A", "B"]);
        let reasons: Vec<_> = check(&found).into_iter().map(|finding| finding.reason).collect();
        let shared = "the shared variable A exists, but a service gets it only through ${{shared.A}}";
        let other = "Postgres has B, but is not compared in this run";
        assert_eq!(reasons, [Some(shared.to_owned()), Some(other.to_owned()), None]);
    }

    #[test]
    fn unset_and_indirect_values_are_not_pushed() {
        let file = ["A=1", "B=changeme", "C=", "D=op://dev/a/b"];
        let findings = check(&survey(&file, &[("api", &[])]));
        let remedies: Vec<_> = findings.iter().map(|finding| finding.to_add.is_some()).collect();
        assert_eq!(remedies, [true, false, false, false]);
        assert!([1, 3].iter().all(|&at| findings[at].advice.is_some() && findings[at].next.is_none()));
    }

    #[test]
    fn only_required_key_is_pushed_by_default() {
        let one = survey(&["A=1"], &[("api", &[])]);
        let several = survey(&["A=1"], &[("api", &[]), ("web", &[])]);
        let some = survey(&["A=1"], &[("api", &[]), ("web", &["A=1"])]);
        let mut required = survey(&["A=1"], &[("api", &[])]);
        require(&mut required, "A", &["api"]);
        for (found, remedies, next, to_add) in [
            (one, &[][..], None, Some(vec!["fix", "--add", "--push", "--only=A", "--service=api"])),
            (several, &[], None, None),
            (some, &[], None, None),
            (required, &[Remedy::Push], Some(vec!["fix", "--only", "A"]), None),
        ] {
            let finding = &check(&found)[0];
            assert_eq!(finding.remedies, remedies);
            let owned = |arguments: Vec<&str>| arguments.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!((&finding.next, &finding.to_add), (&next.map(owned), &to_add.map(owned)));
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
