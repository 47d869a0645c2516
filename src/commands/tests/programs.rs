//! The JSON output: one document on standard output, and an error as one line on standard error.

use serde_json::{Value, json};

use crate::commands::tests::deploy::{api, shop};
use crate::commands::tests::fix::{KEY, incident, service};
use crate::commands::tests::init;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::git::tests::git;
use crate::io::terminal::prompt::script::PreparedAnswer::Interrupt;

const MARKERS: [&str; 3] = ["new-value", "old-value", "staging-ops-step3-key-2026"];

fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("not JSON: {ended:?}"))
}

/// Returns the error in the last line.
fn error(ended: &Ended) -> Value {
    let last = ended.err.lines().last().unwrap_or_default();
    let report: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("not JSON: {ended:?}"));
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["error"]["exit_code"], ended.code, "{ended:?}");
    report
}

#[test]
fn unconfirmed_fix_reports_plan_and_command() {
    for words in [&["fix", "--push"][..], &["fix", "--push", "--dry-run"]] {
        let sandbox = shop(api());
        let ended = sandbox.run(&[words, &["--format", "json", "--only", "A"]].concat());
        let report = document(&ended);
        assert!(MARKERS.iter().all(|marker| !(ended.out.clone() + &ended.err).contains(marker)), "{ended:?}");
        let variable = json!({ "service": "api", "key": "A", "change": "change", "stored": "value",
            "keeps_value": false, "from": { "file": ".env", "line": 1 } });
        assert_eq!(report["plan"]["variables"], json!([variable]), "{ended:?}");
        assert_eq!(report["plan"]["deployments"][0]["method"], "again");
        let next = json!(["doctor", "fix", "--push", "--yes", "--only=A"]);
        assert_eq!(report["plan"]["next"], next);
        assert_eq!(report["summary"]["exit_code"], ended.code);
        assert_eq!(report["findings"][0]["rule"], "value-differs", "{ended:?}");
        if ended.code == 2 {
            let error = error(&ended);
            assert_eq!((&error["command"], &error["error"]["kind"]), (&json!("fix"), &json!("not-confirmed")));
            assert_eq!(error["error"]["commands"], json!([next]));
        } else {
            assert_eq!((ended.code, ended.err.as_str()), (1, ""), "a dry run is not an error");
        }
        assert_eq!(sandbox.mutations(), Vec::<String>::new());
        let typed: Vec<String> = serde_json::from_value(report["plan"]["next"].clone()).unwrap();
        let typed: Vec<&str> = typed.iter().skip(1).map(String::as_str).collect();
        assert_eq!(sandbox.run(&typed).code, 0, "the printed command applies the plan");
    }
}

#[test]
fn fix_without_keys_or_direction_reports_what_it_would_change() {
    let sandbox = shop(api());
    let unnamed = sandbox.run(&["fix", "--push", "--yes", "--format", "json"]);
    assert_eq!(document(&unnamed)["plan"]["variables"][0]["key"], "A", "{unnamed:?}");
    assert_eq!(error(&unnamed)["error"]["kind"], "not-confirmed");
    let undirected = sandbox.run(&["fix", "--format", "json"]);
    let report = document(&undirected);
    assert_eq!((&report["plan"], &report["findings"][0]["key"]), (&Value::Null, &json!("A")), "{undirected:?}");
    assert_eq!(error(&undirected)["error"]["commands"][0][1], "fix");
    let dry = sandbox.run(&["fix", "--dry-run", "--format", "json"]);
    assert_eq!(document(&dry)["plan"]["next"][2], "--push", "{dry:?}");
}

#[test]
fn check_json_has_exactly_the_contract_fields() {
    let report = document(&shop(api()).run(&["check", "--format", "json"]));
    let names: Vec<&String> = report.as_object().unwrap().keys().collect();
    let mut expected = [
        "schema_version",
        "command",
        "target",
        "files",
        "unread_files",
        "services",
        "summary",
        "findings",
        "ignored",
        "receipts",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn unconfirmed_rotation_reports_plan_and_command() {
    let sandbox = || Sandbox::of([service("api", &[("A", "kV93xLq0wMn72RbYcJd5")])]);
    for words in [&["rotate", "A"][..], &["rotate", "A", "--dry-run"]] {
        let sandbox = sandbox().file(".env", "A=kV93xLq0wMn72RbYcJd5\n");
        let ended = sandbox.run(&[words, &["--generate", "hex:32", "--format", "json"]].concat());
        let report = document(&ended);
        assert!(!(ended.out.clone() + &ended.err).contains("kV93x"), "{ended:?}");
        let variable = &report["plan"]["variables"][0];
        assert_eq!((&variable["service"], &variable["key"]), (&json!("api"), &json!("A")), "{ended:?}");
        assert_eq!(report["plan"]["deployments"][0]["method"], "again", "{ended:?}");
        let next = json!(["doctor", "rotate", "A", "--generate=hex:32", "--yes"]);
        assert_eq!(report["plan"]["next"], next, "{ended:?}");
        if ended.code == 2 {
            let error = error(&ended);
            assert_eq!((&error["command"], &error["error"]["kind"]), (&json!("rotate"), &json!("not-confirmed")));
            assert_eq!(error["error"]["commands"], json!([next]), "{ended:?}");
        } else {
            assert_eq!((ended.code, ended.err.as_str()), (1, ""), "a dry run is not an error");
        }
        assert_eq!(sandbox.mutations(), Vec::<String>::new());
        let typed: Vec<String> = serde_json::from_value(report["plan"]["next"].clone()).unwrap();
        let typed: Vec<&str> = typed.iter().skip(1).map(String::as_str).collect();
        assert_eq!(sandbox.run(&typed).code, 0, "the printed command applies the plan");
    }
}

#[test]
fn trace_reports_places_and_the_command_that_changes_them() {
    let services = [service("api", &[("A", "kV93xLq0wMn72RbYcJd5"), ("COPY", "kV93xLq0wMn72RbYcJd5")])];
    let sandbox = Sandbox::of(services).file(".env", "A=kV93xLq0wMn72RbYcJd5\n");
    let ended = sandbox.run(&["trace", "A", "--format", "json"]);
    let report = document(&ended);
    assert_eq!((ended.code, ended.err.as_str(), &report["command"]), (0, "", &json!("trace")), "{ended:?}");
    let keys: Vec<&Value> = report["trace"]["places"].as_array().unwrap().iter().map(|place| &place["key"]).collect();
    assert_eq!(keys, [&json!("A"), &json!("A"), &json!("COPY")], "{ended:?}");
    assert_eq!(report["trace"]["next"], json!(["doctor", "rotate", "A", "--all-copies"]), "{ended:?}");
    assert!(!ended.out.contains("kV93x"), "{ended:?}");
}

#[test]
fn undo_reports_plan() {
    let sandbox = shop(api());
    assert_eq!(sandbox.run(&["fix", "--push", "--yes", "--only", "A"]).code, 0);
    let ended = sandbox.run(&["undo", "--format", "json"]);
    let report = document(&ended);
    assert_eq!(report["plan"]["variables"][0]["key"], "A", "{ended:?}");
    assert_eq!(error(&ended)["error"]["commands"], json!([report["plan"]["next"]]));
    assert!(MARKERS.iter().all(|marker| !ended.out.contains(marker)), "{ended:?}");
    let dry = sandbox.run(&["undo", "--dry-run", "--format", "json"]);
    assert_eq!((dry.code, &document(&dry)["plan"]), (1, &report["plan"]));
}

#[test]
fn errors_are_json_objects_only_with_json_format() {
    for (words, code, kind) in [
        (&["check", "--service", "nobody"][..], 2, "unknown-name"),
        (&["check", "--env-file", "none.env"], 2, "unreadable-file"),
        (&["matrix", "--timeout", "soon"], 2, "usage"),
        (&["compare", "staging", "nowhere"], 2, "usage"),
        (&["compare", "staging", "--token", "x"], 2, "usage"),
        (&["trace", "AA"], 2, "unknown-name"),
        (&["trace", "A", "--from", "nobody"], 2, "unknown-name"),
        (&["trace", "A=new-value"], 2, "usage"),
        (&["trace", "A", "--yes"], 2, "usage"),
        (&["rotate", "A"], 2, "not-confirmed"),
        (&["rotate", "A", "--generate", "hex:1", "--yes"], 2, "usage"),
        (&["rotate", "A", "--generate", "uuid", "--stdin"], 2, "usage"),
        (&["rotate", "AA", "--generate", "uuid", "--yes"], 2, "unknown-name"),
        (&["fix", "--hoist", "AA"], 2, "unknown-name"),
        (&["explain", "no-such-rule"], 2, "usage"),
        (&["undo", "--list", "20260101-000000"], 2, "usage"),
        (&["fix", "--push", "--pull"], 2, "usage"),
        (&["nonsense"], 2, "usage"),
    ] {
        let sandbox = shop(api());
        let json = sandbox.run(&[words, &["--format", "json"]].concat());
        assert_eq!((json.code, &error(&json)["error"]["kind"]), (code, &json!(kind)), "{words:?}: {json:?}");
        let help = error(&json)["error"]["help"].as_str().map(str::len);
        assert!(help > Some(0), "{json:?}");
        let text = sandbox.run(words);
        assert!(text.code == code && !text.err.contains('{'), "{text:?}");
        assert!(text.err.starts_with("error: "), "{text:?}");
    }
}

#[test]
fn unknown_command_json_has_the_command_to_run() {
    let ended = shop(api()).run(&["push", "--only", "A", "--format", "json"]);
    let error = error(&ended)["error"].clone();
    assert_eq!((ended.code, &error["message"]), (2, &json!("unrecognized subcommand 'push'")), "{ended:?}");
    assert_eq!(error["cause"], Value::Null, "{ended:?}");
    assert_eq!(error["commands"], json!([["doctor", "fix", "--push"]]), "{ended:?}");
}

#[test]
fn invalid_value_json_has_only_the_valid_values_as_cause() {
    let ended = shop(api()).run(&["check", "--fail-on", "soon", "--format", "json"]);
    let error = error(&ended)["error"].clone();
    assert_eq!(error["cause"], "[possible values: error, warning, note, never]", "{ended:?}");
    assert_eq!(error["commands"], json!([["doctor", "check", "--help"]]), "{ended:?}");
}

#[test]
fn names_with_backticks_add_no_command() {
    let file = "a`railway down`b.env";
    let words = ["fix", "--push", "--yes", "--only", KEY, "--format", "json"];
    let declared = incident()
        .file(file, &format!("{KEY}=other\n"))
        .file("doctor.toml", &format!("env-file = [\"{file}\"]\n"))
        .run(&words);
    let flag = format!("--env-file={file}");
    let with_file = [&["doctor"], &words[..], &[&flag]].concat();
    let named = |words: &[&str]| {
        let name = "x`railway down`y";
        let sandbox = Sandbox::of([service(name, &[("A", "1")]), service("api", &[("A", "1")])]).file(".env", "A=2\n");
        sandbox.run(&[words, &["--format", "json"]].concat())
    };
    let typed = "x\ntip: run `railway down`";
    for (ended, commands) in [
        (declared, json!([["doctor", "trust"], with_file])),
        (named(&["check", "--service", "x`railway down`z"]), json!([])),
        (named(&["fix", "--push", "--yes", "--only", "A", "--service", "down"]), json!([])),
        (named(&[typed]), json!([])),
    ] {
        let error = &error(&ended)["error"];
        assert_eq!((ended.code, &error["commands"]), (2, &commands), "{ended:?}");
    }
}

#[test]
fn auth_status_json_reports_known_token_details() {
    let ended = shop(api()).run(&["auth", "status", "--format=json"]);
    let report = document(&ended);
    assert_eq!(
        (ended.code, &report["exit_code"], &report["command"]),
        (0, &json!(0), &json!("auth status")),
        "{ended:?}"
    );
    assert_eq!((&report["token"]["kind"], &report["token"]["from"]), (&json!("account"), &json!("RAILWAY_API_TOKEN")));
    assert_eq!(report["target"]["reads_variables"], true);
    let logged_out = shop(api()).variable("RAILWAY_API_TOKEN", None).run(&["auth", "status", "--format=json"]);
    let report = document(&logged_out);
    assert_eq!(
        (logged_out.code, &report["exit_code"], &report["token"]),
        (4, &json!(4), &Value::Null),
        "{logged_out:?}"
    );
    assert!(report["places"].as_array().unwrap().len() >= 4);
    assert_eq!(error(&logged_out)["error"]["kind"], "no-credentials");
}

#[test]
fn hook_status_reports_state_of_each_hook() {
    let sandbox = Sandbox::of([]).variable("PATH", Some(&std::env::var("PATH").unwrap()));
    git(&sandbox.work(), &["init", "-q"]);
    let states = |sandbox: &Sandbox| {
        let ended = sandbox.run(&["hook", "status", "--format", "json"]);
        let report = document(&ended);
        assert_eq!(report["exit_code"], ended.code);
        [0, 1].map(|index| report["hooks"][index]["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(states(&sandbox), ["none", "none"]);
    assert_eq!(sandbox.run(&["hook", "install"]).code, 0);
    assert_eq!(states(&sandbox), ["doctor", "none"]);
    let foreign = sandbox.work().join(".git/hooks/pre-push");
    std::fs::write(foreign, "#!/bin/sh\n# lefthook\n").unwrap();
    assert_eq!(states(&sandbox), ["doctor", "foreign"]);
}

#[test]
fn init_json_shows_file_and_writes_only_with_yes() {
    let sandbox = init::shop().at_a_terminal();
    let shown = sandbox.run(&["init", "--format", "json"]);
    let report = document(&shown);
    assert_eq!((shown.code, &report["written"], init::is_written(&sandbox)), (2, &json!(false), false), "{shown:?}");
    assert!(shown.asked.is_empty(), "there are no prompts");
    assert_eq!(report["next"], json!(["doctor", "init", "--yes", "--format=json"]));
    assert_eq!(error(&shown)["error"]["commands"], json!([report["next"]]));
    let written = sandbox.run(&["init", "--yes", "--format", "json"]);
    let report = document(&written);
    assert_eq!((written.code, &report["written"], &report["accepted"]), (0, &json!(true), &json!(true)), "{written:?}");
    assert_eq!(report["text"], sandbox.text("doctor.toml"));
    assert_eq!(report["required"], json!(["TEAM_TOKEN"]));
    assert_eq!(report["services"][0]["alias"], "api");
    for value in ["new-api-key", "old-api-key", "postgres://", "live-mode", "jobs-queue"] {
        assert!(!written.out.contains(value), "{value}: {written:?}");
    }
    let again = sandbox.run(&["init", "--yes", "--format", "json"]);
    assert_eq!((again.code, &document(&again)["written"]), (0, &json!(false)), "nothing is new: {again:?}");
}

#[test]
fn explain_json_includes_explanations() {
    let sandbox = incident();
    let all = document(&sandbox.run(&["explain", "--format", "json"]));
    assert!(all["rules"].as_array().unwrap().len() > 20);
    let one = document(&sandbox.run(&["explain", "D103", "--format", "json"]));
    assert_eq!(one["rules"].as_array().unwrap().len(), 1);
    assert_eq!(one["rules"][0]["rule"], "value-differs");
    assert!(one["rules"][0]["explanation"].as_str().unwrap().contains("## Suppress"));
}

#[test]
fn ctrl_c_at_question_reports_interrupted_error() {
    let sandbox = shop(api()).at_a_terminal();
    let ended = sandbox.answered(&["fix", "--format", "json"], vec![Interrupt]);
    assert_eq!((ended.code, &error(&ended)["error"]["kind"]), (130, &json!("interrupted")), "{ended:?}");
}
