//! Reasons why `doctor init` writes no `doctor.toml`.

use crate::commands::tests::fix::service;
use crate::commands::tests::init::{is_written, refused, shop, with_git};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer::{self, Choices, Enter, Line};

#[test]
fn non_interactive_init_shows_file_and_command() {
    let sandbox = shop();
    let ended = sandbox.run(&["init", "--service", "shop-api", "--env-file", ".env", "-e", "staging"]);
    refused(&ended, "writing doctor.toml needs confirmation");
    let again = "\n    doctor init --yes --environment=staging --service=shop-api --env-file=.env\n";
    assert!(ended.err.contains(again), "{ended:?}");
    assert!(ended.out.contains("[services.api]\nname = \"shop-api\"\n"), "{ended:?}");
    assert!(!is_written(&sandbox) && !sandbox.state().exists());
    let in_ci = shop().at_a_terminal().variable("CI", Some("true"));
    refused(&in_ci.run(&["init"]), "writing doctor.toml needs confirmation");
}

#[test]
fn unmatched_file_warns_that_nothing_is_compared() {
    let sandbox = shop().file(".env", "ELSEWHERE=1\n");
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let warning = "no service shares a key with .env, so nothing is compared; see --service";
    assert!(ended.out.contains(warning), "{ended:?}");
    assert!(ended.out.contains("With it, `doctor check` compares no value."), "{ended:?}");
    assert!(!shop().run(&["init", "--yes"]).out.contains("nothing is compared"));
    let elsewhere = Sandbox::of([service("web", &[("A", "1")]).root("apps/web")]).file(".env", "A=1\n");
    let ended = with_git(elsewhere).run(&["init", "--yes"]);
    assert!(ended.out.contains("no service is compared with .env by default, so nothing is compared"), "{ended:?}");
}

#[test]
fn existing_file_is_kept_without_requests() {
    let kept = "# mine\n";
    let sandbox = shop().file("doctor.toml", kept);
    refused(&sandbox.run(&["init", "--yes", "--no-config"]), "doctor.toml already exists");
    refused(&sandbox.run(&["init", "--yes", "--env-file", ".env"]), "invalid --env-file `.env`");
    assert_eq!((sandbox.text("doctor.toml").as_str(), sandbox.sent.borrow().len()), (kept, 0));
    let broken = shop().file("doctor.toml", "not TOML");
    refused(&broken.run(&["init", "--yes"]), "doctor.toml:1:");
    assert_eq!((broken.text("doctor.toml").as_str(), broken.sent.borrow().len()), ("not TOML", 0));
    let flag = shop();
    refused(&flag.run(&["init", "--yes", "--config", "other.toml"]), "invalid --config `other.toml`");
    assert!(flag.sent.borrow().is_empty() && !flag.work().join("other.toml").exists());
}

#[cfg(unix)]
#[test]
fn obstructing_path_is_not_written_through() {
    use std::os::unix::fs::symlink;
    let in_the_way: [fn(&std::path::Path); 4] = [
        |path| symlink("elsewhere.toml", path).unwrap(),
        |path| symlink("/dev/null", path).unwrap(),
        |path| std::fs::create_dir(path).unwrap(),
        |path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success()),
    ];
    for put in in_the_way {
        let sandbox = shop();
        put(&sandbox.work().join("doctor.toml"));
        let ended = sandbox.run(&["init", "--yes"]);
        refused(&ended, "failed to read doctor.toml");
        assert!(ended.err.contains("help: move it away, or make it a readable file\n"), "{ended:?}");
        assert!(!sandbox.work().join("elsewhere.toml").exists() && sandbox.sent.borrow().is_empty());
    }
    // If it appears during the run.
    for put in in_the_way {
        let sandbox = shop();
        let path = sandbox.work().join("doctor.toml");
        sandbox.sim.before("Values", move |_| put(&path));
        refused(&sandbox.run(&["init", "--yes"]), "doctor.toml already exists");
        assert!(!sandbox.work().join("elsewhere.toml").exists() && !sandbox.state().exists());
        let left: Vec<_> =
            std::fs::read_dir(sandbox.work()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left.len(), 2, "no other file: {left:?}");
    }
}

#[cfg(unix)]
#[test]
fn unwritable_directory_leaves_no_files() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = shop();
    let set = |mode| std::fs::set_permissions(sandbox.work(), std::fs::Permissions::from_mode(mode)).unwrap();
    set(0o555);
    // The superuser may write everywhere.
    let can_write = std::fs::write(sandbox.work().join("probe"), "").is_ok();
    if !can_write {
        refused(&sandbox.run(&["init", "--yes"]), "can't change doctor.toml");
    }
    set(0o755);
    assert!(can_write || !is_written(&sandbox));
}

#[test]
fn env_file_outside_repository_is_refused() {
    let sandbox = shop();
    std::fs::write(sandbox.work().join("../outer.env"), "API_KEY=x\n").unwrap();
    let ended = sandbox.run(&["init", "--yes", "--env-file", "../outer.env"]);
    refused(&ended, "failed to read");
    assert!(ended.err.contains("help: run `doctor init` in the directory of that file\n"), "{ended:?}");
    assert!(sandbox.sent.borrow().is_empty() && !is_written(&sandbox));
}

#[cfg(unix)]
#[test]
fn default_env_file_linked_outside_repository_is_omitted() {
    let sandbox = shop();
    std::fs::rename(sandbox.work().join(".env"), sandbox.work().join("../outer.env")).unwrap();
    std::os::unix::fs::symlink("../outer.env", sandbox.work().join(".env")).unwrap();
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(!sandbox.text("doctor.toml").contains("env-file"), "{ended:?}");
    assert_eq!(sandbox.run(&["check"]).code, 1);
}

#[test]
fn reasons_containing_values_are_refused() {
    let sandbox = shop().at_a_terminal();
    let answers = vec![
        Enter,
        Enter,
        Choices(vec![1]),
        Line("it was old-api-key"),
        Line("intended: new-api-key"),
        Line("so"),
        PreparedAnswer::Reply(YesNo::Yes),
    ];
    let ended = sandbox.answered(&["init"], answers);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.err.matches("The reason contains the value of a variable").count(), 2, "{ended:?}");
    let text = sandbox.text("doctor.toml");
    assert!(text.contains("reason   = \"so\"") && !text.contains("api-key"), "{text}");
}

#[test]
fn check_preconditions_apply_to_init() {
    let unlinked = shop().variable("RAILWAY_PROJECT_ID", None).variable("RAILWAY_ENVIRONMENT_ID", None);
    let ended = unlinked.run(&["init", "--yes"]);
    refused(&ended, "no project is selected");
    assert!(ended.err.contains("link the project:\n    railway link\n"), "{ended:?}");
    let logged_out = shop().variable("RAILWAY_API_TOKEN", None);
    assert_eq!(logged_out.run(&["init", "--yes"]).code, 4);
    let part = shop();
    refused(&part.run(&["init", "--yes", "--service", "work"]), "--yes requires full service names");
    let time = shop().run(&["init", "--yes", "--timeout", "soon"]);
    assert_eq!(time.code, 2, "{time:?}");
    for sandbox in [unlinked, logged_out, part] {
        assert!(!is_written(&sandbox) && !sandbox.state().exists());
    }
}

#[test]
fn unavailable_trust_store_still_writes_file_and_warns() {
    let sandbox = shop();
    std::fs::write(sandbox.state(), "in the way").unwrap();
    let ended = sandbox.run(&["init", "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("Wrote doctor.toml.\n"), "{ended:?}");
    assert!(ended.err.contains("doctor.toml is not accepted yet") && ended.err.contains("`doctor trust`"), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn one_time_input_is_refused() {
    let sandbox = shop();
    assert!(std::process::Command::new("mkfifo").arg(sandbox.work().join("pipe")).status().unwrap().success());
    for file in ["-", "/dev/stdin", "pipe"] {
        let ended = sandbox.run(&["init", "--yes", "--env-file", file]);
        assert_eq!(ended.code, 2, "{file}: {ended:?}");
        assert!(ended.err.contains("a file that can be read again"), "{file}: {ended:?}");
    }
    assert!(!sandbox.work().join("doctor.toml").exists());
}
