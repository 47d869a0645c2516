//! The matrix as Markdown for GitHub and GitLab.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::drift::matrix::{Matrix, MatrixRow};
use crate::report::count::Tally;
pub(super) use crate::report::markdown::html_code as code;
use crate::report::markdown::plain;
use crate::report::matrix::{folded, marker, used};
use crate::report::{Detail, Report, TextOptions};

/// Writes the matrix as Markdown: a table of the differences, and the other keys folded below it.
pub(super) fn write(
    report: &Report,
    matrix: &Matrix,
    options: &TextOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut text = String::new();
    let _ = writeln!(text, "### {} · {}\n", code(&report.project.name), code(&report.environment.name));
    let files: Vec<String> = report.files.iter().map(|(name, _)| code(name)).collect();
    let _ = writeln!(text, "{}\n", paragraph(report, &files));
    let rows: Vec<&MatrixRow> = matrix.rows.iter().collect();
    if !rows.is_empty() && !report.services.is_empty() {
        table(report, &rows, &mut text);
        legend(&rows, &mut text);
    }
    details(report, matrix, options, &mut text);
    for line in &report.services {
        if let Some(error) = &line.error {
            let _ = writeln!(text, "{} could not be read: {}\n", code(&line.service.name), code(error));
        }
    }
    out.write_all(format!("{}\n", text.trim_end()).as_bytes())
}

fn paragraph(report: &Report, files: &[String]) -> String {
    let findings = Tally::of(&report.findings).summary();
    let mut items = vec![files.join(", "), report.without_file().map(|phrase| plain(&phrase)).unwrap_or_default()];
    items.push(if findings.is_empty() { "no findings".to_owned() } else { findings });
    items.push(report.extent());
    items.push(format!("exit code {}", report.exit_code));
    items.retain(|item| !item.is_empty());
    items.join(" · ")
}

fn table(report: &Report, rows: &[&MatrixRow], text: &mut String) {
    let has_more = rows.iter().any(|row| !row.also.is_empty());
    let names = report.services.iter().map(|line| code(&line.service.name));
    let heads: Vec<String> = names.chain(has_more.then(|| "also".to_owned())).collect();
    let _ = writeln!(text, "| key | {} |", heads.join(" | "));
    let _ = writeln!(text, "|:---|{}", ":---|".repeat(heads.len()));
    for row in rows {
        let marks = row.cells.iter().map(|cell| {
            let marker = marker(cell.mark);
            format!("{} {}", marker.symbol, marker.word).trim_end().to_owned()
        });
        let also = has_more.then(|| row.also.join(", "));
        let cells: Vec<String> = marks.chain(also).collect();
        let _ = writeln!(text, "| {} | {} |", code(&row.key), cells.join(" | "));
    }
    text.push('\n');
}

fn legend(rows: &[&MatrixRow], text: &mut String) {
    text.push_str("<details><summary>Legend</summary>\n\n| mark | meaning |\n|:---|:---|\n");
    for marker in used(rows.iter().copied()) {
        let mark = format!("{} {}", marker.symbol, marker.word);
        let _ = writeln!(text, "| {} | {} |", mark.trim_end(), marker.meaning);
    }
    text.push_str("\n</details>\n\n");
}

fn details(report: &Report, matrix: &Matrix, options: &TextOptions<'_>, text: &mut String) {
    let phrases = folded(matrix);
    if phrases.is_empty() {
        return;
    }
    let _ = writeln!(text, "<details><summary>{}</summary>\n", phrases.join("; "));
    let rows: Vec<&MatrixRow> = matrix.folded().collect();
    if options.detail == Detail::Verbose {
        table(report, &rows, text);
    } else {
        let names: Vec<String> = rows.iter().map(|row| code(&row.key)).collect();
        let _ = writeln!(text, "{}\n", names.join(", "));
    }
    text.push_str("</details>\n\n");
}
