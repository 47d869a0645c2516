//! One fault, one finding: leaves out what a finding of another rule includes.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::drift::engine::ignored::without_services;
use crate::drift::model::finding::Finding;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::rules::RULES;

/// The depth of each rule, by its code.
static DEPTHS: LazyLock<HashMap<&str, usize>> =
    LazyLock::new(|| RULES.iter().map(|rule| (rule.code, depth(rule))).collect());

/// Removes what [`Rule::in_place_of`] declares to be included: services from findings, and findings without remaining
/// services. Nothing is removed because of a less severe finding.
pub(super) fn without_overlaps(mut findings: Vec<Finding>) -> Vec<Finding> {
    // A finding that is left out itself must not remove another one.
    findings.sort_by_key(|finding| DEPTHS[finding.rule.code]);
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut including: HashMap<(&str, String), Vec<usize>> = HashMap::new();
    for finding in findings {
        let place = finding.key.as_ref().map(|key| (finding.rule.code, key.clone()));
        let others = place.and_then(|place| including.get(&place)).into_iter().flatten();
        let others: Vec<&Finding> = others.map(|&other| &kept[other]).collect();
        let Some(finding) = remainder(finding, &others) else { continue };
        if let Some(key) = &finding.key {
            for rule in finding.rule.in_place_of {
                including.entry((rule.code, key.clone())).or_default().push(kept.len());
            }
        }
        kept.push(finding);
    }
    kept
}

/// Returns the number of rules above it, each of which includes the faults of the next.
fn depth(rule: &Rule) -> usize {
    let includes = |other: &&&Rule| other.in_place_of.iter().any(|one| one.code == rule.code);
    RULES.iter().filter(includes).map(|other| depth(other) + 1).max().unwrap_or(0)
}

/// Returns what the others do not include.
fn remainder(finding: Finding, others: &[&Finding]) -> Option<Finding> {
    let includes = |other: &&&Finding| {
        // A finding about a file alone is about that file, whatever other files lack.
        let is_anywhere = other.places.is_empty() && !finding.services.is_empty();
        let has_places = is_anywhere || finding.places.iter().all(|place| other.places.contains(place));
        has_places && other.severity >= finding.severity
    };
    let others: Vec<&Finding> = others.iter().filter(includes).copied().collect();
    if others.is_empty() {
        return Some(finding);
    }
    let services: HashSet<&str> =
        others.iter().flat_map(|other| &other.services).map(|service| service.id.as_str()).collect();
    let is_included = |service: &ResourceRef| services.contains(service.id.as_str());
    let left = if finding.rule.different_values == 0 {
        without_services(finding, is_included)
    } else {
        // The values of these services are still part of what differs.
        let left = finding.services.iter().filter(|service| !is_included(service)).cloned().collect();
        Finding { services: left, ..finding }
    };
    (!left.services.is_empty()).then_some(left)
}

#[cfg(test)]
mod tests;
