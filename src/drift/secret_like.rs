//! Keys whose name indicates that the value is a secret.

/// The words that indicate a secret, in the singular.
const WORDS: &[&str] =
    &["APIKEY", "AUTH", "CREDENTIAL", "DSN", "KEY", "PASS", "PASSWORD", "PRIVATE", "PWD", "SECRET", "TOKEN"];

/// Returns whether a part of the key is one of the words: `API_KEY` and `apiKeys`, not `KEYBOARD` or `AUTHOR`.
pub fn is_secret_like(key: &str) -> bool {
    name_parts(key).iter().any(|word| {
        let singular = word.strip_suffix('S').unwrap_or(word);
        WORDS.binary_search(&word.as_str()).is_ok() || WORDS.binary_search(&singular).is_ok()
    })
}

/// Splits a name at non-letters and at camel-case word boundaries. Returns the parts in upper case.
pub fn name_parts(key: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut letters = key.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let next_is_small = letters.peek().is_some_and(|next| next.is_lowercase());
        let starts_word = letter.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_small));
        if starts_word || !letter.is_alphabetic() {
            parts.push(std::mem::take(&mut word));
        }
        if letter.is_alphabetic() {
            word.extend(letter.to_uppercase());
        }
        before = letter;
    }
    parts.push(word);
    parts.retain(|word| !word.is_empty());
    parts
}

/// Returns whether the value is public: a key that build tools or services expose to browsers, or encryption metadata.
pub(crate) fn is_public(key: &str) -> bool {
    ["VITE_", "REACT_APP_", "GATSBY_", "VUE_APP_"].iter().any(|prefix| key.starts_with(prefix))
        || is_encryption_metadata(key)
        || name_parts(key).iter().any(|word| matches!(word.as_str(), "PUBLIC" | "PUBLISHABLE" | "ANON"))
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
            ("DATABASE_URL", false),
            ("", false),
        ] {
            assert_eq!(is_secret_like(key), secret, "{key}");
        }
    }

    #[test]
    fn splits_camel_case_and_acronyms() {
        assert_eq!(name_parts("myAPIKey2_old.X"), ["MY", "API", "KEY", "OLD", "X"]);
    }
}
