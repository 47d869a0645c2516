//! Phrases and groups that several parts of a text report share.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::drift::Severity;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::Rule;
use crate::drift::phrases::grouped;

/// Names that a line shows before the rest is counted.
pub(crate) const FEW: usize = 4;

/// The findings of one rule with one severity, in the report's order.
pub(crate) struct FindingGroup<'r> {
    pub(crate) rule: &'static Rule,
    pub(crate) severity: Severity,
    /// At least one.
    pub(crate) findings: Vec<&'r Finding>,
}

impl FindingGroup<'_> {
    /// Returns the severity and rule by which the group was formed.
    pub(crate) fn id(&self) -> (Severity, &'static str) {
        (self.severity, self.rule.name)
    }
}

/// Groups findings by severity and rule, in the order of the first finding of each group.
pub(crate) fn group_by_rule<'r>(findings: impl IntoIterator<Item = &'r Finding>) -> Vec<FindingGroup<'r>> {
    group_by(findings, |finding| (finding.severity, finding.rule.name))
        .into_iter()
        .map(|((severity, _), findings)| FindingGroup { rule: findings[0].rule, severity, findings })
        .collect()
}

/// Groups items by a criterion, in the order of the first item of each group.
pub(crate) fn group_by<'t, T, C: Eq + Hash + Clone>(
    items: impl IntoIterator<Item = &'t T>,
    criterion: impl Fn(&'t T) -> C,
) -> Vec<(C, Vec<&'t T>)> {
    let mut groups: Vec<(C, Vec<&'t T>)> = Vec::new();
    let mut index: HashMap<C, usize> = HashMap::new();
    for item in items {
        let criterion = criterion(item);
        let at = *index.entry(criterion.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push((criterion, Vec::new()));
        }
        groups[at].1.push(item);
    }
    groups
}

/// Returns text such as `.env:3`.
pub(crate) fn place(place: &Location) -> String {
    format!("{}:{}", place.file, place.line)
}

/// Returns text such as `a, b, c`, or `a, b, c, d and 3 more`.
pub(crate) fn listed(names: &[impl AsRef<str>], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(more)),
    }
}

/// Returns the name of a finding in a list: its key, its first place or its message.
pub(crate) fn name(finding: &Finding) -> String {
    let name = finding.key.clone().or_else(|| finding.places.first().map(place));
    name.unwrap_or_else(|| finding.message.clone())
}

pub(crate) fn services(finding: &Finding) -> Vec<&str> {
    finding.services.iter().map(|service| service.name.as_str()).collect()
}

/// Returns the reason for a line without labels. The name of a rule that is the cause gets one.
pub(crate) fn unlabelled_reason(finding: &Finding) -> String {
    let label = if finding.cause.is_some() { "cause: " } else { "" };
    finding.reason.as_ref().map(|reason| format!("{label}{reason}")).unwrap_or_default()
}

/// Returns the files of the finding's places, each once.
pub(crate) fn files(finding: &Finding) -> Vec<&str> {
    let mut files: Vec<&str> = finding.places.iter().map(|place| place.file.as_str()).collect();
    files.dedup();
    files
}

/// Returns whether a sentence contains a name as a whole word: `api-gateway` does not mention `api`.
pub(crate) fn mentions(sentence: &str, name: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    !name.is_empty()
        && sentence.match_indices(name).any(|(at, _)| {
            let before = sentence[..at].chars().next_back();
            let after = sentence[at + name.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
}

/// Returns the names that neither the finding's message nor its observations mention. A place in one of two environments
/// is `api in staging`.
pub(crate) fn unmentioned<N: AsRef<str>>(finding: &Finding, names: Vec<N>) -> Vec<N> {
    let places = finding.observations.iter().map(|observation| observation.place.as_str());
    let observed: HashSet<&str> = places.clone().chain(places.filter_map(service_of)).collect();
    names
        .into_iter()
        .filter(|name| !observed.contains(name.as_ref()) && !mentions(&finding.message, name.as_ref()))
        .collect()
}

/// Returns the service of a place in one of two environments.
fn service_of(place: &str) -> Option<&str> {
    place.split_once(" in ").map(|(service, _)| service)
}

/// Returns the message, with the services and places that it does not mention: `api: DEBUG differs · .env:3`.
pub(crate) fn in_one_line(finding: &Finding) -> String {
    let mut parts = Vec::new();
    let places: Vec<String> =
        finding.places.iter().map(place).filter(|place| !mentions(&finding.message, place)).collect();
    let services: Vec<&str> = services(finding).into_iter().filter(|name| !mentions(&finding.message, name)).collect();
    if services.is_empty() {
        parts.push(finding.message.clone());
    } else {
        parts.push(format!("{}: {}", listed(&services, FEW), finding.message));
    }
    if !places.is_empty() {
        parts.push(listed(&places, FEW));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use crate::report::text::wording::{listed, mentions};

    #[test]
    fn name_is_mentioned_only_as_a_whole_word() {
        for (sentence, name, is_mentioned) in [
            ("KEY is on api", "api", true),
            ("KEY is on api, web", "api", true),
            ("KEY is on api-gateway", "api", false),
            ("KEY is on api-gateway and api", "api", true),
            ("MY_KEY differs", "KEY", false),
            (".env:33 is not an assignment", ".env:3", false),
            ("anything", "", false),
        ] {
            assert_eq!(mentions(sentence, name), is_mentioned, "{sentence}: {name}");
        }
    }

    #[test]
    fn long_list_ends_with_a_count() {
        assert_eq!(listed(&["a", "b"], 2), "a, b");
        assert_eq!(listed(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(listed(&[""; 0], 2), "");
    }
}
