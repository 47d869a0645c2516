//! What is written to a file, read by everybody who may read it.

use std::fs;
use std::path::Path;
use std::process::Command;

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::{Loader, LocalFile};

use crate::generate::Generator;
use crate::{Answer, Values, ask, ask_dotenvy, number};

/// A value, the file that it was written to, and for whom.
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
#[ignore = "asks the real python-dotenv, node dotenv and sh; .ci/run installs them and runs it"]
fn value_written_for_all_loaders_is_read_alike_and_runs_nothing() {
    let figures = score(None, number("LOADERS_VALUES", 6_000));
    println!("written for all: {figures:?}");
    assert!(figures.written > figures.refused, "too few values can be written to say much");
    assert_eq!(figures.sh, figures.written);
}

#[test]
#[ignore = "asks the real python-dotenv, node dotenv and sh; .ci/run installs them and runs it"]
fn value_written_for_one_loader_is_read_by_it_and_runs_nothing() {
    for loader in Loader::ALL {
        println!("written for {}: {:?}", loader.title(), score(Some(loader), number("LOADERS_VALUES", 3_000)));
    }
}

/// Writes values, has the files read by everybody, and insists on those whom they were written for.
fn score(loader: Option<Loader>, count: u64) -> Figures {
    let (written, refused) = write(loader, count);
    let mut figures = Figures { written: written.len(), refused, ..Figures::default() };
    let (python, node, shell) = answers(&written);
    for (index, file) in written.iter().enumerate() {
        let wanted = expected(file);
        let [literal, substituted] = &python[index];
        let [first, last] = &ask_dotenvy(&file.text);
        // Of several assignments, dotenvy's own edit changes the first, and one for all the last.
        let dotenvy = if loader.is_some() { first } else { last };
        let literally = loader.is_some() || holds(literal, &wanted);
        let read = [holds(dotenvy, &wanted), holds(substituted, &wanted) && literally, holds(&node[index], &wanted)];
        for (other, read) in Loader::ALL.into_iter().zip(read) {
            let must = loader.is_none_or(|loader| loader == other);
            assert!(read || !must, "{}: {:?} in {:?}", other.title(), file.value, file.text);
        }
        // `sh` takes the CR of a CRLF for a part of the word, unless a comment is between.
        let word = shell[index].strip_suffix('\r').filter(|_| file.before.contains('\r')).unwrap_or(&shell[index]);
        figures.dotenvy += usize::from(read[0]);
        figures.python += usize::from(read[1]);
        figures.node += usize::from(read[2]);
        figures.sh += usize::from(word == file.value);
    }
    figures
}

/// Writes values into files, and counts those that are refused.
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

/// What the loaders themselves read, and `sh`.
fn answers(written: &[Written]) -> (Vec<[Values; 2]>, Vec<Values>, Vec<String>) {
    let texts: Vec<String> = written.iter().map(|file| file.text.clone()).collect();
    let python: Answer<[Values; 2]> = ask("python3", "read.py", &texts);
    let node: Answer<Values> = ask("node", "read.js", &texts);
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let shell = written.iter().map(|file| ask_shell(file, folder.path())).collect();
    (python.files, node.files, shell)
}

/// `K` as `sh` has it after reading the file, in an empty folder that must stay empty.
fn ask_shell(file: &Written, folder: &Path) -> String {
    let path = folder.join(".env");
    fs::write(&path, &file.text).expect("it can be written");
    let output = Command::new("sh")
        .args(["-c", "PATH=/usr/bin:/bin; set -a; . ./.env; printf '%s' \"$K\""])
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("sh is there");
    fs::remove_file(&path).expect("it is there");
    let left = fs::read_dir(folder).expect("it is a folder").count();
    assert_eq!(left, 0, "sh ran something of {:?} ({:?}): {:?}", file.value, file.loader, file.text);
    String::from_utf8(output.stdout).expect("values are UTF-8")
}

/// The neighbours as they were, and the value.
fn expected(file: &Written) -> Values {
    let before = LocalFile::parse(".env", Secret::new(file.before));
    let neighbour = |key: &str| before.entry(key).map(|entry| entry.value.expose().replace("${FIRST}", "1"));
    let mut values: Values = ["FIRST", "LAST"].map(|key| (key.to_owned(), neighbour(key))).into();
    values.insert("K".to_owned(), Some(file.value.clone()));
    values
}

/// Whether a loader reads exactly that; what it makes of a `${…}` that was there before is its own.
fn holds(values: &Values, wanted: &Values) -> bool {
    let same = |key: &String| {
        let literal = values.get(key).cloned().flatten().map(|value| value.replace("${FIRST}", "1"));
        if key == "K" { values.get(key) == wanted.get(key) } else { wanted.get(key) == Some(&literal) }
    };
    values.len() == wanted.len() && wanted.keys().all(same)
}
