//! Faults in each step of a rotation, from its first write to its last read.
//!
//! In every case, the receipts and the places that are left match what Railway stores, no request that may have been
//! applied is repeated, `undo` restores everything, and the same command completes the rotation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use railway_doctor::io::sim::{Mutation, Sim};
use serde_json::Value;

use crate::bad_responses::ScriptedResponse;
use crate::fixture::normal_responses;
use crate::killed_rotation::{ENV, NEW, OLD, RUNS, Recovered, copies, estate, running, sandbox, stored};
use crate::leak_scan::FilesBefore;
use crate::mid_fix::{ResponseMeaning, Step, WRITE_FAULTS, faults};
use crate::mid_run::READ_FAULTS;
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{RunOutput, Sandbox, Watch};
use crate::server::{Backend, Server};

/// The first and the last write, and the first and the last deployment.
const WRITE_STEPS: [Step; 4] = [("SetVariables", 1), ("SetVariables", 4), ("Redeploy", 1), ("Redeploy", 5)];

/// What happens after the faulty run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Undo,
    Repeat,
}

/// One fault in one step.
struct FaultAtStep {
    name: &'static str,
    response: ScriptedResponse,
    meaning: ResponseMeaning,
    step: Step,
    /// Whether all later responses have it, too.
    is_permanent: bool,
    next: Next,
}

impl FaultAtStep {
    fn run(&self, number: usize, server: &Server) -> Result<(), String> {
        let (recovered, reached) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
        let (response, step, is_permanent, is_over) =
            (self.response.clone(), self.step, self.is_permanent, Arc::clone(&recovered));
        let script = move |operation: &str, number: usize| {
            let is_step = (operation, number) == step;
            let is_past = reached.fetch_or(is_step, Ordering::SeqCst) && !is_step;
            let is_faulty = (is_step || is_past && is_permanent) && !is_over.load(Ordering::SeqCst);
            if is_faulty { response.clone() } else { ScriptedResponse::normal() }
        };
        let backend = Backend::new(Sim::new(estate()), Box::new(script));
        let (url, backend) = server.serve(&format!("mid-rotation-{number}"), backend);
        let (sandbox, before) = (sandbox(), stored(&backend));
        let limit = if self.expected() == Some(0) { "--timeout=40s" } else { "--timeout=8s" };
        let args = [RUNS[0].args, &["--format=json", limit, "--api-url", &url, Sandbox::DEBUG_API_FLAG]].concat();
        let written = FilesBefore::of(&sandbox);
        let output = sandbox.run(&args, NEW, Watch::Nothing);
        written.check_leaks(&sandbox, &output)?;
        let result = self.check(&sandbox, &backend, &output);
        result.map_err(|what| format!("{what}\nrequests {:?}\n{output:#?}", backend.requests()))?;
        recovered.store(true, Ordering::SeqCst);
        let run = Recovered { sandbox: &sandbox, backend: &backend, url: &url, run: RUNS[0], before: &before };
        match self.next {
            Next::Repeat if output.code != Some(0) => run.repeat(),
            Next::Undo | Next::Repeat => run.undo(),
        }
    }

    /// The exit code; `None` if it depends on the step.
    fn expected(&self) -> Option<i32> {
        use ResponseMeaning::{Rejected, RetryLater, UnknownApplied, UnknownNotApplied};
        let is_write = WRITE_STEPS.contains(&self.step);
        match self.meaning {
            _ if self.is_permanent => None,
            // A read is repeated, and the effect of a write is observed.
            _ if !is_write => Some(0),
            UnknownApplied | RetryLater => Some(0),
            UnknownNotApplied | Rejected => Some(6),
        }
    }

    fn check(&self, sandbox: &Sandbox, backend: &Backend, output: &RunOutput) -> Result<(), String> {
        ensure!(backend.requests().iter().any(|request| request == self.step.0), "it did not reach that step");
        ensure!(sandbox.names() == [".env"], "unexpected files: {:?}", sandbox.names());
        let expected = self.expected();
        ensure!(expected.is_none() || output.code == expected, "exit code {:?}, expected {expected:?}", output.code);
        ensure!(matches!(output.code, Some(0 | 5 | 6 | 8)), "exit code {:?}", output.code);
        if output.stdout.is_empty() && output.code == Some(5) {
            ensure!(backend.sim.mutations().iter().all(|sent| !sent.applied), "it reports nothing");
            return Ok(());
        }
        let report: Value = serde_json::from_str(&output.stdout).map_err(|error| error.to_string())?;
        ensure!(Some(&report["summary"]["exit_code"]) == output.code.map(Value::from).as_ref(), "wrong reported code");
        let receipts = report["receipts"].as_array().ok_or("no receipts")?;
        ensure!(receipts.len() == 1 + copies(NEW).len() + copies(NEW).len() + 1, "{} receipts", receipts.len());
        receipts.iter().try_for_each(|receipt| check_receipt(receipt, sandbox, backend))?;
        check_left(&report, backend)?;
        check_sent_once(&backend.sim.mutations())
    }
}

/// Checks that a receipt matches the state of the simulated Railway and of the file.
fn check_receipt(receipt: &Value, sandbox: &Sandbox, backend: &Backend) -> Result<(), String> {
    let text = |part: &str| receipt[part].as_str().unwrap_or_default().to_owned();
    let (change, name, key, outcome) = (text("change"), text("service"), text("key"), text("outcome"));
    let is_correct = match (change.as_str(), name.as_str()) {
        ("rotate", ".env") => outcome == "done" && sandbox.read(".env") == ENV.replace(OLD, NEW),
        ("rotate", service) => {
            let is = |value: &str| {
                let wanted = copies(value).into_iter().find(|copy| (copy.0, copy.1) == (service, key.as_str()));
                let found = stored(backend).into_iter().find(|one| one.0 == service && one.1 == key);
                wanted.is_some_and(|(.., text)| found.is_some_and(|(.., found)| found == text))
            };
            match outcome.as_str() {
                "done" => is(NEW),
                "failed" | "not-tried" => is(OLD),
                outcome => outcome == "unknown",
            }
        }
        ("redeploy", service) => {
            let key = copies(NEW).into_iter().find(|copy| copy.0 == service).map_or("KEY", |copy| copy.1);
            let has_new = running(backend, service, key).contains(NEW);
            match outcome.as_str() {
                "done" => has_new,
                "failed" | "not-tried" => !has_new,
                outcome => outcome == "unknown",
            }
        }
        _ => false,
    };
    ensure!(is_correct, "the receipt is wrong: {change} {name} {key} {outcome}");
    Ok(())
}

/// Checks that the report lists every variable that still has the old value, and no other.
fn check_left(report: &Value, backend: &Backend) -> Result<(), String> {
    let Some(places) = report["trace"]["places"].as_array() else {
        ensure!(report["summary"]["exit_code"] != 0, "the old value was not searched for");
        return Ok(());
    };
    let left: Vec<_> = stored(backend).into_iter().filter(|(.., text)| text.contains(OLD)).collect();
    for (service, key, _) in &left {
        let is_listed = places.iter().any(|place| {
            place["service"] == service.as_str() && place["key"] == key.as_str() && place["usage"] == "stored"
        });
        ensure!(is_listed, "{key} of {service} still has the old value, but is not listed");
    }
    let listed = places.iter().filter(|place| place["usage"] == "stored").count();
    ensure!(listed == left.len(), "{listed} places are listed, but {} have the old value", left.len());
    ensure!(left.is_empty() || report["summary"]["exit_code"] != 0, "it succeeds, but {left:?} are left");
    Ok(())
}

/// Checks that no change was applied twice.
fn check_sent_once(sent: &[Mutation]) -> Result<(), String> {
    for (index, one) in sent.iter().enumerate() {
        let is_same = |other: &Mutation| {
            (&other.operation, &other.service) == (&one.operation, &one.service) && other.applied && one.applied
        };
        ensure!(!sent[..index].iter().any(is_same), "{} was applied twice", one.operation);
    }
    Ok(())
}

/// The reads of a rotation without faults after its first write: each operation with its number.
fn reads_after_first_write(server: &Server) -> Vec<(String, usize)> {
    let (url, backend) = server.serve("mid-rotation", Backend::new(Sim::new(estate()), normal_responses()));
    let output = sandbox().run(&[RUNS[0].args, &["--api-url", &url]].concat(), NEW, Watch::Nothing);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let requests = backend.requests();
    let first = requests.iter().position(|request| request == "SetVariables").unwrap();
    let number = |at: usize| requests[..=at].iter().filter(|request| **request == requests[at]).count();
    let steps = (first..requests.len()).map(|at| (requests[at].clone(), number(at)));
    steps.filter(|(operation, _)| !["SetVariables", "Redeploy"].contains(&operation.as_str())).collect()
}

fn run_all(faults: &[FaultAtStep], server: &Server) {
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        let (operation, which) = fault.step;
        let persistence = if fault.is_permanent { "permanent" } else { "once" };
        let name = format!("{} × {operation} {which} × {persistence} × {:?}", fault.name, fault.next);
        jobs.push((name, Box::new(move || fault.run(number, server))));
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}

fn faults_at(steps: &[Step], names: &[&str], is_permanent: bool) -> Vec<FaultAtStep> {
    let mut all = Vec::new();
    for &step in steps {
        let included = faults().into_iter().filter(|(name, ..)| names.contains(name));
        for (number, (name, response, meaning)) in included.enumerate() {
            let next = if number % 2 == 0 { Next::Repeat } else { Next::Undo };
            all.push(FaultAtStep { name, response, meaning, step, is_permanent, next });
        }
    }
    all
}

#[test]
fn fault_during_a_rotation_loses_nothing() {
    run_all(&faults_at(&WRITE_STEPS, &WRITE_FAULTS, false), &Server::plain());
}

#[test]
fn failed_read_after_a_rotation_changes_nothing() {
    let server = Server::plain();
    let known = ["DeploymentStatus", "PreWriteState", "SharedValues", "Snapshot", "Values", "BuildLogs", "Environment"];
    let steps: Vec<Step> = reads_after_first_write(&server)
        .into_iter()
        .map(|(operation, number)| {
            let name = known.into_iter().find(|known| *known == operation);
            (name.unwrap_or_else(|| panic!("unknown operation {operation}")), number)
        })
        .collect();
    run_all(&faults_at(&steps, &READ_FAULTS, false), &server);
}

#[test]
#[ignore = "long"]
fn long_fault_during_a_rotation_loses_nothing() {
    let all: Vec<&str> = faults().iter().map(|(name, ..)| *name).collect();
    // Large responses need much CPU time, so they are only sent once.
    let small: Vec<&str> = all.iter().copied().filter(|name| *name != "100 MiB").collect();
    let [once, permanent] =
        [(&all, false), (&small, true)].map(|(names, is_permanent)| faults_at(&WRITE_STEPS, names, is_permanent));
    run_all(&once, &Server::plain());
    run_all(&permanent, &Server::plain());
}
