//! What is kept of one fix: enough to put it back.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::drift::Secret;
use crate::drift::model::resource::ResourceRef;
use crate::drift::plan::start_command::StartCommandChange;
use crate::io::storage::journal::run_name::RunName;

/// What a fix, or the undoing of one, is about to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    pub time: Timestamp,
    /// Which verb it was.
    pub command: RecordedCommand,
    /// The run that it undoes, for `undo`.
    pub undoes: Option<RunName>,
    /// The host of the API, so that what went to a loopback address is never put back on Railway.
    pub host: String,
    pub project: ResourceRef,
    pub environment: ResourceRef,
    /// Whether the environment was protected then: undoing asks as the fix did, whatever `doctor.toml` says by then.
    pub protected: bool,
    /// The working folder.
    pub folder: PathBuf,
    /// The variables that change on Railway.
    pub stores: Vec<RecordedVariable>,
    /// The files that change.
    pub files: Vec<RecordedFile>,
    pub settings: Vec<StartCommandChange>,
    /// The services that are to be deployed.
    pub deploys: Vec<ResourceRef>,
}

/// The verb that wrote a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedCommand {
    Fix,
    Undo,
}

/// One variable that changes on Railway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedVariable {
    /// The service; none for a shared variable.
    pub owner: Option<ResourceRef>,
    pub key: String,
    /// What was stored before.
    pub before: Before,
    /// What is stored afterwards; none if it is deleted.
    pub after: Option<Secret>,
}

/// What was stored before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// There was no such variable.
    Absent,
    /// The value as stored; a reference stays one.
    Stored(Secret),
    /// A value that Railway never returns: nothing can put it back.
    Sealed,
}

/// One file that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFile {
    /// Where it is: absolute, and no link.
    pub path: PathBuf,
    pub shown: String,
    /// The whole text before; none if there was no file.
    pub before: Option<Secret>,
    /// The whole text afterwards; none if the file is removed.
    pub after: Option<Secret>,
    /// The keys that change in it.
    pub keys: Vec<String>,
}
