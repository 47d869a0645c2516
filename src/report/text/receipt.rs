//! The outcome of each step, with the values of a conflict and the logs of failed deployments.

use crate::drift::Secret;
use crate::drift::model::receipt::{Outcome, Receipt};
use crate::drift::phrases::count;
use crate::report::paint::Tone;
use crate::report::text::page::{SpanLink, TextPage};
use crate::report::text::text_width::{columns, pad};
use crate::report::text::wording::{FEW, listed};
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
    let groups = groups(page, &report.receipts);
    for receipts in groups {
        let receipt = &receipts[0];
        let tone = tone(receipt.outcome);
        let lead = [
            (tone, &*pad(receipt.outcome.name(), outcomes + 2)),
            (Tone::Plain, &*pad(receipt.change, changes + 2)),
            (Tone::Plain, &*pad(&receipt.place, places + 2)),
        ];
        page.paragraph(&lead, 4, (Tone::Plain, &details(receipts)));
        sides(page, receipt);
    }
    failures(page, report);
}

/// Returns the receipts, with those of one place that differ only in their key together, unless there are few of them.
fn groups<'r>(page: &TextPage<'_>, receipts: &'r [Receipt]) -> Vec<&'r [Receipt]> {
    let is_like = |one: &Receipt, other: &Receipt| {
        let steps = [one, other].map(|step| (step.outcome, step.change, &step.place, &step.detail));
        steps[0] == steps[1] && [one, other].iter().all(|step| step.key.is_some() && step.sides.is_none())
    };
    let is_folded = |group: &&[Receipt]| group.len() > FEW + 1 && !page.is_verbose();
    let groups = receipts.chunk_by(is_like);
    groups.flat_map(|group| if is_folded(&group) { vec![group] } else { group.chunks(1).collect() }).collect()
}

/// Returns the keys of the steps, and their common detail.
fn details(receipts: &[Receipt]) -> String {
    let keys: Vec<&str> = receipts.iter().filter_map(|receipt| receipt.key.as_deref()).collect();
    let keys = Some(listed(&keys, FEW)).filter(|keys| !keys.is_empty());
    keys.into_iter().chain(receipts[0].detail.clone()).collect::<Vec<_>>().join(": ")
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
    if let Some(command) = &report.check_command {
        page.gap();
        suggest(page, "To show what is left, run:", std::slice::from_ref(command));
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

#[cfg(test)]
mod tests {
    use crate::drift::model::receipt::{Outcome, Receipt};
    use crate::report::test_support::{calm, text};
    use crate::report::{Detail, Report, ReportPart};

    fn pushed(number: usize) -> Vec<Receipt> {
        let receipt = |at| Receipt::of("push", Some(&format!("KEY_{at}")), "api");
        (0..number).map(|at| Receipt { outcome: Outcome::Done, ..receipt(at) }).collect()
    }

    fn lines(receipts: Vec<Receipt>, detail: Detail) -> Vec<String> {
        let report = Report { command: "fix", receipts, part: ReportPart::Outcome, ..calm() };
        let output = text(&report, 80, detail);
        output.lines().filter(|line| line.contains("  push  ")).map(str::to_owned).collect()
    }

    #[test]
    fn commands_are_lines_by_themselves() {
        let check = "doctor check --project=a-project-with-a-long-name --environment=an-environment-with-a-long-name";
        for endings in [Vec::new(), vec!["stopped early".to_owned()]] {
            let (check_command, undo_command) = (Some(check.to_owned()), Some("doctor undo 1".to_owned()));
            let report = Report { command: "fix", receipts: pushed(1), endings, check_command, undo_command, ..calm() };
            let output = text(&report, 80, Detail::Normal);
            let expected =
                format!("\n\nTo show what is left, run:\n    {check}\n\nTo undo this run:\n    doctor undo 1\n\n");
            assert!(output.contains(&expected), "{output}");
        }
    }

    #[test]
    fn many_like_steps_share_a_line() {
        assert_eq!(lines(pushed(5), Detail::Normal).len(), 5);
        let expected = "done  push  api  KEY_0, KEY_1, KEY_2, KEY_3 and 36 more";
        assert_eq!(lines(pushed(40), Detail::Normal), [expected]);
        assert_eq!(lines(pushed(40), Detail::Verbose).len(), 40);
        let mut receipts = pushed(40);
        receipts[20].outcome = Outcome::Failed;
        receipts[20].detail = Some("no answer".to_owned());
        let expected = [
            "done    push  api  KEY_0, KEY_1, KEY_2, KEY_3 and 16 more",
            "failed  push  api  KEY_20: no answer",
            "done    push  api  KEY_21, KEY_22, KEY_23, KEY_24 and 15 more",
        ];
        assert_eq!(lines(receipts, Detail::Normal), expected);
    }
}
