//! A text as received or decoded, where each byte has its range in the text as received.

use std::collections::HashSet;

use zeroize::Zeroizing;

use crate::drift::redact::escape_sequence::{EscapeSequence, Meaning};

/// Separates unrelated decoded pieces. This byte does not occur in UTF-8.
pub(in crate::drift) const SEPARATOR: u8 = 0xff;

/// Base64 of fewer characters than this can't encode eight bytes.
const LONG: usize = 11;

/// The shortest line of wrapped base64, in characters.
const SHORTEST_LINE: usize = 12;

/// Hexadecimal text of fewer digits than this can't encode eight bytes.
const LONG_HEX: usize = 16;

/// A range of bytes of the text as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::drift) struct ByteRange {
    pub(in crate::drift) start: u32,
    pub(in crate::drift) end: u32,
}

/// See the module. `Debug` is not derived, because the text may contain a secret.
pub(in crate::drift) struct DecodedText {
    /// The text.
    pub(in crate::drift) bytes: Zeroizing<Vec<u8>>,
    /// The range of each byte in the text as received.
    spans: Vec<ByteRange>,
    /// Whether it consists of pieces of decoded base64 or hexadecimal text, most of which are meaningless bytes.
    pub(in crate::drift) is_pieces: bool,
}

/// An encoding of bytes as groups of characters. The start of the first group is unknown, because a slash or word
/// before the encoded text looks like a part of it. So every alignment is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::drift) enum Encoding {
    /// Four characters of either base64 alphabet for three bytes, after `skipped` characters.
    Base64 { skipped: usize },
    /// Two digits for a byte, after `skipped` digits.
    Hex { skipped: usize },
}

/// Every encoding with every alignment.
pub(in crate::drift) const ENCODINGS: [Encoding; 6] = [
    Encoding::Base64 { skipped: 0 },
    Encoding::Base64 { skipped: 1 },
    Encoding::Base64 { skipped: 2 },
    Encoding::Base64 { skipped: 3 },
    Encoding::Hex { skipped: 0 },
    Encoding::Hex { skipped: 1 },
];

/// Which runs of base64 characters are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::drift) enum Shortest {
    /// Runs that may contain a value of eight bytes.
    Long,
    /// All runs, because a short value is known.
    Any,
}

/// Runs of base64 characters: indexes into a text.
pub(in crate::drift) struct Runs {
    places: Vec<u32>,
    ends: Vec<usize>,
}

impl Runs {
    pub(in crate::drift) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.places[start..end])
    }
}

impl DecodedText {
    /// Returns a text as received. It must be smaller than 4 GiB.
    pub(in crate::drift) fn received(text: &str) -> Self {
        let spans =
            (0..text.len()).filter_map(|at| u32::try_from(at).ok()).map(|start| ByteRange { start, end: start + 1 });
        Self { spans: spans.collect(), bytes: Zeroizing::new(text.as_bytes().to_vec()), is_pieces: false }
    }

    fn empty(is_pieces: bool, capacity: usize) -> Self {
        let bytes = Zeroizing::new(Vec::with_capacity(capacity));
        Self { bytes, spans: Vec::with_capacity(capacity), is_pieces }
    }

    fn push(&mut self, byte: u8, span: ByteRange) {
        self.bytes.push(byte);
        self.spans.push(span);
    }

    fn push_char(&mut self, char: char, span: ByteRange) {
        for &byte in char.encode_utf8(&mut [0; 4]).as_bytes() {
            self.push(byte, span);
        }
    }

    /// Returns the range of these bytes in the text as received.
    pub(in crate::drift) fn span(&self, start: usize, end: usize) -> ByteRange {
        ByteRange { start: self.spans[start].start, end: self.spans[end - 1].end }
    }

    /// Returns the text with each escape sequence decoded once; `None` if there is none.
    pub(in crate::drift) fn unescaped(&self) -> Option<Self> {
        let escape = |at: &usize| EscapeSequence::at_start(&self.bytes[*at..]);
        let first = (0..self.bytes.len()).find(|at| escape(at).is_some())?;
        let mut text = Self::empty(self.is_pieces, self.bytes.len());
        text.bytes.extend_from_slice(&self.bytes[..first]);
        text.spans.extend_from_slice(&self.spans[..first]);
        let mut at = first;
        while at < self.bytes.len() {
            let Some(EscapeSequence { length, meaning }) = escape(&at) else {
                text.push(self.bytes[at], self.spans[at]);
                at += 1;
                continue;
            };
            let span = self.span(at, at + length);
            match meaning {
                Meaning::Byte(byte) => text.push(byte, span),
                Meaning::Char(char) => text.push_char(char, span),
            }
            at += length;
        }
        Some(text)
    }

    /// Returns the runs of base64 characters, except those that were seen at the same place before. A run may contain
    /// line breaks.
    pub(in crate::drift) fn runs(&self, shortest: Shortest, seen: &mut HashSet<(ByteRange, usize)>) -> Runs {
        let shortest = if shortest == Shortest::Any { 2 } else { LONG };
        let mut runs = Runs { places: Vec::new(), ends: Vec::new() };
        let mut at = 0;
        while at < self.bytes.len() {
            if sextet(self.bytes[at]).is_none() {
                at += 1;
                continue;
            }
            let start = runs.places.len();
            at = self.run(at, &mut runs.places);
            let run = &runs.places[start..];
            let span = self.span(run[0] as usize, run[run.len() - 1] as usize + 1);
            if run.len() >= shortest && seen.insert((span, run.len())) {
                runs.ends.push(runs.places.len());
            } else {
                runs.places.truncate(start);
            }
        }
        runs
    }

    /// Adds the run that starts at `start`, and returns its end.
    fn run(&self, start: usize, places: &mut Vec<u32>) -> usize {
        let (mut at, mut line) = (start, 0);
        loop {
            while at < self.bytes.len() && sextet(self.bytes[at]).is_some() {
                places.extend(u32::try_from(at));
                (at, line) = (at + 1, line + 1);
            }
            let rest = &self.bytes[at..];
            let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let is_continued = line >= SHORTEST_LINE
                && rest.first().is_some_and(|byte| b"\r\n".contains(byte))
                && rest.get(blanks).copied().and_then(sextet).is_some();
            if !is_continued {
                return at;
            }
            (at, line) = (at + blanks, 0);
        }
    }

    /// Returns the decoded runs, in order.
    pub(in crate::drift) fn pieces(&self, runs: &Runs, encoding: Encoding) -> Self {
        let mut text = Self::empty(true, 0);
        for run in runs.iter() {
            match encoding {
                Encoding::Base64 { skipped } if skipped == 0 || run.len() >= LONG + skipped => {
                    self.push_base64(&run[skipped..], &mut text);
                }
                Encoding::Base64 { .. } => {}
                Encoding::Hex { skipped } => {
                    for digits in run.chunk_by(|one, other| [one, other].iter().all(|at| self.digit(**at).is_some())) {
                        if digits.len() >= if skipped == 0 { 4 } else { LONG_HEX + skipped } {
                            self.push_hex(&digits[skipped..], &mut text);
                        }
                    }
                }
            }
        }
        text
    }

    fn push_base64(&self, run: &[u32], text: &mut Self) {
        let start = text.bytes.len();
        for group in run.chunks(4) {
            for (index, pair) in group.windows(2).enumerate() {
                let [one, other] = [pair[0], pair[1]].map(|at| sextet(self.bytes[at as usize]).unwrap_or_default());
                let byte = one << (2 * (index + 1)) | other >> (4 - 2 * index);
                let [first, last] = [pair[0], pair[1]].map(|at| self.spans[at as usize]);
                text.push(byte, ByteRange { start: first.start, end: last.end });
            }
        }
        text.end_piece(start);
    }

    fn push_hex(&self, digits: &[u32], text: &mut Self) {
        let start = text.bytes.len();
        for pair in digits.chunks_exact(2) {
            let byte = pair.iter().filter_map(|&at| self.digit(at)).fold(0, |byte, digit| byte << 4 | digit);
            let [first, last] = [pair[0], pair[1]].map(|at| self.spans[at as usize]);
            text.push(byte, ByteRange { start: first.start, end: last.end });
        }
        text.end_piece(start);
    }

    fn digit(&self, at: u32) -> Option<u8> {
        char::from(self.bytes[at as usize]).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    }

    /// Ends a piece. If it looks like UTF-16, adds it again as such, in either byte order.
    fn end_piece(&mut self, start: usize) {
        let end = self.bytes.len();
        self.push(SEPARATOR, ByteRange::default());
        let zeros: usize = self.bytes[start..end].iter().map(|byte| usize::from(*byte == 0)).sum();
        let is_mostly_latin = 8 * zeros >= end - start && zeros > 0;
        let is_text = !is_mostly_latin && std::str::from_utf8(&self.bytes[start..end]).is_ok();
        if is_text || end - start < 4 {
            return;
        }
        for (read, from) in
            [u16::from_le_bytes, u16::from_be_bytes].into_iter().flat_map(|read| [(read, start), (read, start + 1)])
        {
            if is_mostly_latin || self.units(read, from, end).all(|char| char.is_some_and(is_text_char)) {
                self.push_utf16(read, from, end);
            }
        }
    }

    fn units(&self, read: fn([u8; 2]) -> u16, from: usize, end: usize) -> impl Iterator<Item = Option<char>> {
        let units = self.bytes[from..end].chunks_exact(2).map(move |pair| read([pair[0], pair[1]]));
        char::decode_utf16(units).map(Result::ok)
    }

    fn push_utf16(&mut self, read: fn([u8; 2]) -> u16, from: usize, end: usize) {
        let mut at = from;
        let chars: Zeroizing<Vec<Option<char>>> = Zeroizing::new(self.units(read, from, end).collect());
        for char in chars.iter() {
            let width = 2 * char.map_or(1, char::len_utf16);
            let span = self.span(at, at + width);
            match char {
                // A byte order mark is not part of the text.
                None | Some('\u{feff}') => self.push(SEPARATOR, span),
                Some(char) => self.push_char(*char, span),
            }
            at += width;
        }
        self.push(SEPARATOR, ByteRange::default());
    }
}

impl Default for ByteRange {
    /// Returns an empty range, for a separator.
    fn default() -> Self {
        Self { start: u32::MAX, end: 0 }
    }
}

/// Returns whether the character occurs in ordinary text, so that meaningless bytes are rarely taken for UTF-16.
fn is_text_char(char: char) -> bool {
    char == '\u{feff}' || char.is_alphanumeric() || char.is_ascii() && !char.is_control() || "\t\r\n".contains(char)
}

/// Returns the six bits of a base64 character, in either alphabet.
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
