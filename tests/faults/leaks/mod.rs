//! No verb lets a value out: in no format, at no verbosity, in no file, and not to its children.
//!
//! Every run is searched by [`Before`], for values in every form of [`crate::mark`]. What goes wrong on the way is the
//! business of [`crate::every`] and its neighbours, whose cells are searched in the same way:
//!
//! | path | test |
//! |---|---|
//! | every fault of an answer or of the way there, redirects among them | [`crate::every`], [`crate::midway`] |
//! | what a proxy is told | [`crate::every`] |
//! | what Railway quotes, in every form | [`refused`] |
//! | a record that is cut short by SIGKILL, and two at once | [`crate::killed`], [`crate::pairs`] |
//! | a checkout with traps in it, and a `doctor.toml` with wishes | [`crate::checkout`] |
//! | what a declared endpoint is sent and says | `tests/e2e/endpoint.rs` |
//! | names with escapes | `tests/e2e/hostile.rs` |
//! | mistakes in `doctor.toml` and in tokens, panics, `Debug` | `tests/e2e/leaks.rs` |
//! | logins in a keyring | `tests/e2e/keyring.rs` |

mod commands;
mod core_dump;
mod fixture;
mod quoted_errors;
mod railway_texts;
mod surroundings;
mod terminal;

use std::fs;
use std::process::Command;

use clap::{ArgAction, CommandFactory};
use railway_doctor::cli::Cli;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;

use crate::fixture::usual;
use crate::leak_scan::Before;
use crate::leaks::commands::{After, Breadth, ROWS, Row};
use crate::leaks::fixture::World;
use crate::parallel::{Job, MANY, hold, play};
use crate::run::{Cell, Ran, Watch};
use crate::server::{Case, Server};

/// How much is told.
const VERBOSITIES: [&[&str]; 3] = [&[], &["--verbose", "--color=always"], &["--quiet"]];

/// A fix that can be undone.
const FIX: [&str; 6] = ["fix", "--push", "--yes", "--only=API_KEY", "--only=LINES", "--no-deploy"];

/// The part of the command line that a row is about, as clap has it.
fn verb_of(row: &Row) -> clap::Command {
    let mut verb = Cli::command();
    for word in row.words {
        match verb.find_subcommand(word) {
            Some(below) => verb = below.clone(),
            None => break,
        }
    }
    verb
}

/// The formats that a verb has; one without a name where it has none.
fn formats(verb: &clap::Command) -> Vec<Option<String>> {
    let Some(format) = verb.get_arguments().find(|argument| argument.get_long() == Some("format")) else {
        return vec![None];
    };
    format.get_possible_values().iter().map(|value| Some(value.get_name().to_owned())).collect()
}

/// What is added to a row's words, for each of its runs.
fn tellings(row: &Row) -> Vec<Vec<String>> {
    if row.breadth == Breadth::Once {
        return vec![Vec::new()];
    }
    let formats = formats(&verb_of(row));
    let mut tellings = Vec::new();
    for (number, format) in formats.iter().enumerate() {
        for (other, verbosity) in VERBOSITIES.iter().enumerate() {
            let is_told = row.breadth == Breadth::Every || formats.len() < VERBOSITIES.len() || number % 3 == other;
            if is_told {
                let format = format.iter().map(|name| format!("--format={name}"));
                tellings.push(format.chain(verbosity.iter().map(|&word| word.to_owned())).collect());
            }
        }
    }
    tellings
}

/// A repository with an ignored `.env`; before a commit also a file in it that gives values away.
fn checkout(words: &[&str], world: World) -> Cell {
    let mut cell = Cell::new();
    cell.write(".env", &world.env());
    if let Some(config) = world.config() {
        cell.write("doctor.toml", &config);
    }
    cell.write(".gitignore", ".env\n");
    cell.make_repository();
    if words.starts_with(&["hook", "run"]) && world != World::Green {
        cell.write("settings.py", "KEY = \"mark4711-local\"\nOTHER = \"bWFyazQ3MTEtbG9jYWw=\"\n");
        let added = Command::new("git").args(["add", "settings.py"]).current_dir(cell.work()).status();
        assert!(added.unwrap().success());
    }
    cell.set("GITHUB_STEP_SUMMARY", &cell.work().join("summary").display().to_string());
    cell
}

/// Runs it, and searches what it has written.
fn silent(cell: &Cell, words: &[String]) -> Result<Ran, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).chain([Cell::RECORDED]).collect();
    let before = Before::of(cell);
    let ran = cell.run(&words, ACCOUNT_TOKEN, Watch::Nothing);
    before.is_silent(cell, &ran).map_err(|what| format!("{what}\n{ran:#?}"))?;
    cell.recorded()?;
    Ok(ran)
}

fn run(server: &Server, path: &str, row: &Row, telling: &[String]) -> Result<(), String> {
    let (url, case) = server.serve(path, Case::new(Sim::new(row.world.estate()), usual()));
    let cell = checkout(row.words, row.world);
    // The demo has a Railway of its own.
    let address = if row.words[0] == "demo" { Vec::new() } else { vec!["--api-url".to_owned(), url] };
    let with = |words: &[String]| silent(&cell, &[words, &address].concat());
    if row.after == After::Fix {
        let ran = with(&FIX.map(str::to_owned))?;
        hold!(cell.runs().len() == 1, "no run is recorded: {ran:#?}");
    }
    let mut words: Vec<String> = row.words.iter().map(|&word| word.to_owned()).collect();
    words.iter_mut().filter(|word| *word == "RUN").for_each(|word| *word = cell.runs().remove(0));
    words.extend_from_slice(telling);
    let ran = with(&words)?;
    // A list has no findings, and so none of their formats.
    let is_list = row.words.contains(&"--list");
    let is_of_findings =
        |format: &&str| is_list && !["--format=text", "--format=json", "--format=html"].contains(format);
    let is_refused = telling.first().is_some_and(|format| is_of_findings(&format.as_str()));
    let code = if is_refused { 2 } else { row.code };
    hold!(ran.code == Some(code), "exit code {:?}, not {code}: {ran:#?}", ran.code);
    let children = fs::read_to_string(cell.work().with_file_name("children").join("children")).unwrap_or_default();
    hold!(row.words[0] != "check" || code == 2 || children.contains("ls-files"), "git was not seen: {children:?}");
    hold!(case.sim.violations().is_empty(), "it sent what no document says: {:?}", case.sim.violations());
    Ok(())
}

#[test]
fn no_command_leaks_a_value() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for row in ROWS {
        for telling in tellings(row) {
            let (number, server) = (jobs.len(), &server);
            let name = format!("{} {} in {:?}", row.words.join(" "), telling.join(" "), row.world);
            jobs.push((name, Box::new(move || run(server, &format!("leak-{number}"), row, &telling))));
        }
    }
    play([(jobs, MANY)]);
}

#[test]
fn every_command_and_flag_has_a_leak_test() {
    let mut verbs = vec![(Vec::new(), Cli::command())];
    while let Some((path, verb)) = verbs.pop() {
        for below in verb.get_subcommands() {
            verbs.push(([&path[..], &[below.get_name().to_owned()]].concat(), below.clone()));
        }
        if verb.is_subcommand_required_set() || path.is_empty() {
            continue;
        }
        let rows: Vec<&Row> = ROWS
            .iter()
            .filter(|row| row.words.iter().zip(&path).filter(|(word, name)| *word == name).count() == path.len())
            .collect();
        assert!(!rows.is_empty(), "doctor {} has no row", path.join(" "));
        // The demo's verbs are the verbs themselves, on values that are none of the user's.
        if path[0] == "demo" {
            continue;
        }
        for flag in verb.get_arguments().filter(|flag| matches!(flag.get_action(), ArgAction::SetTrue)) {
            let name = format!("--{}", flag.get_long().unwrap());
            let is_played = rows.iter().any(|row| row.words.contains(&name.as_str()));
            assert!(is_played, "doctor {} {name} has no row", path.join(" "));
        }
    }
}
