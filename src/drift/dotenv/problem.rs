//! Lines that can't be parsed as an assignment, or that some loaders reject.

use std::collections::HashSet;
use std::ops::Range;

use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::loader::{Body, Loader};
use crate::drift::dotenv::python_reader::{self, Edition, PythonError, PythonRefusal};
use crate::drift::dotenv::source_text::Counter;
use crate::drift::dotenv::{Entry, LocalFile, disagreement_cause};

/// A line that can't be parsed as an assignment, or that some loaders reject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The description of the problem. It never quotes the line, which may contain a secret.
    pub description: &'static str,
    /// The key, if an assignment is read from this line nevertheless.
    pub key: Option<String>,
    /// The loaders that read no assignment from this line.
    pub rejected_by: Vec<Loader>,
}

const NO_EQUALS: &str = "missing `=`";
const COLON: &str = "`:` instead of `=`";
const CONFLICT: &str = "leftover merge conflict marker";
const NO_KEY: &str = "missing key before `=`";
const SEVERAL_WORDS: &str = "more than one word before `=`";
const UNCLOSED: &str = "unclosed quote";
const AFTER_QUOTE: &str = "unexpected text after the closing quote";
const ODD_KEY: &str = "the key contains a character that only python-dotenv accepts";
const NUL: &str = "NUL byte, which an environment variable can't contain";

impl Problem {
    /// Returns whether a merge left the line in the file.
    pub fn is_conflict_marker(&self) -> bool {
        self.description == CONFLICT
    }

    /// Returns whether it is a problem for a program with that loader. A line that no loader rejects is a problem for
    /// all of them: they read it, but not as intended.
    pub fn concerns(&self, loader: Loader) -> bool {
        self.rejected_by.is_empty() || self.rejected_by.contains(&loader)
    }

    /// Returns how to fix the line, where that does not follow from the description.
    pub fn advice(&self) -> Option<&'static str> {
        match self.description {
            CONFLICT => Some("resolve the conflict, then remove the line"),
            COLON => Some("write it as KEY=value"),
            NO_EQUALS | NO_KEY | SEVERAL_WORDS => Some("write it as KEY=value, or comment it out"),
            _ => None,
        }
    }
}

/// The result of python-dotenv's parser.
#[derive(Clone, Copy, Debug)]
pub struct Python<'r> {
    /// The assignments that it reads.
    pub bindings: &'r [Binding],
    /// The statements that it rejects.
    pub refusals: &'r [PythonRefusal],
}

/// A problem whose line, column and rejecting loaders have not been determined yet.
struct Spot {
    at: usize,
    what: &'static str,
}

/// Finds the problems of a text, in its order. `python` is the result of the current edition, `bindings` the merged
/// result of python-dotenv and node's dotenv.
pub fn find(original: &str, body: &Body<'_>, python: Python<'_>, bindings: &[Binding]) -> Vec<Problem> {
    let mut spots = Vec::new();
    for refusal in python.refusals {
        refused(original, refusal, bindings, &mut spots);
    }
    let bare = python.bindings.iter().filter(|binding| binding.value.is_none());
    let lost = bare.filter(|binding| covering(bindings, binding.key_span.start).is_none());
    spots.extend(lost.map(|binding| {
        let at = binding.key_span.start;
        Spot { at, what: if has_colon(&original[at..]) { COLON } else { NO_EQUALS } }
    }));
    for binding in bindings {
        let at = binding.key_span.start;
        if original[at..binding.span.end.max(at)].contains('\0') {
            spots.push(Spot { at, what: NUL });
        } else if !binding.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
            spots.push(Spot { at, what: ODD_KEY });
        }
    }
    spots.sort_by_key(|spot| spot.at);
    for spot in &mut spots {
        spot.what = if is_conflict_marker(original, spot.at) { CONFLICT } else { spot.what };
    }
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
        // For a NUL byte, Rust's `set_var` panics and Python's `os.environ` raises; node truncates the value.
        let refuses = |loader: &Loader| match loader {
            Loader::Dotenvy => spot.what == NUL || !gives(&dotenvy.bindings),
            Loader::Python => spot.what == NUL || !gives(python.bindings),
            Loader::Node => !gives(&node),
        };
        let refused_by = Loader::ALL.into_iter().filter(refuses).collect();
        let key = covering(bindings, spot.at).map(|binding| binding.key.clone());
        Problem { line, column, description: spot.what, key, rejected_by: refused_by }
    };
    spots.into_iter().map(describe).collect()
}

/// Returns the problems of a file for a program whose loader is declared: a line that this loader accepts is not a
/// problem, and an assignment that only other loaders read is one. `bindings` are the assignments that the loader
/// reads.
pub fn of_loader(file: &LocalFile, bindings: &[Binding], loader: Loader) -> Vec<Problem> {
    let mut flaws: Vec<Problem> = file.problems.iter().filter(|flaw| flaw.concerns(loader)).cloned().collect();
    let reported: HashSet<usize> = flaws.iter().map(|flaw| flaw.line).collect();
    let unread = |entry: &&Entry| {
        let is_read = covering(bindings, entry.key_span.start).is_some_and(|binding| binding.value.is_some());
        !is_read && !reported.contains(&entry.line)
    };
    let flaw = |entry: &Entry| Problem {
        line: entry.line,
        column: entry.column,
        description: disagreement_cause::of_entry(file.text().expose(), entry, loader).description(),
        key: None,
        rejected_by: vec![loader],
    };
    flaws.extend(file.entries.iter().filter(unread).map(flaw));
    flaws.sort_by_key(|flaw| (flaw.line, flaw.column));
    flaws
}

/// Adds the problems of a statement that python-dotenv rejects. The statement may span lines: each further line that
/// node's dotenv reads as an assignment is checked on its own, and any other is reported as lost.
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
        PythonError::NoKey | PythonError::NoEquals if has_colon(line) => COLON,
        PythonError::NoKey if line.contains('=') => NO_KEY,
        PythonError::NoEquals if line.contains('=') => SEVERAL_WORDS,
        PythonError::NoKey | PythonError::NoEquals => NO_EQUALS,
        PythonError::Unclosed => UNCLOSED,
        PythonError::AfterQuote => AFTER_QUOTE,
    }
}

/// Returns whether a colon follows the key on the first line of the text, as in YAML.
fn has_colon(text: &str) -> bool {
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let key = line.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
    key.len() < line.len() && key.trim_start().starts_with(':') && !key.starts_with("://")
}

/// Returns whether the line at that offset is one that git writes around the sides of a conflict.
fn is_conflict_marker(original: &str, at: usize) -> bool {
    let start = original[..at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let rest = |marker| original[start..].strip_prefix(marker);
    let rest = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].into_iter().find_map(rest);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r']))
}

/// Returns the lines of a range: the offset and text of each, without the line end.
fn lines<'t>(original: &'t str, range: &Range<usize>) -> impl Iterator<Item = (usize, &'t str)> {
    let mut next = range.start;
    original[range.clone()].split(['\n', '\r']).map(move |line| {
        let start = next;
        next += line.len() + 1;
        (start, line)
    })
}

/// Returns the binding whose statement contains the offset.
pub fn covering(bindings: &[Binding], at: usize) -> Option<&Binding> {
    let index = bindings.partition_point(|binding| binding.statement.start <= at).checked_sub(1)?;
    bindings.get(index).filter(|binding| binding.statement.end > at)
}
