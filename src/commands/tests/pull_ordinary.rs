//! `doctor pull` on ordinary projects: loaders agree on the file, and a check finds it equal.
#![cfg(unix)]

use std::fs;

use serde_json::Value;

use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::Secret;
use crate::drift::dotenv::{Loader, LocalFile};
use crate::io::sim::Sim;
use crate::io::sim::seed::ordinary::ORDINARY;

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// Returns the text with every value removed, as a template.
fn emptied(text: &str) -> String {
    let file = LocalFile::parse(".env", Secret::new(text));
    let keys: Vec<String> = file.entries.iter().map(|entry| entry.key.clone()).collect();
    let empty = |file: LocalFile, key: &String| file.set(key, &Secret::new("")).unwrap_or(file);
    keys.iter().fold(file, empty).text().expose().to_owned()
}

#[test]
fn ordinary_projects_get_files_that_loaders_agree_on_and_check_finds_equal() {
    for seed in ORDINARY {
        for (path, text) in seed.files.iter().filter(|(path, _)| path.rsplit('/').next() == Some(".env")) {
            for template in [None, Some(emptied(text))] {
                let sandbox = Sandbox::new(Sim::new((seed.estate)()));
                fs::create_dir_all(sandbox.work().join(path).parent().unwrap()).unwrap();
                let sandbox = match &template {
                    Some(template) => sandbox.file(&format!("{path}.example"), template),
                    None => sandbox,
                };
                let environment = (seed.estate)().projects[0].environments[0].name.clone();
                let words = ["pull", "--yes", "--format", "json", "--environment", &environment, "--output", path];
                let ended = sandbox.run(&words);
                let what = format!("{} {path} {}: {ended:?}", seed.name, template.is_some());
                assert!(ended.code <= 1 || ended.code == 3, "{what}");
                if json(&ended)["created"] == false {
                    assert_eq!(json(&ended)["keys"], serde_json::json!([]), "{what}");
                    continue;
                }
                let file = LocalFile::parse(".env", Secret::new(sandbox.text(path)));
                for key in json(&ended)["keys"].as_array().unwrap() {
                    let key = key["key"].as_str().unwrap();
                    let value = &file.entry(key).unwrap().value;
                    for loader in Loader::ALL {
                        assert_eq!(file.reading(loader).get(key), Some(value), "{what} {key}");
                    }
                    assert!(!value.expose().contains(".railway.internal"), "{what} {key}");
                }
                assert_eq!(file.problems.len(), 0, "{what}");
                let check = sandbox.run(&["check", "--format", "json", "--env-file", path]);
                let keys: Vec<Value> =
                    json(&ended)["keys"].as_array().unwrap().iter().map(|key| key["key"].clone()).collect();
                let findings = json(&check)["findings"].as_array().unwrap().clone();
                let of_values = ["value-differs", "reference-differs", "expected-difference", "loaders-disagree"];
                for finding in findings.iter().filter(|finding| of_values.contains(&finding["rule"].as_str().unwrap()))
                {
                    assert!(!keys.contains(&finding["key"]), "{what}: {finding}");
                }
            }
        }
    }
}
