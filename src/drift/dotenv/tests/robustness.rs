//! No input panics, loses a byte, or costs more than its length. The long ones would take minutes if they did.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use crate::drift::dotenv::tests::file;
use crate::drift::dotenv::{Loader, LocalFile};

/// Enough to notice what is not linear, and few enough for a test without optimization.
const LINES: usize = 10_000;

fn texts() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("A=".to_owned()),
        Just("B='".to_owned()),
        Just("\nC=\"".to_owned()),
        Just("${A}".to_owned()),
        Just("\r\n".to_owned()),
        "[\"'`\\\\#$={}: \n\r\tAB]{0,4}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn arbitrary_text_is_preserved_with_valid_spans(text in texts()) {
        let file = file(&text);
        assert_eq!(file.text().expose(), text);
        let mut before = 0;
        for entry in &file.entries {
            assert!(entry.key_span.start >= before);
            before = entry.key_span.start;
            let cut = [&entry.statement, &entry.key_span, &entry.span].map(|range| text.get(range.clone()));
            assert!(cut.iter().all(Option::is_some));
            assert!(entry.statement.start <= entry.key_span.start && entry.key_span.end <= entry.span.start);
            assert!(entry.span.end <= entry.statement.end);
            assert!(entry.line >= 1 && entry.column >= 1);
        }
        for pair in file.flaws.windows(2) {
            assert!((pair[0].line, pair[0].column) <= (pair[1].line, pair[1].column));
        }
        file.disagreements();
        for loader in Loader::ALL {
            assert_eq!(file.read_as(loader).text(), file.text());
        }
    }

    #[test]
    fn statement_parses_alone_as_in_its_file(text in texts()) {
        let whole = file(&text);
        // A line that loaders part over can swallow later ones for python-dotenv, and node's reading stands in for those.
        let told: Vec<String> = whole.disagreements().into_iter().map(|told| told.key).collect();
        for entry in whole.entries.iter().take_while(|entry| !told.contains(&entry.key)) {
            let alone = file(&text[entry.statement.clone()]);
            let same = alone.entries.iter().find(|other| other.key == entry.key);
            assert!(same.is_some_and(|other| other.value == entry.value), "{text:?}");
        }
    }

    #[test]
    fn trailing_bytes_do_not_change_earlier_entries(value in "[a-z]{1,8}", tail in texts()) {
        let with_tail = file(&format!("FIRST={value}\n{tail}"));
        assert_eq!(with_tail.entries[0].value.expose(), value);
    }
}

fn endure(line: &str) -> LocalFile {
    let file = file(&line.repeat(LINES));
    file.disagreements();
    for loader in Loader::ALL {
        assert_eq!(file.read_as(loader).text(), file.text());
    }
    file
}

#[test]
fn parses_a_hundred_thousand_lines() {
    let file = file(&"A='x\n".repeat(100_000));
    assert_eq!((file.entries.len(), file.flaws.len()), (100_000, 100_000));
    assert_eq!(file.entry("A").map(|entry| (entry.line, entry.column)), Some((100_000, 1)));
}

#[test]
fn unclosed_quotes_parse_in_linear_time() {
    for quote in ["'", "\"", "`"] {
        assert_eq!(endure(&format!("A={quote}x\\{quote} y\n")).entries.len(), LINES);
        assert_eq!(endure(&format!("A={quote}x\\{quote}\n")).keys().collect::<Vec<_>>(), ["A"]);
    }
}

#[test]
fn parses_many_lines_of_any_kind_quickly() {
    assert_eq!(endure("A=1\n").entries.len(), LINES);
    assert_eq!(endure("FOO\r\n").flaws.len(), LINES);
    for line in ["A=${A}${A}\n", "A=${\n", "A=${a:\n", "A=it's\n"] {
        assert_eq!(endure(line).entries.len(), LINES, "{line:?}");
    }
    for line in
        ["\n", " ", "export\n", "'", "\"\n", "A=\"", "#\r", "\\'", "A\u{2028}", "${", "=\n", "A=\n \n'", "A=`\u{2028}"]
    {
        endure(line);
    }
}

#[test]
fn compares_many_differing_keys_quickly() {
    let lines: Vec<String> = (0..LINES).map(|number| format!("KEY_{number}=it's {number}\n")).collect();
    let text = lines.concat();
    assert_eq!(file(&text).disagreements().len(), LINES);
}

#[test]
fn long_value_stays_on_one_line() {
    let long = "x".repeat(64 << 10);
    for quote in ["", "'", "\""] {
        let file = file(&format!("A={quote}{long}{quote}\nB=1\n"));
        assert_eq!(file.entries[0].value.expose(), long);
        assert_eq!(file.entries[1].line, 2);
        assert!(file.disagreements().is_empty());
    }
}

#[test]
fn exponential_expansion_is_bounded() {
    let lines = (1..60).map(|number| format!("A{number}=${{A{0}}}${{A{0}}}\n", number - 1));
    let text = std::iter::once("A0=0123456789\n".to_owned()).chain(lines).collect::<Vec<_>>().concat();
    let file = file(&text);
    for loader in [Loader::Dotenvy, Loader::Python] {
        let reading = file.reading(loader);
        assert_eq!(reading["A3"].expose(), "0123456789".repeat(8));
        assert!(reading.values().map(|value| value.expose().len()).sum::<usize>() < 64 << 20);
        assert!(!reading.contains_key("A59"));
    }
    assert!(file.disagreements().iter().any(|told| told.key == "A59"));
}
