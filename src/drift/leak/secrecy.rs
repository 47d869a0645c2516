//! Decides from its key and text whether a value is a secret.
//!
//! A secret has a secret-like key or looks random. Words, addresses without credentials, email addresses, paths and
//! numbers are not secrets, because they also occur in source code and documentation.

use crate::drift::Secret;
use crate::drift::expected_differences::{self, ExpectedDifference};
use crate::drift::indirect::is_indirect;
use crate::drift::leak::public_values::is_public_value;
use crate::drift::leak::randomness::{is_prose, looks_random};
use crate::drift::leak::{SecretReason, secret_address};
use crate::drift::placeholder::{is_secret_text, is_unset, names_secret};
use crate::drift::secret_like::{is_secret_like, name_parts};

/// The shortest text that may look random, in characters; and the same under a key that is related to a secret.
const SHORTEST_RANDOM: usize = 16;
const SHORTEST_RANDOM_NEAR: usize = 12;

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

/// Returns why the value of that key is a secret; `None` if it is not.
pub(crate) fn reason(key: &str, value: &Secret) -> Option<SecretReason> {
    let text = value.expose().trim();
    let is_reference = text.starts_with("${") && text.ends_with('}');
    if text.is_empty()
        || is_reference
        || is_indirect(text)
        || is_unset(key, text)
        || is_public_value(key, text)
        || expected_differences::of(key, value) == Some(ExpectedDifference::Host)
    {
        return None;
    }
    if text.contains("PRIVATE KEY-----") {
        return Some(SecretReason::PrivateKey);
    }
    if let Some(reason) = secret_address::reason(key, text) {
        return Some(reason);
    }
    if is_address(text) {
        return None;
    }
    if names_secret(key) && is_secret_text(key, value) && !is_prose(text) {
        return Some(SecretReason::Key);
    }
    let is_identifier =
        !names_secret(key) && name_parts(key).last().is_some_and(|last| IDENTIFIERS.contains(&last.as_str()));
    let shortest = if is_secret_like(key) { SHORTEST_RANDOM_NEAR } else { SHORTEST_RANDOM };
    (!is_identifier && looks_random(text, shortest)).then_some(SecretReason::Random)
}

/// Returns whether the whole text is a URL.
fn is_address(text: &str) -> bool {
    let is_scheme = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:".contains(&byte));
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(is_scheme) && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::reason;
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
            (
                "SERVICE_ACCOUNT",
                "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIIB4f1c9a77b2d04e554f1c9a77b2d04e554f1c9a77\"}",
                true,
            ),
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
            assert_eq!(reason(key, &Secret::new(value)).is_some(), expected, "{key}={value}");
        }
    }
}
