//! `doctor trace`: what it finds, where the value comes from, and how it ends.

mod everywhere;
mod requests;

use serde_json::Value;

use crate::commands::tests::fix::service;
use crate::commands::tests::rotate::{OLD, running, shop};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::commands::tests::without_file::report;
use crate::io::git::tests::git;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::fault::Fault;

/// Returns the places of a run with `--format json`, such as `api API_KEY stored literal same`.
#[track_caller]
pub(super) fn places(ended: &Ended) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let report = report(ended);
    let places = report["trace"]["places"].as_array().expect("places are a list").iter();
    places
        .map(|place| {
            let name = [&place["service"], &place["file"], &place["kind"]].into_iter().find(|name| name.is_string());
            let details = ["key", "usage", "form", "running"].map(|field| text(&place[field]));
            format!("{} {}", text(name.expect("a place has a kind")), details.join(" "))
        })
        .collect()
}

fn json(sandbox: &Sandbox, words: &[&str]) -> Ended {
    sandbox.run(&[&["trace", "API_KEY"], words, &["--format", "json"]].concat())
}

#[test]
fn finds_copies_in_every_form_and_references() {
    let ended = json(&shop(), &[]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let expected = [
        ".env API_KEY stored literal -",
        "shared SHARED_KEY stored literal -",
        "api API_KEY stored literal same",
        "api WEB_KEY reference - same",
        "billing AMQP_URL stored url-encoded same",
        "reports KEY reference - same",
        "web SHOP_TOKEN stored literal same",
        "worker API_KEY stored literal same",
    ];
    assert_eq!(places(&ended), expected);
}

#[test]
fn older_and_removed_values_of_running_deployments_are_found() {
    let serving = || SimDeployment::serving("2026-11-20T08:00:00.000Z");
    let services = [
        service("api", &[("API_KEY", OLD)]).deployed(serving().had("API_KEY", "the-value-before-1")),
        service("web", &[("OTHER", "new-value-123")]).deployed(serving().had("OTHER", OLD).had("REMOVED", OLD)),
        service("new", &[("API_KEY", OLD)]),
    ];
    let ended = json(&Sandbox::of(services).file(".env", &format!("API_KEY='{OLD}'\n")), &[]);
    let expected = [
        ".env API_KEY stored literal -",
        "api API_KEY stored literal older",
        "new API_KEY stored literal same",
        "web OTHER running literal same",
        "web REMOVED running literal same",
    ];
    assert_eq!(places(&ended), expected, "{ended:?}");
}

#[test]
fn sealed_holder_is_unknown() {
    let vault = running("vault", &[]).sealed("API_KEY", OLD).sealed("OTHER", "x");
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)]), vault]);
    let ended = json(&sandbox, &[]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(places(&ended), ["api API_KEY stored literal same", "vault API_KEY sealed - -"]);
}

#[test]
fn value_comes_from_the_file_or_the_named_service() {
    let services =
        || [running("api", &[("API_KEY", "value-of-api-1")]), running("web", &[("API_KEY", "value-of-web-2")])];
    let sandbox = Sandbox::of(services()).file(".env", "API_KEY=value-of-file-3\n");
    assert_eq!(places(&json(&sandbox, &[])), [".env API_KEY stored literal -"]);
    assert_eq!(places(&json(&sandbox, &["--from", "web"])), ["web API_KEY stored literal same"]);
    let without = Sandbox::of(services());
    let ended = without.run(&["trace", "API_KEY"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("API_KEY has several values");
    let ended = without.run(&["trace", "API_KEY", "--from", "queue"]);
    assert_eq!(ended.code, 2, "{ended:?}");
}

#[test]
fn missing_and_untraceable_values_are_errors() {
    for (value, code, part) in [
        ("abc123", 2, "fewer than"),
        ("production", 2, "can't be traced"),
        ("", 3, "it is empty"),
        ("op://vault/item/field", 3, "kept elsewhere"),
    ] {
        let sandbox = Sandbox::of([running("api", &[("API_KEY", value)])]);
        let ended = sandbox.run(&["trace", "API_KEY"]);
        assert_eq!(ended.code, code, "{value}: {ended:?}");
        ended.assert_shows(part);
    }
    let ended = shop().run(&["trace", "API_KYE"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("doctor trace API_KEY");
}

#[test]
fn unreadable_service_is_reported_and_decides_the_exit_code() {
    let sandbox = shop();
    let id = sandbox.id("web");
    sandbox.sim.fault(Fault::service(&id, "Not Authorized").permanent());
    let ended = json(&sandbox, &[]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert_eq!(report(&ended)["trace"]["complete"], false);
    assert!(places(&ended).contains(&"worker API_KEY stored literal same".to_owned()));
}

#[test]
fn system_variables_are_no_places() {
    let sandbox = Sandbox::of([running("api", &[("API_KEY", "a-project-named-shop-1")])]);
    sandbox.sim.change(|estate| estate.projects[0].environments[0].name = "a-project-named-shop-1".to_owned());
    let ended = json(&sandbox, &[]);
    assert_eq!(places(&ended), ["api API_KEY stored literal same"], "{ended:?}");
}

#[test]
fn value_of_a_file_that_the_checkout_chose_is_refused() {
    let sandbox = shop();
    git(&sandbox.work(), &["init", "-q"]);
    git(&sandbox.work(), &["add", "-f", ".env"]);
    let ended = sandbox.run(&["trace", "API_KEY"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("git tracks .env, so its author could test whether a guess is a secret");
    assert_eq!(sandbox.run(&["trace", "API_KEY", "--env-file=.env"]).code, 0);
    assert_eq!(sandbox.run(&["trace", "API_KEY", "--from=api"]).code, 0);
}

#[test]
fn next_command_repeats_the_source_of_the_value() {
    let ended = shop().run(&["trace", "API_KEY", "--from", "worker"]);
    ended.assert_shows("doctor rotate API_KEY --from=worker --all-copies");
}
