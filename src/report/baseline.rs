//! What a check reports about its baseline. Every format for people takes the lines from here.

use crate::drift::engine::baseline::{BaselineComparison, BaselineEntry};
use crate::drift::engine::ignored::IgnoringEntry;
use crate::drift::phrases::{count, names};
use crate::report::finding_help::FindingHelp;
use crate::report::{Report, shell_command};

/// The baseline of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineReport {
    /// The path, as from the working directory.
    pub file: String,
    pub action: BaselineAction,
    pub comparison: BaselineComparison,
    /// The command to run next: it updates the baseline, or uses the one that was written.
    pub next: Vec<String>,
}

/// What the run did with the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineAction {
    /// It was compared with the findings, which are all reported.
    Compared,
    /// Its findings were removed from the report.
    Hidden,
    /// It was written with the findings of this run, which were then removed from the report.
    Written,
    /// The same, but it already had exactly these findings.
    Unchanged,
    /// It was not written, for this reason.
    NotWritten(String),
}

impl Report {
    /// Returns the number of findings that the baseline removed.
    pub fn in_baseline(&self) -> usize {
        self.ignored.iter().filter(|ignored| ignored.by == IgnoringEntry::Baseline).count()
    }

    /// Returns the numbers of removed findings: `1 ignored by doctor.toml`, `3 in baseline.toml`.
    pub(crate) fn removed(&self) -> Vec<String> {
        let known = self.in_baseline();
        let ignored = self.ignored.len() - known;
        let file = self.baseline.as_ref().map_or("the baseline", |baseline| &baseline.file);
        let counts = [(ignored, "ignored by doctor.toml".to_owned()), (known, format!("in {file}"))];
        let counts = counts.into_iter().filter(|(number, _)| *number > 0);
        counts.map(|(number, place)| format!("{number} {place}")).collect()
    }
}

/// Returns what the run did with the baseline, which entries are gone, and which have expired: a sentence each.
pub(crate) fn lines(baseline: &BaselineReport) -> Vec<String> {
    let BaselineReport { file, action, comparison, .. } = baseline;
    let known = count(comparison.known, "known finding");
    let mut lines = vec![match action {
        BaselineAction::Compared => format!("{file}: {}, {known}", count(comparison.new, "new finding")),
        BaselineAction::Hidden if comparison.known == 0 => format!("{file}: no known findings"),
        BaselineAction::Hidden => format!("{file}: {known}, not shown"),
        BaselineAction::Written => format!("wrote {} to {file}", count(comparison.known, "finding")),
        BaselineAction::Unchanged => format!("{file} is up to date: {known}"),
        BaselineAction::NotWritten(cause) => format!("{file} was not written: {cause}"),
    }];
    lines.extend(list("gone", &comparison.gone));
    lines.extend(list("expired, reported again", &comparison.expired));
    lines
}

/// Returns text such as `gone: value-differs A (api) and duplicate-key B`.
fn list(label: &str, entries: &[BaselineEntry]) -> Option<String> {
    let texts: Vec<String> = entries.iter().map(entry).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    (!entries.is_empty()).then(|| format!("{label}: {}", names(&texts)))
}

fn entry(entry: &BaselineEntry) -> String {
    let key = entry.key.iter().map(|key| format!(" {key}"));
    let service = entry.service.iter().map(|service| format!(" ({})", service.name));
    [entry.rule.name.to_owned()].into_iter().chain(key).chain(service).collect()
}

/// Returns the command to run next, if there is a reason for it.
pub(crate) fn help(baseline: &BaselineReport) -> Option<FindingHelp> {
    let comparison = &baseline.comparison;
    let is_outdated = !comparison.gone.is_empty() || !comparison.expired.is_empty();
    let advice = match baseline.action {
        BaselineAction::Written => "fill in the reasons and commit the file; to report only new findings, run:",
        BaselineAction::Compared | BaselineAction::Hidden if is_outdated => "to update it, run:",
        _ => return None,
    };
    FindingHelp::new(Some(advice), vec![Some(shell_command::line(&baseline.next))])
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{BaselineAction, BaselineReport, help, lines};
    use crate::drift::Severity;
    use crate::drift::engine::baseline::{BaselineComparison, BaselineEntry};
    use crate::report::test_support::{DIFFERS, LINE, service};

    fn report(action: BaselineAction, comparison: BaselineComparison) -> BaselineReport {
        BaselineReport { file: "known.toml".to_owned(), action, comparison, next: vec!["doctor".to_owned()] }
    }

    #[test]
    fn lines_state_what_is_known_gone_and_expired() {
        let of_key = |key: Option<&str>| BaselineEntry {
            rule: if key.is_some() { &DIFFERS } else { &LINE },
            key: key.map(ToOwned::to_owned),
            service: key.map(|_| service("api")),
            severity: Severity::Error,
            until: date(2026, 1, 1),
            reason: String::new(),
            line: 1,
        };
        let comparison = || BaselineComparison { known: 1, new: 2, ..BaselineComparison::default() };
        for (action, expected) in [
            (BaselineAction::Compared, "known.toml: 2 new findings, 1 known finding"),
            (BaselineAction::Hidden, "known.toml: 1 known finding, not shown"),
            (BaselineAction::Written, "wrote 1 finding to known.toml"),
            (BaselineAction::Unchanged, "known.toml is up to date: 1 known finding"),
            (BaselineAction::NotWritten("no".to_owned()), "known.toml was not written: no"),
        ] {
            assert_eq!(lines(&report(action, comparison())), [expected]);
        }
        let outdated = BaselineComparison {
            gone: vec![of_key(Some("A")), of_key(None)],
            expired: vec![of_key(Some("B"))],
            ..BaselineComparison::default()
        };
        let outdated = report(BaselineAction::Hidden, outdated);
        let expected = [
            "known.toml: no known findings",
            "gone: value-differs A (api) and unreadable-line",
            "expired, reported again: value-differs B (api)",
        ];
        assert_eq!(lines(&outdated), expected);
        assert_eq!(help(&outdated).expect("an update is due").text(), "to update it, run:");
        assert_eq!(help(&report(BaselineAction::Hidden, comparison())), None);
    }
}
