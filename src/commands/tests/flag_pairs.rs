//! Every pair of flags of every command works together, or is refused by an error that names one of them.
//!
//! The commands, their flags and the values of a flag come from the definition of the command line. A new flag with a
//! value needs a row in [`VALUES`]; a flag that visibly does something, one in [`has_effect`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;

use clap::{ArgAction, CommandFactory};
use serde_json::Value;

use crate::cli::Cli;
use crate::commands::tests::agreement;
use crate::commands::tests::fix::service;
use crate::commands::tests::init::with_git;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::Sim;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, TokenScope};
use crate::io::terminal::prompt::script::{PreparedAnswer, Script};

/// The key of the demo, so that the demo has it, too.
const KEY: &str = "STAGING_OPS_API_KEY";

/// The value of a flag, and one that it refuses.
struct FlagValue {
    flag: &'static str,
    valid: &'static str,
    invalid: &'static str,
}

const fn value(flag: &'static str, valid: &'static str, invalid: &'static str) -> FlagValue {
    FlagValue { flag, valid, invalid }
}

const VALUES: &[FlagValue] = &[
    value("allow-reference", KEY, "NOTHING"),
    value("allow-sealed", KEY, "NOTHING"),
    value("allow-shared", KEY, "NOTHING"),
    value("api-url", "http://127.0.0.1:9/graphql/v2", "https://example.com/"),
    value("baseline", "known.toml", "."),
    value("config", "doctor.toml", "missing.toml"),
    value("debug-api", "debug.jsonl", "missing/debug.jsonl"),
    value("env-file", ".env", "missing.env"),
    value("environment", "staging", "nothing"),
    value("from", "worker", "nothing"),
    value("generate", "hex:32", "hex:1"),
    value("hoist", KEY, "NOTHING"),
    value("keep-old-as", "OLD_KEY", "not a name"),
    value("only", KEY, "NOTHING"),
    value("output", "report", "missing/report"),
    value("project", "agentverse", "nothing"),
    value("service", "worker", "nothing"),
    value("start-command", "web --now", ""),
    value("timeout", "2m", "soon"),
    value("token", "production=PRODUCTION_TOKEN", "production=UNSET_TOKEN"),
];

const CONFIG: &str =
    "[services.api]\n[services.worker]\n[[require]]\nkeys = [\"MODE\"]\nservices = [\"api\", \"worker\"]\n";

/// A flag as it is typed, and as it is refused.
#[derive(Clone, Debug)]
struct Flag {
    name: String,
    typed: String,
    refused: Option<String>,
    is_global: bool,
    /// Whether it also runs in pairs: of several possible values, one does that is not the default.
    is_paired: bool,
}

/// A command, such as `hook run`, with its flags.
#[derive(Clone)]
struct Command {
    path: Vec<String>,
    flags: Vec<Flag>,
}

/// All of them.
fn commands() -> Vec<Command> {
    let mut definition = Cli::command();
    definition.build();
    let (mut found, mut open) = (Vec::new(), vec![(Vec::new(), definition)]);
    while let Some((path, command)) = open.pop() {
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        open.extend(below.map(|below| ([&path[..], &[below.get_name().to_owned()]].concat(), below.clone())));
        if !path.is_empty() && !command.is_subcommand_required_set() {
            found.push(Command { path, flags: command.get_arguments().flat_map(flags_of).collect() });
        }
    }
    found
}

/// The flags of an argument: one for each of its possible values.
fn flags_of(arg: &clap::Arg) -> Vec<Flag> {
    let Some(name) = arg.get_long().filter(|name| !["help", "version"].contains(name)) else { return Vec::new() };
    let possible = arg.get_possible_values();
    // Many things depend on whether the output is JSON.
    let is_paired = |value: &&clap::builder::PossibleValue| name != "format" || value.get_name() == "json";
    let paired = possible.iter().rfind(is_paired).map(|value| value.get_name().to_owned());
    let flag = |value: Option<&str>, refused: Option<&str>| Flag {
        name: format!("--{name}"),
        typed: value.map_or_else(|| format!("--{name}"), |value| format!("--{name}={value}")),
        refused: refused.map(|value| format!("--{name}={value}")),
        is_global: arg.is_global_set(),
        is_paired: value.is_none_or(|value| Some(value) == paired.as_deref() || possible.is_empty()),
    };
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return vec![flag(None, None)];
    }
    if possible.is_empty() {
        let row = VALUES.iter().find(|row| row.flag == name).unwrap_or_else(|| panic!("no value for --{name}"));
        return vec![flag(Some(row.valid), Some(row.invalid))];
    }
    possible.iter().map(|value| flag(Some(value.get_name()), None)).collect()
}

impl Command {
    fn is(&self, path: &[&str]) -> bool {
        self.path == path
    }

    /// The arguments that it needs, and the flags without which most pairs would end at a prompt.
    fn needed(&self, typed: &[&str]) -> Vec<&'static str> {
        let has = |name: &str| typed.iter().any(|flag| flag.starts_with(name));
        let mut needed = match self.path[0].as_str() {
            "compare" => vec!["staging", "production"],
            "trace" | "rotate" => vec![KEY],
            "completions" => vec!["bash"],
            _ => Vec::new(),
        };
        if self.path == ["hook", "run"] && !has("--strict") {
            needed.push("--strict");
        }
        if self.ends_with("rotate") && !has("--generate") && !has("--stdin") {
            needed.push("--generate=hex:32");
        }
        // The file has another value.
        if self.path == ["rotate"] && !has("--from") {
            needed.push("--from=worker");
        }
        let asks = ["fix", "undo", "rotate", "pull", "init", "trust"].iter().any(|name| self.ends_with(name));
        if asks && !["--dry-run", "--list", "--yes"].into_iter().any(has) {
            needed.push("--yes");
        }
        needed
    }

    fn ends_with(&self, name: &str) -> bool {
        self.path.last().is_some_and(|last| last == name)
    }

    /// Whether it never changes anything on Railway.
    fn is_read_only(&self) -> bool {
        !["fix", "undo", "rotate"].into_iter().any(|name| self.ends_with(name))
    }

    /// Whether it calls Railway, so that every global flag matters.
    fn calls_railway(&self) -> bool {
        !self.run(&[]).sandbox.sent.borrow().is_empty()
    }

    fn sandbox(&self) -> Sandbox {
        let key = |value| [(KEY, value), ("MODE", "mode-of-the-shop")];
        let old = SimDeployment::serving("2026-11-09T16:20:47.902Z").had(KEY, "older-key-0123456789");
        let held = |name: &str, value| service(name, &key(value)).start("web");
        let staging = Environment::named("staging")
            .service(held("api", "stored-key-0123456789"))
            .service(held("worker", "stored-key-0123456789").deployed(old));
        let production = Environment::named("production").service(held("api", "live-key-0123456789"));
        let project = Project::named("agentverse").environment(staging).environment(production);
        let estate = Estate::of("crew").project(project).with_tokens();
        let [project, environment] = [estate.projects[0].id.clone(), estate.projects[0].environments[1].id.clone()];
        let reach = TokenScope::Project { project, environment };
        let estate = estate.token("production-token-0123456789", reach);
        let sandbox = Sandbox::new(Sim::new(estate)).variable("PRODUCTION_TOKEN", Some("production-token-0123456789"));
        let sandbox = if self.is(&["pull"]) {
            sandbox
        } else {
            sandbox.file(".env", &format!("{KEY}=local-key-0123456789\nMODE=mode-of-the-shop\n"))
        };
        let sandbox = if self.is(&["init"]) { sandbox } else { sandbox.file("doctor.toml", CONFIG) };
        let sandbox = if self.path[0] == "hook" { with_git(sandbox) } else { sandbox };
        if self.is(&["undo"]) {
            let ended = sandbox.run(&["fix", "--push", "--only", KEY, "--yes", "--no-deploy"]);
            assert_eq!(journals(&sandbox), 1, "{ended:?}");
        }
        sandbox
    }

    /// Runs the command with these flags.
    fn run(&self, flags: &[&str]) -> Run {
        let sandbox = self.sandbox();
        let (sent, recorded) = (sandbox.sim.mutations().len(), journals(&sandbox));
        if flags.contains(&"--baseline=known.toml") && !flags.contains(&"--write-baseline") {
            let ended = sandbox.run(&["check", "--baseline=known.toml", "--write-baseline"]);
            assert_eq!(ended.code, 0, "{ended:?}");
        }
        let needed = self.needed(flags);
        let words: Vec<&str> =
            self.path.iter().map(String::as_str).chain(needed).chain(flags.iter().copied()).collect();
        let script = Script::new([PreparedAnswer::Line("new-key-0123456789")]);
        let ended = sandbox.run_asking(&words, &script, &Arc::default());
        agreement::assert_agrees(&words, &ended);
        let line = format!("doctor {}", words.join(" "));
        let mutations = sandbox.mutations().split_off(sent);
        Run { line, ended, mutations, journals: journals(&sandbox) - recorded, sandbox }
    }
}

/// A finished run.
struct Run {
    /// The command line.
    line: String,
    ended: Ended,
    mutations: Vec<String>,
    /// The number of runs that it recorded.
    journals: usize,
    sandbox: Sandbox,
}

impl Run {
    fn has_file(&self, name: &str) -> bool {
        self.sandbox.work().join(name).exists()
    }

    /// What is printed, or written to `--output`.
    fn result(&self) -> String {
        let is_written = self.ended.out.is_empty() && self.has_file("report");
        if is_written { self.sandbox.text("report") } else { self.ended.out.clone() }
    }

    /// Whether the run got as far as a result.
    fn has_result(&self) -> bool {
        ![2, 4].contains(&self.ended.code)
    }
}

/// The number of recorded runs.
fn journals(sandbox: &Sandbox) -> usize {
    let entries = std::fs::read_dir(sandbox.state()).into_iter().flatten();
    entries
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().extension() == Some("journal".as_ref())))
        .count()
}

/// Returns whether the run did what a flag requires, whatever the other flags are.
fn has_effect(command: &Command, flag: &str, run: &Run) -> bool {
    let sends = |operation: &str| run.mutations.iter().any(|mutation| mutation.starts_with(operation));
    let is_pull = command.path == ["pull"];
    let is_created = is_pull && (run.has_file("report") || run.has_file(".env"));
    match flag {
        "--dry-run" | "--list" => run.mutations.is_empty() && run.journals == 0 && !is_created,
        "--no-journal" => run.journals == 0,
        "--no-deploy" => !sends("Redeploy") && !sends("CommitPatch"),
        "--output=report" if run.has_result() && !is_pull => run.has_file("report") && run.ended.out.is_empty(),
        "--format=json" if run.has_result() => serde_json::from_str::<Value>(&run.result()).is_ok(),
        "--format=json" => run.ended.err.lines().any(|line| serde_json::from_str::<Value>(line).is_ok()),
        "--color=never" => !run.ended.out.contains('\u{1b}'),
        "--write-baseline" if run.has_result() => run.has_file("known.toml"),
        "--debug-api=debug.jsonl" if !run.sandbox.sent.borrow().is_empty() => run.has_file("debug.jsonl"),
        "--fail-on=never" if command.is_read_only() => run.ended.code != 1,
        "--show-values" => run.ended.code == 2,
        _ => true,
    }
}

/// Checks a run with flags that are valid.
fn check(command: &Command, flags: &[Flag], run: &Run) -> Result<(), String> {
    let Ended { code, err, .. } = &run.ended;
    if !matches!(code, 0..=4 | 6..=8) {
        return Err("unexpected exit code".to_owned());
    }
    if command.is_read_only() && !run.mutations.is_empty() {
        return Err("a command that only reads changed something".to_owned());
    }
    // It names a flag that is missing, refused or useful, or the value of one. clap names what is missing, but in JSON
    // not the flag that requires it.
    let value = |flag: &Flag| flag.typed.split_once('=').is_some_and(|(_, value)| err.contains(value));
    let is_explained = err.contains("--") || err.contains("required arguments") || flags.iter().any(value);
    if *code == 2 && !is_explained {
        return Err("the error does not name a flag".to_owned());
    }
    match flags.iter().find(|flag| !has_effect(command, &flag.typed, run)) {
        Some(flag) => Err(format!("{} had no effect", flag.typed)),
        None => Ok(()),
    }
}

/// Checks a run in which the value of the first flag is invalid. The second flag may be refused first.
fn check_refused(flags: &[Flag], run: &Run) -> Result<(), String> {
    let (flag, err) = (&flags[0], &run.ended.err);
    if !matches!(run.ended.code, 2 | 4) || !run.mutations.is_empty() {
        return Err(format!("an invalid value of {} was ignored", flag.name));
    }
    let value = flag.refused.as_deref().and_then(|typed| typed.split_once('=')).map_or("", |(_, value)| value);
    let is_named = flags.iter().any(|flag| err.contains(&flag.name)) || !value.is_empty() && err.contains(value);
    // clap names what is missing, but in JSON not the flag that requires it.
    let is_incomplete = err.contains("required arguments were not provided");
    if is_named || is_incomplete { Ok(()) } else { Err(format!("the error does not name {}", flag.name)) }
}

/// A run to check.
struct Job {
    command: Command,
    flags: Vec<Flag>,
    expected: Expected,
}

/// How a run ends.
#[derive(Clone, Copy)]
enum Expected {
    Handled,
    /// The value of the first flag is refused.
    FirstRefused,
}

impl Job {
    fn run(&self) -> Result<(), String> {
        let mut typed: Vec<&str> = self.flags.iter().map(|flag| flag.typed.as_str()).collect();
        if let (Expected::FirstRefused, Some(refused)) = (self.expected, &self.flags[0].refused) {
            typed[0] = refused;
        }
        let run = self.command.run(&typed);
        let checked = match self.expected {
            Expected::Handled => check(&self.command, &self.flags, &run),
            Expected::FirstRefused => check_refused(&self.flags, &run),
        };
        checked.map_err(|what| format!("{what}\n  {}\n  {:?}", run.line, run.ended))
    }
}

/// Runs the jobs on all cores, and fails with every failure.
fn run_all(jobs: &[Job]) {
    let (next, wrong) = (Mutex::new(jobs.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(job) = next.lock().unwrap().next() else { return };
                    let ended = catch_unwind(AssertUnwindSafe(|| job.run()));
                    if let Err(what) = ended.unwrap_or_else(|_| Err("it panicked".to_owned())) {
                        let typed: Vec<&str> = job.flags.iter().map(|flag| flag.typed.as_str()).collect();
                        wrong.lock().unwrap().push(format!("{:?} {typed:?}: {what}", job.command.path));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} runs:\n{}", wrong.len(), jobs.len(), wrong.join("\n"));
}

/// The pairs of different flags of a command, in both orders, of which the first one is wanted.
fn pairs(command: &Command, is_wanted: impl Fn(&Flag) -> bool) -> Vec<[Flag; 2]> {
    let paired = || command.flags.iter().filter(|flag| flag.is_paired);
    let of = |one| paired().filter(move |other: &&Flag| other.name != one).cloned();
    let all = paired().filter(|flag| is_wanted(flag));
    all.flat_map(|one| of(one.name.as_str()).map(|other| [one.clone(), other])).collect()
}

#[test]
fn every_pair_of_flags_works_or_is_refused() {
    let mut jobs = Vec::new();
    for command in commands() {
        let mut flags: Vec<Vec<Flag>> = command.flags.iter().map(|flag| vec![flag.clone()]).collect();
        // The demo runs the same commands. Global flags are independent of each other and of the command.
        let are_wanted = |[one, other]: &[Flag; 2]| {
            command.path[0] != "demo"
                && one.name < other.name
                && (command.path == ["check"] || !one.is_global && !other.is_global)
        };
        let all = pairs(&command, |_| true);
        flags.extend(all.into_iter().filter(are_wanted).map(Vec::from));
        jobs.extend(flags.into_iter().map(|flags| Job {
            command: command.clone(),
            flags,
            expected: Expected::Handled,
        }));
    }
    run_all(&jobs);
}

#[test]
fn invalid_value_of_a_flag_is_never_ignored() {
    let mut jobs = Vec::new();
    for command in commands().into_iter().filter(|command| command.path[0] != "demo") {
        // A login is checked with the typed token alone.
        let needs_target = command.calls_railway() && command.path != ["auth", "login"];
        let is_wanted = |flag: &Flag| flag.refused.is_some() && (needs_target || !flag.is_global);
        let are_wanted = |[flag, other]: &[Flag; 2]| {
            // A list of recorded runs has no target.
            let has_effect = !flag.is_global || other.name != "--list";
            has_effect && (command.path == ["check"] || !other.is_global)
        };
        let job =
            |flags: [Flag; 2]| Job { command: command.clone(), flags: flags.into(), expected: Expected::FirstRefused };
        jobs.extend(pairs(&command, is_wanted).into_iter().filter(are_wanted).map(job));
    }
    run_all(&jobs);
}
