//! Completions: a shell hands over a half-typed line and is told how it may go on. Names come from the files beside the
//! line: nothing is asked of Railway, no value is told, no token is looked for, and what is wrong with a file is not said.

mod names;
mod partial_line;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, complete};
use clap_complete::env::{Elvish, EnvCompleter, Fish, Zsh};

use crate::cli::Cli;
use crate::commands::shell_completion::names::CompletionNames;
use crate::commands::shell_completion::partial_line::PartialLine;
use crate::error::Exit;
use crate::io::interrupt::{Limits, RunEnd};
use crate::io::process::{COMPLETE, is_half_typed};
use crate::io::world::World;

/// Where a shell says which word the cursor is in: 0-based, the program's own name among them.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

/// How long a shell waits for candidates.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where it says what it wants between two candidates.
const SEPARATOR: &str = "_CLAP_IFS";

/// Answers a shell that asks how the line may go on; `None` where nobody asks. A line that can't go on has no candidates,
/// and neither has a bug: whoever is typing is told of neither.
pub(crate) fn answer(arguments: &[OsString], world: &mut World<'_>) -> Option<Exit> {
    let shell = world.variable(COMPLETE)?.to_owned();
    let [_, _, words @ ..] = arguments else { return None };
    if !is_half_typed(arguments, &shell) {
        return None;
    }
    world.interrupt.set_limits(Limits { time: Some(PATIENCE), late: silence(), large: silence() });
    let text = catch_unwind(AssertUnwindSafe(|| completions(&shell, words, world))).ok().flatten().unwrap_or_default();
    // There is nobody to tell that it could not be written.
    world.print_bytes(&text).map_or(Some(Exit::Clean), |()| Some(Exit::Clean))
}

/// The end of an answer that takes too long: there are no candidates.
fn silence() -> RunEnd {
    RunEnd { words: String::new(), exit: Exit::Clean }
}

/// The candidates in the form that a shell reads.
fn completions(shell: &str, words: &[OsString], world: &World<'_>) -> Option<Vec<u8>> {
    let last = words.len().checked_sub(1)?;
    let index = world.variable(INDEX).and_then(|index| index.parse().ok()).unwrap_or(last);
    let mut text = Vec::new();
    let reader: &dyn EnvCompleter = match shell {
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
    reader.write_complete(&mut command(words, index, world), words.to_vec(), Some(&world.folder), &mut text).ok()?;
    Some(text)
}

/// How the word at that index may go on.
fn candidates(words: &[OsString], index: usize, world: &World<'_>) -> Vec<CompletionCandidate> {
    complete(&mut command(words, index, world), words.to_vec(), index, Some(&world.folder)).unwrap_or_default()
}

fn value(candidate: &CompletionCandidate) -> String {
    candidate.get_value().to_string_lossy().into_owned()
}

/// bash splits `--only=API` into three words, and wants candidates for the third. Without its middle it is `--only API`.
fn rejoined(words: &[OsString], index: usize) -> (Vec<OsString>, usize) {
    let is_middle = |at: usize| {
        let flag = at.checked_sub(1).and_then(|before| words[before].to_str());
        at != index && words[at] == "=" && flag.is_some_and(|flag| flag.starts_with("--"))
    };
    let kept: Vec<usize> = (0..words.len()).filter(|&at| !is_middle(at)).collect();
    let index = index - (0..words.len().min(index)).filter(|&at| is_middle(at)).count();
    (kept.into_iter().map(|at| words[at].clone()).collect(), index)
}

/// The command line, whose flags know names.
fn command(words: &[OsString], index: usize, world: &World<'_>) -> Command {
    let before = &words[..index.min(words.len())];
    let names = Arc::new(CompletionNames { typed: PartialLine::of(words, before), folder: world.folder.clone() });
    with_names(Cli::command(), &names)
}

fn with_names(command: Command, names: &Arc<CompletionNames>) -> Command {
    let command = command.mut_args(|argument| with_candidates(argument, names));
    command.mut_subcommands(|verb| with_names(verb, names))
}

/// One row for each flag whose value is a name.
fn with_candidates(argument: Arg, names: &Arc<CompletionNames>) -> Arg {
    let known: fn(&CompletionNames) -> Vec<CompletionCandidate> = match argument.get_id().as_str() {
        "only" | "allow_reference" | "allow_sealed" | "allow_shared" => CompletionNames::keys,
        "service" => CompletionNames::services,
        "environment" => CompletionNames::environments,
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
