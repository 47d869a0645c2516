//! Fits text into the columns of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Replaces characters that would move the cursor, or reorder or hide text. Most callers escape their texts already; this
/// is a second line of defence.
pub(in crate::io) fn harmless(text: &str) -> String {
    text.chars().map(|character| if is_harmful(character) { '\u{fffd}' } else { character }).collect()
}

fn is_harmful(character: char) -> bool {
    let reorders_or_hides = matches!(
        character,
        '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    );
    reorders_or_hides || character.is_control()
}

/// Returns the number of columns that a text takes.
pub(in crate::io) fn width(text: &str) -> usize {
    text.width()
}

/// Cuts a text at its end, so that it takes at most that many columns.
pub(in crate::io) fn cut_end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    start(text.chars(), columns.saturating_sub(1)) + "…"
}

/// Cuts a text in its middle, because service names differ at the end as often as at the start.
pub(in crate::io) fn cut_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let left = start(text.chars(), columns.saturating_sub(1).div_ceil(2));
    let characters: Vec<char> = text.chars().collect();
    left + "…" + &last_columns(&characters, columns.saturating_sub(1) / 2)
}

/// Returns as many of the last characters as fit into that many columns.
pub(in crate::io) fn last_columns(characters: &[char], columns: usize) -> String {
    start(characters.iter().rev().copied(), columns).chars().rev().collect()
}

/// Returns as many characters as fit.
fn start(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut taken = 0;
    characters
        .take_while(|character| {
            taken += character.width().unwrap_or(0);
            taken <= columns
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::io::terminal::text_width::{cut_end, cut_middle, harmless, width};

    #[test]
    fn long_text_is_truncated_with_ellipsis() {
        for (text, columns, end, middle) in [
            ("worker", 6, "worker", "worker"),
            ("worker", 5, "work…", "wo…er"),
            ("worker", 4, "wor…", "wo…r"),
            ("worker", 1, "…", "…"),
            ("日本語のキー", 7, "日本語…", "日…ー"),
            ("", 0, "", ""),
        ] {
            assert_eq!(cut_end(text, columns), end, "{text} in {columns}");
            assert_eq!(cut_middle(text, columns), middle, "{text} in {columns}");
            assert!(width(middle) <= columns && width(end) <= columns);
        }
    }

    #[test]
    fn only_control_and_bidirectional_characters_are_replaced() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\nü\u{9b}日"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}ü\u{fffd}日");
        assert_eq!(harmless("a\u{202e}b\u{2069}\u{feff}👩\u{200d}💻"), "a\u{fffd}b\u{fffd}\u{fffd}👩\u{200d}💻");
    }
}
