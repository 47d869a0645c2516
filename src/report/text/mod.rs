//! For people: what is wrong, why, and what to type next, readable without colour and on 80 columns.

mod block;
mod column;
mod ending;
mod header;
mod many;
mod note;
mod page;
mod phrase;
mod table;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod transcript;

use std::io::{self, Write};

use crate::drift::finding::{Finding, Severity};
use crate::report::paint::Tone;
use crate::report::text::page::Page;
use crate::report::text::phrase::Kind;
use crate::report::{Detail, Look, Report, shell};

/// More findings of one rule than this are told as one block.
const MANY: usize = 5;

/// Writes the report as text.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, look: &Look<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(look);
    if look.detail == Detail::Quiet {
        quiet(&mut page, report);
    } else {
        header::write(&mut page, report);
        findings(&mut page, report);
        on_purpose(&mut page, report);
        legend(&mut page);
        table::write(&mut page, report);
        ending::write(&mut page, report);
    }
    out.write_all(page.into_text().as_bytes())
}

/// What made the run fail, one line each, and the totals; nothing at all when nothing did.
fn quiet(page: &mut Page<'_>, report: &Report) {
    if report.exit_code == 0 {
        return;
    }
    for finding in report.findings.iter().filter(|finding| report.fails(finding.severity)) {
        let sentence = format!(": {} ({})", phrase::in_one_line(finding), finding.rule.name);
        page.line(&[(finding.severity.into(), finding.severity.word()), (Tone::Plain, &sentence)]);
    }
    for line in &report.services {
        if let Some(error) = &line.error {
            page.line(&[(Tone::Error, "FAIL"), (Tone::Plain, &format!(" {}: {error}", line.service.name))]);
        }
    }
    ending::write(page, report);
}

fn findings(page: &mut Page<'_>, report: &Report) {
    let (notes, worse): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.severity == Severity::Note);
    for kind in phrase::kinds(worse) {
        if kind.findings.len() > MANY && !page.is_verbose() {
            many::write(page, report, &kind);
        } else {
            blocks(page, report, &kind);
        }
    }
    note::write(page, report, notes);
}

fn blocks(page: &mut Page<'_>, report: &Report, kind: &Kind<'_>) {
    for finding in &kind.findings {
        block::write(page, report, finding);
    }
}

/// A first look at a project finds much that is meant to be: the way to say so is worth a line.
fn on_purpose(page: &mut Page<'_>, report: &Report) {
    let differing = report.findings.iter().filter(|finding| finding.rule.name == "value-differs").count();
    if report.configured || differing <= MANY {
        return;
    }
    if let Some(command) = shell::command(report, &["init".to_owned()], &[]) {
        page.gap();
        page.paragraph(
            &[],
            0,
            (Tone::Plain, "What differs on purpose can be recorded once, and is left out from then on:"),
        );
        page.line(&[(Tone::Faint, "  next  "), (Tone::Plain, &command)]);
    }
}

fn legend(page: &mut Page<'_>) {
    if page.shows_fingerprints() {
        page.gap();
        let words = "● stands for a value; within this run, equal values have equal fingerprints";
        page.paragraph(&[], 2, (Tone::Faint, words));
    }
}
