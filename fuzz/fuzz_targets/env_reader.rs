//! Any text is a `.env`: read without a panic, kept byte for byte, with spans that point into it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use railway_doctor::drift::Secret;
use railway_doctor::drift::local::{Loader, LocalFile};

fuzz_target!(|text: &str| {
    let file = LocalFile::parse(".env", Secret::new(text));
    assert!(file.text().reveal() == text, "the text is not what was read");
    let lines = text.lines().count().max(1) + text.matches('\r').count();
    let mut from = 0;
    for entry in &file.entries {
        assert!(text.is_char_boundary(entry.key_span.start) && text.is_char_boundary(entry.key_span.end));
        assert!(text.get(entry.span.clone()).is_some(), "the value's span is not in the text");
        assert!(text.get(entry.statement.clone()).is_some(), "the statement's span is not in the text");
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
    let _ = (file.disagreements(), file.duplicates());
    for loader in [Loader::Dotenvy, Loader::Python, Loader::Node] {
        let read = file.read_as(loader);
        assert!(read.text().reveal() == text);
        let reading = file.reading(loader);
        assert!(read.keys().all(|key| reading.contains_key(key)), "two readings by one loader differ");
    }
});
