//! An index of quotes, so that a closing quote is found in logarithmic time: otherwise a file full of unclosed quotes
//! would take quadratic time.

/// The offsets of every quote of one kind in a text, by the backslashes before it.
#[derive(Debug, Default)]
pub struct Quotes {
    /// All quotes.
    pub any: Vec<usize>,
    /// Quotes without a backslash before them.
    pub plain: Vec<usize>,
    /// Quotes with any number of backslashes before them.
    pub escaped: Vec<usize>,
    /// Quotes with an even number of backslashes before them, including zero.
    pub even: Vec<usize>,
}

impl Quotes {
    /// Finds all quotes of one kind.
    pub fn find(text: &str, quote: u8) -> Self {
        let mut found = Self::default();
        for (at, _) in text.match_indices(char::from(quote)) {
            let backslashes = text.as_bytes()[..at].iter().rev().take_while(|&&byte| byte == b'\\').count();
            found.any.push(at);
            let group = if backslashes == 0 { &mut found.plain } else { &mut found.escaped };
            group.push(at);
            if backslashes.is_multiple_of(2) {
                found.even.push(at);
            }
        }
        found
    }
}

/// Returns the first of the sorted offsets at or after `from`.
pub fn first(offsets: &[usize], from: usize) -> Option<usize> {
    offsets.get(offsets.partition_point(|&at| at < from)).copied()
}

/// Returns the last of the sorted offsets in `from..end`.
pub fn last(offsets: &[usize], from: usize, end: usize) -> Option<usize> {
    let at = *offsets.get(offsets.partition_point(|&at| at < end).checked_sub(1)?)?;
    (at >= from).then_some(at)
}
