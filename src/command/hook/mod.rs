//! `doctor hook`: before each commit.

mod files;
mod look;
mod recent;
mod run;
mod sources;

pub(crate) use crate::command::hook::run::unfinished;

use crate::cli::{Global, Hook, HookVerb};
use crate::error::{Error, Exit};
use crate::outside::world::World;

/// Does what was typed.
pub(crate) fn run(args: &Hook, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    match &args.verb {
        HookVerb::Run(args) => run::run(args, global, world),
        HookVerb::Install(args) => files::install(args, world),
        HookVerb::Uninstall => files::uninstall(world),
        HookVerb::Status(args) => files::status(args, world),
    }
}
