//! The error of a failed build, from whichever log contains it, even if that log is late.

use std::sync::Arc;
use std::time::Duration;

use crate::commands::tests::deploy::{api, shop};
use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::interrupt::Interrupt;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::status_timeline::StatusTimeline;
use crate::io::sim::{BuildLogs, Sim, SimOptions};

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", "A", "--show-logs"];
const STEP: &str = "[6/8] RUN npm ci";
const CAUSE: &str = "process \"npm ci\" did not complete successfully: exit code 1, token new-value";
const SHOWN: &str = "| [6/8] RUN npm ci: process \"npm ci\" did not complete successfully: exit code 1, token •••";

/// Returns a failing build whose error is in an attribute, and is visible after that many reads.
fn failing(reads: usize) -> StatusTimeline {
    StatusTimeline::through(&["INITIALIZING", "BUILDING", "FAILED"])
        .step("BUILDING", STEP, None)
        .step("BUILDING", STEP, None)
        .late_step(reads, "FAILED", STEP, Some(CAUSE))
}

fn elsewhere(api: SimService) -> Sandbox {
    let environment = Environment::named("staging").service(api);
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    let quirks = SimOptions { build_logs: BuildLogs::OfEnvironment, ..SimOptions::default() };
    Sandbox::new(Sim::with(estate, quirks)).file(".env", "A=new-value\n")
}

fn asked(sandbox: &Sandbox, operation: &str) -> usize {
    sandbox.sent.borrow().iter().filter(|sent| sent.contains(&format!("\"operationName\":\"{operation}\""))).count()
}

fn assert_fails_with(ended: &Ended, text: &str) {
    assert_eq!((ended.code, ended.text().contains(text)), (7, true), "{text}: {ended:?}");
    assert!(!ended.out.contains("new-value") && !ended.err.contains("new-value"), "{ended:?}");
}

#[test]
fn build_failure_cause_costs_one_request() {
    let sandbox = shop(api().next(failing(0)));
    let ended = sandbox.run(PUSH);
    assert_fails_with(&ended, SHOWN);
    assert_eq!(ended.out.matches(STEP).count(), 2, "a repeated step is shown once: {ended:?}");
    assert_eq!((asked(&sandbox, "BuildLog"), asked(&sandbox, "BuildLogBySnapshot")), (1, 0));
    assert!(ended.took < Duration::from_secs(15), "a known error is not read again: {:?}", ended.took);
}

#[test]
fn late_build_log_is_reread_once() {
    for api in [api().next(failing(1)), api().next(failing(1)).repository("team/api")] {
        let sandbox = shop(api);
        let ended = sandbox.run(PUSH);
        assert_fails_with(&ended, SHOWN);
        assert_eq!(asked(&sandbox, "BuildLog"), 2);
        assert!((15..60).contains(&ended.took.as_secs()), "{:?}", ended.took);
    }
    let never = shop(api().next(failing(9)));
    let ended = never.run(PUSH);
    assert_fails_with(&ended, "| [6/8] RUN npm ci");
    assert_eq!((asked(&never, "BuildLog"), ended.out.contains("exit code")), (2, false), "{ended:?}");
}

#[test]
fn does_not_wait_for_hidden_log_lines_or_past_timeout() {
    let counted = shop(api().next(failing(1)));
    let ended = counted.run(&PUSH[..PUSH.len() - 1]);
    assert_fails_with(&ended, "of the build log not shown");
    assert_eq!((asked(&counted, "BuildLog"), ended.out.contains("npm ci")), (1, false), "{ended:?}");
    assert!(ended.took < Duration::from_secs(15), "{:?}", ended.took);
    let short = shop(api().next(failing(1)));
    let ended = short.run(&[PUSH, &["--timeout", "16s"]].concat());
    assert_fails_with(&ended, "| [6/8] RUN npm ci");
    assert_eq!(asked(&short, "BuildLog"), 1);
    assert!(ended.took < Duration::from_secs(16), "{:?}", ended.took);
}

#[test]
fn ctrl_c_ends_build_log_wait() {
    let sandbox = shop(api().next(failing(1)));
    let interrupt = Arc::new(Interrupt::default());
    let pressed = Arc::clone(&interrupt);
    sandbox.sim.after("BuildLog", move |_| pressed.press());
    let ended = sandbox.run_with(PUSH, Vec::new(), &interrupt);
    assert_eq!((ended.code, asked(&sandbox, "BuildLog")), (130, 1), "{ended:?}");
    assert!(ended.out.contains("| [6/8] RUN npm ci"), "lines that were read are shown: {ended:?}");
}

#[test]
fn missing_deployment_build_log_falls_back_to_environment() {
    for reads in [0, 1] {
        let sandbox = elsewhere(api().next(failing(reads)).repository("team/api"));
        assert_fails_with(&sandbox.run(PUSH), SHOWN);
        assert_eq!((asked(&sandbox, "BuildLog"), asked(&sandbox, "BuildLogBySnapshot")), (1 + reads, 1 + reads));
    }
    for message in ["Problem processing request", "Not Authorized"] {
        let sandbox = shop(api().next(failing(0)).repository("team/api"));
        sandbox.sim.fault(Fault::field("buildLogs", message).on("BuildLog").permanent());
        assert_fails_with(&sandbox.run(PUSH), SHOWN);
        assert_eq!(asked(&sandbox, "BuildLogBySnapshot"), 1);
    }
}

#[test]
fn missing_build_logs_fall_back_to_deployment_steps() {
    // An image is not built, so no log is requested by its snapshot.
    let image = service("api", &[("A", "old-value")]).image("api:1");
    let plan = || StatusTimeline::failing_build("pull access denied");
    let sandbox = elsewhere(image.next(plan()));
    assert_fails_with(&sandbox.run(PUSH), "api: BUILD_IMAGE: pull access denied");
    assert_eq!(asked(&sandbox, "BuildLogBySnapshot"), 0);
    let sandbox = shop(api().next(plan()).repository("team/api"));
    for (field, operation) in [("buildLogs", "BuildLog"), ("environmentLogs", "BuildLogBySnapshot")] {
        sandbox.sim.fault(Fault::field(field, "Problem processing request").on(operation).permanent());
    }
    assert_fails_with(&sandbox.run(PUSH), "api: BUILD_IMAGE: pull access denied");
}

#[test]
fn unknown_failed_step_shows_non_empty_log() {
    let plan =
        StatusTimeline::through(&["INITIALIZING", "DEPLOYING", "FAILED"]).with_log("FAILED", &["no such table: jobs"]);
    let sandbox = shop(api().next(plan));
    sandbox.sim.fault(Fault::field("events_0", "Not Authorized").on("DeploymentEvents").permanent());
    assert_fails_with(&sandbox.run(PUSH), "| no such table: jobs");
    assert_eq!((asked(&sandbox, "BuildLog"), asked(&sandbox, "DeploymentLog")), (1, 1));
}
