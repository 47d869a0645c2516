//! One finding in full.

use crate::drift::model::finding::Excerpt;
use crate::drift::model::finding::{Finding, Observation};
use crate::drift::phrases::count;
use crate::report::finding_help::FindingHelp;
use crate::report::paint::Tone;
use crate::report::text::page::{SpanLink, TextPage};
use crate::report::text::text_width::{columns, pad};
use crate::report::text::wording::{self, FEW, listed, unmentioned};
use crate::report::{Logs, Report, escape, link};

/// Observations that are shown before the rest is counted.
const OBSERVATIONS: usize = 8;
/// A longer place is on a separate line.
const PLACE: usize = 40;
const INDENT: &str = "    ";
/// The index of the place among the pieces of a line.
const PLACE_SPAN: usize = 1;

/// Whether a block ends with its help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockHelp {
    Shown,
    /// Several blocks have the same help, which is below the last of them.
    Omitted,
}

/// Writes the finding as a block with an empty line above it.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report, finding: &Finding, block_help: BlockHelp) {
    page.gap();
    let lead = [(finding.severity.into(), finding.severity.name()), (Tone::Plain, ": ")];
    page.headline(&lead, &finding.message, finding.rule.name);
    observations(page, report, finding);
    let most = if page.is_verbose() { usize::MAX } else { FEW };
    let places = unmentioned(finding, finding.places.iter().map(wording::place).collect());
    labelled(page, "at", &listed(&places, most));
    labelled(page, "on", &listed(&unmentioned(finding, wording::services(finding)), most));
    labelled(page, "cause", finding.reason.as_deref().unwrap_or_default());
    excerpt(page, finding);
    if let Some(found) = FindingHelp::of(report, finding).filter(|_| block_help == BlockHelp::Shown) {
        help(page, &found);
    }
    if let Some(link) = link::deployment(report, finding) {
        page.linked(&[(Tone::Faint, "  see: "), (Tone::Plain, &link)], Some(SpanLink { span: 1, address: &link }));
    }
}

/// Writes a response body, or its size if logs are not shown.
fn excerpt(page: &mut TextPage<'_>, finding: &Finding) {
    let Some(Excerpt { text, bytes }) = &finding.excerpt else { return };
    let size = || format!("{} (--show-logs prints {})", count(*bytes, "byte"), if *bytes == 1 { "it" } else { "them" });
    labelled(page, "body", &if page.options.logs == Logs::Shown { text.clone() } else { size() });
}

/// Writes `  label: text`, wrapped with a hanging indent; nothing if the text is empty.
pub(crate) fn labelled(page: &mut TextPage<'_>, label: &str, text: &str) {
    if !text.is_empty() {
        let lead = format!("  {label}: ");
        page.paragraph(&[(Tone::Faint, &lead)], lead.len(), (Tone::Plain, text));
    }
}

/// Writes the help, and each command on a separate line. A command is never wrapped, so that it can be copied whole.
pub(crate) fn help(page: &mut TextPage<'_>, help: &FindingHelp) {
    labelled(page, "help", help.text());
    for command in &help.commands {
        page.line(&[(Tone::Plain, INDENT), (Tone::Plain, command)]);
    }
}

fn observations(page: &mut TextPage<'_>, report: &Report, finding: &Finding) {
    let most = if page.is_verbose() { usize::MAX } else { OBSERVATIONS };
    let shown: Vec<&Observation> = finding.observations.iter().take(most).collect();
    let limit = PLACE.min(page.prose() / 2);
    let places: Vec<_> = shown.iter().map(|observation| escape::line(&observation.place)).collect();
    let place_column = places.iter().map(|place| columns(place)).filter(|&width| width <= limit).max().unwrap_or(0);
    let state_column = shown.iter().map(|observation| observation.state.len()).max().unwrap_or(0);
    for (observation, place) in shown.iter().zip(&places) {
        let service = finding.services.iter().find(|service| service.name == observation.place);
        let link = service.and_then(|service| link::variables(report, &service.id));
        let mut place: &str = place;
        if columns(place) > place_column {
            page.paragraph(&[(Tone::Plain, INDENT)], INDENT.len(), (Tone::Plain, place));
            place = "";
        }
        let blanks = " ".repeat(place_column - columns(place));
        let value = observation.value.as_ref().map(|value| page.value(value)).unwrap_or_default();
        let state = format!("  {}  ", pad(observation.state, state_column));
        let place_spans = [(Tone::Plain, INDENT), (Tone::Plain, place), (Tone::Plain, &*blanks)];
        let spans = [place_spans.as_slice(), &[(Tone::Faint, &*state), (Tone::Plain, &*value)]].concat();
        page.linked(&spans, link.as_deref().map(|address| SpanLink { span: PLACE_SPAN, address }));
    }
    if let Some(more) = finding.observations.len().checked_sub(most).filter(|&more| more > 0) {
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
        let mut broken = finding(&LINE, "", &["api", "api-2"], ".env:3 is not an assignment on api");
        broken.key = None;
        broken.places = [3, 33].map(|line| Location { file: ".env".to_owned(), line }).into();
        broken.reason = Some("it has no equals sign".to_owned());
        broken.advice = Some("write it as KEY=value, or comment it out".to_owned());
        let expected = "
warning: .env:3 is not an assignment on api [unreadable-line]
  at: .env:33
  on: api-2
  cause: it has no equals sign
  help: write it as KEY=value, or comment it out

";
        let output = text(&Report { findings: vec![broken], ..calm() }, 80, Detail::Normal);
        assert!(output.contains(expected), "{output}");
    }

    #[test]
    fn advice_and_commands_share_one_label() {
        let mut found = differs("KEY", &["api"]);
        found.advice = Some("check which value is right before one of them is overwritten, and then run:".to_owned());
        found.to_add = Some(vec!["fix".to_owned(), "--add".to_owned()]);
        let expected = "
  help: check which value is right before one of them is
        overwritten, and then run:
    doctor fix --add
    doctor fix --only KEY

";
        let output = text(&Report { findings: vec![found], ..calm() }, 60, Detail::Normal);
        assert!(output.contains(expected), "{output}");
        assert_eq!(output.matches("help:").count(), 1, "{output}");
    }

    #[test]
    fn rule_name_is_never_broken() {
        let message = "the start command of agentverse-worker-staging lacks -B";
        let report = Report { findings: vec![finding(&LINE, "K", &["api"], message)], ..calm() };
        let expected = "\nwarning: the start command of agentverse-worker-staging lacks -B\n    [unreadable-line]\n";
        let output = text(&report, 70, Detail::Normal);
        assert!(output.contains(expected), "{output}");
    }

    #[test]
    fn long_service_lists_are_counted_unless_verbose() {
        let names: Vec<String> = (1..=20).map(|number| format!("api-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let report = Report { findings: vec![differs("KEY", &names)], ..calm() };
        let output = text(&report, 80, Detail::Normal);
        assert!(output.contains("    api-7   stored  ● edd9ce\n    and 13 more (-v lists them)\n  help: "), "{output}");
        assert!(text(&report, 80, Detail::Verbose).contains("    api-20  stored  ● edd9ce\n  help: "));
    }
}
