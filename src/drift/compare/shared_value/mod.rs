//! Decides whether a value that two environments have in common should differ between them.

mod password;
mod public_text;
mod structured;
#[cfg(test)]
mod tests;

use crate::drift::Secret;
use crate::drift::compare::backend::backends;
use crate::drift::compare::shared_value::password::is_chosen_password;
use crate::drift::compare::shared_value::public_text::{is_public, is_public_address};
use crate::drift::compare::shared_value::structured::{assigns_secret, contained_secret, private_key};
use crate::drift::expected_differences::{is_live_key, is_published_key};
use crate::drift::leak::SecretReason;
use crate::drift::leak::secrecy;
use crate::drift::placeholder::{is_unset, names_secret};
use crate::drift::redact::credential_shape::is_credential;
use crate::drift::secret_like::name_parts;

/// Shorter values are equal by chance, in characters.
const SHORTEST: usize = 8;

/// Longer values are content, in bytes. Private keys and credentials in JSON are shorter.
const LONGEST: usize = 64 * 1024;

/// Last words of keys for credentials, besides those that name a secret anyway. Only a random value is a secret there.
const CREDENTIALS: [&str; 7] = ["AUTHENTICATION", "AUTHORIZATION", "CREDS", "HTPASSWD", "PASSPHRASE", "PEPPER", "SALT"];

/// Last words of keys that identify something without granting access: `AWS_ACCESS_KEY_ID`.
const IDENTIFIERS: [&str; 4] = ["ID", "IDS", "UUID", "UUIDS"];

/// Schemes of URLs that may have the credentials of an account.
const ACCOUNTS: [&str; 12] =
    ["cloudinary", "ftp", "ftps", "http", "https", "imap", "imaps", "ldap", "ldaps", "sftp", "smtp", "smtps"];

/// The length of a full commit id, in hex digits.
const COMMIT: usize = 40;

/// Returns whether the value is a secret that should differ between environments.
///
/// Addresses of backends are not: whether environments share a backend is another question than whether they share a
/// secret. A URL that grants access by itself, such as that of a webhook, is a secret.
pub fn is_separate_secret(key: &str, value: &Secret) -> bool {
    let text = value.expose().trim();
    let may_be_secret =
        text.chars().take(SHORTEST).count() == SHORTEST && text.len() <= LONGEST && !text.contains("${{");
    may_be_secret && contained_secret(key, text).unwrap_or_else(|| is_secret_text(key, value))
}

/// Returns whether a value without parts is a secret.
fn is_secret_text(key: &str, value: &Secret) -> bool {
    let text = value.expose().trim();
    if is_public(key, text) || is_identifier(key, text) || is_published_key(value) {
        return false;
    }
    let block = private_key(text).map(Secret::new);
    match secrecy::reason(key, block.as_ref().unwrap_or(value)) {
        None => is_chosen_password(key, value),
        Some(SecretReason::Password) => is_account(text) && !leads_to_backend(key, value),
        Some(SecretReason::Address) => {
            !is_sentry_dsn(text) && !is_public_address(key, text) && !leads_to_backend(key, value)
        }
        Some(SecretReason::Key) => !leads_to_backend(key, value),
        // Most random texts are identifiers.
        Some(SecretReason::Random) => grants_access(key, text) && !leads_to_backend(key, value),
        Some(SecretReason::PrivateKey) => true,
    }
}

/// Returns whether the key or a part of the text shows that the random text is a credential.
fn grants_access(key: &str, text: &str) -> bool {
    let is_named = || name_parts(key).last().is_some_and(|last| CREDENTIALS.contains(&last.as_str()));
    names_secret(key) || is_named() || text.starts_with("Bearer ") || is_credential(text) || assigns_secret(text)
}

/// Returns whether both values are live keys, and different ones: both environments act on live data.
pub fn are_live_keys(key: &str, one: &Secret, other: &Secret) -> bool {
    let is_live = |value: &Secret| is_live_key(key, value) && !is_unset(key, value.expose());
    one.expose().trim() != other.expose().trim() && is_live(one) && is_live(other)
}

/// Returns whether the URL has the credentials of an account. Those of databases are compared as addresses.
fn is_account(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| ACCOUNTS.iter().any(|known| known.eq_ignore_ascii_case(scheme)))
}

fn leads_to_backend(key: &str, value: &Secret) -> bool {
    !backends(key, value, &|_| None).is_empty()
}

/// Returns whether the value identifies something. `VAULT_SECRET_ID` is a secret.
fn is_identifier(key: &str, text: &str) -> bool {
    let words = name_parts(key);
    let is_named = match words.as_slice() {
        [.., before, last] => before != "SECRET" && IDENTIFIERS.contains(&last.as_str()),
        words => words.iter().any(|word| IDENTIFIERS.contains(&word.as_str())),
    };
    is_named || (!names_secret(key) && (is_uuid(text) || is_hex(text, COMMIT)))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Returns whether the text is `https://KEY@HOST/PROJECT`, the public address of an error tracker.
fn is_sentry_dsn(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let project = rest.rsplit_once('/').map_or("", |(_, project)| project);
    let user = rest.split_once('@').map_or("", |(user, _)| user);
    let is_number = !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
