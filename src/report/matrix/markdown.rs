//! The matrix as Markdown for GitHub and GitLab.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::drift::matrix::{Matrix, MatrixRow};
use crate::drift::model::marker::Marker;
use crate::drift::phrases::count;
use crate::report::count::Tally;
use crate::report::markdown::escape::{html_code as code, plain};
use crate::report::matrix::environment_pair::{counts, meaning};
use crate::report::matrix::{folded, marker, used};
use crate::report::{Detail, Report, TextOptions};

/// The size that is kept for the numbers of keys that do not fit, in bytes.
const REMAINDER: usize = 512;

/// Writes the matrix as Markdown: a table of the differences, and the other keys folded below it.
pub(super) fn write(
    report: &Report,
    matrix: &Matrix,
    options: &TextOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut text = String::new();
    let _ = writeln!(text, "### {} · {}\n", code(&report.project.name), report.environment_names_as(code));
    let files: Vec<String> = report.files.iter().map(|(name, _)| code(name)).collect();
    let _ = writeln!(text, "{}\n", paragraph(report, &files));
    let rows: Vec<&MatrixRow> = matrix.rows.iter().collect();
    if !rows.is_empty() && !report.services.is_empty() {
        table(report, &rows, usize::MAX, &mut text);
        legend(report, &rows, &mut text);
    }
    details(report, matrix, options.detail, &mut text);
    for line in &report.services {
        if let Some(error) = &line.error {
            let _ = writeln!(text, "{} could not be read: {}\n", code(&line.service.name), code(error));
        }
    }
    out.write_all(format!("{}\n", text.trim_end()).as_bytes())
}

/// Returns the matrix of two environments as a collapsed section of at most `room` bytes, with an empty line above it.
/// Rows that do not fit are counted; if the section does not fit at all, a sentence is returned.
pub(crate) fn collapsed(report: &Report, matrix: &Matrix, room: usize) -> String {
    let Some(sides) = report.sides_as(code).filter(|_| !report.services.is_empty()) else { return String::new() };
    let mut text = format!("\n<details><summary>Matrix</summary>\n\n{sides}\n\n");
    let end = format!("{}\n\n</details>\n", plain(&counts(matrix).join(", ")));
    let Some(room) = room.checked_sub(text.len() + end.len() + REMAINDER) else {
        return "\nThe matrix is not shown here.\n".to_owned();
    };
    let start = text.len();
    let rows: Vec<&MatrixRow> = matrix.rows.iter().collect();
    let mut below = String::new();
    legend(report, &rows, &mut below);
    let shown = table(report, &rows, room.saturating_sub(below.len()), &mut text);
    if shown < rows.len() {
        let noun = if shown == 0 { "key" } else { "more key" };
        let _ = writeln!(text, "{} not shown here.\n", count(rows.len() - shown, noun));
    }
    if shown > 0 {
        text.push_str(&below);
    }
    let mut folds = String::new();
    details(report, matrix, Detail::Normal, &mut folds);
    if text.len() - start + folds.len() > room {
        folds = format!("{}\n\n", plain(&folded(report, matrix).join("; ")));
    }
    text + &folds + &end
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

/// Writes the rows that fit into `room`, in bytes, and returns their number. Without any, nothing is written.
fn table(report: &Report, rows: &[&MatrixRow], room: usize, text: &mut String) -> usize {
    let has_more = rows.iter().any(|row| !row.also.is_empty());
    let names = report.services.iter().map(|line| code(&line.service.name));
    let heads: Vec<String> = names.chain(has_more.then(|| "also".to_owned())).collect();
    let mut table = format!("| key | {} |\n|:---|{}\n", heads.join(" | "), ":---|".repeat(heads.len()));
    let mut shown = 0;
    for row in rows {
        let also = has_more.then(|| row.also.join(", "));
        let cells: Vec<String> = row.cells.iter().map(|cell| mark(marker(cell.mark))).chain(also).collect();
        let line = format!("| {} | {} |\n", code(&row.key), cells.join(" | "));
        // An empty line ends the table.
        if table.len() + line.len() >= room {
            break;
        }
        table.push_str(&line);
        shown += 1;
    }
    if shown > 0 {
        let _ = writeln!(text, "{table}");
    }
    shown
}

/// Returns the symbol and the word of a marker. A symbol is escaped only if it would be syntax before a space.
fn mark(marker: &Marker) -> String {
    let symbol = match marker.symbol {
        syntax @ ("<" | ">" | "&" | "$" | "[" | "]" | "|") => plain(syntax),
        symbol => symbol.to_owned(),
    };
    format!("{symbol} {}", marker.word).trim_end().to_owned()
}

fn legend(report: &Report, rows: &[&MatrixRow], text: &mut String) {
    text.push_str("<details><summary>Legend</summary>\n\n| mark | meaning |\n|:---|:---|\n");
    for marker in used(rows.iter().copied()) {
        let _ = writeln!(text, "| {} | {} |", mark(marker), meaning(report, marker));
    }
    text.push_str("\n</details>\n\n");
}

fn details(report: &Report, matrix: &Matrix, detail: Detail, text: &mut String) {
    let phrases = folded(report, matrix);
    if phrases.is_empty() {
        return;
    }
    let _ = writeln!(text, "<details><summary>{}</summary>\n", phrases.join("; "));
    let rows: Vec<&MatrixRow> = matrix.folded().collect();
    if detail == Detail::Verbose {
        table(report, &rows, usize::MAX, text);
    } else {
        let names: Vec<String> = rows.iter().map(|row| code(&row.key)).collect();
        let _ = writeln!(text, "{}\n", names.join(", "));
    }
    text.push_str("</details>\n\n");
}
