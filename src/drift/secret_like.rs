//! Keys whose name says that the value is a secret.

/// The words that say so, in the singular.
const WORDS: &[&str] =
    &["APIKEY", "AUTH", "CREDENTIAL", "DSN", "KEY", "PASS", "PASSWORD", "PRIVATE", "PWD", "SECRET", "TOKEN"];

/// Whether the key holds one of the words as a part of its own: `API_KEY` and `apiKeys`, not `KEYBOARD` or `AUTHOR`.
pub fn is_secret_like(key: &str) -> bool {
    words(key).iter().any(|word| {
        let singular = word.strip_suffix('S').unwrap_or(word);
        WORDS.binary_search(&word.as_str()).is_ok() || WORDS.binary_search(&singular).is_ok()
    })
}

/// The parts of a name in capitals: split at everything that is no letter, and where camel case starts a word.
pub fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut letters = key.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let next_is_small = letters.peek().is_some_and(|next| next.is_lowercase());
        let starts_word = letter.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_small));
        if starts_word || !letter.is_alphabetic() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphabetic() {
            word.extend(letter.to_uppercase());
        }
        before = letter;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::{WORDS, is_secret_like, words};

    #[test]
    fn a_word_counts_only_as_a_part_of_its_own() {
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
            ("DATABASE_URL", false),
            ("", false),
        ] {
            assert_eq!(is_secret_like(key), secret, "{key}");
        }
    }

    #[test]
    fn camel_case_and_capitals_are_told_apart() {
        assert_eq!(words("myAPIKey2_old.X"), ["MY", "API", "KEY", "OLD", "X"]);
    }
}
