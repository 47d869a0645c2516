//! The values of flags.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::report::matrix::{FORMATS as MATRIX_FORMATS, MatrixFormat};
use crate::report::{FORMATS, Format};

/// The output formats of a command, with their help texts.
pub trait OutputFormat: ValueEnum + Send + Sync + 'static {
    /// The help of `--format`.
    const FORMAT_HELP: &str;
    /// The help of `--output`.
    const FILE_HELP: &str;
}

impl OutputFormat for Format {
    const FORMAT_HELP: &str = "text, json, sarif, github, junit, markdown, html";
    const FILE_HELP: &str = "Write the report to this file";
}

impl OutputFormat for MatrixFormat {
    const FORMAT_HELP: &str = "text, markdown, html or json";
    const FILE_HELP: &str = "Write the matrix to this file";
}

// Not derived: the names of formats are in one list, next to the code that writes them.
impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Format; FORMATS.len()] = second_of(FORMATS);
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        FORMATS.iter().find(|(_, format)| format == self).map(|(name, _)| PossibleValue::new(*name))
    }
}

impl ValueEnum for MatrixFormat {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [MatrixFormat; MATRIX_FORMATS.len()] = second_of(MATRIX_FORMATS);
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        MATRIX_FORMATS.iter().find(|(_, format)| format == self).map(|(name, _)| PossibleValue::new(*name))
    }
}

/// Returns the second of each pair, at compile time.
const fn second_of<F: Copy, const COUNT: usize>(pairs: &[(&str, F)]) -> [F; COUNT] {
    let mut all = [pairs[0].1; COUNT];
    let mut index = 0;
    while index < COUNT {
        all[index] = pairs[index].1;
        index += 1;
    }
    all
}

/// What to do if a change of the same key is staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Staging {
    /// Write nothing.
    Stop,
    /// Write anyway.
    Ignore,
}

/// A shell with a completion script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellName {
    /// The Bourne Again Shell, 4 or newer.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly interactive shell.
    Fish,
    /// `PowerShell` 5 or newer.
    Powershell,
    /// Elvish.
    Elvish,
    /// Nushell.
    Nushell,
}

/// The output format of a command without findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// A document with a JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// The output of `--format json`.
    Report,
    /// `doctor.toml`.
    Config,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// In a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The lowest severity that fails a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Any finding.
    Note,
    /// Findings never fail a run.
    Never,
}

/// A git hook that `doctor` can be installed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HookName {
    /// Before each commit.
    PreCommit,
    /// Before each push.
    PrePush,
}
