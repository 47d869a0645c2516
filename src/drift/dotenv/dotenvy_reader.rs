//! Reads a text with the dotenvy crate itself, so that its grammar does not have to be reproduced.
//!
//! dotenvy reports no positions, and expands variables from the process environment. Both are worked around:
//!
//! - `Feed` hands out one physical line at a time, so that after each result the offset up to which dotenvy has read
//!   is known.
//! - Every variable name after a `$` gets a prefix that occurs neither in the text nor in the process environment. When
//!   dotenvy has read an assignment to a name that some `$` refers to, `Feed` hands out the same assignment once more
//!   under the prefixed name. So dotenvy does the expansion, with the values of the file alone.
//!
//! dotenvy's errors quote the line, which may contain a secret, so they are dropped.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::source_text::{next_line, skip, stands};
use crate::drift::dotenv::substitution::LIMIT;

/// A text as dotenvy reads it.
#[derive(Debug, Default)]
pub struct DotenvyReading {
    /// Assignments in the order of the text, including duplicates.
    pub bindings: Vec<Binding>,
    /// The statements that it rejects. `dotenvy::dotenv()` stops at the first one, its iterators continue.
    pub refusals: Vec<Range<usize>>,
}

/// Reads a text without its byte order mark, which `dotenvy::dotenv()` strips, and with its original line ends.
pub fn read(text: &str) -> DotenvyReading {
    let feed = Feed::new(text);
    let mut results = dotenvy::from_read_iter(&feed);
    let mut reading = DotenvyReading::default();
    loop {
        let start = feed.next_statement();
        let Some(result) = results.next() else { return reading };
        let statement = start..feed.position();
        match result {
            Ok((key, value)) if !feed.exhausted() => {
                let value = feed.without_prefix(&Zeroizing::new(value));
                if feed.define(&key, &value) {
                    // The result for the prefixed assignment.
                    drop(results.next());
                }
                reading.bindings.push(locate(text, key, value, statement));
            }
            _ => reading.refusals.push(statement),
        }
    }
}

/// Locates the key and right-hand side in a statement that dotenvy has accepted.
fn locate(text: &str, key: String, value: Secret, statement: Range<usize>) -> Binding {
    let mut start = statement.start;
    let first =
        text[start..].starts_with(&key) && stands(text, skip(text, start + key.len(), char::is_whitespace), '=');
    if !first {
        start = skip(text, start + "export".len(), char::is_whitespace);
    }
    let key_span = start..start + key.len();
    let equals = skip(text, key_span.end, char::is_whitespace);
    let from = skip(text, equals + 1, char::is_whitespace).min(statement.end);
    let written = text[from..statement.end].trim_end();
    let span = if written.is_empty() { equals + 1..equals + 1 } else { from..from + written.len() };
    Binding { key, value: Some(value), key_span, span, statement }
}

/// Hands out the text one physical line at a time, with prefixed assignments in between.
struct Feed<'t> {
    text: &'t str,
    prefix: String,
    state: RefCell<DotenvyState>,
}

#[derive(Default)]
struct DotenvyState {
    /// The number of bytes of the text that were handed out.
    at: usize,
    /// What is currently handed out: a line or a prefixed assignment.
    pending: Zeroizing<Vec<u8>>,
    handed: usize,
    /// The length of the value of each name that some `$` refers to.
    lengths: HashMap<String, usize>,
    /// The number of bytes that expansion may still add; `None` once the limit is exceeded.
    left: Option<usize>,
    exhausted: bool,
}

impl<'t> Feed<'t> {
    fn new(text: &'t str) -> Self {
        let lengths = names(text).map(|(_, name)| (name.to_owned(), 0)).collect();
        let state = DotenvyState { lengths, left: Some(LIMIT), ..DotenvyState::default() };
        Self { text, prefix: unused_prefix(text), state: RefCell::new(state) }
    }

    /// Skips blank lines and comments, as dotenvy does, and returns the offset of the next statement.
    fn next_statement(&self) -> usize {
        let mut state = self.state.borrow_mut();
        state.exhausted = false;
        loop {
            state.at = skip(self.text, state.at, char::is_whitespace);
            if !stands(self.text, state.at, '#') {
                return state.at;
            }
            state.at = next_line(self.text, state.at);
        }
    }

    fn position(&self) -> usize {
        self.state.borrow().at
    }

    fn exhausted(&self) -> bool {
        self.state.borrow().exhausted
    }

    /// Prepares an assignment of the value to the prefixed key, if some `$` refers to the key.
    fn define(&self, key: &str, value: &Secret) -> bool {
        let mut state = self.state.borrow_mut();
        let Some(length) = state.lengths.get_mut(key) else { return false };
        *length = value.expose().len();
        let mut line = Zeroizing::new(Vec::with_capacity(2 * value.expose().len() + key.len() + self.prefix.len() + 4));
        line.extend_from_slice(format!("{}{key}=\"", self.prefix).as_bytes());
        for &byte in value.expose().as_bytes() {
            if matches!(byte, b'\\' | b'"' | b'$') {
                line.push(b'\\');
            }
            line.push(byte);
        }
        line.extend_from_slice(b"\"\n");
        state.pending = line;
        state.handed = 0;
        true
    }

    /// Loads the next physical line, with the prefix after every `$`. Once expansion exceeds the limit, each name gets
    /// an additional `0`, so that it expands to nothing, and the statement counts as rejected.
    fn load(&self, state: &mut DotenvyState) {
        let line = &self.text[state.at..next_line(self.text, state.at)];
        state.at += line.len();
        let mut marked = Zeroizing::new(Vec::with_capacity(line.len()));
        let mut copied = 0;
        for (at, name) in names(line) {
            marked.extend_from_slice(&line.as_bytes()[copied..at]);
            marked.extend_from_slice(self.prefix.as_bytes());
            copied = at;
            let length = state.lengths.get(name).copied().unwrap_or_default();
            state.left = state.left.and_then(|left| left.checked_sub(length));
            if state.left.is_none() {
                marked.push(b'0');
                state.exhausted = true;
            }
        }
        marked.extend_from_slice(&line.as_bytes()[copied..]);
        state.pending = marked;
        state.handed = 0;
    }

    /// Removes the prefix after each `$` that dotenvy did not expand.
    fn without_prefix(&self, value: &str) -> Secret {
        if !value.contains('$') {
            return Secret::new(value);
        }
        let bare = Zeroizing::new(value.replace(&format!("${}", self.prefix), "$"));
        Secret::new(bare.replace(&format!("${{{}", self.prefix), "${"))
    }
}

impl Read for &Feed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        if state.handed == state.pending.len() {
            self.load(&mut state);
        }
        let rest = &state.pending[state.handed..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        state.handed += length;
        Ok(length)
    }
}

/// Returns the offset and name after every `$` or `${`. The name is empty if it is not one that dotenvy expands.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('$').map(|(dollar, _)| {
        let start = dollar + 1;
        if !stands(text, start, '{') {
            return (start, &text[start..skip(text, start, char::is_alphanumeric)]);
        }
        let end = skip(text, start + 1, |character| character.is_ascii_alphanumeric() || "_.".contains(character));
        let name = if stands(text, end, '}') { &text[start + 1..end] } else { "" };
        (start + 1, name)
    })
}

/// Returns a word that does not occur in the text.
fn unused_prefix(text: &str) -> String {
    const STEM: &str = "Q0doctor";
    let mut used: Vec<usize> = text
        .match_indices(STEM)
        .filter_map(|(at, _)| {
            let digits = at + STEM.len();
            text[digits..skip(text, digits, |character| character.is_ascii_digit())].parse().ok()
        })
        .collect();
    used.sort_unstable();
    used.dedup();
    let free = used.iter().enumerate().find(|&(index, &number)| index != number).map_or(used.len(), |(index, _)| index);
    format!("{STEM}{free}x")
}

#[cfg(test)]
mod tests {
    use crate::drift::dotenv::dotenvy_reader::unused_prefix;

    #[test]
    fn unused_prefix_does_not_occur_in_text() {
        let first = unused_prefix("");
        for text in ["A=1", &first, "Q0doctor0x Q0doctor1x Q0doctor3x", "Q0doctor", "Q0doctor99999999999999999999x"] {
            let prefix = unused_prefix(text);
            assert!(!text.contains(&prefix), "{text}: {prefix}");
        }
        assert_ne!(unused_prefix(&first), first);
    }
}
