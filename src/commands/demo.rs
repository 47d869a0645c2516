//! `doctor demo`: runs the real commands against a simulated Railway, so that the demo cannot drift from the product.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, FromArgMatches};
use jiff::Timestamp;
use textwrap::{Options, WordSplitter, fill};

use crate::cli::{self, DemoArgs, DemoCommand, DemoRotateArgs, DemoTraceArgs, GlobalArgs};
use crate::commands::{check, compare, fix, matrix, pull, rotate, trace, undo};
use crate::error::{Error, Exit, Help};
use crate::io::clock::Clock;
use crate::io::credentials::keyring;
use crate::io::demo_dir::DemoDir;
use crate::io::interrupt::Interrupt;
use crate::io::railway::transport::Transport;
use crate::io::sim::Sim;
use crate::io::sim::estate::Estate;
use crate::io::sim::seed::{incident, rotation, storefront};
use crate::io::terminal::status::NoStatus;
use crate::io::terminal::stream::Terminal;
use crate::io::world::{World, WorldLifetime};
use crate::report::shell_command;

/// Returns the fix that the demo runs.
fn fix_arguments() -> Vec<String> {
    let arguments =
        ["fix", "--push", "--yes", "--start-command", &incident::start_command_with_beat(), "--service", "worker"];
    arguments.map(str::to_owned).into()
}

/// Display settings, the only variables that the demo inherits from the process environment.
const DISPLAY_VARIABLES: [&str; 3] = ["NO_COLOR", "CLICOLOR_FORCE", "CI"];

const OPENING: &str = "\
This demo runs on a Railway simulated inside doctor. It does not touch your files or your projects.

An API key was rotated. Now the API responds with {\"detail\":\"Invalid staging API key\"}, and the worker no longer \
runs its scheduled jobs. The new key is in .env. Compare it with the stored and the running values:

  doctor demo check

";

const FIXING: &str = "
The new key was never pushed to Railway. The worker runs with an even older key, and without -B. One command pushes \
the keys that doctor.toml requires to both services, sets the start command, deploys each service once, and verifies \
the result:

";

const CLOSING: &str = "
Both services now run with the new key, the worker runs its scheduled jobs, and the API accepts the key. \
A check would now exit with 0.

Try it yourself:

  doctor demo fix               choose fixes, review the plan, apply it
  doctor demo undo              undo the fix above
  doctor demo check -v          show the details of every note
  doctor demo check -s worker   check one service, by its alias
  doctor explain start-command  explain a finding
  doctor check                  check your own project, once it is linked
";

/// Returns the rotation that the demo runs.
fn rotate_arguments() -> Vec<String> {
    ["rotate", "--generate", "alnum:40", "--all-copies", "--yes"].map(str::to_owned).into()
}

const LEAKED: &str = "\
This demo runs on a Railway simulated inside doctor. It does not touch your files or your projects.

STAGING_OPS_API_KEY was pasted into a public chat, so it must be replaced. Find out where its value is used:

  doctor demo trace

";

const ROTATING: &str = "
Three services have the value under that key. The other copies are easily forgotten: under another key, in a URL, in a \
header, in JSON, and in a shared variable that another service references. One command generates a new value, replaces \
every copy, deploys each service once, verifies the result, and traces the old value again:

";

const ROTATED: &str = "
The old value is neither stored nor running in this environment any more, so it can be revoked.

Try it yourself:

  doctor demo rotate --generate uuid --dry-run  show the plan only
  doctor demo rotate --generate uuid            leave the other copies
  doctor demo rotate --all-copies               type the new value
  doctor demo trace -v                          list the sealed variables
  doctor trace KEY                              search your own project

In your own project, `doctor rotate KEY` replaces a value, and `doctor undo` restores it. In the demo, each command \
starts from the same state.
";

/// Runs a command on the simulated Railway; without a command, runs the guided tour.
pub(crate) fn run(demo: &DemoArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    refuse_user_paths(demo, global)?;
    let DemoProject { files, cli_config, estate } = DemoProject::of(demo.verb.as_ref());
    let demo_dir = DemoDir::set(&files, cli_config)?;
    let railway = Sim::new(estate);
    let inherited = |name: &&str| Some(((*name).to_owned(), world.variables.get(*name)?.clone()));
    let variables: BTreeMap<String, String> = DISPLAY_VARIABLES.iter().filter_map(inherited).collect();
    let fast_clock = FastClock { clock: world.clock, started: Cell::default() };
    let keyring = keyring::InMemoryKeyring::default();
    let mut demo_world = World {
        out: &mut *world.out,
        status: world.status,
        prompt: world.prompt,
        interrupt: world.interrupt,
        // The simulated project has no page in Railway's dashboard.
        terminal: Terminal { links: false, ..world.terminal },
        variables,
        directory: demo_dir.folder(),
        home: Some(demo_dir.home()),
        state: Some(demo_dir.state()),
        cache: None,
        memory: WorldLifetime::OfThisRun,
        keyring: &keyring,
        clock: &fast_clock,
        connect: &|_| -> Result<Box<dyn Transport>, Error> { Ok(Box::new(railway.clone())) },
        probe: &railway,
        debug_log: world.debug_log.clone(),
        fingerprints: world.fingerprints.clone(),
        program: vec!["doctor".to_owned(), "demo".to_owned()],
    };
    dispatch(demo.verb.as_ref(), global, &fast_clock, &mut demo_world).map_err(with_demo_command)
}

fn dispatch(
    verb: Option<&DemoCommand>,
    global: &GlobalArgs,
    clock: &FastClock<'_>,
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    match verb {
        Some(DemoCommand::Check(args)) => check::run(args, global, world),
        Some(DemoCommand::Fix(args)) => fix::run(args, global, world),
        Some(DemoCommand::Matrix(args)) => matrix::run(args, global, world),
        Some(DemoCommand::Compare(args)) => compare::run([&args.left, &args.right], &args.options, global, world),
        Some(DemoCommand::Trace(args)) => trace::run(&args.key, &args.options, global, world),
        Some(DemoCommand::Rotate(args)) if is_default(args) => rotation_tour(global, clock, world),
        Some(DemoCommand::Rotate(args)) => rotate::run(&args.key, &args.options, global, world),
        Some(DemoCommand::Pull(args)) => pull::run(args, global, world),
        Some(DemoCommand::Undo(args)) => {
            fix_demo(global, world)?;
            undo::run(args, global, world)
        }
        None => tour(global, clock, world),
    }
}

/// The simulated project of a command, and the files of its directory.
struct DemoProject {
    files: Vec<(&'static str, &'static str)>,
    /// Returns the Railway CLI's file for the directory.
    cli_config: &'static dyn Fn(&Path) -> String,
    estate: Estate,
}

impl DemoProject {
    /// Returns the project with two environments for `compare`, the one with copies of the key for `trace` and `rotate`,
    /// and the incident for every other command.
    fn of(verb: Option<&DemoCommand>) -> Self {
        let config = ("doctor.toml", incident::CONFIG_FILE);
        let files = match verb {
            Some(DemoCommand::Compare(_)) => {
                let files = vec![("doctor.toml", storefront::CONFIG_FILE)];
                return Self { files, cli_config: &storefront::cli_config, estate: storefront::estate() };
            }
            Some(DemoCommand::Pull(_)) => vec![(".env.example", incident::TEMPLATE), config],
            _ => vec![(".env", incident::ENV_FILE), config],
        };
        let estate = match verb {
            Some(DemoCommand::Trace(_) | DemoCommand::Rotate(_)) => rotation::estate(),
            _ => incident::estate(),
        };
        Self { files, cli_config: &incident::cli_config, estate }
    }
}

/// Makes the command in the help of an error one of the demo: not every module that returns errors knows the program.
fn with_demo_command(mut error: Error) -> Error {
    for command in error.help_mut().into_iter().flat_map(|help| &mut help.commands) {
        if let Some(in_demo) = cli::in_demo(command) {
            *command = in_demo;
        }
    }
    error
}

/// Checks, then fixes the incident.
fn tour(global: &GlobalArgs, clock: &FastClock<'_>, world: &mut World<'_>) -> Result<Exit, Error> {
    print_wrapped(world, OPENING)?;
    check::run(&parsed(&["check".to_owned()]), global, world)?;
    print_wrapped(world, FIXING)?;
    print_command(world, &fix_arguments())?;
    clock.begin();
    let exit = fix::run(&parsed(&fix_arguments()), global, world)?;
    if exit != Exit::Interrupted {
        print_wrapped(world, CLOSING)?;
    }
    Ok(exit)
}

/// Traces the leaked key, then rotates it.
fn rotation_tour(global: &GlobalArgs, clock: &FastClock<'_>, world: &mut World<'_>) -> Result<Exit, Error> {
    print_wrapped(world, LEAKED)?;
    let traced: DemoTraceArgs = parsed(&["trace".to_owned()]);
    trace::run(&traced.key, &traced.options, global, world)?;
    print_wrapped(world, ROTATING)?;
    print_command(world, &rotate_arguments())?;
    clock.begin();
    let rotated: DemoRotateArgs = parsed(&rotate_arguments());
    let exit = rotate::run(&rotated.key, &rotated.options, global, world)?;
    if exit == Exit::Clean {
        print_wrapped(world, ROTATED)?;
    }
    Ok(exit)
}

/// Returns whether only the command was typed, or the key that it has by default.
fn is_default(args: &DemoRotateArgs) -> bool {
    format!("{args:?}") == format!("{:?}", parsed::<DemoRotateArgs>(&["rotate".to_owned()]))
}

fn print_wrapped(world: &mut World<'_>, text: &str) -> Result<(), Error> {
    let width = world.terminal.width;
    world.print(&fill(text, wrapping(width)))
}

/// Prints a command that is not wrapped, so that it can be copied.
fn print_command(world: &mut World<'_>, arguments: &[String]) -> Result<(), Error> {
    world.print(&format!("  {}\n\n", shell_command::line(&[world.program.clone(), arguments.to_vec()].concat())))
}

/// Runs the fix that `demo undo` undoes, and discards its output.
fn fix_demo(global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let (mut sink, silence) = (std::io::sink(), NoStatus);
    // Ctrl-C must not report changes that the user did not make.
    let interrupt = Interrupt::default();
    let mut quiet = World {
        out: &mut sink,
        status: &silence,
        prompt: world.prompt,
        interrupt: &interrupt,
        terminal: world.terminal,
        variables: world.variables.clone(),
        directory: world.directory.clone(),
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
    fix::run(&parsed(&fix_arguments()), global, &mut quiet)
}

/// Parses the arguments of a command that the demo runs.
fn parsed<T: Args + FromArgMatches>(arguments: &[String]) -> T {
    let matches = T::augment_args(clap::Command::new("demo")).get_matches_from(arguments);
    T::from_arg_matches(&matches).expect("the demo's own arguments are valid")
}

/// Shortens waits: a simulated deployment takes one second, and is reported as the ten that a real one takes.
struct FastClock<'c> {
    clock: &'c dyn Clock,
    /// When the current command of the tour started. Each command has its own time limit.
    started: Cell<Duration>,
}

impl FastClock<'_> {
    fn begin(&self) {
        self.started.set(self.clock.elapsed());
    }
}

/// How much faster time passes in the demo.
const SPEEDUP: u32 = 10;

impl Clock for FastClock<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.started.get()) * SPEEDUP
    }

    fn sleep(&self, time: Duration) {
        self.clock.sleep(time / SPEEDUP);
    }
}

/// Never splits at hyphens, because commands contain them. Below 40 columns the terminal wraps, as in a report.
fn wrapping(width: usize) -> Options<'static> {
    Options::new(width.max(40)).word_splitter(WordSplitter::NoHyphenation)
}

/// Refuses flags that name files or a server of the user: the demo brings its own.
fn refuse_user_paths(demo: &DemoArgs, global: &GlobalArgs) -> Result<(), Error> {
    let (env_file, output): (&[PathBuf], _) = match &demo.verb {
        Some(DemoCommand::Check(args)) => (&args.files.env_file, &args.output.file),
        Some(DemoCommand::Fix(args)) => (&args.files.env_file, &args.output.file),
        Some(DemoCommand::Matrix(args)) => (&args.files.env_file, &args.output.file),
        Some(DemoCommand::Compare(args)) => (&[], &args.options.output.file),
        Some(DemoCommand::Trace(args)) => (&args.options.files.env_file, &args.options.report.file),
        Some(DemoCommand::Rotate(args)) => (&args.options.files.env_file, &args.options.report.file),
        Some(DemoCommand::Undo(args)) => (&[], &args.output.file),
        Some(DemoCommand::Pull(args)) => (&[], &args.output),
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
    } else if matches!(&demo.verb, Some(DemoCommand::Check(args)) if args.baseline.file.is_some()) {
        "--baseline"
    } else if matches!(&demo.verb, Some(DemoCommand::Compare(args)) if !args.options.token.is_empty()) {
        "--token"
    } else {
        return Ok(());
    };
    Err(Error::Usage {
        what: format!("{flag} is not available in the demo"),
        cause: Some("the demo does not read or write your files".to_owned()),
        help: Help::command(format!("remove {flag}, or check your own project:"), "doctor check"),
    })
}
