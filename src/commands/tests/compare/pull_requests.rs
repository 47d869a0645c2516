//! Pull request environments: copies of their base are normal, copies of production are not.

use crate::commands::tests::compare::{
    SECRET, assert_found, assert_refused, environment, findings, id_of, json, report, shop, with_project_token,
};
use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::estate::{Environment, SimService};
use crate::io::sim::fault::Fault;

const PRODUCTION_SECRET: &str = "bT4nWs8Rc1Yd6KqZx9Lm2VhJ";

fn database(host: &str) -> String {
    format!("postgresql://app:{PRODUCTION_SECRET}x@{host}.acme.dev:5432/shop")
}

fn api(secret: &str, host: &str) -> SimService {
    service("api", &[("JWT_SECRET", secret), ("DATABASE_URL", &database(host)), ("REGION", "eu")])
}

/// Returns `staging`, `production` and the pull request environment `pr-1` with these services.
fn project(pull_request: impl IntoIterator<Item = SimService>, production: Environment) -> Sandbox {
    let pull_request = environment("pr-1", pull_request).ephemeral();
    let production = production.service(api(PRODUCTION_SECRET, "db-production"));
    shop([environment("staging", [api(SECRET, "db-staging")]), production, pull_request])
}

fn copy_of_staging() -> Sandbox {
    project([api(SECRET, "db-staging")], Environment::named("production"))
}

fn copy_of_production() -> Sandbox {
    project([api(PRODUCTION_SECRET, "db-production")], Environment::named("production"))
}

fn messages(ended: &Ended) -> Vec<String> {
    let report = report(ended);
    let findings = report["findings"].as_array().expect("a list").iter();
    findings.map(|finding| finding["message"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn copies_of_the_base_are_normal() {
    for words in [["staging", "pr-1"], ["pr-1", "staging"]] {
        assert_found(&json(&copy_of_staging(), &words), 0, &[]);
    }
    // The same values in an environment that is not for a pull request.
    let plain = shop([environment("staging", [api(SECRET, "db")]), environment("live", [api(SECRET, "db")])]);
    let expected = ["warning backend-shared DATABASE_URL api", "warning secret-shared JWT_SECRET api"];
    let found = findings(&json(&plain, &["staging", "live"]));
    assert!(expected.iter().all(|line| found.contains(&(*line).to_owned())) && found.len() == 2, "{found:?}");
}

#[test]
fn pull_request_environment_of_a_product_is_not_protected_by_its_name() {
    let copy = |name: &str| environment(name, [api(SECRET, "db-staging")]).ephemeral();
    let sandbox =
        shop([environment("staging", [api(SECRET, "db-staging")]), copy("product-pr-1"), copy("product-pr-2")]);
    assert_found(&json(&sandbox, &["staging", "product-pr-1"]), 0, &[]);
    let toml = "[environments.product-pr-1]\nprotected = true\n";
    assert_eq!(json(&sandbox.file("doctor.toml", toml), &["staging", "product-pr-1"]).code, 1);
}

#[test]
fn copies_of_production_are_errors() {
    for words in [["staging", "pr-1"], ["pr-1", "staging"], ["production", "pr-1"], ["pr-1", "production"]] {
        let ended = json(&copy_of_production(), &words);
        let mut found = findings(&ended);
        found.sort();
        assert_eq!(found, ["error backend-shared DATABASE_URL api", "error secret-shared JWT_SECRET api"], "{words:?}");
        assert_eq!(ended.code, 1);
        let messages = messages(&ended);
        assert!(messages.contains(&"JWT_SECRET in pr-1 was copied from production".to_owned()), "{messages:?}");
        assert!(!ended.out.contains(PRODUCTION_SECRET), "{ended:?}");
    }
}

#[test]
fn copied_backend_is_named_as_a_copy() {
    for words in [["staging", "pr-1"], ["pr-1", "staging"]] {
        let messages = messages(&json(&copy_of_production(), &words));
        let mut copies = messages.iter().filter(|message| message.starts_with("DATABASE_URL in pr-1 "));
        assert!(copies.any(|message| message.contains("copied from production")), "{messages:?}");
    }
}

#[test]
fn reading_production_is_stated_and_costs_no_further_request() {
    let sandbox = copy_of_staging();
    let ended = sandbox.run(&["compare", "staging", "pr-1"]);
    ended.assert_shows("also read, to find copied values: production");
    assert_eq!((ended.code, sandbox.sim.count()), (0, 2), "{ended:?}");
    for words in [["production", "pr-1"], ["staging", "production"]] {
        let ended = copy_of_staging().run(&[&["compare"], &words[..]].concat());
        assert!(!ended.text().contains("also read"), "{words:?}: {ended:?}");
    }
}

#[test]
fn values_are_not_shown_if_a_protected_environment_is_read() {
    let words = ["compare", "staging", "pr-1", "--show-values"];
    let ended = copy_of_production().at_a_terminal().run(&words);
    assert_refused(&ended, 2, &["environment production is protected"]);
    assert!(!format!("{ended:?}").contains(PRODUCTION_SECRET), "{ended:?}");
}

#[test]
fn unreadable_service_of_production_is_a_remark() {
    let sandbox = copy_of_production();
    let production = id_of(&sandbox, "production");
    sandbox.sim.fault(Fault::service_in(&production, &sandbox.id("api"), "Not Authorized").permanent());
    let ended = sandbox.run(&["compare", "staging", "pr-1"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("values copied from api in production can't be found: ");
}

#[test]
fn restricted_production_is_a_remark() {
    let sandbox = project([api(PRODUCTION_SECRET, "db-production")], Environment::named("production").restricted());
    let ended = sandbox.run(&["compare", "staging", "pr-1"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
    ended.assert_shows("DATABASE_URL Δ different");
    ended.assert_shows("copied from production can't be found: the environment is restricted");
    assert!(!ended.text().contains("also read"), "{ended:?}");
}

#[test]
fn environments_that_the_config_file_protects_are_read() {
    let pull_request = environment("pr-1", [api(PRODUCTION_SECRET, "db-pr")]).ephemeral();
    let live = environment("live", [api(PRODUCTION_SECRET, "db-live")]);
    let sandbox = || shop([environment("staging", [api(SECRET, "db-staging")]), live.clone(), pull_request.clone()]);
    assert_found(&json(&sandbox(), &["staging", "pr-1"]), 0, &[]);
    let protected = sandbox().file("doctor.toml", "[environments.live]\nprotected = true\n");
    let ended = json(&protected, &["staging", "pr-1"]);
    assert_found(&ended, 1, &["error secret-shared JWT_SECRET api"]);
    assert_eq!(messages(&ended), ["JWT_SECRET in pr-1 was copied from live"]);
}

#[test]
fn service_missing_in_a_pull_request_environment_is_a_note() {
    let sandbox = project([], Environment::named("production"));
    assert_found(&json(&sandbox, &["staging", "pr-1"]), 3, &["note missing-in-environment - api"]);
}

#[test]
fn project_token_recognizes_a_pull_request_environment_by_its_name() {
    let sandbox = || {
        let sandbox = with_project_token(copy_of_staging(), "token-of-staging", "staging");
        let sandbox = with_project_token(sandbox, "token-of-pr", "pr-1").variable("RAILWAY_API_TOKEN", None);
        sandbox.variable("RAILWAY_TOKEN", Some("token-of-staging")).variable("PR_TOKEN", Some("token-of-pr"))
    };
    assert_found(&json(&sandbox(), &["staging", "pr-1", "--token", "pr-1=PR_TOKEN"]), 0, &[]);
    let text = sandbox().run(&["compare", "staging", "pr-1", "--token", "pr-1=PR_TOKEN"]);
    text.assert_shows("copied from protected environments can't be found: ");
}
