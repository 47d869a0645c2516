//! Errors that need neither a token nor a request: usage, `doctor.toml`, files.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;

fn shop() -> Sandbox {
    Sandbox::of([service("api", &[("A", "1")])]).file(".env", "A=1\n")
}

/// Returns standard error of a run without a token, which must send no request.
fn refused(sandbox: Sandbox, words: &[&str]) -> String {
    let sandbox = sandbox.variable("RAILWAY_API_TOKEN", None);
    let ended = sandbox.run(words);
    assert_eq!((ended.code, sandbox.sim.count()), (2, 0), "{words:?}: {ended:?}");
    ended.text()
}

#[test]
fn missing_env_file_is_reported_without_a_token() {
    for words in [
        &["check", "--env-file", "nope.env"][..],
        &["matrix", "--env-file", "nope.env"],
        &["fix", "--push", "--env-file", "nope.env"],
        &["fix", "--pull", "--env-file", "nope.env"],
        &["init", "--env-file", "nope.env"],
        &["hook", "run", "--strict", "--env-file", "nope.env"],
        &["check", "--env-file", ".env", "--env-file", "nope.env"],
        &["check", "--service", "api", "--env-file", "nope.env"],
    ] {
        let shop = shop();
        std::process::Command::new("git").args(["init", "-q"]).current_dir(shop.work()).status().unwrap();
        let err = refused(shop, words);
        assert!(err.contains("error: failed to read nope.env cause: no such file"), "{words:?}: {err}");
    }
}

#[test]
fn unreadable_default_file_is_reported_without_a_token() {
    for (name, text) in [(".env", "A=1\n"), (".env.example", "A=\n"), (".env.local", "A=1\n")] {
        let sandbox = shop().file(name, text);
        std::fs::write(sandbox.work().join(".env"), b"A=\xff\n").unwrap();
        let err = refused(sandbox, &["check"]);
        assert!(err.contains("failed to read .env cause: invalid UTF-8 at line 1, column 3"), "{name}: {err}");
    }
    // Another file may be the one of the environment, whose name only Railway knows.
    let sandbox = shop().file(".env.staging", "A=1\n");
    std::fs::write(sandbox.work().join(".env"), b"A=\xff\n").unwrap();
    assert_eq!(sandbox.run(&["check"]).code, 0);
}

#[test]
fn missing_declared_file_is_reported_without_a_token() {
    for (config, place) in [
        ("env-file = [\".env\", \"x/nope.env\"]\n", "1:21"),
        ("[services.api]\nenv-file = \"x/nope.env\"\n", "2:12"),
        ("environment = \"staging\"\n[environments.staging]\nenv-file = \"x/nope.env\"\n", "3:12"),
        ("env-file = \"x/nope.env\"\n[services.api]\ncommit = \"HEAD\"\n", "1:12"),
    ] {
        for words in [&["check"][..], &["matrix"], &["fix", "--push"]] {
            let err = refused(shop().file("doctor.toml", config), words);
            let expected = format!(
                "error: doctor.toml:{place}: failed to read x/nope.env cause: no such file \
                 help: correct the path, "
            );
            assert!(err.contains(&expected), "{config}: {err}");
        }
    }
}

#[test]
fn file_of_another_environment_or_service_need_not_exist() {
    for (config, words) in [
        (
            "[environments.staging]\nenv-file = \".env\"\n[environments.other]\nenv-file = \"nope.env\"\n",
            &["check"][..],
        ),
        ("env-file = \"nope.env\"\n[environments.staging]\nenv-file = \".env\"\n", &["check"]),
        ("[services.web]\nenv-file = \"nope.env\"\n", &["check", "-s", "api"]),
    ] {
        let other = crate::io::sim::estate::Environment::named("other");
        let services = [service("api", &[("A", "1")]), service("web", &[("A", "1")])];
        let sandbox = Sandbox::of(services).file(".env", "A=1\n").file("doctor.toml", config);
        sandbox.sim.change(|estate| estate.projects[0].environments.push(other));
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 0, "{config}: {ended:?}");
    }
}

#[test]
fn usage_and_configuration_errors_need_no_token() {
    for (words, config, expected) in [
        (&["check", "--output", "missing/report.json"][..], "", "failed to write"),
        (&["check", "--timeout", "5x"], "", "invalid --timeout `5x`"),
        (&["check", "--only", "A=1"], "", "invalid --only `A=…`"),
        (&["check", "--config", "nope.toml"], "", "failed to read nope.toml"),
        (&["check"], "proj = 1\n", "doctor.toml:1:1: unknown key `proj`"),
        (&["check"], "[severity]\nvalue-difers = \"off\"\n", "doctor.toml:2:1: unknown rule `value-difers`"),
        (&["check"], "env-file = \"../out.env\"\n", "doctor.toml:1:12: path not allowed"),
        (&["explain", "value-difers"], "", "unknown rule `value-difers`"),
    ] {
        let err = refused(shop().file("doctor.toml", config), words);
        assert!(err.contains(expected), "{words:?}: {err}");
    }
}

#[test]
fn usage_precedes_configuration_and_configuration_precedes_files() {
    let all = || shop().file("doctor.toml", "proj = 1\n");
    let err = refused(all(), &["check", "--timeout", "5x", "--env-file", "nope.env"]);
    assert!(err.contains("--timeout"), "{err}");
    let err = refused(all(), &["check", "--env-file", "nope.env"]);
    assert!(err.contains("unknown key `proj`"), "{err}");
}

#[test]
fn help_has_the_whole_command() {
    let sandbox = || shop().file("apps/it's here/main.py", "").file(".git/HEAD", "").within("apps/it's here");
    let command = "to use ../../.env instead, run: doctor check --project=shop -v --env-file=../../.env";
    for words in [&["check", "--project=shop", "-v"][..], &["check", "--project=shop", "-v", "--env-file", ".env"]] {
        let err = refused(sandbox(), words);
        assert!(err.contains(command), "{err}");
    }
    let err = refused(sandbox(), &["check", "--env-file", "../../.env", "--env-file", ".env", "-s", "a b"]);
    assert!(err.ends_with("check the path, or pass another file with `--env-file PATH`"), "{err}");
    // `doctor.toml` is found above, and the file is here.
    let sandbox = Sandbox::of([service("api", &[("A", "1")])]).file("doctor.toml", "").file(".git/HEAD", "");
    let err = refused(sandbox.file("apps/api/.env", "A=1\n").within("apps/api"), &["check"]);
    assert!(err.contains("to use .env instead, run: doctor check --env-file=.env"), "{err}");
}
