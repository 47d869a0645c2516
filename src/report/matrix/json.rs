//! The JSON format of the matrix, schema 1. Its names and their order are stable.

use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::matrix::Matrix;
use crate::report::json::{FileForm, ServiceForm, SummaryForm, TargetForm, files, service, summary, target, visible};
use crate::report::matrix::json_rows::{RowForm, rows, states};
use crate::report::{Report, TextOptions};

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
    /// Every state that a cell can have, and its meaning.
    states: BTreeMap<&'static str, &'static str>,
    /// One row for each key, folded rows last.
    rows: Vec<RowForm<'r>>,
}

/// Writes the matrix as JSON, with a final newline. It includes every row, folded rows last.
pub(super) fn write(report: &Report, matrix: &Matrix, _: &TextOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    let form = MatrixJson {
        schema_version: 1,
        command: "matrix",
        target: target(report),
        files: files(report),
        services: report.services.iter().map(|line| service(report, line)).collect(),
        summary: summary(report),
        states: states(report),
        rows: rows(report, matrix),
    };
    out.write_all(visible(&serde_json::to_string_pretty(&form)?).as_bytes())
}
