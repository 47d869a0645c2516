//! Percent-encoding, in URLs and form data.

use std::fmt::Write;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::redact::escape_sequence::{EscapeSequence, Meaning};
use crate::drift::trace::form::UrlPart;
use crate::drift::trace::occurrences::decoded::{Coding, Decoded};
use crate::drift::trace::occurrences::hex_case::HexCase;
use crate::drift::trace::occurrences::url::Urls;

/// The length of `%41`.
const ESCAPE: usize = 3;

/// What `+` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plus {
    Itself,
    /// In a query or form data, a space.
    Space,
}

/// The percent-encoding of a text.
pub(super) struct Percent {
    plus: Plus,
    hex: Option<HexCase>,
}

impl Percent {
    pub(super) fn of(text: &str, plus: Plus) -> Self {
        Self { plus, hex: hex_case(text) }
    }
}

/// A part of a text that is encoded by itself.
pub(super) struct Component {
    pub(super) range: Range<usize>,
    /// `None` outside a URL.
    pub(super) part: Option<UrlPart>,
}

impl Coding for Percent {
    /// Decodes the escapes of valid UTF-8. Others remain as they are.
    fn decode(&self, source: &str) -> Decoded {
        let mut decoded = Decoded::of(source);
        let mut rest = source;
        while let Some(character) = rest.chars().next() {
            let at = source.len() - rest.len();
            let bytes = escaped_bytes(rest);
            if bytes.is_empty() {
                let is_space = character == '+' && self.plus == Plus::Space;
                decoded.push(if is_space { ' ' } else { character }, at);
                rest = &rest[character.len_utf8()..];
            } else {
                push_bytes(&mut decoded, &bytes, source, at);
                rest = &rest[bytes.len() * ESCAPE..];
            }
        }
        decoded.finish(source.len())
    }

    fn encode(&self, new: &str, source: &str) -> Zeroizing<String> {
        let [mut raw, mut encoded] = [Characters::of_text(source), Characters::of_text(source)];
        let decoded = self.decode(source);
        for (at, character) in decoded.text.char_indices() {
            let range = decoded.source(&(at..at + character.len_utf8()));
            let is_raw = source[range].chars().eq([character]);
            let set = if is_raw { &mut raw } else { &mut encoded };
            set.add(character);
        }
        // Only a valid escape may follow a percent sign.
        raw.remove('%');
        let space = if self.plus == Plus::Space && source.contains('+') { "+" } else { "%20" };
        Style { raw, encoded, hex: hex_case(source).or(self.hex) }.write(new, space)
    }
}

/// Encodes a new text for the place of an old one in a URL or form data that contains the old one as it is. A character
/// that the old text has is not special there.
pub(super) fn encode_unencoded(new: &str, old: &str) -> Zeroizing<String> {
    let mut raw = Characters::of_text(old);
    old.chars().for_each(|character| raw.add(character));
    Style { raw, encoded: Characters::of_text(""), hex: None }.write(new, "%20")
}

/// Returns the parts of the text that are encoded by themselves, if they may contain an escape.
pub(super) fn components(text: &str, urls: &Urls) -> Vec<Component> {
    let mut components = Vec::new();
    if !text.contains(['%', '+']) {
        return components;
    }
    let mut end = 0;
    for span in urls.spans.iter().cloned().chain(std::iter::once(text.len()..text.len())) {
        add_pairs(&mut components, text, end..span.start);
        end = span.end;
    }
    let segments = urls.segments.iter();
    components.extend(segments.map(|segment| Component { range: segment.range.clone(), part: Some(segment.part) }));
    components.retain(|component| text[component.range.clone()].contains(['%', '+']));
    components
}

/// Adds the names and values of form data, and of assignments in other text.
fn add_pairs(components: &mut Vec<Component>, text: &str, range: Range<usize>) {
    let is_end = |character: char| character.is_whitespace() || "&;,<>\"'`".contains(character);
    let mut at = range.start;
    for pair in text[range].split_inclusive(is_end) {
        let length = pair.trim_end_matches(is_end).len();
        let name = pair[..length].find('=').unwrap_or(length);
        let ranges = [at..at + name, at + name + 1..at + length];
        let parts = ranges.into_iter().filter(|range| range.start < range.end);
        components.extend(parts.map(|range| Component { range, part: None }));
        at += pair.len();
    }
}

/// Returns what `+` may stand for in the text; nothing if the value can't be encoded there.
pub(super) fn meanings_of_plus(text: &str, part: Option<UrlPart>, value: &str) -> Vec<Plus> {
    let has_escape = text.match_indices('%').any(|(at, _)| escaped_byte(&text[at..]).is_some());
    let is_query = matches!(part, None | Some(UrlPart::Query | UrlPart::Fragment));
    let may_be_space = is_query && text.contains('+') && (has_escape || value.contains(' '));
    // First as a space: a value that needs it would look like one that is encoded twice.
    let meanings = [(Plus::Space, may_be_space), (Plus::Itself, has_escape)];
    meanings.into_iter().filter_map(|(plus, is_possible)| is_possible.then_some(plus)).collect()
}

/// Returns whether an escape is directly before or after the range, so that the decoded text decides whether the
/// value there is a whole token.
pub(super) fn has_escape_beside(text: &str, range: &Range<usize>) -> bool {
    let before = range.start.checked_sub(ESCAPE).and_then(|start| text.get(start..range.start));
    before.is_some_and(|before| escaped_byte(before).is_some()) || escaped_byte(&text[range.end..]).is_some()
}

/// Returns the byte of the escape at the start of the text.
fn escaped_byte(text: &str) -> Option<u8> {
    match EscapeSequence::at_start(text.as_bytes())?.meaning {
        Meaning::Byte(byte) if text.starts_with('%') => Some(byte),
        _ => None,
    }
}

/// Returns the bytes of the escapes at the start of the text, which follow one another.
fn escaped_bytes(text: &str) -> Zeroizing<Vec<u8>> {
    let escaped = |index: usize| text.get(index * ESCAPE..).and_then(escaped_byte);
    let count = (0..text.len()).take_while(|index| escaped(*index).is_some()).count();
    let mut bytes = Zeroizing::new(Vec::with_capacity(count));
    bytes.extend((0..count).filter_map(escaped));
    bytes
}

/// Adds the characters of escapes that start at `start`. Bytes that are not UTF-8 remain escapes.
fn push_bytes(decoded: &mut Decoded, bytes: &[u8], source: &str, start: usize) {
    let mut at = start;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            decoded.push(character, at);
            at += ESCAPE * character.len_utf8();
        }
        let escapes = ESCAPE * chunk.invalid().len();
        source[at..at + escapes].char_indices().for_each(|(offset, sign)| decoded.push(sign, at + offset));
        at += escapes;
    }
}

/// Returns the case of the hex digits in the escapes of the text.
fn hex_case(text: &str) -> Option<HexCase> {
    let digits = text.match_indices('%').filter(|(at, _)| escaped_byte(&text[*at..]).is_some());
    HexCase::of(digits.flat_map(|(at, _)| text[at + 1..at + ESCAPE].chars()))
}

/// Distinct characters of a value.
struct Characters(Zeroizing<String>);

impl Characters {
    /// Creates an empty set with room for all characters of the text.
    fn of_text(text: &str) -> Self {
        Self(Zeroizing::new(String::with_capacity(text.len())))
    }

    fn add(&mut self, character: char) {
        if !self.has(character) {
            self.0.push(character);
        }
    }

    fn remove(&mut self, character: char) {
        self.0.retain(|other| other != character);
    }

    fn has(&self, character: char) -> bool {
        self.0.contains(character)
    }
}

/// How a value is encoded.
struct Style {
    /// The characters that are not encoded.
    raw: Characters,
    /// The characters that are encoded, although they need not be.
    encoded: Characters,
    hex: Option<HexCase>,
}

impl Style {
    fn write(&self, text: &str, space: &str) -> Zeroizing<String> {
        let mut encoded = Zeroizing::new(String::with_capacity(ESCAPE * text.len()));
        for character in text.chars() {
            let is_unreserved = character.is_ascii_alphanumeric() || "-_.~".contains(character);
            if self.raw.has(character) || (is_unreserved && !self.encoded.has(character)) {
                encoded.push(character);
            } else if character == ' ' {
                encoded.push_str(space);
            } else {
                character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| self.push_escape(&mut encoded, byte));
            }
        }
        encoded
    }

    fn push_escape(&self, encoded: &mut String, byte: u8) {
        let result = match self.hex {
            Some(HexCase::Lower) => write!(encoded, "%{byte:02x}"),
            Some(HexCase::Upper) | None => write!(encoded, "%{byte:02X}"),
        };
        result.expect("writing to a string can't fail");
    }
}
