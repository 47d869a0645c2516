//! Railway refuses, and quotes what it was sent or what it holds: in every form, in each of its answers.

use railway_doctor::io::sim::Sim;
use serde_json::{Value, json};

use crate::bad_responses::Answer;
use crate::fixture::usual;
use crate::leaks::fixture::World;
use crate::leaks::railway_texts::{LOCAL, STORED, TOKEN};
use crate::leaks::{FIX, checkout, silent};
use crate::parallel::{Job, MANY, hold, play};
use crate::server::{Case, Server};

/// What a verb knows before its first request, and so never says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knows {
    /// The file.
    File,
    /// What the run recorded that it is to undo.
    Record,
    /// Nothing but the token.
    Token,
}

/// The verbs that tell what Railway says.
const VERBS: &[(&[&str], Knows)] = &[
    (&["check", "-v"], Knows::File),
    (&["check", "--format=json"], Knows::File),
    (&["matrix"], Knows::File),
    (&["fix", "--push", "--yes", "--only=API_KEY"], Knows::File),
    (&["fix", "--pull", "--yes", "--only=API_KEY", "--format=json"], Knows::File),
    (&["fix", "--redeploy", "--yes"], Knows::File),
    (&["init", "--yes"], Knows::File),
    (&["hook", "run", "--strict"], Knows::File),
    (&["undo", "--yes"], Knows::Record),
    (&["auth", "status"], Knows::Token),
    (&["trust", "--yes"], Knows::Token),
];

/// Which answer it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Each one.
    Every,
    /// The same with the status of an error.
    EveryWithStatus,
    /// Those to this operation.
    To(&'static str),
    /// The one that holds the values, beside these.
    BesideValues,
}

const PLACES: [Place; 5] =
    [Place::Every, Place::EveryWithStatus, Place::To("SetVariables"), Place::To("Redeploy"), Place::BesideValues];

fn refusal(words: &[&[&str]]) -> Value {
    let error = |words: &&str| json!({"message": words, "path": ["project", words], "traceId": words});
    words.iter().flat_map(|words| words.iter()).map(error).collect()
}

/// What Railway answers with it beside.
fn beside(body: Vec<u8>) -> Vec<u8> {
    let mut answer: Value = String::from_utf8(body).unwrap().parse().unwrap();
    answer["errors"] = refusal(&[LOCAL, STORED, TOKEN]);
    answer.to_string().into_bytes()
}

fn strike(server: &Server, path: &str, (words, knows): (&[&str], Knows), place: Place) -> Result<(), String> {
    let first: &[&[&str]] = match knows {
        Knows::File => &[LOCAL, TOKEN],
        Knows::Record => &[&["mark4711-local mark4711-stored mark4711-third"], TOKEN],
        Knows::Token => &[TOKEN],
    };
    let answer = |status, words| {
        let body = json!({"errors": refusal(words), "data": null}).to_string();
        Answer::page(status, &[("content-type", "application/json")], body)
    };
    // An undoing knows nothing of the file.
    let all: &[&[&str]] = if knows == Knows::File { &[LOCAL, STORED, TOKEN] } else { first };
    let [early, with_status, late] = [answer(200, first), answer(400, first), answer(200, all)];
    let script = move |operation: &str, _: usize| match place {
        Place::Every => early.clone(),
        Place::EveryWithStatus => with_status.clone(),
        Place::To(struck) if operation == struck => late.clone(),
        Place::BesideValues if operation == "Values" => Answer::changed(beside),
        Place::To(_) | Place::BesideValues => Answer::usual(),
    };
    let world = if words[0] == "init" { World::Undeclared } else { World::Drift };
    // A commit that gives values away is stopped before anybody is asked.
    let (cell, sim) = (checkout(&[], world), Sim::new(world.estate()));
    let with = |words: &[&str], url: &str| {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        silent(&cell, &[words, vec![format!("--api-url={url}")]].concat())
    };
    if knows == Knows::Record {
        let (url, _) = server.serve(path, Case::new(sim.clone(), usual()));
        with(&FIX, &url)?;
    }
    let (url, case) = server.serve(path, Case::new(sim, Box::new(script)));
    let ran = with(words, &url)?;
    let is_early = matches!(place, Place::Every | Place::EveryWithStatus);
    hold!(!is_early || words[0] == "auth" || ran.code != Some(0), "it did not notice: {ran:#?}");
    hold!(!ran.err.contains("has a bug") && !case.heard().is_empty(), "{ran:#?}");
    Ok(())
}

#[test]
fn values_quoted_by_railway_are_not_shown() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for verb in VERBS {
        for place in PLACES {
            let writes = verb.0[0] == "fix" || verb.0[0] == "undo";
            if matches!(place, Place::To(_)) && !writes || place == Place::BesideValues && verb.1 != Knows::File {
                continue;
            }
            let (number, server) = (jobs.len(), &server);
            let name = format!("{} with a refusal in {place:?}", verb.0.join(" "));
            jobs.push((name, Box::new(move || strike(server, &format!("refused-{number}"), *verb, place))));
        }
    }
    play([(jobs, MANY)]);
}
