//! No command leaks a value: in any format, at any verbosity, in a file, or to a child process.
//!
//! [`FilesBefore`] scans every run for values in every encoding of [`crate::markers`]. Other tests cover what goes
//! wrong during a run, and scan in the same way:
//!
//! | source of a leak | test |
//! |---|---|
//! | faults of responses and of the network, including redirects | [`crate::every_fault`], [`crate::mid_fix`] |
//! | requests to a proxy | [`crate::every_fault`] |
//! | values that Railway quotes, in every encoding | [`quoted_errors`] |
//! | copies of a value in every form, and generated values | [`rotation`] |
//! | a journal truncated by SIGKILL, and concurrent runs | [`crate::killed`], [`crate::concurrent_runs`] |
//! | a hostile checkout | [`crate::hostile_checkout`] |
//! | requests to a declared endpoint, and its responses | `tests/e2e/endpoint.rs` |
//! | names with escape sequences | `tests/e2e/hostile.rs` |
//! | mistakes in `doctor.toml` and in tokens, panics, `Debug` | `tests/e2e/leaks.rs` |
//! | logins in a keyring | `tests/e2e/keyring.rs` |

mod commands;
mod core_dump;
mod fixture;
mod quoted_errors;
mod railway_texts;
mod rotation;
mod surroundings;
mod terminal;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use clap::CommandFactory;
use railway_doctor::cli::Cli;
use railway_doctor::drift::model::rule::RuleScope;
use railway_doctor::drift::rules::RULES;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;

use serde_json::Value;

use crate::fixture::normal_responses;
use crate::leak_scan::FilesBefore;
use crate::leaks::commands::{CASES, LeakCase, OutputOptions, Preceding};
use crate::leaks::fixture::Scenario;
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{RunOutput, Sandbox, Watch};
use crate::server::{Backend, Server};

const VERBOSITIES: [&[&str]; 3] = [&[], &["--verbose", "--color=always"], &["--quiet"]];

/// The global flags that every case, or every verbosity, has.
const IN_EVERY_RUN: [&str; 5] = ["--api-url", "--color", "--debug-api", "--quiet", "--verbose"];

/// A fix for `undo` to restore.
const FIX: [&str; 6] = ["fix", "--push", "--yes", "--only=API_KEY", "--only=LINES", "--no-deploy"];

/// The new value of a rotation, with characters that encodings treat differently.
pub(crate) const NEW_SECRET: &str = r#"mark4711-n3w/+&=%25"$ü #mark4711"#;

/// The clap definition of the command.
fn command_of(case: &LeakCase) -> clap::Command {
    let mut command = Cli::command();
    for arg in case.args {
        match command.find_subcommand(arg) {
            Some(below) => command = below.clone(),
            None => break,
        }
    }
    command
}

/// The formats of a command; `None` if it has no `--format`.
fn formats(command: &clap::Command) -> Vec<Option<String>> {
    let Some(format) = command.get_arguments().find(|argument| argument.get_long() == Some("format")) else {
        return vec![None];
    };
    format.get_possible_values().iter().map(|value| Some(value.get_name().to_owned())).collect()
}

/// The additional arguments of each run of a case. Its number selects the formats of [`OutputOptions::Three`].
fn argument_sets(case: &LeakCase, case_number: usize) -> Vec<Vec<String>> {
    let formats = formats(&command_of(case));
    let arguments = |format: usize, verbosity: usize| -> Vec<String> {
        let format = formats[format % formats.len()].iter().map(|name| format!("--format={name}"));
        format.chain(VERBOSITIES[verbosity % VERBOSITIES.len()].iter().map(|&arg| arg.to_owned())).collect()
    };
    let (all, verbosities) = (formats.len(), VERBOSITIES.len());
    match case.options {
        OutputOptions::Defaults => vec![Vec::new()],
        OutputOptions::AllPairs => (0..all * verbosities).map(|pair| arguments(pair / verbosities, pair)).collect(),
        OutputOptions::EachOnce => (0..all.max(verbosities)).map(|number| arguments(number, number)).collect(),
        OutputOptions::Three => {
            let others = (all - 1).max(1);
            let third = 1 + (case_number + others / 2) % others;
            vec![arguments(0, 1), arguments(1 + case_number % others, 2), arguments(third, 0)]
        }
    }
}

/// A repository that ignores `.env` and `new.env`; for a commit, also a staged file that contains values.
fn checkout(args: &[&str], scenario: Scenario) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.write(".env", &scenario.env());
    if let Some(config) = scenario.config() {
        sandbox.write("doctor.toml", &config);
    }
    sandbox.write(".gitignore", ".env\nnew.env\n");
    sandbox.make_repository();
    if args.starts_with(&["hook", "run"]) && scenario != Scenario::InSync {
        sandbox.write("settings.py", "KEY = \"mark4711-local\"\nOTHER = \"bWFyazQ3MTEtbG9jYWw=\"\n");
        let added = Command::new("git").args(["add", "settings.py"]).current_dir(sandbox.work()).status();
        assert!(added.unwrap().success());
    }
    sandbox.set("GITHUB_STEP_SUMMARY", &sandbox.work().join("summary").display().to_string());
    sandbox
}

/// Runs a command, and scans everything that it wrote.
fn run_scanned(sandbox: &Sandbox, args: &[String]) -> Result<RunOutput, String> {
    let args: Vec<&str> = args.iter().map(String::as_str).chain([Sandbox::DEBUG_API_FLAG]).collect();
    let before = FilesBefore::of(sandbox);
    let input = match args[0] {
        "rotate" => NEW_SECRET,
        // The refs of a push.
        "hook" => "",
        _ => ACCOUNT_TOKEN,
    };
    let output = sandbox.run(&args, input, Watch::Nothing);
    before.check_leaks(sandbox, &output).map_err(|what| format!("{what}\n{output:#?}"))?;
    sandbox.recorded_requests()?;
    Ok(output)
}

fn run(server: &Server, path: &str, case: &LeakCase, extra_args: &[String]) -> Result<(), String> {
    let (url, backend) = server.serve(path, Backend::new(Sim::new(case.scenario.estate()), normal_responses()));
    let sandbox = checkout(case.args, case.scenario);
    // The demo has its own simulated Railway.
    let address = if case.args[0] == "demo" { Vec::new() } else { vec!["--api-url".to_owned(), url] };
    let run_with = |args: &[String]| run_scanned(&sandbox, &[args, &address].concat());
    if case.preceding == Preceding::Fix {
        let output = run_with(&FIX.map(str::to_owned))?;
        ensure!(sandbox.runs().len() == 1, "no run is recorded: {output:#?}");
    }
    let mut args: Vec<String> = case.args.iter().map(|&arg| arg.to_owned()).collect();
    args.iter_mut().filter(|arg| *arg == "RUN").for_each(|arg| *arg = sandbox.runs().remove(0));
    args.extend_from_slice(extra_args);
    let output = run_with(&args)?;
    // A list has no findings, so the formats for findings are rejected.
    let is_list = case.args.contains(&"--list");
    let is_findings_format =
        |format: &&str| is_list && !["--format=text", "--format=json", "--format=html"].contains(format);
    let is_rejected = extra_args.first().is_some_and(|format| is_findings_format(&format.as_str()));
    let code = if is_rejected { 2 } else { case.code };
    ensure!(output.code == Some(code), "exit code {:?}, expected {code}: {output:#?}", output.code);
    let children = fs::read_to_string(sandbox.work().with_file_name("children").join("children")).unwrap_or_default();
    // Only for a file, git is asked whether it is tracked.
    let asks_git = case.args[0] == "check" && !case.args.contains(&"--no-env-file") && code != 2;
    ensure!(!asks_git || children.contains("ls-files"), "git did not run: {children:?}");
    ensure!(backend.sim.violations().is_empty(), "it sent an unknown request: {:?}", backend.sim.violations());
    Ok(())
}

#[test]
fn no_command_leaks_a_value() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        for extra_args in argument_sets(case, number) {
            let (number, server) = (jobs.len(), &server);
            let name = format!("{} {} in {:?}", case.args.join(" "), extra_args.join(" "), case.scenario);
            jobs.push((name, Box::new(move || run(server, &format!("leak-{number}"), case, &extra_args))));
        }
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}

/// Ensures that the scan covers the texts of every finding about two environments.
#[test]
fn compared_environments_have_every_finding() {
    let (server, sandbox) = (Server::plain(), checkout(&[], Scenario::Drift));
    let (url, _) = server.serve("findings", Backend::new(Sim::new(Scenario::Drift.estate()), normal_responses()));
    let args = ["compare", "staging", "production", "--format=json", "--api-url", &url];
    let output = sandbox.run(&args, "", Watch::Nothing);
    let report: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:#?}"));
    let found: BTreeSet<&str> =
        report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["rule"].as_str()).collect();
    let missing: Vec<&str> = RULES
        .iter()
        .filter(|rule| rule.scope == RuleScope::EnvironmentPair && !found.contains(rule.name))
        .map(|rule| rule.name)
        .collect();
    assert_eq!(missing, [""; 0], "no finding of these rules: {found:?}");
}

/// Whether a case of the command has the flag. Of a flag for formats, every value is used.
fn has_flag(cases: &[&LeakCase], flag: &clap::Arg) -> bool {
    let name = format!("--{}", flag.get_long().unwrap_or_default());
    let is_flag = |arg: &str| arg.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    let has_formats = |case: &&LeakCase| matches!(case.options, OutputOptions::AllPairs | OutputOptions::EachOnce);
    match name.as_str() {
        "--format" => cases.iter().any(has_formats),
        _ => cases.iter().any(|case| case.args.iter().any(|arg| is_flag(arg))),
    }
}

#[test]
fn every_command_and_flag_has_a_leak_test() {
    let mut missing = Vec::new();
    let mut commands = vec![(Vec::new(), Cli::command())];
    while let Some((path, command)) = commands.pop() {
        for below in command.get_subcommands() {
            commands.push(([&path[..], &[below.get_name().to_owned()]].concat(), below.clone()));
        }
        let cases: Vec<&LeakCase> = CASES
            .iter()
            .filter(|case| case.args.iter().zip(&path).filter(|(arg, name)| *arg == name).count() == path.len())
            .collect();
        let is_group = path.is_empty() || command.is_subcommand_required_set();
        if cases.is_empty() && !is_group {
            missing.push(format!("doctor {}", path.join(" ")));
        }
        // The demo runs the same commands on sample values.
        let flags = command
            .get_arguments()
            .filter(|flag| flag.get_long().is_some() && path.first().is_none_or(|name| name != "demo"));
        for flag in flags.filter(|flag| !has_flag(&cases, flag)) {
            let name = format!("--{}", flag.get_long().unwrap_or_default());
            if !path.is_empty() || !IN_EVERY_RUN.contains(&name.as_str()) {
                missing.push(format!("doctor {} {name}", path.join(" ")));
            }
        }
    }
    assert_eq!(missing, [""; 0], "no leak test has these");
}
