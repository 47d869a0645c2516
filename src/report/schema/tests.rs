use serde_json::Value;

use super::{config, report};
use crate::report::compare_sample::compared;
use crate::report::test_support::{cut_short, incident, key, text_options};
use crate::report::trace::sample::{everywhere, incomplete, left, traced};
use crate::report::{Detail, Format, write};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("the text is JSON")
}

#[test]
fn schemas_conform_to_their_draft() {
    for schema in [report(), config()] {
        let schema = parsed(&schema);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::meta::validate(&schema).expect("the schema is valid");
    }
}

#[test]
fn report_matches_schema_and_invalid_values_are_rejected() {
    let schema = jsonschema::validator_for(&parsed(&report())).expect("the schema is valid");
    for report in [incident(), cut_short(), compared(), traced(), incomplete(), everywhere(), left()] {
        let (mut out, key) = (Vec::new(), key());
        write(&report, Format::Json, &text_options(&key, 80, Detail::Normal), &mut out)
            .expect("writing to a Vec can't fail");
        let mut output = parsed(&String::from_utf8(out).expect("JSON is UTF-8"));
        assert!(schema.is_valid(&output), "{output}");
        output["a-future-field"] = Value::Null;
        assert!(schema.is_valid(&output), "fields may be added");
        for (place, value) in
            [("/schema_version", Value::from(2)), ("/command", "cheque".into()), ("/summary", Value::Null)]
        {
            let mut wrong = output.clone();
            *wrong.pointer_mut(place).expect("the field exists") = value;
            assert!(!schema.is_valid(&wrong), "{place}");
        }
        let mut incomplete = output.clone();
        incomplete.as_object_mut().expect("a report is an object").remove("receipts");
        assert!(!schema.is_valid(&incomplete), "every field is required");
    }
    let mut invalid = serde_json::json!({ "severity": "fatal" });
    let finding = serde_json::json!({ "$ref": "#/$defs/Finding", "$defs": parsed(&report())["$defs"] });
    let finding = jsonschema::validator_for(&finding).expect("the schema is valid");
    assert!(!finding.is_valid(&invalid));
    invalid["severity"] = "error".into();
    let missing = finding.iter_errors(&invalid).map(|error| error.to_string()).collect::<Vec<_>>();
    assert!(missing.iter().all(|error| error.contains("required")), "{missing:?}");
}

#[test]
fn every_field_is_described_in_schema_and_documentation() {
    let document = include_str!("../../../docs/json.md");
    let schema = parsed(&report());
    let is_described = |field: &Value| {
        let definition = field["$ref"].as_str().and_then(|name| schema.pointer(name.trim_start_matches('#')));
        [Some(field), definition].into_iter().flatten().any(|schema| schema["description"].is_string())
    };
    let mut fields = 0;
    for (form, definition) in schema["$defs"].as_object().expect("the schema has definitions") {
        for (name, field) in definition["properties"].as_object().into_iter().flatten() {
            assert!(is_described(field), "{form}.{name}: {field}");
            assert!(document.contains(&format!("`{name}`")), "docs/json.md does not mention {form}.{name}");
            fields += 1;
        }
    }
    assert!(fields > 100, "{fields}");
}
