//! Parses the incomplete line of a completion.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory};

use crate::cli::Cli;
use crate::io::config::ConfigChoice;

/// The parts of an incomplete line that determine candidates.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PartialLine {
    /// Whether it is `doctor demo`, which does not use the user's files.
    pub(super) is_demo: bool,
    /// `--config` and `--no-config`.
    pub(super) config: ConfigChoice,
    /// `--env-file`.
    pub(super) env_files: Vec<PathBuf>,
    /// `--service`.
    pub(super) services: Vec<String>,
    /// `--environment`.
    pub(super) environment: Option<String>,
    /// The environments that `compare` compares, as far as they are typed.
    pub(super) compared: Vec<String>,
    /// The words between `man` and the cursor.
    pub(super) verbs: Vec<String>,
}

impl PartialLine {
    /// Parses these words and ignores errors in them. `before` are the words before the cursor.
    pub(super) fn of(words: &[OsString], before: &[OsString]) -> Self {
        let parsed = Cli::command().ignore_errors(true).try_get_matches_from(words).unwrap_or_default();
        let mut inner = &parsed;
        while let Some((_, verb)) = inner.subcommand() {
            inner = verb;
        }
        let no_config = inner.try_get_one::<bool>("no_config").ok().flatten().is_some_and(|is_set| *is_set);
        let config = match all::<PathBuf>(inner, "config").pop() {
            Some(path) => ConfigChoice::Path(path),
            None if no_config => ConfigChoice::None,
            None => ConfigChoice::Nearest,
        };
        let after_man = before.iter().skip(1).skip_while(|word| *word != "man").skip(1);
        Self {
            is_demo: parsed.subcommand_name() == Some("demo"),
            config,
            env_files: all(inner, "env_file"),
            services: all(inner, "service"),
            environment: all(inner, "environment").pop(),
            compared: ["left", "right"].into_iter().flat_map(|side| all(inner, side)).collect(),
            verbs: after_man.filter_map(|word| word.to_str().map(str::to_owned)).collect(),
        }
    }
}

/// Returns the values of a flag, if the command has that flag.
fn all<T: Clone + Send + Sync + 'static>(verb: &ArgMatches, flag: &str) -> Vec<T> {
    verb.try_get_many(flag).ok().flatten().into_iter().flatten().cloned().collect()
}
