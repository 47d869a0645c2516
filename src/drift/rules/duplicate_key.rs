//! D201 duplicate-key: a key assigned more than once in one file.

use std::collections::{BTreeMap, HashMap};

use crate::drift::dotenv::{Entry, Loader, LocalFile};
use crate::drift::model::finding::{Finding, Location, Observation};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{ResourceRef, Survey, phrases, system_variables};

pub static RULE: Rule = Rule {
    code: "D201",
    name: "duplicate-key",
    severity: Severity::Warning,
    summary: "A key is assigned more than once in one file, or differs from another one only in case",
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

Two keys that differ only in case, such as `Api_Key` and `API_KEY`, are a note: they are two variables, and a program
reads only one of them. They may be in one file, or one in the file and the other one on Railway.

## Fix

Remove all but one of the lines, or write the key the same way everywhere.

## Suppress

    [[ignore]]
    keys   = [\"LOG_LEVEL\"]
    rules  = [\"duplicate-key\"]
    reason = \"the second block is enabled by hand\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let in_files = survey.files.iter().flat_map(|file| [duplicates(file), spellings(file)].concat());
    in_files.chain(spelled_otherwise(survey)).collect()
}

fn duplicates(file: &LocalFile) -> Vec<Finding> {
    let entries = |group: Vec<usize>| group.into_iter().map(|index| &file.entries[index]).collect();
    let mut repeated: Vec<Vec<&Entry>> = file.duplicates().into_iter().map(entries).collect();
    repeated.sort_by(|one, other| one[0].key.cmp(&other[0].key));
    repeated.iter().map(|entries| finding(file, &entries[0].key, entries)).collect()
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

/// Reports keys of a file that differ only in case. Proxy variables are often set in both.
fn spellings(file: &LocalFile) -> Vec<Finding> {
    // Two keys that differ only in case are not both in upper case, as most are.
    let has_small = |key: &&str| key.bytes().any(|byte| byte.is_ascii_lowercase());
    let mut spellings: BTreeMap<String, BTreeMap<usize, &str>> =
        file.keys().filter(has_small).map(|key| (key.to_ascii_lowercase(), BTreeMap::new())).collect();
    if spellings.is_empty() {
        return Vec::new();
    }
    for entry in file.effective().filter(|entry| !entry.key.to_ascii_lowercase().ends_with("_proxy")) {
        if let Some(keys) = spellings.get_mut(&entry.key.to_ascii_lowercase()) {
            keys.insert(entry.line, &entry.key);
        }
    }
    let several = spellings.into_values().filter(|keys| keys.len() > 1);
    let finding = |keys: BTreeMap<usize, &str>| {
        let names: Vec<&str> = keys.values().copied().collect();
        let message = format!("{} in {} differ only in case", phrases::names(&names), file.name);
        let places = keys.keys().map(|&line| Location { file: file.name.clone(), line });
        Finding { places: places.collect(), ..spelling(names[0], message) }
    };
    several.map(finding).collect()
}

/// A local key, where it is, and how Railway spells it.
type Spelling<'s> = (&'s str, Location, &'s str);

/// Reports keys of files that services have in another case only.
fn spelled_otherwise(survey: &Survey) -> Vec<Finding> {
    let mut found: BTreeMap<Spelling<'_>, Vec<ResourceRef>> = BTreeMap::new();
    let mut by_layers: BTreeMap<&[usize], HashMap<String, &str>> = BTreeMap::new();
    for target in survey.readable() {
        // Most keys are spelled alike, and then the local keys are not needed.
        let local_keys = || survey.local_keys(target).into_iter().map(|key| (key.to_ascii_lowercase(), key)).collect();
        let is_other = |key: &&String| !system_variables::is_provided(key) && survey.local(target, key).is_none();
        for stored in target.stored.iter().flat_map(BTreeMap::keys).filter(is_other) {
            let local = by_layers.entry(&target.layers).or_insert_with(local_keys);
            let Some(&key) = local.get(&stored.to_ascii_lowercase()) else { continue };
            if let Some(local) = survey.local(target, key).filter(|_| target.variable(key).is_none()) {
                found.entry((key, local.place(), stored)).or_default().push(target.service.clone());
            }
        }
    }
    let finding = |((key, place, stored), services): (Spelling<'_>, _)| {
        let message = format!("{key} in {} is {stored} on Railway: the names differ only in case", place.file);
        Finding { services, places: vec![place], ..spelling(key, message) }
    };
    found.into_iter().map(finding).collect()
}

fn spelling(key: &str, message: String) -> Finding {
    Finding {
        severity: Severity::Note,
        key: Some(key.to_owned()),
        reason: Some("names of variables are case-sensitive".to_owned()),
        advice: Some("use the spelling that the program reads".to_owned()),
        ..Finding::new(&RULE, message)
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
                (&["A=1", "B=1"], &[("api", &["A=1", "C=1"])], &[]),
                (&["A=1", "B=1", "a=1"], &[], &["note A [] .env:1 .env:3: A and a in .env differ only in case"]),
                (&["http_proxy=1", "HTTP_PROXY=1"], &[], &[]),
                (
                    &["Api_Key=1"],
                    &[("api", &["API_KEY=1"]), ("web", &["API_KEY=2"]), ("worker", &["B=1"])],
                    &[
                        "note Api_Key [api, web] .env:1: Api_Key in .env is API_KEY on Railway: the names differ only in case",
                    ],
                ),
                (&["Api_Key=1"], &[("api", &["API_KEY=1", "Api_Key=1"])], &[]),
                (&["API_KEY=1"], &[("api", &["API_KEY=1", "api_key=1"])], &[]),
                (
                    &["API_KEY=1", "Api_Key=1"],
                    &[("api", &["API_KEY=1"])],
                    &["note API_KEY [] .env:1 .env:2: API_KEY and Api_Key in .env differ only in case"],
                ),
                (&["railway_project_id=1"], &[("api", &["RAILWAY_PROJECT_ID=1"])], &[]),
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
    fn other_spelling_is_for_the_user_to_correct() {
        let in_file = survey(&["A=1", "a=1"], &[]);
        let on_service = survey(&["Api_Key=1"], &[("api", &["API_KEY=1"])]);
        for found in [in_file, on_service] {
            let finding = check(&found).remove(0);
            assert_eq!(finding.reason.as_deref(), Some("names of variables are case-sensitive"));
            assert_eq!(finding.advice.as_deref(), Some("use the spelling that the program reads"));
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }
}
