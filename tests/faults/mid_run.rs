//! A fault in each request of a hoist, a pull, the creation of a file, and an undo.
//!
//! In every case, no change is made twice, no file is torn, the receipts match what Railway stores, and `undo` restores
//! everything.

use railway_doctor::io::sim::Sim;
use serde_json::Value;

use crate::bad_responses::ScriptedResponse;
use crate::fixture::normal_responses;
use crate::killed_rotation::stored;
use crate::leak_scan::FilesBefore;
use crate::mid_fix::{ResponseMeaning, WRITE_FAULTS, faults};
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{ENV, PULLED, RunOutput, Sandbox, Watch, shop};
use crate::server::{Backend, Script, Server};

/// A command, and how it ends without a fault.
#[derive(Clone, Copy)]
struct Run {
    name: &'static str,
    /// The arguments; `RUN` stands for the fix to undo.
    args: &'static [&'static str],
    exit_code: i32,
}

const RUNS: [Run; 4] = [
    // The file has another value.
    Run { name: "hoist", args: &["fix", "--hoist=API_KEY", "--yes", "--format=json"], exit_code: 1 },
    // The deployments still have the old values.
    Run { name: "pull", args: &["fix", "--pull", "--yes", "--only=API_KEY", "--format=json"], exit_code: 1 },
    Run { name: "new file", args: &["pull", "--yes", "--output=new.env", "--format=json"], exit_code: 0 },
    Run { name: "undo", args: &["undo", "RUN", "--yes", "--no-deploy", "--format=json"], exit_code: 0 },
];

/// The faults of reads, which are repeated: one of the connection, of the response and of Railway.
pub(crate) const READ_FAULTS: [&str; 3] = ["a reset", "truncated JSON", "429"];

const REFERENCE: &str = "${{shared.API_KEY}}";

/// A sandbox with the state before the run.
struct Prepared {
    sandbox: Sandbox,
    sim: Sim,
    args: Vec<String>,
    fix: Option<String>,
}

impl Run {
    fn prepare(self, server: &Server, path: &str) -> Result<Prepared, String> {
        let (sandbox, sim) = (Sandbox::new(), Sim::new(shop("mark4711-stored")));
        let mut args: Vec<String> = self.args.iter().map(|&arg| arg.to_owned()).collect();
        let mut fix = None;
        if self.name == "undo" {
            let (url, _) = server.serve(path, Backend::new(sim.clone(), normal_responses()));
            let push = ["fix", "--push", "--yes", "--only=API_KEY", "--no-deploy", "--api-url", &url];
            let output = sandbox.run(&push, "", Watch::Nothing);
            fix = sandbox.runs().pop();
            let run = fix.as_ref().ok_or_else(|| format!("no run was recorded: {output:#?}"))?;
            args.iter_mut().filter(|arg| *arg == "RUN").for_each(|arg| arg.clone_from(run));
        }
        Ok(Prepared { sandbox, sim, args, fix })
    }

    /// The requests of a run without faults: each operation with its number.
    fn requests(self, server: &Server) -> Vec<(String, usize)> {
        let path = format!("mid-run-{}", self.name.replace(' ', "-"));
        let prepared = self.prepare(server, &path).unwrap();
        let (output, backend, _) = prepared.run(server, &path, normal_responses());
        assert_eq!(output.code, Some(self.exit_code), "{output:#?}");
        let requests = backend.requests();
        let number = |at: usize| requests[..=at].iter().filter(|request| **request == requests[at]).count();
        (0..requests.len()).map(|at| (requests[at].clone(), number(at))).collect()
    }
}

impl Prepared {
    fn run(&self, server: &Server, path: &str, script: Script) -> (RunOutput, std::sync::Arc<Backend>, String) {
        let (url, backend) = server.serve(path, Backend::new(self.sim.clone(), script));
        let args: Vec<&str> =
            self.args.iter().map(String::as_str).chain(["--timeout=15s", "--api-url", &url]).collect();
        (self.sandbox.run(&args, "", Watch::Nothing), backend, url)
    }
}

/// One fault in one request.
struct FaultAtRequest {
    run: Run,
    request: (String, usize),
    response: ScriptedResponse,
    meaning: ResponseMeaning,
}

impl FaultAtRequest {
    fn is_write(&self) -> bool {
        self.request.0 == "SetVariables"
    }

    fn test(&self, number: usize, server: &Server) -> Result<(), String> {
        let path = format!("mid-run-{number}");
        let prepared = self.run.prepare(server, &path)?;
        let (request, response) = (self.request.clone(), self.response.clone());
        let script = move |operation: &str, number: usize| {
            let is_faulty = (operation, number) == (request.0.as_str(), request.1);
            if is_faulty { response.clone() } else { ScriptedResponse::normal() }
        };
        let (sent, written) = (prepared.sim.mutations().len(), FilesBefore::of(&prepared.sandbox));
        let (output, backend, url) = prepared.run(server, &path, Box::new(script));
        written.check_leaks(&prepared.sandbox, &output)?;
        let result = self.check(&prepared, &backend, &output, sent);
        result.map_err(|what| format!("{what}\nrequests {:?}\n{output:#?}", backend.requests()))?;
        let (_, backend) = server.serve(&path, Backend::new(prepared.sim.clone(), normal_responses()));
        undo(&prepared, &backend, &url)
    }

    fn check(&self, prepared: &Prepared, backend: &Backend, output: &RunOutput, sent: usize) -> Result<(), String> {
        use ResponseMeaning::{RetryLater, UnknownApplied};
        let is_completed = !self.is_write() || matches!(self.meaning, UnknownApplied | RetryLater);
        let is_expected =
            if is_completed { output.code == Some(self.run.exit_code) } else { matches!(output.code, Some(4..=6)) };
        ensure!(is_expected, "exit code {:?}", output.code);
        let content = prepared.sandbox.read(".env");
        let expected = if self.run.name == "pull" { PULLED } else { ENV };
        ensure!(content == expected, ".env is torn or was changed: {content:?}");
        let names: &[&str] = if self.run.name == "new file" { &[".env", "new.env"] } else { &[".env"] };
        ensure!(prepared.sandbox.names() == names, "unexpected files: {:?}", prepared.sandbox.names());
        let applied: Vec<_> =
            prepared.sim.mutations().split_off(sent).into_iter().filter(|sent| sent.applied).collect();
        for (index, one) in applied.iter().enumerate() {
            let is_repeated = applied[..index].iter().any(|other| other.service == one.service);
            ensure!(!is_repeated, "{} was applied twice", one.operation);
        }
        if output.stdout.is_empty() {
            ensure!(applied.is_empty(), "it reports nothing");
            return Ok(());
        }
        let report: Value = serde_json::from_str(&output.stdout).map_err(|error| error.to_string())?;
        report["receipts"].as_array().into_iter().flatten().try_for_each(|receipt| check_receipt(receipt, backend))
    }
}

/// Checks that a receipt matches what Railway stores.
fn check_receipt(receipt: &Value, backend: &Backend) -> Result<(), String> {
    let text = |part: &str| receipt[part].as_str().unwrap_or_default().to_owned();
    let (change, service, outcome) = (text("change"), text("service"), text("outcome"));
    let stored = stored(backend);
    let has = |value: &str| stored.iter().any(|one| one.0 == service && one.1 == "API_KEY" && one.2 == value);
    let is_service = ["api", "worker"].contains(&service.as_str());
    let is_correct = match (change.as_str(), outcome.as_str()) {
        ("hoist", "done") if is_service => has(REFERENCE),
        ("hoist", "failed" | "not-tried") | ("undo", "done") if is_service => has("mark4711-stored"),
        ("undo", "failed" | "not-tried") if is_service => has("mark4711-local"),
        _ => true,
    };
    ensure!(is_correct, "the receipt is wrong: {change} {service} {outcome}: {stored:?}");
    Ok(())
}

/// Undoes what was recorded; without a record, nothing may have changed.
fn undo(prepared: &Prepared, backend: &Backend, url: &str) -> Result<(), String> {
    let sandbox = &prepared.sandbox;
    if let Some(run) = prepared.fix.clone().or_else(|| sandbox.runs().pop()) {
        let output = sandbox.run(&["undo", &run, "--yes", "--no-deploy", "--api-url", url], "", Watch::Nothing);
        ensure!(output.code == Some(0), "undo failed: {output:#?}");
    }
    let before = stored(&Backend::new(Sim::new(shop("mark4711-stored")), normal_responses()));
    ensure!(stored(backend) == before, "the variables are not restored: {:?}", stored(backend));
    ensure!(sandbox.read(".env") == ENV, ".env is not restored: {:?}", sandbox.read(".env"));
    Ok(())
}

#[test]
fn fault_in_any_request_of_a_hoist_a_pull_or_an_undo_loses_nothing() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for run in RUNS {
        for request in run.requests(&server) {
            let included: &[&str] = if request.0 == "SetVariables" { &WRITE_FAULTS } else { &READ_FAULTS };
            for (name, response, meaning) in faults().into_iter().filter(|(name, ..)| included.contains(name)) {
                let fault = FaultAtRequest { run, request: request.clone(), response, meaning };
                let (number, server) = (jobs.len(), &server);
                let name = format!("{} × {name} × {} {}", run.name, request.0, request.1);
                jobs.push((name, Box::new(move || fault.test(number, server))));
            }
        }
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}
