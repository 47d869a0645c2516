//! Decodes and encodes base64 of either alphabet, with or without padding.

use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use base64::{Engine, alphabet};
use zeroize::Zeroizing;

use crate::drift::trace::occurrences::Surroundings;

/// The padding character.
pub(super) const PADDING: char = '=';

/// Some programs leave bits behind the last byte.
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// Returns the number of characters that encode so many bytes, without padding.
pub(super) fn encoded_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// Returns the value in both alphabets, without padding.
pub(super) fn encodings(value: &str) -> [Zeroizing<String>; 2] {
    [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|alphabet| Zeroizing::new(alphabet.encode(value)))
}

/// Decodes base64 without padding. A last character that is too few for a byte is ignored.
pub(super) fn decode(encoded: &str) -> Zeroizing<Vec<u8>> {
    let whole = if encoded.len() % 4 == 1 { encoded.len() - 1 } else { encoded.len() };
    let alphabet = if encoded.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    Zeroizing::new(alphabet.decode(&encoded[..whole]).unwrap_or_default())
}

/// Returns whether the last group has no bits behind the last byte, as programs write it. A single character encodes no
/// byte.
pub(super) fn is_canonical(encoded: &str) -> bool {
    let group = &encoded[encoded.len() - encoded.len() % 4..];
    [STANDARD_NO_PAD, URL_SAFE_NO_PAD].iter().any(|alphabet| alphabet.decode(group).map(Zeroizing::new).is_ok())
}

/// Encodes a text as the base64 that it replaces: with its alphabet, its padding and its line breaks.
pub(super) fn encode(text: &str, old: &str, surroundings: Surroundings) -> Zeroizing<String> {
    let signs: usize = old.chars().filter(|sign| *sign != PADDING && !sign.is_whitespace()).count();
    let is_padded = old.ends_with(PADDING);
    let lacks_padding = !is_padded && !signs.is_multiple_of(4);
    let is_url_safe =
        old.contains(['-', '_']) || (!old.contains(['+', '/']) && (surroundings == Surroundings::Url || lacks_padding));
    let alphabet = if is_url_safe { &URL_SAFE_NO_PAD } else { &STANDARD_NO_PAD };
    let mut encoded = Zeroizing::new(String::with_capacity(encoded_length(text.len()) + 3));
    alphabet.encode_string(text, &mut encoded);
    // Without evidence, the padding is that which programs usually write.
    if is_padded || (!lacks_padding && !is_url_safe) {
        let missing = encoded.len().next_multiple_of(4) - encoded.len();
        encoded.extend(std::iter::repeat_n(PADDING, missing));
    }
    wrap(encoded, old)
}

/// Breaks the lines as in the old text.
fn wrap(encoded: Zeroizing<String>, old: &str) -> Zeroizing<String> {
    let Some(end) = old.find('\n') else { return encoded };
    let (width, line_break) = match old[..end].strip_suffix('\r') {
        Some(line) => (line.len(), "\r\n"),
        None => (end, "\n"),
    };
    let breaks = encoded.len().div_ceil(width) * line_break.len();
    let mut wrapped = Zeroizing::new(String::with_capacity(encoded.len() + breaks));
    let mut rest = encoded.as_str();
    while rest.len() > width {
        let (line, after) = rest.split_at(width);
        wrapped.push_str(line);
        wrapped.push_str(line_break);
        rest = after;
    }
    wrapped.push_str(rest);
    wrapped
}
