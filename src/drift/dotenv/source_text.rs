//! The text of a file as loaders read it: without a byte order mark and with LF line ends. Offsets can be mapped back
//! to the original text.

use std::ops::Range;

use zeroize::Zeroizing;

/// U+FEFF, which some editors put in front of UTF-8.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text whose line ends are all LF: Python opens text files in this way, and node's dotenv replaces CRLF and CR
/// before it parses.
#[derive(Debug)]
pub struct Normal {
    text: Zeroizing<String>,
    /// The length of the removed byte order mark in bytes.
    skipped: usize,
    /// Offsets of the line ends that were CRLF: after each of them, original offsets are larger by one more byte.
    shortened: Vec<usize>,
}

impl Normal {
    /// Removes the byte order mark and turns every line end into LF.
    pub fn of(original: &str) -> Self {
        let body = original.strip_prefix(BYTE_ORDER_MARK).unwrap_or(original);
        let mut text = Zeroizing::new(String::with_capacity(body.len()));
        let mut shortened = Vec::new();
        let mut rest = body;
        while let Some(at) = rest.find('\r') {
            text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('\n') {
                shortened.push(text.len());
                rest = after;
            }
            text.push('\n');
        }
        text.push_str(rest);
        Self { text, skipped: original.len() - body.len(), shortened }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether a byte order mark was removed.
    pub fn had_mark(&self) -> bool {
        self.skipped > 0
    }

    /// Maps an offset of this text to the original.
    pub fn original(&self, offset: usize) -> usize {
        self.skipped + offset + self.shortened.partition_point(|&at| at < offset)
    }

    /// Maps a range of this text to the original.
    pub fn span(&self, range: &Range<usize>) -> Range<usize> {
        self.original(range.start)..self.original(range.end)
    }
}

/// Computes 1-based lines and columns for non-decreasing offsets, so that a file is counted only once.
#[derive(Debug)]
pub struct Counter<'t> {
    original: &'t str,
    at: usize,
    line: usize,
    column: usize,
}

impl<'t> Counter<'t> {
    /// Starts at line 1, column 1, which is after a byte order mark.
    pub fn new(original: &'t str) -> Self {
        let at = if original.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        Self { original, at, line: 1, column: 1 }
    }

    /// Returns the line and column of an offset, which must not be smaller than the previous one. LF, CRLF and CR end a
    /// line.
    pub fn place(&mut self, offset: usize) -> (usize, usize) {
        let end = offset.max(self.at);
        let mut bytes = self.original.as_bytes()[self.at..end].iter().peekable();
        while let Some(&byte) = bytes.next() {
            if byte == b'\n' || (byte == b'\r' && bytes.peek() != Some(&&b'\n')) {
                self.line += 1;
                self.column = 1;
            } else if byte & 0xc0 != 0x80 {
                // The first byte of a character.
                self.column += 1;
            }
        }
        self.at = end;
        (self.line, self.column)
    }
}

/// Returns the offset of the start of the line that contains the offset.
pub fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

/// Returns the offset of the first line end at or after the offset, or of the end of the text.
pub fn line_end(text: &str, offset: usize) -> usize {
    text[offset..].find('\n').map_or(text.len(), |at| offset + at)
}

/// Returns the offset of the start of the next line, or of the end of the text.
pub fn next_line(text: &str, offset: usize) -> usize {
    (line_end(text, offset) + 1).min(text.len())
}

/// Returns the offset after a run of characters that `belongs` accepts.
pub fn skip(text: &str, offset: usize, belongs: impl Fn(char) -> bool) -> usize {
    text[offset..].find(|character| !belongs(character)).map_or(text.len(), |at| offset + at)
}

/// Returns whether the text has that character at the offset.
pub fn stands(text: &str, offset: usize, wanted: char) -> bool {
    text[offset..].starts_with(wanted)
}

/// Line numbers for offsets in any order.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Finds the line ends: LF, CRLF or CR.
    pub fn of(original: &str) -> Self {
        let bytes = original.as_bytes();
        let ends = |&(at, &byte): &(usize, &u8)| byte == b'\n' || (byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        Self(bytes.iter().enumerate().filter(ends).map(|(at, _)| at).collect())
    }

    /// Returns the 1-based line of an offset.
    pub fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|&end| end < offset) + 1
    }
}
