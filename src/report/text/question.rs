//! What `doctor fix` shows at its prompts: the findings above the menu in a few lines, and one finding above the question
//! about it. The questions are visible together with it on a screen of 24 lines.

use crate::drift::model::finding::Finding;
use crate::drift::phrases::count;
use crate::report::Report;
use crate::report::count::Tally;
use crate::report::paint::Tone;
use crate::report::text::finding_block::{self, BlockHelp};
use crate::report::text::page::TextPage;
use crate::report::text::wording::{self, FEW, FindingGroup, group_by_rule, listed};
use crate::report::text::{header, legend};

/// Findings that have a sentence each. If there are more, those of one rule share a line.
const SENTENCES: usize = 4;
/// Lines that are shown before the rest is counted.
const ROWS: usize = 4;
/// Keys of a rule that are shown before the rest is counted.
const KEYS: usize = 6;

/// Writes the target and a list of the findings. Each is shown in full above the question about it.
pub(crate) fn list(page: &mut TextPage<'_>, report: &Report) {
    header::write(page, report);
    // Notes are offered only if the user asks for them.
    let is_listed = |finding: &&Finding| report.lists(finding.severity) || !report.only.is_empty();
    let (shown, hidden): (Vec<&Finding>, Vec<&Finding>) = report.findings.iter().partition(is_listed);
    page.gap();
    let groups = if shown.len() > SENTENCES { group_by_rule(shown) } else { shown.into_iter().map(single).collect() };
    for group in groups.iter().take(ROWS) {
        row(page, group);
    }
    let mut rest = Tally::default();
    for finding in groups.iter().skip(ROWS).flat_map(|group| &group.findings) {
        rest.add(finding.severity);
    }
    if rest != Tally::default() {
        page.line(&[(Tone::Strong, &format!("… and {} (-v lists them)", rest.summary()))]);
    }
    if !hidden.is_empty() {
        let them = if hidden.len() == 1 { "it" } else { "them" };
        page.line(&[(Tone::Faint, &format!("{} (-v lists {them})", count(hidden.len(), "note")))]);
    }
}

fn single(finding: &Finding) -> FindingGroup<'_> {
    FindingGroup { rule: finding.rule, severity: finding.severity, findings: vec![finding] }
}

/// Writes a finding as a sentence, or several as their number and their keys.
fn row(page: &mut TextPage<'_>, group: &FindingGroup<'_>) {
    let severity = group.severity.name();
    if let [finding] = group.findings.as_slice() {
        let lead = [(group.severity.into(), severity), (Tone::Plain, ": ")];
        page.headline(&lead, &sentence(finding), group.rule.name);
        return;
    }
    let number = count(group.findings.len(), severity);
    page.headline(&[(group.severity.into(), &number), (Tone::Plain, ": ")], group.rule.summary, group.rule.name);
    let items: Vec<String> = group.findings.iter().map(|finding| item(finding)).collect();
    page.paragraph(&[(Tone::Plain, "    ")], 4, (Tone::Plain, &listed(&items, KEYS)));
}

/// Returns the message, with the services that it does not mention.
fn sentence(finding: &Finding) -> String {
    let mut services = wording::services(finding);
    services.retain(|name| !wording::mentions(&finding.message, name));
    if services.is_empty() {
        return finding.message.clone();
    }
    format!("{}: {}", listed(&services, FEW), finding.message)
}

/// Returns the name of a finding in a list: its key, its services, its first place or its message.
fn item(finding: &Finding) -> String {
    let services = Some(listed(&wording::services(finding), 1)).filter(|services| !services.is_empty());
    let place = || finding.places.first().map(wording::place);
    finding.key.clone().or(services).or_else(place).unwrap_or_else(|| finding.message.clone())
}

/// Whether the meaning of `●` is explained below a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legend {
    Shown,
    Omitted,
}

/// A finding above the question about it.
#[derive(Clone, Debug)]
pub struct AskedFinding<'f> {
    pub finding: &'f Finding,
    /// Why it can't be fixed in a way that is not among the choices; sentences without a full stop.
    pub obstacles: Vec<&'f str>,
    pub legend: Legend,
}

/// Writes a finding with its values and causes, but without help, which the choices below it replace.
pub(crate) fn finding(page: &mut TextPage<'_>, report: &Report, asked: &AskedFinding<'_>) {
    finding_block::write(page, report, asked.finding, BlockHelp::Omitted);
    for obstacle in &asked.obstacles {
        finding_block::labelled(page, "note", obstacle);
    }
    if asked.legend == Legend::Shown {
        legend(page);
        page.gap();
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::Severity;
    use crate::drift::model::finding::Finding;
    use crate::report::test_support::{LINE, NATURE, calm, differs, finding, key, text, text_options};
    use crate::report::{AskedFinding, Detail, Legend, Report, ReportPart};

    fn above_the_menu(findings: Vec<Finding>) -> String {
        let output = text(&Report { findings, part: ReportPart::Question, ..calm() }, 80, Detail::Normal);
        output.split_once("\n\n").expect("the header ends with an empty line").1.to_owned()
    }

    #[test]
    fn few_findings_have_a_sentence_each() {
        let findings = vec![differs("A", &["api"]), finding(&LINE, "B", &["api"], ".env:3 is not an assignment"), {
            finding(&NATURE, "PORT", &["api"], "PORT differs")
        }];
        let message = differs("A", &["api"]).message;
        let expected = format!(
            "error: api: {message} [value-differs]\nwarning: api: .env:3 is not an assignment [unreadable-line]\n\
             1 note (-v lists it)\n"
        );
        assert_eq!(above_the_menu(findings), expected);
    }

    #[test]
    fn many_findings_fit_on_a_screen() {
        let keys: Vec<String> = (10..50).map(|number| format!("KEY_{number}")).collect();
        let mut findings: Vec<Finding> = keys.iter().map(|key| differs(key, &["api"])).collect();
        findings.push(finding(&LINE, "B", &["api"], ".env:3 is not an assignment"));
        let output = above_the_menu(findings);
        let lines: Vec<&str> = output.lines().collect();
        assert!(lines[0].starts_with("40 errors: ") && lines[0].ends_with("[value-differs]"), "{output}");
        assert_eq!(lines[1], "    KEY_10, KEY_11, KEY_12, KEY_13, KEY_14, KEY_15 and 34 more");
        assert_eq!(lines[2..], ["warning: api: .env:3 is not an assignment [unreadable-line]"], "{output}");
    }

    #[test]
    fn finding_above_its_question_has_obstacles_and_no_help() {
        let (key, differing) = (key(), differs("A", &["api"]));
        let options = text_options(&key, 80, Detail::Normal);
        let text = |legend| {
            let asked = AskedFinding { finding: &differing, obstacles: vec!["A is a placeholder in .env"], legend };
            crate::report::finding(&calm(), &asked, &options)
        };
        let block = text(Legend::Omitted);
        assert!(block.starts_with("error: A differs between .env and Railway [value-differs]\n    .env:5  local"));
        assert!(block.ends_with("\n  note: A is a placeholder in .env\n") && !block.contains("help"), "{block}");
        let explained = text(Legend::Shown);
        assert!(explained.starts_with(&block) && explained.ends_with(" in this run\n\n"), "{explained}");
    }

    #[test]
    fn notes_are_listed_if_they_are_asked_about() {
        let note = || finding(&NATURE, "PORT", &["api"], "PORT differs");
        for report in
            [Report { only: vec!["PORT".to_owned()], ..calm() }, Report { fail_on: Some(Severity::Note), ..calm() }]
        {
            let report = Report { findings: vec![note()], part: ReportPart::Question, ..report };
            let output = text(&report, 80, Detail::Normal);
            assert!(output.ends_with("\nnote: api: PORT differs [expected-difference]\n"), "{output}");
        }
    }
}
