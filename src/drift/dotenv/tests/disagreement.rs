//! Lines on which loaders disagree, with cause and advice, and lines on which they agree.

use KeyReading::{Different, Missing, OnlyRecent, Refused, Same};

use crate::drift::dotenv::Loader;
use crate::drift::dotenv::tests::file;
use crate::drift::dotenv::{CauseKind, KeyReading, Spelling};

#[test]
fn loaders_agree_on_ordinary_lines() {
    let lines = [
        "A=1",
        "A=b # c",
        "A='b # c'",
        "A=\"b # c\"",
        "A='x y'",
        "export A=b",
        "A=",
        "A = b",
        "A='$X'",
        "A=\"a\\nb\"",
        "A='a\nb'",
        "A=\"a\nb\"",
        "A.B=1",
        "A=https://h:1/p?q=1&r=2",
        "A='it is \"x\"'",
        "A=\"it's\"",
        "# c",
        "",
        "A=a=b",
    ];
    for line in lines {
        for end in ["\n", ""] {
            let found = file(&format!("{line}{end}")).disagreements();
            assert!(found.is_empty(), "{line:?}: {found:?}");
        }
    }
    assert!(file("A=1\r\nB='x y'\r\n").disagreements().is_empty());
    assert!(file("A=1\nA=1\n").disagreements().is_empty());
}

#[test]
fn each_cause_has_its_suggested_spelling() {
    // The line; how dotenvy, python-dotenv and node's dotenv read it; the cause; the spelling on which they agree.
    type Row = (&'static str, [KeyReading; 3], CauseKind, Option<Spelling>);
    let rows: &[Row] = &[
        ("A=b#c", [Same, Same, Different], CauseKind::Hash, Some(Spelling::Single)),
        ("_A=b#c", [Same, Same, Different], CauseKind::Hash, Some(Spelling::Single)),
        ("A=\"b\"#c", [Different, Same, Same], CauseKind::Hash, Some(Spelling::Bare)),
        ("A=it's b#c", [Refused, Same, Different], CauseKind::Hash, Some(Spelling::Double)),
        ("A= # c", [Same, OnlyRecent, Same], CauseKind::Comment, Some(Spelling::Bare)),
        ("A=hello world", [Refused, Same, Same], CauseKind::Blank, Some(Spelling::Single)),
        ("A=1 ", [Refused, Same, Same], CauseKind::Blank, Some(Spelling::Bare)),
        ("A=C:\\path", [Refused, Same, Same], CauseKind::Escape, Some(Spelling::Single)),
        ("A=a\\nb", [Different, Same, Same], CauseKind::Escape, Some(Spelling::Single)),
        ("A=\"a\\tb\"", [Refused, Same, Different], CauseKind::Escape, Some(Spelling::Single)),
        ("A=it's", [Refused, Same, Same], CauseKind::Quote, Some(Spelling::Double)),
        ("A={\"a\":1}", [Different, Same, Same], CauseKind::Quote, Some(Spelling::Single)),
        ("A=\"a \"b\" `c\"", [Different, Refused, Same], CauseKind::Quote, Some(Spelling::Single)),
        ("A=`x y`", [Refused, Same, Different], CauseKind::Backtick, Some(Spelling::Single)),
        ("A='x", [Refused, Refused, Same], CauseKind::Unclosed, Some(Spelling::Double)),
        ("A=${B}", [Different, Different, Same], CauseKind::Substitution, None),
        ("A=$B", [Different, Same, Same], CauseKind::Substitution, Some(Spelling::Single)),
        ("A=pa$$word", [Different, Same, Same], CauseKind::Substitution, Some(Spelling::Single)),
        ("A=\"$B\"", [Refused, Same, Same], CauseKind::Substitution, Some(Spelling::Single)),
        ("A='${B}'", [Same, Different, Same], CauseKind::Substitution, None),
        ("A=${{P.D}}", [Different, Different, Same], CauseKind::Reference, None),
        ("A=\"${{P.D}}/x\"", [Different, Different, Same], CauseKind::Reference, None),
        ("A='${{P.D}}'", [Same, Different, Same], CauseKind::Reference, None),
        ("A=https://${{ P.D }}/x", [Different, Different, Same], CauseKind::Reference, None),
        ("A=${{P.D}}#x", [Different, Different, Different], CauseKind::Substitution, None),
        ("A: b", [Refused, Refused, Same], CauseKind::Colon, Some(Spelling::Bare)),
        ("A=\n'b'", [Same, Same, Different], CauseKind::LineBreak, Some(Spelling::Bare)),
        ("A\n=1", [Refused, Missing, Same], CauseKind::LineBreak, Some(Spelling::Bare)),
        ("A-B=1", [Refused, Same, Same], CauseKind::Key, Some(Spelling::Bare)),
        ("__proto__=1", [Same, Same, Missing], CauseKind::Key, Some(Spelling::Bare)),
        ("a$b=1", [Refused, Same, Missing], CauseKind::Key, Some(Spelling::Bare)),
        ("\u{feff}A=1", [Same, OnlyRecent, Same], CauseKind::ByteOrderMark, Some(Spelling::Bare)),
        ("A=\"a\r\nb\"", [Different, Same, Same], CauseKind::LineEnd, Some(Spelling::Single)),
        ("A=1\nA=2", [Different, Same, Same], CauseKind::Duplicate, Some(Spelling::Bare)),
        ("A=\"a\\\\\" # \"", [Same, OnlyRecent, Different], CauseKind::Escape, None),
    ];
    for (text, readings, kind, spelling) in rows {
        let found = file(text).disagreements();
        let Some(found) = found.iter().find(|found| found.entry.is_some()) else { panic!("{text:?}: no disagreement") };
        assert_eq!(Loader::ALL.map(|loader| found.reading(loader)), *readings, "{text:?}");
        assert_eq!((found.kind, found.spelling), (*kind, *spelling), "{text:?}");
    }
}

#[test]
fn swallowed_line_refers_to_the_line_that_swallows_it() {
    let found = file("A=it's\nB=1\n\nC=2\n").disagreements();
    let found: Vec<_> = found.iter().map(|one| (one.key.as_str(), one.line, one.kind, one.part_of_line)).collect();
    assert_eq!(
        found,
        [
            ("A", 1, CauseKind::Quote, None),
            ("B", 2, CauseKind::Swallowed, Some(1)),
            ("C", 4, CauseKind::Swallowed, Some(1)),
        ]
    );
}

/// For dotenvy, a carriage return alone does not end a line.
#[test]
fn lines_are_counted_by_any_line_end() {
    let found = file("A=1\r\nB=2\rC=b#c\r\n").disagreements();
    let found: Vec<_> = found.iter().map(|one| (one.key.as_str(), one.line, one.part_of_line)).collect();
    assert_eq!(found, [("B", 2, None), ("C", 3, Some(2))]);
}

/// python-dotenv 1.2.2 and earlier read the byte order mark as part of the first key.
#[test]
fn key_read_by_one_loader_only_is_compared() {
    let found = file("\u{feff}A=1\nB=2\n").disagreements();
    let other: Vec<_> =
        found.iter().filter(|one| one.entry.is_none()).map(|one| (one.key.as_str(), one.kind)).collect();
    assert_eq!(other, [("\u{feff}A", CauseKind::ByteOrderMark)]);
}

#[test]
fn every_cause_has_description_and_advice() {
    let text = "A=b#c\nB=x y\nC=${X}\nD=${{P.D}}\nE=it's\n";
    for found in file(text).disagreements() {
        assert!(!found.kind.description().is_empty() && !found.advice().is_empty());
    }
    assert_eq!(file("B=x y").disagreements()[0].advice(), "write it as KEY='…'");
}
