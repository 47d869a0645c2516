//! `doctor.toml`: what it ignores, requires and declares across environments.

use crate::commands::tests::compare::{SECRET, assert_found, environment, json, report, shop};
use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;

const FLAG: &str = "warning missing-in-environment FLAG api";
const SHARED: &str = "warning secret-shared JWT_SECRET api";

/// Returns `staging` and `live`: they share a secret, and only `staging` has FLAG.
fn pair() -> Sandbox {
    let api = || service("api", &[("JWT_SECRET", SECRET), ("REGION", "eu"), ("SAME", "1")]);
    let live = service("api", &[("JWT_SECRET", SECRET), ("REGION", "us"), ("SAME", "1")]);
    shop([environment("staging", [api().variables(&[("FLAG", "on")])]), environment("live", [live])])
}

#[track_caller]
fn assert_with(toml: &str, code: u8, expected: &[&str]) {
    assert_found(&json(&pair().file("doctor.toml", toml), &["staging", "live"]), code, expected);
}

fn ignore(keys: &str, rest: &str) -> String {
    format!("[[ignore]]\nkeys = [\"{keys}\"]\nreason = \"agreed\"\n{rest}")
}

#[test]
fn ignore_applies_if_either_environment_is_named() {
    assert_with("", 0, &[SHARED, FLAG]);
    assert_with(&ignore("FLAG", ""), 0, &[SHARED]);
    for environments in ["\"staging\"", "\"live\"", "\"production\", \"live\"", "\"staging\", \"live\""] {
        assert_with(&ignore("FLAG", &format!("environments = [{environments}]\n")), 0, &[SHARED]);
    }
    assert_with(&ignore("FLAG", "environments = [\"production\"]\n"), 0, &[SHARED, FLAG]);
    assert_with(&ignore("*", "rules = [\"secret-shared\"]\n"), 0, &[FLAG]);
    let ended = json(&pair().file("doctor.toml", &ignore("FLAG", "")), &["staging", "live"]);
    assert_eq!(report(&ended)["summary"]["ignored"], 1);
}

#[test]
fn expired_ignore_ignores_nothing_and_is_reported() {
    assert_with(&ignore("FLAG", "until = \"2026-01-01\"\n"), 0, &[SHARED, "warning expired-ignore -", FLAG]);
    assert_with(&ignore("FLAG", "until = \"2027-01-01\"\n"), 0, &[SHARED]);
}

#[test]
fn severity_is_configurable() {
    for (level, code, line) in [
        ("error", 1, Some("error missing-in-environment FLAG api")),
        ("note", 0, Some("note missing-in-environment FLAG api")),
        ("off", 0, None),
    ] {
        let expected: Vec<&str> = match line {
            Some(line) if level == "error" => vec![line, SHARED],
            line => [SHARED].into_iter().chain(line).collect(),
        };
        assert_with(&format!("[severity]\nmissing-in-environment = \"{level}\"\n"), code, &expected);
    }
}

#[test]
fn requirement_makes_a_missing_key_an_error() {
    let error = "error missing-in-environment FLAG api";
    assert_with("[[require]]\nkeys = [\"FLAG\"]\n", 1, &[error, SHARED]);
    assert_with("[[require]]\nkeys = [\"FLAG\"]\nservices = [\"api\"]\n", 1, &[error, SHARED]);
    assert_with("[[require]]\nkeys = [\"REGION\"]\n", 0, &[SHARED, FLAG]);
}

#[test]
fn across_declares_what_must_hold() {
    let across = |key: &str, must: &str| format!("[[across]]\nkeys = [\"{key}\"]\nmust = \"{must}\"\n");
    let violated = |key: &str| format!("error across-violated {key} api");
    for (key, must, is_met) in [
        ("REGION", "agree", false),
        ("REGION", "differ", true),
        ("REGION", "exist", true),
        ("SAME", "agree", true),
        ("SAME", "differ", false),
        ("SAME", "exist", true),
    ] {
        let line = violated(key);
        let expected = if is_met { vec![SHARED, FLAG] } else { vec![line.as_str(), SHARED, FLAG] };
        assert_with(&across(key, must), u8::from(!is_met), &expected);
    }
    assert_with(&across("FLAG", "exist"), 1, &[&violated("FLAG"), SHARED]);
    assert_with(&across("FLAG", "agree"), 1, &[&violated("FLAG"), SHARED]);
    assert_with(&across("FLAG", "differ"), 0, &[SHARED, FLAG]);
    assert_with(&across("JWT_SECRET", "agree"), 0, &[FLAG]);
    assert_with(&across("JWT_SECRET", "differ"), 1, &[&violated("JWT_SECRET"), FLAG]);
    let ended = json(&pair().file("doctor.toml", &across("SAME", "differ")), &["staging", "live"]);
    assert_eq!(report(&ended)["findings"][0]["places"], serde_json::json!([{ "file": "doctor.toml", "line": 1 }]));
}
