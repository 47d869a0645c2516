//! Finds base64 in a text.
//!
//! Where base64 starts and ends is unknown: `/`, `+`, `-` and `_` belong to its alphabets, and separate it from other
//! text. So each place after a separator is tried as a start. All starts with the same offset modulo four decode to the
//! same bytes, so that a run is decoded at most four times.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::trace::occurrences::base64_encoding::{PADDING, decode, encoded_length, encodings, is_canonical};

/// How many starts are tried for one decoded text. Few bytes before base64 decode to text by chance.
const MOST_STARTS: usize = 3;

/// How many ends are tried.
const MOST_ENDS: usize = 4;

/// The shortest line of base64 that is continued on the next one, in characters. Programs break lines after 60 to 76.
const SHORTEST_LINE: usize = 60;

/// A part of a text that may be base64, with its padding.
pub(super) struct Candidate {
    pub(super) range: Range<usize>,
    /// The decoded text.
    pub(super) text: Zeroizing<String>,
}

/// Returns the places of the base64 of exactly the value.
pub(super) fn of_value(text: &str, value: &str) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for encoded in encodings(value) {
        for (start, _) in text.match_indices(encoded.as_str()) {
            let end = start + encoded.len();
            let [before, after] = [text[..start].chars().next_back(), text[end..].chars().next()];
            let is_alphanumeric = |sign: Option<char>| sign.is_some_and(char::is_alphanumeric);
            // After two bytes of three, the next character may also encode a question mark: not surely a separator.
            let may_continue = value.len() % 3 == 2 && after.is_some_and(is_separator);
            if !is_alphanumeric(before) && !is_alphanumeric(after) && !may_continue {
                let end = end + padding(&text[end..], encoded.len());
                candidates.push(Candidate { range: start..end, text: Zeroizing::new(value.to_owned()) });
            }
        }
    }
    candidates
}

/// Returns base64 that is broken into lines, as `base64` writes it.
pub(super) fn wrapped(text: &str) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    if !text.contains('\n') {
        return candidates;
    }
    let runs = maximal_runs(text);
    let is_continued = |one: &Range<usize>, next: &Range<usize>| {
        one.len() >= SHORTEST_LINE && next.len() <= one.len() && matches!(&text[one.end..next.start], "\n" | "\r\n")
    };
    for lines in runs.chunk_by(is_continued) {
        let [first, .., last] = lines else { continue };
        let mut joined = Zeroizing::new(String::with_capacity(last.end - first.start));
        for line in lines {
            joined.push_str(&text[line.clone()]);
        }
        let has_width = lines[..lines.len() - 1].iter().all(|line| line.len() == first.len());
        let bytes = decode(&joined);
        if has_width && joined.len() % 4 != 1 && texts(&bytes, 1).first() == Some(&(0..bytes.len())) {
            let range = first.start..last.end + padding(&text[last.end..], joined.len());
            candidates.extend(candidate(range, &bytes));
        }
    }
    candidates
}

/// Returns the runs of characters of one alphabet that are long enough for so many bytes. A run of characters of both
/// alphabets is split in both ways.
pub(super) fn runs(text: &str, bytes: usize) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    for run in maximal_runs(text) {
        let signs = &text[run.clone()];
        let is_mixed = signs.contains(['+', '/']) && signs.contains(['-', '_']);
        let others: &[[char; 2]] = if is_mixed { &[['+', '/'], ['-', '_']] } else { &[['=', '=']] };
        for separators in others {
            let mut start = run.start;
            for part in signs.split(separators) {
                runs.push(start..start + part.len());
                start += part.len() + 1;
            }
        }
    }
    runs.retain(|run| run.len() >= encoded_length(bytes));
    runs
}

/// Passes each text of at least so many bytes that a part of the run may encode to `accept`. After an accepted one,
/// other starts of the same text are skipped.
pub(super) fn decode_parts(
    text: &str,
    run: &Range<usize>,
    shortest: usize,
    accept: &mut dyn FnMut(&Candidate) -> bool,
) {
    let signs = &text[run.clone()];
    let separators: Vec<usize> = signs.match_indices(is_separator).map(|(at, _)| at).collect();
    for offset in 0..4 {
        let starts = [0].into_iter().chain(separators.iter().map(|at| at + 1));
        let starts: Vec<usize> = starts.filter(|start| start % 4 == offset && *start < signs.len()).collect();
        if starts.is_empty() {
            continue;
        }
        let bytes = decode(&signs[offset..]);
        for part in texts(&bytes, shortest) {
            let first = starts.partition_point(|start| (start - offset) / 4 * 3 < part.start);
            let possible = starts[first..].iter().take(MOST_STARTS);
            let candidates = possible.filter_map(|start| {
                let byte = (start - offset) / 4 * 3;
                let end = end(signs, &separators, *start, part.end.checked_sub(byte)?, part.end == bytes.len())?;
                let length = (end - start) * 3 / 4;
                let padding = if end == signs.len() { padding(&text[run.end..], end - start) } else { 0 };
                let range = run.start + start..run.start + end + padding;
                candidate(range, &bytes[byte..byte + length]).filter(|candidate| candidate.text.len() >= shortest)
            });
            for candidate in candidates {
                if accept(&candidate) {
                    break;
                }
            }
        }
    }
}

/// Returns whether the text has a run that is long enough for so many bytes, or a line of one.
pub(super) fn has_run(text: &str, bytes: usize) -> bool {
    let shortest = encoded_length(bytes);
    let shortest = if text.contains('\n') { shortest.min(SHORTEST_LINE) } else { shortest };
    let mut length = 0;
    text.bytes().any(|byte| {
        length = if is_in_alphabet(byte) { length + 1 } else { 0 };
        length >= shortest
    })
}

fn candidate(range: Range<usize>, bytes: &[u8]) -> Option<Candidate> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(Candidate { range, text: Zeroizing::new(text.to_owned()) })
}

/// Returns the last place where base64 that starts at `start` may end, if only so many bytes of it are text.
fn end(signs: &str, separators: &[usize], start: usize, bytes: usize, is_last: bool) -> Option<usize> {
    if is_last && (signs.len() - start) % 4 != 1 {
        return Some(signs.len());
    }
    let last = start + (4 * bytes + 3) / 3;
    let ends = separators[..separators.partition_point(|at| *at <= last)].iter().rev().take(MOST_ENDS);
    let is_end = |end: &&usize| **end > start && is_canonical(&signs[start..**end]);
    ends.copied().collect::<Vec<_>>().iter().find(is_end).copied()
}

/// Returns the parts of decoded bytes that are text of at least so many bytes.
fn texts(bytes: &[u8], shortest: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for part in chunk.valid().split(is_binary) {
            found.push(at..at + part.len());
            at += part.len() + 1;
        }
        // The last part is not followed by a separator.
        at = at - 1 + chunk.invalid().len();
    }
    found.retain(|part| part.len() >= shortest);
    found
}

/// Returns whether the character occurs in decoded bytes only if they are not text. The credentials of SASL are
/// separated by NUL. All these characters have one byte.
fn is_binary(character: char) -> bool {
    character.is_ascii_control() && !matches!(character, '\0' | '\t' | '\n' | '\r')
}

/// Returns the length of the padding at the start of the text, if it completes so many characters.
fn padding(after: &str, length: usize) -> usize {
    let found = after.len() - after.trim_start_matches(PADDING).len();
    if found <= 2 && (length + found).is_multiple_of(4) { found } else { 0 }
}

fn maximal_runs(text: &str) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for (at, byte) in text.bytes().chain([0]).enumerate() {
        match (start, is_in_alphabet(byte)) {
            (None, true) => start = Some(at),
            (Some(first), false) => {
                runs.push(first..at);
                start = None;
            }
            _ => {}
        }
    }
    runs
}

fn is_in_alphabet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

fn is_separator(character: char) -> bool {
    matches!(character, '+' | '/' | '-' | '_')
}
