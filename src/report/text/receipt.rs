//! What became of each step, and where a step met somebody else's.

use crate::drift::Secret;
use crate::drift::model::receipt::{Outcome, Receipt};
use crate::drift::phrases::count;
use crate::report::paint::Tone;
use crate::report::text::page::{SpanLink, TextPage};
use crate::report::text::text_width::{columns, pad};
use crate::report::{Report, shell_command};

/// Columns that a name may take.
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
        let words: Vec<&str> = [receipt.key.as_deref(), receipt.detail.as_deref()].into_iter().flatten().collect();
        page.paragraph(&lead, 4, (Tone::Plain, &words.join(": ")));
        sides(page, receipt);
    }
    failures(page, report);
}

/// What is to be said of how it ended, a sentence each.
pub(crate) fn endings(page: &mut TextPage<'_>, report: &Report) {
    let endings = if report.needs_the_way_back() { report.endings.clone() } else { report.all_endings() };
    if !endings.is_empty() {
        page.gap();
    }
    for ending in &endings {
        page.paragraph(&[], 2, (Tone::Plain, ending));
    }
    for words in &report.to_add {
        page.line(&[(Tone::Faint, "  add   "), (Tone::Plain, &shell_command::line(words))]);
    }
}

/// After a run that did not end well, the command that restores what it changed is the last line.
pub(crate) fn way_back(page: &mut TextPage<'_>, report: &Report) {
    let Some(command) = report.way_back.as_ref().filter(|_| report.needs_the_way_back()) else { return };
    page.gap();
    page.line(&[(Tone::Plain, "To restore what this run changed:")]);
    page.line(&[(Tone::Plain, "  "), (Tone::Plain, command)]);
}

/// Which step of a deployment failed, and the end of the log that tells of it.
fn failures(page: &mut TextPage<'_>, report: &Report) {
    for failure in &report.failures {
        page.gap();
        let step = failure.step.as_deref().unwrap_or("Railway does not tell which step failed");
        page.paragraph(&[(Tone::Error, &failure.service), (Tone::Plain, ": ")], 4, (Tone::Plain, step));
        for line in &failure.lines {
            page.line(&[(Tone::Faint, "  | "), (Tone::Plain, line)]);
        }
        if failure.hidden > 0 {
            let words =
                format!("{} of the {} log are not shown; --show-logs does", count(failure.hidden, "line"), failure.log);
            page.paragraph(&[(Tone::Plain, "  ")], 2, (Tone::Faint, &words));
        }
        page.linked(
            &[(Tone::Faint, "  see   "), (Tone::Plain, &failure.link)],
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

/// A conflict three ways, without a value.
fn sides(page: &mut TextPage<'_>, receipt: &Receipt) {
    let Some(sides) = &receipt.sides else { return };
    let rows: [(&str, &Option<Secret>); 3] =
        [("planned on", &sides.planned_on), ("found", &sides.found), ("wanted", &sides.wanted)];
    for (label, value) in rows {
        let shown = value.as_ref().map_or_else(|| "nothing that can be shown".to_owned(), |value| page.value(value));
        page.line(&[(Tone::Faint, &format!("    {}", pad(label, 12))), (Tone::Plain, &shown)]);
    }
}
