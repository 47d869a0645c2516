//! A trace in a text report: the result, the places, and what was not searched.

use crate::drift::phrases::count;
use crate::report::paint::Tone;
use crate::report::text::finding_block::labelled;
use crate::report::text::page::TextPage;
use crate::report::text::wording::{FEW, group_by, listed};
use crate::report::trace::rows::environment_name;
use crate::report::trace::table;
use crate::report::{Report, TraceReport, TraceRole, shell_command};

/// Writes the result and the places.
pub(crate) fn section(page: &mut TextPage<'_>, trace: &TraceReport) {
    page.gap();
    result(page, trace);
    if trace.lists_places() {
        page.gap();
        table::write(page, trace);
    } else if trace.role == TraceRole::Found && !trace.has_several_environments() {
        labelled(page, "help", "`--everywhere` also searches the other environments and projects of the token");
    }
    page.gap();
    elsewhere(page, trace);
    sealed(page, trace);
    unsearched(page, trace);
}

/// Writes the command that changes the value in all places.
pub(crate) fn command(page: &mut TextPage<'_>, trace: &TraceReport) {
    let Some(arguments) = &trace.rotate_command else { return };
    page.gap();
    page.paragraph(&[], 2, (Tone::Plain, &format!("{}:", trace.purpose())));
    page.line(&[(Tone::Plain, "    "), (Tone::Plain, &shell_command::line(arguments))]);
}

/// Writes a line for each place, and for each part that was not searched. Parts that could not be read are failures,
/// which every report lists.
pub(crate) fn quiet(page: &mut TextPage<'_>, trace: &TraceReport) {
    let lead = match trace.role {
        TraceRole::Found => "",
        TraceRole::Left => "left ",
    };
    for row in trace.rows() {
        let environment = row.environment.filter(|_| trace.has_several_environments());
        let environment = environment.map(|found| format!("{} · ", environment_name(found))).unwrap_or_default();
        let text = format!("{environment}{} {}: {}", row.place_text(), row.key, row.form_text());
        page.line(&[(Tone::Error, lead), (Tone::Plain, &text)]);
    }
    for phrase in &trace.unsearched {
        page.line(&[(Tone::Warning, "not searched: "), (Tone::Plain, phrase)]);
    }
}

/// Returns the numbers of places, for the last line.
pub(crate) fn totals(report: &Report) -> Vec<String> {
    report
        .trace
        .iter()
        .filter(|trace| trace.role == TraceRole::Found)
        .flat_map(|trace| trace.totals().phrases())
        .collect()
}

fn result(page: &mut TextPage<'_>, trace: &TraceReport) {
    let end = if trace.lists_places() { ":" } else { "" };
    let sentence = match trace.role {
        TraceRole::Found => {
            let value = page.value(&trace.value);
            format!("{} {value}, from {}, {}{end}", trace.key, trace.origin, trace.result())
        }
        TraceRole::Left => {
            let end = if end.is_empty() { "." } else { end };
            format!("{}{end}", trace.result().replacen('t', "T", 1))
        }
    };
    page.paragraph(&[], 2, (Tone::Strong, &sentence));
}

/// Writes the number of environments that were searched completely and have no place.
fn elsewhere(page: &mut TextPage<'_>, trace: &TraceReport) {
    let number = trace.trace.environments.iter().filter(|environment| TraceReport::is_unused_in(environment)).count();
    if trace.has_several_environments() && number > 0 && trace.lists_places() {
        page.paragraph(&[], 2, (Tone::Plain, &format!("not used in {}", count(number, "other environment"))));
    }
}

/// Writes the number of sealed variables that could not be searched; with `-v`, their names.
fn sealed(page: &mut TextPage<'_>, trace: &TraceReport) {
    let Some(summary) = trace.sealed() else { return };
    if !page.is_verbose() {
        let hint = if summary.starts_with("1 ") { "(-v lists it)" } else { "(-v lists them)" };
        return page.paragraph(&[], 2, (Tone::Plain, &format!("{summary} {hint}")));
    }
    page.paragraph(&[], 2, (Tone::Plain, &format!("{summary}:")));
    for environment in &trace.trace.environments {
        let several = trace.has_several_environments().then(|| format!("{} · ", environment_name(environment)));
        let several = several.unwrap_or_default();
        for (owner, variables) in group_by(&environment.sealed, |variable| variable.owner.name()) {
            let mut items: Vec<String> = variables.iter().map(|variable| variable.key.clone()).collect();
            items[0].insert_str(0, &format!("{several}{owner}: "));
            page.flow(&[(Tone::Plain, "  ")], 4, Tone::Plain, ", ", &items);
        }
    }
}

/// Writes what was not searched, by reason.
fn unsearched(page: &mut TextPage<'_>, trace: &TraceReport) {
    let lead = [(Tone::Warning, "not searched: ")];
    let unread: Vec<_> = trace.unread().collect();
    for (reason, parts) in group_by(&unread, |part| part.reason.as_str()) {
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        let most = if page.is_verbose() { usize::MAX } else { FEW };
        page.paragraph(&lead, 2, (Tone::Plain, &format!("{}: {reason}", listed(&names, most))));
    }
    for phrase in &trace.unsearched {
        page.paragraph(&lead, 2, (Tone::Plain, phrase));
    }
}
