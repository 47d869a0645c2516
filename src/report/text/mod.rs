//! The text report, for people: readable without colour and on 80 columns.

pub(crate) mod finding_block;
mod folded_findings;
pub(crate) mod header;
pub(crate) mod last_lines;
mod note;
mod optional;
pub(crate) mod page;
mod plan;
pub(crate) mod question;
mod receipt;
mod table;
pub(crate) mod text_width;
pub(crate) mod wording;

#[cfg(test)]
mod compare_transcript;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod transcript;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use crate::drift::dotenv::CheckoutSource;
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::Mark;
use crate::drift::model::receipt::Outcome;
use crate::drift::model::severity::Severity;
use crate::drift::phrases::{count, grouped};
use crate::drift::plan::Plan;
use crate::report::matrix::text as matrix;
use crate::report::paint::Tone;
use crate::report::text::finding_block::BlockHelp;
use crate::report::text::last_lines::Notes;
use crate::report::text::page::TextPage;
use crate::report::text::question::AskedFinding;
use crate::report::text::wording::FindingGroup;
use crate::report::trace::text as trace_text;
use crate::report::{Detail, Report, ReportPart, TextOptions, Values, shell_command};

/// Above this number of differing keys, the report offers `doctor init`.
const MANY_DIFFERENCES: usize = 5;

/// Writes the report as text.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, options: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(text(report, options).as_bytes())
}

/// Returns the report as text.
pub(crate) fn text(report: &Report, options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    if options.detail == Detail::Quiet {
        quiet(&mut page, report);
    } else if report.part == ReportPart::Question && options.detail == Detail::Normal {
        question::list(&mut page, report);
    } else {
        if report.part != ReportPart::Outcome {
            header::write(&mut page, report);
        }
        receipt::write(&mut page, report);
        if let Some(trace) = &report.trace {
            trace_text::section(&mut page, trace);
        }
        findings(&mut page, report);
        offer_init(&mut page, report);
        legend(&mut page);
        if let Some(matrix) = report.pair_matrix() {
            matrix::section(&mut page, report, matrix);
        }
        totals(&mut page, report);
    }
    page.into_text()
}

/// Writes the totals. Above a question they are omitted, and an undo compares nothing.
fn totals(page: &mut TextPage<'_>, report: &Report) {
    let compares = report.compares() && report.part != ReportPart::Question;
    if compares {
        table::write(page, report);
    }
    if let Some(trace) = &report.trace {
        trace_text::command(page, trace);
    }
    receipt::endings(page, report);
    last_lines::baseline(page, report);
    if compares {
        last_lines::write(page, report, if lists_notes(page, report) { Notes::Listed } else { Notes::Hidden });
    } else if report.part != ReportPart::Question {
        page.gap();
        let mut items = report.conclusion();
        items.extend(trace_text::totals(report));
        items.push(count(report.requests, "request"));
        page.flow(&[], 2, Tone::Strong, " · ", &items);
    }
    receipt::undo_hint(page, report);
}

/// Returns a plan as text, below the target if that was not printed yet.
pub(crate) fn plan(report: &Report, plan: &Plan, options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    if report.part == ReportPart::Whole {
        header::write(&mut page, report);
    }
    page.gap();
    plan::write(&mut page, plan);
    page.into_text()
}

/// Returns one finding, for a question about it.
pub(crate) fn finding(report: &Report, asked: &AskedFinding<'_>, options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    question::finding(&mut page, report, asked);
    page.into_text()
}

/// Writes the places of a trace and what made the run fail, in a line each, and the totals of a run that failed.
fn quiet(page: &mut TextPage<'_>, report: &Report) {
    if let Some(trace) = &report.trace {
        trace_text::quiet(page, trace);
    }
    if report.exit_code == 0 {
        return;
    }
    quiet_findings(page, report);
    for part in report.unread() {
        page.line(&[(Tone::Error, "FAIL"), (Tone::Plain, &format!(" {}: {}", part.name, part.reason))]);
    }
    for receipt in report.receipts.iter().filter(|receipt| receipt.outcome != Outcome::Done) {
        let details = [receipt.key.as_deref(), receipt.detail.as_deref()].into_iter().flatten().collect::<Vec<_>>();
        let outcome = receipt.outcome.name();
        page.line(&[
            (Tone::Error, outcome),
            (Tone::Plain, &format!(" {} {}: {}", receipt.change, receipt.place, details.join(": "))),
        ]);
    }
    if report.compares() {
        last_lines::write(page, report, Notes::Listed);
    } else {
        page.flow(&[], 2, Tone::Strong, " · ", &[report.conclusion(), trace_text::totals(report)].concat());
    }
    receipt::undo_hint(page, report);
}

/// Writes a line for each finding that made the run fail. Beyond ten of a rule, the rest is counted.
fn quiet_findings(page: &mut TextPage<'_>, report: &Report) {
    let failing = || report.findings.iter().filter(|finding| report.fails(finding.severity));
    let sizes: HashMap<_, usize> =
        wording::group_by_rule(failing()).iter().map(|group| (group.id(), group.findings.len())).collect();
    let mut written: HashMap<_, usize> = HashMap::new();
    for finding in failing() {
        let id = (finding.severity, finding.rule.name);
        let written = written.entry(id).or_default();
        *written += 1;
        let severity = (finding.severity.into(), finding.severity.name());
        if *written <= folded_findings::ROWS {
            let sentence = format!(": {} [{}]", wording::in_one_line(finding), finding.rule.name);
            page.line(&[severity, (Tone::Plain, &sentence)]);
        } else if *written == folded_findings::ROWS + 1 {
            let rest = grouped(sizes[&id] - folded_findings::ROWS);
            page.line(&[severity, (Tone::Plain, &format!(": … and {rest} more [{}]", finding.rule.name))]);
        }
    }
}

/// Returns whether notes are listed: with `-v`, or if they make the run fail.
fn lists_notes(page: &TextPage<'_>, report: &Report) -> bool {
    page.is_verbose() || report.lists(Severity::Note)
}

fn findings(page: &mut TextPage<'_>, report: &Report) {
    let (notes, worse): (Vec<&Finding>, Vec<&Finding>) = report
        .findings
        .iter()
        .filter(|finding| !report.is_known(finding))
        .partition(|finding| finding.severity == Severity::Note);
    // The report's order is kept: a consequence is below its cause, whatever its rule.
    let groups = wording::group_by_rule(worse.iter().copied());
    let mut folded: HashMap<_, &FindingGroup<'_>> = HashMap::new();
    if !page.is_verbose() {
        let large = groups.iter().filter(|group| group.findings.len() > folded_findings::MOST_BLOCKS);
        folded.extend(large.map(|group| (group.id(), group)));
    }
    let mut written = HashSet::new();
    for finding in worse {
        let id = (finding.severity, finding.rule.name);
        match folded.get(&id) {
            None => finding_block::write(page, report, finding, BlockHelp::Shown),
            Some(group) if written.insert(id) => folded_findings::write(page, report, group),
            Some(_) => {}
        }
    }
    if lists_notes(page, report) {
        note::write(page, report, notes);
    }
    optional::write(page, report);
}

/// Offers `doctor init` after a first check that found many differences. `init` reads neither standard input nor the
/// main worktree.
fn offer_init(page: &mut TextPage<'_>, report: &Report) {
    let differing = report.findings.iter().filter(|finding| finding.rule.has_mark(Mark::Differs)).count();
    let is_first = !report.configured && report.known.is_empty();
    if !is_first || report.has_read_only_files() || differing <= MANY_DIFFERENCES {
        return;
    }
    if let Some(command) = shell_command::command(report, &["init".to_owned()], &[]) {
        page.gap();
        page.paragraph(&[], 0, (Tone::Plain, "Expected differences? Record them with:"));
        page.line(&[(Tone::Plain, "    "), (Tone::Plain, &command)]);
    }
}

/// Explains `●`, if the page has one.
fn legend(page: &mut TextPage<'_>) {
    let text = if page.shows_fingerprints() {
        "● is a value's fingerprint; equal values have equal fingerprints in this run"
    } else if let (true, Values::Redacted(source)) = (page.has_redacted_values(), &page.options.values) {
        match source {
            CheckoutSource::Tracked => "● is a value; fingerprints are omitted because git tracks the env file",
            CheckoutSource::Named => {
                "● is a value; fingerprints are omitted because only doctor.toml, which you have not accepted, names \
                 the env files; accept it with `doctor trust`"
            }
        }
    } else {
        return;
    };
    page.gap();
    page.paragraph(&[], 2, (Tone::Faint, text));
}
