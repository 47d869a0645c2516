//! Text measured in terminal columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns the width of a text.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// Pads a text with spaces.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Truncates a text in the middle, with `…`: names of services often differ at either end.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let head = leading(text.chars(), room.div_ceil(2));
    let tail: Vec<char> = leading(text.chars().rev(), room / 2);
    head.into_iter().chain(['…']).chain(tail.into_iter().rev()).collect()
}

/// Returns the first characters that fit into `width` columns.
fn leading(characters: impl Iterator<Item = char>, width: usize) -> Vec<char> {
    let mut taken = 0;
    characters
        .take_while(|character| {
            taken += character.width().unwrap_or(0);
            taken <= width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::report::text::text_width::{columns, cut, pad};

    #[test]
    fn long_name_is_truncated_in_the_middle() {
        assert_eq!(cut("agentverse-worker-staging", 25), "agentverse-worker-staging");
        assert_eq!(cut("agentverse-worker-staging", 24), "agentverse-w…ker-staging");
        assert_eq!(cut("agentverse-worker-staging", 9), "agen…ging");
        assert_eq!(cut("ab", 1), "…");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(columns("日本"), 4);
        assert_eq!(pad("日本", 6), "日本  ");
        assert_eq!(cut("日本語のサービス", 8), "日本…ス");
    }
}
