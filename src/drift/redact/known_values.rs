//! Finds known values in a text.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use zeroize::Zeroizing;

use crate::drift::redact::decoded_text::{ByteRange, DecodedText, SEPARATOR, Shortest};

/// Shorter values may occur in ordinary text, so they are searched for only as whole words.
pub(in crate::drift) const SHORTEST: usize = 8;

/// Longer values are split into pieces of this length. This bounds the work at each offset of a text, and finds most of
/// a value that was truncated or wrapped.
const LONGEST: usize = 64;

/// The number of bytes at the start of a value that can become part of an escape which starts in the text before it:
/// `\u0` and `0ab`, or `%` and two digits in base64 of UTF-16.
pub(in crate::drift) const LONGEST_OVERLAP: usize = 9;

/// Shorter values are ignored in decoded base64, where they occur by chance.
const SHORTEST_IN_PIECES: usize = 3;

/// The binary logarithm of the size of the sieve in bits.
const SIEVE_BITS: u32 = 21;

/// The multiplier of Fibonacci hashing, which spreads the bytes of a prefix over the upper bits.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A part of one of the values.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    text: u32,
    start: u32,
    length: usize,
}

/// See the module.
#[derive(Default)]
pub(in crate::drift) struct KnownValues {
    /// The values, with spaces instead of `+`.
    texts: Vec<Zeroizing<Vec<u8>>>,
    /// Parts of at least [`SHORTEST`] bytes. The first `indexed` ones are in the order of their bytes.
    patterns: Vec<Pattern>,
    indexed: usize,
    /// A bit for the hash of each prefix. A lookup in it excludes nearly every offset of a text.
    sieve: Vec<u64>,
    /// Hashes of shorter values, by their length.
    short: [HashSet<u64>; SHORTEST],
    /// Hashes of all added values.
    seen: HashSet<u64>,
    /// Has a random key, so that a hash reveals nothing about the value.
    hasher: RandomState,
}

impl KnownValues {
    /// Adds a value if it is new and has at least `shortest` bytes.
    pub(in crate::drift) fn add(&mut self, value: &[u8], shortest: usize) {
        if value.len() < shortest.max(1) || !self.seen.insert(self.hasher.hash_one(value)) {
            return;
        }
        if value.len() < SHORTEST {
            self.short[value.len()].insert(self.hash_short(value));
            return;
        }
        let last = value.len().saturating_sub(LONGEST);
        self.add_patterns(value, (0..last).step_by(LONGEST).chain([last]));
    }

    /// Adds the remainders of a value whose first bytes are decoded together with the text before it.
    pub(in crate::drift) fn add_rests(&mut self, value: &[u8]) {
        if value.len() > SHORTEST && self.seen.insert(self.hasher.hash_one(value)) {
            self.add_patterns(value, 1..=LONGEST_OVERLAP.min(value.len() - SHORTEST));
        }
    }

    fn add_patterns(&mut self, value: &[u8], starts: impl Iterator<Item = usize>) {
        let Ok(text) = u32::try_from(self.texts.len()) else { return };
        self.texts.push(Zeroizing::new(value.iter().copied().map(space).collect()));
        let patterns = starts.filter_map(|start| {
            let length = (value.len() - start).min(LONGEST);
            Some(Pattern { text, start: u32::try_from(start).ok()?, length })
        });
        self.patterns.extend(patterns);
    }

    /// Returns the runs of base64 that may contain one of the values.
    pub(in crate::drift) fn shortest(&self) -> Shortest {
        if self.short.iter().all(HashSet::is_empty) { Shortest::Long } else { Shortest::Any }
    }

    /// Indexes the values that were added since the last call. Must be called before [`KnownValues::find`].
    pub(in crate::drift) fn index(&mut self) {
        if self.indexed == self.patterns.len() {
            return;
        }
        let mut sieve = std::mem::take(&mut self.sieve);
        sieve.resize(1 << (SIEVE_BITS - 6), 0);
        for pattern in &self.patterns[self.indexed..] {
            if let Some(start) = self.bytes(*pattern).first_chunk() {
                let (word, bit) = place(*start);
                sieve[word] |= bit;
            }
        }
        let mut patterns = std::mem::take(&mut self.patterns);
        patterns.sort_by(|one, other| self.bytes(*one).cmp(self.bytes(*other)));
        (self.indexed, self.patterns, self.sieve) = (patterns.len(), patterns, sieve);
    }

    fn bytes(&self, pattern: Pattern) -> &[u8] {
        &self.texts[pattern.text as usize][pattern.start as usize..][..pattern.length]
    }

    /// Adds the ranges of all values in the text to `found`.
    pub(in crate::drift) fn find(&self, text: &DecodedText, found: &mut Vec<ByteRange>) {
        if !self.sieve.is_empty() {
            for (start, window) in text.bytes.windows(SHORTEST).enumerate() {
                let Some(chunk) = window.first_chunk() else { continue };
                let (word, bit) = place(*chunk);
                if self.sieve[word] & bit != 0
                    && let Some(length) = self.longest_at(&text.bytes[start..])
                {
                    found.push(text.span(start, start + length));
                }
            }
        }
        self.find_short(text, found);
    }

    /// Returns the length of the longest pattern that the text starts with. Thousands of patterns may have the same
    /// prefix, so they are not tried one by one. In sorted order, the longest match is the last pattern that is not
    /// greater than the text, or else the last one that is not greater than their common prefix, and so on.
    fn longest_at(&self, text: &[u8]) -> Option<usize> {
        let mut beginning = Zeroizing::new([0; LONGEST]);
        beginning.iter_mut().zip(text).for_each(|(to, byte)| *to = space(*byte));
        let (mut patterns, mut text) = (self.patterns.as_slice(), &beginning[..text.len().min(LONGEST)]);
        loop {
            let before = patterns.partition_point(|pattern| self.bytes(*pattern) <= text);
            let (last, rest) = patterns[..before].split_last()?;
            let last = self.bytes(*last);
            let common = last.iter().zip(text).take_while(|(one, other)| one == other).count();
            if common < SHORTEST {
                return None;
            }
            if common == last.len() {
                return Some(common);
            }
            (patterns, text) = (rest, &text[..common]);
        }
    }

    fn find_short(&self, text: &DecodedText, found: &mut Vec<ByteRange>) {
        let bytes = &text.bytes;
        for (length, hashes) in self.short.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty()) {
            for (start, window) in bytes.windows(length).enumerate() {
                let (before, after) = (start.checked_sub(1).map(|at| bytes[at]), bytes.get(start + length).copied());
                // Most offsets are inside a word, so this is checked first.
                if !is_word_boundary(before, window[0]) || !is_word_boundary(after, window[length - 1]) {
                    continue;
                }
                let is_whole = [before, after].iter().all(|byte| byte.is_none_or(|byte| byte == SEPARATOR));
                let is_by_chance = text.is_pieces && length < SHORTEST_IN_PIECES && !is_whole;
                if !is_by_chance && hashes.contains(&self.hash_short(window)) {
                    found.push(text.span(start, start + length));
                }
            }
        }
    }

    fn hash_short(&self, bytes: &[u8]) -> u64 {
        let mut text = [0; SHORTEST];
        text.iter_mut().zip(bytes).for_each(|(to, byte)| *to = space(*byte));
        self.hasher.hash_one(text)
    }
}

/// Returns the index and bit of a prefix in the sieve.
fn place(start: [u8; SHORTEST]) -> (usize, u64) {
    let hash = u64::from_le_bytes(start.map(space)).wrapping_mul(SPREAD) >> (u64::BITS - SIEVE_BITS);
    (usize::try_from(hash >> 6).unwrap_or_default(), 1 << (hash & 63))
}

/// Form data has `+` for a space. Both are compared as spaces, because it is unknown whether a text is form data.
const fn space(byte: u8) -> u8 {
    if byte == b'+' { b' ' } else { byte }
}

/// Returns whether there is a word boundary between `last`, the outer byte of a value, and `next`, the byte next to it.
/// The value `-` has one between spaces or quotes, but not in `a-b` or `--`.
fn is_word_boundary(next: Option<u8>, last: u8) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    next.is_none_or(|next| next == SEPARATOR || !is_letter(next) && next != last)
}
