//! A whole run of `doctor` in this process: a folder and a home of its own, a clock that jumps, and whatever answers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use railway_doctor::commands;
use railway_doctor::drift::model::secret::FingerprintKey;
use railway_doctor::error::Error;
use railway_doctor::io::clock::Clock;
use railway_doctor::io::credentials::keyring;
use railway_doctor::io::endpoint::EndpointClient;
use railway_doctor::io::interrupt::Interrupt;
use railway_doctor::io::railway::transport::Transport;
use railway_doctor::io::terminal::progress_row::ProgressRow;
use railway_doctor::io::terminal::prompt::Prompts;
use railway_doctor::io::terminal::status::StatusOutput;
use railway_doctor::io::terminal::stream::{Sort, Terminal};
use railway_doctor::io::world::{World, WorldLifetime};
use tempfile::TempDir;

/// A clock on which waiting takes no time.
struct Jumping(Cell<Duration>);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        "2026-11-24T12:00:00Z".parse::<Timestamp>().expect("that is a time") + self.0.get()
    }

    fn elapsed(&self) -> Duration {
        self.0.get()
    }

    fn sleep(&self, time: Duration) {
        self.0.set(self.0.get() + time);
    }
}

/// Everything that is said, progress as well.
#[derive(Default)]
struct Kept(RefCell<String>);

impl StatusOutput for Kept {
    fn print_line(&self, line: &str) {
        self.0.borrow_mut().extend([line, "\n"]);
    }

    fn waiting(&self, what: &str) {
        self.print_line(what);
    }

    fn progress(&self, rows: &[ProgressRow]) {
        for row in rows {
            self.print_line(&format!("{row:?}"));
        }
    }

    fn done(&self) {}
}

/// How a run ended.
pub(super) struct Ended {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

/// A folder to run in.
pub(super) struct Place {
    folder: TempDir,
    variables: BTreeMap<String, String>,
    keyring: keyring::InMemoryKeyring,
}

impl Place {
    /// With these variables as the process environment.
    pub(super) fn with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let place = Self { folder, variables, keyring: keyring::InMemoryKeyring::default() };
        for folder in [place.work(), place.home()] {
            std::fs::create_dir_all(folder).expect("the folder is ours");
        }
        place
    }

    /// The working folder.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The home folder.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes a file for its owner's eyes.
    pub(super) fn file(self, path: &Path, bytes: &[u8]) -> Self {
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder is ours");
        std::fs::write(path, bytes).expect("the folder is ours");
        #[cfg(unix)]
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("it is ours");
        self
    }

    /// Runs `doctor` with these words, and holds what it says to what a terminal may be given.
    pub(super) fn run(
        &self,
        words: &[&str],
        connect: &dyn Fn() -> Box<dyn Transport>,
        probe: &dyn EndpointClient,
    ) -> Ended {
        let (talk, clock, mut out) = (Kept::default(), Jumping(Cell::default()), Vec::new());
        let terminal = Terminal { out: Sort::Pipe, err: Sort::Pipe, input: Sort::Pipe, links: false, width: 80 };
        let interrupt = Interrupt::default();
        let mut world = World {
            out: &mut out,
            talk: &talk,
            ask: &Prompts::new(&talk, &interrupt, terminal),
            interrupt: &interrupt,
            terminal,
            variables: self.variables.clone(),
            folder: self.work(),
            home: Some(self.home()),
            state: Some(self.folder.path().join("state")),
            cache: Some(self.folder.path().join("cache")),
            memory: WorldLifetime::OfThisRun,
            keyring: &self.keyring,
            clock: &clock,
            connect: &|_| -> Result<Box<dyn Transport>, Error> { Ok(connect()) },
            probe,
            debug_log: None,
            fingerprints: FingerprintKey::new(&[7; 32]),
            program: vec!["doctor".to_owned()],
        };
        let recorded = ["--debug-api=../debug.jsonl"];
        let arguments: Vec<OsString> = ["doctor"].iter().chain(words).chain(&recorded).map(OsString::from).collect();
        let code = commands::run(&arguments, &mut world).code();
        drop(world);
        let ended = Ended { code, out: String::from_utf8(out).expect("a report is text"), err: talk.0.take() };
        harmless(&ended, words);
        // Whatever came, each request is a line of JSON.
        let lines = std::fs::read_to_string(self.folder.path().join("debug.jsonl")).unwrap_or_default();
        for line in lines.lines() {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line.is_object()), "{line}");
        }
        ended
    }
}

/// What holds for every run: an exit code of our own, a word with it, and nothing that a terminal obeys.
fn harmless(ended: &Ended, words: &[&str]) {
    let obeyed = |character: char| {
        let moves = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}');
        (character.is_control() && character != '\n') || moves
    };
    for text in [&ended.out, &ended.err] {
        assert!(!text.contains(obeyed), "{words:?} prints what a terminal obeys: {text:?}");
    }
    assert!(ended.code <= 8, "{words:?} exits with {}", ended.code);
    let is_told = !ended.out.is_empty() || ended.err.contains("\n  next: ") || ended.err.contains("\"error\":{");
    assert!(ended.code < 2 || is_told, "{words:?} exits with {} without a word: {:?}", ended.code, ended.err);
}
