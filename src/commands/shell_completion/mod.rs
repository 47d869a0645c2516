//! Shell completions: a shell passes an incomplete line and reads candidates for the next word. Names come from local
//! files. Completion sends no requests, prints no values, reads no tokens, and ignores invalid files.

mod names;
mod partial_line;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory};
use clap_complete::engine::{self, ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Elvish, EnvCompleter, Fish, Zsh};

use crate::cli::Cli;
use crate::commands::shell_completion::names::CompletionNames;
use crate::commands::shell_completion::partial_line::PartialLine;
use crate::error::Exit;
use crate::io::interrupt::{Limits, RunEnd};
use crate::io::process::{COMPLETE, is_half_typed};
use crate::io::world::World;

/// The variable with the index of the word at the cursor; index 0 is the name of the program.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

/// The time limit of a completion.
const TIME_LIMIT: Duration = Duration::from_secs(1);

/// The variable with the separator between candidates.
const SEPARATOR: &str = "_CLAP_IFS";

/// Prints candidates if a shell requests a completion; returns `None` otherwise. An error produces neither candidates
/// nor messages: a message would appear in the middle of the user's line.
pub(crate) fn complete(arguments: &[OsString], world: &mut World<'_>) -> Option<Exit> {
    let shell = world.variable(COMPLETE)?.to_owned();
    let [_, _, words @ ..] = arguments else { return None };
    if !is_half_typed(arguments, &shell) {
        return None;
    }
    world.interrupt.set_limits(Limits { time: Some(TIME_LIMIT), late: no_candidates(), large: no_candidates() });
    let text = completions(&shell, words, world).unwrap_or_default();
    // A write error can't be reported.
    world.print_bytes(&text).map_or(Some(Exit::Clean), |()| Some(Exit::Clean))
}

/// Returns the end of a completion that reaches a limit: no candidates and no message.
fn no_candidates() -> RunEnd {
    RunEnd { message: String::new(), exit: Exit::Clean }
}

/// Returns the candidates in the format of the shell.
fn completions(shell: &str, words: &[OsString], world: &World<'_>) -> Option<Vec<u8>> {
    let last = words.len().checked_sub(1)?;
    let index = world.variable(INDEX).and_then(|index| index.parse().ok()).unwrap_or(last);
    let mut text = Vec::new();
    let completer: &dyn EnvCompleter = match shell {
        "zsh" => &Zsh,
        "elvish" => &Elvish,
        "fish" => &Fish,
        "bash" => {
            let (words, index) = rejoined(words, index);
            let separator = world.variable(SEPARATOR).unwrap_or("\n");
            let values: Vec<String> = candidates(&words, index, world).iter().map(value).collect();
            return Some(values.join(separator).into_bytes());
        }
        _ => return None,
    };
    completer
        .write_complete(&mut command(words, index, world), words.to_vec(), Some(&world.directory), &mut text)
        .ok()?;
    Some(text)
}

/// Returns the candidates for the word at that index.
fn candidates(words: &[OsString], index: usize, world: &World<'_>) -> Vec<CompletionCandidate> {
    engine::complete(&mut command(words, index, world), words.to_vec(), index, Some(&world.directory))
        .unwrap_or_default()
}

fn value(candidate: &CompletionCandidate) -> String {
    candidate.get_value().to_string_lossy().into_owned()
}

/// bash splits `--only=API` into three words and completes the third. Without the `=`, the words are `--only API`.
fn rejoined(words: &[OsString], index: usize) -> (Vec<OsString>, usize) {
    let is_middle = |at: usize| {
        let flag = at.checked_sub(1).and_then(|before| words[before].to_str());
        at != index && words[at] == "=" && flag.is_some_and(|flag| flag.starts_with("--"))
    };
    let kept: Vec<usize> = (0..words.len()).filter(|&at| !is_middle(at)).collect();
    let index = index - (0..words.len().min(index)).filter(|&at| is_middle(at)).count();
    (kept.into_iter().map(|at| words[at].clone()).collect(), index)
}

/// Returns the command line, with candidates for the values of flags.
fn command(words: &[OsString], index: usize, world: &World<'_>) -> Command {
    let before = &words[..index.min(words.len())];
    let names = Arc::new(CompletionNames {
        typed: PartialLine::of(words, before),
        folder: world.directory.clone(),
        variables: world.variables.keys().cloned().collect(),
    });
    with_names(Cli::command(), &names)
}

fn with_names(command: Command, names: &Arc<CompletionNames>) -> Command {
    let command = command.mut_args(|argument| with_candidates(argument, names));
    command.mut_subcommands(|verb| with_names(verb, names))
}

/// Adds candidates to an argument whose value is a name, or contains one.
fn with_candidates(argument: Arg, names: &Arc<CompletionNames>) -> Arg {
    let known: fn(&CompletionNames) -> Vec<CompletionCandidate> = match argument.get_id().as_str() {
        "key" | "only" | "hoist" | "allow_reference" | "allow_sealed" | "allow_shared" => CompletionNames::keys,
        "service" | "from" => CompletionNames::services,
        "generate" => CompletionNames::generators,
        "environment" | "left" => CompletionNames::environments,
        "right" => CompletionNames::other_environments,
        "token" => CompletionNames::tokens,
        "rule" => CompletionNames::rules,
        "verb" => CompletionNames::verbs,
        "env_file" | "config" | "output" => {
            let names = Arc::clone(names);
            return argument.add(ArgValueCompleter::new(move |typed: &std::ffi::OsStr| names.files(typed)));
        }
        _ => return argument,
    };
    let names = Arc::clone(names);
    argument.add(ArgValueCandidates::new(move || known(&names)))
}
