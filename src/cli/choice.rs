//! What a flag can be set to.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::report::matrix::{FORMATS as MATRIX_FORMATS, MatrixFormat};
use crate::report::{FORMATS, Format};

/// The formats of one kind of result, and what `--help` says of them.
pub trait OutputFormat: ValueEnum + Send + Sync + 'static {
    /// Beside `--format`.
    const FORMAT_HELP: &str;
    /// Beside `--output`.
    const FILE_HELP: &str;
}

impl OutputFormat for Format {
    const FORMAT_HELP: &str = "text, json, sarif, github, junit, markdown, html";
    const FILE_HELP: &str = "Write the report into this file";
}

impl OutputFormat for MatrixFormat {
    const FORMAT_HELP: &str = "text, markdown, html or json";
    const FILE_HELP: &str = "Write the matrix into this file";
}

// The names of formats stand in one list beside what writes them, so they are not derived.
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

/// The second of each pair, at compile time.
const fn second_of<F: Copy, const COUNT: usize>(pairs: &[(&str, F)]) -> [F; COUNT] {
    let mut all = [pairs[0].1; COUNT];
    let mut index = 0;
    while index < COUNT {
        all[index] = pairs[index].1;
        index += 1;
    }
    all
}

/// What to do when somebody has staged a change of the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Staging {
    /// Write nothing.
    Stop,
    /// Write all the same.
    Ignore,
}

/// A shell that completions are written for.
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

/// How a verb without findings tells its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What is described by a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// What `--format json` prints.
    Report,
    /// `doctor.toml`.
    Config,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// From which severity on findings fail a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Any finding.
    Note,
    /// No finding does.
    Never,
}

/// The hooks that doctor can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HookName {
    /// Before each commit.
    PreCommit,
    /// Before each push.
    PrePush,
}
