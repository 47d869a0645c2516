//! Whole tokens: a value that is part of a longer word is another value.

use std::cell::OnceCell;
use std::ops::Range;

use crate::drift::leak::randomness::is_random;

/// The shortest token that may look random, in letters and digits.
const SHORTEST_RANDOM: usize = 12;

/// How many bytes a search may examine again, for each byte of the text, after matches inside longer words. Only a text
/// that repeats the value's own beginning needs more.
const MOST_RETRIES: usize = 64;

/// The most characters of base64 padding.
const MOST_PADDING: usize = 2;

/// A value to search for.
pub(super) struct Token<'v> {
    text: &'v str,
    starts_random: OnceCell<bool>,
    ends_random: OnceCell<bool>,
}

impl<'v> Token<'v> {
    pub(super) fn new(text: &'v str) -> Self {
        Self { text, starts_random: OnceCell::new(), ends_random: OnceCell::new() }
    }

    pub(super) fn text(&self) -> &'v str {
        self.text
    }

    /// Returns the places of the value in the text, as it is.
    pub(super) fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        let Some(first) = self.text.chars().next() else { return places };
        let (mut from, mut retries) = (0, MOST_RETRIES * text.len());
        while let Some(offset) = text[from..].find(self.text) {
            let place = from + offset..from + offset + self.text.len();
            if self.is_whole(text, &place) {
                from = place.end;
                places.push(place);
                continue;
            }
            from = place.start + first.len_utf8();
            let Some(rest) = retries.checked_sub(self.text.len()) else { break };
            retries = rest;
        }
        places
    }

    /// Returns whether the value at that place is not a part of a longer token.
    fn is_whole(&self, text: &str, place: &Range<usize>) -> bool {
        let before = text[..place.start].chars().next_back();
        let after = text[place.end..].chars().next();
        let [first, last] = [self.text.chars().next(), self.text.chars().next_back()];
        let is_joined = |own: Option<char>, other: Option<char>, is_random: &dyn Fn() -> bool| {
            let (Some(own), Some(other)) = (own, other) else { return false };
            own.is_alphanumeric() && (other.is_alphanumeric() || (matches!(other, '-' | '_') && !is_random()))
        };
        !is_joined(first, before, &|| *self.starts_random.get_or_init(|| is_random(self.first_word(), SHORTEST_RANDOM)))
            && !is_joined(last, after, &|| {
                *self.ends_random.get_or_init(|| is_random(self.last_word(), SHORTEST_RANDOM))
            })
            && !self.is_padded(&text[place.end..])
    }

    /// Returns the beginning of the value, without separators. A URL with a random password may end with a word.
    fn first_word(&self) -> &'v str {
        self.text.split(is_separator).next().unwrap_or_default()
    }

    fn last_word(&self) -> &'v str {
        self.text.rsplit(is_separator).next().unwrap_or_default()
    }

    /// Returns whether the value is base64 whose padding follows: another text than the value.
    fn is_padded(&self, after: &str) -> bool {
        let rest = after.trim_start_matches('=');
        let padding = after.len() - rest.len();
        (1..=MOST_PADDING).contains(&padding)
            && (self.text.len() + padding).is_multiple_of(4)
            && self.text.ends_with(char::is_alphanumeric)
            && !rest.starts_with(char::is_alphanumeric)
    }
}

fn is_separator(character: char) -> bool {
    !character.is_alphanumeric() && !matches!(character, '-' | '_')
}
