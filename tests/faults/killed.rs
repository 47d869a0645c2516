//! SIGKILL at every request of a run: no file is torn, the changes can be undone, and the next run cleans up.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::io::sim::Sim;

use crate::bad_responses::{Effect, ScriptedResponse};
use crate::leak_scan::FilesBefore;
use crate::mid_fix::stored;
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{ENV, PULLED, Sandbox, Watch, finish, names, shop};
use crate::server::{Backend, Server};

/// The runs to kill: a name, the arguments, and the number of requests that they send.
const RUNS: [(&str, &[&str], usize); 3] = [
    ("push", &["fix", "--push", "--yes", "--only=API_KEY"], 17),
    ("pull", &["fix", "--pull", "--yes", "--only=API_KEY"], 4),
    ("undo", &["undo", "RUN", "--yes", "--no-deploy"], 7),
];

/// Kills a run at the given request; if it is a write, before and after the simulated Railway has applied it.
fn kill_at(server: &Server, run: (&str, &[&str], usize), at: usize) -> Result<(), String> {
    let operation = kill(server, run, at, Effect::NotApplied)?;
    if is_write(&operation) { kill(server, run, at, Effect::Applied).map(drop) } else { Ok(()) }
}

/// Whether an operation changes something.
pub(crate) fn is_write(operation: &str) -> bool {
    ["SetVariables", "Redeploy"].contains(&operation)
}

/// Kills a run at the given request, and returns its operation.
fn kill(
    server: &Server,
    (name, args, requests): (&str, &[&str], usize),
    at: usize,
    effect: Effect,
) -> Result<String, String> {
    let count = AtomicUsize::new(0);
    let script = move |_: &str, _: usize| match (count.fetch_add(1, Ordering::SeqCst) + 1 == at, effect) {
        (false, _) => ScriptedResponse::normal(),
        (true, Effect::NotApplied) => ScriptedResponse::no_response(),
        (true, Effect::Applied) => ScriptedResponse::no_response().applied(),
    };
    let normal =
        || Backend::new(Sim::new(shop("mark4711-stored")), Box::new(|_: &str, _: usize| ScriptedResponse::normal()));
    let sandbox = Sandbox::new();
    let path = format!("killed-{name}-{at}-{effect:?}");
    let mut args = args.to_vec();
    let (mut run, mut before) = (String::new(), None);
    if name == "undo" {
        let (url, backend) = server.serve(&path, normal());
        push(&sandbox, &url)?;
        run = sandbox.runs().pop().ok_or("no run was recorded")?;
        before = Some(backend);
    }
    args.iter_mut().filter(|arg| **arg == "RUN").for_each(|arg| *arg = &run);
    let sim = before.map_or_else(|| Sim::new(shop("mark4711-stored")), |backend| backend.sim.clone());
    let (url, backend) = server.serve(&path, Backend::new(sim.clone(), Box::new(script)));
    args.extend(["--api-url", &url]);
    let (sent, written) = (sim.count(), FilesBefore::of(&sandbox));
    let child = sandbox.command(&args).spawn().map_err(|error| error.to_string())?;
    let mut guard = KillOnDrop { child: Some(child) };
    let is_reached = || backend.requests().len() >= at && (effect == Effect::NotApplied || sim.count() - sent >= at);
    let has_exited = guard.kill_when(is_reached).map_err(|error| error.to_string())?;
    let child = guard.child.take().ok_or("the process is gone")?;
    let output = finish(child, Instant::now(), Watch::Nothing);
    ensure!(has_exited == (at > requests), "it ended after {} requests: {output:#?}", backend.requests().len());
    // This also scans a truncated journal.
    written.check_leaks(&sandbox, &output)?;
    let content = sandbox.read(".env");
    ensure!([ENV, PULLED].contains(&content.as_str()), ".env is torn: {content:?}");
    server.serve(&path, Backend::new(sim, Box::new(|_: &str, _: usize| ScriptedResponse::normal())));
    undo_and_repeat(&sandbox, &backend, &url, (!run.is_empty()).then_some(&run))?;
    Ok(backend.requests().get(at - 1).cloned().unwrap_or_default())
}

/// Undoes the recorded fix, and repeats it.
fn undo_and_repeat(sandbox: &Sandbox, backend: &Backend, url: &str, fix: Option<&String>) -> Result<(), String> {
    let runs = sandbox.runs();
    if let Some(run) = fix.or(runs.last()) {
        let output = sandbox.run(&["undo", run, "--yes", "--no-deploy", "--api-url", url], "", Watch::Nothing);
        ensure!(output.code == Some(0), "undo failed: {output:#?}");
    }
    ensure!(sandbox.read(".env") == ENV, ".env was changed without a record");
    for service in ["api", "worker"] {
        ensure!(stored(backend, service) == "mark4711-stored", "{service} was changed without a record; runs {runs:?}");
    }
    push(sandbox, url)?;
    ensure!(sandbox.names() == [".env"], "unexpected files: {:?}", sandbox.names());
    let state = names(&sandbox.state());
    ensure!(state.iter().all(|name| !name.starts_with('.')), "unexpected state files: {state:?}");
    Ok(())
}

fn push(sandbox: &Sandbox, url: &str) -> Result<(), String> {
    let args = ["fix", "--push", "--yes", "--only=API_KEY", "--no-deploy", "--api-url", url];
    let output = sandbox.run(&args, "", Watch::Nothing);
    // The deployments have the old values, unless the killed run already redeployed.
    ensure!(matches!(output.code, Some(0 | 1)), "the next run failed: {output:#?}");
    ensure!(output.stdout.matches("done  push").count() == 2, "the next run did not push twice: {output:#?}");
    Ok(())
}

/// A process that is killed when this is dropped.
pub(crate) struct KillOnDrop {
    pub(crate) child: Option<std::process::Child>,
}

impl KillOnDrop {
    /// Kills the process once the condition is true; returns whether it exited before.
    pub(crate) fn kill_when(&mut self, is_reached: impl Fn() -> bool) -> io::Result<bool> {
        let Some(child) = &mut self.child else { return Ok(true) };
        loop {
            if is_reached() {
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

impl Drop for KillOnDrop {
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
            let server = &server;
            let name = format!("{} × request {at}", run.0);
            jobs.push((name, Box::new(move || kill_at(server, run, at))));
        }
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}
