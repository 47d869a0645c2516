//! A file in a checkout may contain guesses. Reports must not reveal which of them is a secret.

use std::process::Command;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;

const SECRET: &str = "the-database-password-4711";

const NAMED: &str = "env-file = [\"ci.env\"]\n";

/// Runs whose output an attacker may read.
const RUNS: &[&[&str]] = &[
    &["check"],
    &["check", "-v"],
    &["check", "--format", "json"],
    &["check", "--format", "sarif"],
    &["check", "--format", "github"],
    &["check", "--format", "junit"],
    &["check", "--format", "markdown"],
    &["check", "--format", "html"],
    &["matrix"],
    &["matrix", "--format", "json"],
    &["matrix", "--format", "html"],
    &["fix", "--push", "--dry-run"],
    &["fix", "--pull", "--dry-run"],
    &["fix", "--push", "--dry-run", "--format", "json"],
    &["fix", "--pull", "--dry-run", "--only", "PASSWORD"],
];

/// Returns a sandbox with three services that have the secret under different names, and a file with a guess under
/// other names.
fn sandbox(guess: &str, file: &str) -> Sandbox {
    let services = [
        service("api", &[("PASSWORD", SECRET), ("OTHER_KEY", "another-key-entirely"), ("LEVEL", "1")]),
        service("web", &[("OTHER_KEY", "something-else-again"), ("LEVEL", "1")]),
        service("worker", &[("THIRD_KEY", SECRET), ("LEVEL", "1")]),
    ];
    let text = format!("LEVEL=1\nPASSWORD=not-the-password\nOTHER_KEY={guess}\nGUESS={guess}\n");
    Sandbox::of(services).file(file, &text).unattended()
}

fn outputs(sandbox: &Sandbox, flags: &[&str]) -> Vec<String> {
    let run = |words: &&[&str]| {
        let ended = sandbox.run(&[*words, flags].concat());
        assert!([0, 1, 2].contains(&ended.code), "{words:?}: {ended:?}");
        format!("{words:?} {} {} {}", ended.code, ended.out, ended.err)
    };
    RUNS.iter().map(run).collect()
}

/// Asserts that a right guess is reported like a wrong one of another length.
fn assert_alike(of: impl Fn(&str) -> Sandbox) {
    let [right, wrong] = [SECRET, "no-password-of-anything"].map(|guess| outputs(&of(guess), &[]));
    for (right, wrong) in right.iter().zip(&wrong) {
        assert!(right == wrong, "{}", &right[..200]);
        assert!(!right.contains("local value matches") && !right.contains("stored value matches"), "{}", &right[..200]);
    }
}

#[test]
fn file_named_only_by_checkout_does_not_confirm_guess() {
    assert_alike(|guess| sandbox(guess, "ci.env").file("doctor.toml", NAMED));
}

#[test]
fn second_file_from_checkout_does_not_confirm_guess() {
    let own = "LEVEL=1\nPASSWORD=an-old-password\n";
    let config = "env-file = [\".env\", \"ci.env\"]\n";
    assert_alike(|guess| sandbox(guess, "ci.env").file("doctor.toml", config).file(".env", own));
}

#[test]
fn tracked_env_file_does_not_confirm_guess() {
    assert_alike(|guess| {
        let sandbox = sandbox(guess, ".env");
        for words in [&["init", "-q"][..], &["add", "-f", ".env"]] {
            let ended = Command::new("git").args(words).current_dir(sandbox.work()).output().unwrap();
            assert!(ended.status.success(), "{ended:?}");
        }
        sandbox
    });
}

#[test]
fn user_selected_file_is_compared_with_every_value() {
    let reason = "the local value matches PASSWORD on api";
    let has_reason = |sandbox: &Sandbox, flags: &[&str]| {
        let text = sandbox.run(&[&["check"], flags].concat()).out;
        let json = sandbox.run(&[&["check", "--format", "json"], flags].concat()).out;
        let fingerprint = text.contains("equal values have equal fingerprints");
        assert_eq!(text.contains("fingerprints are omitted"), !fingerprint, "{text}");
        assert_eq!(json.contains(reason), fingerprint, "{json}");
        fingerprint
    };
    let named = sandbox(SECRET, "ci.env").file("doctor.toml", NAMED);
    assert!(!has_reason(&named, &[]));
    assert!(named.run(&["check"]).out.contains("accept it with `doctor trust`"));
    assert!(has_reason(&named, &["--env-file", "ci.env"]));
    assert!(has_reason(&sandbox(SECRET, ".env"), &[]));
    let ended = named.run(&["trust", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(has_reason(&named, &[]));
}

#[test]
fn file_diff_omits_fingerprints() {
    let named = sandbox(SECRET, "ci.env").file("doctor.toml", NAMED);
    let shown = named.run(&["fix", "--pull", "--dry-run"]).out;
    assert!(shown.contains("-PASSWORD=●\n") && shown.contains("+PASSWORD=● (new)\n"), "{shown}");
}

#[test]
fn terminal_shows_fingerprints() {
    let named = sandbox(SECRET, "ci.env").file("doctor.toml", NAMED).at_a_terminal();
    let shown = named.run(&["check"]);
    assert!(shown.out.contains("equal values have equal fingerprints"), "{shown:?}");
    assert!(!shown.out.contains("value matches"), "{shown:?}");
    let kept = named.run(&["check", "--output", "report.txt"]);
    assert_eq!(kept.out, "", "{kept:?}");
    assert!(named.text("report.txt").contains("fingerprints are omitted"));
}
