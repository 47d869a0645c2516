//! Finds secrets in URLs: a password, a token. An address without one is public.

use crate::drift::indirect::is_indirect;
use crate::drift::leak::SecretReason;
use crate::drift::leak::randomness::{has_mixed_case, is_random, looks_random};
use crate::drift::placeholder::{is_unset, names_secret};
use crate::drift::secret_like::name_parts;

/// The shortest token in a path, and in a query, in characters.
const SHORTEST_IN_PATH: usize = 16;
const SHORTEST_IN_QUERY: usize = 12;

/// Words in keys of URLs that grant access to whoever knows them.
const CAPABILITIES: [&str; 8] = ["DSN", "HOOK", "HOOKS", "PING", "RPC", "TOKEN", "WEBHOOK", "WEBHOOKS"];

/// The length of a full commit id, in hex digits.
const COMMIT: usize = 40;

/// Parts of the address of a webhook.
const HOOKS: [&str; 4] = ["hook", "hooks", "webhook", "webhooks"];

/// Names of query parameters that grant access, besides those that name a secret.
const SIGNATURES: [&str; 3] = ["CODE", "SIG", "SIGNATURE"];

/// The length of the public key in the DSN of an error tracker such as Sentry, in hex digits. It is the user of
/// `https://4f1c…@o1.ingest.sentry.io/2`, and published with every web page.
const DSN_KEY: usize = 32;

/// Returns why the URL is a secret; `None` if it is public, or no URL.
pub(super) fn reason(key: &str, text: &str) -> Option<SecretReason> {
    let (_, rest) = text.split_once("://")?;
    if has_credentials(text) {
        return Some(SecretReason::Password);
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    // Commits, checksums and UUIDs in a path are public, unless the key shows that the address grants access. A UUID
    // or commit in an address with a part `webhook` may be of a resource or repository with that name.
    let by_key = grants_access(key);
    let is_hook = rest.split(['.', '/']).any(|part| HOOKS.contains(&part));
    let is_token = |token: &str| {
        has_mixed_case(token, SHORTEST_IN_PATH)
            || (is_random(token, SHORTEST_IN_PATH)
                && (by_key || (is_hook && !is_uuid(token) && !is_hex(token, COMMIT))))
    };
    let has_token = (is_random(user, SHORTEST_IN_PATH) && !is_hex(user, DSN_KEY))
        || has_secret_parameter(path)
        || path_tokens(path).any(is_token);
    has_token.then_some(SecretReason::Address)
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
    // A text with a URL may contain an email address, too.
    let is_text = user.contains(|sign: char| sign.is_whitespace() || sign == '"');
    user.split_once(':').filter(|(_, password)| !password.is_empty() && !is_text)
}

fn has_secret_parameter(path: &str) -> bool {
    let Some((_, query)) = path.split_once(['?', '#']) else { return false };
    let grants_access = |name: &str| {
        names_secret(name) || name_parts(name).last().is_some_and(|last| SIGNATURES.contains(&last.as_str()))
    };
    let mut parameters = query.split(['&', ';', '#']).filter_map(|pair| pair.split_once('='));
    parameters.any(|(name, value)| grants_access(name) && looks_random(value, SHORTEST_IN_QUERY))
}

/// Returns whether the key shows that whoever knows the address has access.
fn grants_access(key: &str) -> bool {
    let is_named = |word: &String| CAPABILITIES.contains(&word.as_str());
    names_secret(key) || name_parts(key).iter().any(is_named)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(token: &str) -> bool {
    let lengths = token.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && token.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Returns the parts of a path that may be tokens.
fn path_tokens(path: &str) -> impl Iterator<Item = &str> {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    path.split(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '_')
}

#[cfg(test)]
mod tests {
    use super::reason;
    use crate::drift::leak::SecretReason::{self, Address, Password};

    #[test]
    fn address_is_a_secret_only_with_password_or_token() {
        let cases: [(&str, &str, Option<SecretReason>); 32] = [
            ("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/app", Some(Password)),
            ("DATABASE_URL", "postgres://postgres:postgres@db.acme.dev/app", None),
            ("DATABASE_URL", "postgres://app@db.acme.dev/app", None),
            ("REPOSITORY", "https://ghp_a8Kd03jfLq92MsnXbv71@git.acme.dev/app", Some(Address)),
            ("ALERTS", "https://hooks.slack.com/services/T024BE7LD/B0A1/kV93xTzLq0PwMn72RbYcJd5S", Some(Address)),
            ("WEBHOOK_URL", "https://hooks.acme.dev/4f1c9a77b2d04e554f1c9a77b2d04e55", Some(Address)),
            ("API_KEY", "https://rpc.acme.dev/v3/4f1c9a77b2d04e554f1c9a77b2d04e55", Some(Address)),
            ("ALERTS", "https://hooks.slack.com/services/T024BE7LD/B0A1/WABPjb31jwopk2JDXibl7TSJ", Some(Address)),
            ("ALERTS", "https://acme.dev/api/webhooks/4f1c9a77b2d04e554f1c9a77b2d04e55", Some(Address)),
            ("HEALTH_PING_URL", "https://ping.acme.dev/4f1c9a77-b2d0-4e5a-9c1d-0123456789ab", Some(Address)),
            ("FEED_URL", "https://acme.dev/feed?id=1&token=4f1c9a77b2d04e55", Some(Address)),
            ("BLOB_URL", "https://acme.dev/blob?sv=2024&sig=kV93xTzLq0PwMn72RbYcJd5S%3D", Some(Address)),
            ("FEED_URL", "https://acme.dev/feed?id=4f1c9a77b2d04e55", None),
            ("FEED_URL", "https://acme.dev/feed?token=41ce...", None),
            ("SENTRY_DSN", "https://4f1c9a77b2d04e554f1c9a77b2d04e55@o1.ingest.sentry.io/2", None),
            ("SENTRY_DSN", "https://4f1c9a77b2d04e55:9c1d0123456789ab@sentry.acme.dev/2", Some(Password)),
            ("R2_ENDPOINT", "https://4f1c9a77b2d04e554f1c9a77b2d04e55.r2.cloudflarestorage.com", None),
            ("SITE_URL", "https://app.acme.dev/login", None),
            ("SITE_URL", "https://app.acme.dev/blog/2024/01/15/a-long-title-of-a-post", None),
            (
                "SITE_URL",
                "https://git.acme.dev/a/b/blob/5d4461aa42cadbacfef8fe2166c5453a5c52773a/ListNode.cs#L28",
                None,
            ),
            ("SITE_URL", "https://git.acme.dev/assets/5ed08763-a9ee-42b2-a436-e05038fcf573", None),
            (
                "SITE_URL",
                "https://files.acme.dev/02/aa/26ddf92826a99d87bfb8/greenlet-3.5.2-cp315t-manylinux_2_39.whl",
                None,
            ),
            ("SITE_URL", "https://api.acme.dev/v1/webhook/e36e4914-9104-5b1f-88b6-23953c8499b1", None),
            ("WEBHOOK_URL", "https://api.acme.dev/v1/webhook/e36e4914-9104-5b1f-88b6-23953c8499b1", Some(Address)),
            ("SITE_URL", "https://files.acme.dev/packages/4f1c9a77b2d04e554f1c9a77b2d04e55/webhook-12.7.5.whl", None),
            ("SITE_URL", "https://git.acme.dev/a/webhook/zipball/5d4461aa42cadbacfef8fe2166c5453a5c52773a", None),
            ("SITE_URL", "https://git.acme.dev/advisories/GHSA-x5xv-223c-8vm7", None),
            ("SITE_URL", "https://acme.co/cAsE-sensitive-TeSt", None),
            ("SITE_URL", "https://store.acme.dev/detail/nebaoebnljalfegiidibihhkebeiklbl", None),
            ("ABOUT", "{\"url\": \"https://acme.dev\", \"email\": \"ada@acme.dev\"}", None),
            ("NAME", "no address", None),
            ("NAME", "", None),
        ];
        for (key, text, expected) in cases {
            assert_eq!(reason(key, text), expected, "{key}={text}");
        }
    }
}
