//! Configuration files in the deployed code and in the checkout.

use std::time::Duration;

use serde_json::{Value, json};

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::SimService;
use crate::io::sim::seed::PROJECT_TOKEN;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const SINCE: &str = "2026-11-20T10:00:00.000Z";
const SECRET: &str = "broker-credential-4711";
const DAY: Duration = Duration::from_secs(86_400);

/// Adds the metadata of a deployment that read a file.
fn from_file(mut deployment: SimDeployment) -> SimDeployment {
    let manifest = json!({
        "deploy": {
            "startCommand": format!("celery worker --broker {SECRET}"), "cronSchedule": null, "healthcheckPath": "/up",
        },
    });
    deployment = deployment.meta("configFile", "/railway.json").meta("serviceManifest", manifest.clone());
    let mapping = json!({ "deploy.startCommand": "$.deploy.startCommand", "deploy.healthcheckPath": "$" });
    deployment.meta("fileServiceManifest", manifest).meta("propertyFileMapping", mapping)
}

fn worker() -> SimService {
    service("worker", &[("A", "1")]).start("celery beat")
}

fn with_worker(worker: SimService) -> Sandbox {
    Sandbox::of([worker]).file(".env", "A=1\n")
}

#[test]
fn retiring_config_file_is_reported_in_two_requests() {
    let world = || with_worker(worker().deployed(from_file(SimDeployment::serving(SINCE))));
    for sandbox in [world(), world().variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN))]
    {
        let ended = sandbox.run(&["check", "-v"]);
        assert_eq!((ended.code, sandbox.sim.count()), (0, 2), "{ended:?}");
        let out = ended.text();
        for part in [
            "warning: worker depends on /railway.json, which Railway stops reading on 2026-12-01",
            "later deployments use the stored settings, which differ in: start command, health check path",
            "copy them from the file to the settings of worker in the dashboard before 2026-12-01",
            "PASS config file depends on /railway.json",
        ] {
            assert!(out.contains(part), "{part}: {out}");
        }
        assert!(!out.contains("rule start-command"), "one finding for one fault: {out}");
    }
    assert_eq!(world().run(&["check", "--fail-on", "warning"]).code, 1);
}

#[test]
fn after_retirement_next_deployment_is_reported_as_change() {
    let sandbox = with_worker(worker().deployed(from_file(SimDeployment::serving(SINCE)))).apart(30 * DAY);
    sandbox.run(&["check"]);
    let out = sandbox.run(&["check"]).text();
    assert!(out.contains("worker depends on /railway.json, which Railway stopped reading on 2026-12-01"), "{out}");
    assert!(out.contains("the next deployment uses the stored settings"), "{out}");
}

#[test]
fn settings_that_match_config_file_are_not_reported() {
    let manifest = json!({ "deploy": { "startCommand": "celery beat" } });
    let alike = SimDeployment::serving(SINCE).meta("configFile", "/railway.json").meta("fileServiceManifest", manifest);
    let ended =
        with_worker(worker().config_file("/railway.json").deployed(alike)).file("railway.json", "{}").run(&["check"]);
    assert!(ended.code == 0 && !ended.out.contains("warning"), "{ended:?}");
    // One that read no file, after the day.
    let after = SimDeployment::serving("2026-12-02T10:00:00.000Z").meta("fileServiceManifest", json!({}));
    let sandbox = with_worker(worker().deployed(after)).file("railway.json", "{}").apart(30 * DAY);
    sandbox.run(&["check"]);
    let ended = sandbox.run(&["check"]);
    assert!(ended.code == 0 && !ended.out.contains("warning"), "{ended:?}");
}

#[test]
fn settings_or_checkout_reveal_config_file_without_manifest() {
    let run = |worker: SimService, files: &[&str]| {
        let silent = SimDeployment::serving(SINCE).started_with("celery worker").meta("configFile", Value::Null);
        let silent = silent.meta("fileServiceManifest", json!({})).meta("propertyFileMapping", json!({}));
        let sandbox = with_worker(worker.deployed(silent));
        files.iter().fold(sandbox, |sandbox, file| sandbox.file(file, "{}")).run(&["check", "-v"]).text()
    };
    let out = run(worker().config_file("/deploy/railway.json"), &[]);
    assert!(out.contains("warning: worker may depend on /deploy/railway.json"), "{out}");
    let out = run(service("worker", &[("A", "1")]), &["railway.toml"]);
    assert!(out.contains("warning: worker may depend on railway.toml"), "{out}");
    // A file that is not used, and another command in the settings since: a deployment is what is missing.
    for files in [&["railway.toml"][..], &[]] {
        let out = run(worker(), files);
        assert!(out.contains("warning: the running start command of worker differs from its settings"), "{out}");
        assert!(!out.contains("may depend"), "{out}");
    }
}

#[test]
fn partial_manifest_is_not_reported() {
    let building = || {
        let half = json!({ "build": { "builder": "RAILPACK" }, "deploy": { "startCommand": "celery beat" } });
        SimDeployment::with_status("BUILDING", "2026-11-23T10:00:00.000Z").meta("serviceManifest", half)
    };
    let ended = with_worker(worker().deployed(building())).file("railway.json", "{}").run(&["check"]);
    assert!(!ended.out.contains("config-file-retired"), "{ended:?}");
    let older = from_file(SimDeployment::serving(SINCE));
    let ended = with_worker(worker().deployed(older).deployed(building())).run(&["check"]);
    assert!(ended.out.contains("config-file-retired"), "the running deployment is reported: {ended:?}");
}

#[test]
fn no_format_shows_start_command() {
    for format in ["text", "json", "sarif", "github", "junit", "markdown", "html"] {
        let sandbox = with_worker(worker().deployed(from_file(SimDeployment::serving(SINCE))));
        let ended = sandbox.run(&["check", "-v", "--format", format]);
        assert!(ended.out.contains("/railway.json"), "{format}: {ended:?}");
        assert!(!ended.out.contains(SECRET) && !ended.err.contains(SECRET), "{format}: {ended:?}");
    }
}

#[test]
fn value_in_config_file_path_is_redacted() {
    let value = "value-of-a-4711";
    let path = format!("/{value}/railway.json");
    for worker in [
        worker().config_file(&path).deployed(SimDeployment::serving(SINCE).started_with("celery worker")),
        worker().deployed(from_file(SimDeployment::serving(SINCE)).meta("configFile", path.as_str())),
    ] {
        let ended = with_worker(worker.variables(&[("API_TOKEN", value)])).run(&["check", "-v", "--format", "json"]);
        assert!(ended.out.contains("/railway.json, which") && !ended.out.contains(value), "{ended:?}");
    }
}

#[test]
fn start_command_help_names_config_file_until_retirement() {
    let declared = "[services.worker]\nname = \"worker\"\nstart-command-contains = [\"-B\"]\n";
    let sandbox =
        with_worker(worker().deployed(from_file(SimDeployment::serving(SINCE)))).file("doctor.toml", declared);
    let sandbox = sandbox.apart(30 * DAY);
    let out = sandbox.run(&["check"]).text();
    assert!(
        out.contains("in /railway.json (`\"startCommand\": \"… -B\"`, where … is the current command), then deploy"),
        "{out}"
    );
    assert!(out.contains("because Railway stops reading this file on 2026-12-01"), "{out}");
    let out = sandbox.run(&["check"]).text();
    assert!(out.contains("run this in a terminal to append -B; without a terminal, pass --start-command"), "{out}");
    assert!(!out.contains("`startCommand` in"), "{out}");
}

const WARNED: &str = "railway.py may manage these services: `railway config apply` then resets the variables that it declares \
                      and, with the default policy “managed”, deletes all others";

fn described() -> Sandbox {
    // The file is never opened, so it may be anything.
    let sandbox = Sandbox::of([service("api", &[("A", "old"), ("B", "1")])]).file(".env", "A=1\nB=1\n");
    sandbox.file(".railway/railway.py", "raise SystemExit(1)\n")
}

#[test]
fn push_plan_names_file_that_may_revert_it() {
    for arguments in [
        &["fix", "--push", "--only", "A", "--dry-run"][..],
        &["fix", "--push", "--only", "A"],
        &["fix", "--push", "--only", "A", "--yes"],
        &["fix", "--push", "--only", "A", "--dry-run", "--format", "json"],
        &["fix", "--push", "--only", "A", "--yes", "--format", "json"],
        &["fix", "--push", "--only", "A", "--yes", "--format", "markdown"],
    ] {
        let ended = described().run(arguments);
        let text = ended.text().replace('\\', "");
        assert!(text.contains(&format!(".railway/{WARNED}")), "{arguments:?}: {ended:#?}");
    }
    let plan: Value =
        serde_json::from_str(&described().run(&["fix", "--push", "--dry-run", "--format", "json"]).out).unwrap();
    let cautions = plan["plan"]["cautions"].as_array().unwrap();
    assert!(cautions.iter().any(|caution| caution.as_str().unwrap().contains(WARNED)), "{plan:#}");
}

#[test]
fn prompt_shows_revert_warning_first() {
    let answers = vec![PreparedAnswer::Choice(0), PreparedAnswer::Reply(YesNo::Yes)];
    let ended = described().at_a_terminal().answered(&["fix", "--only", "A"], answers);
    ended.assert_shows(WARNED);
}

#[test]
fn only_push_warns_about_revert() {
    let run = |sandbox: Sandbox, arguments: &[&str]| {
        let ended = sandbox.run(arguments);
        assert!(!ended.text().contains("config apply"), "{arguments:?}: {ended:?}");
    };
    run(described(), &["fix", "--pull", "--yes"]);
    run(described(), &["fix", "--pull", "--dry-run"]);
    run(described(), &["fix", "--redeploy", "--dry-run"]);
    run(described(), &["check"]);
    let outside = Sandbox::of([service("api", &[("A", "old")])]).file("shop/.env", "A=1\n").file("shop/.git/HEAD", "");
    run(outside.file(".railway/railway.ts", "").within("shop"), &["fix", "--push", "--dry-run"]);
}

#[test]
fn nearest_infrastructure_file_above_working_directory_is_used() {
    let sandbox = Sandbox::of([service("api", &[("A", "old")])]).file(".git/HEAD", "").file("apps/api/.env", "A=1\n");
    let sandbox = sandbox.file(".railway/railway.ts", "").file("apps/.railway/railway.go", "").within("apps/api");
    let ended = sandbox.run(&["fix", "--push", "--dry-run"]);
    ended.assert_shows("../.railway/railway.go may manage these services");
}
