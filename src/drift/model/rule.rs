//! Declarations of rules. Their code is in `drift::rules`.

use crate::drift::model::fix::{Direction, Fix, VariableFix};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::severity::Severity;

/// The declaration of a rule. It is a `static` and not a trait object, so that it needs no construction.
#[derive(Debug)]
pub struct Rule {
    /// `D103`: stable, never reused. `D1xx` file against Railway, `D2xx` the file itself, `D3xx` safety, `D4xx`
    /// deployment, `D5xx` two environments.
    pub code: &'static str,
    /// The file name with hyphens.
    pub name: &'static str,
    /// The severity, unless `doctor.toml` or the rule's check changes it.
    pub severity: Severity,
    /// One line, for lists.
    pub summary: &'static str,
    /// Markdown: why it matters, an example, how to fix it, how to suppress it.
    pub explain: &'static str,
    /// What it is about.
    pub scope: RuleScope,
    /// How `doctor fix` fixes its findings.
    pub fix: Option<Fix>,
    /// How the matrix shows its findings. A cell with such a marker has their severity.
    pub markers: &'static [Marker],
    /// The rules whose faults its findings include. Their findings about the same key and service are left out, unless
    /// they are more severe, and cells with their markers have the severity of its findings.
    pub in_place_of: &'static [&'static Self],
    /// The row of the service table for its findings, which then have a `summary`.
    pub status_row: Option<StatusRow>,
    /// How the hook handles it.
    pub hook: HookScope,
    /// The label under which a service's notes are counted if a list of keys would be long: `only on Railway`.
    pub counted_as: Option<&'static str>,
    /// The minimum number of different values. A finding is dropped if an `[[ignore]]` leaves fewer.
    pub different_values: usize,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleScope {
    /// One environment, compared with files or with what is declared.
    Environment,
    /// Two environments, compared with each other.
    EnvironmentPair,
    /// `doctor.toml`, whatever is compared.
    Config,
}

/// A row of the table below a report, which several rules may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatusRow {
    /// Its position among the rows.
    pub position: u8,
    pub name: &'static str,
}

impl StatusRow {
    /// Whether the running deployment has the stored values. JSON also reports it with the deployment.
    pub const RUNNING: Self = Self { position: 2, name: "running" };
}

/// How `doctor hook run` handles a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookScope {
    /// It reports the findings.
    Reported,
    /// It skips them: the commit may be the fix, and can't be deployed yet.
    FixedByCommit,
    /// It searches the staged files instead, with the severity and the ignores of the rule.
    StagedFiles,
}

impl Rule {
    /// The defaults: only reports show its findings, and `doctor fix` does not fix them.
    pub const DEFAULT: Self = Self {
        code: "",
        name: "",
        severity: Severity::Note,
        summary: "",
        explain: "",
        scope: RuleScope::Environment,
        fix: None,
        markers: &[],
        in_place_of: &[],
        status_row: None,
        hook: HookScope::Reported,
        counted_as: None,
        different_values: 0,
    };

    /// Returns whether it has a marker for the mark.
    pub fn has_mark(&self, mark: Mark) -> bool {
        self.markers.iter().any(|marker| marker.mark == mark)
    }

    /// Returns the marks of the cells that have the severity of its findings.
    pub fn cell_marks(&self) -> impl Iterator<Item = Mark> {
        let others = self.in_place_of.iter().flat_map(|rule| rule.markers);
        self.markers.iter().chain(others).map(|marker| marker.mark)
    }

    /// Returns how the variable of a finding is written; `None` if that does not fix it.
    pub fn variable_fix(&self) -> Option<&VariableFix> {
        match &self.fix {
            Some(Fix::Variable(fix)) => Some(fix),
            _ => None,
        }
    }

    /// Returns whether its fix needs the environment's shared variables.
    pub fn needs_shared_values(&self) -> bool {
        let directions = self.variable_fix().map_or(&[][..], |fix| fix.directions);
        directions.iter().any(|(direction, _)| matches!(direction, Direction::PushShared | Direction::Hoist))
    }
}
