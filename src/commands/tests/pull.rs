//! Files that a pull writes, and files that it refuses to write.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::git::tests::git;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const LOCAL: &str = "API_KEY=local-0123456789\n";
const PULLED: &str = "API_KEY=stored-0123456789\n";
const PULL: &[&str] = &["fix", "--pull", "--yes"];

/// Returns a repository that ignores `.env`, and a service with another value.
fn shop() -> Sandbox {
    let sandbox = Sandbox::of([service("api", &[("API_KEY", "stored-0123456789")])]).file(".gitignore", ".env\n");
    git(&sandbox.work(), &["init", "-q"]);
    sandbox.variable("PATH", Some(&std::env::var("PATH").unwrap()))
}

/// Asserts that the run is refused with this cause and a help.
fn refused(ended: &Ended, why: &str) {
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains(why) && ended.err.contains("  help: "), "{why}: {ended:?}");
    assert!(!format!("{ended:?}").contains("0123456789"), "{ended:?}");
}

#[test]
fn tracked_file_requires_allow_tracked() {
    for forced in [false, true] {
        let sandbox = shop().file(".env", LOCAL);
        if forced {
            git(&sandbox.work(), &["add", "-f", ".env"]);
        } else {
            fs::remove_file(sandbox.work().join(".gitignore")).unwrap();
            git(&sandbox.work(), &["add", ".env"]);
        }
        refused(&sandbox.run(PULL), "git tracks it");
        refused(&sandbox.run(&["fix", "--pull", "--dry-run"]), "git tracks it");
        assert_eq!(sandbox.text(".env"), LOCAL);
        let allowed = sandbox.run(&["fix", "--pull", "--yes", "--allow-tracked", "--format", "json"]);
        assert_eq!(allowed.receipts(), ["pull .env API_KEY done"], "{allowed:?}");
        assert_eq!(sandbox.text(".env"), PULLED);
    }
}

#[test]
fn deleted_file_still_in_index_is_not_created() {
    let sandbox = shop().file(".env", LOCAL);
    git(&sandbox.work(), &["add", "-f", ".env"]);
    fs::remove_file(sandbox.work().join(".env")).unwrap();
    refused(&sandbox.run(&["fix", "--pull", "--yes", "--only", "API_KEY", "--service", "api"]), "error: no .env in ");
    refused(&sandbox.run(&["pull", "--yes", "--service", "api"]), "git tracks it");
    assert!(!sandbox.work().join(".env").exists());
}

#[test]
fn unknown_tracking_state_refuses_pull() {
    let sandbox = shop().file(".env", LOCAL).variable("PATH", Some("/nowhere"));
    refused(&sandbox.run(PULL), "could not determine whether git tracks it: git is not installed");
    assert_eq!(sandbox.text(".env"), LOCAL);
}

#[test]
fn template_file_requires_allow_tracked() {
    for name in [".env.example", ".env.dist", "sample.env", ".env.local.template"] {
        let sandbox = shop().file(name, LOCAL);
        let flag = format!("--env-file={name}");
        refused(&sandbox.run(&["fix", "--pull", "--yes", &flag]), "its name marks it as a template");
        assert_eq!(sandbox.text(name), LOCAL);
        sandbox.run(&["fix", "--pull", "--yes", &flag, "--allow-tracked"]);
        assert_eq!(sandbox.text(name), PULLED);
    }
    // The target of a link may be a template, too.
    let sandbox = shop().file(".env.example", LOCAL);
    symlink(".env.example", sandbox.work().join(".env")).unwrap();
    refused(&sandbox.run(PULL), "its name marks it as a template");
    assert_eq!(sandbox.text(".env.example"), LOCAL);
}

#[test]
fn doctor_toml_cannot_bypass_file_restrictions() {
    for (name, why) in [(".env.example", "its name marks it as a template"), ("config/vars", "git tracks it")] {
        let sandbox = shop().file(name, LOCAL).file("doctor.toml", &format!("env-file = [\"{name}\"]\n"));
        git(&sandbox.work(), &["add", "."]);
        refused(&sandbox.run(PULL), why);
        assert_eq!(sandbox.text(name), LOCAL);
    }
}

#[test]
fn read_only_file_is_unchanged() {
    for mode in [0o400, 0o440, 0o444] {
        let sandbox = shop().file(".env", LOCAL);
        fs::set_permissions(sandbox.work().join(".env"), Permissions::from_mode(mode)).unwrap();
        refused(&sandbox.run(PULL), "it is read-only");
        refused(&sandbox.run(&["fix", "--pull", "--yes", "--allow-tracked"]), "it is read-only");
        assert_eq!(sandbox.text(".env"), LOCAL);
    }
}

#[test]
fn hard_link_keeps_old_text_and_plan_warns() {
    let sandbox = shop().file(".env", LOCAL);
    fs::hard_link(sandbox.work().join(".env"), sandbox.work().join("other.env")).unwrap();
    let plan = sandbox.run(&["fix", "--pull", "--dry-run"]);
    assert!(plan.out.contains("other hard links to .env keep the old text"), "{plan:?}");
    sandbox.run(PULL);
    assert_eq!((sandbox.text(".env").as_str(), sandbox.text("other.env").as_str()), (PULLED, LOCAL));
}

#[test]
fn user_symlink_is_reported_with_its_target() {
    let sandbox = shop();
    let outside = sandbox.work().join("../other.env");
    fs::write(&outside, LOCAL).unwrap();
    symlink("../other.env", sandbox.work().join(".env")).unwrap();
    let checked = sandbox.run(&["check"]);
    assert!(checked.out.contains(".env is a link to ../other.env, outside the checkout"), "{checked:?}");
    let plan = sandbox.run(&["fix", "--pull", "--dry-run"]);
    assert!(plan.out.contains(".env is a link; the file that changes is ../other.env"), "{plan:?}");
    let pulled = sandbox.run(PULL);
    assert!(pulled.out.contains("the file that changes is ../other.env"), "{pulled:?}");
    assert_eq!(fs::read_to_string(&outside).unwrap(), PULLED);
    assert!(sandbox.work().join(".env").symlink_metadata().unwrap().is_symlink());
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!((undone.code, fs::read_to_string(&outside).unwrap().as_str()), (0, LOCAL), "{undone:?}");
}

#[test]
fn tracked_symlink_leaving_checkout_is_refused() {
    for (target, link, file) in [("../other.env", ".env", ".env"), ("../other", "config", "config/.env")] {
        let sandbox = shop();
        let outer = sandbox.work().parent().unwrap().to_owned();
        fs::create_dir(outer.join("other")).unwrap();
        for name in ["other.env", "other/.env"] {
            fs::write(outer.join(name), LOCAL).unwrap();
        }
        symlink(target, sandbox.work().join(link)).unwrap();
        git(&sandbox.work(), &["add", "-f", link]);
        let flag = format!("--env-file={file}");
        for words in [&["check"][..], PULL, &["fix", "--push", "--yes", "--only", "API_KEY"], &["matrix"]] {
            refused(&sandbox.run(&[words, &[&flag]].concat()), "a link that git tracks");
        }
        assert_eq!(sandbox.mutations(), [""; 0]);
        assert_eq!(fs::read_to_string(outer.join("other.env")).unwrap(), LOCAL);
        assert_eq!(fs::read_to_string(outer.join("other/.env")).unwrap(), LOCAL);
    }
}

#[test]
fn git_internal_files_are_neither_read_nor_written() {
    let value = "https://example.com/x.git\n[core]\n\tfsmonitor = touch owned; false\n[x]\n\ty = z";
    for (place, toml) in [(".git/config", true), (".git/config", false), ("vendor/bare/config", false)] {
        let sandbox = shop();
        let secret = "[remote \"origin\"]\n\turl = https://user:ghp_0123456789@example.com/x.git\n";
        git(&sandbox.work(), &["init", "-q", "--bare", "vendor/bare"]);
        fs::write(sandbox.work().join(place), secret).unwrap();
        sandbox.sim.change(|estate| {
            let environment = &mut estate.projects[0].environments[0];
            let api = environment.service_named("api").unwrap();
            *api = api.clone().variables(&[("url", value)]);
        });
        if toml {
            fs::write(sandbox.work().join("doctor.toml"), format!("env-file = [\"{place}\"]\n")).unwrap();
        } else {
            symlink(place, sandbox.work().join(".env")).unwrap();
        }
        for words in [&["check"][..], PULL, &["matrix"], &["fix", "--push", "--yes", "--only", "url"]] {
            refused(&sandbox.run(words), "inside a git directory");
        }
        let named = format!("--env-file={place}");
        refused(&sandbox.run(&["check", "--no-config", &named]), "inside a git directory");
        assert_eq!(sandbox.text(place), secret);
    }
}

#[test]
fn reference_in_file_is_not_overwritten_by_default() {
    let stored =
        [("APP_NAME", "Shop"), ("MAIL_FROM_NAME", "Shop"), ("API_KEY", "stored-0123456789"), ("PASSWORD", "p$word-2")];
    let env = "APP_NAME=Shop\nMAIL_FROM_NAME=\"${APP_NAME}\"\nAPI_KEY=local-0123456789\nPASSWORD='p$word-1'\n";
    let pulled = "APP_NAME=Shop\nMAIL_FROM_NAME=\"${APP_NAME}\"\nAPI_KEY=stored-0123456789\nPASSWORD='p$word-2'\n";
    let shop = || Sandbox::of([service("api", &stored)]).file(".env", env);
    let sandbox = shop();
    let ended = sandbox.run(PULL);
    assert_eq!(sandbox.text(".env"), pulled, "{ended:?}");
    let sandbox = shop();
    sandbox.run(&["fix", "--pull", "--yes", "--only", "MAIL_FROM_NAME"]);
    assert_eq!(sandbox.text(".env"), env.replace("${APP_NAME}", "Shop"));
    // At a prompt, a choice for all findings does not overwrite it either.
    let sandbox = shop().at_a_terminal();
    sandbox.answered(&["fix"], vec![PreparedAnswer::Choice(1), PreparedAnswer::Reply(YesNo::Yes)]);
    assert_eq!(sandbox.text(".env"), pulled);
}

#[test]
fn bare_dollar_is_reference_only_to_key_in_file() {
    for (env, key, is_pulled) in [
        ("HOST=a\nURL=$HOST/x\n", "URL", false),
        ("HOST=a\nURL='${HOST}/x'\n", "URL", false),
        ("HOST=a\nURL=${HOST:-b}/x\n", "URL", false),
        ("HOST=a\nURL=${{shared.URL}}\n", "URL", false),
        ("HOST=a\nURL=$HOSTS/x\n", "URL", true),
        ("HOST=a\nURL='\\$HOST/x'\n", "URL", true),
        ("HOST=a\nURL=5$\n", "URL", true),
    ] {
        let sandbox = Sandbox::of([service("api", &[("HOST", "a"), (key, "b/x")])]).file(".env", env);
        let ended = sandbox.run(&["fix", "--pull", "--yes", "--format=json"]);
        assert_eq!(sandbox.text(".env").contains("b/x"), is_pulled, "{env}: {ended:?}");
    }
}

#[test]
fn prompt_omits_pull_for_unwritable_file() {
    let sandbox = shop().file(".env", LOCAL).at_a_terminal();
    git(&sandbox.work(), &["add", "-f", ".env"]);
    let ended = sandbox.answered(&["fix"], vec![PreparedAnswer::Choice(0), PreparedAnswer::Reply(YesNo::No)]);
    assert!(ended.asked[0].contains("Push .env") && !ended.asked[0].contains("Pull Railway"), "{ended:?}");
    let allowed = sandbox
        .answered(&["fix", "--allow-tracked"], vec![PreparedAnswer::Choice(1), PreparedAnswer::Reply(YesNo::Yes)]);
    assert!(allowed.asked[0].contains("Pull Railway's values to .env"), "{allowed:?}");
    assert_eq!(sandbox.text(".env"), PULLED);
}

#[test]
fn undo_does_not_restore_into_tracked_file() {
    let sandbox = shop().file(".env", LOCAL);
    sandbox.run(PULL);
    git(&sandbox.work(), &["add", "-f", ".env"]);
    let undone = sandbox.run(&["undo", "--yes"]);
    assert_eq!((undone.code, sandbox.text(".env").as_str()), (6, PULLED), "{undone:?}");
    assert!(undone.out.contains("git tracks it"), "{undone:?}");
    let undone = sandbox.run(&["undo", "--yes", "--allow-tracked"]);
    assert_eq!((undone.code, sandbox.text(".env").as_str()), (0, LOCAL), "{undone:?}");
}

#[test]
fn allowed_fix_prints_matching_undo_command() {
    let sandbox = shop().file(".env", LOCAL);
    git(&sandbox.work(), &["add", "-f", ".env"]);
    let ended = sandbox.run(&["fix", "--pull", "--yes", "--allow-tracked"]);
    let (_, command) = ended.out.split_once("To undo this run:\n").unwrap_or_else(|| panic!("{ended:?}"));
    assert!(command.lines().next().is_some_and(|line| line.ends_with(" --allow-tracked")), "{ended:?}");
    assert_eq!((sandbox.run(&["undo", "--yes", "--allow-tracked"]).code, sandbox.text(".env").as_str()), (0, LOCAL));
}

#[test]
fn named_pipe_can_be_pushed_but_not_pulled() {
    let sandbox = shop();
    let path = sandbox.work().join(".env");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let serve = |times: usize| {
        let path = path.clone();
        std::thread::spawn(move || (0..times).for_each(|_| fs::write(&path, LOCAL).unwrap()))
    };
    let program = serve(1);
    refused(&sandbox.run(PULL), "it is a stream, which can't be written");
    program.join().unwrap();
    let program = serve(1);
    let ended = sandbox.run(&["fix", "--push", "--yes", "--only", "API_KEY"]);
    program.join().unwrap();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.stored("api", "API_KEY").as_deref(), Some("local-0123456789"));
}
