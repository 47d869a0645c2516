//! Many findings of one rule, as one block: a first run on an ordinary project stays readable.

use std::collections::BTreeSet;

use crate::drift::model::finding::Finding;
use crate::drift::phrases::count;
use crate::drift::{ResourceRef, Severity};
use crate::report::paint::Tone;
use crate::report::text::finding_block;
use crate::report::text::page::TextPage;
use crate::report::text::text_width::{columns, pad};
use crate::report::text::wording::{self, FEW, FindingGroup, alike, listed};
use crate::report::{Report, escape};

/// Columns that a key may take before the rest of its row goes below it.
const KEY: usize = 32;
/// Keys of one list before the rest is counted.
const LISTED: usize = 50;
const INDENT: usize = 4;

/// Writes the findings of that kind: errors with a row each, the rest as lists of keys.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report, kind: &FindingGroup<'_>) {
    page.gap();
    let heading = count(kind.findings.len(), kind.severity.name());
    page.headline(&[(kind.severity.into(), &heading), (Tone::Plain, ": ")], kind.rule.summary, kind.rule.name);
    if kind.severity == Severity::Error {
        rows(page, kind);
    } else {
        lists(page, kind);
    }
    if let Some(advice) = shared(&kind.findings, |finding| finding.advice.as_ref()) {
        finding_block::fact(page, "help", advice);
    }
    page.line(&[(Tone::Faint, "  more  -v tells each of them in full")]);
    if let Some(words) = next(report, kind) {
        let services: Vec<ResourceRef> =
            kind.findings.iter().flat_map(|finding| finding.services.iter().cloned()).collect();
        finding_block::next(page, report, &words, &services);
    }
}

/// What they have in common, or the same about each of their keys: then all keys, unless `--only` has named some.
fn next(report: &Report, kind: &FindingGroup<'_>) -> Option<Vec<String>> {
    if let Some(words) = shared(&kind.findings, |finding| finding.next.as_ref()) {
        return Some(words.clone());
    }
    let is_about_its_key =
        |finding: &&Finding| finding.key.as_deref().map(Finding::fix_only) == finding.next && finding.next.is_some();
    kind.findings.iter().all(is_about_its_key).then(|| {
        let named = kind.findings.iter().filter(|_| !report.only.is_empty()).filter_map(|finding| finding.key.as_ref());
        let named: BTreeSet<String> = named.map(|key| format!("--only={key}")).collect();
        [String::from("fix")].into_iter().chain(named).collect()
    })
}

/// What stands for a finding in a list: its key, else its place, else its message.
pub(crate) fn item(finding: &Finding) -> String {
    let item = finding.key.clone().or_else(|| finding.places.first().map(wording::place));
    item.unwrap_or_else(|| finding.message.clone())
}

/// Where the findings of a list are: `.env · api, worker`.
fn whereabouts(finding: &Finding) -> String {
    let files = if finding.key.is_some() { wording::files(finding) } else { Vec::new() };
    let parts = [listed(&files, FEW), listed(&wording::services(finding), FEW)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn rows(page: &mut TextPage<'_>, kind: &FindingGroup<'_>) {
    let everywhere = shared(&kind.findings, |finding| Some(&finding.services).filter(|services| !services.is_empty()));
    if everywhere.is_some() {
        finding_block::fact(page, "on", &listed(&wording::services(kind.findings[0]), FEW));
    }
    let keys: Vec<String> = kind.findings.iter().map(|finding| escape::line(&item(finding)).into_owned()).collect();
    let limit = KEY.min(page.prose() / 2);
    let column = keys.iter().map(|key| columns(key)).filter(|&width| width <= limit).max().unwrap_or(limit);
    for (finding, key) in kind.findings.iter().zip(&keys) {
        let services = if everywhere.is_some() { Vec::new() } else { wording::services(finding) };
        row(page, key, column, &details(finding, &services));
    }
}

fn details(finding: &Finding, services: &[&str]) -> Vec<String> {
    let places: Vec<String> = finding.places.iter().map(wording::place).collect();
    let reason = finding.reason.clone().unwrap_or_default();
    let parts = [listed(&places, FEW), listed(services, FEW), reason];
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn row(page: &mut TextPage<'_>, key: &str, column: usize, details: &[String]) {
    let hang = INDENT + column + 2;
    let indent = " ".repeat(INDENT);
    if columns(key) > column {
        page.paragraph(&[(Tone::Plain, &indent)], INDENT, (Tone::Plain, key));
        page.flow(&[(Tone::Plain, &" ".repeat(hang))], hang, Tone::Plain, " · ", details);
    } else {
        let lead = [(Tone::Plain, indent.as_str()), (Tone::Plain, &pad(key, column + 2))];
        page.flow(&lead, hang, Tone::Plain, " · ", details);
    }
}

fn lists(page: &mut TextPage<'_>, kind: &FindingGroup<'_>) {
    for (label, findings) in alike(kind.findings.iter().copied(), whereabouts) {
        let mut items: Vec<String> = findings.iter().take(LISTED).map(|finding| item(finding)).collect();
        if findings.len() > LISTED {
            items.push(format!("and {} more (-v lists them)", findings.len() - LISTED));
        }
        let mut hang = INDENT;
        if !label.is_empty() {
            page.paragraph(&[(Tone::Plain, &" ".repeat(INDENT))], INDENT, (Tone::Faint, &label));
            hang += 2;
        }
        page.flow(&[(Tone::Plain, &" ".repeat(hang))], hang, Tone::Plain, ", ", &items);
    }
}

/// What all the findings have in common there, if they do.
fn shared<'r, T: PartialEq>(findings: &[&'r Finding], part: impl Fn(&'r Finding) -> Option<&'r T>) -> Option<&'r T> {
    let first = part(findings.first()?)?;
    findings.iter().all(|finding| part(finding) == Some(first)).then_some(first)
}
