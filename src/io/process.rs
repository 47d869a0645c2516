//! The real world: this process's streams, environment, folders and signals.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;

use ring::rand::{SecureRandom, SystemRandom};

use crate::drift::model::secret::FingerprintKey;
use crate::error::{Error, Exit};
use crate::io::clock::SystemClock;
use crate::io::credentials::keyring;
use crate::io::endpoint::Caller;
use crate::io::files;
use crate::io::interrupt::{Interrupt, PromptState, RunEnd};
use crate::io::os::{TerminalMode, before_quit, keep_no_image, survive_file_limit, thread_error_text};
use crate::io::railway::http::Http;
use crate::io::railway::transport::Transport;
use crate::io::storage::id_cache::cache_folder;
use crate::io::storage::journal::state_folder;
use crate::io::terminal::progress::Progress;
use crate::io::terminal::prompt::Prompts;
use crate::io::terminal::status::{StatusOutput, Stream, Watched};
use crate::io::terminal::stream::{Sort, Terminal};
use crate::io::watchdog;
use crate::io::world::{World, WorldLifetime};

/// The stack of a run, in bytes. That of the first thread is as large or small as `ulimit -s` says.
const STACK: usize = 8 << 20;

/// The width that a report is laid out for where there is no terminal to ask.
const WIDTH_WITHOUT_TERMINAL: usize = 80;

/// The variable in which a shell says which one it is, when it asks for completions.
pub const COMPLETE: &str = "COMPLETE";

/// Returns whether a shell asks how a line may go on: it names itself, and its words follow `--`. Then nobody is to be
/// told anything, because what is said would stand in the middle of that line.
pub fn is_half_typed(arguments: &[OsString], shell: &str) -> bool {
    !shell.is_empty() && arguments.get(1).is_some_and(|word| word == "--")
}

/// Runs `doctor` in the real world: on a thread of its own, while this one enforces the limits of time and memory.
pub fn run(command: impl FnOnce(&[OsString], &mut World<'_>) -> Exit + Send) -> ExitCode {
    keep_no_image();
    survive_file_limit();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let is_quiet = std::env::var_os(COMPLETE).is_some_and(|shell| is_half_typed(&arguments, &shell.to_string_lossy()));
    panic::set_hook(Box::new(move |panic| {
        if !is_quiet {
            eprintln(&panic_message(panic.location()));
        }
    }));
    before_quit(files::remove_unfinished);
    let (interrupt, screen) = (Arc::new(Interrupt::default()), Progress::default());
    let interrupted = ctrlc::set_handler(handler(&interrupt, &screen));
    let run = ProcessStart { arguments, is_quiet, interrupted, screen: screen.clone() };
    let (over, done) = mpsc::channel();
    let exit = thread::scope(|scope| {
        let watched = Arc::clone(&interrupt);
        let worker = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || {
            let exit = run.start(&watched, command);
            // The receiver lives as long as this thread.
            let _ = over.send(());
            exit
        });
        match worker {
            Ok(worker) => {
                watchdog::watch(&done, &interrupt, &|ending, question| end(ending, question, &screen));
                worker.join().unwrap_or_else(|_| after_panic(&interrupt))
            }
            Err(error) => without_threads(&error, is_quiet),
        }
    });
    exit.code().into()
}

/// What a run is started with.
struct ProcessStart {
    arguments: Vec<OsString>,
    is_quiet: bool,
    /// Whether Ctrl-C is handled.
    interrupted: Result<(), ctrlc::Error>,
    screen: Progress,
}

impl ProcessStart {
    /// Makes the world of this process, and runs the command in it.
    fn start(self, interrupt: &Interrupt, command: impl FnOnce(&[OsString], &mut World<'_>) -> Exit) -> Exit {
        let (clock, keyring) = (SystemClock::start(), keyring::OsKeyring::default());
        let (mut out, mut err) = (io::stdout().lock(), io::stderr());
        let mut nowhere = io::sink();
        let err: &mut dyn Write = if self.is_quiet { &mut nowhere } else { &mut err };
        let terminal = terminal();
        let watched = if terminal.err == Sort::Terminal { Watched::Terminal(self.screen.clone()) } else { Watched::No };
        let variables = variables();
        let talk = Stream::new(err, watched, &variables);
        let prompts = Prompts::new(&talk, interrupt, terminal);
        if let Err(error) = &self.interrupted {
            talk.print_line(&format!("doctor: Ctrl-C will not be answered in words: {error}"));
        }
        let (folder, fingerprints) = match self.prerequisites(&talk) {
            Ok(found) => found,
            Err(exit) => return exit,
        };
        let home = std::env::home_dir().filter(|home| home != &PathBuf::new());
        let mut world = World {
            out: &mut out,
            talk: &talk,
            ask: &prompts,
            interrupt,
            terminal,
            state: state_folder(&variables, home.as_deref()),
            cache: cache_folder(&variables, home.as_deref()),
            memory: WorldLifetime::Lasting,
            variables,
            folder,
            home,
            keyring: &keyring,
            clock: &clock,
            connect: &|endpoint| -> Result<Box<dyn Transport>, Error> { Ok(Box::new(Http::new(endpoint.clone())?)) },
            probe: &Caller,
            debug_log: None,
            fingerprints,
            program: vec!["doctor".to_owned()],
        };
        command(&self.arguments, &mut world)
    }

    /// Returns the working folder and a key, which no run can do without.
    fn prerequisites(&self, talk: &Stream<'_>) -> Result<(PathBuf, FingerprintKey), Exit> {
        let Ok(folder) = std::env::current_dir() else {
            talk.print_line("error: the working folder is gone\n  next: cd into a folder that exists");
            return Err(if self.is_quiet { Exit::Clean } else { Exit::Usage });
        };
        let Some(fingerprints) = fingerprints() else {
            talk.print_line("error: the system gives no random bytes\n  next: check /dev/urandom");
            return Err(Exit::Usage);
        };
        Ok((folder, fingerprints))
    }
}

/// Returns a fresh key for this run's fingerprints.
fn fingerprints() -> Option<FingerprintKey> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(FingerprintKey::new(&bytes))
}

/// Returns the process environment, as far as it is text.
fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn terminal() -> Terminal {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let sort = |terminal: bool| match (terminal, dumb) {
        (true, false) => Sort::Terminal,
        (true, true) => Sort::Dumb,
        (false, _) => Sort::Pipe,
    };
    let width = terminal_size::terminal_size().map_or(WIDTH_WITHOUT_TERMINAL, |(width, _)| usize::from(width.0));
    let [out, err, input] =
        [io::stdout().is_terminal(), io::stderr().is_terminal(), io::stdin().is_terminal()].map(sort);
    // It says yes without a terminal too where FORCE_HYPERLINK is set, and a link in a file is rubbish.
    let links = out == Sort::Terminal && supports_hyperlinks::supports_hyperlinks();
    Terminal { out, err, input, links, width }
}

/// Returns what a bug looks like. The panic's own text stays unsaid: it may quote the string that was being cut.
pub fn panic_message(location: Option<&panic::Location<'_>>) -> String {
    // Some libraries panic where the system has no thread left for them.
    if let Err(error) = thread::Builder::new().spawn(|| {}) {
        return no_threads(&error);
    }
    let place =
        location.map_or_else(|| "an unknown place".to_owned(), |place| format!("{}:{}", place.file(), place.line()));
    format!(
        "error: doctor has a bug at {place}\n  because: something that can't be was\n  next: report it with this line and \
         the command that you typed"
    )
}

/// Returns the exit code of a run that a bug ended. What had begun to change something has changed a part of it.
fn after_panic(interrupt: &Interrupt) -> Exit {
    if interrupt.has_begun_writing() { Exit::Partial } else { Exit::Usage }
}

fn without_threads(error: &io::Error, is_quiet: bool) -> Exit {
    if is_quiet {
        return Exit::Clean;
    }
    eprintln(&no_threads(error));
    Exit::Usage
}

fn no_threads(error: &io::Error) -> String {
    format!(
        "error: can't start a thread\n  because: {}\n  next: raise the limit on processes and threads (`ulimit -u`), or \
         close other programs",
        thread_error_text(error)
    )
}

/// Ends a run that is over a limit.
fn end(ending: &RunEnd, question: PromptState, screen: &Progress) {
    screen.clear();
    leave(&ending.words, question, ending.exit);
}

/// Handles the signal, on its own thread. It never writes into what moves on the screen.
fn handler(interrupt: &Arc<Interrupt>, screen: &Progress) -> impl Fn() + Send + 'static {
    let (interrupt, screen) = (Arc::clone(interrupt), screen.clone());
    let mode = TerminalMode::read();
    move || {
        let say = |line: &str| if screen.is_drawn() { screen.print_above(line) } else { eprintln(line) };
        interrupt.signal(&say, &|line, question| {
            screen.clear();
            // Only then is the mode ours to set: `doctor check | less` shares the terminal with less.
            if question == PromptState::Open {
                mode.restore();
            }
            leave(line, question, Exit::Interrupted);
        });
    }
}

/// A clean line, a cursor, a last word, and the exit code.
#[expect(clippy::exit, reason = "the main thread may be deep in a wait that nothing else ends")]
fn leave(line: &str, question: PromptState, exit: Exit) {
    match terminal().err {
        Sort::Terminal => eprint("\r\u{1b}[2K\u{1b}[?25h"),
        Sort::Dumb if question == PromptState::Open => eprint("\n"),
        Sort::Dumb | Sort::Pipe => {}
    }
    if !line.is_empty() {
        eprintln(line);
    }
    // What holds values has no owner once this thread ends the process.
    files::remove_unfinished();
    std::process::exit(exit.code().into());
}

/// For the two places that have no `World`: a panic and a signal.
fn eprintln(text: &str) {
    eprint(&format!("{text}\n"));
}

fn eprint(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}
