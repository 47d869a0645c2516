//! What a `.env` file says, kept byte for byte.
//!
//! A value is what python-dotenv and node's dotenv, which most of Railway's programs use, both read with nothing
//! substituted. Where they differ it is as written (python-dotenv's reading, else node's), and [`LocalFile::disagreements`]
//! says so. Reading is a pure function of the bytes, in linear time, and never fails: a broken line costs itself.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::drift::Secret;
use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::literal::Literal;
use crate::drift::dotenv::loader::{Body, Substitution, first_wins, last_wins};
use crate::drift::dotenv::problem::Python;
use crate::drift::dotenv::python_reader::Edition;
use crate::drift::dotenv::source_text::Counter;

pub mod agreed_spelling;
pub mod binding;
pub mod disagreement;
pub mod disagreement_cause;
pub mod dotenvy_reader;
pub mod edit;
pub mod key_block;
pub mod literal;
pub mod loader;
pub mod node_reader;
pub mod pasted_fragment;
pub mod problem;
pub mod python_reader;
pub mod quote_index;
pub mod source_text;
pub mod substitution;

#[cfg(test)]
mod tests;

pub use crate::drift::dotenv::agreed_spelling::Spelling;
pub use crate::drift::dotenv::disagreement::{Disagreement, KeyReading};
pub use crate::drift::dotenv::disagreement_cause::CauseKind;
pub use crate::drift::dotenv::edit::EditRefusal;
pub use crate::drift::dotenv::loader::Loader;
pub use crate::drift::dotenv::problem::Problem;

/// A `.env` file. `text` is what was read; entries and flaws point into it.
#[derive(Debug)]
pub struct LocalFile {
    /// The path as a person would type it from the working folder; for places in reports.
    pub name: String,
    /// Whether it is in use only because the checkout brings or names it. Whoever wrote it may have filled it with guesses, so
    /// no report shows which of its values are equal to a secret under another name.
    pub is_from_checkout: bool,
    text: Secret,
    /// Every assignment in the order of the file, duplicates included.
    pub entries: Vec<Entry>,
    /// Every line that is no assignment, comment or blank, and every assignment that is broken.
    pub flaws: Vec<Problem>,
    last: HashMap<String, usize>,
    /// Whose reading this is; `None` for the values as written.
    loader: Option<Loader>,
}

/// One assignment.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The literal value: quotes and escapes resolved, nothing substituted.
    pub value: Secret,
    /// 1-based line of the key.
    pub line: usize,
    /// 1-based column of the key, in characters.
    pub column: usize,
    /// The bytes of the key as written.
    pub key_span: Range<usize>,
    /// The bytes of the right-hand side as written, quotes included, without surrounding blanks and comment. Empty, and
    /// right behind the `=`, where there is none.
    pub span: Range<usize>,
    /// The bytes of the whole line, or lines, with `export`, comment and the last line's end.
    pub statement: Range<usize>,
}

impl LocalFile {
    /// Reads a file's text. Never fails: a broken line is a [`Problem`] and costs that line only.
    pub fn parse(name: impl Into<String>, text: Secret) -> Self {
        let body = Body::of(text.expose());
        let python = body.python(Edition::Current, Substitution::Off);
        let node = body.node();
        let find = |bindings: &[Binding], merged: &Literal| {
            problem::find(text.expose(), &body, Python { bindings, refusals: &python.refusals }, &merged.bindings)
        };
        // Most files are read alike, and large ones are not copied for nothing.
        let (mut merged, mut flaws) = if literal::is_one(&python.bindings, &node) {
            let merged = Literal::of(python.bindings);
            let flaws = find(&merged.bindings, &merged);
            (merged, flaws)
        } else {
            let merged = literal::merge(&body, &python.bindings, &node);
            let flaws = find(&python.bindings, &merged);
            (merged, flaws)
        };
        key_block::leave_out(text.expose(), &mut merged, &mut flaws);
        pasted_fragment::leave_out(text.expose(), &mut merged, &mut flaws);
        let entries = entries(text.expose(), merged.bindings);
        let is_from_checkout = false;
        Self { name: name.into(), is_from_checkout, text, entries, flaws, last: merged.last, loader: None }
    }

    /// The same file as that loader reads it: its values, substituted from the file alone. Flaws are the lines that this
    /// loader does not read.
    #[must_use]
    pub fn read_as(&self, loader: Loader) -> Self {
        let mut bindings = Body::of(self.text.expose()).bindings(loader);
        let flaws = problem::of_loader(self, &bindings, loader);
        // A key that python-dotenv reads without a value takes an earlier value away.
        let unset: HashSet<String> = last_wins(&bindings)
            .into_iter()
            .filter(|(_, binding)| binding.value.is_none())
            .map(|(key, _)| key.to_owned())
            .collect();
        bindings.retain(|binding| binding.value.is_some() && !unset.contains(&binding.key));
        pasted_fragment::retain_names(self.text.expose(), &mut bindings);
        let indexes = bindings.iter().enumerate().map(|(index, binding)| (binding.key.clone(), index));
        let last = match loader {
            // `dotenvy::dotenv()` leaves alone what is set already, by an earlier line, too.
            Loader::Dotenvy => indexes.rev().collect(),
            Loader::Python | Loader::Node => indexes.collect(),
        };
        let entries = entries(self.text.expose(), bindings);
        let (name, text, is_from_checkout) = (self.name.clone(), self.text.clone(), self.is_from_checkout);
        Self { name, is_from_checkout, text, entries, flaws, last, loader: Some(loader) }
    }

    /// What that loader gives for each key, substituted from the file alone.
    pub fn reading(&self, loader: Loader) -> HashMap<String, Secret> {
        let mut bindings = Body::of(self.text.expose()).bindings(loader);
        pasted_fragment::retain_names(self.text.expose(), &mut bindings);
        let winners = if loader == Loader::Dotenvy { first_wins(&bindings) } else { last_wins(&bindings) };
        winners.into_iter().filter_map(|(key, binding)| Some((key.to_owned(), binding.value.clone()?))).collect()
    }

    /// A file of those assignments, `(key, value, line)`: what a rule sees of a file, without a text behind it.
    #[cfg(test)]
    pub(crate) fn of(name: &str, rows: &[(&str, &str, usize)]) -> Self {
        let entry = |&(key, value, line): &(&str, &str, usize)| Entry {
            key: key.to_owned(),
            value: Secret::new(value),
            line,
            column: 1,
            key_span: 0..0,
            span: 0..0,
            statement: 0..0,
        };
        let mut file = Self::parse(name, Secret::new(""));
        file.entries = rows.iter().map(entry).collect();
        file.last = rows.iter().enumerate().map(|(index, row)| (row.0.to_owned(), index)).collect();
        file
    }

    /// The text as it was read.
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// The assignment that counts for a key: the last one.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.last.get(key).map(|&index| &self.entries[index])
    }

    /// Every key, once each, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.last.keys().map(String::as_str)
    }

    /// The keys that are assigned more than once: the indexes of each one's entries, by their first.
    pub fn duplicates(&self) -> Vec<Vec<usize>> {
        let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            groups.entry(&entry.key).or_default().push(index);
        }
        let mut groups: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
        groups.sort_unstable();
        groups
    }

    /// The keys that dotenvy, python-dotenv and node's dotenv do not all give the same value, and why; in the file's order.
    pub fn disagreements(&self) -> Vec<Disagreement> {
        disagreement::find(self)
    }

    /// The index of the entry that counts for a key.
    fn index(&self, key: &str) -> Option<usize> {
        self.last.get(key).copied()
    }
}

/// Counts lines and columns for bindings in the order of the text.
fn entries(original: &str, bindings: Vec<Binding>) -> Vec<Entry> {
    let mut counter = Counter::new(original);
    bindings
        .into_iter()
        .filter_map(|Binding { key, value, key_span, span, statement }| {
            let (line, column) = counter.place(key_span.start);
            Some(Entry { key, value: value?, line, column, key_span, span, statement })
        })
        .collect()
}
