//! What `doctor.toml` may say, for editors. The reader of the file is by hand and says more of what is wrong; the tests hold
//! the two against each other.

use serde_json::{Map, Value, json};

use crate::drift::rules::RULES;
use crate::report::schema::text;

/// The schema of `doctor.toml`.
pub fn config() -> String {
    text(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "doctor.toml",
        "description": "What doctor compares on Railway, and how strictly. It holds names, and no value.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "project": name("The project, by id or name"),
            "environment": name("The environment, by id or name"),
            "env-file": files("The files of variables; later ones win. Paths are relative to this file"),
            "loader": string_enum("Which loader the program reads its .env with; without it, what all of them agree on", &["dotenvy", "python", "node"]),
            "fail-on": string_enum("From which severity on a check fails", &["error", "warning", "note", "never"]),
            "environments": sections("Environments, by name or id", &environment()),
            "services": sections("Services that are looked at, by a short name", &service()),
            "require": list("Keys that must be on these services, and equal everywhere", &require()),
            "ignore": list("Differences that are meant to be", &ignore()),
            "severity": severity(),
            "expect": object("What must be seen of a service that runs", &[], json!({
                "log": list("Lines that the log of the running deployment must have", &log()),
                "http": list("Requests, and what must be answered", &http()),
            })),
            "hook": object("What doctor does before a commit", &[], json!({
                "on-drift": string_enum("Whether drift stops a commit", &["fail", "warn"]),
            })),
        },
    }))
}

fn environment() -> Value {
    object(
        "One environment",
        &[],
        json!({
            "env-file": files("Its files of variables"),
            "protected": { "type": "boolean", "description": "Whether a fix wants its name typed" },
        }),
    )
}

fn service() -> Value {
    object(
        "One service",
        &[],
        json!({
            "name": name("Its name or id on Railway; the short name where it is left out"),
            "env-file": files("Its files of variables, where it has its own"),
            "start-command-contains": texts("Words that the running start command must have"),
            "commit": {
                "type": "string",
                "pattern": "^(HEAD|[0-9A-Fa-f]{7,40})$",
                "description": "The commit that must run, or a descendant of it: 7 to 40 digits, or HEAD",
            },
        }),
    )
}

fn require() -> Value {
    object(
        "Keys that must agree",
        &["keys"],
        json!({
            "keys": { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1, "pattern": "^[^*?]*$" },
                "description": "Names of variables, in full" },
            "services": texts("Short names or names; without them, every service in scope"),
        }),
    )
}

fn ignore() -> Value {
    object(
        "Differences that are meant to be",
        &["keys", "reason"],
        json!({
            "keys": { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 },
                "description": "Names of variables; * and ? stand for anything" },
            "services": texts("Short names or names; without them, all"),
            "environments": texts("Names or ids; without them, all"),
            "rules": { "type": "array", "minItems": 1, "items": { "enum": rules() }, "description": "Rules that are to be silent; without them, all" },
            "reason": { "type": "string", "minLength": 1, "description": "Why; people read it in a year" },
            "until": { "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                "description": "The last day on which it holds, as 2027-01-01" },
        }),
    )
}

fn severity() -> Value {
    let one = string_enum("What it is to be", &["error", "warning", "note", "off"]);
    let properties: Map<String, Value> = rules().into_iter().map(|rule| (rule.to_owned(), one.clone())).collect();
    object("Severities other than the usual ones, by rule", &[], Value::Object(properties))
}

fn log() -> Value {
    object(
        "A line of a log",
        &["service", "contains"],
        json!({
            "service": name("A short name or a name"),
            "contains": { "type": "string", "minLength": 1, "description": "A part of the line" },
            "within": { "type": "string", "pattern": "[0-9]", "description": "How long a fresh deployment has for it, as 5m" },
        }),
    )
}

fn http() -> Value {
    let mut request = object(
        "A request to a domain of the service",
        &["service", "request"],
        json!({
            "service": name("A short name or a name"),
            "request": { "type": "string", "pattern": "^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /([^/].*)?$", "description": "Method and path, as GET /health" },
            "allow-effects": { "type": "boolean", "description": "Whether a method other than GET and HEAD is meant" },
            "headers": { "type": "object", "additionalProperties": { "type": "string" },
                "description": "What is sent with it; $KEY is the local value of a key" },
            "status": { "type": "integer", "minimum": 100, "maximum": 599, "description": "The status that must come back" },
            "json": { "type": "object", "description": "JSON pointer: \"present\", \"absent\" or what must be there" },
        }),
    );
    request["anyOf"] = json!([{ "required": ["status"] }, { "required": ["json"] }]);
    request["if"] = json!({ "properties": { "request": { "type": "string", "not": { "pattern": "^(GET|HEAD) " } } } });
    request["then"] = json!({ "required": ["allow-effects"], "properties": { "allow-effects": { "const": true } } });
    request
}

/// Names and codes of rules.
fn rules() -> Vec<&'static str> {
    RULES.iter().flat_map(|rule| [rule.name, rule.code]).collect()
}

fn object(says: &str, required: &[&str], properties: Value) -> Value {
    let mut object =
        json!({ "type": "object", "description": says, "additionalProperties": false, "required": required });
    object["properties"] = properties;
    object
}

fn sections(says: &str, section: &Value) -> Value {
    json!({ "type": "object", "description": says, "additionalProperties": section })
}

fn list(says: &str, item: &Value) -> Value {
    json!({ "type": "array", "description": says, "items": item })
}

fn name(says: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": says })
}

fn string_enum(says: &str, words: &[&str]) -> Value {
    json!({ "enum": words, "description": says })
}

fn texts(says: &str) -> Value {
    json!({ "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 }, "description": says })
}

fn files(says: &str) -> Value {
    let one = json!({ "type": "string", "minLength": 1 });
    json!({ "description": says, "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
}
