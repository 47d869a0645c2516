//! Child processes: which programs a run starts, and which environment variables they receive.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed;

use crate::binary::{Doctor, Outcome, outcome};

/// A checkout with a `.env`, a package, a nested repository, and a `git` in `node_modules/.bin` that must not run.
fn checkout() -> Doctor {
    let doctor = Doctor::with_sim(Sim::new(seed::incident::estate()));
    let env = seed::incident::ENV_FILE;
    let doctor = doctor.file(".env", env).file("packages/web/.env", env).file("vendor/inner/.env", env);
    for directory in ["", "vendor/inner"] {
        let status =
            Command::new("git").args(["init", "-q"]).current_dir(doctor.work().join(directory)).status().unwrap();
        assert!(status.success());
    }
    let script = format!("touch '{}'; exit 1", marker(&doctor).display());
    write_script(&doctor.work().join("node_modules/.bin/git"), &script);
    write_script(&doctor.work().join("vendor/inner/bin/git"), &script);
    let base = base(&doctor);
    symlink("work", base.join("link")).unwrap();
    fs::create_dir(base.join("aliases")).unwrap();
    symlink("../work/node_modules/.bin/git", base.join("aliases/git")).unwrap();
    doctor
}

fn base(doctor: &Doctor) -> PathBuf {
    doctor.work().parent().unwrap().to_owned()
}

/// The file that the checkout's `git` creates when it runs.
fn marker(doctor: &Doctor) -> PathBuf {
    base(doctor).join("ran")
}

/// Uses a shell to write a script. If this process wrote it, a child that another thread is starting could inherit the
/// open file, and running the script would fail with `ETXTBSY`.
fn write_script(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\" && chmod +x \"$1\"";
    assert!(Command::new("sh").args(["-c", write, "sh"]).arg(path).arg(script).status().unwrap().success());
}

fn run(doctor: &Doctor, arguments: &[&str], directory: &str, path: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(arguments);
    if arguments[0] != "hook" || arguments[1] == "run" {
        command.args(["--api-url", &doctor.served.url()]);
    }
    doctor.prepare(&mut command);
    command.current_dir(doctor.work().join(directory)).env("PATH", path);
    outcome(command.output().unwrap())
}

const COMMANDS: [&[&str]; 9] = [
    &["check"],
    &["matrix"],
    &["trace", "STAGING_OPS_API_KEY"],
    &["rotate", "STAGING_OPS_API_KEY", "--generate", "hex:32", "--dry-run"],
    &["fix", "--pull", "--dry-run"],
    &["init", "--yes"],
    &["hook", "run"],
    &["hook", "status"],
    &["hook", "install"],
];

#[test]
fn git_inside_the_checkout_is_not_executed() {
    let system = std::env::var("PATH").unwrap();
    for (directory, entry) in [
        ("", "work/node_modules/.bin"),
        ("packages/web", "work/node_modules/.bin"),
        ("packages/web", "work/packages/../node_modules/.bin"),
        ("vendor/inner", "work/node_modules/.bin"),
        ("vendor/inner", "work/vendor/inner/bin"),
        ("packages/web", "link/node_modules/.bin"),
        ("", "aliases"),
    ] {
        for arguments in COMMANDS {
            let doctor = checkout();
            let path = format!("{}:{system}", base(&doctor).join(entry).display());
            let outcome = run(&doctor, arguments, directory, &path);
            assert!(
                !marker(&doctor).exists(),
                "{arguments:?} in {directory:?} with {entry} ran the checkout's git: {outcome:?}"
            );
            let is_missing = outcome.err.contains("git could not") || outcome.err.contains("git is not installed");
            assert!(!is_missing, "{arguments:?} in {directory:?} with {entry} did not use git: {outcome:?}");
            if arguments == ["hook", "install"] {
                assert_eq!(outcome.code, Some(0), "{arguments:?} in {directory:?} with {entry}: {outcome:?}");
            }
        }
    }
}

/// It reads no file that git tracks or ignores.
#[test]
fn comparison_of_environments_starts_no_process() {
    let doctor = Doctor::with_sim(Sim::new(seed::storefront::estate()));
    let doctor = doctor.file("doctor.toml", seed::storefront::CONFIG_FILE);
    let status = Command::new("git").args(["init", "-q"]).current_dir(doctor.work()).status().unwrap();
    assert!(status.success());
    write_script(&base(&doctor).join("tools/git"), &format!("touch '{}'; exit 1", marker(&doctor).display()));
    let path = base(&doctor).join("tools").display().to_string();
    let arguments = ["compare", "staging", "production", "--format", "sarif", "--output", "report.sarif"];
    let outcome = run(&doctor, &arguments, "", &path);
    assert!(outcome.code == Some(1) && !marker(&doctor).exists(), "{outcome:?}");
}

#[test]
fn relative_and_empty_path_entries_are_skipped() {
    let system = std::env::var("PATH").unwrap();
    for entry in ["node_modules/.bin", "./node_modules/.bin", "../work/node_modules/.bin", "", "."] {
        let doctor = checkout();
        write_script(&doctor.work().join("git"), &format!("touch '{}'; exit 1", marker(&doctor).display()));
        for arguments in COMMANDS {
            let outcome = run(&doctor, arguments, "", &format!("{entry}:{system}"));
            assert!(!marker(&doctor).exists(), "{arguments:?} with {entry:?} ran the checkout's git: {outcome:?}");
        }
    }
}

#[test]
fn git_only_in_the_checkout_has_a_specific_error() {
    let doctor = checkout();
    for (entry, cause) in
        [("work/node_modules/.bin", "the only git in PATH is inside the checkout"), ("home", "git is not installed")]
    {
        let path = base(&doctor).join(entry).display().to_string();
        let outcome = run(&doctor, &["hook", "status"], "packages/web", &path);
        assert!(outcome.err.contains(cause), "{outcome:?}");
        assert!(!marker(&doctor).exists());
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
        "GIT_INDEX_FILE",
        // Set by the shell that records the variables.
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    ];
    let system = std::env::var("PATH").unwrap();
    for arguments in COMMANDS {
        let doctor = checkout().variable("RAILWAY_TOKEN", None).variable("OPS_PASSWORD", Some("marker-password"));
        let doctor = doctor.variable("GIT_SSH_COMMAND", Some("marker-command")).variable("LD_BIND_NOT", Some("1"));
        let recorded = base(&doctor).join("recorded");
        let script = format!("env >>'{}'\nPATH='{system}' exec git \"$@\"", recorded.display());
        write_script(&base(&doctor).join("tools/git"), &script);
        let path = format!("{}:{system}", base(&doctor).join("tools").display());
        let outcome = run(&doctor, arguments, "packages/web", &path);
        let recorded =
            fs::read_to_string(&recorded).unwrap_or_else(|_| panic!("{arguments:?} did not run git: {outcome:?}"));
        for line in recorded.lines() {
            let name = line.split('=').next().unwrap();
            assert!(known.contains(&name), "{arguments:?} passes {line} to git");
        }
        assert!(!recorded.contains(seed::ACCOUNT_TOKEN), "{arguments:?}");
    }
}
