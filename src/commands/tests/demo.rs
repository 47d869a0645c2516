//! `doctor demo`: its commands name the demo, and are true for it.

use std::sync::Arc;
use std::time::Duration;

use crate::commands::tests::sandbox::Sandbox;
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
