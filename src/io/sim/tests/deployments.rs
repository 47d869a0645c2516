//! Deployments are created, advance with each read, and replace each other.

use std::time::Duration;

use serde_json::{Value, json};

use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::SimService;
use crate::io::sim::seed::ACCOUNT_TOKEN;
use crate::io::sim::status_timeline::StatusTimeline;
use crate::io::sim::tests::{data, newest, post, read, redeploy, response, statuses, watch, with, world};
use crate::io::sim::{Redeployed, Sim, SimOptions};

fn one(service: SimService) -> (Sim, Value, String) {
    let (sim, scope, services) = world(vec![service], SimOptions::default());
    (sim, scope, services[0].clone())
}

fn web() -> SimService {
    SimService::named("web").repository("team/web").start("web serve").variables(&[("KEY", "old")])
}

fn serving(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
    expected.iter().map(|(status, active)| ((*status).to_owned(), *active)).collect()
}

#[test]
fn redeployment_advances_by_polling_while_old_one_serves() {
    let (sim, ..) = one(web());
    let old = newest(&sim, 0);
    let made = data(&sim, ACCOUNT_TOKEN, "Redeploy", json!({ "deploymentId": old }))["deploymentRedeploy"].take();
    let id = made["id"].as_str().expect("an id");
    // The response contains the status, so it is the first poll.
    assert_eq!((&made["status"], &made["createdAt"]), (&json!("INITIALIZING"), &json!("2026-11-24T09:00:01.000Z")));
    for (status, stopped, other) in
        [("BUILDING", true, "SUCCESS"), ("DEPLOYING", true, "REMOVED"), ("SUCCESS", false, "REMOVED")]
    {
        let shown = watch(&sim, id);
        let expected = json!({
            "id": id, "status": status, "createdAt": "2026-11-24T09:00:01.000Z", "deploymentStopped": stopped,
        });
        assert_eq!(shown, expected);
        if status == "BUILDING" {
            assert_eq!(statuses(&sim, 0), serving(&[("SUCCESS", true), ("DEPLOYING", false)]));
        }
        assert_eq!(watch(&sim, &old)["status"], other);
    }
    assert_eq!(statuses(&sim, 0), serving(&[("REMOVED", false), ("SUCCESS", true)]));
    let made = sim.mutations().remove(0);
    assert_eq!((made.operation.as_str(), made.applied, made.deployments), ("Redeploy", true, vec![id.to_owned()]));
}

#[test]
fn each_timeline_ends_in_its_status() {
    let image = || SimService::named("web").image("web:1");
    let built = ["INITIALIZING", "BUILDING", "DEPLOYING"];
    let after = |end: &[&'static str]| -> Vec<&str> { built.iter().chain(end).copied().collect() };
    let old = ("SUCCESS", true);
    let gone = ("REMOVED", false);
    for (service, plan, expected, left) in [
        (web(), StatusTimeline::success(), after(&["SUCCESS", "SUCCESS"]), [gone, ("SUCCESS", true)]),
        (image(), StatusTimeline::success(), vec!["INITIALIZING", "DEPLOYING", "SUCCESS"], [gone, ("SUCCESS", true)]),
        (
            web(),
            StatusTimeline::failing_build("no"),
            vec!["INITIALIZING", "BUILDING", "FAILED"],
            [old, ("FAILED", false)],
        ),
        (web(), StatusTimeline::failing_pre_deploy("no"), after(&["FAILED", "FAILED"]), [old, ("FAILED", false)]),
        (
            image(),
            StatusTimeline::failing_healthcheck("no"),
            vec!["INITIALIZING", "DEPLOYING", "FAILED"],
            [old, ("FAILED", false)],
        ),
        (web(), StatusTimeline::crashing(2), after(&["SUCCESS", "SUCCESS", "CRASHED"]), [gone, ("CRASHED", false)]),
        (web(), StatusTimeline::skipped(), vec!["INITIALIZING", "SKIPPED"], [old, ("SKIPPED", false)]),
        (
            web(),
            StatusTimeline::needs_approval(),
            vec!["NEEDS_APPROVAL", "NEEDS_APPROVAL"],
            [old, ("NEEDS_APPROVAL", false)],
        ),
        (web(), StatusTimeline::waiting(), vec!["INITIALIZING", "WAITING", "BUILDING"], [old, ("DEPLOYING", false)]),
        (web(), StatusTimeline::queued(), vec!["INITIALIZING", "QUEUED", "BUILDING"], [old, ("DEPLOYING", false)]),
        (web(), StatusTimeline::sleeping(), after(&["SUCCESS", "SLEEPING"]), [gone, ("SLEEPING", true)]),
        (web(), StatusTimeline::endless(), vec!["INITIALIZING", "BUILDING", "BUILDING"], [old, ("BUILDING", false)]),
        (
            web(),
            StatusTimeline::through(&["INITIALIZING", "PAUSING", "SUCCESS"]).polls("PAUSING", 2),
            vec!["INITIALIZING", "PAUSING", "PAUSING", "SUCCESS"],
            [gone, ("SUCCESS", true)],
        ),
    ] {
        let (sim, scope, service) = one(service.next(plan.clone()));
        let deploy = json!({ "environmentId": scope["environmentId"], "serviceId": service });
        let id = data(&sim, ACCOUNT_TOKEN, "Deploy", deploy)["serviceInstanceDeployV2"].take();
        let id = id.as_str().expect("an id");
        let found: Vec<String> =
            expected.iter().map(|_| watch(&sim, id)["status"].as_str().expect("a status").to_owned()).collect();
        assert_eq!(found, expected);
        assert_eq!(statuses(&sim, 0), serving(&left), "{expected:?}");
    }
}

#[test]
fn newer_deployment_supersedes_one_in_progress() {
    let (sim, scope, service) = one(web().plan(StatusTimeline::superseded()));
    let id = redeploy(&sim, &newest(&sim, 0));
    let found = [0; 2].map(|_| watch(&sim, &id)["status"].clone());
    assert_eq!(found, ["BUILDING", "REMOVED"]);
    let recent = data(&sim, ACCOUNT_TOKEN, "RecentDeployments", with(scope, &[("serviceId", &service)]));
    let edges = recent["deployments"]["edges"].as_array().expect("edges");
    let found: Vec<&Value> = edges.iter().map(|edge| &edge["node"]["status"]).collect();
    assert_eq!(found, ["INITIALIZING", "REMOVED", "SUCCESS"]);
    assert!(edges[0]["node"]["createdAt"].as_str() > edges[1]["node"]["createdAt"].as_str());
    assert_eq!(sim.mutations().iter().map(|mutation| mutation.deployments.len()).sum::<usize>(), 1);
    // A deployment that succeeds removes older ones in progress.
    let (sim, ..) = one(web().next(StatusTimeline::endless()));
    redeploy(&sim, &newest(&sim, 0));
    let other =
        sim.change(|estate| estate.deploy("web", StatusTimeline::through(&["SUCCESS"]))).expect("the service exists");
    assert_eq!(statuses(&sim, 0), serving(&[("REMOVED", false), ("REMOVED", false), ("SUCCESS", true)]));
    assert_eq!(watch(&sim, &other)["createdAt"], "2026-11-24T09:00:01.001Z");
}

#[test]
fn timeline_applies_to_next_deployment_or_all_others() {
    let service = web().next(StatusTimeline::through(&["FAILED"])).next(StatusTimeline::through(&["SKIPPED"]));
    let (sim, ..) = one(service.plan(StatusTimeline::through(&["SUCCESS"])));
    let old = newest(&sim, 0);
    let found = [0; 3].map(|_| watch(&sim, &redeploy(&sim, &old))["status"].clone());
    assert_eq!(found, ["FAILED", "SKIPPED", "SUCCESS"]);
}

#[test]
fn redeployment_is_refused_while_busy_or_without_code() {
    let refused = |sim: &Sim, id: &str| response(sim, ACCOUNT_TOKEN, "Redeploy", json!({ "deploymentId": id })).0;
    let (sim, ..) = one(web());
    let old = newest(&sim, 0);
    redeploy(&sim, &old);
    let under_way = "Cannot redeploy yet, please wait for the original deployment to finish building, then try again";
    assert_eq!(refused(&sim, &old), under_way);
    assert_eq!(refused(&sim, &newest(&sim, 0)), under_way);
    for deployment in [
        SimDeployment::serving("2026-11-01T10:00:00.000Z").without_snapshot(),
        SimDeployment::with_status("SKIPPED", "2026-11-01T10:00:00.000Z"),
        SimDeployment::with_status("NEEDS_APPROVAL", "2026-11-01T10:00:00.000Z"),
    ] {
        let (sim, ..) = one(web().deployed(deployment));
        assert_eq!(refused(&sim, &newest(&sim, 0)), "Cannot redeploy without a snapshot");
        assert_eq!(statuses(&sim, 0).len(), 1);
    }
}

#[test]
fn deployment_rate_limit_expires() {
    let services = vec![web().plan(StatusTimeline::through(&["SUCCESS"])), SimService::named("other").image("other:1")];
    let quirks = SimOptions { deploy_limit: 2, deploy_window: Duration::from_secs(5), ..SimOptions::default() };
    let (sim, scope, services) = world(services, quirks);
    let (first, other) = (newest(&sim, 0), newest(&sim, 1));
    redeploy(&sim, &first);
    redeploy(&sim, &first);
    let limit = "Service deployment rate limit exceeded";
    assert_eq!(response(&sim, ACCOUNT_TOKEN, "Redeploy", json!({ "deploymentId": first })).0, limit);
    let deploy = json!({ "environmentId": scope["environmentId"], "serviceId": services[0] });
    assert_eq!(response(&sim, ACCOUNT_TOKEN, "Deploy", deploy), (limit.into(), json!(["serviceInstanceDeployV2"])));
    redeploy(&sim, &other);
    redeploy(&sim, &first);
    let made: Vec<usize> = sim.mutations().iter().map(|mutation| mutation.deployments.len()).collect();
    assert_eq!(made, [1, 1, 0, 0, 1, 1]);
}

#[test]
fn first_deployment_uses_source() {
    let (sim, scope, service) =
        one(web().never_deployed().commit("0f1e2d").plan(StatusTimeline::through(&["SUCCESS"])));
    let deploy = json!({ "environmentId": scope["environmentId"], "serviceId": service });
    for (variables, commit) in
        [(deploy.clone(), "0f1e2d"), (with(deploy.clone(), &[("commitSha", "a1b2c3")]), "a1b2c3")]
    {
        let id = data(&sim, ACCOUNT_TOKEN, "Deploy", variables)["serviceInstanceDeployV2"].take();
        assert_eq!(id, newest(&sim, 0));
        let meta = sim.change(|estate| estate.service_named("web").expect("the service exists").deployments.pop());
        assert_eq!(meta.expect("a deployment was created").meta["commitHash"], commit);
    }
    let (sim, scope, service) = one(SimService::named("bare"));
    let deploy = json!({ "environmentId": scope["environmentId"], "serviceId": service });
    assert_eq!(response(&sim, ACCOUNT_TOKEN, "Deploy", deploy).0, "Cannot redeploy without a snapshot");
}

#[test]
fn redeployment_keeps_code_and_follows_variable_option() {
    for (redeployed, key) in [(Redeployed::WithCurrent, "new"), (Redeployed::WithCaptured, "old")] {
        let deployed = SimDeployment::serving("2026-11-01T10:00:00.000Z").meta("commitHash", "0f1e2d");
        let service = web().commit("a1b2c3").deployed(deployed.had("KEY", "old")).variables(&[("KEY", "new")]);
        let (sim, ..) = world(vec![service], SimOptions { redeployed, ..SimOptions::default() });
        let id = redeploy(&sim, &newest(&sim, 0));
        let shown = data(&sim, ACCOUNT_TOKEN, "Snapshot", json!({ "deploymentId_0": id }));
        assert_eq!(shown["snapshot_0"]["variables"], json!({ "KEY": key }));
        let made = sim.change(|estate| estate.service_named("web").expect("the service exists").deployments.remove(1));
        assert_eq!((&made.meta["commitHash"], &made.meta["reason"]), (&json!("0f1e2d"), &json!("redeploy")));
    }
}

#[test]
fn unknown_deployment_fails_whole_watch_but_one_snapshot() {
    let (sim, ..) = one(web());
    let batch = json!({ "deploymentId_0": newest(&sim, 0), "deploymentId_1": "missing" });
    let refused = response(&sim, ACCOUNT_TOKEN, "DeploymentStatus", batch.clone());
    assert_eq!(refused, ("Deployment not found".into(), json!(["deployment_1"])));
    let reply = post(&sim, ACCOUNT_TOKEN, "Snapshot", batch).expect("a response");
    let body = read(&reply);
    assert_eq!(body["data"], json!({ "snapshot_0": { "variables": { "KEY": "old" } }, "snapshot_1": null }));
    let error = &body["errors"][0];
    assert_eq!((&error["message"], &error["path"]), (&json!("Deployment not found"), &json!(["snapshot_1"])));
}
