//! Any text is a `.env`: read without a panic, kept byte for byte, with spans that point into it; as dotenvy reads it where
//! nothing else is told.

use std::collections::{BTreeMap, BTreeSet};

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::loader::Body;
use railway_doctor::drift::dotenv::{KeyReading, Loader, LocalFile};

use super::dotenvy_oracle::{self, first, last};
use super::texts;

/// The input is the text.
pub fn hold(data: &[u8]) {
    let Some([text]) = texts(data) else { return };
    let file = LocalFile::parse(".env", Secret::new(text));
    assert!(file.text().expose() == text, "the text is not what was read");
    spans_point_into_the_text(&file);
    for loader in Loader::ALL {
        let read = file.read_as(loader);
        assert!(read.text().expose() == text);
        let reading = file.reading(loader);
        assert!(read.keys().all(|key| reading.contains_key(key)), "two readings by one loader differ");
    }
    if let Some(rows) = dotenvy_oracle::dotenvy(text) {
        our_reading_of_dotenvy_is_its_own(text, &rows);
        what_dotenvy_reads_otherwise_is_told(&file, &rows);
    }
}

fn spans_point_into_the_text(file: &LocalFile) {
    let text = file.text().expose();
    let lines = text.lines().count().max(1) + text.matches('\r').count();
    let mut from = 0;
    for entry in &file.entries {
        let spans = [&entry.statement, &entry.key_span, &entry.span];
        assert!(spans.into_iter().all(|span| text.get(span.clone()).is_some()), "a span is not in the text");
        assert!(entry.statement.start <= entry.key_span.start && entry.span.end <= entry.statement.end);
        // Two may share a line, where loaders do not even agree on the key.
        assert!(from <= entry.statement.start, "entries are not in the order of the file");
        from = entry.statement.start;
        assert!((1..=lines).contains(&entry.line) && entry.column >= 1);
        assert!(file.entry(&entry.key).is_some());
    }
    for flaw in &file.flaws {
        assert!((1..=lines).contains(&flaw.line) && flaw.column >= 1);
    }
    for group in file.duplicates() {
        assert!(group.len() > 1 && group.iter().all(|&index| file.entries[index].key == file.entries[group[0]].key));
    }
}

/// What we say of dotenvy is asked line by line, with every `$` marked: it must come to what it reads at once.
fn our_reading_of_dotenvy_is_its_own(text: &str, rows: &[(String, String)]) {
    let ours: Vec<(String, String)> = Body::of(text)
        .rust()
        .bindings
        .into_iter()
        .map(|binding| (binding.key, binding.value.map(|value| value.expose().to_owned()).unwrap_or_default()))
        .collect();
    assert_eq!(ours, rows, "dotenvy, asked line by line");
}

fn what_dotenvy_reads_otherwise_is_told(file: &LocalFile, rows: &[(String, String)]) {
    // The lines of a key block without quotes are no keys to us; to dotenvy its padding is an assignment.
    if file.text().expose().contains("-----BEGIN ") {
        return;
    }
    let disagreements = file.disagreements();
    let told: BTreeMap<&str, KeyReading> =
        disagreements.iter().map(|told| (told.key.as_str(), told.reading(Loader::Dotenvy))).collect();
    let keys: BTreeSet<&str> = rows.iter().map(|row| row.0.as_str()).chain(file.keys()).collect();
    for key in keys {
        let ours = file.entry(key).map(|entry| entry.value.expose());
        // A program may use dotenvy so that the first assignment counts, or the last.
        let theirs = [first(rows, key), last(rows, key)];
        match told.get(key) {
            None => assert_eq!(theirs, [ours; 2], "{key:?} is read differently, and that is not told"),
            Some(KeyReading::Same) => assert_eq!(theirs, [ours; 2], "{key:?} is told to be the same for dotenvy"),
            Some(KeyReading::Different) => {
                assert!(theirs[0].is_some() && theirs != [ours; 2], "{key:?} is told to be different");
            }
            Some(KeyReading::Refused | KeyReading::Missing) => {
                assert_eq!(theirs[0], None, "{key:?} is told not to be read");
            }
            Some(KeyReading::OnlyRecent) => panic!("dotenvy has one edition only"),
        }
    }
}
