//! A trace in Markdown: the places as a table. Names can't link to, mention or close anything.

use std::fmt::Write as _;

use crate::drift::phrases::count;
use crate::drift::trace::{EnvironmentTrace, SealedVariable};
use crate::report::markdown::escape::{code, command, plain};
use crate::report::text::wording::{FEW, listed};
use crate::report::trace::rows::TraceRow;
use crate::report::{TraceReport, TraceRole, shell_command};

/// The size that is kept for the lines below the table, in bytes.
const REMAINDER: usize = 1024;
/// Reasons and other phrases that are shown before the rest is counted.
const PHRASES: usize = 10;

/// Returns the places and what was not searched, with an empty line above it. The table has at most `room` bytes; places
/// that do not fit are counted.
pub(crate) fn section(trace: &TraceReport, room: usize) -> String {
    let mut text = String::new();
    if trace.lists_places() {
        table(trace, room.saturating_sub(REMAINDER), &mut text);
    }
    for line in below(trace) {
        // A comment is limited in size, and a name may be long.
        if text.len() + line.len() <= room {
            let _ = writeln!(text, "\n{line}");
        }
    }
    text
}

fn table(trace: &TraceReport, room: usize, text: &mut String) {
    let rows = trace.rows();
    let (mut head, mut line) = ("| place | key | form | running |".to_owned(), "|---|---|---|---|".to_owned());
    if trace.has_several_environments() {
        head.insert_str(0, "| environment ");
        line.insert_str(0, "|---");
    }
    let _ = writeln!(text, "\n{head}\n{line}");
    let mut shown = 0;
    for one in &rows {
        let row = row(trace, one);
        if text.len() + row.len() > room {
            break;
        }
        let _ = writeln!(text, "{row}");
        shown += 1;
    }
    if shown < rows.len() {
        let _ = writeln!(text, "\n{} not shown here.", count(rows.len() - shown, "more place"));
    }
}

fn row(trace: &TraceReport, row: &TraceRow<'_>) -> String {
    let environment = row.environment.map(environment).unwrap_or_default();
    let environment = Some(environment).filter(|_| trace.has_several_environments());
    let cells = [code(&row.place_text()), code(row.key), plain(&row.form_text()), row.running_text().to_owned()];
    let cells: Vec<String> = environment.into_iter().chain(cells).collect();
    format!("| {} |", cells.join(" | "))
}

/// Returns the lines below the table: what was not searched, the numbers, and the command that changes the value.
fn below(trace: &TraceReport) -> Vec<String> {
    let totals = Some(trace.totals().phrases()).filter(|_| trace.role == TraceRole::Found);
    let totals = totals.filter(|phrases| !phrases.is_empty()).map(|phrases| phrases.join(" · "));
    let unread = trace.unread().map(|part| format!("{}: {}", part.name, part.reason));
    let phrases: Vec<String> = unread.chain(trace.unsearched.iter().cloned()).collect();
    let more =
        (phrases.len() > PHRASES).then(|| format!("{} not shown here.", count(phrases.len() - PHRASES, "more part")));
    let unsearched = phrases.iter().take(PHRASES).map(|phrase| format!("Not searched: {}", plain(phrase)));
    let rotate = trace
        .rotate_command
        .as_ref()
        .map(|arguments| format!("{}: {}", plain(&trace.purpose()), command(&shell_command::line(arguments))));
    let sealed = sealed(trace);
    unsearched.chain(more).chain(sealed).chain(totals).chain(rotate).collect()
}

/// Returns the sealed variables that could not be searched.
fn sealed(trace: &TraceReport) -> Option<String> {
    let name = |found: &EnvironmentTrace, variable: &SealedVariable| {
        let environment = format!("{} · ", environment(found));
        let environment = if trace.has_several_environments() { environment.as_str() } else { "" };
        format!("{environment}{} {}", code(variable.owner.name()), code(&variable.key))
    };
    let mut variables = Vec::new();
    for found in &trace.trace.environments {
        variables.extend(found.sealed.iter().map(|variable| name(found, variable)));
    }
    trace.sealed().map(|summary| format!("{summary}: {}", listed(&variables, FEW)))
}

fn environment(found: &EnvironmentTrace) -> String {
    format!("{} · {}", code(&found.project.name), code(&found.environment.name))
}
