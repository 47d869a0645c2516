//! Pushes that Railway skipped, which it reports as the latest deployment, and deployments that Railway creates by
//! itself.

use std::time::Duration;

use serde_json::json;

use crate::commands::tests::deploy::{api, shop};
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::Estate;
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::status_timeline::StatusTimeline;

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", "A"];

/// Adds a push that Railway skips now.
fn push(estate: &mut Estate) {
    let time = estate.clock.after(Duration::from_millis(5)).text();
    let push = SimDeployment::with_status("SKIPPED", &time).id("skipped").meta("commitHash", "f".repeat(40));
    let push = push.meta("skippedReason", "No changes to watched files");
    estate.service_named("api").unwrap().deployments.push(push);
}

fn own(estate: &mut Estate, plan: StatusTimeline) -> String {
    let id = estate.deploy("api", plan).unwrap();
    let api = estate.service_named("api").unwrap();
    api.deployments.iter_mut().filter(|one| one.id == id).for_each(|one| one.meta["reason"] = json!("autoupdate"));
    id
}

#[test]
fn push_at_any_step_does_not_prevent_redeploy() {
    for operation in ["Environment", "PreWriteState", "SetVariables", "Redeploy", "DeploymentStatus"] {
        let sandbox = shop(api());
        sandbox.sim.after(operation, push);
        let serving = sandbox.sim.change(|estate| estate.service_named("api").unwrap().deployments[0].id.clone());
        let ended = sandbox.run(PUSH);
        assert_eq!(ended.code, 0, "{operation}: {ended:?}");
        assert_eq!(sandbox.mutations(), ["SetVariables api A", "Redeploy api"], "{operation}");
        assert!(sandbox.sent.borrow().iter().any(|sent| sent.contains("Redeploy(") && sent.contains(&serving)));
        assert!(!ended.out.contains("superseded"), "{operation}: {ended:?}");
        ended.assert_shows("done redeploy api SUCCESS");
    }
}

#[test]
fn skipped_push_is_not_mistaken_for_lost_deployment() {
    let sandbox = shop(api());
    sandbox.sim.fault(Fault::lost(Moment::Before, Loss::Html(502)).on("Redeploy"));
    sandbox.sim.after("Redeploy", push);
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 6, "{ended:?}");
    ended.assert_shows("unknown redeploy api");
    assert!(!ended.out.contains("but the deployment exists"), "{ended:?}");
    let sandbox = shop(api());
    sandbox.sim.fault(Fault::lost(Moment::After, Loss::Html(502)).on("Redeploy"));
    sandbox.sim.after("Redeploy", push);
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("the response was lost");
}

#[test]
fn deployment_behind_skipped_push_is_awaited() {
    let sandbox = shop(api());
    let newer = sandbox.sim.change(|estate| {
        let newer = estate.deploy("api", StatusTimeline::success()).unwrap();
        push(estate);
        newer
    });
    let ended = sandbox.run(PUSH);
    assert_eq!((ended.code, sandbox.mutations().len()), (0, 2), "{ended:?}");
    ended.assert_shows(&format!("waits for the newer deployment {newer}"));
}

#[test]
fn skipped_push_does_not_replace_removed_deployment() {
    let sandbox = shop(api().next(StatusTimeline::through(&["INITIALIZING", "BUILDING", "REMOVED"])));
    sandbox.sim.after("Redeploy", push);
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 7, "{ended:?}");
    ended.assert_shows("removed, and not replaced by a newer deployment");
}

#[test]
fn deployment_of_deletion_is_found_behind_skipped_push() {
    let sandbox = shop(api()).file(".env", "A=old-value\nNEW=brand-new\n");
    let ended = sandbox.run(&["fix", "--add", "--push", "--only=NEW", "--service=api", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let before = sandbox.mutations().len();
    sandbox.sim.after("DeleteVariable", push);
    let ended = sandbox.run(&["undo", "--yes"]);
    assert_eq!((ended.code, sandbox.mutations().split_off(before)), (0, vec!["DeleteVariable api NEW".to_owned()]));
    ended.assert_shows("Railway created it when NEW was deleted; no second one was needed");
}

#[test]
fn automatic_railway_deployments_are_identified() {
    let adopted = shop(api());
    adopted.sim.after("SetVariables", |estate| drop(own(estate, StatusTimeline::success())));
    let ended = adopted.run(PUSH);
    assert_eq!((ended.code, adopted.mutations()), (0, vec!["SetVariables api A".to_owned()]), "{ended:?}");
    ended.assert_shows(
        "Railway created it (an automatic update of its image) while the values were being stored, and it has the new values",
    );

    let stuck = shop(api());
    stuck.sim.change(|estate| own(estate, StatusTimeline::endless()));
    let ended = stuck.run(PUSH);
    assert_eq!(ended.code, 6, "{ended:?}");
    ended.assert_shows(
        "(created by Railway: an automatic update of its image) is still in progress; it was not replaced with older \
         code",
    );

    let stale = shop(api()).file(".env", "A=old-value\n");
    stale.sim.change(|estate| {
        let api = estate.service_named("api").unwrap();
        api.deployments[0].meta["reason"] = json!("autoupdate");
        let captured = api.deployments[0].captured["A"].clone();
        api.deployments[0].captured.insert("GONE".to_owned(), captured);
        own(estate, StatusTimeline::endless());
    });
    let ended = stale.run(&["check", "-v"]);
    ended.assert_shows("Railway redeployed it for an automatic update of its image");
    ended.assert_shows(
        "a newer deployment, which Railway started for an automatic update of its image, is pending (INITIALIZING)",
    );

    let superseded = shop(api().next(StatusTimeline::through(&["INITIALIZING", "BUILDING", "REMOVED"])));
    superseded.sim.after_nth("DeploymentStatus", 2, |estate| drop(own(estate, StatusTimeline::success())));
    let ended = superseded.run(PUSH);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("which was created after the values were stored; Railway created it automatically");
}
