//! The journal: one encrypted file per fix in the user's state folder, written before anything changes, so that
//! `doctor undo` can put it back.

mod encryption;
mod key;
mod record;
mod record_format;
mod run_name;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::error::Error;
use crate::io::credentials::keyring::{Keyring, KeyringError};
use crate::io::os;
use crate::io::storage::journal::encryption::Closed;
use crate::io::storage::journal::key::Keys;
pub use crate::io::storage::journal::record::{Before, JournalRecord, RecordedCommand, RecordedFile, RecordedVariable};
pub use crate::io::storage::journal::run_name::RunName;
use crate::io::storage::state_dir::{Folder, Placed, Purpose, StoredContent};

/// How long a run can be undone: 30 days.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How a run's file is called, after the run.
const ENDING: &str = ".journal";

/// How often a number is looked for that no other run takes at the same time.
const TRIES: usize = 64;

/// The words of its folder's errors.
const PURPOSE: Purpose = Purpose {
    what: "the journal",
    cannot: "can't record what is about to change",
    instead: "pass --no-journal to do without undo",
};

/// Returns the folder for what `doctor` remembers between runs: `$XDG_STATE_HOME/railway-doctor` if that is absolute,
/// else `~/.local/state/railway-doctor`; on Windows `%LOCALAPPDATA%\railway-doctor`. Nothing is looked up or made.
pub fn state_folder(variables: &BTreeMap<String, String>, home: Option<&Path>) -> Option<PathBuf> {
    let (variable, below_home) = os::STATE;
    let named = variables.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = named.or_else(|| Some(home.filter(|home| home.is_absolute())?.join(below_home)))?;
    Some(state.join("railway-doctor"))
}

pub struct Journal<'k> {
    folder: Folder,
    keyring: &'k dyn Keyring,
}

/// A run that was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub run: RunName,
    /// Why its key lies in a file and not in the keyring, if it does.
    pub key_in_file: Option<KeyringError>,
}

/// One run of the journal, and what is known of it. One file that can't be read does not hide the others.
#[derive(Debug)]
pub struct JournalEntry {
    /// The run, from the file's name.
    pub run: RunName,
    /// Its record, or why it can't be read.
    pub record: Result<JournalRecord, Error>,
}

impl<'k> Journal<'k> {
    /// Returns the journal in that folder, as [`state_folder`] names it. Nothing is read or made yet; without a folder
    /// it is an [`Error::Journal`].
    pub fn open(state: Option<&Path>, keyring: &'k dyn Keyring) -> Result<Self, Error> {
        let Some(state) = state else {
            return Err(Error::Journal {
                what: "there is no place for the journal".to_owned(),
                cause: "no home folder is known".to_owned(),
                help: "set HOME, or pass --no-journal to do without undo".to_owned(),
            });
        };
        Ok(Self { folder: Folder::new(state.to_owned(), PURPOSE), keyring })
    }

    /// Writes a record in one step, and gives the run its name, whose number is above that of every run in the journal.
    /// When it returns, the file is on disk. An [`Error::Journal`] means that nothing was recorded.
    pub fn write(&self, record: &JournalRecord) -> Result<Recorded, Error> {
        self.folder.make()?;
        let (key, key_in_file) = key::for_writing(&self.folder, self.keyring)?;
        let mut last = 0;
        for _ in 0..TRIES {
            // Read again after another run took the number at the same time.
            last = self.runs()?.iter().map(RunName::number).fold(last, u32::max);
            let number =
                last.checked_add(1).ok_or_else(|| self.folder.cannot_write(&io::ErrorKind::QuotaExceeded.into()))?;
            let run = RunName::new(record.time, number);
            let bytes = encryption::seal(&key, &run, record).map_err(|error| unwritable(&error))?;
            if self.folder.place(&file_name(&run), &bytes)? == Placed::Now {
                return Ok(Recorded { run, key_in_file });
            }
            last = number;
        }
        Err(self.folder.cannot_write(&io::ErrorKind::AlreadyExists.into()))
    }

    fn runs(&self) -> Result<Vec<RunName>, Error> {
        Ok(self.folder.names()?.iter().filter_map(|name| run_of(name)).collect())
    }

    /// Reads a run's record. That there is none, or that it can't be read, is an [`Error::Journal`].
    pub fn read(&self, run: &RunName) -> Result<JournalRecord, Error> {
        self.read_with(&Keys::of(&self.folder, self.keyring), run)
    }

    /// With the key in the file first, because it costs nothing to ask for it.
    fn read_with(&self, keys: &Keys<'_>, run: &RunName) -> Result<JournalRecord, Error> {
        let StoredContent(bytes) = self.read_bytes(run)?;
        let mut wrong = match keys.in_file() {
            Ok(Some(key)) => match encryption::open(key, run, &bytes) {
                Ok(record) => return Ok(record),
                Err(closed) => Some(unopened(run, closed)),
            },
            Ok(None) => None,
            Err(error) => Some(error.clone()),
        };
        match keys.in_keyring() {
            Ok(Some(key)) => match encryption::open(key, run, &bytes) {
                Ok(record) => return Ok(record),
                Err(closed) => wrong = Some(unopened(run, closed)),
            },
            Ok(None) => {}
            Err(trouble) => wrong = Some(unasked(run, trouble)),
        }
        Err(wrong.unwrap_or_else(|| unreadable(run, "the journal's key is gone")))
    }

    fn read_bytes(&self, run: &RunName) -> Result<StoredContent, Error> {
        self.folder.read(&file_name(run))?.ok_or_else(|| Error::Journal {
            what: format!("there is no run {run} in the journal"),
            cause: "runs are kept for 30 days, each in the state folder of the user who made it".to_owned(),
            help: "run `doctor undo --list`, which shows every run that can be undone".to_owned(),
        })
    }

    /// Takes a run out that has changed nothing after all, so that `undo` finds the one before it.
    pub fn forget(&self, run: &RunName) {
        self.folder.remove(&file_name(run));
    }

    /// Returns every run, the newest first: by number, because clocks jump. A journal that was never written to is
    /// empty.
    pub fn list(&self) -> Result<Vec<JournalEntry>, Error> {
        let mut runs = self.runs()?;
        runs.sort_by_key(|run| Reverse((run.number(), run.clone())));
        let keys = Keys::of(&self.folder, self.keyring);
        Ok(runs.into_iter().map(|run| JournalEntry { record: self.read_with(&keys, &run), run }).collect())
    }

    /// Returns where the keys of the records are: `the key is in the system's keyring`.
    pub fn whereabouts_of_keys(&self) -> &'static str {
        key::whereabouts(&self.folder)
    }

    /// Removes what is older than [`KEPT`], and every run before it, whatever its time says. `now` is a time that two
    /// clocks agree has come: a single one that jumps ahead would take everything away. What can't be removed stays.
    pub fn prune(&self, now: Timestamp) {
        let Ok(oldest) = now.checked_sub(KEPT) else { return };
        let names = self.folder.names().unwrap_or_default();
        let found = names.iter().filter_map(|name| Some((name, run_of(name).or_else(|| rest_of(name))?)));
        let found: Vec<(&String, RunName)> = found.collect();
        let expired = found.iter().filter(|(_, run)| run.time() < oldest).map(|(_, run)| run.number()).max();
        for (name, _) in found.iter().filter(|(_, run)| Some(run.number()) <= expired) {
            self.folder.remove(name);
        }
    }
}

fn file_name(run: &RunName) -> String {
    format!("{run}{ENDING}")
}

fn run_of(name: &str) -> Option<RunName> {
    RunName::parse(name.strip_suffix(ENDING)?)
}

/// Returns the run whose file was being written when the machine stopped: `.RUN.journal.RANDOM`.
fn rest_of(name: &str) -> Option<RunName> {
    run_of(name.strip_prefix('.')?.rsplit_once('.')?.0)
}

fn unwritable(error: &io::Error) -> Error {
    Error::Journal {
        what: "can't record what is about to change".to_owned(),
        cause: error.to_string(),
        help: "rename the folder or file whose name is no Unicode text, or pass --no-journal to do without undo"
            .to_owned(),
    }
}

fn unopened(run: &RunName, closed: Closed) -> Error {
    match closed {
        Closed::Foreign => unreadable(run, "its file is none of doctor's"),
        Closed::Newer => Error::Journal {
            what: format!("can't read what run {run} changed"),
            cause: "a newer version of doctor recorded it".to_owned(),
            help: "install the newest doctor".to_owned(),
        },
        Closed::Broken => unreadable(run, "its file was changed or cut short, or belongs to another key"),
    }
}

/// That the keyring is closed today does not mean that the run is lost.
fn unasked(run: &RunName, trouble: &KeyringError) -> Error {
    match trouble {
        KeyringError::Refused(_) => unreadable(run, &trouble.sentence()),
        _ => Error::Journal {
            what: format!("can't read what run {run} changed"),
            cause: format!("its key is in the keyring, and {}", trouble.sentence()),
            help: format!("{}, and run it again", trouble.first_step()),
        },
    }
}

fn unreadable(run: &RunName, wrong: &str) -> Error {
    Error::Journal {
        what: format!("can't read what run {run} changed"),
        cause: wrong.to_owned(),
        help: "change the variables back by hand, with `doctor check` to tell what differs".to_owned(),
    }
}
