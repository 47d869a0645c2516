//! One fault, one finding: all combinations of a file, two services and their requirements.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::drift::engine::run_rules::examine;
use crate::drift::model::finding::Finding;
use crate::drift::model::observed::Observed;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::model::staged_changes::{OtherChanges, StagedChanges, StagedState};
use crate::drift::rules::{
    dangling_reference, missing_locally, placeholder_value, staged_changes, stale_deployment, suspicious_value,
    value_unavailable,
};
use crate::drift::test_support::{got, ignore, layer, line, named, out_of_scope, require, running, shared, survey};
use crate::drift::{Survey, Target};

const KEY: &str = "API_KEY";

/// The values of the key in the file; `None` if the file does not have it.
const LOCAL: &[Option<&str>] = &[
    None,
    Some("4f1c9a77b03e"),
    Some(""),
    Some("changeme"),
    Some("\"4f1c9a77b03e\""),
    Some("4f1c9a77b03e\n"),
    Some("op://dev/api/key"),
    Some("http://localhost:8000"),
];

/// The values of the key on a service.
const STORED: &[Option<&str>] = &[
    None,
    Some("4f1c9a77b03e"),
    Some("51d2b03e51d2"),
    Some(""),
    Some("***"),
    Some("4f1c9a77b03e\n"),
    Some("<sealed>"),
    Some("<unavailable>"),
    Some("op://production/api/key"),
    Some("${{shared.OPS}} => 4f1c9a77b03e"),
    Some("${{shared.OPS}} => 51d2b03e51d2"),
    Some("${{shared.OPS}} => "),
    Some("${{Mongo.URL}} => "),
];

/// The services of each `[[require]]`.
const REQUIRED: &[&[&[&str]]] = &[&[], &[&["api"]], &[&[]], &[&[], &["api", "worker"]]];

/// A rule that reports a fault besides those of all other rules, and why that is another fault.
const SEPARATE: &[(&Rule, &str)] = &[
    (&stale_deployment::RULE, "compares the running deployment: pushing or pulling the key does not redeploy it"),
    (&staged_changes::RULE, "is about a change that may still be discarded"),
    (&suspicious_value::RULE, "is about one value alone, unless it is the cause of a difference"),
];

/// Pairs of findings about one key and service, and why they are two faults.
const PAIRS: &[([&Rule; 2], &str)] = &[
    ([&placeholder_value::RULE, &missing_locally::RULE], "the value was never set, and the file lacks the key"),
    ([&placeholder_value::RULE, &value_unavailable::RULE], "one is in the file, and the other one on Railway"),
    ([&dangling_reference::RULE, &missing_locally::RULE], "the reference is wrong, and the file lacks the key"),
    ([&placeholder_value::RULE, &dangling_reference::RULE], "one is in the file, and the other one on Railway"),
];

fn row(value: Option<&str>) -> Vec<String> {
    let rest = "REGION=eu".to_owned();
    value.map(|value| format!("{KEY}={value}")).into_iter().chain([rest]).collect()
}

fn world(local: Option<&str>, stored: [Option<&str>; 2], required: &[&[&str]]) -> Survey {
    let rows = [row(local), row(stored[0]), row(stored[1])];
    let [file, api, worker] = rows.each_ref().map(|rows| rows.iter().map(String::as_str).collect::<Vec<_>>());
    let mut found = survey(&file, &[("api", &api), ("worker", &worker)]);
    shared(&mut found, "OPS");
    for services in required {
        require(&mut found, KEY, services);
    }
    found
}

/// The values of the key in the file and on each service, and the services of each `[[require]]`.
type Combination = (Option<&'static str>, [Option<&'static str>; 2], &'static [&'static [&'static str]]);

/// Every combination.
fn combinations() -> impl Iterator<Item = Combination> {
    let of = |&local| STORED.iter().flat_map(move |&api| STORED.iter().map(move |&worker| (local, [api, worker])));
    LOCAL
        .iter()
        .flat_map(of)
        .flat_map(|(local, stored)| REQUIRED.iter().map(move |&required| (local, stored, required)))
}

/// The findings of every combination, which several tests examine.
static FINDINGS: LazyLock<Vec<Vec<Finding>>> = LazyLock::new(|| {
    combinations().map(|(local, stored, required)| examine(&world(local, stored, required)).findings).collect()
});

/// Calls `check` with every combination and its findings.
fn each_world(check: impl Fn(&mut Survey, &[Finding], &str)) {
    for ((local, stored, required), findings) in combinations().zip(FINDINGS.iter()) {
        let name = format!("file {local:?}, api and worker {stored:?}, required {required:?}");
        check(&mut world(local, stored, required), findings, &name);
    }
}

/// Returns the errors and warnings about the key on a service. A finding about a file is about every service.
fn on<'f>(findings: &'f [Finding], service: &ResourceRef) -> Vec<&'f Finding> {
    let is_about = |finding: &&Finding| {
        finding.key.as_deref() == Some(KEY) && (finding.services.is_empty() || finding.services.contains(service))
    };
    findings.iter().filter(|finding| finding.severity > Severity::Note).filter(is_about).collect()
}

fn are_two_faults(one: &Finding, other: &Finding) -> bool {
    let is_separate = |finding: &Finding| SEPARATE.iter().any(|(rule, _)| rule.code == finding.rule.code);
    let is_pair = |(pair, _): &([&Rule; 2], &str)| {
        let codes: BTreeSet<&str> = pair.iter().map(|rule| rule.code).collect();
        codes == BTreeSet::from([one.rule.code, other.rule.code])
    };
    let is_consequence = one.cause.is_some() || other.cause.is_some();
    is_separate(one) || is_separate(other) || is_consequence || PAIRS.iter().any(is_pair)
}

fn assert_one_finding(found: &Survey, findings: &[Finding], name: &str) {
    for target in &found.targets {
        let about = on(findings, &target.service);
        for (at, one) in about.iter().enumerate() {
            for other in &about[at + 1..] {
                assert!(are_two_faults(one, other), "{name}:\n{}\n{}", line(one), line(other));
            }
        }
    }
}

#[test]
fn one_key_on_one_service_has_one_finding() {
    each_world(|found, findings, name| assert_one_finding(found, findings, name));
}

#[test]
fn one_key_that_is_also_stale_or_staged_has_one_finding_for_each_fault() {
    let touched = StagedChanges {
        state: StagedState::Waiting,
        variables: vec![(Some(named("api").id), KEY.to_owned())],
        settings: Vec::new(),
        others: OtherChanges::None,
        updated_at: "2026-11-24T09:00:00.000Z".to_owned(),
        by: None,
        error: None,
    };
    for &local in LOCAL {
        for &api in STORED {
            let mut found = world(local, [api, None], &[&["api"]]);
            running(&mut found, "api", "FAILED");
            got(&mut found, "api", &["API_KEY=an-older-key"]);
            found.staged = Observed::Known(Some(touched.clone()));
            assert_one_finding(&found, &examine(&found).findings, &format!("file {local:?}, api {api:?}"));
        }
    }
}

#[test]
fn every_listed_pair_occurs() {
    let occurring = std::cell::RefCell::new(BTreeSet::new());
    each_world(|found, findings, _| {
        for target in &found.targets {
            let codes: Vec<&str> = on(findings, &target.service).iter().map(|finding| finding.rule.code).collect();
            occurring.borrow_mut().extend(codes.iter().flat_map(|one| codes.iter().map(move |other| [*one, *other])));
        }
    });
    for ([one, other], _) in PAIRS {
        assert!(occurring.borrow().contains(&[one.code, other.code]), "{} and {}", one.name, other.name);
    }
}

#[test]
fn no_fault_is_left_out() {
    each_world(|found, findings, name| {
        let all: Vec<Finding> = crate::drift::rules::check_all(found).collect();
        for Target { service, .. } in &found.targets {
            let is_about = |finding: &Finding| finding.severity > Severity::Note && finding.services.contains(service);
            assert_eq!(findings.iter().any(is_about), all.iter().any(is_about), "{name}: {}", service.name);
        }
        let is_about = |finding: &Finding| finding.severity > Severity::Note && finding.services.is_empty();
        assert!(!findings.is_empty() || !all.iter().any(is_about), "{name}");
    });
}

/// Returns the worst finding about the key on the service: its severity and message.
fn worst(findings: &[Finding]) -> Option<(Severity, String)> {
    let about = on(findings, &named("api"));
    // `suspicious-value` leaves out a side if it is the cause of a difference, maybe on another service.
    let is_own = |finding: &&&Finding| !finding.services.is_empty() && finding.rule.code != suspicious_value::RULE.code;
    let mut about = about.iter().filter(is_own);
    about.next().map(|finding| (finding.severity, finding.message.clone()))
}

#[test]
fn selecting_a_service_changes_neither_severity_nor_message() {
    each_world(|found, findings, name| {
        let selected = BTreeSet::from([named("api")]);
        let alone = found.within(Some(&selected), &BTreeSet::new(), |found| worst(&examine(found).findings));
        let both = worst(findings);
        let disagrees = both.as_ref().is_some_and(|(_, message)| message.contains("must have the same value"));
        // The value of the other service is not read, so that only the file can be compared.
        if disagrees {
            let is_error = |(severity, _): &(Severity, String)| *severity == Severity::Error;
            assert!(alone.as_ref().is_none_or(is_error), "{name}: {alone:?}");
        } else {
            assert_eq!(alone, both, "{name}");
        }
    });
}

#[test]
fn cause_of_a_difference_is_not_reported_again() {
    for local in ["4f1c9a77b03e\n", "\"4f1c9a77b03e\"", "changeme", "4f1c\u{200b}9a77b03e"] {
        for required in REQUIRED {
            let found = world(Some(local), [Some("4f1c9a77b03e"), Some("51d2b03e51d2")], required);
            let findings = examine(&found).findings;
            let about = on(&findings, &named("api"));
            assert_eq!(
                about.len(),
                1,
                "{local:?} {required:?}: {:?}",
                about.iter().map(|one| line(one)).collect::<Vec<_>>()
            );
            assert!(about[0].reason.is_some(), "{}", line(about[0]));
        }
    }
}

#[test]
fn less_severe_finding_removes_nothing() {
    let mut found = world(Some("4f1c9a77b03e"), [Some("changeme"), None], &[]);
    let rules =
        |found: &Survey| -> Vec<&str> { examine(found).findings.iter().map(|finding| finding.rule.name).collect() };
    assert_eq!(rules(&found), ["value-differs"]);
    found.policy.severity.insert("value-differs".to_owned(), Some(Severity::Note));
    assert_eq!(rules(&found), ["placeholder-value", "value-differs"]);
}

#[test]
fn ignored_finding_removes_nothing() {
    let stored = [Some("51d2b03e51d2"), Some("4f1c9a77b03e")];
    let mut found = world(Some("4f1c9a77b03e"), stored, &[&[]]);
    let lines = |found: &Survey| -> Vec<String> { examine(found).findings.iter().map(line).collect() };
    let message = "API_KEY must have the same value on all its services, but the values differ";
    assert_eq!(lines(&found), [format!("error API_KEY [api] .env:1: {message}")]);
    let mut one = ignore(&[KEY]);
    one.rules = vec!["services-disagree".to_owned()];
    found.policy.ignore.push(one);
    assert_eq!(lines(&found), ["error API_KEY [api] .env:1: API_KEY differs between .env and Railway"]);
}

#[test]
fn finding_without_a_file_removes_nothing_of_another_file() {
    let missing_locally = "error KEY_TOKEN [api]: KEY_TOKEN is required but missing from .env";
    let missing = "error KEY_TOKEN [api]: KEY_TOKEN is required but missing on some services";
    let unset = "warning KEY_TOKEN [] web/.env:1: KEY_TOKEN is still a placeholder in web/.env";
    for (api, expected) in [("KEY_TOKEN=<sealed>", [missing_locally, unset]), ("REGION=eu", [missing, unset])] {
        let mut found = survey(&["REGION=eu"], &[("api", &[api]), ("web", &["KEY_TOKEN=<sealed>"])]);
        layer(&mut found, "web/.env", &["KEY_TOKEN=changeme"], &["web"]);
        require(&mut found, "KEY_TOKEN", &["api", "web"]);
        let findings = examine(&found).findings;
        let is_about = |one: &&Finding| one.key.as_deref() == Some("KEY_TOKEN") && one.severity > Severity::Note;
        let lines: Vec<String> = findings.iter().filter(is_about).map(line).collect();
        assert_eq!(lines, expected, "{api}");
    }
}

#[test]
fn key_in_another_case_has_one_finding() {
    let found = survey(&["Api_Key=1"], &[("api", &["API_KEY=1"])]);
    let about = |found: &Survey| -> Vec<String> {
        let findings = examine(found).findings;
        findings.iter().filter(|one| one.key.as_deref() == Some("Api_Key")).map(line).collect()
    };
    assert_eq!(about(&found), ["warning Api_Key [api] .env:1: Api_Key is in .env but not on api"]);
    let found = survey(&["Api_Key=1", "API_KEY=2"], &[("api", &["REGION=eu"])]);
    let in_file = "note Api_Key [] .env:1 .env:2: Api_Key and API_KEY in .env differ only in case";
    assert!(about(&found).contains(&in_file.to_owned()), "{:?}", about(&found));
}

#[test]
fn findings_that_remain_are_on_the_services_left() {
    // A dangling reference explains why the worker disagrees.
    let mut found = survey(&["A=1"], &[("api", &["A=2"]), ("web", &["A=2"]), ("worker", &["A=${{Mongo.URL}} => "])]);
    require(&mut found, "A", &[]);
    let lines: Vec<String> = examine(&found).findings.iter().map(line).collect();
    let expected = [
        "error A [api, web] .env:1: A must have the same value on all its services, but the values differ",
        "error A [worker]: A refers to ${{Mongo.URL}}, but there is no service Mongo",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn key_of_two_requirements_has_one_finding() {
    let services: [(&str, &[&str]); 3] = [("api", &["A=1"]), ("web", &["A=2"]), ("worker", &["A=3"])];
    let mut found = survey(&["A=1"], &services);
    require(&mut found, "A", &["api", "web"]);
    require(&mut found, "A", &["api", "worker"]);
    let lines: Vec<String> = examine(&found).findings.iter().map(line).collect();
    let message = "A must have the same value on all its services, but the values differ";
    assert_eq!(lines, [format!("error A [web, worker] .env:1: {message}")]);
}

#[test]
fn selection_of_services_does_not_decide_whether_a_key_is_missing() {
    let mut by_selection: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for held in ["worker", "docs", "none"] {
        let worker: &[&str] = if held == "worker" { &["A=1", "B=1"] } else { &["B=1"] };
        let mut found = survey(&["A=1", "B=1"], &[("api", &["B=1"]), ("worker", worker)]);
        out_of_scope(&mut found, "docs", if held == "docs" { &["A"] } else { &[] });
        let message = |found: &Survey| -> Vec<String> {
            let findings = examine(found).findings;
            findings.iter().map(|finding| format!("{} {}", finding.severity.name(), finding.message)).collect()
        };
        let both = message(&found);
        let selected = BTreeSet::from([named("api")]);
        assert_eq!(found.within(Some(&selected), &BTreeSet::new(), message), both, "{held}");
        by_selection.insert(held, both);
    }
    assert_eq!(by_selection["none"], ["warning A is in .env but on none of the 3 services"]);
    assert_eq!((by_selection["worker"].len(), by_selection["docs"].len()), (0, 0));
}
