//! Notes, which need no action, with `-v`; those that make the run fail in a line or two per rule.

use std::collections::HashSet;

use crate::drift::model::finding::Finding;
use crate::drift::model::resource::ResourceRef;
use crate::drift::phrases::count;
use crate::report::Report;
use crate::report::paint::Tone;
use crate::report::text::finding_block::{self, BlockHelp};
use crate::report::text::page::TextPage;
use crate::report::text::text_width::{columns, pad};
use crate::report::text::wording::{self, FEW, FindingGroup, group_by, group_by_rule, listed, mentions};

/// Keys that a line shows before the rest is counted.
const KEYS: usize = 8;
/// Lines that a rule has before the rest is counted.
const LINES: usize = 8;

/// Writes the notes. With `-v`, each is a block; those that are only counted get a list of their keys.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report, notes: Vec<&Finding>) {
    let groups = group_by_rule(notes);
    let (full, folded): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| page.is_verbose() && group.rule.counted_as.is_none());
    for finding in full.iter().flat_map(|group| &group.findings) {
        finding_block::write(page, report, finding, BlockHelp::Shown);
    }
    if folded.is_empty() {
        return;
    }
    page.gap();
    let hint = if page.is_verbose() { "" } else { " (-v lists them)" };
    page.line(&[(Tone::Note, "notes"), (Tone::Faint, hint)]);
    let column = folded.iter().map(|group| columns(group.rule.name)).max().unwrap_or(0);
    let scope = NoteScope::of(report);
    for group in &folded {
        let lines = match group.rule.counted_as {
            Some(state) => counts(page, group, state),
            None => scope.lines(group),
        };
        fold(page, group.rule.name, column, &lines);
    }
}

fn fold(page: &mut TextPage<'_>, name: &str, column: usize, lines: &[String]) {
    let hang = column + 4;
    let mut name = name;
    for line in lines {
        page.paragraph(&[(Tone::Faint, &format!("  {}", pad(name, column + 2)))], hang, (Tone::Plain, line));
        name = "";
    }
}

/// Returns text such as `api: 14 keys are only on Railway`, a line for each service; with `-v`, followed by the keys.
fn counts(page: &TextPage<'_>, group: &FindingGroup<'_>, state: &str) -> Vec<String> {
    let pairs: Vec<(&ResourceRef, &Finding)> = group
        .findings
        .iter()
        .flat_map(|&finding| finding.services.iter().map(move |service| (service, finding)))
        .collect();
    let mut services = group_by(&pairs, |(service, _)| (service.name.as_str(), service.id.as_str()));
    services.sort_unstable_by_key(|(service, _)| *service);
    let line = |((name, _), pairs): &((&str, &str), Vec<&(&ResourceRef, &Finding)>)| {
        let findings: Vec<&Finding> = pairs.iter().map(|(_, finding)| *finding).collect();
        let names: Vec<String> = findings.iter().map(|finding| name_and_reason(finding)).collect();
        let list = if page.is_verbose() { format!(": {}", listed(&names, usize::MAX)) } else { String::new() };
        let verb = if findings.len() == 1 { "is" } else { "are" };
        format!("{name}: {} {verb} {state}{list}", count(findings.len(), "key"))
    };
    services.iter().map(line).collect()
}

/// Returns text such as `KEY`, `KEY (its values on the services differ)`.
fn name_and_reason(finding: &Finding) -> String {
    let reason = finding.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{}{reason}", wording::name(finding))
}

fn keys(findings: &[&Finding], most: usize) -> String {
    listed(&findings.iter().map(|finding| wording::name(finding)).collect::<Vec<_>>(), most)
}

/// The services in scope. A note about all of them does not name them.
struct NoteScope<'r> {
    ids: HashSet<&'r str>,
}

impl<'r> NoteScope<'r> {
    fn of(report: &'r Report) -> Self {
        Self { ids: report.services.iter().map(|line| line.service.id.as_str()).collect() }
    }

    fn is_covered_by(&self, finding: &Finding) -> bool {
        let covered: HashSet<&str> = finding.services.iter().map(|service| service.id.as_str()).collect();
        !self.ids.is_empty() && self.ids.is_subset(&covered)
    }

    /// Returns one note as a sentence, and several as a list of keys for each set of services.
    fn lines(&self, group: &FindingGroup<'_>) -> Vec<String> {
        if let [finding] = group.findings.as_slice() {
            return vec![self.sentence(finding)];
        }
        let lists = group_by(group.findings.iter().copied(), |finding| self.services_of(finding));
        let is_for_all = lists.len() == 1 && self.is_covered_by(group.findings[0]);
        let mut lines = vec![group.rule.summary.to_owned()];
        lines.extend(lists.iter().take(LINES).map(|(services, findings)| match services.as_str() {
            "" => keys(findings, KEYS),
            _ if is_for_all => keys(findings, KEYS),
            services => format!("{services}: {}", keys(findings, KEYS)),
        }));
        if let Some(more) = lists.len().checked_sub(LINES).filter(|&more| more > 0) {
            lines.push(format!("and {}", count(more, "more line")));
        }
        lines
    }

    /// Returns the services of a finding, or its files if it has none.
    fn services_of(&self, finding: &Finding) -> String {
        match self.ids.len() {
            2 if self.is_covered_by(finding) => "both services".to_owned(),
            number @ 3.. if self.is_covered_by(finding) => format!("all {number} services"),
            _ if finding.services.is_empty() => listed(&wording::files(finding), FEW),
            _ => listed(&wording::services(finding), FEW),
        }
    }

    /// Returns `SERVICES: MESSAGE · PLACES · REASON`. Services are omitted if the message mentions them or all are
    /// affected; places are omitted if the finding has a key.
    fn sentence(&self, finding: &Finding) -> String {
        let mut services = wording::services(finding);
        services.retain(|name| !mentions(&finding.message, name));
        let mut sentence = finding.message.clone();
        if !services.is_empty() && !self.is_covered_by(finding) {
            sentence.insert_str(0, &format!("{}: ", listed(&services, FEW)));
        }
        let mut places: Vec<String> = finding.places.iter().map(wording::place).collect();
        places.retain(|place| finding.key.is_none() && !mentions(&finding.message, place));
        let asides = [listed(&places, FEW), wording::unlabelled_reason(finding)];
        for aside in asides.iter().filter(|aside| !aside.is_empty()) {
            sentence.push_str(" · ");
            sentence.push_str(aside);
        }
        sentence
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::Severity;
    use crate::drift::model::cause::{Certainty, FindingCause};
    use crate::drift::model::finding::{Finding, Location};
    use crate::drift::model::rule::Rule;
    use crate::report::test_support::{EXTRA, NATURE, SEALED, calm, finding, line, text};
    use crate::report::{Detail, Report};

    const API: &str = "agentverse-api-staging";
    const WORKER: &str = "agentverse-worker-staging";

    fn notes(report: Report, findings: Vec<Finding>, detail: Detail) -> String {
        let output = text(&Report { findings, fail_on: Some(Severity::Note), ..report }, 80, detail);
        let from = output.find("\nnotes").expect("the report has notes") + 1;
        output[from..].split("\n\n").next().unwrap_or_default().to_owned()
    }

    fn note(rule: &'static Rule, key: &str, services: &[&str]) -> Finding {
        finding(rule, key, services, &format!("{key} is sealed"))
    }

    #[test]
    fn each_service_has_one_line_for_its_own_keys() {
        let findings = || {
            vec![note(&EXTRA, "ONE", &[WORKER]), note(&EXTRA, "TWO", &[API]), note(&EXTRA, "THREE", &[API, WORKER])]
                .into_iter()
                .chain([note(&EXTRA, "FOUR", &["zoo"])])
                .collect::<Vec<_>>()
        };
        let expected = "\
notes (-v lists them)
  missing-locally  agentverse-api-staging: 2 keys are only on Railway
                   agentverse-worker-staging: 2 keys are only on Railway
                   zoo: 1 key is only on Railway";
        assert_eq!(notes(calm(), findings(), Detail::Normal), expected);
        let expected = "\
notes
  missing-locally  agentverse-api-staging: 2 keys are only on Railway: TWO,
                   THREE
                   agentverse-worker-staging: 2 keys are only on Railway: ONE,
                   THREE
                   zoo: 1 key is only on Railway: FOUR";
        assert_eq!(notes(calm(), findings(), Detail::Verbose), expected);
    }

    #[test]
    fn reason_is_shown_with_the_key_that_is_only_counted() {
        let reason = Some("its values on the services differ".to_owned());
        let findings = vec![Finding { reason, ..note(&EXTRA, "TWO", &[API]) }, note(&EXTRA, "ONE", &[API])];
        let output = text(&Report { findings, ..calm() }, 120, Detail::Verbose);
        let list = "2 keys are only on Railway: TWO (its values on the services differ), ONE";
        let words = output.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(list), "{output}");
    }

    #[test]
    fn notes_about_all_services_name_none() {
        let all = vec![
            note(&SEALED, "JWT", &[API, WORKER]),
            note(&NATURE, "PORT", &[API, WORKER]),
            note(&NATURE, "HOST", &[API, WORKER]),
        ];
        let expected = "\
notes (-v lists them)
  sealed               JWT is sealed
  expected-difference  the values differ, and are expected to
                       PORT, HOST";
        assert_eq!(notes(calm(), all, Detail::Normal), expected);
    }

    #[test]
    fn notes_about_some_services_name_them() {
        let some = || {
            vec![note(&SEALED, "JWT", &[WORKER]), note(&NATURE, "PORT", &[API, WORKER]), note(&NATURE, "HOST", &[API])]
        };
        let expected = "\
notes (-v lists them)
  sealed               agentverse-worker-staging: JWT is sealed
  expected-difference  the values differ, and are expected to
                       both services: PORT
                       agentverse-api-staging: HOST";
        assert_eq!(notes(calm(), some(), Detail::Normal), expected);
        let mut three = calm();
        three.services.push(line("zoo", 1, 0));
        let output = notes(three, some(), Detail::Normal);
        assert!(
            output.contains("\n                       agentverse-api-staging, agentverse-worker-staging: PORT\n"),
            "{output}"
        );
        let mut three = calm();
        three.services.push(line("zoo", 1, 0));
        let findings = vec![note(&NATURE, "PORT", &[API, WORKER, "zoo"]), note(&NATURE, "HOST", &["zoo"])];
        let output = notes(three, findings, Detail::Normal);
        assert!(
            output.ends_with("\n                       all 3 services: PORT\n                       zoo: HOST"),
            "{output}"
        );
    }

    #[test]
    fn location_is_shown_only_without_a_key() {
        let at = |key: Option<&str>| {
            let mut found = note(&SEALED, "JWT", &[]);
            found.key = key.map(str::to_owned);
            found.places = vec![Location { file: ".env".to_owned(), line: 7 }];
            notes(calm(), vec![found], Detail::Normal)
        };
        assert!(at(None).ends_with("  sealed  JWT is sealed · .env:7"), "{}", at(None));
        assert!(at(Some("JWT")).ends_with("  sealed  JWT is sealed"), "{}", at(Some("JWT")));
    }

    #[test]
    fn only_the_name_of_a_rule_is_labelled_as_the_cause() {
        let with = |cause: Option<FindingCause>, reason: &str| {
            let reason = Some(reason.to_owned());
            notes(calm(), vec![Finding { reason, cause, ..note(&SEALED, "JWT", &[]) }], Detail::Normal)
        };
        let cause = FindingCause { rule: &EXTRA, key: None, service: None, certainty: Certainty::Follows };
        let output = with(Some(cause), "missing-locally");
        assert!(output.ends_with("  sealed  JWT is sealed · cause: missing-locally"), "{output}");
        let output = with(None, "the values are equal");
        assert!(output.ends_with("  sealed  JWT is sealed · the values are equal"), "{output}");
    }

    #[test]
    fn many_groups_of_one_rule_are_counted() {
        let names: Vec<String> = (10..20).map(|number| format!("api-{number}")).collect();
        let findings = names.iter().map(|name| note(&NATURE, "PORT", &[name])).collect();
        let output = notes(calm(), findings, Detail::Normal);
        assert!(output.ends_with("api-17: PORT\n                       and 2 more lines"), "{output}");
    }
}
