//! Refusals by Railway: policies, staged changes, unknown commits, and projects that are not visible to a token.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::status_timeline::StatusTimeline;

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", "A"];
const REDEPLOY: &[&str] = &["fix", "--redeploy", "--yes"];
const POLICY: &str = "Deployments from this source are blocked by a policy that knows new-value";
const SINCE: &str = "2026-11-20T10:00:00.000Z";

/// Returns a sandbox with two services; the second one runs with an older value than the stored one.
fn two() -> Sandbox {
    let stale = service("web", &[("A", "old-value")]).deployed(SimDeployment::serving(SINCE).had("A", "older-value"));
    Sandbox::of([service("api", &[("A", "old-value")]), stale]).file(".env", "A=new-value\n")
}

#[test]
fn refused_deployment_keeps_stored_values_for_undo() {
    let sandbox = two();
    sandbox.sim.fault(Fault::refusal(POLICY).on("Redeploy").permanent());
    let ended = sandbox.run(PUSH);
    assert_eq!(ended.code, 6, "{ended:?}");
    let text = ended.text();
    for words in [
        "Railway rejected the deployment: Railway responded “Deployments from this source are blocked by a policy",
        "the new value of A is stored for api, which is still running with the old value: its deployment was refused",
        "the new value of A is stored for web, which is still running with the old value",
        "To undo this run: doctor undo ",
    ] {
        assert!(text.contains(words), "{words}: {ended:?}");
    }
    assert!(!text.contains("new-value"), "{ended:?}");
    assert_eq!(sandbox.stored("api", "A").as_deref(), Some("new-value"));
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    undone.assert_shows("web never ran with the values of that run, so it is not deployed");
    for name in ["api", "web"] {
        assert_eq!(sandbox.stored(name, "A").as_deref(), Some("old-value"), "{name}");
    }
}

#[test]
fn undo_deploys_if_new_value_ran_or_is_unknown() {
    for (fault, expected) in [
        (None, "Redeploy api"),
        (Some(Fault::field("snapshot_0", "Not Authorized").on("Snapshot").permanent()), "Redeploy api"),
    ] {
        let sandbox = Sandbox::of([service("api", &[("A", "old-value")])]).file(".env", "A=new-value\n");
        assert_eq!(sandbox.run(PUSH).code, 0);
        let before = sandbox.mutations().len();
        if let Some(fault) = fault {
            sandbox.sim.fault(fault);
        }
        let undone = sandbox.run(&["undo", "--yes"]);
        assert_eq!(sandbox.mutations()[before..].last().map(String::as_str), Some(expected), "{undone:?}");
    }
}

#[test]
fn undo_redeploys_after_failed_deployment() {
    let web = service("web", &[("A", "old-value")]).deployed(SimDeployment::serving(SINCE).had("A", "older-value"));
    let sandbox = Sandbox::of([web]).file(".env", "A=new-value\n");
    let next = |plan: StatusTimeline| {
        sandbox.sim.change(|estate| {
            let web = estate.service_named("web").unwrap();
            *web = web.clone().plan(plan);
        });
    };
    next(StatusTimeline::failing_build("no such image"));
    assert_eq!(sandbox.run(PUSH).code, 7);
    next(StatusTimeline::through(&["SUCCESS"]));
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(sandbox.mutations().last().map(String::as_str), Some("Redeploy web"), "{undone:?}");
}

fn staged(of: impl Fn(Environment, serde_json::Value) -> Environment, api: SimService) -> Sandbox {
    let sandbox = Sandbox::of([api]).file(".env", "A=new-value\n");
    let id = sandbox.id("api");
    let patch = serde_json::json!({ "services": { id: { "variables": { "A": { "value": "theirs" } } } } });
    let staged = of(Environment::named("x"), patch).staged;
    sandbox.sim.change(|estate| estate.projects[0].environments[0].staged = staged);
    sandbox
}

#[test]
fn failed_staged_changes_are_reported_without_blocking() {
    let failed = |environment: Environment, patch| environment.failed_to_apply(patch, "no volume for new-value");
    let sandbox = staged(failed, service("api", &[("A", "old-value")]));
    let ended = sandbox.run(&["check"]);
    let text = ended.text();
    assert!(text.contains("warning: staged changes in staging could not be applied: A"), "{ended:?}");
    assert!(text.contains("no volume for •••"), "{ended:?}");
    let ended = sandbox.run(PUSH);
    assert_eq!((ended.code, sandbox.mutations().len()), (0, 2), "{ended:?}");
    assert!(!ended.out.contains("this environment has staged changes"), "{ended:?}");
}

#[test]
fn applying_staged_changes_blocks_writes_and_deployments() {
    let stale =
        || service("api", &[("A", "new-value")]).deployed(SimDeployment::serving(SINCE).had("A", "older-value"));
    for (api, words) in [(service("api", &[("A", "old-value")]), PUSH), (stale(), REDEPLOY)] {
        let sandbox = staged(Environment::applying, api);
        let ended = sandbox.run(words);
        assert_eq!((ended.code, sandbox.mutations()), (6, Vec::new()), "{ended:?}");
        assert!(ended.err.contains("Railway is applying staged changes"), "{ended:?}");
    }
}

#[test]
fn placeholder_patch_is_not_staged_change() {
    let sandbox = staged(Environment::staged, service("api", &[("A", "old-value")]));
    sandbox.sim.change(|estate| {
        let staged = estate.projects[0].environments[0].staged.as_mut().unwrap();
        staged.id = "<empty>".to_owned();
    });
    assert!(!sandbox.run(&["check"]).out.contains("staged"));
    assert_eq!(sandbox.run(PUSH).code, 0);
}

#[test]
fn missing_project_may_be_hidden_from_token() {
    let id = "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2";
    let hidden = "not found, or not visible to this token";
    let plain = || Sandbox::of([service("api", &[("A", "1")])]).file(".env", "A=1\n");
    let by_link = plain();
    by_link.sim.fault(Fault::refusal("Project not found").permanent());
    let in_file = plain().file("doctor.toml", "project = \"agentverse\"\nenvironment = \"staging\"\n");
    for (name, sandbox, words) in [
        ("an id", plain(), &["check", "--project", id, "--environment", "staging"][..]),
        ("a name", plain(), &["check", "--project", "agentverse", "--environment", "staging"]),
        ("doctor.toml", in_file, &["check"]),
        ("the link", by_link, &["check"]),
    ] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{name}: {ended:?}");
        assert!(ended.err.contains(hidden), "{name}: {ended:?}");
    }
}
