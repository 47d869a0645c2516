//! Recognises texts that are public, even under a key that names a secret: keys of web pages and apps, public keys of
//! key pairs, addresses, names in source code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::drift::compare::shared_value::is_hex;
use crate::drift::redact::credential_shape::is_credential;
use crate::drift::secret_like::name_parts;

/// Prefixes of keys that are part of web pages and apps, besides those that a commit may contain: Checkout.com, Clerk,
/// Flutterwave, Liveblocks, Statsig. Prefixes of identifiers: resources of AWS, apps of GitHub.
const PUBLISHABLE: [&str; 10] =
    ["FLWPUBK", "Iv1.", "Iv23", "arn:", "client-", "pk_dev_", "pk_live_", "pk_prod_", "pk_sbox_", "pk_test_"];

/// Last words of keys for client libraries, names of columns, and patterns.
const PUBLIC_ENDS: [&[&str]; 9] = [
    &["CLIENT", "ITEM", "TOKEN"],
    &["CLIENT", "KEY"],
    &["CLIENT", "TOKEN"],
    &["PARTITION", "KEY"],
    &["PATTERN"],
    &["RANGE", "KEY"],
    &["REGEX"],
    &["SEARCH", "KEY"],
    &["SORT", "KEY"],
];

/// Pairs of words in keys for keys that may only search, only send events, or identify an app.
const PUBLIC_PAIRS: [(&str, &str); 3] = [("ALGOLIA", "SEARCH"), ("SEGMENT", "WRITE"), ("SOCIAL", "AUTH")];

/// Words of keys for addresses that identify an organisation.
const PUBLIC_ADDRESSES: [&str; 3] = ["ISSUER", "METADATA", "SAML"];

/// The shortest secret key of Turnstile, in bytes. A site key is shorter, and begins with the same text.
const TURNSTILE_SECRET: usize = 30;

/// Returns whether the value is public.
pub(super) fn is_public(key: &str, text: &str) -> bool {
    let words = name_parts(key);
    let has = |word: &str| words.iter().any(|other| other == word);
    let is_secret = has("SECRET") || has("PRIVATE");
    PUBLISHABLE.iter().any(|prefix| text.starts_with(prefix))
        || text.ends_with(".apps.googleusercontent.com")
        || (text.starts_with('^') && text.ends_with('$'))
        || (!is_secret && is_public_key(&words, text))
        || is_datadog_client_token(text)
        || is_firebase_key(key, text)
        || is_supabase_anonymous_key(text)
        || is_age_recipient(text)
        || is_ssh_public_key(text)
        || is_class_path(text)
        || is_client_key(&words, text)
}

/// Returns whether the address identifies an organisation.
pub(super) fn is_public_address(key: &str, text: &str) -> bool {
    !text.contains('?') && name_parts(key).iter().any(|word| PUBLIC_ADDRESSES.contains(&word.as_str()))
}

/// Returns whether the words of the key mark the value as public, and the value is no credential.
fn is_client_key(words: &[String], text: &str) -> bool {
    let ends_with = |end: &&[&str]| words.len() >= end.len() && words[words.len() - end.len()..].iter().eq(end.iter());
    let is_key = words.last().is_some_and(|last| last == "KEY");
    let has = |word: &str| words.iter().any(|other| other == word);
    let is_named =
        PUBLIC_ENDS.iter().any(ends_with) || (is_key && PUBLIC_PAIRS.iter().any(|(one, other)| has(one) && has(other)));
    is_named && !has("AZURE") && !text.contains("PRIVATE KEY-----") && !is_credential(text)
}

/// Returns whether the text has the form of a key that a provider or a program publishes: an address of a blockchain, a
/// site key of Turnstile or reCAPTCHA, the key with which browsers subscribe to messages.
fn is_public_key(words: &[String], text: &str) -> bool {
    let is_of_captcha = words.iter().any(|word| word.ends_with("CAPTCHA"));
    let is_base64 = || text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    text.strip_prefix("0x").is_some_and(|rest| is_hex(rest, 40))
        || (text.starts_with("0x4AAAA") && text.len() < TURNSTILE_SECRET)
        || (is_of_captcha && text.starts_with("6L") && text.len() == 40)
        || (text.starts_with('B') && text.len() == 87 && is_base64())
}

/// Returns true for `pub` and 32 hex digits.
fn is_datadog_client_token(text: &str) -> bool {
    text.strip_prefix("pub").is_some_and(|rest| is_hex(rest, 32))
}

/// Returns whether the text is the key of a Firebase app, which identifies its project. Google's other keys look the
/// same.
fn is_firebase_key(key: &str, text: &str) -> bool {
    text.starts_with("AIza") && name_parts(key).iter().any(|word| word == "FIREBASE")
}

/// Returns whether the text is a token for the role of visitors who are not signed in, under any key.
fn is_supabase_anonymous_key(text: &str) -> bool {
    let payload = text.strip_prefix("eyJ").and_then(|rest| rest.split('.').nth(1));
    let decoded = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let role: &[u8] = br#""role":"anon""#;
    decoded.is_some_and(|decoded| decoded.windows(role.len()).any(|window| window == role))
}

/// Returns true for `age1` and 58 characters: a key that can only encrypt.
fn is_age_recipient(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.strip_prefix("age1").is_some_and(|rest| rest.len() == 58 && rest.bytes().all(is_sign))
}

/// Returns whether each line has a public key, as in `authorized_keys` and `known_hosts`.
fn is_ssh_public_key(text: &str) -> bool {
    let is_kind =
        |word: &str| ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|kind| word.starts_with(kind));
    let is_key = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.windows(2).any(|pair| is_kind(pair[0]) && pair[1].starts_with("AAAA"))
    };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    text.contains("AAAA") && lines.all(is_key)
}

/// Returns true for `django.contrib.auth.hashers.Argon2PasswordHasher`, and for a list of such names.
fn is_class_path(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_class = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.contains(|letter: char| letter.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let is_path = |path: &str| {
        let (modules, class) = path.rsplit_once('.').unwrap_or_default();
        modules.contains('.')
            && modules.split('.').all(|name| !name.is_empty() && name.bytes().all(is_sign))
            && is_class(class)
    };
    let is_end = |sign: char| sign.is_whitespace() || matches!(sign, ',' | ';' | '[' | ']' | '"' | '\'');
    let mut paths = text.split(is_end).filter(|path| !path.is_empty());
    text.contains('.') && paths.all(is_path)
}
