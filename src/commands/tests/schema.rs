//! Compares the JSON schemas with the actual output, and with the accepted configuration.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::commands::tests::deploy::{api, shop};
use crate::commands::tests::init;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::git::tests::git;

fn schema(of: &str) -> jsonschema::Validator {
    let text = shop(api()).run(&["schema", of]).out;
    jsonschema::validator_for(&serde_json::from_str::<Value>(&text).unwrap()).expect("it is a schema")
}

fn fits(schema: &jsonschema::Validator, text: &str) {
    let document: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text}"));
    let errors: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}: {text}");
}

#[test]
fn every_json_document_matches_schema() {
    let schema = schema("report");
    let both = |ended: &Ended| {
        // Without a plan, an error has no report.
        if !ended.out.is_empty() {
            fits(&schema, &ended.out);
        }
        ended.err.lines().filter(|line| line.starts_with('{')).for_each(|line| fits(&schema, line));
        usize::from(!ended.err.is_empty())
    };
    let sandbox = init::shop();
    let mut errors = 0;
    for words in [
        &["check"][..],
        &["matrix"],
        &["fix", "--dry-run"],
        &["fix", "--push"],
        &["fix", "--pull", "--dry-run"],
        &["fix", "--redeploy", "--yes"],
        &["fix", "--push", "--yes", "--only", "API_KEY"],
        &["undo", "--list"],
        &["undo"],
        &["undo", "--yes"],
        &["auth", "status"],
        &["explain"],
        &["init"],
        &["init", "--yes"],
        &["check", "-v"],
        &["demo", "compare"],
        &["demo", "trace", "-v"],
        &["demo", "rotate", "--generate", "hex:32", "--dry-run"],
        &["demo", "rotate", "--generate", "hex:32", "--yes"],
        &["demo", "rotate", "--generate", "hex:32"],
        &["demo", "rotate", "--generate", "hex:32", "--all-copies", "--yes"],
        &["demo", "fix", "--hoist", "LOG_LEVEL"],
        &["trace", "API_KEY", "--from", "api"],
        &["trace", "API_KEY", "--from", "api", "--everywhere", "--yes"],
        &["rotate", "API_KEY", "--from", "api", "--generate", "hex:32", "--yes"],
        &["fix", "--hoist", "API_KEY", "--dry-run"],
        &["fix", "--hoist", "API_KEY", "--yes"],
    ] {
        errors += both(&sandbox.run(&[words, &["--format", "json"]].concat()));
    }
    assert!(errors >= 3, "some runs end with an error");
    let logged_out = shop(api()).variable("RAILWAY_API_TOKEN", None);
    both(&logged_out.run(&["auth", "status", "--format", "json"]));
    let hooks = Sandbox::of([]).variable("PATH", Some(&std::env::var("PATH").unwrap()));
    git(&hooks.work(), &["init", "-q"]);
    both(&hooks.run(&["hook", "status", "--format", "json"]));
    fits(&schema, sandbox.run(&["check", "--service", "nobody", "--format", "json"]).err.trim());
    fits(&schema, sandbox.run(&["demo", "compare", "staging", "nowhere", "--format", "json"]).err.trim());
    fits(&schema, sandbox.run(&["trace", "NOWHERE", "--format", "json"]).err.trim());
    fits(&schema, sandbox.run(&["rotate", "NOWHERE", "--generate", "uuid", "--format", "json"]).err.trim());
}

/// Returns the names that the error of a wrong name in `doctor.toml` lists.
fn taken(text: &str, between: &str) -> BTreeSet<String> {
    let sandbox = Sandbox::of([api()]).file(".env", "A=new-value\n").file("doctor.toml", text);
    let ended = sandbox.run(&["check"]);
    let (_, names) = ended.err.split_once(between).unwrap_or_else(|| panic!("{text}: {ended:?}"));
    let names = names.lines().next().unwrap_or_default().replace('"', "`");
    names.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

#[test]
fn schema_covers_exactly_the_accepted_keys_and_values() {
    let text = shop(api()).run(&["schema", "config"]).out;
    let schema: Value = serde_json::from_str(&text).unwrap();
    let at = |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
    for (section, pointer) in [
        ("", "/properties"),
        ("[environments.x]", "/properties/environments/additionalProperties/properties"),
        ("[services.x]", "/properties/services/additionalProperties/properties"),
        ("[[require]]", "/properties/require/items/properties"),
        ("[[across]]", "/properties/across/items/properties"),
        ("[[ignore]]", "/properties/ignore/items/properties"),
        ("[expect]", "/properties/expect/properties"),
        ("[[expect.log]]", "/properties/expect/properties/log/items/properties"),
        ("[[expect.http]]", "/properties/expect/properties/http/items/properties"),
        ("[hook]", "/properties/hook/properties"),
    ] {
        let in_schema: BTreeSet<String> = at(pointer).as_object().unwrap().keys().cloned().collect();
        assert_eq!(in_schema, taken(&format!("{section}\nzzzz = 1\n"), "valid keys: "), "{section}");
    }
    for (text, pointer) in [
        ("loader = \"zzzz\"", "/properties/loader/enum"),
        ("fail-on = \"zzzz\"", "/properties/fail-on/enum"),
        ("[[across]]\nkeys = [\"A\"]\nmust = \"zzzz\"", "/properties/across/items/properties/must/enum"),
        ("[hook]\non-drift = \"zzzz\"", "/properties/hook/properties/on-drift/enum"),
        ("[severity]\nsealed = \"zzzz\"", "/properties/severity/properties/sealed/enum"),
    ] {
        let in_schema: BTreeSet<String> =
            at(pointer).as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
        assert_eq!(in_schema, taken(text, "must be one of "), "{text}");
    }
}

/// Returns whether `check` accepts it as `doctor.toml`.
fn is_read(text: &str) -> bool {
    let sandbox = Sandbox::of([api()]).file(".env", "A=new-value\n").file("doctor.toml", text);
    !sandbox.run(&["check", "--format", "json"]).err.contains("\"kind\":\"configuration\"")
}

#[test]
fn schema_and_parser_accept_the_same_files() {
    let schema = schema("config");
    let is_fit = |text: &str| {
        let document: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
        schema.is_valid(&serde_json::to_value(document).unwrap())
    };
    let ignore = "[[ignore]]\nkeys = [\"A\"]\nreason = \"r\"\n";
    let http = "[[expect.http]]\nservice = \"api\"\n";
    for (text, expected) in [
        (String::new(), true),
        ("project = \"shop\"\nenvironment = \"staging\"\nenv-file = \".env\"\nfail-on = \"never\"".to_owned(), true),
        ("env-file = [\".env\"]\nloader = \"node\"".to_owned(), true),
        ("loader = \"ruby\"".to_owned(), false),
        ("fail-on = \"fatal\"".to_owned(), false),
        ("env-file = []".to_owned(), false),
        ("env-file = 3".to_owned(), false),
        ("project = \"\"".to_owned(), false),
        ("envfile = \".env\"".to_owned(), false),
        ("[environments.staging]\nprotected = true\nenv-file = \".env\"".to_owned(), true),
        ("[environments.staging]\nprotected = \"yes\"".to_owned(), false),
        ("[environments.staging]\nlocked = true".to_owned(), false),
        ("[services.a]\nname = \"api\"\nstart-command-contains = [\"-B\"]\ncommit = \"HEAD\"".to_owned(), true),
        ("[services.api]\ncommit = \"371a158\"".to_owned(), true),
        ("[services.api]\ncommit = \"main\"".to_owned(), false),
        ("[services.api]\nstart-command-contains = \"-B\"".to_owned(), false),
        ("[services.api]\nroot = \"x\"".to_owned(), false),
        ("[[require]]\nkeys = [\"A\"]\nservices = [\"api\"]".to_owned(), true),
        ("[[require]]\nkeys = [\"A*\"]".to_owned(), false),
        ("[[require]]\nservices = [\"api\"]".to_owned(), false),
        ("[require]\nkeys = [\"A\"]".to_owned(), false),
        ("[[across]]\nkeys = [\"A\"]\nmust = \"exist\"".to_owned(), true),
        ("[[across]]\nkeys = [\"A?\"]\nmust = \"exist\"".to_owned(), false),
        ("[[across]]\nkeys = [\"A\"]".to_owned(), false),
        ("[[across]]\nmust = \"agree\"".to_owned(), false),
        ("[[across]]\nkeys = [\"A\"]\nmust = \"equal\"".to_owned(), false),
        ("[[across]]\nkeys = [\"A\"]\nmust = \"agree\"\nservices = [\"api\"]".to_owned(), false),
        (ignore.to_owned(), true),
        (
            format!(
                "{ignore}services = [\"api\"]\nenvironments = [\"staging\"]\nrules = [\"D103\"]\nuntil = \"2030-01-01\""
            ),
            true,
        ),
        (format!("{ignore}rules = [\"value-differs\"]"), true),
        (format!("{ignore}rules = [\"value-differ\"]"), false),
        (format!("{ignore}rules = []"), false),
        (format!("{ignore}until = \"tomorrow\""), false),
        ("[[ignore]]\nkeys = [\"A\"]".to_owned(), false),
        ("[severity]\nmissing-locally = \"off\"\nD103 = \"note\"".to_owned(), true),
        ("[severity]\nmissing-locally = \"silent\"".to_owned(), false),
        ("[severity]\nnothing = \"off\"".to_owned(), false),
        ("[[expect.log]]\nservice = \"api\"\ncontains = \"up\"\nwithin = \"5m\"".to_owned(), true),
        ("[[expect.log]]\nservice = \"api\"".to_owned(), false),
        ("[[expect.log]]\nservice = \"api\"\ncontains = \"up\"\nwithin = \"soon\"".to_owned(), false),
        ("[[expect.log]]\nservice = \"api\"\ncontains = \"up\"\nwithin = \"1m 30s\"".to_owned(), true),
        (
            format!("{http}request = \"GET /\"\nstatus = 200\nheaders = {{ X-Key = \"$A\" }}\njson = {{ \"/a\" = 1 }}"),
            true,
        ),
        (format!("{http}request = \"POST /a\"\nallow-effects = true\njson = {{ \"/a\" = \"present\" }}"), true),
        (format!("{http}request = \"POST /a\"\nstatus = 200"), false),
        (format!("{http}request = \"DELETE /a\"\nstatus = 200\nallow-effects = false"), false),
        (format!("{http}request = \"HEAD /a\"\nstatus = 200\nallow-effects = false"), true),
        (format!("{http}request = \"GET //host/\"\nstatus = 200"), false),
        (format!("{http}request = \"BREW /\"\nstatus = 200"), false),
        (format!("{http}request = \"GET /\"\nstatus = 99"), false),
        (format!("{http}request = \"GET /\""), false),
        (format!("{http}status = 200"), false),
        ("[expect]\nlogs = []".to_owned(), false),
        ("[hook]\non-drift = \"warn\"".to_owned(), true),
        ("[hook]\non-drift = \"stop\"".to_owned(), false),
    ] {
        assert_eq!((is_read(&text), is_fit(&text)), (expected, expected), "(read, fits) {text}");
    }
}

#[test]
fn init_references_existing_schema() {
    for (name, named) in [("doctor.schema.json", true), ("another.schema.json", false)] {
        let sandbox = init::shop();
        let schema = sandbox.run(&["schema", "config"]).out;
        let sandbox = sandbox.file(name, &schema);
        assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
        assert_eq!(sandbox.text("doctor.toml").starts_with("#:schema ./doctor.schema.json\n"), named, "{name}");
        assert_eq!(sandbox.text(name), schema);
        assert_ne!(sandbox.run(&["check"]).code, 2, "the line is a TOML comment");
    }
}

#[test]
fn init_output_matches_schema() {
    let sandbox = init::shop();
    assert_eq!(sandbox.run(&["init", "--yes"]).code, 0);
    let document: toml::Table = sandbox.text("doctor.toml").parse().unwrap();
    assert!(schema("config").is_valid(&serde_json::to_value(document).unwrap()));
}
