//! The matrix as a page for a browser. The table can be filtered; it also works without the script.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::drift::matrix::{Matrix, MatrixCell, MatrixRow};
use crate::drift::model::marker::Marker;
use crate::report::html::page::{self, breakable, escape_html};
use crate::report::matrix::environment_pair::{counts, meaning};
use crate::report::matrix::{IGNORED, folded, marker, used};
use crate::report::{Report, TextOptions};

/// With more services, names are vertical and cells have no words.
const WIDE: usize = 6;

/// Writes the matrix as one self-contained page.
pub(super) fn write(report: &Report, matrix: &Matrix, _: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut body = String::new();
    page::head(report, &mut body);
    section(report, matrix, &mut body);
    page::services(report, &mut body);
    out.write_all(page::page(&page::title(report), &body).as_bytes())
}

/// Writes the filter, the table and its legend.
pub(crate) fn section(report: &Report, matrix: &Matrix, body: &mut String) {
    if report.services.is_empty() {
        return;
    }
    body.push_str("<section>\n");
    let markers = used(matrix.all());
    filter(&markers, body);
    for phrase in folded(report, matrix) {
        let _ = writeln!(body, "<p>{}.</p>", escape_html(&with_baseline(report, &phrase)));
    }
    let counts = if report.environment_pair().is_some() { counts(matrix) } else { Vec::new() };
    if !counts.is_empty() {
        let _ = writeln!(body, "<p>{}.</p>", escape_html(&counts.join(", ")));
    }
    table(report, matrix, body);
    legend(report, &markers, body);
    body.push_str("</section>\n");
}

/// Hidden until the script has run.
fn filter(markers: &[&Marker], body: &mut String) {
    body.push_str(
        "<form id=\"filter\" hidden>\n<label>Key <input id=\"text\" type=\"search\" autocomplete=\"off\" \
         spellcheck=\"false\"></label>\n<label>Service <input id=\"service\" type=\"search\" autocomplete=\"off\" \
         spellcheck=\"false\"></label>\n<label>Show <select id=\"state\"><option value=\"\">differences</option>\
         <option value=\"*\">every key</option>",
    );
    for Marker { state, word, symbol, .. } in markers {
        let name = if word.is_empty() { "not set" } else { word };
        let _ = write!(body, "<option value=\"{state}\">{} {name}</option>", escape_html(symbol));
    }
    body.push_str("</select></label>\n<output id=\"count\"></output>\n</form>\n");
}

/// What the columns of the table show.
#[derive(Clone, Copy)]
struct Columns {
    cells: CellText,
    also: AlsoColumn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CellText {
    Words,
    Symbols,
}

/// The column for findings that no cell shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AlsoColumn {
    Shown,
    Omitted,
}

impl Columns {
    fn of(report: &Report, matrix: &Matrix) -> Self {
        let has_more = matrix.rows.iter().any(|row| !row.also.is_empty());
        Self {
            cells: if report.services.len() <= WIDE { CellText::Words } else { CellText::Symbols },
            also: if has_more { AlsoColumn::Shown } else { AlsoColumn::Omitted },
        }
    }
}

fn table(report: &Report, matrix: &Matrix, body: &mut String) {
    let columns = Columns::of(report, matrix);
    let _ = write!(
        body,
        "<div class=\"scroll\" role=\"region\" aria-labelledby=\"caption\" tabindex=\"0\">\n<table class=\"{}\">\n\
         <caption id=\"caption\">{}</caption>\n<thead><tr><th scope=\"col\">key</th>",
        if columns.cells == CellText::Words { "matrix" } else { "matrix many" },
        escape_html(&caption(report))
    );
    for line in &report.services {
        let _ = write!(body, "<th scope=\"col\" class=\"service\"><span>{}</span></th>", breakable(&line.service.name));
    }
    if columns.also == AlsoColumn::Shown {
        body.push_str("<th scope=\"col\">also found</th>");
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for shown in &matrix.rows {
        row(shown, columns, "<tr", body);
    }
    for folded in matrix.folded() {
        row(folded, columns, "<tr class=\"folded\"", body);
    }
    body.push_str("</tbody>\n</table>\n</div>\n");
}

fn caption(report: &Report) -> String {
    match report.sides_as(str::to_owned) {
        Some(sides) => format!("Stored values by key; {sides}"),
        None => "Local, stored and running values by key".to_owned(),
    }
}

fn row(row: &MatrixRow, columns: Columns, opening: &str, body: &mut String) {
    let mut states: Vec<&str> = row.cells.iter().map(|cell| marker(cell.mark).state).collect();
    states.sort_unstable();
    states.dedup();
    let _ =
        write!(body, "{opening} data-states=\"{}\"><th scope=\"row\">{}</th>", states.join(" "), breakable(&row.key));
    for one in &row.cells {
        cell(*one, columns.cells, body);
    }
    if columns.also == AlsoColumn::Shown {
        let _ = write!(body, "<td class=\"also\">{}</td>", row.also.join(", "));
    }
    body.push_str("</tr>\n");
}

fn cell(cell: MatrixCell, text: CellText, body: &mut String) {
    let Marker { symbol, word, state, .. } = marker(cell.mark);
    let symbol = escape_html(symbol);
    let class = cell.severity.map_or(if cell.mark.is_quiet() { "good" } else { "quiet" }, |severity| severity.name());
    let _ = if text == CellText::Words && !word.is_empty() {
        write!(body, "<td class=\"{class}\"><span aria-hidden=\"true\">{symbol}</span> {word}</td>")
    } else {
        write!(body, "<td class=\"{class}\"><span role=\"img\" aria-label=\"{state}\">{symbol}</span></td>")
    };
}

/// Adds the baseline to a text about ignored differences, if it removed findings.
fn with_baseline(report: &Report, text: &str) -> String {
    let words = if report.in_baseline() > 0 { &format!("{IGNORED} or in the baseline") } else { IGNORED };
    text.replace(IGNORED, words)
}

fn legend(report: &Report, markers: &[&Marker], body: &mut String) {
    body.push_str("<dl class=\"legend\">\n");
    for marker in markers {
        let mark = escape_html(&format!("{} {}", marker.symbol, marker.word));
        let meaning = escape_html(&with_baseline(report, meaning(report, marker)));
        let _ = writeln!(body, "<div><dt>{mark}</dt><dd>{meaning}</dd></div>");
    }
    body.push_str("</dl>\n");
}
