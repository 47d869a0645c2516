//! `fix` without faults, and what it refuses.

use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::Sim;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, SimService};
use crate::io::sim::seed::incident;
use crate::io::sim::seed::ordinary::ORDINARY;

pub(crate) const KEY: &str = "STAGING_OPS_API_KEY";
pub(crate) const API: &str = "agentverse-api-staging";
pub(crate) const WORKER: &str = "agentverse-worker-staging";
const LOCAL: &str = "staging-ops-step3-key-2026";
const OLD: &str = "staging-ops-autumn-key-2025";

pub(crate) fn incident() -> Sandbox {
    Sandbox::new(Sim::new(incident::estate())).file(".env", incident::ENV_FILE)
}

pub(crate) fn service(name: &str, variables: &[(&str, &str)]) -> SimService {
    SimService::named(name).repository("shop/shop").variables(variables)
}

#[test]
fn push_writes_and_deploys_once_per_service() {
    let sandbox = incident();
    let before = sandbox.stored(API, "OPS_DRILLS");
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", KEY, "--format", "json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let expected = [
        format!("push {API} {KEY} done"),
        format!("push {WORKER} {KEY} done"),
        format!("redeploy {API} - done"),
        format!("redeploy {WORKER} - done"),
    ];
    assert_eq!(ended.receipts(), expected);
    let sent = [
        format!("SetVariables {API} {KEY}"),
        format!("SetVariables {WORKER} {KEY}"),
        format!("Redeploy {API}"),
        format!("Redeploy {WORKER}"),
    ];
    assert_eq!(sandbox.mutations(), sent);
    assert_eq!(sandbox.stored(API, KEY).as_deref(), Some(LOCAL));
    assert_eq!(sandbox.stored(WORKER, KEY).as_deref(), Some(LOCAL));
    assert_eq!(sandbox.stored(API, "OPS_DRILLS"), before);
    assert_eq!(sandbox.text(".env"), incident::ENV_FILE);
    let again = sandbox.run(&["fix", "--push", "--yes", "--only", KEY]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.contains("Nothing to do: "), "{again:?}");
    assert_eq!(sandbox.mutations().len(), 4, "a second run sends no change");
}

#[test]
fn service_alias_and_requirement_select_service_and_key() {
    let config =
        format!("[services.worker]\nname = \"{WORKER}\"\n[[require]]\nkeys = [\"{KEY}\"]\nservices = [\"worker\"]\n");
    let sandbox = incident().file("doctor.toml", &config);
    assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
    let ended = sandbox.run(&["fix", "--push", "--yes", "--service", "worker"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.mutations(), [format!("SetVariables {WORKER} {KEY}"), format!("Redeploy {WORKER}")]);
    assert_eq!(sandbox.stored(API, KEY).as_deref(), Some(OLD));
}

#[test]
fn dry_run_shows_plan_without_changes() {
    let sandbox = incident();
    let ended = sandbox.run(&["fix", "--dry-run"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("Plan: 2 variables on Railway, 2 deployments"), "{ended:?}");
    assert!(ended.out.contains("Nothing was changed: this was a dry run."), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    assert!(!sandbox.state().exists(), "nothing is recorded either");
    let json = sandbox.run(&["fix", "--dry-run", "--format", "json"]);
    assert_eq!((json.code, json.receipts().len()), (1, 4), "{json:?}");
    assert!(json.receipts().iter().all(|receipt| receipt.ends_with("not-tried")));
}

#[test]
fn yes_without_only_writes_nothing_and_prints_command() {
    let sandbox = incident();
    let ended = sandbox.run(&["fix", "--push", "--yes"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.out.contains("Plan: 2 variables on Railway"), "{ended:?}");
    assert!(ended.err.contains(&format!("    doctor fix --push --yes --only={KEY}\n")), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn non_interactive_fix_requires_direction_and_yes() {
    let sandbox = incident();
    for (words, message) in [
        (&["fix"][..], "no direction given"),
        (&["fix", "--push"], "the plan needs confirmation"),
        (&["fix", "--pull"], "the plan needs confirmation"),
        (&["fix", "--yes"], "no direction given"),
    ] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{words:?}: {ended:?}");
        assert!(ended.err.contains(message) && ended.err.contains("\n    doctor fix "), "{words:?}: {ended:?}");
    }
    assert_eq!(sandbox.mutations(), [""; 0]);
    assert_eq!(sandbox.text(".env"), incident::ENV_FILE);
}

#[test]
fn yes_requires_full_service_name() {
    let sandbox = incident();
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", KEY, "--service", "worker"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains(&format!("--service={WORKER}")), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn protected_environment_requires_explicit_name() {
    let production = || {
        Sandbox::in_environment(Environment::named("production"), [service("api", &[("A", "stored")])])
            .file(".env", "A=local\n")
    };
    let sandbox = production();
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "A"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("production is a protected environment"), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    let named = sandbox.run(&["fix", "--push", "--yes", "--only", "A", "--environment", "production"]);
    assert_eq!(named.code, 0, "{named:?}");
    let config = "[environments.staging]\nprotected = true\n";
    let staging = Sandbox::of([service("api", &[("A", "stored")])]).file(".env", "A=1\n").file("doctor.toml", config);
    assert_eq!(staging.run(&["fix", "--push", "--yes", "--only", "A"]).code, 2);
    assert_eq!(staging.mutations(), [""; 0]);
}

#[test]
fn checkout_alone_cannot_choose_push_target() {
    let config = "project = \"shop\"\nenvironment = \"staging\"\n";
    let sandbox = Sandbox::of([service("api", &[("A", "stored-value")])])
        .file(".env", "A=local\n")
        .file("doctor.toml", config)
        .variable("RAILWAY_PROJECT_ID", None)
        .variable("RAILWAY_ENVIRONMENT_ID", None);
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "A"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("only doctor.toml names the project shop"), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    let flags = ["--project", "shop", "--environment", "staging"];
    let by_flags = sandbox.run(&[&["fix", "--push", "--yes", "--only", "A"], &flags[..]].concat());
    assert_eq!(by_flags.code, 0, "{by_flags:?}");
    let pulled = sandbox.file(".env", "A=another\n");
    assert_eq!(pulled.run(&["fix", "--pull", "--yes", "--only", "A"]).code, 0, "a pull sends nothing");
}

#[test]
fn pull_changes_only_the_selected_value() {
    let text = "\u{feff}# mine\r\nexport A = first\r\nB='kept' # hush\r\nA = \"old # value\"   # the one\r\nC=\"1\"";
    let sandbox = Sandbox::of([service("api", &[("A", "it's \"new\""), ("B", "kept")])]).file(".env", text);
    let ended = sandbox.run(&["fix", "--pull", "--yes", "--only", "A"]);
    assert_eq!(
        ended.code, 1,
        "no way of writing the line works for every loader, and there was nothing else to do: {ended:?}"
    );
    let sandbox =
        Sandbox::of([service("api", &[("A", "the new # one"), ("B", "kept"), ("NEW", "n")])]).file(".env", text);
    let ended = sandbox.run(&["fix", "--pull", "--yes", "--only", "A", "--only", "NEW"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let expected =
        text.replace("old # value", "the new # one") + "\r\n# added by doctor on 2026-11-24, from api\r\nNEW=n\r\n";
    assert_eq!(sandbox.text(".env"), expected);
    assert_eq!(sandbox.mutations(), [""; 0], "a pull deploys nothing");
    assert!(!ended.out.contains("the new") && !ended.out.contains("hush"), "{ended:?}");
}

#[test]
fn pull_skips_values_without_safe_quoting() {
    let sandbox =
        Sandbox::of([service("api", &[("A", "$(touch canary)`x`'\""), ("OK", "two")])]).file(".env", "A=1\nOK=1\n");
    let ended = sandbox.run(&["fix", "--pull", "--yes", "--format", "json"]);
    assert_eq!(ended.receipts(), ["pull .env OK done"], "{ended:?}");
    assert_eq!(ended.code, 1, "A remains");
    assert_eq!(sandbox.text(".env"), "A=1\nOK=two\n");
}

#[test]
fn overwriting_reference_requires_flag_and_dependents_redeploy() {
    let sandbox = || {
        Sandbox::in_environment(
            Environment::named("staging").shared(&[("BASE", "https://old.example.com")]),
            [
                service("api", &[("URL", "${{shared.BASE}}"), ("KEY", "one-old-key")]),
                service("web", &[("API_KEY", "${{api.KEY}}")]),
            ],
        )
        .file(".env", "URL=https://new.example.com\nKEY=one-new-key\n")
    };
    let over = sandbox();
    let ended = over.run(&["fix", "--push", "--yes", "--only", "URL", "--service", "api"]);
    assert_eq!(over.mutations(), [""; 0], "{ended:?}");
    assert!(ended.out.contains("--allow-reference URL"), "{ended:?}");
    assert!(ended.out.contains("Nothing was changed.") && !ended.out.contains("Nothing to do"), "{ended:?}");
    let ended = over.run(&["fix", "--push", "--yes", "--service", "api", "--allow-reference", "URL"]);
    assert_eq!(ended.code, 1, "KEY remains: {ended:?}");
    assert_eq!(over.stored("api", "URL").as_deref(), Some("https://new.example.com"));
    let shared = sandbox();
    let ended = shared.run(&["fix", "--push", "--yes", "--service", "api", "--allow-shared", "URL"]);
    assert_eq!(shared.mutations(), ["SetVariables shared BASE", "Redeploy api"], "{ended:?}");
    assert_eq!(shared.stored("api", "URL").as_deref(), Some("${{shared.BASE}}"));
    let following = sandbox();
    let ended = following.run(&["fix", "--push", "--yes", "--service", "api", "--only", "KEY"]);
    assert!(ended.out.contains("web references a changed variable (API_KEY)"), "{ended:?}");
    assert_eq!(following.mutations(), ["SetVariables api KEY", "Redeploy api"]);
    let both = sandbox();
    both.run(&["fix", "--push", "--yes", "--service", "api", "--only", "KEY", "--dependents"]);
    assert_eq!(both.mutations(), ["SetVariables api KEY", "Redeploy api", "Redeploy web"]);
}

#[test]
fn empty_shared_variable_behind_reference_can_be_written() {
    let environment = Environment::named("staging").shared(&[("BASE", "")]);
    let sandbox = Sandbox::in_environment(environment, [service("api", &[("URL", "${{shared.BASE}}")])])
        .file(".env", "URL=https://new.example.com\n");
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "URL", "--allow-shared", "URL"]);
    assert_eq!(sandbox.mutations(), ["SetVariables shared BASE", "Redeploy api"], "{ended:?}");
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn removal_requires_prune_and_key_name() {
    let sandbox = Sandbox::of([service("api", &[("A", "1"), ("OLD", "1"), ("OLDER", "1")])]).file(".env", "A=1\n");
    for words in [&["fix", "--push", "--yes", "--only", "OLD"][..], &["fix", "--push", "--yes", "--prune"]] {
        sandbox.run(words);
        assert_eq!(sandbox.mutations(), [""; 0], "{words:?}");
    }
    for words in [&["fix", "--prune", "--dry-run"][..], &["fix", "--prune"], &["fix", "--push", "--prune", "--yes"]] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{words:?}: {ended:?}");
        ended.assert_shows("error: --prune requires --only");
    }
    let ended = sandbox.run(&["fix", "--push", "--yes", "--prune", "--only", "OLD"]);
    assert!(matches!(ended.code, 0 | 3), "{ended:?}");
    assert_eq!(sandbox.stored("api", "OLD"), None);
    assert!(sandbox.stored("api", "OLDER").is_some());
    assert_eq!(sandbox.mutations()[0], "DeleteVariable api OLD");
}

#[test]
fn no_deploy_writes_and_reports_stale_deployment() {
    let sandbox = incident();
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", KEY, "--no-deploy"]);
    // The old values are still running, which is a remaining finding.
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains(&format!("{API} is running with an old value of {KEY}")), "{ended:?}");
    assert!(ended.out.contains("running services keep their old values"), "{ended:?}");
    assert_eq!(sandbox.mutations().len(), 2);
    let redeploy = sandbox.run(&["fix", "--redeploy", "--yes"]);
    assert_eq!(redeploy.code, 0, "{redeploy:?}");
    assert!(redeploy.out.contains(&format!("{API} is running with an old value of {KEY}")), "{redeploy:?}");
    assert_eq!(sandbox.mutations()[2..], [format!("Redeploy {API}"), format!("Redeploy {WORKER}")]);
    let again = sandbox.run(&["fix", "--redeploy", "--yes"]);
    assert_eq!((again.code, sandbox.mutations().len()), (0, 4), "{again:?}");
}

#[test]
fn push_yes_without_keys_never_writes() {
    for seed in ORDINARY {
        let sandbox = Sandbox::new(Sim::new((seed.estate)()));
        let sandbox = seed.files.iter().fold(sandbox, |sandbox, (name, text)| sandbox.file(name, text));
        let files: Vec<&str> = seed.files.iter().map(|(name, _)| *name).collect();
        for words in [vec!["fix", "--push", "--yes"], vec!["fix", "--push"], vec!["fix", "--yes"], vec!["fix"]] {
            let mut words = words;
            words.extend(files.iter().flat_map(|file| ["--env-file", file]));
            let ended = sandbox.run(&words);
            assert!(ended.code != 0 || ended.out.contains("Nothing to do: "), "{} {words:?}: {ended:?}", seed.name);
        }
        assert_eq!(sandbox.mutations(), [""; 0], "{}", seed.name);
        for (name, text) in seed.files {
            assert_eq!(sandbox.text(name), *text, "{}", seed.name);
        }
    }
}

#[test]
fn fix_without_changes_reports_the_reason_and_an_alternative() {
    let api = || service("api", &[("A", "1"), ("PORT", "80"), ("B", "2")]).sealed("SEALED", "x");
    let file = "A=1\nSEALED=y\nONLY_LOCAL=1\n";
    for (text, words, reason) in [
        (file, &["fix", "--push", "--only", "PORT"][..], "PORT is not in .env, so it can't be pushed; `--pull` writes"),
        (
            file,
            &["fix", "--pull", "--only", "ONLY_LOCAL"],
            "no service in scope has ONLY_LOCAL, so it can't be pulled; `--push --add",
        ),
        (
            file,
            &["fix", "--pull", "--only", "ONLY_EXAMPLE"],
            "no service in scope has ONLY_EXAMPLE, so it can't be pulled Nothing was changed.",
        ),
        (
            file,
            &["fix", "--pull", "--only", "SEALED"],
            "SEALED is sealed on api, so it can't be pulled; `--push --allow-sealed SEALED` overwrites it",
        ),
        ("A=1\n", &["fix", "--push", "--only", "SEALED"], "SEALED is not in .env, so it can't be pushed Nothing"),
        (
            "",
            &["fix", "--pull", "-s", "api"],
            "3 keys are only on Railway; to add each to the file, name each with `--only KEY`",
        ),
    ] {
        let sandbox = Sandbox::of([api()]).file(".env", text).file(".env.example", "ONLY_EXAMPLE=\n");
        let ended = sandbox.run(words);
        ended.assert_shows(reason);
        assert!(
            !ended.text().contains("so the check does not pass") && !ended.text().contains("Nothing to do"),
            "{ended:?}"
        );
        assert_eq!(sandbox.mutations(), [""; 0]);
    }
}

#[test]
fn fix_with_nothing_to_do_reports_it_and_ends_like_check() {
    let agreeing = || Sandbox::of([service("api", &[("A", "1"), ("PORT", "80")])]).file(".env", "A=1\nPORT=3000\n");
    for (words, reason) in [
        (&["fix"][..], "there are no errors or warnings."),
        (&["fix", "--push"], "1 difference needs no action; name a key with `--only KEY` to change it."),
        (&["fix", "--push", "--yes"], "1 difference needs no action; name a key with `--only KEY` to change it."),
        (&["fix", "--pull"], "1 difference needs no action; name a key with `--only KEY` to change it."),
        (&["fix", "--redeploy"], "no service is known to run old values, another commit or another start command."),
        (&["fix", "--only", "A"], "A does not differ."),
        (&["fix", "--push", "--only", "A"], "A does not differ."),
        (&["fix", "--pull", "--only", "A"], "A does not differ."),
    ] {
        let line = format!("Nothing to do: {reason}");
        for sandbox in [agreeing(), agreeing().at_a_terminal()] {
            let ended = sandbox.run(words);
            assert_eq!(ended.code, 0, "{words:?}: {ended:?}");
            ended.assert_shows(&line);
            assert_eq!(ended.out.matches("Nothing to do").count(), 1, "{words:?}: {ended:?}");
        }
        for format in ["json", "sarif", "github", "junit", "markdown", "html"] {
            let ended = agreeing().run(&[words, &["--format", format]].concat());
            assert_eq!(ended.code, 0, "{words:?} {format}: {ended:?}");
            assert!(ended.err.contains(&line), "{words:?} {format}: {ended:?}");
        }
    }
    let ignoring = "[[ignore]]\nkeys = [\"A\"]\nreason = \"at home\"\n";
    let ignored = Sandbox::of([service("api", &[("A", "1"), ("B", "1")])])
        .file(".env", "A=2\nB=1\n")
        .file("doctor.toml", ignoring);
    ignored.run(&["fix", "--push"]).assert_shows("Nothing to do: 1 difference is ignored by doctor.toml.");
    ignored.run(&["fix", "--only", "A"]).assert_shows("Nothing to do: doctor.toml ignores the findings about A.");
    let ended = Sandbox::of([service("api", &[("A", "1")])]).file(".env", "A=1\n").run(&["fix", "--push"]);
    ended.assert_shows("Nothing to do: no value differs.");
}

#[test]
fn fix_without_direction_names_only_flags_that_change_something() {
    let elsewhere = Sandbox::of([service("api", &[("A", "1"), ("B", "${{gone.B}}")])]).file(".env", "A=1\n");
    let ended = elsewhere.run(&["fix"]);
    ended.assert_shows("Nothing to do: the errors and warnings need a change elsewhere.");
    assert_eq!(ended.code, 1, "{ended:?}");
    let missing = Sandbox::of([service("api", &[("A", "1")])]).file(".env", "A=1\nB=1\n");
    missing.run(&["fix"]).assert_shows("without an interactive terminal, select a key with `--only KEY` and --add.");
    let stale =
        service("api", &[("A", "1")]).deployed(SimDeployment::serving("2026-11-20T08:00:00.000Z").had("A", "0"));
    let stale = Sandbox::of([stale]).file(".env", "A=1\n");
    stale
        .run(&["fix", "--no-deploy"])
        .assert_shows("Nothing to do: without an interactive terminal, use --redeploy to deploy");
    let incomparable = || Sandbox::of([service("api", &[]).sealed("A", "2")]).file(".env", "A=1\n");
    incomparable().run(&["fix"]).assert_shows("Nothing to do: nothing was compared.");
    let ended = incomparable().run(&["fix", "--push"]);
    ended.assert_shows("Nothing to do: nothing was compared; 1 sealed key can't be compared.");
    assert_eq!(ended.code, 3, "{ended:?}");
}

#[test]
fn run_without_a_change_states_why_each_difference_stays() {
    let of = |file: &str, stored: &[(&str, &str)]| Sandbox::of([service("api", stored)]).file(".env", file);
    let conflict = of("A=one # two\nB='it\\'s'\n", &[("A", "one"), ("B", "other")]);
    let empty = || of("A=1\n", &[("A", "")]);
    let sealed = || Sandbox::of([service("api", &[("B", "1")]).sealed("A", "2")]).file(".env", "A=1\nB=1\n");
    for (sandbox, words, reason) in [
        (conflict, &["fix", "--push"][..], "loaders parse B differently, so it is not pushed: "),
        (empty(), &["fix", "--pull"], "A has no real value on api, so it is not pulled"),
        (empty(), &["fix", "--pull", "--only", "A"], "A has no real value on api, so it is not pulled"),
        (sealed(), &["fix", "--push"], "Nothing to do: no value differs; 1 sealed key can't be compared."),
        (sealed(), &["fix", "--pull", "--only", "A"], "A is sealed on api, so it can't be pulled; `--push"),
        (sealed(), &["fix", "--push", "--only", "A"], "overwriting it requires `--allow-sealed A`"),
    ] {
        let before = sandbox.text(".env");
        let ended = sandbox.run(words);
        ended.assert_shows(reason);
        assert_eq!((sandbox.mutations(), sandbox.text(".env")), (Vec::new(), before), "{words:?}: {ended:?}");
    }
}

#[test]
fn expected_difference_is_pulled_only_when_named() {
    let shop = || Sandbox::of([service("api", &[("PORT", "8080"), ("A", "2")])]).file(".env", "PORT=3000\nA=1\n");
    for (words, file) in [
        (&["fix", "--pull", "--yes"][..], "PORT=3000\nA=2\n"),
        (&["fix", "--pull", "--yes", "--only", "PORT"], "PORT=8080\nA=1\n"),
    ] {
        let sandbox = shop();
        let ended = sandbox.run(words);
        assert_eq!(sandbox.text(".env"), file, "{words:?}: {ended:?}");
    }
    let unset = Sandbox::of([service("api", &[("PORT", "")])]).file(".env", "PORT=3000\n");
    let ended = unset.run(&["fix", "--pull", "--yes", "--only", "PORT"]);
    assert_eq!(unset.text(".env"), "PORT=3000\n", "{ended:?}");
    ended.assert_shows("PORT has no real value on api, so it is not pulled");
}
