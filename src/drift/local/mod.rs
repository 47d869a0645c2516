//! What a `.env` file says, kept byte for byte.

use std::collections::HashMap;
use std::ops::Range;

use crate::drift::Secret;

/// A `.env` file. `text` is what was read; entries and flaws point into it.
#[derive(Debug)]
pub struct LocalFile {
    /// The path as a person would type it from the working folder; for places in reports.
    pub name: String,
    text: Secret,
    /// Every assignment in the order of the file, duplicates included.
    pub entries: Vec<Entry>,
    /// Every line that is no assignment, comment or blank.
    pub flaws: Vec<Flaw>,
    last: HashMap<String, usize>,
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
    /// The bytes of the right-hand side as written, quotes included, without surrounding blanks and comment.
    pub span: Range<usize>,
}

/// A line that can't be read as an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What is wrong with it, without a word of its text.
    pub what: &'static str,
}

impl LocalFile {
    /// Reads a file's text. Never fails: a broken line is a [`Flaw`] and costs that line only.
    pub fn parse(name: impl Into<String>, text: Secret) -> Self {
        Self { name: name.into(), text, entries: Vec::new(), flaws: Vec::new(), last: HashMap::new() }
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
}
