//! How a comparison ends: with findings, with nothing compared, or with a side that can't be read.

use crate::commands::tests::compare::{
    SECRET, assert_found, assert_refused, compared, environment, findings, id_of, json, report, shop,
};
use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::railway::transport::TransportFailure;
use crate::io::sim::estate::{Environment, SimService};
use crate::io::sim::fault::Fault;
use crate::report::FORMATS;

fn run(sandbox: &Sandbox, words: &[&str]) -> Ended {
    json(sandbox, &[&["staging", "live"], words].concat())
}

fn with_api(environments: [&str; 2], variables: [&[(&str, &str)]; 2]) -> Sandbox {
    let [left, right] = variables.map(|variables| service("api", variables));
    shop([environment(environments[0], [left]), environment(environments[1], [right])])
}

/// Returns `staging` and `live` or `production`, with one finding of that severity, or without any.
fn with_finding(severity: &str) -> Sandbox {
    let start = |command: &str| service("api", &[("A", "1")]).start(command);
    match severity {
        "error" => with_api(["staging", "production"], [&[("JWT_SECRET", SECRET)]; 2]),
        "warning" => with_api(["staging", "live"], [&[("A", "1"), ("B", "2")], &[("A", "1")]]),
        "note" => shop([environment("staging", [start("run --slow")]), environment("live", [start("run")])]),
        _ => with_api(["staging", "live"], [&[("A", "1")], &[("A", "2")]]),
    }
}

#[test]
fn lowest_severity_that_fails_is_configurable() {
    for (severity, right, codes) in [
        ("error", "production", [1, 1, 1, 0]),
        ("warning", "live", [0, 1, 1, 0]),
        ("note", "live", [0, 0, 1, 0]),
        ("none", "live", [0, 0, 0, 0]),
    ] {
        for (level, code) in ["error", "warning", "note", "never"].into_iter().zip(codes) {
            let flag = with_finding(severity).run(&["compare", "staging", right, "--fail-on", level]);
            assert_eq!(flag.code, code, "{severity} {level}: {flag:?}");
            let toml = with_finding(severity).file("doctor.toml", &format!("fail-on = \"{level}\"\n"));
            assert_eq!(toml.run(&["compare", "staging", right]).code, code, "{severity} {level}");
            let other = if level == "never" { "note" } else { "never" };
            let flag = toml.run(&["compare", "staging", right, "--fail-on", other]);
            assert_eq!(flag.code, if other == "never" { 0 } else { codes[2] }, "the flag wins: {severity} {level}");
        }
        let default = with_finding(severity).run(&["compare", "staging", right]);
        assert_eq!(default.code, codes[0], "{default:?}");
    }
}

#[test]
fn format_does_not_affect_the_exit_code() {
    for (format, _) in FORMATS {
        for (fail_on, code) in [("error", 0), ("warning", 1), ("never", 0)] {
            let sandbox = with_api(["staging", "live"], [&[("A", "1"), ("B", "2")], &[("A", "1")]]);
            let ended = sandbox.run(&["compare", "staging", "live", "--format", format, "--fail-on", fail_on]);
            assert_eq!((ended.code, ended.err.as_str()), (code, ""), "{format}: {ended:?}");
        }
        let ended = with_api(["staging", "live"], [&[], &[]]).run(&["compare", "staging", "live", "--format", format]);
        assert_eq!(ended.code, 3, "{format}: {ended:?}");
    }
}

#[test]
fn nothing_in_common_is_never_green() {
    let nothing = || with_api(["staging", "live"], [&[("A", "1")], &[("B", "1")]]);
    assert_eq!(run(&nothing(), &[]).code, 3);
    assert_eq!(run(&nothing(), &["--fail-on", "warning"]).code, 1, "findings come first");
    assert_eq!(run(&shop([Environment::named("staging"), Environment::named("live")]), &[]).code, 3);
    let sealed = || service("api", &[]).sealed("KEY", SECRET);
    assert_found(&run(&shop([environment("staging", [sealed()]), environment("live", [sealed()])]), &[]), 3, &[]);
    let [api, web] = ["api", "web"].map(|name| service(name, &[("A", "1")]));
    assert_eq!(run(&shop([environment("staging", [api]), environment("live", [web])]), &[]).code, 3);
}

#[test]
fn named_service_must_have_a_key_in_common() {
    let pair = || {
        let [staging, live] =
            ["A", "B"].map(|key| [service("api", &[("REGION", "eu")]), service("web", &[(key, "1")])]);
        shop([environment("staging", staging), environment("live", live)])
    };
    assert_eq!(run(&pair(), &[]).code, 0, "no service is named");
    assert_eq!(run(&pair(), &["-s", "api"]).code, 0);
    assert_eq!(run(&pair(), &["-s", "api", "-s", "web"]).code, 3);
    assert_eq!(run(&pair().file("doctor.toml", "[services.api]\n[services.web]\n"), &[]).code, 3);
    let text = pair().run(&["compare", "staging", "live", "-s", "api", "-s", "web"]);
    text.assert_shows("SKIP web nothing compared: no key in both environments");
    assert!(!text.out.contains(".env") && !text.out.contains("--env-file"), "{text:?}");
}

/// Returns `staging` and `live`: two services share a secret, and lack a key in `live`.
fn two_services() -> Sandbox {
    let both = || -> [SimService; 2] {
        [("api", SECRET), ("web", "bT4nWs8Rc1Yd6KqZx9Lm2VhJ")].map(|(name, own)| service(name, &[("JWT_SECRET", own)]))
    };
    let staging = both().map(|service| service.variables(&[("FLAG", "on")]).start("run --slow"));
    shop([environment("staging", staging), environment("live", both().map(|service| service.start("run")))])
}

#[test]
fn unreadable_service_has_no_finding_and_decides_the_exit_code() {
    for (message, code) in [("Not Authorized", 4), ("Problem processing request", 5)] {
        for side in ["staging", "live"] {
            let sandbox = two_services();
            let (environment, api) = (id_of(&sandbox, side), sandbox.id("api"));
            sandbox.sim.fault(Fault::service_in(&environment, &api, message).permanent());
            let ended = run(&sandbox, &["--fail-on", "warning"]);
            let mut found = findings(&ended);
            found.retain(|line| !line.contains("settings-differ"));
            let expected = ["warning secret-shared JWT_SECRET web", "warning missing-in-environment FLAG web"];
            assert_eq!((ended.code, found), (code, expected.map(str::to_owned).to_vec()), "{ended:?}");
            let services = report(&ended)["services"].clone();
            assert_eq!(services[1]["error"], serde_json::Value::Null, "{ended:?}");
            let error = services[0]["error"].as_str().expect("the error of api");
            assert!(error.starts_with(&format!("{side}: ")), "{error}");
            assert_eq!(services[0]["verdict"], "fail");
            assert_eq!(compared(&ended), ["api 0", "web 1"]);
            let text = sandbox.run(&["compare", "staging", "live"]);
            assert_eq!(text.code, code, "{text:?}");
            text.assert_shows("FAIL api could not be read");
            text.assert_shows("FLAG is set in staging but missing in live");
        }
    }
}

#[test]
fn service_unreadable_in_both_environments_names_both() {
    let sandbox = two_services();
    sandbox.sim.fault(Fault::service(&sandbox.id("api"), "Not Authorized").permanent());
    let ended = run(&sandbox, &[]);
    assert_eq!(ended.code, 4, "{ended:?}");
    let error = report(&ended)["services"][0]["error"].as_str().expect("the error of api").to_owned();
    assert!(error.starts_with("staging: ") && error.contains("; live: "), "{error}");
    let found = findings(&ended);
    assert!(found.iter().all(|line| !line.contains("api") || line.contains("settings-differ")), "{found:?}");
}

#[test]
fn unreadable_database_out_of_scope_is_a_remark() {
    let database = || SimService::named("Postgres").image("postgres:16").variables(&[("PGPORT", "5432")]);
    let sides = || [service("api", &[("REGION", "eu")]), database()];
    let sandbox = shop([environment("staging", sides()), environment("live", sides())]);
    sandbox.sim.fault(Fault::service(&sandbox.id("Postgres"), "Not Authorized").permanent());
    let ended = sandbox.run(&["compare", "staging", "live", "--service", "api"]);
    assert_eq!(ended.code, 0, "the named service was compared: {ended:?}");
    for side in ["staging", "live"] {
        ended.assert_shows(&format!("a backend shared with Postgres in {side} can't be found: "));
    }
}

#[test]
fn unreadable_environment_ends_the_run() {
    for (fault, code) in [
        (Fault::refusal("Not Authorized"), 4),
        (Fault::refusal("Problem processing request"), 5),
        (Fault::failure(TransportFailure::TimedOut), 5),
        (Fault::failure(TransportFailure::Broken("connection reset by peer".to_owned())), 5),
    ] {
        for fault in [fault.clone(), fault.on("Values")] {
            let sandbox = two_services();
            sandbox.sim.fault(fault.clone().permanent());
            let ended = sandbox.run(&["compare", "staging", "live"]);
            assert_eq!(ended.code, code, "{fault:?}: {ended:?}");
            assert!(!ended.out.contains("missing-in-environment"), "{ended:?}");
        }
    }
    let refused = two_services().variable("RAILWAY_API_TOKEN", Some("a-revoked-token"));
    assert_refused(&refused.run(&["compare", "staging", "live"]), 4, &["RAILWAY_API_TOKEN"]);
    let endless = two_services();
    endless.sim.fault(Fault::reply(503, "{}").permanent());
    assert_eq!(endless.run(&["compare", "staging", "live", "--timeout", "5s"]).code, 5);
    assert_eq!(two_services().run(&["compare", "staging", "live", "--timeout", "soon"]).code, 2);
}
