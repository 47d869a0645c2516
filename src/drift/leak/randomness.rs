//! Distinguishes generated text from words and names.

use crate::drift::leak::example_values::has_example_word;
use crate::drift::secret_like::name_parts;

/// The longest word, in letters. A longer one under a secret-like key was not written by hand.
const LONGEST_WORD: usize = 15;

/// The number of words from which a text is a passphrase.
const PASSPHRASE: usize = 4;

/// The longest run of consonants in a word: `workspace`, `strengths`.
const CONSONANTS: usize = 5;

/// The shortest part between separators of a generated token, in characters. Names and versions have shorter ones:
/// `Mixtral-8x7b-Instruct`, `canary-20250304-f08e984`.
const SHORTEST_PART: usize = 10;

/// The longest number at the end of a word: `manylinux2014`.
const LONGEST_NUMBER: usize = 4;

/// Returns whether the text consists of a few ordinary words: `standard`, `Acme Full Stack Project`, `postgres_16`.
/// Four or more words are a passphrase, unless one of them is typical of samples.
pub(in crate::drift) fn is_prose(text: &str) -> bool {
    let pieces: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).filter(|it| !it.is_empty()).collect();
    let is_number = |piece: &&str| piece.len() <= 4 && piece.bytes().all(|byte| byte.is_ascii_digit());
    let count = pieces.iter().filter(|piece| !is_number(piece)).count();
    let is_path = text.contains('/') && !text.contains(char::is_whitespace);
    let is_sample = || has_example_word(&text.to_lowercase());
    count > 0
        && (count < PASSPHRASE || is_path || is_sample())
        && text.chars().all(|letter| letter.is_alphanumeric() || " -_./:,'".contains(letter))
        && pieces.iter().all(|piece| is_number(piece) || (is_word(piece) && is_short(piece)))
}

/// Returns whether each word in camel case was written by hand.
fn is_short(piece: &str) -> bool {
    name_parts(piece).iter().all(|part| part.chars().count() <= LONGEST_WORD)
}

/// Returns whether the letters are pronounceable, as one word or in camel case.
fn is_word(piece: &str) -> bool {
    if !piece.chars().all(char::is_alphabetic) {
        return false;
    }
    let parts = name_parts(piece);
    let is_pronounceable = |part: &String| {
        let is_vowel = |letter: &char| "AEIOUYÄÖÜÉÈÀ".contains(*letter) || !letter.is_ascii();
        let length = part.chars().count();
        let vowels = part.chars().filter(is_vowel).count();
        let longest = part.split(|letter| is_vowel(&letter)).map(|run| run.chars().count()).max().unwrap_or_default();
        length <= 3 || (vowels * 5 >= length && longest <= CONSONANTS)
    };
    let shortest = if parts.len() > 2 { 4 } else { 3 };
    parts.iter().all(is_pronounceable) && (parts.len() == 1 || piece.chars().count() >= parts.len() * shortest)
}

/// Returns whether part of the text looks generated and has at least that many letters and digits.
pub(super) fn looks_random(text: &str, shortest: usize) -> bool {
    let is_end = |letter: char| !letter.is_alphanumeric() && !"-_+/=".contains(letter);
    text.split(is_end).any(|token| is_random(token, shortest))
}

/// Returns whether the token, which may contain separators, looks generated.
pub(in crate::drift) fn is_random(token: &str, shortest: usize) -> bool {
    let letters: Vec<char> = token.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let length = letters.len();
    let mut pieces = token.split(|letter: char| !letter.is_alphanumeric());
    // Generated text is ASCII.
    if length < shortest || !token.is_ascii() || !pieces.any(is_generated) {
        return false;
    }
    let digits = letters.iter().filter(|letter| letter.is_numeric()).count();
    let changes = letters.windows(2).filter(|pair| pair[0].is_numeric() != pair[1].is_numeric()).count();
    let parts = name_parts(token);
    let is_mixed = digits >= 2 && digits < length && changes * 6 >= length;
    // Random letters of mixed case split into very short words.
    let words = token.split(|letter: char| !letter.is_alphabetic()).filter(|piece| !piece.is_empty()).count();
    let is_broken = parts.len() >= words + 3 && (length - digits) * 10 < parts.len() * 32;
    is_mixed || is_broken || has_mixed_case(token, shortest) || (digits == 0 && parts.len() <= 2)
}

/// Returns whether a part without separators is neither a word, also with a number at its end, nor a number.
fn is_generated(piece: &str) -> bool {
    let word = piece.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_named = piece.len() - word.len() <= LONGEST_NUMBER && is_word(word);
    piece.len() >= SHORTEST_PART && !word.is_empty() && !is_named
}

/// Returns whether the token has a part of that many letters and digits in which upper and lower case alternate more
/// often than in camel case. Commits, checksums and UUIDs have letters of one case.
pub(super) fn has_mixed_case(token: &str, shortest: usize) -> bool {
    let class = |byte: u8| (byte.is_ascii_uppercase(), byte.is_ascii_lowercase());
    let is_mixed = |piece: &str| {
        let bytes = piece.as_bytes();
        let has = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count() >= 2;
        let changes = bytes.windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count();
        bytes.len() >= shortest
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && changes * 5 >= bytes.len() * 2
    };
    token.split(|letter: char| !letter.is_alphanumeric()).any(is_mixed)
}

#[cfg(test)]
mod tests {
    use super::{has_mixed_case, is_prose, looks_random};

    #[test]
    fn detects_pronounceable_text() {
        for (text, expected) in [
            ("standard", true),
            ("Acme Full Stack", true),
            ("AcmeCorp", true),
            ("my-app_2024", true),
            ("workspace", true),
            ("", false),
            ("hunter2", false),
            ("k3y-of", false),
            ("qhzxwkvdmpbt", false),
            ("aBcDeFgH", false),
            ("one two three four", false),
            ("one-two-three-four", false),
            ("one/two/three/four", true),
            ("2024", false),
            ("AppKey", true),
            ("MyApp", false),
            ("bcdfaghjklemn", false),
            ("pa$$word", false),
            ("sendflappingnoticestoall", false),
        ] {
            assert_eq!(is_prose(text), expected, "{text}");
        }
    }

    #[test]
    fn random_text_is_distinguished_from_names() {
        for (text, expected) in [
            ("4f1c9a77b2d04e55", true),
            ("4f1c9a77-b2d0-4e5a-9c1d-0123456789ab", true),
            ("aBcDeFgHiJkLmNoPqRsTuVwX", true),
            ("Zk3vQ9xLmT2bR7wY", true),
            ("Zk3vQ9xLmT/bR7wYpT3xk+kq=", true),
            ("LRKNosgmTpoELXKuhcKuHPMf", true),
            ("qhzxwkvdmpbtrrjs", true),
            ("x86_64-linux-gnu/libfoo", false),
            ("aBcDeFgHiJ-kLmNoPqR", true),
            ("DistributedTransactionCoordinator", false),
            ("DistributedTransactionCoordinatorHttpsXml", false),
            ("accommodation20240131", false),
            ("feature-complete-and-more", false),
            ("2024-01-15T10:00:00.000Z", false),
            ("12345678901234567890", false),
            ("Mixtral-8x7b-Instruct-v0.1", false),
            ("babel-preset-expo@13.0.0-canary-20250304-f08e984", false),
            ("scheduler@0.24.0-canary-efb381bbf", false),
            ("cp314t-manylinux2014_aarch64.manylinux_2_17_x86_64", false),
            ("hc.accounts.management.commands.sendflappingnotices", false),
            ("product_value.variantvalueassignment.exists", false),
            ("@modelcontextprotocol/server", false),
            ("schemas.openxmlformats.org/wordprocessingml", false),
            ("Bestätigen Sie Ihren Sicherheitsschlüssel", false),
            ("AIネイティブの多言語アンケートです", false),
        ] {
            assert_eq!(looks_random(text, 16), expected, "{text}");
        }
    }

    #[test]
    fn checksums_have_no_mixed_case() {
        for (token, expected) in [
            ("kV93xTzLq0PwMn72RbYcJd5S", true),
            ("a-kV93xTzLq0PwMn72RbYcJd5S", true),
            ("zPVIHxoTboIMCAdiOXklQZkW", true),
            ("5d4461aa42cadbacfef8fe2166c5453a5c52773a", false),
            ("5D4461AA42CADBACFEF8FE2166C5453A5C52773A", false),
            ("4f1c9a77-b2d0-4e5a-9c1d-0123456789ab", false),
            ("LexicalListNodeOfEditor", false),
            ("GetHTTPSUrlForID", false),
        ] {
            assert_eq!(has_mixed_case(token, 16), expected, "{token}");
        }
    }
}
