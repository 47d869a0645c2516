//! The rules, for programs.

use serde::Serialize;

use crate::drift::rule::Rule;
use crate::report::json::document;

#[derive(Serialize)]
struct Form {
    schema_version: u8,
    command: &'static str,
    rules: Vec<RuleForm>,
}

#[derive(Serialize)]
struct RuleForm {
    code: &'static str,
    rule: &'static str,
    severity: &'static str,
    summary: &'static str,
    /// Markdown.
    explanation: &'static str,
}

/// Those rules as JSON.
pub fn rules(rules: &[&'static Rule]) -> String {
    let form = |rule: &&'static Rule| RuleForm {
        code: rule.code,
        rule: rule.name,
        severity: rule.severity.word(),
        summary: rule.summary,
        explanation: rule.explain,
    };
    document(&Form { schema_version: 1, command: "explain", rules: rules.iter().map(form).collect() })
}
