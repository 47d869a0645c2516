//! Traces in every format but text.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::report::test_support::{MARKER, key, rendered, text, text_options};
use crate::report::trace::sample::{everywhere, incomplete, large, left, nowhere, rotated, trace_of, traced};
use crate::report::{Detail, FORMATS, Format, Report, write};

fn parsed(report: &Report, format: Format) -> Value {
    serde_json::from_str(&rendered(report, format)).expect("the report is JSON")
}

#[test]
fn no_format_compares_or_shows_a_value() {
    let key = key();
    for report in [traced(), nowhere(), incomplete(), everywhere(), left(), rotated()] {
        for (name, format) in FORMATS {
            for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
                let mut out = Vec::new();
                write(&report, *format, &text_options(&key, 80, detail), &mut out)
                    .expect("writing to a Vec can't fail");
                let page = String::from_utf8(out).expect("a report is UTF-8");
                assert!(!page.contains(MARKER), "{name}: {page}");
                assert!(*format == Format::Text || !page.contains("7019da"), "only text has fingerprints: {page}");
                for word in ["values compared", "PASS  ", "FAIL  ", "nothing compared", "All checks passed"] {
                    assert!(!page.contains(word), "{name}: {word}: {page}");
                }
            }
        }
    }
    assert!(!format!("{:?}", traced()).contains(MARKER));
}

#[test]
fn json_has_every_place() {
    let trace = parsed(&traced(), Format::Json)["trace"].clone();
    let (project, environment) = (json!({"id": "p-1", "name": "relay"}), json!({"id": "e-1", "name": "staging"}));
    let place = |service: Option<&str>, key: &str, form: Option<&str>, usage: &str, running: Option<&str>| {
        let kind = if service.is_some() { "service" } else { "shared" };
        let references = if usage == "reference" { json!(["shared.PAYMENTS_SHARED_KEY"]) } else { json!([]) };
        json!({ "project": project, "environment": environment, "kind": kind, "service": service,
            "service_id": service.map(|name| format!("id-{name}")), "file": null, "line": null, "key": key,
            "form": form, "usage": usage, "references": references, "running": running })
    };
    let file = json!({ "project": null, "environment": null, "kind": "file", "service": null, "service_id": null,
        "file": ".env", "line": 3, "key": "PAYMENTS_API_KEY", "form": "literal", "usage": "stored",
        "references": [], "running": null });
    let expected = [
        file,
        place(None, "PAYMENTS_SHARED_KEY", Some("literal"), "stored", None),
        place(Some("api"), "CALLBACK_URL", Some("url"), "stored", Some("same")),
        place(Some("api"), "PAYMENTS_API_KEY", Some("literal"), "stored", Some("same")),
        place(Some("billing"), "AMQP_URL", Some("url-encoded"), "stored", Some("same")),
        place(Some("billing"), "PROVIDERS_JSON", Some("base64-in-json"), "stored", Some("unknown")),
        place(Some("reports"), "PAY_KEY", None, "reference", Some("same")),
        place(Some("worker"), "PAYMENTS_API_KEY", Some("literal"), "stored", Some("older")),
        place(Some("old"), "PAYMENTS_API_KEY", Some("literal"), "running", Some("same")),
        place(Some("vaulted"), "PAYMENTS_API_KEY", None, "sealed", None),
    ];
    let places = trace["places"].as_array().expect("places are a list");
    for (at, expected) in expected.iter().enumerate() {
        assert_eq!(&places[at], expected, "{at}");
    }
    assert_eq!(places.len(), expected.len());
    let sealed = json!({ "project": project, "environment": environment, "service": null, "service_id": null,
        "key": "ROOT_KEY" });
    assert_eq!(trace["sealed"][2], sealed);
    assert_eq!(trace["next"], json!(["doctor", "rotate", "PAYMENTS_API_KEY", "--environment=staging", "--all-copies"]));
    let head = ["key", "origin", "role", "complete", "unsearched"].map(|field| trace[field].clone());
    assert_eq!(head, [json!("PAYMENTS_API_KEY"), json!(".env:3"), json!("found"), json!(true), json!([])]);
}

#[test]
fn json_has_what_was_not_searched() {
    let trace = parsed(&incomplete(), Format::Json)["trace"].clone();
    assert_eq!(trace["complete"], false);
    let api = json!({ "project": {"id": "p-1", "name": "relay"}, "environment": {"id": "e-1", "name": "staging"},
        "service": "api", "reason": "timed out" });
    let all = json!({ "project": null, "environment": null, "service": null,
        "reason": "what runs on worker: Railway could not answer the query" });
    assert_eq!((&trace["unsearched"][0], &trace["unsearched"][2]), (&api, &all));
}

#[test]
fn json_has_command_summary_and_remarks() {
    let report = parsed(&left(), Format::Json);
    assert_eq!((&report["command"], &report["trace"]["role"]), (&json!("rotate"), &json!("left")));
    let remarks = ["Other copies of the old value were not changed", "to undo this run: `doctor undo 1`"];
    assert_eq!(report["remarks"], json!(remarks));
    assert_eq!(report["summary"]["exit_code"], 6);
    let remarked = Report { remarks: vec!["--from=ap matches api".to_owned()], ..traced() };
    let report = parsed(&remarked, Format::Json);
    assert_eq!((&report["command"], &report["remarks"]), (&json!("trace"), &json!(["--from=ap matches api"])));
    assert_eq!(report["services"][1]["verdict"], "pass");
    let plain = Report { trace: None, ..traced() };
    assert_eq!(parsed(&plain, Format::Json).get("trace"), None);
}

#[test]
fn code_scanning_has_a_note_for_each_place() {
    let run = parsed(&traced(), Format::Sarif)["runs"][0].clone();
    let results = run["results"].as_array().expect("results are a list");
    assert_eq!(results.len(), 10);
    assert!(results.iter().all(|result| result["level"] == "note" && result["ruleId"] == "trace/copy"));
    let index = usize::try_from(results[0]["ruleIndex"].as_u64().expect("it is a number")).expect("it is small");
    assert_eq!(run["tool"]["driver"]["rules"][index]["id"], "trace/copy");
    let message = "CALLBACK_URL on api has the value of PAYMENTS_API_KEY: in a URL (query).";
    assert_eq!(results[2]["message"]["text"], message);
    let file = json!({ "artifactLocation": { "uri": ".env" }, "region": { "startLine": 3 } });
    assert_eq!(results[0]["locations"], json!([{ "physicalLocation": file }]));
    assert_eq!(results[2]["locations"][0]["logicalLocations"], json!([{ "name": "api", "kind": "resource" }]));
    let prints: HashSet<String> = results.iter().map(|result| result["partialFingerprints"].to_string()).collect();
    assert_eq!(prints.len(), 10, "each place is distinguished");
    assert_eq!(run["invocations"][0], json!({ "executionSuccessful": true, "exitCode": 0 }));
}

#[test]
fn code_scanning_has_an_error_for_each_old_value() {
    let run = parsed(&left(), Format::Sarif)["runs"][0].clone();
    let results = run["results"].as_array().expect("results are a list");
    assert!(results.iter().all(|result| result["level"] == "error" && result["ruleId"] == "trace/left"));
    let message = "PAYMENTS_API_KEY on vaulted may have the old value of PAYMENTS_API_KEY: unknown (sealed).";
    assert_eq!(results[5]["message"]["text"], message);
    let run = parsed(&everywhere(), Format::Sarif)["runs"][0].clone();
    assert_eq!(run["automationDetails"]["id"], "doctor/p-1/e-1/");
    let message = "PAYMENTS_API_KEY on api in relay · production has the value of PAYMENTS_API_KEY: whole value.";
    assert_eq!(run["results"][10]["message"]["text"], message);
    let unread = &run["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!(unread["message"]["text"], "storefront · closed could not be read: the token has no access");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let check = Report { command: "check", trace: None, ..traced() };
    assert!(!rendered(&check, Format::Sarif).contains("trace/"), "a check has only its rules");
}

#[test]
fn annotations_are_errors_only() {
    for (report, expected) in [
        (traced(), "doctor: PAYMENTS_API_KEY is used in 9 places in relay · staging\n"),
        (nowhere(), "doctor: PAYMENTS_API_KEY is used nowhere else in relay · staging\n"),
        (
            incomplete(),
            "::error title=unreadable::api: timed out\n::error title=unreadable::web: timed out\n\
             doctor: incomplete search, PAYMENTS_API_KEY is used in 9 places in relay · staging\n",
        ),
        (
            everywhere(),
            "::error title=unreadable::storefront · closed: the token has no access\n\
             doctor: incomplete search, PAYMENTS_API_KEY is used in 10 places in 5 environments of 2 projects\n",
        ),
        (
            left(),
            "::error title=rotate::PAYMENTS_API_KEY: the old value is left in 5 places, and may be left in 1 more\
             %0Ahelp: run:%0A  doctor rotate PAYMENTS_API_KEY --environment=staging --all-copies\n\
             doctor: the old value is left in 5 places, and may be left in 1 more, 2 done in relay · staging\n",
        ),
        (rotated(), "doctor: 2 done in relay · staging\n"),
    ] {
        assert_eq!(rendered(&report, Format::Github), expected);
    }
}

#[test]
fn places_are_tests_that_pass_or_fail() {
    let page = rendered(&traced(), Format::Junit);
    let expected = "\
<testsuites name=\"doctor relay · staging\" tests=\"10\" failures=\"0\" errors=\"0\" skipped=\"1\">
  <testsuite name=\".env\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\">
    <testcase name=\"PAYMENTS_API_KEY\" classname=\"literal\"/>
  </testsuite>
  <testsuite name=\"shared variables\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\">
    <testcase name=\"PAYMENTS_SHARED_KEY\" classname=\"literal\"/>
  </testsuite>
  <testsuite name=\"api\" tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"0\">
    <testcase name=\"CALLBACK_URL\" classname=\"url\"/>
    <testcase name=\"PAYMENTS_API_KEY\" classname=\"literal\"/>
  </testsuite>
";
    assert!(page.contains(expected), "{page}");
    assert!(page.contains("classname=\"sealed\">\n      <skipped message=\"unknown (sealed)\"/>"), "{page}");
    let page = rendered(&left(), Format::Junit);
    assert!(page.contains(" tests=\"8\" failures=\"6\" errors=\"0\" skipped=\"0\">"), "{page}");
    let failure = "<failure message=\"CALLBACK_URL on api has the old value of PAYMENTS_API_KEY: in a URL (query)\"";
    assert!(page.contains(failure), "{page}");
    let page = rendered(&incomplete(), Format::Junit);
    let expected = "\
  <testsuite name=\"not searched\" tests=\"3\" failures=\"0\" errors=\"2\" skipped=\"1\">
    <testcase name=\"api\" classname=\"trace\">
      <error message=\"timed out\"/>
";
    assert!(page.contains(expected), "{page}");
    assert!(rendered(&everywhere(), Format::Junit).contains("<testsuite name=\"relay · production · api\" "));
}

#[test]
fn comment_has_a_table_of_places() {
    let expected = "\
### doctor: incomplete search · PAYMENTS\\_API\\_KEY is used in 9 places

`relay` · `staging` · `.env`

| place | key | form | running |
|---|---|---|---|
| `.env:3` | `PAYMENTS_API_KEY` | whole value |  |
| `shared` | `PAYMENTS_SHARED_KEY` | whole value |  |
| `api` | `CALLBACK_URL` | in a URL \\(query\\) | yes |
| `api` | `PAYMENTS_API_KEY` | whole value | yes |
| `billing` | `AMQP_URL` | in a URL \\(password, percent-encoded\\) | yes |
| `billing` | `PROVIDERS_JSON` | in JSON, base64 | unknown |
| `reports` | `PAY_KEY` | reference to shared.PAYMENTS\\_SHARED\\_KEY | yes |
| `worker` | `PAYMENTS_API_KEY` | whole value | older value |
| `old` | `PAYMENTS_API_KEY` | no longer stored | until redeployed |
| `vaulted` | `PAYMENTS_API_KEY` | unknown \\(sealed\\) |  |

Not searched: api:<!-- --> timed out

Not searched: web:<!-- --> timed out

Not searched: what runs on worker:<!-- --> Railway could not answer the query

3 other variables are sealed, and can't be searched: `vaulted` `JWT_SIGNING_KEY`, `vaulted` `SMTP_PASSWORD`, \
<code>shared variables</code> `ROOT_KEY`

8 copies in 1 file, 1 shared variable and 4 services · 1 reference · 1 unknown

To change it in all places: `doctor rotate PAYMENTS_API_KEY --environment=staging --all-copies`
";
    assert_eq!(rendered(&incomplete(), Format::Markdown), expected);
    let page = rendered(&everywhere(), Format::Markdown);
    assert!(
        page.contains("\n\n`relay` · `staging` · 5 environments of 2 projects · `.env`\n\n| environment | place |"),
        "{page}"
    );
    assert!(page.contains("\n| `relay` · `production` | `api` | `PAYMENTS_API_KEY` | whole value | yes |\n"), "{page}");
    let page = rendered(&nowhere(), Format::Markdown);
    assert!(page.starts_with("### doctor: PAYMENTS\\_API\\_KEY is used nowhere else\n"), "{page}");
    assert!(!page.contains("| place |"), "{page}");
    let page = rendered(&left(), Format::Markdown);
    let heading = "### doctor: the old value is left in 5 places, and may be left in 1 more · 2 done\n";
    assert!(page.starts_with(heading), "{page}");
}

#[test]
fn page_has_a_table_of_places() {
    let page = rendered(&incomplete(), Format::Html);
    for expected in [
        "<strong>incomplete search · PAYMENTS_API_KEY is used in 9 places · 8 copies in 1 file, 1 shared variable and 4 \
         services · 1 reference · 1 unknown · exit code 5</strong>",
        "<h2>Places</h2>\n<div class=\"scroll\" role=\"region\" aria-labelledby=\"places\" tabindex=\"0\">\n<table>\n\
         <caption id=\"places\">PAYMENTS_API_KEY is used in 9 places</caption>",
        "<tr><th scope=\"row\">api</th><td>CALLBACK_<wbr>URL</td><td>in a URL (query)</td><td>yes</td></tr>\n",
        "<td class=\"warning\">unknown (sealed)</td><td></td></tr>\n",
        "<p><span class=\"error\">not searched</span>: api: timed out</p>\n",
        "<summary>3 other variables are sealed, and can&#39;t be searched</summary>\n",
        "<li>shared variables: ROOT_KEY</li>\n",
        "<p>To change it in all places: <code>doctor rotate PAYMENTS_API_KEY --environment=staging --all-copies</code></p>\n",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(!page.contains("<h2>Services</h2>"), "{page}");
    let page = rendered(&everywhere(), Format::Html);
    assert!(page.contains("<title>relay · staging – doctor</title>"), "{page}");
    assert!(page.contains("<th scope=\"row\">api</th><td>relay · production</td>"), "{page}");
    assert!(
        page.contains("<p class=\"faint\">.env (default) · 5 environments of 2 projects · project from railway link,"),
        "{page}"
    );
    assert!(rendered(&rotated(), Format::Html).contains("<p>the old value is left nowhere</p>"));
}

#[test]
fn comment_is_limited_in_size() {
    for report in [large(2000), Report { command: "rotate", ..large(2000) }] {
        let page = rendered(&report, Format::Markdown);
        let shown = page.lines().filter(|line| line.starts_with("| `service-")).count();
        assert!(page.len() < 65_536 && shown > 100, "{shown}: {}", page.len());
        // The line of the file, and the sealed variable.
        assert!(page.contains(&format!("\n\n{} more places not shown here.\n", 2002 - shown - 1)), "{page}");
        assert!(page.ends_with("`doctor rotate PAYMENTS_API_KEY --environment=staging --all-copies`\n"), "{page}");
    }
    let mut report = traced();
    trace_of(&mut report).unsearched = (0..200).map(|at| format!("part {at}")).collect();
    let page = rendered(&report, Format::Markdown);
    assert!(page.contains("\n\n190 more parts not shown here.\n"), "{page}");
}

#[test]
fn large_trace_lists_every_place() {
    let page = text(&large(2000), 120, Detail::Normal);
    assert_eq!(page.lines().filter(|line| line.starts_with("  service-")).count(), 2000);
    assert!(page.contains("\n2,001 copies in 1 file and 100 services · 1 unknown · 4 requests\n"), "{page}");
    for (_, format) in FORMATS {
        assert!(!rendered(&large(2000), *format).is_empty());
    }
}
