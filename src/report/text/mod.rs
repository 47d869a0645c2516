//! For people: what is wrong, why, and what to type next, readable without colour and on 80 columns.

mod finding_block;
mod grouped_findings;
pub(crate) mod header;
pub(crate) mod last_lines;
mod note;
pub(crate) mod page;
mod plan;
mod receipt;
mod table;
pub(crate) mod text_width;
pub(crate) mod wording;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod transcript;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use crate::drift::model::finding::Finding;
use crate::drift::model::marker::Mark;
use crate::drift::model::receipt::Outcome;
use crate::drift::model::severity::Severity;
use crate::drift::phrases::count;
use crate::drift::plan::Plan;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::text::wording::FindingGroup;
use crate::report::{Detail, Report, ReportPart, TextOptions, shell_command};

/// More findings of one rule than this are told as one block.
const MANY: usize = 5;

/// Writes the report as text.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, look: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut page = TextPage::new(look);
    if look.detail == Detail::Quiet {
        quiet(&mut page, report);
    } else {
        if report.part != ReportPart::Outcome {
            header::write(&mut page, report);
        }
        receipt::write(&mut page, report);
        findings(&mut page, report);
        on_purpose(&mut page, report);
        legend(&mut page);
        totals(&mut page, report);
    }
    out.write_all(page.into_text().as_bytes())
}

/// What it all came to. Somebody who is about to be asked has seen it; an undoing compares nothing.
fn totals(page: &mut TextPage<'_>, report: &Report) {
    let compares = report.compares() && report.part != ReportPart::Question;
    if compares {
        table::write(page, report);
    }
    receipt::endings(page, report);
    if compares {
        last_lines::write(page, report);
    } else if report.part != ReportPart::Question {
        page.gap();
        let mut items = report.conclusion();
        items.push(count(report.requests, "request"));
        page.flow(&[], 2, Tone::Strong, " · ", &items);
    }
    receipt::way_back(page, report);
}

/// A plan, below the target if that was not told yet.
pub(crate) fn plan(report: &Report, plan: &Plan, look: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(look);
    if report.part == ReportPart::Whole {
        header::write(&mut page, report);
    }
    page.gap();
    plan::write(&mut page, plan);
    page.into_text()
}

/// What made the run fail, one line each, and the totals; nothing at all when nothing did.
fn quiet(page: &mut TextPage<'_>, report: &Report) {
    if report.exit_code == 0 {
        return;
    }
    for finding in report.findings.iter().filter(|finding| report.fails(finding.severity)) {
        let sentence = format!(": {} ({})", wording::in_one_line(finding), finding.rule.name);
        page.line(&[(finding.severity.into(), finding.severity.name()), (Tone::Plain, &sentence)]);
    }
    for line in &report.services {
        if let Some(error) = &line.error {
            page.line(&[(Tone::Error, "FAIL"), (Tone::Plain, &format!(" {}: {error}", line.service.name))]);
        }
    }
    for receipt in report.receipts.iter().filter(|receipt| receipt.outcome != Outcome::Done) {
        let words = [receipt.key.as_deref(), receipt.detail.as_deref()].into_iter().flatten().collect::<Vec<_>>();
        let outcome = receipt.outcome.name();
        page.line(&[
            (Tone::Error, outcome),
            (Tone::Plain, &format!(" {} {}: {}", receipt.change, receipt.place, words.join(": "))),
        ]);
    }
    if report.compares() {
        last_lines::write(page, report);
    } else {
        page.flow(&[], 2, Tone::Strong, " · ", &report.conclusion());
    }
    receipt::way_back(page, report);
}

fn findings(page: &mut TextPage<'_>, report: &Report) {
    let (notes, worse): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.severity == Severity::Note);
    // In the report's order, in which a consequence stands below its cause, whatever its rule.
    let kinds = wording::kinds(worse.iter().copied());
    let mut folded: HashMap<_, &FindingGroup<'_>> = HashMap::new();
    if !page.is_verbose() {
        folded.extend(kinds.iter().filter(|kind| kind.findings.len() > MANY).map(|kind| (kind.of(), kind)));
    }
    let mut told = HashSet::new();
    for finding in worse {
        let of = (finding.severity, finding.rule.name);
        match folded.get(&of) {
            None => finding_block::write(page, report, finding),
            Some(kind) if told.insert(of) => grouped_findings::write(page, report, kind),
            Some(_) => {}
        }
    }
    note::write(page, report, notes);
}

/// A first look at a project finds much that is meant to be: the way to say so is worth a line.
fn on_purpose(page: &mut TextPage<'_>, report: &Report) {
    let differing = report.findings.iter().filter(|finding| finding.rule.has_mark(Mark::Differs)).count();
    if report.configured || differing <= MANY {
        return;
    }
    if let Some(command) = shell_command::command(report, &["init".to_owned()], &[]) {
        page.gap();
        page.paragraph(
            &[],
            0,
            (Tone::Plain, "What differs on purpose can be recorded once, and is left out from then on:"),
        );
        page.line(&[(Tone::Faint, "  next  "), (Tone::Plain, &command)]);
    }
}

/// Why a value has no fingerprint.
fn withheld(page: &mut TextPage<'_>) {
    if page.withholds_fingerprints() {
        page.gap();
        let words =
            "● stands for a value; fingerprints are left out, because a file of variables comes from the checkout";
        page.paragraph(&[], 2, (Tone::Faint, words));
    }
}

fn legend(page: &mut TextPage<'_>) {
    if page.shows_fingerprints() {
        page.gap();
        let words = "● stands for a value; within this run, equal values have equal fingerprints";
        page.paragraph(&[], 2, (Tone::Faint, words));
    }
    withheld(page);
}
