//! Parses `.env` files, and edits them without changing any other byte.
//!
//! The format has no standard, so the three most common loaders are reproduced: dotenvy by calling it, python-dotenv
//! and node's dotenv by parsers for their grammars. A value is what python-dotenv and node's dotenv, which most
//! programs on Railway use, both read without substitution. Where they differ, it is python-dotenv's reading, or node's
//! if python-dotenv has none, and [`LocalFile::disagreements`] reports the difference. Parsing depends on the bytes
//! only, takes linear time and never fails: a broken line is skipped.

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
pub mod plain_text;
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

/// Why a file is read that the user did not choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutSource {
    /// It is the default file, and git tracks it.
    Tracked,
    /// Only a `doctor.toml` that is not accepted names it.
    Named,
}

/// Why a file is never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadOnly {
    /// It was read from standard input or a pipe.
    Stream,
    /// It is in the main worktree of this linked worktree, or another file of the same service is.
    MainWorktree,
}

/// A `.env` file. Entries and problems point into its text.
#[derive(Debug)]
pub struct LocalFile {
    /// The path relative to the working directory, for reports.
    pub name: String,
    /// Why the file is read, if only because of the checkout. Its author may have filled it with guesses of secrets, so
    /// no report shows which of its values equal a secret under another name.
    pub from_checkout: Option<CheckoutSource>,
    /// Why it is never written, if it is not.
    pub read_only: Option<ReadOnly>,
    text: Secret,
    /// Every assignment in the order of the file, including duplicates.
    pub entries: Vec<Entry>,
    /// Every line that is not an assignment, a comment or blank, and every broken assignment.
    pub problems: Vec<Problem>,
    last: HashMap<String, usize>,
    loader: Option<Loader>,
}

/// One assignment.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    /// The literal value: quotes and escapes are resolved, variables are not expanded.
    pub value: Secret,
    /// 1-based line of the key.
    pub line: usize,
    /// 1-based column of the key, in characters.
    pub column: usize,
    /// The bytes of the key as written.
    pub key_span: Range<usize>,
    /// The bytes of the right-hand side as written, with quotes but without surrounding whitespace and comment. If
    /// there is none, an empty range directly after the `=`.
    pub span: Range<usize>,
    /// The bytes of the whole line or lines, with `export`, comment and the final line end.
    pub statement: Range<usize>,
}

impl LocalFile {
    /// Parses the text of a file. Never fails: a broken line becomes a [`Problem`], and parsing continues after it.
    pub fn parse(name: impl Into<String>, text: Secret) -> Self {
        let body = Body::of(text.expose());
        let python = body.python(Edition::Current, Substitution::Off);
        // Both loaders read most files the same, and then no copy is needed; for the simplest ones, not even both readings.
        let node = (!plain_text::has_plain_lines(text.expose())).then(|| body.node());
        let node = node.filter(|node| !literal::are_equal(&python.bindings, node));
        let find = |bindings: &[Binding], merged: &Literal| {
            problem::find(text.expose(), &body, Python { bindings, refusals: &python.refusals }, &merged.bindings)
        };
        let (mut merged, mut flaws) = if let Some(node) = node {
            let merged = literal::merge(&body, &python.bindings, &node);
            let flaws = find(&python.bindings, &merged);
            (merged, flaws)
        } else {
            let merged = Literal::of(python.bindings);
            let flaws = find(&merged.bindings, &merged);
            (merged, flaws)
        };
        key_block::remove_assignments(text.expose(), &mut merged, &mut flaws);
        pasted_fragment::remove_assignments(text.expose(), &mut merged, &mut flaws);
        let entries = entries(text.expose(), merged.bindings);
        Self {
            name: name.into(),
            from_checkout: None,
            read_only: None,
            text,
            entries,
            problems: flaws,
            last: merged.last,
            loader: None,
        }
    }

    /// Returns the file as that loader reads it, with variables expanded from the file alone. Its problems are the
    /// lines that this loader does not read.
    #[must_use]
    pub fn read_as(&self, loader: Loader) -> Self {
        let mut bindings = Body::of(self.text.expose()).bindings(loader);
        let flaws = problem::of_loader(self, &bindings, loader);
        // python-dotenv reads a key without `=` as unset, which removes an earlier value.
        let unset: HashSet<String> = last_wins(&bindings)
            .into_iter()
            .filter(|(_, binding)| binding.value.is_none())
            .map(|(key, _)| key.to_owned())
            .collect();
        bindings.retain(|binding| binding.value.is_some() && !unset.contains(&binding.key));
        pasted_fragment::retain_names(self.text.expose(), &mut bindings);
        let indexes = bindings.iter().enumerate().map(|(index, binding)| (binding.key.clone(), index));
        let last = match loader {
            // `dotenvy::dotenv()` does not overwrite a variable, even one set by an earlier line.
            Loader::Dotenvy => indexes.rev().collect(),
            Loader::Python | Loader::Node => indexes.collect(),
        };
        let entries = entries(self.text.expose(), bindings);
        let (name, text, from_checkout) = (self.name.clone(), self.text.clone(), self.from_checkout);
        let read_only = self.read_only;
        Self { name, from_checkout, read_only, text, entries, problems: flaws, last, loader: Some(loader) }
    }

    /// Returns the loader whose reading this is; `None` for the values as written.
    pub fn loader(&self) -> Option<Loader> {
        self.loader
    }

    /// Returns the value that the loader reads for each key, with variables expanded from the file alone.
    pub fn reading(&self, loader: Loader) -> HashMap<String, Secret> {
        let mut bindings = Body::of(self.text.expose()).bindings(loader);
        pasted_fragment::retain_names(self.text.expose(), &mut bindings);
        let winners = if loader == Loader::Dotenvy { first_wins(&bindings) } else { last_wins(&bindings) };
        winners.into_iter().filter_map(|(key, binding)| Some((key.to_owned(), binding.value.clone()?))).collect()
    }

    /// Returns a file with the given assignments `(key, value, line)` and no text.
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

    /// Returns the unchanged text.
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// Returns the effective assignment of a key: usually the last one, for dotenvy the first.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.last.get(key).map(|&index| &self.entries[index])
    }

    /// Returns the effective assignment of every key, in the order of the file.
    pub fn effective(&self) -> impl Iterator<Item = &Entry> {
        let mut indexes: Vec<usize> = self.last.values().copied().collect();
        indexes.sort_unstable();
        indexes.into_iter().map(|index| &self.entries[index])
    }

    /// Returns whether the file assigns the key.
    pub fn has(&self, key: &str) -> bool {
        self.last.contains_key(key)
    }

    /// Returns every key, once each, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.last.keys().map(String::as_str)
    }

    /// Returns, for each key that is assigned more than once, the indexes of its entries, ordered by the first index.
    pub fn duplicates(&self) -> Vec<Vec<usize>> {
        if self.entries.len() == self.last.len() {
            return Vec::new();
        }
        let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            groups.entry(&entry.key).or_default().push(index);
        }
        let mut groups: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
        groups.sort_unstable();
        groups
    }

    /// Returns the keys for which dotenvy, python-dotenv and node's dotenv do not all read the same value, in the order
    /// of the file.
    pub fn disagreements(&self) -> Vec<Disagreement> {
        disagreement::find(self)
    }

    /// Returns the index of the effective entry of a key.
    fn index(&self, key: &str) -> Option<usize> {
        self.last.get(key).copied()
    }
}

/// Turns bindings, in the order of the text, into entries with lines and columns.
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
