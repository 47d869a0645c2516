//! How a run ends that reaches its time limit or needs too much memory while it works, and not while it waits for Railway.

use crate::cli::{HookVerb, Verb};
use crate::command::{for_programs, hook, lines, telling};
use crate::error::Error;
use crate::outside::interrupt::{Ending, Limits};
use crate::outside::world::World;

/// The limits of a command. A time that can't be read is reported by the command itself.
pub(super) fn of(verb: &Verb, world: &World<'_>) -> Limits {
    let timeout = match verb {
        Verb::Check(args) => Some(&args.timeout),
        Verb::Matrix(args) => Some(&args.timeout),
        Verb::Fix(args) => Some(&args.telling.timeout),
        Verb::Undo(args) => Some(&args.telling.timeout),
        Verb::Init(args) => Some(&args.timeout),
        Verb::Hook(args) => match &args.verb {
            HookVerb::Run(args) => Some(&args.timeout),
            _ => None,
        },
        _ => None,
    };
    let time = timeout.and_then(|timeout| telling::duration(timeout).ok());
    let late = Error::Overdue { limit: time.unwrap_or_default() };
    Limits { time, late: ending(verb, &late, world), large: ending(verb, &Error::TooLarge, world) }
}

/// The words and the code of the error, as the command would end with it.
fn ending(verb: &Verb, error: &Error, world: &World<'_>) -> Ending {
    if let Verb::Hook(hook) = verb
        && let HookVerb::Run(args) = &hook.verb
    {
        return hook::unfinished(args, error, world);
    }
    let words = match verb.for_programs() {
        Some(command) => for_programs(command, error),
        None => lines(error, world.terminal),
    };
    Ending { words, exit: error.exit() }
}
