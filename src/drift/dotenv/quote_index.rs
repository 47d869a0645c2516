//! Where quotes close, asked often and found fast: a file of nothing but unclosed quotes must cost no more than another.

/// Every quote of one kind in a text, by what stands before it.
#[derive(Debug, Default)]
pub struct Quotes {
    /// All of them.
    pub any: Vec<usize>,
    /// Those without a backslash before them.
    pub plain: Vec<usize>,
    /// Those with a backslash before them, however many.
    pub escaped: Vec<usize>,
    /// Those with an even number of backslashes before them, zero included.
    pub even: Vec<usize>,
}

impl Quotes {
    /// Finds the quotes of that kind.
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

/// The first of sorted offsets that is not before `from`.
pub fn first(offsets: &[usize], from: usize) -> Option<usize> {
    offsets.get(offsets.partition_point(|&at| at < from)).copied()
}

/// The last of sorted offsets that is before `end` and not before `from`.
pub fn last(offsets: &[usize], from: usize, end: usize) -> Option<usize> {
    let at = *offsets.get(offsets.partition_point(|&at| at < end).checked_sub(1)?)?;
    (at >= from).then_some(at)
}
