//! `check`, `matrix` and `fix` without a file: Railway is checked against what `doctor.toml` and templates declare.

use serde_json::Value;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::SimService;
use crate::io::sim::fault::Fault;
use crate::report::FORMATS;

const SINCE: &str = "2026-11-20T10:00:00.000Z";

const SERVICES: &str = "[services.api]\nname = \"api\"\n[services.worker]\nname = \"worker\"\n";

/// Two services that disagree on a key; the worker runs with an older one.
fn incident() -> Sandbox {
    let worker = service("worker", &[("OPS_KEY", "second-value"), ("REGION", "eu")])
        .deployed(SimDeployment::serving(SINCE).had("OPS_KEY", "first-value"));
    Sandbox::of([service("api", &[("OPS_KEY", "third-value"), ("LOG_LEVEL", "info")]), worker])
}

pub(super) fn require(keys: &str, services: &str) -> String {
    let services = if services.is_empty() { String::new() } else { format!("services = [{services}]\n") };
    format!("[[require]]\nkeys = [{keys}]\n{services}")
}

/// A shop with a database: a key on both services, one on `web` only, and an empty one.
fn shop() -> Sandbox {
    let database = service("Postgres", &[("PGPASSWORD", "database-value")]).image("postgres:16");
    let web = service("web", &[("JWT_KEY", "jwt-value"), ("STRIPE_KEY", "stripe-value"), ("SMTP_KEY", "")]);
    Sandbox::of([web, service("jobs", &[("JWT_KEY", "jwt-value"), ("REGION", "eu")]), database])
}

pub(super) fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("not JSON: {ended:?}"))
}

/// Returns the errors and warnings of a run with `--format json`, such as `warning missing-on-railway KEY web`.
pub(super) fn findings(ended: &Ended) -> Vec<String> {
    let report = report(ended);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] != "note");
    findings
        .map(|finding| {
            let services = finding["services"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join("+");
            let words = ["severity", "rule", "key"].map(|name| text(&finding[name]));
            [words.as_slice(), &[services]].concat().join(" ").trim_end().to_owned()
        })
        .collect()
}

pub(super) fn needs(ended: &Ended) -> (Vec<String>, u64) {
    let report = report(ended);
    let services = report["services"].as_array().unwrap().iter();
    let of_services = services.map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["needs"])).collect();
    (of_services, report["summary"]["needs"].as_u64().unwrap())
}

#[test]
fn incident_is_found_with_the_requests_of_a_check_with_a_file() {
    let toml = format!("{SERVICES}{}", require("\"OPS_KEY\"", "\"api\", \"worker\""));
    let sandbox = incident().file("doctor.toml", &toml);
    let ended = sandbox.run(&["check", "--format", "json"]);
    let expected = ["error services-disagree OPS_KEY api+worker", "error stale-deployment OPS_KEY worker"];
    assert_eq!((ended.code, findings(&ended).as_slice()), (1, &expected.map(str::to_owned)[..]), "{ended:?}");
    assert_eq!(report(&ended)["files"], serde_json::json!([]));
    assert_eq!(needs(&ended), (vec!["api 1".to_owned(), "worker 1".to_owned()], 2));
    let requests = sandbox.sim.count();
    let with_file = incident().file("doctor.toml", &toml).file(".env", "OPS_KEY=third-value\n");
    assert_eq!(with_file.run(&["check"]).code, 1);
    assert_eq!(with_file.sim.count(), requests);
    let text = sandbox.run(&["check"]);
    text.assert_shows("no env file, checked against doctor.toml");
    text.assert_shows("correct OPS_KEY first: a redeploy uses the stored value");
    text.assert_shows("2 errors · 2 needed keys checked · ");
    assert!(!["--push", "--pull", "the file", "missing-locally"].iter().any(|words| text.text().contains(words)));
    assert_eq!(sandbox.mutations(), [""; 0]);
}

#[test]
fn template_declares_needs_of_services_that_nothing_names() {
    let template = "JWT_KEY=\nSTRIPE_KEY=<your key>\nSMTP_KEY=\nMAIL_KEY=\n# OTHER_KEY=\nPORT=3000\nPGPASSWORD=\n";
    let expected = [
        "warning missing-on-railway MAIL_KEY jobs+web",
        "warning empty-on-railway SMTP_KEY web",
        "warning missing-on-railway PGPASSWORD jobs+web",
    ];
    for (name, words) in [
        (".env.example", &[][..]),
        (".env.sample", &[]),
        (".env.template", &["--no-env-file"]),
        ("config/app.env.example", &["--env-file", "config/app.env.example"]),
    ] {
        let ended = shop().file(name, template).run(&[&["check", "--format", "json"], words].concat());
        assert_eq!((ended.code, findings(&ended).as_slice()), (0, &expected.map(str::to_owned)[..]), "{name}");
        assert_eq!(needs(&ended), (vec!["jobs 1".to_owned(), "web 3".to_owned()], 4), "{name}");
        let text = shop().file(name, template).run(&[&["check", "--fail-on", "warning"], words].concat());
        assert_eq!(text.code, 1, "{text:?}");
        text.assert_shows(&format!("no env file, checked against {name} · 2 of 3 services (by needed keys)"));
        text.assert_shows(&format!("MAIL_KEY is needed by {name} but on none of the 2 services"));
        text.assert_shows(&format!("PGPASSWORD is needed by {name} but only on Postgres"));
        text.assert_shows("refer to ${{Postgres.PGPASSWORD}} on a service that needs it");
        text.assert_shows(&format!("at: {name}:4"));
    }
}

#[test]
fn check_is_clean_in_every_format_and_claims_no_comparison() {
    for (format, _) in FORMATS {
        let sandbox = shop().file(".env.example", "JWT_KEY=\nREGION=eu\n");
        let ended = sandbox.run(&["check", "--format", format]);
        assert_eq!(ended.code, 0, "{format}: {ended:?}");
        assert!(!ended.out.contains("0 values compared") && !ended.out.contains(" · · "), "{format}: {ended:?}");
    }
    let ended = shop().file(".env.example", "JWT_KEY=\nREGION=eu\n").run(&["check"]);
    ended.assert_shows("PASS jobs 2 needed keys checked PASS web 1 needed key checked");
    ended.assert_shows("All checks passed · 3 needed keys checked · ");
}

#[test]
fn named_service_without_a_checked_need_is_skipped() {
    let both = format!("{SERVICES}{}", require("\"OPS_KEY\"", "\"api\""));
    for (toml, words) in [
        (both.as_str(), &[][..]),
        (&require("\"OPS_KEY\"", "\"api\""), &["--service", "worker"]),
        (&require("\"OPS_KEY\"", ""), &["--only", "REGION"]),
    ] {
        let run = |format| {
            let sandbox = incident().file("doctor.toml", toml);
            sandbox.run(&[&["check", "--fail-on", "never", "--format", format], words].concat())
        };
        let text = run("text");
        assert_eq!((text.code, run("json").code), (3, 3), "{words:?}: {text:?}");
        text.assert_shows("SKIP worker nothing declared");
        text.assert_shows("so the check does not pass.");
        assert!(!text.out.contains("compared"), "{text:?}");
        let worker = report(&run("json"))["services"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&worker["name"], &worker["needs"]), (&"worker".into(), &0.into()));
        assert_eq!(worker["verdict"], "skip");
    }
    let ended = incident().file("doctor.toml", &both).run(&["check", "--fail-on", "never"]);
    ended.assert_shows("Nothing is declared for worker, so the check does not pass.");
    ended.assert_shows("declare the keys that worker needs with [[require]] in doctor.toml");
}

#[test]
fn template_key_counts_only_on_a_service_that_has_it() {
    for (service, code) in [("web", 0), ("jobs", 3)] {
        let sandbox = shop().file(".env.example", "STRIPE_KEY=\n");
        let ended = sandbox.run(&["check", "--service", service]);
        assert_eq!(ended.code, code, "{service}: {ended:?}");
        assert!(!ended.out.contains("missing-on-railway"), "another service has it: {ended:?}");
    }
}

#[test]
fn without_file_and_declaration_both_ways_are_shown() {
    let declare = "declare the needed keys in a .env.example, or with [[require]] in doctor.toml";
    for command in ["check", "matrix"] {
        for toml in ["", "environment = \"staging\"\n"] {
            let sandbox = shop().variable("RAILWAY_API_TOKEN", None);
            let sandbox = if toml.is_empty() { sandbox } else { sandbox.file("doctor.toml", toml) };
            let ended = sandbox.run(&[command]);
            assert_eq!((ended.code, sandbox.sim.count()), (2, 0), "{ended:?}");
            ended.assert_shows(declare);
            ended.assert_shows("doctor pull");
            let ended = sandbox.run(&[command, "--no-env-file"]);
            assert_eq!((ended.code, sandbox.sim.count()), (2, 0), "{ended:?}");
            ended.assert_shows("nothing to check with --no-env-file");
        }
    }
    let ended = shop().file(".env.production", "A=1\n").run(&["check"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows(declare);
    ended.assert_shows("doctor check --env-file=.env.production");
}

#[test]
fn named_file_that_is_missing_stays_an_error() {
    let declared = require("\"OPS_KEY\"", "\"api\"");
    for (toml, words) in [
        (format!("env-file = [\".env.staging\"]\n{declared}"), &["check"][..]),
        (format!("[services.api]\nname = \"api\"\nenv-file = [\"api/.env\"]\n{declared}"), &["check"]),
        (declared.clone(), &["check", "--env-file", ".env.other"]),
        (declared.clone(), &["check", "--env-file", ".env.example"]),
        (declared.clone(), &["fix", "--push"]),
        (declared.clone(), &["fix", "--add", "--only", "OPS_KEY", "--service", "api"]),
        (declared.clone(), &["fix", "--redeploy", "--no-env-file", "--pull"]),
        (declared.clone(), &["check", "--no-env-file", "--env-file", ".env"]),
    ] {
        let ended = incident().file("doctor.toml", &toml).run(words);
        assert_eq!(ended.code, 2, "{toml} {words:?}: {ended:?}");
    }
}

#[test]
fn flag_ignores_every_file() {
    let toml = format!("{SERVICES}env-file = [\"worker/.env\"]\n{}", require("\"OPS_KEY\"", ""));
    let sandbox = incident().file("doctor.toml", &toml).file(".env", "OPS_KEY=third-value\nNOWHERE=1\n");
    let sandbox = sandbox.file("worker/.env.example", "REGION=\n");
    let ended = sandbox.run(&["check", "--no-env-file", "--format", "json"]);
    let expected = ["error services-disagree OPS_KEY api+worker", "error stale-deployment OPS_KEY worker"];
    assert_eq!((ended.code, findings(&ended).as_slice()), (1, &expected.map(str::to_owned)[..]), "{ended:?}");
    assert_eq!(needs(&ended), (vec!["api 1".to_owned(), "worker 2".to_owned()], 3));
    let text = sandbox.run(&["check", "--no-env-file"]);
    text.assert_shows("no env file, checked against doctor.toml and worker/.env.example");
}

#[test]
fn template_among_files_is_an_example_only() {
    let sandbox = shop().file(".env", "JWT_KEY=jwt-value\n").file("shared.env.example", "JWT_KEY=other\nSMTP_KEY=\n");
    let ended = sandbox.run(&["check", "--env-file", ".env", "--env-file", "shared.env.example", "--format", "json"]);
    assert_eq!((ended.code, findings(&ended)), (0, Vec::<String>::new()), "{ended:?}");
    let report = report(&ended);
    assert_eq!(report["files"].as_array().unwrap().len(), 1, "{report}");
    let rules = report["findings"].as_array().unwrap().iter().map(|one| &one["rule"]);
    assert!(rules.into_iter().any(|rule| rule == "example-key-missing"), "{report}");
}

#[test]
fn service_named_by_require_is_checked_wherever_it_is_built() {
    let toml = require("\"JWT_KEY\"", "\"api\", \"Postgres\"");
    let database = service("Postgres", &[("JWT_KEY", "a")]).image("postgres:16");
    let mut api = service("api", &[("JWT_KEY", "a")]);
    api.root_directory = Some("apps/api".to_owned());
    let user = service("web", &[("KEY", "${{api.JWT_KEY}}")]);
    let ended = Sandbox::of([api, database, user]).file("doctor.toml", &toml).run(&["check", "--format", "json"]);
    assert_eq!(needs(&ended), (vec!["Postgres 1".to_owned(), "api 1".to_owned()], 2), "{ended:?}");
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn key_on_a_service_built_elsewhere_does_not_meet_the_need() {
    let built = |name: &str, directory: &str, rows: &[(&str, &str)]| -> SimService {
        let mut service = service(name, rows);
        service.root_directory = Some(directory.to_owned());
        service
    };
    let services = || [built("api", "/", &[("A", "1")]), built("web", "web", &[("A", "1"), ("STRIPE_KEY", "s")])];
    let sandbox =
        Sandbox::of(services()).file(".git/HEAD", "ref: refs/heads/main\n").file(".env.example", "A=\nSTRIPE_KEY=\n");
    let ended = sandbox.run(&["check", "--format", "json"]);
    assert_eq!(findings(&ended), ["warning missing-on-railway STRIPE_KEY api"], "{ended:?}");
    sandbox.run(&["check"]).assert_shows("STRIPE_KEY is needed by .env.example but only on web");
}

#[test]
fn matrix_has_no_local_side() {
    let toml = format!("{SERVICES}{}", require("\"OPS_KEY\", \"MISSING\"", "\"api\", \"worker\""));
    let sandbox = incident().file("doctor.toml", &toml).file(".env.example", "REGION=\nABSENT=\n");
    let ended = sandbox.run(&["matrix", "--format", "json"]);
    let report = report(&ended);
    let rows = report["rows"].as_array().unwrap().iter();
    let states: Vec<String> = rows
        .map(|row| {
            let cells = row["cells"].as_array().unwrap().iter().map(|cell| cell["state"].as_str().unwrap());
            format!("{} {}", row["key"].as_str().unwrap(), cells.collect::<Vec<_>>().join(" "))
        })
        .collect();
    let expected = [
        "OPS_KEY services-disagree stale",
        "MISSING missing missing",
        "ABSENT missing missing",
        "LOG_LEVEL set not-set",
        "REGION not-set set",
    ];
    assert_eq!((ended.code, states.as_slice()), (1, &expected.map(str::to_owned)[..]), "{ended:?}");
    assert_eq!(report["files"], serde_json::json!([]));
    let text = sandbox.run(&["matrix"]);
    text.assert_shows("2 keys are set (-v lists them)");
    text.assert_shows("missing needed, but neither on the service nor in a file");
    assert!(!text.out.contains(" agree"), "{text:?}");
}

#[test]
fn header_with_a_local_value_is_skipped_with_the_reason() {
    let http = |headers: &str| {
        format!(
            "{SERVICES}{}[[expect.http]]\nservice = \"api\"\nrequest = \"GET /api/v1/ops/x\"\nstatus = 401\n{headers}",
            require("\"LOG_LEVEL\"", "\"api\"") + &require("\"REGION\"", "\"worker\"")
        )
    };
    let sandbox = |headers: &str| {
        let api = service("api", &[("OPS_KEY", "a"), ("LOG_LEVEL", "info")]).domain("api.up.railway.app");
        Sandbox::of([api, service("worker", &[("REGION", "eu")])]).file("doctor.toml", &http(headers))
    };
    let ended = sandbox("headers = { X-API-Key = \"$OPS_KEY\" }\n").run(&["check", "--fail-on", "note"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("SKIP endpoint GET /api/v1/ops/x was not sent: there is no local file to take OPS_KEY from");
    assert!(!ended.out.contains("All checks passed"), "{ended:?}");
    let ended = sandbox("").run(&["check", "-v"]);
    ended.assert_shows("PASS endpoint GET /api/v1/ops/x: 401");
}

#[test]
fn fix_without_a_file_deploys_and_repeats_the_flag() {
    let toml = format!("{SERVICES}{}", require("\"OPS_KEY\"", "\"worker\"") + &require("\"LOG_LEVEL\"", "\"api\""));
    let sandbox = || incident().file("doctor.toml", &toml);
    let ended = sandbox().run(&["check"]);
    assert!(ended.out.contains("\n    doctor fix --redeploy\n"), "{ended:?}");
    let with_file = sandbox().file(".env", "OPS_KEY=other-value\n");
    let ended = with_file.run(&["check", "--no-env-file"]);
    assert!(ended.out.contains("\n    doctor fix --redeploy --no-env-file\n"), "{ended:?}");
    let ended = with_file.run(&["fix", "--redeploy", "--no-env-file", "--yes"]);
    assert_eq!((ended.code, with_file.mutations()), (0, vec!["Redeploy worker".to_owned()]), "{ended:?}");
    let undirected = sandbox().run(&["fix"]);
    assert!(undirected.code == 2 && !undirected.text().contains("fix --push"), "{undirected:?}");
    let pulled = sandbox().run(&["fix", "--pull", "--yes", "--only", "OPS_KEY", "--service", "worker"]);
    assert_eq!(pulled.code, 2, "{pulled:?}");
    pulled.assert_shows("error: no .env in ");
    pulled.assert_shows("create it with the values on Railway: doctor pull --service=worker");
}

#[test]
fn unreadable_layers_beside_a_template_are_named() {
    let sandbox = shop().file(".env.example", "JWT_KEY=\n").file(".env.local", "JWT_KEY=x\n");
    let ended = sandbox.run(&["check"]);
    ended.assert_shows("no env file, checked against .env.example; .env.local is not read");
}

#[test]
fn files_in_other_directories_are_named() {
    let sandbox = shop().file(".env.example", "JWT_KEY=\n").file("apps/api/.env", "A=1\n");
    let ended = sandbox.run(&["check"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("there is no .env here: found apps/api/.env; pass one of them, or assign them to services:");
    let excluded = sandbox.run(&["check", "--no-env-file"]);
    assert!(!excluded.out.contains("apps/api"), "{excluded:?}");
}

#[test]
fn unreadable_service_and_refused_requests_decide_the_exit_code() {
    let sandbox = || shop().file(".env.example", "JWT_KEY=\n");
    let one = sandbox();
    one.sim.fault(Fault::service(&one.id("web"), "Not Authorized").permanent());
    let ended = one.run(&["check"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    ended.assert_shows("FAIL web could not be read");
    ended.assert_shows("PASS jobs 1 needed key checked");
    for words in [&["check"][..], &["matrix"], &["check", "--no-env-file"], &["check", "--env-file", ".env.example"]] {
        let all = sandbox();
        all.sim.fault(Fault::refusal("no").permanent());
        let ended = all.run(words);
        assert!(ended.code != 0 && ended.err.matches("error: ").count() == 1, "{words:?}: {ended:?}");
    }
}

#[test]
fn no_value_of_railway_or_a_template_is_shown() {
    let toml = format!("{SERVICES}{}", require("\"OPS_KEY\"", ""));
    for (format, _) in FORMATS {
        for command in [&["check", "-v"][..], &["check"], &["fix", "--redeploy", "--dry-run"]] {
            let sandbox =
                incident().file("doctor.toml", &toml).file(".env.example", "OPS_KEY=third-value\nB=mark-4711\n");
            let ended = sandbox.run(&[command, &["--format", format]].concat());
            let text = format!("{}{}", ended.out, ended.err);
            let shown = ["first-value", "second-value", "third-value", "mark-4711"].map(|value| text.contains(value));
            assert_eq!(shown, [false; 4], "{format} {command:?}: {ended:?}");
        }
    }
}
