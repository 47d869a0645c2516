//! A sample comparison of two environments.

use crate::drift::engine::ignored::IgnoredFinding;
use crate::drift::matrix::{Matrix, MatrixCell, MatrixRow};
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::Mark;
use crate::drift::model::resource::ResourceRef;
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::report::Report;
use crate::report::test_support::{MARKER, calm, finding, ignored, line, observation, service};

macro_rules! rule {
    ($rule:ident, $code:literal, $name:literal, $severity:ident, $summary:literal) => {
        pub(crate) static $rule: Rule =
            Rule { code: $code, name: $name, severity: Severity::$severity, summary: $summary, ..Rule::DEFAULT };
    };
}

rule!(SECRET, "D502", "secret-shared", Warning, "Two environments have the same secret");
rule!(BACKEND, "D503", "backend-shared", Warning, "Two environments lead to the same database");
rule!(MISSING, "D501", "missing-in-environment", Warning, "A key or a service exists in only one of two environments");
rule!(COPIED, "D504", "sealed-not-copied", Warning, "A variable is sealed in one environment and missing in the other");
rule!(
    LITERAL,
    "D507",
    "reference-and-literal",
    Note,
    "A key is a reference in one environment and a literal in the other"
);

/// Returns a row with cells for the services of [`compared`].
pub(crate) fn row(key: &str, cells: [(Mark, Option<Severity>); 4]) -> MatrixRow {
    let worst = cells.iter().filter_map(|(_, severity)| *severity).max();
    let cells = cells.map(|(mark, severity)| MatrixCell { mark, severity }).into();
    MatrixRow { key: key.to_owned(), cells, worst, also: Vec::new() }
}

/// Returns a row without findings. The service `cron` is in one environment only.
fn quiet(key: &str, api: Mark, web: Mark, worker: Mark) -> MatrixRow {
    row(key, [api, Mark::Unpaired, web, worker].map(|mark| (mark, None)))
}

fn matrix() -> Matrix {
    let none = (Mark::NotSet, None);
    let unpaired = (Mark::Unpaired, None);
    let error = |mark| (mark, Some(Severity::Error));
    let warning = |mark| (mark, Some(Severity::Warning));
    let literal = (Mark::ReferenceAndLiteral, Some(Severity::Note));
    Matrix {
        rows: vec![
            row("SECRET_KEY", [error(Mark::SharedSecret), unpaired, none, error(Mark::SharedSecret)]),
            row("DATABASE_URL", [(Mark::SameReference, None), unpaired, none, error(Mark::SharedBackend)]),
            row("SENTRY_DSN", [warning(Mark::OnlyLeft), unpaired, (Mark::SameValue, None), none]),
            row("EVENTS_TOPIC", [none, unpaired, none, warning(Mark::OnlyRight)]),
            row("MAIL_TOKEN", [warning(Mark::SealedNotCopied), unpaired, none, none]),
            row("REDIS_URL", [literal, unpaired, none, (Mark::SameReference, None)]),
            quiet("QUEUE", Mark::OtherReference, Mark::NotSet, Mark::Indirect),
            quiet("SIGNING_KEY", Mark::SealedLeft, Mark::SealedRight, Mark::SealedBoth),
            quiet("LOG_LEVEL", Mark::OtherValue, Mark::ExpectedDifference, Mark::SameValue),
        ],
        agreeing: vec![
            quiet("API_URL", Mark::ExpectedDifference, Mark::ExpectedDifference, Mark::NotSet),
            quiet("PORT", Mark::SameValue, Mark::SameValue, Mark::SameValue),
            quiet("SHARD", Mark::SameReference, Mark::NotSet, Mark::NotSet),
        ],
        left_out: vec![quiet("DEBUG", Mark::Ignored, Mark::NotSet, Mark::NotSet)],
        ..Matrix::default()
    }
}

/// Returns the findings of [`compared`], the worst first.
fn findings() -> Vec<Finding> {
    let of = |rule, key, services: &[&str], message| finding(rule, key, services, message);
    let advice = |text: &str| Some(text.to_owned());
    let shared = |place: &str| observation(place, "stored", Some(MARKER));
    let alone = |place: &str| observation(place, "stored", Some("another"));
    vec![
        Finding {
            severity: Severity::Error,
            advice: advice("store a separate secret in staging or production"),
            observations: ["api in staging", "worker in staging", "api in production", "worker in production"]
                .map(shared)
                .into(),
            ..of(&SECRET, "SECRET_KEY", &["api", "worker"], "SECRET_KEY has the same value in staging and production")
        },
        Finding {
            severity: Severity::Error,
            advice: advice("create a separate database for staging, and refer to it with ${{SERVICE.KEY}}"),
            observations: vec![alone("worker in staging"), alone("Postgres in production")],
            ..of(&BACKEND, "DATABASE_URL", &["worker"], "DATABASE_URL in staging leads to Postgres of production")
        },
        Finding {
            key: None,
            advice: advice("deploy cron in production, or remove it from staging"),
            ..of(&MISSING, "", &["cron"], "service cron is in staging but not in production")
        },
        of(&MISSING, "SENTRY_DSN", &["api"], "SENTRY_DSN is in staging but not in production"),
        of(&MISSING, "EVENTS_TOPIC", &["worker"], "EVENTS_TOPIC is in production but not in staging"),
        of(&COPIED, "MAIL_TOKEN", &["api"], "MAIL_TOKEN is sealed in staging but missing in production"),
        of(&LITERAL, "REDIS_URL", &["api"], "REDIS_URL is a reference in production and a literal in staging"),
    ]
}

/// Returns a comparison of two environments with nearly every state.
pub(crate) fn compared() -> Report {
    Report {
        command: "compare",
        project: ResourceRef { id: "p-1".to_owned(), name: "storefront".to_owned() },
        project_origin: "--project".to_owned(),
        environment_origin: "the first argument".to_owned(),
        other_environment: Some(ResourceRef { id: "e-2".to_owned(), name: "production".to_owned() }),
        services_origin: String::new(),
        files: Vec::new(),
        services: vec![line("api", 9, 1), line("cron", 0, 0), line("web", 4, 1), line("worker", 7, 1)],
        findings: findings(),
        ignored: vec![IgnoredFinding { finding: finding(&MISSING, "DEBUG", &["api"], "DEBUG"), ..ignored() }],
        matrix: Some(matrix()),
        exit_code: 1,
        ..calm()
    }
}

/// Returns a comparison in which nothing needs attention.
pub(crate) fn alike() -> Report {
    let Report { services, .. } = compared();
    let services = services.into_iter().filter(|line| line.service != service("cron")).collect();
    let mut rows = matrix();
    rows.rows.clear();
    for row in rows.agreeing.iter_mut().chain(&mut rows.left_out) {
        row.cells.remove(1);
    }
    Report { services, findings: Vec::new(), ignored: Vec::new(), matrix: Some(rows), exit_code: 0, ..compared() }
}

/// Returns [`compared`] with one name for the project, both environments, a service and every key.
pub(crate) fn named_everywhere(name: &str) -> Report {
    let own = || name.to_owned();
    let mut report = compared();
    let resource = || ResourceRef { id: own(), name: own() };
    report.project = resource();
    report.environment = resource();
    report.other_environment = Some(resource());
    report.services[0].service = resource();
    for finding in &mut report.findings {
        (finding.key, finding.message, finding.reason, finding.advice) = (Some(own()), own(), Some(own()), Some(own()));
        finding.services = vec![resource()];
        finding.observations.iter_mut().for_each(|observation| observation.place = own());
    }
    let matrix = report.matrix.as_mut().expect("the sample has a matrix");
    for row in matrix.rows.iter_mut().chain(&mut matrix.agreeing).chain(&mut matrix.left_out) {
        row.key = own();
    }
    report
}
