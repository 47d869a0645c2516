//! Recognises placeholders: values that were never set.
//!
//! There are three checks, from strict to broad. [`is_placeholder`] needs no key. [`is_unset`] also recognises phrases,
//! but only under a key that names a secret. [`Survey::is_unset`] also compares the value with the repository's example
//! files.

mod pattern;
mod phrase;
#[cfg(test)]
mod public_examples;
#[cfg(test)]
mod tests;
mod vocabulary;

use crate::drift::expected_differences::{self, ExpectedDifference};
use crate::drift::secret_like::{is_one_of, is_public, is_secret_like, name_parts, parts_as_written};
use crate::drift::{Secret, Survey};

/// Whole values that are placeholders. Compared in lower case, with spaces and `_` as `-`, and without brackets.
const PLACEHOLDERS: &[&str] = &[
    "change-it",
    "change-me",
    "change-me-in-prod",
    "change-me-in-production",
    "change-me-please",
    "change-this",
    "change-this-in-production",
    "changeit",
    "changeme",
    "changethis",
    "edit-me",
    "fill-in",
    "fill-me-in",
    "fixme",
    "placeholder",
    "please-change",
    "please-change-me",
    "please-change-this",
    "please-replace",
    "please-replace-me",
    "replace-me",
    "replace-this",
    "replaceme",
    "replacethis",
    "set-me",
    "tbd",
    "to-be-set",
    "todo",
    "update-me",
];

/// What other tools print in brackets instead of a value.
const MASKS: &[&str] = &["hidden", "masked", "redacted", "sealed", "secret", "sensitive"];

/// Delimiters that templates put around a name.
const BRACKETS: [(&str, &str); 8] =
    [("{{", "}}"), ("{", "}"), ("[", "]"), ("(", ")"), ("«", "»"), ("%", "%"), ("**", "**"), ("__", "__")];

/// The longest text that may be a placeholder regardless of its key, in bytes. Longer text is content.
const LONGEST: usize = 60;

/// Last words of keys whose value is a setting for a secret: `TOKEN_TTL`, `PASSWORD_MIN_LENGTH`, `API_KEY_HEADER`.
const SETTINGS: &[&str] = &[
    "ADDRESS",
    "AGE",
    "ALG",
    "ALGO",
    "ALGORITHM",
    "ALGORITHMS",
    "ATTEMPTS",
    "AUD",
    "AUDIENCE",
    "AUTHORITY",
    "BACKEND",
    "BACKENDS",
    "BUCKET",
    "CALLBACK",
    "CLAIM",
    "CLAIMS",
    "CLASS",
    "COMPLEXITY",
    "COOKIE",
    "COST",
    "COUNT",
    "DAYS",
    "DIR",
    "DISABLED",
    "DOMAIN",
    "DRIVER",
    "DURATION",
    "EMAIL",
    "ENABLE",
    "ENABLED",
    "ENDPOINT",
    "ENV",
    "EXPIRATION",
    "EXPIRE",
    "EXPIRED",
    "EXPIRES",
    "EXPIRY",
    "FIELD",
    "FILE",
    "FORMAT",
    "GUARD",
    "HEADER",
    "HEADERS",
    "HOST",
    "HOSTS",
    "HOURS",
    "IN",
    "INTERVAL",
    "ISSUER",
    "KIND",
    "LABEL",
    "LENGTH",
    "LEVEL",
    "LIFETIME",
    "LIMIT",
    "LOCATION",
    "MAX",
    "METHOD",
    "METHODS",
    "MIN",
    "MINUTES",
    "MODE",
    "MODEL",
    "MS",
    "NAME",
    "NAMES",
    "ORIGIN",
    "PARAM",
    "PATH",
    "POLICY",
    "PORT",
    "PREFIX",
    "PROVIDER",
    "PROVIDERS",
    "REALM",
    "REGION",
    "REQUESTS",
    "REQUIRED",
    "ROLE",
    "ROLES",
    "ROUNDS",
    "SCHEME",
    "SCOPE",
    "SCOPES",
    "SECONDS",
    "SERVER",
    "SERVICE",
    "SIZE",
    "SOURCE",
    "STRATEGY",
    "SUFFIX",
    "TIMEOUT",
    "TTL",
    "TYPE",
    "TYPES",
    "UNIT",
    "URI",
    "URL",
    "URLS",
    "USER",
    "USERNAME",
    "VALIDITY",
    "VERSION",
    "WINDOW",
];

/// The first two letters of [`PLACEHOLDERS`], and of the words with which a request begins.
const BEGINNINGS: &[&str] = &["ad", "ch", "ed", "en", "fi", "in", "pa", "pl", "pu", "re", "se", "tb", "to", "up", "yo"];

/// Returns whether the whole value is a placeholder, or what another tool prints instead of a value, whatever its key.
pub fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    if value.is_empty() || value.len() > LONGEST || is_other_text(value) {
        return false;
    }
    let plain = value.to_lowercase().replace([' ', '_'], "-");
    is_asking(&plain) || is_masked(&plain) || pattern::is_mask(&plain) || is_in_angles(&plain)
}

/// Returns whether the value of the key was never set, judged by its text.
pub fn is_unset(key: &str, value: &str) -> bool {
    is_placeholder(value) || (names_secret(key) && phrase::stands_in(key, value.trim()))
}

impl Survey {
    /// Returns whether the value of the key was never set: its text is a placeholder, or it is a secret that still
    /// equals the value in the repository's example file.
    pub fn is_unset(&self, key: &str, value: &Secret) -> bool {
        is_unset(key, value.expose()) || self.equals_example(key, value)
    }

    fn equals_example(&self, key: &str, value: &Secret) -> bool {
        let mut entries = self.examples.iter().filter_map(|example| example.file.entry(key));
        let is_secret = || names_secret(key) && !is_public(key) && !self.is_indirect(value);
        entries.any(|entry| entry.value == *value) && is_secret() && is_secret_text(key, value)
    }
}

/// Returns whether the value of the key is itself a secret. A word such as AUTH or PRIVATE is often a namespace, so it
/// counts only at the end.
pub(crate) fn names_secret(key: &str) -> bool {
    let Some(last) = parts_as_written(key).last() else { return false };
    let is_section = |part: &str| is_one_of(&["AUTH", "PRIVATE"], part);
    !is_one_of(SETTINGS, last)
        && (is_section(last) || parts_as_written(key).any(|part| !is_section(part) && is_secret_like(part)))
}

/// Returns whether the text may be a secret. Booleans, numbers, addresses, paths and references are settings, which may
/// be equal in a real file and its example.
pub(crate) fn is_secret_text(key: &str, value: &Secret) -> bool {
    let text = value.expose().trim();
    let is_boolean = ["true", "false", "yes", "no", "on", "off", "none", "null", "nil", "undefined"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    let may_be_number = name_parts(key)
        .last()
        .is_some_and(|last| matches!(last.as_str(), "PASS" | "PASSWD" | "PASSWORD" | "PIN" | "PWD" | "SECRET"));
    let is_address = text.contains("://") && !text.contains('@');
    !text.is_empty()
        && !is_boolean
        && (may_be_number || !pattern::is_amount(text))
        && !is_address
        && !pattern::is_elsewhere(text)
        && expected_differences::of(key, value) != Some(ExpectedDifference::Host)
}

/// Returns the text without enclosing brackets.
fn unbracketed(text: &str) -> Option<&str> {
    BRACKETS.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?.trim();
        (!inner.is_empty()).then_some(inner)
    })
}

/// Returns whether the start of the value shows that it is no placeholder. Nearly every value is rejected here, without
/// a copy.
fn is_other_text(value: &str) -> bool {
    let bare = value.trim_start_matches([' ', '_', '-']);
    let Some(start) = bare.get(..2).filter(|start| start.bytes().all(|letter| letter.is_ascii_alphanumeric())) else {
        return false;
    };
    let is_mask = start.starts_with(['x', 'X']);
    !is_mask && !BEGINNINGS.iter().any(|beginning| beginning.eq_ignore_ascii_case(start))
}

fn is_asking(plain: &str) -> bool {
    let bare = unbracketed(plain).unwrap_or(plain).trim_matches('-');
    PLACEHOLDERS.binary_search(&bare).is_ok() || is_request(bare)
}

/// Returns true for `[SENSITIVE]`, `«hidden»`.
fn is_masked(plain: &str) -> bool {
    let inner = [("[", "]"), ("(", ")"), ("«", "»")]
        .iter()
        .find_map(|(open, close)| plain.strip_prefix(open)?.strip_suffix(close));
    inner.is_some_and(|inner| MASKS.binary_search(&inner).is_ok())
}

/// Returns true for `<your key>`: words in angle brackets, but not markup.
fn is_in_angles(plain: &str) -> bool {
    plain.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).is_some_and(pattern::is_prose)
}

/// Returns true for `your-api-key`, `put-the-token-here`.
fn is_request(plain: &str) -> bool {
    let words: Vec<&str> = plain.split('-').collect();
    let [first, .., last] = words.as_slice() else { return false };
    let is_plain = words.iter().all(|word| !word.is_empty() && word.chars().all(char::is_alphanumeric));
    let asks = matches!(*first, "add" | "enter" | "insert" | "paste" | "put" | "your");
    let names = *first == "your" && matches!(*last, "id" | "key" | "password" | "secret" | "token");
    is_plain && asks && (*last == "here" || names)
}
