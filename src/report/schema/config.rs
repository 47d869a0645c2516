//! The JSON Schema of `doctor.toml`, for editors. The parser is written by hand, for better error messages; tests
//! compare the two.

use serde_json::{Map, Value, json};

use crate::drift::rules::RULES;
use crate::report::schema::text;

/// Returns the schema of `doctor.toml`.
pub fn config() -> String {
    text(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "doctor.toml",
        "description": "What doctor compares on Railway, and how strictly. It contains names, never values.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "project": name("The project, by id or name"),
            "environment": name("The environment, by id or name"),
            "env-file": files("The env files; later files override earlier ones. Paths are relative to this file"),
            "loader": string_enum("The loader that the program uses to read .env; the default is what all loaders agree on", &["dotenvy", "python", "node"]),
            "fail-on": string_enum("The least severity that makes a check fail", &["error", "warning", "note", "never"]),
            "environments": sections("Settings of environments, by name or id", &environment()),
            "services": sections("Services to compare, by alias", &service()),
            "require": list("Keys that must exist on these services and have the same value everywhere", &require()),
            "across": list("What must hold for keys in two environments, for `doctor compare`", &across()),
            "ignore": list("Expected differences", &ignore()),
            "severity": severity(),
            "expect": object("Expectations of running services", &[], json!({
                "log": list("Lines that the log of the running deployment must contain", &log()),
                "http": list("Requests, and the expected responses", &http()),
            })),
            "hook": object("The pre-commit hook", &[], json!({
                "on-drift": string_enum("Whether drift blocks a commit", &["fail", "warn"]),
            })),
            "pull": object("The command that creates a .env", &[], json!({
                "allow": { "type": "boolean", "description": "Whether `doctor pull` may be used; true by default" },
            })),
        },
    }))
}

fn environment() -> Value {
    object(
        "One environment",
        &[],
        json!({
            "env-file": files("Its env files"),
            "protected": { "type": "boolean", "description": "Whether a fix asks for the name of the environment" },
        }),
    )
}

fn service() -> Value {
    object(
        "One service",
        &[],
        json!({
            "name": name("Its name or id on Railway; the default is the alias"),
            "env-file": files("Its env files, if it has its own"),
            "start-command-contains": texts("Words that the running start command must contain"),
            "commit": {
                "type": "string",
                "pattern": "^(HEAD|[0-9A-Fa-f]{7,40})$",
                "description": "The commit that must be running, or a descendant of it: 7 to 40 hexadecimal digits, or HEAD",
            },
        }),
    )
}

fn require() -> Value {
    object(
        "Required keys",
        &["keys"],
        json!({
            "keys": exact_names(),
            "services": texts("Aliases or names; all services in scope by default"),
        }),
    )
}

fn across() -> Value {
    object(
        "Keys in two environments",
        &["keys", "must"],
        json!({
            "keys": exact_names(),
            "must": string_enum("Whether the two values must be equal, must be different, or must only exist", &["agree", "differ", "exist"]),
        }),
    )
}

fn exact_names() -> Value {
    json!({ "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1, "pattern": "^[^*?]*$" },
        "description": "Names of variables, without wildcards" })
}

fn ignore() -> Value {
    object(
        "Expected differences",
        &["keys", "reason"],
        json!({
            "keys": { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 },
                "description": "Names of variables, with the wildcards * and ?" },
            "services": texts("Aliases or names; all by default"),
            "environments": texts("Names or ids; all by default"),
            "rules": { "type": "array", "minItems": 1, "items": { "enum": rules() }, "description": "Rules to suppress; all by default" },
            "reason": { "type": "string", "minLength": 1, "description": "Why the difference is expected, for later readers" },
            "until": { "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                "description": "The last day on which it applies, such as 2027-01-01" },
        }),
    )
}

fn severity() -> Value {
    let one = string_enum("The severity of the rule", &["error", "warning", "note", "off"]);
    let properties: Map<String, Value> = rules().into_iter().map(|rule| (rule.to_owned(), one.clone())).collect();
    object("Severities that differ from the defaults, by rule", &[], Value::Object(properties))
}

fn log() -> Value {
    object(
        "An expected log line",
        &["service", "contains"],
        json!({
            "service": name("An alias or a name"),
            "contains": { "type": "string", "minLength": 1, "description": "Text that the line contains" },
            "within": { "type": "string", "pattern": "[0-9]", "description": "How long a new deployment may take to print it, such as 5m" },
        }),
    )
}

fn http() -> Value {
    let mut request = object(
        "A request to a domain of the service",
        &["service", "request"],
        json!({
            "service": name("An alias or a name"),
            "request": { "type": "string", "pattern": "^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /([^/].*)?$", "description": "Method and path, such as GET /health" },
            "allow-effects": { "type": "boolean", "description": "Required for methods other than GET and HEAD, which may have side effects" },
            "headers": { "type": "object", "additionalProperties": { "type": "string" },
                "description": "Headers of the request; $KEY is replaced by the local value of KEY" },
            "status": { "type": "integer", "minimum": 100, "maximum": 599, "description": "The expected status" },
            "json": { "type": "object", "description": "JSON pointers, each with \"present\", \"absent\" or the expected value" },
        }),
    );
    request["anyOf"] = json!([{ "required": ["status"] }, { "required": ["json"] }]);
    request["if"] = json!({ "properties": { "request": { "type": "string", "not": { "pattern": "^(GET|HEAD) " } } } });
    request["then"] = json!({ "required": ["allow-effects"], "properties": { "allow-effects": { "const": true } } });
    request
}

/// Returns the names and codes of the rules.
fn rules() -> Vec<&'static str> {
    RULES.iter().flat_map(|rule| [rule.name, rule.code]).collect()
}

fn object(description: &str, required: &[&str], properties: Value) -> Value {
    let mut object =
        json!({ "type": "object", "description": description, "additionalProperties": false, "required": required });
    object["properties"] = properties;
    object
}

fn sections(description: &str, section: &Value) -> Value {
    json!({ "type": "object", "description": description, "additionalProperties": section })
}

fn list(description: &str, item: &Value) -> Value {
    json!({ "type": "array", "description": description, "items": item })
}

fn name(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": description })
}

fn string_enum(description: &str, values: &[&str]) -> Value {
    json!({ "enum": values, "description": description })
}

fn texts(description: &str) -> Value {
    json!({ "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 }, "description": description })
}

fn files(description: &str) -> Value {
    let one = json!({ "type": "string", "minLength": 1 });
    json!({ "description": description, "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
}
