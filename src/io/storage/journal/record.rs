//! The record of a run: everything that is needed to undo it.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::drift::Secret;
use crate::drift::model::resource::ResourceRef;
use crate::drift::plan::start_command::StartCommandChange;
use crate::io::storage::journal::run_name::RunName;

/// The planned changes of a fix or an undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    pub time: Timestamp,
    /// The command that made the changes.
    pub command: RecordedCommand,
    /// The run that `undo` restores.
    pub undoes: Option<RunName>,
    /// The API host, so that changes at a loopback address are never undone on Railway.
    pub host: String,
    pub project: ResourceRef,
    pub environment: ResourceRef,
    /// Whether the environment was protected. Undo requires the same confirmation, even if `doctor.toml` has changed
    /// since.
    pub protected: bool,
    /// The working directory.
    pub folder: PathBuf,
    /// The variables that change on Railway.
    pub stores: Vec<RecordedVariable>,
    /// The files that change.
    pub files: Vec<RecordedFile>,
    pub settings: Vec<StartCommandChange>,
    /// The services to deploy.
    pub deploys: Vec<ResourceRef>,
}

/// The command that wrote a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedCommand {
    Fix,
    Rotate,
    Undo,
}

/// One variable that changes on Railway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedVariable {
    /// The service; `None` for a shared variable.
    pub owner: Option<ResourceRef>,
    pub key: String,
    /// The stored value before.
    pub before: Before,
    /// The stored value after; `None` if the variable is deleted.
    pub after: Option<Secret>,
    /// Whether services get the same value before and after, because one of the two is a reference to the other.
    pub keeps_value: bool,
}

/// The state of a variable before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// The variable did not exist.
    Missing,
    /// The value as stored, with references unresolved.
    Stored(Secret),
    /// A sealed value. Railway never returns it, so it can't be restored.
    Sealed,
}

/// One file that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFile {
    /// The absolute path, with all links resolved.
    pub path: PathBuf,
    pub shown: String,
    /// The whole text before; `None` if the file did not exist.
    pub before: Option<Secret>,
    /// The whole text after; `None` if the file is removed.
    pub after: Option<Secret>,
    /// The keys that change in the file.
    pub keys: Vec<String>,
}
