//! D112 example-key-missing: a key of the example file is missing from all files in use.

use std::collections::{BTreeSet, HashSet};

use crate::drift::dotenv::Entry;
use crate::drift::example_file::Example;
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::Rule;
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, phrases};

pub static RULE: Rule = Rule {
    code: "D112",
    name: "example-key-missing",
    severity: Severity::Note,
    summary: "A key of the example file is missing from all files in use",
    explain: EXPLAIN,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

The example file lists the variables that the program needs. If a key was added there but not to your own file, the
program may work for a colleague but not for you.

## Example

    .env.example:7   SEARCH_URL=https://search.example.com
    .env             (no such line)

`.env.example`, `.env.sample` and `.env.template` are read if they are next to a file in use. A key that is commented
out there is optional. A key is not missing if any env file of the same services has it.

## Fix

Copy the line to your file and set its value, or comment it out in the example if it is optional.

## Suppress

    [[ignore]]
    keys   = [\"SEARCH_*\"]
    rules  = [\"example-key-missing\"]
    reason = \"search is disabled on laptops\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    let mut reported = HashSet::new();
    // A template without a file beside it declares needs instead.
    let beside_files = survey.examples.iter().filter(|example| !example.declares_needs());
    let missing = beside_files.flat_map(|example| missing(survey, example));
    missing.filter(|(key, beside, _)| reported.insert((*key, *beside))).map(|(.., finding)| finding).collect()
}

/// Returns each key that only the example has, with the files next to the example and the finding.
fn missing<'s>(survey: &'s Survey, example: &'s Example) -> Vec<(&'s str, &'s [usize], Finding)> {
    let beside: BTreeSet<usize> = example.beside.iter().copied().collect();
    let users = survey.targets.iter().filter(|target| target.layers.iter().any(|layer| beside.contains(layer)));
    let mut layers = beside.clone();
    layers.extend(users.flat_map(|target| &target.layers));
    let known: HashSet<&str> = layers.iter().flat_map(|&layer| survey.files[layer].keys()).collect();
    let names: Vec<&str> = layers.iter().map(|&layer| survey.files[layer].name.as_str()).collect();
    let mut entries: Vec<&Entry> = example.file.keys().filter_map(|key| example.file.entry(key)).collect();
    entries.sort_by_key(|entry| entry.line);
    entries.retain(|entry| !known.contains(entry.key.as_str()));
    let row = |entry: &'s Entry| (entry.key.as_str(), example.beside.as_slice(), finding(example, entry, &names));
    entries.into_iter().map(row).collect()
}

fn finding(example: &Example, entry: &Entry, names: &[&str]) -> Finding {
    let (key, file) = (&entry.key, &example.file.name);
    Finding {
        key: Some(key.clone()),
        places: vec![Location { file: file.clone(), line: entry.line }],
        advice: Some("copy the line and set its value, or comment it out in the example".to_owned()),
        ..Finding::new(&RULE, format!("{key} is in {file} but not in {}", phrases::alternatives(names)))
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::dotenv::LocalFile;
    use crate::drift::example_file::Example;
    use crate::drift::rules::example_key_missing::RULE;
    use crate::drift::test_support::{healthy, layer, lines, survey};
    use crate::drift::{Secret, Survey};

    fn with_example(mut found: Survey, name: &str, text: &str, beside: &[usize]) -> Survey {
        let file = LocalFile::parse(name, Secret::new(text));
        found.examples.push(Example { file, beside: beside.to_vec() });
        found
    }

    #[test]
    fn reports_keys_only_in_the_example() {
        let line =
            |key: &str, line| format!("note {key} [] .env.example:{line}: {key} is in .env.example but not in .env");
        for (text, expected) in [
            ("", vec![]),
            ("A=\n", vec![]),
            ("A=1\nB=\n", vec![line("B", 2)]),
            ("Z=1\nB=changeme\nexport C='x'\n", vec![line("Z", 1), line("B", 2), line("C", 3)]),
            ("# B=1\n#C=2\n", vec![]),
            ("B=1\nB=2\n", vec![line("B", 2)]),
            ("a=1\n", vec![line("a", 1)]),
            ("no assignment\n", vec![]),
        ] {
            let found = with_example(survey(&["A=1"], &[("api", &["A=1"])]), ".env.example", text, &[0]);
            assert_eq!(lines(&RULE, &found), expected, "{text:?}");
        }
    }

    #[test]
    fn key_may_be_in_any_layer_of_the_same_services() {
        let both = || {
            let mut found = survey(&["A=1"], &[("api", &[]), ("worker", &[])]);
            layer(&mut found, "worker/.env", &["B=1"], &["worker"]);
            found
        };
        let found = with_example(both(), ".env.example", "B=\nC=\n", &[0]);
        assert_eq!(
            lines(&RULE, &found),
            ["note C [] .env.example:2: C is in .env.example but not in .env or worker/.env"]
        );
        let mut apart = both();
        apart.targets[1].layers = vec![1];
        let found = with_example(apart, ".env.example", "B=\n", &[0]);
        assert_eq!(lines(&RULE, &found), ["note B [] .env.example:1: B is in .env.example but not in .env"]);
    }

    #[test]
    fn template_without_a_file_is_not_compared_with_files() {
        assert_eq!(lines(&RULE, &with_example(survey(&["A=1"], &[]), "api/.env.example", "B=\n", &[])), [""; 0]);
    }

    #[test]
    fn two_examples_in_one_directory_report_a_key_once() {
        let found = with_example(survey(&["A=1"], &[]), ".env.example", "B=\n", &[0]);
        let found = with_example(found, ".env.sample", "B=\nC=\n", &[0]);
        assert_eq!(
            lines(&RULE, &found),
            [
                "note B [] .env.example:1: B is in .env.example but not in .env",
                "note C [] .env.sample:2: C is in .env.sample but not in .env"
            ]
        );
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
        let found = with_example(healthy(), ".env.example", "NAME=\nBASE=\nSTRIPE_KEY=<your key>\n", &[0]);
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }
}
