//! Many findings of one rule as one block, which keeps a report short.

use crate::drift::ResourceRef;
use crate::drift::model::finding::Finding;
use crate::drift::phrases::{count, grouped};
use crate::report::finding_help::FindingHelp;
use crate::report::paint::Tone;
use crate::report::text::finding_block;
use crate::report::text::page::TextPage;
use crate::report::text::text_width::{columns, pad};
use crate::report::text::wording::{self, FEW, FindingGroup, listed};
use crate::report::{Report, escape, shell_command};

/// Findings of one rule and severity that have a block each; more of them share one.
pub(crate) const MOST_BLOCKS: usize = 5;
/// Rows of a shared block before the rest is counted.
pub(crate) const ROWS: usize = 10;
/// The details of a longer name are below it.
const NAME: usize = 32;
const INDENT: usize = 4;

/// Writes a group of findings: the most serious in a row each, and the number of the others. The report's order is kept,
/// which has the most serious first.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report, group: &FindingGroup<'_>) {
    page.gap();
    let heading = count(group.findings.len(), group.severity.name());
    page.headline(&[(group.severity.into(), &heading), (Tone::Plain, ": ")], group.rule.summary, group.rule.name);
    rows(page, group);
    let rest = match group.findings.len().saturating_sub(ROWS) {
        0 => "(-v shows the details)".to_owned(),
        1 => "… and 1 more (-v shows it, and the details)".to_owned(),
        more => format!("… and {} more (-v shows them, and the details)", grouped(more)),
    };
    page.line(&[(Tone::Faint, &format!("{}{rest}", " ".repeat(INDENT)))]);
    if let Some(help) = common_help(report, group).or_else(|| help_for_all(report, group)) {
        finding_block::help(page, &help);
    }
}

fn rows(page: &mut TextPage<'_>, group: &FindingGroup<'_>) {
    let has_services = |services: &&Vec<ResourceRef>| !services.is_empty();
    let common = shared(&group.findings, |finding| Some(&finding.services).filter(has_services));
    if common.is_some() {
        finding_block::labelled(page, "on", &listed(&wording::services(group.findings[0]), FEW));
    }
    let shown = &group.findings[..group.findings.len().min(ROWS)];
    let names: Vec<String> = shown.iter().map(|finding| escape::line(&wording::name(finding)).into_owned()).collect();
    let limit = NAME.min(page.prose() / 2);
    let column = names.iter().map(|name| columns(name)).filter(|&width| width <= limit).max().unwrap_or(limit);
    for (finding, name) in shown.iter().zip(&names) {
        let services = if common.is_some() { Vec::new() } else { wording::services(finding) };
        row(page, name, column, &details(finding, &services));
    }
}

fn details(finding: &Finding, services: &[&str]) -> Vec<String> {
    let places: Vec<String> = finding.places.iter().map(wording::place).collect();
    let parts = [listed(&places, FEW), listed(services, FEW), wording::unlabelled_reason(finding)];
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn row(page: &mut TextPage<'_>, name: &str, column: usize, details: &[String]) {
    let hang = INDENT + column + 2;
    let indent = " ".repeat(INDENT);
    if columns(name) > column {
        page.paragraph(&[(Tone::Plain, &indent)], INDENT, (Tone::Plain, name));
        page.flow(&[(Tone::Plain, &" ".repeat(hang))], hang, Tone::Plain, " · ", details);
    } else {
        let lead = [(Tone::Plain, indent.as_str()), (Tone::Plain, &pad(name, column + 2))];
        page.flow(&lead, hang, Tone::Plain, " · ", details);
    }
}

/// Returns a part that is equal for all findings.
fn shared<'r, T: PartialEq>(findings: &[&'r Finding], part: impl Fn(&'r Finding) -> Option<&'r T>) -> Option<&'r T> {
    let first = part(findings.first()?)?;
    findings.iter().all(|finding| part(finding) == Some(first)).then_some(first)
}

/// Returns the help that all findings of the group have, if there is any.
fn common_help(report: &Report, group: &FindingGroup<'_>) -> Option<FindingHelp> {
    let first = group.findings[0];
    let is_common = |finding: &&Finding| {
        finding.advice == first.advice && finding.next == first.next && finding.to_add == first.to_add
    };
    if !group.findings.iter().all(is_common) {
        return None;
    }
    FindingHelp::of(report, &Finding { services: services(group), ..first.clone() })
}

/// Returns the command that fixes all findings of the group, if it fixes no others.
fn help_for_all(report: &Report, group: &FindingGroup<'_>) -> Option<FindingHelp> {
    let fixable = report.findings.iter().filter(|finding| !finding.remedies.is_empty()).count();
    let is_own = |finding: &&Finding| !finding.remedies.is_empty() && finding.next.is_some();
    let fixes_others = fixable != group.findings.len();
    if !group.findings.iter().all(is_own) || fixes_others || !report.only.is_empty() || report.has_read_only_files() {
        return None;
    }
    let command = shell_command::command(report, &["fix".to_owned()], &services(group));
    FindingHelp::new(Some("to fix all of them, run:"), vec![command])
}

fn services(group: &FindingGroup<'_>) -> Vec<ResourceRef> {
    group.findings.iter().flat_map(|finding| finding.services.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use crate::drift::model::finding::{Finding, Remedy};
    use crate::report::test_support::{MISSING, calm, differs, finding, text};
    use crate::report::text::folded_findings::{MOST_BLOCKS, ROWS};
    use crate::report::{Detail, Report};

    fn many(number: usize) -> Vec<Finding> {
        (0..number).map(|at| differs(&format!("KEY_{at:04}"), &["api"])).collect()
    }

    fn plain(number: usize) -> Vec<Finding> {
        (0..number).map(|at| differs(&format!("NAME_{at:04}"), &["api"])).collect()
    }

    fn rows(output: &str) -> Vec<&str> {
        let is_row = |line: &&str| line.starts_with("    KEY_") || line.starts_with("    NAME_");
        output.lines().filter(is_row).filter_map(|line| line.split_whitespace().next()).collect()
    }

    #[test]
    fn findings_beyond_ten_are_counted() {
        let normal = |number| text(&Report { findings: many(number), exit_code: 1, ..calm() }, 80, Detail::Normal);
        assert_eq!(normal(MOST_BLOCKS).matches("error: KEY_").count(), MOST_BLOCKS);
        assert_eq!(rows(&normal(ROWS)).len(), ROWS);
        assert!(!normal(ROWS).contains('…'), "{}", normal(ROWS));
        assert!(
            normal(ROWS + 1).contains("\n    … and 1 more (-v shows it, and the details)\n"),
            "{}",
            normal(ROWS + 1)
        );
        let output = normal(3001);
        assert!(output.contains("\n    … and 2,991 more (-v shows them, and the details)\n"), "{output}");
        assert!(output.contains("\n3,001 errors · "), "{output}");
        assert!(output.lines().count() < 30, "{output}");
        let report = Report { findings: many(30), exit_code: 1, ..calm() };
        assert_eq!(text(&report, 80, Detail::Verbose).matches("error: KEY_").count(), 30);
    }

    #[test]
    fn quiet_report_counts_findings_beyond_ten() {
        let quiet = |findings| text(&Report { findings, exit_code: 1, ..calm() }, 80, Detail::Quiet);
        let output = quiet([many(3000), plain(1)].concat());
        assert_eq!(output.matches("error: ").count(), ROWS + 1, "{output}");
        assert!(output.contains("\nerror: … and 2,991 more [value-differs]\n3,001 errors · "), "{output}");
        assert!(!quiet(many(ROWS)).contains('…'), "{}", quiet(many(ROWS)));
    }

    #[test]
    fn every_severity_folds() {
        let findings = (0..300).map(|at| finding(&MISSING, &format!("KEY_{at}"), &["api"], "it is on no service"));
        let output = text(&Report { findings: findings.collect(), ..calm() }, 80, Detail::Normal);
        assert!(output.contains("\n300 warnings: "), "{output}");
        assert!(output.contains("\n    … and 290 more (-v"), "{output}");
        assert_eq!(rows(&output).len(), ROWS, "{output}");
    }

    #[test]
    fn first_findings_of_the_report_are_shown() {
        let findings = [plain(4), many(40)].concat();
        let output = text(&Report { findings, exit_code: 1, ..calm() }, 80, Detail::Normal);
        let rows = rows(&output);
        assert_eq!((rows.len(), rows[0], rows[9]), (ROWS, "NAME_0000", "KEY_0005"));
    }

    #[test]
    fn common_help_is_written_once() {
        let stale = |at| Finding {
            remedies: vec![Remedy::Redeploy],
            next: Some(Finding::fix_redeploy()),
            ..differs(&format!("KEY_{at}"), &[&format!("api-{at}")])
        };
        let output = text(&Report { findings: (0..200).map(stale).collect(), ..calm() }, 80, Detail::Normal);
        assert_eq!(output.matches("doctor fix").count(), 1, "{output}");
        assert!(output.contains("and the details)\n  help: run:\n    doctor fix --redeploy\n"), "{output}");
    }

    #[test]
    fn command_for_all_is_printed_only_if_it_fixes_nothing_else() {
        let all = "  help: to fix all of them, run:\n    doctor fix\n";
        let alone = Report { findings: many(20), exit_code: 1, ..calm() };
        assert!(text(&alone, 80, Detail::Normal).contains(all));
        let redeploy = Finding { remedies: vec![Remedy::Redeploy], ..finding(&MISSING, "OTHER", &["api"], "other") };
        let mixed = Report { findings: [many(20), vec![redeploy]].concat(), exit_code: 1, ..calm() };
        assert!(!text(&mixed, 80, Detail::Normal).contains(all));
        let mut without_next = many(20);
        without_next[3].next = None;
        let partly = Report { findings: without_next, exit_code: 1, ..calm() };
        assert!(!text(&partly, 80, Detail::Normal).contains(all));
        let named = Report { only: vec!["KEY_0001".to_owned()], findings: many(20), exit_code: 1, ..calm() };
        assert!(!text(&named, 80, Detail::Normal).contains(all));
    }

    #[test]
    fn piped_variables_are_never_read_without_a_pipe() {
        let report = |flags| Report { flags, findings: many(20), exit_code: 1, ..calm() };
        let from_file = text(&report(Vec::new()), 80, Detail::Normal);
        assert!(from_file.contains("    doctor fix\n") && from_file.contains("    doctor init\n"), "{from_file}");
        let flags = vec!["--env-file=-".to_owned()];
        let piped = text(&report(flags.clone()), 80, Detail::Normal);
        assert!(!piped.contains("doctor fix") && !piped.contains("doctor init"), "{piped}");
        let stale = |at| Finding { next: Some(Finding::fix_redeploy()), ..differs(&format!("KEY_{at}"), &["api"]) };
        let report = Report { flags, findings: (0..20).map(stale).collect(), ..calm() };
        let help = "  help: pipe the variables in again, and run:\n    doctor fix --redeploy --env-file=-\n";
        assert!(text(&report, 80, Detail::Normal).contains(help), "{}", text(&report, 80, Detail::Normal));
    }
}
