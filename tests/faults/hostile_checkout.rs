//! A hostile checkout: special files in place of `.env` and `doctor.toml`, and keys that `doctor.toml` must not have.
//! No command hangs, exhausts memory, sends a value to another host, or touches a file outside the checkout.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use railway_doctor::io::sim::Sim;

use crate::assertions::{MAX_MEMORY_KIB, is_status_line};
use crate::error_lines::is_error;
use crate::fixture::normal_responses;
use crate::leak_scan::FilesBefore;
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{Sandbox, Watch, names, shop};
use crate::server::{Backend, Server};

/// Arguments, and the exit code of the error that ends the command immediately.
type FailingCommand = (&'static [&'static str], i32);

/// The commands that read a `.env`.
const ENV_FILE_COMMANDS: [FailingCommand; 8] = [
    (&["check"], 2),
    (&["matrix"], 2),
    (&["fix", "--push", "--yes", "--only=API_KEY"], 2),
    (&["fix", "--pull", "--yes", "--only=API_KEY"], 2),
    (&["fix", "--redeploy", "--yes"], 2),
    (&["fix", "--push", "--dry-run"], 2),
    (&["hook", "run", "--strict"], 2),
    (&["init", "--yes"], 2),
];

/// The other commands that read a `doctor.toml`.
const CONFIG_COMMANDS: [FailingCommand; 4] = [
    (&["compare", "staging", "production", "--token=production=PRODUCTION_TOKEN"], 2),
    (&["trust", "--yes"], 2),
    (&["auth", "status"], 2),
    (&["hook", "run"], 2),
];

/// The commands that read a baseline.
const BASELINE_COMMANDS: [FailingCommand; 3] = [
    (&["check", "--baseline=known.toml"], 2),
    (&["check", "--baseline=known.toml", "--new-only"], 2),
    (&["check", "--baseline=known.toml", "--write-baseline"], 2),
];

/// Creates a trap at the first path; the second is a directory outside the checkout.
type Trap = fn(&Path, &Path);

const TRAPS: [(&str, Trap); 9] = [
    ("a named pipe", |place, _| pipe(place)),
    ("a link to a named pipe", |place, outside| {
        pipe(&outside.join("pipe"));
        symlink(outside.join("pipe"), place).unwrap();
    }),
    ("a link to an endless device", |place, _| symlink("/dev/zero", place).unwrap()),
    ("a link to a random device", |place, _| symlink("/dev/urandom", place).unwrap()),
    ("a link to the terminal", |place, _| symlink("/dev/tty", place).unwrap()),
    ("a link to itself", |place, _| symlink(place.file_name().unwrap(), place).unwrap()),
    ("a dangling link", |place, outside| symlink(outside.join("nothing"), place).unwrap()),
    ("a directory", |place, _| fs::create_dir(place).unwrap()),
    ("a sparse file of 1 TiB", |place, _| File::create(place).unwrap().set_len(1 << 40).unwrap()),
];

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A repository with a trap in place of one file, and a directory outside it.
fn trapped(name: &str, trap: Trap) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.make_repository();
    drop(fs::remove_file(sandbox.work().join(name)));
    let outside = sandbox.work().with_file_name("outside");
    fs::create_dir(&outside).unwrap();
    trap(&sandbox.work().join(name), &outside);
    sandbox
}

fn run_trapped(path: &str, server: &Server, sandbox: &Sandbox, (args, code): FailingCommand) -> Result<(), String> {
    let (url, backend) = server.serve(path, Backend::new(Sim::new(shop("mark4711-stored")), normal_responses()));
    let outside = sandbox.work().with_file_name("outside");
    let (before, written) = ((sandbox.names(), names(&outside)), FilesBefore::of(sandbox));
    let output = sandbox.run(&[args, &["--timeout=5s", "--api-url", &url]].concat(), "", Watch::Memory);
    let details = || format!("{output:#?}");
    written.check_leaks(sandbox, &output)?;
    ensure!(output.code == Some(code), "exit code {:?}\n{}", output.code, details());
    let lines: Vec<&str> = output.stderr.lines().filter(|line| !is_status_line(line)).collect();
    ensure!(is_error(&lines) && lines[1].starts_with("  cause: "), "{}", details());
    ensure!(output.peak_kib < MAX_MEMORY_KIB, "{}", details());
    // Another program may still write to a pipe, so `doctor` waits for it until the timeout. Nothing else takes time.
    let max_duration =
        if has_waited_for_input(&output.stderr) { Duration::from_secs(6) } else { Duration::from_secs(5) };
    ensure!(output.duration < max_duration, "it took {:?}", output.duration);
    ensure!((sandbox.names(), names(&outside)) == before, "unexpected files: {:?}", sandbox.names());
    ensure!(backend.sim.mutations().is_empty(), "it sent mutations: {:?}", backend.sim.mutations());
    Ok(())
}

fn has_waited_for_input(stderr: &str) -> bool {
    stderr.contains("before the end of the input")
}

/// Runs every command with every trap in place of that file.
fn run_traps(name: &'static str, commands: &[FailingCommand]) {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (what, trap) in TRAPS {
        for command in commands {
            let (path, server) = (format!("trap-{}-{name}", jobs.len()), &server);
            let job = move || run_trapped(&path, server, &trapped(name, trap), *command);
            jobs.push((format!("{what} as {name} × {}", command.0.join(" ")), Box::new(job)));
        }
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}

#[test]
fn invalid_baseline_ends_a_check_immediately() {
    run_traps("known.toml", &BASELINE_COMMANDS);
}

#[test]
fn invalid_env_file_ends_every_command_immediately() {
    run_traps(".env", &ENV_FILE_COMMANDS);
}

#[test]
fn invalid_configuration_ends_every_command_immediately() {
    run_traps("doctor.toml", &[&ENV_FILE_COMMANDS[..], &CONFIG_COMMANDS].concat());
}

/// Attempts to set an address, a token, a command, a file outside the checkout, and a request to another host.
const HOSTILE_CONFIGS: [&str; 17] = [
    "api-url = \"http://127.0.0.1:9/\"",
    "host = \"evil.example\"",
    "token = \"mark4711\"",
    "command = \"touch pwned\"",
    "project = \"http://ELSEWHERE/\"",
    "[[across]]\nkeys = [\"API_KEY\"]\nmust = \"http://ELSEWHERE/\"",
    "[environments.production]\ntoken = \"mark4711\"",
    "loader = \"./loader.sh\"",
    "env-file = \"../outside/.env\"",
    "env-file = \"/etc/passwd\"",
    "env-file = \"link.env\"",
    "[services.api]\nenv-file = \"../outside/.env\"",
    "[environments.staging]\nenv-file = [\"../outside/.env\"]",
    "[[expect.http]]\nservice = \"api\"\nrequest = \"GET http://ELSEWHERE/\"\nstatus = 200",
    "[[expect.http]]\nservice = \"api\"\nrequest = \"GET //ELSEWHERE/\"\nstatus = 200",
    "[[expect.http]]\nservice = \"api\"\nurl = \"http://ELSEWHERE/\"\nrequest = \"GET /\"\nstatus = 200",
    "[[expect.http]]\nservice = \"api\"\nrequest = \"GET /\"\nheaders = { Host = \"ELSEWHERE\", X = \"$API_KEY\" }\nstatus = 200",
];

#[test]
fn hostile_doctor_toml_gains_nothing_from_any_command() {
    let (server, elsewhere) = (Server::plain(), TcpListener::bind("127.0.0.1:0").unwrap());
    elsewhere.set_nonblocking(true).unwrap();
    let address = elsewhere.local_addr().unwrap().to_string();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for config in HOSTILE_CONFIGS {
        for (args, _) in ENV_FILE_COMMANDS.iter().chain(&CONFIG_COMMANDS).filter(|(args, _)| args[0] != "init") {
            let (number, server, address) = (jobs.len(), &server, &address);
            let job = move || {
                let backend = Backend::new(Sim::new(shop("mark4711-stored")), normal_responses());
                let (url, backend) = server.serve(&format!("config-{number}"), backend);
                let sandbox = Sandbox::new();
                sandbox.make_repository();
                let outside = sandbox.work().with_file_name("outside");
                fs::create_dir(&outside).unwrap();
                fs::write(outside.join(".env"), "API_KEY=mark4711-outside\n").unwrap();
                symlink(outside.join(".env"), sandbox.work().join("link.env")).unwrap();
                sandbox.write("doctor.toml", &format!("{}\n", config.replace("ELSEWHERE", address)));
                let before = FilesBefore::of(&sandbox);
                let output =
                    sandbox.run(&[args, &["--timeout=5s", "--api-url", &url][..]].concat(), "", Watch::Nothing);
                before.check_leaks(&sandbox, &output)?;
                // The endpoint's request is not observed here, and its failure does not end the command.
                let is_endpoint = config.starts_with("[[expect.http]]") && output.code != Some(2);
                // These commands read no env file.
                let reads_no_variables = ["auth", "compare"].contains(&args[0]) && config.contains("env-file");
                ensure!(output.code == Some(2) || is_endpoint || reads_no_variables, "{output:#?}");
                let file = fs::read_to_string(outside.join(".env")).unwrap();
                ensure!(file == "API_KEY=mark4711-outside\n", "a file outside the checkout was changed");
                let set = backend.sim.mutations().iter().any(|sent| sent.operation == "SetVariables");
                ensure!(!set || is_endpoint, "it sent mutations: {:?}", backend.sim.mutations());
                let is_read_only = ["check", "compare", "matrix"].contains(&args[0]);
                ensure!(!is_read_only || backend.sim.mutations().is_empty(), "it sent a mutation");
                ensure!(!sandbox.work().join("pwned").exists(), "it ran a command");
                Ok(())
            };
            jobs.push((format!("{config} × {}", args.join(" ")), Box::new(job)));
        }
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
    assert!(elsewhere.accept().is_err(), "a request was sent to another host");
}
