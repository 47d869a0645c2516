//! The matrix cell for one key on one service. Severity and ignores come from the findings, so that the matrix always
//! agrees with them.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::drift::compare::{self, ServicePair, outcome};
use crate::drift::comparison::{ComparisonOutcome, Pair};
use crate::drift::engine::ignored::IgnoringEntry;
use crate::drift::engine::policy::ActiveIgnores;
use crate::drift::engine::run_rules::Examination;
use crate::drift::matrix::MatrixCell;
use crate::drift::model::marker::Mark;
use crate::drift::model::rule::RuleScope;
use crate::drift::rules::with_mark;
use crate::drift::stale_evidence::{Evidence, evidence};
use crate::drift::survey::Local;
use crate::drift::suspicious_values::is_blank;
use crate::drift::{Finding, Severity, Survey, Target, Variable};

/// Findings, indexed for cells.
pub(super) struct CellFindings<'s> {
    /// Findings about a key, by mark and key.
    by_key: HashMap<(Mark, &'s str), Vec<CellFinding<'s>>>,
    /// Findings of rules without markers, by key. Cells may show them with the markers of another rule.
    others: HashMap<&'s str, Vec<&'s Finding>>,
    /// Stale values of running deployments, in the order of the targets.
    old: Vec<RunningValues>,
    /// Keys that at least one service has.
    held: HashSet<&'s str>,
    /// Marks and keys of findings that `[severity]` removed.
    removed: HashSet<(Mark, &'s str)>,
    exceptions: ActiveIgnores<'s>,
}

/// The severity of a finding and its services.
#[derive(Clone)]
struct CellFinding<'s> {
    severity: Severity,
    /// Ids; empty means every service.
    services: HashSet<&'s str>,
}

/// The stale keys of a running service.
#[derive(Default)]
struct RunningValues {
    certain: HashSet<String>,
    possible: HashSet<String>,
    /// The severity of a finding about several keys, if there is one.
    together: Option<Severity>,
}

impl<'s> CellFindings<'s> {
    pub(super) fn new(survey: &'s Survey, examination: &'s Examination) -> Self {
        let mut by_key: HashMap<_, Vec<CellFinding<'s>>> = HashMap::new();
        let mut others: HashMap<&str, Vec<&Finding>> = HashMap::new();
        let mut together: HashMap<&str, Severity> = HashMap::new();
        for finding in &examination.findings {
            let services = finding.services.iter().map(|service| service.id.as_str());
            // A cell shows that services disagree only if there is no file to compare them with.
            let has_no_marker = finding.rule.markers.is_empty() || finding.rule.has_mark(Mark::Disagrees);
            if let Some(key) = finding.key.as_deref().filter(|_| has_no_marker && finding.severity > Severity::Note) {
                others.entry(key).or_default().push(finding);
            }
            match finding.key.as_deref() {
                Some(key) => {
                    let kept = CellFinding { severity: finding.severity, services: services.collect() };
                    for mark in finding.rule.cell_marks() {
                        by_key.entry((mark, key)).or_default().push(kept.clone());
                    }
                }
                None if finding.rule.has_mark(Mark::Stale) => {
                    for service in services {
                        let worst = together.entry(service).or_insert(finding.severity);
                        *worst = finding.severity.max(*worst);
                    }
                }
                _ => {}
            }
        }
        let old = |target: &Target| RunningValues {
            together: together.get(target.service.id.as_str()).copied(),
            ..old(survey, target)
        };
        let exceptions = ActiveIgnores::new(&survey.policy, &survey.environments(), survey.today);
        let removed = examination.ignored.iter().filter(|ignored| ignored.by == IgnoringEntry::Severity);
        Self {
            by_key,
            others,
            old: survey.targets.iter().map(old).collect(),
            held: survey.readable().flat_map(|target| target.stored.iter().flatten()).map(|(key, _)| &**key).collect(),
            removed: removed.flat_map(|ignored| marks(&ignored.finding)).collect(),
            exceptions,
        }
    }

    /// Returns the rules with findings about the key that these cells don't show.
    pub(super) fn also(&self, key: &str, cells: &[MatrixCell]) -> BTreeMap<&'static str, Severity> {
        let mut rules = BTreeMap::new();
        for finding in self.others.get(key).into_iter().flatten() {
            if !finding.rule.cell_marks().any(|mark| cells.iter().any(|cell| cell.mark == mark)) {
                let worst = rules.entry(finding.rule.name).or_insert(finding.severity);
                *worst = finding.severity.max(*worst);
            }
        }
        rules
    }

    /// Returns the cell for the key on the target.
    pub(super) fn cell(&self, survey: &Survey, index: usize, key: &str) -> MatrixCell {
        if let Some(pair) = compare::service(survey, index) {
            return self.pair_cell(survey, pair, key);
        }
        let target = &survey.targets[index];
        if target.stored.is_err() {
            return MatrixCell { mark: Mark::Unreadable, severity: None };
        }
        let values = self.values(survey, target, key);
        let Some((stale, severity)) = self.stale(index, target, key) else { return values };
        match (severity, values.mark) {
            (None, mark) if mark.is_quiet() => MatrixCell { mark: Mark::Ignored, severity: None },
            (None, _) => values,
            (Some(severity), mark) => {
                let both = mark == Mark::Differs && stale == Mark::Stale;
                let hides = severity >= values.severity.unwrap_or(Severity::Note);
                let mark = if both {
                    Mark::DiffersStale
                } else if hides {
                    stale
                } else {
                    mark
                };
                MatrixCell { mark, severity: values.severity.max(Some(severity)) }
            }
        }
    }

    /// Returns the cell for the key in two environments.
    fn pair_cell(&self, survey: &Survey, pair: ServicePair<'_>, key: &str) -> MatrixCell {
        if pair.is_unreadable() {
            return MatrixCell { mark: Mark::Unreadable, severity: None };
        }
        let Some(keys) = pair.key(key) else { return MatrixCell { mark: Mark::Unpaired, severity: None } };
        let target = keys.targets[0];
        let alone = outcome::mark(survey, &keys);
        let found = OF_PAIRS.into_iter().find(|mark| self.severity(*mark, target, key).is_some());
        let mark = found.unwrap_or(alone);
        match self.severity(mark, target, key) {
            None if with_mark(mark).next().is_some_and(|rule| rule.scope == RuleScope::EnvironmentPair) => {
                MatrixCell { mark: Mark::Ignored, severity: None }
            }
            severity => MatrixCell { mark, severity },
        }
    }

    /// Compares the file with the stored value.
    fn values(&self, survey: &Survey, target: &Target, key: &str) -> MatrixCell {
        let mark = self.without_file_value(compared(survey, target, key), target, key);
        if mark.is_quiet() {
            return MatrixCell { mark, severity: None };
        }
        let severity = self.severity(mark, target, key);
        let is_empty = || survey.local(target, key).is_some_and(|local| local.entry.value.expose().is_empty());
        let mark = match severity {
            Some(_) if mark == Mark::MissingOnRailway && is_empty() => Mark::EmptyLocally,
            Some(_) => mark,
            // Nothing declares that the service needs it.
            None if mark == Mark::MissingOnRailway && !self.is_removed(mark, target, key) => Mark::NotSet,
            None => Mark::Ignored,
        };
        MatrixCell { mark, severity }
    }

    /// Returns the mark of a fault that shows without a value in a file: a dangling reference, an empty value, a value
    /// that differs between services, a missing key of a template.
    fn without_file_value(&self, mark: Mark, target: &Target, key: &str) -> Mark {
        let has = |mark| self.severity(mark, target, key).is_some();
        let is_dangling = || self.severity(Mark::Dangling, target, key) > Some(Severity::Note);
        let value = target.variable(key).and_then(Variable::effective);
        let is_empty = || value.is_some_and(|value| is_blank(value.expose())) && has(Mark::EmptyOnRailway);
        match mark {
            Mark::MissingLocally | Mark::Reference | Mark::Set if is_dangling() => Mark::Dangling,
            Mark::MissingLocally | Mark::Equal | Mark::Reference | Mark::Set if is_empty() => Mark::EmptyOnRailway,
            Mark::Set => UNFILED.into_iter().find(|mark| has(*mark)).unwrap_or(mark),
            Mark::NotSet if !target.has_file() && has(Mark::Missing) => Mark::Missing,
            _ => mark,
        }
    }

    /// Returns whether `doctor.toml` removed a finding with the mark. A key that another service has is not missing.
    fn is_removed(&self, mark: Mark, target: &Target, key: &str) -> bool {
        !self.held.contains(key) && (self.removed.contains(&(mark, key)) || self.is_ignored(mark, target, key))
    }

    /// Returns whether an `[[ignore]]` covers the rules with the mark for the key on the target.
    fn is_ignored(&self, mark: Mark, target: &Target, key: &str) -> bool {
        let mut probes = with_mark(mark).map(|rule| Finding { key: Some(key.to_owned()), ..Finding::new(rule, "") });
        probes.any(|probe| self.exceptions.about(&probe).iter().any(|one| one.includes(&target.service)))
    }

    fn severity(&self, mark: Mark, target: &Target, key: &str) -> Option<Severity> {
        let findings = self.by_key.get(&(mark, key))?;
        let about =
            |kept: &&CellFinding<'_>| kept.services.is_empty() || kept.services.contains(target.service.id.as_str());
        findings.iter().filter(about).map(|kept| kept.severity).max()
    }

    /// Returns the mark if the service runs with a stale value of the key, and the severity, which is `None` if
    /// ignored.
    fn stale(&self, index: usize, target: &Target, key: &str) -> Option<(Mark, Option<Severity>)> {
        let old = &self.old[index];
        let mark = match (old.certain.contains(key), old.possible.contains(key)) {
            (true, _) => Mark::Stale,
            (_, true) => Mark::PossiblyStale,
            _ => return None,
        };
        let alone = self.severity(mark, target, key);
        Some((mark, alone.or_else(|| old.together.filter(|_| !self.is_ignored(mark, target, key)))))
    }
}

/// The marks of a variable that exists, if its key is needed and there is no file to compare it with.
const UNFILED: [Mark; 4] = [Mark::Disagrees, Mark::Sealed, Mark::Indirect, Mark::Unavailable];

/// The marks of findings that the values of one key do not show.
const OF_PAIRS: [Mark; 3] = [Mark::AcrossViolated, Mark::SharedBackend, Mark::SharedSecret];

/// Returns the marks that show the finding, each with its key.
fn marks(finding: &Finding) -> impl Iterator<Item = (Mark, &str)> {
    let key = finding.key.as_deref();
    finding.rule.cell_marks().filter_map(move |mark| Some((mark, key?)))
}

fn old(survey: &Survey, target: &Target) -> RunningValues {
    match evidence(survey, target) {
        None => RunningValues::default(),
        Some(Evidence::Values(keys)) => {
            RunningValues { certain: keys.into_iter().collect(), ..RunningValues::default() }
        }
        Some(Evidence::Times { later, near, .. }) => {
            RunningValues { possible: later.into_iter().chain(near).collect(), ..RunningValues::default() }
        }
    }
}

fn compared(survey: &Survey, target: &Target, key: &str) -> Mark {
    match (survey.local(target, key), target.variable(key)) {
        (None, None) if survey.requires(target, key) => Mark::Missing,
        (None, None) => Mark::NotSet,
        (Some(_), None) => Mark::MissingOnRailway,
        (Some(local), Some(variable)) if is_emptied(local, variable) => Mark::EmptyLocally,
        (None, Some(_)) if target.has_file() => Mark::MissingLocally,
        (None, Some(_)) => Mark::Set,
        (Some(local), Some(variable)) => match (Pair { target, key, variable, local }).verdict(survey) {
            ComparisonOutcome::Equal if variable.template().is_some() => Mark::Reference,
            ComparisonOutcome::Equal => Mark::Equal,
            ComparisonOutcome::Sealed => Mark::Sealed,
            ComparisonOutcome::Unavailable => Mark::Unavailable,
            ComparisonOutcome::Indirect => Mark::Indirect,
            ComparisonOutcome::ExpectedDifference(_) => Mark::ExpectedDifference,
            ComparisonOutcome::Dangling => Mark::Dangling,
            ComparisonOutcome::ReferenceDiffers => Mark::ReferenceDiffers,
            ComparisonOutcome::Differs => Mark::Differs,
        },
    }
}

/// Returns whether the key is empty in the file and has a value on Railway.
fn is_emptied(local: Local<'_>, variable: &Variable) -> bool {
    let stored = variable.effective();
    local.entry.value.expose().is_empty() && stored.is_some_and(|stored| !stored.expose().is_empty())
}
