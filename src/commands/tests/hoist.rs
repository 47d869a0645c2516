//! `fix --hoist`: stores a value once for all services that have it, and refuses what it can't verify.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::Secret;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, SimService, SimVariable};
use crate::io::sim::fault::Fault;
use crate::io::sim::seed::incident::PROJECT;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

pub(super) const KEY: &str = "OPS_API_KEY";
pub(super) const VALUE: &str = "ops-key-4f1c9a77b03e51d2";
pub(super) const REFERENCE: &str = "${{shared.OPS_API_KEY}}";
pub(super) const HOIST: &[&str] = &["fix", "--hoist", KEY, "--yes"];
pub(super) const SENT: [&str; 3] =
    ["SetVariables shared OPS_API_KEY", "SetVariables api OPS_API_KEY", "SetVariables worker OPS_API_KEY"];
/// The number of deployments before the first run: one for each service.
const DEPLOYED: usize = 3;
const OTHER: &str = "ops-key-of-another-service";
const YES: PreparedAnswer = PreparedAnswer::Reply(YesNo::Yes);
const NO: PreparedAnswer = PreparedAnswer::Reply(YesNo::No);

pub(super) fn holder(name: &str) -> SimService {
    service(name, &[(KEY, VALUE), ("REGION", "eu")]).deployed(SimDeployment::serving("2026-11-20T10:00:00.000Z"))
}

/// Returns two services with the key, and one without it. There is no `.env`.
pub(super) fn shop() -> Sandbox {
    shop_with(Environment::named("staging"), [])
}

fn shop_with(environment: Environment, more: impl IntoIterator<Item = SimService>) -> Sandbox {
    let services = [holder("api"), holder("worker"), service("web", &[("REGION", "eu")])];
    Sandbox::in_environment(environment, services.into_iter().chain(more))
}

/// Returns the stored text of the shared variable.
pub(super) fn shared(sandbox: &Sandbox) -> Option<String> {
    sandbox.sim.change(|estate| match estate.projects[0].environments[0].shared.get(KEY)? {
        SimVariable::Open(text) | SimVariable::Sealed(text) => Some(text.expose().to_owned()),
    })
}

/// Returns the stored texts of the key: shared, and on `api` and `worker`.
pub(super) fn stored(sandbox: &Sandbox) -> [Option<String>; 3] {
    [shared(sandbox), sandbox.stored("api", KEY), sandbox.stored("worker", KEY)]
}

#[track_caller]
pub(super) fn assert_hoisted(sandbox: &Sandbox, ended: &Ended) {
    assert_eq!(stored(sandbox), [VALUE, REFERENCE, REFERENCE].map(|text| Some(text.to_owned())), "{ended:?}");
}

#[track_caller]
pub(super) fn assert_as_before(sandbox: &Sandbox, ended: &Ended) {
    assert_eq!(stored(sandbox), [None, Some(VALUE.to_owned()), Some(VALUE.to_owned())], "{ended:?}");
}

fn deployments(sandbox: &Sandbox) -> usize {
    sandbox
        .sim
        .change(|estate| estate.projects[0].environments[0].services.iter().map(|one| one.deployments.len()).sum())
}

#[test]
fn value_is_stored_once_and_nothing_is_deployed() {
    let sandbox = shop();
    let ended = sandbox.run(&[HOIST, &["--format=json"]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    let receipts = ["shared variables", "api", "worker"].map(|place| format!("hoist {place} {KEY} done"));
    assert_eq!((ended.receipts(), sandbox.mutations()), (receipts.to_vec(), SENT.map(str::to_owned).to_vec()));
    assert_hoisted(&sandbox, &ended);
    assert_eq!(deployments(&sandbox), DEPLOYED);
    let again = sandbox.run(HOIST);
    assert_eq!((again.code, sandbox.mutations().len()), (0, 3), "{again:?}");
    again.assert_shows("Nothing to do: every service that has OPS_API_KEY refers to the shared variable already.");
}

#[test]
fn plan_and_report_explain_each_step() {
    let sandbox = shop();
    let ended = sandbox.run(HOIST);
    assert_eq!(ended.code, 0, "{ended:?}");
    for text in [
        "Plan: 3 variables on Railway, no deployment shared variables + OPS_API_KEY ● ",
        " → ${{shared.OPS_API_KEY}} (renders ● ",
        "note: each service gets the same value as before, so nothing is deployed",
        "done hoist worker OPS_API_KEY: renders the same value",
        "2 services refer to the shared variable OPS_API_KEY, with the value that they had before; nothing was deployed",
        "run `doctor rotate OPS_API_KEY`",
        "To undo this run: doctor undo 2026-",
        "PASS api 1 compared PASS worker 1 compared",
        "All checks passed · 2 values compared",
    ] {
        ended.assert_shows(text);
    }
    assert!(!ended.text().contains(VALUE), "{ended:?}");
}

#[test]
fn undo_restores_everything_and_can_be_undone() {
    let sandbox = shop();
    assert_eq!(sandbox.run(HOIST).code, 0);
    let undone = sandbox.run(&["undo", "--yes", "--format=json"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_as_before(&sandbox, &undone);
    let receipts = ["api", "worker", "shared variables"].map(|place| format!("restore {place} {KEY} done"));
    assert_eq!(undone.receipts(), receipts);
    let sent = [SENT[1], SENT[2], "DeleteVariable shared OPS_API_KEY"];
    assert_eq!((&sandbox.mutations()[3..], deployments(&sandbox)), (&sent.map(str::to_owned)[..], DEPLOYED));
    assert!(!undone.text().contains("deployed now"), "{undone:?}");

    let list = sandbox.run(&["undo", "--list"]);
    let newest = list.out.lines().next().unwrap().split("  ").next().unwrap().to_owned();
    let again = sandbox.run(&["undo", &newest, "--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_hoisted(&sandbox, &again);
    assert_eq!((&sandbox.mutations()[6..], deployments(&sandbox)), (&SENT.map(str::to_owned)[..], DEPLOYED));
    again.assert_shows("done restore worker OPS_API_KEY: renders the same value");
}

#[test]
fn undo_asks_with_a_plan_that_deploys_nothing() {
    let sandbox = shop();
    assert_eq!(sandbox.run(HOIST).code, 0);
    for words in [&["undo", "--dry-run"][..], &["undo", "--dry-run", "--no-deploy"]] {
        let dry = sandbox.run(words);
        assert_eq!((dry.code, sandbox.mutations().len()), (1, 3), "{dry:?}");
        dry.assert_shows("Plan: 3 variables on Railway, no deployment");
        dry.assert_shows("each service gets the same value as before, so nothing is deployed");
        let is_about_deployments = ["until they are deployed", "was not deployed by that run"];
        assert!(!is_about_deployments.iter().any(|text| dry.text().contains(text)), "{words:?}: {dry:?}");
    }
}

#[test]
fn undo_keeps_shared_variable_that_others_refer_to() {
    for template in [REFERENCE, "Bearer ${{ shared.OPS_API_KEY }}"] {
        let sandbox = shop();
        assert_eq!(sandbox.run(HOIST).code, 0);
        sandbox.sim.change(|estate| {
            estate.projects[0].environments[0].service_named("web").unwrap().set("TOKEN", template);
        });
        let undone = sandbox.run(&["undo", "--yes", "--format=json"]);
        assert_eq!(undone.code, 6, "{undone:?}");
        assert!(undone.receipts().contains(&format!("restore shared variables {KEY} not-tried")), "{undone:?}");
        let expected = [VALUE; 3].map(|text| Some(text.to_owned()));
        assert_eq!(stored(&sandbox), expected, "the services are restored: {undone:?}");
    }
}

#[test]
fn undo_restores_no_value_that_was_rotated_since() {
    let sandbox = shop();
    assert_eq!(sandbox.run(HOIST).code, 0);
    sandbox.sim.change(|estate| {
        estate.projects[0].environments[0].shared.insert(KEY.to_owned(), SimVariable::Open(Secret::new(OTHER)));
    });
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!((undone.code, sandbox.mutations().len()), (6, 3), "{undone:?}");
    assert_eq!(undone.text().matches("changed since that run").count(), 3, "{undone:?}");
}

#[test]
fn holders_that_differ_or_are_unknown_are_refused_by_name() {
    let odd = |name: &str, value: &str| service(name, &[(KEY, value)]);
    let provider = || service("keys", &[("OPS", VALUE)]);
    for (more, cause) in [
        (vec![service("vault", &[]).sealed(KEY, VALUE)], "it is sealed on vault"),
        (vec![odd("cron", OTHER)], "its value is not the same: one on api and worker, another on cron"),
        (vec![odd("cron", "${{keys.OPS}}"), provider()], "it refers to another variable on cron"),
        (vec![odd("cron", "x-${{shared.OPS_API_KEY}}")], "it refers to another variable on cron"),
        (vec![odd("cron", "op://vault/ops/key")], "it refers to a value kept elsewhere on cron"),
        (vec![odd("cron", "")], "it is empty on cron"),
        (vec![odd("cron", "changeme")], "it is a placeholder on cron"),
        (vec![odd("db", VALUE).image("postgres:16")], "it belongs to the database db"),
        (
            vec![odd("cron", OTHER), service("vault", &[]).sealed(KEY, VALUE)],
            "it is sealed on vault; its value is not the same: one on api and worker, another on cron",
        ),
    ] {
        let sandbox = shop_with(Environment::named("staging"), more);
        let ended = sandbox.run(HOIST);
        assert_eq!((ended.code, sandbox.mutations()), (2, Vec::new()), "{cause}: {ended:?}");
        ended.assert_shows("error: OPS_API_KEY can't be stored once for all services");
        ended.assert_shows(&format!("cause: {cause}"));
        ended.assert_shows("doctor fix --hoist=OPS_API_KEY --service=api --service=worker");
        assert!(!sandbox.state().exists(), "nothing is recorded");
        let rest = sandbox.run(&[HOIST, &["--service=api", "--service=worker"]].concat());
        assert_eq!((rest.code, sandbox.mutations().len()), (0, 3), "{cause}: {rest:?}");
    }
    let unread = shop();
    unread.sim.fault(Fault::service(&unread.id("worker"), "Problem reading").permanent());
    let ended = unread.run(HOIST);
    assert_eq!((ended.code, unread.mutations()), (2, Vec::new()), "{ended:?}");
    ended.assert_shows("it could not be read on worker");
}

#[test]
fn a_value_of_one_service_is_not_shared() {
    for (services, cause) in [
        (&["--service=api"][..], "only api has it as a literal"),
        (&["--service=api", "--service=web"], "only api has it as a literal"),
        (&["--service=web"], "no service in scope has it"),
    ] {
        let sandbox = shop();
        let ended = sandbox.run(&[HOIST, services].concat());
        assert_eq!((ended.code, sandbox.mutations()), (2, Vec::new()), "{services:?}: {ended:?}");
        ended.assert_shows(cause);
    }
    let named = shop().run(&["fix", "--hoist", KEY, "--dry-run", "-s", "api", "-s", "worker", "-s", "web"]);
    named.assert_shows("web does not have OPS_API_KEY, and is not changed");
}

#[test]
fn existing_shared_variable_is_reused_only_with_the_same_value() {
    let same = shop_with(Environment::named("staging").shared(&[(KEY, VALUE)]), []);
    let ended = same.run(&[HOIST, &["--service=worker"]].concat());
    assert_eq!((ended.code, same.mutations()), (0, vec![SENT[2].to_owned()]), "one service is enough: {ended:?}");
    ended.assert_shows("the shared variable OPS_API_KEY already has this value, and is not changed");
    let rest = same.run(HOIST);
    assert_eq!((rest.code, same.mutations().len()), (0, 2), "{rest:?}");
    assert_hoisted(&same, &rest);
    assert_eq!(same.run(&["undo", "--yes"]).code, 0);
    assert_eq!((shared(&same).as_deref(), same.mutations().len()), (Some(VALUE), 3), "it was not created by the run");

    let cases: [(SimVariable, &str); 3] = [
        (SimVariable::Open(Secret::new(OTHER)), "exists with another value than on api and worker"),
        (SimVariable::Open(Secret::new("${{shared.BASE}}")), "is itself a reference"),
        (SimVariable::Sealed(Secret::new(VALUE)), "exists, and is sealed"),
    ];
    for (variable, cause) in cases {
        let sandbox = shop();
        sandbox.sim.change(|estate| {
            estate.projects[0].environments[0].shared.insert(KEY.to_owned(), variable.clone());
        });
        let ended = sandbox.run(HOIST);
        assert_eq!((ended.code, sandbox.mutations()), (2, Vec::new()), "{cause}: {ended:?}");
        ended.assert_shows(&format!("the shared variable OPS_API_KEY {cause}"));
    }
}

#[test]
fn no_local_file_is_needed_or_read() {
    let directory = shop().file(".env/.keep", "");
    let differing = shop().file(".env", "OPS_API_KEY=local-ops-key-2026\n");
    for (sandbox, words) in [(shop(), &["--no-env-file"][..]), (directory, &[]), (differing, &[])] {
        let ended = sandbox.run(&[HOIST, words].concat());
        assert_eq!(ended.code, 0, "{words:?}: {ended:?}");
        assert_hoisted(&sandbox, &ended);
    }
}

#[test]
fn printed_command_does_exactly_what_the_plan_shows() {
    for (words, command) in [
        (&[][..], "doctor fix --hoist=OPS_API_KEY --yes"),
        (&["-s", "api", "-s", "worker"], "doctor fix --hoist=OPS_API_KEY --yes --service=api --service=worker"),
        (&["--on-staged=ignore"], "doctor fix --hoist=OPS_API_KEY --on-staged=ignore --yes"),
    ] {
        let sandbox = shop();
        let dry = sandbox.run(&[&["fix", "--hoist", KEY, "--dry-run"], words].concat());
        assert_eq!((dry.code, sandbox.mutations()), (1, Vec::new()), "{dry:?}");
        assert!(dry.out.ends_with(&format!("To apply this plan:\n    {command}\n")), "{dry:?}");
        assert!(!sandbox.state().exists(), "nothing is recorded");
        let unconfirmed = sandbox.run(&[&["fix", "--hoist", KEY], words].concat());
        assert_eq!(unconfirmed.code, 2, "{unconfirmed:?}");
        assert!(unconfirmed.err.contains(&format!("\n    {command}\n")), "{unconfirmed:?}");
        let command: Vec<&str> = command.split(' ').skip(1).collect();
        assert_hoisted(&sandbox, &sandbox.run(&command));
        assert_eq!(sandbox.mutations(), SENT);
    }
}

#[test]
fn flags_of_other_changes_and_unknown_keys_are_refused() {
    for words in [
        &["--push"][..],
        &["--pull"],
        &["--redeploy"],
        &["--prune", "--only", KEY],
        &["--only", KEY],
        &["--dependents"],
        &["--start-command=x", "--service=api"],
        &["--allow-sealed", KEY],
    ] {
        let sandbox = shop();
        let ended = sandbox.run(&[HOIST, words].concat());
        assert_eq!((ended.code, sandbox.mutations()), (2, Vec::new()), "{words:?}: {ended:?}");
    }
    let unknown = shop().run(&["fix", "--hoist", "OPS_API_KYE", "--yes"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    unknown.assert_shows("did you mean `--hoist=OPS_API_KEY`?");
    let value = shop().run(&["fix", "--hoist", &format!("{KEY}={VALUE}"), "--yes"]);
    assert!(value.code == 2 && !value.text().contains(VALUE), "{value:?}");
}

#[test]
fn protected_environment_requires_its_name() {
    let production = || shop_with(Environment::named("production"), []);
    let sandbox = production();
    assert_eq!((sandbox.run(HOIST).code, sandbox.mutations().len()), (2, 0));
    let ended = sandbox.run(&[HOIST, &["--environment=production"]].concat());
    assert_eq!((ended.code, sandbox.mutations().len()), (0, 3), "{ended:?}");
    let typed = production().at_a_terminal();
    let ended = typed.answered(&["fix", "--hoist", KEY], vec![PreparedAnswer::Line("production")]);
    assert_eq!((ended.code, typed.mutations().len()), (0, 3), "{ended:?}");
}

#[test]
fn target_of_an_unaccepted_config_is_refused() {
    let sandbox = shop();
    let project = sandbox.sim.change(|estate| {
        PROJECT.clone_into(&mut estate.projects[0].id);
        estate.projects[0].id.clone()
    });
    let sandbox = sandbox
        .file("doctor.toml", &format!("project = \"{project}\"\nenvironment = \"staging\"\n"))
        .variable("RAILWAY_PROJECT_ID", None)
        .variable("RAILWAY_ENVIRONMENT_ID", None);
    let ended = sandbox.run(HOIST);
    assert_eq!((ended.code, sandbox.mutations()), (2, Vec::new()), "{ended:?}");
    ended.assert_shows("only doctor.toml names the project shop and the environment staging");
    assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
    assert_eq!((sandbox.run(HOIST).code, sandbox.mutations().len()), (0, 3));
}

#[test]
fn repeated_secret_is_offered_alone_and_never_in_bulk() {
    let review = PreparedAnswer::Choice(0);
    let share = PreparedAnswer::Choice(0);
    let local = || shop().file(".env", "OPS_API_KEY=ops-key-4f1c9a77b03e51d2\nREGION=eu\n").at_a_terminal();
    let sandbox = local();
    let ended = sandbox.answered(&["fix", "-v"], vec![review.clone(), share.clone(), YES]);
    assert_eq!((ended.code, sandbox.mutations()), (0, SENT.map(str::to_owned).to_vec()), "{ended:?}");
    assert!(ended.asked[0].starts_with("What would you like to do?\n  Review one by one"), "no bulk choice: {ended:?}");
    let question = "Fix OPS_API_KEY?\n  Share: store it once as a shared variable, and refer to it on 2 services\n";
    assert!(ended.asked[1].contains(question), "{:?}", ended.asked);
    assert_hoisted(&sandbox, &ended);
    let declined = local();
    let ended = declined.answered(&["fix", "-v"], vec![review, share, NO]);
    assert_eq!((ended.code, declined.mutations()), (2, Vec::new()), "{ended:?}");
    // Services are in the order of their ids.
    let command = "    doctor fix --hoist=OPS_API_KEY --yes --service=worker --service=api\n";
    assert!(ended.err.contains(command), "{ended:?}");
    for words in [&["--push"][..], &["--pull"], &["--push", "--only", KEY]] {
        let sandbox = local().unattended();
        sandbox.run(&[&["fix", "--yes"], words].concat());
        assert_eq!(sandbox.mutations(), [""; 0], "{words:?}");
    }
}

#[test]
fn hoist_and_push_are_printed_as_separate_commands() {
    let sandbox = shop().file(".env", "OPS_API_KEY=ops-key-4f1c9a77b03e51d2\nREGION=us\n").at_a_terminal();
    // The difference in REGION comes first.
    let answers = vec![PreparedAnswer::Choice(2), PreparedAnswer::Choice(0), PreparedAnswer::Choice(0), NO];
    let ended = sandbox.answered(&["fix", "-v"], answers);
    let commands = "To apply this plan, run in this order:\n    \
                    doctor fix --push --yes --only=REGION\n    \
                    doctor fix --hoist=OPS_API_KEY --yes --service=worker --service=api\n";
    assert!(ended.err.contains(commands), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn finding_names_the_command() {
    let check = shop().file(".env", "OPS_API_KEY=x\n").run(&["check", "-v"]);
    check.assert_shows("store it once as a shared variable: `doctor fix --hoist=OPS_API_KEY`");
}
