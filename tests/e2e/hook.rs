//! Real commits and pushes, stopped or let through by the hook that doctor wrote.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::binary::{Doctor, Ended, ended};
use crate::server::Misbehaviour;

const ENV: &str = "API_KEY=k3y-of-this-shop\nMODE=on\n";

/// The most that a hook may take; the rest is git's own time, and a slow machine's.
const BUDGET: Duration = Duration::from_millis(3900);

fn program(doctor: &Doctor, name: &str, script: &str) {
    let path = doctor.home().join("bin").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A repository whose hooks lie in the working tree, so that they call the `doctor` of the search path; that one asks the
/// simulated Railway.
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
    program(&doctor, "doctor", &format!("exec '{}' \"$@\" --api-url '{url}'", env!("CARGO_BIN_EXE_doctor")));
    fs::write(doctor.home().join(".gitconfig"), "[user]\nname = Ada\nemail = ada@example.com\n").unwrap();
    for words in [
        "git init -q --initial-branch=main",
        "git add .gitignore a.py",
        "git commit -q -m first",
        "git config core.hooksPath hooks",
        "doctor hook install pre-commit pre-push --yes",
    ] {
        assert_eq!(shell(&doctor, words).code, Some(0), "{words}");
    }
    doctor
}

fn agreed() -> Doctor {
    in_repository(&[("API_KEY", "k3y-of-this-shop"), ("MODE", "on")])
}

fn shell(doctor: &Doctor, script: &str) -> Ended {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    doctor.prepare(&mut command);
    ended(command.output().unwrap())
}

fn timed(doctor: &Doctor, script: &str) -> (Ended, Duration) {
    let began = Instant::now();
    (shell(doctor, script), began.elapsed())
}

#[track_caller]
fn stopped(doctor: &Doctor, script: &str, told: &str) {
    let ended = shell(doctor, script);
    assert_eq!(ended.code, Some(1), "{script}: {ended:?}");
    assert!(ended.err.contains("doctor: stopped") && format!("{}{}", ended.out, ended.err).contains(told), "{ended:?}");
}

#[track_caller]
fn passes(doctor: &Doctor, script: &str) -> Ended {
    let ended = shell(doctor, script);
    assert_eq!(ended.code, Some(0), "{script}: {ended:?}");
    ended
}

#[test]
fn each_kind_of_commit_is_checked_by_its_content() {
    let doctor = agreed();
    let green = passes(&doctor, "echo two >> a.py; git commit -q -a -m second");
    assert_eq!(green.err, "doctor: shop · staging: 2 values compared on 1 service, no drift\n");
    let secret = "a.py:3 adds the value of API_KEY (.env:1) to the commit";
    passes(&doctor, "echo \"'k3y-of-this-shop'\" >> a.py");
    stopped(&doctor, "git commit -q -a -m third", secret);
    stopped(&doctor, "git commit -q -m third a.py", secret);
    passes(&doctor, "echo b > b.py; git add b.py; git commit -q -m 'third, without a.py'");
    stopped(&doctor, "git add a.py; git commit -q -m fourth", secret);
    passes(&doctor, "echo bb > b.py; git commit -q -m 'fourth, without a.py' b.py");
    stopped(&doctor, "git commit -q -m fifth", secret);
    stopped(&doctor, "mkdir -p sub; cd sub; git commit -q -m fifth", secret);
    passes(&doctor, "DOCTOR=0 git commit -q -m fifth");
    passes(&doctor, "git commit -q --amend -m 'fifth, in other words'");
    let log = passes(&doctor, "git log --format=%s | wc -l");
    assert_eq!(log.out.trim(), "5");
}

#[test]
fn linked_worktree_is_checked_by_its_own_commit() {
    let doctor = agreed();
    passes(&doctor, "git add hooks; git commit -q -m hooks; git worktree add -q ../linked; cp .env ../linked");
    passes(&doctor, "echo \"'k3y-of-this-shop'\" >> a.py; git add a.py");
    passes(&doctor, "cd ../linked; echo x > x.py; git add x.py; git commit -q -m x");
    stopped(
        &doctor,
        "cd ../linked; git add -f .env; git commit -q -m env",
        ".env:1 adds the secret API_KEY to the commit",
    );
    stopped(&doctor, "cd ../linked/hooks; git commit -q -m env", ".env:1 adds the secret API_KEY");
}

#[test]
fn drift_blocks_commit_and_push() {
    let doctor = in_repository(&[("API_KEY", "another-key-of-old"), ("MODE", "on")]);
    stopped(&doctor, "echo two >> a.py; git commit -q -a -m second", "API_KEY");
    passes(&doctor, "git init -q --bare ../remote; git remote add origin ../remote");
    stopped(&doctor, "git push -q origin main", "API_KEY");
    assert_eq!(passes(&doctor, "git ls-remote origin").out, "");
    passes(&doctor, "DOCTOR=0 git push -q origin main");
    assert_ne!(passes(&doctor, "git ls-remote origin").out, "");
}

#[test]
fn push_is_checked_by_its_commits() {
    let doctor = agreed();
    passes(&doctor, "git init -q --bare ../remote; git remote add origin ../remote; git push -q origin main");
    passes(&doctor, "echo \"'k3y-of-this-shop'\" >> a.py; DOCTOR=0 git commit -q -a -m second");
    passes(&doctor, "git checkout -q HEAD~1 -- a.py; git commit -q -m third");
    let secret = "a.py:2 adds the value of API_KEY (.env:1) to the push";
    stopped(&doctor, "git push -q origin main", secret);
    stopped(&doctor, "git push -q origin main:new", secret);
    stopped(&doctor, "git tag -a -m one v1 HEAD~1; git push -q origin v1", secret);
    let line = "refs/heads/main $(git rev-parse HEAD) refs/heads/main $(git rev-parse HEAD~2)";
    stopped(&doctor, &format!("echo \"{line}\" | doctor hook run"), secret);
    passes(&doctor, "echo \"API_KEY=k3y-of-this-shop\" | doctor hook run");
    passes(&doctor, "git push -q origin HEAD~2:refs/heads/old; git push -q origin :old");
    passes(&doctor, "echo four > b.py; git add b.py; git commit -q -m fourth");
    passes(&doctor, "DOCTOR=0 git push -q origin main");
    passes(&doctor, "echo five > b.py; git commit -q -a -m fifth; git push -q origin main");
}

#[test]
fn open_standard_input_does_not_block_the_hook() {
    let doctor = agreed();
    let (ended, took) = timed(&doctor, "mkfifo ../pipe; exec 9<>../pipe; doctor hook run <&9");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(took < BUDGET, "{took:?}: {ended:?}");
}

#[test]
fn files_not_searched_in_time_are_reported() {
    let doctor = agreed();
    passes(&doctor, "mkdir d; for i in $(seq 100); do yes \"$i of a line\" | head -c 3000000 > d/$i; done; git add d");
    let (ended, took) = timed(&doctor, "doctor hook run");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // A fast machine may find the time.
    let is_cut = ended.err.contains("doctor: warning: not searched for secrets, the time was over: d/");
    assert!(is_cut || !ended.err.contains("warning"), "{ended:?}");
    assert!(ended.err.len() < 1000 && took < BUDGET, "{took:?}: {ended:?}");
    let strict = shell(&doctor, "doctor hook run --strict");
    assert_eq!(strict.code == Some(0), !is_cut, "{strict:?}");
}

#[test]
fn git_variables_do_not_redirect_the_hook() {
    let doctor = agreed();
    let told = "GIT_DIR=/nowhere GIT_WORK_TREE=/nowhere GIT_OBJECT_DIRECTORY=/nowhere GIT_CONFIG_COUNT=x";
    passes(&doctor, &format!("{told} doctor hook run"));
    passes(&doctor, "git add -f .env");
    stopped(&doctor, &format!("{told} doctor hook run"), ".env:1 adds the secret API_KEY");
    stopped(&doctor, &format!("{told} GIT_INDEX_FILE=.git/index doctor hook run"), ".env:1 adds the secret API_KEY");
}

#[test]
fn unresponsive_railway_delays_hook_at_most_three_seconds() {
    let worlds: [&dyn Fn(&Doctor); 3] = [
        &|doctor| (0..4).for_each(|_| doctor.served.misbehave(Misbehaviour::Hang)),
        &|doctor| {
            (0..4).for_each(|_| doctor.served.misbehave(Misbehaviour::Trickle(Duration::from_millis(50))));
        },
        &|doctor| (0..4).for_each(|_| doctor.served.misbehave(Misbehaviour::CloseBeforeAnswer)),
    ];
    for spoil in worlds {
        let doctor = agreed();
        spoil(&doctor);
        let (ended, took) = timed(&doctor, "echo two >> a.py; git commit -q -a -m second");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.err.starts_with("doctor: warning: not compared with Railway: "), "{ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
        assert!(took < BUDGET, "{took:?}");
        spoil(&doctor);
        let (strict, took) = timed(&doctor, "doctor hook run --strict");
        assert_eq!(strict.code, Some(5), "{strict:?}");
        assert!(took < BUDGET, "{took:?}");
    }
}

#[test]
fn unresponsive_git_delays_hook_at_most_three_seconds() {
    let doctor = agreed();
    program(&doctor, "git", "exec sleep 30");
    let (ended, took) = timed(&doctor, "doctor hook run");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.starts_with("doctor: warning: what is staged was not looked at: git did not answer within 2"));
    assert!(took < BUDGET, "{took:?}");
    let (strict, took) = timed(&doctor, "doctor hook run --strict");
    assert_eq!(strict.code, Some(2), "{strict:?}");
    assert!(took < BUDGET, "{took:?}");
    // Each answer comes in time, and all of them together do not.
    let real = passes(&doctor, "PATH=/usr/bin:/bin:/usr/local/bin command -v git").out;
    program(&doctor, "git", &format!("sleep 0.8\nexec {} \"$@\"", real.trim()));
    let (ended, took) = timed(&doctor, "git add -f a.py; doctor hook run");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(took < BUDGET + Duration::from_secs(1), "{took:?}");
}

#[test]
fn unresponsive_keyring_delays_hook_at_most_three_seconds() {
    let doctor = agreed();
    let socket: PathBuf = doctor.home().join("bus");
    let _silent = UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    let doctor = doctor.variable("RAILWAY_API_TOKEN", None).variable("DBUS_SESSION_BUS_ADDRESS", Some(&address));
    let (ended, took) = timed(&doctor, "doctor hook run");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.starts_with("doctor: warning: not compared with Railway: "), "{ended:?}");
    assert!(took < BUDGET, "{took:?}");
}
