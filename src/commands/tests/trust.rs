//! A `doctor.toml` may decide where values are sent once the user has accepted it, and until those decisions change.

use crate::commands::tests::fix::{API, KEY, WORKER, incident, service};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::seed::incident::PROJECT;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", KEY, "--service", WORKER];
const YES: PreparedAnswer = PreparedAnswer::Reply(YesNo::Yes);
const NO: PreparedAnswer = PreparedAnswer::Reply(YesNo::No);

/// Returns a checkout whose `doctor.toml` alone selects the project.
fn checkout(config: &str) -> Sandbox {
    incident().file("doctor.toml", config).variable("RAILWAY_PROJECT_ID", None).variable("RAILWAY_ENVIRONMENT_ID", None)
}

fn config() -> String {
    format!("project = \"{PROJECT}\"\nenvironment = \"staging\"\n")
}

fn accepted(sandbox: Sandbox) -> Sandbox {
    let ended = sandbox.run(&["trust", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    sandbox
}

fn assert_refused(sandbox: &Sandbox, ended: &Ended, message: &str) {
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains(message) && ended.err.contains("doctor trust"), "{message}: {ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn accepted_file_may_push_until_its_decisions_change() {
    let sandbox = checkout(&config());
    let message = "only doctor.toml names the project agentverse and the environment staging";
    assert_refused(&sandbox, &sandbox.run(PUSH), message);

    let unattended = sandbox.run(&["trust"]);
    assert_eq!(unattended.code, 2, "{unattended:?}");
    assert!(unattended.err.contains("\n    doctor trust --yes\n"), "{unattended:?}");
    assert!(unattended.out.contains("project      agentverse\n  environment  staging\n"), "{unattended:?}");
    assert!(!unattended.out.contains(PROJECT), "names instead of ids: {unattended:?}");
    assert!(!sandbox.state().exists(), "nothing is stored");

    let sandbox = accepted(sandbox);
    let again = sandbox.run(&["trust"]);
    assert_eq!(again.out, "doctor.toml is already accepted for project agentverse.\n");

    let sandbox = sandbox.file("doctor.toml", &(config() + "[services.api]\nname = \"agentverse-api-staging\"\n"));
    let changed = sandbox.run(PUSH);
    assert_refused(&sandbox, &changed, "and it differs from the doctor.toml that you accepted");
    assert!(
        changed.err.contains("changed settings: + services.\"api\".name = \"agentverse-api-staging\""),
        "{changed:?}"
    );
    let everywhere = sandbox.file("doctor.toml", &(config() + "[[require]]\nkeys = [\"OPS_DRILLS\"]\n"));
    assert!(everywhere.run(&["trust"]).out.contains("  + require OPS_DRILLS on every service\n"));
    let sandbox = everywhere.file("doctor.toml", &(config() + "[services.api]\nname = \"agentverse-api-staging\"\n"));
    let shown = sandbox.run(&["trust"]).out;
    assert!(
        shown.starts_with(
            "doctor.toml differs from the doctor.toml that you accepted for project agentverse:\n  + services."
        ),
        "{shown}"
    );

    let sandbox = sandbox.file("doctor.toml", &config());
    let pushed = sandbox.run(PUSH);
    assert_eq!((pushed.code, sandbox.mutations().len()), (0, 2), "the accepted decisions are back: {pushed:?}");
}

/// Every key that `doctor.toml` may have.
const WHOLE: &str = "environment = \"staging\"\nenv-file = [\".env\"]\nloader = \"python\"\nfail-on = \"error\"\n\
    [environments.live]\nenv-file = [\".env.live\"]\nprotected = true\n\
    [services.api]\nname = \"agentverse-api-staging\"\ncommit = \"HEAD\"\n\
    [services.worker]\nname = \"agentverse-worker-staging\"\nenv-file = [\".env\"]\n\
    [[require]]\nkeys = [\"STAGING_OPS_API_KEY\", \"LOG_LEVEL\"]\nservices = [\"api\", \"worker\"]\n\
    [[ignore]]\nkeys = [\"X_*\"]\nreason = \"none\"\n\
    [severity]\nmissing-locally = \"off\"\n\
    [[expect.log]]\nservice = \"worker\"\ncontains = \"ready\"\n\
    [[expect.http]]\nservice = \"api\"\nrequest = \"GET /ops?x=1\"\nheaders = { X-Key = \"v1 $STAGING_OPS_API_KEY\" }\n\
    status = 200\n[hook]\non-drift = \"warn\"\n";

#[test]
fn only_changes_that_move_values_revoke_trust() {
    let whole = format!("project = \"{PROJECT}\"\n{WHOLE}");
    let sandbox = accepted(checkout(&whole).file(".env.live", "A=1\n"));
    let is_accepted = |text: &str| {
        std::fs::write(sandbox.work().join("doctor.toml"), text).unwrap();
        let ended = sandbox.run(&["trust"]);
        assert!(
            ended.code == 0 || ended.code == 2 && ended.out.contains("that you accepted for project"),
            "{text}: {ended:?}"
        );
        ended.code == 0
    };
    for (from, to) in [
        ("", "# a comment\n"),
        ("\n[[ignore]]", "\n[[ignore]]\nkeys = [\"Y\"]\nreason = \"new\"\n[[ignore]]"),
        ("\"off\"", "\"note\""),
        ("fail-on = \"error\"\n", "fail-on = \"never\"\n"),
        ("commit = \"HEAD\"", "start-command-contains = [\"-B\"]"),
        ("contains = \"ready\"", "contains = \"steady\""),
        ("status = 200", "status = 204"),
        ("\"warn\"", "\"fail\""),
        ("[\"STAGING_OPS_API_KEY\", \"LOG_LEVEL\"]", "[ 'LOG_LEVEL', 'STAGING_OPS_API_KEY' ]"),
        ("services = [\"api\", \"worker\"]", "services = [\"worker\", \"api\"]"),
    ] {
        assert!(is_accepted(&whole.replacen(from, to, 1)), "{from} → {to}");
    }
    for (from, to) in [
        ("env-file = [\".env\"]\nloader", "env-file = [\".env\", \".env.live\"]\nloader"),
        ("env-file = [\".env\"]\nloader", "loader"),
        ("\"python\"", "\"node\""),
        ("protected = true\n", ""),
        ("[\".env.live\"]", "[\".env\"]"),
        ("[environments.live]", "[environments.staging]"),
        ("name = \"agentverse-api-staging\"", "name = \"Redis\""),
        ("[services.api]", "[services.api2]\nname = \"Redis\"\n[services.api]"),
        ("staging\"\nenv-file = [\".env\"]\n[[require", "staging\"\n[[require"),
        ("\"LOG_LEVEL\"]", "\"LOG_LEVEL\", \"APP_ENV\"]"),
        ("services = [\"api\", \"worker\"]", "services = [\"api\"]"),
        ("\n[[require]]", "\n[[require]]\nkeys = [\"OPS_DRILLS\"]\n[[require]]"),
        ("service = \"api\"", "service = \"worker\""),
        ("GET /ops", "GET /echo"),
        ("?x=1", "?x=2"),
        ("\"v1 $", "\"v2 $"),
        ("$STAGING_OPS_API_KEY", "$LOG_LEVEL"),
        ("X-Key", "X-Other"),
        ("\n[hook]", "\n[[expect.http]]\nservice = \"api\"\nrequest = \"GET /\"\nstatus = 200\n[hook]"),
    ] {
        assert_ne!(whole.replacen(from, to, 1), whole, "{from}");
        assert!(!is_accepted(&whole.replacen(from, to, 1)), "{from} → {to}");
    }
    assert!(is_accepted(&whole));
    for file in std::fs::read_dir(sandbox.state()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("x=1") && !text.contains("v1"), "names only: {text}");
    }
}

#[test]
fn trust_prompt_lists_decisions_before_acceptance() {
    let extra = format!(
        "[environments.live]\nprotected = true\n[services.api]\nname = \"{API}\"\nenv-file = [\"api.env\"]\n\
         [[require]]\nkeys = [\"{KEY}\"]\n[[expect.http]]\n\
         service = \"api\"\nrequest = \"GET /ops?x=1\"\nheaders = {{ X-API-Key = \"${KEY}\" }}\nstatus = 200\n"
    );
    let sandbox = checkout(&(config() + &extra)).at_a_terminal();
    let no = sandbox.answered(&["trust"], vec![NO]);
    assert_eq!(no.code, 2, "{no:?}");
    let rows = format!(
        "environment  staging\n  protected    live\n  services     {API} (as api)\n  files        api.env\n  \
         requires     {KEY}\n"
    );
    assert!(no.out.contains(&rows), "{no:?}");
    let sends = format!("Each check sends {KEY} to a domain of agentverse-api-staging: GET /ops?x=1\n");
    assert!(no.out.contains(&sends), "{no:?}");
    for answer in [PreparedAnswer::Back, PreparedAnswer::Interrupt] {
        assert_ne!(sandbox.answered(&["trust"], vec![answer]).code, 0);
    }
    assert!(!sandbox.state().exists());
    assert_eq!(sandbox.answered(&["trust"], vec![YES]).code, 0);
    assert!(sandbox.run(&["trust"]).out.contains("already"));
}

#[test]
fn trust_shows_names_instead_of_ids() {
    let bare = incident();
    let [environment, api] = bare.sim.change(|estate| {
        let environment = &mut estate.projects[0].environments[0];
        [environment.id.clone(), environment.service_named(API).unwrap().id.clone()]
    });
    let text = format!(
        "project = \"{PROJECT}\"\nenvironment = \"{environment}\"\n[environments.{environment}]\nprotected = true\n\
         [services.api]\nname = \"{api}\"\n"
    );
    let sandbox = checkout(&text);
    let shown = sandbox.run(&["trust"]).out;
    for id in [PROJECT, &environment, &api] {
        assert!(!shown.contains(id), "{id}: {shown}");
    }
    assert!(shown.contains(&format!("environment  staging\n  protected    staging\n  services     {API} (as api)\n")));
    let sandbox = accepted(sandbox).file("doctor.toml", &text.replace(&api, "agentverse-worker-staging"));
    let changed = sandbox.run(&["trust"]).out;
    assert!(changed.contains(&format!("  - services.\"api\".name = \"{API}\"\n")), "{changed}");
}

#[test]
fn trust_is_bound_to_project_id() {
    let by_name = config().replace(PROJECT, "agentverse");
    let sandbox = accepted(checkout(&by_name));
    assert_eq!(sandbox.run(PUSH).code, 0);
    // Another project has that name now.
    sandbox.sim.change(|estate| estate.projects[0].id = "another-project".to_owned());
    let refused = sandbox.run(&["fix", "--push", "--yes", "--only", KEY]);
    assert_eq!((refused.code, sandbox.mutations().len()), (2, 2), "{refused:?}");
    assert!(refused.err.contains("you accepted it for project agentverse"), "{refused:?}");
}

#[test]
fn file_that_cannot_be_accepted_is_reported() {
    let bare = incident();
    let none = bare.run(&["trust", "--yes"]);
    assert_eq!(none.code, 2, "{none:?}");
    assert!(none.err.contains("failed to read doctor.toml") && none.err.contains("\n    doctor init\n"), "{none:?}");
    let homeless = checkout("environment = \"staging\"\n").run(&["trust", "--yes"]);
    assert_eq!(homeless.code, 2, "{homeless:?}");
    assert!(homeless.err.contains("no project is selected"), "{homeless:?}");
    let unknown = checkout("project = \"nobodys\"\nenvironment = \"staging\"\n").run(&["trust", "--yes"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("project `nobodys`: not found"), "{unknown:?}");
    assert!(!bare.state().exists());
    let empty = incident().file("doctor.toml", "[severity]\nmissing-locally = \"off\"\n").run(&["trust", "--yes"]);
    assert_eq!(empty.code, 0, "{empty:?}");
    assert!(empty.out.contains("there is nothing to accept"), "{empty:?}");
    let alone = checkout(&format!("project = \"{PROJECT}\"\n")).run(&["trust", "--yes"]);
    assert_eq!(alone.code, 0, "a project without an environment: {alone:?}");
    assert!(alone.out.contains("environment  not set in this file\n"), "{alone:?}");
}

#[test]
fn fix_asks_for_trust_first_and_stops_if_declined() {
    let sandbox = || {
        Sandbox::of([service("api", &[("A", "stored-one"), ("B", "stored-two")])])
            .file(".env", "A=local-one\nB=local-two\n")
            .file("doctor.toml", "project = \"shop\"\nenvironment = \"staging\"\n")
            .variable("RAILWAY_PROJECT_ID", None)
            .variable("RAILWAY_ENVIRONMENT_ID", None)
            .at_a_terminal()
    };
    for words in [&["fix"][..], &["fix", "--push"]] {
        let refused = sandbox().answered(words, vec![NO]);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert_eq!(refused.asked, ["Accept doctor.toml?"]);
        assert!(!refused.out.contains("A differs") && refused.out.contains("project      shop\n"), "{refused:?}");
        assert!(refused.err.contains("doctor.toml was not accepted"), "{refused:?}");
    }
    // A pull sends no values.
    let pulled = sandbox().answered(&["fix", "--pull"], vec![YES]);
    assert_eq!(pulled.asked, ["Apply this plan?"], "{pulled:?}");

    let taken = sandbox();
    let answers = vec![
        YES,
        PreparedAnswer::Choice(2),
        PreparedAnswer::Choice(3),
        PreparedAnswer::Line("only at home"),
        PreparedAnswer::Choice(2),
        YES,
    ];
    let ended = taken.answered(&["fix"], answers);
    assert_eq!(ended.asked[0], "Accept doctor.toml?");
    assert!(taken.text("doctor.toml").contains("[[ignore]]"), "{ended:?}");
    let pushed = taken.run(&["fix", "--push", "--yes", "--only", "B"]);
    assert_eq!(pushed.code, 0, "an [[ignore]] does not revoke trust: {pushed:?}");

    let changed = taken.file("doctor.toml", "project = \"shop\"\nenvironment = \"staging\"\nloader = \"node\"\n");
    std::fs::write(changed.work().join(".env"), "A=local-one\nB=local-new\n").unwrap();
    let no = changed.answered(&["fix"], vec![NO]);
    let message =
        "doctor.toml differs from the doctor.toml that you accepted for project shop:\n  + loader = \"node\"\n";
    assert!(no.out.contains(message), "{no:?}");
    let yes = changed.answered(&["fix"], vec![YES, PreparedAnswer::Choice(0), YES]);
    assert_eq!(yes.code, 0, "{yes:?}");
    assert!(yes.asked[1].starts_with("What would you like to do?"), "{yes:?}");
}

#[test]
fn no_trust_prompt_without_changes_or_decisions() {
    let plain = || Sandbox::of([service("api", &[("A", "stored")])]).file(".env", "A=local\n").at_a_terminal();
    let ignores = "[[ignore]]\nkeys = [\"Z\"]\nreason = \"none\"\n";
    for (text, asks) in [(ignores, false), ("[severity]\nsealed = \"off\"\n", false), ("loader = \"node\"\n", true)] {
        let answers = if asks { vec![NO] } else { vec![PreparedAnswer::Choice(3)] };
        let ended = plain().file("doctor.toml", text).answered(&["fix"], answers);
        assert_eq!(ended.asked[0] == "Accept doctor.toml?", asks, "{text}: {ended:?}");
    }
    let equal = plain().file(".env", "A=stored\n").file("doctor.toml", "loader = \"node\"\n");
    let ended = equal.answered(&["fix"], Vec::new());
    assert_eq!((ended.code, ended.asked.len()), (0, 0), "{ended:?}");
}

#[test]
fn printed_command_names_an_untrusted_target() {
    let sandbox = checkout(&config());
    let note = "only doctor.toml names the project agentverse and the environment staging, and you have not accepted \
                it; the command below names them";
    let command = format!("    doctor fix --push --yes --only={KEY} --project=agentverse --environment=staging");
    for words in [&["fix", "--push", "--dry-run"][..], &["fix", "--push", "--yes"], &["fix", "--push"]] {
        let ended = sandbox.run(words);
        assert!((ended.out.clone() + &ended.err).lines().any(|line| line == command), "{words:?}: {ended:?}");
        ended.assert_shows(note);
    }
    let json = sandbox.run(&["fix", "--push", "--dry-run", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let printed = report["plan"]["commands"][0].as_array().unwrap();
    let printed: Vec<&str> = printed.iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(printed.join(" "), command.trim_start(), "{json:?}");
    let pull = sandbox.run(&["fix", "--pull", "--dry-run"]);
    assert!(!pull.out.contains("doctor.toml names") && !pull.out.contains("--project="), "{pull:?}");
    let pushed = sandbox.run(&printed[1..]);
    assert_eq!((pushed.code, sandbox.mutations().len()), (0, 4), "{pushed:?}");
    for other in [accepted(checkout(&config())), incident().file("doctor.toml", &config())] {
        let plan = other.run(&["fix", "--push", "--dry-run"]);
        assert!(!plan.out.contains("doctor.toml names") && !plan.out.contains("--project="), "{plan:?}");
    }
}

#[test]
fn plan_with_declared_file_requires_trust_before_printed_command() {
    let sandbox = incident().file("other.env", &format!("{KEY}=other\n"));
    let sandbox = sandbox.file("doctor.toml", "env-file = [\"other.env\"]\n");
    let plan = sandbox.run(&["fix", "--push", "--dry-run"]);
    plan.assert_shows("before running the command below: run `doctor trust`, or use: `--env-file=other.env`");
}

#[test]
fn yes_requires_trust_for_files_aliases_and_requirements() {
    fn push<'w>(more: &[&'w str]) -> Vec<&'w str> {
        [&["fix", "--push", "--yes"], more].concat()
    }
    let own = format!("{KEY}=from-another-file\n");
    for (text, words, message) in [
        ("env-file = [\"other.env\"]\n", &["--only", KEY][..], "names the file other.env"),
        ("[environments.staging]\nenv-file = [\"other.env\"]\n", &["--only", KEY], "names the file other.env"),
        (
            "[services.agentverse-worker-staging]\nenv-file = [\"other.env\"]\n",
            &["--only", KEY],
            "names the file other.env",
        ),
        ("env-file = [\".env\", \"other.env\"]\n", &["--only", KEY], "names the file other.env"),
        (
            "[services.agentverse]\nname = \"agentverse-worker-staging\"\n",
            &["--only", KEY, "--service", "agentverse"],
            "resolves agentverse to the service agentverse-worker-staging",
        ),
        (
            "[[require]]\nkeys = [\"STAGING_OPS_API_KEY\"]\n",
            &[],
            "[[require]] in doctor.toml counts only after you accept the file",
        ),
    ] {
        let sandbox = incident().file("other.env", &own).file("doctor.toml", text);
        assert_refused(&sandbox, &sandbox.run(&push(words)), message);
        let pushed = accepted(sandbox).run(&push(words));
        assert_eq!(pushed.code, 0, "{text}: {pushed:?}");
    }
    for (text, words) in [
        // The file is the default anyway.
        ("env-file = [\".env\"]\n", &["--only", KEY][..]),
        ("env-file = [\"other.env\"]\n", &["--only", KEY, "--env-file", ".env"]),
        // The effective value is in the default file.
        ("env-file = [\"empty.env\", \".env\"]\n", &["--only", KEY]),
        ("[services.worker]\nname = \"agentverse-worker-staging\"\n", &["--only", KEY, "--service", WORKER]),
        // The services only restrict the push.
        ("[services.worker]\nname = \"agentverse-worker-staging\"\n", &["--only", KEY]),
        ("[[require]]\nkeys = [\"STAGING_OPS_API_KEY\"]\n", &["--only", KEY]),
    ] {
        let sandbox = incident().file("other.env", &own).file("empty.env", "Z=1\n").file("doctor.toml", text);
        let pushed = sandbox.run(&push(words));
        assert_eq!((pushed.code, sandbox.mutations().is_empty()), (0, false), "{text} {words:?}: {pushed:?}");
    }
}

#[test]
fn unaccepted_alias_cannot_shadow_service_name() {
    let services = || {
        [
            service("worker", &[("OPS_KEY", "stored-1")]),
            service("frontend", &[("OPS_KEY", "stored-2"), ("PUBLIC", "1")]),
        ]
    };
    let sandbox = Sandbox::of(services())
        .file(".env", "OPS_KEY=local-key-1\n")
        .file("doctor.toml", "[services.worker]\nname = \"frontend\"\n");
    let words = ["fix", "--push", "--yes", "--only", "OPS_KEY", "--service", "worker"];
    assert_refused(&sandbox, &sandbox.run(&words), "only doctor.toml resolves worker to the service frontend");
    let own = Sandbox::of(services())
        .file(".env", "OPS_KEY=local-key-1\n")
        .file("doctor.toml", "[services.worker]\n")
        .run(&words);
    assert_eq!(own.code, 0, "an alias that is the service's name: {own:?}");
}
