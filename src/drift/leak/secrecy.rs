//! Decides from its key and text whether a value is a secret.
//!
//! A secret has a secret-like key or looks random. Words, addresses without credentials, email addresses, paths and
//! numbers are not secrets, because they also occur in source code and documentation.

use crate::drift::Secret;
use crate::drift::expected_differences::{self, ExpectedDifference};
use crate::drift::indirect::is_indirect;
use crate::drift::leak::example_values::has_example_word;
use crate::drift::placeholder::{is_secret_text, is_unset, names_secret};
use crate::drift::secret_like::{is_public, is_secret_like, name_parts};

/// The shortest text that may look random, in characters; and the same under a key that is related to a secret.
const SHORTEST_RANDOM: usize = 16;
const SHORTEST_RANDOM_NEAR: usize = 12;

/// The longest word, in letters. Longer text was not written by hand.
const LONGEST_WORD: usize = 15;

/// The number of words from which a text is a passphrase.
const PASSPHRASE: usize = 4;

/// The longest run of consonants in a word: `workspace`, `strengths`.
const CONSONANTS: usize = 5;

/// Last words of keys whose value is an identifier or a checksum of public data.
const IDENTIFIERS: [&str; 16] = [
    "BUILD",
    "CHECKSUM",
    "COMMIT",
    "DIGEST",
    "HASH",
    "ID",
    "IDS",
    "IMAGE",
    "INTEGRITY",
    "REF",
    "REVISION",
    "SHA",
    "TAG",
    "UUID",
    "UUIDS",
    "VERSION",
];

/// Returns whether the value of that key is a secret.
pub(super) fn is_secret(key: &str, value: &Secret) -> bool {
    let text = value.expose().trim();
    let is_reference = text.starts_with("${") && text.ends_with('}');
    if text.is_empty()
        || is_reference
        || is_indirect(text)
        || is_public(key)
        || is_unset(key, text)
        || is_public_block(text)
        || expected_differences::of(key, value) == Some(ExpectedDifference::Host)
    {
        return false;
    }
    let is_near = is_secret_like(key);
    let is_identifier = !is_near && name_parts(key).last().is_some_and(|last| IDENTIFIERS.contains(&last.as_str()));
    let shortest = if is_near { SHORTEST_RANDOM_NEAR } else { SHORTEST_RANDOM };
    text.contains("PRIVATE KEY-----")
        || has_credentials(text)
        || (names_secret(key) && is_secret_text(key, value) && !is_prose(text))
        || (!is_identifier && looks_random(text, shortest))
}

/// Returns whether the text is a certificate or public key, which is not a secret.
fn is_public_block(text: &str) -> bool {
    text.starts_with("-----BEGIN ") && !text.contains("PRIVATE")
}

/// Returns whether the text is a URL with a real password: one that differs from the user name and is not a placeholder
/// or reference.
fn has_credentials(text: &str) -> bool {
    password(text).is_some_and(|(name, password)| {
        name != password && !is_unset("PASSWORD", password) && !password.starts_with("${") && !is_indirect(password)
    })
}

/// Returns the user name and password of a URL.
pub(super) fn password(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // A password that is not percent-encoded may contain an `@` or `/`.
    let authority = if authority.contains('@') { authority } else { rest };
    let (user, _) = authority.rsplit_once('@')?;
    user.split_once(':').filter(|(_, password)| !password.is_empty())
}

/// Returns whether the text consists of a few ordinary words: `standard`, `Acme Full Stack Project`, `postgres_16`.
/// Four or more words are a passphrase, unless one of them is typical of samples.
pub(super) fn is_prose(text: &str) -> bool {
    let pieces: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).filter(|it| !it.is_empty()).collect();
    let is_number = |piece: &&str| piece.len() <= 4 && piece.bytes().all(|byte| byte.is_ascii_digit());
    let count = pieces.iter().filter(|piece| !is_number(piece)).count();
    let is_path = text.contains('/') && !text.contains(char::is_whitespace);
    let is_sample = || has_example_word(&text.to_lowercase());
    count > 0
        && (count < PASSPHRASE || is_path || is_sample())
        && text.chars().all(|letter| letter.is_alphanumeric() || " -_./:,'".contains(letter))
        && pieces.iter().all(|piece| is_number(piece) || is_word(piece))
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
        length <= 3 || (length <= LONGEST_WORD && vowels * 5 >= length && longest <= CONSONANTS)
    };
    parts.iter().all(is_pronounceable) && (parts.len() == 1 || piece.chars().count() >= parts.len() * 3)
}

/// Returns whether part of the text looks generated. The host of a URL is ignored, because it is public.
pub(super) fn looks_random(text: &str, shortest: usize) -> bool {
    let (text, is_url) = match text.split_once("://") {
        Some((_, rest)) => (rest.split_once(['/', '?', '#']).map_or("", |(_, path)| path), true),
        None => (text, false),
    };
    let is_end = |letter: char| {
        !letter.is_alphanumeric() && (is_url && letter != '-' && letter != '_' || !"-_+/=".contains(letter))
    };
    text.split(is_end).any(|token| is_random(token, shortest))
}

fn is_random(token: &str, shortest: usize) -> bool {
    let letters: Vec<char> = token.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let length = letters.len();
    if length < shortest {
        return false;
    }
    let digits = letters.iter().filter(|letter| letter.is_numeric()).count();
    let changes = letters.windows(2).filter(|pair| pair[0].is_numeric() != pair[1].is_numeric()).count();
    let parts = name_parts(token);
    let is_mixed = digits >= 2 && digits < length && changes * 6 >= length;
    // Random letters of mixed case split into very short words.
    let pieces = token.split(|letter: char| !letter.is_alphabetic()).filter(|piece| !piece.is_empty()).count();
    let is_broken = parts.len() >= pieces + 3 && (length - digits) * 10 < parts.len() * 32;
    let is_pronounceable = || token.split(['-', '_', '+', '/', '=']).all(|piece| piece.is_empty() || is_word(piece));
    is_mixed || is_broken || (digits == 0 && parts.len() <= 2 && !is_pronounceable())
}

#[cfg(test)]
mod tests {
    use super::{is_prose, is_secret, looks_random};
    use crate::drift::Secret;

    #[test]
    fn secrets_are_distinguished_from_text_and_addresses() {
        for (key, value, expected) in [
            ("API_KEY", "k3y-of-this-shop", true),
            ("STRIPE_SECRET_KEY", "sk_live_51H8xAbCdEfGhIjKlMnOp", true),
            ("DB_PASSWORD", "correct horse battery staple", true),
            ("SMTP_PASSWORD", "qhzx wkvd mpbt rrjs", true),
            ("PIN_SECRET", "482913", true),
            ("NAME", "Tr0ub4dor3xK9pQ2", true),
            ("WEBHOOK_URL", "https://hooks.slack.com/services/T024BE7LD/B0A1/aBcDeFgHiJkLmNoPqRsTuVwX", true),
            ("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/app", true),
            ("NEXT_PRIVATE_SIGNATURE", "4f1c9a77b2d04e55", true),
            ("SERVICE_ACCOUNT", "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIIB\"}", true),
            ("AWS_ACCESS_KEY_ID", "AKIA4F1C9A77B2D04E", true),
            ("SESSION", "4f1c9a77-b2d0-4e5a-9c1d-0123456789ab", true),
            ("AUTH_METHOD", "standard", false),
            ("NEXT_PRIVATE_SMTP_FROM_NAME", "Acmecorp", false),
            ("NEXT_PRIVATE_UPLOAD_ACCESS_KEY_ID", "acmecorp", false),
            ("DB_PASSWORD", "postgres", false),
            ("SECRET_KEY", "development-secret", false),
            ("JWT_SECRET", "this-is-only-a-test-secret", false),
            ("SITE_URL", "https://app.acme.dev/login", false),
            ("AUTH_URL", "https://app.acme.dev/blog/2024/01/15/a-long-title-of-a-post", false),
            ("SUPPORT_EMAIL", "support@acme.dev", false),
            ("TOKEN_EMAIL", "billing-department@acme.dev", false),
            ("PROJECT_NAME", "Acme Full Stack Project", false),
            ("COMPOSE_PROFILES", "feature-complete", false),
            ("TLS_KEY", "certs/server/private/key.pem", false),
            ("RAILWAY_PROJECT_ID", "4f1c9a77-b2d0-4e5a-9c1d-0123456789ab", false),
            ("APP_IMAGE", "ghcr.io/acme/app@sha256:4f1c9a77b2d04e554f1c9a77b2d04e55", false),
            ("DATABASE_URL", "postgres://postgres:postgres@db.acme.dev/app", false),
            ("R2_ENDPOINT", "https://4f1c9a77b2d04e554f1c9a77b2d04e55.r2.cloudflarestorage.com", false),
            ("VITE_SUPABASE_KEY", "eyJhbGciOiJIUzI1NiJ9", false),
            ("TLS_CERT", "-----BEGIN CERTIFICATE-----\nMIIB4f1c9a77b2d04e55\n-----END CERTIFICATE-----", false),
            ("DJANGO_SETTINGS_MODULE", "config.settings.production", false),
            ("GREETING", "Welcome back, dear customer of ours", false),
            ("SERVER_SOFTWARE", "DistributedTransactionCoordinator", false),
        ] {
            assert_eq!(is_secret(key, &Secret::new(value)), expected, "{key}={value}");
        }
    }

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
            ("pa$$word", false),
        ] {
            assert_eq!(is_prose(text), expected, "{text}");
        }
    }

    #[test]
    fn random_text_is_distinguished_from_names() {
        for (text, expected) in [
            ("4f1c9a77b2d04e55", true),
            ("aBcDeFgHiJkLmNoPqRsTuVwX", true),
            ("Zk3vQ9xLmT2bR7wY", true),
            ("qhzxwkvdmpbtrrjs", true),
            ("x86_64-linux-gnu/libfoo", false),
            ("DistributedTransactionCoordinator", false),
            ("feature-complete-and-more", false),
            ("2024-01-15T10:00:00.000Z", false),
            ("12345678901234567890", false),
        ] {
            assert_eq!(looks_random(text, 16), expected, "{text}");
        }
    }
}
