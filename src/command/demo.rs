//! `doctor demo`: the ordinary verbs in a pretend world, so that the demo can't be truer than the product.

use std::collections::BTreeMap;

use textwrap::{Options, WordSplitter, fill};

use crate::cli::{Check, Demo, DemoVerb, Global};
use crate::command::check;
use crate::error::{Error, Exit};
use crate::outside::railway::wire::Wire;
use crate::outside::sim::Sim;
use crate::outside::sim::seed::incident;
use crate::outside::stage::Stage;
use crate::outside::world::World;

/// Display settings are the user's in the demo too; nothing else of the process environment gets in.
const KEPT: [&str; 3] = ["NO_COLOR", "CLICOLOR_FORCE", "CI"];

const OPENING: &str = "\
This is a pretend Railway inside doctor; nothing of yours is read or written.

Since a key was rotated, the API answers {\"detail\":\"Invalid staging API key\"}.
The new key is in .env. What does Railway have? `doctor check` says:

";

const CLOSING: &str = "
The new key never reached Railway: both services still hold the old one.

  doctor demo check -v          every note in full
  doctor demo check -s worker   one service, named in part
  doctor explain value-differs  what a finding means
  doctor check                  your project, once linked
";

/// Runs a verb in the pretend world; without one, tells the story.
pub(crate) fn run(demo: &Demo, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    refuse_the_users_own(demo, global)?;
    let stage = Stage::set(incident::ENV_FILE, &incident::cli_config)?;
    let railway = Sim::new(incident::estate());
    let variables: BTreeMap<String, String> =
        KEPT.iter().filter_map(|name| Some(((*name).to_owned(), world.variables.get(*name)?.clone()))).collect();
    let mut pretend = World {
        out: &mut *world.out,
        talk: world.talk,
        terminal: world.terminal,
        variables,
        folder: stage.folder(),
        home: Some(stage.home()),
        clock: world.clock,
        connect: &|_| -> Result<Box<dyn Wire>, Error> { Ok(Box::new(railway.clone())) },
        fingerprints: world.fingerprints.clone(),
        program: vec!["doctor".to_owned(), "demo".to_owned()],
    };
    match &demo.verb {
        Some(DemoVerb::Check(args)) => check::run(args, global, &mut pretend),
        Some(DemoVerb::Fix(_)) => Err(crate::command::not_yet("fix")),
        None => {
            pretend.print(&fill(OPENING, wrapping(pretend.terminal.width)))?;
            let exit = check::run(&Check::plain(), global, &mut pretend)?;
            pretend.print(&fill(CLOSING, wrapping(pretend.terminal.width)))?;
            Ok(exit)
        }
    }
}

/// Words are kept whole: commands have hyphens. Below 40 columns a terminal wraps for itself, as in a report.
fn wrapping(width: usize) -> Options<'static> {
    Options::new(width.max(40)).word_splitter(WordSplitter::NoHyphenation)
}

/// The demo has a file, a configuration and a Railway of its own.
fn refuse_the_users_own(demo: &Demo, global: &Global) -> Result<(), Error> {
    let check = match &demo.verb {
        Some(DemoVerb::Check(args)) => Some(args),
        _ => None,
    };
    let flag = if global.api_url.is_some() {
        "--api-url"
    } else if global.config.is_some() {
        "--config"
    } else if check.is_some_and(|args| !args.env_file.is_empty()) {
        "--env-file"
    } else if check.is_some_and(|args| args.output.is_some()) {
        "--output"
    } else {
        return Ok(());
    };
    Err(Error::Flag {
        flag,
        value: "used in the demo".to_owned(),
        why: "the demo reads and writes nothing of yours".to_owned(),
        next: format!("leave {flag} out, or run `doctor check {flag} …` on your own project"),
    })
}
