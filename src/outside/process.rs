//! The real world: this process's streams, environment, folders and signals.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;

use ring::rand::{SecureRandom, SystemRandom};

use crate::drift::secret::FingerprintKey;
use crate::error::{Error, Exit};
use crate::outside::clock::SystemClock;
use crate::outside::railway::http::Http;
use crate::outside::railway::wire::Wire;
use crate::outside::talk::{Stream, Talk, Watched};
use crate::outside::world::{Sort, Terminal, World};

/// The width that a report is laid out for where there is no terminal to ask.
const WIDTH_WITHOUT_TERMINAL: usize = 80;

/// Runs `doctor` in the real world.
pub fn run(command: impl FnOnce(&[OsString], &mut World<'_>) -> Exit) -> ExitCode {
    panic::set_hook(Box::new(|panic| eprintln(&panic_message(panic.location()))));
    let interrupted = ctrlc::set_handler(interrupt);
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let clock = SystemClock::start();
    let (mut out, mut err) = (io::stdout().lock(), io::stderr());
    let terminal = terminal();
    let watched = if terminal.err == Sort::Terminal { Watched::Terminal } else { Watched::No };
    let talk = Stream::new(&mut err, watched);
    if let Err(error) = interrupted {
        talk.say(&format!("doctor: Ctrl-C will not be answered in words: {error}"));
    }
    let mut bytes = [0; 32];
    let Ok(folder) = std::env::current_dir() else {
        talk.say("error: the working folder is gone\n  next: cd into a folder that exists");
        return Exit::Usage.code().into();
    };
    if SystemRandom::new().fill(&mut bytes).is_err() {
        talk.say("error: the system gives no random bytes\n  next: check /dev/urandom");
        return Exit::Usage.code().into();
    }
    let mut world = World {
        out: &mut out,
        talk: &talk,
        terminal,
        variables: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        folder,
        home: std::env::home_dir().filter(|home| home != &PathBuf::new()),
        clock: &clock,
        connect: &|endpoint| -> Result<Box<dyn Wire>, Error> { Ok(Box::new(Http::new(endpoint.clone())?)) },
        fingerprints: FingerprintKey::new(&bytes),
        program: vec!["doctor".to_owned()],
    };
    command(&arguments, &mut world).code().into()
}

fn terminal() -> Terminal {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let sort = |terminal: bool| match (terminal, dumb) {
        (true, false) => Sort::Terminal,
        (true, true) => Sort::Dumb,
        (false, _) => Sort::Pipe,
    };
    let width = terminal_size::terminal_size().map_or(WIDTH_WITHOUT_TERMINAL, |(width, _)| usize::from(width.0));
    Terminal { out: sort(io::stdout().is_terminal()), err: sort(io::stderr().is_terminal()), width }
}

/// What a bug looks like. The panic's own text stays unsaid: it may quote the string that was being cut.
pub fn panic_message(location: Option<&panic::Location<'_>>) -> String {
    let place =
        location.map_or_else(|| "an unknown place".to_owned(), |place| format!("{}:{}", place.file(), place.line()));
    format!(
        "error: doctor has a bug at {place}\n  because: something that can't be was\n  next: report it with this line and \
         the command that you typed"
    )
}

/// Ctrl-C: a clean line, a word, and the exit code of an interrupted run. `check` has nothing to undo.
#[expect(clippy::exit, reason = "the main thread may be deep in a wait that nothing else ends")]
fn interrupt() {
    let clear = if io::stderr().is_terminal() { "\r\u{1b}[2K\u{1b}[?25h" } else { "" };
    eprintln(&format!("{clear}doctor: interrupted; nothing was changed"));
    std::process::exit(Exit::Interrupted.code().into());
}

/// For the two places that have no `World`: a panic and a signal.
fn eprintln(text: &str) {
    use std::io::Write;
    drop(writeln!(io::stderr(), "{text}"));
}
