//! The JSON form of a finding, and of a finding that `doctor.toml` or the baseline removed.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::engine::ignored::{IgnoredFinding, IgnoringEntry};
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::rules::RULES;
use crate::report::json::SEVERITIES;
use crate::report::{Report, link, shell_command};

/// A finding.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Finding")]
pub(super) struct FindingForm<'r> {
    /// The code of the rule. Codes are never reused.
    code: &'r str,
    /// The name of the rule.
    #[schemars(extend("enum" = RULES.iter().map(|rule| rule.name).collect::<Vec<_>>()))]
    rule: &'r str,
    /// The severity in this run.
    #[schemars(extend("enum" = SEVERITIES))]
    severity: &'r str,
    /// The key, if the finding is about one.
    key: Option<&'r str>,
    /// The names of the services with this fault.
    services: Vec<&'r str>,
    /// The locations in files.
    places: Vec<PlaceForm<'r>>,
    /// One sentence. It contains no value.
    message: &'r str,
    /// The cause, if it is known.
    reason: Option<&'r str>,
    /// What `doctor fix` can do about it.
    #[schemars(extend("items" = { "type": "string", "enum": ["push", "pull", "redeploy", "start-command"] }))]
    remedies: Vec<&'r str>,
    /// The command to run next, as an argument list; null for a note that needs no action.
    next: Option<Vec<String>>,
    /// The dashboard URL of the deployment that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Place")]
struct PlaceForm<'r> {
    /// The path of the file.
    file: &'r str,
    /// 1-based.
    line: usize,
}

/// A finding that an entry of `doctor.toml` or of the baseline removed. It does not affect the exit code.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "IgnoredFinding")]
pub(super) struct IgnoredForm<'r> {
    /// What removed it: an `[[ignore]]`, `"off"` in `[severity]`, or the baseline.
    #[schemars(extend("enum" = IgnoringEntry::ALL.map(IgnoringEntry::name)))]
    by: &'static str,
    /// The reason in the entry; null for `[severity]`, and until it is filled in.
    reason: Option<&'r str>,
    /// The last day on which the entry applies, as `2027-01-01`; null if it has none.
    until: Option<String>,
    /// The 1-based line of the entry in its file.
    line: Option<usize>,
    /// The finding. It has no `next`.
    finding: FindingForm<'r>,
}

pub(super) fn finding<'r>(report: &Report, finding: &'r Finding) -> FindingForm<'r> {
    FindingForm {
        code: finding.rule.code,
        rule: finding.rule.name,
        severity: finding.severity.name(),
        key: finding.key.as_deref(),
        services: finding.services.iter().map(|service| service.name.as_str()).collect(),
        places: finding.places.iter().map(|place| PlaceForm { file: &place.file, line: place.line }).collect(),
        message: &finding.message,
        reason: finding.reason.as_deref(),
        remedies: finding.remedies.iter().copied().map(Remedy::name).collect(),
        next: finding.next.as_ref().map(|next| shell_command::arguments(report, next, &finding.services)),
        link: link::deployment(report, finding),
    }
}

pub(super) fn ignored<'r>(report: &Report, ignored: &'r IgnoredFinding) -> IgnoredForm<'r> {
    IgnoredForm {
        by: ignored.by.name(),
        reason: ignored.reason.as_deref(),
        until: ignored.until.map(|date| date.to_string()),
        line: ignored.line,
        finding: FindingForm { next: None, ..finding(report, &ignored.finding) },
    }
}
