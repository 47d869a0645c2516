//! SIGKILL at every request of a run: the file is whole, what was done can be undone, and the next run clears up.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::Sim;

use crate::bad_responses::{Answer, Moment};
use crate::leak_scan::Before;
use crate::mid_fix::stored;
use crate::parallel::{Job, MANY, hold, play};
use crate::run::{Cell, ENV, PULLED, Watch, finish, names, shop};
use crate::server::{Case, Server};

/// What is killed: the words, and how many requests it sends.
const RUNS: [(&str, &[&str], usize); 3] = [
    ("push", &["fix", "--push", "--yes", "--only=API_KEY"], 17),
    ("pull", &["fix", "--pull", "--yes", "--only=API_KEY"], 4),
    ("undo", &["undo", "RUN", "--yes", "--no-deploy"], 7),
];

/// A run is stopped at its request of that number, before or after Railway has done what it asks.
fn kill(
    server: &Server,
    (name, words, requests): (&str, &[&str], usize),
    at: usize,
    moment: Moment,
) -> Result<(), String> {
    let count = AtomicUsize::new(0);
    let script = move |_: &str, _: usize| match (count.fetch_add(1, Ordering::SeqCst) + 1 == at, moment) {
        (false, _) => Answer::usual(),
        (true, Moment::Before) => Answer::nothing(),
        (true, Moment::After) => Answer::nothing().after(),
    };
    let usual = || Case::new(Sim::new(shop("mark4711-stored")), Box::new(|_: &str, _: usize| Answer::usual()));
    let cell = Cell::new();
    let path = format!("killed-{name}-{at}-{moment:?}");
    let mut words = words.to_vec();
    let (mut run, mut before) = (String::new(), None);
    if name == "undo" {
        let (url, case) = server.serve(&path, usual());
        push(&cell, &url)?;
        run = cell.runs().pop().ok_or("nothing was recorded")?;
        before = Some(case);
    }
    words.iter_mut().filter(|word| **word == "RUN").for_each(|word| *word = &run);
    let sim = before.map_or_else(|| Sim::new(shop("mark4711-stored")), |case| case.sim.clone());
    let (url, case) = server.serve(&path, Case::new(sim.clone(), Box::new(script)));
    words.extend(["--api-url", &url]);
    let (sent, written) = (sim.count(), Before::of(&cell));
    let child = cell.command(&words).spawn().map_err(|error| error.to_string())?;
    let mut killed = Killing { child: Some(child) };
    let is_reached = || case.heard().len() >= at && (moment == Moment::Before || sim.count() - sent >= at);
    let is_over = killed.wait(is_reached).map_err(|error| error.to_string())?;
    let child = killed.child.take().ok_or("it is gone")?;
    let ran = finish(child, Instant::now(), Watch::Nothing);
    hold!(is_over == (at > requests), "it was over after {} requests: {ran:#?}", case.heard().len());
    // A journal is cut wherever it may be, too.
    written.is_silent(&cell, &ran)?;
    let now = cell.read(".env");
    hold!([ENV, PULLED].contains(&now.as_str()), ".env is torn: {now:?}");
    server.serve(&path, Case::new(sim, Box::new(|_: &str, _: usize| Answer::usual())));
    clear_up(&cell, &case, &url, (!run.is_empty()).then_some(&run))
}

/// Undoes the fix that is recorded, and does it anew.
fn clear_up(cell: &Cell, case: &Case, url: &str, fix: Option<&String>) -> Result<(), String> {
    let runs = cell.runs();
    if let Some(run) = fix.or(runs.last()) {
        let ran = cell.run(&["undo", run, "--yes", "--no-deploy", "--api-url", url], "", Watch::Nothing);
        hold!(ran.code == Some(0), "undo after it: {ran:#?}");
    }
    hold!(cell.read(".env") == ENV, ".env was changed and not recorded");
    for service in ["api", "worker"] {
        hold!(stored(case, service) == "mark4711-stored", "{service} was changed and not recorded; runs {runs:?}");
    }
    push(cell, url)?;
    hold!(cell.names() == [".env"], "left behind: {:?}", cell.names());
    let state = names(&cell.state());
    hold!(state.iter().all(|name| !name.starts_with('.')), "left behind: {state:?}");
    Ok(())
}

fn push(cell: &Cell, url: &str) -> Result<(), String> {
    let words = ["fix", "--push", "--yes", "--only=API_KEY", "--no-deploy", "--api-url", url];
    let ran = cell.run(&words, "", Watch::Nothing);
    // What runs has the old values, unless the run that was killed came as far as deploying.
    hold!(matches!(ran.code, Some(0 | 1)), "the next run: {ran:#?}");
    hold!(ran.out.matches("done  push").count() == 2, "the next run: {ran:#?}");
    Ok(())
}

/// A process that is killed at the latest when this is dropped.
struct Killing {
    child: Option<std::process::Child>,
}

impl Killing {
    /// Kills it once that holds; whether it was over by itself before.
    fn wait(&mut self, holds: impl Fn() -> bool) -> io::Result<bool> {
        let Some(child) = &mut self.child else { return Ok(true) };
        loop {
            if holds() {
                child.kill()?;
                return Ok(false);
            }
            if child.try_wait()?.is_some() {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Killing {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
        }
    }
}

#[test]
fn run_killed_at_any_request_loses_nothing() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for run in RUNS {
        for at in 1..=run.2 + 1 {
            for moment in [Moment::Before, Moment::After] {
                let server = &server;
                let name = format!("{} × request {at} × {moment:?}", run.0);
                jobs.push((name, Box::new(move || kill(server, run, at, moment))));
            }
        }
    }
    play([(jobs, MANY)]);
}
