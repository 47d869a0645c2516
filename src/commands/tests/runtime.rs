//! The runtime state in `check`: findings, and the number of requests.

use serde_json::json;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::deployment::{Event, SimDeployment};
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::seed::PROJECT_TOKEN;
use crate::io::sim::{Sim, SimOptions, Snapshots};

const SINCE: &str = "2026-11-20T10:00:00.000Z";

fn api() -> SimService {
    service("api", &[("A", "1")])
}

fn with_services(quirks: SimOptions, services: impl IntoIterator<Item = SimService>) -> Sandbox {
    let environment = services.into_iter().fold(Environment::named("staging"), Environment::service);
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    Sandbox::new(Sim::with(estate, quirks)).file(".env", "A=1\n")
}

fn check(sandbox: &Sandbox, expected: u8, requests: usize) -> String {
    let ended: Ended = sandbox.run(&["check", "-v"]);
    assert_eq!((ended.code, sandbox.sim.count()), (expected, requests), "{ended:?}");
    ended.text()
}

#[test]
fn snapshot_with_old_value_is_stale_in_two_requests() {
    let stale = || api().deployed(SimDeployment::serving(SINCE).had("A", "0"));
    for sandbox in [
        with_services(SimOptions::default(), [stale()]),
        with_services(SimOptions::default(), [stale()])
            .variable("RAILWAY_API_TOKEN", None)
            .variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN)),
    ] {
        let out = check(&sandbox, 1, 2);
        assert!(out.contains("error: api is running with an old value of A"), "{out}");
    }
    let out = check(&with_services(SimOptions::default(), [api()]), 0, 2);
    assert!(out.contains("has the stored values") && !out.contains("stale"), "{out}");
}

#[test]
fn missing_snapshot_falls_back_to_variable_times() {
    for (snapshot, time, words) in [
        (Snapshots::Null, "2026-11-21T10:00:00.000Z", "api may be running with an old value of A"),
        (Snapshots::Refused, "2026-11-21T10:00:00.000Z", "Railway responded “Not Authorized”"),
        (
            Snapshots::Null,
            "2026-11-20T10:00:03.000Z",
            "could not determine whether api is running with an old value of A",
        ),
        (Snapshots::Null, "2026-11-19T10:00:00.000Z", "no errors"),
    ] {
        let quirks = SimOptions { snapshot, ..SimOptions::default() };
        let sandbox = with_services(quirks, [api().deployed(SimDeployment::serving(SINCE)).changed("A", time)]);
        let out = check(&sandbox, 0, 3);
        assert!(out.contains(words) || words == "no errors" && !out.contains("stale-deployment"), "{words}: {out}");
    }
    let quirks = SimOptions { snapshot: Snapshots::Null, ..SimOptions::default() };
    let sandbox = with_services(quirks, [api()]);
    sandbox.sim.fault(Fault::field("environment", "Not Authorized").on("VariableTimes").permanent());
    // One more request checks the token.
    let out = check(&sandbox, 0, 4);
    assert!(!out.contains("error:"), "{out}");
}

#[test]
fn failed_deployment_step_costs_one_extra_request() {
    let mut failed = SimDeployment::with_status("FAILED", "2026-11-21T10:00:00.000Z");
    failed.events = vec![Event {
        step: "HEALTHCHECK",
        created_at: SINCE.to_owned(),
        completed_at: None,
        error: Some("no 200 on /up".to_owned()),
    }];
    failed.diagnosis = json!({ "summary": "The app listens\non a1b2c3d4-value." });
    let two =
        |name: &str| service(name, &[("A", "1")]).deployed(SimDeployment::serving(SINCE)).deployed(failed.clone());
    let sandbox = with_services(SimOptions::default(), [two("api"), two("web")]);
    let out = check(&sandbox, 1, 3);
    assert!(out.contains("HEALTHCHECK failed: no 200 on /up; The app listens on a1b2c3d4-value."), "{out}");
    let sandbox = with_services(SimOptions::default(), [two("api"), two("web")]);
    sandbox.sim.fault(Fault::field("events_0", "Not Authorized").on("DeploymentEvents").times(1));
    let out = check(&sandbox, 1, 4);
    assert_eq!(out.matches("no 200 on /up").count(), 1, "the other failure is still reported: {out}");
}

#[test]
fn staged_changes_are_reported_and_refusal_is_tolerated() {
    let sandbox = with_services(SimOptions::default(), [api()]);
    let id = sandbox.id("api");
    sandbox.sim.change(|estate| {
        let staged = Environment::named("x").staged(json!({ "services": { id: { "variables": { "A": null } } } }));
        estate.projects[0].environments[0].staged = staged.staged;
    });
    let out = check(&sandbox, 1, 2);
    assert!(out.contains("staged changes in staging are not deployed: A"), "{out}");
    sandbox.sim.fault(Fault::field("staged", "Not Authorized").permanent());
    let out = check(&sandbox, 0, 5);
    assert!(!out.contains("staged changes in staging"), "{out}");
}

#[test]
fn unreadable_deployments_do_not_affect_comparison() {
    let sandbox = with_services(SimOptions::default(), [api().deployed(SimDeployment::serving(SINCE).had("A", "0"))]);
    sandbox.sim.fault(Fault::field("activeDeployments", "Not Authorized").permanent());
    let out = check(&sandbox, 0, 3);
    assert!(
        out.contains("PASS values 1 compared") && out.contains("SKIP deployment Railway responded “Not Authorized”"),
        "{out}"
    );
}

#[test]
fn config_file_in_checkout_explains_start_command() {
    let changed = api().start("web --new").deployed(SimDeployment::serving(SINCE).started_with("web --old"));
    let out = check(&with_services(SimOptions::default(), [changed.clone()]), 0, 2);
    assert!(out.contains("start-command"), "{out}");
    let explained = with_services(SimOptions::default(), [changed.clone()]).file("railway.toml", "[deploy]\n");
    let out = check(&explained, 0, 2);
    assert!(!out.contains("differs from its settings") && out.contains("api may depend on railway.toml"), "{out}");
    for (file, rule) in [
        ("backend/railway.json", "config-file-retired"),
        ("railway.json", "start-command"),
        (".railway/railway.ts", "start-command"),
    ] {
        let inside = with_services(SimOptions::default(), [changed.clone().root("/backend")]).file(file, "{}");
        let ended = inside.run(&["check", "--service", "api", "--env-file", ".env"]);
        assert_eq!((ended.code, ended.out.matches("\nwarning: ").count()), (0, 1), "{file}: {ended:?}");
        assert!(ended.out.contains(rule), "{file}: {ended:?}");
    }
}

#[test]
fn refused_latest_deployment_hides_nothing_else() {
    let sandbox = with_services(SimOptions::default(), [api().deployed(SimDeployment::serving(SINCE).had("A", "0"))]);
    sandbox.sim.fault(Fault::field("latestDeployment", "Not Authorized").permanent());
    let out = check(&sandbox, 1, 2);
    assert!(out.contains("error: api is running with an old value of A"), "{out}");
    assert!(out.contains("SKIP deployment Railway responded “Not Authorized”"), "{out}");
}

#[test]
fn refused_domains_are_not_treated_as_empty() {
    let declared = "[[expect.http]]\nservice = \"api\"\nrequest = \"GET /health\"\nstatus = 200\n";
    let sandbox = with_services(SimOptions::default(), [api()]).file("doctor.toml", declared);
    sandbox.sim.fault(Fault::field("domains", "Not Authorized").permanent());
    let out = check(&sandbox, 0, 3);
    let why = "its domains are unknown: Railway responded “Not Authorized”";
    assert!(out.contains("SKIP endpoint GET /health was not sent"), "{out}");
    assert_eq!(out.matches(why).count(), 1, "{out}");
    assert!(out.contains("PASS running has the stored values"), "{out}");
}
