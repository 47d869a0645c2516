//! One finding in full: what, where, why, and what to type next.

use crate::drift::ResourceRef;
use crate::drift::model::finding::Excerpt;
use crate::drift::model::finding::{Finding, Observation};
use crate::drift::phrases::count;
use crate::report::paint::Tone;
use crate::report::text::page::{SpanLink, TextPage};
use crate::report::text::text_width::{columns, pad};
use crate::report::text::wording::{self, FEW, listed, unsaid};
use crate::report::{Logs, Report, escape, link, shell_command};

/// Sightings that are shown before the rest is counted.
const SIGHTINGS: usize = 8;
/// Columns that a place may take before what was seen there goes to a line of its own.
const PLACE: usize = 40;
const INDENT: &str = "    ";
/// Where the place stands among the pieces of a line.
const PLACE_SPAN: usize = 1;
/// The columns of `  why   ` and the other labels.
const LABEL: usize = 8;

/// Writes the finding as a block with an empty line above it.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report, finding: &Finding) {
    page.gap();
    let lead = [(finding.severity.into(), finding.severity.name()), (Tone::Plain, ": ")];
    page.headline(&lead, &finding.message, finding.rule.name);
    sightings(page, report, finding);
    let most = if page.is_verbose() { usize::MAX } else { FEW };
    let places = unsaid(finding, finding.places.iter().map(wording::place).collect());
    fact(page, "at", &listed(&places, most));
    fact(page, "on", &listed(&unsaid(finding, wording::services(finding)), most));
    fact(page, "why", finding.reason.as_deref().unwrap_or_default());
    excerpt(page, finding);
    fact(page, "help", finding.advice.as_deref().unwrap_or_default());
    if let Some(command) =
        finding.to_add.as_ref().and_then(|add| shell_command::command(report, add, &finding.services))
    {
        page.line(&[(Tone::Plain, &format!("{}{command}", " ".repeat(LABEL)))]);
    }
    if let Some(link) = link::deployment(report, finding) {
        page.linked(&[(Tone::Faint, "  see   "), (Tone::Plain, &link)], Some(SpanLink { span: 1, address: &link }));
    }
    if let Some(words) = &finding.next {
        next(page, report, words, &finding.services);
    }
}

/// What the service said, or how much that was.
fn excerpt(page: &mut TextPage<'_>, finding: &Finding) {
    let Some(Excerpt { text, bytes }) = &finding.excerpt else { return };
    let hidden = || format!("{} that --show-logs shows", count(*bytes, "byte"));
    fact(page, "body", &if page.look.logs == Logs::Shown { text.clone() } else { hidden() });
}

/// A labelled sentence below a finding; nothing when there is none.
pub(crate) fn fact(page: &mut TextPage<'_>, label: &str, text: &str) {
    if !text.is_empty() {
        page.paragraph(&[(Tone::Faint, &format!("  {}", pad(label, LABEL - 2)))], LABEL, (Tone::Plain, text));
    }
}

/// The command that would settle it, on one line however long: half a command is copied too easily.
pub(crate) fn next(page: &mut TextPage<'_>, report: &Report, words: &[String], services: &[ResourceRef]) {
    match shell_command::command(report, words, services) {
        Some(command) => page.line(&[(Tone::Faint, "  next  "), (Tone::Plain, &command)]),
        None => fact(page, "next", "no command can name it, because its name holds a NUL character"),
    }
}

fn sightings(page: &mut TextPage<'_>, report: &Report, finding: &Finding) {
    let most = if page.is_verbose() { usize::MAX } else { SIGHTINGS };
    let shown: Vec<&Observation> = finding.sightings.iter().take(most).collect();
    let limit = PLACE.min(page.prose() / 2);
    let places: Vec<_> = shown.iter().map(|sighting| escape::line(&sighting.place)).collect();
    let place_column = places.iter().map(|place| columns(place)).filter(|&width| width <= limit).max().unwrap_or(0);
    let state_column = shown.iter().map(|sighting| sighting.state.len()).max().unwrap_or(0);
    for (sighting, place) in shown.iter().zip(&places) {
        let service = finding.services.iter().find(|service| service.name == sighting.place);
        let link = service.and_then(|service| link::variables(report, &service.id));
        let mut place: &str = place;
        if columns(place) > place_column {
            page.paragraph(&[(Tone::Plain, INDENT)], INDENT.len(), (Tone::Plain, place));
            place = "";
        }
        let blanks = " ".repeat(place_column - columns(place));
        let value = sighting.value.as_ref().map(|value| page.value(value)).unwrap_or_default();
        let seen = format!("  {}  ", pad(sighting.state, state_column));
        let seen = [(Tone::Faint, &*seen), (Tone::Plain, &*value)];
        let spans = [(Tone::Plain, INDENT), (Tone::Plain, place), (Tone::Plain, &*blanks), seen[0], seen[1]];
        page.linked(&spans, link.as_deref().map(|address| SpanLink { span: PLACE_SPAN, address }));
    }
    if let Some(more) = finding.sightings.len().checked_sub(most).filter(|&more| more > 0) {
        page.line(&[(Tone::Faint, &format!("{INDENT}and {more} more (-v lists them)"))]);
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::model::finding::Location;
    use crate::report::test_support::{LINE, calm, differs, finding, text};
    use crate::report::{Detail, Report};

    #[test]
    fn block_adds_details_without_repeating_the_message() {
        let mut broken = finding(&LINE, "", &["api", "api-2"], ".env:3 is no assignment on api");
        broken.key = None;
        broken.places = [3, 33].map(|line| Location { file: ".env".to_owned(), line }).into();
        broken.reason = Some("there is no equals sign".to_owned());
        broken.advice = Some("write it as KEY=value, or put a # before it".to_owned());
        let expected = "
warning: .env:3 is no assignment on api                          unreadable-line
  at    .env:33
  on    api-2
  why   there is no equals sign
  help  write it as KEY=value, or put a # before it

";
        let told = text(&Report { findings: vec![broken], ..calm() }, 80, Detail::Normal);
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn long_service_lists_are_counted_unless_verbose() {
        let names: Vec<String> = (1..=20).map(|number| format!("api-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let report = Report { findings: vec![differs("KEY", &names)], ..calm() };
        let told = text(&report, 80, Detail::Normal);
        assert!(told.contains("    api-7   stored  ● edd9ce\n    and 13 more (-v lists them)\n  next"), "{told}");
        assert!(text(&report, 80, Detail::Verbose).contains("    api-20  stored  ● edd9ce\n  next"));
    }
}
