//! Assignments that loaders parse differently, and how these affect findings.

use std::collections::BTreeMap;

use crate::drift::dotenv::{CauseKind, Disagreement, KeyReading, Loader};
use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::{Severity, Survey};

impl Survey {
    /// Returns what loaders parse differently in the file with that index, in file order. Empty if `doctor.toml` sets
    /// `loader`.
    pub fn disagreements(&self, file: usize) -> &[Disagreement] {
        if self.policy.loader.is_some() {
            return &[];
        }
        self.loader_conflicts.of_file(&self.files, file)
    }
}

/// Returns the severity of a disagreement. If only dotenvy differs, it is a note, because few programs on Railway are
/// written in Rust; so is a reference, which is intended for Railway and not for a loader.
pub fn severity(disagreement: &Disagreement) -> Severity {
    let differs = |loader| disagreement.reading(loader) != KeyReading::Same;
    if disagreement.kind != CauseKind::Reference && (differs(Loader::Python) || differs(Loader::Node)) {
        Severity::Warning
    } else {
        Severity::Note
    }
}

/// Returns the assignments with an ambiguous value, by file and line. They are never pushed.
pub fn open(survey: &Survey) -> BTreeMap<(&str, usize), &Disagreement> {
    let mut open = BTreeMap::new();
    for (index, file) in survey.files.iter().enumerate() {
        let disagreements = survey.disagreements(index).iter().filter(|disagreement| disagreement.entry.is_some());
        let ambiguous = |disagreement: &&Disagreement| {
            severity(disagreement) == Severity::Warning || disagreement.kind == CauseKind::Substitution
        };
        open.extend(
            disagreements.filter(ambiguous).map(|disagreement| ((file.name.as_str(), disagreement.line), disagreement)),
        );
    }
    open
}

/// Replaces the offer to push an ambiguous value ([`open`]) by how to resolve the conflict.
pub fn without_push(mut finding: Finding, open: &BTreeMap<(&str, usize), &Disagreement>) -> Finding {
    let disagreements = finding.places.iter().filter_map(|place| open.get(&(place.file.as_str(), place.line)));
    let Some(disagreement) =
        disagreements.into_iter().find(|disagreement| finding.key.as_ref() == Some(&disagreement.key))
    else {
        return finding;
    };
    let is_added = finding.to_add.take().is_some();
    if !is_added && !finding.remedies.contains(&Remedy::Push) {
        return finding;
    }
    finding.has_loader_conflict = true;
    let unclosed = unclosed_quote(disagreement);
    // A pull into the lines of an unclosed quote would not be read back by every loader.
    finding.remedies.retain(|remedy| *remedy != Remedy::Push && unclosed.is_none());
    let or_pull = if finding.remedies.contains(&Remedy::Pull) { ", or pull the value from Railway" } else { "" };
    let conflict = "loaders parse the local value differently, so it is not pushed";
    let (advice, cause) = match unclosed {
        Some(line) => {
            (format!("close the quote on line {line}"), format!("the quote on line {line} is not closed; {conflict}"))
        }
        None => (format!("{}{or_pull}", disagreement.advice()), conflict.to_owned()),
    };
    finding.advice = Some(advice);
    finding.reason = Some([finding.reason.take(), Some(cause)].into_iter().flatten().collect::<Vec<_>>().join("; "));
    finding.next = match (finding.remedies.as_slice(), finding.next.take()) {
        ([Remedy::Pull], Some(mut next)) => {
            next.retain(|argument| argument != "--push" && argument != "--pull");
            next.push("--pull".to_owned());
            Some(next)
        }
        _ => None,
    };
    finding
}

/// Returns the line with the opening quote, if the conflict is due to a quote that is not closed.
fn unclosed_quote(disagreement: &Disagreement) -> Option<usize> {
    match disagreement.kind {
        CauseKind::Swallowed => disagreement.part_of_line,
        CauseKind::Unclosed => Some(disagreement.line),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::dotenv::disagreement::Disagreements;
    use crate::drift::dotenv::{Loader, LocalFile};
    use crate::drift::engine::loader_conflicts::{open, severity, without_push};
    use crate::drift::engine::run_rules::examine;
    use crate::drift::model::finding::{Finding, Remedy};
    use crate::drift::test_support::survey;
    use crate::drift::{Secret, Severity, Survey};

    fn with_text(text: &str, services: &[(&str, &[&str])]) -> Survey {
        let mut found = survey(&[], services);
        found.files = vec![LocalFile::parse(".env", Secret::new(text))];
        found.loader_conflicts = Disagreements::default();
        found
    }

    #[test]
    fn only_conflict_between_python_and_node_is_a_warning() {
        use Severity::{Note, Warning};
        for (line, expected) in [
            ("A=b", None),
            ("A=b # comment", None),
            ("A='https://x.dev/#frag'", None),
            ("A=https://x.dev/#frag", Some(Warning)),
            ("A=${B}", Some(Warning)),
            ("A=`b`", Some(Warning)),
            ("A=hello world", Some(Note)),
            ("A={\"a\":1}", Some(Note)),
            ("A=pa$word", Some(Note)),
            ("A=${{Postgres.URL}}", Some(Note)),
        ] {
            let found = with_text(&format!("{line}\n"), &[]);
            assert_eq!(found.disagreements(0).first().map(severity), expected, "{line}");
        }
    }

    #[test]
    fn declared_loader_resolves_conflicts() {
        let mut found = with_text("A=https://x.dev/#frag\n", &[]);
        assert_eq!((found.disagreements(0).len(), open(&found).len()), (1, 1));
        found.policy.loader = Some(Loader::Node);
        assert_eq!((found.disagreements(0).len(), open(&found).len()), (0, 0));
    }

    fn offered(line: &str) -> Finding {
        let found = with_text(&format!("{line}\n"), &[("api", &["A=stored", "B=1"])]);
        let mut findings = examine(&found).findings;
        findings.retain(|finding| finding.rule.name == "value-differs");
        assert_eq!(findings.len(), 1, "{line}");
        findings.remove(0)
    }

    #[test]
    fn conflicting_value_is_never_pushed() {
        for line in ["A=https://x.dev/#frag", "A=${B}", "A=pa$word", "A=`b`"] {
            let finding = offered(line);
            assert_eq!(finding.remedies, [Remedy::Pull], "{line}");
            assert_eq!(finding.next.unwrap(), ["fix", "--only", "A", "--pull"], "{line}");
            assert!(finding.reason.unwrap().ends_with("differently, so it is not pushed"), "{line}");
            assert!(finding.advice.unwrap().ends_with(", or pull the value from Railway"), "{line}");
        }
    }

    #[test]
    fn conflicting_value_is_pulled_even_if_the_stored_one_has_an_evident_mistake() {
        let found = with_text("A=pa$word\n", &[("api", &["A=pa$word\n"])]);
        let findings = examine(&found).findings;
        let finding = findings.iter().find(|one| one.rule.name == "value-differs").unwrap();
        assert_eq!(finding.next.as_deref().unwrap(), ["fix", "--only", "A", "--pull"]);
    }

    #[test]
    fn unclosed_quote_is_closed_before_anything_is_pulled() {
        let conflict = "is not closed; loaders parse the local value differently, so it is not pushed";
        for (text, key, line) in [("Z=1\nA=\"x\nB=\"2\"\n", "B", 2), ("A='x\n", "A", 1)] {
            let found = with_text(text, &[("api", &["A=stored", "B=stored"])]);
            let findings = examine(&found).findings;
            let is_own = |one: &&Finding| one.rule.name == "value-differs" && one.key.as_deref() == Some(key);
            let finding = findings.iter().find(is_own).unwrap_or_else(|| panic!("{text:?}: {findings:#?}"));
            assert_eq!((finding.remedies.as_slice(), &finding.next), (&[][..], &None), "{text:?}");
            assert_eq!(finding.advice.as_deref(), Some(format!("close the quote on line {line}").as_str()));
            assert_eq!(finding.reason.as_deref(), Some(format!("the quote on line {line} {conflict}").as_str()));
        }
    }

    #[test]
    fn unambiguous_value_is_pushed() {
        for line in ["A=b", "A='https://x.dev/#frag'", "A=hello world", "A={\"a\":1}", "A=${{Postgres.URL}}"] {
            let finding = offered(line);
            assert_eq!(finding.remedies, [Remedy::Push, Remedy::Pull], "{line}");
            assert_eq!(finding.next.unwrap(), ["fix", "--only", "A"], "{line}");
        }
    }

    #[test]
    fn missing_key_with_conflicting_value_is_not_added() {
        let found = with_text("A=https://x.dev/#frag\nB=b\n", &[("api", &[])]);
        let findings = examine(&found).findings;
        let offers: Vec<_> = findings
            .iter()
            .filter(|finding| finding.rule.name == "missing-on-railway")
            .map(|finding| (finding.advice.is_some(), finding.to_add.is_some()))
            .collect();
        assert_eq!(offers, [(true, false), (true, true)]);
    }

    #[test]
    fn finding_without_push_is_unchanged() {
        let found = with_text("A=https://x.dev/#frag\n", &[]);
        let mut finding = offered("A=b");
        finding.remedies = vec![Remedy::Pull];
        finding.advice = None;
        assert_eq!(without_push(finding, &open(&found)).advice, None);
    }
}
