//! Faults while a plan is applied: nothing is lost or done twice, and the receipts are correct.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::drift::Secret;
use crate::io::sim::estate::{Environment, SimStagedChanges, SimVariable};
use crate::io::sim::fault::{Fault, Loss, Moment};

const ALL: &[&str] = &["fix", "--push", "--yes", "--only", "A", "--format", "json"];

fn three() -> Sandbox {
    let services = ["api", "web", "worker"].map(|name| service(name, &[("A", "old-value"), ("B", "kept-value")]));
    Sandbox::of(services).file(".env", "A=new-value\nB=kept-value\n")
}

fn losses() -> Vec<Loss> {
    vec![Loss::Reset, Loss::TimedOut, Loss::Empty(504), Loss::Html(502), Loss::Empty(500), Loss::Truncated]
}

#[test]
fn response_lost_after_change_is_confirmed_without_resend() {
    for loss in losses() {
        let sandbox = three();
        sandbox.sim.fault(Fault::lost(Moment::After, loss).on("SetVariables").nth(2));
        let ended = sandbox.run(ALL);
        assert_eq!(ended.code, 0, "{loss:?}: {ended:?}");
        let sets = sandbox.mutations().iter().filter(|sent| sent.starts_with("SetVariables web")).count();
        assert_eq!(sets, 1, "{loss:?}");
        assert!(ended.receipts().iter().all(|receipt| receipt.ends_with("done")), "{loss:?}: {ended:?}");
    }
}

#[test]
fn response_lost_before_change_is_reported_without_resend() {
    for loss in losses() {
        let sandbox = three();
        sandbox.sim.fault(Fault::lost(Moment::Before, loss).on("SetVariables").nth(2));
        let ended = sandbox.run(ALL);
        assert_eq!(ended.code, 6, "{loss:?}: {ended:?}");
        let expected = [
            "push api A done",
            "push web A unknown",
            "push worker A done",
            "redeploy api - done",
            "redeploy web - not-tried",
            "redeploy worker - done",
        ];
        assert_eq!(ended.receipts(), expected, "{loss:?}");
        assert_eq!(sandbox.stored("web", "A").as_deref(), Some("old-value"));
        let sets = sandbox.sim.requests().iter().filter(|asked| asked.operation == "SetVariables").count();
        assert_eq!(sets, 3, "{loss:?}: nothing is sent twice");
        let again = sandbox.run(ALL);
        assert_eq!(again.code, 0, "{loss:?}: the next run completes it: {again:?}");
        assert_eq!(again.receipts(), ["push web A done", "redeploy web - done"]);
    }
}

#[test]
fn refused_service_does_not_affect_others() {
    let sandbox = three();
    sandbox.sim.fault(Fault::refusal("Not Authorized").on("SetVariables").for_service(&sandbox.id("web")).permanent());
    let ended = sandbox.run(ALL);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert_eq!(ended.receipts()[..3], ["push api A done", "push web A failed", "push worker A done"]);
    assert!(!sandbox.mutations().contains(&"Redeploy web".to_owned()));
}

#[test]
fn error_of_railway_with_the_old_value_stored_is_a_failure() {
    let sandbox = three();
    let problem = || Fault::refusal("Problem processing request").on("SetVariables");
    sandbox.sim.fault(problem().permanent());
    let ended = sandbox.run(&ALL[..5]);
    assert_eq!(ended.code, 5, "{ended:?}");
    assert!(!ended.text().contains("undo this run") && !ended.text().contains("unknown"), "{ended:?}");
    let json = three();
    json.sim.fault(problem().permanent());
    let receipts = json.run(ALL).receipts();
    assert_eq!(receipts[..3], ["push api A failed", "push web A failed", "push worker A failed"]);
    assert!(receipts[3..].iter().all(|receipt| receipt.ends_with("not-tried")), "{receipts:?}");
    let sent = json.sim.requests().iter().filter(|request| request.operation == "SetVariables").count();
    assert_eq!(sent, 3, "nothing is sent twice");
    let short = three();
    short.sim.fault(problem().nth(1));
    let receipts = short.run(&[ALL, &["--timeout=10s"]].concat()).receipts();
    assert_eq!(receipts[0], "push api A unknown", "the time limit ends the reading early");
}

#[test]
fn unconfirmed_deployment_is_searched_for_and_not_recreated() {
    for loss in losses() {
        let sandbox = three();
        sandbox.sim.fault(Fault::lost(Moment::After, loss).on("Redeploy").nth(2));
        let ended = sandbox.run(ALL);
        assert_eq!(ended.code, 0, "{loss:?}: {ended:?}");
        let made = sandbox.mutations().iter().filter(|sent| **sent == "Redeploy web").count();
        assert_eq!(made, 1, "{loss:?}");
        let lost = three();
        lost.sim.fault(Fault::lost(Moment::Before, loss).on("Redeploy").nth(2));
        let ended = lost.run(ALL);
        assert_eq!(ended.code, 6, "{loss:?}: {ended:?}");
        assert_eq!(ended.receipts()[4], "redeploy web - unknown", "{loss:?}");
    }
}

fn changes(sandbox: &Sandbox, operation: &'static str, key: &'static str) {
    sandbox.sim.before(operation, move |estate| {
        let web = estate.projects[0].environments[0].service_named("web").unwrap();
        web.variables.insert(key.to_owned(), SimVariable::Open(Secret::new("changed-by-another-user")));
    });
}

#[test]
fn concurrent_variable_change_is_not_overwritten() {
    let sandbox = three();
    changes(&sandbox, "PreWriteState", "A");
    let ended = sandbox.run(ALL);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert_eq!(sandbox.stored("web", "A").as_deref(), Some("changed-by-another-user"));
    assert_eq!(ended.receipts()[..3], ["push api A done", "push web A conflict", "push worker A done"]);
    let in_text = three();
    changes(&in_text, "PreWriteState", "A");
    let ended = in_text.run(&ALL[..5]);
    for side in ["    expected  ●", "    found     ●", "    new       ●"] {
        assert!(ended.out.contains(side), "{side}: {ended:?}");
    }
    assert!(!ended.out.contains("changed-by-another-user"), "{ended:?}");
    let other = three();
    changes(&other, "PreWriteState", "B");
    let ended = other.run(ALL);
    assert_eq!(ended.code, 0, "a change of another key is not a conflict: {ended:?}");
    assert_eq!(other.stored("web", "B").as_deref(), Some("changed-by-another-user"));
}

#[test]
fn concurrent_file_change_prevents_pull_and_push() {
    let sandbox = three();
    let path = sandbox.work().join(".env");
    sandbox.sim.before("PreWriteState", move |_| std::fs::write(&path, "A=a-third-value\nB=kept-value\n").unwrap());
    let ended = sandbox.run(ALL);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.receipts()[..3].iter().all(|receipt| receipt.ends_with("conflict")), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    let pulled = three();
    let path = pulled.work().join(".env");
    pulled.sim.after_nth("Values", 1, move |_| std::fs::write(&path, "A=mine\n").unwrap());
    let ended = pulled.run(&["fix", "--pull", "--yes", "--only", "A"]);
    assert_eq!(pulled.text(".env"), "A=mine\n", "{ended:?}");
}

#[test]
fn staged_changes_block_push_of_same_key_and_stay_staged() {
    let staged = |key: &str| {
        let api = service("api", &[("A", "old-value")]);
        let sandbox = Sandbox::of([api]).file(".env", "A=new-value\n");
        let id = sandbox.id("api");
        let patch = serde_json::json!({ "services": { id: { "variables": { key: { "value": "theirs" } } } } });
        sandbox.sim.change(|estate| {
            let environment = &mut estate.projects[0].environments[0];
            environment.staged = Some(SimStagedChanges::new(patch, "STAGED"));
        });
        sandbox
    };
    let sandbox = staged("A");
    let ended = sandbox.run(ALL);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.err.contains("the environment has a staged change to A of api"), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    let ended = sandbox.run(&[ALL, &["--on-staged", "ignore"]].concat());
    // The staged change still exists, and is reported.
    assert_eq!((ended.code, sandbox.mutations().len()), (1, 2), "{ended:?}");
    let other = staged("ELSEWHERE");
    let ended = other.run(&ALL[..5]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("this environment has staged changes of 1 variable"), "{ended:?}");
}

#[test]
fn unreadable_service_is_not_written_and_others_are() {
    let sandbox = three();
    sandbox.sim.fault(Fault::service(&sandbox.id("web"), "Not Authorized").permanent());
    let ended = sandbox.run(ALL);
    assert!(!sandbox.mutations().iter().any(|sent| sent.contains("web")), "{ended:?}");
    assert_eq!(sandbox.stored("api", "A").as_deref(), Some("new-value"), "{ended:?}");
    assert_ne!(ended.code, 0, "{ended:?}");
}

#[test]
fn missing_journal_prevents_writes() {
    let sandbox = three();
    std::fs::write(sandbox.state(), "a file instead of the directory").unwrap();
    let ended = sandbox.run(ALL);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("--no-journal"), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    let ended = sandbox.run(&[&ALL[..5], &["--no-journal"]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("can't be undone"), "{ended:?}");
}

#[test]
fn sealed_variable_requires_flag_and_warns_of_loss() {
    let api = service("api", &[("B", "kept-value")]).sealed("A", "old-sealed-value");
    let sandbox = Sandbox::of([api]).file(".env", "A=new-value\nB=kept-value\n");
    assert_eq!(sandbox.run(ALL).receipts(), [""; 0]);
    let ended = sandbox.run(&["fix", "--push", "--yes", "--allow-sealed", "A"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("`doctor undo` can't restore its current value"), "{ended:?}");
    assert_eq!(sandbox.stored("api", "A").as_deref(), Some("new-value"));
    let undone = sandbox.run(&["undo", "--yes"]);
    assert!(undone.out.contains("sealed before the run, so the old value can't be restored"), "{undone:?}");
    assert_eq!(sandbox.stored("api", "A").as_deref(), Some("new-value"));
}

#[test]
fn values_never_appear_in_output_files_or_records() {
    const MARK: &str = "mark4711";
    let marked = |name: &str| {
        let api = service(name, &[("A", "mark4711-stored"), ("URL", "https://u:mark4711@example.com")]);
        api.sealed("SEALED", "mark4711-sealed")
    };
    let environment = Environment::named("staging").shared(&[("S", "mark4711-shared")]);
    let sandbox = Sandbox::in_environment(environment, [marked("api"), marked("web")])
        .file(".env", "A=mark4711-local\nURL=https://u:mark4711-mine@example.com\nSEALED=mark4711-own\n# mark4711\n");
    let faults: Vec<fn() -> Fault> = vec![
        || Fault::refusal("bad value mark4711-local").on("SetVariables"),
        || Fault::reply(200, "{\"data\":\"mark4711-local\"").on("SetVariables"),
        || Fault::refusal("mark4711-stored").on("Redeploy"),
        || Fault::refusal("mark4711-stored").on("PreWriteState").times(2),
        || Fault::lost(Moment::After, Loss::Reset).on("SetVariables"),
    ];
    let runs: &[&[&str]] = &[
        &["fix", "--dry-run"],
        &["fix", "--push", "--yes"],
        &["fix", "--push", "--yes", "--only", "A", "-v"],
        &["undo", "--yes"],
        &["undo", "--list"],
        &["fix", "--pull", "--yes", "--only", "URL", "--format", "json"],
        &["undo", "--yes", "--format", "json"],
        &["fix", "--push", "--yes", "--allow-sealed", "SEALED"],
    ];
    for fault in std::iter::once(None).chain(faults.into_iter().map(Some)) {
        for words in runs {
            if let Some(fault) = fault {
                sandbox.sim.fault(fault());
            }
            let ended = sandbox.run(words);
            assert!(!ended.out.contains(MARK) && !ended.err.contains(MARK), "{words:?}: {}{}", ended.out, ended.err);
        }
    }
    let mut files = 0;
    for entry in std::fs::read_dir(sandbox.state()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(MARK.len()).any(|window| window == MARK.as_bytes()));
        files += 1;
    }
    assert!(files > 3, "there are records");
    let left: Vec<_> = std::fs::read_dir(sandbox.work()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".env"], "no other file is left behind");
}

#[test]
fn services_outside_plan_are_unchanged() {
    let sandbox = three();
    let deployed = || sandbox.sim.change(|estate| estate.projects[0].environments[0].services[0].deployments.len());
    let before = deployed();
    sandbox.run(&["fix", "--push", "--yes", "--only", "A", "--service", "web"]);
    assert_eq!(before, deployed());
    assert!(sandbox.mutations().iter().all(|sent| sent.contains("web")));
}
