//! The real [`World`]: the streams, environment, directories and signals of this process.

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
use crate::io::endpoint::HttpEndpointClient;
use crate::io::files;
use crate::io::interrupt::{Interrupt, PromptState, RunEnd};
use crate::io::os::{TerminalMode, before_quit, disable_core_dumps, survive_file_limit, thread_error_text};
use crate::io::railway::http::Http;
use crate::io::railway::transport::Transport;
use crate::io::storage::id_cache::cache_folder;
use crate::io::storage::journal::state_folder;
use crate::io::terminal::progress::Progress;
use crate::io::terminal::prompt::Prompts;
use crate::io::terminal::status::{Redraw, StatusOutput, Stream};
use crate::io::terminal::stream::{StreamKind, Terminal};
use crate::io::watchdog;
use crate::io::world::{World, WorldLifetime};

/// The stack size of a run, in bytes. That of the main thread depends on `ulimit -s`.
const STACK: usize = 8 << 20;

/// The width of reports without a terminal.
const WIDTH_WITHOUT_TERMINAL: usize = 80;

/// The variable in which a shell names itself when it requests completions.
pub const COMPLETE: &str = "COMPLETE";

/// Returns whether a shell requests completions: it names itself, and the command line follows `--`. Nothing may be
/// printed then, because it would appear in the line that the user types.
pub fn is_half_typed(arguments: &[OsString], shell: &str) -> bool {
    !shell.is_empty() && arguments.get(1).is_some_and(|word| word == "--")
}

/// Runs a command in the real world, on a separate thread. This thread enforces the limits on time and memory.
pub fn run(command: impl FnOnce(&[OsString], &mut World<'_>) -> Exit + Send) -> ExitCode {
    disable_core_dumps();
    survive_file_limit();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let is_quiet = std::env::var_os(COMPLETE).is_some_and(|shell| is_half_typed(&arguments, &shell.to_string_lossy()));
    before_quit(files::remove_unfinished);
    let (interrupt, screen) = (Arc::new(Interrupt::default()), Progress::default());
    panic::set_hook(panic_hook(&interrupt, is_quiet));
    let interrupted = ctrlc::set_handler(handler(&interrupt, &screen));
    let run = ProcessStart { arguments, is_quiet, interrupted, screen: screen.clone() };
    let (over, done) = mpsc::channel();
    let exit = thread::scope(|scope| {
        let watched = Arc::clone(&interrupt);
        let worker = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || {
            let exit = run.start(&watched, command);
            // The receiver outlives this thread.
            let _ = over.send(());
            exit
        });
        match worker {
            Ok(worker) => {
                watchdog::watch(&done, &interrupt, &|ending, question| end(ending, question, &screen));
                worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
            }
            Err(error) => without_threads(&error, is_quiet),
        }
    });
    exit.code().into()
}

/// The state of the process at the start of a run.
struct ProcessStart {
    arguments: Vec<OsString>,
    is_quiet: bool,
    /// Whether Ctrl-C is handled.
    interrupted: Result<(), ctrlc::Error>,
    screen: Progress,
}

impl ProcessStart {
    /// Creates the world of this process, and runs the command in it.
    fn start(self, interrupt: &Interrupt, command: impl FnOnce(&[OsString], &mut World<'_>) -> Exit) -> Exit {
        let (clock, keyring) = (SystemClock::start(), keyring::OsKeyring::default());
        let (mut out, mut err) = (io::stdout().lock(), io::stderr());
        let mut nowhere = io::sink();
        let err: &mut dyn Write = if self.is_quiet { &mut nowhere } else { &mut err };
        let terminal = terminal();
        let watched =
            if terminal.err == StreamKind::Terminal { Redraw::Terminal(self.screen.clone()) } else { Redraw::No };
        let variables = variables();
        let status = Stream::new(err, watched, &variables);
        let prompts = Prompts::new(&status, interrupt, terminal);
        let (folder, fingerprints) = match self.prerequisites(&status) {
            Ok(found) => found,
            Err(exit) => return exit,
        };
        let home = std::env::home_dir().filter(|home| home != &PathBuf::new());
        let mut world = World {
            out: &mut out,
            status: &status,
            prompt: &prompts,
            interrupt,
            terminal,
            state: state_folder(&variables, home.as_deref()),
            cache: cache_folder(&variables, home.as_deref()),
            memory: WorldLifetime::Lasting,
            variables,
            directory: folder,
            home,
            keyring: &keyring,
            clock: &clock,
            connect: &|endpoint| -> Result<Box<dyn Transport>, Error> { Ok(Box::new(Http::new(endpoint.clone())?)) },
            probe: &HttpEndpointClient,
            debug_log: None,
            fingerprints,
            program: vec!["doctor".to_owned()],
        };
        command(&self.arguments, &mut world)
    }

    /// Returns the working directory and the fingerprint key, which every run needs. Ctrl-C need not be handled.
    fn prerequisites(&self, status: &Stream<'_>) -> Result<(PathBuf, FingerprintKey), Exit> {
        if let Err(error) = &self.interrupted {
            status.print_line(&format!("doctor: failed to install the Ctrl-C handler: {error}"));
        }
        let Ok(folder) = std::env::current_dir() else {
            status.print_line(
                "error: could not determine the working directory\n  help: change to an existing directory",
            );
            return Err(if self.is_quiet { Exit::Clean } else { Exit::Usage });
        };
        let Some(fingerprints) = fingerprints() else {
            status.print_line("error: failed to generate random bytes\n  help: check /dev/urandom");
            return Err(Exit::Usage);
        };
        Ok((folder, fingerprints))
    }
}

/// Generates the key for the fingerprints of this run.
fn fingerprints() -> Option<FingerprintKey> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(FingerprintKey::new(&bytes))
}

/// Returns the process environment, without names and values that are not UTF-8.
fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn terminal() -> Terminal {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let sort = |terminal: bool| match (terminal, dumb) {
        (true, false) => StreamKind::Terminal,
        (true, true) => StreamKind::Dumb,
        (false, _) => StreamKind::Pipe,
    };
    let width = terminal_size::terminal_size().map_or(WIDTH_WITHOUT_TERMINAL, |(width, _)| usize::from(width.0));
    let [out, err, input] =
        [io::stdout().is_terminal(), io::stderr().is_terminal(), io::stdin().is_terminal()].map(sort);
    // With FORCE_HYPERLINK the library returns true without a terminal, too, but links do not belong in a file.
    let links = out == StreamKind::Terminal && supports_hyperlinks::supports_hyperlinks();
    Terminal { out, err, input, links, width }
}

/// Returns the message for a panic. It does not contain the panic's own message, which may quote a value.
pub fn panic_message(location: Option<&panic::Location<'_>>) -> String {
    // Some libraries panic if the system can't start a thread for them.
    if let Err(error) = thread::Builder::new().spawn(|| {}) {
        return no_threads(&error);
    }
    let place =
        location.map_or_else(|| "an unknown location".to_owned(), |place| format!("{}:{}", place.file(), place.line()));
    format!(
        "error: doctor panicked at {place}\n  cause: this is a bug in doctor\n  help: report it with this \
         message and the command that you ran"
    )
}

/// A panic hook, as the standard library expects it.
type PanicHook = Box<dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync>;

/// Returns the hook that ends a run that panics. Optimised builds do not unwind, so no destructor restores the terminal
/// or removes temporary files.
fn panic_hook(interrupt: &Arc<Interrupt>, is_quiet: bool) -> PanicHook {
    let (interrupt, mode) = (Arc::clone(interrupt), TerminalMode::read());
    Box::new(move |panic| {
        let (end, question) = interrupt.state_at_panic();
        if question == PromptState::Open {
            mode.restore();
        }
        if is_quiet {
            leave("", question, Exit::Clean);
        }
        let message = format!("{}\n{}", panic_message(panic.location()), end.message);
        leave(message.trim_end(), question, end.exit);
    })
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
        "error: failed to start a thread\n  cause: {}\n  help: raise the limit on processes and threads \
         (`ulimit -u`), or close other programs",
        thread_error_text(error)
    )
}

/// Ends a run that exceeds a limit.
fn end(ending: &RunEnd, question: PromptState, screen: &Progress) {
    screen.clear();
    leave(&ending.message, question, ending.exit);
}

/// Returns the signal handler, which runs on its own thread. It prints above the progress lines, never into them.
fn handler(interrupt: &Arc<Interrupt>, screen: &Progress) -> impl Fn() + Send + 'static {
    let (interrupt, screen) = (Arc::clone(interrupt), screen.clone());
    let mode = TerminalMode::read();
    move || {
        let print = |line: &str| if screen.is_drawn() { screen.print_above(line) } else { eprintln(line) };
        interrupt.signal(&print, &|line, question| {
            screen.clear();
            // Only a prompt changes the mode. Otherwise it may belong to `less`, as in `doctor check | less`.
            if question == PromptState::Open {
                mode.restore();
            }
            leave(line, question, Exit::Interrupted);
        });
    }
}

/// Cleans the line, shows the cursor, prints the final message, and ends the process.
#[expect(clippy::exit, reason = "other threads may be in a wait that can't be interrupted")]
fn leave(line: &str, question: PromptState, exit: Exit) -> ! {
    match terminal().err {
        StreamKind::Terminal => eprint("\r\u{1b}[2K\u{1b}[?25h"),
        StreamKind::Dumb if question == PromptState::Open => eprint("\n"),
        StreamKind::Dumb | StreamKind::Pipe => {}
    }
    if !line.is_empty() {
        eprintln(line);
    }
    // No destructor removes the temporary files with values when the process ends here.
    files::remove_unfinished();
    std::process::exit(exit.code().into());
}

/// Prints to standard error without a `World`, for panics and signals.
fn eprintln(text: &str) {
    eprint(&format!("{text}\n"));
}

fn eprint(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}
