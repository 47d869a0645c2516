//! Keys whose name indicates that the value is a secret.

use std::borrow::Cow;

/// The words that indicate a secret, in the singular.
const WORDS: &[&str] =
    &["APIKEY", "AUTH", "CREDENTIAL", "DSN", "KEY", "PASS", "PASSWORD", "PRIVATE", "PWD", "SECRET", "TOKEN"];

/// Returns whether a part of the key is one of the words: `API_KEY` and `apiKeys`, not `KEYBOARD` or `AUTHOR`.
pub fn is_secret_like(key: &str) -> bool {
    parts_as_written(key).any(is_secret_word)
}

/// Returns whether a part of a name is one of the words, in the singular or plural.
fn is_secret_word(part: &str) -> bool {
    let part = comparable(part);
    is_one_of(WORDS, &part) || part.strip_suffix(['S', 's']).is_some_and(|singular| is_one_of(WORDS, singular))
}

/// Returns whether the part of a name, in upper case, is in the sorted list.
pub(crate) fn is_one_of(list: &[&str], part: &str) -> bool {
    let part = comparable(part);
    let letters = || part.bytes().map(|letter| letter.to_ascii_uppercase());
    list.binary_search_by(|word| word.bytes().cmp(letters())).is_ok()
}

/// Returns the part in upper case if it has other letters than those of ASCII, whose case is easily ignored.
fn comparable(part: &str) -> Cow<'_, str> {
    if part.is_ascii() { Cow::Borrowed(part) } else { Cow::Owned(in_upper_case(part)) }
}

/// Splits a name at non-letters and at camel-case word boundaries. Returns the parts in upper case.
pub fn name_parts(key: &str) -> Vec<String> {
    parts_as_written(key).map(in_upper_case).collect()
}

fn in_upper_case(part: &str) -> String {
    part.chars().flat_map(char::to_uppercase).collect()
}

/// Splits a name into the same parts, and returns them as they are written.
pub(crate) fn parts_as_written(key: &str) -> impl Iterator<Item = &str> {
    let mut rest = key.trim_start_matches(|letter: char| !letter.is_alphabetic());
    std::iter::from_fn(move || {
        let (part, after) = rest.split_at(part_length(rest));
        rest = after.trim_start_matches(|letter: char| !letter.is_alphabetic());
        (!part.is_empty()).then_some(part)
    })
}

/// Returns the length of the part at the start of a text.
fn part_length(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, letter)) = letters.next() {
        let next_is_small = letters.peek().is_some_and(|(_, next)| next.is_lowercase());
        let starts_word = letter.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_small));
        if starts_word || !letter.is_alphabetic() {
            return at;
        }
        before = letter;
    }
    text.len()
}

/// Returns whether the value is public: a key that build tools or services expose to browsers, or encryption metadata.
pub(crate) fn is_public(key: &str) -> bool {
    ["VITE_", "REACT_APP_", "GATSBY_", "VUE_APP_"].iter().any(|prefix| key.starts_with(prefix))
        || is_encryption_metadata(key)
        || parts_as_written(key).any(|part| is_one_of(&["ANON", "PUBLIC", "PUBLISHABLE"], part))
}

/// Returns whether the key describes how a file was encrypted. Its value is public, and not configuration of a program.
pub fn is_encryption_metadata(key: &str) -> bool {
    key.starts_with("DOTENV_PUBLIC_KEY") || key.starts_with("sops_")
}

#[cfg(test)]
mod tests {
    use super::{WORDS, is_secret_like, name_parts};

    #[test]
    fn secret_words_match_only_whole_parts_of_a_name() {
        assert!(WORDS.is_sorted());
        for (key, secret) in [
            ("API_KEY", true),
            ("KEY", true),
            ("KEYS", true),
            ("apiKey", true),
            ("APIKeyOld", true),
            ("api-key", true),
            ("app.token", true),
            ("KEY2", true),
            ("SENTRY_DSN", true),
            ("DB_PASS", true),
            ("AWS_CREDENTIALS", true),
            ("BASIC_AUTH", true),
            ("KEYBOARD", false),
            ("MONKEY", false),
            ("AUTHOR", false),
            ("COMPASS", false),
            ("PASSENGERS", false),
            ("TOKENIZER", false),
            ("OPENAI_APIKEY", true),
            ("paßwort", false),
            ("db_paß", true),
            ("ſecret", true),
            ("keyſ", true),
            ("KEYÉ", false),
            ("DATABASE_URL", false),
            ("", false),
        ] {
            assert_eq!(is_secret_like(key), secret, "{key}");
        }
    }

    #[test]
    fn splits_camel_case_and_acronyms() {
        assert_eq!(name_parts("myAPIKey2_old.X"), ["MY", "API", "KEY", "OLD", "X"]);
        assert_eq!(name_parts("__éaBcD2éÀ_"), ["ÉA", "BC", "D", "É", "À"]);
        assert_eq!(name_parts("2__"), [""; 0]);
    }
}
