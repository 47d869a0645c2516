//! A process that crashes in the middle of a run, on a system that would keep an image of its memory.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::Sim;

use crate::bad_responses::Answer;
use crate::run::{Cell, shop};
use crate::server::{Case, Server};

/// Lets whatever comes next leave as large an image as the machine allows.
const ALLOWED: &str = "ulimit -c $(ulimit -H -c) && exec";

/// Crashes it.
fn abort(mut child: Child) -> ExitStatus {
    assert!(Command::new("kill").arg("-ABRT").arg(child.id().to_string()).status().unwrap().success());
    drop(child.stdin.take());
    child.wait().unwrap()
}

#[test]
#[expect(clippy::print_stderr, reason = "a part that was left out says so")]
fn crash_leaves_no_core_dump() {
    let cell = Cell::new();
    let shell = |script: &str, words: &[&str]| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("{ALLOWED} {script}"), "sh"]).args(words);
        command.current_dir(cell.work()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    };
    let mut cat = shell("/bin/cat", &[]).spawn().unwrap();
    cat.stdin.take().unwrap().write_all(b"ready").unwrap();
    let is_kept = abort(cat).core_dumped();
    if !is_kept {
        eprintln!("SKIPPED: whether a crash leaves an image was not tested; this machine keeps none of any program");
    }

    let (server, script) = (Server::plain(), |operation: &str, _: usize| match operation {
        "Values" => Answer::nothing(),
        _ => Answer::usual(),
    });
    let (url, case) = server.serve("core", Case::new(Sim::new(shop("mark4711-stored")), Box::new(script)));
    let mut command = shell("\"$@\"", &[env!("CARGO_BIN_EXE_doctor"), "check", "--api-url", &url]);
    let doctor = command.env_clear().envs(cell.variables()).spawn().unwrap();
    let start = Instant::now();
    while !case.heard().iter().any(|operation| operation == "Values") {
        assert!(start.elapsed() < Duration::from_secs(20), "it never asks for values");
        thread::sleep(Duration::from_millis(5));
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", doctor.id())).unwrap_or_default();
    let limit = limits.lines().find(|line| line.starts_with("Max core file size"));
    assert!(limit.is_none_or(|line| line.split_whitespace().nth(4) == Some("0")), "{limit:?}");
    let ended = abort(doctor);
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
}
