//! `doctor demo`: runs the ordinary commands on a simulated Railway, so that the demo can't differ from the product.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use jiff::Timestamp;
use textwrap::{Options, WordSplitter, fill};

use crate::cli::{DemoArgs, DemoCommand, GlobalArgs};
use crate::commands::{check, fix, matrix, undo};
use crate::error::{Error, Exit};
use crate::io::clock::Clock;
use crate::io::credentials::keyring;
use crate::io::demo_dir::DemoDir;
use crate::io::railway::transport::Transport;
use crate::io::sim::Sim;
use crate::io::sim::seed::incident;
use crate::io::terminal::status::Silence;
use crate::io::terminal::stream::Terminal;
use crate::io::world::{World, WorldLifetime};
use crate::report::shell_command;

/// The fix that the story types.
fn fix_arguments() -> Vec<String> {
    let words =
        ["fix", "--push", "--yes", "--start-command", &incident::start_command_with_beat(), "--service", "worker"];
    words.map(str::to_owned).into()
}

/// Display settings are the user's in the demo too; nothing else of the process environment gets in.
const KEPT: [&str; 3] = ["NO_COLOR", "CLICOLOR_FORCE", "CI"];

const OPENING: &str = "\
This is a pretend Railway inside doctor; nothing of yours is read or written.

Since a key was rotated, the API answers {\"detail\":\"Invalid staging API key\"}, and the worker's schedule stands still. \
The new key is in .env. What do Railway and the running services have? `doctor check` says:

";

const FIXING: &str = "
The new key never reached Railway, and the worker runs with an even older one and without -B. One command stores what \
doctor.toml requires on both services, sets the start command, deploys each service once, and verifies the result:

";

const CLOSING: &str = "
The values are right, stored and running; the worker runs its schedule, and the API answers. `doctor check` now ends with 0.

Try it yourself:

  doctor demo fix               choose, see the plan, say yes
  doctor demo undo              put back what the fix above changed
  doctor demo check -v          every note in full
  doctor demo check -s worker   one service, by its alias
  doctor explain start-command  what a finding means
  doctor check                  your project, once linked
";

/// Runs a verb in the pretend world; without one, tells the story.
pub(crate) fn run(demo: &DemoArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    refuse_the_users_own(demo, global)?;
    let stage = DemoDir::set(incident::ENV_FILE, incident::CONFIG_FILE, &incident::cli_config)?;
    let railway = Sim::new(incident::estate());
    let variables: BTreeMap<String, String> =
        KEPT.iter().filter_map(|name| Some(((*name).to_owned(), world.variables.get(*name)?.clone()))).collect();
    let hurried = FastClock { clock: world.clock, began: Cell::default() };
    let keyring = keyring::InMemoryKeyring::default();
    let mut pretend = World {
        out: &mut *world.out,
        talk: world.talk,
        ask: world.ask,
        interrupt: world.interrupt,
        // Nothing of the pretend project has a page at Railway.
        terminal: Terminal { links: false, ..world.terminal },
        variables,
        folder: stage.folder(),
        home: Some(stage.home()),
        state: Some(stage.state()),
        cache: None,
        memory: WorldLifetime::OfThisRun,
        keyring: &keyring,
        clock: &hurried,
        connect: &|_| -> Result<Box<dyn Transport>, Error> { Ok(Box::new(railway.clone())) },
        probe: &railway,
        debug_log: world.debug_log.clone(),
        fingerprints: world.fingerprints.clone(),
        program: vec!["doctor".to_owned(), "demo".to_owned()],
    };
    match &demo.verb {
        Some(DemoCommand::Check(args)) => check::run(args, global, &mut pretend),
        Some(DemoCommand::Fix(args)) => fix::run(args, global, &mut pretend),
        Some(DemoCommand::Matrix(args)) => matrix::run(args, global, &mut pretend),
        Some(DemoCommand::Undo(args)) => {
            let exit = fix_demo(global, &mut pretend)?;
            if exit == Exit::Interrupted { Ok(exit) } else { undo::run(args, global, &mut pretend) }
        }
        None => story(global, &hurried, &mut pretend),
    }
}

/// Check and fix: what a day with the incident is like.
fn story(global: &GlobalArgs, clock: &FastClock<'_>, world: &mut World<'_>) -> Result<Exit, Error> {
    let width = world.terminal.width;
    let tell = |world: &mut World<'_>, text: &str| world.print(&fill(text, wrapping(width)));
    tell(world, OPENING)?;
    check::run(&typed(&["check".to_owned()]), global, world)?;
    tell(world, FIXING)?;
    // Not broken, so that it can be copied.
    world.print(&format!("  doctor {}\n\n", shell_command::line(&fix_arguments())))?;
    clock.begin();
    let exit = fix::run(&typed(&fix_arguments()), global, world)?;
    if exit != Exit::Interrupted {
        tell(world, CLOSING)?;
    }
    Ok(exit)
}

/// The fix that `demo undo` puts back, without a word.
fn fix_demo(global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let (mut nowhere, silence) = (std::io::sink(), Silence);
    let mut quiet = World {
        out: &mut nowhere,
        talk: &silence,
        ask: world.ask,
        interrupt: world.interrupt,
        terminal: world.terminal,
        variables: world.variables.clone(),
        folder: world.folder.clone(),
        home: world.home.clone(),
        state: world.state.clone(),
        cache: None,
        memory: world.memory,
        keyring: world.keyring,
        clock: world.clock,
        connect: world.connect,
        probe: world.probe,
        debug_log: world.debug_log.clone(),
        fingerprints: world.fingerprints.clone(),
        program: world.program.clone(),
    };
    fix::run(&typed(&fix_arguments()), global, &mut quiet)
}

/// What the story types.
fn typed<T: Args + FromArgMatches>(words: &[String]) -> T {
    let arguments = T::augment_args(clap::Command::new("demo")).get_matches_from(words);
    T::from_arg_matches(&arguments).expect("the story types what the verbs take")
}

/// Waiting is shortened: a pretend deployment takes a second, and is told as the ten that a real one takes.
struct FastClock<'c> {
    clock: &'c dyn Clock,
    /// When the verb of the story that is being told began: each has a time limit of its own.
    began: Cell<Duration>,
}

impl FastClock<'_> {
    fn begin(&self) {
        self.began.set(self.clock.elapsed());
    }
}

/// How much faster the pretend world's time goes.
const HURRY: u32 = 10;

impl Clock for FastClock<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.began.get()) * HURRY
    }

    fn sleep(&self, time: Duration) {
        self.clock.sleep(time / HURRY);
    }
}

/// Words are kept whole: commands have hyphens. Below 40 columns a terminal wraps for itself, as in a report.
fn wrapping(width: usize) -> Options<'static> {
    Options::new(width.max(40)).word_splitter(WordSplitter::NoHyphenation)
}

/// The demo has a file, a configuration and a Railway of its own.
fn refuse_the_users_own(demo: &DemoArgs, global: &GlobalArgs) -> Result<(), Error> {
    let (env_file, output): (&[PathBuf], _) = match &demo.verb {
        Some(DemoCommand::Check(args)) => (&args.files.env_file, &args.output.file),
        Some(DemoCommand::Fix(args)) => (&args.files.env_file, &args.output.file),
        Some(DemoCommand::Matrix(args)) => (&args.files.env_file, &args.output.file),
        Some(DemoCommand::Undo(args)) => (&[], &args.output.file),
        None => (&[], &None),
    };
    let flag = if global.api_url.is_some() {
        "--api-url"
    } else if global.config.is_some() {
        "--config"
    } else if !env_file.is_empty() {
        "--env-file"
    } else if output.is_some() {
        "--output"
    } else {
        return Ok(());
    };
    Err(Error::Flag {
        flag,
        value: "used in the demo".to_owned(),
        cause: "the demo reads and writes nothing of yours".to_owned(),
        help: format!("leave {flag} out, or run `doctor check {flag} …` on your own project"),
    })
}
