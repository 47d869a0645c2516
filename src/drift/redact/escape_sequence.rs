//! Decodes the escape sequences of URLs, JSON, source code and HTML.

/// An escape sequence at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::drift) struct EscapeSequence {
    /// The length in bytes.
    pub(in crate::drift) length: usize,
    /// The decoded byte or character.
    pub(in crate::drift) meaning: Meaning,
}

/// The meaning of an escape sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::drift) enum Meaning {
    /// A byte, possibly one of several that encode a character.
    Byte(u8),
    /// A character.
    Char(char),
}

/// The named entities for characters that are special in HTML.
const ENTITIES: [(&[u8], char); 6] =
    [(b"&amp;", '&'), (b"&lt;", '<'), (b"&gt;", '>'), (b"&quot;", '"'), (b"&apos;", '\''), (b"&nbsp;", '\u{a0}')];

/// The number of digits of a code point, at most, in HTML and after `\u{`, including leading zeros.
const LONGEST_NUMBER: usize = 8;

impl EscapeSequence {
    /// Returns the escape sequence that the text starts with, if it is complete.
    pub(in crate::drift) fn at_start(text: &[u8]) -> Option<Self> {
        match text.first()? {
            b'%' => percent(text),
            b'\\' => backslash(text),
            b'&' => entity(text),
            _ => None,
        }
    }

    const fn byte(length: usize, byte: u8) -> Self {
        Self { length, meaning: Meaning::Byte(byte) }
    }

    const fn char(length: usize, char: char) -> Self {
        Self { length, meaning: Meaning::Char(char) }
    }
}

/// Reads `%41` in a URL, and `%u00fc`, which IIS and JavaScript's `escape` write.
fn percent(text: &[u8]) -> Option<EscapeSequence> {
    utf16(text, b"%u").or_else(|| byte(text, 1))
}

/// Reads the escapes of JSON, JavaScript, Python, PHP and C.
fn backslash(text: &[u8]) -> Option<EscapeSequence> {
    let control = |byte| Some(EscapeSequence::byte(2, byte));
    match text.get(1)? {
        b'u' => utf16(text, b"\\u").or_else(|| braced(text)),
        b'U' => Some(EscapeSequence::char(10, char::from_u32(number(text.get(2..10)?, 16)?)?)),
        b'x' => byte(text, 2),
        b'n' => control(b'\n'),
        b'r' => control(b'\r'),
        b't' => control(b'\t'),
        b'b' => control(8),
        b'v' => control(11),
        b'f' => control(12),
        b'0'..=b'3' => Some(EscapeSequence::byte(4, u8::try_from(number(text.get(1..4)?, 8)?).ok()?)),
        mark if mark.is_ascii_punctuation() => control(*mark),
        _ => None,
    }
}

/// Reads two hexadecimal digits after `before` bytes.
fn byte(text: &[u8], before: usize) -> Option<EscapeSequence> {
    let value = number(text.get(before..before + 2)?, 16)?;
    Some(EscapeSequence::byte(before + 2, u8::try_from(value).ok()?))
}

/// Reads a UTF-16 code unit after `mark`, or a surrogate pair.
fn utf16(text: &[u8], mark: &[u8]) -> Option<EscapeSequence> {
    let unit = |text: &[u8]| u16::try_from(number(text.strip_prefix(mark)?.get(..4)?, 16)?).ok();
    let (first, length) = (unit(text)?, mark.len() + 4);
    if let Some(char) = char::from_u32(first.into()) {
        return Some(EscapeSequence::char(length, char));
    }
    let pair = [first, unit(&text[length..])?];
    char::decode_utf16(pair).next()?.ok().map(|char| EscapeSequence::char(2 * length, char))
}

/// Reads `\u{fc}` in Rust and JavaScript.
fn braced(text: &[u8]) -> Option<EscapeSequence> {
    let digits = until(text.strip_prefix(b"\\u{")?, b'}')?;
    Some(EscapeSequence::char(digits.len() + 4, char::from_u32(number(digits, 16)?)?))
}

/// Reads `&amp;`, `&#39;` or `&#x27;`.
fn entity(text: &[u8]) -> Option<EscapeSequence> {
    if let Some((name, char)) = ENTITIES.iter().find(|(name, _)| text.starts_with(name)) {
        return Some(EscapeSequence::char(name.len(), *char));
    }
    let digits = until(text.strip_prefix(b"&#")?, b';')?;
    let code = match digits.strip_prefix(b"x").or_else(|| digits.strip_prefix(b"X")) {
        Some(digits) => number(digits, 16),
        None => number(digits, 10),
    };
    Some(EscapeSequence::char(digits.len() + 3, char::from_u32(code?)?))
}

/// Returns the text before `end`, if it is short enough for a code point.
fn until(text: &[u8], end: u8) -> Option<&[u8]> {
    let length = text.iter().take(LONGEST_NUMBER + 2).position(|&byte| byte == end)?;
    Some(&text[..length])
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let is_short = (1..=LONGEST_NUMBER).contains(&digits.len());
    let add = |sum: u32, &digit: &u8| sum.checked_mul(radix)?.checked_add(char::from(digit).to_digit(radix)?);
    if is_short { digits.iter().try_fold(0, add) } else { None }
}

#[cfg(test)]
mod tests {
    use crate::drift::redact::escape_sequence::{EscapeSequence, Meaning};

    #[test]
    fn decodes_each_escape() {
        for (text, length, char) in [
            ("\\u00fcx", 6, 'ü'),
            ("\\u00FC", 6, 'ü'),
            ("\\u0027", 6, '\''),
            ("\\ud83d\\ude00", 12, '\u{1f600}'),
            ("\\u{1f600}", 9, '\u{1f600}'),
            ("\\U0001F600", 10, '\u{1f600}'),
            ("%u20AC", 6, '€'),
            ("&amp;amp;", 5, '&'),
            ("&#39;", 5, '\''),
            ("&#x27;", 6, '\''),
        ] {
            assert_eq!(EscapeSequence::at_start(text.as_bytes()), Some(EscapeSequence::char(length, char)), "{text}");
        }
        for (text, length, byte) in [
            ("%2Fx", 3, b'/'),
            ("%2f", 3, b'/'),
            ("\\x2f", 4, b'/'),
            ("\\/", 2, b'/'),
            ("\\n", 2, b'\n'),
            ("\\057", 4, b'/'),
        ] {
            assert_eq!(EscapeSequence::at_start(text.as_bytes()), Some(EscapeSequence::byte(length, byte)), "{text}");
        }
        assert_eq!(EscapeSequence::byte(2, b'/').meaning, Meaning::Byte(b'/'));
    }

    #[test]
    fn incomplete_escape_is_left_alone() {
        let texts = [
            "", "a", "%", "%4", "%zz", "100%", "\\", "\\d", "\\u12", "\\ud83d", "\\ud83dx", "&", "&amp", "&#;", "&#x;",
            "&#1",
        ];
        for text in texts {
            assert_eq!(EscapeSequence::at_start(text.as_bytes()), None, "{text}");
        }
    }
}
