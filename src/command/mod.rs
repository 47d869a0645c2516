//! The verbs, one file each.

mod apply;
mod auth;
mod check;
mod connection;
mod declared;
mod demo;
mod expect;
mod explain;
mod fix;
mod hook;
mod init;
mod layers;
mod locate;
mod manual;
mod matrix;
mod running;
mod scope;
mod target;
mod telling;
#[cfg(test)]
mod tests;
mod trust;
mod undo;
mod visit;

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;
use textwrap::{Options, WordSplitter, fill};

use crate::cli::{Cli, Global, Verb};
use crate::error::{Error, Exit};
use crate::outside::talk::{Silence, Talk};
use crate::outside::world::{Sort, Terminal, World};
use crate::report::escape;

/// Does what was typed and says how it ended.
pub fn run(arguments: &[OsString], world: &mut World<'_>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, wants_plain(arguments, world), world),
    };
    let (talk, interrupt, terminal) = (world.talk, world.interrupt, world.terminal);
    if cli.global.quiet {
        world.talk = &Silence;
    }
    dispatch(&cli.verb, &cli.global, world).unwrap_or_else(|error| {
        talk.done();
        match error {
            Error::Interrupted => interrupt.tell(&|line| talk.say(line)),
            _ => tell(&error, terminal, talk),
        }
        error.exit()
    })
}

fn dispatch(verb: &Verb, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    match verb {
        Verb::Check(args) => check::run(args, global, world),
        Verb::Demo(args) => demo::run(args, global, world),
        Verb::Explain(args) => explain::run(args.rule.as_deref(), global, world),
        Verb::Fix(args) => fix::run(args, global, world),
        Verb::Undo(args) => undo::run(args, global, world),
        Verb::Init(args) => init::run(args, global, world),
        Verb::Trust(args) => trust::run(args, global, world),
        Verb::Auth(args) => auth::run(args, global, world),
        Verb::Hook(args) => hook::run(args, global, world),
        Verb::Completions { shell } => manual::completions(*shell, world),
        Verb::Man { verb } => manual::man(verb, world),
        Verb::Matrix(args) => matrix::run(args, global, world),
    }
}

/// The three lines of an error. Names from outside are made harmless; the lines themselves are ours. The sentences are
/// broken between words on a terminal; the command to type stays whole, however long.
fn tell(error: &Error, terminal: Terminal, talk: &dyn Talk) {
    let broken = |text: &str| match terminal.err {
        Sort::Pipe => text.to_owned(),
        Sort::Terminal | Sort::Dumb => fill(text, sentences(terminal.width)),
    };
    talk.say(&broken(&format!("error: {}", escape::line(&error.to_string()))));
    if let Some(because) = error.because() {
        talk.say(&broken(&format!("  because: {}", escape::line(&because))));
    }
    talk.say(&format!("  next: {}", escape::line(&error.next())));
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
fn usage(error: &clap::Error, is_plain: bool, world: &mut World<'_>) -> Exit {
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
                tell(&error, world.terminal, world.talk);
                error.exit()
            }
        },
        _ => {
            world.talk.say(text(world.terminal.err).trim_end());
            Exit::Usage
        }
    }
}
