//! `doctor hook`: runs before each commit or push, and manages the hooks that call it.

mod cache_key;
mod install;
mod local_values;
mod run;
mod staged_secrets;

pub(crate) use crate::commands::hook::run::unfinished;

use crate::cli::{GlobalArgs, HookArgs, HookCommand};
use crate::error::{Error, Exit};
use crate::io::world::World;

/// Runs the command that was typed.
pub(crate) fn run(args: &HookArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    match &args.verb {
        HookCommand::Run(args) => run::run(args, global, world),
        HookCommand::Install(args) => install::install(args, world),
        HookCommand::Uninstall => install::uninstall(world),
        HookCommand::Status(args) => install::status(args, world),
    }
}
