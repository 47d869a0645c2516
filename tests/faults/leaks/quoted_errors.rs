//! Railway rejects a request and quotes sent or stored values: in every encoding, in each response.

use railway_doctor::io::sim::Sim;
use serde_json::{Value, json};

use crate::bad_responses::ScriptedResponse;
use crate::fixture::normal_responses;
use crate::leaks::fixture::Scenario;
use crate::leaks::railway_texts::{LOCAL, NEW, STORED, TOKEN};
use crate::leaks::{FIX, checkout, run_scanned};
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::server::{Backend, Server};

/// The values that a command knows before its first request, and so can redact in every response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KnownValues {
    EnvFile,
    /// The same, and the new value on standard input before the first write.
    NewValue,
    /// The journal of the run to undo.
    Journal,
    /// The token, and the stored values of both environments once they are read.
    Stored,
    /// Only the token.
    Token,
}

/// The commands that print messages of Railway.
const COMMANDS: &[(&[&str], KnownValues)] = &[
    (&["check", "-v"], KnownValues::EnvFile),
    (&["check", "--format=json"], KnownValues::EnvFile),
    (&["matrix"], KnownValues::EnvFile),
    (&["compare", "staging", "production", "-v"], KnownValues::Stored),
    (&["compare", "pr-7", "staging", "--format=json"], KnownValues::Stored),
    (&["trace", "API_KEY", "--from=api", "-v"], KnownValues::EnvFile),
    (&["trace", "API_KEY", "--from=api", "--everywhere", "--yes", "--format=json"], KnownValues::EnvFile),
    (&["rotate", "API_KEY", "--from=api", "--stdin", "--yes", "--all-copies"], KnownValues::NewValue),
    (&["rotate", "API_KEY", "--from=api", "--stdin", "--yes", "--format=json"], KnownValues::NewValue),
    (&["fix", "--hoist=LONG_SECRET", "--yes"], KnownValues::EnvFile),
    (&["fix", "--push", "--yes", "--only=API_KEY"], KnownValues::EnvFile),
    (&["fix", "--pull", "--yes", "--only=API_KEY", "--format=json"], KnownValues::EnvFile),
    (&["fix", "--redeploy", "--yes"], KnownValues::EnvFile),
    (&["init", "--yes"], KnownValues::EnvFile),
    (&["hook", "run", "--strict"], KnownValues::EnvFile),
    (&["undo", "--yes"], KnownValues::Journal),
    (&["auth", "status"], KnownValues::Token),
    (&["trust", "--yes"], KnownValues::Token),
];

/// Which responses contain the rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RejectedResponses {
    Every,
    /// Every response, with an error status.
    EveryWithErrorStatus,
    /// The responses to this operation.
    To(&'static str),
    /// The response with the values, next to its data.
    NextToValues,
}

const RESPONSES: [RejectedResponses; 5] = [
    RejectedResponses::Every,
    RejectedResponses::EveryWithErrorStatus,
    RejectedResponses::To("SetVariables"),
    RejectedResponses::To("Redeploy"),
    RejectedResponses::NextToValues,
];

fn rejection(messages: &[&[&str]]) -> Value {
    let error = |text: &&str| json!({"message": text, "path": ["project", text], "traceId": text});
    messages.iter().flat_map(|texts| texts.iter()).map(error).collect()
}

/// The normal response with the errors added.
fn with_errors(body: Vec<u8>, messages: &[&[&str]]) -> Vec<u8> {
    let mut response: Value = String::from_utf8(body).unwrap().parse().unwrap();
    response["errors"] = rejection(messages);
    response.to_string().into_bytes()
}

fn with_all_errors(body: Vec<u8>) -> Vec<u8> {
    with_errors(body, &[LOCAL, STORED, TOKEN])
}

fn with_errors_about_stored_values(body: Vec<u8>) -> Vec<u8> {
    with_errors(body, &[STORED, TOKEN])
}

fn run(
    server: &Server,
    path: &str,
    (args, known): (&[&str], KnownValues),
    responses: RejectedResponses,
) -> Result<(), String> {
    let first: &[&[&str]] = match known {
        KnownValues::EnvFile | KnownValues::NewValue => &[LOCAL, TOKEN],
        KnownValues::Journal => &[&["mark4711-local mark4711-stored mark4711-third"], TOKEN],
        KnownValues::Stored | KnownValues::Token => &[TOKEN],
    };
    let response = |status, messages| {
        let body = json!({"errors": rejection(messages), "data": null}).to_string();
        ScriptedResponse::page(status, &[("content-type", "application/json")], body)
    };
    // `undo` does not read the file.
    let all: &[&[&str]] = match known {
        KnownValues::EnvFile => &[LOCAL, STORED, TOKEN],
        KnownValues::NewValue => &[LOCAL, STORED, TOKEN, NEW],
        KnownValues::Journal | KnownValues::Stored | KnownValues::Token => first,
    };
    let [early, with_status, late] = [response(200, first), response(400, first), response(200, all)];
    let script = move |operation: &str, _: usize| match responses {
        RejectedResponses::Every => early.clone(),
        RejectedResponses::EveryWithErrorStatus => with_status.clone(),
        RejectedResponses::To(rejected) if operation == rejected => late.clone(),
        RejectedResponses::NextToValues if operation == "Values" => ScriptedResponse::modified(match known {
            KnownValues::EnvFile | KnownValues::NewValue => with_all_errors,
            _ => with_errors_about_stored_values,
        }),
        RejectedResponses::To(_) | RejectedResponses::NextToValues => ScriptedResponse::normal(),
    };
    let scenario = if args[0] == "init" { Scenario::DriftWithoutConfig } else { Scenario::Drift };
    // A commit that contains values is blocked before any request.
    let (sandbox, sim) = (checkout(&[], scenario), Sim::new(scenario.estate()));
    let with = |args: &[&str], url: &str| {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        run_scanned(&sandbox, &[args, vec![format!("--api-url={url}")]].concat())
    };
    if known == KnownValues::Journal {
        let (url, _) = server.serve(path, Backend::new(sim.clone(), normal_responses()));
        with(&FIX, &url)?;
    }
    let (url, backend) = server.serve(path, Backend::new(sim, Box::new(script)));
    let output = with(args, &url)?;
    let is_early = matches!(responses, RejectedResponses::Every | RejectedResponses::EveryWithErrorStatus);
    ensure!(!is_early || args[0] == "auth" || output.code != Some(0), "it reported no error: {output:#?}");
    ensure!(!output.stderr.contains("panicked") && !backend.requests().is_empty(), "{output:#?}");
    Ok(())
}

#[test]
fn values_quoted_by_railway_are_not_shown() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for command in COMMANDS {
        for responses in RESPONSES {
            let writes = ["fix", "rotate", "undo"].contains(&command.0[0]);
            if matches!(responses, RejectedResponses::To(_)) && !writes
                || responses == RejectedResponses::NextToValues
                    && !matches!(command.1, KnownValues::EnvFile | KnownValues::NewValue | KnownValues::Stored)
            {
                continue;
            }
            let (number, server) = (jobs.len(), &server);
            let name = format!("{} with a rejection in {responses:?}", command.0.join(" "));
            jobs.push((name, Box::new(move || run(server, &format!("rejected-{number}"), *command, responses))));
        }
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}
