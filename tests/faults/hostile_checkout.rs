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
use crate::run::{NEW_VALUE, Sandbox, Watch, names, shop};
use crate::server::{Backend, Server};

/// Arguments, and the exit code of the error that ends the command immediately.
type FailingCommand = (&'static [&'static str], i32);

/// The commands that read a `.env`.
const ENV_FILE_COMMANDS: [FailingCommand; 11] = [
    (&["check"], 2),
    (&["matrix"], 2),
    (&["trace", "API_KEY"], 2),
    (&["trace", "API_KEY", "--from=api", "--everywhere", "--yes"], 2),
    (&["rotate", "API_KEY", "--from=api", "--generate=hex:32", "--all-copies", "--yes"], 2),
    (&["fix", "--push", "--yes", "--only=API_KEY"], 2),
    (&["fix", "--pull", "--yes", "--only=API_KEY"], 2),
    (&["fix", "--redeploy", "--yes"], 2),
    (&["fix", "--push", "--dry-run"], 2),
    (&["hook", "run", "--strict"], 2),
    (&["init", "--yes"], 2),
];

/// The other commands that read a `doctor.toml`.
const CONFIG_COMMANDS: [FailingCommand; 5] = [
    (&["fix", "--hoist=API_KEY", "--yes"], 2),
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
                let is_read_only = ["check", "compare", "matrix", "trace"].contains(&args[0]);
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

/// A `doctor.toml` that the user never accepted, the variables that name a target outside of it, and a command that
/// would write to something that only the file names.
struct UntrustedCase {
    name: &'static str,
    config: &'static str,
    named: Named,
    args: &'static [&'static str],
    /// Part of the error.
    error: &'static str,
}

/// What is known from outside the checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    ProjectAndEnvironment,
    Project,
    Nothing,
}

const ROTATE: &[&str] = &["rotate", "API_KEY", "--from=api", "--stdin", "--yes"];

/// The value of the file that `doctor.toml` names is the one on Railway.
const ROTATE_OF_FILE: &[&str] = &["rotate", "API_KEY", "--stdin", "--yes", "--all-copies"];

/// A value of such a file is not even searched for: the search could confirm a guess.
const UNTRUSTED_FILE: &str = "only a doctor.toml that is not accepted names ";

const HOIST: &[&str] = &["fix", "--hoist=API_KEY", "--yes"];

const fn untrusted(
    name: &'static str,
    config: &'static str,
    named: Named,
    args: &'static [&'static str],
    error: &'static str,
) -> UntrustedCase {
    UntrustedCase { name, config, named, args, error }
}

const UNTRUSTED_CASES: [UntrustedCase; 14] = [
    untrusted(
        "a project and an environment",
        "project = \"shop\"\nenvironment = \"staging\"",
        Named::Nothing,
        ROTATE,
        "only doctor.toml names the project shop and the environment staging",
    ),
    untrusted(
        "an environment",
        "environment = \"staging\"",
        Named::Project,
        ROTATE,
        "only doctor.toml names the environment staging",
    ),
    untrusted(
        "another environment",
        "environment = \"production\"",
        Named::ProjectAndEnvironment,
        ROTATE,
        "production",
    ),
    untrusted(
        "another environment that is not protected",
        "environment = \"production\"\n[environments.production]\nprotected = false",
        Named::ProjectAndEnvironment,
        ROTATE,
        "production",
    ),
    untrusted(
        "another environment, to hoist",
        "project = \"shop\"\nenvironment = \"staging\"",
        Named::Nothing,
        HOIST,
        "only doctor.toml names the project shop and the environment staging",
    ),
    untrusted("a file", "env-file = \"other.env\"", Named::ProjectAndEnvironment, ROTATE_OF_FILE, UNTRUSTED_FILE),
    untrusted(
        "a file of the environment",
        "[environments.staging]\nenv-file = \"other.env\"",
        Named::ProjectAndEnvironment,
        ROTATE_OF_FILE,
        UNTRUSTED_FILE,
    ),
    untrusted(
        "a file of a service",
        "[services.api]\nenv-file = \"other.env\"\n[services.worker]\nenv-file = \"other.env\"",
        Named::ProjectAndEnvironment,
        ROTATE_OF_FILE,
        UNTRUSTED_FILE,
    ),
    untrusted(
        "a file that nothing on Railway has",
        "env-file = \"local.env\"",
        Named::ProjectAndEnvironment,
        &["rotate", "LOCAL_KEY", "--stdin", "--yes"],
        UNTRUSTED_FILE,
    ),
    untrusted(
        "a file, to search for its value",
        "env-file = \"other.env\"",
        Named::ProjectAndEnvironment,
        &["trace", "API_KEY"],
        UNTRUSTED_FILE,
    ),
    untrusted(
        "a file, to search for its value everywhere",
        "[services.api]\nenv-file = \"other.env\"\n[services.worker]\nenv-file = \"other.env\"",
        Named::ProjectAndEnvironment,
        &["trace", "API_KEY", "--everywhere", "--yes"],
        UNTRUSTED_FILE,
    ),
    untrusted(
        "an alias for another service",
        "[services.mailer]\nname = \"api\"",
        Named::ProjectAndEnvironment,
        &["rotate", "API_KEY", "--from=api", "--service=mailer", "--stdin", "--yes"],
        "resolves mailer to the service api",
    ),
    untrusted(
        "an alias for the service with the value",
        "[services.mailer]\nname = \"api\"",
        Named::ProjectAndEnvironment,
        &["rotate", "API_KEY", "--from=mailer", "--stdin", "--yes"],
        "resolves mailer to the service api",
    ),
    untrusted(
        "an alias that is the name of another service",
        "[services.worker]\nname = \"api\"",
        Named::ProjectAndEnvironment,
        &["rotate", "API_KEY", "--from=worker", "--stdin", "--yes"],
        "resolves worker to the service api",
    ),
];

/// Runs a command with a `doctor.toml` that was not accepted: it writes to nothing that only this file names, and
/// searches for no value from it.
fn run_untrusted(path: &str, server: &Server, case: &UntrustedCase) -> Result<(), String> {
    let (url, backend) = server.serve(path, Backend::new(Sim::new(shop("mark4711-stored")), normal_responses()));
    let mut sandbox = Sandbox::new();
    sandbox.make_repository();
    sandbox.write(".gitignore", "*.env\n");
    sandbox.write("doctor.toml", &format!("{}\n", case.config));
    sandbox.write("other.env", "API_KEY=mark4711-stored\n");
    sandbox.write("local.env", "LOCAL_KEY=mark4711-only-here-81Zq\n");
    if case.named != Named::ProjectAndEnvironment {
        sandbox.unset("RAILWAY_ENVIRONMENT_ID");
    }
    if case.named == Named::Nothing {
        sandbox.unset("RAILWAY_PROJECT_ID");
    }
    let before = FilesBefore::of(&sandbox);
    let output = sandbox.run(&[case.args, &["--api-url", &url]].concat(), NEW_VALUE, Watch::Nothing);
    let details = || format!("{output:#?}\n{:?}", backend.sim.mutations());
    before.check_leaks(&sandbox, &output)?;
    ensure!(backend.sim.mutations().is_empty(), "it sent mutations\n{}", details());
    let files = [sandbox.read(".env"), sandbox.read("other.env"), sandbox.read("local.env")];
    ensure!(files.iter().all(|file| !file.contains(NEW_VALUE)), "it changed a file\n{}", details());
    ensure!(output.code == Some(2) && output.stderr.contains(case.error), "{}", details());
    ensure!(sandbox.runs().is_empty(), "it recorded a run\n{}", details());
    Ok(())
}

#[test]
fn untrusted_doctor_toml_chooses_no_target_of_a_rotation() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for case in &UNTRUSTED_CASES {
        let (path, server) = (format!("untrusted-{}", jobs.len()), &server);
        jobs.push((case.name.to_owned(), Box::new(move || run_untrusted(&path, server, case))));
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}

/// The same runs with what the user names on the command line.
#[test]
fn rotation_with_named_target_is_not_refused() {
    let server = Server::plain();
    for (number, (config, args)) in [
        ("environment = \"staging\"", &["--environment=staging"][..]),
        ("env-file = \"other.env\"", &["--env-file=other.env"]),
        ("[services.mailer]\nname = \"api\"", &["--service=api"]),
    ]
    .into_iter()
    .enumerate()
    {
        let backend = Backend::new(Sim::new(shop("mark4711-stored")), normal_responses());
        let (url, backend) = server.serve(&format!("named-{number}"), backend);
        let sandbox = Sandbox::new();
        sandbox.write("doctor.toml", &format!("{config}\n"));
        sandbox.write("other.env", "API_KEY=mark4711-stored\n");
        let output = sandbox.run(&[ROTATE, args, &["--api-url", &url]].concat(), NEW_VALUE, Watch::Nothing);
        assert!(matches!(output.code, Some(0 | 6)), "{args:?}: {output:#?}");
        assert!(!backend.sim.mutations().is_empty(), "{args:?}: {output:#?}");
    }
}

#[test]
fn part_of_a_service_name_is_refused_without_a_prompt() {
    let server = Server::plain();
    for (number, args) in [&["--from=api", "--service=ap"][..], &["--from=ap"], &["--from=wor"]].into_iter().enumerate()
    {
        let backend = Backend::new(Sim::new(shop("mark4711-stored")), normal_responses());
        let (url, backend) = server.serve(&format!("part-{number}"), backend);
        let args = [&["rotate", "API_KEY", "--stdin", "--yes", "--api-url", &url], args].concat();
        let output = Sandbox::new().run(&args, NEW_VALUE, Watch::Nothing);
        assert_eq!((output.code, backend.sim.mutations().len()), (Some(2), 0), "{args:?}: {output:#?}");
    }
}
