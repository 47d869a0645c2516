//! D201 duplicate-key: a key assigned more than once in one file.

use std::collections::BTreeMap;

use crate::drift::dotenv::{Entry, Loader, LocalFile};
use crate::drift::model::finding::{Finding, Location, Observation};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, phrases};

pub static RULE: Rule = Rule {
    code: "D201",
    name: "duplicate-key",
    severity: Severity::Warning,
    summary: "A key is assigned more than once in one file",
    explain: EXPLAIN,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

Only one of the assignments takes effect, and which one depends on the loader: python-dotenv and node's dotenv use the
last, Rust's `dotenvy::dotenv` the first. Editing the other one changes nothing.

## Example

    .env:3    LOG_LEVEL=info
    .env:41   LOG_LEVEL=debug

`doctor` compares the last one, or the first one with `loader = \"dotenvy\"` in `doctor.toml`.

## Fix

Remove all but one of the lines.

## Suppress

    [[ignore]]
    keys   = [\"LOG_LEVEL\"]
    rules  = [\"duplicate-key\"]
    reason = \"the second block is enabled by hand\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.files.iter().flat_map(duplicates).collect()
}

fn duplicates(file: &LocalFile) -> Vec<Finding> {
    let mut entries: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &file.entries {
        entries.entry(&entry.key).or_default().push(entry);
    }
    let repeated = entries.into_iter().filter(|(_, entries)| entries.len() > 1);
    repeated.map(|(key, entries)| finding(file, key, &entries)).collect()
}

fn finding(file: &LocalFile, key: &str, entries: &[&Entry]) -> Finding {
    let lines: Vec<String> = entries.iter().map(|entry| entry.line.to_string()).collect();
    let lines = phrases::names(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let times = match entries.len() {
        2 => "twice".to_owned(),
        many => format!("{many} times"),
    };
    let is_same = entries.windows(2).all(|pair| pair[0].value == pair[1].value);
    let reason = match file.loader() {
        _ if is_same => "all lines assign the same value",
        Some(Loader::Dotenvy) => "doctor uses the first line, as dotenvy does; the other loaders use the last",
        _ => "dotenvy uses the first line; doctor and the other loaders use the last",
    };
    let place = |entry: &&Entry| Location { file: file.name.clone(), line: entry.line };
    let observation = |entry: &&Entry| Observation {
        place: format!("{}:{}", file.name, entry.line),
        value: Some(entry.value.clone()),
        state: "local",
    };
    Finding {
        key: Some(key.to_owned()),
        places: entries.iter().map(place).collect(),
        reason: Some(reason.to_owned()),
        advice: Some("remove all but one of the lines".to_owned()),
        observations: entries.iter().map(observation).collect(),
        ..Finding::new(&RULE, format!("{key} is assigned {times} in {}, on lines {lines}", file.name))
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Secret;
    use crate::drift::dotenv::{Loader, LocalFile};
    use crate::drift::rules::duplicate_key::RULE;
    use crate::drift::test_support::{healthy, layer, lines, survey, table};

    #[test]
    fn reports_keys_assigned_more_than_once() {
        table(
            &RULE,
            &[
                (&["A=1", "B=1", "a=1"], &[], &[]),
                (
                    &["A=1", "B=1", "A=2"],
                    &[],
                    &["warning A [] .env:1 .env:3: A is assigned twice in .env, on lines 1 and 3"],
                ),
                (
                    &["A=1", "A=1", "A=1"],
                    &[],
                    &[concat!(
                        "warning A [] .env:1 .env:2 .env:3: ",
                        "A is assigned 3 times in .env, on lines 1, 2 and 3"
                    )],
                ),
            ],
        );
    }

    #[test]
    fn same_key_in_another_layer_is_not_a_duplicate() {
        let mut found = survey(&["A=1"], &[("api", &["A=2"])]);
        layer(&mut found, ".env.local", &["A=2"], &["api"]);
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn reason_states_whether_the_values_differ() {
        for (second, reason) in [
            ("A=1", "all lines assign the same value"),
            ("A=2", "dotenvy uses the first line; doctor and the other loaders use the last"),
        ] {
            assert_eq!(check(&survey(&["A=1", second], &[]))[0].reason.as_deref(), Some(reason));
        }
    }

    #[test]
    fn reason_states_which_line_the_declared_loader_uses() {
        let last = "dotenvy uses the first line; doctor and the other loaders use the last";
        for (loader, value, reason) in [
            (Loader::Dotenvy, "1", "doctor uses the first line, as dotenvy does; the other loaders use the last"),
            (Loader::Python, "2", last),
            (Loader::Node, "2", last),
        ] {
            let mut found = survey(&[], &[]);
            found.files = vec![LocalFile::parse(".env", Secret::new("A=1\nA=2\n")).read_as(loader)];
            assert_eq!(found.files[0].entry("A").map(|entry| entry.value.expose()), Some(value));
            assert_eq!(check(&found)[0].reason.as_deref(), Some(reason), "{}", loader.name());
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
