//! Complete text reports of traces, and of what a rotation left.

use crate::report::test_support::{key, rendered_as, text, text_options};
use crate::report::text::text_width::columns;
use crate::report::trace::sample::{everywhere, incomplete, left, nowhere, rotated, trace_of, traced};
use crate::report::{Detail, Report, TextOptions};

const DETAILS: [Detail; 3] = [Detail::Quiet, Detail::Normal, Detail::Verbose];

#[test]
fn page_has_one_line_for_each_place_at_120_columns() {
    let expected = "\
relay · staging (railway link) · .env (default) · 7 services

PAYMENTS_API_KEY ● 7019da, from .env:3, is used in 9 places:

  PLACE    KEY                  FORM                                     RUNNING
  .env:3   PAYMENTS_API_KEY     whole value
  shared   PAYMENTS_SHARED_KEY  whole value
  api      CALLBACK_URL         in a URL (query)                         yes
  api      PAYMENTS_API_KEY     whole value                              yes
  billing  AMQP_URL             in a URL (password, percent-encoded)     yes
  billing  PROVIDERS_JSON       in JSON, base64                          unknown
  reports  PAY_KEY              reference to shared.PAYMENTS_SHARED_KEY  yes
  worker   PAYMENTS_API_KEY     whole value                              older value
  old      PAYMENTS_API_KEY     no longer stored                         until redeployed
  vaulted  PAYMENTS_API_KEY     unknown (sealed)

3 other variables are sealed, and can't be searched (-v lists them)

● is a value's fingerprint; equal values have equal fingerprints in this run

To change it in all places:
    doctor rotate PAYMENTS_API_KEY --environment=staging --all-copies

8 copies in 1 file, 1 shared variable and 4 services · 1 reference · 1 unknown · 4 requests
";
    assert_eq!(text(&traced(), 120, Detail::Normal), expected);
}

#[test]
fn long_forms_are_wrapped_at_80_columns() {
    let expected = "
  PLACE    KEY                  FORM                            RUNNING
  .env:3   PAYMENTS_API_KEY     whole value
  shared   PAYMENTS_SHARED_KEY  whole value
  api      CALLBACK_URL         in a URL (query)                yes
  api      PAYMENTS_API_KEY     whole value                     yes
  billing  AMQP_URL             in a URL (password,             yes
                                percent-encoded)
  billing  PROVIDERS_JSON       in JSON, base64                 unknown
  reports  PAY_KEY              reference to                    yes
                                shared.PAYMENTS_SHARED_KEY
  worker   PAYMENTS_API_KEY     whole value                     older value
  old      PAYMENTS_API_KEY     no longer stored                until redeployed
  vaulted  PAYMENTS_API_KEY     unknown (sealed)

";
    let page = text(&traced(), 80, Detail::Normal);
    assert!(page.contains(expected), "{page}");
}

#[test]
fn places_have_two_lines_at_40_columns() {
    let expected = "\
relay · staging (railway link)
  .env (default) · 7 services

PAYMENTS_API_KEY ● 7019da, from .env:3,
  is used in 9 places:

  .env:3  PAYMENTS_API_KEY
      whole value
  shared  PAYMENTS_SHARED_KEY
      whole value
  api  CALLBACK_URL
      in a URL (query) · running: yes
  api  PAYMENTS_API_KEY
      whole value · running: yes
  billing  AMQP_URL
      in a URL (password,
      percent-encoded)
      running: yes
  billing  PROVIDERS_JSON
      in JSON, base64 · running: unknown
  reports  PAY_KEY
      reference to
      shared.PAYMENTS_SHARED_KEY
      running: yes
  worker  PAYMENTS_API_KEY
      whole value · running: older value
  old  PAYMENTS_API_KEY
      no longer stored
      running: until redeployed
  vaulted  PAYMENTS_API_KEY
      unknown (sealed)

3 other variables are sealed, and can't
  be searched (-v lists them)
";
    let page = text(&traced(), 40, Detail::Normal);
    assert!(page.starts_with(expected), "{page}");
}

#[test]
fn verbose_page_lists_sealed_variables() {
    let page = text(&traced(), 80, Detail::Verbose);
    let expected = "
3 other variables are sealed, and can't be searched:
  vaulted: JWT_SIGNING_KEY, SMTP_PASSWORD
  shared variables: ROOT_KEY

";
    assert!(page.contains(expected), "{page}");
    assert!(!page.contains("-v "), "{page}");
}

#[test]
fn value_without_another_place_is_reported_in_one_line() {
    let expected = "\
relay · staging (railway link) · .env (default) · 7 services

PAYMENTS_API_KEY ● 7019da, from .env:3, is used nowhere else
  help: `--everywhere` also searches the other environments and projects of the
        token

● is a value's fingerprint; equal values have equal fingerprints in this run

1 copy in 1 file · 4 requests
";
    assert_eq!(text(&nowhere(), 80, Detail::Normal), expected);
    let mut sealed = traced();
    trace_of(&mut sealed).trace.environments[0].places.clear();
    let page = text(&sealed, 80, Detail::Normal);
    let expected = "
PAYMENTS_API_KEY ● 7019da, from .env:3, was found nowhere else, but 1 sealed
  variable may have it:

  PLACE    KEY               FORM
  .env:3   PAYMENTS_API_KEY  whole value
  vaulted  PAYMENTS_API_KEY  unknown (sealed)

";
    assert!(page.contains(expected), "{page}");
}

#[test]
fn parts_that_were_not_searched_are_marked() {
    let expected = "
3 other variables are sealed, and can't be searched (-v lists them)
not searched: api, web: timed out
not searched: what runs on worker: Railway could not answer the query

● is a value's fingerprint; equal values have equal fingerprints in this run

To change it in all places:
    doctor rotate PAYMENTS_API_KEY --environment=staging --all-copies

incomplete search · 8 copies in 1 file, 1 shared variable and 4 services
  1 reference · 1 unknown · 4 requests
";
    let page = text(&incomplete(), 80, Detail::Normal);
    assert!(page.ends_with(expected), "{page}");
    let mut nothing = incomplete();
    let environment = &mut trace_of(&mut nothing).trace.environments[0];
    environment.places.clear();
    environment.sealed_holders.clear();
    let page = text(&nothing, 100, Detail::Normal);
    assert!(page.contains(", was found nowhere else in what was searched\n"), "{page}");
}

#[test]
fn environments_have_headings() {
    let expected = "\
relay · staging (railway link) · 5 environments of 2 projects · .env (default)

PAYMENTS_API_KEY ● 7019da, from .env:3, is used in 10 places:

  PLACE    KEY                  FORM                                     RUNNING
  .env:3   PAYMENTS_API_KEY     whole value

relay · staging
  shared   PAYMENTS_SHARED_KEY  whole value
  api      CALLBACK_URL         in a URL (query)                         yes
  api      PAYMENTS_API_KEY     whole value                              yes
  billing  AMQP_URL             in a URL (password, percent-encoded)     yes
  billing  PROVIDERS_JSON       in JSON, base64                          unknown
  reports  PAY_KEY              reference to shared.PAYMENTS_SHARED_KEY  yes
  worker   PAYMENTS_API_KEY     whole value                              older value
  old      PAYMENTS_API_KEY     no longer stored                         until redeployed
  vaulted  PAYMENTS_API_KEY     unknown (sealed)

relay · production
  api      PAYMENTS_API_KEY     whole value                              yes

not used in 2 other environments
4 other variables are sealed, and can't be searched (-v lists them)
not searched: storefront · closed: the token has no access

● is a value's fingerprint; equal values have equal fingerprints in this run

To change it in relay · staging:
    doctor rotate PAYMENTS_API_KEY --environment=staging --all-copies

incomplete search · 9 copies in 1 file, 1 shared variable and 5 services · 1 reference · 1 unknown
  4 requests
";
    assert_eq!(text(&everywhere(), 120, Detail::Normal), expected);
    let page = text(&everywhere(), 120, Detail::Verbose);
    assert!(page.contains("\n  relay · staging · vaulted: JWT_SIGNING_KEY, SMTP_PASSWORD\n"), "{page}");
    assert!(page.contains("\n  relay · production · shared variables: ROOT_KEY\n"), "{page}");
}

#[test]
fn quiet_page_has_one_line_for_each_place() {
    let places = "\
.env:3 PAYMENTS_API_KEY: whole value
shared PAYMENTS_SHARED_KEY: whole value
api CALLBACK_URL: in a URL (query)
api PAYMENTS_API_KEY: whole value
billing AMQP_URL: in a URL (password, percent-encoded)
billing PROVIDERS_JSON: in JSON, base64
reports PAY_KEY: reference to shared.PAYMENTS_SHARED_KEY
worker PAYMENTS_API_KEY: whole value
old PAYMENTS_API_KEY: no longer stored
vaulted PAYMENTS_API_KEY: unknown (sealed)
";
    assert_eq!(text(&traced(), 80, Detail::Quiet), places);
    let rest = "\
not searched: what runs on worker: Railway could not answer the query
FAIL api: timed out
FAIL web: timed out
incomplete search · 8 copies in 1 file, 1 shared variable and 4 services
  1 reference · 1 unknown
";
    assert_eq!(text(&incomplete(), 80, Detail::Quiet), format!("{places}{rest}"));
    let page = text(&everywhere(), 80, Detail::Quiet);
    assert!(page.contains("\nrelay · production · api PAYMENTS_API_KEY: whole value\n"), "{page}");
}

#[test]
fn old_values_are_listed_below_the_steps_of_a_rotation() {
    let expected = "\
relay · staging (railway link) · .env (default) · 7 services

done  rotate    api  PAYMENTS_API_KEY
done  redeploy  api

The old value is left in 5 places, and may be left in 1 more:

  PLACE    KEY                  FORM                                     RUNNING
  shared   PAYMENTS_SHARED_KEY  whole value
  api      CALLBACK_URL         in a URL (query)                         yes
  billing  AMQP_URL             in a URL (password, percent-encoded)     yes
  billing  PROVIDERS_JSON       in JSON, base64                          unknown
  reports  PAY_KEY              reference to shared.PAYMENTS_SHARED_KEY  yes
  vaulted  PAYMENTS_API_KEY     unknown (sealed)

To change it there, too:
    doctor rotate PAYMENTS_API_KEY --environment=staging --all-copies

Other copies of the old value were not changed

the old value is left in 5 places, and may be left in 1 more · 9 requests

To undo this run:
    doctor undo 1
";
    assert_eq!(text(&left(), 120, Detail::Normal), expected);
    let expected = "\
left shared PAYMENTS_SHARED_KEY: whole value
left api CALLBACK_URL: in a URL (query)
left billing AMQP_URL: in a URL (password, percent-encoded)
left billing PROVIDERS_JSON: in JSON, base64
left reports PAY_KEY: reference to shared.PAYMENTS_SHARED_KEY
left vaulted PAYMENTS_API_KEY: unknown (sealed)
the old value is left in 5 places, and may be left in 1 more

To undo this run:
    doctor undo 1
";
    assert_eq!(text(&left(), 120, Detail::Quiet), expected);
}

#[test]
fn complete_rotation_has_one_line_about_the_old_value() {
    let expected = "\
relay · staging (railway link) · .env (default) · 7 services

done  rotate    api  PAYMENTS_API_KEY
done  redeploy  api

The old value is left nowhere.

To undo this run:
    doctor undo 1

9 requests
";
    assert_eq!(text(&rotated(), 80, Detail::Normal), expected);
    assert_eq!(text(&rotated(), 80, Detail::Quiet), "");
}

#[test]
fn last_line_agrees_with_the_exit_code() {
    let nothing = Report { trace: None, exit_code: 3, ..traced() };
    let unexplained = Report { exit_code: 4, ..traced() };
    let interrupted = Report { trace: None, exit_code: 130, ..left() };
    for (report, start) in [
        (traced(), "8 copies in "),
        (nowhere(), "1 copy in 1 file · "),
        (incomplete(), "incomplete search · 8 copies in "),
        (nothing, "nothing was searched · 4 requests"),
        (unexplained, "incomplete search · 8 copies in "),
        (interrupted, "interrupted · 9 requests"),
        (left(), "the old value is left in 5 places, "),
        (Report { trace: None, ..left() }, "incomplete · 9 requests"),
        (rotated(), "9 requests"),
    ] {
        let page = text(&report, 120, Detail::Normal);
        let page = page.split("\n\nTo undo this run:\n    doctor undo 1\n").collect::<Vec<_>>().join("\n");
        let last = page.trim_end().rsplit("\n\n").next().unwrap_or_default();
        assert!(last.starts_with(start), "{start}: {page}");
    }
}

#[test]
fn services_link_to_their_environment() {
    let key = key();
    for (report, links) in [(traced(), 9), (everywhere(), 10)] {
        let options = TextOptions { links: true, ..text_options(&key, 120, Detail::Normal) };
        let page = rendered_as(&report, &options);
        let api = "/project/p-1/service/id-api/variables?environmentId=e-1\u{1b}\\api\u{1b}]8;;\u{1b}\\";
        assert!(page.contains(api), "{page}");
        assert_eq!(page.matches("\u{1b}]8;;https://railway.com/").count(), links - 1, "{page}");
    }
}

#[test]
fn lines_fit_every_width() {
    for width in [40, 50, 60, 70, 80, 100, 120] {
        for detail in DETAILS {
            for report in [traced(), nowhere(), incomplete(), everywhere(), left(), rotated()] {
                let page = text(&report, width, detail);
                let is_command = |line: &str| line.starts_with("    doctor ");
                let wide = page.lines().find(|line| columns(line) > width && !is_command(line));
                assert!(wide.is_none() || detail == Detail::Quiet, "{width}: {wide:?}: {page}");
            }
        }
    }
}
