//! One self-contained page for a browser: it loads and sends nothing, and runs only its own script.

pub(crate) mod page;

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::drift::model::finding::Finding;
use crate::drift::phrases::count;
use crate::report::finding_help::FindingHelp;
use crate::report::html::page::{escape_html, head, page, services, title};
use crate::report::matrix::html::section;
use crate::report::text::wording;
use crate::report::trace::html::section as trace_section;
use crate::report::{Report, link, receipts};

/// Writes the report as one self-contained page, with the matrix on top if there is one.
///
/// # Errors
///
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut body = String::new();
    head(report, &mut body);
    if let Some(matrix) = &report.matrix {
        section(report, matrix, &mut body);
    }
    steps(report, &mut body);
    if let Some(trace) = &report.trace {
        trace_section(trace, &mut body);
    }
    findings(report, &mut body);
    if report.compares() {
        services(report, &mut body);
    }
    out.write_all(page(&title(report), &body).as_bytes())
}

/// Writes the outcome of each step of a fix.
fn steps(report: &Report, body: &mut String) {
    let lines = receipts(report);
    if lines.is_empty() {
        return;
    }
    body.push_str("<h2>Steps</h2>\n<ul>\n");
    for line in lines.iter().chain(&report.endings) {
        let _ = writeln!(body, "<li>{}</li>", escape_html(line));
    }
    if let Some(command) = &report.undo_command {
        let _ = writeln!(body, "<li>To undo this run: <code>{}</code></li>", escape_html(command));
    }
    body.push_str("</ul>\n");
}

fn findings(report: &Report, body: &mut String) {
    if report.findings.is_empty() {
        return;
    }
    body.push_str("<h2>Findings</h2>\n");
    let (listed, folded): (Vec<_>, Vec<_>) = report.findings.iter().partition(|found| report.lists(found.severity));
    for found in listed {
        finding(report, found, body);
    }
    if !folded.is_empty() {
        let _ = writeln!(body, "<details>\n<summary>{}</summary>", count(folded.len(), "note"));
        for found in folded {
            finding(report, found, body);
        }
        body.push_str("</details>\n");
    }
}

fn finding(report: &Report, finding: &Finding, body: &mut String) {
    let severity = finding.severity.name();
    let _ = writeln!(
        body,
        "<article class=\"finding {severity}\">\n<h3><span class=\"{severity}\">{severity}</span> {}</h3>\n<dl>",
        escape_html(&finding.message)
    );
    let mut fact = |name: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(body, "<div><dt>{name}</dt><dd>{}</dd></div>", escape_html(text));
        }
    };
    fact("rule", &format!("{} ({})", finding.rule.name, finding.rule.code));
    fact("on", &wording::services(finding).join(", "));
    fact("at", &finding.places.iter().map(wording::place).collect::<Vec<_>>().join(", "));
    fact("cause", finding.reason.as_deref().unwrap_or_default());
    if let Some(FindingHelp { advice, commands }) = FindingHelp::of(report, finding) {
        let commands = commands.iter().map(|command| format!("<code>{}</code>", escape_html(command)));
        let lines: Vec<String> = advice.map(|advice| escape_html(&advice)).into_iter().chain(commands).collect();
        let _ = writeln!(body, "<div><dt>help</dt><dd>{}</dd></div>", lines.join("<br>\n"));
    }
    if let Some(link) = link::deployment(report, finding) {
        let _ = writeln!(body, "<div><dt>see</dt><dd>{}</dd></div>", escape_html(&link));
    }
    body.push_str("</dl>\n</article>\n");
}

#[cfg(test)]
mod tests {
    use crate::report::test_support::{self, calm, incident};
    use crate::report::{Format, Report};

    fn rendered(report: &Report) -> String {
        test_support::rendered(report, Format::Html)
    }

    #[test]
    fn page_has_version_and_date() {
        let time = Some("2026-11-24T13:45:30Z".parse().expect("it is a time"));
        let output = rendered(&Report { time, ..calm() });
        let version = env!("CARGO_PKG_VERSION");
        assert!(
            output.contains(&format!("<p class=\"faint\">doctor {version} · 2026-11-24 13:45 UTC</p>")),
            "{output}"
        );
        assert!(output.contains(&format!("<meta name=\"generator\" content=\"doctor {version}\">")), "{output}");
        assert!(output.contains("<strong>all checks passed · 11 values compared"), "{output}");
    }

    #[test]
    fn notes_are_folded_below_the_other_findings() {
        let output = rendered(&incident());
        let (above, folded) = output.split_once("<details>\n<summary>3 notes</summary>\n").expect("notes are folded");
        assert!(above.contains("STAGING_OPS_API_KEY differs") && !above.contains("SENTRY_DSN is on"), "{output}");
        let (folded, _) = folded.split_once("</details>").expect("the details end");
        assert_eq!(folded.matches("<article class=\"finding note\">").count(), 3, "{output}");
        let failing = rendered(&Report { fail_on: Some(crate::drift::Severity::Note), ..incident() });
        assert!(!failing.contains("<details>"), "notes that fail the run are not folded: {failing}");
    }
}
