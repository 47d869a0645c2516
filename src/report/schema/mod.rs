//! JSON Schemas (draft 2020-12) of the output of `--format json` and of `doctor.toml`.

mod config;
#[cfg(test)]
mod tests;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

pub use crate::report::schema::config::config;
use crate::report::{json as report_json, matrix, undo_list};

/// The types of all documents that `--format json` prints. Add new types here.
const FORMS: &[fn(&mut SchemaGenerator) -> Schema] = &[
    row::<report_json::ReportJson<'static>>,
    row::<matrix::json::MatrixJson<'static>>,
    row::<undo_list::UndoListJson<'static>>,
    row::<report_json::status::AuthForm<'static>>,
    row::<report_json::status::HooksForm<'static>>,
    row::<report_json::drafted::DraftedJson<'static>>,
    row::<report_json::pulled::PulledJson<'static>>,
    row::<report_json::explained::ExplainedJson>,
    row::<report_json::error::ErrorJson<'static>>,
];

fn row<F: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<F>()
}

/// Returns the schema of all documents that `--format json` prints, including errors on standard error.
pub fn report() -> String {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let forms: Vec<Schema> = FORMS.iter().map(|form| form(&mut generator)).collect();
    text(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "doctor --format json",
        "description": "Schema 1. Existing fields are stable. New fields may be added, so readers must ignore unknown fields.",
        "anyOf": forms,
        "$defs": generator.take_definitions(true),
    }))
}

/// Serializes a schema, with a final newline.
fn text(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).expect("keys are strings, and numbers are finite") + "\n"
}
