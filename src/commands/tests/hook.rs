//! What blocks a commit, in real repositories with a simulated Railway.

use std::time::Duration;

use crate::commands::tests::fix::{KEY, incident, service};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::Secret;
use crate::io::git::tests::git;
use crate::io::railway::transport::TransportFailure;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::SimVariable;
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::sim::seed::WORKSPACE_TOKEN;
use crate::io::sim::seed::incident::CONFIG_FILE;

pub(super) const RUN: &[&str] = &["hook", "run"];
pub(super) const STRICT: &[&str] = &["hook", "run", "--strict"];
pub(super) const ENV: &str = "API_KEY=k3y-of-this-shop\nOPS_URL=https://ops.example.com/hook\nMODE=on\n";

/// Creates a repository that ignores `.env` files, with git on the search path.
fn in_repository(sandbox: Sandbox) -> Sandbox {
    let path = std::env::var("PATH").unwrap();
    let home = sandbox.home().to_str().unwrap().to_owned();
    let sandbox = sandbox
        .variable("PATH", Some(&path))
        .variable("HOME", Some(&home))
        .file(".gitignore", ".env\n.env.*\n")
        .apart(Duration::from_secs(10));
    git(&sandbox.work(), &["init", "-q"]);
    git(&sandbox.work(), &["add", ".gitignore"]);
    git(&sandbox.work(), &["commit", "-q", "-m", "first"]);
    sandbox
}

/// Returns a repository whose local and stored values are equal.
pub(super) fn agreed() -> Sandbox {
    let stored = [("API_KEY", "k3y-of-this-shop"), ("OPS_URL", "https://ops.example.com/hook"), ("MODE", "on")];
    in_repository(Sandbox::of([service("api", &stored)]).file(".env", ENV))
}

fn set(sandbox: &Sandbox, value: &str) {
    let value = SimVariable::Open(Secret::new(value));
    sandbox.sim.change(move |estate| {
        let api = estate.projects[0].environments[0].service_named("api").unwrap();
        api.variables.insert("API_KEY".to_owned(), value);
    });
}

fn requests(sandbox: &Sandbox) -> usize {
    sandbox.sent.borrow().len()
}

#[track_caller]
fn warns(ended: &Ended, what: &str) {
    assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{ended:?}");
    let lines: Vec<&str> = ended.err.lines().collect();
    assert!(lines.len() == 1 && lines[0].starts_with("doctor: warning: ") && lines[0].contains(what), "{ended:?}");
}

#[test]
fn commit_with_secret_is_blocked_before_any_request() {
    for (name, text, message) in [
        (".env", None, ".env:1 adds API_KEY, a secret-like key\n"),
        ("api/.env", Some("TOKEN=4f1c9a77\n"), "api/.env:1 adds TOKEN, a secret-like key\n"),
        (".dev.vars", Some("A=1\nTOKEN=4f1c9a77\n"), ".dev.vars:2 adds TOKEN, a secret-like key\n"),
        (".env.example", Some("API_KEY=4f1c9a77b2d04e\n"), ".env.example:1 adds API_KEY, a secret-like key\n"),
        (
            "src/a.py",
            Some("x = 1\nkey = 'k3y-of-this-shop'\n"),
            "src/a.py:2 adds the value of API_KEY (.env:1), a secret-like key\n",
        ),
        (".env.example", Some("# k3y-of-this-shop\n"), ".env.example:1 adds the value of API_KEY (.env:1)"),
        (".env.prod", Some("# k3y-of-this-shop\nA=encrypted:BDqDBibm4wsYqMpCjTQ6\n"), ".env.prod:1 adds the"),
    ] {
        let sandbox = agreed();
        let sandbox = match text {
            Some(text) => sandbox.file(name, text),
            None => sandbox,
        };
        assert_eq!(sandbox.run(RUN).code, 0, "{name} is not staged");
        git(&sandbox.work(), &["add", "-f", name]);
        let before = requests(&sandbox);
        let ended = sandbox.run(RUN);
        assert_eq!((ended.code, requests(&sandbox)), (1, before), "{ended:?}");
        assert!(ended.out.starts_with(&format!("error: {message}")), "{ended:?}");
        assert!(ended.out.contains("Commit blocked by doctor.") && ended.out.lines().count() == 5, "{ended:?}");
        assert_eq!(ended.err, "", "{ended:?}");
        assert!(!format!("{ended:?}").contains("k3y-of"), "{ended:?}");
    }
}

#[test]
fn commit_without_secrets_passes() {
    for (name, text) in [
        (".env.example", "API_KEY=\nOPS_URL=https://example.com\n"),
        (".env.sample", "API_KEY=your-api-key-here\n"),
        (".env.template", "API_KEY=changeme\n"),
        ("a.py", "mode = 'on'\nkey = 'k3y-of-this-sho'\n"),
        ("a.md", "See https://ops.example.com/hook\n"),
        (".env.local", ""),
        (".env.schema", "# @required\nAPI_KEY=\n"),
        (".env.test", "API_KEY=test\nDB_PASSWORD=postgres\n"),
    ] {
        let sandbox = agreed().file(name, text);
        git(&sandbox.work(), &["add", "-f", name]);
        let ended = sandbox.run(RUN);
        assert_eq!(ended.code, 0, "{name}: {ended:?}");
    }
}

#[test]
fn secrets_already_committed_are_ignored() {
    let sandbox = agreed().file("a.py", "key = 'k3y-of-this-shop'\n").file("env.txt", "TOKEN=4f1c9a77\n");
    git(&sandbox.work(), &["add", "a.py", "env.txt"]);
    git(&sandbox.work(), &["commit", "-q", "-m", "second", "--no-verify"]);
    let sandbox = sandbox.file("a.py", "key = 'k3y-of-this-shop'\nmore = 1\n");
    git(&sandbox.work(), &["add", "a.py"]);
    git(&sandbox.work(), &["mv", "env.txt", "other.txt"]);
    assert_eq!(sandbox.run(RUN).code, 0);
    git(&sandbox.work(), &["mv", "other.txt", ".env.prod"]);
    assert_eq!(sandbox.run(RUN).code, 0, "the previous commit has these lines");
    let sandbox = sandbox.file("b.py", "'k3y-of-this-shop'\n").file(".env.prod", "TOKEN=4f1c9a77\nKEY=4f1c9a78\n");
    git(&sandbox.work(), &["add", "-f", "b.py", ".env.prod"]);
    let ended = sandbox.run(RUN);
    assert_eq!((ended.code, ended.out.matches("error: ").count()), (1, 1), "{ended:?}");
    assert!(ended.out.starts_with("error: .env.prod:2 adds KEY, a secret-like key\n"), "{ended:?}");
}

#[test]
fn doctor_toml_allows_secrets_in_commits() {
    let example = ".env.example";
    for (config, expected) in [
        ("", [true, true, true]),
        ("[severity]\nenv-file-exposed = \"off\"\n", [false, true, true]),
        ("[severity]\nenv-file-exposed = \"warning\"\n", [false, true, true]),
        (
            "[[ignore]]\nrules = [\"env-file-exposed\"]\nkeys = [\"API_*\"]\nreason = \"a test key\"\n",
            [false, false, false],
        ),
        (
            "[[ignore]]\nrules = [\"env-file-exposed\"]\nkeys = [\"API_*\"]\nreason = \"x\"\nuntil = \"2026-11-23\"\n",
            [true, true, true],
        ),
        ("[[ignore]]\nrules = [\"value-differs\"]\nkeys = [\"API_*\"]\nreason = \"x\"\n", [true, true, true]),
    ] {
        let files = [(".env", ENV), (example, "API_KEY=4f1c9a77b2d04e\n"), ("a.py", "'k3y-of-this-shop'")];
        for ((name, text), is_blocked) in files.into_iter().zip(expected) {
            let sandbox = agreed().file("doctor.toml", config).file(name, text);
            git(&sandbox.work(), &["add", "-f", name]);
            let ended = sandbox.run(RUN);
            let is_reported = ended.out.starts_with("error: ") && ended.out.contains(name);
            assert_eq!(is_reported, is_blocked, "{name} with {config}: {ended:?}");
        }
    }
}

#[test]
fn drift_blocks_commit_until_fixed() {
    let sandbox = agreed();
    set(&sandbox, "another-key-of-old");
    let ended = sandbox.run(RUN);
    assert_eq!(ended.code, 1, "{ended:?}");
    let finding = "error: api: API_KEY differs between .env and Railway · .env:1 [value-differs], and 1 more finding\n";
    assert_eq!(ended.out, finding);
    let help = "For details, and to skip it once:\n    doctor check\n    DOCTOR=0 git commit\n    DOCTOR=0 git push\n";
    assert_eq!(ended.err, format!("Commit or push blocked by doctor. {help}"));
    assert_eq!(sandbox.run(RUN).code, 1, "a failure is not cached");
    assert_eq!(requests(&sandbox), 4);
    set(&sandbox, "k3y-of-this-shop");
    let passed = sandbox.run(RUN);
    assert_eq!((passed.code, passed.out.as_str()), (0, ""), "{passed:?}");
    assert_eq!(passed.err, "doctor: shop · staging: 3 values compared on 1 service, no drift\n");
}

#[test]
fn hook_skips_logs_endpoints_and_deployment_findings() {
    let sandbox = in_repository(incident().file("doctor.toml", CONFIG_FILE));
    let check = sandbox.run(&["check", "--format=json"]);
    assert!(check.out.contains("endpoint-wrong") && requests(&sandbox) > 2, "{check:?}");
    let before = requests(&sandbox);
    let ended = sandbox.run(RUN);
    assert_eq!((ended.code, requests(&sandbox) - before), (1, 2), "{ended:?}");
    assert!(ended.out.contains("STAGING_OPS_API_KEY"), "{ended:?}");
    for other in ["worker-status", "boot_id", "-B"] {
        assert!(check.out.contains(other) && !ended.out.contains(other), "{other}: {ended:?}");
    }
    let web = || service("web", &[("MODE", "on")]);
    for (what, service) in [
        ("deployment-unhealthy", web().deployed(SimDeployment::with_status("CRASHED", "2026-11-24T10:00:00Z"))),
        ("never-deployed", web().never_deployed()),
    ] {
        let sandbox = in_repository(Sandbox::of([service]).file(".env", "MODE=on\n"));
        let check = sandbox.run(&["check", "--format=json", "--fail-on=warning"]);
        assert!(check.code == 1 && check.out.contains(what), "{check:?}");
        let ended = sandbox.file("doctor.toml", "fail-on = \"warning\"\n").run(RUN);
        assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{what}: {ended:?}");
    }
}

#[test]
fn bypass_help_matches_git_operation() {
    for (variable, expected) in [
        ("GIT_INDEX_FILE", "Commit blocked by doctor. HOW:\n    doctor check\n    DOCTOR=0 git commit\n"),
        ("PRE_COMMIT_REMOTE_NAME", "Push blocked by doctor. HOW:\n    doctor check\n    DOCTOR=0 git push\n"),
    ] {
        let sandbox = agreed().variable(variable, Some(".git/index"));
        set(&sandbox, "another-key-of-old");
        let expected = expected.replace("HOW", "For details, and to skip it once");
        assert_eq!(sandbox.run(RUN).err, expected, "{variable}");
    }
}

#[test]
fn strict_error_comes_before_bypass_help() {
    let sandbox = agreed().variable("RAILWAY_API_TOKEN", Some("revoked"));
    let ended = sandbox.run(STRICT);
    assert_eq!(ended.code, 4, "{ended:?}");
    let (error, help) = ended.err.split_once("Commit or push blocked by doctor.").unwrap();
    assert!(error.contains("error: Railway rejected the token"), "{ended:?}");
    assert!(!help.contains("error: "), "{ended:?}");
}

#[test]
fn clean_result_is_cached_for_five_minutes() {
    let sandbox = agreed().apart(Duration::from_secs(60));
    let codes: Vec<(u8, usize)> = (0..7).map(|_| (sandbox.run(RUN).code, requests(&sandbox))).collect();
    assert_eq!(codes, [(0, 2), (0, 2), (0, 2), (0, 2), (0, 2), (0, 4), (0, 4)]);
    let again = sandbox.run(RUN);
    assert_eq!(again.err, "doctor: 3 values compared on 1 service 120 s ago, no drift\n");
    let kept: Vec<_> = std::fs::read_dir(sandbox.state().join("hook")).unwrap().collect();
    assert_eq!(kept.len(), 2, "a key and one result: {kept:?}");
}

#[test]
fn changed_inputs_invalidate_cached_result() {
    let changes: [(&str, &dyn Fn(Sandbox) -> Sandbox); 10] = [
        ("the file", &|it| it.file(".env", &format!("{ENV}# more\n"))),
        ("another file", &|it| it.file(".env.staging", ENV)),
        ("doctor.toml", &|it| it.file("doctor.toml", "fail-on = \"never\"\n")),
        ("the token", &|it| it.variable("RAILWAY_API_TOKEN", Some(WORKSPACE_TOKEN))),
        ("the project", &|it| it.variable("RAILWAY_PROJECT_ID", Some("another-project"))),
        ("the environment", &|it| it.variable("RAILWAY_ENVIRONMENT_ID", Some("another-environment"))),
        ("what git ignores", &|it| it.file(".gitignore", "\n")),
        ("the mode of the file", &|it| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(it.work().join(".env"), std::fs::Permissions::from_mode(0o640)).unwrap();
            it
        }),
        ("the user", &|it| {
            std::fs::remove_dir_all(it.state()).unwrap();
            it
        }),
        ("nothing", &|it| it),
    ];
    for (what, change) in changes {
        let sandbox = agreed();
        assert_eq!(sandbox.run(RUN).code, 0, "{what}");
        assert_eq!(requests(&sandbox), 2);
        let sandbox = change(sandbox);
        sandbox.run(RUN);
        assert_eq!(requests(&sandbox) > 2, what != "nothing", "{what}");
    }
    let sandbox = agreed();
    assert_eq!(sandbox.run(RUN).code, 0);
    assert_eq!(sandbox.run(&["hook", "run", "--service=api"]).code, 0);
    assert_eq!(requests(&sandbox), 4, "the selected services are part of the key");
    let sandbox = agreed();
    assert_eq!(sandbox.run(RUN).code, 0);
    let sandbox = sandbox.file("a.py", "x = 1\n");
    git(&sandbox.work(), &["add", "a.py"]);
    git(&sandbox.work(), &["commit", "-q", "-m", "second"]);
    assert_eq!(sandbox.run(RUN).code, 0);
    assert_eq!(requests(&sandbox), 2, "other commits do not invalidate the result");
}

#[test]
fn cached_result_does_not_hide_staged_secrets() {
    let sandbox = agreed();
    assert_eq!(sandbox.run(RUN).code, 0);
    git(&sandbox.work(), &["add", "-f", ".env"]);
    assert_eq!(sandbox.run(RUN).code, 1);
}

#[test]
fn on_drift_warn_warns_on_every_commit() {
    let sandbox = agreed().file("doctor.toml", "[hook]\non-drift = \"warn\"\n");
    set(&sandbox, "another-key-of-old");
    let ended = sandbox.run(RUN);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("API_KEY"), "{ended:?}");
    assert_eq!(ended.err, "doctor: warning: drift, not blocked by on-drift = \"warn\" in doctor.toml\n");
    let again = sandbox.run(STRICT);
    assert_eq!(again.code, 0, "--strict affects only incomplete checks: {again:?}");
    let again = sandbox.run(RUN);
    warns(&again, "drift, 2 findings 20 s ago");
    git(&sandbox.work(), &["add", "-f", ".env"]);
    assert_eq!(sandbox.run(RUN).code, 1, "on-drift does not apply to secrets");
}

#[test]
fn outages_warn_and_strict_uses_exit_code_of_check() {
    let reset = || TransportFailure::Broken("connection reset by peer".into());
    let worlds: [(&str, &dyn Fn() -> Sandbox, &str); 11] = [
        (
            "away",
            &|| faulty(Fault::failure(TransportFailure::NotSent("connection refused".into()))),
            "failed to connect",
        ),
        ("broken", &|| faulty(Fault::failure(reset())), "failed to connect"),
        ("timeout", &|| faulty(Fault::failure(TransportFailure::TimedOut)), "no response"),
        ("a gateway", &|| faulty(Fault::lost(Moment::Before, Loss::Html(502))), ""),
        ("limited", &|| faulty(Fault::reply(429, "{}").header("retry-after", "30")), "rate"),
        ("limited for a while", &|| faulty(Fault::reply(429, "{}")), "rate"),
        ("no credentials", &|| agreed().variable("RAILWAY_API_TOKEN", None), "no Railway credentials"),
        ("refused", &|| agreed().variable("RAILWAY_API_TOKEN", Some("nobodys-token")), "rejected"),
        (
            "no file",
            &|| {
                let sandbox = agreed();
                std::fs::remove_file(sandbox.work().join(".env")).unwrap();
                sandbox
            },
            ".env",
        ),
        (
            "no project",
            &|| agreed().variable("RAILWAY_PROJECT_ID", None).variable("RAILWAY_ENVIRONMENT_ID", None),
            "project",
        ),
        ("gone", &|| agreed().variable("RAILWAY_PROJECT_ID", Some("another-project")), "project"),
    ];
    for (what, world, message) in worlds {
        let sandbox = world();
        let ended = sandbox.run(RUN);
        warns(&ended, message);
        assert!(ended.took <= Duration::from_secs(3), "{what}: {ended:?}");
        let strict = world().run(STRICT);
        let check = world().run(&["check", "--timeout=3s"]);
        assert_eq!(strict.code, check.code, "{what}: {strict:?} {check:?}");
        assert_ne!(strict.code, 0, "{what}");
        assert!(strict.err.contains("\n    DOCTOR=0 git commit\n"), "{what}: {strict:?}");
        let kept = std::fs::read_dir(sandbox.state().join("hook")).map_or(0, Iterator::count);
        assert!(kept <= 1, "{what}: nothing is cached");
    }
}

fn faulty(fault: Fault) -> Sandbox {
    let sandbox = agreed();
    sandbox.sim.fault(fault.permanent());
    sandbox
}

#[test]
fn nothing_compared_warns_and_is_not_cached() {
    let two = || {
        let services = [service("api", &[("API_KEY", "k3y-of-this-shop")]), service("web", &[("OTHER", "x")])];
        in_repository(Sandbox::of(services).file(".env", "API_KEY=k3y-of-this-shop\n"))
    };
    let (named, strict) = (["hook", "run", "-s=api", "-s=web"], ["hook", "run", "-s=api", "-s=web", "--strict"]);
    let sandbox = two();
    warns(&sandbox.run(&named), "nothing was compared");
    assert_eq!(sandbox.run(&strict).code, 3);
    let sandbox = two();
    sandbox.sim.fault(Fault::service(&sandbox.id("web"), "Not Authorized").permanent());
    warns(&sandbox.run(&named), "web");
    assert_eq!(sandbox.run(&strict).code, sandbox.run(&["check", "-s=api", "-s=web"]).code);
    set(&sandbox, "another-key-of-old");
    assert_eq!(sandbox.run(&named).code, 1, "drift fails the run even if another service can't be read");
}

#[test]
fn only_doctor_0_skips_hook() {
    let sandbox = agreed().variable("DOCTOR", Some("0")).file("doctor.toml", "no such thing");
    git(&sandbox.work(), &["add", "-f", ".env"]);
    let ended = sandbox.run(STRICT);
    assert_eq!((ended.code, requests(&sandbox)), (0, 0), "{ended:?}");
    assert_eq!(ended.err, "doctor: skipped (DOCTOR=0)\n");
    for value in ["", "1", "false"] {
        let sandbox = sandbox_with(value);
        assert_eq!(sandbox.run(RUN).code, 1, "{value}");
    }
}

fn sandbox_with(doctor: &str) -> Sandbox {
    let sandbox = agreed().variable("DOCTOR", Some(doctor));
    git(&sandbox.work(), &["add", "-f", ".env"]);
    sandbox
}

#[test]
fn invalid_doctor_toml_blocks_commit() {
    let sandbox = agreed().file("doctor.toml", "fail_on = \"error\"\n");
    let ended = sandbox.run(RUN);
    assert_eq!((ended.code, requests(&sandbox)), (2, 0), "{ended:?}");
    assert!(ended.err.contains("doctor.toml:1:1") && ended.err.contains("DOCTOR=0"), "{ended:?}");
}

#[test]
fn missing_git_still_checks_drift() {
    let sandbox = agreed().variable("PATH", Some("/nowhere"));
    let ended = sandbox.run(RUN);
    assert_eq!(ended.code, 0, "{ended:?}");
    let warning = "doctor: warning: staged files were not searched: git is not installed\n";
    assert!(ended.err.starts_with(warning) && ended.err.contains("no drift"), "{ended:?}");
    let strict = sandbox.run(STRICT);
    assert_eq!(strict.code, 2, "{strict:?}");
    assert!(strict.err.contains("could not check all staged files"), "{strict:?}");
    let outside = incident();
    let ended = outside.run(RUN);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.starts_with("doctor: not a git repository, so nothing is staged\n"), "{ended:?}");
    assert!(ended.out.contains(KEY), "{ended:?}");
}
