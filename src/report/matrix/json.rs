//! The JSON format of the matrix, schema 1. Its names and their order are stable.

use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::Severity;
use crate::drift::matrix::{Matrix, MatrixCell, MatrixRow};
use crate::report::json::{FileForm, ServiceForm, SummaryForm, TargetForm, files, service, summary, target, visible};
use crate::report::matrix::{MARKERS, marker};
use crate::report::{Report, ServiceLine, TextOptions};

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Matrix")]
pub(crate) struct MatrixJson<'r> {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The command.
    #[schemars(extend("const" = "matrix"))]
    command: &'r str,
    target: TargetForm<'r>,
    /// The files that were compared; later files win.
    files: Vec<FileForm<'r>>,
    /// The services in scope, by name.
    services: Vec<ServiceForm<'r>>,
    summary: SummaryForm,
    /// Every state and its meaning.
    states: BTreeMap<&'static str, &'static str>,
    /// One row for each key, folded rows last.
    rows: Vec<RowForm<'r>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "MatrixRow")]
struct RowForm<'r> {
    /// The key.
    key: &'r str,
    /// The highest severity among the findings about the key; null if there are none.
    severity: Option<&'static str>,
    /// Whether nothing differs, or `doctor.toml` ignores the differences.
    folded: bool,
    /// One cell for each service.
    cells: Vec<CellForm<'r>>,
    /// The names of rules with findings about the key that no cell shows.
    also: &'r [&'static str],
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "MatrixCell")]
struct CellForm<'r> {
    /// The name of the service.
    service: &'r str,
    /// The key.
    key: &'r str,
    /// One of the `states`.
    state: &'static str,
    /// The severity of the finding; null if nothing is wrong.
    severity: Option<&'static str>,
}

/// Writes the matrix as JSON, with a final newline. It includes every row, folded rows last.
pub(super) fn write(report: &Report, matrix: &Matrix, _: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = matrix.rows.iter().map(|shown| row(report, shown));
    let folded = matrix.folded().map(|folded| RowForm { folded: true, ..row(report, folded) });
    let form = MatrixJson {
        schema_version: 1,
        command: "matrix",
        target: target(report),
        files: files(report),
        services: report.services.iter().map(|line| service(report, line)).collect(),
        summary: summary(report),
        states: MARKERS.iter().map(|marker| (marker.state, marker.meaning)).collect(),
        rows: rows.chain(folded).collect(),
    };
    out.write_all(visible(&serde_json::to_string_pretty(&form)?).as_bytes())
}

fn row<'r>(report: &'r Report, row: &'r MatrixRow) -> RowForm<'r> {
    let cell = |(line, cell): (&'r ServiceLine, &MatrixCell)| CellForm {
        service: &line.service.name,
        key: &row.key,
        state: marker(cell.mark).state,
        severity: cell.severity.map(Severity::name),
    };
    RowForm {
        key: &row.key,
        severity: row.worst.map(Severity::name),
        folded: false,
        cells: report.services.iter().zip(&row.cells).map(cell).collect(),
        also: &row.also,
    }
}
