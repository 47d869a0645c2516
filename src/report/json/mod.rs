//! The JSON format, schema 1. Its names and their order are stable: the types here are copies, which a change in
//! `drift` does not affect.

pub mod drafted;
pub mod error;
pub mod explained;
mod plan;
pub mod status;

use std::fmt::Write as _;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::receipt::{Outcome, Receipt};
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RULES;
use crate::report::count::Tally;
use crate::report::json::plan::PlanForm;
use crate::report::{Report, ServiceLine, ServiceVerdict, escape, link, shell_command};

/// The names of the severities.
const SEVERITIES: [&str; 3] = [Severity::Error.name(), Severity::Warning.name(), Severity::Note.name()];

/// The findings of a check, or the results of a fix or an undo.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Report")]
pub(crate) struct ReportJson<'r> {
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    #[schemars(extend("enum" = ["check", "fix", "undo"]))]
    command: &'r str,
    target: TargetForm<'r>,
    services: Vec<ServiceForm<'r>>,
    summary: SummaryForm,
    findings: Vec<FindingForm<'r>>,
    receipts: Vec<ReceiptForm<'r>>,
    /// Commands that add a named key to a service that lacks it. Only the user can decide that, so none is a `next`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    to_add: &'r [Vec<String>],
    /// The plan; only for a fix or an undo that was not executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanForm<'r>>,
    /// Remarks on the run; only for a fix or an undo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
}

/// The project and the environment.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Target")]
pub(crate) struct TargetForm<'r> {
    project: NamedForm<'r>,
    environment: NamedForm<'r>,
    /// How the project was selected, such as `railway link`.
    origin: &'r str,
}

/// An id and a name.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Named")]
pub(crate) struct NamedForm<'r> {
    id: &'r str,
    name: &'r str,
}

/// One service.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Service")]
pub(crate) struct ServiceForm<'r> {
    id: &'r str,
    name: &'r str,
    /// The alias in `doctor.toml`.
    alias: Option<&'r str>,
    /// The number of values that were compared.
    compared: usize,
    /// The number of sealed keys. Railway never returns their values.
    sealed: usize,
    /// The number of keys that could not be compared for another reason: one side refers to a value that is stored
    /// elsewhere, or Railway returned no value.
    unknown: usize,
    /// The error, if the service could not be read.
    error: Option<&'r str>,
    /// The verdict, as in the text report. It depends on `--fail-on` and on the changes of this run.
    #[schemars(extend("enum" = ServiceVerdict::ALL.map(ServiceVerdict::name)))]
    verdict: &'r str,
}

/// The totals.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Summary")]
pub(crate) struct SummaryForm {
    compared: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    /// The number of findings that `doctor.toml` removed.
    ignored: usize,
    /// The number of HTTP requests that were sent.
    requests: usize,
    exit_code: u8,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Finding")]
struct FindingForm<'r> {
    /// The code of the rule. Codes are never reused.
    code: &'r str,
    #[schemars(extend("enum" = RULES.iter().map(|rule| rule.name).collect::<Vec<_>>()))]
    rule: &'r str,
    #[schemars(extend("enum" = SEVERITIES))]
    severity: &'r str,
    key: Option<&'r str>,
    services: Vec<&'r str>,
    places: Vec<PlaceForm<'r>>,
    message: &'r str,
    /// The cause, if it is known.
    reason: Option<&'r str>,
    /// What `doctor fix` can do about it.
    #[schemars(extend("items" = { "type": "string", "enum": ["push", "pull", "redeploy", "start-command"] }))]
    remedies: Vec<&'r str>,
    /// The command to run next, as an argument list.
    next: Option<Vec<String>>,
    /// The dashboard URL of the deployment that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Place")]
struct PlaceForm<'r> {
    file: &'r str,
    /// 1-based.
    line: usize,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Receipt")]
struct ReceiptForm<'r> {
    #[schemars(extend("enum" = ["push", "pull", "remove", "restore", "start-command", "redeploy", "ignore"]))]
    change: &'r str,
    key: Option<&'r str>,
    /// The name of the service or the file, or `shared variables`.
    service: &'r str,
    #[schemars(extend("enum" = Outcome::ALL.map(Outcome::name)))]
    outcome: &'r str,
    deployment: Option<&'r str>,
}

/// Writes the report as JSON, with a final newline. Names are exact; hidden characters are escaped as `\uXXXX`.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(document(&form(report)).as_bytes())
}

/// Serializes a document as JSON, with a final newline.
pub(crate) fn document(form: &impl Serialize) -> String {
    visible(&serde_json::to_string_pretty(form).expect("keys are strings, and numbers are finite"))
}

fn form(report: &Report) -> ReportJson<'_> {
    ReportJson {
        schema_version: 1,
        command: report.command,
        target: target(report),
        services: report.services.iter().map(|line| service(report, line)).collect(),
        summary: summary(report),
        findings: report.findings.iter().map(|found| finding(report, found)).collect(),
        receipts: report.receipts.iter().map(receipt).collect(),
        to_add: &report.to_add,
        plan: report.plan.as_ref().map(plan::form),
        remarks: if report.command == "check" { Vec::new() } else { remarks(report) },
    }
}

fn remarks(report: &Report) -> Vec<String> {
    report.remarks.iter().cloned().chain(report.all_endings()).collect()
}

pub(crate) fn target(report: &Report) -> TargetForm<'_> {
    TargetForm {
        project: named(&report.project),
        environment: named(&report.environment),
        origin: &report.project_origin,
    }
}

pub(crate) fn summary(report: &Report) -> SummaryForm {
    let tally = Tally::of(&report.findings);
    SummaryForm {
        compared: report.compared(),
        errors: tally.errors,
        warnings: tally.warnings,
        notes: tally.notes,
        ignored: report.ignored,
        requests: report.requests,
        exit_code: report.exit_code,
    }
}

fn receipt(receipt: &Receipt) -> ReceiptForm<'_> {
    ReceiptForm {
        change: receipt.change,
        key: receipt.key.as_deref(),
        service: &receipt.place,
        outcome: receipt.outcome.name(),
        deployment: receipt.deployment.as_deref(),
    }
}

pub(crate) fn named(named: &ResourceRef) -> NamedForm<'_> {
    NamedForm { id: &named.id, name: &named.name }
}

pub(crate) fn service<'r>(report: &Report, line: &'r ServiceLine) -> ServiceForm<'r> {
    ServiceForm {
        id: &line.service.id,
        name: &line.service.name,
        alias: line.alias.as_deref(),
        compared: line.compared,
        sealed: line.sealed,
        unknown: line.unknown,
        error: line.error.as_deref(),
        verdict: report.verdict(line).name(),
    }
}

fn finding<'r>(report: &Report, finding: &'r Finding) -> FindingForm<'r> {
    FindingForm {
        code: finding.rule.code,
        rule: finding.rule.name,
        severity: finding.severity.name(),
        key: finding.key.as_deref(),
        services: finding.services.iter().map(|service| service.name.as_str()).collect(),
        places: finding.places.iter().map(|place| PlaceForm { file: &place.file, line: place.line }).collect(),
        message: &finding.message,
        reason: finding.reason.as_deref(),
        remedies: finding.remedies.iter().copied().map(Remedy::name).collect(),
        next: finding.next.as_ref().map(|next| shell_command::arguments(report, next, &finding.services)),
        link: link::deployment(report, finding),
    }
}

/// Escapes hidden characters in JSON as `\uXXXX`: JSON allows 8-bit control characters and right-to-left overrides in
/// strings, and a terminal interprets them. Appends a newline.
pub(crate) fn visible(json: &str) -> String {
    let mut visible = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        if character == '\n' || !escape::is_hidden(character) {
            visible.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(visible, "\\u{unit:04x}").expect("writing to a String can't fail");
            }
        }
    }
    visible.push('\n');
    visible
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::report::test_support::{calm, differs, incident, key, text_options};
    use crate::report::{Detail, Format, Report, write};

    fn json_text(report: &Report) -> String {
        let (mut out, key) = (Vec::new(), key());
        write(report, Format::Json, &text_options(&key, 80, Detail::Normal), &mut out)
            .expect("writing to a Vec can't fail");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    fn parsed(report: &Report) -> Value {
        serde_json::from_str(&json_text(report)).expect("the report is JSON")
    }

    #[test]
    fn output_matches_schema_1_in_field_order() {
        let mut report = incident();
        report.findings.truncate(1);
        report.services.truncate(1);
        report.services[0].alias = Some("api".to_owned());
        report.ignored = 4;
        report.program.push("demo".to_owned());
        report.flags.push("--environment=staging".to_owned());
        let expected = r#"{
  "schema_version": 1,
  "command": "check",
  "target": {
    "project": {
      "id": "p-1",
      "name": "agentverse"
    },
    "environment": {
      "id": "e-1",
      "name": "staging"
    },
    "origin": "railway link"
  },
  "services": [
    {
      "id": "id-agentverse-api-staging",
      "name": "agentverse-api-staging",
      "alias": "api",
      "compared": 6,
      "sealed": 1,
      "unknown": 0,
      "error": null,
      "verdict": "fail"
    }
  ],
  "summary": {
    "compared": 6,
    "errors": 1,
    "warnings": 0,
    "notes": 0,
    "ignored": 4,
    "requests": 2,
    "exit_code": 1
  },
  "findings": [
    {
      "code": "D103",
      "rule": "value-differs",
      "severity": "error",
      "key": "STAGING_OPS_API_KEY",
      "services": [
        "agentverse-api-staging",
        "agentverse-worker-staging"
      ],
      "places": [
        {
          "file": ".env",
          "line": 5
        }
      ],
      "message": "STAGING_OPS_API_KEY differs between .env and Railway",
      "reason": null,
      "remedies": [
        "push",
        "pull"
      ],
      "next": [
        "doctor",
        "demo",
        "fix",
        "--only",
        "STAGING_OPS_API_KEY",
        "--environment=staging"
      ]
    }
  ],
  "receipts": []
}
"#;
        assert_eq!(json_text(&report), expected);
    }

    #[test]
    fn missing_data_is_null_or_empty() {
        let mut report = incident();
        let finding = &mut report.findings[0];
        (finding.key, finding.next, finding.reason) = (None, None, Some("why".to_owned()));
        finding.services.clear();
        finding.places.clear();
        finding.remedies.clear();
        report.services[1].error = Some("timed out".to_owned());
        let parsed = parsed(&report);
        assert_eq!(
            parsed["findings"][0],
            json!({ "code": "D103", "rule": "value-differs", "severity": "error", "key": null, "services": [], "places": [],
                "message": "STAGING_OPS_API_KEY differs between .env and Railway", "reason": "why", "remedies": [],
                "next": null })
        );
        assert_eq!(parsed["services"][1]["error"], "timed out");
        assert_eq!(parsed["services"][1]["alias"], Value::Null);
        assert_eq!(parsed["summary"]["notes"], 3);
    }

    #[test]
    fn names_are_exact_and_escaped_for_terminals() {
        let name = "K\u{202e}\n\u{1b}[2J\u{9b}\u{7f}\u{e0041}日\"\\";
        let report = Report { findings: vec![differs(name, &[name])], ..calm() };
        let output = json_text(&report);
        assert!(output.contains(r#""key": "K\u202e\n\u001b[2J\u009b\u007f\udb40\udc41日\"\\","#), "{output}");
        assert_eq!(parsed(&report)["findings"][0]["key"], name);
        assert_eq!(parsed(&report)["findings"][0]["next"], json!(["doctor", "fix", "--only", name]));
    }
}
