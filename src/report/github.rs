//! Workflow commands of GitHub Actions: annotations on the lines of a file, at most ten, for errors and warnings. The step
//! summary has all findings.
//! Source: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use std::io::{self, Write};

use crate::drift::model::finding::Finding;
use crate::drift::model::receipt::{Outcome, Receipt};
use crate::drift::model::severity::Severity;
use crate::report::count::Tally;
use crate::report::{Report, TraceReport, escape, finding_help, receipt_line, shell_command};

/// GitHub shows ten annotations of each kind for a step, and silently drops the rest.
pub const MOST: usize = 10;

/// Writes the worst findings as annotations, and a line with totals.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let unread = report.unread().into_iter().map(|part| format!("{}: {}", part.name, part.reason));
    let mut lines: Vec<String> = unread.map(|text| format!("::error title=unreadable::{}", data(&text))).collect();
    lines.extend(report.receipts.iter().filter_map(unfinished));
    lines.extend(report.trace.as_ref().filter(|trace| trace.is_left()).map(left));
    lines.extend(report.findings.iter().filter_map(|finding| annotation(report, finding)));
    let more = lines.len().saturating_sub(MOST);
    for line in lines.iter().take(MOST) {
        writeln!(out, "{line}")?;
    }
    let rest = if more > 0 { format!("; {more} more not annotated") } else { String::new() };
    let (totals, target) = (totals(report), report.extent_name());
    writeln!(out, "doctor: {} in {}{rest}", escape::line(&totals), escape::line(&target))
}

fn totals(report: &Report) -> String {
    let mut parts = report.conclusion();
    if report.traces() {
        parts.extend(report.trace.as_ref().map(TraceReport::summary));
    } else if !report.receipts.is_empty() || !report.compares() {
        parts.push(report.steps());
    }
    if report.compares() {
        let counts = Tally::of(&report.findings).summary();
        parts.extend(report.all_passed().then(|| "all checks passed".to_owned()));
        parts.extend(report.only_known().then(|| "no new findings".to_owned()));
        parts.push(counts);
        parts.push(report.extent());
        parts.extend(report.baseline.iter().flat_map(|_| report.removed()));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// Returns the annotation of a step that failed. A step that was not tried follows one, or is part of a dry run.
fn unfinished(receipt: &Receipt) -> Option<String> {
    match receipt.outcome {
        Outcome::Done | Outcome::NotTried => None,
        Outcome::Failed | Outcome::Conflict | Outcome::Unknown => {
            Some(format!("::error title={}::{}", receipt.change, data(&receipt_line(receipt))))
        }
    }
}

/// Returns the annotation of an old value that is left, with the command that changes it there.
fn left(trace: &TraceReport) -> String {
    let command = trace.rotate_command.as_ref().map(|arguments| shell_command::line(arguments));
    let help = command.into_iter().flat_map(|command| ["help: run:".to_owned(), format!("  {command}")]);
    let lines = std::iter::once(format!("{}: {}", trace.key, trace.result())).chain(help);
    format!("::error title=rotate::{}", lines.map(|line| data(&line)).collect::<Vec<_>>().join("%0A"))
}

/// Returns the annotation of an error or a warning.
fn annotation(report: &Report, finding: &Finding) -> Option<String> {
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => return None,
    };
    let place = finding.places.first();
    let place = place.map(|place| format!("file={},line={},", property(&place.file), place.line.max(1)));
    let services: Vec<&str> = finding.services.iter().map(|service| service.name.as_str()).collect();
    let on = if services.is_empty() { String::new() } else { format!(" ({})", services.join(", ")) };
    let message = format!("{}{on}", finding.message);
    let lines = std::iter::once(message).chain(finding_help::lines(report, finding));
    let text = lines.map(|line| data(&line)).collect::<Vec<_>>().join("%0A");
    Some(format!("::{kind} {}title={}::{text}", place.unwrap_or_default(), finding.rule.name))
}

/// Escapes the text of a workflow command. A line break would start another command.
fn data(text: &str) -> String {
    escape::line(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use crate::drift::model::finding::Location;
    use crate::drift::model::severity::Severity;
    use crate::report::test_support::{self, calm, cut_short, differs, incident};
    use crate::report::{Format, Report};

    fn rendered(report: &Report) -> String {
        test_support::rendered(report, Format::Github)
    }

    #[test]
    fn finding_is_an_annotation_at_its_line() {
        let output = rendered(&incident());
        let expected = "::error file=.env,line=5,title=value-differs::STAGING_OPS_API_KEY differs between .env and \
                        Railway (agentverse-api-staging, agentverse-worker-staging)%0Ahelp: run:%0A  \
                        doctor fix --only STAGING_OPS_API_KEY\n\
                        doctor: 1 error, 3 notes, 11 values compared in agentverse · staging\n";
        assert_eq!(output, expected, "notes have no annotation");
    }

    #[test]
    fn failed_step_is_an_annotation() {
        let expected = "::error title=push::failed push api|1 B: Railway refused the change: \\u{1b}[2J\n\
                        doctor: interrupted, 1 done, 1 not-tried, 1 failed in agentverse · staging\n";
        assert_eq!(rendered(&cut_short()), expected);
    }

    #[test]
    fn shows_ten_worst_annotations_and_counts_the_rest() {
        let findings = (0..14).map(|number| differs(&format!("KEY_{number}"), &["api"])).collect();
        let mut report = Report { findings, ..calm() };
        report.services[0].error = Some("timed out".to_owned());
        let output = rendered(&report);
        assert_eq!(output.lines().filter(|line| line.starts_with("::")).count(), 10, "{output}");
        assert!(output.starts_with("::error title=unreadable::agentverse-api-staging: timed out\n"), "{output}");
        assert!(output.ends_with("; 5 more not annotated\n"), "{output}");
    }

    #[test]
    fn names_cannot_inject_commands() {
        let mut finding = differs("A%0A::stop-commands::x\n::set-env name=B::c\r", &["api\n::error::"]);
        finding.severity = Severity::Warning;
        finding.places = vec![Location { file: "a,b:c%.env\n".to_owned(), line: 3 }];
        let report = Report { findings: vec![finding], ..calm() };
        let output = rendered(&report);
        assert_eq!(output.lines().filter(|line| line.starts_with("::")).count(), 1, "{output}");
        assert!(output.contains("file=a%2Cb%3Ac%25.env"), "{output}");
        assert!(output.contains("A%250A"), "a percent sign is escaped: {output}");
    }
}
