//! Compares the reader and the writer with the loaders themselves: python-dotenv, node's dotenv and dotenvy read
//! thousands of generated files, and `sh` also reads those that were written.
//!
//! `NODE_PATH` is the directory of node's dotenv. `LOADERS_FILES` and `LOADERS_SEED` change the number of files and the
//! seed.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "runs the real loaders, and stops at the first failure"
)]
#![expect(clippy::print_stdout, reason = "prints statistics")]

#[expect(dead_code, reason = "shared with other tests")]
#[path = "e2e/binary.rs"]
mod binary;
#[path = "loaders/generate.rs"]
mod generate;
#[path = "loaders/pull.rs"]
mod pull;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "e2e/server.rs"]
mod server;
#[path = "loaders/write.rs"]
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use generate::Generator;
use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::binding::Binding;
use railway_doctor::drift::dotenv::loader::{Body, Loader, Substitution, first_wins, last_wins};
use railway_doctor::drift::dotenv::python_reader::Edition;
use railway_doctor::drift::dotenv::{KeyReading, LocalFile, pasted_fragment};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Key → value, `None` for python-dotenv's keys without one.
type Values = BTreeMap<String, Option<String>>;

#[derive(Deserialize)]
struct Output<T> {
    version: String,
    files: Vec<T>,
}

fn run_script<T: DeserializeOwned>(program: &str, script: &str, texts: &[String]) -> Output<T> {
    let mut child = Command::new(program)
        .arg(format!("{}/tests/loaders/{script}", env!("CARGO_MANIFEST_DIR")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter is installed");
    let input = serde_json::to_vec(texts).expect("texts are JSON");
    child.stdin.take().expect("stdin is piped").write_all(&input).expect("the script reads its input");
    let output = child.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "{script} failed");
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

fn values<'b>(bindings: impl IntoIterator<Item = (&'b str, &'b Binding)>) -> Values {
    let text = |binding: &Binding| binding.value.as_ref().map(|value| value.expose().to_owned());
    bindings.into_iter().map(|(key, binding)| (key.to_owned(), text(binding))).collect()
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Reads a text with dotenvy; returns the first and the last value of each key.
fn read_with_dotenvy(text: &str) -> [Values; 2] {
    let assignments = dotenvy::from_read_iter(text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes());
    let assignments: Vec<_> = assignments.flatten().map(|(key, value)| (key, Some(value))).collect();
    [assignments.iter().rev().cloned().collect(), assignments.into_iter().collect()]
}

#[test]
#[ignore = "requires python-dotenv and node dotenv; .ci/run installs them and runs this test"]
fn parser_agrees_with_the_real_loaders() {
    let mut generator = Generator::new(number("LOADERS_SEED", 1));
    let texts: Vec<String> = (0..number("LOADERS_FILES", 20_000)).map(|_| generator.file()).collect();
    let python: Output<[Values; 2]> = run_script("python3", "read.py", &texts);
    let node: Output<Values> = run_script("node", "read.js", &texts);
    let edition = edition(&python.version);
    let mut figures = Figures::default();
    for (index, text) in texts.iter().enumerate() {
        let [literal, substituted] = &python.files[index];
        let [first, last] = read_with_dotenvy(text);
        let body = Body::of(text);
        let read = |substitution| values(last_wins(&body.python(edition, substitution).bindings));
        assert_eq!(&read(Substitution::Off), literal, "python-dotenv, literal: {text:?}");
        assert_eq!(&read(Substitution::FromTheFile), substituted, "python-dotenv, substituted: {text:?}");
        assert_eq!(values(last_wins(&body.node())), node.files[index], "node's dotenv: {text:?}");
        assert_eq!(values(first_wins(&body.rust().bindings)), first, "dotenvy: {text:?}");
        assert_eq!(values(last_wins(&body.rust().bindings)), last, "dotenvy: {text:?}");
        figures.count(text, literal, [substituted, &node.files[index], &first, &last]);
    }
    println!("python-dotenv {}, node's dotenv {}, dotenvy 0.15: {figures:?}", python.version, node.version);
    assert!(figures.pieces * 10 < figures.keys, "the reader skips too many keys: {figures:?}");
    assert!(figures.agreed * 4 > figures.keys, "the loaders agree on too few keys: {figures:?}");
}

/// The grammar of the installed python-dotenv. Version 1.2.3 mixes both.
fn edition(version: &str) -> Edition {
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    assert_ne!(numbers, [1, 2, 3], "install another python-dotenv");
    if numbers.as_slice() >= [1, 2, 4].as_slice() { Edition::Current } else { Edition::Classic }
}

#[derive(Debug, Default)]
struct Figures {
    files: usize,
    keys: usize,
    /// Keys on which python-dotenv (without substitution), node's dotenv and the reader agree.
    agreed: usize,
    /// Keys that a loader reads differently, as reported.
    disagreements: usize,
    /// Keys that all loaders read alike.
    unanimous: usize,
    flaws: usize,
    /// Keys of a loader that are part of a value, which the reader skips.
    pieces: usize,
}

impl Figures {
    /// Compares the readings of one file, key by key.
    fn count(&mut self, text: &str, literal: &Values, loaders: [&Values; 4]) {
        let file = LocalFile::parse(".env", Secret::new(text));
        assert_eq!(file.text().expose(), text);
        let [_, node, ..] = loaders;
        let disagreements = file.disagreements();
        let reported: BTreeSet<&str> = disagreements.iter().map(|disagreement| disagreement.key.as_str()).collect();
        let lists = std::iter::once(literal).chain(loaders);
        let keys: BTreeSet<&str> = lists.flat_map(|values| values.keys().map(String::as_str)).collect();
        let has_pieces = file.problems.iter().any(|flaw| flaw.description == pasted_fragment::DESCRIPTION);
        for &key in &keys {
            let ours = file.entry(key).map(|entry| entry.value.expose());
            if ours.is_none() && has_pieces && !reported.contains(key) {
                // A loader reads a part of a value as a key, and the reader does not.
                self.pieces += 1;
                continue;
            }
            let theirs = |values: &Values| values.get(key).cloned().flatten();
            if theirs(literal).is_some() && theirs(literal) == theirs(node) {
                assert_eq!(ours, theirs(node).as_deref(), "{key} as both read it: {text:?}");
                self.agreed += 1;
            }
            let differs = loaders.into_iter().any(|values| theirs(values) != theirs(literal));
            if differs {
                assert!(reported.contains(key), "{key} is read differently, but not reported: {text:?}");
                self.disagreements += 1;
            } else {
                // The reader still lists a key that python-dotenv discards and no other loader reads.
                let is_discarded = theirs(literal).is_none() && reported.contains(key);
                assert!(is_discarded || ours == theirs(literal).as_deref(), "{key} as all read it: {text:?}");
                self.unanimous += 1;
            }
        }
        self.files += 1;
        self.keys += keys.len();
        self.flaws += file.problems.len();
    }
}

#[test]
fn disagreement_names_the_differing_loader() {
    use KeyReading::{Different, Refused, Same};
    let file = LocalFile::parse(".env", Secret::new("A=b#c\nB=x y\nC=1\n"));
    let readings: Vec<_> = file
        .disagreements()
        .into_iter()
        .map(|found| (found.key.clone(), Loader::ALL.map(|loader| found.reading(loader))))
        .collect();
    assert_eq!(readings, [("A".into(), [Same, Same, Different]), ("B".into(), [Refused, Same, Same])]);
}
