//! Comparisons of two environments in every format.

use serde_json::{Value, json};

use crate::drift::matrix::Matrix;
use crate::drift::model::marker::Mark;
use crate::drift::phrases::count;
use crate::drift::service_scope::Exclusion;
use crate::report::compare_sample::{alike, compared, row};
use crate::report::test_support::{MARKER, differs, line, rendered, text};
use crate::report::{Detail, FORMATS, Format, Report};

const DETAILS: [Detail; 3] = [Detail::Quiet, Detail::Normal, Detail::Verbose];

#[test]
fn no_format_mentions_files_or_shows_a_value() {
    let left_out = vec![("Postgres".to_owned(), Exclusion::Database)];
    let nothing = Report { services: vec![line("api", 0, 0)], left_out: left_out.clone(), exit_code: 3, ..alike() };
    let empty = Report { services: Vec::new(), left_out, exit_code: 3, ..alike() };
    for report in [compared(), alike(), nothing, empty] {
        let pages = DETAILS.map(|detail| text(&report, 100, detail));
        let others = FORMATS.iter().filter(|(_, format)| ![Format::Text, Format::Sarif].contains(format));
        for page in pages.into_iter().chain(others.map(|(_, format)| rendered(&report, *format))) {
            // JSON has the fields of a check, and the style of a page has its own words.
            let page = page.split("<style>").next().unwrap_or_default().to_owned()
                + page.split("</style>").nth(1).unwrap_or_default();
            for word in
                [".env", "env file", "env-file", "the file", "Local,", "left out", "needed", "[[require]]", MARKER]
            {
                assert!(!page.contains(word), "{word}: {page}");
            }
        }
    }
}

#[test]
fn every_format_has_both_environments_and_its_own_form_of_the_findings() {
    for (format, expected) in [
        (Format::Sarif, "\"id\": \"doctor/p-1/e-1/e-2/\""),
        (Format::Sarif, "\"ruleId\": \"D502\""),
        (
            Format::Github,
            "\ndoctor: 2 errors, 4 warnings, 1 note, 20 values compared in storefront · staging ↔ production\n",
        ),
        (
            Format::Github,
            "::error title=secret-shared::SECRET_KEY has the same value in staging and production (api, worker)",
        ),
        (Format::Junit, "<testsuites name=\"doctor storefront · staging ↔ production\" tests=\"12\" failures=\"3\""),
        (Format::Junit, "<testcase name=\"SECRET_KEY\" classname=\"secret-shared\">"),
        (Format::Markdown, "\n\n`storefront` · `staging` ↔ `production`\n\n| | rule | finding | where | help |\n"),
        (
            Format::Markdown,
            "\n\n<details><summary>Matrix</summary>\n\nleft: <code>staging</code>, right: <code>production</code>\n\n| key |",
        ),
        (Format::Markdown, "| <code>SENTRY_DSN</code> | &lt; left only | \\| one side | ≡ same | · |\n"),
        (Format::Markdown, "\n\n5 equal, 1 different, 3 different as expected, 5 references, "),
        (Format::Html, "<title>storefront · staging ↔ production – doctor</title>"),
        (
            Format::Html,
            "<h1>storefront · staging ↔ production</h1>\n<p class=\"faint\">4 services · project from --project</p>\n",
        ),
        (Format::Html, "<caption id=\"caption\">Stored values by key; left: staging, right: production</caption>"),
        (Format::Html, "<td class=\"warning\"><span aria-hidden=\"true\">&lt;</span> left only</td>"),
        (Format::Html, "<p>5 equal, 1 different, 3 different as expected, 5 references, "),
    ] {
        let page = rendered(&compared(), format);
        assert!(page.contains(expected), "{format:?}: {expected}: {page}");
    }
}

#[test]
fn finding_without_service_belongs_to_the_suite_of_the_environments() {
    let page = rendered(&Report { findings: vec![differs("KEY", &[])], ..compared() }, Format::Junit);
    assert!(page.contains("<testsuite name=\"staging ↔ production\" tests=\"1\""), "{page}");
}

#[test]
fn code_scanning_distinguishes_pairs_of_environments() {
    let fingerprint = |report: &Report| -> Value {
        let log: Value = serde_json::from_str(&rendered(report, Format::Sarif)).expect("SARIF is JSON");
        log["runs"][0]["results"][0]["partialFingerprints"]["doctor/v1"].clone()
    };
    let mut other = compared();
    other.other_environment.as_mut().expect("the sample has two environments").id = "e-3".to_owned();
    assert!(fingerprint(&other).is_string());
    assert_ne!(fingerprint(&other), fingerprint(&compared()));
}

#[test]
fn json_has_both_environments_and_the_matrix() {
    let report: Value = serde_json::from_str(&rendered(&compared(), Format::Json)).expect("the report is JSON");
    assert_eq!(
        [
            &report["command"],
            &report["files"],
            &report["target"]["environment"],
            &report["target"]["other_environment"]
        ],
        [
            &json!("compare"),
            &json!([]),
            &json!({"id": "e-1", "name": "staging"}),
            &json!({"id": "e-2", "name": "production"})
        ]
    );
    let cell = |service: &str, state: &str, severity: Option<&str>| json!({ "service": service, "key": "SENTRY_DSN", "state": state, "severity": severity });
    let cells = [
        cell("api", "only-left", Some("warning")),
        cell("cron", "unpaired", None),
        cell("web", "same-value", None),
        cell("worker", "not-set", None),
    ];
    let row = json!({ "key": "SENTRY_DSN", "severity": "warning", "folded": false, "cells": cells, "also": [] });
    assert_eq!(report["matrix"]["rows"][2], row);
    assert_eq!(report["matrix"]["rows"][12]["folded"], true);
    let states = report["matrix"]["states"].as_object().expect("states are an object");
    assert_eq!(states["other-reference"], "the two environments have different references");
    assert_eq!(states["expected-difference"], "the two environments differ, as expected");
    assert!(!states.contains_key("differs"), "only states of two environments are listed: {states:?}");
    let check: Value = serde_json::from_str(&rendered(&Report { other_environment: None, ..compared() }, Format::Json))
        .expect("the report is JSON");
    assert_eq!([check.get("matrix"), check["target"].get("other_environment")], [None, None]);
}

#[test]
fn matrix_of_a_comment_is_limited_in_size() {
    let rows = |number: usize, mark| {
        (0..number).map(|at| row(&format!("A_KEY_WITH_A_LONG_NAME_{at}"), [(mark, None); 4])).collect::<Vec<_>>()
    };
    let matrix = |number| {
        let (rows, agreeing) = (rows(number, Mark::OtherValue), rows(number, Mark::SameValue));
        Some(Matrix { rows, agreeing, ..Matrix::default() })
    };
    let page = rendered(&Report { matrix: matrix(2000), ..compared() }, Format::Markdown);
    let shown = page.lines().filter(|line| line.starts_with("| <code>A_KEY_")).count();
    assert!(page.len() < 64_000 && shown > 100, "{shown}: {}", page.len());
    assert!(
        page.contains(&format!("\n\n{} not shown here.\n\n<details><summary>Legend", count(2000 - shown, "more key"))),
        "{page}"
    );
    assert!(
        page.contains(
            "\n\n2,000 keys have the same value in both environments\n\n8,000 equal, 8,000 different\n\n</details>\n"
        ),
        "{page}"
    );
    let names: Vec<String> = (0..100).map(|at| format!("a-service-with-a-long-name-{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let findings = (0..100).map(|at| differs(&format!("KEY_{at}"), &names)).collect();
    let page = rendered(&Report { findings, matrix: matrix(2000), ..compared() }, Format::Markdown);
    assert!(page.len() < 65_536, "{}", page.len());
    assert_eq!(page.matches("<details>").count(), page.matches("</details>").count());
    let whole = rendered(&Report { matrix: matrix(3), ..compared() }, Format::Markdown);
    assert!(!whole.contains("not shown here"), "{whole}");
}
