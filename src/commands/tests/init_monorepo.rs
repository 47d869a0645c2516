//! `doctor check` and `doctor init` in repositories with an env file in the directory of each service.

use crate::commands::tests::fix::service;
use crate::commands::tests::init::refused;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::Sim;
use crate::io::sim::seed::ordinary::monorepo;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer::{self, Back, Choices, Enter};

const YES: PreparedAnswer = PreparedAnswer::Reply(YesNo::Yes);

fn bakery() -> Sandbox {
    let sandbox = Sandbox::new(Sim::new((monorepo::SEED.estate)()));
    monorepo::SEED.files.iter().fold(sandbox, |sandbox, (name, text)| sandbox.file(name, text))
}

fn repository(sandbox: Sandbox) -> Sandbox {
    let done = std::process::Command::new("git").args(["init", "-q"]).current_dir(sandbox.work()).status().unwrap();
    assert!(done.success());
    let path = std::env::var("PATH").unwrap();
    sandbox.variable("PATH", Some(&path))
}

#[test]
fn check_names_files_below_and_how_to_use_them() {
    let sandbox = bakery().file("node_modules/x/.env", "A=1\n");
    let ended = sandbox.run(&["check"]);
    assert!(ended.err.contains("error: no .env in ") && ended.err.ends_with(FILES_BELOW), "{ended:?}");
    assert_eq!((ended.code, sandbox.sent.borrow().len()), (2, 0), "{ended:?}");
    assert_eq!(sandbox.run(&["check", "--env-file=apps/web/.env"]).code, 0);
    let targeted = sandbox.run(&["check", "--project", "bakery", "-e", "my staging"]);
    let init = "\n    doctor init --project=bakery --environment='my staging'\n";
    assert!(targeted.err.ends_with(init), "{targeted:?}");
}

const FILES_BELOW: &str = "found apps/api/.env and apps/web/.env; pass one of them, or assign them to services:\n    \
                           doctor check --env-file=apps/api/.env\n    doctor init\n";

#[test]
fn services_get_files_of_their_root_directories() {
    let sandbox = bakery().file(".env.example", "A=\n").at_a_terminal();
    let ended = sandbox.answered(&["init"], vec![Enter, Enter, Enter, YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let services = "Which services should be compared?\n  [x] api  apps/api/.env, shares 4 keys\n  \
                    [x] web  apps/web/.env, shares 3 keys";
    assert_eq!(ended.asked[0], services);
    let text = sandbox.text("doctor.toml");
    let sections = "[services.api]\nname = \"api\"\nenv-file = [\"apps/api/.env\"]\n\n\
                    [services.web]\nname = \"web\"\nenv-file = [\"apps/web/.env\"]\n";
    assert!(text.contains(sections) && !text.contains("Postgres"), "{text}");
    let check = sandbox.run(&["check"]);
    assert_eq!(check.code, 0, "{check:?}");
    check.assert_shows("7 values compared");

    let one = bakery().at_a_terminal();
    assert_eq!(one.answered(&["init"], vec![Choices(vec![0]), Enter, Enter, YES]).code, 0);
    let text = one.text("doctor.toml");
    assert!(text.contains("[services.api]") && !text.contains("apps/web"), "{text}");
    let cancelled = bakery().at_a_terminal();
    refused(&cancelled.answered(&["init"], vec![Back]), "cancelled; nothing was changed");
    assert!(!cancelled.work().join("doctor.toml").exists());
}

#[test]
fn init_in_a_directory_without_file_writes_to_the_root() {
    let sandbox = repository(bakery()).file("docs/index.md", "").within("docs");
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(sandbox.text("doctor.toml").contains("env-file = [\"apps/web/.env\"]"), "{ended:?}");
    let check = sandbox.run(&["check"]);
    assert_eq!(check.code, 0, "{check:?}");
}

#[test]
fn names_and_keys_replace_missing_root_directories() {
    let stored = [("A_URL", "1"), ("B_URL", "2")];
    let sandbox = Sandbox::of([
        service("shop-api", &stored),
        service("mailer", &[("C_URL", "3"), ("D_URL", "4")]),
        service("other", &[("E_URL", "5")]),
    ]);
    let sandbox = sandbox
        .file("packages/api/.env", "A_URL=1\nB_URL=2\n")
        .file("services/deep/post/.env", "C_URL=3\nD_URL=4\n")
        .file("vendor/other/.env", "E_URL=5\n");
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let text = sandbox.text("doctor.toml");
    for part in [
        "name = \"shop-api\"\nenv-file = [\"packages/api/.env\"]\n",
        "name = \"mailer\"\nenv-file = [\"services/deep/post/.env\"]\n",
    ] {
        assert!(text.contains(part), "{part}\nin\n{text}");
    }
    assert!(!text.contains("other"), "{text}");
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn root_file_stays_that_of_services_without_their_own() {
    let sandbox = Sandbox::of([
        service("api", &[("A_URL", "1"), ("B_URL", "2")]),
        service("worker", &[("A_URL", "1")]),
        service("web", &[("SITE", "x"), ("A_URL", "other")]).root("/apps/web"),
        service("docs", &[("NOTHING", "x")]).root("/apps/docs"),
    ]);
    let sandbox = sandbox
        .file(".env", "A_URL=1\nB_URL=2\n")
        .file("apps/web/.env", "SITE=x\nA_URL=other\n")
        .file("apps/api/.env", "A_URL=unused\n");
    let before = sandbox.run(&["check"]);
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!((before.code, ended.code), (0, 0), "{ended:?}");
    let text = sandbox.text("doctor.toml");
    let sections = "[services.api]\nname = \"api\"\n\n[services.web]\nname = \"web\"\n\
                    env-file = [\"apps/web/.env\"]\n\n[services.worker]\nname = \"worker\"\n";
    assert!(text.contains(sections) && !text.contains("docs"), "{text}");
    let after = sandbox.run(&["check"]);
    assert_eq!(after.code, 0, "{after:?}");
    after.assert_shows("5 values compared");
}

#[test]
fn keys_with_a_value_for_each_service_are_not_required() {
    let own = |name, token| service(name, &[("SESSION_TOKEN", token), ("TEAM_TOKEN", "team-token-4711")]);
    let sandbox = Sandbox::of([own("api", "session-of-api").root("api"), own("web", "session-of-web").root("web")])
        .file("api/.env", "SESSION_TOKEN=session-of-api\nTEAM_TOKEN=team-token-4711\n")
        .file("web/.env", "SESSION_TOKEN=session-of-web\nTEAM_TOKEN=team-token-4711\n");
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    let text = sandbox.text("doctor.toml");
    assert!(text.contains("[[require]]\nkeys     = [\"TEAM_TOKEN\"]\n") && !text.contains("SESSION"), "{text}");
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn files_of_no_service_are_reported() {
    let sandbox = Sandbox::of([service("api", &[("A_URL", "1")])]).file("tools/.env", "B_URL=1\n");
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(
        ended.err.contains("error: no .env in ")
            && ended.err.ends_with(
                "help: no service matches the directory of a `.env` file; to use one, run:\n    \
         doctor init --yes --env-file=tools/.env\n"
            ),
        "{ended:?}"
    );
    assert!(!sandbox.work().join("doctor.toml").exists());
}
