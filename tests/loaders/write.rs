//! Writes values to files, and reads the files with every loader and `sh`.

use std::fs;
use std::path::Path;
use std::process::Command;

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::{Loader, LocalFile};

use crate::generate::Generator;
use crate::{Output, Values, number, read_with_dotenvy, run_script};

/// A value, the file before and after it was written, and the loader that it was written for.
struct Written {
    value: String,
    before: &'static str,
    text: String,
    loader: Option<Loader>,
}

#[derive(Debug, Default)]
struct Figures {
    written: usize,
    refused: usize,
    dotenvy: usize,
    python: usize,
    node: usize,
    sh: usize,
}

#[test]
#[ignore = "requires python-dotenv, node dotenv and sh; .ci/run installs them and runs this test"]
fn value_written_for_all_loaders_is_read_alike_and_runs_nothing() {
    let figures = score(None, number("LOADERS_VALUES", 6_000));
    println!("written for all: {figures:?}");
    assert!(figures.written > figures.refused, "too few values can be written");
    assert_eq!(figures.sh, figures.written);
}

#[test]
#[ignore = "requires python-dotenv, node dotenv and sh; .ci/run installs them and runs this test"]
fn value_written_for_one_loader_is_read_by_it_and_runs_nothing() {
    for loader in Loader::ALL {
        println!("written for {}: {:?}", loader.title(), score(Some(loader), number("LOADERS_VALUES", 3_000)));
    }
}

/// Writes values, reads the files with every loader, and checks the loaders that they were written for.
fn score(loader: Option<Loader>, count: u64) -> Figures {
    let (written, refused) = write(loader, count);
    let mut figures = Figures { written: written.len(), refused, ..Figures::default() };
    let (python, node, shell) = read_all(&written);
    for (index, file) in written.iter().enumerate() {
        let wanted = expected(file);
        let [literal, substituted] = &python[index];
        let [first, last] = &read_with_dotenvy(&file.text);
        // If a key has several assignments, an edit for dotenvy changes the first, and an edit for all loaders the
        // last.
        let dotenvy = if loader.is_some() { first } else { last };
        let literally = loader.is_some() || reads(literal, &wanted);
        let read = [reads(dotenvy, &wanted), reads(substituted, &wanted) && literally, reads(&node[index], &wanted)];
        for (other, read) in Loader::ALL.into_iter().zip(read) {
            let must = loader.is_none_or(|loader| loader == other);
            assert!(read || !must, "{}: {:?} in {:?}", other.title(), file.value, file.text);
        }
        // `sh` reads the CR of a CRLF as part of the word, unless a comment precedes it.
        let word = shell[index].strip_suffix('\r').filter(|_| file.before.contains('\r')).unwrap_or(&shell[index]);
        figures.dotenvy += usize::from(read[0]);
        figures.python += usize::from(read[1]);
        figures.node += usize::from(read[2]);
        figures.sh += usize::from(word == file.value);
    }
    figures
}

/// Writes values into files, and counts those that are rejected.
fn write(loader: Option<Loader>, count: u64) -> (Vec<Written>, usize) {
    let mut generator = Generator::new(number("LOADERS_SEED", 1));
    let (mut written, mut refused) = (Vec::new(), 0);
    for _ in 0..count {
        let (value, before) = generator.value();
        let file = LocalFile::parse(".env", Secret::new(before));
        let file = match loader {
            Some(loader) => file.read_as(loader),
            None => file,
        };
        let secret = Secret::new(value.as_str());
        let edited = match file.entry("K") {
            Some(_) => file.set("K", &secret),
            None => file.add(&[("K".to_owned(), secret)], "# added by doctor on 2026-11-24, from it's $(touch canary)"),
        };
        match edited {
            Ok(file) => written.push(Written { value, before, text: file.text().expose().to_owned(), loader }),
            Err(_) => refused += 1,
        }
    }
    (written, refused)
}

/// The values that python-dotenv, node's dotenv and `sh` read.
fn read_all(written: &[Written]) -> (Vec<[Values; 2]>, Vec<Values>, Vec<String>) {
    let texts: Vec<String> = written.iter().map(|file| file.text.clone()).collect();
    let python: Output<[Values; 2]> = run_script("python3", "read.py", &texts);
    let node: Output<Values> = run_script("node", "read.js", &texts);
    let directory = tempfile::tempdir().expect("a temporary directory can be created");
    let shell = written.iter().map(|file| read_with_shell(file, directory.path())).collect();
    (python.files, node.files, shell)
}

/// The value of `K` after `sh` has sourced the file in an empty directory, which must stay empty.
fn read_with_shell(file: &Written, directory: &Path) -> String {
    let path = directory.join(".env");
    fs::write(&path, &file.text).expect("the file is writable");
    let output = Command::new("sh")
        .args(["-c", "PATH=/usr/bin:/bin; set -a; . ./.env; printf '%s' \"$K\""])
        .current_dir(directory)
        .env_clear()
        .output()
        .expect("sh is installed");
    fs::remove_file(&path).expect("the file exists");
    let left = fs::read_dir(directory).expect("the directory exists").count();
    assert_eq!(left, 0, "sh executed a part of {:?} ({:?}): {:?}", file.value, file.loader, file.text);
    String::from_utf8(output.stdout).expect("values are UTF-8")
}

/// The unchanged values of the other keys, and the new value.
fn expected(file: &Written) -> Values {
    let before = LocalFile::parse(".env", Secret::new(file.before));
    let other = |key: &str| before.entry(key).map(|entry| entry.value.expose().replace("${FIRST}", "1"));
    let mut values: Values = ["FIRST", "LAST"].map(|key| (key.to_owned(), other(key))).into();
    values.insert("K".to_owned(), Some(file.value.clone()));
    values
}

/// Returns whether a loader reads exactly the expected values. Loaders differ in a `${…}` that was there before.
fn reads(values: &Values, wanted: &Values) -> bool {
    let same = |key: &String| {
        let literal = values.get(key).cloned().flatten().map(|value| value.replace("${FIRST}", "1"));
        if key == "K" { values.get(key) == wanted.get(key) } else { wanted.get(key) == Some(&literal) }
    };
    values.len() == wanted.len() && wanted.keys().all(same)
}
