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

use crate::drift::model::finding::Finding;
use crate::drift::model::rule::Rule;
use crate::drift::survey::Survey;

/// Lists the rules once, for what is said about them and for their checks.
macro_rules! rules {
    ($($rule:ident,)*) => {
        /// Every rule, by code.
        pub static RULES: &[&Rule] = &[$(&$rule::RULE,)*];
        /// The checks of the rules, in the same order.
        static CHECKS: &[fn(&Survey) -> Vec<Finding>] = &[$($rule::check,)*];
    };
}

rules! {
    missing_on_railway,
    missing_locally,
    value_differs,
    expected_difference,
    services_disagree,
    reference_differs,
    dangling_reference,
    sealed,
    repeated_secret,
    placeholder_value,
    suspicious_value,
    example_key_missing,
    indirect_value,
    value_unavailable,
    duplicate_key,
    unreadable_line,
    loaders_disagree,
    env_file_exposed,
    expired_ignore,
    unused_entry,
    stale_deployment,
    deployment_unhealthy,
    never_deployed,
    staged_changes,
    commit_behind,
    start_command,
    log_line_missing,
    endpoint_wrong,
    config_file_retired,
}

/// Runs every rule, in the order of the codes.
pub fn check_all(survey: &Survey) -> impl Iterator<Item = Finding> {
    CHECKS.iter().flat_map(|check| check(survey))
}

/// Runs one rule.
#[cfg(test)]
pub(crate) fn check_one(rule: &Rule, survey: &Survey) -> Vec<Finding> {
    let index = RULES.iter().position(|one| one.code == rule.code).expect("a rule of the list");
    CHECKS[index](survey)
}

/// The rule of that name or code.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name || rule.code == name)
}
