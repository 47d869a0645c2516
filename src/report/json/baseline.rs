//! The JSON form of the comparison with a baseline.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::engine::baseline::BaselineEntry;
use crate::drift::rules::RULES;
use crate::report::baseline::{BaselineAction, BaselineReport};
use crate::report::json::{NamedForm, named};

/// The comparison with a baseline.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Baseline")]
pub(super) struct BaselineForm<'r> {
    /// The path of the file.
    file: &'r str,
    /// What the flags request: `compare` reports all findings, `new-only` only those that are new, and `write` writes the
    /// file first.
    #[schemars(extend("enum" = ["compare", "new-only", "write"]))]
    mode: &'static str,
    /// Whether the file has the findings of this run because of `write`.
    written: bool,
    /// The number of findings that the baseline covers.
    known: usize,
    /// The number of findings that it does not cover. Notes are counted only with `--fail-on note`.
    new: usize,
    /// The entries without a finding.
    gone: Vec<BaselineEntryForm<'r>>,
    /// The entries that have expired although their findings are still there.
    expired: Vec<BaselineEntryForm<'r>>,
}

/// An entry of a baseline.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "BaselineEntry")]
struct BaselineEntryForm<'r> {
    /// The name of the rule.
    #[schemars(extend("enum" = RULES.iter().map(|rule| rule.name).collect::<Vec<_>>()))]
    rule: &'r str,
    /// The key, or null.
    key: Option<&'r str>,
    /// The service, or null.
    service: Option<NamedForm<'r>>,
    /// The last day on which the entry applies.
    until: String,
    /// The 1-based line of the entry.
    line: usize,
}

pub(super) fn form(baseline: &BaselineReport) -> BaselineForm<'_> {
    let comparison = &baseline.comparison;
    BaselineForm {
        file: &baseline.file,
        mode: match baseline.action {
            BaselineAction::Compared => "compare",
            BaselineAction::Hidden => "new-only",
            BaselineAction::Written | BaselineAction::Unchanged | BaselineAction::NotWritten(_) => "write",
        },
        written: matches!(baseline.action, BaselineAction::Written | BaselineAction::Unchanged),
        known: comparison.known,
        new: comparison.new,
        gone: comparison.gone.iter().map(entry).collect(),
        expired: comparison.expired.iter().map(entry).collect(),
    }
}

fn entry(entry: &BaselineEntry) -> BaselineEntryForm<'_> {
    BaselineEntryForm {
        rule: entry.rule.name,
        key: entry.key.as_deref(),
        service: entry.service.as_ref().map(named),
        until: entry.until.to_string(),
        line: entry.line,
    }
}
