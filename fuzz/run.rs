//! A whole `doctor check` in process, with canned answers in the place of Railway.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use railway_doctor::command;
use railway_doctor::drift::Secret;
use railway_doctor::drift::secret::FingerprintKey;
use railway_doctor::error::Error;
use railway_doctor::outside::ask::Prompts;
use railway_doctor::outside::clock::Clock;
use railway_doctor::outside::endpoint::{Heard, Probe, Question};
use railway_doctor::outside::interrupt::Interrupt;
use railway_doctor::outside::keyring::{Keyring, Trouble};
use railway_doctor::outside::railway::wire::{Failure, Outgoing, Reply, Wire};
use railway_doctor::outside::row::Row;
use railway_doctor::outside::talk::Talk;
use railway_doctor::outside::world::{Memory, Sort, Terminal, World};
use zeroize::Zeroizing;

/// One answer.
#[derive(Clone)]
pub struct Canned {
    pub status: u16,
    pub body: Vec<u8>,
}

struct Cans {
    replies: Vec<Canned>,
    next: Cell<usize>,
}

impl Wire for Cans {
    fn post(&self, _: &Outgoing<'_>) -> Result<Reply, Failure> {
        let index = self.next.get();
        self.next.set(index + 1);
        let Canned { status, body } = self.replies.get(index).cloned().ok_or(Failure::TimedOut)?;
        Ok(Reply {
            status,
            retry_after: None,
            rate: Vec::new(),
            location: Some(String::from_utf8_lossy(&body).into_owned()),
            date: None,
            content_type: None,
            body: Zeroizing::new(body),
        })
    }

    fn host(&self) -> &str {
        "canned"
    }
}

struct Jumping(Cell<Duration>);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        self.0.get()
    }

    fn sleep(&self, time: Duration) {
        self.0.set(self.0.get() + time);
    }
}

#[derive(Default)]
struct Kept(RefCell<String>);

impl Talk for Kept {
    fn say(&self, line: &str) {
        self.0.borrow_mut().push_str(line);
        self.0.borrow_mut().push('\n');
    }

    fn waiting(&self, what: &str) {
        self.say(what);
    }

    fn progress(&self, rows: &[Row]) {
        rows.iter().for_each(|row| self.say(&format!("{row:?}")));
    }

    fn done(&self) {}
}

/// Nothing is in it, and nothing is kept.
struct Empty;

impl Keyring for Empty {
    fn read(&self, _: &str) -> Result<Option<Secret>, Trouble> {
        Ok(None)
    }

    fn write(&self, _: &str, _: &Secret) -> Result<(), Trouble> {
        Ok(())
    }

    fn remove(&self, _: &str) -> Result<(), Trouble> {
        Ok(())
    }
}

/// Nobody answers.
struct Nobody;

impl Probe for Nobody {
    fn ask(&self, _: &Question<'_>) -> Result<Heard, String> {
        Err("nobody answered".to_owned())
    }
}

fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder").keep())
}

/// Where a token and ids come from.
#[allow(dead_code, reason = "each target is a program of its own, and has one of them")]
#[derive(Clone, Copy)]
pub enum Login<'l> {
    /// The process environment.
    Variables,
    /// The official CLI's file, with this text.
    File(&'l [u8]),
}

/// Runs it, and holds what it printed to what a terminal may be given.
pub fn check(replies: &[Canned], env_file: &str, login: Login<'_>, arguments: &[&str]) -> String {
    std::fs::write(folder().join(".env"), env_file).expect("the temporary folder can be written");
    let (talk, clock, mut out) = (Kept::default(), Jumping(Cell::default()), Vec::new());
    let (variables, home) = match login {
        Login::Variables => (&[("RAILWAY_API_TOKEN", "t"), ("RAILWAY_PROJECT_ID", "p"), ("RAILWAY_ENVIRONMENT_ID", "e")][..], None),
        Login::File(text) => {
            std::fs::create_dir_all(folder().join(".railway")).expect("the temporary folder can be written");
            std::fs::write(folder().join(".railway/config.json"), text).expect("the temporary folder can be written");
            (&[][..], Some(folder().clone()))
        }
    };
    let terminal = Terminal { out: Sort::Pipe, err: Sort::Pipe, input: Sort::Pipe, links: false, width: 80 };
    let interrupt = Interrupt::default();
    let mut world = World {
        out: &mut out,
        talk: &talk,
        ask: &Prompts::new(&talk, &interrupt, terminal),
        interrupt: &interrupt,
        terminal,
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>(),
        folder: folder().clone(),
        home,
        state: None,
        cache: None,
        memory: Memory::OfThisRun,
        keyring: &Empty,
        clock: &clock,
        connect: &|_| -> Result<Box<dyn Wire>, Error> {
            Ok(Box::new(Cans { replies: replies.to_vec(), next: Cell::new(0) }))
        },
        probe: &Nobody,
        fingerprints: FingerprintKey::new(&[7; 32]),
        program: vec!["doctor".to_owned()],
    };
    let words = ["doctor", "check", "--api-url=http://127.0.0.1:1/graphql/v2"].iter().chain(arguments);
    let words: Vec<OsString> = words.map(OsString::from).collect();
    let exit = command::run(&words, &mut world);
    let obeyed = |character: char| {
        (character.is_control() && character != '\n') || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let out = String::from_utf8(out).expect("a report is text");
    assert!(!out.contains(obeyed), "the report holds what a terminal obeys");
    let said = talk.0.borrow();
    assert!(!said.contains(obeyed), "standard error holds what a terminal obeys");
    let is_told = !out.is_empty() || said.contains("\n  next: ") || said.starts_with("{\"error\"");
    assert!(exit.code() < 2 || is_told, "exit {} without a word", exit.code());
    out
}
