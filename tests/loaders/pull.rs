//! Files that `doctor pull` creates for the ordinary projects, read by every loader.

use std::path::Path;

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::LocalFile;
use railway_doctor::io::sim::seed::ordinary::ORDINARY;

use crate::binary::{Doctor, outcome};
use crate::{Output, Values, read_with_dotenvy, run_script};

/// A created file, and the keys that got their values from Railway.
struct PulledText {
    name: String,
    text: String,
    keys: Vec<String>,
}

#[test]
#[ignore = "requires python-dotenv and node dotenv; .ci/run installs them and runs this test"]
fn file_created_by_pull_is_read_alike() {
    let pulled: Vec<PulledText> = ORDINARY
        .iter()
        .flat_map(|seed| seed.files.iter().map(move |file| (seed, file)))
        .filter(|(_, (path, _))| path.rsplit('/').next() == Some(".env"))
        .flat_map(|(seed, (path, text))| {
            let name = |kind: &str| format!("{} {path} {kind}", seed.name);
            let doctor = || Doctor::new((seed.estate)()).file(&format!("{path}.example"), emptied(text));
            let keep = Path::new(path).with_file_name("keep");
            let without = || Doctor::new((seed.estate)()).file(&keep.to_string_lossy(), "");
            [(name("with a template"), pull(&doctor(), path)), (name("without one"), pull(&without(), path))]
        })
        .filter_map(|(name, created)| created.map(|(text, keys)| PulledText { name, text, keys }))
        .collect();
    assert!(pulled.len() > 12, "only {} files were created", pulled.len());
    let texts: Vec<String> = pulled.iter().map(|file| file.text.clone()).collect();
    let python: Output<[Values; 2]> = run_script("python3", "read.py", &texts);
    let node: Output<Values> = run_script("node", "read.js", &texts);
    for (index, PulledText { name, text, keys }) in pulled.iter().enumerate() {
        let [literal, substituted] = &python.files[index];
        let dotenvy = read_with_dotenvy(text);
        for key in keys {
            let value = literal.get(key).unwrap_or_else(|| panic!("{name}: python-dotenv reads no {key}"));
            for other in [substituted, &node.files[index], &dotenvy[0], &dotenvy[1]] {
                assert_eq!(other.get(key), Some(value), "{name}: {key}");
            }
        }
    }
}

/// Returns the text with every value removed, as a template.
fn emptied(text: &str) -> String {
    let file = LocalFile::parse(".env", Secret::new(text));
    let keys: Vec<String> = file.entries.iter().map(|entry| entry.key.clone()).collect();
    let empty = |file: LocalFile, key: &String| file.set(key, &Secret::new("")).unwrap_or(file);
    keys.iter().fold(file, empty).text().expose().to_owned()
}

/// Creates a file, and returns its text and the keys that got values; `None` if no key has one.
fn pull(doctor: &Doctor, path: &str) -> Option<(String, Vec<String>)> {
    let environment = doctor.served.sim.change(|estate| estate.projects[0].environments[0].name.clone());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.args(["pull", "--yes", "--format=json", "--environment", &environment, "--output", path]);
    command.args(["--api-url", &doctor.served.url()]);
    doctor.prepare(&mut command);
    let output = outcome(command.output().expect("the binary runs"));
    let report = output.report();
    let keys = report["keys"].as_array().expect("a list").iter();
    let keys: Vec<String> = keys.map(|key| key["key"].as_str().expect("a name").to_owned()).collect();
    let text = std::fs::read_to_string(doctor.work().join(path)).ok();
    assert_eq!(text.is_some(), !keys.is_empty(), "{output:?}");
    text.map(|text| (text, keys))
}
