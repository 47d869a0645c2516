//! `JUnit` XML for CI systems: a suite for each service, a case for each check.
//! Source: the schema that Jenkins and GitLab read, <https://github.com/testmoapp/junitxml>.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::drift::model::finding::Finding;
use crate::drift::model::receipt::{self, Receipt, Shortfall};
use crate::drift::model::resource::ResourceRef;
use crate::drift::phrases::count;
use crate::report::text::wording::group_by;
use crate::report::trace::rows::RowUsage;
use crate::report::{Report, ServiceLine, ServiceVerdict, TraceReport, TraceRole, escape, finding_help, receipt_line};

struct TestCase {
    name: String,
    /// The rule, or the kind of change.
    class: String,
    outcome: TestOutcome,
}

enum TestOutcome {
    Passed,
    Failed {
        kind: &'static str,
        message: String,
        /// Lines below the message.
        details: Vec<String>,
    },
    Broken(String),
    Skipped(String),
    /// A finding below `--fail-on`, in lines.
    Reported(Vec<String>),
}

impl TestOutcome {
    fn failed(message: String) -> Self {
        Self::Failed { kind: "error", message, details: Vec::new() }
    }
}

struct Suite {
    name: String,
    cases: Vec<TestCase>,
}

/// Writes the report as `JUnit` XML, with a line break at its end.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let suites = suites(report);
    let mut writer = Writer::new_with_indent(&mut *out, b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let total = Numbers::of(suites.iter().flat_map(|suite| &suite.cases));
    let name = format!("doctor {}", report.extent_name());
    writer
        .create_element("testsuites")
        .with_attributes(total.attributes(&name).iter().map(|(name, value)| (*name, value.as_str())))
        .write_inner_content(|writer| suites.iter().try_for_each(|suite| write_suite(writer, suite)))?;
    writeln!(out)
}

fn write_suite<W: Write>(writer: &mut Writer<W>, suite: &Suite) -> io::Result<()> {
    let attributes = Numbers::of(&suite.cases).attributes(&suite.name);
    let element = writer
        .create_element("testsuite")
        .with_attributes(attributes.iter().map(|(name, value)| (*name, value.as_str())));
    element.write_inner_content(|writer| suite.cases.iter().try_for_each(|case| write_case(writer, case)))?;
    Ok(())
}

fn write_case<W: Write>(writer: &mut Writer<W>, case: &TestCase) -> io::Result<()> {
    let (name, class) = (escape::line(&case.name), escape::line(&case.class));
    let element =
        writer.create_element("testcase").with_attribute(("name", &*name)).with_attribute(("classname", &*class));
    let (tag, failure, message) = match &case.outcome {
        TestOutcome::Passed => return element.write_empty().map(drop),
        TestOutcome::Failed { kind, message, details } => ("failure", Some((*kind, details)), message),
        TestOutcome::Broken(message) => ("error", None, message),
        TestOutcome::Skipped(message) => ("skipped", None, message),
        TestOutcome::Reported(lines) => {
            let text = escaped(lines);
            let write_output = |writer: &mut Writer<W>| {
                writer.create_element("system-out").write_text_content(BytesText::new(&text)).map(drop)
            };
            return element.write_inner_content(write_output).map(drop);
        }
    };
    let attribute = escape::line(message);
    element
        .write_inner_content(|writer| {
            let inner = writer.create_element(tag).with_attribute(("message", &*attribute));
            let Some((kind, details)) = failure else { return inner.write_empty().map(drop) };
            // Some CI systems show only the text, others only the message.
            let text = escaped(std::iter::once(message).chain(details));
            inner.with_attribute(("type", kind)).write_text_content(BytesText::new(&text)).map(drop)
        })
        .map(drop)
}

fn escaped(lines: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    lines.into_iter().map(|line| escape::line(line.as_ref()).into_owned()).collect::<Vec<_>>().join("\n")
}

/// The number of cases by outcome.
#[derive(Default)]
struct Numbers {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Numbers {
    fn of<'c>(cases: impl IntoIterator<Item = &'c TestCase>) -> Self {
        cases.into_iter().fold(Self::default(), |mut numbers, case| {
            numbers.tests += 1;
            match case.outcome {
                TestOutcome::Failed { .. } => numbers.failures += 1,
                TestOutcome::Broken(_) => numbers.errors += 1,
                TestOutcome::Skipped(_) => numbers.skipped += 1,
                TestOutcome::Passed | TestOutcome::Reported(_) => {}
            }
            numbers
        })
    }

    fn attributes(&self, name: &str) -> Vec<(&'static str, String)> {
        vec![
            ("name", escape::line(name).into_owned()),
            ("tests", self.tests.to_string()),
            ("failures", self.failures.to_string()),
            ("errors", self.errors.to_string()),
            ("skipped", self.skipped.to_string()),
        ]
    }
}

fn suites(report: &Report) -> Vec<Suite> {
    let of_service = |line: &ServiceLine| Suite { name: line.service.name.clone(), cases: cases(report, line) };
    let mut suites: Vec<Suite> =
        if report.compares() { report.services.iter().map(of_service).collect() } else { Vec::new() };
    if !report.receipts.is_empty() {
        suites.insert(0, Suite { name: "steps".to_owned(), cases: report.receipts.iter().map(step).collect() });
    }
    suites.extend(report.trace.iter().flat_map(trace_suites));
    let is_in_scope = |service: &ResourceRef| report.services.iter().any(|line| line.service.id == service.id);
    let rest = report.findings.iter().filter(|finding| !finding.services.iter().any(is_in_scope));
    let cases: Vec<TestCase> = rest.map(|finding| case(report, finding)).collect();
    if !cases.is_empty() {
        let files = report.files.iter().map(|(name, _)| name).chain(&report.declarations);
        let files: Vec<&str> = files.map(String::as_str).collect();
        let is_pair = report.environment_pair().is_some();
        let name = if is_pair { report.environment_names() } else { files.join(", ") };
        suites.push(Suite { name, cases });
    }
    suites
}

/// Returns a suite for each file or service with a place, and one for what was not searched.
fn trace_suites(trace: &TraceReport) -> Vec<Suite> {
    let rows = trace.rows();
    let by_place = group_by(&rows, |row| row.suite(trace));
    let found = by_place.into_iter().map(|(name, rows)| {
        let cases = rows.into_iter().map(|row| TestCase {
            name: row.key.to_owned(),
            class: row.kind(),
            outcome: match (trace.role, row.usage) {
                (TraceRole::Left, _) => TestOutcome::failed(trace.sentence(row)),
                (TraceRole::Found, RowUsage::Sealed) => TestOutcome::Skipped(row.form_text()),
                (TraceRole::Found, _) => TestOutcome::Passed,
            },
        });
        Suite { name, cases: cases.collect() }
    });
    let case = |name: &str, outcome| TestCase { name: name.to_owned(), class: "trace".to_owned(), outcome };
    let unread = trace.unread().map(|part| case(&part.name, TestOutcome::Broken(part.reason.clone())));
    let unsearched = trace.unsearched.iter().map(|phrase| case(phrase, TestOutcome::Skipped(phrase.clone())));
    let missing = Suite { name: "not searched".to_owned(), cases: unread.chain(unsearched).collect() };
    found.chain([missing].into_iter().filter(|suite| !suite.cases.is_empty())).collect()
}

fn step(receipt: &Receipt) -> TestCase {
    let message = receipt_line(receipt);
    let outcome = match receipt.outcome {
        receipt::Outcome::Done => TestOutcome::Passed,
        receipt::Outcome::NotTried => TestOutcome::Skipped(message),
        receipt::Outcome::Failed | receipt::Outcome::Conflict => TestOutcome::failed(message),
        receipt::Outcome::Unknown => TestOutcome::Broken(message),
    };
    let name = [receipt.key.as_deref(), Some(receipt.place.as_str())].into_iter().flatten().collect::<Vec<_>>();
    TestCase { name: name.join(" · "), class: receipt.change.to_owned(), outcome }
}

fn cases(report: &Report, line: &ServiceLine) -> Vec<TestCase> {
    let compared = match (&line.error, line.checked()) {
        (Some(error), _) => TestOutcome::Broken(error.clone()),
        (None, 0) if report.verdict(line) == ServiceVerdict::Pass => TestOutcome::Passed,
        (None, 0) if line.needs.is_some() => TestOutcome::Skipped(line.unchecked(report)),
        (None, 0) => TestOutcome::Skipped("no value was compared".to_owned()),
        (None, _) => TestOutcome::Passed,
    };
    let name = match line.needs {
        Some(_) => line.extent(),
        None => format!("{} compared", count(line.compared, "value")),
    };
    let first = TestCase { name, class: "values".to_owned(), outcome: compared };
    let changes = report.shortfall(line).map(|shortfall| TestCase {
        name: "changes of this run".to_owned(),
        class: report.command.to_owned(),
        outcome: match shortfall {
            Shortfall::Unverified => TestOutcome::Broken(report.shortfall_text(line)),
            Shortfall::VerificationFailed | Shortfall::Incomplete => TestOutcome::failed(report.shortfall_text(line)),
        },
    });
    let own = |finding: &&Finding| finding.services.iter().any(|service| service.id == line.service.id);
    let found = report.findings.iter().filter(own).map(|finding| case(report, finding));
    let skipped = report.skipped_checks(line).into_iter().map(|check| TestCase {
        name: check.name.to_owned(),
        class: "status".to_owned(),
        outcome: TestOutcome::Skipped(check.note.clone()),
    });
    [first].into_iter().chain(changes).chain(found).chain(skipped).collect()
}

fn case(report: &Report, finding: &Finding) -> TestCase {
    let place = finding.places.first().map(|place| format!(" ({}:{})", place.file, place.line)).unwrap_or_default();
    let message = format!("{}{place}", finding.message);
    let (kind, details) = (finding.severity.name(), finding_help::lines(report, finding));
    let outcome = if report.fails(finding.severity) {
        TestOutcome::Failed { kind, message, details }
    } else {
        TestOutcome::Reported([vec![format!("{kind}: {message}")], details].concat())
    };
    let name = finding.key.clone().unwrap_or_else(|| finding.message.clone());
    TestCase { name, class: finding.rule.name.to_owned(), outcome }
}

#[cfg(test)]
mod tests {
    use crate::report::test_support::{self, calm, cut_short, differs, incident, line};
    use crate::report::{Format, Report};

    fn rendered(report: &Report) -> String {
        test_support::rendered(report, Format::Junit)
    }

    #[test]
    fn services_are_suites_and_findings_are_cases() {
        let mut report = incident();
        report.services.push(line("empty", 0, 0));
        report.services[1].error = Some("timed out".to_owned());
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="doctor agentverse · staging" tests="8" failures="2" errors="1" skipped="1">
  <testsuite name="agentverse-api-staging" tests="5" failures="1" errors="0" skipped="0">
    <testcase name="6 values compared" classname="values"/>
    <testcase name="STAGING_OPS_API_KEY" classname="value-differs">
      <failure message="STAGING_OPS_API_KEY differs between .env and Railway (.env:5)" type="error">STAGING_OPS_API_KEY differs between .env and Railway (.env:5)
help: run:
  doctor fix --only STAGING_OPS_API_KEY</failure>
    </testcase>
    <testcase name="SENTRY_DSN" classname="missing-locally">
      <system-out>note: SENTRY_DSN is on agentverse-api-staging and not in .env</system-out>
    </testcase>
"#;
        let output = rendered(&report);
        assert!(output.starts_with(expected), "{output}");
        assert!(output.contains("<error message=\"timed out\"/>"), "{output}");
        assert!(output.contains("<skipped message=\"no value was compared\"/>"), "{output}");
        assert!(output.ends_with("</testsuites>\n"), "{output}");
    }

    #[test]
    fn steps_are_cases_and_unchecked_services_are_omitted() {
        let expected = r#"<testsuites name="doctor agentverse · staging" tests="3" failures="1" errors="0" skipped="1">
  <testsuite name="steps" tests="3" failures="1" errors="0" skipped="1">
    <testcase name="A · api|1" classname="push"/>
    <testcase name="B · api|1" classname="push">
      <failure message="failed push api|1 B: Railway refused the change: \u{1b}[2J" type="error">failed push api|1 B: Railway refused the change: \u{1b}[2J</failure>
    </testcase>
    <testcase name="api|1" classname="redeploy">
      <skipped message="not-tried redeploy api|1 interrupted"/>
    </testcase>
  </testsuite>
</testsuites>
"#;
        let output = rendered(&cut_short());
        assert!(output.ends_with(expected), "{output}");
    }

    #[test]
    fn finding_without_service_belongs_to_the_files_suite() {
        let output = rendered(&Report { findings: vec![differs("KEY", &[])], ..calm() });
        assert!(output.contains("<testsuite name=\".env\" tests=\"1\" failures=\"1\""), "{output}");
    }

    #[test]
    fn names_cannot_break_xml() {
        let hostile = "<K\"'&]]>\u{0}\u{1b}\u{fffe}\n</testcase>";
        let mut report = Report { findings: vec![differs(hostile, &["agentverse-api-staging"])], ..calm() };
        report.services[0].service.name = hostile.to_owned();
        let output = rendered(&report);
        assert!(
            !output.contains("<K")
                && !output.contains('\u{0}')
                && !output.contains('\u{1b}')
                && !output.contains('\u{fffe}')
        );
        let mut reader = quick_xml::Reader::from_str(&output);
        while !matches!(reader.read_event().expect("the XML is well-formed"), quick_xml::events::Event::Eof) {}
    }
}
