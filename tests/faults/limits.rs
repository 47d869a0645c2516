//! Inputs of a few megabytes that are expensive to compare: each run ends soon after its timeout at the latest, and
//! uses less than 256 MiB. An error about an input that is too large names the limit.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use railway_doctor::io::sim::Sim;

use crate::assertions::TIMEOUT_MARGIN;
use crate::bad_responses::ScriptedResponse;
use crate::fixture::normal_responses;
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
    timeout_ms: 30_000,
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

const BLOCK: &str = "A=-----BEGIN X\n-----END X\n";

fn patterns() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "20,000 patterns on 20,000 keys",
            prepare: |sandbox| {
                env(sandbox, &lines(20_000, |number| format!("A{number}=\n")));
                sandbox.write("doctor.toml", &ignore((0..20_000).map(|number| format!("*B{number}*"))));
            },
            codes: &[2],
            stderr_contains: "[[ignore]] has more than 1000 patterns with `*` or `?`",
            ..CHECK
        },
        LimitCase {
            name: "20,000 names on 20,000 keys",
            prepare: |sandbox| {
                env(sandbox, &lines(20_000, |number| format!("A{number}=\n")));
                sandbox.write("doctor.toml", &ignore((0..20_000).map(|number| format!("A{number}"))));
            },
            ..CHECK
        },
        LimitCase {
            name: "1,000 patterns on 30,000 keys",
            prepare: |sandbox| {
                env(sandbox, &lines(30_000, |number| format!("A{number}=\n")));
                sandbox.write("doctor.toml", &ignore((0..1000).map(|number| format!("*B{number}*"))));
            },
            timeout_ms: 5000,
            codes: &[1, 5],
            ..CHECK
        },
    ]
}

fn blocks() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "3 MiB of key blocks",
            prepare: |sandbox| env(sandbox, &(BLOCK.repeat(60_000) + &"x\n".repeat(800_000))),
            codes: &[2],
            stderr_contains: ".env\n  cause: it has more than 200000 lines",
            ..CHECK
        },
        LimitCase {
            name: "30,000 lines of key blocks",
            prepare: |sandbox| env(sandbox, &BLOCK.repeat(15_000)),
            ..CHECK
        },
        LimitCase {
            name: "30,000 blocks that begin inside each other",
            prepare: |sandbox| env(sandbox, &"A: -----BEGIN X\n".repeat(30_000)),
            ..CHECK
        },
    ]
}

fn files() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "15 MiB of short lines",
            prepare: |sandbox| env(sandbox, &fill(15 << 20, |number| format!("A{number}=\n"))),
            codes: &[2],
            stderr_contains: ".env\n  cause: it is larger than 4 MiB",
            ..CHECK
        },
        LimitCase {
            name: "missing keys whose findings need more than the memory limit",
            prepare: |sandbox| env(sandbox, &lines(190_000, |number| format!("A{number}=v\n"))),
            codes: &[2],
            stderr_contains: "error: doctor needs more than 256 MiB of memory",
            ..CHECK
        },
        LimitCase {
            name: "files whose total size is too large",
            args: &["check", "--env-file=.env", "--env-file=a.env", "--env-file=b.env"],
            prepare: |sandbox| {
                for name in ["a.env", "b.env"] {
                    sandbox.write(name, &lines(120_000, |number| format!("{name}_{number}=\n").replace('.', "_")));
                }
            },
            codes: &[2],
            stderr_contains: "b.env\n  cause: the env files of this run together have more than 200000 lines",
            ..CHECK
        },
    ]
}

fn values() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "values of many references",
            prepare: |sandbox| {
                let values = ["${{a.b}}".repeat(100_000), "$A".repeat(200_000), "\\'\"".repeat(300_000)];
                env(sandbox, &lines(3, |number| format!("BIG{number}='{}'\n", values[number])));
            },
            timeout_ms: 5000,
            codes: &[1, 5],
            ..CHECK
        },
        LimitCase {
            name: "a chain of references",
            prepare: |sandbox| env(sandbox, &lines(20_000, |number| format!("A{}=${{A{number}}}y\n", number + 1))),
            timeout_ms: 5000,
            codes: &[1, 5],
            ..CHECK
        },
        LimitCase {
            name: "examples of 15 MiB",
            prepare: |sandbox| {
                for name in [".env.example", ".env.sample", ".env.template"] {
                    sandbox.write(name, &fill(15 << 20, |number| format!("A{number}=\n")));
                }
            },
            ..CHECK
        },
        LimitCase {
            name: "shell completion",
            args: &["--", "doctor", "check", "--only", ""],
            prepare: |sandbox| {
                env(sandbox, &(BLOCK.repeat(60_000) + &"x\n".repeat(800_000)));
                sandbox.set("COMPLETE", "bash");
                sandbox.set("_CLAP_COMPLETE_INDEX", "3");
            },
            codes: &[0],
            ..CHECK
        },
    ]
}

/// Expensive responses.
fn remote() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "6 MiB of small variables",
            change: Some(("Values", variables)),
            codes: &[5],
            stderr_contains: "more than 400000 values",
            ..CHECK
        },
        LimitCase {
            name: "1.5 million errors",
            change: Some(("Environment", |_| errors(1_500_000))),
            codes: &[5],
            stderr_contains: "HTTP 200 with JSON that has more than",
            ..CHECK
        },
        LimitCase {
            name: "20,000 errors",
            change: Some(("Environment", |_| errors(20_000))),
            codes: &[5],
            stderr_contains: "with more than 10000 GraphQL errors",
            ..CHECK
        },
        LimitCase {
            name: "a duplicate variable",
            change: Some(("Values", duplicate)),
            codes: &[5],
            stderr_contains: "JSON that has a duplicate key",
            ..CHECK
        },
        LimitCase {
            name: "an error of 8 MiB",
            change: Some(("Environment", |_| long_error())),
            codes: &[5],
            stderr_contains: "Railway responded “8192 KiB of text, omitted”",
            ..CHECK
        },
        LimitCase {
            name: "a value whose encoded forms are several times as long",
            timeout_ms: 50_000,
            prepare: |sandbox| env(sandbox, &format!("BIG_KEY='{}'\n", "é".repeat(1900 << 10))),
            change: Some(("Values", |body| with_errors(1, &body))),
            ..CHECK
        },
        LimitCase {
            name: "20,000 short secrets in 5,000 errors",
            prepare: |sandbox| env(sandbox, &lines(20_000, |number| format!("A{number}_TOKEN=s{number}\n"))),
            change: Some(("Values", |body| with_errors(5000, &body))),
            ..CHECK
        },
        LimitCase {
            name: "20,000 values that differ",
            prepare: |sandbox| env(sandbox, &lines(20_000, |number| format!("K{number}=local-{number}\n"))),
            change: Some(("Values", differing)),
            codes: &[1, 5],
            ..CHECK
        },
    ]
}

/// Expensive responses about two environments.
fn compared() -> Vec<LimitCase> {
    let compare = LimitCase { args: &["compare", "staging", "production"], ..CHECK };
    vec![
        LimitCase {
            name: "6 MiB of small variables in two environments",
            change: Some(("Values", variables)),
            codes: &[5],
            stderr_contains: "more than 400000 values",
            ..compare
        },
        // Each environment is then read alone.
        LimitCase {
            name: "a list of environments that is too large",
            change: Some(("ComparedEnvironments", |_| errors(1_500_000))),
            ..compare
        },
        LimitCase {
            name: "20,000 errors about the environments",
            change: Some(("ComparedEnvironments", |_| errors(20_000))),
            codes: &[5],
            stderr_contains: "with more than 10000 GraphQL errors",
            ..compare
        },
        // Production's worker lacks them.
        LimitCase {
            name: "20,000 keys that one environment lacks",
            change: Some(("Values", differing)),
            codes: &[1, 5],
            ..compare
        },
        LimitCase {
            name: "5,000 secrets that both environments have",
            change: Some(("Values", shared_secrets)),
            codes: &[1, 5],
            ..compare
        },
    ]
}

/// Expensive files and responses to search for a value.
fn traced() -> Vec<LimitCase> {
    let trace = LimitCase { args: &["trace", "API_KEY", "--from=api"], codes: &[0], ..CHECK };
    let plan = &["rotate", "API_KEY", "--from=api", "--generate=hex:32", "--all-copies", "--dry-run"];
    let plan = LimitCase { args: plan, codes: &[1], ..CHECK };
    vec![
        LimitCase {
            name: "6 MiB of small variables to search",
            change: Some(("Values", variables)),
            codes: &[5],
            stderr_contains: "more than 400000 values",
            ..trace
        },
        LimitCase { name: "20,000 values to search", change: Some(("Values", differing)), codes: &[0, 5], ..trace },
        LimitCase { name: "2,000 copies", change: Some(("Values", copies)), codes: &[0, 5], ..trace },
        LimitCase { name: "2,000 copies to replace", change: Some(("Values", copies)), codes: &[1, 5], ..plan },
        LimitCase {
            name: "20,000 copies in one value",
            change: Some(("Values", repeated_copies)),
            codes: &[0, 5],
            ..trace
        },
        LimitCase {
            name: "20,000 copies in one value to replace",
            change: Some(("Values", repeated_copies)),
            codes: &[1, 5],
            ..plan
        },
        LimitCase { name: "encodings inside encodings", change: Some(("Values", nested)), codes: &[0, 5], ..trace },
        LimitCase {
            name: "encodings inside encodings to replace",
            change: Some(("Values", nested)),
            codes: &[1, 5],
            ..plan
        },
        LimitCase {
            name: "2 MiB of separators",
            change: Some(("Values", separators)),
            timeout_ms: 5000,
            codes: &[0, 5],
            ..trace
        },
        LimitCase {
            name: "a file with many copies",
            args: &["trace", "API_KEY"],
            prepare: |sandbox| {
                env(sandbox, &lines(20_000, |number| format!("K{number}='x=mark4711-local;{number}'\n")));
            },
            codes: &[0, 5],
            ..CHECK
        },
        LimitCase {
            name: "a file with 1 MiB of base64 and JSON",
            args: &["trace", "API_KEY"],
            prepare: |sandbox| {
                env(sandbox, &format!("BIG='{}{}'\n", "{\"a\":[\"QUJD-_/+".repeat(60_000), "}".repeat(9)));
            },
            timeout_ms: 5000,
            codes: &[0, 5],
            ..CHECK
        },
    ]
}

/// Variables with the stored value in a URL.
fn copies(body: Vec<u8>) -> Vec<u8> {
    let copy = |number| format!("\"URL{number}\":\"https://example.com/{number}?key=mark4711-stored&x=%20\",");
    with_variables(body, lines(2000, copy))
}

fn repeated_copies(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, format!("\"LIST\":\"{}\",", "mark4711-stored,".repeat(20_000)))
}

/// Base64 of JSON of base64 …, twenty times, around the stored value.
fn nested(body: Vec<u8>) -> Vec<u8> {
    let text = (0..20).fold("mark4711-stored".to_owned(), |text, _| {
        STANDARD.encode(serde_json::json!({ "key": text, "url": "https://example.com/%20" }).to_string())
    });
    with_variables(body, lines(20, |number| format!("\"NESTED{number}\":\"{text}\",")))
}

/// Each place may be the start of base64, or of a part of a URL.
pub(crate) fn separators(body: Vec<u8>) -> Vec<u8> {
    let text =
        ["/+".repeat(200_000), "%2F-_".repeat(100_000), "a=b&".repeat(100_000), "{[\\\"".repeat(100_000)].concat();
    with_variables(body, format!("\"SEPARATORS\":\"{text}\","))
}

/// Adds variables to each map.
fn variables(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, fill(5 << 18, |number| format!("\"B{number}\":\"\",")))
}

fn differing(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, lines(20_000, |number| format!("\"K{number}\":\"stored-{number}\",")))
}

fn shared_secrets(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, lines(5000, |number| format!("\"K{number}_SECRET\":\"pq7Zr4Tk9WmX2cVb8NsL{number}\",")))
}

fn duplicate(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, "\"API_KEY\":\"mark4711-first\",".to_owned())
}

pub(crate) fn with_variables(body: Vec<u8>, variables: String) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    text.replace("\"API_KEY\":\"", &(variables + "\"API_KEY\":\"")).into_bytes()
}

fn errors(count: usize) -> Vec<u8> {
    format!("{{\"data\":null,\"errors\":[{}]}}", vec!["{}"; count].join(",")).into_bytes()
}

fn long_error() -> Vec<u8> {
    format!("{{\"data\":null,\"errors\":[{{\"message\":\"{}\"}}]}}", "a b c d ".repeat(1 << 20)).into_bytes()
}

fn with_errors(count: usize, body: &[u8]) -> Vec<u8> {
    let mut errors = String::new();
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        write!(errors, "{comma}{{\"message\":\"e{number} s{number}\"}}").unwrap();
    }
    let text = String::from_utf8(body.to_vec()).unwrap();
    format!("{{\"errors\":[{errors}],{}", text.trim_start_matches('{')).into_bytes()
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
