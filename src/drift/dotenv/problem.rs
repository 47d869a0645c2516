//! The lines that are no assignment, or one that somebody will stumble over.

use std::collections::HashSet;
use std::ops::Range;

use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::loader::{Body, Loader};
use crate::drift::dotenv::python_reader::{self, Edition, PythonError, PythonRefusal};
use crate::drift::dotenv::source_text::Counter;
use crate::drift::dotenv::{Entry, LocalFile, disagreement_cause};

/// A line that can't be read as an assignment, or not by everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What is wrong with it, without a word of its text.
    pub what: &'static str,
    /// The key, if the reader takes an assignment from this line all the same.
    pub key: Option<String>,
    /// The loaders that get nothing from this line.
    pub refused_by: Vec<Loader>,
}

const NO_EQUALS: &str = "there is no `=`";
const NO_KEY: &str = "there is no key before the `=`";
const SEVERAL_WORDS: &str = "what stands before the `=` is not one key";
const UNCLOSED: &str = "a quote is opened and not closed";
const AFTER_QUOTE: &str = "there is text behind the closing quote";
const ODD_KEY: &str = "the key holds a character that only python-dotenv takes";
const NUL: &str = "there is a NUL byte, which no environment can hold";

/// A reading of python-dotenv's.
#[derive(Clone, Copy, Debug)]
pub struct Python<'r> {
    /// What it reads.
    pub bindings: &'r [Binding],
    /// What it refuses.
    pub refusals: &'r [PythonRefusal],
}

/// A flaw before its place is counted and the loaders are asked.
struct Spot {
    at: usize,
    what: &'static str,
}

/// Finds the flaws of a text, in its order. `python` is what the current edition reads and refuses, `bindings` what was made
/// of all readings.
pub fn find(original: &str, body: &Body<'_>, python: Python<'_>, bindings: &[Binding]) -> Vec<Problem> {
    let mut spots = Vec::new();
    for refusal in python.refusals {
        refused(original, refusal, bindings, &mut spots);
    }
    let bare = python.bindings.iter().filter(|binding| binding.value.is_none());
    let lost = bare.filter(|binding| covering(bindings, binding.key_span.start).is_none());
    spots.extend(lost.map(|binding| Spot { at: binding.key_span.start, what: NO_EQUALS }));
    for binding in bindings {
        let at = binding.key_span.start;
        if original[at..binding.span.end.max(at)].contains('\0') {
            spots.push(Spot { at, what: NUL });
        } else if !binding.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
            spots.push(Spot { at, what: ODD_KEY });
        }
    }
    spots.sort_by_key(|spot| spot.at);
    if spots.is_empty() { Vec::new() } else { describe(original, body, python, bindings, spots) }
}

fn describe(
    original: &str,
    body: &Body<'_>,
    python: Python<'_>,
    bindings: &[Binding],
    spots: Vec<Spot>,
) -> Vec<Problem> {
    let (dotenvy, node) = (body.rust(), body.node());
    let mut counter = Counter::new(original);
    let describe = |spot: Spot| {
        let (line, column) = counter.place(spot.at);
        let gives = |bindings: &[Binding]| covering(bindings, spot.at).is_some_and(|binding| binding.value.is_some());
        // Rust's `set_var` panics and Python's `os.environ` raises; node cuts the value.
        let refuses = |loader: &Loader| match loader {
            Loader::Dotenvy => spot.what == NUL || !gives(&dotenvy.bindings),
            Loader::Python => spot.what == NUL || !gives(python.bindings),
            Loader::Node => !gives(&node),
        };
        let refused_by = Loader::ALL.into_iter().filter(refuses).collect();
        let key = covering(bindings, spot.at).map(|binding| binding.key.clone());
        Problem { line, column, what: spot.what, key, refused_by }
    };
    spots.into_iter().map(describe).collect()
}

/// The flaws of a file for a program whose loader is known: lines that it reads as an assignment are none, and of the
/// assignments that only other loaders read each is one. `bindings` is what the loader reads.
pub fn of_loader(file: &LocalFile, bindings: &[Binding], loader: Loader) -> Vec<Problem> {
    // A line that no loader refuses, and that is a flaw all the same, is read as something else than was meant.
    let remains = |flaw: &&Problem| flaw.refused_by.is_empty() || flaw.refused_by.contains(&loader);
    let mut flaws: Vec<Problem> = file.flaws.iter().filter(remains).cloned().collect();
    let told: HashSet<usize> = flaws.iter().map(|flaw| flaw.line).collect();
    let unread = |entry: &&Entry| {
        let is_read = covering(bindings, entry.key_span.start).is_some_and(|binding| binding.value.is_some());
        !is_read && !told.contains(&entry.line)
    };
    let flaw = |entry: &Entry| Problem {
        line: entry.line,
        column: entry.column,
        what: disagreement_cause::of_entry(file.text().expose(), entry).description(),
        key: None,
        refused_by: vec![loader],
    };
    flaws.extend(file.entries.iter().filter(unread).map(flaw));
    flaws.sort_by_key(|flaw| (flaw.line, flaw.column));
    flaws
}

/// What python-dotenv refuses. Of the further lines that go down with it, those that node's dotenv reads are looked at by
/// themselves, and the others are lost.
fn refused(original: &str, refusal: &PythonRefusal, bindings: &[Binding], spots: &mut Vec<Spot>) {
    for (index, (start, line)) in lines(original, &refusal.range).enumerate() {
        let text = line.trim_start();
        let at = start + line.len() - text.len();
        if index == 0 {
            spots.push(Spot { at: refusal.at, what: description(refusal.trouble, text) });
            continue;
        }
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if let Some(binding) = covering(bindings, at) {
            if binding.statement.start == start && binding.span.end <= start + line.len() {
                let alone = python_reader::read(line, Edition::Current).refusals;
                spots.extend(
                    alone.iter().map(|alone| Spot { at: start + alone.at, what: description(alone.trouble, text) }),
                );
            }
        } else {
            spots.push(Spot { at, what: description(PythonError::NoEquals, text) });
        }
    }
}

fn description(trouble: PythonError, line: &str) -> &'static str {
    match trouble {
        PythonError::NoKey if line.contains('=') => NO_KEY,
        PythonError::NoEquals if line.contains('=') => SEVERAL_WORDS,
        PythonError::NoKey | PythonError::NoEquals => NO_EQUALS,
        PythonError::Unclosed => UNCLOSED,
        PythonError::AfterQuote => AFTER_QUOTE,
    }
}

/// The lines of a range: where each starts, and its text without its end.
fn lines<'t>(original: &'t str, range: &Range<usize>) -> impl Iterator<Item = (usize, &'t str)> {
    let mut next = range.start;
    original[range.clone()].split(['\n', '\r']).map(move |line| {
        let start = next;
        next += line.len() + 1;
        (start, line)
    })
}

/// The binding whose statement holds the offset.
pub fn covering(bindings: &[Binding], at: usize) -> Option<&Binding> {
    let index = bindings.partition_point(|binding| binding.statement.start <= at).checked_sub(1)?;
    bindings.get(index).filter(|binding| binding.statement.end > at)
}
