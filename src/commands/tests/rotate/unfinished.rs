//! A rotation that was interrupted: running it again completes it, and undo restores it.

use std::sync::Arc;

use crate::commands::tests::rotate::{ENV_FILE, NEW, OLD, rotate, running};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::interrupt::Interrupt;
use crate::io::sim::fault::{Fault, Loss, Moment};
use crate::io::terminal::prompt::script::PreparedAnswer;

fn three() -> Sandbox {
    Sandbox::of(["api", "web", "worker"].map(|name| running(name, &[("API_KEY", OLD)]))).file(".env", ENV_FILE)
}

/// Returns a sandbox after a rotation of which only `.env` and `api` have the new value.
fn interrupted() -> Sandbox {
    let sandbox = three();
    let interrupt = Arc::new(Interrupt::default());
    let pressed = Arc::clone(&interrupt);
    sandbox.sim.after("SetVariables", move |_| {
        pressed.press();
    });
    let words = ["rotate", "API_KEY", "--stdin", "--yes"];
    let ended = sandbox.run_with(&words, vec![PreparedAnswer::Line(NEW)], &interrupt);
    assert_eq!(ended.code, 130, "{ended:?}");
    assert_eq!(sandbox.stored("api", "API_KEY").as_deref(), Some(NEW));
    assert_eq!(sandbox.stored("web", "API_KEY").as_deref(), Some(OLD));
    assert!(sandbox.text(".env").contains(NEW));
    sandbox
}

#[test]
fn same_value_completes_the_rotation() {
    let sandbox = interrupted();
    let ended = rotate(&sandbox, &["--yes", "--format", "json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let expected = [
        "rotate web API_KEY done",
        "rotate worker API_KEY done",
        "redeploy api - done",
        "redeploy web - done",
        "redeploy worker - done",
    ];
    assert_eq!(ended.receipts(), expected);
    for service in ["api", "web", "worker"] {
        assert_eq!(sandbox.stored(service, "API_KEY").as_deref(), Some(NEW), "{service}");
    }
}

#[test]
fn generated_value_replaces_both_earlier_values() {
    let sandbox = interrupted();
    let ended = sandbox.run(&["rotate", "API_KEY", "--generate", "hex:32", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("an earlier rotation of this key did not finish");
    let values = ["api", "web", "worker"].map(|service| sandbox.stored(service, "API_KEY").expect("it is stored"));
    assert!(values.iter().all(|value| *value == values[0] && value.len() == 64), "{values:?}");
    assert!(sandbox.text(".env").contains(&values[0]));
}

#[test]
fn kept_value_of_a_continued_rotation_is_the_first_one() {
    let sandbox = interrupted();
    let ended = rotate(&sandbox, &["--yes", "--keep-old-as=API_KEY_PREVIOUS"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.stored("web", "API_KEY_PREVIOUS").as_deref(), Some(OLD));
}

#[test]
fn undo_restores_what_was_changed() {
    let sandbox = interrupted();
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    for service in ["api", "web", "worker"] {
        assert_eq!(sandbox.stored(service, "API_KEY").as_deref(), Some(OLD), "{service}");
    }
    assert_eq!(sandbox.text(".env"), ENV_FILE);
    let again = rotate(&sandbox, &["--yes"]);
    assert_eq!(again.code, 0, "an undone rotation is not continued: {again:?}");
    assert!(!again.text().contains("did not finish"), "{again:?}");
}

#[test]
fn finished_rotation_is_not_continued() {
    let sandbox = three();
    assert_eq!(rotate(&sandbox, &["--yes"]).code, 0);
    let ended = sandbox.run(&["rotate", "API_KEY", "--generate", "hex:32", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(!ended.text().contains("did not finish"), "{ended:?}");
}

#[test]
fn lost_write_is_completed_by_the_next_run() {
    let sandbox = three();
    sandbox.sim.fault(Fault::lost(Moment::Before, Loss::Reset).on("SetVariables").nth(2));
    let ended = rotate(&sandbox, &["--yes"]);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert_eq!(sandbox.stored("web", "API_KEY").as_deref(), Some(OLD));
    let ended = rotate(&sandbox, &["--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.stored("web", "API_KEY").as_deref(), Some(NEW));
}

#[test]
fn missing_deployments_are_created_by_the_next_run() {
    let sandbox = three();
    let interrupt = Arc::new(Interrupt::default());
    let pressed = Arc::clone(&interrupt);
    sandbox.sim.after_nth("SetVariables", 3, move |_| {
        pressed.press();
    });
    let words = ["rotate", "API_KEY", "--stdin", "--yes"];
    assert_eq!(sandbox.run_with(&words, vec![PreparedAnswer::Line(NEW)], &interrupt).code, 130);
    assert!(!sandbox.mutations().iter().any(|sent| sent.starts_with("Redeploy")), "{:?}", sandbox.mutations());
    let ended = rotate(&sandbox, &["--yes", "--format", "json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.receipts(), ["redeploy api - done", "redeploy web - done", "redeploy worker - done"]);
}

#[test]
fn removed_previous_value_does_not_make_a_rotation_unfinished() {
    let sandbox = three();
    assert_eq!(rotate(&sandbox, &["--yes", "--keep-old-as=API_KEY_PREVIOUS"]).code, 0);
    sandbox.sim.change(|estate| {
        for name in ["api", "web", "worker"] {
            let service = estate.projects[0].environments[0].service_named(name).expect("it exists");
            service.variables.remove("API_KEY_PREVIOUS");
        }
    });
    let words = ["rotate", "API_KEY", "--generate", "hex:32", "--yes", "--keep-old-as=API_KEY_PREVIOUS"];
    let ended = sandbox.run(&words);
    assert!(!ended.text().contains("did not finish"), "{ended:?}");
    assert_eq!(sandbox.stored("web", "API_KEY_PREVIOUS").as_deref(), Some(NEW));
}
