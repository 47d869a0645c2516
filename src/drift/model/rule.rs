//! What is declared about a rule. Its code is in `drift::rules`.

use crate::drift::model::fix::{Direction, Fix, VariableFix};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::severity::Severity;

/// One thing that can be wrong. A `static`, not a trait object: nothing to construct, nothing to register twice.
#[derive(Debug)]
pub struct Rule {
    /// `D103`: stable, never reused. `D1xx` file against Railway, `D2xx` the file itself, `D3xx` safety, `D4xx`
    /// deployment.
    pub code: &'static str,
    /// The file name with hyphens.
    pub name: &'static str,
    /// What it is unless `doctor.toml` or the circumstances say otherwise.
    pub severity: Severity,
    /// One line, for lists.
    pub summary: &'static str,
    /// Markdown: why it matters, an example, how to mend, how to silence.
    pub explain: &'static str,
    /// How `doctor fix` resolves its findings.
    pub fix: Option<Fix>,
    /// How the matrix shows its findings. A cell with that marker has their severity.
    pub markers: &'static [Marker],
    /// The rule in whose place it reports keys to which both apply: cells with the markers of that rule have the severity
    /// of its findings, too.
    pub in_place_of: Option<&'static Self>,
    /// The row of the service table for its findings, which then have a `gist`.
    pub status_row: Option<StatusRow>,
    /// What the hook does with it.
    pub hook: HookScope,
    /// What the notes of a service are counted as, where a list of their keys would be long: `only on Railway`.
    pub counted_as: Option<&'static str>,
    /// Whether all values that were compared may be equal although there is such a note.
    pub values_may_agree: bool,
    /// How many different values it takes: a finding is dropped if an `[[ignore]]` leaves it services with fewer.
    pub different_values: usize,
}

/// A row of the table below a report, which several rules may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatusRow {
    /// Its place among the rows.
    pub position: u8,
    /// Its name.
    pub name: &'static str,
}

/// What `doctor hook run` does with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookScope {
    /// It reports the findings.
    Reported,
    /// It leaves them out: the commit that is being made may be the very cure, and can't run anywhere yet.
    CuredByCommit,
    /// It searches what is staged instead, with the severity and the exceptions of the rule.
    StagedFiles,
}

impl Rule {
    /// What a rule does not declare: nothing but the report shows it, and `doctor fix` does not resolve it.
    pub const DEFAULT: Self = Self {
        code: "",
        name: "",
        severity: Severity::Note,
        summary: "",
        explain: "",
        fix: None,
        markers: &[],
        in_place_of: None,
        status_row: None,
        hook: HookScope::Reported,
        counted_as: None,
        values_may_agree: false,
        different_values: 0,
    };

    /// Whether it has a marker for that mark.
    pub fn has_mark(&self, mark: Mark) -> bool {
        self.markers.iter().any(|marker| marker.mark == mark)
    }

    /// The marks of the cells that have the severity of its findings.
    pub fn cell_marks(&self) -> impl Iterator<Item = Mark> {
        let other = self.in_place_of.map_or(&[][..], |rule| rule.markers);
        self.markers.iter().chain(other).map(|marker| marker.mark)
    }

    /// How a variable of its findings is written; `None` if that fixes nothing.
    pub fn variable_fix(&self) -> Option<&VariableFix> {
        match &self.fix {
            Some(Fix::Variable(fix)) => Some(fix),
            _ => None,
        }
    }

    /// Whether a fix needs to know the environment's shared variables.
    pub fn needs_shared_values(&self) -> bool {
        let directions = self.variable_fix().map_or(&[][..], |fix| fix.directions);
        directions.iter().any(|(direction, _)| *direction == Direction::PushShared)
    }
}
