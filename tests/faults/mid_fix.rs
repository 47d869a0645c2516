//! Faults inside a fix, after its first write and before its last look: fault times step.
//!
//! Whatever happens, the receipt says what Railway holds, nothing is sent twice that may have arrived, and `undo` puts
//! back what was done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::estate::SimVariable;
use serde_json::Value;

use crate::assertions::MARGIN;
use crate::bad_responses::{Answer, Where};
use crate::leak_scan::Before;
use crate::parallel::{Job, MANY, hold, play};
use crate::run::{Cell, ENV, Ran, Watch, shop};
use crate::server::{Case, Server};

/// What an answer tells of the change that it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clarity {
    /// Nothing, and it was done.
    UnclearDone,
    /// Nothing, and it was not done.
    UnclearLost,
    /// That it was not done.
    No,
    /// That it may be asked again.
    Later,
}

/// How long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lasting {
    /// For one answer.
    Once,
    /// For that answer and every one after it.
    FromThenOn,
}

/// A request of a fix: the operation, and which of them.
type Step = (&'static str, usize);

/// The requests of a push to two services that the faults strike at.
const STORING: [Step; 2] = [("SetVariables", 1), ("SetVariables", 2)];
const DEPLOYING: [Step; 2] = [("Redeploy", 1), ("Redeploy", 2)];
/// Reading back, the fence before deployments, following, the values of the proof, its snapshots, the last look.
const LOOKING: [Step; 6] =
    [("Values", 3), ("PreWriteState", 3), ("DeploymentStatus", 1), ("Values", 4), ("Snapshot", 1), ("Values", 5)];

fn faults() -> Vec<(&'static str, Answer, Clarity)> {
    use Clarity::{Later, No, UnclearDone, UnclearLost};
    let html = [("content-type", "text/html")];
    let page = |status| Answer::page(status, &html, "<html>mark4711-local</html>");
    let moved = || Answer::page(303, &[("location", "http://127.0.0.1:9/")], "");
    let refusal = |words: &str| Answer::json(format!("{{\"errors\":[{{\"message\":\"{words}\"}}],\"data\":null}}"));
    vec![
        ("a reset", Answer::reset(Where::Before), UnclearLost),
        ("a reset in the body", Answer::reset(Where::Inside), UnclearDone),
        ("a hang", Answer::nothing(), UnclearLost),
        ("a hang after it was done", Answer::nothing().after(), UnclearDone),
        ("an empty 504", Answer::page(504, &[], ""), UnclearLost),
        ("an empty 504 after it was done", Answer::page(504, &[], "").after(), UnclearDone),
        ("a page with 522", page(522), UnclearLost),
        ("a page with 500 after it was done", page(500).after(), UnclearDone),
        ("another place", moved(), UnclearLost),
        ("another place after it was done", moved().after(), UnclearDone),
        ("JSON that breaks off", Answer::changed(|body| body[..body.len() / 2].to_vec()), UnclearDone),
        ("neither yes nor no", Answer::json("{\"data\":{}}").after(), UnclearDone),
        ("a failure without a word", refusal("Problem processing request"), UnclearLost),
        ("100 MiB", Answer::large().after(), UnclearDone),
        ("a page with 413", page(413), No),
        ("no permission", refusal("Not Authorized"), No),
        ("a block", Answer::page(403, &[("content-type", "text/plain")], "error code: 1010"), UnclearLost),
        ("429", Answer::page(429, &[("retry-after", "0")], ""), Later),
    ]
}

/// The exit code, by the contract: done and proved, in part, or not proved.
fn expected(clarity: Clarity, (operation, number): Step, lasting: Lasting) -> i32 {
    use Clarity::{Later, No, UnclearDone, UnclearLost};
    let is_write = ["SetVariables", "Redeploy"].contains(&operation);
    let is_first = (operation, number) == ("SetVariables", 1);
    match (lasting, clarity) {
        // A read is asked again.
        (Lasting::Once, _) if !is_write => 0,
        // What runs has the old values until somebody deploys.
        (Lasting::Once, UnclearDone | Later) => i32::from(operation == "SetVariables"),
        (Lasting::FromThenOn, Later) if is_first => 5,
        (Lasting::FromThenOn, _)
            if !is_write && (operation, number) != ("Values", 3) && operation != "PreWriteState" =>
        {
            8
        }
        (Lasting::Once, UnclearLost | No) | (Lasting::FromThenOn, _) => 6,
    }
}

/// One fault at one step.
#[derive(Clone)]
struct Blow {
    name: &'static str,
    answer: Answer,
    clarity: Clarity,
    step: Step,
    lasting: Lasting,
}

impl Blow {
    fn strike(&self, number: usize, server: &Server) -> Result<(), String> {
        let (healed, struck) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
        let (answer, step, lasting, well) = (self.answer.clone(), self.step, self.lasting, Arc::clone(&healed));
        let script = move |operation: &str, number: usize| {
            let is_step = (operation, number) == step;
            let is_past = struck.fetch_or(is_step, Ordering::SeqCst) && !is_step;
            let strikes = is_step || is_past && lasting == Lasting::FromThenOn;
            if strikes && !well.load(Ordering::SeqCst) { answer.clone() } else { Answer::usual() }
        };
        let case = Case::new(Sim::new(shop("mark4711-stored")), Box::new(script));
        let (url, case) = server.serve(&format!("midway-{number}"), case);
        let cell = Cell::new();
        let limit = if self.recovers() { 25 } else { 8 };
        let limits = [format!("--timeout={limit}s"), format!("--api-url={url}")];
        let mut words = vec!["fix", "--push", "--yes", "--only=API_KEY", "--format=json", &limits[0], &limits[1]];
        words.push(Cell::RECORDED);
        words.extend(STORING.contains(&step).then_some("--no-deploy"));
        let before = Before::of(&cell);
        let ran = cell.run(&words, "", Watch::Nothing);
        before.is_silent(&cell, &ran)?;
        let result = self.judge(&cell, &case, &ran, Duration::from_secs(limit));
        result.map_err(|what| format!("{what}\nasked {:?}\n{ran:#?}", case.heard()))?;
        healed.store(true, Ordering::SeqCst);
        undo(&cell, &case, &url)
    }

    /// Whether the run gets to its end all the same, and needs the time for it.
    fn recovers(&self) -> bool {
        expected(self.clarity, self.step, self.lasting) <= 1
    }

    fn judge(&self, cell: &Cell, case: &Case, ran: &Ran, limit: Duration) -> Result<(), String> {
        hold!(case.heard().iter().any(|asked| asked == self.step.0), "it never came to that step");
        hold!(cell.read(".env") == ENV && cell.names() == [".env"], "the folder was changed");
        hold!(ran.took < limit + MARGIN, "it took {:?}", ran.took);
        let expected = expected(self.clarity, self.step, self.lasting);
        hold!(ran.code == Some(expected), "exit code {:?}, not {expected}", ran.code);
        let report: Value = serde_json::from_str(&ran.out).map_err(|error| error.to_string())?;
        hold!(report["summary"]["exit_code"] == expected, "another exit code in the report");
        let receipts = report["receipts"].as_array().ok_or("no receipts")?;
        let steps = if STORING.contains(&self.step) { 2 } else { 4 };
        hold!(receipts.len() == steps, "{} receipts", receipts.len());
        receipts.iter().try_for_each(|receipt| is_true(receipt, case))?;
        for (at, sent) in case.sim.mutations().iter().enumerate() {
            let same = |other: &&railway_doctor::io::sim::Mutation| {
                (&other.operation, &other.service) == (&sent.operation, &sent.service)
            };
            let twice = case.sim.mutations()[..at].iter().find(same).is_some();
            hold!(!twice, "{} was done twice", sent.operation);
        }
        let asked = case.heard().iter().filter(|asked| *asked == "SetVariables").count();
        hold!(asked <= 2 || self.clarity == Clarity::Later, "SetVariables was sent {asked} times");
        Ok(())
    }
}

/// Whether a receipt says what Railway holds.
fn is_true(receipt: &Value, case: &Case) -> Result<(), String> {
    let text = |part: &str| receipt[part].as_str().unwrap_or_default().to_owned();
    let (change, name, outcome) = (text("change"), text("service"), text("outcome"));
    let (id, is_made) = case.sim.change(|estate| {
        let service = estate.projects[0].environments[0].service_named(&name).unwrap();
        let is_made = service.deployments.iter().any(|known| known.id == text("deployment"));
        (service.id.clone(), is_made)
    });
    let sent = case.sim.mutations();
    let is_deployed =
        sent.iter().any(|sent| sent.applied && sent.operation == "Redeploy" && sent.service.as_ref() == Some(&id));
    let is_so = match (change.as_str(), outcome.as_str()) {
        ("push", "done") => stored(case, &name) == "mark4711-local",
        ("push", "failed" | "not-tried") => stored(case, &name) == "mark4711-stored",
        ("redeploy", "done") => is_made && is_deployed,
        ("redeploy", "failed" | "not-tried") => !is_deployed,
        (_, "unknown") => true,
        _ => false,
    };
    hold!(is_so, "the receipt is not true: {change} {name} {outcome}");
    Ok(())
}

/// What a service holds of the key.
pub(crate) fn stored(case: &Case, name: &str) -> String {
    case.sim.change(
        |estate| match &estate.projects[0].environments[0].service_named(name).unwrap().variables["API_KEY"] {
            SimVariable::Open(value) => value.expose().to_owned(),
            SimVariable::Sealed(_) => "sealed".to_owned(),
        },
    )
}

/// Once Railway is well again, what was done can be put back; without a record nothing was.
fn undo(cell: &Cell, case: &Case, url: &str) -> Result<(), String> {
    let runs = cell.runs();
    hold!(runs.len() <= 1, "{} runs were recorded", runs.len());
    if let Some(run) = runs.first() {
        let ran = cell.run(&["undo", run, "--yes", "--no-deploy", "--api-url", url], "", Watch::Nothing);
        hold!(ran.code == Some(0), "undo: {ran:#?}");
    }
    for name in ["api", "worker"] {
        hold!(stored(case, name) == "mark4711-stored", "undone, and {name} holds something else; runs {runs:?}");
    }
    Ok(())
}

fn blows(steps: &[Step], lasting: Lasting) -> Vec<Blow> {
    let strike = |&step: &Step| {
        // What takes a core for long is met once.
        let is_met = move |(name, ..): &(&str, Answer, Clarity)| lasting == Lasting::Once || *name != "100 MiB";
        let blow = move |(name, answer, clarity)| Blow { name, answer, clarity, step, lasting };
        faults().into_iter().filter(is_met).map(blow)
    };
    steps.iter().flat_map(strike).collect()
}

/// Plays them all against one server.
fn strike(blows: &[Blow]) {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (number, blow) in blows.iter().enumerate() {
        let ((operation, which), server) = (blow.step, &server);
        let name = format!("{} × {operation} {which} × {:?}", blow.name, blow.lasting);
        jobs.push((name, Box::new(move || blow.strike(number, server))));
    }
    play([(jobs, MANY)]);
}

#[test]
fn fault_while_storing_variables_loses_nothing() {
    strike(&[blows(&STORING, Lasting::Once), blows(&STORING, Lasting::FromThenOn)].concat());
}

#[test]
fn fault_while_deploying_or_verifying_loses_nothing() {
    strike(&[blows(&DEPLOYING, Lasting::Once), looks(Lasting::Once)].concat());
}

#[test]
#[ignore = "long"]
fn long_persistent_fault_while_deploying_loses_nothing() {
    strike(&[blows(&DEPLOYING, Lasting::FromThenOn), looks(Lasting::FromThenOn)].concat());
}

/// A read has no change that may be done or not: one of each kind is enough.
fn looks(lasting: Lasting) -> Vec<Blow> {
    let mut blows = blows(&LOOKING, lasting);
    blows.retain(|blow| ["a reset", "a hang", "an empty 504", "JSON that breaks off", "429"].contains(&blow.name));
    blows
}
