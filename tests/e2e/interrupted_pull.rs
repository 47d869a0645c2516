//! A pull interrupted by signals while it writes the new file: no file with values remains, and git reports no change.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::binary::{Doctor, outcome};

const ENV: &str = "OPS_KEY=local-1234567890\n";
const PULLED: &str = "OPS_KEY=stored-1234567890\n";

/// The signals that interrupt a run, in order.
const SIGNALS: [&[&str]; 5] = [&["INT", "INT"], &["TERM", "TERM"], &["HUP", "HUP"], &["QUIT"], &["KILL"]];

/// strace options that simulate a slow disk.
const SLOW: &[&str] = &["-f", "-q", "-e", "trace=fsync,linkat,openat", "-e", "inject=fsync:delay_enter=2500000"];

/// strace options that simulate a file system without unnamed temporary files.
const NAMED: &[&str] = &["-e", "inject=linkat:error=EPERM"];

/// A command that writes values to `.env`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PullCommand {
    /// `doctor fix --pull`, which replaces the file.
    Replace,
    /// `doctor pull`, which creates it.
    Create,
}

impl PullCommand {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Replace => &["fix", "--pull", "--yes", "--no-journal", "--only", "OPS_KEY"],
            Self::Create => &["pull", "--yes"],
        }
    }
}

/// Returns whether strace is installed and may trace processes.
fn can_trace() -> bool {
    let arguments = ["-q", "-o", "/dev/null", "-e", "trace=fsync", "true"];
    Command::new("strace").args(arguments).status().is_ok_and(|status| status.success())
}

fn shop(pull: PullCommand) -> Doctor {
    let environment =
        Environment::named("staging").service(SimService::named("web").variables(&[("OPS_KEY", "stored-1234567890")]));
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    let doctor = Doctor::new(estate).file(".gitignore", ".env\n");
    let doctor = if pull == PullCommand::Replace { doctor.file(".env", ENV) } else { doctor };
    let path = std::env::var("PATH").unwrap();
    let doctor = doctor.variable("PATH", Some(&path)).variable("GIT_CONFIG_GLOBAL", Some("/dev/null"));
    assert!(git(&doctor, &["init", "-q"]).is_empty() && git(&doctor, &["add", ".gitignore"]).is_empty());
    let author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    git(&doctor, &[&author[..], &["commit", "-q", "-m", "first"]].concat());
    doctor
}

fn git(doctor: &Doctor, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    doctor.prepare(command.args(arguments));
    let output = outcome(command.output().unwrap());
    assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
    output.out
}

/// Returns the files in the working directory that the run created.
fn new_files(work: &Path) -> Vec<String> {
    let names = fs::read_dir(work).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| ![".env", ".git", ".gitignore"].contains(&name.as_str())).collect()
}

/// Waits for the traced process, and returns its id.
fn traced_pid(strace: &Child) -> String {
    let children = format!("/proc/{0}/task/{0}/children", strace.id());
    wait_for(|| fs::read_to_string(&children).unwrap_or_default().split_whitespace().next().map(str::to_owned))
}

fn wait_for<T>(found: impl Fn() -> Option<T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "this test is about time")]
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "timed out");
        thread::sleep(Duration::from_millis(10));
    }
}

fn interrupt(pull: PullCommand, signals: &[&str], trace: &[&str]) {
    let doctor = shop(pull);
    let mut command = Command::new("strace");
    let calls = doctor.home().join("calls");
    command.args(SLOW).args(trace).arg("-o").arg(&calls).arg(env!("CARGO_BIN_EXE_doctor"));
    command.args(pull.arguments()).args(["--api-url", &doctor.served.url()]);
    doctor.prepare(&mut command);
    let mut strace = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = traced_pid(&strace);
    if trace.is_empty() {
        wait_for(|| fs::read_to_string(&calls).ok().filter(|calls| calls.contains("O_TMPFILE")));
        thread::sleep(Duration::from_millis(500));
        assert_eq!(new_files(&doctor.work()), [""; 0], "{signals:?}: while the file is written");
    } else {
        // doctor tries an unnamed file first.
        wait_for(|| (!new_files(&doctor.work()).is_empty()).then_some(()));
        thread::sleep(Duration::from_millis(500));
    }
    let mut changes = git(&doctor, &["status", "--porcelain", "--untracked-files=all"]);
    for signal in signals {
        // The first signal may have ended the process.
        let _ = Command::new("kill").args([&format!("-{signal}"), &pid]).stderr(Stdio::null()).status();
        thread::sleep(Duration::from_millis(100));
    }
    let ended = strace.wait().unwrap();
    if signals != ["KILL"] {
        assert_eq!(new_files(&doctor.work()), [""; 0], "{signals:?} {trace:?}");
    }
    changes += &git(&doctor, &["status", "--porcelain", "--untracked-files=all"]);
    assert_eq!(changes, "", "{signals:?} {trace:?}");
    match pull {
        PullCommand::Replace => {
            let text = fs::read_to_string(doctor.work().join(".env")).unwrap();
            assert!([ENV, PULLED].contains(&text.as_str()), "{text:?}");
        }
        // On a busy machine, the run may end before the first signal.
        PullCommand::Create => {
            let exists = doctor.work().join(".env").exists();
            assert_eq!(exists, ended.success(), "{signals:?} {trace:?}: {ended:?}");
        }
    }
    doctor.check(&[]);
    assert_eq!(new_files(&doctor.work()), [""; 0], "{signals:?} {trace:?}: after the next run");
}

#[test]
fn interrupted_pull_leaves_no_file_with_values() {
    if !can_trace() {
        return;
    }
    for pull in [PullCommand::Replace, PullCommand::Create] {
        thread::scope(|scope| {
            for signals in SIGNALS {
                for trace in [&[][..], NAMED] {
                    scope.spawn(move || interrupt(pull, signals, trace));
                }
            }
        });
    }
}
