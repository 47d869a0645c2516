//! The rules, and the one list of them.

use crate::drift::finding::{Finding, Severity};
use crate::drift::survey::Survey;

/// One thing that can be wrong. A `static`, not a trait object: nothing to construct, nothing to register twice.
#[derive(Debug)]
pub struct Rule {
    /// `D103`: stable, never reused. `D1xx` file against Railway, `D2xx` the file itself, `D3xx` safety, `D4xx` deployment.
    pub code: &'static str,
    /// `value-differs`: the file name with hyphens.
    pub name: &'static str,
    /// What it is unless `doctor.toml` or the circumstances say otherwise.
    pub severity: Severity,
    /// One line, for lists.
    pub summary: &'static str,
    /// Markdown: why it matters, an example, how to mend, how to silence.
    pub explain: &'static str,
    /// Looks at everything and says what is wrong. Pure.
    pub check: fn(&Survey) -> Vec<Finding>,
}

/// Every rule, by code.
pub static RULES: &[&Rule] = &[];

/// The rule of that name or code.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name || rule.code == name)
}
