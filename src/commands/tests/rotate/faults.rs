//! Faults while a rotation is applied, and other writers.

use crate::commands::tests::rotate::{ENV_FILE, NEW, OLD, left, rotate, running};
use crate::commands::tests::sandbox::Sandbox;
use crate::drift::Secret;
use crate::io::sim::estate::{SimStagedChanges, SimVariable};
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::status_timeline::StatusTimeline;
use crate::io::storage::journal::Journal;

fn two() -> Sandbox {
    Sandbox::of(["api", "web"].map(|name| running(name, &[("API_KEY", OLD)]))).file(".env", ENV_FILE)
}

#[test]
fn lost_response_is_confirmed_without_resend() {
    for loss in [Loss::Reset, Loss::TimedOut, Loss::Empty(504), Loss::Html(502), Loss::Truncated] {
        let sandbox = two();
        sandbox.sim.fault(Fault::lost(Moment::After, loss).on("SetVariables").nth(1));
        let ended = rotate(&sandbox, &["--yes"]);
        assert_eq!(ended.code, 0, "{loss:?}: {ended:?}");
        let sets = sandbox.mutations().iter().filter(|sent| sent.starts_with("SetVariables api")).count();
        assert_eq!(sets, 1, "{loss:?}");
    }
}

#[test]
fn value_of_another_writer_is_a_conflict_and_stays() {
    let sandbox = two();
    sandbox.sim.before("PreWriteState", |estate| {
        let web = estate.projects[0].environments[0].service_named("web").unwrap();
        web.variables.insert("API_KEY".to_owned(), SimVariable::Open(Secret::new("written-by-another")));
    });
    let ended = rotate(&sandbox, &["--yes", "--format", "json"]);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.receipts().contains(&"rotate web API_KEY conflict".to_owned()), "{ended:?}");
    assert_eq!(sandbox.stored("web", "API_KEY").as_deref(), Some("written-by-another"));
    assert_eq!(sandbox.stored("api", "API_KEY").as_deref(), Some(NEW));
}

#[test]
fn failed_deployment_is_a_failed_verification() {
    let web = running("web", &[("API_KEY", OLD)]).next(StatusTimeline::failing_build("no"));
    let sandbox = Sandbox::of([running("api", &[("API_KEY", OLD)]), web]).file(".env", ENV_FILE);
    let ended = rotate(&sandbox, &["--yes", "--format", "json"]);
    assert_eq!(ended.code, 7, "{ended:?}");
    assert_eq!(left(&ended), ["web API_KEY running"]);
}

#[test]
fn staged_change_of_the_key_stops_the_rotation() {
    let sandbox = two();
    let id = sandbox.id("api");
    let patch = serde_json::json!({ "services": { id: { "variables": { "API_KEY": { "value": "theirs" } } } } });
    sandbox.sim.change(|estate| {
        estate.projects[0].environments[0].staged = Some(SimStagedChanges::new(patch, "STAGED"));
    });
    let ended = rotate(&sandbox, &["--yes"]);
    assert_eq!((ended.code, sandbox.mutations().len()), (6, 0), "{ended:?}");
    assert_eq!(sandbox.text(".env"), ENV_FILE);
    assert_eq!(rotate(&sandbox, &["--yes", "--on-staged=ignore"]).code, 0);
}

#[test]
fn unreadable_service_stops_the_rotation() {
    let sandbox = two();
    let id = sandbox.id("web");
    sandbox.sim.fault(Fault::service(&id, "Not Authorized").permanent());
    let ended = sandbox.run(&["rotate", "API_KEY", "--stdin", "--yes"]);
    assert_ne!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    assert_eq!(sandbox.text(".env"), ENV_FILE);
}

#[test]
fn second_rotation_at_the_same_time_is_refused() {
    let sandbox = two();
    let journal = Journal::open(Some(&sandbox.state()), &sandbox.keyring).unwrap();
    let lock = journal.lock().unwrap();
    let ended = rotate(&sandbox, &["--yes"]);
    assert_eq!((ended.code, sandbox.mutations().len()), (2, 0), "{ended:?}");
    ended.assert_shows("another rotation is in progress");
    assert_eq!(sandbox.text(".env"), ENV_FILE);
    drop(lock);
    assert_eq!(rotate(&sandbox, &["--yes"]).code, 0);
}
