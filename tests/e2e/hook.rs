//! Commits and pushes in a git repository, blocked or allowed by the installed hooks.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::binary::{Doctor, Outcome, outcome};
use crate::server::Misbehaviour;
use crate::test_each::test_each;

const ENV: &str = "API_KEY=k3y-of-this-shop\nMODE=on\n";

/// Limit for a hook, which may take 3 seconds; the rest allows for git and a slow machine.
const BUDGET: Duration = Duration::from_millis(3900);

fn write_script(doctor: &Doctor, name: &str, script: &str) {
    let path = doctor.home().join("bin").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A repository with its hooks in the working tree, so that they call the `doctor` in `PATH`: a script that passes the
/// address of the simulated Railway.
fn in_repository(stored: &[(&str, &str)]) -> Doctor {
    let service = SimService::named("api").repository("shop/shop").variables(stored);
    let environment = Environment::named("staging").service(service);
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    let doctor = Doctor::new(estate).file(".env", ENV).file(".gitignore", ".env\n").file("a.py", "one\n");
    let path = format!("{}:{}", doctor.home().join("bin").display(), std::env::var("PATH").unwrap());
    let doctor = doctor
        .variable("PATH", Some(&path))
        .variable("GIT_CONFIG_NOSYSTEM", Some("1"))
        .variable("DBUS_SESSION_BUS_ADDRESS", Some("unix:path=/nonexistent/bus"));
    let url = doctor.served.url();
    write_script(&doctor, "doctor", &format!("exec '{}' \"$@\" --api-url '{url}'", env!("CARGO_BIN_EXE_doctor")));
    fs::write(doctor.home().join(".gitconfig"), "[user]\nname = Ada\nemail = ada@example.com\n").unwrap();
    for script in [
        "git init -q --initial-branch=main",
        "git add .gitignore a.py",
        "git commit -q -m first",
        "git config core.hooksPath hooks",
        "doctor hook install pre-commit pre-push --yes",
    ] {
        assert_eq!(shell(&doctor, script).code, Some(0), "{script}");
    }
    doctor
}

fn without_drift() -> Doctor {
    in_repository(&[("API_KEY", "k3y-of-this-shop"), ("MODE", "on")])
}

fn shell(doctor: &Doctor, script: &str) -> Outcome {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    doctor.prepare(&mut command);
    outcome(command.output().unwrap())
}

fn timed(doctor: &Doctor, script: &str) -> (Outcome, Duration) {
    let start = Instant::now();
    (shell(doctor, script), start.elapsed())
}

#[track_caller]
fn assert_blocked(doctor: &Doctor, script: &str, message: &str) {
    let outcome = shell(doctor, script);
    assert_eq!(outcome.code, Some(1), "{script}: {outcome:?}");
    let output = format!("{}{}", outcome.out, outcome.err);
    assert!(output.contains("blocked by doctor") && output.contains(message), "{outcome:?}");
}

#[track_caller]
fn assert_succeeds(doctor: &Doctor, script: &str) -> Outcome {
    let outcome = shell(doctor, script);
    assert_eq!(outcome.code, Some(0), "{script}: {outcome:?}");
    outcome
}

#[test]
fn each_kind_of_commit_is_checked_by_its_content() {
    let doctor = without_drift();
    let second = assert_succeeds(&doctor, "echo two >> a.py; git commit -q -a -m second");
    assert_eq!(second.err, "doctor: shop · staging: 2 values compared on 1 service, no drift\n");
    let secret = "a.py:3 adds the value of API_KEY (.env:1), a secret-like key";
    assert_succeeds(&doctor, "echo \"'k3y-of-this-shop'\" >> a.py");
    assert_blocked(&doctor, "git commit -q -a -m third", secret);
    assert_blocked(&doctor, "git commit -q -m third a.py", secret);
    assert_succeeds(&doctor, "echo b > b.py; git add b.py; git commit -q -m 'third, without a.py'");
    assert_blocked(&doctor, "git add a.py; git commit -q -m fourth", secret);
    assert_succeeds(&doctor, "echo bb > b.py; git commit -q -m 'fourth, without a.py' b.py");
    assert_blocked(&doctor, "git commit -q -m fifth", secret);
    assert_blocked(&doctor, "mkdir -p sub; cd sub; git commit -q -m fifth", secret);
    assert_succeeds(&doctor, "DOCTOR=0 git commit -q -m fifth");
    assert_succeeds(&doctor, "git commit -q --amend -m 'fifth, reworded'");
    let log = assert_succeeds(&doctor, "git log --format=%s | wc -l");
    assert_eq!(log.out.trim(), "5");
}

#[test]
fn linked_worktree_is_checked_by_its_own_commit() {
    let doctor = without_drift();
    assert_succeeds(&doctor, "git add hooks; git commit -q -m hooks; git worktree add -q ../linked; cp .env ../linked");
    assert_succeeds(&doctor, "echo \"'k3y-of-this-shop'\" >> a.py; git add a.py");
    assert_succeeds(&doctor, "cd ../linked; echo x > x.py; git add x.py; git commit -q -m x");
    assert_blocked(
        &doctor,
        "cd ../linked; git add -f .env; git commit -q -m env",
        ".env:1 adds API_KEY, a secret-like key",
    );
    assert_blocked(&doctor, "cd ../linked/hooks; git commit -q -m env", ".env:1 adds API_KEY");
}

#[test]
fn drift_blocks_commit_and_push() {
    let doctor = in_repository(&[("API_KEY", "previous-api-key-1"), ("MODE", "on")]);
    assert_blocked(&doctor, "echo two >> a.py; git commit -q -a -m second", "API_KEY");
    assert_succeeds(&doctor, "git init -q --bare ../remote; git remote add origin ../remote");
    assert_blocked(&doctor, "git push -q origin main", "API_KEY");
    assert_eq!(assert_succeeds(&doctor, "git ls-remote origin").out, "");
    assert_succeeds(&doctor, "DOCTOR=0 git push -q origin main");
    assert_ne!(assert_succeeds(&doctor, "git ls-remote origin").out, "");
}

#[test]
fn push_is_checked_by_its_commits() {
    let doctor = without_drift();
    assert_succeeds(&doctor, "git init -q --bare ../remote; git remote add origin ../remote; git push -q origin main");
    assert_succeeds(&doctor, "echo \"'k3y-of-this-shop'\" >> a.py; DOCTOR=0 git commit -q -a -m second");
    assert_succeeds(&doctor, "git checkout -q HEAD~1 -- a.py; git commit -q -m third");
    let secret = "a.py:2 adds the value of API_KEY (.env:1), a secret-like key";
    assert_blocked(&doctor, "git push -q origin main", secret);
    assert_blocked(&doctor, "git push -q origin main:new", secret);
    assert_blocked(&doctor, "git tag -a -m one v1 HEAD~1; git push -q origin v1", secret);
    let line = "refs/heads/main $(git rev-parse HEAD) refs/heads/main $(git rev-parse HEAD~2)";
    assert_blocked(&doctor, &format!("echo \"{line}\" | doctor hook run"), secret);
    assert_succeeds(&doctor, "echo \"API_KEY=k3y-of-this-shop\" | doctor hook run");
    assert_succeeds(&doctor, "git push -q origin HEAD~2:refs/heads/old; git push -q origin :old");
    assert_succeeds(&doctor, "echo four > b.py; git add b.py; git commit -q -m fourth");
    assert_succeeds(&doctor, "DOCTOR=0 git push -q origin main");
    assert_succeeds(&doctor, "echo five > b.py; git commit -q -a -m fifth; git push -q origin main");
}

#[test]
fn values_of_a_stream_are_compared_and_searched_for() {
    let doctor = without_drift();
    fs::remove_file(doctor.work().join(".env")).unwrap();
    let piped = |value: &str| format!("printf 'API_KEY={value}\nMODE=on\n' | doctor hook run --strict --env-file -");
    assert_succeeds(&doctor, &piped("k3y-of-this-shop"));
    let drift = shell(&doctor, &piped("another-k3y-of-it"));
    assert_eq!(drift.code, Some(1), "no result of another stream is used again: {drift:?}");
    fs::write(doctor.work().join("pay.py"), "KEY = 'k3y-of-this-shop'\n").unwrap();
    assert_succeeds(&doctor, "git add pay.py");
    let leak = shell(&doctor, &piped("k3y-of-this-shop"));
    let message = "error: pay.py:1 adds the value of API_KEY (standard input:1)";
    assert!(leak.code == Some(1) && leak.out.starts_with(message), "{leak:?}");
    assert_succeeds(&doctor, "git commit -q --no-verify -m leak");
    fs::write(doctor.work().join(".env"), ENV).unwrap();
    write_script(
        &doctor,
        "pushed",
        "mkfifo variables; cat .env >variables & exec doctor hook run --env-file variables",
    );
    let line = "refs/heads/main $(git rev-parse HEAD) refs/heads/main $(git rev-parse HEAD~1)";
    let push = shell(&doctor, &format!("echo \"{line}\" | pushed"));
    assert!(push.code == Some(1) && push.out.contains("pay.py:1 adds the value of API_KEY"), "{push:?}");
}

#[test]
fn open_standard_input_does_not_block_the_hook() {
    let doctor = without_drift();
    let (outcome, took) = timed(&doctor, "mkfifo ../pipe; exec 9<>../pipe; doctor hook run <&9");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(took < BUDGET, "{took:?}: {outcome:?}");
}

#[test]
fn files_not_searched_in_time_are_reported() {
    let doctor = without_drift();
    assert_succeeds(
        &doctor,
        "mkdir d; for i in $(seq 100); do yes \"$i of a line\" | head -c 3000000 > d/$i; done; git add d",
    );
    let (outcome, took) = timed(&doctor, "doctor hook run");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    // A fast machine may finish within the limit, and a very slow one may list no file before it.
    let warnings =
        ["not searched for secrets, time limit reached: d/", "only partly checked: doctor did not finish within"];
    let is_cut = warnings.iter().any(|warning| outcome.err.contains(warning));
    assert!(is_cut || !outcome.err.contains("warning"), "{outcome:?}");
    assert!(outcome.err.len() < 1000 && took < BUDGET, "{took:?}: {outcome:?}");
    let strict = shell(&doctor, "doctor hook run --strict");
    assert_eq!(strict.code == Some(0), !is_cut, "{strict:?}");
}

#[test]
fn git_variables_do_not_redirect_the_hook() {
    let doctor = without_drift();
    let variables = "GIT_DIR=/nowhere GIT_WORK_TREE=/nowhere GIT_OBJECT_DIRECTORY=/nowhere GIT_CONFIG_COUNT=x";
    assert_succeeds(&doctor, &format!("{variables} doctor hook run"));
    assert_succeeds(&doctor, "git add -f .env");
    assert_blocked(&doctor, &format!("{variables} doctor hook run"), ".env:1 adds API_KEY");
    assert_blocked(&doctor, &format!("{variables} GIT_INDEX_FILE=.git/index doctor hook run"), ".env:1 adds API_KEY");
}

#[test]
fn unresponsive_railway_delays_hook_at_most_three_seconds() {
    let faults: [&(dyn Fn(&Doctor) + Sync); 3] = [
        &|doctor| (0..4).for_each(|_| doctor.served.misbehave(Misbehaviour::Hang)),
        &|doctor| {
            (0..4).for_each(|_| doctor.served.misbehave(Misbehaviour::Trickle(Duration::from_millis(50))));
        },
        &|doctor| (0..4).for_each(|_| doctor.served.misbehave(Misbehaviour::CloseBeforeResponse)),
    ];
    test_each(faults, |inject_fault| {
        let doctor = without_drift();
        inject_fault(&doctor);
        let (outcome, took) = timed(&doctor, "echo two >> a.py; git commit -q -a -m second");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.err.starts_with("doctor: warning: not compared with Railway: "), "{outcome:?}");
        assert_eq!(outcome.err.lines().count(), 1, "{outcome:?}");
        assert!(took < BUDGET, "{took:?}");
        inject_fault(&doctor);
        let (strict, took) = timed(&doctor, "doctor hook run --strict");
        assert_eq!(strict.code, Some(5), "{strict:?}");
        assert!(took < BUDGET, "{took:?}");
    });
}

#[test]
fn unresponsive_git_delays_hook_at_most_three_seconds() {
    let doctor = without_drift();
    write_script(&doctor, "git", "exec sleep 30");
    let (outcome, took) = timed(&doctor, "doctor hook run");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.err.starts_with("doctor: warning: staged files were not searched: git timed out after 2"));
    assert!(took < BUDGET, "{took:?}");
    let (strict, took) = timed(&doctor, "doctor hook run --strict");
    assert_eq!(strict.code, Some(2), "{strict:?}");
    assert!(took < BUDGET, "{took:?}");
    // Each git command is within the limit; all of them together are not.
    let real = assert_succeeds(&doctor, "PATH=/usr/bin:/bin:/usr/local/bin command -v git").out;
    write_script(&doctor, "git", &format!("sleep 0.8\nexec {} \"$@\"", real.trim()));
    let (outcome, took) = timed(&doctor, "git add -f a.py; doctor hook run");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(took < BUDGET + Duration::from_secs(1), "{took:?}");
}

#[test]
fn unresponsive_keyring_delays_hook_at_most_three_seconds() {
    let doctor = without_drift();
    let socket: PathBuf = doctor.home().join("bus");
    let _unresponsive = UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    let doctor = doctor.variable("RAILWAY_API_TOKEN", None).variable("DBUS_SESSION_BUS_ADDRESS", Some(&address));
    let (outcome, took) = timed(&doctor, "doctor hook run");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.err.starts_with("doctor: warning: not compared with Railway: "), "{outcome:?}");
    assert!(took < BUDGET, "{took:?}");
}
