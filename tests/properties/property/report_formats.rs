//! Parses reports in the same way as the programs that they are for.

use std::collections::BTreeSet;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use railway_doctor::report::escape;
use serde_json::Value;

/// Checks the names in a JSON report, and returns the number of findings.
pub(super) fn json(out: &str, names: [&str; 5]) -> usize {
    let report: Value = serde_json::from_str(out).expect("a report is JSON");
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["target"]["project"]["name"], names[0]);
    assert_eq!(report["target"]["environment"]["name"], names[1]);
    for service in report["services"].as_array().expect("it lists services") {
        assert_eq!(service["name"], names[2]);
    }
    report["findings"].as_array().expect("it lists findings").len()
}

/// Checks for one run with a result for each finding, each at a line of a file.
pub(super) fn sarif(out: &str, findings: usize) {
    let log: Value = serde_json::from_str(out).expect("SARIF is JSON");
    assert_eq!(log["version"], "2.1.0");
    let runs = log["runs"].as_array().expect("it has runs");
    assert_eq!(runs.len(), 1);
    let results = runs[0]["results"].as_array().expect("a run has results");
    assert_eq!(results.len(), findings, "a result for each finding");
    let rules: BTreeSet<&str> = runs[0]["tool"]["driver"]["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    for result in results {
        assert!(rules.contains(result["ruleId"].as_str().expect("it names its rule")));
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().expect("it has a level")));
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        for location in result["locations"].as_array().into_iter().flatten() {
            let line = &location["physicalLocation"]["region"]["startLine"];
            assert!(line.is_null() || line.as_u64().is_some_and(|line| line >= 1));
        }
    }
}

/// Checks for valid GitHub Actions commands, and a line with the totals.
pub(super) fn github(out: &str) {
    let lines: Vec<&str> = out.split('\n').filter(|line| !line.is_empty()).collect();
    let (totals, commands) = lines.split_last().expect("there is output");
    assert!(totals.starts_with("doctor: ") && commands.len() <= 10, "{out}");
    for line in commands {
        let (head, text) = line.strip_prefix("::").and_then(|rest| rest.split_once("::")).expect("a command");
        let (name, properties) = head.split_once(' ').expect("properties");
        assert!(["error", "warning", "notice"].contains(&name), "{line}");
        for property in properties.split(',') {
            let (name, value) = property.split_once('=').expect("a property has a value");
            let is_known = match name {
                "file" => value == ".env",
                "line" => value.parse::<usize>().is_ok_and(|line| line >= 1),
                "title" => value.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'),
                _ => false,
            };
            assert!(is_known, "{line}");
        }
        // Every `%` must start an escape sequence.
        let escapes =
            text.match_indices('%').all(|(at, _)| ["%25", "%0D", "%0A"].iter().any(|one| text[at..].starts_with(one)));
        assert!(escapes && !text.is_empty(), "{line}");
    }
}

/// Checks for well-formed XML of known elements, with the declared number of cases, and the name of the service.
pub(super) fn junit(out: &str, service: &str) {
    const ELEMENTS: [&str; 7] = ["testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out"];
    let mut reader = Reader::from_str(out);
    let (mut depth, mut suites, mut cases, mut declared) = (0_usize, Vec::new(), 0, None);
    let mut begin = |element: &BytesStart<'_>| {
        let name = element.name().as_ref().to_owned();
        assert!(ELEMENTS.contains(&name.as_str()), "unknown element {name}");
        for attribute in element.attributes() {
            let attribute = attribute.expect("attributes are well-formed");
            let value =
                attribute.normalized_value(XmlVersion::Explicit1_0).expect("attributes are escaped").into_owned();
            match (name.as_str(), attribute.key.as_ref()) {
                ("testsuite", "name") => suites.push(value),
                ("testsuites", "tests") => declared = value.parse::<usize>().ok(),
                _ => {}
            }
        }
        cases += usize::from(name == "testcase");
    };
    loop {
        match reader.read_event().expect("XML is well-formed") {
            Event::Start(element) => {
                begin(&element);
                depth += 1;
            }
            Event::Empty(element) => begin(&element),
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            Event::Decl(_) | Event::Text(_) | Event::GeneralRef(_) => {}
            other => panic!("unexpected event: {other:?}"),
        }
    }
    assert_eq!((depth, declared), (0, Some(cases)), "{out}");
    assert!(suites.iter().any(|name| *name == escape::line(service)), "{suites:?} does not contain {service:?}");
}

/// Checks that each row of a table has as many cells as its header, whatever the names.
pub(super) fn markdown(out: &str) {
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut head = None;
    for line in out.lines() {
        if !line.starts_with('|') {
            head = None;
            continue;
        }
        assert_eq!(cells(line), *head.get_or_insert(cells(line)), "wrong number of cells: {line}");
    }
    let allowed = ["<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>", "<!-- -->"];
    // A line break precedes only a cause or a command.
    let rest = out.replace("<br>cause: ", " ").replace("<br>`", " `");
    let rest = allowed.iter().fold(rest, |rest, element| rest.replace(element, ""));
    for line in rest.lines() {
        // Text between backticks contains no elements; outside of them, no name can start one.
        assert!(!outside_code(line).contains('<'), "unexpected element: {line}");
    }
}

/// A line without its code spans, which are enclosed in equal numbers of backticks.
fn outside_code(line: &str) -> String {
    let (mut left, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        // A backslash may itself be escaped.
        let backslashes = at - rest[..at].trim_end_matches('\\').len();
        let escaped = !backslashes.is_multiple_of(2);
        left.push_str(&rest[..at]);
        // An escaped backtick does not belong to the backticks after it.
        let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let length = if escaped { 1 } else { run };
        let body = &rest[at + length..];
        let close = (!escaped).then(|| closing(body, length)).flatten();
        rest = close.map_or(body, |end| &body[end + length..]);
    }
    left + rest
}

/// The position of the next run of exactly `length` backticks.
fn closing(body: &str, length: usize) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = body[from..].find('`').map(|at| from + at) {
        let run = body[at..].len() - body[at..].trim_start_matches('`').len();
        if run == length {
            return Some(at);
        }
        from = at + run;
    }
    None
}

/// Checks that the page consists of known elements only, and that none of them executes or loads anything.
pub(super) fn html(out: &str) {
    // The content of these two is not markup, and contains no names.
    let mut page = out.to_owned();
    for element in ["script", "style"] {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        if let (Some(start), Some(end)) = (page.find(&open), page.find(&close)) {
            page.replace_range(start..end + close.len(), "");
        }
    }
    let mut reader = Reader::from_str(&page);
    // In HTML, some elements have no end tag.
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    loop {
        match reader.read_event().expect("the page is well-formed") {
            Event::Start(element) | Event::Empty(element) => is_harmless(&element),
            Event::Eof => break,
            Event::DocType(_) | Event::Text(_) | Event::GeneralRef(_) | Event::End(_) => {}
            other => panic!("unexpected event: {other:?}"),
        }
    }
}

fn is_harmless(element: &BytesStart<'_>) {
    const ELEMENTS: [&str; 38] = [
        "a", "article", "body", "button", "caption", "code", "dd", "details", "div", "dl", "dt", "footer", "form",
        "h1", "h2", "h3", "head", "header", "html", "input", "label", "li", "main", "meta", "ol", "option", "output",
        "p", "section", "select", "span", "strong", "summary", "table", "tbody", "td", "th", "thead",
    ];
    const MORE: [&str; 5] = ["br", "title", "tr", "ul", "wbr"];
    let name = element.name();
    let name = name.as_ref();
    assert!(ELEMENTS.contains(&name) || MORE.contains(&name), "unknown element {name:?}");
    for attribute in element.html_attributes() {
        let attribute = attribute.expect("attributes are well-formed");
        let key = attribute.key.as_ref();
        assert!(!key.starts_with("on") && !["src", "srcset", "style", "action", "formaction"].contains(&key), "{key}");
        assert!(key != "href" || attribute.value.starts_with("https://"), "unexpected link");
    }
}
