//! A checkout that somebody else has prepared: what lies in the place of `.env`, and what `doctor.toml` may not say. No
//! verb hangs, fills the memory, sends a value anywhere, or touches what lies outside.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use railway_doctor::io::sim::Sim;

use crate::assertions::{MOST, is_talk};
use crate::fixture::usual;
use crate::leak_scan::Before;
use crate::parallel::{Job, MANY, hold, play};
use crate::run::{Cell, Watch, names, shop};
use crate::server::{Case, Server};

/// A verb, and the exit code of what ends it at once.
type Verb = (&'static [&'static str], i32);

/// The verbs that read a `.env`.
const VERBS: [Verb; 8] = [
    (&["check"], 2),
    (&["matrix"], 2),
    (&["fix", "--push", "--yes", "--only=API_KEY"], 2),
    (&["fix", "--pull", "--yes", "--only=API_KEY"], 2),
    (&["fix", "--redeploy", "--yes"], 2),
    (&["fix", "--push", "--dry-run"], 2),
    (&["hook", "run", "--strict"], 2),
    (&["init", "--yes"], 2),
];

/// Those that read a `doctor.toml` beside them.
const ALSO: [Verb; 3] = [(&["trust", "--yes"], 2), (&["auth", "status"], 2), (&["hook", "run"], 2)];

/// Puts something in that place; the folder is outside of the checkout.
type Trap = fn(&Path, &Path);

const TRAPS: [(&str, Trap); 9] = [
    ("a pipe", |place, _| pipe(place)),
    ("a link to a pipe", |place, outside| {
        pipe(&outside.join("pipe"));
        symlink(outside.join("pipe"), place).unwrap();
    }),
    ("a link to a device without end", |place, _| symlink("/dev/zero", place).unwrap()),
    ("a link to a device of chance", |place, _| symlink("/dev/urandom", place).unwrap()),
    ("a link to the terminal", |place, _| symlink("/dev/tty", place).unwrap()),
    ("a link to itself", |place, _| symlink(place.file_name().unwrap(), place).unwrap()),
    ("a link to nothing", |place, outside| symlink(outside.join("nothing"), place).unwrap()),
    ("a folder", |place, _| fs::create_dir(place).unwrap()),
    ("a terabyte", |place, _| File::create(place).unwrap().set_len(1 << 40).unwrap()),
];

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A repository with that in the place of one of its files, and a folder outside of it.
fn trapped(name: &str, trap: Trap) -> Cell {
    let cell = Cell::new();
    cell.make_repository();
    drop(fs::remove_file(cell.work().join(name)));
    let outside = cell.work().with_file_name("outside");
    fs::create_dir(&outside).unwrap();
    trap(&cell.work().join(name), &outside);
    cell
}

fn meets(path: &str, server: &Server, cell: &Cell, (words, code): Verb) -> Result<(), String> {
    let (url, case) = server.serve(path, Case::new(Sim::new(shop("mark4711-stored")), usual()));
    let outside = cell.work().with_file_name("outside");
    let (before, written) = ((cell.names(), names(&outside)), Before::of(cell));
    let ran = cell.run(&[words, &["--timeout=5s", "--api-url", &url]].concat(), "", Watch::Memory);
    let told = || format!("{ran:#?}");
    written.is_silent(cell, &ran)?;
    hold!(ran.code == Some(code), "exit code {:?}\n{}", ran.code, told());
    let lines: Vec<&str> = ran.err.lines().filter(|line| !is_talk(line)).collect();
    hold!(lines.len() == 3 && lines[0].starts_with("error: ") && lines[2].starts_with("  next: "), "{}", told());
    hold!(ran.peak < MOST, "{}", told());
    // A program may serve a pipe any moment, so it gets all the time of the run; nothing else takes time.
    let most = if told_of_a_wait(&ran.err) { Duration::from_secs(6) } else { Duration::from_secs(5) };
    hold!(ran.took < most, "it took {:?}", ran.took);
    hold!((cell.names(), names(&outside)) == before, "left behind: {:?}", cell.names());
    hold!(case.sim.mutations().is_empty(), "it went on: {:?}", case.sim.mutations());
    Ok(())
}

fn told_of_a_wait(err: &str) -> bool {
    err.contains("no program wrote it to its end within")
}

/// Every trap for every verb, in the place of that file.
fn spring(name: &'static str, verbs: &[Verb]) {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (what, trap) in TRAPS {
        for verb in verbs {
            let (path, server) = (format!("trap-{}-{name}", jobs.len()), &server);
            let job = move || meets(&path, server, &trapped(name, trap), *verb);
            jobs.push((format!("{what} as {name} × {}", verb.0.join(" ")), Box::new(job)));
        }
    }
    play([(jobs, MANY)]);
}

#[test]
fn invalid_env_file_ends_every_command_immediately() {
    spring(".env", &VERBS);
}

#[test]
fn invalid_configuration_ends_every_command_immediately() {
    spring("doctor.toml", &[&VERBS[..], &ALSO].concat());
}

/// What a checkout would like to have: an address, a token, a command, a file outside, a request elsewhere.
const WISHES: [&str; 14] = [
    "api-url = \"http://127.0.0.1:9/\"",
    "host = \"evil.example\"",
    "token = \"mark4711\"",
    "command = \"touch pwned\"",
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
    for wish in WISHES {
        for (words, _) in VERBS.iter().chain(&ALSO).filter(|(words, _)| words[0] != "init") {
            let (number, server, address) = (jobs.len(), &server, &address);
            let play = move || {
                let case = Case::new(Sim::new(shop("mark4711-stored")), usual());
                let (url, case) = server.serve(&format!("wish-{number}"), case);
                let cell = Cell::new();
                cell.make_repository();
                let outside = cell.work().with_file_name("outside");
                fs::create_dir(&outside).unwrap();
                fs::write(outside.join(".env"), "API_KEY=mark4711-outside\n").unwrap();
                symlink(outside.join(".env"), cell.work().join("link.env")).unwrap();
                cell.write("doctor.toml", &format!("{}\n", wish.replace("ELSEWHERE", address)));
                let before = Before::of(&cell);
                let ran = cell.run(&[words, &["--timeout=5s", "--api-url", &url][..]].concat(), "", Watch::Nothing);
                before.is_silent(&cell, &ran)?;
                // What it asks of an endpoint is not seen, and stops no verb.
                let is_endpoint = wish.starts_with("[[expect.http]]") && ran.code != Some(2);
                let reads_no_variables = words[0] == "auth" && wish.contains("env-file");
                hold!(ran.code == Some(2) || is_endpoint || reads_no_variables, "{ran:#?}");
                let file = fs::read_to_string(outside.join(".env")).unwrap();
                hold!(file == "API_KEY=mark4711-outside\n", "what lies outside was changed");
                let set = case.sim.mutations().iter().any(|sent| sent.operation == "SetVariables");
                hold!(!set || is_endpoint, "it went on: {:?}", case.sim.mutations());
                hold!(!cell.work().join("pwned").exists(), "it ran something");
                Ok(())
            };
            jobs.push((format!("{wish} × {}", words.join(" ")), Box::new(play)));
        }
    }
    play([(jobs, MANY)]);
    assert!(elsewhere.accept().is_err(), "somebody was asked elsewhere");
}
