//! Start commands with faults, and with less likely behaviour of Railway.

use std::sync::Arc;

use serde_json::json;

use crate::commands::tests::fix::service;
use crate::commands::tests::start_command::{
    BEFORE, NEW, OLD, SENT, SET, SINCE, assert_hides_command, assert_set, declared, running, set, shop, shop_with,
    worker,
};
use crate::io::interrupt::Interrupt;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::Environment;
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::seed::PROJECT_TOKEN;
use crate::io::sim::status_timeline::StatusTimeline;
use crate::io::sim::{PatchDeploys, Patched, SimOptions, Started};

#[test]
fn change_reaching_other_environments_fails_and_names_them() {
    let sandbox = shop_with(SimOptions { patched: Patched::All, ..SimOptions::default() }, &worker());
    let ended = sandbox.run(SET);
    assert_eq!((ended.code, sandbox.mutations().len()), (6, 1), "{ended:?}");
    ended.assert_shows("also changed in production and qa, not only in staging");
    ended.assert_shows("Custom Start Command");
    assert_hides_command(&ended);
}

#[test]
fn deploys_only_as_needed_for_command_to_run() {
    use PatchDeploys::{Head, Nothing, SameCommit};
    use Started::{WithCaptured, WithCurrent};
    let (redeploy, deploy) = ("Redeploy worker", "Deploy worker");
    for (patch_deploys, redeployed_command, deployed_command, code, more) in [
        (SameCommit, WithCurrent, WithCurrent, 0, &[][..]),
        (SameCommit, WithCaptured, WithCaptured, 0, &[]),
        (Nothing, WithCurrent, WithCurrent, 0, &[redeploy]),
        (Nothing, WithCurrent, WithCaptured, 0, &[redeploy]),
        (Nothing, WithCaptured, WithCurrent, 0, &[redeploy, deploy]),
        (Nothing, WithCaptured, WithCaptured, 7, &[redeploy, deploy]),
        // The running commit is kept.
        (Head, WithCurrent, WithCurrent, 0, &[deploy]),
    ] {
        let quirks = SimOptions { patch_deploys, redeployed_command, deployed_command, ..SimOptions::default() };
        let sandbox = shop_with(quirks, &worker());
        let ended = sandbox.run(SET);
        let name = format!("{patch_deploys:?} {redeployed_command:?} {deployed_command:?}: {ended:?}");
        assert_eq!(
            (ended.code, sandbox.mutations()),
            (code, [SENT, more].concat().iter().map(ToString::to_string).collect()),
            "{name}"
        );
        if code == 0 {
            assert_eq!(running(&sandbox), NEW, "{name}");
        } else {
            ended.assert_shows("running, but not with the start command that was set");
        }
        assert!(
            sandbox.sent.borrow().iter().filter(|one| one.contains("Deploy(")).all(|one| one.contains(BEFORE)),
            "{name}"
        );
    }
}

#[test]
fn lost_response_is_confirmed_and_never_resent() {
    for (moment, code, outcome, here) in [(Moment::After, 0, "done", NEW), (Moment::Before, 6, "unknown", OLD)] {
        for loss in [Loss::Reset, Loss::TimedOut, Loss::Empty(504), Loss::Truncated] {
            let sandbox = shop();
            sandbox.sim.fault(Fault::lost(moment, loss).on("CommitPatch"));
            let ended = sandbox.run(&[SET, &["--format=json"]].concat());
            assert_eq!(ended.code, code, "{moment:?} {loss:?}: {ended:?}");
            assert_eq!(ended.receipts()[0], format!("start-command worker - {outcome}"));
            assert_eq!(sandbox.mutations().len(), 1, "{ended:?}");
            assert_set(&sandbox, Some(here), &ended);
        }
    }
    for (message, code, outcome) in
        [("Problem processing request", 6, "unknown"), ("Not Authorized", 4, "failed"), ("Invalid input", 5, "failed")]
    {
        let sandbox = shop();
        sandbox.sim.fault(Fault::refusal(message).on("CommitPatch"));
        let ended = sandbox.run(&[SET, &["--format=json"]].concat());
        assert_eq!((ended.code, ended.receipts()[0].as_str()), (code, &*format!("start-command worker - {outcome}")));
        assert_set(&sandbox, Some(OLD), &ended);
    }
}

#[test]
fn start_command_changed_since_check_is_conflict() {
    let sandbox = shop();
    sandbox.sim.before("StartCommands", |estate| {
        estate.projects[0].environments[0].service_named("worker").unwrap().start_command = Some("other".to_owned());
    });
    let ended = sandbox.run(&[SET, &["--format=json"]].concat());
    assert_eq!((ended.code, sandbox.mutations().len()), (6, 0), "{ended:?}");
    assert_eq!(ended.receipts(), ["start-command worker - conflict", "redeploy worker - not-tried"]);
    // The same command is not a conflict. It is not deployed either, because another user is changing the service.
    let sandbox = shop();
    sandbox.sim.before("StartCommands", |estate| {
        estate.projects[0].environments[0].service_named("worker").unwrap().start_command = Some(NEW.to_owned());
    });
    let ended = sandbox.run(SET);
    assert_eq!((ended.code, sandbox.mutations()), (6, Vec::new()), "{ended:?}");
    ended.assert_shows("doctor fix --redeploy --service=worker");
    let again = sandbox.run(SET);
    assert_eq!((again.code, sandbox.mutations()), (0, vec!["Redeploy worker".to_owned()]), "{again:?}");
}

/// Another user sets the start command while variables are stored.
#[test]
fn start_command_changed_during_variable_write_is_conflict() {
    let sandbox = shop().file(".env", "A=2\n");
    sandbox.sim.after("SetVariables", |estate| {
        estate.projects[0].environments[0].service_named("worker").unwrap().start_command = Some("other".to_owned());
    });
    let ended = sandbox.run(&[&["fix", "--push", "--only=A"], &SET[1..], &["--format=json"]].concat());
    assert!(!sandbox.mutations().iter().any(|one| one.contains("CommitPatch")), "{ended:?}");
    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.receipts().contains(&"start-command worker - conflict".to_owned()), "{ended:?}");
    assert_set(&sandbox, Some("other"), &ended);
}

#[test]
fn staged_settings_of_same_service_block_change() {
    for (part, code) in [
        (json!({ "deploy": { "startCommand": "x" } }), 6),
        (json!({ "deploy": { "numReplicas": 2 } }), 6),
        (json!({ "variables": { "B": { "value": "1" } } }), 0),
    ] {
        let sandbox = shop();
        let id = sandbox.id("worker");
        sandbox.sim.change(|estate| {
            let staged = Environment::named("x").staged(json!({ "services": { id: part.clone() } }));
            estate.projects[0].environments[0].staged = staged.staged;
        });
        let ended = sandbox.run(SET);
        assert_eq!(ended.code, code, "{part}: {ended:?}");
        assert_set(&sandbox, Some(if code == 0 { NEW } else { OLD }), &ended);
        let ignored = sandbox.run(&[SET, &["--on-staged=ignore"]].concat());
        assert_eq!((ignored.code, set(&sandbox)[0].as_deref()), (0, Some(NEW)), "{ignored:?}");
        assert!(sandbox.sim.change(|estate| estate.projects[0].environments[0].staged.is_some()), "it stays staged");
    }
}

#[test]
fn interrupted_run_can_be_finished_or_undone() {
    for (operation, sent) in [("CommitPatch", 1), ("RecentDeployments", 1), ("DeploymentStatus", 1)] {
        let sandbox = shop();
        let interrupt = Arc::new(Interrupt::default());
        let pressed = Arc::clone(&interrupt);
        sandbox.sim.after(operation, move |_| {
            pressed.press();
        });
        let ended = sandbox.run_with(SET, Vec::new(), &interrupt);
        assert_eq!((ended.code, sandbox.mutations().len()), (130, sent), "{operation}: {ended:?}");
        assert!(
            operation != "CommitPatch" || ended.text().contains("did not follow that deployment"),
            "{operation}: {ended:?}"
        );
        // Running the same command again completes it, and undo restores the old one.
        if operation == "DeploymentStatus" {
            let undone = sandbox.run(&["undo", "--yes"]);
            assert_eq!((undone.code, running(&sandbox).as_str()), (0, OLD), "{operation}: {undone:?}");
        } else {
            let again = sandbox.run(SET);
            assert_eq!((again.code, running(&sandbox).as_str()), (0, NEW), "{operation}: {again:?}");
        }
    }
}

#[test]
fn awaits_deployment_in_progress_and_leaves_removed_one_down() {
    let sandbox = shop();
    sandbox.sim.change(|estate| estate.deploy("worker", StatusTimeline::success()).unwrap());
    let ended = sandbox.run(SET);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec![SENT[0].to_owned()]), "{ended:?}");
    let removed = service("worker", &[("A", "1")]).start(OLD).deployed(SimDeployment::with_status("REMOVED", SINCE));
    let sandbox = shop_with(SimOptions::default(), &removed);
    let ended = sandbox.run(SET);
    assert_eq!(sandbox.mutations(), [""; 0], "{ended:?}");
    ended.assert_shows("is not set, because that would deploy it");
    let sandbox = shop_with(SimOptions::default(), &worker().next(StatusTimeline::failing_build("no")));
    let ended = sandbox.run(SET);
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.out.trim_end().lines().next_back().unwrap().contains("doctor undo"), "{ended:?}");
}

#[test]
fn deploy_limit_after_write_is_reported() {
    let sandbox = shop_with(SimOptions { deploy_limit: 0, ..SimOptions::default() }, &worker());
    let ended = sandbox.run(SET);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert_set(&sandbox, Some(NEW), &ended);
    ended.assert_shows("reached Railway's deployment rate limit; its values are stored");
}

#[test]
fn project_token_sets_command_and_reports_unread_environments() {
    let sandbox = shop().variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN));
    let ended = sandbox.run(SET);
    assert_eq!((ended.code, sandbox.mutations().len()), (0, 1), "{ended:?}");
    assert_set(&sandbox, Some(NEW), &ended);
    ended.assert_shows("could not check the start commands of production, qa and closed: this token can't read them");
}

#[test]
fn failed_variable_write_leaves_service_unchanged() {
    let sandbox = declared(shop()).file(".env", "A=2\n");
    assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
    sandbox.sim.fault(
        Fault::field("variableCollectionUpsert", "Invalid input").on("SetVariables").for_service(&sandbox.id("worker")),
    );
    let ended = sandbox.run(&[
        "fix",
        "--push",
        "--only=A",
        "--yes",
        "--start-command",
        NEW,
        "--service=worker",
        "--format=json",
    ]);
    assert_eq!(ended.receipts()[1..], ["start-command worker - not-tried", "redeploy worker - not-tried"], "{ended:?}");
    assert_set(&sandbox, Some(OLD), &ended);
}
