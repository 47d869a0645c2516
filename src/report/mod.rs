//! The saying: a report in, bytes out. Pure.

pub mod count;
pub mod escape;
pub mod json;
pub mod paint;
pub mod shell;
pub mod text;

#[cfg(test)]
mod sample;

use std::io::{self, Write};

use crate::drift::finding::{Finding, Severity};
use crate::drift::scope::Objection;
use crate::drift::secret::FingerprintKey;
use crate::drift::survey::Named;

/// What a verb found, in the shape that every format tells.
#[derive(Debug)]
pub struct Report {
    /// `check`.
    pub command: &'static str,
    /// How this run was called: `["doctor"]`, or `["doctor", "demo"]`; printed commands start with it.
    pub program: Vec<String>,
    /// Targeting flags of this run, repeated in printed commands: `["--environment=staging"]`.
    pub flags: Vec<String>,
    /// The services that were named by flags, each with its flag: (`agentverse-worker-staging`, `--service=worker`).
    pub service_flags: Vec<(String, String)>,
    /// The project.
    pub project: Named,
    /// Where the project was named: `doctor.toml`, `railway link`, `--project`, `RAILWAY_TOKEN`, `RAILWAY_PROJECT_ID`.
    pub project_origin: String,
    /// The environment.
    pub environment: Named,
    /// Where the environment was named.
    pub environment_origin: String,
    /// Why these services: `doctor.toml`, `--service`, `by shared keys`.
    pub services_origin: String,
    /// The files in use and why: `.env` (`default`), `.env.local` (`--env-file`).
    pub files: Vec<(String, String)>,
    /// One line per service in scope, sorted by name.
    pub services: Vec<ServiceLine>,
    /// Services that were left out by default, and why.
    pub left_out: Vec<(String, Objection)>,
    /// The keys of `--only`, if the run was about them alone.
    pub only: Vec<String>,
    /// Sorted: worst first, then by code, key, service.
    pub findings: Vec<Finding>,
    /// How many findings `[[ignore]]` and `[severity]` took away.
    pub ignored: usize,
    /// Remarks on the run that are no findings: a part of a name that was resolved, sections of `doctor.toml` not used yet.
    pub remarks: Vec<String>,
    /// HTTP requests sent.
    pub requests: usize,
    /// What counts as failure; `None` is `--fail-on never`.
    pub fail_on: Option<Severity>,
    /// Whether a `doctor.toml` was used.
    pub configured: bool,
    /// The process's exit code.
    pub exit_code: u8,
}

impl Report {
    /// Values compared, over all services.
    pub fn compared(&self) -> usize {
        self.services.iter().map(|line| line.compared).sum()
    }

    /// Keys that could not be compared because Railway never returns their values, over all services.
    pub fn sealed(&self) -> usize {
        self.services.iter().map(|line| line.sealed).sum()
    }

    /// Whether a finding of that severity makes the run fail.
    pub fn fails(&self, severity: Severity) -> bool {
        self.fail_on.is_some_and(|least| severity >= least)
    }
}

/// What one service came to.
#[derive(Debug)]
pub struct ServiceLine {
    /// The service.
    pub service: Named,
    /// Its name in `doctor.toml`.
    pub alias: Option<String>,
    /// Values compared.
    pub compared: usize,
    /// Keys of the file whose stored value is sealed.
    pub sealed: usize,
    /// Why it could not be read: the error's two first lines in one.
    pub error: Option<String>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: schema 1.
    Json,
}

/// Every format and its name on the command line.
pub const FORMATS: &[(&str, Format)] = &[("text", Format::Text), ("json", Format::Json)];

/// How a text report looks.
#[derive(Debug)]
pub struct Look<'k> {
    /// Whether escape sequences for colour are written.
    pub colour: bool,
    /// Columns to fit into.
    pub width: usize,
    /// How much is told.
    pub detail: Detail,
    /// Fingerprints, or with `--show-values` the values.
    pub values: Values<'k>,
}

/// How much a text report tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// `-q`: what failed, in one line each.
    Quiet,
    /// Findings, remedies, table.
    Normal,
    /// `-v`: every key behind a summary line, every reason behind an ignore.
    Verbose,
}

/// What stands in the place of a value.
pub enum Values<'k> {
    /// A fingerprint under this run's key.
    Fingerprints(&'k FingerprintKey),
    /// The value itself, escaped: only ever on a terminal, at the user's wish.
    Shown,
}

impl std::fmt::Debug for Values<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Fingerprints(_) => "Fingerprints",
            Self::Shown => "Shown",
        })
    }
}

/// Writes the report in that format.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, format: Format, look: &Look<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, look, out),
        Format::Json => json::write(report, out),
    }
}
