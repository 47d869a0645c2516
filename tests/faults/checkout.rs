//! A checkout that somebody else has prepared: what lies in the place of `.env`, and what `doctor.toml` may not say. No
//! verb hangs, fills the memory, sends a value anywhere, or touches what lies outside.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use railway_doctor::outside::sim::Sim;

use crate::cell::{Cell, Watch, names, shop};
use crate::crowd::{Job, MANY, hold, play};
use crate::server::{Case, Server};
use crate::silence::Before;
use crate::stage::usual;
use crate::verdict::MOST;

/// The verbs that read a `.env`, and what a broken one ends them with.
const VERBS: [(&[&str], i32); 7] = [
    (&["check"], 2),
    (&["matrix"], 2),
    (&["fix", "--push", "--yes", "--only=API_KEY"], 2),
    (&["fix", "--pull", "--yes", "--only=API_KEY"], 2),
    (&["fix", "--redeploy", "--yes"], 2),
    (&["fix", "--push", "--dry-run"], 2),
    (&["init", "--yes"], 2),
];

/// What lies there; the second folder is outside of the checkout.
type Trap = fn(&Path, &Path);

const TRAPS: [(&str, Trap); 9] = [
    ("a pipe", |work, _| pipe(&work.join(".env"))),
    ("a link to a pipe", |work, outside| {
        pipe(&outside.join("pipe"));
        symlink(outside.join("pipe"), work.join(".env")).unwrap();
    }),
    ("a link to a device without end", |work, _| symlink("/dev/zero", work.join(".env")).unwrap()),
    ("a link to a device of chance", |work, _| symlink("/dev/urandom", work.join(".env")).unwrap()),
    ("a link to the terminal", |work, _| symlink("/dev/tty", work.join(".env")).unwrap()),
    ("a link to itself", |work, _| symlink(".env", work.join(".env")).unwrap()),
    ("a link to nothing", |work, outside| symlink(outside.join("nothing"), work.join(".env")).unwrap()),
    ("a folder", |work, _| fs::create_dir(work.join(".env")).unwrap()),
    ("a terabyte", |work, _| File::create(work.join(".env")).unwrap().set_len(1 << 40).unwrap()),
];

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A cell with that in the place of its `.env`, and a folder outside of the working folder.
fn trapped(trap: Trap) -> Cell {
    let cell = Cell::new();
    fs::remove_file(cell.work().join(".env")).unwrap();
    let outside = cell.work().with_file_name("outside");
    fs::create_dir(&outside).unwrap();
    trap(&cell.work(), &outside);
    cell
}

fn meets(number: usize, server: &Server, trap: Trap, (words, code): (&[&str], i32)) -> Result<(), String> {
    let (url, case) = server.serve(&format!("trap-{number}"), Case::new(Sim::new(shop("mark4711-stored")), usual()));
    let cell = trapped(trap);
    let outside = cell.work().with_file_name("outside");
    let (before, written) = ((cell.names(), names(&outside)), Before::of(&cell));
    let ran = cell.run(&[words, &["--timeout=5s", "--api-url", &url]].concat(), "", Watch::Memory);
    let told = || format!("{ran:#?}");
    written.is_silent(&cell, &ran)?;
    hold!(ran.code == Some(code), "exit code {:?}\n{}", ran.code, told());
    let lines: Vec<&str> = ran.err.lines().collect();
    hold!(lines.len() == 3 && lines[0].starts_with("error: ") && lines[2].starts_with("  next: "), "{}", told());
    hold!(ran.peak < MOST, "{}", told());
    hold!(ran.took < Duration::from_secs(5), "it took {:?}", ran.took);
    hold!((cell.names(), names(&outside)) == before, "left behind: {:?}", cell.names());
    hold!(case.sim.mutations().is_empty(), "it went on: {:?}", case.sim.mutations());
    Ok(())
}

#[test]
fn what_is_no_file_of_variables_ends_every_verb_at_once() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (name, trap) in TRAPS {
        for verb in VERBS {
            let (number, server) = (jobs.len(), &server);
            jobs.push((format!("{name} × {}", verb.0.join(" ")), Box::new(move || meets(number, server, trap, verb))));
        }
    }
    play([(jobs, MANY)]);
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
fn no_verb_grants_a_checkout_its_wishes() {
    let (server, elsewhere) = (Server::plain(), TcpListener::bind("127.0.0.1:0").unwrap());
    elsewhere.set_nonblocking(true).unwrap();
    let address = elsewhere.local_addr().unwrap().to_string();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for wish in WISHES {
        for (words, _) in VERBS.iter().filter(|(words, _)| words[0] != "init") {
            let (number, server, address) = (jobs.len(), &server, &address);
            let play = move || {
                let case = Case::new(Sim::new(shop("mark4711-stored")), usual());
                let (url, case) = server.serve(&format!("wish-{number}"), case);
                let cell = Cell::new();
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
                hold!(ran.code == Some(2) || is_endpoint, "{ran:#?}");
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
