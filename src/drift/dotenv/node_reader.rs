//! The grammar of node's dotenv: a regular expression, implemented by hand so that it can't backtrack.
//!
//! The expression is from <https://github.com/motdotla/dotenv>, `lib/main.js`, and is the same in versions 16 and 17:
//!
//! ```text
//! ^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$
//! ```
//!
//! It has consequences that are easy to miss:
//!
//! - After a key and a separator it always matches. If a quoted alternative fails, the unquoted one is tried, and the
//!   value may be empty. So no line with a key is ever rejected.
//! - `\s*` also matches line ends, so key, `=` and a quoted value may be on different lines.
//! - In a quoted alternative, `[^']` also matches a backslash. So the regex engine first tries the first quote without
//!   a backslash before it, and then, by backtracking, escaped quotes, the last one first.
//! - An unquoted value ends at the first `#`, even without a space before it.
//!
//! `tests/loaders.rs` compares this module with the real one.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::quote_index::{Quotes, first, last};
use crate::drift::dotenv::source_text::{line_end, line_start, next_line, skip, stands};

/// Reads a text whose line ends are LF, in the order of the text.
pub fn read(text: &str) -> Vec<Binding> {
    let quotes = QUOTES.map(|quote| Closings::find(text, quote));
    let mut bindings = Vec::new();
    let mut at = Some(0);
    while let Some(start) = at {
        // Whitespace may span lines, so every line start within it leads to the same first character.
        let token = skip(text, start, is_space);
        if token == text.len() {
            break;
        }
        let Some(found) = statement(text, &quotes, token) else {
            at = following_line(text, token);
            continue;
        };
        // A match ends at a line end, and the next token is on a later line.
        at = Some(found.end);
        // Assigning a string to this property of a JavaScript object has no effect.
        if found.binding.key != "__proto__" {
            bindings.push(found.binding);
        }
    }
    bindings
}

/// Returns whether `\s` matches the character in JavaScript.
fn is_space(character: char) -> bool {
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

/// Returns whether the character ends a line for `^`, `$` and `.` in JavaScript.
fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-')
}

/// Returns the first line start after the offset.
fn following_line(text: &str, from: usize) -> Option<usize> {
    let (at, found) = text[from..].match_indices(is_line_end).next()?;
    Some(from + at + found.len())
}

const QUOTES: [char; 3] = ['\'', '"', '`'];

/// Every quote of one kind that can close a value, grouped in the order in which the expression tries them.
struct Closings {
    /// Quotes without a backslash before them, and for each of them whether only a comment or nothing follows.
    plain: Quotes,
    plain_ends: Vec<bool>,
    /// Quotes with a backslash before them after which only a comment or nothing follows. The last one closes the value
    /// if the plain one can't.
    escaped: Vec<usize>,
}

impl Closings {
    fn find(text: &str, quote: char) -> Self {
        let mut plain = Quotes::find(text, u8::try_from(quote).expect("quotes are ASCII"));
        let ends = |&at: &usize| rest(text, at + 1).is_some();
        let plain_ends = plain.plain.iter().map(ends).collect();
        let mut escaped = std::mem::take(&mut plain.escaped);
        escaped.retain(ends);
        Self { plain, plain_ends, escaped }
    }

    /// Returns the offset of the closing quote of a value whose text starts at `from`.
    fn closing(&self, text: &str, from: usize) -> Option<usize> {
        let stop = first(&self.plain.plain, from);
        if let Some(stop) = stop {
            let index = self.plain.plain.partition_point(|&at| at < stop);
            if self.plain_ends[index] {
                return Some(stop);
            }
        }
        last(&self.escaped, from, stop.unwrap_or(text.len()))
    }
}

/// Returns the end of `\s*(?:#.*)?$`, if it matches at the offset.
fn rest(text: &str, from: usize) -> Option<usize> {
    let end = skip(text, from, is_space);
    if end == text.len() {
        return Some(end);
    }
    if stands(text, end, '#') {
        return Some(text[end..].find(is_line_end).map_or(text.len(), |at| end + at));
    }
    text[from..end].rfind(is_line_end).map(|at| from + at)
}

struct NodeAssignment {
    binding: Binding,
    /// The offset at which the search continues.
    end: usize,
}

fn statement(text: &str, quotes: &[Closings; 3], token: usize) -> Option<NodeAssignment> {
    let exported = text[token..].starts_with("export").then(|| {
        let word = token + "export".len();
        let key = skip(text, word, is_space);
        (key > word).then(|| assignment(text, quotes, key..skip(text, key, is_word))).flatten()
    });
    let mut found = exported.flatten().or_else(|| assignment(text, quotes, token..skip(text, token, is_word)))?;
    found.binding.statement.start = own_line_start(text, token);
    Some(found)
}

/// Returns the start of the line, where U+2028 and U+2029 also end a line, as in JavaScript.
fn own_line_start(text: &str, token: usize) -> usize {
    let line = line_start(text, token);
    text[line..token].rfind(is_line_end).map_or(line, |at| line + skip(&text[line..token], at, is_line_end))
}

fn assignment(text: &str, quotes: &[Closings; 3], key: Range<usize>) -> Option<NodeAssignment> {
    if key.is_empty() {
        return None;
    }
    let equals = skip(text, key.end, is_space);
    let after = if stands(text, equals, '=') {
        equals + 1
    } else {
        let blank = text[key.end..].strip_prefix(':')?.chars().next().filter(|&next| is_space(next))?;
        key.end + 1 + blank.len_utf8()
    };
    let (group, end) = value(text, quotes, after);
    let written = trim(&text[group.clone()]);
    let span = if written.is_empty() {
        let separator = if stands(text, equals, '=') { after } else { key.end + 1 };
        separator..separator
    } else {
        let start = skip(text, group.start, is_space);
        start..start + written.len()
    };
    let value = Some(resolve(written));
    let statement = key.start..next_line(text, span.end);
    Some(NodeAssignment {
        binding: Binding { key: text[key.clone()].to_owned(), value, key_span: key, span, statement },
        end,
    })
}

/// Returns the range of the value's group, including surrounding whitespace, and the end of the match.
fn value(text: &str, quotes: &[Closings; 3], from: usize) -> (Range<usize>, usize) {
    let start = skip(text, from, is_space);
    let kind = ["'", "\"", "`"].iter().position(|&quote| text[start..].starts_with(quote));
    let closing = kind.and_then(|kind| quotes[kind].closing(text, start + 1));
    let group = match closing {
        Some(closing) => from..closing + 1,
        None => from..text[from..line_end(text, from)].find('#').map_or(line_end(text, from), |at| from + at),
    };
    let end = rest(text, group.end).unwrap_or(group.end);
    (group, end)
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Removes surrounding quotes, and expands `\n` and `\r` if the first character was a double quote.
fn resolve(written: &str) -> Secret {
    if !written.starts_with(QUOTES) && !written.contains(is_line_end) {
        return Secret::new(written);
    }
    let bare = Zeroizing::new(without_quotes(written));
    if !written.starts_with('"') {
        return Secret::new(bare.as_str());
    }
    let mut value = String::with_capacity(bare.len());
    let mut rest = bare.as_str();
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        let (character, length) = match rest.as_bytes().get(at + 1) {
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            _ => ('\\', 1),
        };
        value.push(character);
        rest = &rest[at + length..];
    }
    value.push_str(rest);
    Secret::new(value)
}

/// Removes a quote at the start of any line together with the last such quote at the end of a line, and repeats this
/// after it: node's dotenv replaces ``^(['"`])([\s\S]*)\1$`` with the flags `m` and `g`.
fn without_quotes(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let closers = QUOTES.map(|quote| last_at_line_end(text, quote));
    let mut copied = 0;
    let mut at = Some(0);
    while let Some(start) = at {
        let kind = ["'", "\"", "`"].iter().position(|&quote| text[start..].starts_with(quote));
        let closer = kind.and_then(|kind| closers[kind]).filter(|&closer| closer > start);
        if let Some(closer) = closer {
            bare.push_str(&text[copied..start]);
            bare.push_str(&text[start + 1..closer]);
            copied = closer + 1;
        }
        at = following_line(text, copied.max(start));
    }
    bare.push_str(&text[copied..]);
    bare
}

fn last_at_line_end(text: &str, quote: char) -> Option<usize> {
    text.rmatch_indices(quote).map(|(at, _)| at).find(|&at| text[at + 1..].chars().next().is_none_or(is_line_end))
}
