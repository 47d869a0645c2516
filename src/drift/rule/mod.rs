//! The rules, and the one list of them.

pub mod commit_behind;
pub mod config_file_retired;
pub mod dangling_reference;
pub mod deployment_unhealthy;
pub mod duplicate_key;
pub mod endpoint_wrong;
pub mod env_file_exposed;
pub mod example_key_missing;
pub mod expected_difference;
pub mod expired_ignore;
pub mod indirect_value;
pub mod loaders_disagree;
pub mod log_line_missing;
pub mod missing_locally;
pub mod missing_on_railway;
pub mod never_deployed;
pub mod placeholder_value;
pub mod reference_differs;
pub mod repeated_secret;
pub mod sealed;
pub mod services_disagree;
pub mod staged_changes;
pub mod stale_deployment;
pub mod start_command;
pub mod suspicious_value;
pub mod unreadable_line;
pub mod unused_entry;
pub mod value_differs;
pub mod value_unavailable;

use crate::drift::finding::{Finding, Severity};
use crate::drift::survey::Survey;

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
    /// Looks at everything and says what is wrong. Pure.
    pub check: fn(&Survey) -> Vec<Finding>,
}

/// Every rule, by code.
pub static RULES: &[&Rule] = &[
    &missing_on_railway::RULE,
    &missing_locally::RULE,
    &value_differs::RULE,
    &expected_difference::RULE,
    &services_disagree::RULE,
    &reference_differs::RULE,
    &dangling_reference::RULE,
    &sealed::RULE,
    &repeated_secret::RULE,
    &placeholder_value::RULE,
    &suspicious_value::RULE,
    &example_key_missing::RULE,
    &indirect_value::RULE,
    &value_unavailable::RULE,
    &duplicate_key::RULE,
    &unreadable_line::RULE,
    &loaders_disagree::RULE,
    &env_file_exposed::RULE,
    &expired_ignore::RULE,
    &unused_entry::RULE,
    &stale_deployment::RULE,
    &deployment_unhealthy::RULE,
    &never_deployed::RULE,
    &staged_changes::RULE,
    &commit_behind::RULE,
    &start_command::RULE,
    &log_line_missing::RULE,
    &endpoint_wrong::RULE,
    &config_file_retired::RULE,
];

/// The rule of that name or code.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name || rule.code == name)
}
