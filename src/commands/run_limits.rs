//! Decides how a run ends that reaches its time limit or needs too much memory while it works, and not while it waits for
//! Railway.

use crate::cli::{CliCommand, HookCommand};
use crate::commands::{for_programs, hook, lines, timeout};
use crate::error::Error;
use crate::io::interrupt::{Limits, RunEnd};
use crate::io::world::World;

/// The limits of a command. A time that can't be read is reported by the command itself.
pub(super) fn of(verb: &CliCommand, world: &World<'_>) -> Limits {
    let typed = match verb {
        CliCommand::Check(args) => Some(&args.timeout),
        CliCommand::Matrix(args) => Some(&args.timeout),
        CliCommand::Fix(args) => Some(&args.timeout),
        CliCommand::Undo(args) => Some(&args.timeout),
        CliCommand::Init(args) => Some(&args.timeout),
        CliCommand::Hook(args) => match &args.verb {
            HookCommand::Run(args) => Some(&args.timeout),
            _ => None,
        },
        _ => None,
    };
    let time = typed.and_then(|typed| timeout::parse(typed).ok());
    let late = Error::Overdue { limit: time.unwrap_or_default() };
    Limits { time, late: ending(verb, &late, world), large: ending(verb, &Error::TooLarge, world) }
}

/// The words and the code of the error, as the command would end with it.
fn ending(verb: &CliCommand, error: &Error, world: &World<'_>) -> RunEnd {
    if let CliCommand::Hook(hook) = verb
        && let HookCommand::Run(args) = &hook.verb
    {
        return hook::unfinished(args, error, world);
    }
    let words = match verb.for_programs() {
        Some(command) => for_programs(command, error),
        None => lines(error, world.terminal),
    };
    RunEnd { words, exit: error.exit() }
}
