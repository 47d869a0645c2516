//! Complete matrices in every format.

use serde_json::{Value, json};

use crate::drift::test_support::{survey, unreadable};
use crate::report::Detail;
use crate::report::matrix::sample::{rendered, sample};
use crate::report::text::text_width::columns;

#[test]
fn cells_have_labels_at_100_columns() {
    let expected = "\
shop · staging (railway link) · .env (default) · 3 services (by shared keys)

             agentverse-api-staging  web           worker
API_KEY      ≠ differs               = equal       / unreadable
OLD          ! stale                 = equal       / unreadable
TOP          - local only            - local only  / unreadable
DEBUG        ~ expected              = equal       / unreadable
SIGNING_KEY  # sealed                = equal       / unreadable

  ≠ differs     the file and Railway have different values
  ! stale       the running deployment has an old value
  - local only  in the file but not on the service
  ~ expected    differs between the file and Railway, as expected
  # sealed      Railway does not return the value
  / unreadable  the service could not be read
  = equal       the file and Railway have the same value

3 keys agree wherever they could be read; 1 key is ignored by doctor.toml (-v lists them)

FAIL worker: workspace shop requires two-factor authentication

2 errors, 1 warning, 2 notes · 12 values compared, 1 sealed · 1 service could not be read
  1 ignored by doctor.toml · 2 requests
For details, run:
    doctor check
";
    assert_eq!(rendered(&sample(), "text", 100, Detail::Normal), expected);
}

#[test]
fn lines_fit_60_columns() {
    let expected = "\
shop · staging (railway link) · .env (default)
  3 services (by shared keys)

             agentve…taging  web           worker
API_KEY      ≠ differs       = equal       / unreadable
OLD          ! stale         = equal       / unreadable
TOP          - local only    - local only  / unreadable
DEBUG        ~ expected      = equal       / unreadable
SIGNING_KEY  # sealed        = equal       / unreadable

  ≠ differs     the file and Railway have different values
  ! stale       the running deployment has an old value
  - local only  in the file but not on the service
  ~ expected    differs between the file and Railway, as
                expected
  # sealed      Railway does not return the value
  / unreadable  the service could not be read
  = equal       the file and Railway have the same value

3 keys agree wherever they could be read; 1 key is ignored
  by doctor.toml (-v lists them)

FAIL worker: workspace shop requires two-factor
  authentication

2 errors, 1 warning, 2 notes
  12 values compared, 1 sealed
  1 service could not be read · 1 ignored by doctor.toml
  2 requests
For details, run:
    doctor check
";
    assert_eq!(rendered(&sample(), "text", 60, Detail::Normal), expected);
}

#[test]
fn services_that_do_not_fit_are_split_into_blocks() {
    let names = [
        "accounts-frontend-eu",
        "billing-gateway-main",
        "catalogue-importer-x",
        "delivery-planner-api",
        "exports-scheduler-v2",
    ];
    let all: Vec<(&str, &[&str])> = names
        .iter()
        .enumerate()
        .map(|(index, name)| (*name, if index == 1 { &["A=2", "B=1"][..] } else { &["A=1", "B=1"][..] }))
        .collect();
    let expected = "\
services 1 to 3 of 5
   accoun…nd-eu  billin…-main  catalo…ter-x
A  =             ≠             =

services 4 to 5 of 5
delivery-planner-api, exports-scheduler-v2: nothing
  differs

  ≠ differs  the file and Railway have different
             values
  = equal    the file and Railway have the same
             value

1 key agrees on every service (-v lists it)

1 error · 10 values compared · 2 requests
For details, run:
    doctor check
";
    let text = rendered(&survey(&["A=1", "B=1"], &all), "text", 52, Detail::Normal);
    assert_eq!(text.split_once("\n\n").map(|(_, table)| table), Some(expected), "{text}");
}

#[test]
fn shared_name_parts_are_truncated_first() {
    let names: Vec<String> = (1..=9).map(|number| format!("agentverse-service-{number}-staging")).collect();
    let all: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), &["A=2"][..])).collect();
    let text = rendered(&survey(&["A=1"], &all), "text", 60, Detail::Normal);
    let heads = "\n   …1…  …2…  …3…  …4…  …5…  …6…  …7…  …8…  …9…\nA  ≠    ≠ ";
    assert!(text.contains(heads), "{text}");
    let text = rendered(&survey(&["A=1"], &all), "text", 200, Detail::Normal);
    assert!(text.contains("\n   agentverse…1-staging  agentverse…2-staging  "), "{text}");
}

#[test]
fn verbose_shows_folded_keys_and_quiet_only_failures() {
    let verbose = rendered(&sample(), "text", 100, Detail::Verbose);
    assert!(verbose.contains("\nNAME") && verbose.contains("\nLOCAL_X") && !verbose.contains("-v shows"), "{verbose}");
    let quiet = rendered(&sample(), "text", 100, Detail::Quiet);
    assert!(quiet.contains("\nAPI_KEY") && !quiet.contains("DEBUG") && !quiet.contains("NAME"), "{quiet}");
    assert!(quiet.contains("FAIL worker: "), "{quiet}");
}

#[test]
fn lines_never_exceed_the_width() {
    let long = "K".repeat(90);
    let row = format!("{long}=1");
    let names = [format!("a{}z", "x".repeat(80)), "日本語のサービス".to_owned(), "c".to_owned()];
    let services: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), &["B=1"][..])).collect();
    let found = survey(&[&row, "B=2", "C=3"], &services);
    for width in (40..=200).step_by(7) {
        for detail in [Detail::Normal, Detail::Verbose, Detail::Quiet] {
            let text = rendered(&found, "text", width, detail);
            let wide = text.lines().find(|line| columns(line) > width && !line.starts_with("    doctor "));
            assert_eq!(wide, None, "{width}: {text}");
            assert!(text.contains("B ") && text.contains('≠'), "{width}: {text}");
        }
    }
}

#[test]
fn markdown_has_a_table_of_differences_and_the_rest_below() {
    let expected = "\
### <code>shop</code> · <code>staging</code>

<code>&#46;env</code> · 2 errors, 1 warning, 2 notes · 12 values compared · exit code 1

| key | <code>agentverse-api-staging</code> | <code>web</code> | <code>worker</code> |
|:---|:---|:---|:---|
| <code>API_KEY</code> | ≠ differs | = equal | / unreadable |
| <code>OLD</code> | ! stale | = equal | / unreadable |
| <code>TOP</code> | - local only | - local only | / unreadable |
| <code>DEBUG</code> | ~ expected | = equal | / unreadable |
| <code>SIGNING_KEY</code> | # sealed | = equal | / unreadable |

<details><summary>Legend</summary>

| mark | meaning |
|:---|:---|
| ≠ differs | the file and Railway have different values |
| ! stale | the running deployment has an old value |
| - local only | in the file but not on the service |
| ~ expected | differs between the file and Railway, as expected |
| # sealed | Railway does not return the value |
| / unreadable | the service could not be read |
| = equal | the file and Railway have the same value |

</details>

<details><summary>3 keys agree wherever they could be read; 1 key is ignored by doctor.toml</summary>

<code>DATABASE_URL</code>, <code>NAME</code>, <code>NEW_KEY</code>, <code>LOCAL_X</code>

</details>

<code>worker</code> could not be read: <code>workspace shop requires two-factor authentication</code>
";
    assert_eq!(rendered(&sample(), "markdown", 80, Detail::Normal), expected);
}

#[test]
fn json_has_every_row_with_stable_states() {
    let report: Value =
        serde_json::from_str(&rendered(&sample(), "json", 80, Detail::Normal)).expect("the matrix is JSON");
    assert_eq!((&report["schema_version"], &report["command"]), (&json!(1), &json!("matrix")));
    assert_eq!(report["summary"]["exit_code"], 1);
    let names: Vec<&Value> = report["services"].as_array().unwrap().iter().map(|service| &service["name"]).collect();
    assert_eq!(names, ["agentverse-api-staging", "web", "worker"]);
    let row = |key: &str| report["rows"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    let cell = |service: &str, key: &str, state: &str, severity: Option<&str>| json!({ "service": service, "key": key, "state": state, "severity": severity });
    let api = "agentverse-api-staging";
    assert_eq!(
        row("API_KEY"),
        json!({
            "key": "API_KEY", "severity": "error", "folded": false, "also": [],
            "cells": [
                cell(api, "API_KEY", "differs", Some("error")),
                cell("web", "API_KEY", "equal", None),
                cell("worker", "API_KEY", "unreadable", None),
            ],
        })
    );
    assert_eq!(row("OLD")["cells"][0], cell(api, "OLD", "stale", Some("error")));
    assert_eq!(row("LOCAL_X")["folded"], true);
    assert_eq!(row("LOCAL_X")["cells"][0]["state"], "ignored");
    assert_eq!(report["states"].as_object().unwrap().len(), 22);
    assert_eq!(report["rows"].as_array().unwrap().len(), 9);
}

#[test]
fn empty_matrix_has_no_table() {
    for format in ["text", "markdown", "html"] {
        let agreeing = rendered(&survey(&["A=1"], &[("api", &["A=1"])]), format, 80, Detail::Normal);
        assert!(agreeing.contains("1 key agrees"), "{format}: {agreeing}");
        let empty = rendered(&survey(&["A=1"], &[]), format, 80, Detail::Normal);
        assert!(!empty.contains("agrees"), "{format}: {empty}");
        let mut unread = survey(&["A=1"], &[("api", &[])]);
        unreadable(&mut unread, "api");
        let unread = rendered(&unread, format, 80, Detail::Normal);
        assert!(unread.contains("1 key could not be compared with any service"), "{format}: {unread}");
    }
}
