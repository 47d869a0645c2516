//! `doctor hook`: the check before each commit or push, and the commands that manage git hooks.

mod cache_key;
mod install;
mod local_values;
mod run;
mod staged_secrets;
mod unchecked;

pub(crate) use crate::commands::hook::run::unfinished;

use crate::cli::{GlobalArgs, HookArgs, HookCommand};
use crate::error::{Error, Exit};
use crate::io::world::World;

/// Runs the subcommand.
pub(crate) fn run(args: &HookArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    match &args.command {
        HookCommand::Run(args) => run::run(args, global, world),
        HookCommand::Install(args) => install::install(args, world),
        HookCommand::Uninstall => install::uninstall(world),
        HookCommand::Status(args) => install::status(args, world),
    }
}
