//! The JSON format of `explain`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::model::rule::Rule;
use crate::report::json::document;

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Rules")]
pub(crate) struct ExplainedJson {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The command.
    #[schemars(extend("const" = "explain"))]
    command: &'static str,
    /// The rules, by code.
    rules: Vec<RuleForm>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Rule")]
struct RuleForm {
    /// The code. Codes are never reused.
    code: &'static str,
    /// The name.
    rule: &'static str,
    /// The default severity.
    severity: &'static str,
    /// The meaning in one line.
    summary: &'static str,
    /// Markdown.
    explanation: &'static str,
}

/// Returns rules as JSON.
pub fn rules(rules: &[&'static Rule]) -> String {
    let form = |rule: &&'static Rule| RuleForm {
        code: rule.code,
        rule: rule.name,
        severity: rule.severity.name(),
        summary: rule.summary,
        explanation: rule.explain,
    };
    document(&ExplainedJson { schema_version: 1, command: "explain", rules: rules.iter().map(form).collect() })
}
