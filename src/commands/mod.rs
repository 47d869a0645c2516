//! The commands, one file or directory each, and the steps that they share.
//!
//! `check.rs` shows the steps in their order: session, gathering, analysis, report.

mod analysis;
mod apply;
mod auth;
mod baseline;
mod check;
mod compare;
mod config_file;
mod confirm_trust;
mod connection;
mod debug_api;
mod declarations;
mod demo;
mod env_files;
mod error_output;
mod expectations;
mod explain;
mod fix;
mod gather;
mod hook;
mod id_cache_slot;
mod init;
mod input_files;
mod key_flags;
mod key_value;
mod main_worktree_fixes;
mod man_pages;
mod matrix;
mod missing_env_file;
mod missing_file;
mod output;
mod output_options;
mod planned_changes;
mod policy;
mod project_selection;
pub(crate) mod prompts;
mod protected_environments;
mod pull;
mod read_ahead;
mod rotate;
mod run_limits;
mod service_selection;
mod session;
mod shell_completion;
mod templates;
#[cfg(test)]
mod tests;
mod timeout;
mod trace;
mod trust;
mod undo;
mod write_guards;

use std::ffi::OsString;

use clap::Parser;

use crate::cli::{self, Cli, CliCommand, GlobalArgs, SchemaName};
use crate::error::{Error, Exit};
use crate::io::files;
use crate::io::terminal::status::NoStatus;
use crate::io::world::World;
use crate::report;

/// Runs the command line and returns the exit code.
pub fn run(arguments: &[OsString], world: &mut World<'_>) -> Exit {
    if let Some(exit) = shell_completion::complete(arguments, world) {
        return exit;
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return error_output::usage(&cli::with_tips(error, arguments), arguments, world),
    };
    let (status, interrupt, terminal) = (world.status, world.interrupt, world.terminal);
    if cli.global.quiet {
        world.status = &NoStatus;
    }
    interrupt.set_limits(run_limits::of(&cli.command, world));
    if !matches!(cli.command, CliCommand::Demo(_)) {
        files::clear_abandoned(world.state.as_deref());
    }
    let exit = debug_api::open(&cli, world).and_then(|log| {
        world.debug_log = log;
        dispatch(&cli.command, &cli.global, world)
    });
    debug_api::report_failure(world);
    exit.unwrap_or_else(|error| {
        status.done();
        let error = error_output::with_whole_command(error, arguments, &world.directory);
        if matches!(error, Error::Interrupted) {
            interrupt.announce(&|line| status.print_line(line));
        }
        match cli.command.json_command_name() {
            Some(command) => status.print_line(&error_output::json_line(command, &error)),
            None if matches!(error, Error::Interrupted) => {}
            None => status.print_line(&error_output::lines(&error, terminal)),
        }
        error.exit()
    })
}

fn dispatch(verb: &CliCommand, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    match verb {
        CliCommand::Check(args) => check::run(args, global, world),
        CliCommand::Demo(args) => demo::run(args, global, world),
        CliCommand::Explain(args) => explain::run(args, global, world),
        CliCommand::Fix(args) => fix::run(args, global, world),
        CliCommand::Undo(args) => undo::run(args, global, world),
        CliCommand::Pull(args) => pull::run(args, global, world),
        CliCommand::Init(args) => init::run(args, global, world),
        CliCommand::Trust(args) => trust::run(args, global, world),
        CliCommand::Auth(args) => auth::run(args, global, world),
        CliCommand::Hook(args) => hook::run(args, global, world),
        CliCommand::Schema { of } => world.print(&schema(*of)).map(|()| Exit::Clean),
        CliCommand::Completions { shell } => man_pages::completions(*shell, world),
        CliCommand::Man { verb } => man_pages::man(verb, world),
        CliCommand::Matrix(args) => matrix::run(args, global, world),
        CliCommand::Compare(args) => compare::run([&args.left, &args.right], &args.options, global, world),
        CliCommand::Trace(args) => trace::run(&args.key, &args.options, global, world),
        CliCommand::Rotate(args) => rotate::run(&args.key, &args.options, global, world),
    }
}

fn schema(of: SchemaName) -> String {
    match of {
        SchemaName::Report => report::schema::report(),
        SchemaName::Config => report::schema::config(),
    }
}
