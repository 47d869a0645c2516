//! The list of all rules, and the functions that a rule provides.

pub mod across_violated;
pub mod backend_shared;
pub mod commit_behind;
pub mod config_file_retired;
pub mod dangling_reference;
pub mod deployment_unhealthy;
pub mod duplicate_key;
pub mod empty_on_railway;
pub mod endpoint_wrong;
pub mod env_file_exposed;
pub mod example_key_missing;
pub mod expected_difference;
pub mod expired_ignore;
pub mod indirect_value;
pub mod loaders_disagree;
pub mod log_line_missing;
pub mod missing_in_environment;
pub mod missing_locally;
pub mod missing_on_railway;
pub mod never_deployed;
pub mod placeholder_value;
pub mod reference_and_literal;
pub mod reference_differs;
pub mod repeated_secret;
pub mod sealed;
pub mod sealed_not_copied;
pub mod secret_shared;
pub mod services_disagree;
pub mod settings_differ;
pub mod staged_changes;
pub mod stale_deployment;
pub mod start_command;
pub mod suspicious_value;
pub mod unreadable_line;
pub mod unused_entry;
pub mod value_differs;
pub mod value_unavailable;

use std::collections::BTreeMap;

use crate::drift::model::finding::Finding;
use crate::drift::model::fix::Direction;
use crate::drift::model::marker::Mark;
use crate::drift::model::rule::{HookScope, Rule, RuleScope, StatusRow};
use crate::drift::survey::{Survey, Target};

/// The functions of a rule. [`Rule`] is its static description.
pub struct RuleCheck {
    pub rule: &'static Rule,
    /// Returns the findings.
    pub find: fn(&Survey) -> Vec<Finding>,
    /// Returns differences that no declaration makes a fault. `-v` lists them, and a fix can change them for a named key.
    pub optional: fn(&Survey) -> Vec<Finding>,
    /// The rule's row in the service table for a service without a finding.
    pub passed: fn(&Survey, &Target) -> CheckOutcome,
    /// The outcome of each declared item of a service, for a rule that checks several. An item with a finding is not
    /// checked here. The table then has a row for each item, in place of `passed`.
    pub items: Option<fn(&Target) -> Vec<CheckOutcome>>,
    /// Why a finding about the key can't be fixed in a direction: clauses without a full stop.
    pub obstacles: fn(&Finding, &str) -> Vec<(Direction, String)>,
    /// Revises the rule's findings after all rules have run.
    pub revise: fn(&mut [Finding]),
    /// The part of `doctor.toml` without which the rule reports nothing.
    pub declaration: Option<Declaration>,
}

/// The outcome of a check for a service without a finding.
pub enum CheckOutcome {
    /// It was not requested.
    NotChecked,
    /// It passed; the note for the table.
    Passed(String),
    /// It was inconclusive, for this reason.
    Open(String),
}

/// A part of `doctor.toml` that a rule compares with Railway.
pub struct Declaration {
    /// Its name in `doctor.toml`: `[[require]]`.
    pub name: &'static str,
    /// Whether `doctor.toml` has one.
    pub is_made: fn(&Survey) -> bool,
}

impl RuleCheck {
    /// Returns a rule that only reports findings.
    const fn new(rule: &'static Rule, find: fn(&Survey) -> Vec<Finding>) -> Self {
        Self {
            rule,
            find,
            optional: |_| Vec::new(),
            passed: |_, _| CheckOutcome::NotChecked,
            items: None,
            obstacles: |_, _| Vec::new(),
            revise: |_| {},
            declaration: None,
        }
    }
}

impl CheckOutcome {
    fn good(note: impl Into<String>) -> Self {
        Self::Passed(note.into())
    }

    fn open(note: impl Into<String>) -> Self {
        Self::Open(note.into())
    }
}

/// Declares the list of rules once, for their descriptions and their functions.
macro_rules! rules {
    ($($rule:ident,)*) => {
        /// Every rule, by code.
        pub static RULES: &[&Rule] = &[$(&$rule::RULE,)*];
        /// The functions of the rules, in the same order.
        pub static CHECKS: &[&RuleCheck] = &[$(&$rule::CHECK,)*];
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
    empty_on_railway,
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
    missing_in_environment,
    secret_shared,
    backend_shared,
    sealed_not_copied,
    settings_differ,
    across_violated,
    reference_and_literal,
}

/// Returns the rules about what is compared: one environment or two.
pub fn checks_of(survey: &Survey) -> impl Iterator<Item = &'static RuleCheck> {
    let scope = survey.scope();
    CHECKS.iter().copied().filter(move |check| [scope, RuleScope::Config].contains(&check.rule.scope))
}

/// Runs every rule about what is compared, in the order of the codes.
pub fn check_all(survey: &Survey) -> impl Iterator<Item = Finding> {
    checks_of(survey).flat_map(|check| (check.find)(survey))
}

/// Runs one rule.
#[cfg(test)]
pub(crate) fn check_one(rule: &Rule, survey: &Survey) -> Vec<Finding> {
    (check_of(rule).expect("a rule of the list").find)(survey)
}

/// Returns the functions of a rule.
pub fn check_of(rule: &Rule) -> Option<&'static RuleCheck> {
    CHECKS.iter().copied().find(|check| check.rule.code == rule.code)
}

/// Returns the rule with this name or code.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| [rule.name, rule.code].iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Returns the rules that have a marker for the mark.
pub fn with_mark(mark: Mark) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().filter(move |rule| rule.has_mark(mark))
}

/// The rule for a key that no service has, or that a service lacks.
pub static MISSING_KEY: &Rule = &missing_on_railway::RULE;

/// Returns the rules that the hook checks on staged files.
pub fn of_staged_files() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().filter(|rule| rule.hook == HookScope::StagedFiles)
}

/// Returns the rows of the service table in order, each with the rules that share it.
pub fn status_rows() -> BTreeMap<StatusRow, Vec<&'static RuleCheck>> {
    let mut rows: BTreeMap<StatusRow, Vec<&RuleCheck>> = BTreeMap::new();
    for check in CHECKS {
        if let Some(row) = check.rule.status_row {
            rows.entry(row).or_default().push(check);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{RULES, of_staged_files, status_rows};

    #[test]
    fn status_row_names_and_positions_are_unique() {
        let rows = status_rows();
        let names: BTreeSet<&str> = rows.keys().map(|row| row.name).collect();
        let positions: BTreeSet<u8> = rows.keys().map(|row| row.position).collect();
        assert_eq!((names.len(), positions.len()), (rows.len(), rows.len()));
    }

    #[test]
    fn every_rule_has_a_summary_of_its_own() {
        let summaries: BTreeSet<&str> = RULES.iter().map(|rule| rule.summary).collect();
        assert_eq!(summaries.len(), RULES.len());
        assert!(!summaries.contains(""));
    }

    #[test]
    fn exactly_one_rule_checks_staged_files() {
        assert_eq!(of_staged_files().count(), 1);
    }
}
