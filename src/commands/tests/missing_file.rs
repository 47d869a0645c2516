//! Errors about an env file that does not exist: each names every way to continue, and the printed commands work.
#![cfg(unix)]

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::git::tests::git;

const KEY: &str = "stored-0123456789";

fn shop() -> Sandbox {
    let sandbox = Sandbox::of([service("web", &[("A_KEY", KEY)]), service("jobs", &[("B_KEY", KEY)])]);
    let sandbox = sandbox.file(".gitignore", ".env\n.env.local\n.env.staging\n");
    git(&sandbox.work(), &["init", "-q"]);
    sandbox.variable("PATH", Some(&std::env::var("PATH").unwrap()))
}

/// Returns a repository with two services that are built from directories with templates.
fn monorepo() -> Sandbox {
    let web = service("web", &[("WEB_KEY", KEY)]).root("apps/web");
    let api = service("api", &[("API_KEY", KEY)]).root("/apps/api");
    let database = service("Postgres", &[("PGPASSWORD", KEY)]).image("postgres:16");
    let sandbox = Sandbox::of([web, api, database]).file(".gitignore", ".env\n");
    let sandbox = sandbox.file("apps/web/.env.example", "WEB_KEY=\n").file("apps/api/.env.example", "API_KEY=\n");
    git(&sandbox.work(), &["init", "-q"]);
    sandbox.variable("PATH", Some(&std::env::var("PATH").unwrap()))
}

/// Asserts that the run is refused before the first request, with these lines at the end.
#[track_caller]
fn refused(sandbox: &Sandbox, words: &[&str], lines: &[&str]) -> Ended {
    let ended = sandbox.run(words);
    let last: Vec<&str> = ended.err.lines().map(str::trim_start).skip_while(|line| !line.starts_with("help")).collect();
    assert_eq!((ended.code, last.as_slice(), sandbox.sent.borrow().len()), (2, lines, 0), "{ended:?}");
    ended
}

#[test]
fn push_and_pull_need_a_file_and_suggest_to_create_it() {
    const HELP: &str = "help: pass a file with `--env-file PATH`, or create it with the values on Railway:";
    for words in [&["fix", "--pull"][..], &["fix", "--pull", "--yes", "--only", "A_KEY"], &["fix", "--push"]] {
        let sandbox = shop();
        let ended = refused(&sandbox, words, &[HELP, "doctor pull"]);
        assert!(ended.err.starts_with("error: no .env in "), "{ended:?}");
        refused(
            &sandbox.file(".env.example", "A_KEY=\n"),
            words,
            &[
                "help: create it with the values on Railway, or copy the template and fill it in:",
                "doctor pull",
                "cp .env.example .env",
            ],
        );
    }
    let disabled = shop().file("doctor.toml", "[pull]\nallow = false\n");
    refused(&disabled, &["fix", "--pull"], &["help: pass a file with `--env-file PATH`"]);
}

#[test]
fn each_command_is_on_its_own_line_and_repeats_the_target() {
    const DECLARE: &str = "help: to check without a file, declare the needed keys in a .env.example, or with [[require]] in doctor.toml; ";
    let create = format!("{DECLARE}pass a file with `--env-file PATH`, or create it with the values on Railway:");
    refused(&shop(), &["check"], &[&create, "doctor pull"]);
    let targeted = ["check", "-s", "web", "-e", "staging", "--config", "x.toml"];
    let sandbox = shop().file("x.toml", "");
    let pull = "doctor pull --environment=staging --service=web --config=x.toml";
    refused(&sandbox, &targeted, &[&create, pull]);
    let both = format!("{DECLARE}use .env.local, or create .env with the values on Railway:");
    let sandbox = shop().file(".env.local", "A_KEY=1\n");
    refused(&sandbox, &["check"], &[&both, "doctor check --env-file=.env.local", "doctor pull"]);
    let disabled = shop().file("doctor.toml", "[pull]\nallow = false\n");
    refused(&disabled, &["check"], &[&format!("{DECLARE}pass a file with `--env-file PATH`")]);
    refused(
        &shop(),
        &["init", "--yes"],
        &["help: pass a file with `--env-file PATH`, or create it with the values on Railway:", "doctor pull"],
    );
}

#[test]
fn missing_declared_file_can_be_created_or_skipped() {
    let require = "env-file = [\".env\"]\n[[require]]\nkeys = [\"A_KEY\"]\nservices = [\"web\"]\n";
    let sandbox = shop().file("doctor.toml", require);
    refused(
        &sandbox,
        &["check", "-v"],
        &[
            "help: correct the path, or create the file with the values on Railway; or, to check without a file:",
            "doctor pull",
            "doctor check -v --no-env-file",
        ],
    );
    assert_eq!(sandbox.run(&["check", "-v", "--no-env-file"]).code, 0);
    let pulled = sandbox.run(&["fix", "--pull"]);
    assert!(pulled.code == 2 && !pulled.err.contains("--no-env-file"), "{pulled:?}");
    let template = shop().file("doctor.toml", "env-file = \".env.staging\"\n").file(".env.example", "A_KEY=\n");
    refused(
        &template,
        &["check"],
        &[
            "help: create it with the values on Railway, or copy the template and fill it in; or, to check without a \
             file:",
            "doctor pull --output=.env.staging",
            "cp .env.example .env.staging",
            "doctor check --no-env-file",
        ],
    );
    assert_eq!(template.run(&["check", "--no-env-file"]).code, 0);
    assert_eq!(template.run(&["pull", "--output=.env.staging", "--yes"]).code, 0);
    assert_eq!(template.run(&["check"]).code, 0);
}

#[test]
fn pull_prints_a_check_that_reads_only_existing_files() {
    let sandbox = shop().file("doctor.toml", "env-file = [\".env\", \".env.local\"]\n");
    let ended = sandbox.run(&["pull", "--yes"]);
    ended.assert_shows("To compare it with Railway, run: doctor check --env-file=.env");
    assert_eq!(sandbox.run(&["check", "--env-file=.env"]).code, 0);
    let check = sandbox.run(&["check"]);
    assert_eq!(check.code, 2, "{check:?}");
    check.assert_shows("correct the path, create the file, or use only .env: doctor check --env-file=.env");
}

#[test]
fn pull_at_the_root_of_a_monorepo_names_the_file_of_each_service() {
    let sandbox = monorepo();
    let ended = sandbox.run(&["pull"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    let commands =
        ["doctor pull --service=api --output=apps/api/.env", "doctor pull --service=web --output=apps/web/.env"];
    let end = "No service is in scope:\n  Postgres: a database\n  api: built from /apps/api\n  web: built from \
               apps/web\nTo create the file of a service, run:\n";
    assert!(ended.out.ends_with(&format!("{end}    {}\n    {}\n", commands[0], commands[1])), "{}", ended.out);
    for command in commands {
        let words: Vec<&str> = command.split(' ').skip(1).chain(["--yes"]).collect();
        assert_eq!(sandbox.run(&words).code, 0, "{command}");
    }
    assert_eq!(sandbox.text("apps/api/.env"), format!("API_KEY={KEY}\n"));
}

#[test]
fn pull_below_the_template_reports_it() {
    let sandbox = shop().file(".env.example", "A_KEY=\n").file("src/main.py", "").within("src");
    let help = "the template is ../.env.example; create the .env next to it with the values on Railway: \
                doctor pull --output=../.env";
    sandbox.run(&["check"]).assert_shows(help);
    let remark = "the template ../.env.example is not used; to create the file next to it, pass --output=../.env";
    sandbox.run(&["pull", "--dry-run"]).assert_shows(remark);
    let beside = sandbox.run(&["pull", "--output=../.env", "--yes"]);
    assert!(beside.code == 0 && !beside.text().contains("is not used"), "{beside:?}");
}

#[test]
fn pull_does_not_suggest_to_ignore_other_files() {
    let sandbox = shop();
    let help = "help: pass the path of a file that git ignores with `--output PATH`";
    refused(&sandbox, &["pull", "--output", "README.md"], &[help]);
    refused(&sandbox, &["pull", "--output", "web.env"], &["help: to ignore it, run:", "echo /web.env >> .gitignore"]);
}

#[test]
fn flags_of_other_commands_get_a_tip() {
    for (words, tip) in [
        (&["pull", "--env-file", "x.env"][..], "tip: to name the file to create, use '--output PATH'"),
        (&["pull", "--only", "A_KEY"], "tip: to write one key to an existing file, run 'doctor fix --pull --only KEY'"),
    ] {
        let ended = shop().run(words);
        assert_eq!(ended.code, 2, "{ended:?}");
        ended.assert_shows(tip);
    }
    assert!(!shop().run(&["matrix", "--output-file", "x"]).err.contains("tip: to name"));
}
