//! Markdown for pull request comments and the summaries of CI steps. Names can't link to, mention or close anything.

pub(crate) mod escape;

use std::io::{self, Write};

use crate::drift::model::finding::Finding;
use crate::drift::model::severity::Severity;
use crate::drift::phrases::count;
use crate::report::count::Tally;
use crate::report::finding_help::FindingHelp;
use crate::report::markdown::escape::{code, command, plain};
use crate::report::matrix::markdown::collapsed;
use crate::report::trace::markdown::section as trace_section;
use crate::report::{Report, TraceReport, baseline, link};

/// Findings that are listed before the rest is counted.
const MOST: usize = 200;
/// The size from which findings, steps and rows of a matrix are counted, in bytes: a comment is limited to 65,536
/// characters.
const LONGEST: usize = 60_000;
/// The size from which services, which are below them, are counted.
const LONGEST_PAGE: usize = 64_000;

/// Writes the report as Markdown.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(text(report).as_bytes())
}

/// Returns the report as Markdown.
pub fn text(report: &Report) -> String {
    let mut page = String::new();
    line(&mut page, &format!("### doctor: {}", verdict(report)));
    line(&mut page, "");
    let files: Vec<String> = report.files.iter().map(|(name, _)| code(name)).collect();
    let mut target = vec![code(&report.project.name), report.environment_names_as(code)];
    target.extend(report.trace.as_ref().and_then(TraceReport::extent));
    target.push(files.join(", "));
    target.extend(report.without_file().map(|phrase| plain(&phrase)));
    target.retain(|item| !item.is_empty());
    line(&mut page, &target.join(" · "));
    steps(&mut page, report);
    if let Some(trace) = &report.trace {
        page.push_str(&trace_section(trace, LONGEST.saturating_sub(page.len())));
    }
    findings(&mut page, report);
    if let Some(matrix) = report.pair_matrix() {
        let room = LONGEST.saturating_sub(page.len());
        page.push_str(&collapsed(report, matrix, room));
    }
    if report.compares() {
        services(&mut page, report);
        skipped(&mut page, report);
    }
    let of_baseline: Vec<String> = report.baseline.iter().flat_map(baseline::lines).collect();
    for ending in report.remarks.iter().chain(&of_baseline).chain(&report.endings) {
        line(&mut page, "");
        line(&mut page, &plain(ending));
    }
    if let Some(help) = report.baseline.as_ref().and_then(baseline::help) {
        let commands: Vec<String> = help.commands.iter().map(|text| command(text)).collect();
        line(&mut page, "");
        line(&mut page, &format!("{} {}", plain(help.text()), commands.join(" ")));
    }
    if let Some(undo) = &report.undo_command {
        line(&mut page, "");
        line(&mut page, &format!("To undo this run: {}", command(undo)));
    }
    page
}

fn verdict(report: &Report) -> String {
    let mut items: Vec<String> = report.conclusion().iter().map(|phrase| plain(phrase)).collect();
    let all = Tally::of(&report.findings);
    // The summary of the folded notes counts them.
    let counts = Tally { notes: if report.lists(Severity::Note) { all.notes } else { 0 }, ..all }.summary();
    items.push(match counts.as_str() {
        "" if report.traces() => report.trace.iter().map(|trace| plain(&trace.summary())).collect(),
        "" if !report.compares() => report.steps(),
        "" if items.is_empty() && report.not_compared().is_some() => "nothing compared".to_owned(),
        "" if items.is_empty() && report.all_passed() => "all checks passed".to_owned(),
        "" if items.is_empty() && report.only_known() => "no new findings".to_owned(),
        "" if items.is_empty() && report.exit_code == 0 => "no errors or warnings".to_owned(),
        _ => counts,
    });
    items.retain(|item| !item.is_empty());
    if items.is_empty() { format!("exit code {}", report.exit_code) } else { items.join(" · ") }
}

fn steps(page: &mut String, report: &Report) {
    if report.receipts.is_empty() {
        return;
    }
    line(page, "");
    line(page, "| | change | where | key | |");
    line(page, "|---|---|---|---|---|");
    for (index, receipt) in report.receipts.iter().enumerate() {
        let key = receipt.key.as_deref().map(code).unwrap_or_default();
        let detail = receipt.detail.as_deref().map(plain).unwrap_or_default();
        let (outcome, place) = (receipt.outcome.name(), code(&receipt.place));
        let row = format!("| {outcome} | {} | {place} | {key} | {detail} |", receipt.change);
        if page.len() + row.len() > LONGEST {
            return not_shown(page, report.receipts.len() - index, "more step");
        }
        line(page, &row);
    }
}

fn findings(page: &mut String, report: &Report) {
    let (listed, folded): (Vec<_>, Vec<_>) = report.findings.iter().partition(|found| report.lists(found.severity));
    let listed_rows = listed.len().min(MOST);
    table(page, report, &listed, listed_rows);
    if folded.is_empty() {
        return;
    }
    line(page, "");
    line(page, &format!("<details><summary>{}</summary>", count(folded.len(), "note")));
    table(page, report, &folded, MOST - listed_rows);
    line(page, "");
    line(page, "</details>");
}

/// Writes a table with at most that many findings, and the number of the others.
fn table(page: &mut String, report: &Report, findings: &[&Finding], most: usize) {
    let mut rows = findings.iter().take(most).map(|finding| row(report, finding)).peekable();
    let mut shown = 0;
    if rows.peek().is_some() {
        line(page, "");
        line(page, "| | rule | finding | where | help |");
        line(page, "|---|---|---|---|---|");
    }
    for row in rows {
        if page.len() + row.len() > LONGEST {
            break;
        }
        line(page, &row);
        shown += 1;
    }
    if findings.len() > shown {
        not_shown(page, findings.len() - shown, "more finding");
    }
}

/// Writes the number of rows that the table above lacks.
fn not_shown(page: &mut String, rows: usize, noun: &str) {
    line(page, "");
    line(page, &format!("{} not shown here.", count(rows, noun)));
}

fn row(report: &Report, finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "**error**",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let places = finding.places.iter().map(|place| code(&format!("{}:{}", place.file, place.line)));
    let services = finding.services.iter().map(|service| code(&service.name));
    let place: Vec<String> = places.chain(services).collect();
    let link = link::deployment(report, finding).map(|link| format!(" ([deployment]({link}))")).unwrap_or_default();
    let cause = finding.reason.as_ref().map(|reason| format!("<br>cause: {}", plain(reason))).unwrap_or_default();
    let message = format!("{}{link}{cause}", plain(&finding.message));
    let (rule, place, help) = (code(finding.rule.name), place.join(" "), help(report, finding));
    format!("| {severity} | {rule} | {message} | {place} | {help} |")
}

/// Returns the advice and each command, a line each.
fn help(report: &Report, finding: &Finding) -> String {
    let Some(FindingHelp { advice, commands }) = FindingHelp::of(report, finding) else { return String::new() };
    let advice = advice.map(|advice| plain(&advice));
    advice.into_iter().chain(commands.iter().map(|line| command(line))).collect::<Vec<_>>().join("<br>")
}

fn services(page: &mut String, report: &Report) {
    if report.services.is_empty() {
        return;
    }
    line(page, "");
    line(page, "| | service | compared |");
    line(page, "|---|---|---|");
    for (index, service) in report.services.iter().enumerate() {
        let compared = match &service.error {
            Some(error) => plain(error),
            None if service.needs.is_some() => service.extent(),
            None => format!("{}{}", service.compared, service.uncompared()),
        };
        let shortfall = report.shortfall_text(service);
        let compared = if shortfall.is_empty() { compared } else { format!("{compared}, {shortfall}") };
        let row = format!("| {} | {} | {compared} |", report.verdict(service).label(), code(&service.service.name));
        if page.len() + row.len() > LONGEST_PAGE {
            return not_shown(page, report.services.len() - index, "more service");
        }
        line(page, &row);
    }
}

/// Writes a paragraph for each check that was skipped.
fn skipped(page: &mut String, report: &Report) {
    for service in &report.services {
        for check in report.skipped_checks(service) {
            let text = format!("Skipped on {}: {}: {}", code(&service.service.name), check.name, plain(&check.note));
            if page.len() + text.len() > LONGEST_PAGE {
                return;
            }
            line(page, "");
            line(page, &text);
        }
    }
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use crate::drift::Severity;
    use crate::drift::model::receipt::Receipt;
    use crate::report::test_support::{self, calm, cut_short, differs, incident, line};
    use crate::report::{Format, Report};

    fn rendered(report: &Report) -> String {
        test_support::rendered(report, Format::Markdown)
    }

    #[test]
    fn comment_lists_findings_locations_and_commands() {
        let mut report = incident();
        report.findings.truncate(2);
        report.services.push(line("idle", 0, 0));
        let expected = "\
### doctor: 1 error

`agentverse` · `staging` · `.env`

| | rule | finding | where | help |
|---|---|---|---|---|
| **error** | `value-differs` | STAGING\\_OPS\\_API\\_KEY differs between .env and Railway | `.env:5` `agentverse-api-staging` `agentverse-worker-staging` | `doctor fix --only STAGING_OPS_API_KEY` |

<details><summary>1 note</summary>

| | rule | finding | where | help |
|---|---|---|---|---|
| note | `missing-locally` | SENTRY\\_DSN is on agentverse-api-staging and not in .env | `agentverse-api-staging` |  |

</details>

| | service | compared |
|---|---|---|
| FAIL | `agentverse-api-staging` | 6, 1 sealed |
| FAIL | `agentverse-worker-staging` | 5 |
| SKIP | `idle` | 0 |
";
        assert_eq!(rendered(&report), expected);
        assert!(rendered(&calm()).starts_with("### doctor: all checks passed\n"));
        let notes = Report { findings: incident().findings.split_off(1), ..calm() };
        let output = rendered(&notes);
        assert!(output.starts_with("### doctor: all checks passed\n"), "{output}");
        assert!(output.contains("\n\n<details><summary>3 notes</summary>\n\n|"), "{output}");
        let failing = rendered(&Report { fail_on: Some(Severity::Note), ..notes });
        assert!(failing.starts_with("### doctor: 3 notes\n") && !failing.contains("<details>"), "{failing}");
    }

    #[test]
    fn comment_is_limited_in_rows_and_in_size() {
        let many = |number: usize, services: &[&str]| {
            (0..number).map(|index| differs(&format!("KEY_{index}"), services)).collect::<Vec<_>>()
        };
        let mut notes = many(30, &["api"]);
        for note in &mut notes {
            note.severity = Severity::Note;
        }
        let output = rendered(&Report { findings: [many(190, &["api"]), notes].concat(), ..calm() });
        assert_eq!((output.matches("| **error** |").count(), output.matches("| note |").count()), (190, 10));
        assert!(output.contains("\n20 more findings not shown here.\n\n</details>\n"), "{output}");
        let services: Vec<String> = (0..100).map(|index| format!("a-service-with-a-long-name-{index}")).collect();
        let services: Vec<&str> = services.iter().map(String::as_str).collect();
        let output = rendered(&Report { findings: many(100, &services), ..calm() });
        assert!(output.len() < 65_536 && output.contains(" more findings not shown here."), "{}", output.len());
    }

    #[test]
    fn comment_is_limited_in_services_and_steps() {
        let names: Vec<String> = (0..1500).map(|index| format!("a-service-with-a-long-name-{index}")).collect();
        let services = names.iter().map(|name| line(name, 1, 0)).collect();
        let findings = names.iter().map(|name| differs("KEY", &[name])).collect();
        let output = rendered(&Report { services, findings, exit_code: 1, ..calm() });
        let rows = output.lines().filter(|line| line.starts_with("| FAIL |")).count();
        assert!(output.len() < 65_536 && rows > 0, "{}", output.len());
        assert!(output.ends_with(&format!("\n\n{} more services not shown here.\n", 1500 - rows)), "{output}");
        let receipts = names.iter().map(|name| Receipt::of("push", Some("KEY"), name)).collect();
        let output = rendered(&Report { command: "undo", receipts, ..calm() });
        let rows = output.lines().filter(|line| line.contains("| push |")).count();
        assert!(output.len() < 65_536 && rows > 0, "{}", output.len());
        assert!(output.contains(&format!("\n\n{} more steps not shown here.\n", 1500 - rows)), "{output}");
    }

    #[test]
    fn fix_outcome_lists_steps_without_unchecked_findings() {
        let expected = "\
### doctor: interrupted · 1 done, 1 not-tried, 1 failed

`agentverse` · `staging` · `.env`

| | change | where | key | |
|---|---|---|---|---|
| done | push | <code>api&#124;1</code> | `A` |  |
| failed | push | <code>api&#124;1</code> | `B` | Railway refused the change:<!-- --> \\\\u{1b}\\[2J |
| not-tried | redeploy | <code>api&#124;1</code> |  | interrupted |

interrupted; \\`doctor check\\` shows the current state
";
        assert_eq!(rendered(&cut_short()), expected);
        let undo = Report { command: "undo", receipts: Vec::new(), not_rechecked: false, ..cut_short() };
        assert!(rendered(&undo).starts_with("### doctor: interrupted · nothing was done\n"));
    }

    #[test]
    fn cause_advice_and_commands_are_separate_lines() {
        let mut finding = differs("KEY", &["api"]);
        finding.reason = Some("the stored value is older".to_owned());
        finding.advice = Some("compare both values, then run:".to_owned());
        let report = Report { findings: vec![finding], undo_command: Some("doctor undo 1".to_owned()), ..calm() };
        let output = rendered(&report);
        let expected = "KEY differs between .env and Railway<br>cause: the stored value is older | `.env:5` `api` | \
                        compare both values, then run:<!-- --><br>`doctor fix --only KEY` |\n";
        assert!(output.contains(expected), "{output}");
        assert!(output.ends_with("\n\nTo undo this run: `doctor undo 1`\n"), "{output}");
    }

    #[test]
    fn name_with_bars_and_line_breaks_stays_in_one_row() {
        let report = Report { findings: vec![differs("A|B\n| x", &["api"])], ..calm() };
        let rows = rendered(&report).lines().filter(|line| line.starts_with("| **error**")).count();
        assert_eq!(rows, 1);
    }
}
