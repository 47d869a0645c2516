//! Deployments that are chosen for themselves: what runs is older than what is stored, set or wanted.

use std::path::Path;
use std::process::Command;

use crate::command::tests::fix::service;
use crate::command::tests::sandbox::Sandbox;
use crate::outside::ask::Reply;
use crate::outside::ask::script::Prepared;
use crate::outside::sim::deployment::Deployment;
use crate::outside::sim::estate::{Environment, Estate, Project, Service};
use crate::outside::sim::{Quirks, Sim, Snapshots};

const SINCE: &str = "2026-11-20T10:00:00.000Z";
const LATER: &str = "2026-11-21T10:00:00.000Z";
const YES: Prepared = Prepared::Reply(Reply::Yes);
const FIX: &[&str] = &["fix", "--redeploy", "--yes"];

fn stale(name: &str) -> Service {
    service(name, &[("A", "1")]).deployed(Deployment::serving(SINCE).had("A", "0"))
}

#[test]
fn a_person_is_offered_the_deployment_that_mends_it() {
    let sandbox = || Sandbox::of([stale("api"), stale("web")]).file(".env", "A=1\n").at_a_terminal();
    let one = sandbox();
    let ended = one.answered(&["fix", "--service", "web"], vec![Prepared::Choice(0), YES]);
    assert_eq!((ended.code, one.mutations()), (0, vec!["Redeploy web".to_owned()]), "{ended:?}");
    assert!(ended.asked[0].contains("Redeploy web: variables stay as they are"), "{ended:?}");
    let both = sandbox();
    let no = Prepared::Reply(Reply::No);
    let ended = both.answered(&["fix"], vec![Prepared::Choice(1), no, YES, YES]);
    assert_eq!((ended.code, both.mutations()), (1, vec!["Redeploy web".to_owned()]), "{ended:?}");
    assert_eq!(ended.asked[1], "api runs with an old value of A. Deploy it again?");
    let none = sandbox();
    let ended = none.answered(&["fix"], vec![Prepared::Choice(1), Prepared::Back, Prepared::Choice(2)]);
    assert_eq!((ended.code, none.mutations().len()), (1, 0), "{ended:?}");
}

#[test]
fn without_anybody_the_flag_is_named() {
    let sandbox = Sandbox::of([stale("api")]).file(".env", "A=1\n");
    let ended = sandbox.run(&["fix"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("`doctor fix --redeploy --yes`"), "{ended:?}");
    assert_eq!(sandbox.run(FIX).code, 0);
}

#[test]
fn what_is_old_by_time_alone_is_deployed_too() {
    let api = service("api", &[("A", "1")]).deployed(Deployment::serving(SINCE)).changed("A", LATER);
    let environment = Environment::named("staging").service(api);
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    let quirks = Quirks { snapshot: Snapshots::Null, ..Quirks::default() };
    let sandbox = Sandbox::beside(Sim::with(estate, quirks)).file(".env", "A=1\n");
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Redeploy api".to_owned()]), "{ended:?}");
    let words = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("it was made after the values were stored, and came up"), "{ended:?}");
    assert!(words.contains("PASS running nothing was changed since, by time alone"), "{ended:?}");
}

#[test]
fn a_start_command_that_is_set_and_not_running_is_deployed() {
    let worker =
        service("worker", &[("A", "1")]).start("celery -B").deployed(Deployment::serving(SINCE).started_with("celery"));
    let declared = "[services.worker]\nname = \"worker\"\nstart-command-contains = [\"-B\"]\n";
    let sandbox = Sandbox::of([worker]).file(".env", "A=1\n").file("doctor.toml", declared);
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Redeploy worker".to_owned()]), "{ended:?}");
    assert!(ended.out.contains("because it was started with another command"), "{ended:?}");
}

fn git(folder: &Path, words: &[&str]) -> String {
    let told = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(told.status.success(), "{told:?}");
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

/// A checkout with two commits beside a service that runs the first of them.
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
fn an_older_commit_gives_way_to_the_wanted_one() {
    let (sandbox, [_, two]) = behind();
    let ended = sandbox.run(&["check"]);
    assert!(ended.out.contains("warning: api runs a commit that is 1 commit behind"), "{ended:?}");
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (0, vec!["Deploy api".to_owned()]), "{ended:?}");
    let words = format!("deploys commit {}, because it runs an older one", &two[..7]);
    assert!(ended.out.contains(&words), "{ended:?}");
    assert!(ended.out.contains(&format!("PASS  deployment  SUCCESS, commit {}", &two[..7])), "{ended:?}");
}

#[test]
fn a_commit_that_somebody_deployed_meanwhile_stays() {
    let (sandbox, _) = behind();
    // The plan asks for the fence once, and the deployment once more.
    sandbox.sim.before_nth("Fence", 2, |estate| {
        let environment = &mut estate.projects[0].environments[0];
        let api = environment.service_named("api").unwrap();
        for deployment in &mut api.deployments {
            deployment.meta["commitHash"] = "f".repeat(40).into();
        }
    });
    let ended = sandbox.run(FIX);
    assert_eq!((ended.code, sandbox.mutations()), (6, Vec::new()), "{ended:?}");
    assert!(ended.out.contains("it runs another commit now than when this was planned"), "{ended:?}");
}
