//! The XML of `JUnit`, as CI systems read it: a suite for each service, a case for each thing that was looked at.
//! Source: the schema that Jenkins and GitLab read, <https://github.com/testmoapp/junitxml>.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::drift::model::finding::Finding;
use crate::drift::model::receipt::{self, Receipt, Shortfall};
use crate::drift::model::resource::ResourceRef;
use crate::drift::phrases::count;
use crate::report::{Report, ServiceLine, ServiceVerdict, escape, receipt_line};

/// One thing that was looked at.
struct TestCase {
    name: String,
    /// The rule, or what was done.
    class: String,
    outcome: TestOutcome,
}

enum TestOutcome {
    Passed,
    Failed {
        kind: &'static str,
        message: String,
    },
    Broken(String),
    Skipped(String),
    /// It was found, and `--fail-on` lets it pass.
    Told(String),
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
    let name = format!("doctor {} · {}", report.project.name, report.environment.name);
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
    let (tag, kind, message) = match &case.outcome {
        TestOutcome::Passed => return element.write_empty().map(drop),
        TestOutcome::Failed { kind, message } => ("failure", Some(*kind), message),
        TestOutcome::Broken(message) => ("error", None, message),
        TestOutcome::Skipped(message) => ("skipped", None, message),
        TestOutcome::Told(message) => {
            let message = escape::line(message);
            let told = |writer: &mut Writer<W>| {
                writer.create_element("system-out").write_text_content(BytesText::new(&message)).map(drop)
            };
            return element.write_inner_content(told).map(drop);
        }
    };
    let message = escape::line(message);
    element
        .write_inner_content(|writer| {
            let inner = writer.create_element(tag).with_attribute(("message", &*message));
            let inner = kind.into_iter().fold(inner, |inner, kind| inner.with_attribute(("type", kind)));
            match kind {
                // Some readers show the text alone, and others the message.
                Some(_) => inner.write_text_content(BytesText::new(&message)).map(drop),
                None => inner.write_empty().map(drop),
            }
        })
        .map(drop)
}

/// How many cases there are of each sort.
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
                TestOutcome::Passed | TestOutcome::Told(_) => {}
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
    let is_in_scope = |service: &ResourceRef| report.services.iter().any(|line| line.service.id == service.id);
    let rest = report.findings.iter().filter(|finding| !finding.services.iter().any(is_in_scope));
    let cases: Vec<TestCase> = rest.map(|finding| case(report, finding)).collect();
    if !cases.is_empty() {
        let files: Vec<&str> = report.files.iter().map(|(name, _)| name.as_str()).collect();
        suites.push(Suite { name: files.join(", "), cases });
    }
    suites
}

fn step(receipt: &Receipt) -> TestCase {
    let message = receipt_line(receipt);
    let outcome = match receipt.outcome {
        receipt::Outcome::Done => TestOutcome::Passed,
        receipt::Outcome::NotTried => TestOutcome::Skipped(message),
        receipt::Outcome::Failed | receipt::Outcome::Conflict => TestOutcome::Failed { kind: "error", message },
        receipt::Outcome::Unknown => TestOutcome::Broken(message),
    };
    let name = [receipt.key.as_deref(), Some(receipt.place.as_str())].into_iter().flatten().collect::<Vec<_>>();
    TestCase { name: name.join(" · "), class: receipt.change.to_owned(), outcome }
}

fn cases(report: &Report, line: &ServiceLine) -> Vec<TestCase> {
    let compared = match (&line.error, line.compared) {
        (Some(why), _) => TestOutcome::Broken(why.clone()),
        (None, 0) if report.verdict(line) == ServiceVerdict::Pass => TestOutcome::Passed,
        (None, 0) => TestOutcome::Skipped("no value was compared".to_owned()),
        (None, _) => TestOutcome::Passed,
    };
    let name = format!("{} compared", count(line.compared, "value"));
    let first = TestCase { name, class: "values".to_owned(), outcome: compared };
    let changes = report.shortfall(line).map(|shortfall| TestCase {
        name: "changes of this run".to_owned(),
        class: report.command.to_owned(),
        outcome: match shortfall {
            Shortfall::Unverified => TestOutcome::Broken(report.shortfall_text(line)),
            Shortfall::Disproved | Shortfall::Incomplete => {
                TestOutcome::Failed { kind: "error", message: report.shortfall_text(line) }
            }
        },
    });
    let own = |finding: &&Finding| finding.services.iter().any(|service| service.id == line.service.id);
    let found = report.findings.iter().filter(own).map(|finding| case(report, finding));
    [first].into_iter().chain(changes).chain(found).collect()
}

fn case(report: &Report, finding: &Finding) -> TestCase {
    let place = finding.places.first().map(|place| format!(" ({}:{})", place.file, place.line)).unwrap_or_default();
    let message = format!("{}{place}", finding.sentence());
    let outcome = if report.fails(finding.severity) {
        TestOutcome::Failed { kind: finding.severity.name(), message }
    } else {
        TestOutcome::Told(format!("{}: {message}", finding.severity.name()))
    };
    let name = finding.key.clone().unwrap_or_else(|| finding.message.clone());
    TestCase { name, class: finding.rule.name.to_owned(), outcome }
}

#[cfg(test)]
mod tests {
    use crate::report::test_support::{MARKER, calm, cut_short, differs, incident, key, line, text_options};
    use crate::report::{Detail, Format, Report, write};

    fn rendered(report: &Report) -> String {
        let (mut out, key) = (Vec::new(), key());
        write(report, Format::Junit, &text_options(&key, 80, Detail::Normal), &mut out)
            .expect("writing to a Vec can't fail");
        let told = String::from_utf8(out).expect("it is UTF-8");
        assert!(!told.contains(MARKER));
        told
    }

    #[test]
    fn services_are_suites_and_findings_are_cases() {
        let mut report = incident();
        report.services.push(line("empty", 0, 0));
        report.services[1].error = Some("no answer".to_owned());
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="doctor agentverse · staging" tests="8" failures="2" errors="1" skipped="1">
  <testsuite name="agentverse-api-staging" tests="5" failures="1" errors="0" skipped="0">
    <testcase name="6 values compared" classname="values"/>
    <testcase name="STAGING_OPS_API_KEY" classname="value-differs">
      <failure message="STAGING_OPS_API_KEY differs between .env and Railway (.env:5)" type="error">STAGING_OPS_API_KEY differs between .env and Railway (.env:5)</failure>
    </testcase>
    <testcase name="SENTRY_DSN" classname="missing-locally">
      <system-out>note: SENTRY_DSN is on agentverse-api-staging and not in .env</system-out>
    </testcase>
"#;
        let told = rendered(&report);
        assert!(told.starts_with(expected), "{told}");
        assert!(told.contains("<error message=\"no answer\"/>"), "{told}");
        assert!(told.contains("<skipped message=\"no value was compared\"/>"), "{told}");
        assert!(told.ends_with("</testsuites>\n"), "{told}");
    }

    #[test]
    fn steps_are_cases_and_unchecked_services_are_omitted() {
        let expected = r#"<testsuites name="doctor agentverse · staging" tests="3" failures="1" errors="0" skipped="1">
  <testsuite name="steps" tests="3" failures="1" errors="0" skipped="1">
    <testcase name="A · api|1" classname="push"/>
    <testcase name="B · api|1" classname="push">
      <failure message="failed push api|1 B: Railway said no: \u{1b}[2J" type="error">failed push api|1 B: Railway said no: \u{1b}[2J</failure>
    </testcase>
    <testcase name="api|1" classname="redeploy">
      <skipped message="not-tried redeploy api|1 interrupted"/>
    </testcase>
  </testsuite>
</testsuites>
"#;
        let told = rendered(&cut_short());
        assert!(told.ends_with(expected), "{told}");
    }

    #[test]
    fn finding_without_service_belongs_to_the_files_suite() {
        let told = rendered(&Report { findings: vec![differs("KEY", &[])], ..calm() });
        assert!(told.contains("<testsuite name=\".env\" tests=\"1\" failures=\"1\""), "{told}");
    }

    #[test]
    fn names_cannot_break_xml() {
        let hostile = "<K\"'&]]>\u{0}\u{1b}\u{fffe}\n</testcase>";
        let mut report = Report { findings: vec![differs(hostile, &["agentverse-api-staging"])], ..calm() };
        report.services[0].service.name = hostile.to_owned();
        let told = rendered(&report);
        assert!(
            !told.contains("<K") && !told.contains('\u{0}') && !told.contains('\u{1b}') && !told.contains('\u{fffe}')
        );
        let mut reader = quick_xml::Reader::from_str(&told);
        while !matches!(reader.read_event().expect("it is well formed"), quick_xml::events::Event::Eof) {}
    }
}
