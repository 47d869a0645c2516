//! Differences that are expected between a developer's machine and Railway.

mod address_words;
mod local_address;
#[cfg(test)]
mod local_address_tests;
pub(crate) mod local_host;
mod mode;
mod test_key;

use crate::drift::Secret;

/// Why a difference is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpectedDifference {
    /// The key configures where or how a program runs.
    Key,
    /// The value names a host that exists only on this machine, in its network or in its compose file.
    Host,
    /// The local value is a provider's test key, and Railway has a live one.
    TestKey,
    /// The local value is a provider's live key, and Railway has a test one.
    LiveKey,
    /// One side has `${NAME}`, and the other one what a loader expands it to.
    Expansion,
    /// The local value is `null`, as Laravel writes a value that is not set.
    Null,
}

/// Returns why the key with this local value is expected to differ on Railway; `None` if it is not.
pub fn of(key: &str, local: &Secret) -> Option<ExpectedDifference> {
    if local.expose() == "null" {
        return Some(ExpectedDifference::Null);
    }
    if mode::is_mode(key, local.expose()) {
        return Some(ExpectedDifference::Key);
    }
    local_address::is_local(key, local.expose()).then_some(ExpectedDifference::Host)
}

/// Returns why these two values of the key are expected to differ: the local one has local addresses besides the
/// stored ones, or one is a test key and the other a live key of the same kind.
pub fn between(key: &str, local: &Secret, stored: &Secret) -> Option<ExpectedDifference> {
    if local_address::is_partly_local(key, local.expose(), stored.expose()) {
        return Some(ExpectedDifference::Host);
    }
    if test_key::is_pair(key, local.expose(), stored.expose()) {
        return Some(ExpectedDifference::TestKey);
    }
    test_key::is_pair(key, stored.expose(), local.expose()).then_some(ExpectedDifference::LiveKey)
}

/// Returns whether the value is a secret key of a provider that acts on live data, such as `sk_live_…`.
pub fn is_live_key(key: &str, value: &Secret) -> bool {
    test_key::is_live_secret(key, value.expose().trim())
}

/// Returns whether the value is a key that a provider publishes for tests.
pub fn is_published_key(value: &Secret) -> bool {
    test_key::is_published(value.expose().trim())
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::expected_differences::{ExpectedDifference, between, of};

    #[test]
    fn local_value_is_expected_to_differ() {
        for (key, local, expected) in [
            ("HOST", "localhost", Some(ExpectedDifference::Key)),
            ("API_URL", "http://localhost", Some(ExpectedDifference::Host)),
            ("API_URL", "https://example.com", None),
            ("MAIL_USERNAME", "null", Some(ExpectedDifference::Null)),
            ("MAIL_USERNAME", "nullable", None),
        ] {
            assert_eq!(of(key, &Secret::new(local)), expected, "{key}={local}");
        }
    }

    #[test]
    fn two_values_are_expected_to_differ() {
        use ExpectedDifference::{Host, LiveKey, TestKey};
        for (local, stored, expected) in [
            ("sk_test_1", "sk_live_2", Some(TestKey)),
            ("sk_live_1", "sk_test_2", Some(LiveKey)),
            ("sk_test_1", "sk_test_2", None),
            ("http://localhost:3000,https://a.com", "https://a.com", Some(Host)),
            ("http://localhost:3000,https://a.com", "https://b.com", None),
        ] {
            assert_eq!(between("STRIPE_SECRET_KEY", &Secret::new(local), &Secret::new(stored)), expected, "{local}");
        }
    }
}
