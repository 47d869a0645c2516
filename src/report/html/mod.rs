//! One self-contained page for a browser: it loads nothing, sends nothing, and runs no script but its own.

pub(crate) mod page;

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::drift::model::finding::Finding;
use crate::report::html::page::{harmless, head, page, services, title};
use crate::report::matrix::html::section;
use crate::report::text::wording;
use crate::report::{Report, link, receipts, shell_command};

/// Writes the report as one self-contained page: the matrix on top if there is one, and the findings below it.
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

/// What became of each step of a fix.
fn steps(report: &Report, body: &mut String) {
    let lines = receipts(report);
    if lines.is_empty() {
        return;
    }
    body.push_str("<h2>Steps</h2>\n<ul>\n");
    for line in lines.iter().chain(&report.all_endings()) {
        let _ = writeln!(body, "<li>{}</li>", harmless(line));
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
    let word = finding.severity.name();
    let _ = writeln!(
        body,
        "<article class=\"finding {word}\">\n<h3><span class=\"{word}\">{word}</span> {}</h3>\n<dl>",
        harmless(&finding.message)
    );
    let mut fact = |name: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(body, "<div><dt>{name}</dt><dd>{}</dd></div>", harmless(text));
        }
    };
    fact("rule", &format!("{} ({})", finding.rule.name, finding.rule.code));
    fact("on", &wording::services(finding).join(", "));
    fact("at", &finding.places.iter().map(wording::place).collect::<Vec<_>>().join(", "));
    fact("why", finding.reason.as_deref().unwrap_or_default());
    fact("help", finding.advice.as_deref().unwrap_or_default());
    fact("see", &link::deployment(report, finding).unwrap_or_default());
    for (name, words) in [("to add it", &finding.to_add), ("next", &finding.next)] {
        let command = words.as_ref().and_then(|words| shell_command::command(report, words, &finding.services));
        if let Some(command) = command {
            let _ = writeln!(body, "<div><dt>{name}</dt><dd><code>{}</code></dd></div>", harmless(&command));
        }
    }
    body.push_str("</dl>\n</article>\n");
}
