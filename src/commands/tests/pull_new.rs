//! `doctor pull`: the file that it creates, and what it refuses.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::git::tests::git;
use crate::io::interrupt::Interrupt;
use crate::io::sim::estate::Environment;
use crate::io::sim::fault::Fault;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const KEY: &str = "stored-0123456789";
const OTHER: &str = "other-0123456789";
const PULL: &[&str] = &["pull", "--yes"];

/// Returns a repository that ignores `.env`, and two services.
fn shop() -> Sandbox {
    shop_with(Environment::named("staging"))
}

fn shop_with(environment: Environment) -> Sandbox {
    let api = service("api", &[("API_KEY", KEY), ("LOG_FORMAT", "json")]).sealed("SIGNING_KEY", OTHER);
    let worker = service("worker", &[("API_KEY", KEY), ("QUEUE", "mail")]);
    let sandbox = Sandbox::in_environment(environment, [api, worker]).file(".gitignore", ".env\nlocal/\n");
    git(&sandbox.work(), &["init", "-q"]);
    sandbox.variable("PATH", Some(&std::env::var("PATH").unwrap()))
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("not JSON: {ended:?}"))
}

/// Asserts that the run is refused with this cause and a help, before the first request.
#[track_caller]
fn refused(sandbox: &Sandbox, words: &[&str], why: &str) -> String {
    let ended = sandbox.run(words);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows(why);
    assert!(ended.err.contains("  help: "), "{ended:?}");
    assert!(!format!("{ended:?}").contains("0123456789"), "{ended:?}");
    assert_eq!(sandbox.sent.borrow().len(), 0, "{why}");
    ended.text()
}

#[test]
fn template_is_filled_and_check_then_finds_it_equal() {
    let sandbox = shop().file(".env.example", "# the shop\nAPI_KEY=\n\nQUEUE=changeme # jobs\nLOCAL=1\n");
    let ended = sandbox.run(PULL);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.text(".env"), format!("# the shop\nAPI_KEY={KEY}\n\nQUEUE=mail # jobs\nLOCAL=1\n"));
    let mode = fs::metadata(sandbox.work().join(".env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    ended.assert_shows(".env (new, from .env.example)");
    ended.assert_shows("+ from api and worker (1) API_KEY");
    ended.assert_shows("2 other keys on Railway are not in .env.example (-v lists them)");
    ended.assert_shows("Created .env with 2 keys. To compare it with Railway, run: doctor check");
    assert!(!ended.text().contains("0123456789"), "{ended:?}");
    let check = sandbox.run(&["check", "--format", "json"]);
    let differing = json(&check)["findings"].as_array().unwrap().clone();
    assert!(differing.iter().all(|finding| finding["rule"] != "value-differs"), "{check:?}");
    assert_eq!(json(&check)["summary"]["compared"], 3, "{check:?}");
}

#[test]
fn without_template_every_key_in_scope_is_listed() {
    let sandbox = shop();
    let ended = sandbox.run(PULL);
    assert_eq!(ended.code, 1, "a sealed key is left: {ended:?}");
    let expected = format!(
        "# created by doctor pull: shop, staging\n# left for you:\n# - SIGNING_KEY: sealed on api\n\n# from api\n\
         LOG_FORMAT=json\n\n# from api and worker\nAPI_KEY={KEY}\n\n# from worker\nQUEUE=mail\n"
    );
    assert_eq!(sandbox.text(".env"), expected);
    ended.assert_shows("! left for you (1) SIGNING_KEY sealed on api");
    ended.assert_shows("Created .env with 3 keys. 1 key is left for you.");
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn providers_are_pulled_only_if_named() {
    let sandbox = Sandbox::of([
        service("api", &[("A", "1"), ("URL", "${{auth.URL}}")]),
        service("auth", &[("URL", "https://auth.dev"), ("INNER", "x")]),
        service("Postgres", &[("PGDATA", "/x")]).image("postgres:17"),
    ]);
    sandbox.run(PULL);
    assert!(!sandbox.text(".env").contains("INNER") && !sandbox.text(".env").contains("PGDATA"));
    assert!(
        sandbox.text(".env").ends_with("# from auth, referenced by api\nURL='https://auth.dev'\n")
            || sandbox.text(".env").ends_with("# from auth, referenced by api\nURL=https://auth.dev\n"),
        "{}",
        sandbox.text(".env")
    );
    let ended = sandbox.run(&["pull", "--yes", "--service", "auth", "--output", "auth.env"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(sandbox.text("auth.env").contains("\nINNER=x\n"));
    ended.assert_shows("doctor check --env-file=auth.env --service=auth");
}

#[test]
fn dry_run_and_missing_confirmation_write_nothing() {
    let sandbox = shop();
    let dry = sandbox.run(&["pull", "--dry-run"]);
    assert_eq!(dry.code, 1, "{dry:?}");
    dry.assert_shows("Nothing was written: this was a dry run. To create the file, run: doctor pull --yes");
    let unconfirmed = sandbox.run(&["pull", "-s", "api"]);
    assert_eq!(unconfirmed.code, 2, "{unconfirmed:?}");
    unconfirmed.assert_shows("to create it without a prompt, run: doctor pull --yes --service=api");
    let sandbox = sandbox.at_a_terminal();
    let declined = sandbox.answered(&["pull"], vec![PreparedAnswer::Reply(YesNo::No)]);
    assert_eq!(declined.code, 2, "{declined:?}");
    assert!(!sandbox.work().join(".env").exists());
    let confirmed = sandbox.answered(&["pull"], vec![PreparedAnswer::Reply(YesNo::Yes)]);
    assert_eq!(confirmed.code, 1, "{confirmed:?}");
    assert!(sandbox.work().join(".env").exists());
}

#[test]
fn json_lists_keys_with_origins_and_reasons_without_values() {
    let sandbox = shop().file(".env.example", "API_KEY=\nSIGNING_KEY=\n");
    let unconfirmed = sandbox.run(&["pull", "--format", "json"]);
    assert_eq!((unconfirmed.code, &json(&unconfirmed)["created"]), (2, &Value::Bool(false)));
    assert!(unconfirmed.err.contains("never prompts"), "{unconfirmed:?}");
    assert_eq!(json(&unconfirmed)["next"], serde_json::json!(["doctor", "pull", "--yes"]));
    let ended = sandbox.run(&["pull", "--yes", "--format", "json"]);
    let document = json(&ended);
    assert_eq!((ended.code, &document["exit_code"], &document["created"]), (1, &Value::from(1), &Value::Bool(true)));
    let keys =
        serde_json::json!([{ "key": "API_KEY", "services": ["api", "worker"], "source": "own", "referenced": [] }]);
    assert_eq!(document["keys"], keys);
    let left = serde_json::json!([{ "key": "SIGNING_KEY", "services": ["api"], "reason": "sealed", "message": "sealed on api" }]);
    assert_eq!(document["left"], left);
    assert_eq!(document["unlisted"], serde_json::json!(["LOG_FORMAT", "QUEUE"]));
    assert_eq!((&document["file"], &document["template"]), (&Value::from(".env"), &Value::from(".env.example")));
    assert!(!ended.out.contains("0123456789"), "{ended:?}");
}

#[test]
fn existing_path_is_never_overwritten() {
    let sandbox = shop().file(".env", "MINE=1\n");
    let text = refused(&sandbox, PULL, "it already exists, and pull never overwrites a file");
    assert!(text.contains("doctor fix --pull"), "{text}");
    assert_eq!(sandbox.text(".env"), "MINE=1\n");
    let sandbox = shop();
    symlink("elsewhere", sandbox.work().join(".env")).unwrap();
    refused(&sandbox, PULL, "it is a symbolic link");
    assert!(!sandbox.work().join("elsewhere").exists());
    let sandbox = shop();
    fs::create_dir(sandbox.work().join(".env")).unwrap();
    refused(&sandbox, PULL, "it is a directory");
}

#[test]
fn file_that_git_may_commit_is_refused() {
    let sandbox = shop().file(".env", "A=1\n");
    git(&sandbox.work(), &["add", "-f", ".env"]);
    fs::remove_file(sandbox.work().join(".env")).unwrap();
    let text = refused(&sandbox, PULL, "git tracks it");
    assert!(text.contains("git rm --cached -- .env"), "{text}");
    let sandbox = shop().file(".gitignore", ".env\n!.env\n");
    let text = refused(&sandbox, PULL, "git does not ignore it");
    assert!(text.contains("echo /.env >> .gitignore"), "{text}");
    let sandbox = shop().variable("PATH", Some("/nowhere"));
    refused(&sandbox, PULL, "could not determine whether git ignores it: git is not installed");
    let sandbox = shop();
    assert_eq!(sandbox.run(&["pull", "--yes", "--output", "local/x.env"]).code, 2, "its directory is missing");
    fs::create_dir(sandbox.work().join("local")).unwrap();
    assert_eq!(sandbox.run(&["pull", "--yes", "--output", "local/x.env"]).code, 1, "an ignored directory");
}

#[test]
fn outer_repository_must_not_stage_the_file() {
    let sandbox = shop().file("sub/x", "").file("other/.git/HEAD", "").file(".gitignore", "");
    git(&sandbox.work(), &["add", "sub/x"]);
    for nested in ["sub", "free"] {
        fs::create_dir_all(sandbox.work().join(nested)).unwrap();
        git(&sandbox.work().join(nested), &["init", "-q"]);
        fs::write(sandbox.work().join(nested).join(".git/info/exclude"), ".env\n").unwrap();
    }
    let text = refused(&sandbox, &["pull", "--yes", "--output", "sub/.env"], "git does not ignore it");
    assert!(text.contains("echo /sub/.env >> .gitignore"), "{text}");
    let ended = sandbox.run(&["pull", "--yes", "--output", "free/.env"]);
    assert_eq!(ended.code, 1, "the outer repository tracks nothing there: {ended:?}");
}

#[test]
fn configuration_file_and_directories_are_refused() {
    let sandbox = shop().file("local/keep", "");
    refused(
        &sandbox,
        &["pull", "--yes", "--output", "local/doctor.toml"],
        "its name is that of the configuration file",
    );
    refused(&sandbox, &["pull", "--yes", "--output", ".env/"], "the path is that of a directory");
    let text = refused(&sandbox, &["pull", "--yes", "--output", "README.md"], "git does not ignore it");
    assert!(!text.contains(">>") && text.contains("--output PATH"), "{text}");
}

#[test]
fn unaccepted_doctor_toml_names_only_env_files() {
    let config = "env-file = [\"local/app.js\"]\n";
    let sandbox = shop().file("doctor.toml", config).file("local/keep", "");
    let ended = sandbox.run(PULL);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("only doctor.toml names it, which is not accepted");
    ended.assert_shows("to create it anyway, run: doctor pull --yes --output=local/app.js");
    assert!(!sandbox.work().join("local/app.js").exists());
    let command = "doctor pull --yes --output=local/app.js";
    sandbox.run(&["pull", "--dry-run"]).assert_shows(command);
    sandbox.run(&["pull", "--yes", "--service=api"]).assert_shows(&format!("{command} --service=api"));
    assert_eq!(sandbox.run(&["pull", "--yes", "--output=local/app.js"]).code, 1);
    let sandbox = shop().file("doctor.toml", "env-file = [\"local/app.env\"]\n").file("local/keep", "");
    assert_eq!(sandbox.run(PULL).code, 1);
    let sandbox = shop().file("doctor.toml", config).file("local/keep", "");
    assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
    assert_eq!(sandbox.run(PULL).code, 1);
}

#[test]
fn lines_that_are_not_copied_are_reported() {
    let sandbox = shop().file(".env.example", "API_KEY=\ntouch /tmp/x\n");
    let ended = sandbox.run(PULL);
    assert_eq!(ended.code, 1, "{ended:?}");
    ended.assert_shows("line 2 of .env.example is not an assignment, so it is a comment in .env");
    assert_eq!(sandbox.text(".env"), format!("API_KEY={KEY}\n# touch /tmp/x\n"));
}

#[test]
fn section_that_differs_in_case_protects_the_environment() {
    let sandbox = shop_with(Environment::named("live")).file("doctor.toml", "[environments.LIVE]\nprotected = true\n");
    let ended = sandbox.run(PULL);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("live is a protected environment");
}

/// Runs the printed command with the shell.
#[test]
fn printed_command_makes_git_ignore_the_file() {
    for (text, path) in [("", ".env"), ("a\n", "a [b].env"), ("a", ".env"), ("!x", "sub/it's *.env")] {
        let sandbox = shop().file("sub/keep", "").file(".gitignore", text);
        let words = ["pull", "--yes", "--output", path];
        refused(&sandbox, &words, "git does not ignore it");
        let ended = sandbox.run(&words);
        let command = ended.err.lines().last().unwrap().trim();
        let shell = Command::new("sh").args(["-c", command]).current_dir(sandbox.work()).status().unwrap();
        assert!(shell.success(), "{command}");
        assert_eq!(sandbox.run(&words).code, 1, "{command}: {:?}", sandbox.text(".gitignore"));
        assert!(sandbox.text(".gitignore").starts_with(&format!("{text}{}", if text == "a" { "\n" } else { "" })));
    }
}

#[test]
fn templates_streams_and_git_directories_are_refused() {
    for (path, why) in [
        (".env.example", "its name marks it as a template"),
        ("local/.env.dist", "its name marks it as a template"),
        (".git/.env", "it is inside a git directory"),
        ("-", "values are never printed"),
        ("/dev/stdout", "values are never printed"),
        ("/dev/fd/1", "values are never printed"),
        ("missing/.env", "its directory does not exist"),
    ] {
        let sandbox = shop().file("local/keep", "");
        refused(&sandbox, &["pull", "--yes", "--output", path], why);
    }
}

#[test]
fn tracked_link_out_of_the_checkout_is_not_followed() {
    let sandbox = shop();
    let outside = sandbox.home().join("other");
    fs::create_dir_all(&outside).unwrap();
    symlink(&outside, sandbox.work().join("linked")).unwrap();
    git(&sandbox.work(), &["add", "linked"]);
    refused(&sandbox, &["pull", "--yes", "--output", "linked/.env"], "it points outside the checkout");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn protected_environment_needs_its_name() {
    let sandbox = shop_with(Environment::named("production"));
    let ended = sandbox.run(PULL);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("production is a protected environment");
    ended.assert_shows("doctor pull --yes --environment=production");
    assert!(!sandbox.work().join(".env").exists());
    assert_eq!(sandbox.run(&["pull", "--yes", "--environment", "production"]).code, 1);
}

#[test]
fn doctor_toml_can_disable_the_command() {
    let sandbox = shop().file("doctor.toml", "[pull]\nallow = false\n");
    refused(&sandbox, PULL, "doctor.toml:2:1: `doctor pull` is disabled");
    let sandbox = shop().file("doctor.toml", "[pull]\nalow = false\n");
    refused(&sandbox, PULL, "did you mean `allow`?");
    let sandbox = shop().file("doctor.toml", "[pull]\nallow = true\n");
    assert_eq!(sandbox.run(PULL).code, 1);
}

#[test]
fn file_of_doctor_toml_is_created_for_its_services() {
    let config = "[services.api]\nenv-file = [\"local/api.env\"]\n[services.worker]\n";
    let sandbox = shop().file("doctor.toml", config).file("local/keep", "");
    let text = refused(&sandbox, PULL, "pull creates one file at a time");
    assert!(text.contains("doctor pull --service=api --output=local/api.env"), "{text}");
    assert!(text.contains("doctor pull --service=worker --output=.env"), "{text}");
    let ended = sandbox.run(&["pull", "--yes", "--service", "api"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(sandbox.text("local/api.env").contains("LOG_FORMAT=json"));
    assert!(!sandbox.text("local/api.env").contains("QUEUE"));
}

#[test]
fn command_for_a_file_names_all_its_services() {
    let own = |alias: &str| format!("[services.{alias}]\nenv-file = [\"local/common.env\"]\n");
    let config = format!("{}{}[services.cron]\nname = \"Postgres\"\n", own("api"), own("worker"));
    let sandbox = shop().file("doctor.toml", &config).file("local/keep", "");
    let text = refused(&sandbox, PULL, "pull creates one file at a time");
    assert!(text.contains("doctor pull --service=api --service=worker --output=local/common.env"), "{text}");
    let config = own("api");
    let sandbox = shop().file("doctor.toml", &config).file("local/keep", "");
    let text = refused(&sandbox, &["pull", "-s", "api", "-s", "worker"], "pull creates one file at a time");
    assert!(text.contains("doctor pull --service=worker --output=.env"), "{text}");
}

#[test]
fn path_of_doctor_toml_must_stay_inside_the_repository() {
    let sandbox = shop().file("doctor.toml", "env-file = [\"../stolen.env\"]\n");
    refused(&sandbox, PULL, "path not allowed");
    assert!(!sandbox.work().join("../stolen.env").exists());
}

#[test]
fn unreadable_service_prevents_the_file() {
    let sandbox = shop();
    let id = sandbox.id("worker");
    sandbox.sim.fault(Fault::service(&id, "Problem processing request").permanent());
    let ended = sandbox.run(PULL);
    assert!(ended.code > 2, "{ended:?}");
    assert!(!sandbox.work().join(".env").exists());
}

#[test]
fn nothing_is_created_if_no_key_has_a_value() {
    let sandbox = shop().file(".env.example", "SIGNING_KEY=\nPORT=3000\n");
    let ended = sandbox.run(PULL);
    assert_eq!(ended.code, 1, "{ended:?}");
    ended.assert_shows("No key gets a value from Railway, so .env was not created.");
    ended.assert_shows("cp .env.example .env");
    let sandbox = shop().file(".env.example", "UNRELATED=\n");
    let ended = sandbox.run(PULL);
    assert_eq!(ended.code, 3, "{ended:?}");
    ended.assert_shows("No service is in scope");
    assert!(!sandbox.work().join(".env").exists());
}

#[test]
fn interrupted_write_leaves_no_file() {
    let sandbox = shop();
    let interrupt = Arc::new(Interrupt::default());
    interrupt.begin_writing();
    interrupt.press();
    let ended = sandbox.run_with(PULL, Vec::new(), &interrupt);
    assert_eq!(ended.code, 130, "{ended:?}");
    assert!(ended.err.contains("nothing was changed"), "{ended:?}");
    let names: Vec<_> = fs::read_dir(sandbox.work()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(".env")), "{names:?}");
}

#[test]
fn part_of_a_service_name_needs_a_prompt() {
    let sandbox = shop();
    let ended = sandbox.run(&["pull", "--yes", "--service", "work"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("--yes requires full service names");
}

#[test]
fn demo_creates_the_file_of_its_own_project() {
    let sandbox = shop();
    let ended = sandbox.run(&["demo", "pull", "--yes"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    ended.assert_shows("STAGING_OPS_API_KEY");
    ended.assert_shows("JWT_SIGNING_KEY sealed on agentverse-api-staging and agentverse-worker-staging");
    ended.assert_shows("DATABASE_URL");
    ended.assert_shows("To create one for your own project, run: doctor pull");
    assert!(!sandbox.work().join(".env").exists());
    let typed = sandbox.run(&["demo", "pull", "--output", "x"]);
    assert_eq!(typed.code, 2, "{typed:?}");
    typed.assert_shows("--output is not available in the demo");
}
