//! A baseline: recorded findings that `check --new-only` does not report.
//!
//! A finding is identified by its rule, its key and each of its services, so that it stays known if its services are
//! grouped in another way. Nothing of a value is recorded.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;
use jiff::{Span, ToSpan};

use crate::drift::engine::ignored::{IgnoredFinding, IgnoringEntry, without_services};
use crate::drift::model::finding::Finding;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::survey::{Coverage, Survey};

/// The number of days for which a new entry applies.
const DAYS: i64 = 90;

/// The recorded findings of one environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    pub project: ResourceRef,
    pub environment: ResourceRef,
    /// In the order of the file.
    pub entries: Vec<BaselineEntry>,
}

/// A recorded finding on one service, or about no service.
#[derive(Clone, Debug)]
pub struct BaselineEntry {
    pub rule: &'static Rule,
    pub key: Option<String>,
    /// Identified by its id. The name is the one when the entry was written.
    pub service: Option<ResourceRef>,
    /// The severity when the entry was written. A finding that is more severe now is not known.
    pub severity: Severity,
    /// The last day on which the entry applies.
    pub until: Date,
    /// Why the finding is accepted; empty until the user fills it in.
    pub reason: String,
    /// 1-based line in the file; 0 if it was not read from one.
    pub line: usize,
}

/// Compares everything but the line.
impl PartialEq for BaselineEntry {
    fn eq(&self, other: &Self) -> bool {
        let rest = |entry: &Self| (entry.service.clone(), entry.severity, entry.until, entry.reason.clone());
        self.identity() == other.identity() && rest(self) == rest(other)
    }
}

/// What identifies a finding: the name of its rule, its key, and the id of one of its services. It is also the order of
/// the file.
type Identity<'f> = (&'static str, Option<&'f str>, Option<&'f str>);

/// The difference between a baseline and the current findings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BaselineComparison {
    /// Findings that the baseline covers.
    pub known: usize,
    /// Findings that it does not cover, or only for some of their services.
    pub new: usize,
    /// Entries without a finding.
    pub gone: Vec<BaselineEntry>,
    /// Entries whose end date has passed, and whose findings are still there.
    pub expired: Vec<BaselineEntry>,
}

/// The findings after the known ones are removed.
#[derive(Debug, Default)]
pub(super) struct Remainder {
    pub(super) findings: Vec<Finding>,
    /// The findings that are known on all their services.
    pub(super) removed: Vec<IgnoredFinding>,
    /// The code of the rule and the id of the service, for every service on which a finding is known.
    pub(super) places: HashSet<(&'static str, String)>,
}

impl BaselineEntry {
    fn identity(&self) -> Identity<'_> {
        (self.rule.name, self.key.as_deref(), self.service.as_ref().map(|service| service.id.as_str()))
    }

    fn applies_on(&self, today: Date) -> bool {
        today <= self.until
    }
}

impl Baseline {
    /// Returns whether it was written for that environment.
    pub fn is_for(&self, survey: &Survey) -> bool {
        self.project.id == survey.project.id && self.environment.id == survey.environment.id
    }

    /// Compares it with the findings of a run. With `Coverage::Part`, `--service` limits the run.
    pub fn compare(
        &self,
        survey: &Survey,
        findings: &[Finding],
        coverage: Coverage,
        least: Severity,
    ) -> BaselineComparison {
        let current = severities(findings);
        let remainder = self.remove_known(findings.to_vec(), survey.today);
        let expired = self.entries.iter().filter(|entry| !entry.applies_on(survey.today));
        let expired = expired.filter(|entry| current.contains_key(&entry.identity()));
        BaselineComparison {
            known: remainder.removed.len(),
            new: remainder.findings.iter().filter(|finding| finding.severity >= least).count(),
            gone: self.without_finding(&current, &Scope::of(self, survey, coverage)),
            expired: expired.cloned().collect(),
        }
    }

    /// Returns the entries within the scope for which there is no finding, or no further one.
    fn without_finding(
        &self,
        current: &BTreeMap<Identity<'_>, Vec<Severity>>,
        scope: &Scope<'_>,
    ) -> Vec<BaselineEntry> {
        let mut matched: HashMap<Identity<'_>, usize> = HashMap::new();
        let mut gone = Vec::new();
        for entry in &self.entries {
            let identity = entry.identity();
            let number = matched.entry(identity).or_default();
            *number += 1;
            if *number > current.get(&identity).map_or(0, Vec::len) && scope.includes(entry) {
                gone.push(entry.clone());
            }
        }
        gone
    }

    /// Removes the findings that an entry covers, and from others the services on which they are known.
    pub(super) fn remove_known(&self, findings: Vec<Finding>, today: Date) -> Remainder {
        let covering = self.covering(&severities(&findings), today);
        let mut remainder = Remainder::default();
        for finding in findings {
            let entry = |service: Option<&ResourceRef>| covering.get(&identity(&finding, service)).copied();
            let known: Vec<&ResourceRef> =
                finding.services.iter().filter(|service| entry(Some(service)).is_some()).collect();
            let first = if finding.services.is_empty() { entry(None) } else { entry(finding.services.first()) };
            // Values that differ between services can't be attributed to one of them.
            let is_whole = finding.rule.different_values > 1;
            match first {
                Some(first) if known.len() == finding.services.len() => {
                    remainder.places.extend(places(&finding, &known));
                    remainder.removed.push(known_finding(first, finding));
                }
                _ if known.is_empty() || is_whole => remainder.findings.push(finding),
                _ => {
                    remainder.places.extend(places(&finding, &known));
                    let ids: HashSet<String> = known.iter().map(|service| service.id.clone()).collect();
                    remainder.findings.push(without_services(finding, |service| ids.contains(&service.id)));
                }
            }
        }
        remainder
    }

    /// Returns the identities that are covered, each with its first entry. Findings with the same identity can't be
    /// distinguished, so all of them are new if there are more of them than entries, or if one is more severe.
    fn covering<'b>(
        &'b self,
        current: &BTreeMap<Identity<'_>, Vec<Severity>>,
        today: Date,
    ) -> HashMap<Identity<'b>, &'b BaselineEntry> {
        let mut entries: HashMap<Identity<'b>, Vec<&'b BaselineEntry>> = HashMap::new();
        for entry in self.entries.iter().filter(|entry| entry.applies_on(today)) {
            entries.entry(entry.identity()).or_default().push(entry);
        }
        entries.retain(|identity, entries| {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.severity));
            let found = current.get(identity).map(Vec::as_slice).unwrap_or_default();
            found.len() <= entries.len() && found.iter().zip(&*entries).all(|(now, entry)| *now <= entry.severity)
        });
        entries.into_iter().filter_map(|(identity, entries)| Some((identity, *entries.first()?))).collect()
    }

    /// Returns the baseline of the current findings of that severity or a higher one. Entries that are still needed keep
    /// their reason, and their end date if that has not passed. Entries outside of the run are kept.
    #[must_use]
    pub fn updated(&self, survey: &Survey, findings: &[Finding], coverage: Coverage, least: Severity) -> Self {
        let scope = Scope::of(self, survey, coverage);
        let mut old: HashMap<Identity<'_>, Vec<&BaselineEntry>> = HashMap::new();
        for entry in &self.entries {
            old.entry(entry.identity()).or_default().push(entry);
        }
        let mut new: BTreeMap<Identity<'_>, Vec<BaselineEntry>> = BTreeMap::new();
        for finding in findings {
            for service in services(finding) {
                let identity = identity(finding, service);
                if finding.severity >= least || old.contains_key(&identity) {
                    let entry = new_entry(finding, service, survey.today);
                    new.entry(identity).or_default().push(entry);
                }
            }
        }
        for (identity, entries) in &mut new {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.severity));
            let old = old.remove(identity).unwrap_or_default();
            for (entry, old) in entries.iter_mut().zip(old) {
                entry.reason.clone_from(&old.reason);
                entry.until = if old.applies_on(survey.today) { old.until } else { entry.until };
            }
        }
        let kept = old.into_values().flatten().filter(|entry| !scope.includes(entry)).cloned();
        let mut entries: Vec<BaselineEntry> = new.into_values().flatten().chain(kept).collect();
        entries.sort_by(|one, other| one.identity().cmp(&other.identity()));
        Self { project: survey.project.clone(), environment: survey.environment.clone(), entries }
    }
}

/// The part of a baseline whose findings a run would have reported.
struct Scope<'s> {
    survey: &'s Survey,
    services: HashSet<&'s str>,
    /// Whether the run covers all services of the baseline.
    is_whole: bool,
    /// Whether a service could not be read, so that missing findings mean nothing.
    is_unreadable: bool,
}

impl<'s> Scope<'s> {
    fn of(baseline: &Baseline, survey: &'s Survey, coverage: Coverage) -> Self {
        let services: HashSet<&str> = survey.targets.iter().map(|target| target.service.id.as_str()).collect();
        let mut recorded = baseline.entries.iter().filter_map(|entry| entry.service.as_ref());
        let is_whole = coverage == Coverage::Whole || recorded.all(|service| services.contains(service.id.as_str()));
        Self { survey, services, is_whole, is_unreadable: survey.targets.iter().any(|target| target.stored.is_err()) }
    }

    fn includes(&self, entry: &BaselineEntry) -> bool {
        let has_key = match &entry.key {
            Some(key) => self.survey.includes_key(key),
            None => self.survey.only.is_empty(),
        };
        let is_in_run = |service: &ResourceRef| self.services.contains(service.id.as_str());
        // A difference between services may involve one outside of the run, and a file may belong to one.
        let has_services =
            || self.is_whole || entry.rule.different_values <= 1 && entry.service.as_ref().is_some_and(is_in_run);
        !self.is_unreadable && has_key && has_services()
    }
}

/// Returns each service of a finding, or `None` once if it has none.
fn services(finding: &Finding) -> Vec<Option<&ResourceRef>> {
    if finding.services.is_empty() { vec![None] } else { finding.services.iter().map(Some).collect() }
}

fn identity<'f>(finding: &'f Finding, service: Option<&'f ResourceRef>) -> Identity<'f> {
    (finding.rule.name, finding.key.as_deref(), service.map(|service| service.id.as_str()))
}

/// Returns the severities of the findings by identity, the highest first.
fn severities(findings: &[Finding]) -> BTreeMap<Identity<'_>, Vec<Severity>> {
    let mut severities: BTreeMap<Identity<'_>, Vec<Severity>> = BTreeMap::new();
    for finding in findings {
        for service in services(finding) {
            severities.entry(identity(finding, service)).or_default().push(finding.severity);
        }
    }
    for found in severities.values_mut() {
        found.sort_unstable_by_key(|severity| std::cmp::Reverse(*severity));
    }
    severities
}

fn places(finding: &Finding, services: &[&ResourceRef]) -> Vec<(&'static str, String)> {
    services.iter().map(|service| (finding.rule.code, service.id.clone())).collect()
}

fn known_finding(entry: &BaselineEntry, finding: Finding) -> IgnoredFinding {
    IgnoredFinding {
        finding,
        by: IgnoringEntry::Baseline,
        reason: Some(entry.reason.clone()).filter(|reason| !reason.is_empty()),
        until: Some(entry.until),
        line: Some(entry.line),
    }
}

fn new_entry(finding: &Finding, service: Option<&ResourceRef>, today: Date) -> BaselineEntry {
    let span: Span = DAYS.days();
    BaselineEntry {
        rule: finding.rule,
        key: finding.key.clone(),
        service: service.cloned(),
        severity: finding.severity,
        until: today.saturating_add(span),
        reason: String::new(),
        line: 0,
    }
}

#[cfg(test)]
mod tests;
