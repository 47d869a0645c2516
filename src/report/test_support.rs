//! Sample reports for the tests of every format.

use jiff::civil::date;

use crate::drift::Secret;
use crate::drift::engine::ignored::{IgnoredFinding, IgnoringEntry};
use crate::drift::model::finding::{Finding, Location, Observation, Remedy};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::receipt::{Outcome, Receipt};
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::model::secret::FingerprintKey;
use crate::drift::model::severity::Severity;
use crate::drift::service_scope::Exclusion;
use crate::report::{CommandTexts, Detail, Format, Logs, Report, ServiceLine, TextOptions, Values, write};

macro_rules! rule {
    ($rule:ident, $code:literal, $name:literal, $severity:ident, $summary:literal $(, $property:ident: $value:expr)*) => {
        pub(crate) static $rule: Rule = Rule {
            code: $code,
            name: $name,
            severity: Severity::$severity,
            summary: $summary,
            $($property: $value,)*
            ..Rule::DEFAULT
        };
    };
}

rule!(DIFFERS, "D103", "value-differs", Error, "local and stored values differ", markers: &[Marker::new(Mark::Differs, "≠", "", "", "")]);
rule!(MISSING, "D101", "missing-on-railway", Warning, "the key is in the file and on no service that should have it");
rule!(
    EXTRA, "D102", "missing-locally", Note, "the key is on a service and not in the file",
    counted_as: Some("only on Railway")
);
rule!(SEALED, "D104", "sealed", Note, "the key exists on Railway and can't be compared");
rule!(NATURE, "D105", "expected-difference", Note, "the values differ, and are expected to");
rule!(LINE, "D202", "unreadable-line", Warning, "a line that is not an assignment");

/// A value that no report shows.
pub(crate) const MARKER: &str = "marker-4711-value";

/// Returns a service of that name, with another text as its id.
pub(crate) fn service(name: &str) -> ResourceRef {
    ResourceRef { id: format!("id-{name}"), name: name.to_owned() }
}

/// Returns the results of a service that could be read.
pub(crate) fn line(name: &str, compared: usize, sealed: usize) -> ServiceLine {
    ServiceLine {
        service: service(name),
        alias: None,
        compared,
        sealed,
        unknown: 0,
        needs: None,
        lacking: Vec::new(),
        error: None,
        deployment: None,
        checks: Vec::new(),
    }
}

/// Returns a finding about a key on services.
pub(crate) fn finding(rule: &'static Rule, key: &str, services: &[&str], message: &str) -> Finding {
    let mut finding = Finding::new(rule, message);
    finding.key = Some(key.to_owned());
    finding.services = services.iter().map(|name| service(name)).collect();
    finding
}

/// Returns a difference that an `[[ignore]]` removed.
pub(crate) fn ignored() -> IgnoredFinding {
    IgnoredFinding {
        finding: differs("DEBUG", &["agentverse-api-staging"]),
        by: IgnoringEntry::Ignore,
        reason: Some("only for local runs".to_owned()),
        until: Some(date(2027, 1, 1)),
        line: Some(12),
    }
}

/// Returns a finding on a value that differs on the services, in line 5 of `.env`.
pub(crate) fn differs(key: &str, services: &[&str]) -> Finding {
    let mut finding = finding(&DIFFERS, key, services, &format!("{key} differs between .env and Railway"));
    finding.places = vec![Location { file: ".env".to_owned(), line: 5 }];
    finding.remedies = vec![Remedy::Push, Remedy::Pull];
    finding.next = Some(Finding::fix_only(key));
    finding.observations = vec![observation(".env:5", "local", Some(MARKER))];
    finding.observations.extend(services.iter().map(|name| observation(name, "stored", Some("another"))));
    finding
}

/// Returns an observation at a place.
pub(crate) fn observation(place: &str, state: &'static str, value: Option<&str>) -> Observation {
    Observation { place: place.to_owned(), value: value.map(Secret::new), state }
}

/// Returns a report on two services without findings.
pub(crate) fn calm() -> Report {
    Report {
        command: "check",
        program: vec!["doctor".to_owned()],
        flags: Vec::new(),
        service_flags: Vec::new(),
        project: ResourceRef { id: "p-1".to_owned(), name: "agentverse".to_owned() },
        project_origin: "railway link".to_owned(),
        environment: ResourceRef { id: "e-1".to_owned(), name: "staging".to_owned() },
        environment_origin: "railway link".to_owned(),
        services_origin: "by shared keys".to_owned(),
        files: vec![(".env".to_owned(), "default".to_owned())],
        unread_layers: Vec::new(),
        services: vec![line("agentverse-api-staging", 6, 0), line("agentverse-worker-staging", 5, 0)],
        left_out: Vec::new(),
        only: Vec::new(),
        findings: Vec::new(),
        ignored: Vec::new(),
        remarks: Vec::new(),
        requests: 2,
        fail_on: Some(Severity::Error),
        configured: false,
        exit_code: 0,
        ..Report::default()
    }
}

/// Returns a report in which one key differs on both services, one is sealed, and two are only on Railway.
pub(crate) fn incident() -> Report {
    let (api, worker) = ("agentverse-api-staging", "agentverse-worker-staging");
    let mut sealed = finding(&SEALED, "JWT_SIGNING_KEY", &[api], "JWT_SIGNING_KEY can't be compared: it is sealed");
    sealed.observations = vec![observation(".env:7", "local", Some(MARKER)), observation(api, "sealed", None)];
    let extra = |key| finding(&EXTRA, key, &[api], &format!("{key} is on {api} and not in .env"));
    Report {
        services: vec![line(api, 6, 1), line(worker, 5, 0)],
        findings: vec![
            differs("STAGING_OPS_API_KEY", &[api, worker]),
            extra("SENTRY_DSN"),
            extra("WEB_CONCURRENCY"),
            sealed,
        ],
        left_out: vec![
            ("Postgres".to_owned(), Exclusion::Database),
            ("Redis".to_owned(), Exclusion::Database),
            ("web".to_owned(), Exclusion::NothingShared),
        ],
        exit_code: 1,
        ..calm()
    }
}

/// Returns a push that was interrupted after its first step; nothing was read again.
pub(crate) fn cut_short() -> Report {
    let receipt = |change, key: Option<&str>, outcome, detail: Option<&str>| Receipt {
        change,
        key: key.map(ToOwned::to_owned),
        place: "api|1".to_owned(),
        outcome,
        deployment: None,
        detail: detail.map(ToOwned::to_owned),
        sides: None,
    };
    Report {
        command: "fix",
        services: vec![line("api|1", 0, 0)],
        receipts: vec![
            receipt("push", Some("A"), Outcome::Done, None),
            receipt("push", Some("B"), Outcome::Failed, Some("Railway refused the change: \u{1b}[2J")),
            receipt("redeploy", None, Outcome::NotTried, Some("interrupted")),
        ],
        endings: vec!["interrupted; `doctor check` shows the current state".to_owned()],
        not_rechecked: true,
        exit_code: 130,
        ..calm()
    }
}

/// Returns the default options of the tests.
pub(crate) fn text_options(key: &FingerprintKey, width: usize, detail: Detail) -> TextOptions<'_> {
    TextOptions {
        colour: false,
        links: false,
        width,
        detail,
        values: Values::Fingerprints(key),
        logs: Logs::Shown,
        commands: CommandTexts::Masked,
    }
}

/// Returns a fixed key for fingerprints.
pub(crate) fn key() -> FingerprintKey {
    FingerprintKey::new(&[7; 32])
}

/// Returns a report in that format, and asserts that it contains no value.
pub(crate) fn rendered(report: &Report, format: Format) -> String {
    let (mut out, key) = (Vec::new(), key());
    write(report, format, &text_options(&key, 80, Detail::Normal), &mut out).expect("writing to a Vec can't fail");
    let output = String::from_utf8(out).expect("a report is UTF-8");
    assert!(!output.contains(MARKER));
    output
}

/// Returns a report as text.
pub(crate) fn rendered_as(report: &Report, options: &TextOptions<'_>) -> String {
    let mut out = Vec::new();
    write(report, Format::Text, options, &mut out).expect("writing to a Vec can't fail");
    String::from_utf8(out).expect("a report is UTF-8")
}

/// Returns a report as text without colour.
pub(crate) fn text(report: &Report, width: usize, detail: Detail) -> String {
    rendered_as(report, &text_options(&key(), width, detail))
}
