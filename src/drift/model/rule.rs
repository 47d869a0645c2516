//! What is said about a rule. Its check is in `drift::rules`.

use crate::drift::model::severity::Severity;

/// One thing that can be wrong. A `static`, not a trait object: nothing to construct, nothing to register twice.
#[derive(Debug)]
pub struct Rule {
    /// `D103`: stable, never reused. `D1xx` file against Railway, `D2xx` the file itself, `D3xx` safety, `D4xx`
    /// deployment.
    pub code: &'static str,
    /// `value-differs`: the file name with hyphens.
    pub name: &'static str,
    /// What it is unless `doctor.toml` or the circumstances say otherwise.
    pub severity: Severity,
    /// One line, for lists.
    pub summary: &'static str,
    /// Markdown: why it matters, an example, how to mend, how to silence.
    pub explain: &'static str,
}
