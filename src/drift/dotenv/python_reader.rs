//! The grammar of python-dotenv, following `parser.py` of <https://github.com/theskumar/python-dotenv>.
//!
//! python-dotenv parses statement by statement. A statement that it can't parse is skipped up to the end of the line on
//! which parsing stopped: an unclosed quote loses one line, but a quote that closes in the middle of a later line loses
//! all lines up to there. A key may be in single quotes and then contain anything, even line ends.
//!
//! `tests/loaders.rs` compares this module with the real one.

use std::ops::Range;

use crate::drift::Secret;
use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::quote_index::{Quotes, first, last};
use crate::drift::dotenv::source_text::{line_end, line_start, next_line, skip, stands};

/// The version of python-dotenv: its grammar changed once, and both versions are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// 1.2.2 and earlier: `\\"` does not close a quote, `KEY= # text` has the value `# text`, and a byte order mark is
    /// part of the first key.
    Classic,
    /// 1.2.4 and later.
    Current,
}

/// Why python-dotenv rejects a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PythonError {
    NoKey,
    /// A key that neither `=` nor the end of the line follows.
    NoEquals,
    /// An unclosed quote, or one that is closed by a quote on a later line that belongs to another value.
    Unclosed,
    /// Something other than a comment after the closing quote.
    AfterQuote,
}

/// A rejected statement. python-dotenv continues on the next line.
#[derive(Clone, Debug)]
pub struct PythonRefusal {
    pub trouble: PythonError,
    /// The offset of the quote, or else of the first character of the statement.
    pub at: usize,
    /// The text that is skipped.
    pub range: Range<usize>,
}

/// A text as python-dotenv reads it.
#[derive(Debug, Default)]
pub struct PythonReading {
    /// Assignments in the order of the text.
    pub bindings: Vec<Binding>,
    /// Rejected statements in the order of the text.
    pub refusals: Vec<PythonRefusal>,
}

/// Reads a text whose line ends are LF, without substitution (`interpolate=False`). The caller handles the byte order
/// mark: the current edition strips it, the classic one does not.
pub fn read(text: &str, edition: Edition) -> PythonReading {
    let single = Quotes::find(text, b'\'');
    let double = Quotes::find(text, b'"');
    let mut scanner = Scanner { text, edition, at: 0, single, double };
    let mut reading = PythonReading::default();
    loop {
        scanner.at = skip(text, scanner.at, is_space);
        let start = scanner.at;
        if start == text.len() {
            return reading;
        }
        match scanner.statement() {
            Ok(binding) => reading.bindings.extend(binding),
            Err((trouble, at)) => {
                scanner.at = next_line(text, scanner.at);
                reading.refusals.push(PythonRefusal { trouble, at, range: start..scanner.at });
            }
        }
    }
}

/// Returns whether `\s` matches the character in Python.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

fn is_blank(character: char) -> bool {
    is_space(character) && character != '\n'
}

struct Scanner<'t> {
    text: &'t str,
    edition: Edition,
    at: usize,
    single: Quotes,
    double: Quotes,
}

impl Scanner<'_> {
    /// Parses one statement, starting at its first character; `None` for a comment.
    fn statement(&mut self) -> Result<Option<Binding>, (PythonError, usize)> {
        let start = self.at;
        self.skip_export();
        if stands(self.text, self.at, '#') {
            self.at = next_line(self.text, self.at);
            return Ok(None);
        }
        let (key, key_span) = self.key().ok_or((PythonError::NoKey, start))?;
        self.at = skip(self.text, self.at, is_blank);
        let mut value = None;
        let mut span = self.at..self.at;
        let mut trouble = (PythonError::NoEquals, start);
        if stands(self.text, self.at, '=') {
            let after = self.at + 1;
            self.at = skip(self.text, after, is_blank);
            let quote = self.at;
            let (text, written) = self.value(after)?;
            let lines = self.text[quote..self.at].contains('\n');
            trouble = (if lines { PythonError::Unclosed } else { PythonError::AfterQuote }, quote);
            value = Some(text);
            span = if written.is_empty() { after..after } else { written };
        }
        self.end_of_line().ok_or(trouble)?;
        let statement = line_start(self.text, start)..self.at;
        Ok(Some(Binding { key, value, key_span, span, statement }))
    }

    fn skip_export(&mut self) {
        if self.text[self.at..].starts_with("export") {
            let word = self.at + "export".len();
            let after = skip(self.text, word, is_blank);
            if after > word {
                self.at = after;
            }
        }
    }

    fn key(&mut self) -> Option<(String, Range<usize>)> {
        let start = self.at;
        let name = if stands(self.text, start, '\'') {
            let end = first(&self.single.any, start + 1)?;
            self.at = end + 1;
            start + 1..end
        } else {
            self.at = skip(self.text, start, |character| !matches!(character, '=' | '#') && !is_space(character));
            start..self.at
        };
        if name.is_empty() {
            self.at = start;
            return None;
        }
        Some((self.text[name].to_owned(), start..self.at))
    }

    /// Parses the value; returns it with its range as written. `after` is the offset after the `=`.
    fn value(&mut self, after: usize) -> Result<(Secret, Range<usize>), (PythonError, usize)> {
        let start = self.at;
        match self.text[start..].chars().next() {
            None | Some('\n') => Ok((Secret::new(""), start..start)),
            Some('#') if start > after && self.edition == Edition::Current => Ok((Secret::new(""), start..start)),
            Some(quote @ ('\'' | '"')) => {
                let end = self.closing(quote, start + 1).ok_or((PythonError::Unclosed, start))?;
                self.at = end + 1;
                Ok((Secret::new(unescape(&self.text[start + 1..end], quote)), start..self.at))
            }
            Some(_) => {
                self.at = line_end(self.text, start);
                let value = unquoted(&self.text[start..self.at]);
                Ok((Secret::new(value), start..start + value.len()))
            }
        }
    }

    /// Returns the offset of the closing quote. In the current edition, a quote after an even number of backslashes
    /// closes. In 1.2.2 and earlier, any backslash escapes a quote. Only if no unescaped quote follows in the whole
    /// text, the regular expression backtracks, and the last escaped quote closes.
    fn closing(&self, quote: char, from: usize) -> Option<usize> {
        let quotes = if quote == '"' { &self.double } else { &self.single };
        match self.edition {
            Edition::Current => first(&quotes.even, from),
            Edition::Classic => first(&quotes.plain, from).or_else(|| last(&quotes.escaped, from, self.text.len())),
        }
    }

    /// Consumes whitespace, a comment and the line end; `None`, without consuming anything, if something else follows.
    fn end_of_line(&mut self) -> Option<()> {
        let after = skip(self.text, self.at, is_blank);
        if after < self.text.len() && !stands(self.text, after, '\n') && !stands(self.text, after, '#') {
            return None;
        }
        self.at = next_line(self.text, after);
        Some(())
    }
}

/// Removes a comment (whitespace, then `#`) and whitespace from the end.
fn unquoted(part: &str) -> &str {
    let mut blanks = None;
    for (at, character) in part.char_indices() {
        match (character, blanks) {
            ('#', Some(start)) => return part[..start].trim_end_matches(is_space),
            _ if is_space(character) => blanks = blanks.or(Some(at)),
            _ => blanks = None,
        }
    }
    part.trim_end_matches(is_space)
}

fn unescape(text: &str, quote: char) -> String {
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.peek().and_then(|&next| meaning(next, quote)) } else { None };
        if escaped.is_some() {
            characters.next();
        }
        value.push(escaped.unwrap_or(character));
    }
    value
}

/// Returns the character that a backslash and the given character stand for between these quotes.
fn meaning(character: char, quote: char) -> Option<char> {
    match character {
        '\\' | '\'' => Some(character),
        _ if quote == '\'' => None,
        '"' => Some('"'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        _ => None,
    }
}
