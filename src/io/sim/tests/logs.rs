//! The logs of deployments and builds, and the failed steps.

use serde_json::{Value, json};

use crate::io::sim::Sim;
use crate::io::sim::estate::SimService;
use crate::io::sim::options::SimOptions;
use crate::io::sim::seed::ACCOUNT_TOKEN;
use crate::io::sim::status_timeline::StatusTimeline;
use crate::io::sim::tests::{data, newest, redeploy, response, watch, world};

fn web() -> SimService {
    SimService::named("web").repository("team/web").start("web serve -B").logs("Booting").logs("Listening on \"8080\"")
}

fn one(service: SimService) -> Sim {
    world(vec![service], SimOptions::default()).0
}

fn finish(sim: &Sim) -> String {
    let id = redeploy(sim, &newest(sim, 0));
    (0..6).for_each(|_| drop(watch(sim, &id)));
    id
}

fn messages(sim: &Sim, operation: &'static str, id: &str, more: Value) -> Vec<String> {
    let mut variables = more;
    variables["deploymentId"] = json!(id);
    let field = if operation == "BuildLog" { "buildLogs" } else { "deploymentLogs" };
    let lines = data(sim, ACCOUNT_TOKEN, operation, variables)[field].take();
    lines.as_array().expect("lines").iter().map(|line| line["message"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn only_failed_step_has_error() {
    for (plan, expected) in [
        (
            StatusTimeline::success(),
            "SNAPSHOT_CODE BUILD_IMAGE PUBLISH_IMAGE CREATE_CONTAINER HEALTHCHECK DRAIN_INSTANCES",
        ),
        (StatusTimeline::failing_build("exit code: 1"), "SNAPSHOT_CODE BUILD_IMAGE=exit code: 1"),
        (
            StatusTimeline::failing_pre_deploy("exit code: 2"),
            "SNAPSHOT_CODE BUILD_IMAGE PUBLISH_IMAGE PRE_DEPLOY_COMMAND=exit code: 2",
        ),
        (
            StatusTimeline::failing_healthcheck("no 200"),
            "SNAPSHOT_CODE BUILD_IMAGE PUBLISH_IMAGE CREATE_CONTAINER HEALTHCHECK=no 200",
        ),
    ] {
        let sim = one(web().plan(plan));
        let id = finish(&sim);
        let events = data(&sim, ACCOUNT_TOKEN, "DeploymentEvents", json!({ "deploymentId_0": id }));
        let edges = events["events_0"]["edges"].as_array().expect("edges");
        let found: Vec<String> = edges
            .iter()
            .map(|edge| {
                let node = &edge["node"];
                let error = node["payload"]["error"].as_str().map(|error| format!("={error}")).unwrap_or_default();
                format!("{}{error}", node["step"].as_str().expect("a step"))
            })
            .collect();
        assert_eq!(found.join(" "), expected);
    }
}

#[test]
fn build_failure_and_crash_write_their_own_lines() {
    let sim = one(web().next(StatusTimeline::failing_build("npm ERR! missing script")));
    let id = finish(&sim);
    let lines = messages(&sim, "BuildLog", &id, json!({ "limit": 1 }));
    assert_eq!(lines, ["npm ERR! missing script", "Build failed"]);
    assert_eq!(messages(&sim, "DeploymentLog", &id, json!({ "limit": 100 })), Vec::<String>::new());
    let sim = one(web().next(StatusTimeline::crashing(1).with_log("CRASHED", &["Traceback", "KeyError"])));
    let id = finish(&sim);
    let lines = messages(&sim, "DeploymentLog", &id, json!({ "limit": 100 }));
    assert_eq!(lines, ["Booting", "Listening on \"8080\"", "Traceback", "KeyError"]);
    let shown = data(&sim, ACCOUNT_TOKEN, "DeploymentLog", json!({ "deploymentId": id, "limit": 0 }));
    let line = &shown["deploymentLogs"][0];
    assert_eq!((&line["severity"], line["timestamp"].as_str().map(str::len)), (&json!("error"), Some(30)));
}

#[test]
fn log_is_read_from_end_and_filtered_by_text_and_time() {
    let sim = one(web().logs_with("-B", "beat: Starting...").logs_with("-C", "never").chatty(3));
    let id = newest(&sim, 0);
    let all = messages(&sim, "DeploymentLog", &id, json!({ "limit": 5000 }));
    assert_eq!((all.len(), all[2].as_str()), (6, "beat: Starting..."));
    for (variables, expected) in [
        (json!({ "limit": 0 }), &all[5..]),
        (json!({ "limit": 2 }), &all[3..]),
        (json!({ "limit": 5001 }), &[][..]),
        (json!({ "limit": 9, "filter": "" }), &all),
        (json!({ "limit": 9, "filter": null }), &all),
        (json!({ "limit": 9, "filter": "starting BEAT:" }), &all[2..3]),
        (json!({ "limit": 9, "filter": "\"starting beat\"" }), &[]),
        (json!({ "limit": 9, "filter": "\"Listening on\"" }), &all[1..2]),
        (json!({ "limit": 9, "startDate": "2026-11-20T15:04:05.728Z" }), &all[5..]),
        (json!({ "limit": 9, "endDate": "2026-11-20T15:04:05.678Z" }), &all[..1]),
    ] {
        assert_eq!(messages(&sim, "DeploymentLog", &id, variables.clone()), expected, "{variables}");
    }
    let negative = json!({ "deploymentId": id, "limit": -1 });
    assert_eq!(response(&sim, ACCOUNT_TOKEN, "DeploymentLog", negative).0, "limit must be a non-negative integer");
}

#[test]
fn late_line_appears_only_after_repeated_reads() {
    let sim = one(web().logs_late(2, "boot_id stored"));
    let id = finish(&sim);
    let lines = || messages(&sim, "DeploymentLog", &id, json!({ "limit": 9 })).len();
    assert_eq!([lines(), lines(), lines()], [2, 2, 3]);
}

#[test]
fn reading_logs_advances_deployment() {
    let sim = one(web());
    let id = redeploy(&sim, &newest(&sim, 0));
    assert_eq!(messages(&sim, "BuildLog", &id, json!({ "limit": 9 })).len(), 3);
    assert_eq!(messages(&sim, "DeploymentLog", &id, json!({ "limit": 9 })).len(), 0);
    assert_eq!(watch(&sim, &id)["status"], "SUCCESS");
    assert_eq!(messages(&sim, "DeploymentLog", &id, json!({ "limit": 9 })).len(), 2);
}
