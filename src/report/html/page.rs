//! The parts that all pages share: the frame, the head and the list of services.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use crate::drift::phrases::count;
use crate::report::count::Tally;
use crate::report::{Report, ServiceVerdict, baseline, escape, uncompared};

/// The program and its version.
const PROGRAM: &str = concat!("doctor ", env!("CARGO_PKG_VERSION"));
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("filter.js");

/// Returns the title of the page.
pub(crate) fn title(report: &Report) -> String {
    format!("{} · {}", report.project.name, report.environment_names())
}

/// Escapes text for HTML, including characters that are hidden or reorder text.
pub(crate) fn escape_html(text: &str) -> String {
    let text = escape::line(text);
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Escapes a name, and allows line breaks after underscores and hyphens.
pub(crate) fn breakable(name: &str) -> String {
    escape_html(name).replace('_', "_<wbr>").replace('-', "-<wbr>")
}

/// Returns a page with this body. The content security policy allows only its own style and script, by their hashes.
/// `frame-ancestors` has no effect outside of an HTTP header.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escape_html(title);
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"{PROGRAM}\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} – doctor</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// Returns the hash source of an inline text for a content security policy.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

/// Writes the target and the totals.
pub(crate) fn head(report: &Report, body: &mut String) {
    let _ = writeln!(body, "<h1>{}</h1>", escape_html(&title(report)));
    let files: Vec<String> = report.files.iter().map(|(name, origin)| format!("{name} ({origin})")).collect();
    let items = [files.join(", "), report.without_file().unwrap_or_default(), scope(report), origins(report)];
    let items: Vec<String> = items.iter().filter(|item| !item.is_empty()).map(|item| escape_html(item)).collect();
    let _ = writeln!(body, "<p class=\"faint\">{}</p>", items.join(" · "));
    let time = report.time.map(|time| format!(" · {}", time.strftime("%F %R UTC"))).unwrap_or_default();
    let _ = writeln!(body, "<p class=\"faint\">{PROGRAM}{time}</p>");
    let mut totals: Vec<String> = report.conclusion().iter().map(|phrase| escape_html(phrase)).collect();
    if report.compares() {
        let findings = Tally::of(&report.findings).summary();
        if report.all_passed() {
            totals.push("all checks passed".to_owned());
        } else if report.only_known() {
            totals.push("no new findings".to_owned());
        } else if findings.is_empty() && totals.is_empty() {
            totals.push("no findings".to_owned());
        }
        totals.extend(Some(findings).filter(|findings| !findings.is_empty()));
        totals.push(report.extent());
    } else if report.traces() {
        totals.extend(report.trace.iter().map(|trace| escape_html(&trace.summary())));
        totals.extend(report.trace.iter().flat_map(|trace| trace.totals().phrases()));
    } else {
        totals.push(report.steps());
    }
    totals.extend(uncompared(report.sealed(), report.unknown()));
    totals.extend(report.removed().iter().map(|count| escape_html(count)));
    totals.push(format!("exit code {}", report.exit_code));
    let _ = writeln!(body, "<p><strong>{}</strong></p>", totals.join(" · "));
    for remark in report.remarks.iter().chain(&report.baseline.iter().flat_map(baseline::lines).collect::<Vec<_>>()) {
        let _ = writeln!(body, "<p>{}</p>", escape_html(remark));
    }
    if let Some(help) = report.baseline.as_ref().and_then(baseline::help) {
        let commands: Vec<String> = help.commands.iter().map(|command| escape_html(command)).collect();
        let _ = writeln!(body, "<p>{} <code>{}</code></p>", escape_html(help.text()), commands.join(" "));
    }
}

fn scope(report: &Report) -> String {
    if let Some(trace) = report.trace.as_ref().filter(|_| report.services.is_empty()) {
        return trace.extent().unwrap_or_default();
    }
    let services = count(report.services.len(), "service");
    let origin = &report.services_origin;
    if origin.is_empty() { services } else { format!("{services} ({origin})") }
}

/// Returns where the project and the environment were named. Two environments are arguments.
fn origins(report: &Report) -> String {
    let project = format!("project from {}", report.project_origin);
    match report.environment_pair() {
        Some(_) => project,
        None => format!("{project}, environment from {}", report.environment_origin),
    }
}

/// Writes the number of values compared for each service, or its error.
pub(crate) fn services(report: &Report, body: &mut String) {
    if report.services.is_empty() {
        return;
    }
    body.push_str("<h2>Services</h2>\n<ul class=\"services\">\n");
    for line in &report.services {
        let result = match &line.error {
            Some(error) => format!("<span class=\"error\">could not be read</span>: {}", escape_html(error)),
            None => line.extent(),
        };
        let shortfall = report.shortfall_text(line);
        let result = if shortfall.is_empty() { result } else { format!("{result}, {shortfall}") };
        let (verdict, name) = (report.verdict(line), escape_html(&line.service.name));
        let class = match verdict {
            ServiceVerdict::Fail => "error",
            ServiceVerdict::Skip => "warning",
            ServiceVerdict::Pass => "faint",
        };
        let _ = writeln!(body, "<li><span class=\"{class}\">{}</span> {name}: {result}</li>", verdict.label());
    }
    body.push_str("</ul>\n");
}
