//! `doctor init`: what it suggests and asks, and the `doctor.toml` that it writes.

use crate::commands::tests::fix::{API, KEY, WORKER, incident, service};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::Secret;
use crate::io::sim::Sim;
use crate::io::sim::estate::{Environment, Estate, Project, SimVariable, TokenScope};
use crate::io::sim::seed::incident::{ENV_FILE, PROJECT};
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer::{self, Back, Choice, Choices, Enter, Interrupt, Line};

const YES: PreparedAnswer = PreparedAnswer::Reply(YesNo::Yes);
const NO: PreparedAnswer = PreparedAnswer::Reply(YesNo::No);

/// Returns a sandbox with three services, and a file with equal values, expected differences and an unexpected one.
pub(super) fn shop() -> Sandbox {
    let team = ("TEAM_TOKEN", "team-token-4711");
    let stored =
        [("API_KEY", "old-api-key"), ("DATABASE_URL", "postgres://u:p@db.internal/x"), ("MODE", "live-mode"), team];
    let only_worker = [("API_KEY", "old-api-key"), ("QUEUE", "jobs-queue"), team];
    Sandbox::of([service("shop-api", &stored), service("shop-worker", &only_worker), service("docs", &[("A", "1")])])
        .file(
            ".env",
            "API_KEY=new-api-key\nDATABASE_URL=postgres://u:p@localhost/x\nMODE=test-mode\nQUEUE=jobs-queue\nTEAM_TOKEN=team-token-4711\n",
        )
}

pub(super) fn refused(ended: &Ended, what: &str) {
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains(what), "{what}: {ended:?}");
    assert!(ended.err.trim_start().starts_with("error: ") && ended.err.trim().lines().count() <= 4, "{ended:?}");
}

pub(super) fn is_written(sandbox: &Sandbox) -> bool {
    sandbox.work().join("doctor.toml").symlink_metadata().is_ok() || sandbox.work().join(".gitignore").exists()
}

fn repository(sandbox: &Sandbox) {
    let done = std::process::Command::new("git").args(["init", "-q"]).current_dir(sandbox.work()).status().unwrap();
    assert!(done.success());
}

/// Creates a repository, with git on the search path.
pub(super) fn with_git(sandbox: Sandbox) -> Sandbox {
    let path = std::env::var("PATH").unwrap();
    repository(&sandbox);
    sandbox.variable("PATH", Some(&path))
}

#[test]
fn yes_writes_suggested_file_for_incident() {
    let sandbox = incident();
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let text = sandbox.text("doctor.toml");
    let expected = format!(
        "# What doctor compares, and how strictly.\n\
         # Contains names but no values, so commit it.\n\n\
         # Project agentverse, environment staging:\n\
         project     = \"{PROJECT}\"\n"
    );
    assert!(text.starts_with(&expected), "{text}");
    let parts = [
        format!("[services.api]\nname = \"{API}\"\n\n[services.worker]\nname = \"{WORKER}\"\n"),
        "# List keys that must be set, with equal values:\n# [[require]]\n".to_owned(),
        format!(
            "# These keys have different values on Railway. To ignore\n# those that are expected to differ:\n# [[ignore]]\n\
             # keys   = [\"{KEY}\"]\n# rules  = [\"value-differs\"]\n"
        ),
    ];
    for part in parts {
        assert!(text.contains(&part), "{part}\nin\n{text}");
    }
    assert!(
        !text.contains("environments.")
            && !text.contains("env-file")
            && !text.contains("DATABASE_URL")
            && text.lines().all(|line| line.chars().count() <= 60),
        "{text}"
    );
    assert!(ended.out.contains(&format!("\nNew doctor.toml:\n\n{text}")), "the whole file is shown: {ended:?}");
    let last = "Wrote doctor.toml and accepted it for project agentverse.\nCommit it, then run:\n    doctor check\n";
    assert!(ended.out.ends_with(last), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    assert_eq!(sandbox.sent.borrow().len(), 2, "as many requests as a check");
    assert_eq!(sandbox.text(".env"), ENV_FILE);
    for value in ENV_FILE.lines().filter_map(|line| line.split_once('=')).map(|(_, value)| value) {
        assert!(value.len() < 8 || !text.contains(value), "{value}");
    }
}

#[test]
fn check_and_fix_accept_written_file() {
    let sandbox = incident();
    let before = sandbox.run(&["check", "--format", "json"]);
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    let sandbox = sandbox.variable("RAILWAY_PROJECT_ID", None).variable("RAILWAY_ENVIRONMENT_ID", None);
    let after = sandbox.run(&["check", "--config", "doctor.toml", "--format", "json"]);
    assert_eq!((before.code, after.code), (1, 1), "{after:?}");
    let findings = |ended: &Ended| -> Vec<String> {
        let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| format!("{} {} {}", one["rule"], one["key"], one["services"]))
            .collect()
    };
    let (before, after) = (findings(&before), findings(&after));
    assert!(after.iter().all(|finding| before.contains(finding)), "{before:#?}\n{after:#?}");
    // Only the checkout names the project now, and it is accepted.
    let pushed = sandbox.run(&["fix", "--push", "--yes", "--only", KEY]);
    assert_eq!((pushed.code, sandbox.mutations().len()), (0, 4), "{pushed:?}");
    assert_eq!(sandbox.run(&["check"]).code, 0, "no findings remain");
}

#[test]
fn changed_decisions_are_not_accepted() {
    let sandbox = incident();
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    let text = sandbox.text("doctor.toml");
    let sandbox = sandbox
        .variable("RAILWAY_PROJECT_ID", None)
        .variable("RAILWAY_ENVIRONMENT_ID", None)
        .file("doctor.toml", &format!("loader = \"node\"\n{text}"));
    let refused = sandbox.run(&["fix", "--push", "--yes", "--only", KEY]);
    assert_eq!((refused.code, sandbox.mutations().len()), (2, 0), "{refused:?}");
    assert!(refused.err.contains("changed settings: + loader = \"node\""), "{refused:?}");
}

#[test]
fn prompts_for_services_keys_and_reasons() {
    let sandbox = shop().at_a_terminal();
    let answers = vec![Enter, Choices(vec![0]), Choices(vec![0, 1]), Line("the old one works"), YES];
    let ended = sandbox.answered(&["init"], answers);
    assert_eq!(ended.code, 0, "{ended:?}");
    let asked = [
        "Which services should be compared?\n  [x] shop-api     shares 4 keys\n  [x] shop-worker  shares 3 keys\n  [ ] docs         shares no key",
        "Which keys must have the same value in .env and on every service?\n  [x] TEAM_TOKEN  api and worker\n  [ ] QUEUE       worker",
        "Which differences are expected?\n  [x] MODE     a development value in the file\n  \
         [ ] API_KEY  a different value on Railway",
        "Why does API_KEY differ? [intentionally different]",
        "Write doctor.toml?",
    ];
    assert_eq!(ended.asked, asked);
    let text = sandbox.text("doctor.toml");
    for part in [
        "[services.api]\nname = \"shop-api\"\n",
        "[[require]]\nkeys     = [\"TEAM_TOKEN\"]\nservices = [\"api\", \"worker\"]\n",
        "[[ignore]]\nkeys     = [\"MODE\"]\nrules    = [\"value-differs\"]\nreason   = \"a value for development\"",
        "[[ignore]]\nkeys     = [\"API_KEY\"]\nrules    = [\"value-differs\"]\nreason   = \"the old one works\"\n",
    ] {
        assert!(text.contains(part), "{part}\nin\n{text}");
    }
    assert!(!text.contains("DATABASE_URL"), "a note needs no entry: {text}");
    assert!(ended.out.contains("\nWith it, `doctor check` reports no error.\n"), "{ended:?}");
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn outlook_names_errors_that_are_left() {
    let ended = shop().run(&["init", "--yes"]);
    assert!(ended.out.contains("\nWith it, `doctor check` reports 1 error: API_KEY.\n"), "{ended:?}");
    // Two errors about one key.
    let services = [service("api", &[("A_TOKEN", "stored-token-4711")]), service("web", &[("A_TOKEN", "changeme")])];
    let sandbox = Sandbox::of(services).file(".env", "A_TOKEN=local-token-4712\n");
    let ended = sandbox.run(&["init", "--yes"]);
    assert!(ended.out.contains("\nWith it, `doctor check` reports 2 errors: A_TOKEN.\n"), "{ended:?}");
    sandbox.run(&["check"]).assert_shows("2 errors");
}

#[test]
fn deselecting_services_needs_no_requests_but_adding_does() {
    let fewer = shop().at_a_terminal();
    let ended = fewer.answered(&["init"], vec![Choices(vec![1]), Enter, Enter, YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(fewer.sent.borrow().len(), 2);
    let text = fewer.text("doctor.toml");
    assert!(text.contains("[services.worker]\nname = \"shop-worker\"") && !text.contains("shop-api"), "{text}");
    assert!(
        text.contains("# [[require]]\n") && !text.contains("\n[[require]]"),
        "a single service needs no requirement: {text}"
    );

    let other = shop().at_a_terminal();
    let ended = other.answered(&["init"], vec![Choices(vec![0, 2]), Enter, Enter, YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(other.sent.borrow().len(), 4);
    let text = other.text("doctor.toml");
    assert!(text.contains("[services.docs]\nname = \"docs\"") && text.contains("[services.api]\n"), "{text}");
    assert_eq!(other.mutations(), [""; 0]);

    let none = shop().at_a_terminal();
    let ended = none.answered(&["init"], vec![Choices(vec![]), YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(none.text("doctor.toml").contains("# No service is selected"), "{ended:?}");
    assert_eq!(none.run(&["check"]).code, 1);
}

#[test]
fn escape_goes_back_and_cancels_at_first_question() {
    let sandbox = shop().at_a_terminal();
    let answers =
        vec![Enter, Enter, Back, Choices(vec![0, 1]), Choices(vec![1]), Back, Choices(vec![1]), Line("mine"), YES];
    let ended = sandbox.answered(&["init"], answers);
    assert_eq!(ended.code, 0, "{ended:?}");
    let text = sandbox.text("doctor.toml");
    assert!(text.contains("[[require]]\nkeys     = [\"QUEUE\"]\nservices = [\"worker\"]"), "{text}");
    assert!(text.contains("keys     = [\"API_KEY\"]") && text.contains("reason   = \"mine\""), "{text}");
    for answers in
        [vec![Back], vec![Enter, Back, Back], vec![Enter, Enter, Back, Back, Back], vec![Enter, Enter, Enter, NO]]
    {
        let sandbox = shop().at_a_terminal();
        refused(&sandbox.answered(&["init"], answers), "cancelled; nothing was changed");
        assert!(!is_written(&sandbox) && !sandbox.state().exists());
    }
}

#[test]
fn changed_service_selection_repeats_key_questions() {
    let sandbox = shop().at_a_terminal();
    // No required keys; back; one service, for which none are suggested; back; both services again.
    let answers =
        vec![Enter, Choices(vec![]), Back, Back, Choices(vec![1]), Back, Choices(vec![0, 1]), Enter, Enter, YES];
    let ended = sandbox.answered(&["init"], answers);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(sandbox.text("doctor.toml").contains("[[require]]\nkeys     = [\"TEAM_TOKEN\"]"), "{ended:?}");
}

#[test]
fn project_token_is_sufficient() {
    let sandbox = shop();
    let token = sandbox.sim.change(|estate| {
        let project = estate.tokens.iter().find(|token| matches!(token.reach, TokenScope::Project { .. })).unwrap();
        project.text.expose().to_owned()
    });
    let sandbox = sandbox
        .variable("RAILWAY_API_TOKEN", None)
        .variable("RAILWAY_PROJECT_ID", None)
        .variable("RAILWAY_ENVIRONMENT_ID", None)
        .variable("RAILWAY_TOKEN", Some(&token));
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(sandbox.text("doctor.toml").contains("# Project shop, environment staging:\n"), "{ended:?}");
    assert_eq!(sandbox.run(&["check"]).code, 1);
    refused(&shop().run(&["init", "--yes", "--environment", "nowhere"]), "unknown environment `nowhere`");
}

#[test]
fn ctrl_c_at_any_question_writes_nothing() {
    let before = [Enter, Enter, Enter];
    for length in 0..=before.len() {
        let sandbox = with_git(shop()).at_a_terminal();
        let answers = before[..length].iter().cloned().chain([Interrupt]).collect();
        let ended = sandbox.answered(&["init"], answers);
        assert_eq!(ended.code, 130, "{length}: {ended:?}");
        assert!(ended.err.ends_with("doctor: interrupted; nothing was changed\n"), "{ended:?}");
        assert!(!is_written(&sandbox) && !sandbox.state().exists(), "{length}");
    }
}

#[test]
fn writes_to_repository_root_with_relative_paths() {
    let sandbox = shop();
    repository(&sandbox);
    let sandbox = sandbox.file("apps/my api/.env", "API_KEY=new-api-key\nMODE=x\n").within("apps/my api");
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("Wrote ../../doctor.toml and accepted it"), "{ended:?}");
    assert!(
        sandbox.text("doctor.toml").contains("[environments.staging]\nenv-file  = [\"apps/my api/.env\"]\n"),
        "{ended:?}"
    );
    assert_eq!(sandbox.run(&["check"]).code, 1);
    let again = sandbox.run(&["init", "--yes"]);
    assert_eq!((again.code, again.out.as_str()), (0, "../../doctor.toml is up to date; there is nothing to add.\n"));
}

#[test]
fn prompts_to_choose_among_env_files() {
    let several = || shop().file(".env.local", "QUEUE=jobs-queue\n").file(".env.example", "A=\n").at_a_terminal();
    let sandbox = several();
    let ended = sandbox.answered(&["init"], vec![Enter, Enter, Enter, Enter, YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.asked[0], "Which env file should be compared with staging?\n  .env\n  .env.local");
    assert!(!sandbox.text("doctor.toml").contains("env-file"), "the default files include it");
    assert_eq!(sandbox.sent.borrow().len(), 2);
    let other = several();
    let ended = other.answered(&["init"], vec![Choice(1), Enter, Enter, YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let text = other.text("doctor.toml");
    assert!(
        text.contains("[environments.staging]\nenv-file  = [\".env.local\"]\n")
            && text.contains("name = \"shop-worker\""),
        "{text}"
    );

    let alone = shop();
    std::fs::rename(alone.work().join(".env"), alone.work().join(".env.local")).unwrap();
    refused(&alone.run(&["init", "--yes"]), "error: no .env in ");
    let asked = alone.at_a_terminal().answered(&["init"], vec![Choice(0), Enter, Enter, Enter, YES]);
    assert_eq!(asked.code, 0, "{asked:?}");
    assert_eq!(asked.asked[0], "Which env file should be compared with staging?\n  .env.local");
    let nothing = Sandbox::of([]).run(&["init", "--yes"]);
    assert!(nothing.code == 2 && nothing.err.contains("error: no .env in "), "{nothing:?}");
}

#[test]
fn gitignore_changes_only_when_confirmed() {
    let sandbox = with_git(shop()).at_a_terminal();
    let ended = sandbox.answered(&["init"], vec![Enter, Enter, Enter, Enter]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let question = "Write doctor.toml?\n  Yes, and add /.env to .gitignore\n  Yes, without changing .gitignore\n  No";
    assert_eq!(ended.asked[3..], [question]);
    assert!(ended.out.contains("\nCommit both files, then run:\n"), "{ended:?}");
    assert!(ended.out.contains("note: git does not ignore .env; the next `git add .` would stage it.\n"), "{ended:?}");
    assert!(ended.out.contains("Added /.env to .gitignore.\n"), "{ended:?}");
    assert_eq!(sandbox.text(".gitignore"), "/.env\n");
    assert!(!sandbox.run(&["check"]).out.contains("does not ignore"));

    let no = with_git(shop()).at_a_terminal();
    assert_eq!(no.answered(&["init"], vec![Enter, Enter, Enter, Choice(1)]).code, 0);
    assert!(!no.work().join(".gitignore").exists());
    for answer in [Choice(2), Back] {
        let cancelled = with_git(shop()).at_a_terminal();
        let ended = cancelled.answered(&["init"], vec![Enter, Enter, Enter, answer]);
        refused(&ended, "cancelled; nothing was changed");
        assert!(!is_written(&cancelled));
    }
    let unasked = with_git(shop());
    let ended = unasked.run(&["init", "--yes"]);
    assert!(ended.out.contains("git does not ignore .env") && ended.code == 0, "{ended:?}");
    assert!(!unasked.work().join(".gitignore").exists());
    let ignored = with_git(shop()).file(".gitignore", ".env*\n").at_a_terminal();
    let ended = ignored.answered(&["init"], vec![Enter, Enter, Enter, YES]);
    assert!(ended.code == 0 && !ended.out.contains("git does not"), "{ended:?}");
}

#[test]
fn production_is_protected() {
    let production = Environment::named("production");
    let sandbox = Sandbox::in_environment(production, [service("api", &[("A", "1")])]).file(".env", "A=1\n");
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    assert!(sandbox.text("doctor.toml").contains("\n[environments.production]\nprotected = true\n"));
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn hostile_names_round_trip() {
    let names = ["a\"]\nname = \"x", "a\\\u{202e}b", "'''", "[services.x]", "日本", "API", "api", "#"];
    let services = names.map(|name| service(name, &[("SECRET_KEY", "same-secret"), ("ODD\"]KEY", "1")]));
    let sandbox =
        Sandbox::in_environment(Environment::named("st\"a]\nging"), services).file(".env", "SECRET_KEY=same-secret\n");
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let text = sandbox.text("doctor.toml");
    assert!(!text.contains('\u{202e}') && text.chars().all(|one| one == '\n' || !one.is_control()), "{text}");
    assert!(!ended.out.contains('\u{202e}'), "{ended:?}");
    let check = sandbox.run(&["check", "--config", "doctor.toml"]);
    assert_eq!(check.code, 0, "{check:?}");
    assert!(check.out.contains("8 services"), "{check:?}");
}

/// Returns a sandbox with `.env.staging` and `.env.production`, and two environments. A local secret differs on both
/// services.
fn two_environments() -> Sandbox {
    let stored = |name, token: &str| {
        service(name, &[("SECRET_KEY", "django-deployed-4b1d"), ("TEAM_TOKEN", token), ("REGION", "eu")])
    };
    let environment =
        |name, token: &str| Environment::named(name).service(stored("web", token)).service(stored("worker", token));
    let project = Project::named("shop")
        .environment(environment("staging", "team-token-4711"))
        .environment(environment("production", "team-token-4712"));
    Sandbox::new(Sim::new(Estate::of("shop").project(project).with_tokens()))
        .file(".env.staging", "SECRET_KEY=django-insecure-laptop\nTEAM_TOKEN=team-token-4711\nREGION=eu\n")
        .file(".env.production", "SECRET_KEY=django-deployed-4b1d\nTEAM_TOKEN=team-token-4712\nREGION=eu\n")
}

#[test]
fn only_matching_keys_are_required() {
    let asked = two_environments().at_a_terminal();
    let ended = asked.answered(&["init"], vec![Enter, Enter, Enter, Enter, YES]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let suggested = two_environments();
    assert_eq!(suggested.run(&["init", "--yes"]).code, 0);
    let text = suggested.text("doctor.toml");
    assert_eq!(asked.text("doctor.toml"), text, "Enter accepts every suggestion");
    assert!(text.contains("[[require]]\nkeys     = [\"TEAM_TOKEN\"]\nservices = [\"web\", \"worker\"]\n"), "{text}");
    assert!(text.contains("# keys   = [\"SECRET_KEY\"]\n") && !text.contains("\nkeys     = [\"SECRET_KEY"), "{text}");
    assert!(!text.contains("env-file"), "{text}");
    let pushed = suggested.run(&["fix", "--push", "--yes"]);
    assert_eq!((pushed.code, suggested.mutations()), (2, Vec::new()), "{pushed:?}");
}

#[test]
fn env_file_of_one_environment_is_not_used_for_another() {
    let sandbox = two_environments();
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    let other = sandbox.run(&["check", "--environment", "production"]);
    assert!(other.code == 0 && other.out.contains(".env.production (default)"), "{other:?}");
    let named = two_environments().file("deploy/staging.env", "SECRET_KEY=other\nTEAM_TOKEN=team-token-4711\n");
    assert_eq!(named.run(&["init", "--yes", "--env-file", "deploy/staging.env"]).code, 0);
    let text = named.text("doctor.toml");
    assert!(text.contains("[environments.staging]\nenv-file  = [\"deploy/staging.env\"]\n"), "{text}");
    let check = |words: &[&str]| named.run(&[&["check"], words].concat());
    assert!(check(&[]).out.contains("deploy/staging.env (doctor.toml)"));
    let other = check(&["--environment", "production"]);
    assert!(other.code == 0 && other.out.contains(".env.production (default)"), "{other:?}");
}

#[test]
fn unknown_values_are_not_required() {
    let sandbox = two_environments();
    sandbox.sim.change(|estate| {
        let staging = &mut estate.projects[0].environments[0];
        staging.services[1]
            .variables
            .insert("TEAM_TOKEN".to_owned(), SimVariable::Sealed(Secret::new("team-token-4711")));
    });
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    assert!(!sandbox.text("doctor.toml").contains("\n[[require]]"));
}
