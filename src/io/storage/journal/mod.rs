//! The journal: one encrypted file per run in the user's state directory, written before anything is changed, so that
//! `doctor undo` can restore it.

mod encryption;
mod key;
mod record;
mod record_format;
mod run_name;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, Help};
use crate::io::credentials::keyring::{Keyring, KeyringError};
use crate::io::os;
use crate::io::storage::journal::encryption::Closed;
use crate::io::storage::journal::key::Keys;
pub use crate::io::storage::journal::record::{Before, JournalRecord, RecordedCommand, RecordedFile, RecordedVariable};
pub use crate::io::storage::journal::run_name::RunName;
use crate::io::storage::state_dir::{Placed, PrivateDir, Purpose, StoredContent};

/// How long a run can be undone: 30 days.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The extension of a run's file, after the run's name.
const ENDING: &str = ".journal";

/// How many numbers are tried if other runs take them at the same time.
const TRIES: usize = 64;

/// The texts of errors of its directory.
const PURPOSE: Purpose = Purpose {
    what: "the journal",
    cannot: "failed to record the changes in the journal",
    instead: "pass --no-journal to continue without undo",
};

/// Returns the state directory: `$XDG_STATE_HOME/railway-doctor` if that is absolute, or else
/// `~/.local/state/railway-doctor`; on Windows `%LOCALAPPDATA%\railway-doctor`. It may not exist, and is not created.
pub fn state_folder(variables: &BTreeMap<String, String>, home: Option<&Path>) -> Option<PathBuf> {
    let (variable, below_home) = os::STATE;
    let named = variables.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = named.or_else(|| Some(home.filter(|home| home.is_absolute())?.join(below_home)))?;
    Some(state.join("railway-doctor"))
}

pub struct Journal<'k> {
    folder: PrivateDir,
    keyring: &'k dyn Keyring,
}

/// A run that was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub run: RunName,
    /// Why a key file was created instead of a keyring entry, if it was.
    pub key_in_file: Option<KeyringError>,
}

/// Held by the only rotation of this user, until it is dropped.
#[derive(Debug)]
pub struct RotationLock {
    _directory: Option<File>,
}

/// A run in the journal. An unreadable file does not affect the other entries.
#[derive(Debug)]
pub struct JournalEntry {
    /// The run, from the file's name.
    pub run: RunName,
    /// Its record, or why it can't be read.
    pub record: Result<JournalRecord, Error>,
}

impl<'k> Journal<'k> {
    /// Returns the journal in the state directory, without reading or creating anything. A missing directory is an
    /// [`Error::Journal`].
    pub fn open(state: Option<&Path>, keyring: &'k dyn Keyring) -> Result<Self, Error> {
        let Some(state) = state else {
            return Err(Error::Journal {
                what: "no directory for the journal".to_owned(),
                cause: "the home directory is unknown".to_owned(),
                help: "set HOME, or pass --no-journal to continue without undo".into(),
            });
        };
        Ok(Self { folder: PrivateDir::new(state.to_owned(), PURPOSE), keyring })
    }

    /// Writes a record atomically, under a new name whose number is above that of every run in the journal. The file is
    /// on disk when this returns. An [`Error::Journal`] means that nothing was recorded.
    pub fn write(&self, record: &JournalRecord) -> Result<Recorded, Error> {
        self.folder.make()?;
        let (key, key_in_file) = key::for_writing(&self.folder, self.keyring)?;
        let mut last = 0;
        for _ in 0..TRIES {
            // Read again, because another run may have taken the number.
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

    /// Locks the journal against another rotation of this user, which would replace what this one writes. Where the
    /// operating system can't lock a directory, nothing is locked; conflicts are then found before writing.
    pub fn lock(&self) -> Result<RotationLock, Error> {
        let Some(directory) = self.folder.open()? else { return Ok(RotationLock { _directory: None }) };
        if os::try_lock(&directory) {
            return Ok(RotationLock { _directory: Some(directory) });
        }
        Err(Error::Journal {
            what: "another rotation is in progress".to_owned(),
            cause: "two rotations at the same time would replace each other's values".to_owned(),
            help: "wait until it has ended, then run the command again".into(),
        })
    }

    fn runs(&self) -> Result<Vec<RunName>, Error> {
        Ok(self.folder.names()?.iter().filter_map(|name| run_of(name)).collect())
    }

    /// Reads the record of a run. A missing or unreadable record is an [`Error::Journal`].
    pub fn read(&self, run: &RunName) -> Result<JournalRecord, Error> {
        self.read_with(&Keys::of(&self.folder, self.keyring), run)
    }

    /// Tries the key in the file first, because reading it is cheap.
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
            Err(error) => wrong = Some(unavailable_key(run, error)),
        }
        Err(wrong.unwrap_or_else(|| unreadable(run, "the journal's key is missing")))
    }

    fn read_bytes(&self, run: &RunName) -> Result<StoredContent, Error> {
        self.folder.read(&file_name(run))?.ok_or_else(|| Error::Journal {
            what: format!("unknown run `{run}`"),
            cause: "runs are kept for 30 days, in the state directory of the user who ran the command".to_owned(),
            help: Help::command("to list the runs:", "doctor undo --list"),
        })
    }

    /// Removes a run that changed nothing, so that `undo` selects the one before it.
    pub fn forget(&self, run: &RunName) {
        self.folder.remove(&file_name(run));
    }

    /// Returns all runs, newest first. They are ordered by number, because clocks jump. Without a directory, there are
    /// none.
    pub fn list(&self) -> Result<Vec<JournalEntry>, Error> {
        let mut runs = self.runs()?;
        runs.sort_by_key(|run| Reverse((run.number(), run.clone())));
        let keys = Keys::of(&self.folder, self.keyring);
        Ok(runs.into_iter().map(|run| JournalEntry { record: self.read_with(&keys, &run), run }).collect())
    }

    /// Describes where the keys of the records are, as in `the key is in the OS keyring`.
    pub fn key_location(&self) -> &'static str {
        key::whereabouts(&self.folder)
    }

    /// Removes runs older than [`KEPT`], and every run with a lower number, whatever its time. `now` must be confirmed
    /// by two clocks, because a single one that jumps ahead would remove everything. Errors are ignored.
    pub fn prune(&self, now: Timestamp) {
        let Ok(oldest) = now.checked_sub(KEPT) else { return };
        let names = self.folder.names().unwrap_or_default();
        let found = names.iter().filter_map(|name| Some((name, run_of(name).or_else(|| run_of_temporary(name))?)));
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

/// Returns the run of a temporary file that was left behind by a crash: `.RUN.journal.RANDOM`.
fn run_of_temporary(name: &str) -> Option<RunName> {
    run_of(name.strip_prefix('.')?.rsplit_once('.')?.0)
}

fn unwritable(error: &io::Error) -> Error {
    Error::Journal {
        what: PURPOSE.cannot.to_owned(),
        cause: error.to_string(),
        help: "rename the file or directory whose name is not UTF-8, or pass --no-journal to continue without undo"
            .into(),
    }
}

fn unopened(run: &RunName, closed: Closed) -> Error {
    match closed {
        Closed::Foreign => unreadable(run, "its file is not a journal file"),
        Closed::Newer => Error::Journal {
            what: format!("failed to read run {run} from the journal"),
            cause: "it was recorded by a newer version of doctor".to_owned(),
            help: "upgrade doctor to the latest version".into(),
        },
        Closed::Broken => unreadable(run, "its file was modified or truncated, or encrypted with another key"),
    }
}

/// Returns the error for a run whose key is in the keyring. If the keyring is unavailable, the run is not lost.
fn unavailable_key(run: &RunName, error: &KeyringError) -> Error {
    match error {
        KeyringError::Failed(_) => unreadable(run, &error.cause()),
        _ => Error::Journal {
            what: format!("failed to read run {run} from the journal"),
            cause: error.cause(),
            help: format!("{}, then try again", error.first_step()).into(),
        },
    }
}

fn unreadable(run: &RunName, cause: &str) -> Error {
    Error::Journal {
        what: format!("failed to read run {run} from the journal"),
        cause: cause.to_owned(),
        help: Help::command("restore the values by hand; to list the differences, run:", "doctor check"),
    }
}
