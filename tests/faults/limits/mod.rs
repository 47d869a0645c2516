//! Inputs of a few megabytes that are expensive to compare: each run ends soon after its timeout at the latest, and
//! uses less than 256 MiB. An error about an input that is too large names the limit.

mod checkout;
mod responses;
mod searches;

use std::time::Duration;

use railway_doctor::io::sim::Sim;

use crate::assertions::TIMEOUT_MARGIN;
use crate::bad_responses::ScriptedResponse;
use crate::fixture::normal_responses;
use crate::limits::checkout::{blocks, files, patterns, values};
use crate::limits::responses::{compared, remote};
pub(crate) use crate::limits::searches::separators;
use crate::limits::searches::{rotated, traced};
use crate::parallel::{Job, ensure, run_jobs};
use crate::run::{RunOutput, Sandbox, Watch, shop};
use crate::server::{Backend, Script, Server};

/// The most memory that a run may use, in KiB.
const MAX_MEMORY_KIB: u64 = 256 << 10;

/// An operation, and how its response is modified.
pub(crate) type Change = (&'static str, fn(Vec<u8>) -> Vec<u8>);

/// An expensive input, and how a run with it ends.
pub(crate) struct LimitCase {
    pub(crate) name: &'static str,
    pub(crate) args: &'static [&'static str],
    pub(crate) timeout_ms: u64,
    pub(crate) prepare: fn(&mut Sandbox),
    pub(crate) change: Option<Change>,
    pub(crate) codes: &'static [i32],
    pub(crate) stderr_contains: &'static str,
}

pub(crate) const CHECK: LimitCase = LimitCase {
    name: "",
    args: &["check"],
    timeout_ms: 50_000,
    prepare: |_| {},
    change: None,
    codes: &[1],
    stderr_contains: "",
};

/// Repeats a line up to about `size` bytes.
fn fill(size: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text += &line(number);
    }
    text
}

pub(crate) fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// Writes a `.env` with additional lines.
pub(crate) fn env(sandbox: &Sandbox, more: &str) {
    sandbox.write(".env", &format!("API_KEY=mark4711-local\n{more}"));
}

pub(crate) fn ignore(keys: impl Iterator<Item = String>) -> String {
    let keys: Vec<String> = keys.map(|key| format!("\"{key}\"")).collect();
    format!("[[ignore]]\nreason = \"x\"\nkeys = [{}]\n", keys.join(","))
}

pub(crate) fn with_variables(body: Vec<u8>, variables: String) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    text.replace("\"API_KEY\":\"", &(variables + "\"API_KEY\":\"")).into_bytes()
}

fn script(change: Option<Change>) -> Script {
    let Some((wanted, change)) = change else { return normal_responses() };
    Box::new(
        move |operation, _| {
            if operation == wanted { ScriptedResponse::modified(change) } else { ScriptedResponse::normal() }
        },
    )
}

pub(crate) fn backend(script: Script) -> Backend {
    Backend::new(Sim::new(shop("mark4711-stored")), script)
}

pub(crate) fn run(server: &Server, number: usize, case: &LimitCase) -> Result<RunOutput, String> {
    let mut sandbox = Sandbox::new();
    (case.prepare)(&mut sandbox);
    let (url, _) =
        server.serve(&format!("limits-{}-{number}", case.name.replace(' ', "-")), backend(script(case.change)));
    let flags = [format!("--timeout={}ms", case.timeout_ms), format!("--api-url={url}")];
    let flags: &[String] = if case.args[0] == "--" { &[] } else { &flags };
    let args: Vec<&str> = case.args.iter().copied().chain(flags.iter().map(String::as_str)).collect();
    let output = sandbox.run(&args, "", Watch::Memory);
    let details =
        || format!("code {:?}, {:?}, {} KiB: {}", output.code, output.duration, output.peak_kib, output.stderr);
    ensure!(output.code.is_some_and(|code| case.codes.contains(&code)), "unexpected exit code\n{}", details());
    ensure!(
        output.duration < Duration::from_millis(case.timeout_ms) + TIMEOUT_MARGIN,
        "it took too long\n{}",
        details()
    );
    ensure!(output.peak_kib > 0 && output.peak_kib < MAX_MEMORY_KIB, "it used too much memory\n{}", details());
    ensure!(
        output.stderr.contains(case.stderr_contains),
        "standard error does not contain {:?}\n{}",
        case.stderr_contains,
        details()
    );
    ensure!(!output.stderr.contains("panicked"), "it panicked\n{}", details());
    Ok(output)
}

fn run_cases(cases: &[LimitCase]) {
    let server = Server::plain();
    let jobs = cases.iter().enumerate().map(|(number, case)| {
        let server = &server;
        let job: Job<'_> = (case.name.to_owned(), Box::new(move || run(server, number, case).map(drop)));
        job
    });
    run_jobs([(jobs.collect(), 2)]);
}

#[test]
fn costly_checkout_ends_within_the_limits() {
    run_cases(&[patterns(), blocks(), files(), values()].into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn costly_response_ends_within_the_limits() {
    run_cases(&[remote(), compared()].into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn costly_search_ends_within_the_limits() {
    run_cases(&traced());
}

#[test]
#[ignore = "long"]
fn long_costly_rotation_ends_within_the_limits() {
    run_cases(&rotated());
}
