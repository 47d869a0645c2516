//! Faults in each step of a fix, from its first write to its last read.
//!
//! In every case, the receipt matches what Railway stores, no request that may have been applied is repeated, and
//! `undo` restores the old values.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::SimVariable;
use serde_json::Value;

use crate::assertions::TIMEOUT_MARGIN;
use crate::bad_responses::{ConnectionEnd, ScriptedResponse};
use crate::leak_scan::FilesBefore;
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{ENV, RunOutput, Sandbox, Watch, shop};
use crate::server::{Backend, Server};

/// What a response reveals about the requested change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseMeaning {
    /// Nothing; the change was applied.
    UnknownApplied,
    /// Nothing; the change was not applied.
    UnknownNotApplied,
    /// That it was not applied.
    Rejected,
    /// That the request can be repeated.
    RetryLater,
}

/// How long a fault persists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Persistence {
    /// One response.
    Once,
    /// That response and all later ones.
    Permanent,
}

/// A request of a fix: the operation, and its number among requests of that operation.
pub(crate) type Step = (&'static str, usize);

/// The writes of a push to two services.
const WRITE_STEPS: [Step; 2] = [("SetVariables", 1), ("SetVariables", 2)];
const DEPLOY_STEPS: [Step; 2] = [("Redeploy", 1), ("Redeploy", 2)];
/// The reads: read-back, state before deployments, deployment status, values, snapshot, and the final read.
const READ_STEPS: [Step; 6] =
    [("Values", 3), ("PreWriteState", 3), ("DeploymentStatus", 1), ("Values", 4), ("Snapshot", 1), ("Values", 5)];

pub(crate) fn faults() -> Vec<(&'static str, ScriptedResponse, ResponseMeaning)> {
    use ResponseMeaning::{Rejected, RetryLater, UnknownApplied, UnknownNotApplied};
    let html = [("content-type", "text/html")];
    let page = |status| ScriptedResponse::page(status, &html, "<html>mark4711-local</html>");
    let redirect = || ScriptedResponse::page(303, &[("location", "http://127.0.0.1:9/")], "");
    let rejection =
        |message: &str| ScriptedResponse::json(format!("{{\"errors\":[{{\"message\":\"{message}\"}}],\"data\":null}}"));
    vec![
        ("a reset", ScriptedResponse::reset(ConnectionEnd::BeforeResponse), UnknownNotApplied),
        ("a reset in the body", ScriptedResponse::reset(ConnectionEnd::InBody), UnknownApplied),
        ("no response", ScriptedResponse::no_response(), UnknownNotApplied),
        ("no response, applied", ScriptedResponse::no_response().applied(), UnknownApplied),
        ("an empty 504", ScriptedResponse::page(504, &[], ""), UnknownNotApplied),
        ("an empty 504, applied", ScriptedResponse::page(504, &[], "").applied(), UnknownApplied),
        ("a page with 522", page(522), UnknownNotApplied),
        ("a page with 500, applied", page(500).applied(), UnknownApplied),
        ("a redirect", redirect(), UnknownNotApplied),
        ("a redirect, applied", redirect().applied(), UnknownApplied),
        ("truncated JSON", ScriptedResponse::modified(|body| body[..body.len() / 2].to_vec()), UnknownApplied),
        ("a response without a result", ScriptedResponse::json("{\"data\":{}}").applied(), UnknownApplied),
        ("an error without a reason", rejection("Problem processing request"), UnknownNotApplied),
        ("100 MiB", ScriptedResponse::large().applied(), UnknownApplied),
        ("a page with 413", page(413), Rejected),
        ("no permission", rejection("Not Authorized"), Rejected),
        (
            "a block",
            ScriptedResponse::page(403, &[("content-type", "text/plain")], "error code: 1010"),
            UnknownNotApplied,
        ),
        ("429", ScriptedResponse::page(429, &[("retry-after", "0")], ""), RetryLater),
    ]
}

/// The exit code: applied and verified, applied in part, or not verified.
fn expected(meaning: ResponseMeaning, (operation, number): Step, persistence: Persistence) -> i32 {
    use ResponseMeaning::{Rejected, RetryLater, UnknownApplied, UnknownNotApplied};
    let is_write = ["SetVariables", "Redeploy"].contains(&operation);
    let is_first = (operation, number) == ("SetVariables", 1);
    match (persistence, meaning) {
        // A read is repeated.
        (Persistence::Once, _) if !is_write => 0,
        // The deployments have the old values until the next deployment.
        (Persistence::Once, UnknownApplied | RetryLater) => i32::from(operation == "SetVariables"),
        (Persistence::Permanent, RetryLater) if is_first => 5,
        (Persistence::Permanent, _)
            if !is_write && (operation, number) != ("Values", 3) && operation != "PreWriteState" =>
        {
            8
        }
        (Persistence::Once, UnknownNotApplied | Rejected) | (Persistence::Permanent, _) => 6,
    }
}

/// One fault in one step.
#[derive(Clone)]
struct FaultAtStep {
    name: &'static str,
    response: ScriptedResponse,
    meaning: ResponseMeaning,
    step: Step,
    persistence: Persistence,
}

impl FaultAtStep {
    fn run(&self, number: usize, server: &Server) -> Result<(), String> {
        let (recovered, reached) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
        let (response, step, persistence, is_over) =
            (self.response.clone(), self.step, self.persistence, Arc::clone(&recovered));
        let script = move |operation: &str, number: usize| {
            let is_step = (operation, number) == step;
            let is_past = reached.fetch_or(is_step, Ordering::SeqCst) && !is_step;
            let is_faulty = is_step || is_past && persistence == Persistence::Permanent;
            if is_faulty && !is_over.load(Ordering::SeqCst) { response.clone() } else { ScriptedResponse::normal() }
        };
        let backend = Backend::new(Sim::new(shop("mark4711-stored")), Box::new(script));
        let (url, backend) = server.serve(&format!("mid-fix-{number}"), backend);
        let sandbox = Sandbox::new();
        let limit = if self.recovers() { 25 } else { 8 };
        let limits = [format!("--timeout={limit}s"), format!("--api-url={url}")];
        let mut args = vec!["fix", "--push", "--yes", "--only=API_KEY", "--format=json", &limits[0], &limits[1]];
        args.push(Sandbox::DEBUG_API_FLAG);
        args.extend(WRITE_STEPS.contains(&step).then_some("--no-deploy"));
        let before = FilesBefore::of(&sandbox);
        let output = sandbox.run(&args, "", Watch::Nothing);
        before.check_leaks(&sandbox, &output)?;
        let result = self.check(&sandbox, &backend, &output, Duration::from_secs(limit));
        result.map_err(|what| format!("{what}\nrequests {:?}\n{output:#?}", backend.requests()))?;
        recovered.store(true, Ordering::SeqCst);
        undo(&sandbox, &backend, &url)
    }

    /// Whether the run completes despite the fault, and needs the time for it.
    fn recovers(&self) -> bool {
        expected(self.meaning, self.step, self.persistence) <= 1
    }

    fn check(&self, sandbox: &Sandbox, backend: &Backend, output: &RunOutput, limit: Duration) -> Result<(), String> {
        ensure!(backend.requests().iter().any(|request| request == self.step.0), "it did not reach that step");
        ensure!(sandbox.read(".env") == ENV && sandbox.names() == [".env"], "the working directory was changed");
        ensure!(output.duration < limit + TIMEOUT_MARGIN, "it took {:?}", output.duration);
        let expected = expected(self.meaning, self.step, self.persistence);
        ensure!(output.code == Some(expected), "exit code {:?}, expected {expected}", output.code);
        let report: Value = serde_json::from_str(&output.stdout).map_err(|error| error.to_string())?;
        ensure!(report["summary"]["exit_code"] == expected, "wrong exit code in the report");
        let receipts = report["receipts"].as_array().ok_or("no receipts")?;
        let steps = if WRITE_STEPS.contains(&self.step) { 2 } else { 4 };
        ensure!(receipts.len() == steps, "{} receipts", receipts.len());
        receipts.iter().try_for_each(|receipt| check_receipt(receipt, backend))?;
        for (index, sent) in backend.sim.mutations().iter().enumerate() {
            let same = |other: &&railway_doctor::io::sim::Mutation| {
                (&other.operation, &other.service) == (&sent.operation, &sent.service)
            };
            let is_repeated = backend.sim.mutations()[..index].iter().find(same).is_some();
            ensure!(!is_repeated, "{} was applied twice", sent.operation);
        }
        let writes = backend.requests().iter().filter(|request| *request == "SetVariables").count();
        ensure!(writes <= 2 || self.meaning == ResponseMeaning::RetryLater, "SetVariables was sent {writes} times");
        Ok(())
    }
}

/// Checks that a receipt matches the state of the simulated Railway.
fn check_receipt(receipt: &Value, backend: &Backend) -> Result<(), String> {
    let text = |part: &str| receipt[part].as_str().unwrap_or_default().to_owned();
    let (change, name, outcome) = (text("change"), text("service"), text("outcome"));
    let (id, exists) = backend.sim.change(|estate| {
        let service = estate.projects[0].environments[0].service_named(&name).unwrap();
        let exists = service.deployments.iter().any(|known| known.id == text("deployment"));
        (service.id.clone(), exists)
    });
    let sent = backend.sim.mutations();
    let is_deployed =
        sent.iter().any(|sent| sent.applied && sent.operation == "Redeploy" && sent.service.as_ref() == Some(&id));
    let is_correct = match (change.as_str(), outcome.as_str()) {
        ("push", "done") => stored(backend, &name) == "mark4711-local",
        ("push", "failed" | "not-tried") => stored(backend, &name) == "mark4711-stored",
        ("redeploy", "done") => exists && is_deployed,
        ("redeploy", "failed" | "not-tried") => !is_deployed,
        (_, "unknown") => true,
        _ => false,
    };
    ensure!(is_correct, "the receipt is wrong: {change} {name} {outcome}");
    Ok(())
}

/// The stored value of `API_KEY`.
pub(crate) fn stored(backend: &Backend, name: &str) -> String {
    backend.sim.change(
        |estate| match &estate.projects[0].environments[0].service_named(name).unwrap().variables["API_KEY"] {
            SimVariable::Open(value) => value.expose().to_owned(),
            SimVariable::Sealed(_) => "sealed".to_owned(),
        },
    )
}

/// Undoes the recorded run once the faults have ended; without a record, nothing may have changed.
fn undo(sandbox: &Sandbox, backend: &Backend, url: &str) -> Result<(), String> {
    let runs = sandbox.runs();
    ensure!(runs.len() <= 1, "{} runs were recorded", runs.len());
    if let Some(run) = runs.first() {
        let output = sandbox.run(&["undo", run, "--yes", "--no-deploy", "--api-url", url], "", Watch::Nothing);
        ensure!(output.code == Some(0), "undo failed: {output:#?}");
    }
    for name in ["api", "worker"] {
        ensure!(stored(backend, name) == "mark4711-stored", "{name} is not restored; runs {runs:?}");
    }
    Ok(())
}

fn faults_at(steps: &[Step], persistence: Persistence) -> Vec<FaultAtStep> {
    let at_step = |&step: &Step| {
        // Large responses need much CPU time, so they are only sent once.
        let is_included = move |(name, ..): &(&str, ScriptedResponse, ResponseMeaning)| {
            persistence == Persistence::Once || *name != "100 MiB"
        };
        let fault = move |(name, response, meaning)| FaultAtStep { name, response, meaning, step, persistence };
        faults().into_iter().filter(is_included).map(fault)
    };
    steps.iter().flat_map(at_step).collect()
}

/// The faults whose name is included.
fn limited_to(names: &[&str], mut faults: Vec<FaultAtStep>) -> Vec<FaultAtStep> {
    faults.retain(|fault| names.contains(&fault.name));
    faults
}

/// Runs them all against one server.
fn run_all(faults: &[FaultAtStep]) {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        let ((operation, which), server) = (fault.step, &server);
        let name = format!("{} × {operation} {which} × {:?}", fault.name, fault.persistence);
        jobs.push((name, Box::new(move || fault.run(number, server))));
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}

#[test]
fn fault_while_storing_variables_loses_nothing() {
    let permanent = limited_to(&WRITE_FAULTS, faults_at(&WRITE_STEPS, Persistence::Permanent));
    run_all(&[faults_at(&WRITE_STEPS, Persistence::Once), permanent].concat());
}

#[test]
fn fault_while_deploying_or_verifying_loses_nothing() {
    let [first, second] = DEPLOY_STEPS;
    let second = limited_to(&WRITE_FAULTS, faults_at(&[second], Persistence::Once));
    // A read changes nothing that could be applied or not, so one fault of each kind is enough.
    let reads = limited_to(&READ_FAULTS, faults_at(&READ_STEPS, Persistence::Once));
    run_all(&[faults_at(&[first], Persistence::Once), second, reads].concat());
}

#[test]
#[ignore = "long"]
fn long_persistent_fault_while_storing_or_deploying_loses_nothing() {
    let writes = faults_at(&[WRITE_STEPS, DEPLOY_STEPS].concat(), Persistence::Permanent);
    run_all(&[writes, limited_to(&READ_FAULTS, faults_at(&READ_STEPS, Persistence::Permanent))].concat());
}

/// The faults of reads: one of each kind.
const READ_FAULTS: [&str; 5] = ["a reset", "no response", "an empty 504", "truncated JSON", "429"];

/// The faults of writes: one of each meaning, and of each kind of unknown outcome.
pub(crate) const WRITE_FAULTS: [&str; 7] = [
    "a reset",
    "a reset in the body",
    "an empty 504, applied",
    "truncated JSON",
    "an error without a reason",
    "no permission",
    "429",
];
