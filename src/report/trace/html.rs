//! A trace on a page for a browser: the places as a table.

use std::fmt::Write as _;

use crate::report::html::page::{breakable, escape_html};
use crate::report::trace::rows::{RowUsage, TraceRow, environment_name};
use crate::report::{TraceReport, TraceRole, shell_command};

/// Writes the places, what was not searched, and the command that changes the value.
pub(crate) fn section(trace: &TraceReport, body: &mut String) {
    let title = if trace.role == TraceRole::Found { "Places" } else { "Old value" };
    let _ = writeln!(body, "<section>\n<h2>{title}</h2>");
    if trace.lists_places() {
        table(trace, body);
    } else {
        let _ = writeln!(body, "<p>{}</p>", escape_html(&trace.summary()));
    }
    for part in trace.unread() {
        let _ = writeln!(
            body,
            "<p><span class=\"error\">not searched</span>: {}: {}</p>",
            escape_html(&part.name),
            escape_html(&part.reason)
        );
    }
    for phrase in &trace.unsearched {
        let _ = writeln!(body, "<p><span class=\"warning\">not searched</span>: {}</p>", escape_html(phrase));
    }
    sealed(trace, body);
    if let Some(arguments) = &trace.rotate_command {
        let command = escape_html(&shell_command::line(arguments));
        let _ = writeln!(body, "<p>{}: <code>{command}</code></p>", escape_html(&trace.purpose()));
    }
    body.push_str("</section>\n");
}

fn table(trace: &TraceReport, body: &mut String) {
    let several = trace.has_several_environments();
    let environment = if several { "<th scope=\"col\">environment</th>" } else { "" };
    let _ = writeln!(
        body,
        "<div class=\"scroll\" role=\"region\" aria-labelledby=\"places\" tabindex=\"0\">\n<table>\n\
         <caption id=\"places\">{}</caption>\n<thead><tr><th scope=\"col\">place</th>{environment}\
         <th scope=\"col\">key</th><th scope=\"col\">form</th><th scope=\"col\">running</th></tr></thead>\n<tbody>",
        escape_html(&trace.summary())
    );
    for one in trace.rows() {
        row(trace, &one, body);
    }
    body.push_str("</tbody>\n</table>\n</div>\n");
}

fn row(trace: &TraceReport, row: &TraceRow<'_>, body: &mut String) {
    let environment = row.environment.map(environment_name).unwrap_or_default();
    let environment = format!("<td>{}</td>", breakable(&environment));
    let environment = if trace.has_several_environments() { environment.as_str() } else { "" };
    let form = match row.usage {
        RowUsage::Sealed | RowUsage::OnlyRunning(_) => "<td class=\"warning\">",
        RowUsage::Stored(_) | RowUsage::Reference(_) => "<td>",
    };
    let _ = writeln!(
        body,
        "<tr><th scope=\"row\">{}</th>{environment}<td>{}</td>{form}{}</td><td>{}</td></tr>",
        breakable(&row.place_text()),
        breakable(row.key),
        escape_html(&row.form_text()),
        row.running_text()
    );
}

/// Writes the sealed variables that could not be searched.
fn sealed(trace: &TraceReport, body: &mut String) {
    let environments =
        || trace.trace.environments.iter().flat_map(|found| found.sealed.iter().map(move |one| (found, one)));
    let Some(summary) = trace.sealed() else { return };
    let summary = escape_html(&summary);
    let _ = writeln!(body, "<details>\n<summary>{summary}</summary>\n<ul class=\"services\">");
    for (environment, variable) in environments() {
        let name = format!("{}: {}", variable.owner.name(), variable.key);
        let name = if trace.has_several_environments() {
            format!("{} · {name}", environment_name(environment))
        } else {
            name
        };
        let _ = writeln!(body, "<li>{}</li>", escape_html(&name));
    }
    body.push_str("</ul>\n</details>\n");
}
