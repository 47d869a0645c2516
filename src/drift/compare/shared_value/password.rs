//! Recognises passwords that a person made up, such as `harbor-Staging-42`. They consist of words and a number.

use crate::drift::Secret;
use crate::drift::indirect::is_indirect;
use crate::drift::leak::public_values::is_public_value;
use crate::drift::placeholder::{is_secret_text, is_unset};
use crate::drift::secret_like::name_parts;

/// Last words of keys for passwords. The value of another key may be a name: `SIGNING_KEY=shop-2024-01`.
const PASSWORDS: [&str; 5] = ["PASS", "PASSWD", "PASSWORD", "PWD", "SECRET"];

/// The shortest password of words, in bytes. Shorter ones are usual in documentation: `admin123`.
const SHORTEST: usize = 12;

/// Returns whether the words are a password that a person made up. Words without a number are usual in documentation.
pub(super) fn is_chosen_password(key: &str, value: &Secret) -> bool {
    let text = value.expose().trim();
    let words = name_parts(key);
    let is_known = |piece: &str| {
        piece.bytes().all(|byte| byte.is_ascii_digit()) || words.iter().any(|word| word.eq_ignore_ascii_case(piece))
    };
    let repeats_key = || text.split(|sign: char| !sign.is_alphanumeric()).all(is_known);
    words.last().is_some_and(|last| PASSWORDS.contains(&last.as_str()))
        && text.len() >= SHORTEST
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && !text.contains(|sign: char| sign.is_whitespace() || sign == '/')
        && is_secret_text(key, value)
        && !is_unset(key, text)
        && !is_indirect(text)
        && !is_public_value(key, text)
        && !repeats_key()
}
