use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::{any, proptest};
use proptest::{collection, prop_assert, prop_assert_eq};

use crate::drift::engine::baseline::{Baseline, BaselineEntry};
use crate::drift::engine::run_rules::{Examination, examine, examine_without};
use crate::drift::engine::service_status::CheckState;
use crate::drift::model::observed::Observed;
use crate::drift::model::severity::Severity;
use crate::drift::runtime::{LogCoverage, LogMatch, LogRead};
use crate::drift::survey::{Coverage, Survey};
use crate::drift::test_support::{TODAY, healthy, named, require, survey, unreadable};

const LEAST: Severity = Severity::Warning;

/// Returns two differing keys, of which one differs on both services.
fn differing() -> Survey {
    survey(&["A=1", "B=1"], &[("api", &["A=2", "B=2"]), ("web", &["A=2", "B=1"])])
}

fn written(found: &Survey) -> Baseline {
    updated(&Baseline::default(), found)
}

fn updated(baseline: &Baseline, found: &Survey) -> Baseline {
    baseline.updated(found, &examine(found).findings, Coverage::Whole, LEAST)
}

fn names(entries: &[BaselineEntry]) -> Vec<String> {
    let name = |entry: &BaselineEntry| {
        let service = entry.service.as_ref().map_or("-", |service| &service.name);
        format!("{} {} {service}", entry.rule.name, entry.key.as_deref().unwrap_or("-"))
    };
    entries.iter().map(name).collect()
}

/// Returns the findings that are not notes, each with its services.
fn left(examination: &Examination) -> Vec<String> {
    let findings = examination.findings.iter().filter(|finding| finding.severity >= LEAST);
    let services = |finding: &crate::drift::Finding| {
        finding.services.iter().map(|service| service.name.clone()).collect::<Vec<_>>().join(",")
    };
    findings
        .map(|finding| format!("{} {} {}", finding.rule.name, finding.key.as_deref().unwrap_or("-"), services(finding)))
        .collect()
}

#[test]
fn entries_are_sorted_and_have_an_end_date_but_no_value() {
    let baseline = written(&differing());
    assert_eq!(names(&baseline.entries), ["value-differs A api", "value-differs A web", "value-differs B api"]);
    let entry = &baseline.entries[0];
    assert_eq!((entry.severity, entry.until), (Severity::Error, date(2027, 1, 1)));
    assert_eq!((entry.reason.as_str(), TODAY), ("", date(2026, 10, 3)));
    assert!(baseline.is_for(&differing()));
    let mut other = differing();
    other.environment = named("production");
    assert!(!baseline.is_for(&other));
}

#[test]
fn entries_are_equal_if_at_most_their_lines_differ() {
    let entry = written(&differing()).entries.remove(0);
    assert_eq!(BaselineEntry { line: 12, ..entry.clone() }, entry);
    for other in [
        BaselineEntry { key: None, ..entry.clone() },
        BaselineEntry { service: None, ..entry.clone() },
        BaselineEntry { severity: Severity::Note, ..entry.clone() },
        BaselineEntry { until: TODAY, ..entry.clone() },
        BaselineEntry { reason: "known".to_owned(), ..entry.clone() },
    ] {
        assert_ne!(other, entry);
    }
}

#[test]
fn known_findings_are_removed_and_listed() {
    let found = differing();
    let mut baseline = written(&found);
    baseline.entries[0].reason = "rotation next week".to_owned();
    baseline.entries[0].line = 12;
    let examination = examine_without(&found, &baseline);
    assert_eq!(left(&examination), [""; 0]);
    let first = &examination.ignored[0];
    assert_eq!((first.by.name(), first.line, first.until), ("baseline", Some(12), Some(date(2027, 1, 1))));
    assert_eq!(first.reason.as_deref(), Some("rotation next week"));
    assert_eq!(examination.ignored[1].reason, None, "it is not filled in");
    assert_eq!(examination.ignored.len(), 2);
}

#[test]
fn finding_is_reported_for_its_new_services_only() {
    let found = differing();
    let mut baseline = written(&found);
    baseline.entries.retain(|entry| entry.service != Some(named("web")));
    assert_eq!(left(&examine_without(&found, &baseline)), ["value-differs A web"]);
    let places: Vec<String> =
        examine_without(&found, &baseline).findings[0].observations.iter().map(|one| one.place.clone()).collect();
    assert_eq!(places, [".env:1", "web"]);
    let comparison = baseline.compare(&found, &examine(&found).findings, Coverage::Whole, LEAST);
    assert_eq!((comparison.known, comparison.new), (1, 1));
}

#[test]
fn more_severe_finding_is_new() {
    let found = differing();
    let mut baseline = written(&found);
    baseline.entries[2].severity = Severity::Warning;
    assert_eq!(left(&examine_without(&found, &baseline)), ["value-differs B api"]);
    assert_eq!(updated(&baseline, &found).entries[2].severity, Severity::Error);
}

#[test]
fn difference_between_services_is_new_as_a_whole() {
    let mut found = survey(&[], &[("api", &["A=1"]), ("web", &["A=2"])]);
    require(&mut found, "A", &[]);
    let baseline = written(&found);
    assert!(names(&baseline.entries).contains(&"services-disagree A web".to_owned()));
    let mut more = survey(&[], &[("api", &["A=1"]), ("web", &["A=2"]), ("worker", &["A=3"])]);
    require(&mut more, "A", &[]);
    assert!(left(&examine_without(&more, &baseline)).contains(&"services-disagree A api,web,worker".to_owned()));
}

#[test]
fn further_finding_without_key_makes_all_of_them_new() {
    let mut found = survey(&[], &[]);
    let lines = |survey: &mut Survey, text: &str| {
        survey.files[0] = crate::drift::dotenv::LocalFile::parse(".env", crate::drift::Secret::new(text));
    };
    lines(&mut found, "A=1\nnot an assignment\n");
    let baseline = written(&found);
    assert_eq!(names(&baseline.entries), ["unreadable-line - -"]);
    assert_eq!(left(&examine_without(&found, &baseline)), [""; 0]);
    lines(&mut found, "A=1\nnot an assignment\nneither is this\n");
    assert_eq!(left(&examine_without(&found, &baseline)), ["unreadable-line - "; 2]);
    let both = updated(&baseline, &found);
    assert_eq!((both.entries.len(), left(&examine_without(&found, &both)).len()), (2, 0));
    lines(&mut found, "A=1\nnot an assignment\n");
    let gone = both.compare(&found, &examine(&found).findings, Coverage::Whole, LEAST).gone;
    assert_eq!(names(&gone), ["unreadable-line - -"]);
}

#[test]
fn expired_entries_count_again_until_they_are_renewed() {
    let mut found = differing();
    let mut baseline = written(&found);
    baseline.entries[2].reason = "known".to_owned();
    found.today = date(2027, 1, 1);
    assert_eq!(left(&examine_without(&found, &baseline)), [""; 0], "the end date is included");
    baseline.entries[2].until = date(2026, 12, 31);
    assert_eq!(left(&examine_without(&found, &baseline)), ["value-differs B api"]);
    let comparison = baseline.compare(&found, &examine(&found).findings, Coverage::Whole, LEAST);
    assert_eq!((names(&comparison.expired), comparison.gone.len()), (vec!["value-differs B api".to_owned()], 0));
    let renewed = updated(&baseline, &found);
    assert_eq!(renewed.entries[2].until, date(2027, 4, 1));
    assert_eq!(renewed.entries[2].reason, "known");
    assert_eq!(renewed.entries[0], baseline.entries[0], "others keep their end date");
}

#[test]
fn gone_entries_are_reported_and_then_dropped() {
    let baseline = written(&differing());
    let fixed = survey(&["A=1", "B=2"], &[("api", &["A=2", "B=2"]), ("web", &["A=1"])]);
    let comparison = baseline.compare(&fixed, &examine(&fixed).findings, Coverage::Whole, LEAST);
    assert_eq!(names(&comparison.gone), ["value-differs A web", "value-differs B api"]);
    assert_eq!(names(&updated(&baseline, &fixed).entries), ["value-differs A api"]);
}

#[test]
fn entries_outside_of_the_run_are_kept() {
    let baseline = written(&differing());
    let fixed = |services: &[&str]| {
        let mut fixed = survey(&["A=1", "B=1"], &[("api", &["A=1", "B=1"]), ("web", &["A=1"])]);
        fixed.targets.retain(|target| services.contains(&target.service.name.as_str()));
        fixed
    };
    let kept = |found: &Survey, coverage| {
        let findings = examine(found).findings;
        let gone = baseline.compare(found, &findings, coverage, LEAST).gone.len();
        (gone, names(&baseline.updated(found, &findings, coverage, LEAST).entries))
    };
    let web = || vec!["value-differs A web".to_owned()];
    assert_eq!(kept(&fixed(&["api"]), Coverage::Part), (2, web()));
    assert_eq!(kept(&fixed(&["api"]), Coverage::Whole), (3, vec![]), "the service was removed");
    assert_eq!(kept(&fixed(&["api", "web"]), Coverage::Part), (3, vec![]));
    let mut only = fixed(&["api", "web"]);
    only.only.insert("B".to_owned());
    assert_eq!(kept(&only, Coverage::Whole).0, 1);
    let mut unread = fixed(&["api", "web"]);
    unreadable(&mut unread, "web");
    assert_eq!(kept(&unread, Coverage::Whole).0, 0);
}

#[test]
fn notes_are_recorded_only_on_request() {
    let found = survey(&["A=1"], &[("api", &["A=1", "C=1"])]);
    let findings = examine(&found).findings;
    let record = |old: &Baseline, least| names(&old.updated(&found, &findings, Coverage::Whole, least).entries);
    assert_eq!(record(&Baseline::default(), LEAST), [""; 0]);
    assert_eq!(record(&Baseline::default(), Severity::Note), ["missing-locally C api"]);
    let with_note = Baseline::default().updated(&found, &findings, Coverage::Whole, Severity::Note);
    assert_eq!(record(&with_note, LEAST), ["missing-locally C api"], "a recorded one stays");
}

#[test]
fn check_with_a_known_finding_is_neither_passed_nor_failed() {
    let mut found = healthy();
    found.targets[1].declared.start_command = vec!["-B".to_owned()];
    let baseline = written(&found);
    assert_eq!(names(&baseline.entries), ["start-command - worker"]);
    let examination = examine_without(&found, &baseline);
    let check = examination.checks[1].iter().find(|check| check.name == "start command").unwrap();
    assert_eq!((check.state, check.note.as_str()), (CheckState::Open, "known in the baseline"));
}

#[test]
fn consequence_of_a_known_finding_is_reported_without_it() {
    let mut found = healthy();
    let worker = &mut found.targets[1];
    worker.declared.start_command = vec!["-B".to_owned()];
    let nowhere =
        LogRead { outcome: LogMatch::Nowhere, lines: 1, span: None, coverage: LogCoverage::Whole, replicas: None };
    worker.live.lines = vec![Observed::Known(nowhere)];
    let line = |examination: &Examination| {
        let mut findings = examination.findings.iter();
        findings.find(|finding| finding.rule.name == "log-line-missing").map(|finding| finding.cause.is_some())
    };
    assert_eq!(line(&examine(&found)), Some(true));
    let mut baseline = written(&found);
    baseline.entries.retain(|entry| entry.rule.name == "start-command");
    assert_eq!(line(&examine_without(&found, &baseline)), Some(false));
}

proptest! {
    /// Whatever is found: everything that is written is known, and writing again changes nothing.
    #[test]
    fn written_findings_are_known_and_stable(
        local in collection::vec((0_u8..6, 0_u8..3), 0..8),
        stored in collection::vec((0_u8..3, 0_u8..6, 0_u8..3), 0..12),
        required in any::<bool>(),
        later in 0_i64..90,
    ) {
        let rows = |pairs: Vec<(u8, u8)>| -> Vec<String> {
            pairs.iter().map(|(key, value)| format!("KEY_{key}={}", ["", "one", "changeme"][usize::from(*value)])).collect()
        };
        let file = rows(local);
        let services: Vec<(String, Vec<String>)> = (0..3).map(|service| {
            let own = stored.iter().filter(|row| row.0 == service).map(|row| (row.1, row.2)).collect();
            (format!("s{service}"), rows(own))
        }).collect();
        let file: Vec<&str> = file.iter().map(String::as_str).collect();
        let services: Vec<(&str, Vec<&str>)> =
            services.iter().map(|(name, rows)| (name.as_str(), rows.iter().map(String::as_str).collect())).collect();
        let services: Vec<(&str, &[&str])> = services.iter().map(|(name, rows)| (*name, rows.as_slice())).collect();
        let mut found = survey(&file, &services);
        if required {
            require(&mut found, "KEY_1", &[]);
        }
        let baseline = written(&found);
        let all = examine(&found);
        let known = examine_without(&found, &baseline);
        prop_assert_eq!(left(&known), [""; 0]);
        prop_assert_eq!(known.ignored.len() + known.findings.len(), all.findings.len() + all.ignored.len());
        let day: Date = TODAY.saturating_add(later.days());
        found.today = day;
        prop_assert_eq!(&updated(&baseline, &found), &baseline);
        let comparison = baseline.compare(&found, &all.findings, Coverage::Whole, LEAST);
        prop_assert!(comparison.gone.is_empty() && comparison.expired.is_empty() && comparison.new == 0);
    }
}
