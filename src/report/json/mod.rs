//! The JSON format, schema 1. Its names and their order are stable: the types here are copies, which a change in
//! `drift` does not affect.

mod baseline;
pub mod drafted;
pub mod error;
pub mod explained;
mod finding;
mod plan;
pub mod pulled;
mod receipt;
mod service;
pub mod status;
mod trace;

use std::fmt::Write as _;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::model::resource::ResourceRef;
use crate::drift::model::severity::Severity;
use crate::report::count::Tally;
use crate::report::json::baseline::BaselineForm;
use crate::report::json::finding::{FindingForm, IgnoredForm};
use crate::report::json::plan::PlanForm;
use crate::report::json::receipt::{ReceiptForm, receipt};
pub(crate) use crate::report::json::service::{ServiceForm, service};
use crate::report::json::trace::TraceForm;
use crate::report::matrix::json_rows::{ReportMatrixForm, report_matrix};
use crate::report::{Report, escape};

/// The names of the severities.
const SEVERITIES: [&str; 3] = [Severity::Error.name(), Severity::Warning.name(), Severity::Note.name()];

/// The findings of a check or of a comparison of two environments, the places of a trace, or the results of a fix, a
/// rotation or an undo.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Report")]
pub(crate) struct ReportJson<'r> {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The command.
    #[schemars(extend("enum" = ["check", "compare", "trace", "fix", "rotate", "undo"]))]
    command: &'r str,
    target: TargetForm<'r>,
    /// The files that were compared; later files win. Empty for a check against declared keys, and for `compare`.
    files: Vec<FileForm<'r>>,
    /// Conventional files next to a default file that were not read, such as `.env.local`.
    unread_files: &'r [String],
    /// The services in scope, by name.
    services: Vec<ServiceForm<'r>>,
    summary: SummaryForm,
    /// The findings, the most severe first.
    findings: Vec<FindingForm<'r>>,
    /// The findings that `doctor.toml` and the baseline removed.
    ignored: Vec<IgnoredForm<'r>>,
    /// The outcome of each step; empty for `check`, `compare` and `trace`.
    receipts: Vec<ReceiptForm<'r>>,
    /// The comparison with the baseline; only for a check with `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<BaselineForm<'r>>,
    /// The comparison of each key on each service; only for `compare`.
    #[serde(skip_serializing_if = "Option::is_none")]
    matrix: Option<ReportMatrixForm<'r>>,
    /// Commands that add a named key to a service that lacks it. Only the user can decide that, so none is a `next`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    to_add: &'r [Vec<String>],
    /// The places where a value is used, or where a rotation left the old value; only for `trace` and `rotate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<TraceForm<'r>>,
    /// The plan; only for a fix, a rotation or an undo that was not executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanForm<'r>>,
    /// Remarks on the run; not for a check or a comparison.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
}

/// The project, and the environment or the two environments.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Target")]
pub(crate) struct TargetForm<'r> {
    /// The project.
    project: NamedForm<'r>,
    /// The environment. For `compare`, the first one, which the states of the matrix call `left`.
    environment: NamedForm<'r>,
    /// The second environment, which the states of the matrix call `right`; only for `compare`.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_environment: Option<NamedForm<'r>>,
    /// How the project was selected, such as `railway link`.
    origin: &'r str,
}

/// An id and a name.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Named")]
pub(crate) struct NamedForm<'r> {
    /// Railway's id.
    id: &'r str,
    /// The name.
    name: &'r str,
}

/// A file that was compared.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "File")]
pub(crate) struct FileForm<'r> {
    /// The path.
    file: &'r str,
    /// Why it was read, such as `default`, `--env-file` or `doctor.toml`.
    origin: &'r str,
}

/// The totals.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Summary")]
pub(crate) struct SummaryForm {
    /// The number of values that were compared, over all services.
    compared: usize,
    /// The number of needed keys that were checked on services without a file, over all services.
    needs: usize,
    /// The number of findings that are errors.
    errors: usize,
    /// The number of findings that are warnings.
    warnings: usize,
    /// The number of findings that are notes.
    notes: usize,
    /// The number of findings that `doctor.toml` removed.
    ignored: usize,
    /// The number of findings that the baseline removed.
    baseline: usize,
    /// The number of HTTP requests that were sent.
    requests: usize,
    /// The exit code of the run.
    exit_code: u8,
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
        files: files(report),
        unread_files: &report.unread_layers,
        services: report.services.iter().map(|line| service(report, line)).collect(),
        summary: summary(report),
        findings: report.findings.iter().map(|found| finding::finding(report, found)).collect(),
        ignored: report.ignored.iter().map(|removed| finding::ignored(report, removed)).collect(),
        receipts: report.receipts.iter().map(receipt).collect(),
        baseline: report.baseline.as_ref().map(baseline::form),
        matrix: report_matrix(report),
        to_add: &report.to_add,
        trace: report.trace.as_ref().map(trace::form),
        plan: report.plan.as_ref().map(plan::form),
        remarks: if ["check", "compare"].contains(&report.command) { Vec::new() } else { remarks(report) },
    }
}

fn remarks(report: &Report) -> Vec<String> {
    report.remarks.iter().cloned().chain(report.all_endings()).collect()
}

pub(crate) fn target(report: &Report) -> TargetForm<'_> {
    TargetForm {
        project: named(&report.project),
        environment: named(&report.environment),
        other_environment: report.other_environment.as_ref().map(named),
        origin: &report.project_origin,
    }
}

pub(crate) fn files(report: &Report) -> Vec<FileForm<'_>> {
    report.files.iter().map(|(file, origin)| FileForm { file, origin }).collect()
}

pub(crate) fn summary(report: &Report) -> SummaryForm {
    let tally = Tally::of(&report.findings);
    SummaryForm {
        compared: report.compared(),
        needs: report.needs(),
        errors: tally.errors,
        warnings: tally.warnings,
        notes: tally.notes,
        ignored: report.ignored.len() - report.in_baseline(),
        baseline: report.in_baseline(),
        requests: report.requests,
        exit_code: report.exit_code,
    }
}

pub(crate) fn named(named: &ResourceRef) -> NamedForm<'_> {
    NamedForm { id: &named.id, name: &named.name }
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

    use crate::drift::Severity;
    use crate::drift::engine::service_status::{CheckState, StatusCheck};
    use crate::report::test_support::{self, calm, differs, ignored, incident};
    use crate::report::{Format, Report, ServiceDeployment};

    fn check(name: &'static str, state: CheckState, note: &str) -> StatusCheck {
        StatusCheck { name, state, note: note.to_owned() }
    }

    fn json_text(report: &Report) -> String {
        test_support::rendered(report, Format::Json)
    }

    fn parsed(report: &Report) -> Value {
        serde_json::from_str(&json_text(report)).expect("the report is JSON")
    }

    const SCHEMA_1: &str = r#"{
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
  "files": [
    {
      "file": ".env",
      "origin": "default"
    }
  ],
  "unread_files": [],
  "services": [
    {
      "id": "id-agentverse-api-staging",
      "name": "agentverse-api-staging",
      "alias": "api",
      "compared": 6,
      "sealed": 1,
      "unknown": 0,
      "needs": 0,
      "error": null,
      "verdict": "fail",
      "deployment": {
        "id": "d-1",
        "status": "SUCCESS",
        "commit": "371a158f00",
        "running": "fail"
      },
      "checks": [
        {
          "name": "running",
          "verdict": "fail",
          "severity": "error",
          "message": "has old values"
        }
      ]
    }
  ],
  "summary": {
    "compared": 6,
    "needs": 0,
    "errors": 1,
    "warnings": 0,
    "notes": 0,
    "ignored": 1,
    "baseline": 0,
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
  "ignored": [
    {
      "by": "ignore",
      "reason": "only for local runs",
      "until": "2027-01-01",
      "line": 12,
      "finding": {
        "code": "D103",
        "rule": "value-differs",
        "severity": "error",
        "key": "DEBUG",
        "services": [
          "agentverse-api-staging"
        ],
        "places": [
          {
            "file": ".env",
            "line": 5
          }
        ],
        "message": "DEBUG differs between .env and Railway",
        "reason": null,
        "remedies": [
          "push",
          "pull"
        ],
        "next": null
      }
    }
  ],
  "receipts": []
}
"#;

    #[test]
    fn output_matches_schema_1_in_field_order() {
        let mut report = incident();
        report.findings.truncate(1);
        report.services.truncate(1);
        report.services[0].alias = Some("api".to_owned());
        report.services[0].deployment = Some(ServiceDeployment {
            id: "d-1".to_owned(),
            status: "SUCCESS".to_owned(),
            commit: Some("371a158f00".to_owned()),
        });
        report.services[0].checks = vec![check("running", CheckState::Found(Severity::Error), "has old values")];
        report.ignored = vec![ignored()];
        report.program.push("demo".to_owned());
        report.flags.push("--environment=staging".to_owned());
        assert_eq!(json_text(&report), SCHEMA_1);
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
    fn verdict_of_a_check_depends_on_its_result_and_on_fail_on() {
        let mut report = calm();
        report.services[0].checks = vec![
            check("deployment", CheckState::Good, "SUCCESS"),
            check("running", CheckState::Open, "unknown"),
            check("commit", CheckState::Found(Severity::Warning), "is behind"),
        ];
        let expected = json!([
            { "name": "deployment", "verdict": "pass", "severity": null, "message": "SUCCESS" },
            { "name": "running", "verdict": "skip", "severity": null, "message": "unknown" },
            { "name": "commit", "verdict": "pass", "severity": "warning", "message": "is behind" },
        ]);
        assert_eq!(parsed(&report)["services"][0]["checks"], expected);
        assert_eq!(parsed(&report)["services"][0]["deployment"], Value::Null);
        report.fail_on = Some(Severity::Warning);
        assert_eq!(parsed(&report)["services"][0]["checks"][2]["verdict"], "fail");
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
