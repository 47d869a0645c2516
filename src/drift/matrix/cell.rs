//! The matrix cell for one key on one service. Severity and ignores come from the findings, so that the matrix always
//! agrees with them.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::drift::comparison::{ComparisonOutcome, Pair};
use crate::drift::engine::policy::ActiveIgnores;
use crate::drift::matrix::MatrixCell;
use crate::drift::model::marker::Mark;
use crate::drift::rules::with_mark;
use crate::drift::stale_evidence::{Evidence, evidence};
use crate::drift::{Finding, Severity, Survey, Target};

/// Findings, indexed for cells.
pub(super) struct CellFindings<'s> {
    /// Findings about a key, by mark and key.
    by_key: HashMap<(Mark, &'s str), Vec<CellFinding<'s>>>,
    /// Rules that cells don't show, by key.
    others: HashMap<&'s str, BTreeMap<&'static str, Severity>>,
    /// Stale values of running deployments, in the order of the targets.
    old: Vec<RunningValues>,
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
    pub(super) fn new(survey: &'s Survey, findings: &'s [Finding]) -> Self {
        let mut by_key: HashMap<_, Vec<CellFinding<'s>>> = HashMap::new();
        let mut others: HashMap<&str, BTreeMap<&'static str, Severity>> = HashMap::new();
        let mut together: HashMap<&str, Severity> = HashMap::new();
        for finding in findings {
            let services = finding.services.iter().map(|service| service.id.as_str());
            match finding.key.as_deref() {
                Some(key) if finding.rule.cell_marks().next().is_some() => {
                    let kept = CellFinding { severity: finding.severity, services: services.collect() };
                    for mark in finding.rule.cell_marks() {
                        by_key.entry((mark, key)).or_default().push(kept.clone());
                    }
                }
                Some(key) if finding.severity > Severity::Note => {
                    let worst = others.entry(key).or_default().entry(finding.rule.name).or_insert(finding.severity);
                    *worst = finding.severity.max(*worst);
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
        let exceptions = ActiveIgnores::new(&survey.policy, &survey.environment, survey.today);
        Self { by_key, others, old: survey.targets.iter().map(old).collect(), exceptions }
    }

    /// Returns the rules with findings about the key that cells don't show.
    pub(super) fn also(&self, key: &str) -> Vec<(Severity, &'static str)> {
        let others = self.others.get(key).into_iter().flatten();
        others.map(|(name, severity)| (*severity, *name)).collect()
    }

    /// Returns the cell for the key on the target.
    pub(super) fn cell(&self, survey: &Survey, index: usize, key: &str) -> MatrixCell {
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

    /// Compares the file with the stored value.
    fn values(&self, survey: &Survey, target: &Target, key: &str) -> MatrixCell {
        let mut mark = compared(survey, target, key);
        // The comparison needs a file value, but a reference can be dangling without one.
        if matches!(mark, Mark::MissingLocally | Mark::Reference)
            && self.severity(Mark::Dangling, target, key) > Some(Severity::Note)
        {
            mark = Mark::Dangling;
        }
        if mark.is_quiet() {
            return MatrixCell { mark, severity: None };
        }
        let severity = self.severity(mark, target, key);
        MatrixCell { mark: severity.map_or(Mark::Ignored, |_| mark), severity }
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
        let is_ignored = || {
            let probes = with_mark(mark).map(|rule| Finding { key: Some(key.to_owned()), ..Finding::new(rule, "") });
            let is_covered = |probe| self.exceptions.about(&probe).iter().any(|one| one.includes(&target.service));
            probes.into_iter().any(is_covered)
        };
        Some((mark, alone.or_else(|| old.together.filter(|_| !is_ignored()))))
    }
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
        (None, Some(_)) => Mark::MissingLocally,
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
