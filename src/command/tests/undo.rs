//! Putting things back: values, files byte for byte, and what moved on since is left alone.

use crate::command::tests::fix::{API, KEY, WORKER, incident, service};
use crate::command::tests::sandbox::Sandbox;
use crate::outside::sim::seed::incident as seed;

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", KEY];
const OLD: &str = "staging-ops-autumn-key-2025";

fn run_of(out: &str) -> String {
    let start = out.find("undo 2026-").expect("a run is named") + "undo ".len();
    out[start..start + "2026-11-24-1200-0000".len()].to_owned()
}

#[test]
fn undo_brings_the_values_back_and_can_be_undone() {
    let sandbox = incident();
    let fixed = sandbox.run(PUSH);
    let undone = sandbox.run(&["undo", "--yes", "--format", "json"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    let expected = [
        format!("restore {API} {KEY} done"),
        format!("restore {WORKER} {KEY} done"),
        format!("redeploy {API} - done"),
        format!("redeploy {WORKER} - done"),
    ];
    assert_eq!(undone.receipts(), expected);
    assert_eq!(sandbox.stored(API, KEY).as_deref(), Some(OLD));
    let nothing = sandbox.run(&["undo", "--yes"]);
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(nothing.err.contains("nothing to undo here"), "{nothing:?}");
    let list = sandbox.run(&["undo", "--list"]);
    assert!(list.out.contains(&format!("{}  undone", run_of(&fixed.out))), "{list:?}");
    let newest = list.out.lines().next().unwrap().split("  ").next().unwrap().to_owned();
    let again = sandbox.run(&["undo", &newest, "--yes"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(sandbox.stored(API, KEY).as_deref(), Some("staging-ops-step3-key-2026"));
    // A fourth deployment within minutes would be one too many for Railway.
    let fourth = sandbox.run(&["undo", "--yes", "--no-deploy"]);
    assert_eq!(fourth.code, 0, "the fix counts again, and can be undone again: {fourth:?}");
    assert_eq!(sandbox.stored(WORKER, KEY).as_deref(), Some(OLD));
}

#[test]
fn a_pulled_file_comes_back_byte_for_byte() {
    let text = "A=\"old\"  # why\r\n\r\nexport B='2'";
    let sandbox = Sandbox::of([service("api", &[("A", "new"), ("B", "2"), ("C", "3")])]).file(".env", text);
    sandbox.run(&["fix", "--pull", "--yes", "--only", "A", "--only", "C"]);
    assert_ne!(sandbox.text(".env"), text);
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(sandbox.text(".env"), text);
}

#[test]
fn edits_made_since_stay_and_the_keys_come_back() {
    let sandbox = Sandbox::of([service("api", &[("A", "new"), ("C", "3")])]).file(".env", "A=old\nB=2\n");
    sandbox.run(&["fix", "--pull", "--yes", "--only", "A", "--only", "C"]);
    let edited = sandbox.text(".env").replace("B=2", "B=two # mine");
    let sandbox = sandbox.file(".env", &edited);
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(sandbox.text(".env"), "A=old\nB=two # mine\n");
}

#[test]
fn what_somebody_changed_since_is_left_alone() {
    let sandbox = incident();
    sandbox.run(PUSH);
    sandbox.sim.change(|estate| {
        estate.environment("agentverse", "staging").unwrap().service_named(API).unwrap().set(KEY, "a-newer-key");
    });
    let undone = sandbox.run(&["undo", "--yes", "--format", "json"]);
    assert_eq!(undone.code, 6, "{undone:?}");
    assert!(undone.receipts().contains(&format!("restore {API} {KEY} conflict")), "{undone:?}");
    assert_eq!(sandbox.stored(API, KEY).as_deref(), Some("a-newer-key"));
    assert_eq!(sandbox.stored(WORKER, KEY).as_deref(), Some(OLD));
    let edited = Sandbox::of([service("api", &[("A", "new")])]).file(".env", "A=old\n");
    edited.run(&["fix", "--pull", "--yes", "--only", "A"]);
    let edited = edited.file(".env", "A=a third\n");
    assert_eq!(edited.run(&["undo", "--yes"]).code, 6);
    assert_eq!(edited.text(".env"), "A=a third\n");
}

#[test]
fn an_added_variable_is_gone_again_and_a_reference_is_a_reference_again() {
    let sandbox = Sandbox::of([
        service("api", &[("R", "${{Postgres.URL}}"), ("X", "1")]),
        service("Postgres", &[("URL", "pg-url-value")]),
    ])
    .file(".env", "NEW=added\nR=literal-value\nX=1\n");
    let words = ["fix", "--push", "--yes", "--service", "api", "--only", "NEW", "--allow-reference", "R"];
    assert_eq!(sandbox.run(&words).code, 0);
    assert_eq!(sandbox.stored("api", "NEW").as_deref(), Some("added"));
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(sandbox.stored("api", "NEW"), None);
    assert_eq!(sandbox.stored("api", "R").as_deref(), Some("${{Postgres.URL}}"));
}

#[test]
fn undo_asks_shows_and_refuses_like_a_fix() {
    let sandbox = incident();
    sandbox.run(PUSH);
    let sent = sandbox.mutations().len();
    let silent = sandbox.run(&["undo"]);
    assert_eq!(silent.code, 2, "{silent:?}");
    assert!(silent.err.contains("run `doctor undo 2026-11-24-"), "{silent:?}");
    let dry = sandbox.run(&["undo", "--dry-run"]);
    assert_eq!(dry.code, 1, "{dry:?}");
    assert!(dry.out.contains("Plan: 2 variables on Railway, 2 deployments"), "{dry:?}");
    for words in [&["undo", "yesterday"][..], &["undo", "2026-11-24-1200-zzzz"], &["undo", "2020-01-01-0000-0000"]] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{words:?}: {ended:?}");
        assert!(ended.err.contains("doctor undo --list"), "{words:?}: {ended:?}");
    }
    let elsewhere = sandbox.run(&["undo", "--yes", "--api-url", "http://127.0.0.1:9/graphql/v2"]);
    assert_eq!(elsewhere.code, 0, "the sandbox has one Railway only: {elsewhere:?}");
    assert_eq!(sandbox.mutations().len(), sent + 4);
}

#[test]
fn a_record_that_was_tampered_with_is_not_trusted() {
    let sandbox = incident();
    sandbox.run(PUSH);
    for entry in std::fs::read_dir(sandbox.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "journal") {
            let mut bytes = std::fs::read(&path).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let list = sandbox.run(&["undo", "--list"]);
    assert!(list.out.contains("unreadable"), "{list:?}");
    assert_eq!(sandbox.run(&["undo", "--yes"]).code, 2);
    assert_eq!(sandbox.text(".env"), seed::ENV_FILE);
}

#[test]
fn an_empty_journal_is_no_error() {
    let list = incident().run(&["undo", "--list"]);
    assert_eq!((list.code, list.out.as_str()), (0, "No fix was recorded in the last 30 days.\n"));
}
