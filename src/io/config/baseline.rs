//! The file of a baseline: reads it with positions for errors, and writes it so that equal findings give equal bytes.
//!
//! The file is part of an untrusted checkout. Errors never quote the value of a setting.

use std::fmt::Write;
use std::path::Path;

use crate::drift::engine::baseline::{Baseline, BaselineEntry};
use crate::drift::model::rule::Rule;
use crate::drift::rules::RULES;
use crate::drift::{ResourceRef, Severity};
use crate::error::Error;
use crate::io::config::find::{on_large_stack, read_document};
use crate::io::config::position::Positions;
use crate::io::config::sections::{until, which_rule};
use crate::io::config::table::{ConfigSource, Table, TomlKind};
use crate::io::config::toml_text::quoted;
use crate::io::config::{At, RuleName, expectations};
use crate::io::files::{self, ReadOutcome};

/// The longest baseline, in bytes: room for about twenty thousand entries. Reading it takes about 25 times its size.
const LIMIT: u64 = 4 << 20;

/// The version of the format.
const VERSION: i64 = 1;

const HEAD: &str = "\
# Known findings of `doctor check`. The file contains no value.
# Fill in each reason. After `until`, a finding counts again. To update the file, run:
#   doctor check --baseline FILE --write-baseline
";

const TOP: &[&str] = &["version", "project", "project-id", "environment", "environment-id", "finding"];

const ENTRY: &[&str] = &["rule", "key", "service", "service-id", "severity", "until", "reason"];

const SEVERITIES: [(&str, Severity); 3] =
    [("error", Severity::Error), ("warning", Severity::Warning), ("note", Severity::Note)];

/// Reads a baseline, or returns `None` if there is no such file. `name` is the path in messages.
pub fn read_baseline(path: &Path, name: &str) -> Result<Option<Baseline>, Error> {
    match files::read_text(path, LIMIT) {
        ReadOutcome::Text(text) => on_large_stack(name, || parse(text.expose(), name)).map(Some),
        ReadOutcome::Missing => Ok(None),
        ReadOutcome::Unusable(cause) => {
            Err(Error::File { path: name.to_owned(), cause, help: "pass another file with `--baseline FILE`".into() })
        }
    }
}

/// Rejects a text that [`read_baseline`] would not read.
pub fn refuse_large_baseline(text: &str, name: &str) -> Result<(), Error> {
    if text.len() as u64 <= LIMIT {
        return Ok(());
    }
    Err(Error::Write {
        path: name.to_owned(),
        cause: format!("it would be larger than {} MiB", LIMIT >> 20),
        help: "exclude findings with `[[ignore]]` or `[severity]` in doctor.toml".into(),
    })
}

fn parse(text: &str, name: &str) -> Result<Baseline, Error> {
    let source = ConfigSource { kind: TomlKind::Baseline, name, positions: Positions::new(text) };
    read_document(text, &source, document)
}

fn document(top: &Table<'_>) -> Result<Baseline, Error> {
    let version = top.get("version").map(|item| (expectations::integer(item.value), item.start));
    match version {
        Some((Some(VERSION), _)) => {}
        Some((_, start)) => {
            let what = format!("`version` must be {VERSION}");
            return Err(top.source.fault(start, what, "use the version of doctor that wrote the file"));
        }
        None => {
            let help = "pass another file with `--baseline FILE`";
            return Err(top.source.fault(0, "this is not a baseline: it has no `version`", help));
        }
    }
    top.only(TOP)?;
    let [project, environment] = ["project", "environment"].map(|kind| resource(top, kind));
    let missing = |kind: &str| {
        let what = format!("`{kind}` and `{kind}-id` are required");
        top.source.fault(0, what, "restore the file, or delete it and write it again")
    };
    Ok(Baseline {
        project: project?.ok_or_else(|| missing("project"))?,
        environment: environment?.ok_or_else(|| missing("environment"))?,
        entries: top.each("finding", entry)?,
    })
}

fn entry(table: &Table<'_>) -> Result<BaselineEntry, Error> {
    table.only(ENTRY)?;
    let rule = table.required("rule", table.text("rule")?, "rule = \"value-differs\"")?;
    let severity = table.required("severity", table.choice("severity", &SEVERITIES)?, "severity = \"error\"")?;
    let until = table.required("until", until(table)?, "until = \"2027-01-01\"")?;
    let reason = match table.get("reason") {
        None => String::new(),
        Some(item) => item.value.as_str().ok_or_else(|| table.wrong(&item, "a string"))?.to_owned(),
    };
    Ok(BaselineEntry {
        rule: known_rule(table, &rule)?,
        key: table.text("key")?.map(|key| key.value),
        service: resource(table, "service")?,
        severity,
        until,
        reason,
        line: table.line(),
    })
}

fn known_rule(table: &Table<'_>, named: &At<String>) -> Result<&'static Rule, Error> {
    let rule = RULES.iter().find(|rule| rule.name == named.value).copied();
    rule.ok_or_else(|| {
        let rules: Vec<RuleName> = RULES.iter().map(|rule| (rule.code, rule.name)).collect();
        table.source.fault_at(named, "unknown rule in [[finding]]", which_rule(&named.value, &rules))
    })
}

/// Reads a name and an id, which need each other.
fn resource(table: &Table<'_>, kind: &str) -> Result<Option<ResourceRef>, Error> {
    let id_key = format!("{kind}-id");
    match (table.text(kind)?, table.text(&id_key)?) {
        (None, None) => Ok(None),
        (Some(name), Some(id)) => Ok(Some(ResourceRef { id: id.value, name: name.value })),
        (Some(at), None) => Err(alone(table, &at, kind, &id_key)),
        (None, Some(at)) => Err(alone(table, &at, &id_key, kind)),
    }
}

fn alone(table: &Table<'_>, at: &At<String>, given: &str, missing: &str) -> Error {
    let what = format!("`{given}` needs `{missing}`");
    table.source.fault_at(at, what, format!("add `{missing}`, or remove `{given}`"))
}

/// Returns the text of the file. Every entry has one line with the same keys in the same order, and no line depends on
/// another entry, so that git can merge changes, and a file with the lines of both sides of a conflict is valid.
pub fn baseline_text(baseline: &Baseline) -> String {
    let mut text = format!("{HEAD}version = {VERSION}\n");
    text += &resource_lines("project", &baseline.project);
    text += &resource_lines("environment", &baseline.environment);
    text += "finding = [\n";
    for entry in &baseline.entries {
        let _ = write!(text, "  {{ rule = {}, ", quoted(entry.rule.name));
        text.extend(entry.key.iter().map(|key| format!("key = {}, ", quoted(key))));
        text.extend(entry.service.iter().map(|service| resource_items("service", service)));
        let [severity, reason] = [entry.severity.name(), &entry.reason].map(quoted);
        let _ = writeln!(text, "severity = {severity}, until = \"{}\", reason = {reason} }},", entry.until);
    }
    text + "]\n"
}

fn resource_items(kind: &str, resource: &ResourceRef) -> String {
    format!("{kind} = {}, {kind}-id = {}, ", quoted(&resource.name), quoted(&resource.id))
}

fn resource_lines(kind: &str, resource: &ResourceRef) -> String {
    format!("{kind} = {}\n{kind}-id = {}\n", quoted(&resource.name), quoted(&resource.id))
}
