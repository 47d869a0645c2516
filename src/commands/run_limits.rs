//! The limits on time and memory of each command, and how a run ends that reaches one of them while it is not waiting
//! for Railway.

use crate::cli::{CliCommand, HookCommand};
use crate::commands::{error_output, hook, timeout};
use crate::error::Error;
use crate::io::interrupt::{Limits, RunEnd};
use crate::io::world::World;

/// Returns the limits of a command. An invalid duration is reported by the command itself.
pub(super) fn of(verb: &CliCommand, world: &World<'_>) -> Limits {
    let typed = match verb {
        CliCommand::Check(args) => Some(args.timeout.as_str()),
        CliCommand::Matrix(args) => Some(args.timeout.as_str()),
        CliCommand::Compare(args) => Some(args.options.timeout.as_str()),
        CliCommand::Trace(args) => Some(args.options.time_limit()),
        CliCommand::Rotate(args) => Some(args.options.timeout.as_str()),
        CliCommand::Fix(args) => Some(args.timeout.as_str()),
        CliCommand::Undo(args) => Some(args.timeout.as_str()),
        CliCommand::Pull(args) => Some(args.timeout.as_str()),
        CliCommand::Init(args) => Some(args.timeout.as_str()),
        CliCommand::Hook(args) => match &args.command {
            HookCommand::Run(args) => Some(args.timeout.as_str()),
            _ => None,
        },
        _ => None,
    };
    let time = typed.and_then(|typed| timeout::parse(typed).ok());
    let late = Error::Overdue { limit: time.unwrap_or_default() };
    Limits { time, late: ending(verb, &late, world), large: ending(verb, &Error::TooLarge, world) }
}

/// Returns the text and the exit code of the error, as the command itself would report it.
fn ending(verb: &CliCommand, error: &Error, world: &World<'_>) -> RunEnd {
    if let CliCommand::Hook(hook) = verb
        && let HookCommand::Run(args) = &hook.command
    {
        return hook::unfinished(args, error, world);
    }
    let words = match verb.json_command_name() {
        Some(command) => error_output::json_line(command, error),
        None => error_output::lines(error, world.terminal),
    };
    RunEnd { message: words, exit: error.exit() }
}
