//! Schema 1: a frozen copy of the model, for programs. Its names and their order are a promise; nothing in here follows
//! when a type of `drift` changes.

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

/// The words for severities.
const SEVERITIES: [&str; 3] = [Severity::Error.name(), Severity::Warning.name(), Severity::Note.name()];

/// What a check found, or what a fix or an undoing did.
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
    /// Commands that add a named key to a service which does not hold it: for a person to decide on, and never a `next`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    to_add: &'r [Vec<String>],
    /// What would be done; only for a fix or an undoing that did nothing yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanForm<'r>>,
    /// What else is to be known of what was done or not; only for a fix or an undoing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
}

/// The project and the environment.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Target")]
pub(crate) struct TargetForm<'r> {
    project: NamedForm<'r>,
    environment: NamedForm<'r>,
    /// Where the project was named.
    origin: &'r str,
}

/// By id and name.
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
    /// Its name in `doctor.toml`.
    alias: Option<&'r str>,
    /// Values that were compared.
    compared: usize,
    /// Keys that can't be compared, because Railway never returns their values.
    sealed: usize,
    /// Keys that can't be compared for another reason: one side refers to a value kept elsewhere, or Railway returned no
    /// value.
    unknown: usize,
    /// Why it could not be read.
    error: Option<&'r str>,
    /// As in the table of the text: whether anything is wrong with it, by `--fail-on` and by what this run did to it.
    #[schemars(extend("enum" = ServiceVerdict::ALL.map(ServiceVerdict::name)))]
    verdict: &'r str,
}

/// What it all came to.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Summary")]
pub(crate) struct SummaryForm {
    compared: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    /// Findings that `doctor.toml` took away.
    ignored: usize,
    /// HTTP requests sent.
    requests: usize,
    exit_code: u8,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Finding")]
struct FindingForm<'r> {
    /// The rule's code, which is never used again.
    code: &'r str,
    #[schemars(extend("enum" = RULES.iter().map(|rule| rule.name).collect::<Vec<_>>()))]
    rule: &'r str,
    #[schemars(extend("enum" = SEVERITIES))]
    severity: &'r str,
    key: Option<&'r str>,
    services: Vec<&'r str>,
    places: Vec<PlaceForm<'r>>,
    message: &'r str,
    /// Why the values differ, where that can be told.
    reason: Option<&'r str>,
    /// What `doctor fix` could do about it.
    #[schemars(extend("items" = { "type": "string", "enum": ["push", "pull", "redeploy", "start-command"] }))]
    remedies: Vec<&'r str>,
    /// The command to run next, as an argument list.
    next: Option<Vec<String>>,
    /// The deployment that it is about, on the dashboard.
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
    /// The service's name, the file's, or `shared variables`.
    service: &'r str,
    #[schemars(extend("enum" = Outcome::ALL.map(Outcome::name)))]
    outcome: &'r str,
    deployment: Option<&'r str>,
}

/// Writes the report as JSON, with a line break at its end. Names are exact; what is hidden in them is written `\uXXXX`.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(document(&form(report)).as_bytes())
}

/// A form as JSON, with a line break at its end.
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

/// The project and the environment.
pub(crate) fn target(report: &Report) -> TargetForm<'_> {
    TargetForm {
        project: named(&report.project),
        environment: named(&report.environment),
        origin: &report.project_origin,
    }
}

/// What it all came to.
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

/// By id and name.
pub(crate) fn named(named: &ResourceRef) -> NamedForm<'_> {
    NamedForm { id: &named.id, name: &named.name }
}

/// What one service came to.
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

/// The same JSON with hidden characters as `\uXXXX`, which every parser reads as the character itself: JSON allows an
/// 8-bit control or a right-to-left override in a string, and a terminal obeys it.
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
        serde_json::from_str(&json_text(report)).expect("it is JSON")
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
        report.services[1].error = Some("no answer".to_owned());
        let parsed = parsed(&report);
        assert_eq!(
            parsed["findings"][0],
            json!({ "code": "D103", "rule": "value-differs", "severity": "error", "key": null, "services": [], "places": [],
                "message": "STAGING_OPS_API_KEY differs between .env and Railway", "reason": "why", "remedies": [],
                "next": null })
        );
        assert_eq!(parsed["services"][1]["error"], "no answer");
        assert_eq!(parsed["services"][1]["alias"], Value::Null);
        assert_eq!(parsed["summary"]["notes"], 3);
    }

    #[test]
    fn names_are_exact_and_escaped_for_terminals() {
        let name = "K\u{202e}\n\u{1b}[2J\u{9b}\u{7f}\u{e0041}日\"\\";
        let report = Report { findings: vec![differs(name, &[name])], ..calm() };
        let told = json_text(&report);
        assert!(told.contains(r#""key": "K\u202e\n\u001b[2J\u009b\u007f\udb40\udc41日\"\\","#), "{told}");
        assert_eq!(parsed(&report)["findings"][0]["key"], name);
        assert_eq!(parsed(&report)["findings"][0]["next"], json!(["doctor", "fix", "--only", name]));
    }
}
