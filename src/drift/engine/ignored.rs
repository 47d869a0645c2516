//! Applies `[severity]` and `[[ignore]]` to findings.

use std::collections::HashSet;

use jiff::civil::Date;

use crate::drift::Secret;
use crate::drift::engine::policy::{ActiveIgnores, Ignore, Policy};
use crate::drift::model::finding::{Finding, LOCAL};
use crate::drift::model::resource::ResourceRef;

/// A finding that `doctor.toml` or a baseline removed.
#[derive(Clone, Debug)]
pub struct IgnoredFinding {
    pub finding: Finding,
    /// What removed it.
    pub by: IgnoringEntry,
    /// The reason in the entry.
    pub reason: Option<String>,
    /// The last day on which the entry applies.
    pub until: Option<Date>,
    /// 1-based line of the entry in its file.
    pub line: Option<usize>,
}

/// The kinds of entries that remove findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoringEntry {
    /// An `[[ignore]]`.
    Ignore,
    /// `"off"` in `[severity]`.
    Severity,
    /// An entry of the baseline.
    Baseline,
}

impl IgnoringEntry {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Ignore, Self::Severity, Self::Baseline];

    /// Returns the name in reports: of the table in `doctor.toml`, or `baseline`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Severity => "severity",
            Self::Baseline => "baseline",
        }
    }
}

impl IgnoredFinding {
    fn by(ignore: &Ignore, finding: Finding) -> Self {
        Self {
            finding,
            by: IgnoringEntry::Ignore,
            reason: Some(ignore.reason.clone()),
            until: ignore.until,
            line: Some(ignore.line),
        }
    }
}

/// Applies `doctor.toml` to a finding. Returns `Err` with the finding if `doctor.toml` removes it.
pub(super) fn apply(
    policy: &Policy,
    ignores: &ActiveIgnores<'_>,
    finding: Finding,
) -> Result<Finding, Box<IgnoredFinding>> {
    let graded = graded(policy, finding)?;
    unignored(ignores, graded)
}

/// Applies `[severity]` to the finding. A required finding keeps its severity, and a severity that was lowered below the
/// rule's is not raised.
fn graded(policy: &Policy, finding: Finding) -> Result<Finding, Box<IgnoredFinding>> {
    let names = [finding.rule.name, finding.rule.code];
    let configured = names.into_iter().find_map(|name| Some((name, policy.severity.get(name)?)));
    let Some((name, severity)) = configured.filter(|_| !finding.required) else { return Ok(finding) };
    match severity {
        None => {
            let line = policy.severity_lines.get(name).copied();
            Err(Box::new(IgnoredFinding { finding, by: IgnoringEntry::Severity, reason: None, until: None, line }))
        }
        Some(wanted) if finding.severity < finding.rule.severity => {
            Ok(Finding { severity: finding.severity.min(*wanted), ..finding })
        }
        Some(wanted) => Ok(Finding { severity: *wanted, ..finding }),
    }
}

/// Removes the services that an `[[ignore]]` covers. If none is left, the first such `[[ignore]]` removes the finding.
fn unignored(ignores: &ActiveIgnores<'_>, finding: Finding) -> Result<Finding, Box<IgnoredFinding>> {
    let about = ignores.about(&finding);
    let covers = |ignore: &&Ignore| match finding.services.as_slice() {
        [] => ignore.services.is_empty(),
        services => services.iter().any(|service| ignore.includes(service)),
    };
    let Some(first) = about.iter().copied().find(covers) else { return Ok(finding) };
    let is_ignored = |service: &ResourceRef| about.iter().any(|ignore| ignore.includes(service));
    if finding.services.iter().all(is_ignored) {
        return Err(Box::new(IgnoredFinding::by(first, finding)));
    }
    let kept = without_services(finding.clone(), is_ignored);
    if still_differs(&kept) { Ok(kept) } else { Err(Box::new(IgnoredFinding::by(first, finding))) }
}

/// Removes services from a finding, with their values and the command that adds the key to one of them.
pub(super) fn without_services(mut finding: Finding, is_removed: impl Fn(&ResourceRef) -> bool) -> Finding {
    let all = std::mem::take(&mut finding.services);
    let (gone, left): (Vec<_>, Vec<_>) = all.into_iter().partition(is_removed);
    let gone: HashSet<&str> = gone.iter().map(|service| service.name.as_str()).collect();
    // In a comparison of two environments, a place is `api in staging`.
    let is_of = |place: &str, name: &str| place.strip_prefix(name).is_some_and(|rest| rest.starts_with(" in "));
    let is_gone = |place: &str| gone.contains(place) || gone.iter().any(|name| is_of(place, name));
    finding.observations.retain(|observation| !is_gone(&observation.place));
    let adds_to = |name: &str| finding.to_add.as_ref().is_some_and(|add| add.contains(&format!("--service={name}")));
    if gone.iter().any(|name| adds_to(name)) {
        finding.to_add = None;
    }
    Finding { services: left, ..finding }
}

/// Returns whether the finding still has as many different values on Railway as its rule requires. The remaining
/// services may have equal values.
fn still_differs(finding: &Finding) -> bool {
    let stored = finding.observations.iter().filter(|observation| observation.state != LOCAL);
    let values: HashSet<&str> =
        stored.filter_map(|observation| observation.value.as_ref()).map(Secret::expose).collect();
    values.len() >= finding.rule.different_values
}

#[cfg(test)]
mod tests {
    use crate::drift::engine::ignored::IgnoringEntry;
    use crate::drift::engine::policy::Ignore;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::test_support::{TODAY, ignore, named, pair, require, survey};

    #[test]
    fn removed_findings_are_listed_with_their_entry() {
        let mut found = survey(&["A=1", "B=1"], &[("api", &["A=2", "B=2", "C=1"]), ("web", &["A=2"])]);
        let of_api = Ignore { services: vec![named("api").id], line: 3, ..ignore(&["A"]) };
        found.policy.ignore.push(of_api);
        found.policy.ignore.push(Ignore { until: Some(TODAY), line: 9, ..ignore(&["B"]) });
        found.policy.severity.insert("missing-locally".to_owned(), None);
        found.policy.severity_lines.insert("missing-locally".to_owned(), 14);
        let examination = examine(&found);
        let removed: Vec<_> = examination
            .ignored
            .iter()
            .map(|one| (one.finding.key.as_deref(), one.by, one.reason.as_deref(), one.until, one.line))
            .collect();
        let reason = Some("only for local runs");
        let expected = [
            (Some("B"), IgnoringEntry::Ignore, reason, Some(TODAY), Some(9)),
            (Some("C"), IgnoringEntry::Severity, None, None, Some(14)),
        ];
        assert_eq!(removed, expected);
        assert_eq!(examination.findings.len(), 1, "A still differs on web");
        found.policy.ignore.push(Ignore { services: vec![named("web").id], line: 11, ..ignore(&["A"]) });
        let examination = examine(&found);
        let first = &examination.ignored[0];
        let services: Vec<&str> = first.finding.services.iter().map(|service| service.name.as_str()).collect();
        assert_eq!((first.finding.key.as_deref(), first.line, services), (Some("A"), Some(3), vec!["api", "web"]));
    }

    #[test]
    fn finding_without_a_key_is_ignored_by_an_entry_for_all_keys_that_names_its_rule() {
        for (rules, ignored) in [(vec!["missing-in-environment".to_owned()], 1), (Vec::new(), 0)] {
            let mut found = pair(&[("api", &["A=1"])], &[("api", &["A=1"]), ("mailer", &[])]);
            found.policy.ignore.push(Ignore { rules, services: vec![named("mailer").id], ..ignore(&["*"]) });
            assert_eq!(examine(&found).ignored.len(), ignored);
        }
    }

    #[test]
    fn remaining_services_are_reported_if_they_still_disagree() {
        for (web, expected) in [("A=2", Some(2)), ("A=1", None)] {
            let mut found = survey(&["A=9"], &[("api", &["A=1"]), ("web", &[web]), ("worker", &["A=3"])]);
            require(&mut found, "A", &[]);
            found.policy.ignore.push(Ignore { services: vec![named("worker").id], ..ignore(&["A"]) });
            let findings = examine(&found).findings;
            let disagreement = findings.iter().find(|one| one.rule.name == "services-disagree");
            assert_eq!(disagreement.map(|one| one.services.len()), expected, "{web}");
        }
    }

    #[test]
    fn ignored_service_has_no_observations_in_either_environment() {
        let mut found = pair(&[("api", &[]), ("web", &[])], &[("api", &["A=1"]), ("web", &["A=1"])]);
        found.policy.ignore.push(Ignore { services: vec![named("api").id], ..ignore(&["A"]) });
        let examination = examine(&found);
        let places: Vec<&str> = examination.findings[0].observations.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, ["web in staging", "web in production"]);
    }
}
