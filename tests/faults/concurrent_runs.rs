//! Two concurrent runs with the same `.env` and environment: no data is lost, and both report correctly what they did.

use std::sync::Barrier;
use std::time::Instant;

use railway_doctor::io::sim::Sim;
use serde_json::Value;

use crate::bad_responses::ScriptedResponse;
use crate::killed_rotation;
use crate::leak_scan::FilesBefore;
use crate::mid_fix::stored;
use crate::parallel::{Job, ensure, run_jobs};
use crate::run::{ENV, PULLED, RunOutput, Sandbox, Watch, finish, shop};
use crate::server::{Backend, Server};

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only=API_KEY", "--no-deploy", "--format=json"];
const PULL: &[&str] = &["fix", "--pull", "--yes", "--only=API_KEY", "--format=json"];
const HOOK: &[&str] = &["hook", "run"];

/// Two runs, and how many of their reads of values wait for each other, so that none writes before them.
struct Pair {
    name: &'static str,
    args: [&'static [&'static str]; 2],
    synchronized_reads: usize,
}

const PAIRS: [Pair; 5] = [
    Pair { name: "two pushes", args: [PUSH, PUSH], synchronized_reads: 4 },
    Pair { name: "two pulls", args: [PULL, PULL], synchronized_reads: 2 },
    Pair { name: "a push and a pull", args: [PUSH, PULL], synchronized_reads: 2 },
    Pair { name: "a push and a hook", args: [PUSH, HOOK], synchronized_reads: 2 },
    Pair { name: "a pull and a hook", args: [PULL, HOOK], synchronized_reads: 2 },
];

impl Pair {
    fn run(&self, number: usize, server: &Server) -> Result<(), String> {
        let (barrier, synchronized_reads) = (Barrier::new(2), self.synchronized_reads);
        let script = move |operation: &str, number: usize| {
            if operation == "Values" && number <= synchronized_reads {
                barrier.wait();
            }
            ScriptedResponse::normal()
        };
        let backend = Backend::new(Sim::new(shop("mark4711-stored")), Box::new(script));
        let (url, backend) = server.serve(&format!("pair-{number}"), backend);
        let sandbox = Sandbox::new();
        sandbox.write(".gitignore", ".env\n");
        let created = std::process::Command::new("git").args(["init", "-q"]).current_dir(sandbox.work()).status();
        ensure!(created.is_ok_and(|created| created.success()), "git init failed");
        let (address, before) = (format!("--api-url={url}"), FilesBefore::of(&sandbox));
        let start = Instant::now();
        let children = self.args.map(|args| sandbox.command(&[args, &[&address]].concat()).spawn().unwrap());
        let [first, second] = children.map(|child| finish(child, start, Watch::Nothing));
        let leaks = before.check_leaks(&sandbox, &first).and_then(|()| before.check_leaks(&sandbox, &second));
        let result = leaks.and_then(|()| self.check([&first, &second], &sandbox, &backend));
        result
            .and_then(|()| undo_all(&sandbox, &backend, &url))
            .map_err(|what| format!("{what}\n{first:#?}\n{second:#?}"))
    }

    fn check(&self, outputs: [&RunOutput; 2], sandbox: &Sandbox, backend: &Backend) -> Result<(), String> {
        let content = sandbox.read(".env");
        ensure!([ENV, PULLED].contains(&content.as_str()), ".env is torn: {content:?}");
        ensure!(sandbox.names() == [".env", ".git", ".gitignore"], "unexpected files: {:?}", sandbox.names());
        let values = ["api", "worker"].map(|service| stored(backend, service));
        let mut done = Vec::new();
        for (output, args) in outputs.iter().zip(self.args) {
            if args == HOOK {
                ensure!(matches!(output.code, Some(0 | 1)), "the hook ended with {:?}", output.code);
                continue;
            }
            ensure!(matches!(output.code, Some(0 | 1 | 6)), "the fix ended with {:?}", output.code);
            let report: Value = serde_json::from_str(&output.stdout).map_err(|error| error.to_string())?;
            let receipts = report["receipts"].as_array().ok_or("no receipts")?;
            let outcomes: Vec<&str> = receipts.iter().filter_map(|receipt| receipt["outcome"].as_str()).collect();
            let is_done = outcomes.iter().all(|outcome| *outcome == "done");
            let is_conflict = outcomes.iter().all(|outcome| *outcome == "conflict");
            ensure!(is_done || is_conflict && output.code == Some(6), "it reports {outcomes:?}");
            done.extend(is_done.then_some(args));
        }
        ensure!(done.contains(&PULL) == (content == PULLED), "the report of the pull is wrong");
        let is_pushed = values.iter().all(|value| value == "mark4711-local");
        ensure!(done.contains(&PUSH) == is_pushed, "the report of the push is wrong");
        ensure!(!sandbox.runs().is_empty(), "no run is recorded");
        Ok(())
    }
}

/// Undoes every run in turn and checks that the original state is restored.
fn undo_all(sandbox: &Sandbox, backend: &Backend, url: &str) -> Result<(), String> {
    for run in sandbox.runs() {
        let output = sandbox.run(&["undo", &run, "--yes", "--no-deploy", "--api-url", url], "", Watch::Nothing);
        ensure!(matches!(output.code, Some(0)), "undo failed: {output:#?}");
    }
    ensure!(sandbox.read(".env") == ENV, ".env is not restored");
    for service in ["api", "worker"] {
        ensure!(stored(backend, service) == "mark4711-stored", "{service} is not restored");
    }
    Ok(())
}

#[test]
fn concurrent_runs_lose_nothing_and_report_correctly() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for number in 0..2 * PAIRS.len() {
        let (pair, server) = (&PAIRS[number % PAIRS.len()], &server);
        jobs.push((pair.name.to_owned(), Box::new(move || pair.run(number, server))));
    }
    run_jobs([(jobs, 4)]);
}

const ROTATE: [&str; 6] = ["rotate", "API_KEY", "--generate=hex:32", "--all-copies", "--yes", "--format=json"];

/// Two rotations of the same key, each with another generated value: in one directory, or on two machines.
fn rotate_twice(number: usize, server: &Server) -> Result<(), String> {
    let barrier = Barrier::new(2);
    let script = move |operation: &str, number: usize| {
        if operation == "Values" && number <= 2 {
            barrier.wait();
        }
        ScriptedResponse::normal()
    };
    let backend = Backend::new(Sim::new(killed_rotation::estate()), Box::new(script));
    let (url, backend) = server.serve(&format!("rotations-{number}"), backend);
    let (sandboxes, is_shared) = ([(); 2].map(|()| killed_rotation::sandbox()), number.is_multiple_of(2));
    let used = [&sandboxes[0], &sandboxes[usize::from(!is_shared)]];
    let (before, start) = (used.map(FilesBefore::of), Instant::now());
    let address = format!("--api-url={url}");
    let args = [&ROTATE[..], &[&address]].concat();
    let children = used.map(|sandbox| sandbox.command(&args).spawn().unwrap());
    let outputs = children.map(|child| finish(child, start, Watch::Nothing));
    let stored = killed_rotation::stored(&backend);
    let details = || format!("{outputs:#?}\n{stored:?}");
    for ((before, sandbox), output) in before.iter().zip(used).zip(&outputs) {
        before.check_leaks(sandbox, output)?;
    }
    let mut values = Vec::new();
    for (service, key, text) in killed_rotation::copies("VALUE") {
        let found = stored.iter().find(|one| (one.0.as_str(), one.1.as_str()) == (service, key)).unwrap();
        let (start, end) = text.split_once("VALUE").unwrap();
        let value = found.2.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        values.push(value.ok_or_else(|| format!("{key} of {service} is torn\n{}", details()))?.to_owned());
    }
    let is_one = values.iter().all(|value| *value == values[0] && value != killed_rotation::OLD);
    let mut codes = outputs.each_ref().map(|output| output.code.unwrap_or_default());
    codes.sort_unstable();
    if is_shared {
        let is_refused = outputs.iter().any(|output| output.stderr.contains("another rotation is in progress"));
        ensure!(codes == [0, 2] && is_refused && is_one, "both rotations ran\n{}", details());
    } else {
        ensure!(codes.iter().all(|code| [0, 6, 7, 8].contains(code)), "{}", details());
    }
    ensure!(is_one || codes != [0, 0], "the places have several values, but both runs succeeded\n{}", details());
    for sandbox in used {
        let file = sandbox.read(".env");
        let value = file.split('\'').nth(1).unwrap_or_default();
        let is_whole = file == killed_rotation::ENV.replace(killed_rotation::OLD, value);
        ensure!(is_whole && (!is_shared || value == values[0]), ".env is torn: {file:?}\n{}", details());
    }
    Ok(())
}

#[test]
fn concurrent_rotations_leave_no_unreported_mixture() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for number in 0..6 {
        let server = &server;
        jobs.push((format!("two rotations, {number}"), Box::new(move || rotate_twice(number, server))));
    }
    run_jobs([(jobs, 3)]);
}
