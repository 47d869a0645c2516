//! Counts of findings by severity.

use crate::drift::Severity;
use crate::drift::model::finding::Finding;
use crate::drift::phrases::count;

/// The number of findings of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub errors: usize,
    pub warnings: usize,
    pub notes: usize,
}

impl Tally {
    /// Counts findings.
    pub fn of(findings: &[Finding]) -> Self {
        let mut tally = Self::default();
        for finding in findings {
            tally.add(finding.severity);
        }
        tally
    }

    /// Counts one more finding.
    pub fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => self.notes += 1,
        }
    }

    /// Returns text such as `1 error, 2 notes`; empty without findings.
    pub fn summary(self) -> String {
        [(self.errors, Severity::Error), (self.warnings, Severity::Warning), (self.notes, Severity::Note)]
            .into_iter()
            .filter(|&(number, _)| number > 0)
            .map(|(number, severity)| count(number, severity.name()))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use crate::drift::Severity;

    #[test]
    fn tally_lists_nonzero_counts_worst_first() {
        let mut tally = Tally::default();
        assert_eq!(tally.summary(), "");
        for severity in [Severity::Note, Severity::Error, Severity::Note, Severity::Warning] {
            tally.add(severity);
        }
        assert_eq!(tally.summary(), "1 error, 1 warning, 2 notes");
    }
}
