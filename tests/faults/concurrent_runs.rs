//! Two runs at once beside one `.env` and one environment, held together where it matters: nothing is lost, and what each
//! of them says of itself is true.

use std::sync::Barrier;
use std::time::Instant;

use railway_doctor::io::sim::Sim;
use serde_json::Value;

use crate::bad_responses::Answer;
use crate::leak_scan::Before;
use crate::mid_fix::stored;
use crate::parallel::{Job, hold, play};
use crate::run::{Cell, ENV, PULLED, Ran, Watch, finish, shop};
use crate::server::{Case, Server};

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only=API_KEY", "--no-deploy", "--format=json"];
const PULL: &[&str] = &["fix", "--pull", "--yes", "--only=API_KEY", "--format=json"];
const HOOK: &[&str] = &["hook", "run"];

/// Two runs, and how many reads of values both of them make before the first of them writes.
struct Pair {
    name: &'static str,
    words: [&'static [&'static str]; 2],
    together: usize,
}

const PAIRS: [Pair; 5] = [
    Pair { name: "two pushes", words: [PUSH, PUSH], together: 4 },
    Pair { name: "two pulls", words: [PULL, PULL], together: 2 },
    Pair { name: "a push and a pull", words: [PUSH, PULL], together: 2 },
    Pair { name: "a push and a hook", words: [PUSH, HOOK], together: 2 },
    Pair { name: "a pull and a hook", words: [PULL, HOOK], together: 2 },
];

impl Pair {
    fn play(&self, number: usize, server: &Server) -> Result<(), String> {
        let (barrier, together) = (Barrier::new(2), self.together);
        let script = move |operation: &str, number: usize| {
            if operation == "Values" && number <= together {
                barrier.wait();
            }
            Answer::usual()
        };
        let case = Case::new(Sim::new(shop("mark4711-stored")), Box::new(script));
        let (url, case) = server.serve(&format!("pair-{number}"), case);
        let cell = Cell::new();
        cell.write(".gitignore", ".env\n");
        let made = std::process::Command::new("git").args(["init", "-q"]).current_dir(cell.work()).status();
        hold!(made.is_ok_and(|made| made.success()), "no repository");
        let (address, before) = (format!("--api-url={url}"), Before::of(&cell));
        let start = Instant::now();
        let children = self.words.map(|words| cell.command(&[words, &[&address]].concat()).spawn().unwrap());
        let [first, second] = children.map(|child| finish(child, start, Watch::Nothing));
        let silent = before.is_silent(&cell, &first).and_then(|()| before.is_silent(&cell, &second));
        let result = silent.and_then(|()| self.judge([&first, &second], &cell, &case));
        result.and_then(|()| put_back(&cell, &case, &url)).map_err(|what| format!("{what}\n{first:#?}\n{second:#?}"))
    }

    fn judge(&self, ran: [&Ran; 2], cell: &Cell, case: &Case) -> Result<(), String> {
        let now = cell.read(".env");
        hold!([ENV, PULLED].contains(&now.as_str()), ".env is torn: {now:?}");
        hold!(cell.names() == [".env", ".git", ".gitignore"], "left behind: {:?}", cell.names());
        let held = ["api", "worker"].map(|service| stored(case, service));
        let mut done = Vec::new();
        for (ran, words) in ran.iter().zip(self.words) {
            if words == HOOK {
                hold!(matches!(ran.code, Some(0 | 1)), "the hook ended with {:?}", ran.code);
                continue;
            }
            hold!(matches!(ran.code, Some(0 | 1 | 6)), "the fix ended with {:?}", ran.code);
            let report: Value = serde_json::from_str(&ran.out).map_err(|error| error.to_string())?;
            let receipts = report["receipts"].as_array().ok_or("no receipts")?;
            let outcomes: Vec<&str> = receipts.iter().filter_map(|receipt| receipt["outcome"].as_str()).collect();
            let is_done = outcomes.iter().all(|outcome| *outcome == "done");
            let is_conflict = outcomes.iter().all(|outcome| *outcome == "conflict");
            hold!(is_done || is_conflict && ran.code == Some(6), "it tells of {outcomes:?}");
            done.extend(is_done.then_some(words));
        }
        hold!(done.contains(&PULL) == (now == PULLED), "what is said of the pull is not true");
        let is_pushed = held.iter().all(|held| held == "mark4711-local");
        hold!(done.contains(&PUSH) == is_pushed, "what is said of the push is not true");
        hold!(!cell.runs().is_empty(), "nothing is recorded");
        Ok(())
    }
}

/// Whatever came of them, undoing every run in turn leads back to where they began.
fn put_back(cell: &Cell, case: &Case, url: &str) -> Result<(), String> {
    for run in cell.runs() {
        let ran = cell.run(&["undo", &run, "--yes", "--no-deploy", "--api-url", url], "", Watch::Nothing);
        hold!(matches!(ran.code, Some(0)), "undo: {ran:#?}");
    }
    hold!(cell.read(".env") == ENV, ".env is not what it was");
    for service in ["api", "worker"] {
        hold!(stored(case, service) == "mark4711-stored", "{service} does not hold what it did");
    }
    Ok(())
}

#[test]
fn concurrent_runs_lose_nothing_and_report_correctly() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for number in 0..2 * PAIRS.len() {
        let (pair, server) = (&PAIRS[number % PAIRS.len()], &server);
        jobs.push((pair.name.to_owned(), Box::new(move || pair.play(number, server))));
    }
    play([(jobs, 4)]);
}
