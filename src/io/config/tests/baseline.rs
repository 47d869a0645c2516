//! The file of a baseline: what is written is read again, and everything else is an error with a position.

use jiff::civil::{Date, date};
use proptest::prelude::{Strategy, any, proptest};
use proptest::{collection, option, prop_assert_eq, sample};

use crate::drift::engine::baseline::{Baseline, BaselineEntry};
use crate::drift::rules::RULES;
use crate::drift::{ResourceRef, Severity};
use crate::error::Error;
use crate::io::config::{baseline_text, read_baseline, refuse_large_baseline};

fn resource(name: &str) -> ResourceRef {
    ResourceRef { id: format!("id-of-{name}"), name: name.to_owned() }
}

fn sample() -> Baseline {
    let rule = RULES.iter().find(|rule| rule.name == "value-differs").unwrap();
    let entry = BaselineEntry {
        rule,
        key: Some("API_KEY".to_owned()),
        service: Some(resource("api")),
        severity: Severity::Error,
        until: date(2027, 2, 22),
        reason: "rotated on Monday".to_owned(),
        line: 0,
    };
    let of_file = BaselineEntry { key: None, service: None, reason: String::new(), ..entry.clone() };
    Baseline { project: resource("shop"), environment: resource("staging"), entries: vec![entry, of_file] }
}

/// Reads the text from a file named `known.toml`.
fn read(text: &[u8]) -> Result<Option<Baseline>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known.toml");
    std::fs::write(&path, text).unwrap();
    read_baseline(&path, "known.toml")
}

const TEXT: &str = r#"# Known findings of `doctor check`. The file contains no value.
# Fill in each reason. After `until`, a finding counts again. To update the file, run:
#   doctor check --baseline FILE --write-baseline
version = 1
project = "shop"
project-id = "id-of-shop"
environment = "staging"
environment-id = "id-of-staging"
finding = [
  { rule = "value-differs", key = "API_KEY", service = "api", service-id = "id-of-api", severity = "error", until = "2027-02-22", reason = "rotated on Monday" },
  { rule = "value-differs", severity = "error", until = "2027-02-22", reason = "" },
]
"#;

#[test]
fn file_has_one_line_for_each_entry() {
    assert_eq!(baseline_text(&sample()), TEXT);
    let read = read(TEXT.as_bytes()).unwrap().unwrap();
    assert_eq!(read, sample());
    assert_eq!(read.entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [10, 11]);
}

/// The conflict of two branches is resolved by keeping the lines of both sides, which git can do by itself.
#[test]
fn file_with_the_lines_of_two_branches_is_valid() {
    let (head, entries) = TEXT.split_once("  {").unwrap();
    let branch = entries.replace("API_KEY", "OTHER_KEY").replace("]\n", "");
    let merged = read(format!("{head}  {{{branch}  {{{entries}").as_bytes()).unwrap().unwrap();
    let keys: Vec<_> = merged.entries.iter().filter_map(|entry| entry.key.as_deref()).collect();
    assert_eq!(keys, ["OTHER_KEY", "API_KEY"]);
}

#[test]
fn missing_file_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read_baseline(&folder.path().join("known.toml"), "known.toml"), Ok(None));
}

#[test]
fn invalid_file_is_an_error_with_a_position_and_without_a_quote() {
    for (from, to, expected) in [
        ("version = 1", "version = 2", "known.toml:4:11: `version` must be 1"),
        ("version = 1\n", "", "known.toml:1:1: this is not a baseline: it has no `version`"),
        ("project-id = \"id-of-shop\"\n", "", "known.toml:5:11: `project` needs `project-id`"),
        ("environment-id", "environment_id", "known.toml:8:1: unknown key `environment_id` at the top level"),
        ("rule = \"value-differs\", key", "key", "known.toml:10:3: [[finding]] is missing `rule`"),
        ("\"value-differs\", key", "\"value-difers\", key", "known.toml:10:12: unknown rule in [[finding]]"),
        ("service-id = \"id-of-api\", ", "", "known.toml:10:"),
        ("severity = \"error\"", "severity = \"fatal\"", "known.toml:10:100: `severity` in [[finding]] must be one of"),
        ("until = \"2027-02-22\"", "until = \"soon\"", "known.toml:10:117: `until` in [[finding]] must be a date"),
        ("\"rotated on Monday\"", "7", "known.toml:10:140: `reason` in [[finding]] must be a string"),
        ("reason = \"rot", "raeson = \"rot", "known.toml:10:131: unknown key `raeson` in [[finding]]"),
        ("finding = [\n", "finding = [[\n", "known.toml:12:2: invalid TOML: "),
        ("finding = [", "token = \"hunter2hunter2\"\nfinding = [", "known.toml:9:1: unknown key `token`"),
    ] {
        assert!(TEXT.contains(from), "{from}");
        let error = read(TEXT.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{expected}: {error}");
        assert_eq!(error.exit().code(), 2);
        let help = error.help().unwrap().to_string();
        assert!(!format!("{error} {help}").contains("hunter2") && !help.contains("doctor.toml"), "{error} {help}");
    }
    let typo = read(TEXT.replacen("reason =", "raeson =", 1).as_bytes()).unwrap_err();
    assert!(typo.help().unwrap().to_string().starts_with("did you mean `reason`?"));
}

#[test]
fn unusable_files_are_errors() {
    for (text, cause) in [
        (&b"version = 1\n\xff"[..], "invalid UTF-8 at line 2, column 1"),
        (&vec![b'#'; 5 << 20], "it is larger than 4 MiB"),
    ] {
        let Err(Error::File { cause: found, .. }) = read(text) else { panic!("{cause}") };
        assert_eq!(found, cause);
    }
    let deep = format!("version = 1\nproject = {}", "[".repeat(100_000));
    assert!(read(deep.as_bytes()).is_err(), "deep nesting does not overflow the stack");
    assert!(refuse_large_baseline(&"#".repeat(5 << 20), "known.toml").is_err());
    assert_eq!(refuse_large_baseline(TEXT, "known.toml"), Ok(()));
}

fn resources() -> impl Strategy<Value = ResourceRef> {
    ("\\PC{1,8}|[\\x00-\\x20\"'\\\\]{1,4}", ".{1,8}").prop_map(|(name, id)| ResourceRef { id, name })
}

proptest! {
    #[test]
    fn every_written_baseline_is_read_again(
        project in resources(),
        environment in resources(),
        entries in collection::vec((
            sample::select(RULES.to_vec()),
            option::of(".{1,12}"),
            option::of(resources()),
            sample::select(vec![Severity::Error, Severity::Warning, Severity::Note]),
            0_i16..9999,
            any::<String>(),
        ), 0..5),
    ) {
        let entries = entries.into_iter().map(|(rule, key, service, severity, year, reason)| BaselineEntry {
            rule, key, service, severity, until: Date::constant(year, 12, 31), reason, line: 0,
        });
        let baseline = Baseline { project, environment, entries: entries.collect() };
        let text = baseline_text(&baseline);
        let read = read(text.as_bytes()).unwrap().unwrap();
        prop_assert_eq!(&read, &baseline);
        prop_assert_eq!(baseline_text(&read), text);
    }
}
