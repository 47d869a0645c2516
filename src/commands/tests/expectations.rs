//! A fix verifies the declared log lines and endpoints of a new deployment.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Edge, SimService};
use crate::io::sim::fault::Fault;

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", "A"];

fn api() -> SimService {
    service("api", &[("A", "old-value")])
}

fn fixed(api: SimService, declared: &str) -> Ended {
    Sandbox::of([api]).file(".env", "A=new-value\n").file("doctor.toml", declared).run(PUSH)
}

fn line(within: &str) -> String {
    format!("[[expect.log]]\nservice = \"api\"\ncontains = \"boot_id stored\"\n{within}")
}

#[test]
fn expected_log_line_is_awaited_until_its_deadline() {
    for (name, api, within, code, took) in [
        ("there", api().logs("boot_id stored"), "", 0, 0..60),
        ("late", api().logs_late(3, "boot_id stored"), "", 0, 0..60),
        ("missing", api().logs("ready"), "", 7, 60..90),
        ("missing for long", api().logs("ready"), "within = \"5m\"\n", 7, 300..330),
    ] {
        let ended = fixed(api, &line(within));
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        assert!(took.contains(&ended.took.as_secs()), "{name}: {ended:?}");
        let is_missing = ended.text().contains("running, but “boot_id stored” is not in its log");
        assert_eq!(is_missing, code == 7, "{name}: {ended:?}");
    }
}

#[test]
fn unavailable_endpoint_is_inconclusive() {
    let declared = "[[expect.http]]\nservice = \"api\"\nrequest = \"GET /health?token=mark4711\"\nstatus = 200\n";
    let ended = fixed(api(), declared);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.out.contains("GET /health") && !ended.out.contains("mark4711"), "{ended:?}");
}

#[test]
fn endpoint_body_is_shown_only_at_terminal_or_with_show_logs() {
    let api = || service("api", &[("A", "a-value")]).domain("api.up.railway.app");
    let declared = "[[expect.http]]\nservice = \"api\"\nrequest = \"GET /api/v1/ops/x\"\nstatus = 200\n";
    let sandbox = || Sandbox::of([api()]).file(".env", "A=a-value\n").file("doctor.toml", declared);
    for (ended, is_shown) in [
        (sandbox().run(&["check"]), false),
        (sandbox().run(&["check", "--show-logs"]), true),
        (sandbox().at_a_terminal().run(&["check"]), true),
        (sandbox().at_a_terminal().run(&["check", "--output", "report"]), false),
    ] {
        assert_eq!(ended.code, 1, "{ended:?}");
        assert_eq!(ended.out.contains("body: {\"detail\":\"Invalid staging API key\"}"), is_shown, "{ended:?}");
        assert!(!ended.out.contains("body") || is_shown || ended.out.contains("36 bytes (--show-logs prints them)"));
    }
    let json = sandbox().at_a_terminal().run(&["check", "--format", "json", "--show-logs"]);
    assert!(!json.out.contains("Invalid staging"), "{json:?}");
}

/// The response of the API depends on the start command of the worker.
#[test]
fn endpoint_of_other_service_is_rechecked_after_deployment() {
    let api = service("api", &[("STAGING_OPS_API_KEY", "k")]).domain("api.up.railway.app");
    let worker = service("worker", &[("STAGING_OPS_API_KEY", "k")])
        .start("celery -B")
        .deployed(SimDeployment::serving("2026-11-20T10:00:00.000Z").started_with("celery"));
    let declared = "[services.worker]\nname = \"worker\"\nstart-command-contains = [\"-B\"]\n\
                    [[expect.http]]\nservice = \"api\"\nrequest = \"GET /api/v1/ops/x\"\nstatus = 200\n\
                    headers = { X-API-Key = \"$STAGING_OPS_API_KEY\" }\njson = { \"/boot_info\" = \"present\" }\n";
    let sandbox = Sandbox::of([api, worker]).file(".env", "STAGING_OPS_API_KEY=k\n").file("doctor.toml", declared);
    let before = sandbox.run(&["check", "--service=api", "--service=worker"]);
    assert_eq!(before.out.matches("error: ").count(), 2, "{before:?}");
    let ended = sandbox.run(&["fix", "--redeploy", "--yes", "--service=api", "--service=worker"]);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Redeploy worker".to_owned()]), "{ended:?}");
    assert!(ended.out.contains("PASS  endpoint"), "{ended:?}");
}

#[test]
fn failed_expectation_is_reported_despite_key_filter() {
    let ended = fixed(api().logs("ready"), &line(""));
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.out.contains("error: “boot_id stored” is not in the log of api"), "{ended:?}");
    assert!(!ended.out.contains("which step failed"), "no deployment failed: {ended:?}");
}

#[test]
fn unknown_service_in_expectation_reports_its_line() {
    let declared = "[[expect.log]]\nservice = \"wroker\"\ncontains = \"x\"\n";
    let ended = fixed(api(), declared);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("doctor.toml:2") && ended.err.contains("no service `wroker`"), "{ended:?}");
}

const ENDPOINT: &str = "[[expect.http]]\nservice = \"api\"\nrequest = \"GET /health\"\nstatus = 200\n";

/// Returns responses of Railway's edge, with the status and the reported reason.
fn edges() -> [(Edge, &'static str, &'static str); 4] {
    let page = "<html><title>Sign in to Railway</title>".to_owned();
    [
        (Edge::UnderAttack, "429", "Under Attack Mode is on for the service"),
        (Edge::Challenge, "429", "the response is a browser check"),
        (Edge::Authentication, "302", "the response is a Railway sign-in"),
        (Edge::Page(401, page), "401", "the response is a Railway sign-in"),
    ]
}

#[test]
fn edge_response_is_inconclusive_and_blames_no_key() {
    for (edge, status, reason) in edges() {
        let name = format!("{edge:?}");
        let api = |value: &str| service("api", &[("A", value)]).domain("api.up.railway.app").behind(edge.clone());
        let sandbox = Sandbox::of([api("a-value")]).file(".env", "A=a-value\n").file("doctor.toml", ENDPOINT);
        let ended = sandbox.run(&["check"]);
        let text = ended.text();
        assert_eq!(ended.code, 0, "{name}: {ended:?}");
        let words = format!(
            "warning: GET /health on api.up.railway.app did not reach api: Railway's edge responded with {status}"
        );
        assert!(text.contains(&words) && text.contains(reason), "{name}: {ended:?}");
        let ended = fixed(api("old-value"), ENDPOINT);
        assert_eq!(ended.code, 8, "{name}: {ended:?}");
        ended.assert_shows(&format!(
            "running; GET /health did not reach it: Railway's edge responded with {status} ({reason}"
        ));
        assert!(ended.took.as_secs() < 60, "{name}: it does not wait for a change: {ended:?}");
    }
}

#[test]
fn edge_settings_are_queried_only_when_relevant() {
    let text = |text: &str| text.to_owned();
    let rule = Some("the service has edge rules, and one of them may have responded");
    for (edge, refused, asked, code, text) in [
        (None, false, 0, 0, None),
        (Some(Edge::UnderAttack), false, 1, 0, Some("Under Attack Mode is on")),
        (Some(Edge::UnderAttack), true, 1, 0, Some("the response is a browser check")),
        (Some(Edge::Authentication), false, 0, 0, Some("the response is a Railway sign-in")),
        (Some(Edge::Rule(403, text("Forbidden"))), false, 1, 0, rule),
        (Some(Edge::Rule(302, text(""))), false, 1, 0, rule),
        (Some(Edge::Rule(403, text("{\"detail\":\"no\"}"))), false, 0, 1, Some("403 instead of 200")),
        (Some(Edge::Page(403, text("Forbidden"))), false, 1, 1, Some("Railway's edge may have responded")),
        (Some(Edge::Page(403, text("Forbidden"))), true, 1, 1, Some("Railway's edge may have responded")),
        (Some(Edge::Page(429, text("{\"detail\":\"slow down\"}"))), false, 1, 1, Some("429 instead of 200")),
        (Some(Edge::Page(500, text("<html>"))), false, 0, 1, Some("500 instead of 200")),
    ] {
        let name = format!("{edge:?}, refused: {refused}");
        let api = service("api", &[("A", "a-value")]).domain("api.up.railway.app");
        let api = SimService { edge, ..api };
        let sandbox = Sandbox::of([api]).file(".env", "A=a-value\n").file("doctor.toml", ENDPOINT);
        if refused {
            sandbox.sim.fault(Fault::refusal("Not Authorized").on("Edge").permanent());
        }
        let ended = sandbox.run(&["check"]);
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        assert_eq!(sandbox.sim.requests().iter().filter(|asked| asked.operation == "Edge").count(), asked, "{name}");
        if let Some(text) = text {
            ended.assert_shows(text);
        }
    }
}
