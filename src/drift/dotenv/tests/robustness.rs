//! No input causes a panic or loses a byte, and parsing takes linear time: with quadratic time, the long inputs would
//! take minutes.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use crate::drift::dotenv::loader::{Body, Substitution};
use crate::drift::dotenv::python_reader::Edition;
use crate::drift::dotenv::tests::{assignments, file};
use crate::drift::dotenv::{Entry, Loader, LocalFile};

/// Enough to make non-linear time noticeable, but few enough for an unoptimized test.
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
            assert_ends_at_line_end(&text, entry);
            assert!(entry.line >= 1 && entry.column >= 1);
        }
        for pair in file.problems.windows(2) {
            assert!((pair[0].line, pair[0].column) <= (pair[1].line, pair[1].column));
        }
        file.disagreements();
        for loader in Loader::ALL {
            let read = file.read_as(loader);
            assert_eq!(read.text(), file.text());
            read.entries.iter().for_each(|entry| assert_ends_at_line_end(&text, entry));
        }
    }

    #[test]
    fn statement_parses_alone_as_in_its_file(text in texts()) {
        assert_statements_parse_alone(&text);
    }

    #[test]
    fn trailing_bytes_do_not_change_earlier_entries(value in "[a-z]{1,8}", tail in texts()) {
        let with_tail = file(&format!("FIRST={value}\n{tail}"));
        assert_eq!(with_tail.entries[0].value.expose(), value);
    }
}

fn assert_ends_at_line_end(text: &str, entry: &Entry) {
    let end = entry.statement.end;
    assert!(end == text.len() || text[..end].ends_with(['\n', '\r']), "{text:?}");
}

/// Asserts that each statement has the same value when it is parsed without the rest of the file. Excluded are entries
/// that come from node's dotenv because python-dotenv reads their line as part of an earlier statement: without that
/// statement, python-dotenv reads the line, too. Entries after the first disagreement are excluded for the same reason.
fn assert_statements_parse_alone(text: &str) {
    let whole = file(text);
    let python = Body::of(text).python(Edition::Current, Substitution::Off).bindings;
    let is_read_by_python =
        |entry: &Entry| python.iter().any(|binding| binding.key_span == entry.key_span && binding.value.is_some());
    let disputed: Vec<String> = whole.disagreements().into_iter().map(|found| found.key).collect();
    let undisputed = whole.entries.iter().take_while(|entry| !disputed.contains(&entry.key));
    for entry in undisputed.filter(|entry| is_read_by_python(entry)) {
        let alone = file(&text[entry.statement.clone()]);
        let same = alone.entries.iter().find(|other| other.key == entry.key);
        assert!(same.is_some_and(|other| other.value == entry.value), "{text:?}");
    }
}

/// To python-dotenv, the quote at the start begins a key that ends on the next line. So only node's dotenv reads that
/// line, as an assignment whose value ends before the `#`. As all loaders read the same value from the last line, there
/// is no disagreement about the key.
#[test]
fn statement_after_quoted_key_is_read_by_node_only() {
    for text in ["\r\nA=B='#\r\nA=", "'\r\nA=B='#\r\nA=", "A=x\n'\nA=x#'#", "'\nA=B='#\nA=\n"] {
        assert_statements_parse_alone(text);
    }
    let file = file("'\r\nA=B='#\r\nA=");
    assert_eq!(assignments(&file), ["A=B='", "A="]);
    assert!(file.disagreements().is_empty());
    let flaws: Vec<_> = file.problems.iter().map(|flaw| (flaw.line, flaw.description)).collect();
    assert_eq!(flaws, [(1, "missing `=`")]);
}

fn parse_repeated(line: &str) -> LocalFile {
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
    assert_eq!((file.entries.len(), file.problems.len()), (100_000, 100_000));
    assert_eq!(file.entry("A").map(|entry| (entry.line, entry.column)), Some((100_000, 1)));
}

#[test]
fn unclosed_quotes_parse_in_linear_time() {
    for quote in ["'", "\"", "`"] {
        assert_eq!(parse_repeated(&format!("A={quote}x\\{quote} y\n")).entries.len(), LINES);
        assert_eq!(parse_repeated(&format!("A={quote}x\\{quote}\n")).keys().collect::<Vec<_>>(), ["A"]);
    }
}

#[test]
fn parses_many_lines_of_any_kind_quickly() {
    assert_eq!(parse_repeated("A=1\n").entries.len(), LINES);
    assert_eq!(parse_repeated("FOO\r\n").problems.len(), LINES);
    for line in ["A=${A}${A}\n", "A=${\n", "A=${a:\n", "A=it's\n"] {
        assert_eq!(parse_repeated(line).entries.len(), LINES, "{line:?}");
    }
    for line in
        ["\n", " ", "export\n", "'", "\"\n", "A=\"", "#\r", "\\'", "A\u{2028}", "${", "=\n", "A=\n \n'", "A=`\u{2028}"]
    {
        parse_repeated(line);
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
    assert!(file.disagreements().iter().any(|found| found.key == "A59"));
}

#[test]
fn assignment_before_a_fragment_with_the_same_key_is_effective() {
    let file = file("CGGGGGGGGG=1\nGGGGGGGGGGGGGGGC\nCGGGGGGGGG=\n");
    assert_eq!(file.entries.len(), 1);
    assert_eq!(file.entry("CGGGGGGGGG").map(|entry| entry.value.expose()), Some("1"));
}
