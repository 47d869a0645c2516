//! The JSON format of `explain`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::model::rule::Rule;
use crate::report::json::document;

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Rules")]
pub(crate) struct ExplainedJson {
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    #[schemars(extend("const" = "explain"))]
    command: &'static str,
    rules: Vec<RuleForm>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Rule")]
struct RuleForm {
    code: &'static str,
    rule: &'static str,
    severity: &'static str,
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
