//! A machine that gives a run little: no threads, no file beyond a size, a small stack. It ends with an error in words and an
//! exit code of doctor's own, or as ever.

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use railway_doctor::io::sim::Sim;

use crate::fixture::usual;
use crate::run::{Cell, Ran, Watch, finish, shop};
use crate::server::{Case, Server};

/// A user with no other process.
const USER: u32 = 64_711;

const VERBS: [&[&str]; 6] = [
    &["check"],
    &["matrix", "--format=html", "--output=out.html"],
    &["hook", "run"],
    &["fix", "--push", "--yes", "--only=API_KEY"],
    &["fix", "--pull", "--yes", "--only=API_KEY"],
    &["auth", "status"],
];

/// Runs a verb below a shell that has set a limit.
fn limited(server: &Server, path: &str, limit: &[&str], words: &[&str]) -> (Cell, Ran) {
    let (url, _) = server.serve(path, Case::new(Sim::new(shop("mark4711-stored")), usual()));
    let cell = Cell::new();
    cell.make_repository();
    let doctor = cell.command(&[words, &["--timeout=20s", "--api-url", &url]].concat());
    let mut command = Command::new(limit[0]);
    command.args(&limit[1..]).arg(doctor.get_program()).args(doctor.get_args());
    command.current_dir(cell.work()).env_clear();
    for (name, value) in doctor.get_envs() {
        command.envs(value.map(|value| (name, value)));
    }
    if limit[0].contains("setpriv") {
        own(cell.work().parent().unwrap());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = finish(command.spawn().unwrap(), Instant::now(), Watch::Nothing);
    (cell, ran)
}

/// Gives a folder to that user.
fn own(path: &Path) {
    chown(path, Some(USER), Some(USER)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        path.read_dir().unwrap().for_each(|entry| own(&entry.unwrap().path()));
    }
}

/// Fails unless the run ended as runs do.
fn ends(ran: &Ran, what: &str) {
    let told = || format!("{what}: {ran:#?}");
    assert!(ran.code.is_some_and(|code| (0..=8).contains(&code)), "{}", told());
    assert!(!ran.err.contains("has a bug"), "{}", told());
    let is_explained = ran.err.contains("error: ") || ran.err.contains("doctor: ");
    assert!(matches!(ran.code, Some(0 | 1)) || is_explained, "{}", told());
}

#[test]
fn small_stack_is_sufficient() {
    let server = Server::plain();
    for (number, verb) in VERBS.iter().enumerate() {
        let limit = ["/bin/sh", "-c", "ulimit -s 64 && exec \"$0\" \"$@\""];
        let (_, ran) = limited(&server, &format!("stack-{number}"), &limit, verb);
        ends(&ran, &verb.join(" "));
        assert!(!ran.err.contains("error: "), "{ran:#?}");
    }
}

#[test]
fn unwritable_file_is_an_error_and_not_a_signal() {
    let server = Server::plain();
    for (number, verb) in VERBS.iter().enumerate() {
        let limit = ["/bin/sh", "-c", "ulimit -f 0 && exec \"$0\" \"$@\""];
        let (cell, ran) = limited(&server, &format!("size-{number}"), &limit, verb);
        ends(&ran, &verb.join(" "));
        if verb.contains(&"--output=out.html") {
            assert!(ran.code == Some(2) && ran.err.contains("error: can't write "), "{ran:#?}");
        }
        assert!(!cell.read(".env").is_empty(), "{verb:?}");
        let left: Vec<String> = cell.names().into_iter().filter(|name| name.contains("doctor-")).collect();
        assert_eq!(left, [""; 0], "{verb:?}");
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a part that was left out says so")]
fn few_threads_suffice_or_report_an_error() {
    let user = format!("--reuid={USER}");
    let probe = [user.as_str(), "--clear-groups", "prlimit", "--nproc=9", "true"];
    let is_able = Command::new("setpriv").args(probe).output().is_ok_and(|out| out.status.success());
    if !is_able {
        eprintln!("SKIPPED: few threads were not tested; that takes root, setpriv and prlimit");
        return;
    }
    let server = Server::plain();
    for most in 1..=9 {
        for (number, verb) in VERBS.iter().enumerate() {
            let most = format!("--nproc={most}");
            let limit = ["/usr/bin/setpriv", &user, "--clear-groups", "/usr/bin/prlimit", &most];
            let (_, ran) = limited(&server, &format!("threads{most}-{number}"), &limit, verb);
            ends(&ran, &format!("{most}, {}", verb.join(" ")));
        }
    }
}
