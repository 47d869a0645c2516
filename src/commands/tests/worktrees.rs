//! Linked git worktrees: `check`, `matrix` and `hook run` read the files of the main worktree, and nothing writes there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::git::tests::git;
use crate::io::sim::estate::SimService;

const ENV: &str = "API_KEY=k3y-of-this-shop\nMODE=on\n";

/// The name of the main worktree, beside the working directory.
const MAIN: &str = "shop";

/// Makes the working directory a linked worktree of a repository that ignores `.env`.
fn linked(services: impl IntoIterator<Item = SimService>) -> Sandbox {
    let path = std::env::var("PATH").unwrap();
    let sandbox = Sandbox::of(services).apart(Duration::from_secs(10));
    let home = sandbox.home().to_str().unwrap().to_owned();
    let sandbox = sandbox.variable("PATH", Some(&path)).variable("HOME", Some(&home));
    let main = main(&sandbox);
    fs::create_dir(&main).unwrap();
    fs::write(main.join(".gitignore"), ".env\n.env.*\n!.env.example\n").unwrap();
    git(&main, &["init", "-q"]);
    git(&main, &["add", "."]);
    git(&main, &["commit", "-q", "-m", "first"]);
    git(&main, &["worktree", "add", "-q", "--detach", sandbox.work().to_str().unwrap()]);
    sandbox
}

fn main(sandbox: &Sandbox) -> PathBuf {
    sandbox.work().with_file_name(MAIN)
}

/// Writes a file of the main worktree that only its owner can read.
fn in_main(sandbox: Sandbox, name: &str, text: &str) -> Sandbox {
    sandbox.file(&format!("../{MAIN}/{name}"), text)
}

/// Returns a worktree whose main worktree has a `.env` that differs from Railway in one key.
fn drifted() -> Sandbox {
    in_main(linked([service("api", &[("API_KEY", "another-key-of-old"), ("MODE", "on")])]), ".env", ENV)
}

fn agreed() -> Sandbox {
    in_main(linked([service("api", &[("API_KEY", "k3y-of-this-shop"), ("MODE", "on")])]), ".env", ENV)
}

/// Returns the contents and times of all files in a directory, without those of git.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != ".git") {
        if entry.file_type().unwrap().is_dir() {
            files.extend(snapshot(&entry.path()));
        } else {
            let modified = entry.metadata().unwrap().modified().unwrap();
            files.insert(entry.path(), (fs::read(entry.path()).unwrap(), modified));
        }
    }
    files
}

fn parsed(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// Returns the `next` of the finding about a key.
fn next(report: &Value, key: &str) -> Option<Vec<String>> {
    let findings = report["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["key"] == key).unwrap_or_else(|| panic!("{key}: {report:#}"));
    let next = finding["next"].as_array()?;
    Some(next.iter().map(|argument| argument.as_str().unwrap().to_owned()).collect())
}

#[test]
fn check_and_matrix_report_the_file_of_the_main_worktree() {
    let sandbox = drifted();
    let before = snapshot(&main(&sandbox));
    let ended = sandbox.run(&["check"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.lines().next().unwrap().ends_with(" · ../shop/.env (main worktree)"), "{ended:?}");
    ended.assert_shows("API_KEY differs between ../shop/.env and Railway");
    let help = "help: run:\n    doctor fix --only API_KEY --push --env-file=../shop/.env\n";
    assert!(ended.out.contains(help) && !ended.out.contains("pull"), "{ended:?}");
    let matrix = sandbox.run(&["matrix"]);
    assert_eq!(matrix.code, 1, "{matrix:?}");
    assert!(matrix.out.lines().next().unwrap().contains("../shop/.env (main worktree)"), "{matrix:?}");
    assert!(matrix.out.ends_with("For details, run:\n    doctor check\n"), "{matrix:?}");
    let report = parsed(&sandbox.run(&["check", "--format=json"]));
    assert_eq!(report["files"], json!([{ "file": "../shop/.env", "origin": "main worktree" }]));
    assert_eq!(report["findings"][0]["remedies"], json!(["push"]));
    assert_eq!(snapshot(&main(&sandbox)), before);
    assert_eq!(snapshot(&sandbox.work()).len(), 1, "only .gitignore");
}

#[test]
fn printed_fix_pushes_the_values_of_the_report() {
    let sandbox = drifted();
    let before = snapshot(&main(&sandbox));
    let next = next(&parsed(&sandbox.run(&["check", "--format=json"])), "API_KEY").unwrap();
    assert_eq!(next, ["doctor", "fix", "--only", "API_KEY", "--push", "--env-file=../shop/.env"]);
    let words: Vec<&str> = next[1..].iter().map(String::as_str).chain(["--yes"]).collect();
    let ended = sandbox.run(&words);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(sandbox.stored("api", "API_KEY").as_deref(), Some("k3y-of-this-shop"));
    assert_eq!(sandbox.run(&["check"]).code, 0);
    assert_eq!(snapshot(&main(&sandbox)), before);
}

#[test]
fn files_of_the_worktree_come_first() {
    for (own, shown) in
        [(".env", ".env (default)"), (".env.staging", ".env.staging (default)"), (".env.local", "../shop/.env (main")]
    {
        let sandbox = in_main(drifted().file(own, "MODE=off\n"), ".env.production", "MODE=no\n");
        let ended = sandbox.run(&["check"]);
        assert!(ended.out.lines().next().unwrap().contains(&format!(" · {shown}")), "{own}: {ended:?}");
        assert_eq!(ended.out.contains(".env.local is not read"), own == ".env.local", "{ended:?}");
    }
    let ended = in_main(drifted(), ".env.staging", "MODE=off\n").run(&["check"]);
    ended.assert_shows("../shop/.env.staging (main worktree)");
    ended.assert_shows("MODE differs between ../shop/.env.staging and Railway");
}

#[test]
fn declared_needs_do_not_replace_the_file_of_the_main_worktree() {
    let ended = drifted().file(".env.example", "API_KEY=\n").run(&["check"]);
    ended.assert_shows("../shop/.env (main worktree)");
    ended.assert_shows("API_KEY differs between ../shop/.env and Railway");
    let ended = drifted().file(".env.example", "API_KEY=\n").run(&["check", "--no-env-file"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(!ended.out.contains("main worktree"), "{ended:?}");
}

#[test]
fn no_command_fixes_all_findings_at_once() {
    let names: Vec<String> = (0..12).map(|number| format!("KEY_{number}")).collect();
    let of = |value: &str| names.iter().map(|name| format!("{name}={value}-{name}\n")).collect::<Vec<_>>().concat();
    let stored: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "stored-value")).collect();
    let ended = in_main(linked([service("api", &stored)]), ".env", &of("local")).run(&["check"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(!ended.out.contains("    doctor fix\n") && !ended.out.contains("doctor init"), "{ended:?}");
    let own = Sandbox::of([service("api", &stored)]).file(".env", &of("local")).run(&["check"]);
    assert!(own.out.contains("    doctor fix\n") && own.out.contains("doctor init"), "{own:?}");
}

#[test]
fn subdirectories_correspond() {
    let sandbox = linked([
        service("api", &[("KEY_A", "1-of-api")]).root("packages/api"),
        service("web", &[("KEY_A", "1-of-web")]).root("packages/web"),
    ]);
    let sandbox = in_main(sandbox.file("packages/api/main.py", ""), "packages/api/.env", "KEY_A=2-of-api\n");
    let ended = sandbox.within("packages/api").run(&["check"]);
    ended.assert_shows("/shop/packages/api/.env (main worktree) · 1 of 2 services (by shared keys)");
    assert!(!ended.out.contains("1-of-web"), "{ended:?}");
}

#[test]
fn declared_files_are_read_there_too() {
    const CONFIG: &str = "env-file = \".env\"\n[services.api]\nname = \"api\"\n[services.web]\nname = \"web\"\nenv-file = \
                          [\"web/.env\", \"web/.env.shared\"]\n";
    let services = [
        service("api", &[("API_KEY", "another-key-of-old")]),
        service("web", &[("WEB_KEY", "1-of-web"), ("SHARED_KEY", "2-of-both")]),
    ];
    let sandbox = in_main(linked(services), ".env", ENV).file("doctor.toml", CONFIG);
    let sandbox = in_main(sandbox, "web/.env", "WEB_KEY=2-of-web\n").file("web/.env.shared", "SHARED_KEY=2-of-both\n");
    let before = snapshot(&main(&sandbox));
    let ended = sandbox.run(&["check", "--format=json"]);
    let report = parsed(&ended);
    let origins: Vec<String> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| ["file", "origin"].map(|field| file[field].as_str().unwrap()).join(" from "))
        .collect();
    let expected =
        ["../shop/.env from main worktree", "../shop/web/.env from main worktree", "web/.env.shared from doctor.toml"];
    assert_eq!(origins, expected, "{ended:?}");
    // `--env-file` applies to all services of a run, so the fix names the service as well.
    let next = next(&report, "WEB_KEY").unwrap();
    let files = ["--env-file=../shop/web/.env", "--env-file=web/.env.shared"];
    assert_eq!(next[1..], [&["fix", "--only", "WEB_KEY", "--push", "--service=web"][..], &files].concat());
    let words: Vec<&str> = next[1..].iter().map(String::as_str).chain(["--yes"]).collect();
    assert_eq!(sandbox.run(&words).code, 0);
    assert_eq!(sandbox.mutations()[0], "SetVariables web WEB_KEY");
    assert_eq!(snapshot(&main(&sandbox)), before);
    fs::remove_file(main(&sandbox).join("web/.env")).unwrap();
    let ended = sandbox.run(&["check"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("failed to read web/.env");
}

#[test]
fn other_commands_do_not_read_or_write_there() {
    let sandbox = drifted();
    let before = snapshot(&main(&sandbox));
    for words in [&["fix"][..], &["fix", "--push", "--yes"], &["fix", "--pull"], &["fix", "--redeploy", "--yes"]] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.starts_with("error: no .env in "), "{ended:?}");
        let command = [&["doctor"], words, &["--env-file=../shop/.env"]].concat().join(" ");
        ended.assert_shows(&format!("to use the file of the main worktree, ../shop/.env, run: {command}"));
    }
    let ended = sandbox.run(&["fix", "--pull", "--yes", "--only=API_KEY", "--service=api"]);
    assert!(ended.code == 2 && !sandbox.work().join(".env").exists(), "{ended:?}");
    assert_eq!(sandbox.mutations(), [""; 0]);
    assert_eq!(snapshot(&main(&sandbox)), before);
}

#[test]
fn report_does_not_replace_a_file_of_the_main_worktree() {
    let sandbox = drifted();
    let before = snapshot(&main(&sandbox));
    let ended = sandbox.run(&["check", "--output=../shop/.env"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert_eq!(snapshot(&main(&sandbox)), before);
}

#[test]
fn exposure_in_the_main_worktree_is_reported() {
    let sandbox = agreed();
    let main = main(&sandbox);
    git(&main, &["add", "-f", ".env"]);
    git(&main, &["commit", "-q", "-m", "second"]);
    let ended = sandbox.run(&["check"]);
    ended.assert_shows("error: git tracks ../shop/.env, which contains secrets: API_KEY [env-file-exposed]");
    ended.assert_shows("git -C ../shop rm --cached -- .env");
}

#[test]
fn file_that_cannot_be_read_there_is_an_error() {
    let sandbox = drifted();
    fs::remove_file(main(&sandbox).join(".env")).unwrap();
    std::os::unix::fs::symlink("nowhere", main(&sandbox).join(".env")).unwrap();
    let ended = sandbox.run(&["check"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("failed to read ../shop/.env");
}

#[test]
fn git_file_without_back_link_leads_nowhere() {
    let sandbox = agreed();
    fs::write(main(&sandbox).join(".git/worktrees/work/gitdir"), "/elsewhere/.git\n").unwrap();
    for words in [&["check"][..], &["matrix"]] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{ended:?}");
        ended.assert_shows("error: no .env in ");
    }
}

#[test]
fn hook_searches_and_compares_values_of_the_main_worktree() {
    let sandbox = in_main(agreed(), "web/.env", "WEB_TOKEN=4f1c9a77b2d04e\n");
    let before = snapshot(&main(&sandbox));
    let ended = sandbox.run(&["hook", "run"]);
    assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{ended:?}");
    assert_eq!(
        ended.err,
        "doctor: shop · staging: 2 values compared on 1 service, no drift (../shop/.env of the main worktree)\n"
    );
    let cached = sandbox.run(&["hook", "run"]);
    assert!(cached.err.ends_with(" s ago, no drift (../shop/.env of the main worktree)\n"), "{cached:?}");
    for (text, origin) in [
        ("key = 'k3y-of-this-shop'\n", "API_KEY (../shop/.env:1)"),
        ("'4f1c9a77b2d04e'", "WEB_TOKEN (../shop/web/.env:1)"),
    ] {
        let sandbox = in_main(agreed(), "web/.env", "WEB_TOKEN=4f1c9a77b2d04e\n").file("a.py", text);
        git(&sandbox.work(), &["add", "a.py"]);
        let ended = sandbox.run(&["hook", "run"]);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.out.starts_with(&format!("error: a.py:1 adds the value of {origin}")), "{ended:?}");
    }
    let ended = drifted().run(&["hook", "run"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("API_KEY differs between ../shop/.env and Railway"), "{ended:?}");
    assert!(ended.err.contains("\n    doctor check\n"), "{ended:?}");
    assert_eq!(snapshot(&main(&sandbox)), before);
}

#[test]
fn cached_result_depends_on_the_file_of_the_main_worktree() {
    let requests = |sandbox: &Sandbox| {
        assert_eq!(sandbox.run(&["hook", "run"]).code, 0);
        sandbox.sent.borrow().len()
    };
    for config in ["", "env-file = \".env\"\n"] {
        let sandbox = agreed().file("doctor.toml", config);
        assert_eq!([requests(&sandbox), requests(&sandbox)], [2, 2], "{config}");
        let sandbox = in_main(sandbox, ".env", &format!("{ENV}# more\n"));
        assert_eq!(requests(&sandbox), 4, "{config}");
    }
}
