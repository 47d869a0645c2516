//! The requests of `trace`: the shared variables are read together with the values, and the ids are cached.

use crate::commands::tests::fix::service;
use crate::commands::tests::prefetch::outcome;
use crate::commands::tests::rotate::{OLD, rotate, shop};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::commands::tests::trace::{json, places};
use crate::commands::tests::without_file::report;
use crate::drift::Secret;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, SimVariable};
use crate::io::sim::fault::Fault;

/// Runs a command, and returns the operations that it sends.
fn operations(sandbox: &Sandbox, run: impl Fn(&Sandbox) -> Ended) -> (Ended, Vec<String>) {
    let before = sandbox.sim.count();
    let ended = run(sandbox);
    (ended, sandbox.sim.requests().into_iter().skip(before).map(|asked| asked.operation).collect())
}

fn trace(sandbox: &Sandbox) -> (Ended, Vec<String>) {
    operations(sandbox, |sandbox| json(sandbox, &[]))
}

#[test]
fn two_requests_and_no_change_are_sent() {
    let sandbox = shop();
    let (ended, asked) = trace(&sandbox);
    assert_eq!((ended.code, asked), (0, vec!["Environment".to_owned(), "Values".to_owned()]));
    assert_eq!(report(&ended)["summary"]["requests"], 2);
    assert_eq!(sandbox.mutations(), [""; 0]);
    assert!(!sandbox.state().exists());
}

#[test]
fn rejected_shared_variables_are_read_alone() {
    let sandbox = shop();
    sandbox.sim.fault(Fault::field("shared", "Not Authorized").on("Values"));
    let (ended, asked) = trace(&sandbox);
    assert_eq!(asked, ["Environment", "Values", "Values", "SharedValues"]);
    assert_eq!(outcome(&ended), outcome(&trace(&shop()).0));
    sandbox.sim.fault(Fault::field("shared", "Not Authorized").on("Values"));
    sandbox.sim.fault(Fault::field("stored", "Not Authorized").on("SharedValues").permanent());
    let (ended, _) = trace(&sandbox);
    assert_eq!((ended.code, &report(&ended)["trace"]["complete"]), (4, &false.into()), "{ended:?}");
    let found = places(&ended);
    assert!(found.contains(&"worker API_KEY stored literal same".to_owned()), "{found:?}");
    assert!(!found.iter().any(|place| place.starts_with("shared ")), "{found:?}");
}

/// A change by another user.
type Change = fn(&mut Estate);

fn staging(estate: &mut Estate) -> &mut Environment {
    &mut estate.projects[0].environments[0]
}

fn redeploy(estate: &mut Estate) {
    let newer = SimDeployment::serving("2026-11-24T09:00:00.000Z").had("API_KEY", "newer");
    staging(estate).service_named("api").expect("there is an api").deployments.push(newer);
}

#[test]
fn report_matches_uncached_run_after_any_change() {
    let changes: [(&str, Change, usize); 7] = [
        ("nothing", |_| {}, 0),
        (
            "a shared value",
            |estate| {
                let other = SimVariable::Open(Secret::new("another-value"));
                staging(estate).shared.insert("SHARED_KEY".to_owned(), other);
            },
            0,
        ),
        ("no shared value", |estate| staging(estate).shared.clear(), 0),
        ("a service is gone", |estate| drop(staging(estate).services.pop()), 1),
        ("one more", |estate| staging(estate).services.push(service("zebra", &[("COPY", OLD)])), 1),
        ("a newer deployment", redeploy, 1),
        (
            "the environment has another id",
            |estate| "0e000000-0000-4000-8000-000000000002".clone_into(&mut staging(estate).id),
            1,
        ),
    ];
    for (name, change, wasted) in changes {
        let [cold, warm] = [shop(), shop().remembering()].map(|sandbox| {
            assert_eq!(trace(&sandbox).0.code, 0);
            sandbox.sim.change(change);
            (trace(&sandbox), sandbox)
        });
        assert_eq!(outcome(&warm.0.0), outcome(&cold.0.0), "{name}");
        let sent = cold.0.1.len();
        assert_eq!(warm.0.1.len(), sent + wasted, "{name}: {:?}", warm.0.1);
        let next = trace(&warm.1);
        assert_eq!((outcome(&next.0), next.1.len()), (outcome(&cold.0.0), sent), "{name}, after it");
    }
}

#[test]
fn ids_of_a_trace_and_of_a_check_are_cached_apart() {
    let sandbox = shop().remembering();
    trace(&sandbox);
    sandbox.run(&["check"]);
    for _ in 0..2 {
        assert_eq!(trace(&sandbox).1, ["Environment", "Values"]);
        assert_eq!(operations(&sandbox, |sandbox| sandbox.run(&["check"])).1.len(), 2);
    }
    assert_eq!(std::fs::read_dir(sandbox.cache()).expect("there is a cache").count(), 2);
}

#[test]
fn rotate_does_not_prefetch() {
    let sandbox = shop().remembering();
    trace(&sandbox);
    sandbox.sim.change(redeploy);
    let (ended, asked) = operations(&sandbox, |sandbox| rotate(sandbox, &["--dry-run"]));
    assert_eq!(asked.iter().filter(|operation| *operation == "Values").count(), 1, "{asked:?}: {ended:?}");
    assert!(!asked.contains(&"SharedValues".to_owned()), "{asked:?}");
    assert_eq!(trace(&sandbox).1.len(), 3, "the ids of the trace are the old ones");
}
