//! Which programs a run starts, and what it gives them: real files, a real `PATH`, real git.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed;

use crate::binary::{Doctor, Ended, ended};

/// A checkout with a file of variables, a nested folder and a nested repository, and its own `git` in `node_modules/.bin`.
fn checkout() -> Doctor {
    let doctor = Doctor::beside(Sim::new(seed::incident::estate()));
    let env = seed::incident::ENV_FILE;
    let doctor = doctor.file(".env", env).file("packages/web/.env", env).file("vendor/inner/.env", env);
    for folder in ["", "vendor/inner"] {
        let done = Command::new("git").args(["init", "-q"]).current_dir(doctor.work().join(folder)).status().unwrap();
        assert!(done.success());
    }
    let mark = format!("touch '{}'; exit 1", mark(&doctor).display());
    program(&doctor.work().join("node_modules/.bin/git"), &mark);
    program(&doctor.work().join("vendor/inner/bin/git"), &mark);
    let base = base(&doctor);
    symlink("work", base.join("link")).unwrap();
    fs::create_dir(base.join("aliases")).unwrap();
    symlink("../work/node_modules/.bin/git", base.join("aliases/git")).unwrap();
    doctor
}

fn base(doctor: &Doctor) -> PathBuf {
    doctor.work().parent().unwrap().to_owned()
}

/// The file that the checkout's program leaves.
fn mark(doctor: &Doctor) -> PathBuf {
    base(doctor).join("ran")
}

/// Writes a script. A shell does it: while another thread starts a child, a file that this process writes can't be run.
fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\" && chmod +x \"$1\"";
    assert!(Command::new("sh").args(["-c", write, "sh"]).arg(path).arg(script).status().unwrap().success());
}

fn run(doctor: &Doctor, words: &[&str], folder: &str, path: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(words);
    if words[0] != "hook" || words[1] == "run" {
        command.args(["--api-url", &doctor.served.url()]);
    }
    doctor.prepare(&mut command);
    command.current_dir(doctor.work().join(folder)).env("PATH", path);
    ended(command.output().unwrap())
}

const COMMANDS: [&[&str]; 7] = [
    &["check"],
    &["matrix"],
    &["fix", "--pull", "--dry-run"],
    &["init", "--yes"],
    &["hook", "run"],
    &["hook", "status"],
    &["hook", "install"],
];

#[test]
fn git_inside_the_checkout_is_not_executed() {
    let system = std::env::var("PATH").unwrap();
    for (folder, entry) in [
        ("", "work/node_modules/.bin"),
        ("packages/web", "work/node_modules/.bin"),
        ("packages/web", "work/packages/../node_modules/.bin"),
        ("vendor/inner", "work/node_modules/.bin"),
        ("vendor/inner", "work/vendor/inner/bin"),
        ("packages/web", "link/node_modules/.bin"),
        ("", "aliases"),
    ] {
        for words in COMMANDS {
            let doctor = checkout();
            let path = format!("{}:{system}", base(&doctor).join(entry).display());
            let ended = run(&doctor, words, folder, &path);
            assert!(!mark(&doctor).exists(), "{words:?} in {folder:?} with {entry} ran it: {ended:?}");
            let is_missed = ended.err.contains("git can't") || ended.err.contains("git is not installed");
            assert!(!is_missed, "{words:?} in {folder:?} with {entry} does without git: {ended:?}");
            if words == ["hook", "install"] {
                assert_eq!(ended.code, Some(0), "{words:?} in {folder:?} with {entry}: {ended:?}");
            }
        }
    }
}

#[test]
fn relative_and_empty_path_entries_are_skipped() {
    let system = std::env::var("PATH").unwrap();
    for entry in ["node_modules/.bin", "./node_modules/.bin", "../work/node_modules/.bin", "", "."] {
        let doctor = checkout();
        program(&doctor.work().join("git"), &format!("touch '{}'; exit 1", mark(&doctor).display()));
        for words in COMMANDS {
            let ended = run(&doctor, words, "", &format!("{entry}:{system}"));
            assert!(!mark(&doctor).exists(), "{words:?} with {entry:?} ran it: {ended:?}");
        }
    }
}

#[test]
fn git_only_in_the_checkout_has_its_own_error() {
    let doctor = checkout();
    for (entry, why) in
        [("work/node_modules/.bin", "the only git in PATH lies inside the checkout"), ("home", "git is not installed")]
    {
        let path = base(&doctor).join(entry).display().to_string();
        let ended = run(&doctor, &["hook", "status"], "packages/web", &path);
        assert!(ended.err.contains(why), "{ended:?}");
        assert!(!mark(&doctor).exists());
    }
}

#[test]
fn git_receives_only_the_variables_it_needs() {
    let known = [
        "HOME",
        "XDG_CONFIG_HOME",
        "USERPROFILE",
        "PATH",
        "GIT_ALLOW_PROTOCOL",
        "GIT_NO_LAZY_FETCH",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_TERMINAL_PROMPT",
        "LC_ALL",
        "GIT_INDEX_FILE", // Set by the shell that writes them down.
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    ];
    let system = std::env::var("PATH").unwrap();
    for words in COMMANDS {
        let doctor = checkout().variable("RAILWAY_TOKEN", None).variable("OPS_PASSWORD", Some("marker-password"));
        let doctor = doctor.variable("GIT_SSH_COMMAND", Some("marker-command")).variable("LD_BIND_NOT", Some("1"));
        let given = base(&doctor).join("given");
        let script = format!("env >>'{}'\nPATH='{system}' exec git \"$@\"", given.display());
        program(&base(&doctor).join("tools/git"), &script);
        let path = format!("{}:{system}", base(&doctor).join("tools").display());
        let ended = run(&doctor, words, "packages/web", &path);
        let given = fs::read_to_string(&given).unwrap_or_else(|_| panic!("{words:?} asked no git: {ended:?}"));
        for line in given.lines() {
            let name = line.split('=').next().unwrap();
            assert!(known.contains(&name), "{words:?} gives git {line}");
        }
        assert!(!given.contains(seed::ACCOUNT_TOKEN), "{words:?}");
    }
}
