//! `doctor demo`: its commands name the demo, and are true for it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::commands::tests::without_file::report;
use crate::io::sim::Sim;
use crate::io::sim::seed::{incident, rotation};
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::{PreparedAnswer, Script};

fn sandbox() -> Sandbox {
    Sandbox::of([])
}

/// Returns the lines with a command of `doctor`, without those of the user's own project and of `explain`.
fn commands(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("doctor "));
    lines.filter(|line| !line.contains("your own project") && !line.starts_with("doctor explain")).collect()
}

#[test]
fn printed_commands_are_commands_of_the_demo() {
    for (arguments, minimum) in [
        (&["demo"][..], 8),
        (&["demo", "check", "--only", "FOO"], 1),
        (&["demo", "fix", "--push"], 1),
        (&["demo", "fix", "--help"], 3),
        (&["help", "demo", "check"], 3),
        (&["demo", "undo", "--help"], 3),
        (&["demo", "matrix", "--help"], 3),
        (&["demo", "compare", "--help"], 2),
        (&["demo", "compare", "--only", "FOO"], 1),
        (&["demo", "trace"], 1),
        (&["demo", "trace", "--help"], 2),
        (&["demo", "trace", "STAGING_OPS_KEY"], 1),
        (&["demo", "trace", "APP_ENV"], 1),
        (&["demo", "rotate"], 7),
        (&["demo", "rotate", "--help"], 2),
        (&["demo", "rotate", "--generate", "uuid", "--dry-run"], 1),
        (&["demo", "rotate", "--generate", "uuid"], 1),
        (&["demo", "rotate", "REDIS_URL", "--generate", "uuid"], 1),
        (&["demo", "undo", "2026"], 1),
        (&["demo", "undo", "2026-01-01-0000-0007"], 1),
    ] {
        let ended = sandbox().run(arguments);
        let text = [ended.out, ended.err].join("\n");
        let commands = commands(&text);
        assert!(commands.len() >= minimum, "{arguments:?}: {text}");
        let others: Vec<&&str> = commands.iter().filter(|line| !line.starts_with("doctor demo")).collect();
        assert!(others.is_empty(), "{arguments:?}: {others:?}");
    }
}

#[test]
fn fix_in_demo_does_not_claim_that_undo_restores_this_run() {
    let ended = sandbox().run(&["demo", "fix", "--pull", "--yes", "--only", "STAGING_OPS_API_KEY"]);
    assert!(ended.out.contains("done  pull"), "{ended:?}");
    assert!(!ended.out.contains("To undo this run"), "{ended:?}");
    let remark = "each demo command starts from the same state; `doctor demo undo` shows how to undo the tour's fix";
    assert!(ended.out.contains(remark), "{ended:?}");
}

#[test]
fn undo_command_of_the_demo_list_works_later() {
    let sandbox = sandbox();
    let list = sandbox.run(&["demo", "undo", "--list"]);
    let printed = commands(&list.out);
    assert_eq!(printed, ["doctor demo undo"], "{list:?}");
    let words: Vec<&str> = printed[0].split(' ').skip(1).chain(["--dry-run"]).collect();
    let undo = sandbox.run(&words);
    assert!(undo.code == 1 && undo.out.contains("Nothing was changed: this was a dry run."), "{undo:?}");
}

#[test]
fn interrupted_fix_in_demo_does_not_refer_to_its_lost_state() {
    let fix = ["demo", "fix", "--push", "--yes", "--only", "STAGING_OPS_API_KEY"];
    let ended = sandbox().interrupted_after(Duration::from_secs(1)).run(&fix);
    assert_eq!(ended.code, 130, "{ended:?}");
    assert!(!ended.out.contains("shows the current state"), "{ended:?}");
    assert_eq!(ended.out.lines().filter(|line| line.starts_with("interrupted")).count(), 1, "{ended:?}");
}

#[test]
fn interrupted_undo_in_demo_has_changed_nothing() {
    let (script, interrupt) = (Script::new(vec![PreparedAnswer::Interrupt]), Arc::default());
    let ended = sandbox().at_a_terminal().run_asking(&["demo", "undo"], &script, &interrupt);
    assert_eq!(ended.code, 130, "{ended:?}");
    assert!(ended.err.ends_with("doctor: interrupted; nothing was changed\n"), "{ended:?}");
}

#[test]
fn project_of_the_rotation_has_no_error_or_warning() {
    let sandbox = Sandbox::new(Sim::new(rotation::estate()))
        .file(".env", incident::ENV_FILE)
        .file("doctor.toml", incident::CONFIG_FILE);
    let ended = sandbox.run(&["check", "--fail-on", "warning", "--format", "json"]);
    let summary = &report(&ended)["summary"];
    assert_eq!((ended.code, &summary["errors"], &summary["warnings"]), (0, &0.into(), &0.into()), "{ended:?}");
}

/// Returns the places of a trace, such as `agentverse-api-staging OPS_KEY`.
fn places(ended: &Ended) -> Vec<String> {
    let report = report(ended);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let places = report["trace"]["places"].as_array().unwrap().iter();
    places.map(|place| ["service", "key", "form", "running"].map(|name| text(&place[name])).join(" ")).collect()
}

#[test]
fn trace_finds_every_copy_and_no_near_miss() {
    let ended = sandbox().run(&["demo", "trace", "--format", "json"]);
    let expected = [
        "- STAGING_OPS_API_KEY literal -",
        "- OPS_KEY literal -",
        "agentverse-api-staging OPS_CLIENTS_JSON json same",
        "agentverse-api-staging STAGING_OPS_API_KEY literal same",
        "agentverse-console OPS_AUTHORIZATION basic-header same",
        "agentverse-drills CALLBACK_URL url same",
        "agentverse-drills CHAOS_API_KEY literal same",
        "agentverse-reports STAGING_OPS_API_KEY literal older",
        "agentverse-status PROBE_KEY - same",
        "agentverse-worker-staging STAGING_OPS_API_KEY literal same",
    ];
    assert_eq!((ended.code, places(&ended)), (0, expected.map(str::to_owned).into()));
}

#[test]
fn rotation_tour_ends_with_no_copy_left() {
    let [ended, named] =
        [&["demo", "rotate"][..], &["demo", "rotate", "STAGING_OPS_API_KEY"]].map(|words| sandbox().run(words));
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(named.out.lines().next(), ended.out.lines().next());
    let mut rest = ended.out.as_str();
    for part in [
        "\n  doctor demo trace\n",
        "is used in 10 places",
        "\n  doctor demo rotate --generate alnum:40 --all-copies --yes\n",
        "8 variables on Railway, 1 change in .env, 6 deployments",
        "done  redeploy  agentverse-status",
        "The old value is left nowhere.",
        "so it can be revoked",
        "Try it yourself:",
    ] {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{part} is missing or too early: {ended:?}"));
        rest = after;
    }
    assert!(ended.asked.is_empty() && ended.took < Duration::from_secs(20), "{ended:?}");
}

#[test]
fn interrupted_rotation_does_not_claim_that_nothing_is_left() {
    let ended = sandbox().interrupted_after(Duration::from_millis(300)).run(&["demo", "rotate"]);
    assert_eq!(ended.code, 130, "{ended:?}");
    for claim in ["can be revoked", "left nowhere", "run the same command again"] {
        assert!(!ended.out.contains(claim), "{claim}: {ended:?}");
    }
}

#[test]
fn flags_run_the_rotation_without_the_tour() {
    for (flags, code) in [
        (&["--generate", "uuid", "--dry-run"][..], 1),
        (&["--generate", "uuid"], 2),
        (&["--generate", "uuid", "--yes"], 6),
        (&["--generate", "uuid", "--yes", "--all-copies"], 0),
        (&["--generate", "uuid", "--yes", "--all-copies", "--format", "json"], 0),
        (&["--dry-run"], 2),
    ] {
        let ended = sandbox().unattended().run(&[&["demo", "rotate"], flags].concat());
        assert_eq!(ended.code, code, "{flags:?}: {ended:?}");
        assert!(!ended.out.contains("pasted into a public chat"), "{flags:?}: {ended:?}");
    }
}

#[test]
fn rotation_in_demo_takes_a_typed_and_a_piped_value() {
    const NEW: &str = "jR7vWq2ZtM9xKb4NcL6p";
    let line = || PreparedAnswer::Line(NEW);
    let answers = vec![line(), line(), PreparedAnswer::Reply(YesNo::Yes)];
    let typed = sandbox().at_a_terminal().answered(&["demo", "rotate", "--all-copies"], answers);
    let words = ["demo", "rotate", "--stdin", "--all-copies", "--yes"];
    let piped = sandbox().unattended().answered(&words, vec![line()]);
    for ended in [typed, piped] {
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(!ended.text().contains(NEW) && ended.out.contains("left nowhere"), "{ended:?}");
    }
}

#[test]
fn demo_of_the_rotation_refuses_paths_of_the_user() {
    for command in ["trace", "rotate"] {
        for flags in [["--env-file", ".env"], ["--output", "x"], ["--config", "x"], ["--api-url", "http://127.0.0.1:9"]]
        {
            let ended = sandbox().run(&[&["demo", command], &flags[..]].concat());
            let refusal = format!("{} is not available in the demo", flags[0]);
            assert!(ended.code == 2 && ended.err.contains(&refusal), "{command}: {ended:?}");
        }
    }
}
