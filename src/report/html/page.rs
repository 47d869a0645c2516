//! The parts that every page shares: its frame, its head and its list of services.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use crate::drift::phrases::count;
use crate::report::count::Tally;
use crate::report::{Report, ServiceVerdict, escape, uncompared};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("filter.js");

/// What the browser's tab says.
pub(crate) fn title(report: &Report) -> String {
    format!("{} · {}", report.project.name, report.environment.name)
}

/// A text in which nothing is markup, and nothing reorders or hides what stands beside it.
pub(crate) fn harmless(text: &str) -> String {
    let text = escape::line(text);
    let mut harmless = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' => harmless.push_str("&amp;"),
            '<' => harmless.push_str("&lt;"),
            '>' => harmless.push_str("&gt;"),
            '"' => harmless.push_str("&quot;"),
            '\'' => harmless.push_str("&#39;"),
            _ => harmless.push(character),
        }
    }
    harmless
}

/// A name that may be broken after its underscores and hyphens.
pub(crate) fn breakable(name: &str) -> String {
    harmless(name).replace('_', "_<wbr>").replace('-', "-<wbr>")
}

/// The page around a body. Its policy allows the one style and the one script that it has, by their hashes; `frame-ancestors`
/// would count in a header only.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = harmless(title);
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} – doctor</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// As a content security policy names an inline text.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

/// Who was looked at, and what it came to.
pub(crate) fn head(report: &Report, body: &mut String) {
    let (project, environment) = (harmless(&report.project.name), harmless(&report.environment.name));
    let _ = writeln!(body, "<h1>{project} · {environment}</h1>");
    let origins = format!("project from {}, environment from {}", report.project_origin, report.environment_origin);
    let files: Vec<String> = report.files.iter().map(|(name, origin)| format!("{name} ({origin})")).collect();
    let services = format!("{} ({})", count(report.services.len(), "service"), report.services_origin);
    let items = [files.join(", "), services, origins];
    let items: Vec<String> = items.iter().filter(|item| !item.is_empty()).map(|item| harmless(item)).collect();
    let _ = writeln!(body, "<p class=\"faint\">{}</p>", items.join(" · "));
    let mut totals = report.conclusion();
    if report.compares() {
        let words = Tally::of(&report.findings).summary();
        totals.push(if words.is_empty() && totals.is_empty() { "no findings".to_owned() } else { words });
        totals.retain(|total| !total.is_empty());
        totals.push(format!("{} compared", count(report.compared(), "value")));
    } else {
        totals.push(report.steps());
    }
    totals.extend(uncompared(report.sealed(), report.unknown()));
    if report.ignored > 0 {
        totals.push(format!("{} ignored by doctor.toml", report.ignored));
    }
    totals.push(format!("exit code {}", report.exit_code));
    let _ = writeln!(body, "<p><strong>{}</strong></p>", totals.join(" · "));
    for remark in &report.remarks {
        let _ = writeln!(body, "<p>{}</p>", harmless(remark));
    }
}

/// How much of each service was compared, and why one could not be read.
pub(crate) fn services(report: &Report, body: &mut String) {
    if report.services.is_empty() {
        return;
    }
    body.push_str("<h2>Services</h2>\n<ul class=\"services\">\n");
    for line in &report.services {
        let told = match &line.error {
            Some(error) => format!("<span class=\"error\">could not be read</span>: {}", harmless(error)),
            None => format!("{} compared{}", line.compared, line.uncompared()),
        };
        let words = report.shortfall_text(line);
        let told = if words.is_empty() { told } else { format!("{told}, {words}") };
        let (verdict, name) = (report.verdict(line), harmless(&line.service.name));
        let class = match verdict {
            ServiceVerdict::Fail => "error",
            ServiceVerdict::Skip => "warning",
            ServiceVerdict::Pass => "faint",
        };
        let _ = writeln!(body, "<li><span class=\"{class}\">{}</span> {name}: {told}</li>", verdict.label());
    }
    body.push_str("</ul>\n");
}
