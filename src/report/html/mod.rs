//! One self-contained page for a browser: it loads and sends nothing, and runs only its own script.

pub(crate) mod page;

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::drift::model::finding::Finding;
use crate::report::finding_help::FindingHelp;
use crate::report::html::page::{escape_html, head, page, services, title};
use crate::report::matrix::html::section;
use crate::report::text::wording;
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
    for found in &report.findings {
        finding(report, found, body);
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
