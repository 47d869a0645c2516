//! One line per service: `PASS`, `FAIL` or `SKIP`, and its numbers. Its checks are below it if it did not pass, after a
//! fix, and with `-v`.

use std::collections::{HashMap, HashSet};

use crate::drift::Severity;
use crate::drift::engine::service_status::{CheckState, StatusCheck};
use crate::drift::model::finding::Finding;
use crate::drift::model::marker::Mark;
use crate::report::count::Tally;
use crate::report::paint::Tone;
use crate::report::text::page::{SpanLink, TextPage};
use crate::report::text::text_width::{columns, cut, pad};
use crate::report::text::wording::{self, FindingGroup, group_by_rule, listed};
use crate::report::{Report, ServiceLine, ServiceVerdict, escape, link};

/// The width of `PASS  `.
const VERDICT: usize = 6;
/// The name of the row for compared values.
const VALUES: &str = "values";
/// Keys that the row for compared values names before the rest is counted.
const KEYS: usize = 5;
/// Services whose checks are listed without `-v`.
const DETAILED: usize = 10;
/// Shorter names are never truncated: names of services in a project often have the same start and end.
const NAME: usize = 36;
/// The index of the name among the pieces of a line.
const NAME_SPAN: usize = 2;

/// The texts of one row.
struct TableRow<'r> {
    verdict: &'static str,
    tone: Tone,
    name: String,
    compared: String,
    found: String,
    error: Option<String>,
    /// The findings about values that make the run fail.
    values: Vec<&'r Finding>,
}

/// Writes a row for each service, with the error of a service that could not be read.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report) {
    let detailed = detailed(page, report);
    let rows = rows(page, report, &detailed);
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
        if detailed.contains(line.service.id.as_str()) {
            checks(page, report, line, row);
        }
    }
}

/// Returns the ids of the services whose checks are listed: those that did not pass, those without a file for which a check
/// was skipped, and all of them with `-v` and after a fix, which they verify.
fn detailed<'r>(page: &TextPage<'_>, report: &'r Report) -> HashSet<&'r str> {
    let lists_all = page.is_verbose() || !report.receipts.is_empty();
    let is_skipped = |line: &ServiceLine| line.needs.is_some() && !skipped(line).is_empty();
    let is_listed = |line: &&ServiceLine| lists_all || report.verdict(line) != ServiceVerdict::Pass || is_skipped(line);
    let most = if page.is_verbose() { usize::MAX } else { DETAILED };
    report.services.iter().filter(is_listed).take(most).map(|line| line.service.id.as_str()).collect()
}

/// Writes a line for each check of a service. The first is about the values.
fn checks(page: &mut TextPage<'_>, report: &Report, line: &ServiceLine, row: &TableRow<'_>) {
    if line.checks.is_empty() && row.values.is_empty() {
        return;
    }
    let names = line.checks.iter().map(|check| columns(check.name)).chain([columns(VALUES)]).max().unwrap_or(0);
    let note = if row.values.is_empty() { row.compared.clone() } else { wrong_values(&row.values) };
    let values = StatusCheck { name: VALUES, state: values(line, row), note };
    for StatusCheck { name, state, note } in [&values].into_iter().chain(&line.checks) {
        let verdict = report.check_verdict(line, *state);
        let indent = " ".repeat(VERDICT);
        let name = format!("  {}", pad(name, names + 2));
        let lead = [(Tone::Plain, indent.as_str()), (tone(verdict), verdict.label()), (Tone::Faint, &name)];
        page.paragraph(&lead, VERDICT + VERDICT + names + 2, (Tone::Plain, note));
    }
}

/// Returns the state of the comparison of values.
fn values(line: &ServiceLine, row: &TableRow<'_>) -> CheckState {
    match (line, row.values.iter().map(|finding| finding.severity).max()) {
        (ServiceLine { error: Some(_), .. }, _) => CheckState::Found(Severity::Error),
        (_, Some(worst)) => CheckState::Found(worst),
        _ if line.checked() == 0 => CheckState::Open,
        _ => CheckState::Good,
    }
}

/// Returns text such as `API_KEY, DB_URL differ; SECRET (placeholder-value)`.
fn wrong_values(findings: &[&Finding]) -> String {
    let phrase = |group: &FindingGroup<'_>| {
        let mut names: Vec<String> = group.findings.iter().map(|finding| wording::name(finding)).collect();
        names.dedup();
        let list = listed(&names, KEYS);
        match (group.rule.has_mark(Mark::Differs) || group.rule.different_values > 1, names.len()) {
            (true, 1) => format!("{list} differs"),
            (true, _) => format!("{list} differ"),
            (false, _) => format!("{list} ({})", group.rule.name),
        }
    };
    group_by_rule(findings.iter().copied()).iter().map(phrase).collect::<Vec<_>>().join("; ")
}

fn tone(verdict: ServiceVerdict) -> Tone {
    match verdict {
        ServiceVerdict::Pass => Tone::Good,
        ServiceVerdict::Fail => Tone::Error,
        ServiceVerdict::Skip => Tone::Warning,
    }
}

fn wide(page: &mut TextPage<'_>, row: &TableRow<'_>, link: Option<&str>, names: usize, compared: usize) {
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

fn stacked(page: &mut TextPage<'_>, row: &TableRow<'_>, link: Option<&str>) {
    let name = cut(&row.name, page.width() - VERDICT);
    let spans = [(row.tone, row.verdict), (Tone::Plain, "  "), (Tone::Plain, &*name)];
    page.linked(&spans, link.map(|address| SpanLink { span: NAME_SPAN, address }));
    let numbers: Vec<String> =
        [&row.compared, &row.found].into_iter().filter(|text| !text.is_empty()).cloned().collect();
    page.flow(&[(Tone::Plain, &" ".repeat(VERDICT))], VERDICT, Tone::Plain, " · ", &numbers);
}

fn rows<'r>(page: &TextPage<'_>, report: &'r Report, detailed: &HashSet<&str>) -> Vec<TableRow<'r>> {
    let mut found: HashMap<&str, (Tally, Vec<&Finding>)> = HashMap::new();
    for finding in report.findings.iter().filter(|finding| page.is_verbose() || report.lists(finding.severity)) {
        for service in &finding.services {
            let (tally, values) = found.entry(&service.id).or_default();
            tally.add(finding.severity);
            // A finding with a summary is about the running state.
            if finding.summary.is_none() && report.fails(finding.severity) {
                values.push(finding);
            }
        }
    }
    let mut row = |line: &ServiceLine| {
        let (tally, values) = found.remove(line.service.id.as_str()).unwrap_or_default();
        let verdict = report.verdict(line);
        let skipped = if detailed.contains(line.service.id.as_str()) { String::new() } else { skipped(line) };
        let mut found = vec![report.shortfall_text(line), tally.summary(), skipped];
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
    report.services.iter().map(&mut row).collect()
}

/// Returns text such as `skipped: running, log line`: the checks of a service whose result is unknown.
fn skipped(line: &ServiceLine) -> String {
    let open = line.checks.iter().filter(|check| check.state == CheckState::Open);
    let names: Vec<&str> = open.map(|check| check.name).collect();
    if names.is_empty() { String::new() } else { format!("skipped: {}", names.join(", ")) }
}

fn compared(report: &Report, line: &ServiceLine) -> String {
    match line {
        ServiceLine { error: Some(_), .. } => "could not be read".to_owned(),
        ServiceLine { needs: Some(0), .. } => line.unchecked(report),
        ServiceLine { needs: Some(_), .. } => line.extent(),
        // Deployed by this run, and outside of the comparison.
        ServiceLine { compared: 0, sealed: 0, .. } if report.shortfall(line).is_some() => "nothing compared".to_owned(),
        // An ignored key may be a common one.
        ServiceLine { compared: 0, sealed: 0, unknown: 0, .. } if !report.ignored.is_empty() => {
            "nothing compared".to_owned()
        }
        ServiceLine { compared: 0, sealed: 0, unknown: 0, .. } => {
            format!("nothing compared: {}", nothing_in_common(report, line))
        }
        ServiceLine { compared: 0, .. } => format!("nothing compared{}", line.uncompared()),
        _ => line.extent(),
    }
}

fn nothing_in_common(report: &Report, line: &ServiceLine) -> String {
    if report.environment_pair().is_some() {
        let is_of_service = |finding: &&Finding| finding.key.is_none() && finding.services.contains(&line.service);
        if report.findings.iter().filter(is_of_service).any(|finding| finding.rule.has_mark(Mark::Unpaired)) {
            return "it is in one environment only".to_owned();
        }
        return match report.only.as_slice() {
            [] => "no key in both environments".to_owned(),
            [key] => format!("{} is not in both environments", escape::line(key)),
            _ => "no --only key is in both environments".to_owned(),
        };
    }
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
    use crate::drift::model::finding::Finding;
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
      FAIL  values         OPS_API_KEY differs
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
    fn checks_of_a_passing_service_are_listed_with_verbose() {
        let mut report = calm();
        report.services[0].checks = vec![
            check("deployment", CheckState::Good, "SUCCESS"),
            check("running", CheckState::Open, "deployed variables unknown: refused"),
            check("log line", CheckState::Open, "could not be read"),
        ];
        let short = "
PASS  agentverse-api-staging     6 compared  skipped: running, log line
PASS  agentverse-worker-staging  5 compared
";
        let output = text(&report, 80, Detail::Normal);
        assert!(output.contains(short), "{output}");
        let long = "
PASS  agentverse-api-staging     6 compared
      PASS  values      6 compared
      PASS  deployment  SUCCESS
      SKIP  running     deployed variables unknown: refused
";
        let output = text(&report, 80, Detail::Verbose);
        assert!(output.contains(long), "{output}");
    }

    #[test]
    fn row_of_values_names_the_keys() {
        let mut report = Report { exit_code: 1, ..calm() };
        report.services[1].checks = vec![check("deployment", CheckState::Good, "SUCCESS")];
        report.findings = (1..=7).map(|number| differs(&format!("KEY_{number}"), &[WORKER])).collect();
        report.findings.push(Finding { severity: Severity::Error, ..finding(&EXTRA, "B_KEY", &[WORKER], "B_KEY") });
        report.findings.push(finding(&EXTRA, "NOTE", &[WORKER], "NOTE"));
        let expected = "
      FAIL  values      KEY_1, KEY_2, KEY_3, KEY_4, KEY_5 and 2 more differ;
                        B_KEY (missing-locally)
      PASS  deployment  SUCCESS
";
        let output = text(&report, 80, Detail::Normal);
        assert!(output.contains(expected), "{output}");
        let without_checks = Report { findings: vec![differs("KEY", &[WORKER])], exit_code: 1, ..calm() };
        let output = text(&without_checks, 80, Detail::Normal);
        assert!(output.contains("  1 error\n      FAIL  values  KEY differs\n"), "{output}");
    }

    #[test]
    fn checks_of_ten_failing_services_are_listed() {
        let names: Vec<String> = (1..=200).map(|number| format!("api-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let services = names.iter().map(|name| line(name, 1, 0)).collect();
        let report = Report { services, findings: vec![differs("KEY", &names)], exit_code: 1, ..calm() };
        let output = text(&report, 80, Detail::Normal);
        assert_eq!(output.matches("      FAIL  values").count(), 10, "{output}");
        assert_eq!(output.matches("\nFAIL  api-").count(), 200, "{output}");
        assert_eq!(text(&report, 80, Detail::Verbose).matches("      FAIL  values").count(), 200);
    }

    #[test]
    fn notes_are_counted_per_service_only_if_they_are_listed() {
        let report = Report { findings: vec![finding(&EXTRA, "KEY", &[API], "KEY")], ..calm() };
        let row = |detail| {
            let output = text(&report, 80, detail);
            output.lines().find(|line| line.contains(&format!("  {API}  "))).map(ToOwned::to_owned).unwrap_or_default()
        };
        assert_eq!(row(Detail::Normal), "PASS  agentverse-api-staging     6 compared");
        assert_eq!(row(Detail::Verbose), "PASS  agentverse-api-staging     6 compared  1 note");
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
