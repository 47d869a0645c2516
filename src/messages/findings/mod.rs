//! The findings of every rule, by circumstance.

mod deployments;
mod files;
mod needs;
mod pairs;
mod policy;
mod runtime;
mod values;
mod variables;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::drift::dotenv::LocalFile;
use crate::drift::dotenv::disagreement::Disagreements;
use crate::drift::engine::run_rules::examine;
use crate::drift::model::finding::Finding;
use crate::drift::model::rule::Rule;
use crate::drift::rules::RULES;
use crate::drift::test_support::{ServiceRows, survey};
use crate::drift::{Secret, Survey};
use crate::report::text::wording::{listed, place, services, unmentioned};
use crate::report::{Report, finding_help};

/// A finding, and when a rule reports it.
struct Circumstance {
    rule: &'static Rule,
    /// Unique for the rule.
    name: &'static str,
    finding: Finding,
}

impl Circumstance {
    /// Runs all rules and takes the finding of this one.
    fn new(rule: &'static Rule, name: &'static str, survey: &Survey) -> Self {
        Self::with(rule, name, survey, |_| true)
    }

    /// Does the same if the rule reports other findings, too.
    fn with(rule: &'static Rule, name: &'static str, survey: &Survey, is_shown: impl Fn(&Finding) -> bool) -> Self {
        let findings = examine(survey).findings.into_iter().filter(|finding| finding.rule.code == rule.code);
        let mut shown: Vec<Finding> = findings.filter(is_shown).collect();
        assert_eq!(shown.len(), 1, "findings of {} for “{name}”: {shown:#?}", rule.name);
        Self { rule, name, finding: shown.remove(0) }
    }
}

/// Returns the findings as the text report shows them, without the rows of values.
pub(super) fn table() -> String {
    let all = circumstances();
    let mut table = String::new();
    for rule in RULES {
        writeln!(table, "{} {}", rule.code, rule.name).expect("writing to a String can't fail");
        for Circumstance { name, finding, .. } in all.iter().filter(|one| one.rule.code == rule.code) {
            writeln!(table, "\n    {name}").expect("writing to a String can't fail");
            for line in lines(finding) {
                writeln!(table, "        {line}").expect("writing to a String can't fail");
            }
        }
        table.push_str("\n\n");
    }
    table.truncate(table.trim_end().len());
    table.push('\n');
    table
}

fn circumstances() -> Vec<Circumstance> {
    let subjects = [
        variables::circumstances(),
        needs::circumstances(),
        values::circumstances(),
        files::circumstances(),
        policy::circumstances(),
        deployments::circumstances(),
        runtime::circumstances(),
        pairs::circumstances(),
    ];
    subjects.into_iter().flatten().collect()
}

fn lines(finding: &Finding) -> Vec<String> {
    let report = Report { program: vec!["doctor".to_owned()], ..Report::default() };
    let places = unmentioned(finding, finding.places.iter().map(place).collect());
    let services = unmentioned(finding, services(finding));
    let labelled = [("at", listed(&places, usize::MAX)), ("on", listed(&services, usize::MAX))];
    let labelled = labelled.iter().filter(|(_, text)| !text.is_empty());
    let mut lines = vec![format!("{}: {} [{}]", finding.severity.name(), finding.message, finding.rule.name)];
    lines.extend(labelled.map(|(label, text)| format!("  {label}: {text}")));
    lines.extend(finding_help::lines(&report, finding).iter().map(|line| format!("  {line}")));
    lines
}

/// Returns a survey whose `.env` has this text.
fn survey_of_text(text: &str, services: &[ServiceRows<'_>]) -> Survey {
    let mut found = survey(&[], services);
    found.files = vec![LocalFile::parse(".env", Secret::new(text))];
    found.loader_conflicts = Disagreements::default();
    found
}

#[test]
fn every_rule_has_a_circumstance() {
    let listed: BTreeSet<&str> = circumstances().iter().map(|one| one.rule.code).collect();
    assert_eq!(listed, RULES.iter().map(|rule| rule.code).collect());
}

#[test]
fn names_and_findings_are_unique() {
    let mut names = BTreeSet::new();
    let mut findings = BTreeSet::new();
    for one in circumstances() {
        assert!(names.insert((one.rule.code, one.name)), "{} has “{}” twice", one.rule.name, one.name);
        assert!(findings.insert(lines(&one.finding)), "“{}” of {} adds nothing", one.name, one.rule.name);
    }
}
