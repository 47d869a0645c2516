//! Notes: what is worth knowing and needs nothing done, in a line or two per rule.

use crate::drift::finding::Finding;
use crate::report::count::count;
use crate::report::paint::Tone;
use crate::report::text::block;
use crate::report::text::column::{columns, pad};
use crate::report::text::many::item;
use crate::report::text::page::Page;
use crate::report::text::phrase::{self, FEW, Kind, alike, kinds, listed};
use crate::report::{Detail, Report};

/// Notes that are a number and not a list, and what the number says. A service has many keys that the file has no
/// business with.
const COUNTED: &[(&str, &str)] = &[("missing-locally", "only on Railway")];
/// Keys in one line before the rest is counted.
const KEYS: usize = 8;
/// Lines of one rule before the rest is counted.
const LINES: usize = 8;

/// Writes the notes; with `-v` in full, but for those that are a number: there, the list.
pub(crate) fn write(page: &mut Page<'_>, report: &Report, notes: Vec<&Finding>) {
    let kinds = kinds(notes);
    let (full, folded): (Vec<_>, Vec<_>) =
        kinds.into_iter().partition(|kind| page.is_verbose() && counted(kind).is_none());
    for finding in full.iter().flat_map(|kind| &kind.findings) {
        block::write(page, report, finding);
    }
    if folded.is_empty() {
        return;
    }
    page.gap();
    page.line(&[(Tone::Note, "notes")]);
    let column = folded.iter().map(|kind| columns(kind.rule.name)).max().unwrap_or(0);
    for kind in &folded {
        fold(page, kind, column);
    }
}

fn counted(kind: &Kind<'_>) -> Option<&'static str> {
    COUNTED.iter().find(|(name, _)| *name == kind.rule.name).map(|&(_, words)| words)
}

fn fold(page: &mut Page<'_>, kind: &Kind<'_>, column: usize) {
    let lines = lines(kind, page.look.detail);
    let most = if page.is_verbose() { usize::MAX } else { LINES };
    let hang = column + 4;
    let mut name = kind.rule.name;
    for line in lines.iter().take(most) {
        page.paragraph(&[(Tone::Faint, &format!("  {}", pad(name, column + 2)))], hang, (Tone::Plain, line));
        name = "";
    }
    if let Some(more) = lines.len().checked_sub(most).filter(|&more| more > 0) {
        page.line(&[(Tone::Faint, &format!("{}and {} (-v shows them)", " ".repeat(hang), count(more, "more line")))]);
    }
}

fn lines(kind: &Kind<'_>, detail: Detail) -> Vec<String> {
    let groups = alike(kind.findings.iter().copied(), |finding| phrase::services(finding));
    if let Some(words) = counted(kind) {
        return groups.iter().map(|(_, findings)| number(findings, words, detail)).collect();
    }
    if let [finding] = kind.findings.as_slice() {
        return vec![single(finding)];
    }
    let mut lines = vec![kind.rule.summary.to_owned()];
    lines.extend(groups.iter().map(|(_, findings)| format!("{}{}", label(findings[0]), keys(findings, KEYS))));
    lines
}

/// `api: 14 keys only on Railway`, and which with `-v`.
fn number(findings: &[&Finding], words: &str, detail: Detail) -> String {
    let which = match detail {
        Detail::Verbose => format!(": {}", keys(findings, usize::MAX)),
        Detail::Normal | Detail::Quiet => " (-v lists them)".to_owned(),
    };
    let verb = if findings.len() == 1 { "is" } else { "are" };
    format!("{}{} {verb} {words}{which}", label(findings[0]), count(findings.len(), "key"))
}

fn label(finding: &Finding) -> String {
    let services = phrase::services(finding);
    let names = if services.is_empty() { phrase::files(finding) } else { services };
    if names.is_empty() { String::new() } else { format!("{}: ", listed(&names, FEW)) }
}

fn keys(findings: &[&Finding], most: usize) -> String {
    listed(&findings.iter().map(|finding| item(finding)).collect::<Vec<_>>(), most)
}

fn single(finding: &Finding) -> String {
    let reason = finding.reason.as_ref().map(|reason| format!(" · {reason}")).unwrap_or_default();
    format!("{}{reason}", phrase::in_one_line(finding))
}
