//! A crash in the middle of a run, on a system that writes core dumps.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::Sim;

use crate::bad_responses::ScriptedResponse;
use crate::run::{Sandbox, shop};
use crate::server::{Backend, Server};

/// Raises the size limit of core dumps as far as the machine allows.
const RAISE_LIMIT: &str = "ulimit -c $(ulimit -H -c) && exec";

/// Crashes a process.
fn abort(mut child: Child) -> ExitStatus {
    assert!(Command::new("kill").arg("-ABRT").arg(child.id().to_string()).status().unwrap().success());
    drop(child.stdin.take());
    child.wait().unwrap()
}

#[test]
#[expect(clippy::print_stderr, reason = "reports a skipped part")]
fn crash_leaves_no_core_dump() {
    let sandbox = Sandbox::new();
    let shell = |script: &str, args: &[&str]| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("{RAISE_LIMIT} {script}"), "sh"]).args(args);
        command.current_dir(sandbox.work()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    };
    let mut cat = shell("/bin/cat", &[]).spawn().unwrap();
    cat.stdin.take().unwrap().write_all(b"ready").unwrap();
    let is_dumped = abort(cat).core_dumped();
    if !is_dumped {
        eprintln!("SKIPPED: core dumps were not tested; this machine writes none");
    }

    let (server, script) = (Server::plain(), |operation: &str, _: usize| match operation {
        "Values" => ScriptedResponse::no_response(),
        _ => ScriptedResponse::normal(),
    });
    let (url, backend) = server.serve("core", Backend::new(Sim::new(shop("mark4711-stored")), Box::new(script)));
    let mut command = shell("\"$@\"", &[env!("CARGO_BIN_EXE_doctor"), "check", "--api-url", &url]);
    let doctor = command.env_clear().envs(sandbox.variables()).spawn().unwrap();
    let start = Instant::now();
    while !backend.requests().iter().any(|operation| operation == "Values") {
        assert!(start.elapsed() < Duration::from_secs(20), "it did not request values");
        thread::sleep(Duration::from_millis(5));
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", doctor.id())).unwrap_or_default();
    let limit = limits.lines().find(|line| line.starts_with("Max core file size"));
    assert!(limit.is_none_or(|line| line.split_whitespace().nth(4) == Some("0")), "{limit:?}");
    let ended = abort(doctor);
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
}
