//! Common edits, refused edits, and edits of arbitrary text.

use proptest::prelude::{Just, Strategy, any, proptest};
use proptest::sample::select;
use proptest::{collection, prop_assert, prop_assert_eq, prop_oneof};

use crate::drift::Secret;
use crate::drift::dotenv::edit::{EditRefusal, NewValue, Obstacle, is_writable_name};
use crate::drift::dotenv::{Entry, Loader, LocalFile};

fn file(text: &str) -> LocalFile {
    LocalFile::parse(".env", Secret::new(text))
}

fn set(text: &str, key: &str, value: &str) -> Result<String, EditRefusal> {
    file(text).set(key, &Secret::new(value)).map(|file| file.text().expose().to_owned())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, Secret)> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), Secret::new(value))).collect()
}

fn add(text: &str, added: &[(&str, &str)]) -> Result<String, EditRefusal> {
    let comment = "# added by doctor on 2026-11-24, from api";
    file(text).add(&pairs(added), comment).map(|file| file.text().expose().to_owned())
}

fn remove(text: &str, key: &str) -> Result<String, EditRefusal> {
    file(text).remove(key).map(|file| file.text().expose().to_owned())
}

fn entangled(key: &str) -> EditRefusal {
    EditRefusal::Entangled { key: key.to_owned() }
}

#[test]
fn set_changes_only_the_value() {
    for (text, value, expected) in [
        ("A=1\nK=old\nB=2\n", "new", "A=1\nK=new\nB=2\n"),
        ("K=old", "new", "K=new"),
        ("K=old # why\n", "new", "K=new # why\n"),
        ("K='old'   # it's\n", "n w", "K='n w'   # it's\n"),
        ("export K=old\r\nB=\"x\"\r\n", "n$w", "export K='n$w'\r\nB=\"x\"\r\n"),
        ("\u{feff}K=old\n", "new", "\u{feff}K=new\n"),
        ("# K=0\n\n  K = 'old'\n", "new", "# K=0\n\n  K = 'new'\n"),
        ("K=\nB=2\n", "new", "K=new\nB=2\n"),
        ("K=old\nB=2\n", "", "K=\nB=2\n"),
        ("K=old # why\n", "", "K='' # why\n"),
        ("K=1\nK=2\nB=3\n", "new", "K=1\nK=new\nB=3\n"),
        ("K=old\nB=${K}\n", "new", "K=new\nB=${K}\n"),
        ("K='a\nb'\nB=2\n", "one", "K='one'\nB=2\n"),
        ("K=old\nB=2\n", "a\nB=3", "K='a\nB=3'\nB=2\n"),
        ("K=it's\nB='$(touch x)'\n", "fine", "K=fine\nB='$(touch x)'\n"),
        ("K=hello world\nB=2\n", "hello", "K=hello\nB=2\n"),
        ("K=hello world\n", "hello world", "K='hello world'\n"),
        ("K=\"same\"\n", "same", "K=\"same\"\n"),
        ("K=\"a\\nb\"\n", "a\nb", "K=\"a\\nb\"\n"),
        ("no key here\nK=old\n", "new", "no key here\nK=new\n"),
    ] {
        assert_eq!(set(text, "K", value).as_deref(), Ok(expected), "{text:?} with {value:?}");
    }
}

#[test]
fn set_refuses_missing_or_ambiguous_keys() {
    let runs = || EditRefusal::Runs { key: "K".to_owned() };
    for (text, value, refusal) in [
        ("A=1\n", "new", EditRefusal::Absent { key: "K".to_owned() }),
        ("# K=1\n", "new", EditRefusal::Absent { key: "K".to_owned() }),
        ("A=it's\nK=old\n", "new", entangled("K")),
        ("K= old\n", "reboot", runs()),
        ("K= old\n", "PATH=x", runs()),
        ("K=old\n", "it's `x`", runs()),
    ] {
        assert_eq!(set(text, "K", value), Err(refusal), "{text:?} with {value:?}");
    }
    assert!(set("K: =jjj$\n", "K", "new").is_err(), "one loader reads the key `K`, another `K:`");
    assert!(matches!(set("K=\"old\nB=1\n", "K", "new"), Err(EditRefusal::Flawed { .. })));
    assert!(matches!(set("K='a' b\n", "K", "new"), Err(EditRefusal::Flawed { .. })));
    assert!(matches!(set("K=x\n", "K", "${A}"), Err(EditRefusal::Unwritable { .. })));
    let refusal = |key: &str, value: &str| file("").refusal(key, &Secret::new(value));
    assert_eq!([refusal("K", "new"), refusal("K", "it's `x`")], [None, Some(runs())]);
    for key in ["", "1A", "a.b", "A-B", "A B", "K=", "é", "A\nB"] {
        assert_eq!(refusal(key, "x"), Some(EditRefusal::Name { key: key.to_owned() }));
        assert_eq!(set("K=1\n", key, "x"), Err(EditRefusal::Name { key: key.to_owned() }));
        assert_eq!(add("K=1\n", &[(key, "x")]), Err(EditRefusal::Name { key: key.to_owned() }));
    }
    let block = "K=-----BEGIN PRIVATE KEY-----\nMIIBmarker+/AB\nmarkerEND==\n-----END PRIVATE KEY-----\n";
    assert_eq!(set(block, "K", "new"), Err(entangled("K")));
    assert!(matches!(set(block, "markerEND", "new"), Err(EditRefusal::Absent { .. })));
}

#[test]
fn set_never_writes_value_that_sh_would_execute() {
    // For `sh`, but not for python-dotenv and node's dotenv, the quote on the first line swaps quoted and unquoted text
    // on the lines below.
    let text = "A=it's\nK=old\n";
    for loader in [Loader::Python, Loader::Node] {
        let file = file(text).read_as(loader);
        let edit = |value: &str| file.set("K", &Secret::new(value)).map(|file| file.text().expose().to_owned());
        assert_eq!(edit("plain").as_deref(), Ok("A=it's\nK=plain\n"));
        assert_eq!(edit("$(touch x)"), Err(EditRefusal::Runs { key: "K".to_owned() }));
        let added = file.add(&pairs(&[("NEW", "$(touch x)")]), "# added");
        assert_eq!(added.map(|_| ()), Err(EditRefusal::Open));
    }
    // Removing the first quote would unquote the command substitution.
    let text = "A=it's\nB=it's\nC='$(touch x)'\n";
    let unquoted = file(text).read_as(Loader::Python).set("A", &Secret::new("fine"));
    assert_eq!(unquoted.map(|_| ()), Err(EditRefusal::Runs { key: "A".to_owned() }));
}

#[test]
fn set_with_declared_loader_edits_the_assignment_it_uses() {
    use Loader::{Dotenvy, Node, Python};
    for (loader, text, value, expected) in [
        (Dotenvy, "K=1\nK=2\n", "new", "K=new\nK=2\n"),
        (Python, "K=1\nK=2\n", "new", "K=1\nK=new\n"),
        (Dotenvy, "K=old # why\n", "${{P.D}}", "K='${{P.D}}' # why\n"),
        (Dotenvy, "K=two words\n", "new", "K=new\n"),
        (Dotenvy, "K=x\n", "it's $5", "K=\"it's \\$5\"\n"),
        (Node, "A=`x y`\nK=old\n", "a\rb", "A=`x y`\nK=\"a\\rb\"\n"),
    ] {
        let file = file(text).read_as(loader).set("K", &Secret::new(value));
        assert_eq!(file.map(|file| file.text().expose().to_owned()).as_deref(), Ok(expected), "{loader:?}, {text:?}");
    }
    // Only node's dotenv reads `'a\\'`; python-dotenv would reject the line.
    let refused = file("K=old\n").read_as(Node).set("K", &Secret::new("a\\"));
    assert!(matches!(refused, Err(EditRefusal::Unwritable { obstacle: Obstacle::LastBackslash, .. })));
}

#[test]
fn added_keys_are_appended_under_one_comment() {
    let comment = "# added by doctor on 2026-11-24, from api";
    for (text, end) in
        [("", "\n"), ("A=1\n", "\n"), ("A=1\r\n", "\r\n"), ("\u{feff}A=1\n", "\n"), ("A=1 # x\n\n", "\n")]
    {
        let added = add(text, &[("B", "x y"), ("C", "2")]);
        assert_eq!(added, Ok(format!("{text}{comment}{end}B='x y'{end}C=2{end}")), "{text:?}");
    }
    assert_eq!(add("A=1", &[("B", "2")]), Ok(format!("A=1\n{comment}\nB=2\n")));
    assert_eq!(add("A=1\r\nC=1", &[("B", "2")]), Ok(format!("A=1\r\nC=1\r\n{comment}\r\nB=2\r\n")));
    assert_eq!(add("A=1", &[]).as_deref(), Ok("A=1"));
    let odd = file("").add(&pairs(&[("B", "1")]), "from $(x)\n'A=1");
    assert_eq!(odd.unwrap().text().expose(), "# from __x___A_1\nB=1\n");
}

#[test]
fn add_refuses_existing_keys_and_unclosed_quotes() {
    let present = |key: &str| Err(EditRefusal::Present { key: key.to_owned() });
    assert_eq!(add("A=1\n", &[("A", "2")]), present("A"));
    assert_eq!(add("A: 1\n", &[("A", "2")]), present("A"), "node's dotenv reads it");
    assert_eq!(add("A=1\n", &[("B", "2"), ("B", "2")]), present("B"));
    for text in ["A=\"x", "A='x\nC=1\n", "A=1\n'B\n", "A=x \"\n"] {
        assert_eq!(add(text, &[("B", "2")]), Err(EditRefusal::Open), "{text:?}");
    }
    assert!(add("A=x\\", &[("B", "2")]).is_err(), "sh would run the comment");
}

#[test]
fn remove_deletes_all_lines_of_key_and_keeps_the_rest() {
    for (text, expected) in [
        ("A=1\nK=2 # why\nB=3\n", "A=1\nB=3\n"),
        ("A=1\nK=2", "A=1\n"),
        ("K=1\nA=1\nexport K='x\ny'\r\nB=1\r\n", "A=1\nB=1\r\n"),
        ("A=1\n# added by doctor on 2026-11-24\nK=2\n", "A=1\n"),
        ("A=1\n# added by doctor on 2026-11-24\nK=2\nB=1\n", "A=1\n# added by doctor on 2026-11-24\nB=1\n"),
        ("A=1\n# mine\nK=2\n", "A=1\n# mine\n"),
        ("K=1\nB=${K}\n", "B=${K}\n"),
    ] {
        assert_eq!(remove(text, "K").as_deref(), Ok(expected), "{text:?}");
    }
    assert_eq!(remove("A=1\n", "K"), Err(EditRefusal::Absent { key: "K".to_owned() }));
    assert!(remove("K: =jjj$\n", "K").is_err());
    // Only python-dotenv skips U+0085, so only it reads the second `K` as a part of the first one.
    assert_eq!(remove("A=1\nK=\u{85}'a\nK=b'\n", "K"), Err(entangled("K")));
    // To dotenvy, the value of K includes the next two lines. Without K, it reads X instead of Z.
    assert_eq!(remove("K=it's\nX=1\nY='\nZ=1\n", "K"), Err(entangled("K")));
}

/// With the quotes of `B`, the first line opens a quoted key for python-dotenv, so that it reads none of the other lines.
/// Without them, it rejects the line `export` again, which node's dotenv reads as a part of the next one.
#[test]
fn problem_for_another_loader_does_not_prevent_an_edit() {
    let text = "'\nexport \nA=1\n";
    let with_new_key = format!("{text}B='é'\n");
    let removed = file(&with_new_key).read_as(Loader::Node).remove("B");
    assert_eq!(removed.map(|file| file.text().expose().to_owned()).as_deref(), Ok(text));
    assert_eq!(remove(&with_new_key, "B"), Err(entangled("B")));
}

/// For dotenvy, a carriage return does not end a comment, so the rest of that line becomes an assignment when the
/// comment is removed.
#[test]
fn edits_never_expose_a_shadowed_assignment() {
    assert_eq!(remove("K=1 #\rB=1\nB=3\n", "K"), Err(entangled("K")));
    assert_eq!(remove("K=1 #\rB=3\nB=3\n", "K").as_deref(), Ok("B=3\nB=3\n"));
    assert_eq!(remove("K=1 #\rC=1\nB=3\n", "K").as_deref(), Ok("C=1\nB=3\n"));
    assert_eq!(set("B=1\nK=it's\nB=2\n", "K", "x"), Err(entangled("K")), "before the edit, dotenvy reads only one `B`");
    assert_eq!(set("B=1\nK=it's\nC=2\n", "K", "x").as_deref(), Ok("B=1\nK=x\nC=2\n"));
}

#[test]
fn refusal_names_the_key_and_never_the_value() {
    let value = "it's \"marker\" ${X}";
    for refusal in [set("K=1\n", "K", value).unwrap_err(), add("", &[("K", value)]).unwrap_err()] {
        let message = refusal.message();
        assert!(message.contains('K') && message.contains("python-dotenv") && !message.contains("marker"), "{message}");
    }
}

#[test]
fn masked_file_keeps_layout_without_values() {
    let text =
        "\u{feff}# marker\r\n\r\nexport A = 'marker'  # marker\r\nB=\"mar\nker\"\n#C=marker\n=marker\nD=marker #x\nE=";
    let masked =
        file(text).redacted(&|value| if value.expose().is_empty() { String::new() } else { "•••".to_owned() });
    assert_eq!(masked, "# …\n\nexport A = •••  # …\nB=•••\n# …\n…\nD=••• # …\nE=\n".replace("•••  #", "••• #"));
}

const ATOMS: &[&str] = &[
    "a",
    "1",
    " ",
    "\t",
    "\n",
    "\r",
    "'",
    "\"",
    "`",
    "\\",
    "$",
    "${A}",
    "$A",
    "$(touch x)",
    "#",
    " #",
    "=",
    ";",
    "&",
    "~",
    "*",
    "é",
    "\nK=",
    "\nA='",
    "\\n",
    "export ",
    "\0",
    "\u{2028}",
    "\u{feff}",
    "}",
    ":",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![3 => collection::vec(select(ATOMS), 0..6).prop_map(|atoms| atoms.concat()), 1 => any::<String>()]
}

/// Returns files that mostly contain `K`, among unusual and broken lines.
fn text() -> impl Strategy<Value = String> {
    let side = prop_oneof![
        select(
            &["1", "'x y'", "\"x\"", "", "it's", "'", "\"", "a\\", "`x`", "a # c", "$K", "${K}", "'a\nb'", "x y"][..]
        )
        .prop_map(str::to_owned),
        value(),
    ];
    let key = select(&["K", "K", "A", "B", "export K", "export A", "a.b", "K ", "A ", "K: "][..]);
    let line = prop_oneof![
        5 => (key, select(&["=", "=", "=", " = ", "= "][..]), side).prop_map(|(key, equals, side)| format!("{key}{equals}{side}")),
        1 => select(&["", "# it's", "#K=1", "K", "=", "FOO BAR", "'", "\""][..]).prop_map(str::to_owned),
    ];
    let end = select(&["\n", "\n", "\n", "\r\n", "\r", " # c\n", ""][..]);
    let start = prop_oneof![9 => Just(""), 1 => Just("\u{feff}")];
    (start, collection::vec((line, end), 0..5))
        .prop_map(|(start, lines)| lines.into_iter().fold(start.to_owned(), |text, (line, end)| text + &line + end))
}

fn loader() -> impl Strategy<Value = Option<Loader>> {
    select(&[None, None, Some(Loader::Dotenvy), Some(Loader::Python), Some(Loader::Node)][..])
}

fn read_as(text: &str, loader: Option<Loader>) -> LocalFile {
    match loader {
        Some(loader) => file(text).read_as(loader),
        None => file(text),
    }
}

fn rows(file: &LocalFile) -> Vec<(&str, &str)> {
    file.entries.iter().map(|entry| (entry.key.as_str(), entry.value.expose())).collect()
}

proptest! {
    #[test]
    fn set_value_is_read_back_and_other_bytes_are_unchanged(text in text(), value in value(), loader in loader()) {
        let before = read_as(&text, loader);
        if let Ok(after) = before.set("K", &Secret::new(value.as_str())) {
            prop_assert_eq!(after.entry("K").unwrap().value.expose(), &value);
            let (changed, text) = (after.text().expose().as_bytes(), text.as_bytes());
            // Only one span differs: the right-hand side of a `K`.
            let is_side = |entry: &Entry| {
                let (start, end) = (entry.span.start, text.len() - entry.span.end);
                entry.key == "K" && changed.len() >= start + end && changed[..start] == text[..start]
                    && changed[changed.len() - end..] == text[entry.span.end..]
            };
            prop_assert!(file(std::str::from_utf8(text).unwrap()).entries.iter().any(is_side));
        }
    }

    #[test]
    fn added_keys_are_read_back_and_can_be_removed(text in text(), value in value(), loader in loader()) {
        let before = read_as(&text, loader);
        if let Ok(after) = before.add(&pairs(&[("NEW", &value)]), "# added by doctor") {
            prop_assert_eq!(after.entry("NEW").unwrap().value.expose(), &value);
            prop_assert!(after.text().expose().starts_with(&text));
            let (old, new) = (rows(&before), rows(&after));
            prop_assert_eq!(&new[..old.len()], &old[..]);
            let again = after.remove("NEW").unwrap();
            let rest = again.text().expose().strip_prefix(text.as_str()).unwrap();
            prop_assert!(["", "\n", "\r\n"].contains(&rest));
            prop_assert!(again.entry("NEW").is_none());
        }
    }

    #[test]
    fn removed_key_is_gone_and_others_remain(text in text(), loader in loader()) {
        let before = read_as(&text, loader);
        if let Ok(after) = before.remove("K") {
            let others = rows(&file(&text)).into_iter().filter(|(key, _)| *key != "K").map(|row| row.0.to_owned()).collect::<Vec<_>>();
            let left = file(after.text().expose());
            prop_assert_eq!(rows(&left).into_iter().map(|row| row.0.to_owned()).collect::<Vec<_>>(), others);
        }
    }

    #[test]
    fn masked_file_contains_no_value(
        lines in collection::vec((select(&["K=", "K = '", "export A=\"", "# ", "K: ", "'", "é=", ""][..]), value(), value()), 1..6),
    ) {
        let text: String = lines.iter().flat_map(|(start, one, other)| [*start, one.as_str(), " MAR@KER ", other.as_str(), "\n"]).collect();
        for file in [file(&text), file(&text).read_as(Loader::Dotenvy), file(&text).read_as(Loader::Python)] {
            prop_assert!(!file.redacted(&|_| "•••".to_owned()).contains("MAR@KER"));
        }
    }

    #[test]
    fn arbitrary_text_never_panics_or_leaks_a_value(text in any::<String>(), value in any::<String>()) {
        for file in [file(&text), file(&text).read_as(Loader::Dotenvy)] {
            for key in file.keys().map(str::to_owned).collect::<Vec<_>>() {
                prop_assert!(file.set(&key, &Secret::new(value.as_str())).is_ok() <= is_writable_name(&key));
                drop(file.remove(&key));
            }
            let marked = format!("{text}\nLAST='marker'\n#marker\n");
            prop_assert!(!LocalFile::parse("x", Secret::new(marked)).redacted(&|_| "•".to_owned()).contains("marker'"));
        }
    }
}

#[test]
fn keys_set_together_get_the_same_text_as_one_by_one() {
    let text = "A=1 # x\nexport B='b'\nC=\"open\nD=it's\nE=`e`\nA=2\nF=x y\n";
    let values: Vec<(&str, Secret)> =
        [("A", "a b"), ("B", "b"), ("C", "c"), ("D", "it's"), ("E", "it's `x`"), ("F", "$(x)"), ("G", "g"), ("1", "")]
            .map(|(key, value)| (key, Secret::new(value)))
            .into();
    for loader in [None, Some(Loader::Dotenvy), Some(Loader::Python), Some(Loader::Node)] {
        let plain = LocalFile::parse(".env", Secret::new(text));
        let mut one_by_one = match loader {
            Some(loader) => plain.read_as(loader),
            None => plain,
        };
        let new: Vec<NewValue<'_>> = values.iter().map(|(key, value)| NewValue { key, value }).collect();
        let (together, refusals) = one_by_one.set_all(&new);
        let mut refused = Vec::new();
        for (key, value) in &values {
            match one_by_one.set(key, value) {
                Ok(set) => one_by_one = set,
                Err(_) => refused.push((*key).to_owned()),
            }
        }
        refused.sort();
        assert_eq!(together.text().expose(), one_by_one.text().expose(), "{loader:?}");
        assert_eq!(refusals.into_keys().collect::<Vec<_>>(), refused, "{loader:?}");
    }
}

#[test]
fn values_set_together_keep_their_quoting_and_their_order() {
    for (values, expected) in [
        (&[("A", "2"), ("B", "a*b"), ("C", "a\nb")][..], "A=2\nB=a*b\nC=\"a\\nb\"\n"),
        (&[("A", "2"), ("A", "3")], "A=3\nB=a*b\nC=\"a\\nb\"\n"),
    ] {
        let values = pairs(values);
        let new: Vec<NewValue<'_>> = values.iter().map(|(key, value)| NewValue { key, value }).collect();
        let (together, refusals) = file("A=1\nB=a*b\nC=\"a\\nb\"\n").set_all(&new);
        assert_eq!((together.text().expose(), refusals.len()), (expected, 0));
    }
}
