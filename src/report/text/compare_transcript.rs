//! Complete text reports that compare two environments.

use crate::drift::model::severity::Severity;
use crate::report::compare_sample::{alike, compared};
use crate::report::test_support::{ignored, line, text};
use crate::report::text::text_width::columns;
use crate::report::{Detail, Report};

const DETAILS: [Detail; 3] = [Detail::Quiet, Detail::Normal, Detail::Verbose];

#[test]
fn page_has_findings_matrix_and_verdicts_at_80_columns() {
    let expected = "\
storefront (--project) · staging ↔ production · 4 services

error: SECRET_KEY has the same value in staging and production [secret-shared]
    api in staging        stored  ● 7019da
    worker in staging     stored  ● 7019da
    api in production     stored  ● 7019da
    worker in production  stored  ● 7019da
  help: store a separate secret in staging or production

error: DATABASE_URL in staging leads to Postgres of production [backend-shared]
    worker in staging       stored  ● edd9ce
    Postgres in production  stored  ● edd9ce
  help: create a separate database for staging, and refer to it with
        ${{SERVICE.KEY}}

warning: service cron is in staging but not in production
    [missing-in-environment]
  help: deploy cron in production, or remove it from staging

warning: SENTRY_DSN is in staging but not in production [missing-in-environment]
  on: api

warning: EVENTS_TOPIC is in production but not in staging
    [missing-in-environment]
  on: worker

warning: MAIL_TOKEN is sealed in staging but missing in production
    [sealed-not-copied]
  on: api

● is a value's fingerprint; equal values have equal fingerprints in this run

left: staging, right: production

              api             cron            web             worker
SECRET_KEY    $ same secret   | one side      ·               $ same secret
DATABASE_URL  ⇒ same ref      | one side      ·               & same backend
SENTRY_DSN    < left only     | one side      ≡ same          ·
EVENTS_TOPIC  ·               | one side      ·               > right only
MAIL_TOKEN    s not copied    | one side      ·               ·
REDIS_URL     r ref/literal   | one side      ·               ⇒ same ref
QUEUE         ‰ other ref     | one side      ·               @ indirect
SIGNING_KEY   [ sealed left   | one side      ] sealed right  □ sealed both
LOG_LEVEL     Δ different     | one side      ~ expected      ≡ same

  ~ expected      the two environments differ, as expected
  @ indirect      refers to a value kept elsewhere, so it can't be compared
  $ same secret   the same secret in both environments
  & same backend  leads to a database, cache, message broker or bucket of the
                  other environment
  < left only     only in the left environment
  > right only    only in the right environment
  s not copied    sealed in one environment, missing in the other
  r ref/literal   a reference in one environment, a literal in the other
  ‰ other ref     the two environments have different references
  [ sealed left   sealed in the left environment, so it can't be compared
  ] sealed right  sealed in the right environment, so it can't be compared
  □ sealed both   sealed in both environments, so it can't be compared
  Δ different     the two environments have different values
  ⇒ same ref      the same reference in both environments
  ≡ same          the same value in both environments
  | one side      the service is in one environment only
  ·               not on this service in either environment

2 keys have the same value or reference in both environments;
  1 key differs as expected; 1 key is ignored by doctor.toml (-v lists them)
5 equal, 1 different, 3 different as expected, 5 references, 3 sealed,
  1 unknown, 3 in one environment only, 2 shared secrets, 1 shared backend,
  1 ignored

FAIL  api     9 compared, 1 sealed  1 error, 2 warnings
      FAIL  values  SECRET_KEY (secret-shared)
SKIP  cron    nothing compared      1 warning
PASS  web     4 compared, 1 sealed
FAIL  worker  7 compared, 1 sealed  2 errors, 1 warning
      FAIL  values  SECRET_KEY (secret-shared); DATABASE_URL (backend-shared)

2 errors, 4 warnings (1 note, -v lists it) · 20 values compared, 3 sealed
  1 ignored by doctor.toml · 2 requests
";
    assert_eq!(text(&compared(), 80, Detail::Normal), expected);
}

#[test]
fn page_has_symbols_without_words_at_50_columns() {
    let expected = "\
storefront (--project) · staging ↔ production
  4 services

error: SECRET_KEY has the same value in staging
    and production [secret-shared]
    api in staging        stored  ● 7019da
    worker in staging     stored  ● 7019da
    api in production     stored  ● 7019da
    worker in production  stored  ● 7019da
  help: store a separate secret in staging or
        production

error: DATABASE_URL in staging leads to Postgres
    of production [backend-shared]
    worker in staging       stored  ● edd9ce
    Postgres in production  stored  ● edd9ce
  help: create a separate database for staging,
        and refer to it with ${{SERVICE.KEY}}

warning: service cron is in staging but not in
    production [missing-in-environment]
  help: deploy cron in production, or remove it
        from staging

warning: SENTRY_DSN is in staging but not in
    production [missing-in-environment]
  on: api

warning: EVENTS_TOPIC is in production but not in
    staging [missing-in-environment]
  on: worker

warning: MAIL_TOKEN is sealed in staging but
    missing in production [sealed-not-copied]
  on: api

● is a value's fingerprint; equal values have
  equal fingerprints in this run

left: staging, right: production

              api  cron  web  worker
SECRET_KEY    $    |     ·    $
DATABASE_URL  ⇒    |     ·    &
SENTRY_DSN    <    |     ≡    ·
EVENTS_TOPIC  ·    |     ·    >
MAIL_TOKEN    s    |     ·    ·
REDIS_URL     r    |     ·    ⇒
QUEUE         ‰    |     ·    @
SIGNING_KEY   [    |     ]    □
LOG_LEVEL     Δ    |     ~    ≡

  ~ expected      the two environments differ, as
                  expected
  @ indirect      refers to a value kept
                  elsewhere, so it can't be
                  compared
  $ same secret   the same secret in both
                  environments
  & same backend  leads to a database, cache,
                  message broker or bucket of the
                  other environment
  < left only     only in the left environment
  > right only    only in the right environment
  s not copied    sealed in one environment,
                  missing in the other
  r ref/literal   a reference in one environment,
                  a literal in the other
  ‰ other ref     the two environments have
                  different references
  [ sealed left   sealed in the left environment,
                  so it can't be compared
  ] sealed right  sealed in the right environment,
                  so it can't be compared
  □ sealed both   sealed in both environments, so
                  it can't be compared
  Δ different     the two environments have
                  different values
  ⇒ same ref      the same reference in both
                  environments
  ≡ same          the same value in both
                  environments
  | one side      the service is in one
                  environment only
  ·               not on this service in either
                  environment

2 keys have the same value or reference in both
  environments; 1 key differs as expected; 1 key
  is ignored by doctor.toml (-v lists them)
5 equal, 1 different, 3 different as expected,
  5 references, 3 sealed, 1 unknown,
  3 in one environment only, 2 shared secrets,
  1 shared backend, 1 ignored

FAIL  api
      9 compared, 1 sealed · 1 error, 2 warnings
      FAIL  values  SECRET_KEY (secret-shared)
SKIP  cron
      nothing compared · 1 warning
PASS  web
      4 compared, 1 sealed
FAIL  worker
      7 compared, 1 sealed · 2 errors, 1 warning
      FAIL  values  SECRET_KEY (secret-shared);
                    DATABASE_URL (backend-shared)

2 errors, 4 warnings (1 note, -v lists it)
  20 values compared, 3 sealed
  1 ignored by doctor.toml · 2 requests
";
    assert_eq!(text(&compared(), 50, Detail::Normal), expected);
}

#[test]
fn quiet_page_shows_failures_and_totals() {
    let expected = "\
error: api, worker: SECRET_KEY has the same value in staging and production [secret-shared]
error: worker: DATABASE_URL in staging leads to Postgres of production [backend-shared]
2 errors, 4 warnings, 1 note · 20 values compared, 3 sealed
  1 ignored by doctor.toml · 2 requests
";
    assert_eq!(text(&compared(), 80, Detail::Quiet), expected);
    assert_eq!(text(&alike(), 80, Detail::Quiet), "");
}

#[test]
fn verbose_page_lists_folded_rows_and_notes() {
    let page = text(&compared(), 100, Detail::Verbose);
    for lines in [
        "
note: REDIS_URL is a reference in production and a literal in staging [reference-and-literal]
  on: api
",
        "
LOG_LEVEL     Δ different     | one side      ~ expected      ≡ same
API_URL       ~ expected      | one side      ~ expected      ·
PORT          ≡ same          | one side      ≡ same          ≡ same
SHARD         ⇒ same ref      | one side      ·               ·
DEBUG         o ignored       | one side      ·               ·

",
        "
2 keys have the same value or reference in both environments; 1 key differs as expected;
  1 key is ignored by doctor.toml
5 equal, 1 different, ",
    ] {
        assert!(page.contains(lines), "{lines}: {page}");
    }
    assert!(!page.contains("-v "), "{page}");
}

#[test]
fn page_without_differences_has_no_table() {
    let expected = "\
storefront (--project) · staging ↔ production · 3 services

2 keys have the same value or reference in both environments;
  1 key differs as expected; 1 key is ignored by doctor.toml (-v lists them)
3 equal, 2 different as expected, 1 reference, 1 ignored

PASS  api     9 compared, 1 sealed
PASS  web     4 compared, 1 sealed
PASS  worker  7 compared, 1 sealed

All checks passed · 20 values compared, 3 sealed · 2 requests
";
    assert_eq!(text(&alike(), 80, Detail::Normal), expected);
}

#[test]
fn comparison_without_a_common_key_does_not_pass() {
    let nothing = |services| Report { services, exit_code: 3, ..alike() };
    let unread = || {
        let mut line = line("api", 0, 0);
        line.error = Some("timed out".to_owned());
        line
    };
    let only = vec!["KEY".to_owned()];
    let none = "no key exists in both environments, so the comparison does not pass.\n";
    for (report, expected) in [
        (nothing(vec![line("api", 0, 0)]), format!("Nothing was compared: {none}")),
        (nothing(vec![line("api", 2, 0), line("web", 0, 0)]), format!("Nothing was compared for web: {none}")),
        (
            Report { only, ..nothing(vec![line("api", 0, 0)]) },
            "Nothing was compared: no --only key exists in both environments, so the comparison does not pass.\n"
                .to_owned(),
        ),
        (nothing(vec![line("api", 0, 2)]), "Nothing was compared, so the comparison does not pass.\n".to_owned()),
        (nothing(vec![unread()]), "Nothing was compared, so the comparison does not pass.\n".to_owned()),
        (nothing(Vec::new()), "Nothing was compared, so the comparison does not pass.\n".to_owned()),
        (
            Report { ignored: vec![ignored()], ..nothing(vec![line("api", 0, 0)]) },
            "Nothing was compared, so the comparison does not pass.\n".to_owned(),
        ),
    ] {
        let page = text(&report, 120, Detail::Normal);
        assert!(page.contains(&format!("\n\n{expected}no findings · ")), "{expected}: {page}");
    }
}

#[test]
fn skipped_service_has_its_reason() {
    let keys = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
    for (only, reason) in [
        (keys(&[]), "no key in both environments"),
        (keys(&["NOPE"]), "NOPE is not in both environments"),
        (keys(&["NOPE", "NEITHER"]), "no --only key is in both environments"),
    ] {
        let report = Report { services: vec![line("cron", 0, 0), line("web", 4, 0)], only, ..alike() };
        let page = text(&report, 80, Detail::Normal);
        assert!(page.contains(&format!("\nSKIP  cron  nothing compared: {reason}\n")), "{page}");
    }
}

#[test]
fn header_has_only_the_origins_of_project_and_services() {
    let header = |report: &Report| text(report, 120, Detail::Verbose).lines().next().unwrap_or_default().to_owned();
    assert_eq!(header(&compared()), "storefront (--project) · staging ↔ production · 4 services");
    let named = Report { services_origin: "--service".to_owned(), ..compared() };
    assert_eq!(header(&named), "storefront (--project) · staging ↔ production · 4 services (--service)");
    let same_origin = Report { environment_origin: "--project".to_owned(), ..compared() };
    assert_eq!(header(&same_origin), header(&compared()));
}

#[test]
fn failing_notes_and_unreadable_services_are_shown_as_in_a_check() {
    let mut report = Report { fail_on: Some(Severity::Note), exit_code: 5, ..compared() };
    report.services[2].error = Some("timed out".to_owned());
    let page = text(&report, 80, Detail::Normal);
    assert!(
        page.contains("\nnotes (-v lists them)\n  reference-and-literal  api: REDIS_URL is a reference in production"),
        "{page}"
    );
    assert!(page.contains("FAIL  web     could not be read\n      timed out\n"), "{page}");
}

#[test]
fn lines_fit_every_width() {
    for width in (50..=160).step_by(10) {
        for detail in DETAILS {
            let page = text(&compared(), width, detail);
            let wide = page.lines().find(|line| columns(line) > width && !line.starts_with("error: "));
            assert_eq!(wide, None, "{width}: {page}");
        }
    }
}
