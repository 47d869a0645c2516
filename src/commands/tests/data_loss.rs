//! Fifteen ways in which similar tools have destroyed configuration, and that `doctor` avoids.

use crate::commands::tests::fix::{KEY, incident, service};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::railway::transport::TransportFailure;
use crate::io::sim::estate::{Environment, Estate, Project};
use crate::io::sim::fault::Fault;
use crate::io::sim::status_timeline::StatusTimeline;
use crate::io::sim::{Redeployed, Sim, SimOptions};

/// 1. A bulk write that replaces everything, and an unreadable source that counts as empty.
#[test]
fn unnamed_variables_are_untouched_for_any_file() {
    let variables = [("A", "old-a"), ("B", "stored-b"), ("C", "stored-c")];
    for (file, code) in [("A=new-a\n", 0), ("", 0), ("not an assignment\n", 0), ("A=\"never closed\n", 0)] {
        let sandbox = Sandbox::of([service("api", &variables)]).file(".env", file);
        let ended = sandbox.run(&["fix", "--push", "--yes", "--prune", "--only", "A", "--service", "api"]);
        assert!(ended.code == code || ended.code == 3 || ended.code == 1, "{file:?}: {ended:?}");
        for (key, value) in &variables[1..] {
            assert_eq!(sandbox.stored("api", key).as_deref(), Some(*value), "{file:?}: {key}");
        }
    }
    let sandbox = Sandbox::of([service("api", &variables)]);
    for words in [&["fix", "--push", "--yes", "--only", "A"][..], &["fix", "--push", "--yes", "--env-file", ".evn"]] {
        let ended = sandbox.run(words);
        assert_eq!((ended.code, sandbox.mutations().len()), (2, 0), "{words:?}: {ended:?}");
    }
}

/// 2. A reference overwritten by its rendered literal.
#[test]
fn references_survive_push() {
    let environment = Environment::named("staging").shared(&[("URL", "https://rendered.example.com")]);
    let api = service("api", &[("URL", "${{shared.URL}}"), ("A", "old")]);
    let sandbox = Sandbox::in_environment(environment, [api]).file(".env", "URL=https://mine.example.com\nA=new\n");
    for words in [&["fix", "--push", "--yes", "--only", "URL"][..], &["fix", "--push", "--yes", "--only", "A"]] {
        sandbox.run(words);
        assert_eq!(sandbox.stored("api", "URL").as_deref(), Some("${{shared.URL}}"), "{words:?}");
    }
}

/// 3. Quoting that corrupts a pulled value and the lines around it.
#[test]
fn pulled_values_and_neighbours_survive_quoting() {
    let pem = "-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n";
    let neighbours = "CFG={\"a\":1}\nPEM='-----BEGIN X-----\nAA==\n-----END X-----'\nHASH='p#q'\n";
    for value in [pem, "{\"a\":\"b\"}", "p=ab#cd", "it is", "a\"b", "it's", "$HOME", " spaced ", "ü🚄", "a\\nb"] {
        let sandbox = Sandbox::of([service("api", &[("V", value)])]).file(".env", &format!("V=old\n{neighbours}"));
        let ended = sandbox.run(&["fix", "--pull", "--yes", "--only", "V"]);
        assert_eq!(ended.code, 0, "{value:?}: {ended:?}");
        assert!(sandbox.text(".env").ends_with(neighbours), "{value:?}: {}", sandbox.text(".env"));
        assert_eq!(sandbox.run(&["check", "--only", "V"]).code, 0, "{value:?} is read back");
    }
}

/// 4. A pulled value that runs as a command when the file is sourced.
#[test]
fn pulled_values_never_execute() {
    for value in ["$(touch canary)", "`touch canary`", "x; touch canary", "x\ntouch canary", "$(touch canary)'\"`"] {
        let sandbox = Sandbox::of([service("api", &[("V", value)])]).file(".env", "V=old\n");
        sandbox.run(&["fix", "--pull", "--yes", "--only", "V"]);
        let sourced = std::process::Command::new("/bin/sh")
            .args(["-c", "set -a; . ./.env"])
            .current_dir(sandbox.work())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output();
        assert!(sourced.is_ok() && !sandbox.work().join("canary").exists(), "{value:?}: {}", sandbox.text(".env"));
    }
    let names = "PATH LD_PRELOAD GIT_SSH_COMMAND DBUS_SESSION_BUS_ADDRESS GUNICORN_CMD_ARGS COMPOSE_FILE TAR_OPTIONS \
        RIPGREP_CONFIG_PATH VIMINIT ANSIBLE_CONFIG ELECTRON_RUN_AS_NODE TS_NODE_PROJECT npm_config_script_shell";
    let variables: Vec<_> = names.split_whitespace().map(|name| (name, "evil")).collect();
    let text = names.split_whitespace().collect::<Vec<_>>().join("=mine\n") + "=mine\n";
    let sandbox = Sandbox::of([service("api", &variables)]).file(".env", &text);
    sandbox.run(&["fix", "--pull", "--yes"]);
    assert_eq!(sandbox.text(".env"), text);
    let odd = Sandbox::of([service("api", &[("A; touch x", "1"), ("-rf", "2")])]).file(".env", "B=1\n");
    odd.run(&["fix", "--pull", "--yes", "--service", "api", "--only", "A; touch x", "--only=-rf"]);
    assert_eq!(odd.text(".env"), "B=1\n");
}

/// 5. Values in logs. See also `values_never_appear_in_output_files_or_records`.
#[test]
fn plans_receipts_and_diffs_show_no_values() {
    let sandbox = Sandbox::of([service("api", &[("A", "stored-secret-value")])]).file(".env", "A=local-secret-value\n");
    for words in
        [&["fix", "--dry-run"][..], &["fix", "--pull", "--dry-run"], &["fix", "--push", "--yes", "--only", "A"]]
    {
        let ended = sandbox.run(words);
        for value in ["stored-secret-value", "local-secret-value"] {
            assert!(!ended.out.contains(value) && !ended.err.contains(value), "{words:?}: {ended:?}");
        }
    }
}

/// 6. A deployment for each variable.
#[test]
fn many_variables_use_one_write_and_one_deployment() {
    let pairs: Vec<(String, String)> = (0..20).map(|n| (format!("KEY_{n}"), format!("old-{n}"))).collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let lines: Vec<String> = pairs.iter().map(|(key, _)| format!("{key}=new-of-{key}")).collect();
    let file = format!("{}\n", lines.join("\n"));
    let config = "[[require]]\nkeys = [\"KEY_0\"]\n";
    let sandbox = Sandbox::of([service("api", &pairs)]).file(".env", &file).file("doctor.toml", config);
    let mut words = vec!["fix", "--push", "--yes"];
    words.extend(pairs.iter().flat_map(|(key, _)| ["--only", *key]));
    let ended = sandbox.run(&words);
    assert_eq!((ended.code, sandbox.mutations().len()), (0, 2), "{ended:?}");
}

/// 7. A fix that also applies another user's staged changes.
#[test]
fn staged_changes_survive_push() {
    let patch = serde_json::json!({ "sharedVariables": { "THEIRS": { "value": "not yet" } } });
    let environment = Environment::named("staging").staged(patch);
    let sandbox = Sandbox::in_environment(environment, [service("api", &[("A", "old")])]).file(".env", "A=new\n");
    let staged = || sandbox.sim.change(|estate| format!("{:?}", estate.projects[0].environments[0].staged));
    let before = staged();
    assert_eq!(sandbox.run(&["fix", "--push", "--yes", "--only", "A"]).code, 0);
    assert_eq!(staged(), before);
    let sent = sandbox.sim.requests();
    let bodies = sent.iter().map(|asked| asked.body.expose()).collect::<String>();
    assert!(!bodies.contains("environmentPatchCommit") && !bodies.contains("environmentStageChanges"));
}

/// 8. A lost update between the read and the write.
#[test]
fn value_changed_since_plan_is_not_overwritten() {
    let sandbox = Sandbox::of([service("api", &[("A", "old")])]).file(".env", "A=new\n");
    sandbox.sim.before_nth("PreWriteState", 1, |estate| {
        estate.service_named("api").expect("the service exists").set("A", "theirs");
    });
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "A"]);
    assert_eq!((ended.code, sandbox.mutations().len()), (6, 0), "{ended:?}");
    assert_eq!(sandbox.stored("api", "A").as_deref(), Some("theirs"));
}

/// 9. A value that is stored, but not running.
#[test]
fn success_requires_running_new_value() {
    let environment = Environment::named("staging").service(service("api", &[("A", "old")]));
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    let quirks = SimOptions { redeployed: Redeployed::WithCaptured, ..SimOptions::default() };
    let sandbox = Sandbox::new(Sim::with(estate, quirks)).file(".env", "A=new\n");
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "A"]);
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(
        !sandbox.sim.requests().iter().any(|asked| asked.operation.contains("Restart")),
        "a restart would keep old values"
    );
}

/// 10 and 11. A verification of another deployment than the created one.
#[test]
fn only_created_deployment_counts_as_verification() {
    let failing = service("api", &[("A", "old")]).next(StatusTimeline::failing_healthcheck("no answer"));
    let sandbox = Sandbox::of([failing]).file(".env", "A=new\n");
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "A"]);
    assert_eq!(ended.code, 7, "the previous deployment is still serving, but proves nothing: {ended:?}");
    assert!(ended.out.contains("HEALTHCHECK"), "{ended:?}");
}

/// 12. A refresh of the Railway CLI's login.
#[test]
fn official_cli_login_is_read_only_and_not_refreshed() {
    let config = r#"{"projects":{},"user":{"accessToken":"5e1d0000-1061-4000-8000-000000000003","refreshToken":"the-refresh-token","tokenExpiresAt":9000000000}}"#;
    let sandbox = incident().file("../home/.railway/config.json", config).variable("RAILWAY_API_TOKEN", None);
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", KEY]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.text("../home/.railway/config.json"), config);
    assert!(sandbox.sim.requests().iter().all(|asked| !asked.body.expose().contains("the-refresh-token")));
}

/// 13. A rate limit that is used up by polling.
#[test]
fn fix_of_two_services_costs_fixed_number_of_requests() {
    let sandbox = incident();
    sandbox.run(&["fix", "--push", "--yes", "--only", KEY]);
    let watched = sandbox.sim.requests().iter().filter(|asked| asked.operation == "DeploymentStatus").count();
    let rest = sandbox.sim.count() - watched;
    // The last two read the runtime state and the stored values again.
    assert_eq!((watched, rest), (4, 16), "each further request needs a reason");
}

/// 14. Files and copies that other users can read, or that are left behind.
#[cfg(unix)]
#[test]
fn written_files_are_private_and_leave_no_leftovers() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let sandbox = Sandbox::of([service("api", &[("A", "new")])]).file(".env", "A=old\n");
    assert_eq!(sandbox.run(&["fix", "--pull", "--yes", "--only", "A"]).code, 0);
    assert_eq!(mode(sandbox.work().join(".env")), 0o600);
    assert_eq!(mode(sandbox.state()), 0o700);
    let names: Vec<_> = std::fs::read_dir(sandbox.work()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [".env"]);
    for entry in std::fs::read_dir(sandbox.state()).unwrap() {
        assert_eq!(mode(entry.unwrap().path()), 0o600);
    }
    let empty = Sandbox::of([service("api", &[("A", "new")])]);
    let ended = empty.run(&["pull", "--yes", "--service", "api"]);
    assert_eq!(mode(empty.work().join(".env")), 0o600, "{ended:?}");
}

/// 15. Success although nothing was done or compared.
#[test]
fn doing_nothing_never_exits_zero() {
    let sandbox = Sandbox::of([service("api", &[("A", "1")])]).file(".env", "OTHER=1\n");
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "NOPE"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "OTHER"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    let unreachable = Sandbox::of([service("api", &[("A", "1")])]).file(".env", "A=2\n");
    unreachable.sim.fault(Fault::failure(TransportFailure::NotSent("refused".to_owned())).permanent());
    let ended = unreachable.run(&["fix", "--push", "--yes", "--only", "A"]);
    assert_eq!(ended.code, 5, "{ended:?}");
}
