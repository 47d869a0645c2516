//! Reports in every output format. Pure: a report in, bytes out.

pub mod auth_status;
pub mod baseline;
pub mod count;
mod environments;
pub mod escape;
pub mod explain;
mod extent;
pub(crate) mod finding_help;
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
pub mod pull;
pub mod sarif;
pub mod schema;
pub mod shell_command;
pub mod text;
pub mod trace;
pub mod trust_summary;
pub mod undo_list;
pub mod verdict;

#[cfg(test)]
mod compare_sample;
#[cfg(test)]
mod compare_tests;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod test_support;

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;

use crate::drift::Secret;
use crate::drift::dotenv::CheckoutSource;
use crate::drift::engine::ignored::IgnoredFinding;
use crate::drift::engine::service_status::StatusCheck;
use crate::drift::matrix::Matrix;
use crate::drift::model::finding::Finding;
use crate::drift::model::receipt::{Outcome, Receipt, ReceiptFailure, Shortfall};
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::secret::FingerprintKey;
use crate::drift::model::severity::Severity;
use crate::drift::plan::Plan;
use crate::drift::service_scope::Exclusion;
use crate::report::baseline::BaselineReport;
pub(crate) use crate::report::extent::uncompared;
pub use crate::report::text::question::{AskedFinding, Legend};
pub use crate::report::trace::{TraceReport, TraceRole};
pub use crate::report::undo_list::History;
pub use crate::report::verdict::ServiceVerdict;

/// The origin of a file that a linked worktree reads from the main worktree.
pub const MAIN_WORKTREE: &str = "main worktree";

/// The results of a command. Every format is rendered from it.
#[derive(Debug, Default)]
pub struct Report {
    /// `check`, `compare`, `trace`, `fix`, `rotate` or `undo`.
    pub command: &'static str,
    /// The program of this run, `["doctor"]` or `["doctor", "demo"]`. Printed commands start with it.
    pub program: Vec<String>,
    /// Targeting flags of this run, repeated in printed commands: `["--environment=staging"]`.
    pub flags: Vec<String>,
    /// The services that were named by flags, each with its flag: (`agentverse-worker-staging`, `--service=worker`).
    pub service_flags: Vec<(String, String)>,
    pub project: ResourceRef,
    /// Where the project was named: `doctor.toml`, `railway link`, `--project`, `RAILWAY_TOKEN`, `RAILWAY_PROJECT_ID`.
    pub project_origin: String,
    pub environment: ResourceRef,
    /// Where the environment was named.
    pub environment_origin: String,
    /// The environment that it is compared with, if two environments are compared.
    pub other_environment: Option<ResourceRef>,
    /// How the services were selected: `doctor.toml`, `--service`, `by shared keys`; empty for all of them.
    pub services_origin: String,
    /// The files in use, each with its origin: `.env` (`default`), `.env.local` (`--env-file`). None if two environments are
    /// compared.
    pub files: Vec<(String, String)>,
    /// The files that declare needs, if a service is compared with no file: `doctor.toml`, `.env.example`.
    pub declarations: Vec<String>,
    /// The keys that they declare as needed by any service.
    pub needed: Vec<String>,
    /// Conventional layers next to a default file that are not read: `.env.local`.
    pub unread_layers: Vec<String>,
    /// One line per service in scope, sorted by name.
    pub services: Vec<ServiceLine>,
    /// Services that were left out by default, each with the reason.
    pub left_out: Vec<(String, Exclusion)>,
    /// The keys of `--only`.
    pub only: Vec<String>,
    /// Sorted: worst first, then by urgency, code, key, service.
    pub findings: Vec<Finding>,
    /// Keys that only some services have. Nothing requires them on the others, so they are not findings.
    pub optional: Vec<Finding>,
    /// The findings that `[[ignore]]`, `[severity]` and the baseline removed.
    pub ignored: Vec<IgnoredFinding>,
    /// The baseline, if `--baseline` is set.
    pub baseline: Option<BaselineReport>,
    /// Remarks that are not findings, such as a partial name that was resolved.
    pub remarks: Vec<String>,
    /// HTTP requests sent.
    pub requests: usize,
    /// The time of the run, for formats that are kept.
    pub time: Option<Timestamp>,
    /// The least severity that fails the run; `None` is `--fail-on never`.
    pub fail_on: Option<Severity>,
    /// Whether a `doctor.toml` was used.
    pub configured: bool,
    /// The process's exit code.
    pub exit_code: u8,
    /// The outcome of each step; empty for `check`.
    pub receipts: Vec<Receipt>,
    /// What failed about the changes of this run, by service or file. It decides the exit code of a run that wrote.
    pub shortfalls: BTreeMap<String, Shortfall>,
    /// Deployments that failed.
    pub failures: Vec<ReceiptFailure>,
    /// Remarks on how the run ended; phrases without full stop.
    pub endings: Vec<String>,
    /// Commands that add a named key to a service that lacks it. Only the user can decide that, so none is a `next`.
    pub to_add: Vec<Vec<String>>,
    /// The command that shows the findings that are left.
    pub check_command: Option<String>,
    /// The command that undoes this run, if the run changed something and recorded it.
    pub undo_command: Option<String>,
    /// The part that formats for people show.
    pub part: ReportPart,
    /// The plan, if it was not executed.
    pub plan: Option<Planned>,
    /// The matrix of keys and services, for formats that show it.
    pub matrix: Option<Matrix>,
    /// The places where a value is used: for `trace`, and for `rotate` those where the old value is left.
    pub trace: Option<TraceReport>,
    /// Whether both sides were not read again after a write, so that findings and numbers would be outdated.
    pub not_rechecked: bool,
    /// The findings that were shown before the prompts of this run. A text report does not repeat them.
    pub known: Vec<Finding>,
}

/// A plan that was not executed.
#[derive(Debug)]
pub struct Planned {
    pub plan: Plan,
    /// The commands that execute it without a prompt, in order; empty if no flags express exactly this plan.
    pub commands: Vec<Vec<String>>,
}

/// The part of a report that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportPart {
    /// All of it.
    #[default]
    Whole,
    /// The findings, above a prompt.
    Question,
    /// The outcome, below a plan that has shown the target.
    Outcome,
}

impl Report {
    /// Returns whether it has the results of a comparison. A trace, a rotation and an undo compare nothing, and neither
    /// does an interrupted fix.
    pub fn compares(&self) -> bool {
        !["trace", "rotate", "undo"].contains(&self.command) && !self.not_rechecked
    }

    /// Returns whether the finding was shown before the prompts of this run. It may affect fewer services now.
    pub fn is_known(&self, finding: &Finding) -> bool {
        self.known.iter().any(|known| {
            known.rule.name == finding.rule.name
                && known.key == finding.key
                && finding.services.iter().all(|service| known.services.contains(service))
        })
    }

    /// Returns whether the variables are read from standard input, also by the printed commands.
    pub(crate) fn reads_input(&self) -> bool {
        self.flags.iter().any(|flag| flag == "--env-file=-")
    }

    /// Returns whether a command without further flags can't use the files of this run, or must not write them.
    pub(crate) fn has_read_only_files(&self) -> bool {
        self.reads_input() || self.files.iter().any(|(_, origin)| origin == MAIN_WORKTREE)
    }

    /// Returns the number of steps by outcome, `2 done, 1 not-tried`; without any, `nothing was done`.
    pub fn steps(&self) -> String {
        let number = |outcome: Outcome| self.receipts.iter().filter(|receipt| receipt.outcome == outcome).count();
        let counts: Vec<String> = Outcome::ALL
            .iter()
            .map(|&outcome| (number(outcome), outcome.name()))
            .filter(|&(number, _)| number > 0)
            .map(|(number, outcome)| format!("{number} {outcome}"))
            .collect();
        if counts.is_empty() { "nothing was done".to_owned() } else { counts.join(", ") }
    }

    /// Returns the remarks on how it ended and the command that undoes it, for formats without a separate undo command.
    pub fn all_endings(&self) -> Vec<String> {
        let undo = self.undo_command.iter().map(|command| format!("to undo this run: `{command}`"));
        self.endings.iter().cloned().chain(undo).collect()
    }

    /// Returns whether a finding of that severity makes the run fail.
    pub fn fails(&self, severity: Severity) -> bool {
        self.fail_on.is_some_and(|least| severity >= least)
    }
}

/// The results for one service.
#[derive(Clone, Debug)]
pub struct ServiceLine {
    pub service: ResourceRef,
    /// Its name in `doctor.toml`.
    pub alias: Option<String>,
    /// Values compared.
    pub compared: usize,
    /// Keys of the file whose stored value is sealed.
    pub sealed: usize,
    /// Keys of the file that could not be compared for another reason.
    pub unknown: usize,
    /// The needs that were checked; `None` if it is compared with files.
    pub needs: Option<usize>,
    /// The keys that templates declare as needed, and that it lacks.
    pub lacking: Vec<String>,
    /// The error and its cause, if the service could not be read.
    pub error: Option<String>,
    /// The running deployment, or the newest one if none is running; `None` if it was not read or there is none.
    pub deployment: Option<ServiceDeployment>,
    /// The checks of its running state.
    pub checks: Vec<StatusCheck>,
}

/// A deployment of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceDeployment {
    pub id: String,
    /// Railway's name of its status: `SUCCESS`.
    pub status: String,
    /// The full hash of its commit; `None` for an image and for `railway up`.
    pub commit: Option<String>,
}

/// An output format.
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
    /// One page for a browser.
    Html,
}

/// Every format, by its name on the command line.
pub const FORMATS: &[(&str, Format)] = &[
    ("text", Format::Text),
    ("json", Format::Json),
    ("sarif", Format::Sarif),
    ("github", Format::Github),
    ("junit", Format::Junit),
    ("markdown", Format::Markdown),
    ("html", Format::Html),
];

/// How a text report is rendered.
#[derive(Debug)]
pub struct TextOptions<'k> {
    /// Whether escape sequences for colour are written.
    pub colour: bool,
    /// Whether names are links to the dashboard.
    pub links: bool,
    /// Columns to fit into.
    pub width: usize,
    /// How much is shown.
    pub detail: Detail,
    /// Fingerprints, or with `--show-values` the values.
    pub values: Values<'k>,
    /// Whether logs and response bodies are shown.
    pub logs: Logs,
    /// Whether start commands are shown.
    pub commands: CommandTexts,
}

/// Whether start commands are shown. They may contain credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandTexts {
    /// In a terminal.
    Shown,
    /// Masked, as values are.
    Masked,
}

/// Whether logs and response bodies are shown. A service may print secrets, and CI logs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    /// In a terminal, or with `--show-logs`.
    Shown,
    /// Only their size is shown.
    Counted,
}

/// What is shown for an empty value.
const EMPTY: &str = "(empty)";

impl TextOptions<'_> {
    /// Returns the text that is shown for a value; findings state that a value is empty, so it is shown.
    pub fn mask(&self, value: &Secret) -> String {
        match self.values {
            _ if value.expose().is_empty() => EMPTY.to_owned(),
            Values::Fingerprints(key) => format!("● {}", value.fingerprint(key)),
            Values::Redacted(_) => "●".to_owned(),
            Values::Shown => escape::value(value.expose()),
        }
    }
}

/// How much a text report shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// `-q`: each failure in one line.
    Quiet,
    /// Findings and the table.
    Normal,
    /// `-v`: every key behind a count, and every reason.
    Verbose,
}

/// What is shown for a value.
pub enum Values<'k> {
    /// A fingerprint under this run's key.
    Fingerprints(&'k FingerprintKey),
    /// `●` for all: fingerprints would reveal whether a guess in a committed file equals a secret.
    Redacted(CheckoutSource),
    /// The value itself, escaped; only in a terminal, with `--show-values`.
    Shown,
}

impl std::fmt::Debug for Values<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Fingerprints(_) => "Fingerprints",
            Self::Redacted(_) => "Redacted",
            Self::Shown => "Shown",
        })
    }
}

/// Returns a plan as text, below the target if that was not printed yet.
pub fn plan(report: &Report, plan: &Plan, options: &TextOptions<'_>) -> String {
    text::plan(report, plan, options)
}

/// Returns the text report.
pub fn text(report: &Report, options: &TextOptions<'_>) -> String {
    text::text(report, options)
}

/// Returns a finding as text, for a question about it.
pub fn finding(report: &Report, asked: &AskedFinding<'_>, options: &TextOptions<'_>) -> String {
    text::finding(report, asked, options)
}

/// Writes the list of runs in a format.
///
/// # Errors
///
/// Those of `out`.
pub fn write_history(
    history: &History,
    format: Format,
    options: &TextOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    undo_list::write(history, format, options, out)
}

/// Returns the lines that accompany the JSON format: details of steps, failed deployments and remarks.
pub fn aside(report: &Report) -> Vec<String> {
    let detailed = report.receipts.iter().filter(|receipt| receipt.detail.is_some());
    let mut lines: Vec<String> = detailed.map(receipt_line).collect();
    for failure in &report.failures {
        lines.extend(failure.step.iter().map(|step| format!("{}: {step}", failure.service)));
        lines.push(format!("see: {}", failure.link));
    }
    lines.extend(report.all_endings());
    lines.iter().map(|line| escape::line(line).into_owned()).collect()
}

/// Returns one line for each step.
pub fn receipts(report: &Report) -> Vec<String> {
    report.receipts.iter().map(|receipt| escape::line(&receipt_line(receipt)).into_owned()).collect()
}

fn receipt_line(receipt: &Receipt) -> String {
    let details = [receipt.key.as_deref(), receipt.detail.as_deref()].into_iter().flatten().collect::<Vec<_>>();
    format!("{} {} {} {}", receipt.outcome.name(), receipt.change, receipt.place, details.join(": "))
}

/// Writes the report in a format.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, format: Format, options: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, options, out),
        Format::Json => json::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Github => github::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Markdown => markdown::write(report, out),
        Format::Html => html::write(report, out),
    }
}
