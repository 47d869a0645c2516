//! The rows of the matrix in JSON. Their names and their order are stable.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::Severity;
use crate::drift::matrix::{Matrix, MatrixCell, MatrixRow};
use crate::report::matrix::environment_pair::{can_occur, meaning};
use crate::report::matrix::{MARKERS, marker};
use crate::report::{Report, ServiceLine};

/// The keys of two environments.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ReportMatrix")]
pub(crate) struct ReportMatrixForm<'r> {
    /// Every state that a cell can have, and its meaning.
    states: BTreeMap<&'static str, &'static str>,
    /// One row for each key, folded rows last.
    rows: Vec<RowForm<'r>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "MatrixRow")]
pub(super) struct RowForm<'r> {
    /// The key.
    key: &'r str,
    /// The highest severity among the findings about the key; null if there are none.
    severity: Option<&'static str>,
    /// Whether nothing differs, the differences are expected in both environments, or `doctor.toml` ignores them.
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

/// Returns the matrix of two environments; `None` if only one environment is checked.
pub(crate) fn report_matrix(report: &Report) -> Option<ReportMatrixForm<'_>> {
    let matrix = report.pair_matrix()?;
    Some(ReportMatrixForm { states: states(report), rows: rows(report, matrix) })
}

/// Returns every state that a cell of the report can have, and its meaning.
pub(super) fn states(report: &Report) -> BTreeMap<&'static str, &'static str> {
    let markers = MARKERS.iter().filter(|marker| can_occur(report, marker.mark));
    markers.map(|marker| (marker.state, meaning(report, marker))).collect()
}

/// Returns all rows, folded rows last.
pub(super) fn rows<'r>(report: &'r Report, matrix: &'r Matrix) -> Vec<RowForm<'r>> {
    let shown = matrix.rows.iter().map(|shown| row(report, shown));
    let folded = matrix.folded().map(|folded| RowForm { folded: true, ..row(report, folded) });
    shown.chain(folded).collect()
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
