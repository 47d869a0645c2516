//! What is odd about a value by itself, whatever the other side holds.

/// One thing that is rarely meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuspiciousValue {
    /// A single line with a line break behind it.
    TrailingNewline,
    /// Quotes around the whole value, as a part of it.
    Quotes,
    /// Characters that nobody sees: zero-width, byte order mark, direction marks, no-break space.
    Invisible,
    /// A PEM block with a beginning and no end, or the other way round.
    CutPem,
}

impl SuspiciousValue {
    /// What to say about a value that has it: “the value …”.
    pub fn description(self) -> &'static str {
        match self {
            Self::TrailingNewline => "ends with a line break",
            Self::Quotes => "has quotes around it that are part of the value",
            Self::Invisible => "holds characters that can't be seen",
            Self::CutPem => "is a PEM block that is not complete",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TrailingNewline => "store it without the line break; `echo -n` and `printf %s` write none",
            Self::Quotes => "store it without the quotes; a shell that was told to keep them stores them",
            Self::Invisible => "type it again, or copy it from where it was made as plain text",
            Self::CutPem => "copy the whole block, from its BEGIN line to its END line",
        }
    }
}

/// Everything odd about the value, in the order of [`SuspiciousValue`].
pub fn oddities(value: &str) -> Vec<SuspiciousValue> {
    let found = [
        (SuspiciousValue::TrailingNewline, is_line_with_break(value)),
        (SuspiciousValue::Quotes, without_quotes(value).is_some()),
        (SuspiciousValue::Invisible, value.chars().any(is_invisible)),
        (SuspiciousValue::CutPem, is_cut_pem(value)),
    ];
    found.into_iter().filter_map(|(oddity, is_there)| is_there.then_some(oddity)).collect()
}

/// Text of several lines may well end with a line break, as files and PEM blocks do.
fn is_line_with_break(value: &str) -> bool {
    let line = value.trim_end_matches(['\n', '\r']);
    line.len() < value.len() && !line.contains('\n')
}

/// The text inside the quotes that stand around all of it. `"a" and "b"` has none such.
pub fn without_quotes(value: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| {
        let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains(quote)).then_some(inner)
    })
}

/// Whether the character can't be told from nothing, or from a plain blank.
pub fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether a BEGIN or an END line has no partner.
fn is_cut_pem(value: &str) -> bool {
    value.contains("-----BEGIN ") != value.contains("-----END ")
}

#[cfg(test)]
mod tests {
    use crate::drift::suspicious_values::{SuspiciousValue, oddities};

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
            assert_eq!(oddities(value), expected, "{value:?}");
        }
    }
}
