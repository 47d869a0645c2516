//! Values that are suspicious on their own, whatever the other side has.

/// A property of a value that is rarely intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuspiciousValue {
    /// A single line that ends with a newline.
    TrailingNewline,
    /// Surrounding quotes that are part of the value.
    Quotes,
    /// Invisible characters: zero-width, byte order mark, direction marks, no-break space.
    Invisible,
    /// A PEM block that lacks its BEGIN or its END line.
    CutPem,
}

impl SuspiciousValue {
    /// Returns the predicate of a message: “the value …”.
    pub fn description(self) -> &'static str {
        match self {
            Self::TrailingNewline => "ends with a newline",
            Self::Quotes => "has surrounding quotes that are part of the value",
            Self::Invisible => "contains invisible characters",
            Self::CutPem => "is an incomplete PEM block",
        }
    }

    /// Returns how to correct it in a file.
    pub fn correction(self) -> Option<&'static str> {
        match self {
            Self::TrailingNewline => Some("remove the newline"),
            Self::Quotes => Some("remove the quotes"),
            Self::Invisible => Some("remove the invisible characters"),
            Self::CutPem => None,
        }
    }

    /// Returns how to fix it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TrailingNewline => "store it without the newline; `echo -n` and `printf %s` do not add one",
            Self::Quotes => "store it without the quotes; a shell keeps quotes that are escaped or nested",
            Self::Invisible => "retype it, or copy it from its source as plain text",
            Self::CutPem => "copy the whole block, from the BEGIN line to the END line",
        }
    }
}

/// Returns everything suspicious about the value, in the order of [`SuspiciousValue`].
pub fn suspicions(value: &str) -> Vec<SuspiciousValue> {
    let found = [
        (SuspiciousValue::TrailingNewline, is_line_with_break(value)),
        (SuspiciousValue::Quotes, without_quotes(value).is_some()),
        (SuspiciousValue::Invisible, !value.is_ascii() && value.chars().any(is_invisible)),
        (SuspiciousValue::CutPem, is_cut_pem(value)),
    ];
    found.into_iter().filter_map(|(value, is_found)| is_found.then_some(value)).collect()
}

/// Only a single line counts: multi-line text, such as a PEM block, normally ends with a newline.
fn is_line_with_break(value: &str) -> bool {
    let line = value.trim_end_matches(['\n', '\r']);
    line.len() < value.len() && !line.contains('\n')
}

/// Returns the text inside quotes that surround the whole value. `"a" and "b"` has no such quotes.
pub fn without_quotes(value: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| {
        let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains(quote)).then_some(inner)
    })
}

/// Returns whether the character is invisible, or looks like a plain space.
pub fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Returns whether nothing in the text can be seen: it is empty, or has only white space and invisible characters.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || is_invisible(character))
}

/// Returns whether a BEGIN line has no END line, or the reverse.
fn is_cut_pem(value: &str) -> bool {
    value.contains("-----BEGIN ") != value.contains("-----END ")
}

#[cfg(test)]
mod tests {
    use crate::drift::suspicious_values::{SuspiciousValue, is_blank, suspicions};

    #[test]
    fn blank_text_has_nothing_to_see() {
        for blank in ["", " ", "\t  ", "\r\n", "\u{a0}", "\u{200b}\u{feff}"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        assert!(!is_blank(" 0 ") && !is_blank("\"\""));
    }

    #[test]
    fn classifies_suspicious_values() {
        use SuspiciousValue::{CutPem, Invisible, Quotes, TrailingNewline};
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
        for (value, expected) in [
            ("plain", &[][..]),
            ("", &[]),
            ("key\n", &[TrailingNewline]),
            ("key\r\n", &[TrailingNewline]),
            ("\n", &[TrailingNewline]),
            ("\"key\"\n", &[TrailingNewline]),
            ("one\ntwo\n", &[]),
            (pem, &[]),
            (pem.trim_end(), &[]),
            ("-----BEGIN PRIVATE KEY-----\nMIIB", &[CutPem]),
            ("MIIB\n-----END PRIVATE KEY-----", &[CutPem]),
            ("-----BEGIN PRIVATE KEY-----\n", &[TrailingNewline, CutPem]),
            ("\"key\"", &[Quotes]),
            ("'key'", &[Quotes]),
            ("\"a\" or \"b\"", &[]),
            ("\"", &[]),
            ("it's", &[]),
            ("pass\u{200b}word", &[Invisible]),
            ("\u{feff}key", &[Invisible]),
            ("a\u{a0}b", &[Invisible]),
            ("\u{202e}abc", &[Invisible]),
            ("naïve — 日本語 🚄", &[]),
            ("\ttabs and blanks ", &[]),
        ] {
            assert_eq!(suspicions(value), expected, "{value:?}");
        }
    }
}
