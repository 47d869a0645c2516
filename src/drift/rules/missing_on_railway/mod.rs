//! D101 missing-on-railway: in the file but not on every service that should have it.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashSet};

use crate::drift::comparison::observation;
use crate::drift::dotenv::Entry;
use crate::drift::key_holders::{KeyAbsence, KeyHolders, providers};
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
    summary: "A key in the file is missing from one or more services",
    explain: EXPLAIN,
    fix: Some(Fix::variable(&[(Direction::Push, FixCondition::Remedy), (Direction::Add, FixCondition::Always)])),
    markers: &[
        Marker::new(Mark::Missing, "0", "missing", "missing", "required, but neither in the file nor on Railway"),
        Marker::new(
            Mark::MissingOnRailway,
            "-",
            "local only",
            "missing-on-railway",
            "in the file but not on the service",
        ),
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

The finding is a warning if no service of the environment has the key, apart from databases that are not compared. It is
a note if some of them do, because one file often serves several programs that need different parts of it. An empty
assignment, `MAILGUN_KEY=`, is also a note. If the key is required for a service that lacks it, it is an error.

## Fix

`doctor fix --add --push --only MAILGUN_KEY --service api` adds it to a service that needs it. Without `--add`, a push
adds it only where a `[[require]]` names it. If a shared variable or a database has the key, refer to it instead:
`MAILGUN_KEY=${{shared.MAILGUN_KEY}}`, `PGPASSWORD=${{Postgres.PGPASSWORD}}`. If nothing needs the key any more, remove
the line.

## Suppress

    [[ignore]]
    keys   = [\"LOCAL_*\"]
    rules  = [\"missing-on-railway\"]
    reason = \"only for local runs\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let context = Context {
        survey,
        holders: LazyCell::new(Box::new(|| KeyHolders::new(survey))),
        providers: LazyCell::new(Box::new(|| providers(survey))),
    };
    let mut findings = required(&context);
    let is_wanted = |local: Local<'_>| {
        let Entry { key, value, .. } = local.entry;
        expected_differences::of(key, value).is_none() && !is_encryption_metadata(key)
    };
    let all = missing_keys(survey, is_wanted);
    findings.extend(all.iter().filter_map(|missing_key| optional(&context, missing_key)));
    findings
}

/// The survey, and what only some findings need.
struct Context<'s> {
    survey: &'s Survey,
    holders: Lazy<'s, KeyHolders<'s>>,
    providers: Lazy<'s, HashSet<&'s str>>,
}

type Lazy<'s, T> = LazyCell<T, Box<dyn FnOnce() -> T + 's>>;

/// A service that lacks a key, and the local value that it could have.
type Lacking<'s> = (&'s Target, Option<Local<'s>>);

/// Returns findings on required keys that a service lacks: one for each key and location of the local value.
fn required(context: &Context<'_>) -> Vec<Finding> {
    let survey = context.survey;
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
    missing.into_iter().map(|((key, place), lacking)| required_finding(context, key, place, &lacking)).collect()
}

fn required_finding(context: &Context<'_>, key: &str, place: Option<Location>, lacking: &[Lacking<'_>]) -> Finding {
    let local = lacking.first().and_then(|(_, local)| *local);
    let is_held = !context.holders.of(key).is_empty();
    let message = match place {
        Some(_) if is_held => format!("{key} is required but missing on some services"),
        Some(_) => format!("{key} is required but missing on Railway"),
        None if is_held => {
            format!("{key} is required but is neither in a file nor on every service that requires it")
        }
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
        reason: context.holders.elsewhere(key),
        observations,
        ..required_fix(context.survey, key, local, Finding { required: true, advice, ..Finding::new(&RULE, message) })
    }
}

fn optional(context: &Context<'_>, missing_key: &MissingKey<'_>) -> Option<Finding> {
    let (survey, key) = (context.survey, missing_key.key);
    let lacking: Vec<&Target> =
        missing_key.named.iter().copied().filter(|target| !survey.requires(target, key)).collect();
    if lacking.is_empty() && !missing_key.named.is_empty() {
        return None;
    }
    let is_empty = missing_key.local.entry.value.expose().is_empty();
    let is_held = !context.holders.of(key).is_empty() && context.holders.only_databases(key).is_empty();
    let mut observations = vec![missing_key.local.observation()];
    observations.extend(lacking.iter().map(|target| observation(target, None)));
    let finding = Finding {
        severity: if is_held || is_empty { Severity::Note } else { RULE.severity },
        key: Some(key.to_owned()),
        services: lacking.iter().map(|target| target.service.clone()).collect(),
        places: vec![missing_key.local.place()],
        observations,
        ..Finding::new(&RULE, message(context, missing_key))
    };
    if is_held {
        return Some(finding);
    }
    let reason = context.holders.elsewhere_besides_services(key);
    Some(Finding { reason, ..optional_fix(context, missing_key, &lacking, finding) })
}

/// Does not name several services that lack the key: the finding lists them, and an `[[ignore]]` may remove some later.
fn message(context: &Context<'_>, missing_key: &MissingKey<'_>) -> String {
    let (key, file) = (missing_key.key, &missing_key.local.file.name);
    let having: Vec<&str> = missing_key.having.iter().map(|target| target.service.name.as_str()).collect();
    if !having.is_empty() {
        let having = phrases::names(&having);
        return format!("{key} is in {file} and on {having}, but not on every service compared with that file");
    }
    let on_users = match missing_key.named.as_slice() {
        [only] if missing_key.users == 1 => format!("on {}", only.service.name),
        _ => format!("on any of the {} services compared with that file", missing_key.users),
    };
    match context.holders.absence(key) {
        KeyAbsence::Held(services) => {
            format!("{key} is in {file} and on {}, but not {on_users}", phrases::names(services))
        }
        KeyAbsence::OnlyShared => format!("{key} is in {file} but not on any service"),
        KeyAbsence::Everywhere if missing_key.users == 1 => format!("{key} is in {file} but not on Railway"),
        KeyAbsence::Everywhere => format!("{key} is in {file} but not {on_users}"),
    }
}

/// Returns the finding with other advice if the file has no value to push: an unset key or an indirect value.
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

/// Which services need the key is the user's decision. The command that adds it is an example if several services lack
/// it, and is never a `next`. No command adds it to a service that keeps its own variables for others.
fn optional_fix(context: &Context<'_>, missing_key: &MissingKey<'_>, lacking: &[&Target], finding: Finding) -> Finding {
    let (survey, key) = (context.survey, missing_key.key);
    let owners: &[&str] =
        if survey.catalogue.shared.contains(key) { &["shared"] } else { context.holders.only_databases(key) };
    if !owners.is_empty() {
        let references: Vec<String> = owners.iter().map(|owner| format!("${{{{{owner}.{key}}}}}")).collect();
        let references = phrases::alternatives(&references.iter().map(String::as_str).collect::<Vec<_>>());
        let advice = format!("refer to {references} on a service that needs it, or remove the line if nothing does");
        return Finding { advice: Some(advice), ..finding };
    }
    if let Some(unfilled) = unfilled(survey, missing_key.local, &finding) {
        return unfilled;
    }
    let is_user = |target: &&&Target| !context.providers.contains(target.service.name.as_str());
    let users: Vec<&&Target> = lacking.iter().filter(is_user).collect();
    let advice = match (lacking, users.as_slice()) {
        ([target], [_]) => format!("remove the line if nothing needs it, or add it to {}", target.service.name),
        _ => "remove the line if nothing needs it, or add it to a service that does".to_owned(),
    };
    let to_add = users.first().map(|target| Finding::fix_add(key, &target.service));
    Finding { advice: Some(advice), to_add, ..finding }
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
                    &[
                        "warning A [api, web] .env:1: A is in .env but not on any of the 2 services compared with that file",
                    ],
                ),
                (
                    &["A=1"],
                    &[("api", &[]), ("web", &["A=1"]), ("worker", &[])],
                    &[
                        "note A [api, worker] .env:1: A is in .env and on web, but not on every service compared with that file",
                    ],
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
        let line = "note A [worker] worker/.env:1: A is in worker/.env and on api, but not on worker";
        assert_eq!(lines(&RULE, &found), [line]);
        layer(&mut found, "worker/.env.local", &["C=2"], &["worker"]);
        let other = "warning C [worker] worker/.env.local:1: C is in worker/.env.local but not on Railway";
        assert_eq!(lines(&RULE, &found), [line, other]);
    }

    #[test]
    fn services_with_different_layers_share_a_sorted_finding() {
        let mut found = survey(&["A=1"], &[("api", &["B=1"]), ("web", &["B=1"]), ("worker", &["B=1"])]);
        layer(&mut found, ".env.local", &["B=1"], &["api", "worker"]);
        let line = "warning A [api, web, worker] .env:1: A is in .env but not on any of the 3 services compared with that file";
        assert_eq!(lines(&RULE, &found), [line]);
    }

    #[test]
    fn key_on_a_service_that_is_not_compared_is_only_a_note() {
        let mut one = survey(&["A=1"], &[("worker", &[])]);
        out_of_scope(&mut one, "docs", &["A"]);
        assert_eq!(lines(&RULE, &one), ["note A [worker] .env:1: A is in .env and on docs, but not on worker"]);
        let finding = &check(&one)[0];
        assert_eq!((&finding.reason, &finding.advice, &finding.to_add), (&None, &None, &None));
        let mut two = survey(&["A=1"], &[("web", &[]), ("worker", &[])]);
        out_of_scope(&mut two, "docs", &["A"]);
        let both = concat!(
            "note A [web, worker] .env:1: A is in .env and on docs, ",
            "but not on any of the 2 services compared with that file"
        );
        assert_eq!(lines(&RULE, &two), [both]);
    }

    #[test]
    fn key_that_only_a_database_has_is_a_warning() {
        let mut found = survey(&["A=1"], &[("worker", &[])]);
        out_of_scope(&mut found, "docs", &["A"]);
        found.catalogue.databases.insert("docs".to_owned());
        assert_eq!(lines(&RULE, &found), ["warning A [worker] .env:1: A is in .env and on docs, but not on worker"]);
        let finding = &check(&found)[0];
        let advice = "refer to ${{docs.A}} on a service that needs it, or remove the line if nothing does";
        assert_eq!((&finding.reason, finding.advice.as_deref(), &finding.to_add), (&None, Some(advice), &None));
        out_of_scope(&mut found, "wiki", &["A"]);
        let line = "note A [worker] .env:1: A is in .env and on docs and wiki, but not on worker";
        assert_eq!(lines(&RULE, &found), [line]);
        found.catalogue.databases.insert("wiki".to_owned());
        let advice = check(&found)[0].advice.clone().unwrap();
        assert!(advice.starts_with("refer to ${{docs.A}} or ${{wiki.A}} on a service that needs it"), "{advice}");
    }

    #[test]
    fn names_on_an_unreadable_service_are_known() {
        let mut found = survey(&["A=1", "B=1"], &[("api", &[]), ("worker", &["A=1"])]);
        unreadable(&mut found, "worker");
        let expected = [
            "note A [api] .env:1: A is in .env and on worker, but not on api",
            "warning B [api] .env:2: B is in .env but not on Railway",
        ];
        assert_eq!(lines(&RULE, &found), expected);
    }

    #[test]
    fn command_never_adds_a_key_to_a_provider() {
        let mut found = survey(&["A=1"], &[("Postgres", &[]), ("api", &[])]);
        found.catalogue.databases.insert("Postgres".to_owned());
        let finding = &check(&found)[0];
        assert_eq!(finding.to_add.as_ref().and_then(|arguments| arguments.last()).unwrap(), "--service=api");
        found.targets.truncate(1);
        let finding = &check(&found)[0];
        assert_eq!(
            finding.advice.as_deref(),
            Some("remove the line if nothing needs it, or add it to a service that does")
        );
        assert_eq!(finding.to_add, None);
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
        let mut found = survey(&["A=1", "D=1"], &[("api", &["A=1", "C=1"]), ("web", &[]), ("worker", &[])]);
        require(&mut found, "A", &["worker", "api"]);
        require(&mut found, "B", &["api", "worker"]);
        require(&mut found, "C", &["api", "worker"]);
        require(&mut found, "D", &["worker"]);
        require(&mut found, "PORT", &["api"]);
        assert_eq!(
            lines(&RULE, &found),
            [
                "error A [worker] .env:1: A is required but missing on some services",
                "error B [api, worker]: B is required but is neither in a file nor on Railway",
                "error C [worker]: C is required but is neither in a file nor on every service that requires it",
                "error D [worker] .env:2: D is required but missing on Railway",
                "error PORT [api]: PORT is required but is neither in a file nor on Railway",
                "note A [web] .env:1: A is in .env and on api, but not on every service compared with that file",
                "warning D [api, web] .env:2: D is in .env but not on any of the 3 services compared with that file",
            ]
        );
        assert!(check(&found).iter().take(5).all(|finding| finding.required));
    }

    #[test]
    fn reason_names_shared_variable_or_other_service() {
        let mut found = survey(&["A=1", "B=1", "C=1"], &[("api", &[])]);
        shared(&mut found, "A");
        out_of_scope(&mut found, "Postgres", &["B"]);
        require(&mut found, "B", &["api"]);
        let findings = check(&found);
        let finding = findings.iter().find(|finding| finding.key.as_deref() == Some("A")).unwrap();
        assert_eq!(finding.message, "A is in .env but not on any service");
        let advice = "refer to ${{shared.A}} on a service that needs it, or remove the line if nothing does";
        assert_eq!((finding.advice.as_deref(), &finding.to_add), (Some(advice), &None));
        let mut reasons: Vec<_> = findings.into_iter().map(|finding| finding.reason).collect();
        reasons.sort_by_key(|reason| reason.as_ref().map_or(2, |reason| usize::from(!reason.contains("shared"))));
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
            (several, &[], None, Some(vec!["fix", "--add", "--push", "--only=A", "--service=api"])),
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
