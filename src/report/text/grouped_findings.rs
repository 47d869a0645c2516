//! Many findings of one rule as one block, which keeps the report of a first run short.

use std::collections::BTreeSet;

use crate::drift::model::finding::Finding;
use crate::drift::phrases::count;
use crate::drift::{ResourceRef, Severity};
use crate::report::finding_help::FindingHelp;
use crate::report::paint::Tone;
use crate::report::text::finding_block;
use crate::report::text::page::TextPage;
use crate::report::text::text_width::{columns, pad};
use crate::report::text::wording::{self, FEW, FindingGroup, group_by, listed};
use crate::report::{Report, escape, shell_command};

/// The details of a longer key are below it.
const KEY: usize = 32;
/// Keys of one list that are shown before the rest is counted.
const LISTED: usize = 50;
const INDENT: usize = 4;

/// Writes a group of findings: errors in a row each, others as lists of keys.
pub(crate) fn write(page: &mut TextPage<'_>, report: &Report, group: &FindingGroup<'_>) {
    page.gap();
    let heading = count(group.findings.len(), group.severity.name());
    page.headline(&[(group.severity.into(), &heading), (Tone::Plain, ": ")], group.rule.summary, group.rule.name);
    if group.severity == Severity::Error {
        rows(page, group);
    } else {
        lists(page, group);
    }
    page.line(&[(Tone::Faint, &format!("{}(-v shows the details)", " ".repeat(INDENT)))]);
    if let Some(help) = help(report, group) {
        finding_block::help(page, &help);
    }
}

/// Returns the advice that all of them have, and the command for all of them.
fn help(report: &Report, group: &FindingGroup<'_>) -> Option<FindingHelp> {
    let advice = shared(&group.findings, |finding| finding.advice.as_ref());
    let command = next(report, group).map(|arguments| {
        let services = group.findings.iter().flat_map(|finding| finding.services.iter().cloned());
        shell_command::command(report, &arguments, &services.collect::<Vec<ResourceRef>>())
    });
    FindingHelp::new(advice.map(String::as_str), command.into_iter().collect())
}

/// Returns the arguments that all of them have. If each fixes only its own key, `fix` for all keys, or for those of
/// `--only`, without a direction, which may differ between the keys.
fn next(report: &Report, group: &FindingGroup<'_>) -> Option<Vec<String>> {
    if let Some(arguments) = shared(&group.findings, |finding| finding.next.as_ref()) {
        return Some(arguments.clone());
    }
    let fixes_its_key = |finding: &&Finding| {
        let own = finding.key.as_deref().map(Finding::fix_only);
        let is_directed = |next: &Vec<String>, own: &Vec<String>| finding.remedies.len() > 1 && next.starts_with(own);
        own.zip(finding.next.as_ref()).is_some_and(|(own, next)| *next == own || is_directed(next, &own))
    };
    group.findings.iter().all(fixes_its_key).then(|| {
        let named =
            group.findings.iter().filter(|_| !report.only.is_empty()).filter_map(|finding| finding.key.as_ref());
        let named: BTreeSet<String> = named.map(|key| format!("--only={key}")).collect();
        [String::from("fix")].into_iter().chain(named).collect()
    })
}

/// Returns the name of a finding in a list: its key, its first place or its message.
pub(crate) fn item(finding: &Finding) -> String {
    let item = finding.key.clone().or_else(|| finding.places.first().map(wording::place));
    item.unwrap_or_else(|| finding.message.clone())
}

/// Returns the heading of a list: `.env · api, worker`.
fn list_heading(finding: &Finding) -> String {
    let files = if finding.key.is_some() { wording::files(finding) } else { Vec::new() };
    let parts = [listed(&files, FEW), listed(&wording::services(finding), FEW)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn rows(page: &mut TextPage<'_>, group: &FindingGroup<'_>) {
    let has_services = |services: &&Vec<ResourceRef>| !services.is_empty();
    let common = shared(&group.findings, |finding| Some(&finding.services).filter(has_services));
    if common.is_some() {
        finding_block::labelled(page, "on", &listed(&wording::services(group.findings[0]), FEW));
    }
    let keys: Vec<String> = group.findings.iter().map(|finding| escape::line(&item(finding)).into_owned()).collect();
    let limit = KEY.min(page.prose() / 2);
    let column = keys.iter().map(|key| columns(key)).filter(|&width| width <= limit).max().unwrap_or(limit);
    for (finding, key) in group.findings.iter().zip(&keys) {
        let services = if common.is_some() { Vec::new() } else { wording::services(finding) };
        row(page, key, column, &details(finding, &services));
    }
}

fn details(finding: &Finding, services: &[&str]) -> Vec<String> {
    let places: Vec<String> = finding.places.iter().map(wording::place).collect();
    let parts = [listed(&places, FEW), listed(services, FEW), wording::unlabelled_reason(finding)];
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn row(page: &mut TextPage<'_>, key: &str, column: usize, details: &[String]) {
    let hang = INDENT + column + 2;
    let indent = " ".repeat(INDENT);
    if columns(key) > column {
        page.paragraph(&[(Tone::Plain, &indent)], INDENT, (Tone::Plain, key));
        page.flow(&[(Tone::Plain, &" ".repeat(hang))], hang, Tone::Plain, " · ", details);
    } else {
        let lead = [(Tone::Plain, indent.as_str()), (Tone::Plain, &pad(key, column + 2))];
        page.flow(&lead, hang, Tone::Plain, " · ", details);
    }
}

fn lists(page: &mut TextPage<'_>, group: &FindingGroup<'_>) {
    for (label, findings) in group_by(group.findings.iter().copied(), list_heading) {
        let mut items: Vec<String> = findings.iter().take(LISTED).map(|finding| item(finding)).collect();
        if findings.len() > LISTED {
            items.push(format!("and {} more", findings.len() - LISTED));
        }
        let mut hang = INDENT;
        if !label.is_empty() {
            page.paragraph(&[(Tone::Plain, &" ".repeat(INDENT))], INDENT, (Tone::Faint, &label));
            hang += 2;
        }
        page.flow(&[(Tone::Plain, &" ".repeat(hang))], hang, Tone::Plain, ", ", &items);
    }
}

/// Returns a part that is equal for all findings.
fn shared<'r, T: PartialEq>(findings: &[&'r Finding], part: impl Fn(&'r Finding) -> Option<&'r T>) -> Option<&'r T> {
    let first = part(findings.first()?)?;
    findings.iter().all(|finding| part(finding) == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use crate::drift::model::finding::{Finding, Remedy};
    use crate::report::test_support::{calm, differs};
    use crate::report::text::grouped_findings::next;
    use crate::report::text::wording::group_by_rule;

    #[test]
    fn command_for_all_keys_has_no_direction() {
        let directed = |key, direction: &[&str]| {
            let next = [Finding::fix_only(key), direction.iter().map(|&flag| flag.to_owned()).collect()].concat();
            Finding { remedies: vec![Remedy::Push, Remedy::Pull], next: Some(next), ..differs(key, &["api"]) }
        };
        let findings = [directed("A", &["--pull"]), directed("B", &[]), directed("C", &["--push"])];
        let groups = group_by_rule(findings.iter().collect::<Vec<_>>());
        assert_eq!(next(&calm(), &groups[0]), Some(vec!["fix".to_owned()]));
        let only_pull = Finding { remedies: vec![Remedy::Pull], ..directed("A", &["--pull"]) };
        let findings = [only_pull, directed("B", &[])];
        assert_eq!(next(&calm(), &group_by_rule(findings.iter().collect::<Vec<_>>())[0]), None);
    }
}
