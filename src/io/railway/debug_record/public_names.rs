//! The public names in a response: the fields, types and enum values of the schema that `doctor` is built with, and the
//! aliases of the document that was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

/// The schema, which the operations are checked against.
const TEXT: &str = include_str!("../../../../graphql/schema.graphql");

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read(TEXT));

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// An object of that type.
    Object(&'static str),
    /// A value of that enum.
    Enum(&'static str),
    Boolean,
    Number,
    Text,
    /// A custom scalar or an unknown type, which may contain values and names of variables.
    Opaque,
}

struct Schema {
    /// Type → field → the name of the field's type.
    types: BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>,
    enums: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Schema {
    fn read(text: &'static str) -> Self {
        let mut schema = Self { types: BTreeMap::new(), enums: BTreeMap::new() };
        let (mut object, mut list) = (None, None);
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("type ").and_then(|rest| rest.strip_suffix(" {")) {
                object = Some(name);
                schema.types.entry(name).or_default();
            } else if let Some(name) = line.strip_prefix("enum ").and_then(|rest| rest.strip_suffix(" {")) {
                list = Some(name);
            } else if line == "}" {
                (object, list) = (None, None);
            } else if line.is_empty() || line.starts_with(['"', '#']) {
                // A description.
            } else if let Some(name) = list {
                schema.enums.entry(name).or_default().insert(line);
            } else if let (Some(name), Some((_, kind))) = (object, line.rsplit_once(": ")) {
                let field = line.split(['(', ':']).next().unwrap_or_default();
                schema.types.entry(name).or_default().insert(field, kind.trim_matches(['[', ']', '!']));
            }
        }
        schema
    }
}

/// Returns the kind of a type's field; `None` if the type has no such field.
pub(super) fn field(object: &str, field: &str) -> Option<FieldKind> {
    let kind = *SCHEMA.types.get(object)?.get(field)?;
    Some(match kind {
        "String" | "ID" | "DateTime" => FieldKind::Text,
        "Boolean" => FieldKind::Boolean,
        "Int" | "Float" => FieldKind::Number,
        _ if SCHEMA.types.contains_key(kind) => FieldKind::Object(kind),
        _ if SCHEMA.enums.contains_key(kind) => FieldKind::Enum(kind),
        _ => FieldKind::Opaque,
    })
}

/// Returns a value of an enum as it is in the schema; `None` if it is unknown.
pub(super) fn enum_value(of: &str, value: &str) -> Option<&'static str> {
    SCHEMA.enums.get(of)?.get(value).copied()
}

/// Returns the name of a type as it is in the schema; `None` if it is unknown.
pub(super) fn type_name(name: &str) -> Option<&'static str> {
    SCHEMA.types.get_key_value(name).map(|(name, _)| *name)
}

/// Returns whether any type has a field with this name.
pub(super) fn is_field(name: &str) -> bool {
    SCHEMA.types.values().any(|fields| fields.contains_key(name))
}

/// The document of a request. Its variables are not read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// `Query` or `Mutation`.
    pub(super) root: &'static str,
    /// Alias → field.
    aliases: BTreeMap<String, String>,
}

impl Document {
    /// Parses the document in the body of a request.
    pub(super) fn of(body: &str) -> Self {
        #[derive(Deserialize)]
        struct Sent {
            query: String,
        }
        let text = serde_json::from_str::<Sent>(body).map(|sent| sent.query).unwrap_or_default();
        let is_mutation = text.lines().any(|line| line.trim_start().starts_with("mutation"));
        let mut aliases = BTreeMap::new();
        // Arguments and variables have the same form. They are ignored later, because their types are not fields.
        for (before, after) in text.match_indices(':').map(|(at, _)| text.split_at(at)) {
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let alias = before.trim_end().rsplit(|letter| !is_name(letter)).next().unwrap_or_default();
            let field: String = after[1..].trim_start().chars().take_while(|&letter| is_name(letter)).collect();
            if !alias.is_empty() && !field.is_empty() {
                aliases.insert(alias.to_owned(), field);
            }
        }
        Self { root: if is_mutation { "Mutation" } else { "Query" }, aliases }
    }

    /// Returns the field that a key of the response refers to.
    pub(super) fn field<'d>(&'d self, name: &'d str) -> &'d str {
        self.aliases.get(name).filter(|field| is_field(field)).map_or(name, String::as_str)
    }

    /// Returns whether a name is in the document or in the schema.
    pub(super) fn knows(&self, name: &str) -> bool {
        is_field(name) || self.aliases.get(name).is_some_and(|field| is_field(field))
    }
}

#[cfg(test)]
mod tests {
    use crate::io::railway::debug_record::public_names::{Document, FieldKind, enum_value, field, type_name};

    #[test]
    fn schema_determines_field_kinds() {
        for (object, name, expected) in [
            ("Query", "environment", Some(FieldKind::Object("Environment"))),
            ("Query", "variables", Some(FieldKind::Opaque)),
            ("Query", "deploymentLogs", Some(FieldKind::Object("Log"))),
            ("Environment", "config", Some(FieldKind::Opaque)),
            ("Environment", "canAccess", Some(FieldKind::Boolean)),
            ("Deployment", "status", Some(FieldKind::Enum("DeploymentStatus"))),
            ("Deployment", "meta", Some(FieldKind::Opaque)),
            ("Deployment", "createdAt", Some(FieldKind::Text)),
            ("Log", "message", Some(FieldKind::Text)),
            ("EdgeConfig", "underAttackModeUntil", Some(FieldKind::Number)),
            ("EdgeConfig", "edgeRules", Some(FieldKind::Opaque)),
            ("EnvironmentPatch", "lastAppliedError", Some(FieldKind::Text)),
            ("Deployment", "message", None),
            ("Nothing", "id", None),
        ] {
            assert_eq!(field(object, name), expected, "{object}.{name}");
        }
        assert_eq!(enum_value("DeploymentStatus", "SUCCESS"), Some("SUCCESS"));
        assert_eq!(enum_value("DeploymentStatus", "mark4711"), None);
        assert_eq!(type_name("Deployment"), Some("Deployment"));
        assert_eq!(type_name("mark4711"), None);
    }

    #[test]
    fn only_document_aliases_map_to_fields() {
        let query = "query Values($projectId: String!, $serviceId_0: String!) {\n  stored_0: variables(projectId: \
                     $projectId, unrendered: true)\n  staged: environmentStagedChanges(environmentId: $e) { id }\n}";
        let body = serde_json::json!({ "query": query, "variables": { "mark4711": "variables" } }).to_string();
        let document = Document::of(&body);
        assert_eq!(document.root, "Query");
        for (name, expected) in [
            ("stored_0", "variables"),
            ("staged", "environmentStagedChanges"),
            ("unrendered", "unrendered"),
            ("projectId", "projectId"),
            ("mark4711", "mark4711"),
        ] {
            assert_eq!(document.field(name), expected);
        }
        assert!(document.knows("stored_0") && document.knows("environment") && !document.knows("mark4711"));
        assert_eq!(Document::of("{\"query\":\"mutation Deploy { x }\"}").root, "Mutation");
        assert_eq!(Document::of("not JSON").root, "Query");
    }
}
