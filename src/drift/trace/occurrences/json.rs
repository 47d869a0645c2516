//! The strings of JSON.

use std::fmt::Write;
use std::ops::Range;

use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::drift::redact::escape_sequence::{EscapeSequence, Meaning};
use crate::drift::trace::occurrences::decoded::{Coding, Decoded};
use crate::drift::trace::occurrences::hex_case::HexCase;

/// The longest escape of a byte: a control character.
const LONGEST: usize = 6;

/// Returns the contents of the strings, names included; `None` if the text is not an object, array or string of JSON.
pub(super) fn strings(text: &str) -> Option<Vec<Range<usize>>> {
    let looks_like_json = text.trim_start().starts_with(['{', '[', '"']) && text.trim_end().ends_with(['}', ']', '"']);
    if !looks_like_json || !is_json(text) {
        return None;
    }
    let mut strings = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('"').map(|offset| at + offset + 1) {
        let end = start + length(&text[start..]);
        strings.push(start..end);
        at = end + 1;
    }
    Some(strings)
}

pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Returns the length of the content of a string.
fn length(text: &str) -> usize {
    let mut at = 0;
    while let Some(offset) = text[at..].find(['"', '\\']) {
        at += offset;
        if text[at..].starts_with('"') {
            return at;
        }
        at += 2;
    }
    text.len()
}

/// How the strings of a document are escaped.
pub(super) struct Json {
    /// `\/`, as in PHP.
    escapes_slash: bool,
    /// `\u003c`, as in Go.
    escapes_html: bool,
    /// `\u00fc`, as in Python.
    escapes_non_ascii: bool,
    hex: Option<HexCase>,
}

impl Json {
    pub(super) fn of(document: &str) -> Self {
        let escapes = || document.match_indices("\\u").filter_map(|(at, _)| document.get(at + 2..at + LONGEST));
        let code = |digits: &str| u16::from_str_radix(digits, 16).unwrap_or_default();
        Self {
            escapes_slash: document.contains("\\/"),
            escapes_html: escapes().any(|digits| "<>&".bytes().any(|sign| code(digits) == u16::from(sign))),
            escapes_non_ascii: document.is_ascii() && escapes().any(|digits| code(digits) > 0x7f),
            hex: HexCase::of(escapes().flat_map(str::chars)),
        }
    }

    fn push_unit(&self, escaped: &mut String, unit: u16) {
        let result = match self.hex {
            Some(HexCase::Upper) => write!(escaped, "\\u{unit:04X}"),
            Some(HexCase::Lower) | None => write!(escaped, "\\u{unit:04x}"),
        };
        result.expect("writing to a string can't fail");
    }
}

impl Coding for Json {
    fn decode(&self, source: &str) -> Decoded {
        let mut decoded = Decoded::of(source);
        let mut at = 0;
        while let Some(character) = source[at..].chars().next() {
            // Half of a surrogate pair remains as it is.
            let escape = if character == '\\' { EscapeSequence::at_start(&source.as_bytes()[at..]) } else { None };
            let (meaning, length) = match escape {
                Some(EscapeSequence { length, meaning: Meaning::Byte(byte) }) => (char::from(byte), length),
                Some(EscapeSequence { length, meaning: Meaning::Char(meaning) }) => (meaning, length),
                None => (character, character.len_utf8()),
            };
            decoded.push(meaning, at);
            at += length;
        }
        decoded.finish(source.len())
    }

    fn encode(&self, new: &str, source: &str) -> Zeroizing<String> {
        let mut escaped = Zeroizing::new(String::with_capacity(LONGEST * new.len()));
        let escapes_slash = source.contains("\\/") || (self.escapes_slash && !source.contains('/'));
        for character in new.chars() {
            let short = match character {
                '"' | '\\' => Some(character),
                '/' if escapes_slash => Some('/'),
                '\n' => Some('n'),
                '\r' => Some('r'),
                '\t' => Some('t'),
                '\u{8}' => Some('b'),
                '\u{c}' => Some('f'),
                _ => None,
            };
            let is_escaped = character < ' '
                || (self.escapes_html && "<>&".contains(character))
                || (self.escapes_non_ascii && !character.is_ascii());
            if let Some(short) = short {
                escaped.extend(['\\', short]);
            } else if is_escaped {
                character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| self.push_unit(&mut escaped, *unit));
            } else {
                escaped.push(character);
            }
        }
        escaped
    }
}
