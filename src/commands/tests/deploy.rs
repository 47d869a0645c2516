//! Every way in which a deployment can end, and what is said of it.

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
    Sandbox::beside(Sim::with(estate, quirks)).file(".env", "A=new-value\n")
}

pub(super) fn api() -> SimService {
    service("api", &[("A", "old-value")])
}

fn assert_says(ended: &Ended, words: &str) {
    let in_one_line = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(in_one_line.contains(words), "{words}: {ended:?}");
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
        ("crash after success", StatusTimeline::crashing(1), 7, "it came up, and is CRASHED now"),
        ("skipped", StatusTimeline::skipped(), 7, "Railway skipped it"),
        ("approval", StatusTimeline::needs_approval(), 8, "somebody approves it"),
        ("a status of next year", StatusTimeline::through(&["INITIALIZING", "PAUSING"]), 8, "the time was over"),
        ("endless", StatusTimeline::endless(), 8, "the time was over"),
        (
            "removed",
            StatusTimeline::through(&["INITIALIZING", "REMOVED"]),
            7,
            "it was removed, and no newer one replaces it",
        ),
        ("superseded", StatusTimeline::superseded(), 0, "was superseded by"),
    ] {
        let sandbox = shop(api().next(plan));
        let ended = sandbox.run(PUSH);
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        assert_says(&ended, words);
        assert_eq!(sandbox.stored("api", "A").as_deref(), Some("new-value"), "{name}: stored in any case");
        assert_eq!(sandbox.mutations(), ["SetVariables api A", "Redeploy api"], "{name}: deployed once");
        assert!(ended.out.contains("doctor undo 2026-11-24-"), "{name}: the way back is told: {ended:?}");
    }
}

#[test]
fn logs_are_shown_at_terminal_and_counted_elsewhere() {
    let failing = || api().next(StatusTimeline::failing_build("step 7 says new-value"));
    let piped = shop(failing()).run(PUSH);
    assert_says(&piped, "of the build log are not shown");
    assert_says(&shop(failing()).run(&[PUSH, &["--show-logs"]].concat()), "| step 7 says •••");
    let ended = shop(failing()).at_a_terminal().run(PUSH);
    assert_says(&ended, "| Build failed");
}

#[test]
fn running_values_are_compared_with_stored_values() {
    let quirks = |snapshot| SimOptions { snapshot, ..SimOptions::default() };
    for (name, quirks, code, words) in [
        ("rendered", quirks(Snapshots::Rendered), 0, "SUCCESS"),
        ("raw", quirks(Snapshots::Raw), 0, "SUCCESS"),
        ("null", quirks(Snapshots::Null), 0, "got can't be read; it was made after the values were stored"),
        ("refused", quirks(Snapshots::Refused), 0, "got can't be read"),
        ("old", SimOptions { redeployed: Redeployed::WithCaptured, ..SimOptions::default() }, 7, "got old values of A"),
        ("slow reads", SimOptions { value_lag: 3, ..SimOptions::default() }, 0, "SUCCESS"),
        ("a late list", SimOptions { latest_lag: 5, ..SimOptions::default() }, 0, "SUCCESS"),
    ] {
        let sandbox = with_quirks(quirks);
        let ended = sandbox.run(PUSH);
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        assert_says(&ended, words);
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
    assert_says(&ended, &format!("waits for the newer deployment {newer}"));
    assert_eq!(sandbox.mutations(), ["SetVariables api A", "Redeploy api"]);
    let stuck = shop(api());
    stuck.sim.change(|estate| estate.deploy("api", StatusTimeline::endless()));
    let ended = stuck.run(PUSH);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert_says(&ended, "older code was not put over it");
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
    limited.sim.fault(Fault::refusal("Service deployment rate limit exceeded").on("Redeploy").for_ever());
    let ended = limited.run(PUSH);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert_says(&ended, "`doctor fix --redeploy --service=api`");
    let asked = limited.sim.asked().iter().filter(|asked| asked.operation == "Redeploy").count();
    assert_eq!(asked, 1, "too often is no reason to ask once more");
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
        .fault(Fault::failure(TransportFailure::NotSent("refused".to_owned())).on("DeploymentStatus").for_ever());
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert_says(&ended, "Railway went out of reach");
    assert!(ended.took.as_secs() < 300, "it does not wait for ever: {:?}", ended.took);
    let back = shop(api());
    back.sim.fault(Fault::failure(TransportFailure::Broken("reset".to_owned())).on("DeploymentStatus").times(6));
    assert_eq!(back.run(PUSH).code, 0, "a short outage is survived");
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
        let told: serde_json::Value = serde_json::from_str(&ended.out).expect("it is JSON");
        assert_eq!(told["findings"], serde_json::json!([]), "what was found before is not told as if it were so now");
        assert_eq!(told["summary"]["compared"], 0, "{operation}");
    }
}

#[test]
fn failed_recheck_does_not_report_old_findings() {
    let counted = shop(api());
    assert_eq!(counted.run(PUSH).code, 0);
    let looks = counted.sim.asked().iter().filter(|asked| asked.operation == "Environment").count();
    let sandbox = shop(api());
    sandbox.sim.fault(Fault::refusal("not now").on("Environment").nth(looks).for_ever());
    let ended = sandbox.run(&[PUSH, &["--format", "json"]].concat());
    assert_eq!(ended.code, 8, "what is left is not known: {ended:?}");
    assert_eq!(ended.receipts(), ["push api A done", "redeploy api - done"]);
    assert!(ended.out.contains("\"findings\": []"), "{ended:?}");
    assert!(ended.err.contains("what is left could not be looked up"), "{ended:?}");
}
