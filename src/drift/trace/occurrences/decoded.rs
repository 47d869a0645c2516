//! A decoded text, with the place of each character in its source.

use std::ops::Range;

use zeroize::Zeroizing;

/// `Debug` is not derived, because the text may contain a secret.
pub(super) struct Decoded {
    pub(super) text: Zeroizing<String>,
    /// Where the source of each byte starts, and where the last one ends. All bytes of a character have the same start.
    starts: Vec<usize>,
}

/// An encoding of a text, character by character.
pub(super) trait Coding {
    fn decode(&self, source: &str) -> Decoded;

    /// Encodes the new text, which replaces `source`, in the style of `source`.
    fn encode(&self, new: &str, source: &str) -> Zeroizing<String>;
}

impl Decoded {
    /// Creates an empty text. A decoded text is never longer than its source, so it is not reallocated, which would
    /// leave a copy in memory.
    pub(super) fn of(source: &str) -> Self {
        let text = Zeroizing::new(String::with_capacity(source.len()));
        Self { text, starts: Vec::with_capacity(source.len() + 1) }
    }

    /// Adds a character whose source starts at `start`.
    pub(super) fn push(&mut self, character: char, start: usize) {
        self.text.push(character);
        self.starts.resize(self.text.len(), start);
    }

    /// Adds the end of the source.
    pub(super) fn finish(mut self, end: usize) -> Self {
        self.starts.push(end);
        self
    }

    /// Returns the source of a range of characters.
    pub(super) fn source(&self, range: &Range<usize>) -> Range<usize> {
        self.starts[range.start]..self.starts[range.end]
    }
}
