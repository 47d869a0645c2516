//! Sample matrices for the tests of every format.

use crate::drift::Survey;
use crate::drift::engine::run_rules::examine;
use crate::drift::matrix::{self, Matrix};
use crate::drift::test_support::{got, ignore, running, survey, unreadable};
use crate::report::matrix::{FORMATS, write};
use crate::report::test_support::{calm, key, text_options};
use crate::report::{Detail, Report, ServiceLine, TextOptions};

/// A text that no format shows; every value of [`sample`] contains it.
pub(crate) const MARKER: &str = "marker-4711-value";

/// Returns three services with nearly every state.
pub(crate) fn sample() -> Survey {
    let value = |row: &&str| row.replace("=v", &format!("={MARKER}"));
    let rows = |rows: &[&str]| rows.iter().map(value).collect::<Vec<_>>();
    let file = rows(&[
        "API_KEY=v1",
        "DATABASE_URL=v2",
        "DEBUG=v3",
        "NAME=v4",
        "NEW_KEY=v5",
        "SIGNING_KEY=v6",
        "OLD=v7",
        "TOP=v8",
    ]);
    let api =
        rows(&["API_KEY=v9", "DATABASE_URL=v2", "DEBUG=v0", "NAME=v4", "SIGNING_KEY=<sealed>", "OLD=v7", "LOCAL_X=v"]);
    let web = rows(&["API_KEY=v1", "DATABASE_URL=v2", "DEBUG=v3", "NAME=v4", "NEW_KEY=v5", "SIGNING_KEY=v6", "OLD=v7"]);
    let [file, api, web] = [&file, &api, &web].map(|rows| rows.iter().map(String::as_str).collect::<Vec<_>>());
    let mut found = survey(&file, &[("agentverse-api-staging", &api), ("web", &web), ("worker", &[])]);
    running(&mut found, "agentverse-api-staging", "SUCCESS");
    let deployed: Vec<String> = api
        .iter()
        .map(|row| if row.starts_with("OLD") { "OLD=marker-4711-value-then".to_owned() } else { (*row).to_owned() })
        .collect();
    got(&mut found, "agentverse-api-staging", &deployed.iter().map(String::as_str).collect::<Vec<_>>());
    found.policy.ignore.push(ignore(&["LOCAL_*"]));
    unreadable(&mut found, "worker");
    found
}

/// Returns the report and the matrix of a survey.
pub(crate) fn report_of(survey: &Survey) -> (Report, Matrix) {
    let examination = examine(survey);
    let matrix = matrix::of(survey, &examination);
    let services = survey.targets.iter().zip(&examination.extents).map(|(target, extent)| ServiceLine {
        service: target.service.clone(),
        alias: None,
        compared: extent.compared,
        sealed: extent.sealed,
        unknown: extent.unknown,
        needs: extent.needs,
        lacking: Vec::new(),
        error: target.stored.as_ref().err().map(ToString::to_string),
        deployment: None,
        checks: Vec::new(),
    });
    let report = Report {
        command: "matrix",
        project: survey.project.clone(),
        environment: survey.environment.clone(),
        services: services.collect(),
        findings: examination.findings,
        ignored: examination.ignored,
        exit_code: 1,
        ..calm()
    };
    (report, matrix)
}

/// Returns the matrix of a survey in a format.
pub(crate) fn rendered_as(survey: &Survey, format: &str, options: &TextOptions<'_>) -> String {
    let (report, matrix) = report_of(survey);
    let (_, format) = FORMATS.iter().find(|(name, _)| *name == format).expect("the format exists");
    let mut out = Vec::new();
    write(&report, &matrix, *format, options, &mut out).expect("writing to a Vec can't fail");
    String::from_utf8(out).expect("a matrix is UTF-8")
}

/// Returns the matrix of a survey in a format, without colour.
pub(crate) fn rendered(survey: &Survey, format: &str, width: usize, detail: Detail) -> String {
    rendered_as(survey, format, &text_options(&key(), width, detail))
}
