//! Differences that are expected between a developer's machine and Railway.

mod local_address;
mod test_key;

use crate::drift::Secret;
use crate::drift::secret_like::name_parts;

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
}

/// Keys that every environment sets to its own value.
const KEYS: &[&str] = &[
    "APP_DEBUG",
    "APP_ENV",
    "APP_ENVIRONMENT",
    "ASPNETCORE_ENVIRONMENT",
    "BABEL_ENV",
    "DEBUG",
    "DJANGO_DEBUG",
    "DJANGO_ENV",
    "DJANGO_LOG_LEVEL",
    "DOTNET_ENVIRONMENT",
    "ENV",
    "ENVIRONMENT",
    "FASTAPI_ENV",
    "FLASK_DEBUG",
    "FLASK_ENV",
    "GIN_MODE",
    "GO_ENV",
    "HANAMI_ENV",
    "HOST",
    "LOGLEVEL",
    "LOG_LEVEL",
    "MERB_ENV",
    "MICRONAUT_ENVIRONMENTS",
    "MIX_ENV",
    "NODE_ENV",
    "PADRINO_ENV",
    "PORT",
    "QUARKUS_PROFILE",
    "RACK_ENV",
    "RAILS_ENV",
    "RAILS_LOG_LEVEL",
    // Authenticates this machine to Railway; a service that uses Railway's API has another token.
    "RAILWAY_API_TOKEN",
    "RAILWAY_TOKEN",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "SENTRY_ENVIRONMENT",
    "SPRING_PROFILES_ACTIVE",
    "SYMFONY_ENV",
];

/// Values for development, which mark similar keys with an application prefix: `SHOP_ENV=local`.
const LOCAL_MODES: &[&str] = &[
    "1",
    "debug",
    "dev",
    "develop",
    "development",
    "local",
    "on",
    "test",
    "testing",
    "trace",
    "true",
    "verbose",
    "yes",
];

/// Returns why the key with this local value is expected to differ on Railway; `None` if it is not.
pub fn of(key: &str, local: &Secret) -> Option<ExpectedDifference> {
    if KEYS.binary_search(&key).is_ok() || is_local_mode(key, local.expose()) {
        return Some(ExpectedDifference::Key);
    }
    local_address::is_local(key, local.expose()).then_some(ExpectedDifference::Host)
}

/// Returns why these two values of the key are expected to differ: one is a test key and the other a live key of the
/// same kind.
pub fn between(key: &str, local: &Secret, stored: &Secret) -> Option<ExpectedDifference> {
    if test_key::is_pair(key, local.expose(), stored.expose()) {
        return Some(ExpectedDifference::TestKey);
    }
    test_key::is_pair(key, stored.expose(), local.expose()).then_some(ExpectedDifference::LiveKey)
}

/// Returns whether the key configures how some program runs, and the value is one for development.
fn is_local_mode(key: &str, local: &str) -> bool {
    let may_be = ["ENV", "ENVIRONMENT", "DEBUG", "LOG_LEVEL", "LOGLEVEL"].iter().any(|end| key.ends_with(end));
    may_be
        && LOCAL_MODES.iter().any(|mode| local.eq_ignore_ascii_case(mode))
        && name_parts(key)
            .last()
            .is_some_and(|last| matches!(last.as_str(), "ENV" | "ENVIRONMENT" | "DEBUG" | "LEVEL" | "LOGLEVEL"))
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::expected_differences::{ExpectedDifference, KEYS, between, of};

    #[test]
    fn keys_are_sorted() {
        assert!(KEYS.is_sorted());
    }

    #[test]
    fn environment_specific_keys_are_expected_to_differ() {
        for (key, local, expected) in [
            ("PORT", "4711", Some(ExpectedDifference::Key)),
            ("NODE_ENV", "x", Some(ExpectedDifference::Key)),
            ("DEBUG", "", Some(ExpectedDifference::Key)),
            ("APP_ENV", "local", Some(ExpectedDifference::Key)),
            ("LOG_LEVEL", "debug", Some(ExpectedDifference::Key)),
            ("SPRING_PROFILES_ACTIVE", "dev,local", Some(ExpectedDifference::Key)),
            ("SHOP_ENV", "development", Some(ExpectedDifference::Key)),
            ("SHOP_DEBUG", "True", Some(ExpectedDifference::Key)),
            ("WORKER_LOG_LEVEL", "DEBUG", Some(ExpectedDifference::Key)),
            ("SHOP_ENV", "blue", None),
            ("SHOP_DEBUG", "app:*", None),
            ("PRICE_LEVEL", "1", None),
            ("MYENV", "dev", None),
            ("REPORT", "4711", None),
            ("DB_PORT", "4711", None),
            ("port", "4711", None),
        ] {
            assert_eq!(of(key, &Secret::new(local)), expected, "{key}={local}");
        }
    }

    #[test]
    fn test_key_and_live_key_are_expected_to_differ() {
        let of_key = |one: &str, other: &str| between("STRIPE_SECRET_KEY", &Secret::new(one), &Secret::new(other));
        assert_eq!(of_key("sk_test_1", "sk_live_2"), Some(ExpectedDifference::TestKey));
        assert_eq!(of_key("sk_live_1", "sk_test_2"), Some(ExpectedDifference::LiveKey));
        assert_eq!(of_key("sk_test_1", "sk_test_2"), None);
    }
}
