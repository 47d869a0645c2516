//! Distinguishes real values from sample values.

use crate::drift::dotenv::Entry;

/// The shortest value that may be generated, in bytes.
const SHORTEST: usize = 12;

/// The number of letters, and of digits, that a generated value has at least.
const LEAST: usize = 3;

/// Words in sample values.
const SAMPLE_WORDS: &[&str] = &[
    "change",
    "dummy",
    "example",
    "fake",
    "foo",
    "here",
    "insecure",
    "insert",
    "local",
    "password",
    "placeholder",
    "replace",
    "sample",
    "secret",
    "test",
    "xxx",
    "your",
];

/// Returns whether the value looks generated (`sk_live_4f1c9a77b2`) rather than like a sample to replace
/// (`your-256-bit-secret`).
pub(super) fn is_real(entry: &Entry) -> bool {
    let value = entry.value.expose().trim().to_lowercase();
    let count = |counts: fn(char) -> bool| value.chars().filter(|&letter| counts(letter)).count();
    value.len() >= SHORTEST
        && count(char::is_alphabetic) >= LEAST
        && count(char::is_numeric) >= LEAST
        && !value.contains(char::is_whitespace)
        && !has_example_word(&value)
}

/// Returns whether the lower-case text contains a word that is typical of samples.
pub(super) fn has_example_word(text: &str) -> bool {
    SAMPLE_WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::dotenv::LocalFile;
    use crate::drift::leak::example_values::is_real;

    #[test]
    fn only_generated_values_are_real_secrets() {
        for (value, expected) in [
            ("4f1c9a77b2d0", true),
            ("sk_live_4f1c9a77b2", true),
            ("AKIA4F1C9A77B2D04E", true),
            ("4f1c9a77b2d", false),
            ("AKIAIOSFODNN7EXAMPLE", false),
            ("sk_test_4f1c9a77b2", false),
            ("your-256-bit-secret", false),
            ("django-insecure-4f1c9a77b2", false),
            ("correct-horse-battery", false),
            ("'twelve 12 or 13 words'", false),
            ("123456789012", false),
        ] {
            let file = LocalFile::parse(".env.example", Secret::new(format!("API_KEY={value}")));
            assert_eq!(is_real(&file.entries[0]), expected, "{value}");
        }
    }
}
