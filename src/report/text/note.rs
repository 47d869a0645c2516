//! Notes: what is worth knowing and needs nothing done, in a line or two per rule.

use std::collections::HashSet;

use crate::drift::model::finding::Finding;
use crate::drift::model::resource::ResourceRef;
use crate::drift::phrases::count;
use crate::report::Report;
use crate::report::paint::Tone;
use crate::report::text::finding_block;
use crate::report::text::grouped_findings::item;
use crate::report::text::page::TextPage;
use crate::report::text::text_width::{columns, pad};
use crate::report::text::wording::{self, FEW, FindingGroup, alike, kinds, listed, mentions};

/// Keys in one line before the rest is counted.
const KEYS: usize = 8;
/// Lines of one rule before the rest is counted.
const LINES: usize = 8;

/// Writes the notes; with `-v` in full, but for those that are a number: there, the list.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report, notes: Vec<&Finding>) {
    let kinds = kinds(notes);
    let (full, folded): (Vec<_>, Vec<_>) =
        kinds.into_iter().partition(|kind| page.is_verbose() && kind.rule.counted_as.is_none());
    for finding in full.iter().flat_map(|kind| &kind.findings) {
        finding_block::write(page, report, finding);
    }
    if folded.is_empty() {
        return;
    }
    page.gap();
    let hint = if page.is_verbose() { "" } else { " (-v tells them in full)" };
    page.line(&[(Tone::Note, "notes"), (Tone::Faint, hint)]);
    let column = folded.iter().map(|kind| columns(kind.rule.name)).max().unwrap_or(0);
    let scope = NoteScope::of(report);
    for kind in &folded {
        let lines = match kind.rule.counted_as {
            Some(words) => numbers(page, kind, words),
            None => scope.lines(kind),
        };
        fold(page, kind.rule.name, column, &lines);
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

/// `api: 14 keys are only on Railway`, a line for each service; with `-v`, which.
fn numbers(page: &TextPage<'_>, kind: &FindingGroup<'_>, words: &str) -> Vec<String> {
    let pairs: Vec<(&ResourceRef, &Finding)> = kind
        .findings
        .iter()
        .flat_map(|&finding| finding.services.iter().map(move |service| (service, finding)))
        .collect();
    let mut services = alike(&pairs, |(service, _)| (service.name.as_str(), service.id.as_str()));
    services.sort_unstable_by_key(|(service, _)| *service);
    let line = |((name, _), pairs): &((&str, &str), Vec<&(&ResourceRef, &Finding)>)| {
        let findings: Vec<&Finding> = pairs.iter().map(|(_, finding)| *finding).collect();
        let which = if page.is_verbose() { format!(": {}", keys(&findings, usize::MAX)) } else { String::new() };
        let verb = if findings.len() == 1 { "is" } else { "are" };
        format!("{name}: {} {verb} {words}{which}", count(findings.len(), "key"))
    };
    services.iter().map(line).collect()
}

fn keys(findings: &[&Finding], most: usize) -> String {
    listed(&findings.iter().map(|finding| item(finding)).collect::<Vec<_>>(), most)
}

/// The services that were looked at: what is true of all of them needs no names.
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

    /// A sentence where there is one note, else a list of keys for each set of services.
    fn lines(&self, kind: &FindingGroup<'_>) -> Vec<String> {
        if let [finding] = kind.findings.as_slice() {
            return vec![self.sentence(finding)];
        }
        let groups = alike(kind.findings.iter().copied(), |finding| self.services_of(finding));
        let is_for_all = groups.len() == 1 && self.is_covered_by(kind.findings[0]);
        let mut lines = vec![kind.rule.summary.to_owned()];
        lines.extend(groups.iter().take(LINES).map(|(whom, findings)| match whom.as_str() {
            "" => keys(findings, KEYS),
            _ if is_for_all => keys(findings, KEYS),
            whom => format!("{whom}: {}", keys(findings, KEYS)),
        }));
        if let Some(more) = groups.len().checked_sub(LINES).filter(|&more| more > 0) {
            lines.push(format!("and {}", count(more, "more line")));
        }
        lines
    }

    /// The services of a list, or else its files.
    fn services_of(&self, finding: &Finding) -> String {
        match self.ids.len() {
            2 if self.is_covered_by(finding) => "both services".to_owned(),
            number @ 3.. if self.is_covered_by(finding) => format!("all {number} services"),
            _ if finding.services.is_empty() => listed(&wording::files(finding), FEW),
            _ => listed(&wording::services(finding), FEW),
        }
    }

    /// The message, before it the services that it leaves open, after it the reason. Without a key, the place is what
    /// tells it from others.
    fn sentence(&self, finding: &Finding) -> String {
        let mut services = wording::services(finding);
        services.retain(|name| !mentions(&finding.message, name));
        let mut sentence = finding.message.clone();
        if !services.is_empty() && !self.is_covered_by(finding) {
            sentence.insert_str(0, &format!("{}: ", listed(&services, FEW)));
        }
        let mut places: Vec<String> = finding.places.iter().map(wording::place).collect();
        places.retain(|place| finding.key.is_none() && !mentions(&finding.message, place));
        let asides = [listed(&places, FEW), finding.reason.clone().unwrap_or_default()];
        for aside in asides.iter().filter(|aside| !aside.is_empty()) {
            sentence.push_str(" · ");
            sentence.push_str(aside);
        }
        sentence
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::model::finding::{Finding, Location};
    use crate::drift::model::rule::Rule;
    use crate::report::test_support::{EXTRA, NATURE, SEALED, calm, finding, line, text};
    use crate::report::{Detail, Report};

    const API: &str = "agentverse-api-staging";
    const WORKER: &str = "agentverse-worker-staging";

    /// The notes of a report on these findings.
    fn notes(report: Report, findings: Vec<Finding>, detail: Detail) -> String {
        let told = text(&Report { findings, ..report }, 80, detail);
        let from = told.find("\nnotes").expect("there are notes") + 1;
        told[from..].split("\n\n").next().unwrap_or_default().to_owned()
    }

    fn note(rule: &'static Rule, key: &str, services: &[&str]) -> Finding {
        finding(rule, key, services, &format!("{key} is told of"))
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
notes (-v tells them in full)
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
    fn notes_about_all_services_name_none() {
        let all = vec![
            note(&SEALED, "JWT", &[API, WORKER]),
            note(&NATURE, "PORT", &[API, WORKER]),
            note(&NATURE, "HOST", &[API, WORKER]),
        ];
        let expected = "\
notes (-v tells them in full)
  sealed               JWT is told of
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
notes (-v tells them in full)
  sealed               agentverse-worker-staging: JWT is told of
  expected-difference  the values differ, and are expected to
                       both services: PORT
                       agentverse-api-staging: HOST";
        assert_eq!(notes(calm(), some(), Detail::Normal), expected);
        let mut three = calm();
        three.services.push(line("zoo", 1, 0));
        let told = notes(three, some(), Detail::Normal);
        assert!(
            told.contains("\n                       agentverse-api-staging, agentverse-worker-staging: PORT\n"),
            "{told}"
        );
        let mut three = calm();
        three.services.push(line("zoo", 1, 0));
        let findings = vec![note(&NATURE, "PORT", &[API, WORKER, "zoo"]), note(&NATURE, "HOST", &["zoo"])];
        let told = notes(three, findings, Detail::Normal);
        assert!(
            told.ends_with("\n                       all 3 services: PORT\n                       zoo: HOST"),
            "{told}"
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
        assert!(at(None).ends_with("  sealed  JWT is told of · .env:7"), "{}", at(None));
        assert!(at(Some("JWT")).ends_with("  sealed  JWT is told of"), "{}", at(Some("JWT")));
    }

    #[test]
    fn many_groups_of_one_rule_are_counted() {
        let names: Vec<String> = (10..20).map(|number| format!("api-{number}")).collect();
        let findings = names.iter().map(|name| note(&NATURE, "PORT", &[name])).collect();
        let told = notes(calm(), findings, Detail::Normal);
        assert!(told.ends_with("api-17: PORT\n                       and 2 more lines"), "{told}");
    }
}
