//! Every outcome of a deployment, with its exit code and message.

use std::sync::Arc;
use std::time::Duration;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::interrupt::Interrupt;
use crate::io::railway::transport::TransportFailure;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::status_timeline::StatusTimeline;
use crate::io::sim::{Redeployed, Sim, SimOptions, Snapshots};

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", "A"];

pub(super) fn shop(api: SimService) -> Sandbox {
    Sandbox::of([api]).file(".env", "A=new-value\n")
}

pub(super) fn with_quirks(quirks: SimOptions) -> Sandbox {
    let environment = Environment::named("staging").service(service("api", &[("A", "old-value")]));
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    Sandbox::new(Sim::with(estate, quirks)).file(".env", "A=new-value\n")
}

pub(super) fn api() -> SimService {
    service("api", &[("A", "old-value")])
}

fn assert_shows(ended: &Ended, text: &str) {
    ended.assert_shows(text);
    assert!(!ended.out.contains("new-value") && !ended.err.contains("new-value"), "{ended:?}");
}

#[test]
fn each_deployment_outcome_has_exit_code_and_message() {
    for (name, plan, code, words) in [
        ("success", StatusTimeline::success(), 0, "SUCCESS"),
        ("queued", StatusTimeline::queued(), 0, "SUCCESS"),
        ("waiting for checks", StatusTimeline::waiting(), 0, "SUCCESS"),
        ("sleeping", StatusTimeline::sleeping(), 0, "SUCCESS"),
        ("build", StatusTimeline::failing_build("npm: new-value is missing"), 7, "BUILD_IMAGE: npm: ••• is missing"),
        (
            "pre-deploy",
            StatusTimeline::failing_pre_deploy("migration failed"),
            7,
            "PRE_DEPLOY_COMMAND: migration failed",
        ),
        ("healthcheck", StatusTimeline::failing_healthcheck("no answer on /up"), 7, "HEALTHCHECK: no answer on /up"),
        ("crash after success", StatusTimeline::crashing(1), 7, "crashed after it had started"),
        ("skipped", StatusTimeline::skipped(), 7, "skipped by Railway"),
        ("approval", StatusTimeline::needs_approval(), 8, "waiting for approval in the dashboard"),
        ("a status of next year", StatusTimeline::through(&["INITIALIZING", "PAUSING"]), 8, "s, still PAUSING"),
        ("endless", StatusTimeline::endless(), 8, "timed out after"),
        (
            "removed",
            StatusTimeline::through(&["INITIALIZING", "REMOVED"]),
            7,
            "removed, and not replaced by a newer deployment",
        ),
        ("superseded", StatusTimeline::superseded(), 0, "was superseded by"),
    ] {
        let sandbox = shop(api().next(plan));
        let ended = sandbox.run(PUSH);
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        assert_shows(&ended, words);
        assert_eq!(sandbox.stored("api", "A").as_deref(), Some("new-value"), "{name}: stored in any case");
        assert_eq!(sandbox.mutations(), ["SetVariables api A", "Redeploy api"], "{name}: deployed once");
        assert!(ended.out.contains("doctor undo 2026-11-24-"), "{name}: the undo command is shown: {ended:?}");
    }
}

#[test]
fn logs_are_shown_at_terminal_and_counted_elsewhere() {
    let failing = || api().next(StatusTimeline::failing_build("step 7 says new-value"));
    let piped = shop(failing()).run(PUSH);
    assert_shows(&piped, "of the build log not shown");
    assert_shows(&shop(failing()).run(&[PUSH, &["--show-logs"]].concat()), "| step 7 says •••");
    let ended = shop(failing()).at_a_terminal().run(PUSH);
    assert_shows(&ended, "| Build failed");
}

#[test]
fn running_values_are_compared_with_stored_values() {
    let quirks = |snapshot| SimOptions { snapshot, ..SimOptions::default() };
    for (name, quirks, code, words) in [
        ("rendered", quirks(Snapshots::Rendered), 0, "SUCCESS"),
        ("raw", quirks(Snapshots::Raw), 0, "SUCCESS"),
        ("null", quirks(Snapshots::Null), 0, "it was created after the values were stored, and started"),
        ("refused", quirks(Snapshots::Refused), 0, "could not read the variables of deployment"),
        (
            "old",
            SimOptions { redeployed: Redeployed::WithCaptured, ..SimOptions::default() },
            7,
            "running, but with old values of A",
        ),
        ("slow reads", SimOptions { value_lag: 3, ..SimOptions::default() }, 0, "SUCCESS"),
        ("a late list", SimOptions { latest_lag: 5, ..SimOptions::default() }, 0, "SUCCESS"),
    ] {
        let sandbox = with_quirks(quirks);
        let ended = sandbox.run(PUSH);
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        assert_shows(&ended, words);
        assert_eq!(sandbox.mutations(), ["SetVariables api A", "Redeploy api"], "{name}");
    }
}

#[test]
fn redeploys_serving_deployment_or_only_existing_one() {
    let at = |status, time| SimDeployment::with_status(status, &format!("2026-11-2{time}T09:00:00.000Z"));
    let serving = || SimDeployment::serving("2026-11-20T09:00:00.000Z").id("5e000000-0000-4000-8000-000000000001");
    for (name, api, sent) in [
        ("never deployed", api().never_deployed(), "Deploy api"),
        ("a failed one on top", api().deployed(serving()).deployed(at("FAILED", 1)), "Redeploy api"),
        ("crashed", api().never_deployed().deployed(at("CRASHED", 1)), "Redeploy api"),
        ("removed by hand", api().never_deployed().deployed(at("REMOVED", 1)), ""),
    ] {
        let sandbox = shop(api);
        let ended = sandbox.run(PUSH);
        assert_eq!(sandbox.mutations().get(1).map_or("", String::as_str), sent, "{name}: {ended:?}");
    }
}

#[test]
fn newer_deployment_in_progress_is_awaited_and_never_replaced() {
    let sandbox = shop(api());
    let newer =
        sandbox.sim.change(|estate| estate.deploy("api", StatusTimeline::success()).expect("the service is there"));
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_shows(&ended, &format!("waits for the newer deployment {newer}"));
    assert_eq!(sandbox.mutations(), ["SetVariables api A", "Redeploy api"]);
    let stuck = shop(api());
    stuck.sim.change(|estate| estate.deploy("api", StatusTimeline::endless()));
    let ended = stuck.run(PUSH);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert_shows(&ended, "it was not replaced with older code");
    assert_eq!(stuck.mutations(), ["SetVariables api A"]);
}

#[test]
fn busy_redeploy_is_retried_but_rate_limited_one_is_not() {
    let sandbox = shop(api());
    let busy = "Cannot redeploy yet, please wait for the original deployment to finish building, then try again";
    sandbox.sim.fault(Fault::refusal(busy).on("Redeploy").times(2));
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.mutations().iter().filter(|sent| sent.ends_with("Redeploy api")).count(), 1);
    let limited = shop(api());
    limited.sim.fault(Fault::refusal("Service deployment rate limit exceeded").on("Redeploy").permanent());
    let ended = limited.run(PUSH);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert_shows(&ended, "`doctor fix --redeploy --service=api`");
    let asked = limited.sim.requests().iter().filter(|asked| asked.operation == "Redeploy").count();
    assert_eq!(asked, 1, "a rate-limited request is not repeated");
    assert_eq!(limited.stored("api", "A").as_deref(), Some("new-value"));
}

#[test]
fn ctrl_c_while_redeploy_is_busy_creates_no_deployment() {
    let sandbox = shop(api()).interrupted_after(Duration::from_secs(1));
    let busy = "Cannot redeploy yet, please wait for the original deployment to finish building, then try again";
    sandbox.sim.fault(Fault::refusal(busy).on("Redeploy").times(1));
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 130, "{ended:?}");
    assert_eq!(sandbox.mutations(), ["SetVariables api A", "Redeploy api (not done)"]);
}

#[test]
fn connection_loss_while_waiting_is_inconclusive() {
    let sandbox = shop(api().plan(StatusTimeline::endless()));
    sandbox
        .sim
        .fault(Fault::failure(TransportFailure::NotSent("refused".to_owned())).on("DeploymentStatus").permanent());
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert_shows(&ended, "could not read its status: ");
    assert!(ended.took.as_secs() < 300, "the wait is limited: {:?}", ended.took);
    let back = shop(api());
    back.sim.fault(Fault::failure(TransportFailure::Broken("reset".to_owned())).on("DeploymentStatus").times(6));
    assert_eq!(back.run(PUSH).code, 0, "a short outage is tolerated");
}

#[test]
fn ctrl_c_finishes_step_prints_receipts_and_exits_130() {
    for (operation, expected) in [
        ("SetVariables", &["push api A done", "redeploy api - not-tried"][..]),
        ("Redeploy", &["push api A done", "redeploy api - unknown"]),
        ("DeploymentStatus", &["push api A done", "redeploy api - unknown"]),
    ] {
        let sandbox = shop(api());
        let interrupt = Arc::new(Interrupt::default());
        let pressed = Arc::clone(&interrupt);
        sandbox.sim.before(operation, move |_| pressed.press());
        let ended = sandbox.run_with(&[PUSH, &["--format", "json"]].concat(), Vec::new(), &interrupt);
        assert_eq!(ended.code, 130, "{operation}: {ended:?}");
        assert_eq!(ended.receipts(), expected, "{operation}");
        let report: serde_json::Value = serde_json::from_str(&ended.out).expect("it is JSON");
        assert_eq!(report["findings"], serde_json::json!([]), "findings from before the fix are not reported");
        assert_eq!(report["summary"]["compared"], 0, "{operation}");
    }
}

#[test]
fn failed_recheck_does_not_report_old_findings() {
    let counted = shop(api());
    assert_eq!(counted.run(PUSH).code, 0);
    let reads = counted.sim.requests().iter().filter(|asked| asked.operation == "Environment").count();
    let sandbox = shop(api());
    sandbox.sim.fault(Fault::refusal("not now").on("Environment").nth(reads).permanent());
    let ended = sandbox.run(&[PUSH, &["--format", "json"]].concat());
    assert_eq!(ended.code, 8, "the remaining findings are unknown: {ended:?}");
    assert_eq!(ended.receipts(), ["push api A done", "redeploy api - done"]);
    assert!(ended.out.contains("\"findings\": []"), "{ended:?}");
    assert!(ended.err.contains("could not check again after the fix"), "{ended:?}");
}
