//! `check --baseline`: writing a baseline, reporting what is new, and files that are refused.

use std::time::Duration;

use serde_json::{Value, json};

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::Sim;
use crate::io::sim::estate::{Environment, Estate, Project};
use crate::io::sim::fault::Fault;

const DAY: Duration = Duration::from_secs(86_400);
const WRITE: &[&str] = &["check", "--baseline", "known.toml", "--write-baseline"];
const NEW_ONLY: &[&str] = &["check", "--baseline", "known.toml", "--new-only"];

/// Returns a sandbox in which `A` differs on both services.
fn shop() -> Sandbox {
    let one = |name| service(name, &[("A", "stored-value"), ("B", "same-value")]);
    Sandbox::of([one("api"), one("web")]).file(".env", "A=local-value\nB=same-value\n")
}

/// Returns a sandbox with a baseline of these findings.
fn recorded() -> Sandbox {
    let sandbox = shop();
    let ended = sandbox.run(WRITE);
    assert_eq!(ended.code, 0, "{ended:?}");
    sandbox
}

/// Sets the local value of `B`, which is `same-value` on Railway.
fn set_b(sandbox: &Sandbox, value: &str) {
    std::fs::write(sandbox.work().join(".env"), format!("A=local-value\nB={value}\n")).unwrap();
}

fn json_of(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("not JSON: {ended:?}"))
}

fn with<'w>(words: &[&'w str], more: &[&'w str]) -> Vec<&'w str> {
    [words, more].concat()
}

#[test]
fn written_findings_are_not_reported_as_new() {
    let sandbox = shop();
    assert_eq!(sandbox.run(&["check"]).code, 1);
    let ended = sandbox.run(WRITE);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("wrote 1 finding to known.toml");
    ended.assert_shows("doctor check --baseline=known.toml --new-only");
    let text = sandbox.text("known.toml");
    assert!(text.contains(&format!("service = \"api\", service-id = \"{}\"", sandbox.id("api"))), "{text}");
    assert!(text.contains("until = \"2027-02-22\", reason = \"\" }"), "{text}");
    assert!(!text.contains("local-value") && !text.contains("stored-value"), "{text}");
    let ended = sandbox.run(NEW_ONLY);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("\nPASS  api") && !ended.out.contains("A differs"), "{ended:?}");
    ended.assert_shows("known.toml: 1 known finding, not shown");
    ended.assert_shows("no new findings · 4 values compared · 1 in known.toml");
    let report = json_of(&sandbox.run(&with(NEW_ONLY, &["--format", "json"])));
    assert_eq!((&report["summary"]["baseline"], &report["summary"]["ignored"]), (&json!(1), &json!(0)));
    assert_eq!((&report["findings"], &report["ignored"][0]["by"]), (&json!([]), &json!("baseline")));
    assert_eq!(report["ignored"][0]["finding"]["key"], "A");
    let expected = json!({ "file": "known.toml", "mode": "new-only", "written": false, "known": 1, "new": 0,
        "gone": [], "expired": [] });
    assert_eq!(report["baseline"], expected);
}

#[test]
fn writing_again_changes_no_byte_and_keeps_reasons() {
    let sandbox = recorded().apart(3 * DAY);
    let reason = "reason = \"rotated on Monday\"";
    let text = sandbox.text("known.toml").replacen("reason = \"\"", reason, 1);
    let sandbox = sandbox.file("known.toml", &text);
    let ended = sandbox.run(WRITE);
    ended.assert_shows("known.toml is up to date: 1 known finding");
    assert_eq!(sandbox.text("known.toml"), text);
    set_b(&sandbox, "another-value");
    assert_eq!(sandbox.run(WRITE).code, 0);
    let more = sandbox.text("known.toml");
    assert!(more.starts_with(text.trim_end_matches("]\n")) && more.contains("key = \"B\""), "{more}");
    assert!(more.contains("until = \"2027-02-22\"") && more.contains("until = \"2027-02-28\""), "{more}");
}

#[test]
fn new_findings_fail_and_gone_ones_are_reported() {
    let one = |name, b| service(name, &[("A", "stored-value"), ("B", b)]);
    let sandbox = Sandbox::of([one("api", "same-value"), one("web", "web-value")]);
    let sandbox = sandbox.file(".env", "A=local-value\nB=same-value\n");
    assert_eq!(sandbox.run(WRITE).code, 0);
    set_b(&sandbox, "web-value");
    let ended = sandbox.run(NEW_ONLY);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("error: B differs") && !ended.out.contains("A differs"), "{ended:?}");
    assert!(ended.out.contains("FAIL  api") && ended.out.contains("PASS  web"), "{ended:?}");
    ended.assert_shows("gone: value-differs B (web) help: to update it, run:");
    let ended = sandbox.run(&with(NEW_ONLY, &["-s", "web"]));
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("gone: value-differs B (web)");
    ended.assert_shows("doctor check --baseline=known.toml --write-baseline --service=web");
    let ended = sandbox.run(&with(NEW_ONLY, &["-s", "api"]));
    assert!(!ended.out.contains("gone:"), "web was not checked: {ended:?}");
    let of_web = || sandbox.text("known.toml").matches("service = \"web\"").count();
    sandbox.run(&with(WRITE, &["-s", "api"]));
    assert_eq!(of_web(), 2, "web was not checked");
    sandbox.run(WRITE);
    assert_eq!(of_web(), 1);
}

#[test]
fn without_flags_everything_is_reported() {
    let sandbox = recorded();
    set_b(&sandbox, "another-value");
    let ended = sandbox.run(&NEW_ONLY[..3]);
    assert!(ended.code == 1 && ended.out.contains("error: A differs"), "{ended:?}");
    ended.assert_shows("known.toml: 1 new finding, 1 known finding");
    ended.assert_shows("2 errors · 4 values compared · ");
}

#[test]
fn expired_entries_count_again() {
    let sandbox = recorded().apart(100 * DAY);
    let ended = sandbox.run(NEW_ONLY);
    assert_eq!(ended.code, 1, "{ended:?}");
    ended.assert_shows("expired, reported again: value-differs A (api) and value-differs A (web)");
    assert_eq!(sandbox.run(WRITE).code, 0);
    assert!(sandbox.text("known.toml").contains("until = \"2027-09-10\""), "{}", sandbox.text("known.toml"));
}

#[test]
fn known_findings_are_in_no_format() {
    let sandbox = recorded();
    for (format, expected) in [
        ("text", Some("1 in known.toml")),
        ("sarif", None),
        ("github", Some("1 in known.toml")),
        ("junit", None),
        ("markdown", Some("known.toml")),
        ("html", Some("1 key is ignored by doctor.toml or in the baseline.")),
    ] {
        let ended = sandbox.run(&with(NEW_ONLY, &["--format", format]));
        assert_eq!(ended.code, 0, "{format}: {ended:?}");
        assert!(!ended.out.contains("A differs"), "{format}: {ended:?}");
        assert!(!ended.out.to_lowercase().contains("all checks passed"), "{format}: {ended:?}");
        let is_said = ended.out.contains("no new findings");
        assert_eq!(is_said, !["sarif", "junit"].contains(&format), "{format}: {ended:?}");
        assert!(expected.is_none_or(|expected| ended.out.contains(expected)), "{format}: {ended:?}");
    }
}

#[test]
fn missing_baseline_is_an_error_with_the_command_that_creates_it() {
    let sandbox = shop();
    let ended = sandbox.run(&with(NEW_ONLY, &["-s", "api"]));
    assert_eq!((ended.code, sandbox.sim.count()), (2, 0), "{ended:?}");
    ended.assert_shows("error: failed to read known.toml cause: no such file help: to create it, run:");
    ended.assert_shows("doctor check --baseline known.toml -s api --write-baseline");
    assert!(!sandbox.work().join("known.toml").exists());
}

#[test]
fn baseline_of_another_environment_is_an_error() {
    let one = || service("api", &[("A", "stored-value")]);
    let project = Project::named("shop").environment(Environment::named("staging").service(one()));
    let project = project.environment(Environment::named("production").service(one()));
    let sandbox =
        Sandbox::new(Sim::new(Estate::of("crew").project(project).with_tokens())).file(".env", "A=local-value\n");
    assert_eq!(sandbox.run(WRITE).code, 0);
    let text = sandbox.text("known.toml");
    for words in [NEW_ONLY, WRITE] {
        let ended = sandbox.run(&with(words, &["-e", "production"]));
        assert_eq!(ended.code, 2, "{ended:?}");
        ended.assert_shows("it was written for shop · staging, and this run checks shop · production");
    }
    assert_eq!(sandbox.text("known.toml"), text);
}

#[test]
fn incomplete_check_writes_nothing() {
    let unreadable = recorded();
    unreadable.sim.fault(Fault::service(&unreadable.id("web"), "Not Authorized").permanent());
    let text = unreadable.text("known.toml");
    let ended = unreadable.run(WRITE);
    assert!(ended.code > 1, "{ended:?}");
    ended.assert_shows("known.toml was not written: web could not be read");
    assert_eq!(unreadable.text("known.toml"), text);
    let nothing = Sandbox::of([service("api", &[("X", "1")])]).file(".env", "A=1\n");
    let ended = nothing.run(&with(WRITE, &["-s", "api", "--fail-on", "never"]));
    assert_eq!(ended.code, 3, "{ended:?}");
    ended.assert_shows("known.toml was not written: nothing was compared");
    assert!(!nothing.work().join("known.toml").exists());
}

#[test]
fn other_files_are_neither_read_nor_replaced() {
    let sandbox = shop()
        .file("notes.toml", "title = \"private\"\n")
        .file("doctor.toml", "fail-on = \"error\"\n")
        .file("empty.toml", "")
        .file("folder/x", "");
    for (path, expected) in [
        ("notes.toml", "notes.toml:1:1: this is not a baseline: it has no `version`"),
        ("empty.toml", "empty.toml:1:1: this is not a baseline: it has no `version`"),
        ("doctor.toml", "doctor.toml"),
        (".env", ".env"),
        (".env.new", "doctor would read it as another kind of file"),
        ("folder", "folder"),
        ("folder/missing/known.toml", "no such file"),
        ("/dev/stdout", "it is not a file"),
        ("/dev/null", "it is a device, not a file"),
        (".git/known.toml", "it is inside a git directory"),
    ] {
        for more in ["--write-baseline", "--new-only"] {
            let ended = sandbox.run(&["check", "--baseline", path, more]);
            assert_eq!((ended.code, sandbox.sim.count()), (2, 0), "{path} {more}: {ended:?}");
            assert!(!ended.text().contains("private"), "{path}: {ended:?}");
            if more == "--write-baseline" {
                ended.assert_shows(expected);
            }
        }
    }
    assert_eq!(sandbox.text("notes.toml"), "title = \"private\"\n");
    assert_eq!(sandbox.text(".env"), "A=local-value\nB=same-value\n");
    assert!(!sandbox.work().join(".env.new").exists());
}

#[cfg(unix)]
#[test]
fn links_out_of_the_directory_and_pipes_are_refused() {
    let sandbox = recorded();
    let outside = sandbox.home().join("outside.toml");
    std::fs::create_dir_all(sandbox.home()).unwrap();
    std::fs::rename(sandbox.work().join("known.toml"), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, sandbox.work().join("known.toml")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(sandbox.work().join("pipe.toml")).status();
    assert!(made.unwrap().success());
    let before = std::fs::read_to_string(&outside).unwrap();
    for (path, cause) in
        [("known.toml", "it follows a symbolic link out of its directory"), ("pipe.toml", "it is a pipe")]
    {
        for more in ["--write-baseline", "--new-only"] {
            let ended = sandbox.run(&["check", "--baseline", path, more]);
            assert_eq!(ended.code, 2, "{path} {more}: {ended:?}");
            ended.assert_shows(cause);
        }
    }
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), before);
}

#[test]
fn report_and_debug_file_never_replace_the_baseline() {
    let sandbox = recorded();
    let text = sandbox.text("known.toml");
    for flag in ["--output", "--debug-api"] {
        for words in [NEW_ONLY, WRITE] {
            let ended = sandbox.run(&with(words, &[flag, "./known.toml"]));
            assert_eq!(ended.code, 2, "{flag}: {ended:?}");
            ended.assert_shows("this run reads it");
        }
    }
    assert_eq!(sandbox.text("known.toml"), text);
}

#[test]
fn flags_need_a_baseline_and_exclude_each_other() {
    let sandbox = shop();
    for (words, part) in [
        (&["check", "--new-only"][..], "--baseline <FILE>"),
        (&["check", "--write-baseline"], "--baseline <FILE>"),
        (&["check", "--baseline", "b", "--new-only", "--write-baseline"], "cannot be used with"),
        (&["demo", "check", "--baseline", "b"], "--baseline is not available in the demo"),
    ] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{words:?}: {ended:?}");
        ended.assert_shows(part);
    }
}

#[test]
fn notes_are_recorded_if_they_fail_the_run() {
    let sandbox = Sandbox::of([service("api", &[("A", "1"), ("EXTRA", "2")])]).file(".env", "A=1\n");
    let note = |words| with(words, &["--fail-on", "note"]);
    assert_eq!(sandbox.run(&["check", "--fail-on", "note"]).code, 1);
    assert_eq!(sandbox.run(WRITE).code, 0);
    assert_eq!(sandbox.run(&note(NEW_ONLY)).code, 1, "without --fail-on, notes are not recorded");
    let ended = sandbox.run(&note(WRITE));
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.run(&note(NEW_ONLY)).code, 0);
}

#[test]
fn fix_ignores_the_baseline() {
    let sandbox = recorded();
    let ended = sandbox.run(&["fix", "--push", "--dry-run", "--only", "A"]);
    assert!(ended.code == 1 && ended.out.contains("api"), "{ended:?}");
}
