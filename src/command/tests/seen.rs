//! What is declared must be seen of a new deployment: its log is waited for, its endpoints are asked.

use crate::command::tests::fix::service;
use crate::command::tests::sandbox::{Ended, Sandbox};
use crate::outside::sim::deployment::Deployment;
use crate::outside::sim::estate::Service;

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", "A"];

fn api() -> Service {
    service("api", &[("A", "old-value")])
}

fn fixed(api: Service, declared: &str) -> Ended {
    Sandbox::of([api]).file(".env", "A=new-value\n").file("doctor.toml", declared).run(PUSH)
}

fn line(within: &str) -> String {
    format!("[[expect.log]]\nservice = \"api\"\ncontains = \"boot_id stored\"\n{within}")
}

#[test]
fn a_declared_line_is_waited_for_as_long_as_it_has() {
    for (name, api, within, code, took) in [
        ("there", api().says("boot_id stored"), "", 0, 0..60),
        ("late", api().says_late(3, "boot_id stored"), "", 0, 0..60),
        ("missing", api().says("ready"), "", 7, 60..90),
        ("missing for long", api().says("ready"), "within = \"5m\"\n", 7, 300..330),
    ] {
        let ended = fixed(api, &line(within));
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        assert!(took.contains(&ended.took.as_secs()), "{name}: {ended:?}");
        let words = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words.contains("it runs, and “boot_id stored” is not in its log"), code == 7, "{name}: {ended:?}");
    }
}

#[test]
fn an_endpoint_that_can_not_be_asked_decides_nothing() {
    let declared = "[[expect.http]]\nservice = \"api\"\nrequest = \"GET /health?token=mark4711\"\nstatus = 200\n";
    let ended = fixed(api(), declared);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.out.contains("GET /health") && !ended.out.contains("mark4711"), "{ended:?}");
}

#[test]
fn what_an_endpoint_said_is_shown_at_a_terminal_and_counted_elsewhere() {
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
        assert_eq!(ended.out.contains("body  {\"detail\":\"Invalid staging API key\"}"), is_shown, "{ended:?}");
        assert!(!ended.out.contains("body") || is_shown || ended.out.contains("36 bytes that --show-logs shows"));
    }
    let json = sandbox().at_a_terminal().run(&["check", "--format", "json", "--show-logs"]);
    assert!(!json.out.contains("Invalid staging"), "{json:?}");
}

/// The answer of the API hangs on what the worker was started with.
#[test]
fn what_another_service_answers_is_asked_again_after_a_deployment() {
    let api = service("api", &[("STAGING_OPS_API_KEY", "k")]).domain("api.up.railway.app");
    let worker = service("worker", &[("STAGING_OPS_API_KEY", "k")])
        .start("celery -B")
        .deployed(Deployment::serving("2026-11-20T10:00:00.000Z").started_with("celery"));
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
fn a_proof_that_fails_is_told_whatever_keys_are_asked_about() {
    let ended = fixed(api().says("ready"), &line(""));
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.out.contains("error: “boot_id stored” is not in the log of api"), "{ended:?}");
    assert!(!ended.out.contains("which step failed"), "nothing failed on Railway: {ended:?}");
}

#[test]
fn a_service_that_is_not_there_is_an_error_at_its_place() {
    let declared = "[[expect.log]]\nservice = \"wroker\"\ncontains = \"x\"\n";
    let ended = fixed(api(), declared);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("doctor.toml:2") && ended.err.contains("no service `wroker`"), "{ended:?}");
}
