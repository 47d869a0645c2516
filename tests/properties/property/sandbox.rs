//! Runs `doctor` in this process, with its own directories, a simulated clock and simulated responses.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use railway_doctor::commands;
use railway_doctor::drift::Secret;
use railway_doctor::drift::model::secret::FingerprintKey;
use railway_doctor::error::Error;
use railway_doctor::io::clock::Clock;
use railway_doctor::io::credentials::keyring;
use railway_doctor::io::endpoint::EndpointClient;
use railway_doctor::io::interrupt::Interrupt;
use railway_doctor::io::railway::transport::Transport;
use railway_doctor::io::terminal::progress_row::ProgressRow;
use railway_doctor::io::terminal::prompt::{PromptAnswer, Prompter, YesNo};
use railway_doctor::io::terminal::status::StatusOutput;
use railway_doctor::io::terminal::stream::{StreamKind, Terminal};
use railway_doctor::io::world::{World, WorldLifetime};
use serde_json::Value;
use tempfile::TempDir;

/// A clock that advances instead of waiting.
struct SimulatedClock(Cell<Duration>);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        "2026-11-24T12:00:00Z".parse::<Timestamp>().expect("the timestamp is valid") + self.0.get()
    }

    fn elapsed(&self) -> Duration {
        self.0.get()
    }

    fn sleep(&self, time: Duration) {
        self.0.set(self.0.get() + time);
    }
}

/// Records standard error, including progress.
#[derive(Default)]
struct RecordedStatus(RefCell<String>);

impl StatusOutput for RecordedStatus {
    fn print_line(&self, line: &str) {
        self.0.borrow_mut().extend([line, "\n"]);
    }

    fn waiting(&self, what: &str) {
        // Drawn without control characters, which the terminal's own tests check.
        self.print_line(&what.replace(is_control, ""));
    }

    fn progress(&self, rows: &[ProgressRow]) {
        for row in rows {
            self.print_line(&format!("{row:?}"));
        }
    }

    fn done(&self) {}
}

/// How a run ended.
pub(super) struct RunOutput {
    pub(super) code: u8,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Directories to run in, the process environment, and standard input.
pub(super) struct Sandbox {
    directory: TempDir,
    variables: BTreeMap<String, String>,
    keyring: keyring::InMemoryKeyring,
    input: StandardInput,
}

/// What a pipe on standard input contains. Without a terminal, nothing prompts.
struct StandardInput(Vec<u8>);

impl Prompter for StandardInput {
    fn choose(&self, prompt: &str, _: &[String], _: usize) -> Result<PromptAnswer<usize>, Error> {
        panic!("unexpected prompt: {prompt}")
    }

    fn choose_many(&self, prompt: &str, _: &[String], _: &[usize]) -> Result<PromptAnswer<Vec<usize>>, Error> {
        panic!("unexpected prompt: {prompt}")
    }

    fn confirm(&self, prompt: &str, _: YesNo) -> Result<PromptAnswer<YesNo>, Error> {
        panic!("unexpected prompt: {prompt}")
    }

    fn line(&self, prompt: &str) -> Result<PromptAnswer<String>, Error> {
        panic!("unexpected prompt: {prompt}")
    }

    fn line_from(&self, prompt: &str, _: &str) -> Result<PromptAnswer<String>, Error> {
        panic!("unexpected prompt: {prompt}")
    }

    fn secret(&self, prompt: &str) -> Result<PromptAnswer<Secret>, Error> {
        panic!("unexpected prompt: {prompt}")
    }

    fn piped(&self) -> Result<Secret, Error> {
        panic!("unexpected read of standard input")
    }

    fn hook_input(&self, _: Duration) -> Result<Secret, String> {
        Ok(Secret::new(String::from_utf8_lossy(&self.0).into_owned()))
    }
}

impl Sandbox {
    pub(super) fn with(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be created");
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (keyring, input) = (keyring::InMemoryKeyring::default(), StandardInput(Vec::new()));
        let sandbox = Self { directory, variables, keyring, input };
        for directory in [sandbox.work(), sandbox.home()] {
            std::fs::create_dir_all(directory).expect("the directory is writable");
        }
        sandbox
    }

    pub(super) fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    pub(super) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Writes a file that only its owner can read.
    pub(super) fn file(self, path: &Path, bytes: &[u8]) -> Self {
        std::fs::create_dir_all(path.parent().expect("the file has a directory")).expect("the directory is writable");
        std::fs::write(path, bytes).expect("the directory is writable");
        #[cfg(unix)]
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("the file is writable");
        self
    }

    /// Sets the content of standard input.
    pub(super) fn input(self, bytes: &[u8]) -> Self {
        Self { input: StandardInput(bytes.to_vec()), ..self }
    }

    /// Sets an environment variable.
    pub(super) fn variable(mut self, name: &str, value: String) -> Self {
        self.variables.insert(name.to_owned(), value);
        self
    }

    /// Runs `doctor`, and checks that its output contains no control characters.
    pub(super) fn run(
        &self,
        args: &[&str],
        connect: &dyn Fn() -> Box<dyn Transport>,
        probe: &dyn EndpointClient,
    ) -> RunOutput {
        let (status, clock, mut out) = (RecordedStatus::default(), SimulatedClock(Cell::default()), Vec::new());
        let terminal =
            Terminal { out: StreamKind::Pipe, err: StreamKind::Pipe, input: StreamKind::Pipe, links: false, width: 80 };
        let interrupt = Interrupt::default();
        let mut world = World {
            out: &mut out,
            status: &status,
            prompt: &self.input,
            interrupt: &interrupt,
            terminal,
            variables: self.variables.clone(),
            directory: self.work(),
            home: Some(self.home()),
            state: Some(self.directory.path().join("state")),
            cache: Some(self.directory.path().join("cache")),
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
        let arguments: Vec<OsString> = ["doctor"].iter().chain(args).chain(&recorded).map(OsString::from).collect();
        let code = commands::run(&arguments, &mut world).code();
        drop(world);
        let output =
            RunOutput { code, stdout: String::from_utf8(out).expect("a report is UTF-8"), stderr: status.0.take() };
        check_output(&output, args);
        // Each recorded request is a line of JSON, whatever the responses.
        let lines = std::fs::read_to_string(self.directory.path().join("debug.jsonl")).unwrap_or_default();
        for line in lines.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "{line}");
        }
        output
    }
}

fn is_control(character: char) -> bool {
    let is_format = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}');
    (character.is_control() && character != '\n') || is_format
}

/// Checks what holds for every run: one of doctor's exit codes, a message, and no control characters.
fn check_output(output: &RunOutput, args: &[&str]) {
    let is_json = args.join("=").contains("--format=json");
    assert!(!is_json || output.stdout.is_empty() || serde_json::from_str::<Value>(&output.stdout).is_ok(), "{args:?}");
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains(is_control), "{args:?} prints control characters: {text:?}");
    }
    // Only a command that writes can have written a part, or not what is running.
    let most = if ["fix", "rotate", "undo", "auth"].contains(&args[0]) { 8 } else { 5 };
    assert!(output.code <= most, "{args:?} exits with {}", output.code);
    let is_explained =
        !output.stdout.is_empty() || output.stderr.contains("\n  help: ") || output.stderr.contains("\"error\":{");
    assert!(
        output.code < 2 || is_explained,
        "{args:?} exits with {} without a message: {:?}",
        output.code,
        output.stderr
    );
}
