//! Escapes text so that it can't control a terminal or hide characters.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Returns whether a character moves the cursor, reorders or breaks the line, or is invisible: control, bidirectional
/// and zero-width characters, spaces other than U+0020, variation selectors, tags, private and unassigned characters.
pub fn is_hidden(character: char) -> bool {
    match character {
        ' '..='~' => false,
        // Letters, symbols and marks by category, but drawn as nothing.
        '\u{34f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{e0100}'..='\u{e01ef}' => true,
        // The standard library's table of unprintable characters. After a letter, it does not escape combining marks.
        _ => format!("a{character}").escape_debug().nth(2).is_some(),
    }
}

/// Returns the text as one line, with hidden characters escaped (`\n`, `\u{202e}`). Letters of all scripts are
/// unchanged. Idempotent.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.char_indices().any(|(index, character)| must_be_escaped(index, character)) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for (index, character) in text.char_indices() {
        if must_be_escaped(index, character) {
            escaped.extend(hidden(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Escapes a value as [`line()`] does, and also outer spaces and backslashes: two values that are shown equal are
/// equal, and `\n` differs from a line break.
pub fn value(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let leading = text.len() - text.trim_start_matches(' ').len();
    let trailing = text.len() - leading - inner.len();
    let blanks = |count: usize| "\\u{20}".repeat(count);
    format!("{}{}{}", blanks(leading), line(&inner.replace('\\', "\\\\")), blanks(trailing))
}

/// A combining mark at the start would combine with the character before the text.
fn must_be_escaped(index: usize, character: char) -> bool {
    is_hidden(character) || (index == 0 && character.width() == Some(0))
}

/// Returns `\n`, `\t`, `\r` or `\u{…}`.
fn hidden(character: char) -> impl Iterator<Item = char> {
    character.escape_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::prop_assert;

    use super::{is_hidden, line, value};

    #[test]
    fn ordinary_text_in_any_script_is_unchanged() {
        for text in [
            "",
            "STAGING_OPS_API_KEY",
            "$(rm -rf /) `x` 'y' \"z\" \\n C:\\app\\.env",
            "größe, Åsa, a\u{308}rger",
            "日本語のキー",
            "ключ",
            "مفتاح",
            "🚀 👍🏽",
            "…·●“”",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn control_and_invisible_characters_are_escaped() {
        for (text, shown) in [
            ("a\nb", r"a\nb"),
            ("a\r\nb", r"a\r\nb"),
            ("a\tb", r"a\tb"),
            ("\u{1b}[31mred\u{7}", r"\u{1b}[31mred\u{7}"),
            ("\u{0}", r"\u{0}"),
            ("\u{7f}", r"\u{7f}"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("\u{202e}evil\u{2069}", r"\u{202e}evil\u{2069}"),
            ("\u{61c}\u{200e}\u{200f}", r"\u{61c}\u{200e}\u{200f}"),
            ("API\u{200b}_KEY", r"API\u{200b}_KEY"),
            ("\u{feff}KEY", r"\u{feff}KEY"),
            ("👩\u{200d}💻", r"👩\u{200d}💻"),
            ("a\u{a0}b\u{3000}c", r"a\u{a0}b\u{3000}c"),
            ("a\u{ad}b\u{34f}c\u{2028}", r"a\u{ad}b\u{34f}c\u{2028}"),
            ("⚠\u{fe0f}\u{e0101}", r"⚠\u{fe0f}\u{e0101}"),
            ("\u{e0041}\u{e007f}", r"\u{e0041}\u{e007f}"),
            ("\u{e000}\u{fffe}\u{10ffff}", r"\u{e000}\u{fffe}\u{10ffff}"),
            ("\u{3164}\u{2800}\u{115f}", r"\u{3164}\u{2800}\u{115f}"),
            ("\u{301}a", r"\u{301}a"),
        ] {
            assert_eq!(line(text), shown);
        }
    }

    #[test]
    fn value_escapes_outer_spaces_and_backslashes() {
        for (text, shown) in [
            ("plain", "plain"),
            (" a b ", r"\u{20}a b\u{20}"),
            ("  ", r"\u{20}\u{20}"),
            (r"a\nb", r"a\\nb"),
            ("a\nb", r"a\nb"),
            ("", ""),
        ] {
            assert_eq!(value(text), shown);
        }
    }

    proptest! {
        #[test]
        fn escaping_is_complete_and_idempotent(text in any::<String>()) {
            let shown = line(&text);
            let harmful = |c: char| {
                c < ' ' || matches!(c, '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
            };
            prop_assert!(!shown.chars().any(harmful));
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert!(line(&shown) == shown);
            prop_assert!(line(&value(&text)) == value(&text));
        }
    }
}
