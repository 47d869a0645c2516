//! Names and texts with syntax of every format, in every field of a report.

use crate::drift::engine::ignored::IgnoredFinding;
use crate::drift::engine::service_status::{CheckState, StatusCheck};
use crate::drift::model::finding::Location;
use crate::drift::model::receipt::{Outcome, Receipt, Shortfall};
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::severity::Severity;
use crate::report::compare_sample::named_everywhere;
use crate::report::test_support::{self, calm, differs, ignored, line};
use crate::report::trace::sample::{everywhere, incomplete, left, named};
use crate::report::{Detail, Format, Report, ServiceDeployment, escape};

const HOSTILE: &[&str] = &[
    "a\n::error::injected\r\n##[error]injected",
    "%0A::error::injected",
    "\u{1b}[2J\u{1b}]8;;http://evil.example\u{7}x\u{9b}31m",
    "a|b || c",
    "`tick` ``` fence",
    "</script><script>injected()</script><img src=x onerror=injected()>",
    "</details></code></p>-->]]><!--",
    "\"' onload=injected() x='",
    "\u{202e}desrever\u{2066}\u{200b}\u{feff}",
    "@team #1 www.evil.example http://evil.example [x](http://evil.example) ![i](x)",
    "<!-- --> &lt; &#60; $x$ *b* _i_ ~s~ # h",
    "\u{1}\u{fffe}",
];

/// Returns a report with that text in every field, and every kind of finding, step and remark.
fn report(text: &str) -> Report {
    let name = || text.to_owned();
    let resource = || ResourceRef { id: name(), name: name() };
    let finding = |severity| {
        let mut finding = differs(text, &[text]);
        finding.services = vec![resource()];
        finding.places = vec![Location { file: name(), line: 3 }];
        finding.reason = Some(name());
        finding.advice = Some(name());
        finding.deployment = Some(name());
        finding.severity = severity;
        finding
    };
    let receipt = |outcome| Receipt {
        change: "push",
        key: Some(name()),
        place: name(),
        outcome,
        deployment: Some(name()),
        detail: Some(name()),
        sides: None,
    };
    let mut service = line(text, 1, 1);
    service.service = resource();
    service.alias = Some(name());
    service.deployment = Some(ServiceDeployment { id: name(), status: name(), commit: Some(name()) });
    service.checks = vec![StatusCheck { name: "running", state: CheckState::Open, note: name() }];
    let mut unread = service.clone();
    unread.error = Some(name());
    Report {
        command: "fix",
        flags: vec![format!("--environment={text}")],
        project: resource(),
        project_origin: name(),
        environment: resource(),
        environment_origin: name(),
        services_origin: name(),
        files: vec![(name(), name())],
        services: vec![service, unread],
        findings: vec![finding(Severity::Error), finding(Severity::Warning), finding(Severity::Note)],
        ignored: vec![IgnoredFinding { finding: finding(Severity::Error), reason: Some(name()), ..ignored() }],
        remarks: vec![name()],
        receipts: vec![receipt(Outcome::Failed), receipt(Outcome::NotTried), receipt(Outcome::Done)],
        shortfalls: [(name(), Shortfall::Incomplete)].into(),
        endings: vec![name()],
        to_add: vec![vec![name()]],
        check_command: Some(name()),
        undo_command: Some(name()),
        exit_code: 6,
        ..calm()
    }
}

fn rendered(text: &str, format: Format) -> String {
    without_hidden(text, format, &report(text))
}

/// Returns a comparison of two environments with that text as every name.
fn compared(text: &str, format: Format) -> String {
    without_hidden(text, format, &named_everywhere(text))
}

/// Returns a trace of one environment with that text as every name and reason.
fn traced(text: &str, format: Format) -> String {
    without_hidden(text, format, &named(incomplete(), text))
}

/// Returns a trace of several environments with that text as every name and reason.
fn traced_everywhere(text: &str, format: Format) -> String {
    without_hidden(text, format, &named(everywhere(), text))
}

/// Returns a rotation that left an old value, with that text as every name in its trace.
fn rotated(text: &str, format: Format) -> String {
    without_hidden(text, format, &named(left(), text))
}

fn without_hidden(text: &str, format: Format, report: &Report) -> String {
    let output = test_support::rendered(report, format);
    let hidden = output.chars().find(|&letter| letter != '\n' && escape::is_hidden(letter));
    assert_eq!(hidden, None, "{format:?} of {text:?}: {output}");
    output
}

#[test]
fn json_and_sarif_are_parsed_as_before() {
    for text in HOSTILE {
        let json: serde_json::Value = serde_json::from_str(&rendered(text, Format::Json)).expect("it is JSON");
        for place in ["/target/project/name", "/files/0/file", "/services/0/deployment/status", "/ignored/0/reason"] {
            assert_eq!(json.pointer(place).and_then(|name| name.as_str()), Some(*text), "{place}");
        }
        let sarif: serde_json::Value = serde_json::from_str(&rendered(text, Format::Sarif)).expect("it is JSON");
        assert_eq!(sarif["runs"][0]["results"].as_array().map(Vec::len), Some(3));
        let json: serde_json::Value = serde_json::from_str(&compared(text, Format::Json)).expect("it is JSON");
        for place in ["/target/other_environment/name", "/matrix/rows/0/key", "/matrix/rows/0/cells/0/service"] {
            assert_eq!(json.pointer(place).and_then(|name| name.as_str()), Some(*text), "{place}");
        }
        let sarif: serde_json::Value = serde_json::from_str(&compared(text, Format::Sarif)).expect("it is JSON");
        assert_eq!(sarif["runs"][0]["results"].as_array().map(Vec::len), Some(7));
        for (form, results) in [(traced as fn(&str, Format) -> String, 10), (traced_everywhere, 11), (rotated, 6)] {
            let json: serde_json::Value = serde_json::from_str(&form(text, Format::Json)).expect("it is JSON");
            for place in ["/trace/key", "/trace/origin", "/trace/environments/0/project/name", "/trace/next/2"] {
                assert_eq!(json.pointer(place).and_then(|name| name.as_str()), Some(*text), "{place}");
            }
            let sarif: serde_json::Value = serde_json::from_str(&form(text, Format::Sarif)).expect("it is JSON");
            assert_eq!(sarif["runs"][0]["results"].as_array().map(Vec::len), Some(results));
        }
    }
}

#[test]
fn annotations_are_one_line_each() {
    for text in HOSTILE {
        let output = rendered(text, Format::Github);
        let lines: Vec<&str> = output.lines().collect();
        // Two unread services or failed steps, an error and a warning, and the totals.
        assert_eq!(lines.len(), 5, "{output}");
        let (annotations, last) = (&lines[..4], lines[4]);
        assert!(
            annotations.iter().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")),
            "{output}"
        );
        assert!(last.starts_with("doctor: "), "{output}");
        assert!(annotations.iter().all(|line| !line.contains("%0A::")), "{output}");
        let output = compared(text, Format::Github);
        // Two errors, four warnings and the totals.
        let annotations = output.lines().filter(|line| line.starts_with("::error ") || line.starts_with("::warning "));
        assert_eq!((output.lines().count(), annotations.count()), (7, 6), "{output}");
        assert!(output.lines().last().is_some_and(|line| line.starts_with("doctor: ")), "{output}");
        // Two services, an environment, or an old value; and the totals.
        for (form, lines) in [(traced as fn(&str, Format) -> String, 3), (traced_everywhere, 2), (rotated, 2)] {
            let output = form(text, Format::Github);
            let annotations: Vec<&str> =
                output.lines().filter(|line| line.starts_with("::error title=") && !line.contains("%0A::")).collect();
            assert_eq!((output.lines().count(), annotations.len()), (lines, lines - 1), "{output}");
        }
    }
}

#[test]
fn markdown_has_no_syntax_of_a_name() {
    for text in HOSTILE {
        // Each table has a head of two lines: steps, errors and warnings, notes, services.
        let widths = [vec![5; 5], vec![5; 4], vec![5; 3], vec![3; 4]].concat();
        assert_eq!(table_widths(&rendered(text, Format::Markdown)), widths, "{text:?}");
        // Errors and warnings, notes, matrix, legend, services.
        let widths = [vec![5; 8], vec![5; 3], vec![5; 11], vec![2; 19], vec![3; 6]].concat();
        let output = compared(text, Format::Markdown);
        assert_eq!(table_widths(&output), widths, "{text:?}: {output}");
        assert_eq!(output.matches("<details>").count(), 4, "{output}");
        // Places; of several environments; steps and places.
        for (form, widths) in [
            (traced as fn(&str, Format) -> String, vec![4; 12]),
            (traced_everywhere, vec![5; 13]),
            (rotated, [vec![5; 4], vec![4; 8]].concat()),
        ] {
            let output = form(text, Format::Markdown);
            assert_eq!(table_widths(&output), widths, "{text:?}: {output}");
        }
    }
}

/// Returns the number of columns of each row of a page without syntax of a name.
fn table_widths(output: &str) -> Vec<usize> {
    assert!(output.starts_with("### doctor: "), "{output}");
    let shown: Vec<String> = output.lines().map(without_code).collect();
    for line in &shown {
        for syntax in ["<", "@team", "#1", "www.evil", "http://", "](", "![", "$x$", "*b*", "~s~", "-->"] {
            assert!(!line.contains(syntax), "{syntax} in {line:?}: {output}");
        }
    }
    let rows = shown.iter().filter(|line| line.starts_with('|'));
    rows.map(|row| row.replace("\\|", "").matches('|').count() - 1).collect()
}

/// Returns a line of Markdown without code, and without the tags and comments that the format itself writes.
fn without_code(line: &str) -> String {
    let mut rest = line.to_owned();
    for (start, end) in [("<code>", "</code>"), ("```` ", " ````"), ("``", "``"), ("`", "`")] {
        while let Some(at) = rest.find(start) {
            let inner = at + start.len();
            let Some(length) = rest[inner..].find(end) else { break };
            rest.replace_range(at..inner + length + end.len(), "");
        }
    }
    // A comment separates what it is in, as in `@<!-- -->team`.
    for own in ["<!-- -->", "<br>", "<details><summary>", "</summary>", "</details>"] {
        rest = rest.replace(own, "·");
    }
    // An escaped character is text.
    let mut text = String::new();
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.extend(letters.next().filter(|next| *next == '|').map(|_| "\\|")),
            _ => text.push(letter),
        }
    }
    text
}

#[test]
fn html_has_only_its_own_elements() {
    for form in [rendered, compared, traced, traced_everywhere, rotated] {
        // A line break is allowed after an underscore and a hyphen of a name.
        let plain = form("a name", Format::Html);
        for text in HOSTILE {
            let output = form(text, Format::Html).replace("<wbr>", "");
            assert_eq!(output.matches('<').count(), plain.matches('<').count(), "{text:?}: {output}");
            assert_eq!(output.matches('"').count(), plain.matches('"').count(), "{text:?}: {output}");
        }
    }
}

#[test]
fn junit_has_only_its_own_elements() {
    for form in [rendered, compared, traced, traced_everywhere, rotated] {
        let plain = form("a name", Format::Junit);
        for text in HOSTILE {
            let output = form(text, Format::Junit);
            assert_eq!(output.matches('<').count(), plain.matches('<').count(), "{text:?}: {output}");
            let mut reader = quick_xml::Reader::from_str(&output);
            while !matches!(reader.read_event().expect("the XML is well-formed"), quick_xml::events::Event::Eof) {}
        }
    }
}

#[test]
fn text_of_a_trace_has_no_line_of_a_name() {
    for text in HOSTILE {
        for report in [incomplete(), everywhere(), left()] {
            let report = named(report, text);
            for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
                let output = test_support::text(&report, 100, detail);
                assert!(output.lines().all(|line| !line.chars().any(escape::is_hidden)), "{text:?}: {output}");
                assert!(!output.contains("\n::") && !output.contains("\n##["), "{text:?}: {output}");
            }
        }
    }
}

#[test]
fn text_of_a_comparison_has_no_line_of_a_name() {
    for text in HOSTILE {
        let output = test_support::text(&named_everywhere(text), 100, Detail::Verbose);
        assert!(output.lines().all(|line| !line.chars().any(escape::is_hidden)), "{text:?}: {output}");
        assert_eq!(output.lines().filter(|line| line.starts_with("left: ")).count(), 1, "{text:?}: {output}");
        assert!(!output.contains("\n::") && !output.contains("\n##["), "{text:?}: {output}");
    }
}
