//! dotenvy, asked itself.
//!
//! Three things keep the question pure and safe. It gets the text line by line, so that after each answer it is known how
//! far it has read. Every name behind a `$` gets a prefix that no text and no process environment has, and every answer that
//! some `$` names is defined again under that prefix: substitution is dotenvy's own, and sees the file alone. Its errors,
//! which quote the line, are looked at by nobody.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::source_text::{next_line, skip, stands};
use crate::drift::dotenv::substitution::LIMIT;

/// All that dotenvy makes of a text.
#[derive(Debug, Default)]
pub struct DotenvyReading {
    /// Keys in the order of the text, duplicates included.
    pub bindings: Vec<Binding>,
    /// What it refuses. `dotenvy::dotenv()` stops at the first; its iterators go on.
    pub refusals: Vec<Range<usize>>,
}

/// Reads a text without its byte order mark (`dotenvy::dotenv()` takes it off), line ends as they are.
pub fn read(text: &str) -> DotenvyReading {
    let feed = Feed::new(text);
    let mut answers = dotenvy::from_read_iter(&feed);
    let mut reading = DotenvyReading::default();
    loop {
        let start = feed.next_statement();
        let Some(answer) = answers.next() else { return reading };
        let statement = start..feed.position();
        match answer {
            Ok((key, value)) if !feed.exhausted() => {
                let value = feed.without_prefix(&Zeroizing::new(value));
                if feed.define(&key, &value) {
                    // The definition's own answer.
                    drop(answers.next());
                }
                reading.bindings.push(locate(text, key, value, statement));
            }
            _ => reading.refusals.push(statement),
        }
    }
}

/// Finds key and right-hand side in a statement that dotenvy has read.
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

/// The text, a physical line at a time, with definitions in between.
struct Feed<'t> {
    text: &'t str,
    prefix: String,
    state: RefCell<DotenvyState>,
}

#[derive(Default)]
struct DotenvyState {
    /// How much of the text was handed out.
    at: usize,
    /// What is being handed out: one line, or a definition.
    pending: Zeroizing<Vec<u8>>,
    handed: usize,
    /// Length of the value that each name would bring in; only names that some `$` has.
    lengths: HashMap<String, usize>,
    /// How much substitution may still bring in; `None` once that is over.
    left: Option<usize>,
    exhausted: bool,
}

impl<'t> Feed<'t> {
    fn new(text: &'t str) -> Self {
        let lengths = names(text).map(|(_, name)| (name.to_owned(), 0)).collect();
        let state = DotenvyState { lengths, left: Some(LIMIT), ..DotenvyState::default() };
        Self { text, prefix: unused_prefix(text), state: RefCell::new(state) }
    }

    /// Passes over blank lines and comments, as dotenvy would, and gives the offset of what comes next.
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

    /// Makes the value known under the prefixed key, if anything names it.
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

    /// The next physical line, every `$` marked; what would bring in too much brings in nothing and is refused.
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

    /// Takes the prefix off where a `$` stayed a `$`.
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

/// Behind every `$` (and its `{`): where the name starts, and the name, empty if nothing can be defined under it.
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

/// A word that the text does not hold.
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
