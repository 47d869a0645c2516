//! SARIF 2.1.0 for code scanning: every finding is a result of its rule, and every place of a trace is a result.
//! Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::digest::{Context, SHA256};
use serde::Serialize;

use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::receipt::{self, Receipt, Shortfall};
use crate::drift::model::rule::Rule;
use crate::drift::rules::RULES;
use crate::report::finding_help::FindingHelp;
use crate::report::trace::rows::TraceRow;
use crate::report::{Report, TraceReport, TraceRole, escape, json, receipt_line};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
/// Code scanning matches the findings of two runs by it. If its computation changes, it needs a new name.
const FINGERPRINT: &str = "doctor/v1";
/// The characters that are not percent-encoded in the path of a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

#[derive(Serialize)]
struct Log<'r> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'r> {
    tool: SarifTool,
    automation_details: Details,
    invocations: [Invocation<'r>; 1],
    results: Vec<SarifOutcome<'r>>,
}

#[derive(Serialize)]
struct SarifTool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    information_uri: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    name: &'static str,
    short_description: Text,
    help: Help,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Details {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'r> {
    execution_successful: bool,
    exit_code: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification<'r>>,
}

#[derive(Serialize)]
struct Notification<'r> {
    level: &'static str,
    message: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    locations: Option<[SarifLocation<'r>; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifOutcome<'r> {
    rule_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<SarifLocation<'r>>,
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifLocation<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<Physical>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
}

#[derive(Serialize)]
struct Logical<'r> {
    name: Cow<'r, str>,
    kind: &'static str,
}

/// Writes the report as SARIF, with a line break at its end.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run(report)] };
    out.write_all(json::visible(&serde_json::to_string_pretty(&log)?).as_bytes())
}

fn run(report: &Report) -> Run<'_> {
    let unread = report.unread().into_iter().map(|part| {
        let text = format!("{} could not be read: {}", part.name, part.reason);
        let logical_locations = vec![logical(part.name)];
        let locations = Some([SarifLocation { physical_location: None, logical_locations }]);
        Notification { level: "error", message: Text { text }, locations }
    });
    let unverified = report.shortfalls.iter().filter_map(|(place, shortfall)| {
        let text = format!("the changes of {place} could not be verified");
        let is_reported =
            report.receipts.iter().any(|receipt| receipt.place == *place && unfinished(receipt).is_some());
        (*shortfall == Shortfall::Unverified && !is_reported).then(|| Notification {
            level: "error",
            message: Text { text: escape::line(&text).into_owned() },
            locations: None,
        })
    });
    let unfinished = report.receipts.iter().filter_map(unfinished);
    let notifications: Vec<Notification<'_>> = unread.chain(unfinished).chain(unverified).collect();
    Run {
        tool: SarifTool {
            driver: Driver {
                name: "doctor",
                semantic_version: env!("CARGO_PKG_VERSION"),
                information_uri: REPOSITORY,
                rules: RULES.iter().map(|rule| descriptor(rule)).chain(report.trace.as_ref().map(place_rule)).collect(),
            },
        },
        automation_details: Details { id: format!("doctor/{}/", target(report).join("/")) },
        invocations: [Invocation {
            execution_successful: !report.ends_with_undo()
                && notifications.iter().all(|notification| notification.level != "error"),
            exit_code: report.exit_code,
            tool_execution_notifications: notifications,
        }],
        results: report.findings.iter().map(|finding| outcome(report, finding)).chain(places(report)).collect(),
    }
}

/// Returns the results of a trace.
fn places(report: &Report) -> impl Iterator<Item = SarifOutcome<'_>> {
    report.trace.iter().flat_map(move |trace| {
        let rule = place_rule(trace);
        trace.rows().into_iter().map(move |row| place(report, trace, &rule, &row))
    })
}

fn place<'r>(report: &'r Report, trace: &'r TraceReport, rule: &Descriptor, row: &TraceRow<'r>) -> SarifOutcome<'r> {
    let files: Vec<&Location> = row.file().into_iter().collect();
    let services = row.service().map(|service| logical(service.name.as_str())).into_iter().collect();
    let message = format!("{}.", escape::line(&trace.sentence(row)));
    let ids = row.environment.into_iter().flat_map(|found| [found.project.id.as_str(), &found.environment.id]);
    let owner = row.service().map(|service| service.id.as_str()).or(row.file().map(|file| file.file.as_str()));
    let parts = [rule.id, &trace.key, row.key, owner.unwrap_or_default()].into_iter().chain(target(report)).chain(ids);
    SarifOutcome {
        rule_id: rule.id,
        rule_index: Some(RULES.len()),
        level: rule.default_configuration.level,
        message: Text { text: message },
        locations: locations(report, &files, services),
        partial_fingerprints: [(FINGERPRINT, digest(parts))].into(),
    }
}

/// Returns the notification of a step that is not done. A completed step has none.
fn unfinished(receipt: &Receipt) -> Option<Notification<'_>> {
    let level = match receipt.outcome {
        receipt::Outcome::Done => return None,
        receipt::Outcome::NotTried => "note",
        receipt::Outcome::Failed | receipt::Outcome::Conflict | receipt::Outcome::Unknown => "error",
    };
    let text = escape::line(&receipt_line(receipt)).into_owned();
    Some(Notification { level, message: Text { text }, locations: None })
}

fn descriptor(rule: &Rule) -> Descriptor {
    Descriptor {
        id: rule.code,
        name: rule.name,
        short_description: Text { text: rule.summary.to_owned() },
        help: Help {
            text: format!("{}. Run `doctor explain {}` for details.", rule.summary, rule.name),
            markdown: rule.explain,
        },
        default_configuration: Configuration { level: rule.severity.name() },
    }
}

/// Returns the rule of the places of a trace. No `[severity]` applies to it, so it is not one of the rules of a check.
fn place_rule(trace: &TraceReport) -> Descriptor {
    let (id, name, level, summary) = match trace.role {
        TraceRole::Found => ("trace/copy", "traced-value", "note", "A place where a traced value is used"),
        TraceRole::Left => ("trace/left", "old-value-left", "error", "A place where a rotation left the old value"),
    };
    let text = format!("{summary}. Run `doctor {} --help` for details.", trace.command());
    Descriptor {
        id,
        name,
        short_description: Text { text: summary.to_owned() },
        help: Help { text, markdown: summary },
        default_configuration: Configuration { level },
    }
}

fn outcome<'r>(report: &'r Report, finding: &'r Finding) -> SarifOutcome<'r> {
    let services: Vec<Logical<'_>> = finding.services.iter().map(|service| logical(service.name.as_str())).collect();
    let places: Vec<&Location> = finding.places.iter().collect();
    SarifOutcome {
        rule_id: finding.rule.code,
        rule_index: RULES.iter().position(|rule| rule.code == finding.rule.code),
        level: finding.severity.name(),
        message: Text { text: message(report, finding) },
        locations: locations(report, &places, services),
        partial_fingerprints: [(FINGERPRINT, fingerprint(report, finding))].into(),
    }
}

/// Returns `MESSAGE.`, `cause: …` and `help: …`, a line each. Every line ends with a full stop, as SARIF validators
/// expect.
fn message(report: &Report, finding: &Finding) -> String {
    let mut lines = vec![finding.message.clone()];
    lines.extend(finding.reason.iter().map(|reason| format!("cause: {reason}")));
    if let Some(FindingHelp { advice, commands }) = FindingHelp::of(report, finding) {
        let commands = commands.iter().map(|command| format!("run `{command}`"));
        let advice = advice.map(|advice| advice.trim_end_matches(':').to_owned());
        let parts: Vec<String> = advice.into_iter().chain(commands).collect();
        lines.push(format!("help: {}", parts.join("; ")));
    }
    lines.iter().map(|line| format!("{}.", escape::line(line))).collect::<Vec<_>>().join("\n")
}

/// Code scanning drops a result without a file: one about services only is placed at the start of the first file, or of
/// the first declaration.
fn locations<'r>(report: &Report, files: &[&Location], services: Vec<Logical<'r>>) -> Vec<SarifLocation<'r>> {
    let head =
        || report.files.iter().map(|(file, _)| file).chain(&report.declarations).next().map(|file| (file.as_str(), 1));
    let mut places: Vec<(&str, usize)> = files.iter().map(|place| (place.file.as_str(), place.line)).collect();
    places.extend(head().filter(|_| files.is_empty()));
    let mut services = Some(services).filter(|services| !services.is_empty());
    let mut locations: Vec<SarifLocation<'_>> = places
        .into_iter()
        .map(|(file, line)| SarifLocation {
            physical_location: Some(Physical {
                artifact_location: Artifact { uri: uri(file) },
                region: Region { start_line: line.max(1) },
            }),
            logical_locations: services.take().unwrap_or_default(),
        })
        .collect();
    locations.extend(services.map(|logical_locations| SarifLocation { physical_location: None, logical_locations }));
    locations
}

/// Returns the ids of the project and of its environment or environments.
fn target(report: &Report) -> Vec<&str> {
    let other = report.other_environment.as_ref();
    [&report.project, &report.environment].into_iter().chain(other).map(|resource| resource.id.as_str()).collect()
}

fn logical<'r>(name: impl Into<Cow<'r, str>>) -> Logical<'r> {
    Logical { name: name.into(), kind: "resource" }
}

/// Returns a relative reference, or a `file:` URI for an absolute path.
fn uri(file: &str) -> String {
    let path = utf8_percent_encode(&file.replace('\\', "/"), PATH).to_string();
    if Path::new(file).is_absolute() { format!("file://{path}") } else { path }
}

/// Identifies a finding across runs, by rule, key, services and target.
fn fingerprint(report: &Report, finding: &Finding) -> String {
    let mut services: Vec<&str> = finding.services.iter().map(|service| service.id.as_str()).collect();
    services.sort_unstable();
    let parts = [finding.rule.code, finding.key.as_deref().unwrap_or_default()];
    digest(parts.into_iter().chain(target(report)).chain(services))
}

/// Returns the digest of names and ids. No value is part of it.
fn digest<'p>(parts: impl Iterator<Item = &'p str>) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part.as_bytes());
        // Names contain no NUL, so different lists of parts are never equal.
        context.update(&[0]);
    }
    hex::encode(context.finish())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::drift::model::finding::Location;
    use crate::report::test_support::{self, calm, cut_short, differs, incident};
    use crate::report::{Format, Report};

    fn rendered(report: &Report) -> Value {
        serde_json::from_str(&test_support::rendered(report, Format::Sarif)).expect("SARIF is JSON")
    }

    fn fingerprint(report: &Report) -> Value {
        rendered(report)["runs"][0]["results"][0]["partialFingerprints"]["doctor/v1"].clone()
    }

    #[test]
    fn finding_is_a_result_of_its_rule_at_its_line() {
        let log = rendered(&incident());
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "D103");
        let rule = &log["runs"][0]["tool"]["driver"]["rules"][2];
        assert_eq!(result["ruleIndex"], 2);
        assert_eq!((&rule["id"], &rule["name"]), (&json!("D103"), &json!("value-differs")));
        assert_eq!(result["level"], "error");
        let message = "STAGING_OPS_API_KEY differs between .env and Railway.\n\
                       help: run `doctor fix --only STAGING_OPS_API_KEY`.";
        assert_eq!(result["message"]["text"], message);
        assert_eq!(
            result["locations"],
            json!([{
                "physicalLocation": { "artifactLocation": { "uri": ".env" }, "region": { "startLine": 5 } },
                "logicalLocations": [
                    { "name": "agentverse-api-staging", "kind": "resource" },
                    { "name": "agentverse-worker-staging", "kind": "resource" },
                ],
            }])
        );
        // SENTRY_DSN is only on Railway: it has no line in the file.
        let only = &log["runs"][0]["results"][1]["locations"][0];
        assert_eq!(only["physicalLocation"]["region"]["startLine"], 1);
        assert_eq!(log["runs"][0]["invocations"][0], json!({ "executionSuccessful": true, "exitCode": 1 }));
    }

    #[test]
    fn fingerprint_depends_only_on_the_finding() {
        let report = incident();
        let same = fingerprint(&report);
        assert_eq!(same.as_str().map(str::len), Some(64));
        let mut moved = incident();
        moved.findings[0].places[0].line = 40;
        moved.findings[0].message = "another message".to_owned();
        moved.findings[0].services.reverse();
        moved.exit_code = 0;
        assert_eq!(fingerprint(&moved), same);
        let other = Report { findings: vec![differs("ANOTHER", &["agentverse-api-staging"])], ..calm() };
        assert_ne!(fingerprint(&other), same);
        let mut elsewhere = incident();
        elsewhere.environment.id = "e-2".to_owned();
        assert_ne!(fingerprint(&elsewhere), same);
    }

    #[test]
    fn unfinished_steps_are_notifications_and_not_results() {
        let run = rendered(&cut_short())["runs"][0].clone();
        assert_eq!(run["results"], json!([]));
        let expected = json!({ "executionSuccessful": false, "exitCode": 130, "toolExecutionNotifications": [
            { "level": "error", "message": { "text": "failed push api|1 B: Railway refused the change: \\u{1b}[2J" } },
            { "level": "note", "message": { "text": "not-tried redeploy api|1 interrupted" } },
        ] });
        assert_eq!(run["invocations"][0], expected);
    }

    #[test]
    fn paths_are_uris_and_unreadable_services_are_notifications() {
        let mut report = incident();
        report.findings.truncate(1);
        let at = |file: &str| Location { file: file.to_owned(), line: 0 };
        report.findings[0].places = vec![at("a b/é#?%.env"), at("/srv/.env")];
        report.services[1].error = Some("timed out".to_owned());
        let run = rendered(&report)["runs"][0].clone();
        let uri =
            |index: usize| run["results"][0]["locations"][index]["physicalLocation"]["artifactLocation"]["uri"].clone();
        assert_eq!(uri(0), "a%20b/%C3%A9%23%3F%25.env");
        assert_eq!(uri(1), "file:///srv/.env");
        let line = &run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"];
        assert_eq!(line, 1, "lines start at 1");
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
        let message = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert_eq!(message, "agentverse-worker-staging could not be read: timed out");
    }
}
