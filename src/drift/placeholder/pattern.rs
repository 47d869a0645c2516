//! Recognises placeholders by their characters (masks, sequences, names in brackets), and text that is not a secret.

use crate::drift::placeholder::vocabulary::{is_known_piece, is_prefix};

/// The shortest mask, in characters.
const SHORTEST_MASK: usize = 3;

/// A mask of at least this length marks a placeholder whatever the rest of the text is.
const CLEAR_MASK: usize = 6;

/// The shortest sequence such as `1234567890` or `abcdefghij`, in characters.
const SEQUENCE: usize = 10;

/// Returns whether the character may be part of a mask.
fn is_sign(character: char) -> bool {
    matches!(character, '*' | '•' | '●' | '…' | '.' | '?' | '#' | 'x' | 'X')
}

/// Returns true for `***`, `xxxx`, `•••`, `...`: the same character at least three times.
pub(super) fn is_mask(text: &str) -> bool {
    let mut signs = text.chars();
    let Some(first) = signs.next() else { return false };
    text.chars().count() >= SHORTEST_MASK
        && matches!(first, '*' | 'x' | 'X' | '•' | '●' | '.')
        && signs.all(|sign| sign == first)
}

/// Returns whether the text consists of ordinary words, as in brackets.
pub(super) fn is_prose(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || "-_.:' ".contains(letter))
}

/// Returns whether the characters alone show that the text is not a secret.
pub(super) fn is_blank(text: &str) -> bool {
    let body = text.strip_prefix("0x").or_else(|| text.strip_prefix("base64:")).unwrap_or(text).trim_end_matches('=');
    is_zeros(body) || is_sequence(body) || is_masked(text) || is_sample_of_aws(text)
}

/// Returns true for 64 zeros, or a UUID of zeros.
fn is_zeros(text: &str) -> bool {
    text.len() >= 8 && text.bytes().all(|byte| matches!(byte, b'0' | b'-')) && text.contains("0000")
}

/// Returns true for `sk-1234567890`: after a prefix, consecutive characters.
fn is_sequence(text: &str) -> bool {
    let Some((before, last)) = text.rsplit_once(['-', '_']) else { return false };
    let follows = |pair: &[u8]| {
        let [one, other] = [pair[0].to_ascii_lowercase(), pair[1].to_ascii_lowercase()];
        other == one + 1
            || matches!((one, other), (b'9', b'0' | b'a') | (b'0', b'1' | b'a') | (b'f' | b'z', b'0' | b'1'))
    };
    last.len() >= SEQUENCE
        && last.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && last.as_bytes().windows(2).all(follows)
        && before.split(['-', '_']).all(|piece| is_prefix(&piece.to_lowercase()))
}

/// Returns true for `sk-xxxxxxxx`, `xoxb-...`, `AIzaSyDxxxxx`: a mask instead of the secret part.
fn is_masked(text: &str) -> bool {
    // Most text has no sign twice in a row, and then no mask either.
    let is_repeated = |pair: &[u8]| pair[0] == pair[1] && is_sign(char::from(pair[0]));
    if text.is_ascii() && !text.as_bytes().windows(2).any(is_repeated) {
        return false;
    }
    let pieces = || text.split(['-', '_', ':', '/', '@', ' ', '.']).filter(|piece| !piece.is_empty());
    let masks = |piece: &str| {
        let first = piece.chars().next();
        let same = piece.chars().all(|other| Some(other) == first && is_sign(other));
        if same { piece.chars().count() } else { 0 }
    };
    let longest = pieces().map(masks).max().unwrap_or_default();
    let rest_is_known = || pieces().filter(|piece| masks(piece) < SHORTEST_MASK).all(is_known_piece);
    longest >= CLEAR_MASK
        || (longest >= SHORTEST_MASK && (rest_is_known() || text.contains("://")))
        || ends_in_mask(text)
}

/// Returns true for `sk-...`, `AIzaSyDxxxxx`.
fn ends_in_mask(text: &str) -> bool {
    let cut = text.strip_suffix("...").or_else(|| text.strip_suffix('…')).map(|rest| rest.trim_end_matches('.'));
    if let Some(rest) = cut {
        return rest.ends_with("://") || rest.split(['-', '_', ' ']).all(is_known_piece);
    }
    let run = text.chars().rev().take_while(|&sign| matches!(sign, 'x' | '*' | '•')).count();
    let other = text.chars().rev().take_while(|&sign| sign == 'X').count();
    run.max(other) >= CLEAR_MASK - 1
}

/// Returns true for the sample keys in the documentation of AWS.
fn is_sample_of_aws(text: &str) -> bool {
    text.ends_with("EXAMPLEKEY") || (text.starts_with("AKIA") && text.ends_with("EXAMPLE"))
}

/// Returns true for `sk-<your key>`: words in angle brackets somewhere in the text.
pub(super) fn has_name_in_angles(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((inner, behind)) = after.split_once('>') else { return false };
        let letters = inner.chars().filter(|letter| letter.is_alphabetic()).count();
        if letters >= 3 && is_prose(inner) && inner.starts_with(char::is_alphabetic) {
            return true;
        }
        rest = behind;
    }
    false
}

/// Returns whether the text refers to something else: a path, a variable, an email address or a host.
pub(super) fn is_elsewhere(text: &str) -> bool {
    let is_path = text.starts_with(['/', '~', '\\']) || text.starts_with("./") || text.starts_with("../");
    is_path || text.starts_with('$') || text.contains("${") || is_email(text) || is_host(text)
}

fn is_email(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !name.contains([':', '/', ' ']) && is_host(host))
}

/// Returns true for `vault.example.com`, without scheme.
fn is_host(text: &str) -> bool {
    let labels = || text.split('.');
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let is_top =
        |label: &str| label.len() >= 2 && label.bytes().all(|byte| byte.is_ascii_lowercase()) && !is_known_piece(label);
    labels().count() >= 2 && labels().all(is_label) && labels().next_back().is_some_and(is_top)
}

/// Returns true for a number, or a number with a unit: `3600`, `15m`, `7 days`, `00:30:00`.
pub(super) fn is_amount(text: &str) -> bool {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).trim_end();
    let unit = text.len() - digits.len();
    !digits.is_empty() && unit <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit() || b".:,_-+*( )".contains(&byte))
}
