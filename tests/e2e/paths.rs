//! Pipes, links and devices as paths: inputs are read once, reports never replace an input, and no run waits forever.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::binary::{Doctor, Outcome, outcome};

const ENV: &str = "API_KEY=k-1234567890abcdef\nREGION=eu\n";

fn shop() -> Doctor {
    let variables = [("API_KEY", "k-1234567890abcdef"), ("REGION", "eu")];
    let environment = |name| Environment::named(name).service(SimService::named("api").variables(&variables));
    let project = Project::named("shop").environment(environment("staging")).environment(environment("preview"));
    Doctor::new(Estate::of("crew").project(project).with_tokens())
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Runs a bash script, in which `$RUN` is the binary and `$URL` the address of the simulated Railway.
fn bash(doctor: &Doctor, script: &str) -> Outcome {
    let mut command = Command::new("bash");
    command.args(["-c", script]);
    doctor.prepare(&mut command);
    command.env("PATH", "/usr/bin:/bin").env("RUN", env!("CARGO_BIN_EXE_doctor")).env("URL", doctor.served.url());
    outcome(command.output().unwrap())
}

#[test]
fn env_file_from_a_stream_is_read_once() {
    let doctor = shop().file("plain", ENV);
    for (script, code) in [
        ("$RUN check --api-url $URL --env-file <(cat plain)", 0),
        ("cat plain | $RUN check --api-url $URL --env-file -", 0),
        ("$RUN check --api-url $URL --env-file - <plain", 0),
        ("cat plain | $RUN check --api-url $URL --env-file /dev/stdin", 0),
        ("$RUN check --api-url $URL --env-file /dev/fd/5 5<plain", 0),
        ("$RUN matrix --api-url $URL --env-file <(cat plain)", 0),
        ("$RUN hook run --strict --api-url $URL --env-file <(cat plain)", 0),
        ("$RUN trace API_KEY --api-url $URL --env-file <(cat plain)", 0),
        ("cat plain | $RUN trace API_KEY --api-url $URL --env-file -", 0),
        ("$RUN trace API_KEY --api-url $URL --env-file - </dev/null", 2),
        // A stream is not written.
        ("$RUN rotate API_KEY --generate uuid --yes --api-url $URL --env-file <(cat plain)", 2),
        ("cat plain | $RUN rotate API_KEY --generate uuid --yes --api-url $URL --env-file -", 2),
        // Standard input can be read once.
        ("cat plain | $RUN rotate API_KEY --stdin --yes --api-url $URL --env-file -", 2),
        ("cat plain | $RUN rotate API_KEY --stdin --yes --api-url $URL --env-file /dev/stdin", 2),
        ("cat plain | $RUN rotate API_KEY --stdin --yes --api-url $URL --env-file /dev/fd/0", 2),
        ("cat plain | $RUN fix --pull --yes --api-url $URL --env-file -", 0),
        ("sed s/eu/us/ plain | $RUN fix --pull --yes --api-url $URL --env-file -", 2),
        ("$RUN fix --pull --yes --api-url $URL --env-file <(sed s/eu/us/ plain)", 2),
        ("$RUN fix --pull --yes --api-url $URL --env-file /dev/fd/5 5< <(sed s/eu/us/ plain)", 2),
        ("$RUN check --api-url $URL --env-file <(true)", 2),
        ("$RUN check --api-url $URL --env-file - </dev/null", 2),
        ("$RUN check --api-url $URL --env-file <(head -c 17000000 /dev/zero | tr '\\0' x)", 2),
    ] {
        let outcome = bash(&doctor, script);
        assert_eq!(outcome.code, Some(code), "{script}: {outcome:?}");
        assert!(!format!("{outcome:?}").contains("1234567890abcdef"), "{script}: {outcome:?}");
    }
    assert_eq!(fs::read_to_string(doctor.work().join("plain")).unwrap(), ENV);
    assert!(doctor.served.sim.mutations().is_empty());
}

#[test]
fn stream_is_named_and_passed_once() {
    let doctor = shop().file("plain", "API_KEY=k-1234567890abcdef\nREGION=us\n");
    pipe(&doctor.work().join("pipe"));
    symlink("pipe", doctor.work().join("link")).unwrap();
    for file in ["-", "/dev/stdin", "/dev/fd/0"] {
        let outcome = bash(&doctor, &format!("cat plain | $RUN check --api-url $URL --env-file {file}"));
        for part in [
            "standard input (--env-file)",
            "REGION differs between standard input and Railway",
            "help: pipe the variables in again, and run:\n    doctor fix --only REGION --push --env-file=- ",
        ] {
            assert!(outcome.out.contains(part), "{file}: {part}: {outcome:?}");
        }
    }
    let outcome = bash(&doctor, "$RUN check --api-url $URL --env-file <(cat plain)");
    assert!(outcome.out.contains("doctor fix --only REGION --push --env-file=- "), "{outcome:?}");
    let before = doctor.served.sim.count();
    for (files, expected) in [
        ("--env-file - --env-file -", "standard input is passed twice with --env-file"),
        ("--env-file - --env-file /dev/stdin", "standard input is passed twice with --env-file"),
        ("--env-file pipe --env-file ./pipe", "pipe is passed twice with --env-file"),
        ("--env-file pipe --env-file link", "link is passed twice with --env-file"),
        ("--env-file - --env-file nope.env", "failed to read nope.env"),
    ] {
        // `RAILWAY_API_TOKEN` is not needed for a local error.
        let writer = "(cat plain >pipe &)";
        let script = format!("unset RAILWAY_API_TOKEN; {writer}; cat plain | $RUN check --api-url $URL {files}; C=$?");
        let outcome =
            bash(&doctor, &format!("{script}; cat pipe >/dev/null & sleep 0.1; kill $! 2>/dev/null; exit $C"));
        assert!(outcome.code == Some(2) && outcome.err.contains(expected), "{files}: {outcome:?}");
    }
    for (bytes, cause) in [("", "it is empty"), ("\\xff\\xfeA\\x00", "it is UTF-16"), ("A=\\xff", "invalid UTF-8")] {
        let script = format!("unset RAILWAY_API_TOKEN; printf '{bytes}' | $RUN check --api-url $URL --env-file -");
        let outcome = bash(&doctor, &script);
        assert!(outcome.err.contains(&format!("failed to read standard input\n  cause: {cause}")), "{outcome:?}");
    }
    assert_eq!(doctor.served.sim.count(), before, "refused before the first request");
}

#[test]
fn suggested_file_replaces_the_missing_one_and_not_a_stream() {
    let doctor = shop().file(".env", ENV);
    let outcome = bash(&doctor, "$RUN check --api-url $URL --env-file - --env-file nope.env <.env");
    let help = format!("\n    doctor check --api-url {} --env-file=- --env-file=.env\n", doctor.served.url());
    assert!(outcome.err.contains(&help), "{outcome:?}");
}

#[test]
fn report_never_blocks_or_replaces_an_input() {
    let doctor = shop().file(".env", ENV).file("doctor.toml", "# nothing\n").file("home/.bashrc", "kept\n");
    fs::create_dir_all(doctor.work().join(".git/hooks")).unwrap();
    fs::write(doctor.work().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    pipe(&doctor.work().join("pipe"));
    symlink(doctor.home().join(".bashrc"), doctor.work().join("drift.md")).unwrap();
    fs::write(doctor.home().join(".bashrc"), "kept\n").unwrap();
    fs::hard_link(doctor.work().join(".env"), doctor.work().join("hard.md")).unwrap();
    let before = doctor.served.sim.count();
    for format in ["text", "json", "sarif", "github", "junit", "markdown", "html"] {
        for path in ["pipe", "drift.md", ".env", "hard.md", "doctor.toml", ".git/hooks/pre-commit", "/dev/null"] {
            let outcome = doctor.check(&["--format", format, "--output", path, "--timeout", "5s"]);
            assert_eq!(outcome.code, Some(2), "{format} {path}: {outcome:?}");
            assert!(outcome.err.contains("failed to write"), "{format} {path}: {outcome:?}");
        }
    }
    // A comparison of environments does not read `.env`.
    for path in ["pipe", "drift.md", "hard.md", "doctor.toml", ".git/hooks/pre-commit", "/dev/null", "."] {
        let outcome = bash(&doctor, &format!("$RUN compare staging preview --api-url $URL --output {path}"));
        assert!(outcome.code == Some(2) && outcome.err.contains("failed to write"), "{path}: {outcome:?}");
    }
    for command in ["trace API_KEY", "rotate API_KEY --generate uuid --yes"] {
        for path in ["pipe", "drift.md", ".env", "hard.md", "doctor.toml", ".git/hooks/pre-commit", "/dev/null", "."] {
            let outcome = bash(&doctor, &format!("$RUN {command} --api-url $URL --output {path}"));
            let is_refused = outcome.code == Some(2) && outcome.err.contains("failed to write");
            assert!(is_refused, "{command} {path}: {outcome:?}");
        }
    }
    assert_eq!(doctor.served.sim.count(), before, "refused before the first request");
    for (path, text) in [(".env", ENV), ("doctor.toml", "# nothing\n")] {
        assert_eq!(fs::read_to_string(doctor.work().join(path)).unwrap(), text);
    }
    assert_eq!(fs::read_to_string(doctor.home().join(".bashrc")).unwrap(), "kept\n");
    assert!(!doctor.work().join(".git/hooks/pre-commit").exists());
}

#[test]
fn report_can_be_written_to_standard_streams() {
    let doctor = shop().file(".env", ENV);
    let plain = doctor.check(&["--format", "json"]).out;
    let run = |arguments: &str| bash(&doctor, &format!("$RUN check --api-url $URL --format json {arguments}"));
    assert_eq!(run("--output /dev/stdout | cat").out, plain);
    assert_eq!(run("--output /dev/stderr 2>&1 >/dev/null | cat").out, plain);
    run("--output /dev/stdout >report.json");
    assert_eq!(fs::read_to_string(doctor.work().join("report.json")).unwrap(), plain);
    let compare = "$RUN compare staging preview --api-url $URL --format json";
    let plain = bash(&doctor, compare);
    assert_eq!(plain.code, Some(0), "{plain:?}");
    assert_eq!(bash(&doctor, &format!("{compare} --output /dev/stdout | cat")).out, plain.out);
    assert_eq!(bash(&doctor, &format!("{compare} --output compared.json")).out, "");
    assert_eq!(fs::read_to_string(doctor.work().join("compared.json")).unwrap(), plain.out);
    let trace = "$RUN trace API_KEY --api-url $URL --format json";
    let plain = bash(&doctor, trace);
    assert_eq!(plain.code, Some(0), "{plain:?}");
    assert_eq!(bash(&doctor, &format!("{trace} --output /dev/stdout | cat")).out, plain.out);
    assert_eq!(bash(&doctor, &format!("{trace} --output traced.json")).out, "");
    assert_eq!(fs::read_to_string(doctor.work().join("traced.json")).unwrap(), plain.out);
    // An output path that is a link stays a link.
    run("--output report.json && ln -s report.json link.json && $RUN check --api-url $URL --output link.json");
    assert!(doctor.work().join("link.json").symlink_metadata().unwrap().is_symlink());
}

#[test]
fn step_summary_never_blocks_or_replaces_an_input() {
    let doctor = shop().file(".env", ENV).file("doctor.toml", "# nothing\n");
    pipe(&doctor.work().join("pipe"));
    symlink("../home/.bashrc", doctor.work().join("summary.md")).unwrap();
    for path in [".env", "doctor.toml", "pipe", "summary.md"] {
        let output = doctor.command(&["--format", "github"]).env("GITHUB_STEP_SUMMARY", path).output().unwrap();
        assert_eq!(outcome(output).code, Some(2), "{path}");
    }
    assert_eq!(fs::read_to_string(doctor.work().join(".env")).unwrap(), ENV);
    assert!(!doctor.home().join(".bashrc").exists());
    let summary = doctor.home().join("step_summary");
    fs::write(&summary, "before\n").unwrap();
    let output = doctor.command(&["--format", "github"]).env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    assert_eq!(outcome(output).code, Some(0));
    assert!(fs::read_to_string(&summary).unwrap().starts_with("before\n### doctor: "));
}

#[test]
fn pipe_without_writer_ends_at_the_timeout() {
    let doctor = shop();
    pipe(&doctor.work().join(".env"));
    #[expect(clippy::disallowed_methods, reason = "this test is about time")]
    let start = Instant::now();
    let outcome = doctor.check(&["--timeout", "1s"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.err.contains("before the end of the input"), "{outcome:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn link_replaced_by_a_pipe_does_not_hang() {
    let doctor = shop().file("real.env", ENV);
    let work = doctor.work();
    pipe(&work.join("pipe.env"));
    symlink("real.env", work.join(".env")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            for target in ["pipe.env", "real.env"].iter().cycle() {
                symlink(target, work.join("next")).unwrap();
                fs::rename(work.join("next"), work.join(".env")).unwrap();
                if stop.load(Ordering::SeqCst) {
                    return;
                }
            }
        }
    });
    let codes: Vec<_> = (0..30).map(|_| exit_code(&doctor, &["--timeout", "1s"])).collect();
    stop.store(true, Ordering::SeqCst);
    swapper.join().unwrap();
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 2 | 5))), "{codes:?}");
}

/// Returns the exit code of a run, or `None` if the run had to be killed after 10 seconds.
fn exit_code(doctor: &Doctor, arguments: &[&str]) -> Option<i32> {
    let mut child = doctor.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..1000 {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}
