//! The options of a command for gathering.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{GlobalArgs, TargetArgs};
use crate::commands::key_flags::KeyFlag;
use crate::commands::missing_file::MissingFile;
use crate::commands::service_selection::ServiceFlagRole;
use crate::io::railway::batch::ReadOptions;

/// What to gather, and how.
#[derive(Debug)]
pub(crate) struct GatherOptions<'o> {
    /// The global flags.
    pub(crate) global: &'o GlobalArgs,
    /// `--project`, `--environment`, `--service`.
    pub(crate) targeting: &'o TargetArgs,
    /// The role of `--service`.
    pub(crate) service_flags: ServiceFlagRole,
    /// `--env-file`.
    pub(crate) env_file: &'o [PathBuf],
    /// `--only`.
    pub(crate) only: &'o [String],
    /// `--timeout`.
    pub(crate) limit: Duration,
    /// How a missing default `.env` is treated.
    pub(crate) missing_file: MissingFile,
    /// What is read together with the values.
    pub(crate) along: ReadOptions,
    /// Whether to prefetch with the ids of the previous run.
    pub(crate) prefetch: Prefetch,
}

impl<'o> GatherOptions<'o> {
    /// Returns whether declared log lines and endpoints are checked. `--only` suppresses findings without a key, and a
    /// run that creates a file, or reads every service to search for a value, compares nothing.
    pub(crate) fn checks_expectations(&self) -> bool {
        let compares = self.missing_file != MissingFile::Created && self.service_flags != ServiceFlagRole::SelectOrAll;
        self.only.is_empty() && compares
    }

    /// Returns `--only` and its keys.
    pub(crate) fn only_flag(&self) -> KeyFlag<'o> {
        KeyFlag { flag: "--only", keys: self.only }
    }
}

/// Whether a run sends requests before their ids are confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefetch {
    /// It does, and caches the ids for the next run.
    Ahead,
    /// It does not, because its result is the basis of a change.
    Disabled,
}
