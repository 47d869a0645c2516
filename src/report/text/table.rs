//! One line per service: `PASS`, `FAIL` or `SKIP`, and its numbers; below it, the checks of its running state.

use std::collections::HashMap;

use crate::drift::Severity;
use crate::drift::engine::service_status::{CheckState, StatusCheck};
use crate::drift::model::receipt::Shortfall;
use crate::report::count::Tally;
use crate::report::paint::Tone;
use crate::report::text::page::{SpanLink, TextPage};
use crate::report::text::text_width::{columns, cut, pad};
use crate::report::{Report, ServiceLine, ServiceVerdict, escape, link};

/// The width of `PASS  `.
const VERDICT: usize = 6;
/// The name of the row for compared values.
const VALUES: &str = "values";
/// Shorter names are never truncated: names of services in a project often have the same start and end.
const NAME: usize = 36;
/// The index of the name among the pieces of a line.
const NAME_SPAN: usize = 2;

/// The texts of one row.
struct TableRow {
    verdict: &'static str,
    tone: Tone,
    name: String,
    compared: String,
    found: String,
    error: Option<String>,
    /// The highest severity among findings about values.
    values: Option<Severity>,
}

/// Writes a row for each service, with the error of a service that could not be read.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report) {
    let rows = rows(report);
    if rows.is_empty() {
        return;
    }
    page.gap();
    let numbered = rows.iter().filter(|row| row.verdict != ServiceVerdict::Skip.label() || !row.found.is_empty());
    let compared = numbered.map(|row| columns(&row.compared)).max().unwrap_or(0);
    let found = rows.iter().map(|row| columns(&row.found)).max().unwrap_or(0);
    let names = rows.iter().map(|row| columns(&row.name)).max().unwrap_or(0);
    let numbers = compared + found + if found > 0 { 4 } else { 2 };
    let room = page.width().saturating_sub(VERDICT + numbers);
    for (row, line) in rows.iter().zip(&report.services) {
        let link = link::service(report, &line.service.id);
        let fits = VERDICT + names.min(room) + 2 + columns(&row.compared) <= page.width();
        if fits && room >= NAME.min(names) {
            wide(page, row, link.as_deref(), names.min(room), compared);
        } else {
            stacked(page, row, link.as_deref());
        }
        if let Some(error) = &row.error {
            page.paragraph(&[(Tone::Plain, &" ".repeat(VERDICT))], VERDICT, (Tone::Plain, error));
        }
        checks(page, report, line, row);
    }
}

/// Writes a line for each check of a service. The first is about the values, which the row above counts.
fn checks(page: &mut TextPage<'_>, report: &Report, line: &ServiceLine, row: &TableRow) {
    if line.checks.is_empty() {
        return;
    }
    let names = line.checks.iter().map(|check| columns(check.name)).chain([columns(VALUES)]).max().unwrap_or(0);
    let values = StatusCheck { name: VALUES, state: values(report, line, row), note: row.compared.clone() };
    for StatusCheck { name, state, note } in [&values].into_iter().chain(&line.checks) {
        let verdict = match state {
            CheckState::Found(severity) if report.fails(*severity) => ServiceVerdict::Fail,
            // It explains a change that failed in this run, so it fails regardless of `--fail-on`.
            CheckState::Found(Severity::Error) if report.shortfall(line) == Some(Shortfall::VerificationFailed) => {
                ServiceVerdict::Fail
            }
            CheckState::Good | CheckState::Found(_) => ServiceVerdict::Pass,
            CheckState::Open => ServiceVerdict::Skip,
        };
        let indent = " ".repeat(VERDICT);
        let name = format!("  {}", pad(name, names + 2));
        let lead = [(Tone::Plain, indent.as_str()), (tone(verdict), verdict.label()), (Tone::Faint, &name)];
        page.paragraph(&lead, VERDICT + VERDICT + names + 2, (Tone::Plain, note));
    }
}

/// Returns the state of the comparison of values.
fn values(report: &Report, line: &ServiceLine, row: &TableRow) -> CheckState {
    match (line, row.values) {
        (ServiceLine { error: Some(_), .. }, _) => CheckState::Found(Severity::Error),
        (_, Some(worst)) if report.fails(worst) => CheckState::Found(worst),
        (ServiceLine { compared: 0, .. }, _) => CheckState::Open,
        _ => CheckState::Good,
    }
}

fn tone(verdict: ServiceVerdict) -> Tone {
    match verdict {
        ServiceVerdict::Pass => Tone::Good,
        ServiceVerdict::Fail => Tone::Error,
        ServiceVerdict::Skip => Tone::Warning,
    }
}

fn wide(page: &mut TextPage<'_>, row: &TableRow, link: Option<&str>, names: usize, compared: usize) {
    let name = cut(&row.name, names);
    let spans = [
        (row.tone, row.verdict),
        (Tone::Plain, "  "),
        (Tone::Plain, &*name),
        (Tone::Plain, &*" ".repeat(names + 2 - columns(&name))),
        (Tone::Plain, &*pad(&row.compared, compared + 2)),
        (Tone::Plain, &*row.found),
    ];
    page.linked(&spans, link.map(|address| SpanLink { span: NAME_SPAN, address }));
}

fn stacked(page: &mut TextPage<'_>, row: &TableRow, link: Option<&str>) {
    let name = cut(&row.name, page.width() - VERDICT);
    let spans = [(row.tone, row.verdict), (Tone::Plain, "  "), (Tone::Plain, &*name)];
    page.linked(&spans, link.map(|address| SpanLink { span: NAME_SPAN, address }));
    let numbers: Vec<String> =
        [&row.compared, &row.found].into_iter().filter(|text| !text.is_empty()).cloned().collect();
    page.flow(&[(Tone::Plain, &" ".repeat(VERDICT))], VERDICT, Tone::Plain, " · ", &numbers);
}

fn rows(report: &Report) -> Vec<TableRow> {
    let mut found: HashMap<&str, (Tally, Option<Severity>)> = HashMap::new();
    for finding in &report.findings {
        for service in &finding.services {
            let (tally, values) = found.entry(&service.id).or_default();
            tally.add(finding.severity);
            // A finding with a summary is about the running state.
            if finding.summary.is_none() {
                *values = (*values).max(Some(finding.severity));
            }
        }
    }
    let row = |line: &ServiceLine| {
        let (tally, values) = found.get(line.service.id.as_str()).copied().unwrap_or_default();
        let verdict = report.verdict(line);
        let mut found = vec![report.shortfall_text(line), tally.summary()];
        found.retain(|text| !text.is_empty());
        TableRow {
            verdict: verdict.label(),
            tone: tone(verdict),
            name: escape::line(&line.service.name).into_owned(),
            compared: compared(report, line),
            found: found.join(", "),
            error: line.error.clone(),
            values,
        }
    };
    report.services.iter().map(row).collect()
}

fn compared(report: &Report, line: &ServiceLine) -> String {
    match line {
        ServiceLine { error: Some(_), .. } => "could not be read".to_owned(),
        // Deployed by this run, and outside of the comparison.
        ServiceLine { compared: 0, sealed: 0, .. } if report.shortfall(line).is_some() => "nothing compared".to_owned(),
        // An ignored key may be a common one.
        ServiceLine { compared: 0, sealed: 0, unknown: 0, .. } if report.ignored > 0 => "nothing compared".to_owned(),
        ServiceLine { compared: 0, sealed: 0, unknown: 0, .. } => {
            format!("nothing compared: {}", nothing_in_common(report))
        }
        ServiceLine { compared: 0, .. } => format!("nothing compared{}", line.uncompared()),
        ServiceLine { compared, .. } => format!("{compared} compared{}", line.uncompared()),
    }
}

fn nothing_in_common(report: &Report) -> String {
    match (report.only.as_slice(), report.files.as_slice()) {
        ([], [(file, _)]) => format!("no key in common with {}", escape::line(file)),
        ([], _) => "no key in common with its files".to_owned(),
        ([key], _) => format!("{} is not on both sides", escape::line(key)),
        _ => "no --only key is on both sides".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::Severity;
    use crate::drift::engine::service_status::{CheckState, StatusCheck};
    use crate::report::test_support::{EXTRA, MISSING, calm, differs, finding, line, text};
    use crate::report::{Detail, Report};

    const API: &str = "agentverse-api-staging";
    const WORKER: &str = "agentverse-worker-staging";

    #[test]
    fn pass_and_fail_follow_fail_on() {
        let verdicts = |fail_on| {
            let mut report = Report { findings: vec![finding(&MISSING, "KEY", &[API], "KEY")], fail_on, ..calm() };
            report.findings.push(finding(&EXTRA, "KEY", &[WORKER], "KEY"));
            let output = text(&report, 80, Detail::Normal);
            let verdict = |name: &str| {
                output.lines().find(|line| line.contains(&format!("  {name}  "))).map(|line| line[..4].to_owned())
            };
            [verdict(API), verdict(WORKER)].map(Option::unwrap_or_default)
        };
        assert_eq!(verdicts(None), ["PASS", "PASS"]);
        assert_eq!(verdicts(Some(Severity::Error)), ["PASS", "PASS"]);
        assert_eq!(verdicts(Some(Severity::Warning)), ["FAIL", "PASS"]);
        assert_eq!(verdicts(Some(Severity::Note)), ["FAIL", "FAIL"]);
    }

    fn check(name: &'static str, state: CheckState, note: &str) -> StatusCheck {
        StatusCheck { name, state, note: note.to_owned() }
    }

    #[test]
    fn runtime_checks_are_listed_below_their_service() {
        let mut report = Report { findings: vec![differs("OPS_API_KEY", &[WORKER])], exit_code: 1, ..calm() };
        report.services[1].sealed = 1;
        report.services[1].checks = vec![
            check("deployment", CheckState::Good, "SUCCESS, commit 9c31f04"),
            check("running", CheckState::Found(Severity::Error), "has an old value of OPS_API_KEY"),
            check("commit", CheckState::Found(Severity::Warning), "3 commits behind 371a158"),
            check("start command", CheckState::Found(Severity::Error), "lacks -B"),
            check(
                "log line",
                CheckState::Open,
                "can't be read: Railway could not answer the query for the deployment's log",
            ),
        ];
        let expected = "
PASS  agentverse-api-staging     6 compared
FAIL  agentverse-worker-staging  5 compared, 1 sealed  1 error
      FAIL  values         5 compared, 1 sealed
      PASS  deployment     SUCCESS, commit 9c31f04
      FAIL  running        has an old value of OPS_API_KEY
      PASS  commit         3 commits behind 371a158
      FAIL  start command  lacks -B
      SKIP  log line       can't be read: Railway could not answer the query for
                           the deployment's log
";
        let output = text(&report, 80, Detail::Normal);
        assert!(output.contains(expected), "{output}");
        let narrow = text(&report, 60, Detail::Normal);
        assert!(narrow.contains("\n      FAIL  running        has an old value of OPS_API_KEY\n"), "{narrow}");
        assert!(narrow.lines().all(|line| line.chars().count() <= 60 || line.starts_with("    doctor ")), "{narrow}");
        report.fail_on = Some(Severity::Warning);
        assert!(text(&report, 80, Detail::Normal).contains("      FAIL  commit         3 commits behind"));
    }

    #[test]
    fn skipped_service_has_its_reason() {
        let one = |name: &str| (name.to_owned(), "--env-file".to_owned());
        let key = |name: &str| name.to_owned();
        for (only, files, reason) in [
            (vec![], vec![one(".env")], "no key in common with .env"),
            (vec![], vec![one(".env"), one(".env.local")], "no key in common with its files"),
            (vec![key("NOPE")], vec![one(".env")], "NOPE is not on both sides"),
            (vec![key("NOPE"), key("NEITHER")], vec![one(".env")], "no --only key is on both sides"),
        ] {
            let report = Report { services: vec![line(API, 0, 0)], only, files, ..calm() };
            let output = text(&report, 80, Detail::Normal);
            assert!(output.contains(&format!("\nSKIP  {API}  nothing compared: {reason}\n")), "{output}");
        }
    }
}
