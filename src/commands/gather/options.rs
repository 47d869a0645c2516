//! What a command wants to have gathered.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{GlobalArgs, TargetArgs};
use crate::commands::env_files::MissingFile;
use crate::commands::key_flags::KeyFlag;
use crate::commands::service_selection::ServiceFlagRole;

/// What is gathered.
#[derive(Debug)]
pub(crate) struct GatherOptions<'o> {
    /// The flags that every command has.
    pub(crate) global: &'o GlobalArgs,
    /// `--project`, `--environment`, `--service`.
    pub(crate) targeting: &'o TargetArgs,
    /// What its `--service` does.
    pub(crate) service_flags: ServiceFlagRole,
    /// `--env-file`.
    pub(crate) env_file: &'o [PathBuf],
    /// `--only`.
    pub(crate) only: &'o [String],
    /// `--timeout`.
    pub(crate) limit: Duration,
    /// What a default `.env` that is not there is taken for.
    pub(crate) absent: MissingFile,
    /// Whether what the last run asked for may be asked for ahead.
    pub(crate) haste: Prefetch,
}

impl<'o> GatherOptions<'o> {
    /// The keys that the run is about.
    pub(crate) fn only_flag(&self) -> KeyFlag<'o> {
        KeyFlag { flag: "--only", keys: self.only }
    }
}

/// Whether a run asks ahead of its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefetch {
    /// It does, and remembers for the next one.
    Ahead,
    /// One question after the other, for what is written from it.
    Disabled,
}
