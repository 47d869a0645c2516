//! The shape of a response: its JSON with everything redacted except for public names and values.
//!
//! It is built while the body is parsed, so that no second copy of a value exists. The schema's type of each field
//! decides what is kept: in a custom scalar (maps of variables, configuration, patches), even the names are redacted.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::io::railway::debug_record::public_names::{Document, FieldKind, enum_value, field, type_name};
use crate::io::railway::json_checks::inspect;

/// The maximum number of different list items that are shown.
const MOST_ITEMS: usize = 50;

/// The known error codes. Any other text in their place is redacted.
const CODES: [&str; 15] = [
    "BAD_REQUEST",
    "BAD_USER_INPUT",
    "FORBIDDEN",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "INTERNAL_SERVER_ERROR",
    "NOT_FOUND",
    "OPERATION_RESOLUTION_FAILURE",
    "PERSISTED_QUERY_NOT_FOUND",
    "PLAN_LIMIT",
    "RATE_LIMITED",
    "STALE_ENVIRONMENT_BASE",
    "TOO_MANY_REQUESTS",
    "UNAUTHENTICATED",
    "UNAUTHORIZED",
];

/// Returns the shape of a body, or a description of a body that is not valid JSON.
pub(super) fn of(body: &[u8], document: &Document) -> Result<Value, String> {
    if body.trim_ascii().is_empty() {
        return Err("empty body".to_owned());
    }
    // Without the position, which depends on the length of values.
    inspect(body).map_err(|what| format!("JSON with {}", what.split(" (line").next().unwrap_or_default()))?;
    let mut reader = serde_json::Deserializer::from_slice(body);
    let position = JsonPosition { document, at: FieldContent::Envelope };
    let read = position.deserialize(&mut reader).and_then(|shape| reader.end().map(|()| shape));
    read.map_err(|error| if error.is_eof() { "truncated JSON".to_owned() } else { "not JSON".to_owned() })
}

/// A position in a response.
#[derive(Clone, Copy)]
struct JsonPosition<'d> {
    document: &'d Document,
    at: FieldContent,
}

/// The kind of content at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldContent {
    /// `data` and `errors`.
    Envelope,
    /// One of the errors.
    Error,
    /// The `extensions` of an error.
    Extensions,
    /// The `code` in them.
    Code,
    /// Names of fields and aliases, and indexes.
    Path,
    /// Lines and columns of the document.
    Location,
    /// `__typename`.
    TypeName,
    /// A field of the schema.
    Typed(FieldKind),
}

impl JsonPosition<'_> {
    fn to(self, at: FieldContent) -> Self {
        Self { at, ..self }
    }

    /// Returns the kind of content under a key; `None` if the key is not public.
    fn under(self, name: &str) -> Option<FieldContent> {
        match (self.at, name) {
            (FieldContent::Envelope, "data") => Some(FieldContent::Typed(FieldKind::Object(self.document.root))),
            (FieldContent::Envelope, "errors") => Some(FieldContent::Error),
            (FieldContent::Envelope | FieldContent::Error, "extensions") => Some(FieldContent::Extensions),
            (FieldContent::Error, "message" | "traceId") | (FieldContent::Extensions, "traceId") => {
                Some(FieldContent::Typed(FieldKind::Text))
            }
            (FieldContent::Error, "path") => Some(FieldContent::Path),
            (FieldContent::Extensions, "code") => Some(FieldContent::Code),
            (FieldContent::Error, "locations") | (FieldContent::Location, "line" | "column") => {
                Some(FieldContent::Location)
            }
            (FieldContent::Typed(FieldKind::Object(_)), "__typename") => Some(FieldContent::TypeName),
            (FieldContent::Typed(FieldKind::Object(object)), name) => {
                field(object, self.document.field(name)).map(FieldContent::Typed)
            }
            _ => None,
        }
    }

    fn is_opaque(self) -> bool {
        !matches!(
            self.at,
            FieldContent::Envelope
                | FieldContent::Error
                | FieldContent::Extensions
                | FieldContent::Location
                | FieldContent::Typed(FieldKind::Object(_))
        )
    }

    fn number(self, number: u64) -> Value {
        match self.at {
            FieldContent::Path | FieldContent::Location if number < 1_000_000 => number.into(),
            _ => "<number>".into(),
        }
    }
}

impl<'de> DeserializeSeed<'de> for JsonPosition<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonPosition<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(if self.at == FieldContent::Typed(FieldKind::Boolean) { value.into() } else { "<boolean>".into() })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(self.number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok("<number>".into())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok("<number>".into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        let known = match self.at {
            FieldContent::Typed(FieldKind::Enum(of)) => Some(enum_value(of, text).unwrap_or("<unknown value>")),
            FieldContent::Code => Some(CODES.iter().find(|code| **code == text).copied().unwrap_or("<unknown code>")),
            FieldContent::TypeName => type_name(text),
            FieldContent::Path if self.document.knows(text) => Some(text),
            _ => None,
        };
        Ok(known.unwrap_or("<string>").into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        if self.is_opaque()
            && !matches!(self.at, FieldContent::Path | FieldContent::Typed(FieldKind::Text | FieldKind::Enum(_)))
        {
            let mut counts = KindCounts::default();
            while let Some(kind) = list.next_element_seed(ScalarKind)? {
                counts.count(kind);
            }
            return Ok(format!("<list of {counts}>").into());
        }
        let (mut items, mut distinct, mut more) = (Vec::new(), BTreeSet::new(), 0_usize);
        while let Some(item) = list.next_element_seed(self)? {
            // A path is kept as a whole and in order.
            if self.at == FieldContent::Path || items.len() < MOST_ITEMS && distinct.insert(item.to_string()) {
                items.push(item);
            } else {
                more += 1;
            }
        }
        if more > 0 {
            items.push(format!("<{more} more like these>").into());
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        if self.is_opaque() {
            let mut counts = KindCounts::default();
            while let Some((IgnoredAny, kind)) = map.next_entry_seed(std::marker::PhantomData, ScalarKind)? {
                counts.count(kind);
            }
            return Ok(format!("<map of {counts}>").into());
        }
        let (mut shape, mut unknown) = (Map::new(), KindCounts::default());
        while let Some(name) = map.next_key::<String>()? {
            match self.under(&name) {
                Some(at) => drop(shape.insert(name, map.next_value_seed(self.to(at))?)),
                None => unknown.count(map.next_value_seed(ScalarKind)?),
            }
        }
        if unknown.total() > 0 {
            shape.insert("<unknown fields>".to_owned(), unknown.to_string().into());
        }
        Ok(shape.into())
    }
}

/// The JSON type of a value, without its content.
struct ScalarKind;

/// The number of values of each JSON type.
#[derive(Default)]
struct KindCounts {
    counts: [usize; 6],
}

/// In the order of [`KindCounts::counts`].
const KINDS: [&str; 6] = ["string", "null", "boolean", "number", "list", "map"];

impl KindCounts {
    fn count(&mut self, kind: usize) {
        self.counts[kind] += 1;
    }

    fn total(&self) -> usize {
        self.counts.iter().sum()
    }
}

impl fmt::Display for KindCounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.total())?;
        let present = self.counts.iter().zip(KINDS).filter(|(count, _)| **count > 0);
        for (index, (count, kind)) in present.enumerate() {
            let (separator, plural) = (if index == 0 { ":" } else { "," }, if *count == 1 { "" } else { "s" });
            write!(formatter, "{separator} {count} {kind}{plural}")?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for ScalarKind {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarKind {
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_str<E>(self, _: &str) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_unit<E>(self) -> Result<usize, E> {
        Ok(1)
    }

    fn visit_bool<E>(self, _: bool) -> Result<usize, E> {
        Ok(2)
    }

    fn visit_u64<E>(self, _: u64) -> Result<usize, E> {
        Ok(3)
    }

    fn visit_i64<E>(self, _: i64) -> Result<usize, E> {
        Ok(3)
    }

    fn visit_f64<E>(self, _: f64) -> Result<usize, E> {
        Ok(3)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(4)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(5)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::io::railway::debug_record::public_names::Document;
    use crate::io::railway::debug_record::redacted_json::of;

    fn document() -> Document {
        let query = "query Q { stored_0: variables(a: $b) snapshot_0: deploymentSnapshot(d: $d) { variables } }";
        Document::of(&json!({ "query": query }).to_string())
    }

    fn shape(body: &Value) -> Value {
        of(body.to_string().as_bytes(), &document()).unwrap()
    }

    #[test]
    fn keeps_only_names_types_enum_values_and_codes() {
        let found = shape(&json!({
            "data": {
                "stored_0": { "API_KEY": "mark4711", "SEALED": null, "mark4711": "SUCCESS" },
                "snapshot_0": { "variables": { "status": "SUCCESS" }, "mark4711": 4711 },
                "deployment": {
                    "__typename": "Deployment", "id": "mark4711", "status": "SUCCESS", "canRedeploy": true,
                    "meta": { "status": "SUCCESS", "n": 4711, "deep": [{ "mark4711": true }] }, "diagnosis": "mark4711",
                    "instances": [{ "status": "RUNNING" }, { "status": "RUNNING" }, { "status": "mark4711" }],
                },
                "mark4711": "mark4711",
            },
            "errors": [{
                "message": "mark4711", "path": ["stored_0", "mark4711", 4], "traceId": "4711",
                "locations": [{ "line": 2, "column": 3 }],
                "extensions": { "code": "INTERNAL_SERVER_ERROR", "mark4711": {} },
            }],
            "mark4711": [],
        }));
        assert_eq!(
            found,
            json!({
                "data": {
                    "stored_0": "<map of 3: 2 strings, 1 null>",
                    "snapshot_0": { "variables": "<map of 1: 1 string>", "<unknown fields>": "1: 1 number" },
                    "deployment": {
                        "__typename": "Deployment", "id": "<string>", "status": "SUCCESS", "canRedeploy": true,
                        "meta": "<map of 3: 1 string, 1 number, 1 list>", "diagnosis": "<string>",
                        "instances": [{ "status": "RUNNING" }, { "status": "<unknown value>" }, "<1 more like these>"],
                    },
                    "<unknown fields>": "1: 1 string",
                },
                "errors": [{
                    "message": "<string>", "path": ["stored_0", "<string>", 4], "traceId": "<string>",
                    "locations": [{ "line": 2, "column": 3 }],
                    "extensions": { "code": "INTERNAL_SERVER_ERROR", "<unknown fields>": "1: 1 map" },
                }],
                "<unknown fields>": "1: 1 list",
            })
        );
    }

    #[test]
    fn unexpected_content_is_always_redacted() {
        let odd = [
            json!("mark4711"),
            json!(47_110_815),
            json!(true),
            json!(["SUCCESS", 47_110_815]),
            json!({ "id": "mark4711" }),
        ];
        for value in odd {
            for body in [
                json!({ "data": value }),
                json!({ "errors": value }),
                json!({ "data": { "deployment": value } }),
                json!({ "data": { "deployment": { "status": value, "canRedeploy": value, "__typename": value } } }),
                json!({ "data": { "stored_0": value, "edgeConfig": value } }),
                json!({ "errors": [{ "extensions": { "code": value }, "locations": value, "path": value }] }),
                value.clone(),
            ] {
                let text = shape(&body).to_string();
                let is_public = |text: &str| !text.contains("4711");
                assert!(is_public(&text), "{body} becomes {text}");
            }
        }
        assert_eq!(
            shape(&json!({ "data": { "deployment": { "status": ["SUCCESS", "mark4711"] } } })).to_string(),
            r#"{"data":{"deployment":{"status":["SUCCESS","<unknown value>"]}}}"#
        );
    }

    #[test]
    fn invalid_json_is_only_classified() {
        for (body, expected) in [
            ("", "empty body"),
            ("error code: 1010", "not JSON"),
            ("{\"data\": {\"mark4711", "truncated JSON"),
            ("{\"data\": {\"a\": 1, \"a\": 2}}", "JSON with a duplicate key"),
            ("{} mark4711", "not JSON"),
        ] {
            assert_eq!(of(body.as_bytes(), &document()).unwrap_err(), expected, "{body}");
        }
    }
}
