//! The saying: a report in, bytes out. Pure.

pub mod auth_status;
pub mod count;
pub mod escape;
pub mod explain;
pub mod github;
pub mod hook_findings;
pub mod html;
pub mod init_lists;
pub mod json;
pub mod junit;
pub mod link;
pub mod markdown;
pub mod matrix;
pub mod paint;
pub mod sarif;
pub mod schema;
pub mod shell_command;
pub mod text;
pub mod trust_summary;
pub mod undo_list;
pub mod verdict;

#[cfg(test)]
mod test_support;

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::drift::Secret;
use crate::drift::engine::service_status::StatusCheck;
use crate::drift::matrix::Matrix;
use crate::drift::model::finding::Finding;
use crate::drift::model::receipt::{Outcome, Receipt, ReceiptFailure, Shortfall};
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::secret::FingerprintKey;
use crate::drift::model::severity::Severity;
use crate::drift::plan::Plan;
use crate::drift::service_scope::Exclusion;
pub use crate::report::undo_list::History;
pub use crate::report::verdict::ServiceVerdict;

/// What a verb found, in the shape that every format tells.
#[derive(Debug, Default)]
pub struct Report {
    /// `check`, `fix` or `undo`.
    pub command: &'static str,
    /// How this run was called: `["doctor"]`, or `["doctor", "demo"]`; printed commands start with it.
    pub program: Vec<String>,
    /// Targeting flags of this run, repeated in printed commands: `["--environment=staging"]`.
    pub flags: Vec<String>,
    /// The services that were named by flags, each with its flag: (`agentverse-worker-staging`, `--service=worker`).
    pub service_flags: Vec<(String, String)>,
    /// The project.
    pub project: ResourceRef,
    /// Where the project was named: `doctor.toml`, `railway link`, `--project`, `RAILWAY_TOKEN`, `RAILWAY_PROJECT_ID`.
    pub project_origin: String,
    /// The environment.
    pub environment: ResourceRef,
    /// Where the environment was named.
    pub environment_origin: String,
    /// Why these services: `doctor.toml`, `--service`, `by shared keys`.
    pub services_origin: String,
    /// The files in use and why: `.env` (`default`), `.env.local` (`--env-file`).
    pub files: Vec<(String, String)>,
    /// One line per service in scope, sorted by name.
    pub services: Vec<ServiceLine>,
    /// Services that were left out by default, and why.
    pub left_out: Vec<(String, Exclusion)>,
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
    /// What became of each step; none for `check`.
    pub receipts: Vec<Receipt>,
    /// What is wrong with the changes of this run, by service or file; the exit code of a run that wrote follows from it.
    pub shortfalls: BTreeMap<String, Shortfall>,
    /// Deployments that failed.
    pub failures: Vec<ReceiptFailure>,
    /// What a person should know of how it ended; sentences without full stop.
    pub endings: Vec<String>,
    /// Commands that add a named key to a service which does not hold it: for a person to decide, so a `next` of nothing.
    pub to_add: Vec<Vec<String>>,
    /// The command that restores what this run changed, if it changed something and recorded it.
    pub way_back: Option<String>,
    /// Which part is told, in formats for people.
    pub part: ReportPart,
    /// What would be done, where nothing was done yet.
    pub plan: Option<Planned>,
    /// Keys down, services across, for the formats that show it.
    pub matrix: Option<Matrix>,
    /// Whether nobody has looked at both sides since something was written: findings and numbers would be those from before.
    pub unseen: bool,
}

/// A plan that nobody has carried out.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The commands that carry it out without asking, one after the other; none where no command says exactly this.
    pub commands: Vec<Vec<String>>,
}

/// Which part of a report is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportPart {
    /// All of it.
    #[default]
    Whole,
    /// What was found, to somebody who is about to be asked what to do about it.
    Question,
    /// What came of it, below a plan that has told the target.
    Outcome,
}

impl Report {
    /// Whether it tells of a comparison. An undoing compares nothing, and neither does a fix that was cut short.
    pub fn compares(&self) -> bool {
        self.command != "undo" && !self.unseen
    }

    /// Values compared, over all services.
    pub fn compared(&self) -> usize {
        self.services.iter().map(|line| line.compared).sum()
    }

    /// Keys that could not be compared because Railway never returns their values, over all services.
    pub fn sealed(&self) -> usize {
        self.services.iter().map(|line| line.sealed).sum()
    }

    /// Keys that could not be compared for another reason, over all services.
    pub fn unknown(&self) -> usize {
        self.services.iter().map(|line| line.unknown).sum()
    }

    /// What became of the steps, counted: `2 done, 1 not-tried`; without any, that there was none.
    pub fn steps(&self) -> String {
        let number = |outcome: Outcome| self.receipts.iter().filter(|receipt| receipt.outcome == outcome).count();
        let words: Vec<String> = Outcome::ALL
            .iter()
            .map(|&outcome| (number(outcome), outcome.name()))
            .filter(|&(number, _)| number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        if words.is_empty() { "nothing was done".to_owned() } else { words.join(", ") }
    }

    /// How it ended, a sentence each, the way back last: for every format but text, which puts it where it is read.
    pub fn all_endings(&self) -> Vec<String> {
        let way_back = self.way_back.iter().map(|command| format!("`{command}` restores what this run changed"));
        self.endings.iter().cloned().chain(way_back).collect()
    }

    /// Whether a finding of that severity makes the run fail.
    pub fn fails(&self, severity: Severity) -> bool {
        self.fail_on.is_some_and(|least| severity >= least)
    }
}

/// What one service came to.
#[derive(Clone, Debug)]
pub struct ServiceLine {
    /// The service.
    pub service: ResourceRef,
    /// Its name in `doctor.toml`.
    pub alias: Option<String>,
    /// Values compared.
    pub compared: usize,
    /// Keys of the file whose stored value is sealed.
    pub sealed: usize,
    /// Keys of the file that could not be compared for another reason.
    pub unknown: usize,
    /// Why it could not be read: the error's two first lines in one.
    pub error: Option<String>,
    /// What was looked at of how it runs; nothing where nothing was.
    pub checks: Vec<StatusCheck>,
}

impl ServiceLine {
    /// What could not be compared, each with a leading comma: `, 1 sealed, 2 unknown`.
    pub(crate) fn uncompared(&self) -> String {
        [vec![String::new()], uncompared(self.sealed, self.unknown)].concat().join(", ")
    }
}

/// `1 sealed`, `2 unknown`; nothing where everything was compared.
pub(crate) fn uncompared(sealed: usize, unknown: usize) -> Vec<String> {
    let counts = [(sealed, "sealed"), (unknown, "unknown")];
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect()
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: schema 1.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// The XML of `JUnit`, for the test pages of CI systems.
    Junit,
    /// For a comment on a pull request.
    Markdown,
    /// For a browser: one page.
    Html,
}

/// Every format and its name on the command line.
pub const FORMATS: &[(&str, Format)] = &[
    ("text", Format::Text),
    ("json", Format::Json),
    ("sarif", Format::Sarif),
    ("github", Format::Github),
    ("junit", Format::Junit),
    ("markdown", Format::Markdown),
    ("html", Format::Html),
];

/// How a text report looks.
#[derive(Debug)]
pub struct TextOptions<'k> {
    /// Whether escape sequences for colour are written.
    pub colour: bool,
    /// Whether names are links to pages of Railway's.
    pub links: bool,
    /// Columns to fit into.
    pub width: usize,
    /// How much is told.
    pub detail: Detail,
    /// Fingerprints, or with `--show-values` the values.
    pub values: Values<'k>,
    /// Whether what services say is shown.
    pub logs: Logs,
    /// Whether start commands are shown.
    pub commands: CommandTexts,
}

/// Whether start commands are shown: people write credentials into them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandTexts {
    /// On a terminal.
    Shown,
    /// As values are.
    Masked,
}

/// Whether logs and answers may be shown: they are a service's own words, and a log of CI is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    /// On a terminal, or with `--show-logs`.
    Shown,
    /// They are counted.
    Counted,
}

impl TextOptions<'_> {
    /// What stands in the place of a value.
    pub fn mask(&self, value: &Secret) -> String {
        match self.values {
            Values::Fingerprints(key) => format!("● {}", value.fingerprint(key)),
            Values::Withheld => "●".to_owned(),
            Values::Shown if value.expose().is_empty() => "(empty)".to_owned(),
            Values::Shown => escape::value(value.expose()),
        }
    }
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
    /// The same sign for all: fingerprints would show which value of a checkout's file is equal to a secret.
    Withheld,
    /// The value itself, escaped: only ever on a terminal, at the user's wish.
    Shown,
}

impl std::fmt::Debug for Values<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Fingerprints(_) => "Fingerprints",
            Self::Withheld => "Withheld",
            Self::Shown => "Shown",
        })
    }
}

/// A plan as text, below the target if that was not told yet: what a person sees before saying yes.
pub fn plan(report: &Report, plan: &Plan, look: &TextOptions<'_>) -> String {
    text::plan(report, plan, look)
}

/// Writes the list of runs in that format.
///
/// # Errors
///
/// Those of `out`.
pub fn write_history(history: &History, format: Format, look: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    undo_list::write(history, format, look, out)
}

/// What the form for programs has no place for, a line each: why steps are not done, and how it ended.
pub fn aside(report: &Report) -> Vec<String> {
    let undone = report.receipts.iter().filter(|receipt| receipt.detail.is_some());
    let mut lines: Vec<String> = undone.map(receipt_line).collect();
    for failure in &report.failures {
        lines.extend(failure.step.iter().map(|step| format!("{}: {step}", failure.service)));
        lines.push(format!("see {}", failure.link));
    }
    lines.extend(report.all_endings());
    lines.iter().map(|line| escape::line(line).into_owned()).collect()
}

/// Every step in a line.
pub fn receipts(report: &Report) -> Vec<String> {
    report.receipts.iter().map(|receipt| escape::line(&receipt_line(receipt)).into_owned()).collect()
}

fn receipt_line(receipt: &Receipt) -> String {
    let words = [receipt.key.as_deref(), receipt.detail.as_deref()].into_iter().flatten().collect::<Vec<_>>();
    format!("{} {} {} {}", receipt.outcome.name(), receipt.change, receipt.place, words.join(": "))
}

/// Writes the report in that format.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, format: Format, look: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, look, out),
        Format::Json => json::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Github => github::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Markdown => markdown::write(report, out),
        Format::Html => html::write(report, out),
    }
}
