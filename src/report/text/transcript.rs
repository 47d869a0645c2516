//! Complete text reports.

use crate::drift::model::finding::Location;
use crate::report::test_support::{
    DIFFERS, MISSING, NATURE, calm, cut_short, differs, finding, incident, key, line, observation, rendered_as,
    service, text, text_options,
};
use crate::report::{Detail, Report, ReportPart, TextOptions, Values};

const API: &str = "agentverse-api-staging";
const WORKER: &str = "agentverse-worker-staging";

/// Returns a first run: many values differ, many keys are missing, one service is unreadable, and one shares no key.
fn first_run() -> Report {
    let mut report = incident();
    report.left_out.clear();
    report.findings = (1..=6).map(|number| differs(&format!("KEY_{number}"), &[API])).collect();
    report.findings[1].reason = Some("the stored value ends with a line break".to_owned());
    report.findings[2].services.push(service(WORKER));
    for number in 1..=12 {
        let mut missing = finding(&MISSING, &format!("MISSING_{number}"), &[API], "it is on no service");
        missing.places = vec![Location { file: ".env".to_owned(), line: number }];
        report.findings.push(missing);
    }
    for (name, key) in [(API, "PORT"), (API, "NODE_ENV"), (WORKER, "PORT")] {
        report.findings.push(finding(&NATURE, key, &[name], "they differ, and are expected to"));
    }
    report.services.push(line("web", 0, 0));
    report.services[1].compared = 0;
    report.services[1].error =
        Some("Railway could not answer the query for variables: “Problem processing request”".to_owned());
    report.exit_code = 5;
    report
}

#[test]
fn incident_report_fits_80_columns() {
    let expected = "\
agentverse · staging (railway link) · .env (default)
  2 of 5 services (by shared keys)

error: STAGING_OPS_API_KEY differs between .env and Railway [value-differs]
    .env:5                     local   ● 7019da
    agentverse-api-staging     stored  ● edd9ce
    agentverse-worker-staging  stored  ● edd9ce
  help: run:
    doctor fix --only STAGING_OPS_API_KEY

● is a value's fingerprint; equal values have equal fingerprints in this run

FAIL  agentverse-api-staging     6 compared, 1 sealed  1 error
      FAIL  values  STAGING_OPS_API_KEY differs
FAIL  agentverse-worker-staging  5 compared            1 error
      FAIL  values  STAGING_OPS_API_KEY differs

1 error (3 notes, -v lists them) · 11 values compared, 1 sealed · 2 requests
";
    assert_eq!(text(&incident(), 80, Detail::Normal), expected);
}

#[test]
fn incident_report_fits_60_columns() {
    let expected = "\
agentverse · staging (railway link) · .env (default)
  2 of 5 services (by shared keys)

error: STAGING_OPS_API_KEY differs between .env and Railway
    [value-differs]
    .env:5                     local   ● 7019da
    agentverse-api-staging     stored  ● edd9ce
    agentverse-worker-staging  stored  ● edd9ce
  help: run:
    doctor fix --only STAGING_OPS_API_KEY

● is a value's fingerprint; equal values have equal
  fingerprints in this run

FAIL  agentverse-api-staging
      6 compared, 1 sealed · 1 error
      FAIL  values  STAGING_OPS_API_KEY differs
FAIL  agentverse-worker-staging
      5 compared · 1 error
      FAIL  values  STAGING_OPS_API_KEY differs

1 error (3 notes, -v lists them)
  11 values compared, 1 sealed · 2 requests
";
    assert_eq!(text(&incident(), 60, Detail::Normal), expected);
}

#[test]
fn verbose_report_shows_all_details_in_short_lines() {
    let expected = "\
agentverse · staging (railway link) · .env (default) · 2 of 5 services (by shared keys)
left out: Postgres, Redis (databases); web (shares no key with .env); --service=NAME compares one

error: STAGING_OPS_API_KEY differs between .env and Railway [value-differs]
    .env:5                     local   ● 7019da
    agentverse-api-staging     stored  ● edd9ce
    agentverse-worker-staging  stored  ● edd9ce
  help: run:
    doctor fix --only STAGING_OPS_API_KEY

note: JWT_SIGNING_KEY can't be compared: it is sealed [sealed]
    .env:7                  local   ● 7019da
    agentverse-api-staging  sealed

notes
  missing-locally  agentverse-api-staging: 2 keys are only on Railway: SENTRY_DSN, WEB_CONCURRENCY

● is a value's fingerprint; equal values have equal fingerprints in this run

FAIL  agentverse-api-staging     6 compared, 1 sealed  1 error, 3 notes
      FAIL  values  STAGING_OPS_API_KEY differs
FAIL  agentverse-worker-staging  5 compared            1 error
      FAIL  values  STAGING_OPS_API_KEY differs

1 error, 3 notes · 11 values compared, 1 sealed · 2 requests
";
    assert_eq!(text(&incident(), 140, Detail::Verbose), expected);
}

#[test]
fn quiet_report_shows_failures_and_totals() {
    let expected = "\
error: agentverse-api-staging, agentverse-worker-staging: STAGING_OPS_API_KEY differs between .env and Railway · .env:5 [value-differs]
1 error, 3 notes · 11 values compared, 1 sealed · 2 requests
";
    assert_eq!(text(&incident(), 80, Detail::Quiet), expected);
    assert_eq!(text(&calm(), 80, Detail::Quiet), "");
    let unfailing = Report { fail_on: None, exit_code: 0, ..incident() };
    assert_eq!(text(&unfailing, 80, Detail::Quiet), "");
}

#[test]
fn first_run_is_short_and_shows_the_most_serious() {
    let output = text(&first_run(), 80, Detail::Normal);
    let expected = "\
agentverse · staging (railway link) · .env (default)
  3 services (by shared keys)

6 errors: local and stored values differ [value-differs]
    KEY_1  .env:5 · agentverse-api-staging
    KEY_2  .env:5 · agentverse-api-staging · the stored value ends with a line
           break
    KEY_3  .env:5 · agentverse-api-staging, agentverse-worker-staging
    KEY_4  .env:5 · agentverse-api-staging
    KEY_5  .env:5 · agentverse-api-staging
    KEY_6  .env:5 · agentverse-api-staging
    (-v shows the details)
  help: to fix all of them, run:
    doctor fix

12 warnings: the key is in the file and on no service that should have it
    [missing-on-railway]
  on: agentverse-api-staging
    MISSING_1   .env:1
    MISSING_2   .env:2
    MISSING_3   .env:3
    MISSING_4   .env:4
    MISSING_5   .env:5
    MISSING_6   .env:6
    MISSING_7   .env:7
    MISSING_8   .env:8
    MISSING_9   .env:9
    MISSING_10  .env:10
    … and 2 more (-v shows them, and the details)

Expected differences? Record them with:
    doctor init

FAIL  agentverse-api-staging     6 compared, 1 sealed  6 errors, 12 warnings
      FAIL  values  KEY_1, KEY_2, KEY_3, KEY_4, KEY_5 and 1 more differ
FAIL  agentverse-worker-staging  could not be read     1 error
      Railway could not answer the query for variables: “Problem processing
      request”
      FAIL  values  KEY_3 differs
SKIP  web                        nothing compared: no key in common with .env

6 errors, 12 warnings (3 notes, -v lists them) · 6 values compared, 1 sealed
  1 service could not be read · 2 requests
";
    assert_eq!(output, expected);
}

#[test]
fn offers_init_only_for_many_differences_without_config() {
    let offered = |report: &Report| text(report, 80, Detail::Normal).contains("\n    doctor init\n");
    assert!(offered(&first_run()));
    assert!(!offered(&Report { configured: true, ..first_run() }));
    let mut five = first_run();
    five.findings.remove(0);
    assert!(!offered(&five));
}

#[test]
fn unreadable_service_is_never_hidden() {
    let quiet = text(&first_run(), 80, Detail::Quiet);
    assert!(
        quiet.contains("\nFAIL agentverse-worker-staging: Railway could not answer the query for variables"),
        "{quiet}"
    );
    let mut unread = calm();
    unread.services[0] = line(API, 0, 0);
    unread.services[0].error = Some("timed out".to_owned());
    unread.exit_code = 5;
    let expected = "\
FAIL  agentverse-api-staging     could not be read
      timed out
PASS  agentverse-worker-staging  5 compared

5 values compared · 1 service could not be read · 2 requests
";
    assert!(text(&unread, 80, Detail::Normal).ends_with(expected), "{}", text(&unread, 80, Detail::Normal));
}

#[test]
fn clean_report_is_short() {
    let expected = "\
agentverse · staging (railway link) · .env (default)
  2 services (by shared keys)

PASS  agentverse-api-staging     6 compared
PASS  agentverse-worker-staging  5 compared

All checks passed · 11 values compared · 2 requests
";
    assert_eq!(text(&calm(), 80, Detail::Normal), expected);
    let notes = ["A", "B"].map(|key| finding(&NATURE, key, &[API], key)).into();
    let expected = expected.replace("\nAll", "\n2 notes (-v lists them)\nAll");
    assert_eq!(text(&Report { findings: notes, ..calm() }, 80, Detail::Normal), expected);
}

#[test]
fn interrupted_fix_lists_its_steps_without_old_findings() {
    let report = Report { part: ReportPart::Outcome, ..cut_short() };
    let expected = "\
done       push      api|1  A
failed     push      api|1  B: Railway refused the change: \\u{1b}[2J
not-tried  redeploy  api|1  interrupted

interrupted; `doctor check` shows the current state

interrupted · 2 requests
";
    assert_eq!(text(&report, 80, Detail::Normal).trim_start(), expected);
    let quiet = text(&report, 80, Detail::Quiet);
    let expected = "failed push api|1: B: Railway refused the change: \\u{1b}[2J\nnot-tried redeploy api|1: interrupted\n\
                    interrupted\n";
    assert_eq!(quiet, expected);
}

#[test]
fn commands_use_the_program_and_flags_of_this_run() {
    let demo = Report {
        program: vec!["doctor".to_owned(), "demo".to_owned()],
        flags: vec!["--environment=my staging".to_owned()],
        ..incident()
    };
    let output = text(&demo, 60, Detail::Normal);
    assert!(
        output.contains("\n    doctor demo fix --only STAGING_OPS_API_KEY --environment='my staging'\n"),
        "{output}"
    );
}

#[test]
fn values_are_shown_exactly_and_only_on_request() {
    let mut report = Report { findings: vec![finding(&DIFFERS, "KEY", &[API], "KEY differs")], ..calm() };
    report.findings[0].observations = vec![
        observation(".env:5", "local", Some("a\\n ")),
        observation(API, "stored", Some("a\n\u{1b}[0m")),
        observation(WORKER, "stored", Some("")),
    ];
    let key = key();
    let shown = TextOptions { values: Values::Shown, ..text_options(&key, 80, Detail::Normal) };
    let output = rendered_as(&report, &shown);
    let expected = r"
    .env:5                     local   a\\n\u{20}
    agentverse-api-staging     stored  a\n\u{1b}[0m
    agentverse-worker-staging  stored  (empty)
";
    assert!(output.contains(expected), "{output}");
    assert!(!output.contains('●'));
}
