//! `fix --redeploy`: services that run older values, settings or commits than the current ones.

use std::path::Path;
use std::process::Command;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::{Sim, SimOptions, Snapshots};
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const SINCE: &str = "2026-11-20T10:00:00.000Z";
const LATER: &str = "2026-11-21T10:00:00.000Z";
const YES: PreparedAnswer = PreparedAnswer::Reply(YesNo::Yes);
const FIX: &[&str] = &["fix", "--redeploy", "--yes"];

fn stale(name: &str) -> SimService {
    service(name, &[("A", "1")]).deployed(SimDeployment::serving(SINCE).had("A", "0"))
}

#[test]
fn prompt_offers_redeploy_for_stale_service() {
    let sandbox = || Sandbox::of([stale("api"), stale("web")]).file(".env", "A=1\n").at_a_terminal();
    let one = sandbox();
    let ended = one.answered(&["fix", "--service", "web"], vec![PreparedAnswer::Choice(0), YES]);
    assert_eq!((ended.code, one.mutations()), (0, vec!["Redeploy web".to_owned()]), "{ended:?}");
    assert!(ended.asked[0].contains("Redeploy web without changing variables"), "{ended:?}");
    let both = sandbox();
    let no = PreparedAnswer::Reply(YesNo::No);
    let ended = both.answered(&["fix"], vec![PreparedAnswer::Choice(1), no, YES, YES]);
    assert_eq!((ended.code, both.mutations()), (1, vec!["Redeploy web".to_owned()]), "{ended:?}");
    assert_eq!(ended.asked[1], "[1/2] api is running with an old value of A. Redeploy api?");
    let none = sandbox();
    let ended =
        none.answered(&["fix"], vec![PreparedAnswer::Choice(1), PreparedAnswer::Back, PreparedAnswer::Choice(2)]);
    assert_eq!((ended.code, none.mutations().len()), (1, 0), "{ended:?}");
}

#[test]
fn non_interactive_fix_names_redeploy_flag() {
    let sandbox = Sandbox::of([stale("api")]).file(".env", "A=1\n");
    let ended = sandbox.run(&["fix"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    let help = "  help: choose a direction, for example:\n    doctor fix --redeploy --dry-run\n";
    assert!(ended.err.contains(help) && !ended.err.contains("this plan"), "{ended:?}");
    assert_eq!(sandbox.run(FIX).code, 0);
}

#[test]
fn service_stale_by_time_alone_is_redeployed() {
    let api = service("api", &[("A", "1")]).deployed(SimDeployment::serving(SINCE)).changed("A", LATER);
    let environment = Environment::named("staging").service(api);
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    let quirks = SimOptions { snapshot: Snapshots::Null, ..SimOptions::default() };
    let sandbox = Sandbox::new(Sim::with(estate, quirks)).file(".env", "A=1\n");
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Redeploy api".to_owned()]), "{ended:?}");
    let words = ended.text();
    assert!(words.contains("it was created after the values were stored, and started"), "{ended:?}");
    assert!(words.contains("PASS running no later changes, judged by time"), "{ended:?}");
}

#[test]
fn changed_start_command_is_redeployed() {
    let worker = service("worker", &[("A", "1")])
        .start("celery -B")
        .deployed(SimDeployment::serving(SINCE).started_with("celery"));
    let declared = "[services.worker]\nname = \"worker\"\nstart-command-contains = [\"-B\"]\n";
    let sandbox = Sandbox::of([worker]).file(".env", "A=1\n").file("doctor.toml", declared);
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Redeploy worker".to_owned()]), "{ended:?}");
    assert!(ended.out.contains("because it runs with another start command"), "{ended:?}");
}

fn git(folder: &Path, words: &[&str]) -> String {
    let ended = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).unwrap().trim().to_owned()
}

/// Returns a checkout with two commits, and a service that runs the first one.
fn behind() -> (Sandbox, [String; 2]) {
    let sandbox = Sandbox::of([service("api", &[("A", "1")])]).file(".env", "A=1\n").file(".gitignore", ".env\n");
    let folder = sandbox.work();
    git(&folder, &["init", "-q", "-b", "main"]);
    git(&folder, &["add", ".gitignore"]);
    let commit = |message: &str| {
        git(&folder, &["commit", "-q", "--allow-empty", "-m", message]);
        git(&folder, &["rev-parse", "HEAD"])
    };
    let commits = [commit("one"), commit("two")];
    sandbox.sim.change(|estate| {
        let environment = &mut estate.projects[0].environments[0];
        let api = environment.service_named("api").unwrap();
        for deployment in &mut api.deployments {
            let meta = deployment.meta.as_object_mut().unwrap();
            meta.retain(|name, _| !["repo", "branch"].contains(&name.as_str()));
            meta.insert("commitHash".to_owned(), commits[0].clone().into());
        }
    });
    (sandbox, commits)
}

#[test]
fn outdated_commit_is_replaced_by_expected_one() {
    let (sandbox, [_, two]) = behind();
    let ended = sandbox.run(&["check"]);
    assert!(ended.out.contains("warning: api is 1 commit behind"), "{ended:?}");
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Deploy api".to_owned()]), "{ended:?}");
    let words = format!("deploys commit {}, because it runs an older commit", &two[..7]);
    assert!(ended.out.contains(&words), "{ended:?}");
    assert!(ended.out.contains(&format!("PASS  deployment  SUCCESS, commit {}", &two[..7])), "{ended:?}");
}

const UNWATCHED: &str = "No changes to watched files";
const REFUSED: &str = "CI check suite failed";

/// Returns the same, with a push of the second commit that Railway skipped.
fn skipped(reason: &str) -> (Sandbox, [String; 2]) {
    let (sandbox, commits) = behind();
    push(&sandbox, &commits[1], reason, "2026-11-22T10:00:00.000Z");
    (sandbox, commits)
}

/// Adds a push that Railway skipped.
fn push(sandbox: &Sandbox, commit: &str, reason: &str, time: &str) {
    let push = SimDeployment::with_status("SKIPPED", time).id(&format!("skipped-{time}"));
    let push = push.meta("commitHash", commit).meta("reason", "deploy").meta("skippedReason", reason);
    sandbox.sim.change(|estate| estate.service_named("api").unwrap().deployments.push(push));
}

#[test]
fn push_without_watched_files_is_not_behind() {
    for config in ["", "[services.api]\ncommit = \"HEAD\"\n"] {
        let (sandbox, [one, two]) = skipped(UNWATCHED);
        let sandbox = if config.is_empty() { sandbox } else { sandbox.file("doctor.toml", config) };
        let ended = sandbox.run(&["check", "-v"]);
        assert_eq!((ended.code, sandbox.sim.count()), (0, 2), "{ended:?}");
        assert!(!ended.out.contains("commit-behind"), "{ended:?}");
        let words = ended.text();
        let row = format!("PASS deployment SUCCESS, commit {}", &one[..7]);
        let commit = format!("PASS commit no watched file changed up to {}", &two[..7]);
        assert!(words.contains(&row) && words.contains(&commit), "{ended:?}");
        sandbox.run(FIX);
        assert_eq!(sandbox.mutations(), [""; 0], "nothing is deployed");
    }
}

#[test]
fn redeploy_after_skipped_push_is_not_behind() {
    let (sandbox, [one, _]) = skipped(UNWATCHED);
    // The redeployed deployment has the service's repository.
    git(&sandbox.work(), &["remote", "add", "origin", "https://github.com/shop/shop.git"]);
    let sandbox = sandbox.file("doctor.toml", "[services.api]\ncommit = \"HEAD\"\n");
    let serving = sandbox.sim.change(|estate| {
        let api = estate.service_named("api").unwrap();
        api.set("A", "2");
        api.deployments[0].id.clone()
    });
    let sandbox = sandbox.file(".env", "A=2\n");
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Redeploy api".to_owned()]), "{ended:?}");
    assert!(sandbox.sent.borrow().iter().any(|sent| sent.contains("Redeploy(") && sent.contains(&serving)));
    assert!(ended.out.contains(&format!("commit {}", &one[..7])) && !ended.out.contains("commit-behind"), "{ended:?}");
    // The new deployment is newer than the push, but still has the older commit.
    let before = sandbox.sim.count();
    let ended = sandbox.run(&["check", "-v"]);
    assert_eq!((ended.code, sandbox.sim.count() - before), (0, 3), "one more request finds the push: {ended:?}");
    assert!(!ended.out.contains("commit-behind"), "{ended:?}");
}

#[test]
fn push_with_failed_checks_is_behind_until_deployed() {
    let (sandbox, [_, two]) = skipped(REFUSED);
    let ended = sandbox.run(&["check", "-v"]);
    assert_eq!((ended.code, sandbox.sim.count()), (0, 2), "{ended:?}");
    let words = ended.text();
    for part in [
        format!("warning: api is 1 commit behind {}, which Railway skipped because its CI checks failed", &two[..7]),
        "Railway does not retry a push whose checks failed, even if they pass later".to_owned(),
        format!("once its CI checks pass, deploy {}", &two[..7]),
    ] {
        assert!(words.contains(&part), "{part}: {ended:?}");
    }
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Deploy api".to_owned()]), "{ended:?}");
    assert!(sandbox.sent.borrow().iter().any(|sent| sent.contains("Deploy(") && sent.contains(&two)), "{ended:?}");
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn skip_without_known_reason_proves_nothing() {
    for reason in ["", "something new"] {
        let (sandbox, _) = skipped(reason);
        let ended = sandbox.run(&["check", "-v"]);
        assert!(ended.out.contains("warning: api is 1 commit behind"), "{ended:?}");
        assert!(ended.out.contains("for an unknown reason"), "{ended:?}");
    }
}

#[test]
fn redeployed_older_code_requires_unwatched_pushes() {
    for (pushes, words) in [
        (&[("0", UNWATCHED), ("1", UNWATCHED)][..], ""),
        (&[("0", REFUSED), ("1", UNWATCHED)], "Railway skipped 0000000 because its CI checks failed"),
        (&[("1", "")], "for an unknown reason"),
        (&[], "1 commit behind"),
    ] {
        let (sandbox, commits) = behind();
        for (at, (commit, reason)) in pushes.iter().enumerate() {
            let commit = if *commit == "1" { commits[1].clone() } else { commit.repeat(40) };
            push(&sandbox, &commit, reason, &format!("2026-11-22T1{at}:00:00.000Z"));
        }
        // A later redeploy after a change of a variable.
        sandbox.sim.change(|estate| {
            let api = estate.service_named("api").unwrap();
            let again = SimDeployment::serving("2026-11-23T10:00:00.000Z").id("again");
            let again = again.meta("commitHash", commits[0].as_str()).meta("reason", "deploy").meta("patchId", "p");
            let captured = api.deployments[0].captured.clone();
            api.deployments[0].active = false;
            api.deployments.push(SimDeployment { captured, ..again });
        });
        let ended = sandbox.run(&["check", "-v"]);
        let text = ended.text();
        assert_eq!(
            (text.contains("commit-behind"), sandbox.sim.count()),
            (!words.is_empty(), 3),
            "{pushes:?}: {ended:?}"
        );
        assert!(text.contains(words), "{words}: {ended:?}");
    }
}

#[test]
fn unknown_later_pushes_do_not_hide_skipped_commit() {
    let refused = "which Railway skipped because its CI checks failed";
    for (wanted, further, words) in
        [(UNWATCHED, UNWATCHED, ""), (UNWATCHED, REFUSED, ""), (UNWATCHED, "", ""), (REFUSED, UNWATCHED, refused)]
    {
        let (sandbox, _) = skipped(wanted);
        push(&sandbox, &"0".repeat(40), further, "2026-11-22T11:00:00.000Z");
        let ended = sandbox.run(&["check", "-v"]);
        let text = ended.text();
        assert_eq!(
            (text.contains("commit-behind"), sandbox.sim.count()),
            (!words.is_empty(), 3),
            "{wanted}: {ended:?}"
        );
        assert!(text.contains(words), "{words}: {ended:?}");
    }
}

#[test]
fn commit_not_found_error_names_commit() {
    let (sandbox, [_, two]) = behind();
    sandbox.sim.fault(Fault::refusal("Commit not found").on("Deploy").permanent());
    let ended = sandbox.run(FIX);
    assert_eq!(ended.code, 6, "{ended:?}");
    let text = ended.text();
    let words = format!("Railway did not find commit {two} in the repository that the service is connected to");
    assert!(text.contains(&words) && !text.contains("not visible"), "{ended:?}");
}

#[test]
fn concurrently_deployed_commit_is_kept() {
    let (sandbox, _) = behind();
    // The state is read once for the plan, and once before the deployment.
    sandbox.sim.before_nth("PreWriteState", 2, |estate| {
        let environment = &mut estate.projects[0].environments[0];
        let api = environment.service_named("api").unwrap();
        for deployment in &mut api.deployments {
            deployment.meta["commitHash"] = "f".repeat(40).into();
        }
    });
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (6, Vec::new()), "{ended:?}");
    assert!(ended.out.contains("the running commit has changed since the plan was made"), "{ended:?}");
}
