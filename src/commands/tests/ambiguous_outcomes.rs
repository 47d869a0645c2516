//! Unclear outcomes are verified and reported, and no request is repeated.

use crate::commands::tests::deploy::{api, shop, with_quirks};
use crate::io::sim::SimOptions;
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::status_timeline::StatusTimeline;

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", "A"];

#[test]
fn lost_response_with_unconfirmed_change_fails_without_resend() {
    let sandbox = with_quirks(SimOptions { value_lag: 1000, ..SimOptions::default() });
    let ended = sandbox.run(PUSH);
    // The lagging reads also make the new deployment look outdated.
    assert_eq!(ended.code, 7, "{ended:?}");
    ended.assert_shows("A of api is not visible on Railway yet");
    let stores = sandbox.mutations().iter().filter(|sent| sent.contains("SetVariables")).count();
    assert_eq!(stores, 1, "{:?}", sandbox.mutations());
    assert!(ended.took.as_secs() < 120, "the reads are limited: {:?}", ended.took);
}

#[test]
fn newer_deployment_outcome_selects_redeploy_target() {
    for (name, plan, code, serves) in [
        ("it comes up", StatusTimeline::success(), 0, true),
        ("its build fails", StatusTimeline::failing_build("no"), 0, false),
        ("it is removed", StatusTimeline::through(&["INITIALIZING", "REMOVED"]), 0, false),
    ] {
        let sandbox = shop(api());
        let newer = sandbox.sim.change(|estate| estate.deploy("api", plan).expect("the service is there"));
        let ended = sandbox.run(PUSH);
        assert_eq!(ended.code, code, "{name}: {ended:?}");
        assert_eq!(sandbox.mutations(), ["SetVariables api A", "Redeploy api"], "{name}");
        let again = sandbox.sent.borrow().iter().any(|sent| sent.contains("Redeploy(") && sent.contains(&newer));
        assert_eq!(again, serves, "{name}: whether the newer deployment is redeployed");
    }
    let cut_off = shop(api());
    cut_off.sim.change(|estate| estate.deploy("api", StatusTimeline::endless()));
    cut_off.sim.fault(Fault::lost(Moment::Before, Loss::Html(502)).on("DeploymentStatus").permanent());
    let ended = cut_off.run(PUSH);
    assert_eq!((ended.code, cut_off.mutations()), (6, vec!["SetVariables api A".to_owned()]), "{ended:?}");
}

#[test]
fn failed_read_before_deployment_prevents_it() {
    let sandbox = shop(api());
    // The first two are sent before the first write.
    sandbox.sim.fault(Fault::lost(Moment::Before, Loss::Html(502)).on("PreWriteState").nth(3).times(100));
    let ended = sandbox.run(PUSH);
    assert_eq!(sandbox.mutations(), ["SetVariables api A"], "{ended:?}");
    assert_ne!(ended.code, 0, "{ended:?}");
    ended.assert_shows("stopped early: unexpected response from the simulated Railway: ");
}

#[test]
fn undo_requires_host_of_original_run() {
    let mut sandbox = shop(api());
    assert_eq!(sandbox.run(PUSH).code, 0);
    let before = sandbox.sim.count();
    sandbox.host = Some("elsewhere.example");
    let ended = sandbox.run(&["undo", "--yes"]);
    assert_eq!((ended.code, sandbox.sim.count()), (2, before), "no request was sent: {ended:?}");
    ended.assert_shows("this command would change elsewhere.example");
    sandbox.host = None;
    assert_eq!(sandbox.run(&["undo", "--yes"]).code, 0);
}
