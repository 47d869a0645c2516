//! Recognises values that are public by design or made up: publishable keys, client ids, checksums, dummies.

use crate::drift::leak::randomness::looks_random;
use crate::drift::placeholder::names_secret;
use crate::drift::secret_like::{is_public, name_parts};

/// Prefixes of keys that a provider publishes with web pages: Stripe and Clerk, Mapbox, `PostHog`, Supabase.
const PUBLISHABLE: [&str; 5] = ["pk_live_", "pk_test_", "pk.eyJ", "phc_", "sb_publishable_"];

/// Keys of widgets and client libraries, by their last words. Their values are part of web pages.
const CLIENT_KEYS: [&[&str]; 6] = [
    &["SITE", "KEY"],
    &["SITEKEY"],
    &["PUSHER", "KEY"],
    &["PUSHER", "APP", "KEY"],
    &["REVERB", "APP", "KEY"],
    &["CLIENT", "ID"],
];

/// Prefixes of checksums and image digests.
const CHECKSUMS: [&str; 5] = ["sha1-", "sha256-", "sha384-", "sha512-", "sha256:"];

/// Words in values of tests.
const DUMMY_WORDS: [&str; 7] = ["dummy", "example", "fake", "insecure", "mock", "sample", "test"];

/// The shortest random text that a dummy does not have, in characters.
const SHORTEST_RANDOM: usize = 12;

/// The shortest body of a private key, in characters of base64. The smallest keys have more.
const SHORTEST_KEY: usize = 40;

/// Returns whether the value of the key is public or made up.
pub(in crate::drift) fn is_public_value(key: &str, text: &str) -> bool {
    is_public(key)
        || is_client_key(key)
        || PUBLISHABLE.iter().any(|prefix| text.starts_with(prefix))
        || is_public_block(text)
        || (!names_secret(key) && (is_email(text) || CHECKSUMS.iter().any(|prefix| text.starts_with(prefix))))
        || is_counted(text)
        || is_dummy(text)
}

fn is_client_key(key: &str) -> bool {
    let parts = name_parts(key);
    let ends_with = |end: &&[&str]| parts.len() >= end.len() && parts[parts.len() - end.len()..].iter().eq(end.iter());
    CLIENT_KEYS.iter().any(ends_with)
}

/// Returns whether the text is a certificate or public key, or a private key that is too short to be one.
fn is_public_block(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("-----BEGIN ") else { return false };
    let body = rest.split_once("-----").map_or("", |(_, body)| body);
    let body = body.split_once("-----END").map_or(body, |(body, _)| body);
    !rest.contains("PRIVATE")
        || body.split("\\n").flat_map(str::chars).filter(|sign| !sign.is_whitespace()).count() < SHORTEST_KEY
}

fn is_email(text: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && !name.contains([':', '/', ' ', '"']);
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    text.split_once('@').is_some_and(|(name, host)| {
        is_name(name) && host.rsplit_once('.').is_some_and(|(domain, top)| is_name(domain) && is_label(top))
    })
}

/// Returns true for `123`, `aaaabbbb`, `abcdef1234567890abcdef1234567890`: a few runs of equal or consecutive characters.
fn is_counted(text: &str) -> bool {
    let text = text.trim_end_matches(|sign: char| sign.is_ascii_punctuation());
    let is_break = |pair: &[u8]| {
        let [one, other] = [pair[0].to_ascii_lowercase(), pair[1].to_ascii_lowercase()];
        other != one && other != one + 1 && (one, other) != (b'9', b'0')
    };
    let runs = 1 + text.as_bytes().windows(2).filter(|pair| is_break(pair)).count();
    text.len() >= 3 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && runs * 3 <= text.len()
}

/// Returns true for `test-token-123`, `dummy_key`: words and numbers, one of them a word of tests, and nothing random.
fn is_dummy(text: &str) -> bool {
    let words = || text.split(['-', '_', '.', ' ']);
    let kinds: [fn(&u8) -> bool; 3] = [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit];
    let is_plain = |word: &str| kinds.iter().any(|is_of_kind| word.bytes().all(|byte| is_of_kind(&byte)));
    let is_of_tests = |word: &str| DUMMY_WORDS.iter().any(|dummy| word.eq_ignore_ascii_case(dummy));
    words().all(is_plain) && words().any(is_of_tests) && !looks_random(text, SHORTEST_RANDOM)
}

#[cfg(test)]
mod tests {
    use super::is_public_value;

    #[test]
    fn public_and_made_up_values_are_distinguished_from_secrets() {
        let key = |body: &str| format!("-----BEGIN RSA PRIVATE KEY-----\\n{body}\\n-----END RSA PRIVATE KEY-----");
        for (name, text, expected) in [
            ("STRIPE_KEY", "pk_live_51H8xAbCdEfGhIjKlMnOp", true),
            ("STRIPE_KEY", "sk_live_51H8xAbCdEfGhIjKlMnOp", false),
            ("NEXT_PUBLIC_MAPS_KEY", "AIzaSyB4f1c9a77b2d04e55", true),
            ("RECAPTCHA_SITE_KEY", "6LdVeUYUAAAAAAPX2XAH71soH8xVPrMjpIR3pE8f", true),
            ("RECAPTCHA_SECRET_KEY", "6LdVeUYUAAAAAAPX2XAH71soH8xVPrMjpIR3pE8f", false),
            ("OPPOSITE_KEY", "6LdVeUYUAAAAAAPX2XAH71soH8xVPrMjpIR3pE8f", false),
            ("PUSHER_APP_KEY", "4f1c9a77b2d04e55", true),
            ("APP_KEY", "4f1c9a77b2d04e55", false),
            ("NEXT_PRIVATE_GOOGLE_CLIENT_ID", "1234567890-4f1c9a77b2d04e55.apps.googleusercontent.com", true),
            ("AWS_ACCESS_KEY_ID", "AKIA4F1C9A77B2D04E", false),
            ("ASSET", "sha512-kV93xTzLq0PwMn72RbYcJd5S==", true),
            ("ASSET_KEY", "sha512-kV93xTzLq0PwMn72RbYcJd5S==", false),
            ("TLS_CERT", "-----BEGIN CERTIFICATE-----\nMIIB4f1c9a77b2d04e55\n-----END CERTIFICATE-----", true),
            ("TLS_KEY", &key("MIIEpAIBAAKCAQEA"), true),
            ("TLS_KEY", &key("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA"), false),
            ("CLIENT_SECRET", "123", true),
            ("CLIENT_SECRET", "123;", true),
            ("TLS_KEY", &key(&"MIIE".repeat(10)), false),
            ("TLS_KEY", &key(&"MIIE".repeat(10)[1..]), true),
            ("TOKEN_EMAIL", "reports-4f1c9a77b2d04e55@mail.acme.dev", true),
            ("SENDER", "reports@mail.acme.DEV7", false),
            ("SENDER", "reports@mail.acme.", false),
            ("SENDER", "reports@a:b.dev", false),
            ("PASSWORD", "cccccddddd", true),
            ("PASSWORD", "p@ss.word", false),
            ("PASSWORD", "abc-abc", false),
            ("PASSWORD", "ab", false),
            ("PASSWORD", "abcxyz", true),
            ("PASSWORD", "abcxy", false),
            ("SECRET_PASSWORD", "abcdef1234567890abcdef1234567890", true),
            ("PIN_SECRET", "482913", false),
            ("PASSWORD", "x9z", false),
            ("PASSWORD", "abc1x9z", false),
            ("VERIFICATION_TOKEN", "test-token-123", true),
            ("VERIFICATION_TOKEN", "sk_test_51H8xAbCdEfGhIjKlMnOp", false),
            ("VERIFICATION_TOKEN", "latest-token-123", false),
            ("PASSWORD", "Kq9!mock@Wz7#p", false),
            ("PASSWORD", "test#Kq9!WzX", false),
            ("JWT_SECRET", "sample.Xk9fQ.z82Lw.q0P3m", false),
            ("SECRET_KEY", "django-insecure-8#k2@z!q9w$e7r^t5y&u3i*o1p", false),
        ] {
            assert_eq!(is_public_value(name, text), expected, "{name}={text}");
        }
    }
}
