//! What `compare` never does: change Railway, read a `.env`, need a git repository, or show a value of a protected
//! environment.

use crate::commands::tests::compare::{SECRET, assert_refused, environment, id_of, shop, three};
use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::git::tests::git;
use crate::report::FORMATS;

const PAIR: &[&str] = &["compare", "staging", "live"];

#[test]
fn no_change_is_sent() {
    for words in [&[][..], &["-v"], &["--fail-on", "note"], &["--service", "api"], &["--format", "json"]] {
        let sandbox = three();
        sandbox.run(&[PAIR, words].concat());
        assert_eq!(sandbox.mutations(), [""; 0]);
        let operations: Vec<String> = sandbox.sim.requests().iter().map(|asked| asked.operation.clone()).collect();
        assert_eq!(operations, ["ComparedEnvironments", "Values"], "{words:?}");
        assert!(!sandbox.state().exists(), "nothing is recorded");
    }
}

#[test]
fn no_env_file_is_read() {
    let expected = three().run(PAIR);
    assert_eq!(expected.code, 0, "{expected:?}");
    let invalid = || {
        let sandbox = three();
        std::fs::write(sandbox.work().join(".env"), [0xff, b'=', 0xfe]).expect("the file can be written");
        sandbox
    };
    for sandbox in [
        three().file(".env", "FLAG=on\nREGION=eu\nNOWHERE=1\n"),
        three().file(".env/inside", "A=1\n"),
        three().file(".env.staging", "'\n").file(".env.local", "A=1\n").file(".env.example", "NEEDED=\n"),
        three().file("doctor.toml", "env-file = [\"no-such.env\"]\n"),
        three().file("doctor.toml", "[environments.staging]\nenv-file = \"no-such.env\"\n"),
        invalid(),
    ] {
        let ended = sandbox.run(PAIR);
        assert_eq!((ended.code, ended.out, ended.err), (0, expected.out.clone(), expected.err.clone()));
    }
    assert_eq!(three().run(&[PAIR, &["--env-file", ".env"]].concat()).code, 2, "there is no such flag");
}

#[cfg(unix)]
#[test]
fn unreadable_env_file_changes_nothing() {
    let sandbox = three().file(".env", "FLAG=on\n");
    std::fs::set_permissions(sandbox.work().join(".env"), std::os::unix::fs::PermissionsExt::from_mode(0o000))
        .expect("the mode can be changed");
    let ended = sandbox.run(PAIR);
    assert_eq!((ended.code, ended.out), (0, three().run(PAIR).out), "{}", ended.err);
}

#[test]
fn git_repository_is_not_needed_and_its_config_file_is_found() {
    assert_eq!(three().run(PAIR).code, 0);
    let toml = "[severity]\nmissing-in-environment = \"error\"\n";
    for (is_repository, code) in [(false, 0), (true, 1)] {
        let sandbox = three().variable("PATH", std::env::var("PATH").ok().as_deref()).file("doctor.toml", toml);
        let sandbox = sandbox.file("apps/api/main.py", "").within("apps/api");
        if is_repository {
            git(&sandbox.work(), &["init", "-q"]);
        }
        let ended = sandbox.run(PAIR);
        assert_eq!(ended.code, code, "{ended:?}");
    }
}

/// Returns two environments in which a secret and other values differ, and one secret is the same.
fn secrets(right: &str) -> Sandbox {
    let api = |own: &str| service("api", &[("JWT_SECRET", SECRET), ("API_KEY", own), ("PIN_SECRET", "4711")]);
    shop([environment("staging", [api("left-Zx9Kq2Lm8Vb4Tn7W")]), environment(right, [api("right-s1Rc5Yd3bT4nWs8R")])])
}

#[test]
fn no_format_contains_a_value() {
    for right in ["live", "production"] {
        for (format, _) in FORMATS {
            for extra in [&[][..], &["-v"], &["-q"]] {
                let words = [&["compare", "staging", right, "--format", format], extra].concat();
                let ended = secrets(right).at_a_terminal().run(&words);
                let shown = format!("{}{}", ended.out, ended.err);
                for value in [SECRET, "left-Zx9", "right-s1R", "4711"] {
                    assert!(!shown.contains(value), "{words:?}: {ended:?}");
                }
            }
        }
    }
}

#[test]
fn values_of_a_protected_environment_are_never_shown() {
    let live = id_of(&secrets("live"), "live");
    let production = id_of(&secrets("production"), "production");
    let toml = |name: &str| format!("[environments.\"{name}\"]\nprotected = true\n");
    for (sandbox, words) in [
        (secrets("production"), ["staging", "production"]),
        (secrets("production"), ["production", "staging"]),
        (secrets("production"), ["staging", &production]),
        (secrets("Prod-eu"), ["staging", "Prod-eu"]),
        (secrets("live").file("doctor.toml", &toml("live")), ["staging", "live"]),
        (secrets("live").file("doctor.toml", &toml("live")), ["staging", &live]),
        (secrets("live").file("doctor.toml", &toml(&live)), ["staging", &live]),
        (secrets("live").file("doctor.toml", &toml(&live)), ["staging", "live"]),
        (secrets("live").file("doctor.toml", &toml("staging")), ["staging", "live"]),
    ] {
        let ended = sandbox.at_a_terminal().run(&[&["compare"], &words[..], &["--show-values"]].concat());
        assert_refused(&ended, 2, &["--show-values is not available here", "is protected"]);
        assert!(!ended.err.contains(SECRET), "{ended:?}");
    }
}

#[test]
fn values_are_shown_on_a_terminal_only() {
    let words = [PAIR, &["--show-values"]].concat();
    assert_refused(&secrets("live").run(&words), 2, &["values are shown only in a terminal"]);
    let in_ci = secrets("live").at_a_terminal().variable("CI", Some("true"));
    assert_refused(&in_ci.run(&words), 2, &["CI is set"]);
    for extra in [&["--format", "json"][..], &["--output", "report.txt"], &["--format", "html"]] {
        let ended = secrets("live").at_a_terminal().run(&[&words, extra].concat());
        assert_refused(&ended, 2, &["values are shown only in a terminal"]);
    }
    let toml = "[[across]]\nkeys = [\"API_KEY\"]\nmust = \"agree\"\n";
    let ended = secrets("live").file("doctor.toml", toml).at_a_terminal().run(&words);
    ended.assert_shows(&format!("api in staging stored {SECRET} api in live stored {SECRET}"));
    ended.assert_shows("api in staging stored left-Zx9Kq2Lm8Vb4Tn7W api in live stored right-s1Rc5Yd3bT4nWs8R");
}
