//! Tables of inputs with the expected entries and problems. They document how the parser treats each kind of line.

use crate::drift::dotenv::tests::{assignments, file};
use crate::drift::dotenv::{Entry, Loader, LocalFile};

/// Text, `KEY=value` of every entry, `line:column description` of every problem.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const NO_EQUALS: &str = "missing `=`";

const PLAIN: &[Row] = &[
    ("", &[], &[]),
    ("\n\n", &[], &[]),
    ("   ", &[], &[]),
    ("# comment", &[], &[]),
    ("  # comment\n", &[], &[]),
    ("#A=1\n", &[], &[]),
    ("A=1", &["A=1"], &[]),
    ("A=1\n", &["A=1"], &[]),
    ("A=1\nB=2\n", &["A=1", "B=2"], &[]),
    ("A=1\r\nB=2\r\n", &["A=1", "B=2"], &[]),
    ("A=1\rB=2\r", &["A=1", "B=2"], &[]),
    ("A=1\n\r\n\rB=2", &["A=1", "B=2"], &[]),
    ("\u{feff}A=1\nB=2\n", &["A=1", "B=2"], &[]),
    ("\u{feff}# note\nA=1\n", &["A=1"], &[]),
    ("\u{feff}export A=1\n", &["A=1"], &[]),
    ("\u{feff}", &[], &[]),
    ("A=", &["A="], &[]),
    ("A=\nB=1\n", &["A=", "B=1"], &[]),
    ("A=  \nB=1\n", &["A=", "B=1"], &[]),
    (" A = 1 \n", &["A=1"], &[]),
    ("\tA\t=\t1\t\n", &["A=1"], &[]),
    ("A=1\nA=2\n", &["A=1", "A=2"], &[]),
    ("A==\n", &["A=="], &[]),
    ("A=b=c\n", &["A=b=c"], &[]),
    ("A=hello world\n", &["A=hello world"], &[]),
    ("A=a\u{a0}\n", &["A=a"], &[]),
    ("A=grüße 😀\n", &["A=grüße 😀"], &[]),
    ("A=C:\\path\\new\n", &["A=C:\\path\\new"], &[]),
    ("A={\"a\": 1}\n", &["A={\"a\": 1}"], &[]),
    ("A=it's\nB=1\n", &["A=it's", "B=1"], &[]),
    ("A=https://h:1/p?q=1&r=2\n", &["A=https://h:1/p?q=1&r=2"], &[]),
];

const EXPORTS_AND_KEYS: &[Row] = &[
    ("export A=1\n", &["A=1"], &[]),
    ("  export\tA=1\n", &["A=1"], &[]),
    ("export=1\n", &["export=1"], &[]),
    ("exported=1\n", &["exported=1"], &[]),
    ("export\nA=1\n", &["A=1"], &["1:1 missing `=`"]),
    ("export A\n", &[], &["1:8 missing `=`"]),
    ("A.B-C=1\n", &["A.B-C=1"], &[]),
    ("1A=1\n", &["1A=1"], &[]),
    ("a$b=1\n", &["a$b=1"], &["1:1 the key contains a character that only python-dotenv accepts"]),
    ("'A'=1\n", &["A=1"], &[]),
    ("'A'=1\nA: 1\n", &["A=1", "A=1"], &["2:1 `:` instead of `=`"]),
    ("\"A\"=1\n", &["\"A\"=1"], &["1:1 the key contains a character that only python-dotenv accepts"]),
    ("A: 1\n", &["A=1"], &["1:1 `:` instead of `=`"]),
    ("export A: 1=2\n", &["A=1=2"], &["1:1 `:` instead of `=`"]),
    ("A\n: 1\n", &[], &["1:1 missing `=`", "2:1 missing `=`"]),
    (
        "A : 1\nB:2\nhttp://x\n:1\n",
        &[],
        &["1:1 `:` instead of `=`", "2:1 `:` instead of `=`", "3:1 missing `=`", "4:1 missing `=`"],
    ),
    (
        "<<<<<<< HEAD\nA=1\n||||||| base\n=======\nA=2\n>>>>>>> x=y\n<<<<<<<<\n",
        &["A=1", "A=2"],
        &[
            "1:1 leftover merge conflict marker",
            "3:1 leftover merge conflict marker",
            "4:1 leftover merge conflict marker",
            "6:1 leftover merge conflict marker",
            "7:1 missing `=`",
        ],
    ),
    ("A\n=1\n", &["A=1"], &["2:1 missing key before `=`"]),
    ("__proto__=1\n", &["__proto__=1"], &[]),
];

const COMMENTS: &[Row] = &[
    ("A=b # c\n", &["A=b"], &[]),
    ("A=b\t# c\n", &["A=b"], &[]),
    ("A=b#c\n", &["A=b#c"], &[]),
    ("A=b #c # d\n", &["A=b"], &[]),
    ("A= # c\n", &["A="], &[]),
    ("A=#c\n", &["A=#c"], &[]),
    ("A='b # c' # d\n", &["A=b # c"], &[]),
    ("A=\"b # c\"#d\n", &["A=b # c"], &[]),
    ("A=1 # it's\nB=2 # it's\n", &["A=1", "B=2"], &[]),
    ("# A='\nB=1\n", &["B=1"], &[]),
];

const QUOTES: &[Row] = &[
    ("A='b'\n", &["A=b"], &[]),
    ("A=\"b\"\n", &["A=b"], &[]),
    ("A=''\n", &["A="], &[]),
    ("A=\"\"\n", &["A="], &[]),
    ("A=' b '\n", &["A= b "], &[]),
    ("A=`x y`\n", &["A=`x y`"], &[]),
    ("A=\"it's\"\n", &["A=it's"], &[]),
    ("A='say \"x\"'\n", &["A=say \"x\""], &[]),
    ("A='a\nb'\nB=1\n", &["A=a\nb", "B=1"], &[]),
    ("A=\"a\r\nb\"\r\nB=1\r\n", &["A=a\nb", "B=1"], &[]),
    ("A=\"\n# no comment\n\"\n", &["A=\n# no comment\n"], &[]),
    ("A='$X'\n", &["A=$X"], &[]),
    ("A=\"$X\"\n", &["A=$X"], &[]),
    ("A=pa$$word\n", &["A=pa$$word"], &[]),
    ("A=${X}\n", &["A=${X}"], &[]),
    ("A=${{Postgres.DATABASE_URL}}\n", &["A=${{Postgres.DATABASE_URL}}"], &[]),
    ("A=\"${{Postgres.DATABASE_URL}}\"\n", &["A=${{Postgres.DATABASE_URL}}"], &[]),
    ("A=\"a\\nb\"\n", &["A=a\nb"], &[]),
    ("A='a\\nb'\n", &["A=a\\nb"], &[]),
    ("A=a\\nb\n", &["A=a\\nb"], &[]),
    ("A=\"a\\tb\"\n", &["A=a\tb"], &[]),
    ("A=\"\\a\\b\\f\\v\\x\"\n", &["A=\u{7}\u{8}\u{c}\u{b}\\x"], &[]),
    ("A=\"a\\\"b\"\n", &["A=a\"b"], &[]),
    ("A='a\\'b'\n", &["A=a'b"], &[]),
    ("A=\"a\\\\\"\nB=1\n", &["A=a\\", "B=1"], &[]),
];

const BROKEN: &[Row] = &[
    ("FOO\n", &[], &["1:1 missing `=`"]),
    ("A=1\n  FOO BAR\nB=2\n", &["A=1", "B=2"], &["2:3 missing `=`"]),
    ("=x\nB=2\n", &["B=2"], &["1:1 missing key before `=`"]),
    ("A='x\nB='y\nC=1\n", &["A='x", "B='y", "C=1"], &["1:3 unclosed quote", "2:3 unclosed quote"]),
    ("FOO BAR=1\nB=2\n", &["B=2"], &["1:1 more than one word before `=`"]),
    ("A=\"x\nB=2\n", &["A=\"x", "B=2"], &["1:3 unclosed quote"]),
    ("A='x\nB=2\n", &["A='x", "B=2"], &["1:3 unclosed quote"]),
    ("A=\"x\nB=\"y\"\nC=1\n", &["A=\"x", "B=y", "C=1"], &["1:3 unclosed quote"]),
    ("A=\"x\nB='1\n2'\nC=\"y\"\n", &["A=\"x", "B=1\n2", "C=y"], &["1:3 unclosed quote"]),
    ("A=\"x\njust text\nB=\"y\"\n", &["A=\"x", "B=y"], &["1:3 unclosed quote", "2:1 missing `=`"]),
    ("A=\"x\" y\nB=2\n", &["A=\"x\" y", "B=2"], &["1:3 unexpected text after the closing quote"]),
    ("A='x'y\nB=2\n", &["A='x'y", "B=2"], &["1:3 unexpected text after the closing quote"]),
    ("é=1\n", &["é=1"], &["1:1 the key contains a character that only python-dotenv accepts"]),
    ("A=a\0b\nB=2\n", &["A=a\0b", "B=2"], &["1:1 NUL byte, which an environment variable can't contain"]),
    ("# a\0b\nB=2\n", &["B=2"], &[]),
    ("A=1\nA\n", &["A=1"], &["2:1 missing `=`"]),
    ("'A\nB=2\n", &["B=2"], &["1:1 missing `=`"]),
    ("\t\u{a0}FOO\n", &[], &["1:3 missing `=`"]),
    ("source .env\n", &[], &["1:1 missing `=`"]),
    ("A={\n  \"b\": 1\n}\n", &["A={"], &["2:3 missing `=`", "3:1 missing `=`"]),
];

#[test]
fn each_input_parses_to_expected_entries_and_problems() {
    let tables = [PLAIN, EXPORTS_AND_KEYS, COMMENTS, QUOTES, BROKEN];
    assert!(tables.iter().map(|table| table.len()).sum::<usize>() >= 80);
    for (text, entries, flaws) in tables.concat() {
        let file = file(text);
        assert_eq!(assignments(&file), entries, "entries of {text:?}");
        let found: Vec<_> =
            file.problems.iter().map(|flaw| format!("{}:{} {}", flaw.line, flaw.column, flaw.description)).collect();
        assert_eq!(found, flaws, "flaws of {text:?}");
        assert_eq!(file.text().expose(), text);
    }
}

#[test]
fn entries_record_their_position() {
    let text = "\u{feff}# ü\r\n\r\n  export A = 'x' # c\r\nB=\r\nC= # c\rD=\"1\r\n2\"\r\nE: z";
    let file = file(text);
    let places: Vec<_> = file
        .entries
        .iter()
        .map(|entry| {
            let slice = |range: &std::ops::Range<usize>| &text[range.clone()];
            (entry.line, entry.column, slice(&entry.key_span), slice(&entry.span), slice(&entry.statement))
        })
        .collect();
    assert_eq!(
        places,
        [
            (3, 10, "A", "'x'", "  export A = 'x' # c\r\n"),
            (4, 1, "B", "", "B=\r\n"),
            (5, 1, "C", "", "C= # c\r"),
            (6, 1, "D", "\"1\r\n2\"", "D=\"1\r\n2\"\r\n"),
            (8, 1, "E", "z", "E: z"),
        ]
    );
    assert_eq!(&text[..file.entries[1].span.start].chars().next_back(), &Some('='));
    assert_eq!(&text[..file.entries[2].span.start].chars().next_back(), &Some('='));
}

#[test]
fn last_assignment_wins() {
    let file = file("A=1\nB=2\nA=3\nB=4\nC=5\nA=6\n");
    assert_eq!(file.entry("A").map(|entry| (entry.value.expose(), entry.line)), Some(("6", 6)));
    assert!(file.entry("D").is_none());
    assert_eq!(file.duplicates(), [vec![0, 2, 5], vec![1, 3]]);
    let mut keys: Vec<_> = file.keys().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["A", "B", "C"]);
}

#[test]
fn value_read_by_two_loaders_wins_over_later_assignment_read_by_one() {
    // node's dotenv and python-dotenv 1.2.2 and earlier read everything after the quote of B, including A=2, as its
    // value.
    let file = file("X=0\nA=1\nB=\"x\\\\\"\nA=2\nC=\"\n");
    let read = |key| file.entry(key).map(|entry| (entry.value.expose(), entry.line));
    assert_eq!((read("A"), read("B")), (Some(("1", 2)), Some(("x\\", 3))));
    assert_eq!(read("X"), Some(("0", 1)));
}

#[test]
fn each_loader_reports_key_and_value_spans() {
    // `export` also starts with the first key.
    let text = "export e=1\n  export\tB='2'\nC = \"3\" # note\nD=\n";
    for loader in Loader::ALL {
        let read = file(text).read_as(loader);
        let cut = |entry: &Entry| (&text[entry.key_span.clone()], &text[entry.span.clone()]);
        let first_two: Vec<_> = read.entries.iter().take(2).map(cut).collect();
        assert_eq!(first_two, [("e", "1"), ("B", "'2'")], "{loader:?}");
        assert!(read.entries.iter().all(|entry| text[entry.key_span.clone()] == entry.key), "{loader:?}");
        let empty = read.entry("D").map(|entry| (&text[entry.span.clone()], text[..entry.span.start].ends_with("D=")));
        assert_eq!(empty, Some(("", true)), "{loader:?}");
    }
}

#[test]
fn node_ends_lines_at_unicode_separators() {
    let text = "X=1\n\u{2028}\u{2028} A=1\nB: \n";
    let read = file(text).read_as(Loader::Node);
    assert_eq!(&text[read.entries[1].statement.clone()], " A=1\n");
    assert!(text[..read.entries[2].span.start].ends_with("B:"));
}

#[test]
fn loader_specific_syntax_is_read_like_the_loader() {
    use Loader::{Dotenvy, Node};
    for (text, loader, expected) in [
        ("H_1=x\nI=${H_1}\n", Dotenvy, &["H_1=x", "I=x"][..]),
        ("A='a # \\' b\\'\nB=1\n", Node, &["A=a # \\' b\\", "B=1"]),
        ("A=x\u{2028}'y'\n", Node, &["A=x\u{2028}y"]),
        ("A:\nb\n", Node, &["A=b"]),
    ] {
        assert_eq!(assignments(&file(text).read_as(loader)), expected, "{text:?}");
    }
}

#[test]
fn problem_lists_the_loaders_that_refuse_the_line() {
    use Loader::{Dotenvy, Node, Python};
    let rows: &[(&str, &[Loader], Option<&str>)] = &[
        ("FOO\n", &[Dotenvy, Python, Node], None),
        ("A: b\n", &[Dotenvy, Python], Some("A")),
        ("A=\"x\n", &[Dotenvy, Python], Some("A")),
        ("a$b=1\n", &[Dotenvy, Node], Some("a$b")),
        ("A=a\0b\n", &[Dotenvy, Python], Some("A")),
        ("A='x'y\n", &[Python], Some("A")),
    ];
    for (text, refused_by, key) in rows {
        let flaws = file(text).problems;
        assert_eq!(flaws.len(), 1, "{text:?}");
        assert_eq!((flaws[0].rejected_by.as_slice(), flaws[0].key.as_deref()), (*refused_by, *key), "{text:?}");
    }
}

#[test]
fn file_can_be_read_as_a_single_loader() {
    let text = "A=1\nB=${A}-$A\nC=x y\nA=2\nD=b#c\nE\nF=${{P.D}}\nG=${NONE:-d}\n";
    let values = |file: &LocalFile| -> Vec<_> {
        let mut keys: Vec<_> = file.keys().collect();
        keys.sort_unstable();
        keys.iter().filter_map(|key| Some(format!("{key}={}", file.entry(key)?.value.expose()))).collect()
    };
    let file = file(text);
    let python = ["A=2", "B=1-$A", "C=x y", "D=b#c", "F=}", "G=d"];
    let node = ["A=2", "B=${A}-$A", "C=x y", "D=b", "F=${{P.D}}", "G=${NONE:-d}"];
    let dotenvy = ["A=1", "B=1-1", "D=b#c", "F=}", "G="];
    for (loader, expected) in
        [(Loader::Python, python.as_slice()), (Loader::Node, node.as_slice()), (Loader::Dotenvy, dotenvy.as_slice())]
    {
        let read = file.read_as(loader);
        assert_eq!(values(&read), expected, "{loader:?}");
        assert_eq!(read.text(), file.text());
        let reading = file.reading(loader);
        assert!(read.keys().all(|key| reading.get(key) == read.entry(key).map(|entry| &entry.value)));
        assert_eq!(reading.len(), expected.len(), "{loader:?}");
    }
}

#[test]
fn key_unset_by_python_is_missing_in_its_reading() {
    let file = file("A=1\nB=2\nA\n");
    assert!(file.read_as(Loader::Python).entry("A").is_none());
    assert!(file.read_as(Loader::Node).entry("A").is_some());
    assert!(file.entry("A").is_some());
}

#[test]
fn expansion_ignores_process_environment() {
    let file = file("A=$PATH\nB=${PATH}\nC=${PATH:-d}\n");
    let value = |loader, key| file.reading(loader).get(key).map(|value| value.expose().to_owned());
    assert_eq!(value(Loader::Dotenvy, "A").as_deref(), Some(""));
    assert_eq!(value(Loader::Dotenvy, "B").as_deref(), Some(""));
    assert_eq!(value(Loader::Python, "B").as_deref(), Some(""));
    assert_eq!(value(Loader::Python, "C").as_deref(), Some("d"));
}

#[test]
fn loader_names_match_doctor_toml() {
    assert_eq!(Loader::ALL.map(Loader::name), ["dotenvy", "python", "node"]);
    assert!(Loader::ALL.into_iter().all(|loader| Loader::named(loader.name()) == Some(loader)));
    assert_eq!(Loader::named("ruby"), None);
}

#[test]
fn problem_never_quotes_the_file() {
    let file = file("marker-4711\nmarker-4711 x=1\nA='marker-4711\nB=\"marker\"4711\n");
    assert!(file.problems.len() >= 4);
    assert!(file.problems.iter().all(|flaw| !flaw.description.contains("4711")));
    assert!(!format!("{file:?}").contains("marker-4711"), "{file:?}");
    assert!(file.problems.iter().any(|flaw| flaw.description == NO_EQUALS));
}
