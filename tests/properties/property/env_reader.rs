//! Any text as `.env`: it is parsed without a panic and kept byte for byte, its spans are valid, and it is read as
//! dotenvy reads it unless a disagreement is reported.

use std::collections::{BTreeMap, BTreeSet};

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::loader::Body;
use railway_doctor::drift::dotenv::{KeyReading, Loader, LocalFile, pasted_fragment};

use super::dotenvy_oracle::{self, first, last};
use super::texts;

/// The input is the text.
pub fn check(data: &[u8]) {
    let Some([text]) = texts(data) else { return };
    let file = LocalFile::parse(".env", Secret::new(text));
    assert!(file.text().expose() == text, "the text was changed");
    check_spans(&file);
    for loader in Loader::ALL {
        let read = file.read_as(loader);
        assert!(read.text().expose() == text);
        let reading = file.reading(loader);
        assert!(read.keys().all(|key| reading.contains_key(key)), "two readings of one loader differ");
    }
    if let Some(assignments) = dotenvy_oracle::dotenvy(text) {
        check_line_by_line_reading(text, &assignments);
        check_disagreements(&file, &assignments);
    }
}

fn check_spans(file: &LocalFile) {
    let text = file.text().expose();
    let lines = text.lines().count().max(1) + text.matches('\r').count();
    let mut from = 0;
    for entry in &file.entries {
        let spans = [&entry.statement, &entry.key_span, &entry.span];
        assert!(spans.into_iter().all(|span| text.get(span.clone()).is_some()), "a span is outside the text");
        assert!(entry.statement.start <= entry.key_span.start && entry.span.end <= entry.statement.end);
        // Two entries may share a line if loaders disagree about the key.
        assert!(from <= entry.statement.start, "entries are not in the order of the file");
        from = entry.statement.start;
        assert!((1..=lines).contains(&entry.line) && entry.column >= 1);
        assert!(file.entry(&entry.key).is_some());
    }
    for flaw in &file.problems {
        assert!((1..=lines).contains(&flaw.line) && flaw.column >= 1);
    }
    for group in file.duplicates() {
        assert!(group.len() > 1 && group.iter().all(|&index| file.entries[index].key == file.entries[group[0]].key));
    }
}

/// Our reading of dotenvy parses line by line with every `$` marked; it must equal the reading of the whole text.
fn check_line_by_line_reading(text: &str, assignments: &[(String, String)]) {
    let ours: Vec<(String, String)> = Body::of(text)
        .rust()
        .bindings
        .into_iter()
        .map(|binding| (binding.key, binding.value.map(|value| value.expose().to_owned()).unwrap_or_default()))
        .collect();
    assert_eq!(ours, assignments, "dotenvy, line by line");
}

fn check_disagreements(file: &LocalFile, assignments: &[(String, String)]) {
    // Lines of an unquoted key block are not keys to our reader; dotenvy reads the base64 padding as an assignment.
    if file.text().expose().contains("-----BEGIN ") {
        return;
    }
    let disagreements = file.disagreements();
    let reported: BTreeMap<&str, KeyReading> =
        disagreements.iter().map(|found| (found.key.as_str(), found.reading(Loader::Dotenvy))).collect();
    let keys: BTreeSet<&str> = assignments.iter().map(|assignment| assignment.0.as_str()).chain(file.keys()).collect();
    // A key that looks like a part of a value is reported by its line, and is no key to our reader.
    let has_fragment = file.problems.iter().any(|problem| problem.description == pasted_fragment::DESCRIPTION);
    for key in keys.into_iter().filter(|key| !has_fragment || file.entry(key).is_some()) {
        let ours = file.entry(key).map(|entry| entry.value.expose());
        // A program can use dotenvy so that the first or the last assignment applies.
        let theirs = [first(assignments, key), last(assignments, key)];
        match reported.get(key) {
            None => assert_eq!(theirs, [ours; 2], "{key:?} is read differently, but not reported"),
            Some(KeyReading::Same) => assert_eq!(theirs, [ours; 2], "{key:?} is reported as the same for dotenvy"),
            Some(KeyReading::Different) => {
                assert!(theirs[0].is_some() && theirs != [ours; 2], "{key:?} is reported as different");
            }
            Some(KeyReading::Refused | KeyReading::Missing) => {
                assert_eq!(theirs[0], None, "{key:?} is reported as not read");
            }
            Some(KeyReading::OnlyRecent) => panic!("dotenvy has one edition only"),
        }
    }
}
