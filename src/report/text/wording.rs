//! What several parts of a text report say in the same way.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::drift::Severity;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::Rule;

/// Names in one line before the rest is counted.
pub(crate) const FEW: usize = 4;

/// The findings of one rule with one severity, in the report's order.
pub(crate) struct FindingGroup<'r> {
    /// The rule.
    pub(crate) rule: &'static Rule,
    /// Their severity.
    pub(crate) severity: Severity,
    /// At least one.
    pub(crate) findings: Vec<&'r Finding>,
}

impl FindingGroup<'_> {
    /// What they have in common.
    pub(crate) fn of(&self) -> (Severity, &'static str) {
        (self.severity, self.rule.name)
    }
}

/// The findings by severity and rule, each kind where its first one stands.
pub(crate) fn kinds<'r>(findings: impl IntoIterator<Item = &'r Finding>) -> Vec<FindingGroup<'r>> {
    alike(findings, |finding| (finding.severity, finding.rule.name))
        .into_iter()
        .map(|((severity, _), findings)| FindingGroup { rule: findings[0].rule, severity, findings })
        .collect()
}

/// Things by what they have in common, in the order of their first ones.
pub(crate) fn alike<'t, T, C: Eq + Hash + Clone>(
    things: impl IntoIterator<Item = &'t T>,
    common: impl Fn(&'t T) -> C,
) -> Vec<(C, Vec<&'t T>)> {
    let mut groups: Vec<(C, Vec<&'t T>)> = Vec::new();
    let mut index: HashMap<C, usize> = HashMap::new();
    for thing in things {
        let common = common(thing);
        let at = *index.entry(common.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push((common, Vec::new()));
        }
        groups[at].1.push(thing);
    }
    groups
}

/// `.env:3`
pub(crate) fn place(place: &Location) -> String {
    format!("{}:{}", place.file, place.line)
}

/// `a, b, c`, or `a, b, c, d and 3 more`.
pub(crate) fn listed(names: &[impl AsRef<str>], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The names of the finding's services.
pub(crate) fn services(finding: &Finding) -> Vec<&str> {
    finding.services.iter().map(|service| service.name.as_str()).collect()
}

/// The files of its places, each once.
pub(crate) fn files(finding: &Finding) -> Vec<&str> {
    let mut files: Vec<&str> = finding.places.iter().map(|place| place.file.as_str()).collect();
    files.dedup();
    files
}

/// Whether a sentence says a name as a word of its own: `api` is not said in `api-gateway`.
pub(crate) fn mentions(sentence: &str, name: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    !name.is_empty()
        && sentence.match_indices(name).any(|(at, _)| {
            let before = sentence[..at].chars().next_back();
            let after = sentence[at + name.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
}

/// Those names that neither the finding's message nor its sightings mention.
pub(crate) fn unsaid<N: AsRef<str>>(finding: &Finding, names: Vec<N>) -> Vec<N> {
    let sighted: HashSet<&str> = finding.sightings.iter().map(|sighting| sighting.place.as_str()).collect();
    names
        .into_iter()
        .filter(|name| !sighted.contains(name.as_ref()) && !mentions(&finding.message, name.as_ref()))
        .collect()
}

/// The message with what it leaves open: `api: DEBUG differs · .env:3`.
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
        for (sentence, name, said) in [
            ("KEY is on api", "api", true),
            ("KEY is on api, web", "api", true),
            ("KEY is on api-gateway", "api", false),
            ("KEY is on api-gateway and api", "api", true),
            ("MY_KEY differs", "KEY", false),
            (".env:33 is no assignment", ".env:3", false),
            ("anything", "", false),
        ] {
            assert_eq!(mentions(sentence, name), said, "{sentence}: {name}");
        }
    }

    #[test]
    fn long_list_ends_with_a_count() {
        assert_eq!(listed(&["a", "b"], 2), "a, b");
        assert_eq!(listed(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(listed(&[""; 0], 2), "");
    }
}
