//! The JSON format of the matrix, schema 1. Its names and their order are stable.

use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::Severity;
use crate::drift::matrix::{Matrix, MatrixCell, MatrixRow};
use crate::report::json::{ServiceForm, SummaryForm, TargetForm, service, summary, target, visible};
use crate::report::matrix::{MARKERS, marker};
use crate::report::{Report, TextOptions};

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Matrix")]
pub(crate) struct MatrixJson<'r> {
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    #[schemars(extend("const" = "matrix"))]
    command: &'r str,
    target: TargetForm<'r>,
    services: Vec<ServiceForm<'r>>,
    summary: SummaryForm,
    /// Every state and its meaning.
    states: BTreeMap<&'static str, &'static str>,
    rows: Vec<RowForm<'r>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "MatrixRow")]
struct RowForm<'r> {
    key: &'r str,
    /// The highest severity among the findings about the key; null if there are none.
    severity: Option<&'static str>,
    /// Whether nothing differs, or `doctor.toml` ignores the differences.
    folded: bool,
    /// One cell for each service, in the order of `services`.
    cells: Vec<CellForm>,
    /// The names of rules with findings about the key that no cell shows.
    also: &'r [&'static str],
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "MatrixCell")]
struct CellForm {
    state: &'static str,
    severity: Option<&'static str>,
}

/// Writes the matrix as JSON, with a final newline. It includes every row, folded rows last.
pub(super) fn write(report: &Report, matrix: &Matrix, _: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = matrix.rows.iter().map(|shown| row(shown, false));
    let form = MatrixJson {
        schema_version: 1,
        command: "matrix",
        target: target(report),
        services: report.services.iter().map(|line| service(report, line)).collect(),
        summary: summary(report),
        states: MARKERS.iter().map(|marker| (marker.state, marker.meaning)).collect(),
        rows: rows.chain(matrix.folded().map(|folded| row(folded, true))).collect(),
    };
    out.write_all(visible(&serde_json::to_string_pretty(&form)?).as_bytes())
}

fn row(row: &MatrixRow, folded: bool) -> RowForm<'_> {
    let cell =
        |cell: &MatrixCell| CellForm { state: marker(cell.mark).state, severity: cell.severity.map(Severity::name) };
    RowForm {
        key: &row.key,
        severity: row.worst.map(Severity::name),
        folded,
        cells: row.cells.iter().map(cell).collect(),
        also: &row.also,
    }
}
