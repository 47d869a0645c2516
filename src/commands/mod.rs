//! The commands, one file or directory each, and the steps that they share.
//!
//! `check.rs` shows the steps in their order: the session, then what is gathered, the analysis, and the report.

mod analysis;
mod apply;
mod auth;
mod check;
mod config_file;
mod connection;
mod debug_api;
mod declarations;
mod demo;
mod env_files;
mod expectations;
mod explain;
mod fix;
mod gather;
mod hook;
mod init;
mod input_files;
mod key_flags;
mod man_pages;
mod matrix;
mod output;
mod output_options;
mod policy;
mod project_selection;
mod protected_environments;
mod run_limits;
mod service_selection;
mod session;
mod shell_completion;
#[cfg(test)]
mod tests;
mod timeout;
mod trust;
mod undo;
mod write_guards;

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;
use textwrap::{Options, WordSplitter, fill};

use crate::cli::{self, Cli, CliCommand, GlobalArgs, SchemaName};
use crate::error::{Error, Exit};
use crate::io::files;
use crate::io::terminal::status::Silence;
use crate::io::terminal::stream::{Sort, Terminal};
use crate::io::world::World;
use crate::report::{self, escape, json};

/// Does what was typed and says how it ended.
pub fn run(arguments: &[OsString], world: &mut World<'_>) -> Exit {
    if let Some(exit) = shell_completion::answer(arguments, world) {
        return exit;
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, arguments, world),
    };
    let (talk, interrupt, terminal) = (world.talk, world.interrupt, world.terminal);
    if cli.global.quiet {
        world.talk = &Silence;
    }
    interrupt.set_limits(run_limits::of(&cli.verb, world));
    if !matches!(cli.verb, CliCommand::Demo(_)) {
        files::clear_abandoned(world.state.as_deref());
    }
    let exit = debug_api::open(&cli, world).and_then(|log| {
        world.debug_log = log;
        dispatch(&cli.verb, &cli.global, world)
    });
    debug_api::report_failure(world);
    exit.unwrap_or_else(|error| {
        talk.done();
        if matches!(error, Error::Interrupted) {
            interrupt.announce(&|line| talk.print_line(line));
        }
        match cli.verb.for_programs() {
            Some(command) => talk.print_line(&for_programs(command, &error)),
            None if matches!(error, Error::Interrupted) => {}
            None => talk.print_line(&lines(&error, terminal)),
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
        CliCommand::Init(args) => init::run(args, global, world),
        CliCommand::Trust(args) => trust::run(args, global, world),
        CliCommand::Auth(args) => auth::run(args, global, world),
        CliCommand::Hook(args) => hook::run(args, global, world),
        CliCommand::Schema { of } => world.print(&schema(*of)).map(|()| Exit::Clean),
        CliCommand::Completions { shell } => man_pages::completions(*shell, world),
        CliCommand::Man { verb } => man_pages::man(verb, world),
        CliCommand::Matrix(args) => matrix::run(args, global, world),
    }
}

fn schema(of: SchemaName) -> String {
    match of {
        SchemaName::Report => report::schema::report(),
        SchemaName::Config => report::schema::config(),
    }
}

/// The three lines of an error. Names from outside are made harmless; the lines themselves are ours. The sentences are
/// broken between words on a terminal; the command to type stays whole, however long.
fn lines(error: &Error, terminal: Terminal) -> String {
    let broken = |text: &str| match terminal.err {
        Sort::Pipe => text.to_owned(),
        Sort::Terminal | Sort::Dumb => fill(text, sentences(terminal.width)),
    };
    let mut lines = vec![broken(&format!("error: {}", escape::line(&error.to_string())))];
    lines.extend(error.cause().map(|because| broken(&format!("  because: {}", escape::line(&because)))));
    lines.push(format!("  next: {}", escape::line(&error.help())));
    lines.join("\n")
}

/// The same as one line of JSON, for whoever asked for JSON.
fn for_programs(command: &str, error: &Error) -> String {
    json::error::line(&json::error::ErrorReport {
        command,
        kind: error.kind(),
        exit_code: error.exit().code(),
        message: &error.to_string(),
        because: error.cause().as_deref(),
        next: &error.help(),
    })
}

/// Below 40 columns a terminal wraps for itself, as in a report; a path longer than a line is left to it, too.
fn sentences(width: usize) -> Options<'static> {
    let options = Options::new(width.max(40)).subsequent_indent("    ");
    options.word_splitter(WordSplitter::NoHyphenation).break_words(false)
}

/// Where clap stops at a mistake or at `--help`, nothing is parsed yet.
fn wants_plain(arguments: &[OsString], world: &World<'_>) -> bool {
    let is_never = |pair: &[OsString]| pair[0] == "--color" && pair[1] == "never";
    let typed = arguments.windows(2).any(is_never) || arguments.iter().any(|word| word == "--color=never");
    typed || (world.variable("NO_COLOR").is_some() && !arguments.iter().any(|word| word == "--color=always"))
}

/// clap's own words: help and version are results, everything else is talk.
fn usage(error: &clap::Error, arguments: &[OsString], world: &mut World<'_>) -> Exit {
    let is_plain = wants_plain(arguments, world);
    // An error quotes what was typed, and a script may have typed what a stranger called a branch.
    let plain = || error.render().to_string().lines().map(escape::line).collect::<Vec<_>>().join("\n");
    let quotes_hidden = || error.render().to_string().chars().any(|letter| letter != '\n' && escape::is_hidden(letter));
    let text = |sort: Sort| match sort {
        Sort::Terminal if !is_plain && !quotes_hidden() => error.render().ansi().to_string(),
        _ => plain() + "\n",
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match world.print(&text(world.terminal.out)) {
            Ok(()) => Exit::Clean,
            Err(error) => {
                world.talk.print_line(&lines(&error, world.terminal));
                error.exit()
            }
        },
        _ if cli::asks_for_json(arguments) => {
            let plain = error.render().to_string();
            let mut words = plain.lines().map(str::trim).filter(|line| !line.is_empty());
            let message = words.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let because = words.take_while(|line| !line.starts_with("Usage:")).collect::<Vec<_>>().join("; ");
            world.talk.print_line(&json::error::line(&json::error::ErrorReport {
                command: "doctor",
                kind: "usage",
                exit_code: Exit::Usage.code(),
                message: &message,
                because: Some(because.as_str()).filter(|because| !because.is_empty()),
                next: "run `doctor --help`, which names verbs and flags",
            }));
            Exit::Usage
        }
        _ => {
            world.talk.print_line(text(world.terminal.err).trim_end());
            Exit::Usage
        }
    }
}
