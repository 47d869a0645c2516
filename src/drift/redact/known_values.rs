//! The values that are searched for in a text, and where they are in it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use zeroize::Zeroizing;

use crate::drift::redact::decoded_text::{ByteRange, DecodedText, SEPARATOR, Shortest};

/// Values shorter than this are words of ordinary text: they are searched for only as whole words.
pub(in crate::drift) const SHORTEST: usize = 8;

/// Longer values are searched for by pieces of this length. It bounds the work at each place of a text, and finds most of
/// a value that was cut off or broken into lines.
const LONGEST: usize = 64;

/// As many bytes at the start of a value as what stands before it can make part of an escape: `\u0` and `0ab`, or `%` and two
/// digits of base64 in which every character takes two bytes.
pub(in crate::drift) const LONGEST_OVERLAP: usize = 9;

/// In what base64 decodes to by chance, a value of fewer bytes than this is there by chance.
const SHORTEST_IN_PIECES: usize = 3;

/// The size of the sieve, in bits: two to this power.
const SIEVE_BITS: u32 = 21;

/// Spreads the bytes of a start over the upper bits (Fibonacci hashing).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A part of one of the texts.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    text: u32,
    start: u32,
    length: usize,
}

/// See the module.
#[derive(Default)]
pub(in crate::drift) struct KnownValues {
    /// With spaces in the place of `+`.
    texts: Vec<Zeroizing<Vec<u8>>>,
    /// Of [`SHORTEST`] bytes or more; those that are indexed are in the order of their bytes.
    patterns: Vec<Pattern>,
    indexed: usize,
    /// Which starts there are, by their hash: nearly every place of a text passes at the cost of one look.
    sieve: Vec<u64>,
    /// Hashes of shorter values, by their length.
    short: [HashSet<u64>; SHORTEST],
    /// Hashes of everything that was added.
    seen: HashSet<u64>,
    /// Its key is random, so that a hash reveals nothing of the value.
    hasher: RandomState,
}

impl KnownValues {
    /// Adds a value if it is new and at least so many bytes long.
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

    /// Adds what is left of a value whose first bytes were decoded together with what stands before it.
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

    /// Which runs of base64 may hold one of them.
    pub(in crate::drift) fn shortest(&self) -> Shortest {
        if self.short.iter().all(HashSet::is_empty) { Shortest::Long } else { Shortest::Any }
    }

    /// Makes ready to search for what was added.
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

    /// Adds where they are in the text.
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

    /// The length of the longest one that the text starts with. Thousands may begin alike, so that they are not tried one
    /// after the other: in the order of their bytes, those that a text starts with are the last ones before it, and before
    /// what the last of them has in common with it.
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
                let is_whole = [before, after].iter().all(|byte| byte.is_none_or(|byte| byte == SEPARATOR));
                let is_word =
                    is_whole || is_word_boundary(before, window[0]) && is_word_boundary(after, window[length - 1]);
                let is_by_chance = text.is_pieces && length < SHORTEST_IN_PIECES && !is_whole;
                if is_word && !is_by_chance && hashes.contains(&self.hash_short(window)) {
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

/// Where the sieve has a start.
fn place(start: [u8; SHORTEST]) -> (usize, u64) {
    let hash = u64::from_le_bytes(start.map(space)).wrapping_mul(SPREAD) >> (u64::BITS - SIEVE_BITS);
    (usize::try_from(hash >> 6).unwrap_or_default(), 1 << (hash & 63))
}

/// Forms write a space as `+`. Both are compared as spaces, since a text does not show whether it is a form.
const fn space(byte: u8) -> u8 {
    if byte == b'+' { b' ' } else { byte }
}

/// Whether a value that ends with `last` ends in front of `next`, or begins behind it: `-` does so between blanks or quotes,
/// and not in `a-b` or `--`.
fn is_word_boundary(next: Option<u8>, last: u8) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    next.is_none_or(|next| next == SEPARATOR || !is_letter(next) && next != last)
}
