//! The verbs, one file each.

mod apply;
mod auth;
mod check;
mod complete;
mod connection;
mod debug_api;
mod declared;
mod demo;
mod expect;
mod explain;
mod fix;
mod hook;
mod init;
mod inputs;
mod keys;
mod layers;
mod limits;
mod locate;
mod manual;
mod matrix;
mod protection;
mod running;
mod scope;
mod target;
mod telling;
#[cfg(test)]
mod tests;
mod trust;
mod undo;
mod visit;
mod writable;

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;
use textwrap::{Options, WordSplitter, fill};

use crate::cli::{self, Cli, Global, SchemaName, Verb};
use crate::error::{Error, Exit};
use crate::outside::files;
use crate::outside::talk::Silence;
use crate::outside::world::{Sort, Terminal, World};
use crate::report::{self, escape, json};

/// Does what was typed and says how it ended.
pub fn run(arguments: &[OsString], world: &mut World<'_>) -> Exit {
    if let Some(exit) = complete::answer(arguments, world) {
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
    interrupt.set_limits(limits::of(&cli.verb, world));
    if !matches!(cli.verb, Verb::Demo(_)) {
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
            interrupt.tell(&|line| talk.say(line));
        }
        match cli.verb.for_programs() {
            Some(command) => talk.say(&for_programs(command, &error)),
            None if matches!(error, Error::Interrupted) => {}
            None => talk.say(&lines(&error, terminal)),
        }
        error.exit()
    })
}

fn dispatch(verb: &Verb, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    match verb {
        Verb::Check(args) => check::run(args, global, world),
        Verb::Demo(args) => demo::run(args, global, world),
        Verb::Explain(args) => explain::run(args, global, world),
        Verb::Fix(args) => fix::run(args, global, world),
        Verb::Undo(args) => undo::run(args, global, world),
        Verb::Init(args) => init::run(args, global, world),
        Verb::Trust(args) => trust::run(args, global, world),
        Verb::Auth(args) => auth::run(args, global, world),
        Verb::Hook(args) => hook::run(args, global, world),
        Verb::Schema { of } => world.print(&schema(*of)).map(|()| Exit::Clean),
        Verb::Completions { shell } => manual::completions(*shell, world),
        Verb::Man { verb } => manual::man(verb, world),
        Verb::Matrix(args) => matrix::run(args, global, world),
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
    lines.extend(error.because().map(|because| broken(&format!("  because: {}", escape::line(&because)))));
    lines.push(format!("  next: {}", escape::line(&error.next())));
    lines.join("\n")
}

/// The same as one line of JSON, for whoever asked for JSON.
fn for_programs(command: &str, error: &Error) -> String {
    json::error::line(&json::error::Told {
        command,
        kind: error.kind(),
        exit_code: error.exit().code(),
        message: &error.to_string(),
        because: error.because().as_deref(),
        next: &error.next(),
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
                world.talk.say(&lines(&error, world.terminal));
                error.exit()
            }
        },
        _ if cli::asks_for_json(arguments) => {
            let plain = error.render().to_string();
            let mut words = plain.lines().map(str::trim).filter(|line| !line.is_empty());
            let message = words.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let because = words.take_while(|line| !line.starts_with("Usage:")).collect::<Vec<_>>().join("; ");
            world.talk.say(&json::error::line(&json::error::Told {
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
            world.talk.say(text(world.terminal.err).trim_end());
            Exit::Usage
        }
    }
}
