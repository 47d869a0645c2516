//! The outcome of each step, with the values of a conflict and the logs of failed deployments.

use crate::drift::Secret;
use crate::drift::model::receipt::{Outcome, Receipt};
use crate::drift::phrases::count;
use crate::report::paint::Tone;
use crate::report::text::page::{SpanLink, TextPage};
use crate::report::text::text_width::{columns, pad};
use crate::report::{Report, shell_command};

/// Longer names do not widen the column.
const NAME: usize = 36;

/// Writes a line for every step.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report) {
    if report.receipts.is_empty() {
        return;
    }
    page.gap();
    let width = |text: fn(&Receipt) -> &str| {
        report.receipts.iter().map(|receipt| columns(text(receipt))).filter(|&width| width <= NAME).max().unwrap_or(0)
    };
    let outcomes = width(|receipt| receipt.outcome.name());
    let changes = width(|receipt| receipt.change);
    let places = width(|receipt| &receipt.place);
    for receipt in &report.receipts {
        let tone = tone(receipt.outcome);
        let lead = [
            (tone, &*pad(receipt.outcome.name(), outcomes + 2)),
            (Tone::Plain, &*pad(receipt.change, changes + 2)),
            (Tone::Plain, &*pad(&receipt.place, places + 2)),
        ];
        let details: Vec<&str> = [receipt.key.as_deref(), receipt.detail.as_deref()].into_iter().flatten().collect();
        page.paragraph(&lead, 4, (Tone::Plain, &details.join(": ")));
        sides(page, receipt);
    }
    failures(page, report);
}

/// Writes the remarks on how the run ended, and the commands that follow from them.
pub(crate) fn endings(page: &mut TextPage<'_>, report: &Report) {
    if !report.endings.is_empty() {
        page.gap();
    }
    for ending in &report.endings {
        page.paragraph(&[], 2, (Tone::Plain, ending));
    }
    if !report.to_add.is_empty() {
        let commands: Vec<String> = report.to_add.iter().map(|arguments| shell_command::line(arguments)).collect();
        suggest(page, "To add a missing key:", &commands);
    }
    if !report.ends_with_undo() {
        undo(page, report);
    }
}

/// After a run that failed, the command that undoes it is the last line of the report.
pub(crate) fn undo_hint(page: &mut TextPage<'_>, report: &Report) {
    if report.ends_with_undo() {
        undo(page, report);
    }
}

fn undo(page: &mut TextPage<'_>, report: &Report) {
    if let Some(command) = &report.undo_command {
        page.gap();
        suggest(page, "To undo this run:", std::slice::from_ref(command));
    }
}

fn suggest(page: &mut TextPage<'_>, purpose: &str, commands: &[String]) {
    page.line(&[(Tone::Plain, purpose)]);
    for command in commands {
        page.line(&[(Tone::Plain, "    "), (Tone::Plain, command)]);
    }
}

/// Writes the step of a deployment that failed, and the end of its log.
fn failures(page: &mut TextPage<'_>, report: &Report) {
    for failure in &report.failures {
        page.gap();
        let step = failure.step.as_deref().unwrap_or("Railway did not report which step failed");
        page.paragraph(&[(Tone::Error, &failure.service), (Tone::Plain, ": ")], 4, (Tone::Plain, step));
        for line in &failure.lines {
            page.line(&[(Tone::Faint, "  | "), (Tone::Plain, line)]);
        }
        if failure.hidden > 0 {
            let text =
                format!("{} of the {} log not shown (use --show-logs)", count(failure.hidden, "line"), failure.log);
            page.paragraph(&[(Tone::Plain, "  ")], 2, (Tone::Faint, &text));
        }
        page.linked(
            &[(Tone::Faint, "  see: "), (Tone::Plain, &failure.link)],
            Some(SpanLink { span: 1, address: &failure.link }),
        );
    }
}

fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Done => Tone::Good,
        Outcome::NotTried | Outcome::Unknown => Tone::Warning,
        Outcome::Failed | Outcome::Conflict => Tone::Error,
    }
}

/// Writes the three values of a conflict, each as a fingerprint.
fn sides(page: &mut TextPage<'_>, receipt: &Receipt) {
    let Some(sides) = &receipt.sides else { return };
    let rows: [(&str, &Option<Secret>); 3] =
        [("expected", &sides.planned_on), ("found", &sides.found), ("new", &sides.wanted)];
    for (label, value) in rows {
        let shown = value.as_ref().map_or_else(|| "(missing or unknown)".to_owned(), |value| page.value(value));
        page.line(&[(Tone::Faint, &format!("    {}", pad(label, 10))), (Tone::Plain, &shown)]);
    }
}
