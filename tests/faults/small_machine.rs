//! A machine with few resources: few threads, a limit on file size, a small stack. A run ends normally, or with an
//! error and one of doctor's exit codes.

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use railway_doctor::io::sim::Sim;

use crate::fixture::normal_responses;
use crate::run::{RunOutput, Sandbox, Watch, finish, shop};
use crate::server::{Backend, Server};
use crate::test_each::test_each;

/// The first of the users without other processes: each run has its own, because the number of threads is limited for
/// each user.
const FIRST_USER: u32 = 64_711;

const COMMANDS: [&[&str]; 10] = [
    &["check"],
    &["matrix", "--format=html", "--output=out.html"],
    &["compare", "staging", "production", "--token=production=PRODUCTION_TOKEN"],
    &["hook", "run"],
    &["fix", "--push", "--yes", "--only=API_KEY"],
    &["fix", "--pull", "--yes", "--only=API_KEY"],
    &["trace", "API_KEY", "--from=api", "--everywhere", "--yes"],
    &["rotate", "MODE", "--generate=hex:32", "--yes"],
    &["fix", "--hoist=API_KEY", "--yes"],
    &["auth", "status"],
];

/// Runs a command under a program that sets a limit.
fn limited(server: &Server, path: &str, limit: &[&str], args: &[&str]) -> (Sandbox, RunOutput) {
    let (url, _) = server.serve(path, Backend::new(Sim::new(shop("mark4711-stored")), normal_responses()));
    let sandbox = Sandbox::new();
    sandbox.make_repository();
    let doctor = sandbox.command(&[args, &["--timeout=20s", "--api-url", &url]].concat());
    let mut command = Command::new(limit[0]);
    command.args(&limit[1..]).arg(doctor.get_program()).args(doctor.get_args());
    command.current_dir(sandbox.work()).env_clear();
    for (name, value) in doctor.get_envs() {
        command.envs(value.map(|value| (name, value)));
    }
    if let Some(user) = limit.iter().find_map(|arg| arg.strip_prefix("--reuid=")) {
        chown_all(sandbox.work().parent().unwrap(), user.parse().unwrap());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = finish(command.spawn().unwrap(), Instant::now(), Watch::Nothing);
    (sandbox, output)
}

/// Makes that user the owner of a directory and everything in it.
fn chown_all(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        path.read_dir().unwrap().for_each(|entry| chown_all(&entry.unwrap().path(), user));
    }
}

/// Fails unless the run ended with an exit code of doctor, and explained an error.
fn assert_handled(output: &RunOutput, what: &str) {
    let details = || format!("{what}: {output:#?}");
    assert!(output.code.is_some_and(|code| (0..=8).contains(&code)), "{}", details());
    assert!(!output.stderr.contains("panicked"), "{}", details());
    let is_explained = output.stderr.contains("error: ") || output.stderr.contains("doctor: ");
    assert!(matches!(output.code, Some(0 | 1)) || is_explained, "{}", details());
}

#[test]
fn small_stack_is_sufficient() {
    let server = Server::plain();
    test_each(COMMANDS.iter().enumerate(), |(number, args)| {
        let limit = ["/bin/sh", "-c", "ulimit -s 64 && exec \"$0\" \"$@\""];
        let (_, output) = limited(&server, &format!("stack-{number}"), &limit, args);
        assert_handled(&output, &args.join(" "));
        assert!(!output.stderr.contains("error: "), "{output:#?}");
    });
}

#[test]
fn unwritable_file_is_an_error_and_not_a_signal() {
    let server = Server::plain();
    test_each(COMMANDS.iter().enumerate(), |(number, args)| {
        let limit = ["/bin/sh", "-c", "ulimit -f 0 && exec \"$0\" \"$@\""];
        let (sandbox, output) = limited(&server, &format!("size-{number}"), &limit, args);
        assert_handled(&output, &args.join(" "));
        if args.contains(&"--output=out.html") {
            assert!(output.code == Some(2) && output.stderr.contains("error: failed to write "), "{output:#?}");
        }
        assert!(!sandbox.read(".env").is_empty(), "{args:?}");
        let left: Vec<String> = sandbox.names().into_iter().filter(|name| name.contains("doctor-")).collect();
        assert_eq!(left, [""; 0], "{args:?}");
    });
}

#[test]
#[expect(clippy::print_stderr, reason = "reports a skipped part")]
fn few_threads_suffice_or_report_an_error() {
    let user = format!("--reuid={FIRST_USER}");
    let probe = [user.as_str(), "--clear-groups", "prlimit", "--nproc=9", "true"];
    let can_limit = Command::new("setpriv").args(probe).output().is_ok_and(|out| out.status.success());
    if !can_limit {
        eprintln!("SKIPPED: few threads were not tested; this requires root, setpriv and prlimit");
        return;
    }
    let server = Server::plain();
    for max_threads in 1..=9 {
        test_each((0..).zip(COMMANDS), |(number, args)| {
            let user = format!("--reuid={}", FIRST_USER + max_threads * 100 + number);
            let max_threads = format!("--nproc={max_threads}");
            let limit = ["/usr/bin/setpriv", &user, "--clear-groups", "/usr/bin/prlimit", &max_threads];
            let (_, output) = limited(&server, &format!("threads{max_threads}-{number}"), &limit, args);
            assert_handled(&output, &format!("{max_threads}, {}", args.join(" ")));
        });
    }
}
