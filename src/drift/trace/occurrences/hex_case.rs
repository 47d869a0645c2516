//! The case of hex digits in escapes.

/// The case of hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HexCase {
    Upper,
    Lower,
}

impl HexCase {
    /// Returns the case of the first digit that has one.
    pub(super) fn of(digits: impl Iterator<Item = char>) -> Option<Self> {
        let first = digits.into_iter().find(char::is_ascii_alphabetic);
        first.map(|letter| if letter.is_ascii_uppercase() { Self::Upper } else { Self::Lower })
    }
}
