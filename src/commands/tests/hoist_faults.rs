//! `fix --hoist` with faults, other users and interruptions: no service ever keeps a reference that was not verified.

use std::sync::Arc;

use serde_json::json;

use crate::commands::tests::hoist::{
    HOIST, KEY, REFERENCE, SENT, VALUE, assert_as_before, assert_hoisted, holder, shared, shop, stored,
};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::Secret;
use crate::io::interrupt::Interrupt;
use crate::io::sim::estate::{Environment, Estate, Project, SimVariable};
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::{Sim, SimOptions};

const LOSSES: [Loss; 4] = [Loss::Reset, Loss::TimedOut, Loss::Empty(504), Loss::Truncated];

fn json() -> Vec<&'static str> {
    [HOIST, &["--format=json"]].concat()
}

/// Returns the outcomes of the shared variable, `api` and `worker`.
fn outcomes(ended: &Ended) -> Vec<String> {
    ended.receipts().iter().map(|receipt| receipt.rsplit(' ').next().unwrap().to_owned()).collect()
}

fn sent(count: impl IntoIterator<Item = usize>) -> Vec<String> {
    count.into_iter().map(|index| SENT[index].to_owned()).collect()
}

/// Stores the shared variable as another user.
fn set_shared(estate: &mut Estate, value: Option<&str>) {
    let shared = &mut estate.projects[0].environments[0].shared;
    shared.remove(KEY);
    shared.extend(value.map(|value| (KEY.to_owned(), SimVariable::Open(Secret::new(value)))));
}

#[test]
fn reference_that_renders_another_value_is_reverted_at_once() {
    for (value, cause) in [
        (None, "it rendered no value, so the old value was written back"),
        (Some(""), "it rendered no value, so the old value was written back"),
        (Some("a-value-of-another-user"), "it rendered another value, so the old value was written back"),
    ] {
        let sandbox = shop();
        // Right after the first reference is stored.
        sandbox.sim.after_nth("SetVariables", 2, move |estate| set_shared(estate, value));
        let ended = sandbox.run(HOIST);
        assert_eq!((ended.code, sandbox.mutations()), (6, sent([0, 1, 1])), "{ended:?}");
        assert_eq!(stored(&sandbox)[1..], [VALUE, VALUE].map(|text| Some(text.to_owned())), "{ended:?}");
        ended.assert_shows(&format!("failed hoist api OPS_API_KEY: {cause}"));
        ended.assert_shows("not-tried hoist worker OPS_API_KEY: skipped, because api could not be changed");
        assert!(ended.took.as_secs() < 2, "{ended:?}");
    }
}

#[test]
fn services_before_the_failure_keep_their_references() {
    let sandbox = shop();
    // The worker has a variable that hides the shared one, as a service named `shared` might.
    sandbox.sim.after_nth("SetVariables", 3, |estate| set_shared(estate, None));
    sandbox.sim.after_nth("SetVariables", 4, |estate| set_shared(estate, Some(VALUE)));
    let ended = sandbox.run(&json());
    assert_eq!((ended.code, sandbox.mutations()), (6, sent([0, 1, 2, 2])), "{ended:?}");
    assert_eq!(outcomes(&ended), ["done", "done", "failed"], "{ended:?}");
    assert_eq!(stored(&sandbox), [VALUE, REFERENCE, VALUE].map(|text| Some(text.to_owned())));
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_as_before(&sandbox, &undone);
}

#[test]
fn failed_revert_is_reported_and_can_be_undone() {
    for fault in [Fault::refusal("Invalid input"), Fault::lost(Moment::Before, Loss::Reset)] {
        let sandbox = shop();
        sandbox.sim.after_nth("SetVariables", 2, |estate| set_shared(estate, Some("a-value-of-another-user")));
        sandbox.sim.fault(fault.on("SetVariables").nth(3));
        let ended = sandbox.run(HOIST);
        assert_eq!(ended.code, 6, "{ended:?}");
        ended.assert_shows(
            "unknown hoist api OPS_API_KEY: it rendered another value, and writing the old value back failed",
        );
        assert!(ended.out.contains("    doctor undo 2026-"), "{ended:?}");
        assert_eq!(sandbox.mutations(), {
            let mut sent = sent([0, 1, 1]);
            sent[2] += " (not done)";
            sent
        });
    }
    // The response of the revert is lost, but it was stored.
    let sandbox = shop();
    sandbox.sim.after_nth("SetVariables", 2, |estate| set_shared(estate, None));
    sandbox.sim.fault(Fault::lost(Moment::After, Loss::Reset).on("SetVariables").nth(3));
    let ended = sandbox.run(HOIST);
    assert_eq!((ended.code, sandbox.stored("api", KEY).as_deref()), (6, Some(VALUE)), "{ended:?}");
    ended.assert_shows("failed hoist api OPS_API_KEY: it rendered no value, so the old value was written back");
}

#[test]
fn lost_response_is_observed_and_never_resent() {
    for loss in LOSSES {
        for (nth, moment, code, expected) in [
            (1, Moment::After, 0, ["done", "done", "done"]),
            (1, Moment::Before, 6, ["unknown", "not-tried", "not-tried"]),
            (2, Moment::After, 0, ["done", "done", "done"]),
            (2, Moment::Before, 6, ["done", "unknown", "not-tried"]),
            (3, Moment::After, 0, ["done", "done", "done"]),
            (3, Moment::Before, 6, ["done", "done", "unknown"]),
        ] {
            let sandbox = shop();
            sandbox.sim.fault(Fault::lost(moment, loss).on("SetVariables").nth(nth));
            let ended = sandbox.run(&json());
            assert_eq!((ended.code, outcomes(&ended)), (code, expected.map(str::to_owned).to_vec()), "{loss:?} {nth}");
            let mutations = sandbox.mutations();
            let mut unique = mutations.clone();
            unique.dedup();
            assert_eq!(mutations, unique, "{loss:?} {nth} {moment:?}");
            if code == 0 {
                assert_hoisted(&sandbox, &ended);
            }
        }
    }
}

#[test]
fn refused_write_stops_the_rest() {
    for (nth, code, expected) in [
        (1, 5, ["failed", "not-tried", "not-tried"]),
        (2, 6, ["done", "failed", "not-tried"]),
        (3, 6, ["done", "done", "failed"]),
    ] {
        let sandbox = shop();
        sandbox.sim.fault(Fault::refusal("Invalid input").on("SetVariables").nth(nth));
        let ended = sandbox.run(&json());
        assert_eq!((ended.code, outcomes(&ended)), (code, expected.map(str::to_owned).to_vec()), "{ended:?}");
        assert_eq!(sandbox.mutations().len(), nth, "{ended:?}");
        let again = sandbox.run(HOIST);
        assert_eq!(again.code, 0, "a second run completes it: {again:?}");
        assert_hoisted(&sandbox, &again);
    }
}

#[test]
fn change_by_another_user_before_the_write_stops_everything() {
    let change_worker = |estate: &mut Estate| {
        estate.projects[0].environments[0].service_named("worker").unwrap().set(KEY, "a-value-of-another-user");
    };
    let sandbox = shop();
    sandbox.sim.before_nth("Values", 2, change_worker);
    let ended = sandbox.run(&json());
    assert_eq!((ended.code, sandbox.mutations()), (6, Vec::new()), "{ended:?}");
    assert_eq!(outcomes(&ended), ["conflict"; 3]);

    let created = shop();
    created.sim.before("SharedValues", |estate| set_shared(estate, Some("a-value-of-another-user")));
    let ended = created.run(&json());
    assert_eq!((ended.code, created.mutations()), (6, Vec::new()), "{ended:?}");
    assert_eq!(outcomes(&ended), ["conflict"; 3]);

    let same = shop();
    same.sim.before("SharedValues", |estate| set_shared(estate, Some(VALUE)));
    let ended = same.run(&json());
    assert_eq!((ended.code, same.mutations()), (0, sent([1, 2])), "{ended:?}");
    assert_hoisted(&same, &ended);

    let reused = shop();
    reused.sim.change(|estate| set_shared(estate, Some(VALUE)));
    reused.sim.before_nth("SharedValues", 2, |estate| set_shared(estate, Some("a-value-of-another-user")));
    let ended = reused.run(&json());
    assert_eq!((ended.code, reused.mutations()), (6, Vec::new()), "{ended:?}");
    assert_eq!(outcomes(&ended), ["conflict", "conflict"]);

    let during = shop();
    during.sim.after_nth("SetVariables", 3, change_worker);
    let ended = during.run(&json());
    assert_eq!((ended.code, during.mutations()), (6, sent([0, 1, 2])), "{ended:?}");
    assert_eq!(outcomes(&ended), ["done", "done", "failed"], "the other user's value stays");
    assert_eq!(during.stored("worker", KEY).as_deref(), Some("a-value-of-another-user"));
}

#[test]
fn staged_change_to_the_key_stops_the_run() {
    let variables = json!({ KEY: { "value": "staged" } });
    for (is_reused, of_shared) in [(false, true), (false, false), (true, true)] {
        let sandbox = shop();
        let id = sandbox.id("worker");
        sandbox.sim.change(|estate| set_shared(estate, is_reused.then_some(VALUE)));
        let patch = if of_shared {
            json!({ "sharedVariables": variables })
        } else {
            json!({ "services": { id: { "variables": variables } } })
        };
        sandbox.sim.change(|estate| {
            estate.projects[0].environments[0].staged = Environment::named("x").staged(patch).staged;
        });
        let ended = sandbox.run(HOIST);
        assert_eq!((ended.code, sandbox.mutations()), (6, Vec::new()), "{ended:?}");
        let ignored = sandbox.run(&[HOIST, &["--on-staged=ignore"]].concat());
        assert_eq!(ignored.code, 0, "{ignored:?}");
        assert_hoisted(&sandbox, &ignored);
    }
}

#[test]
fn interrupted_run_can_be_finished_and_undone() {
    for (writes, expected) in
        [(1, ["done", "not-tried", "not-tried"]), (2, ["done", "done", "not-tried"]), (3, ["done", "done", "done"])]
    {
        let sandbox = shop();
        let interrupt = Arc::<Interrupt>::default();
        let pressed = Arc::clone(&interrupt);
        sandbox.sim.after_nth("SetVariables", writes, move |_| pressed.press());
        let ended = sandbox.run_with(&json(), Vec::new(), &interrupt);
        assert_eq!((ended.code, outcomes(&ended)), (130, expected.map(str::to_owned).to_vec()), "{ended:?}");
        assert_eq!(sandbox.mutations().len(), writes, "{ended:?}");
        let again = sandbox.run(HOIST);
        assert_eq!(again.code, 0, "{again:?}");
        assert_hoisted(&sandbox, &again);
        assert_eq!(sandbox.mutations(), sent([0, 1, 2]), "nothing is repeated");
        if writes < 3 {
            assert_eq!(sandbox.run(&["undo", "--yes"]).code, 0, "the second run");
        }
        let undone = sandbox.run(&["undo", "--yes"]);
        assert_eq!(undone.code, 0, "{undone:?}");
        assert_as_before(&sandbox, &undone);
    }
}

#[test]
fn undo_removes_shared_variable_only_after_all_services() {
    for fault in [Fault::refusal("Invalid input"), Fault::lost(Moment::Before, Loss::Reset)] {
        let sandbox = shop();
        assert_eq!(sandbox.run(HOIST).code, 0);
        sandbox.sim.fault(fault.on("SetVariables").for_service(&sandbox.id("api")));
        let undone = sandbox.run(&["undo", "--yes"]);
        assert_eq!(undone.code, 6, "{undone:?}");
        undone.assert_shows("not-tried restore shared variables OPS_API_KEY: api may still refer to it");
        assert_eq!(shared(&sandbox).as_deref(), Some(VALUE), "api still refers to it");
        assert_eq!(sandbox.stored("worker", KEY).as_deref(), Some(VALUE));
    }
    // Another user changes one service between the plan and the writes: the others are restored.
    let sandbox = shop();
    assert_eq!(sandbox.run(HOIST).code, 0);
    sandbox.sim.before_nth("Values", 2, |estate| {
        estate.projects[0].environments[0].service_named("worker").unwrap().set(KEY, "a-value-of-another-user");
    });
    let undone = sandbox.run(&["undo", "--yes", "--format=json"]);
    assert_eq!((undone.code, outcomes(&undone)), (6, ["done", "conflict", "not-tried"].map(str::to_owned).to_vec()));
    assert_eq!(sandbox.stored("api", KEY).as_deref(), Some(VALUE), "{undone:?}");
    // Ctrl-C while the first service is restored.
    let sandbox = shop();
    assert_eq!(sandbox.run(HOIST).code, 0);
    let interrupt = Arc::<Interrupt>::default();
    let pressed = Arc::clone(&interrupt);
    sandbox.sim.after("SetVariables", move |_| pressed.press());
    let undone = sandbox.run_with(&["undo", "--yes"], Vec::new(), &interrupt);
    assert_eq!((undone.code, shared(&sandbox).as_deref()), (130, Some(VALUE)), "{undone:?}");
}

fn lagging(value_lag: usize) -> Sandbox {
    let environment = Environment::named("staging").service(holder("api")).service(holder("worker"));
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    Sandbox::new(Sim::with(estate, SimOptions { value_lag, ..SimOptions::default() }))
}

#[test]
fn late_reads_are_awaited_and_unconfirmed_values_are_never_referenced() {
    let sandbox = lagging(3);
    let ended = sandbox.run(HOIST);
    assert_eq!((ended.code, sandbox.mutations()), (0, sent([0, 1, 2])), "{ended:?}");
    assert_hoisted(&sandbox, &ended);
    let sandbox = lagging(1000);
    let ended = sandbox.run(HOIST);
    assert_eq!((ended.code, sandbox.mutations()), (6, sent([0])), "{ended:?}");
    ended
        .assert_shows("not-tried hoist api OPS_API_KEY: the shared variable OPS_API_KEY is not visible on Railway yet");
}

#[test]
fn unjournaled_run_warns_that_it_cannot_be_undone() {
    let sandbox = shop();
    let ended = sandbox.run(&[HOIST, &["--no-journal"]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("this run was not recorded, so it can't be undone");
    assert_eq!(sandbox.run(&["undo", "--yes"]).code, 2);
}
