//! Recognises keys that each environment sets to its own value: its name, debugging, and how much is logged.

use crate::drift::secret_like::name_parts;

/// Keys that every environment sets to its own value.
pub(super) const KEYS: &[&str] = &[
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

/// Names of environments for development.
const DEVELOPMENT: &[&str] =
    &["debug", "dev", "devel", "develop", "development", "local", "localhost", "sandbox", "test", "testing"];

/// Names of other environments.
const DEPLOYED: &[&str] = &["live", "preview", "prod", "production", "qa", "release", "stage", "staging", "uat"];

const TRUE: &[&str] = &["1", "on", "true", "yes"];

const LEVELS: &[&str] = &[
    "all",
    "alert",
    "crit",
    "critical",
    "debug",
    "emerg",
    "emergency",
    "err",
    "error",
    "fatal",
    "info",
    "information",
    "none",
    "notice",
    "off",
    "silent",
    "silly",
    "trace",
    "verbose",
    "warn",
    "warning",
];

/// Each key that is not in [`KEYS`] contains one of these. This check is faster than splitting the key into words.
const MARKS: [&str; 5] = ["ENV", "DEBUG", "LEVEL", "MODE", "STAGE"];

/// Returns whether the key with this local value is set separately in each environment. A key of an application, such
/// as `SHOP_ENV`, is one only if its value is typical.
pub(super) fn is_mode(key: &str, local: &str) -> bool {
    if KEYS.binary_search(&key).is_ok() {
        return true;
    }
    if !MARKS.iter().any(|mark| key.contains(mark)) {
        return false;
    }
    let is_one_of = |words: &[&str]| words.iter().any(|word| local.trim().eq_ignore_ascii_case(word));
    let parts = name_parts(key);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [.., "ENV" | "ENVIRONMENT"] => is_one_of(DEVELOPMENT) || is_one_of(DEPLOYED),
        [.., "MODE" | "STAGE"] if is_one_of(DEVELOPMENT) => true,
        [.., "DEBUG"] | [.., "DEBUG", "ENABLED" | "MODE"] => is_one_of(TRUE),
        parts if is_log_level(parts) => is_one_of(LEVELS) || local.trim().parse::<u16>().is_ok(),
        _ => false,
    }
}

/// Returns true for `APP_LOG_LEVEL`, `LOGGING_LEVEL`, `LOG_LEVEL_SQL`.
fn is_log_level(parts: &[&str]) -> bool {
    parts.contains(&"LOGLEVEL") || parts.windows(2).any(|pair| matches!(pair, ["LOG" | "LOGGER" | "LOGGING", "LEVEL"]))
}

#[cfg(test)]
mod tests {
    use crate::drift::expected_differences::mode::{KEYS, is_mode};

    #[test]
    fn keys_are_sorted() {
        assert!(KEYS.is_sorted());
    }

    #[test]
    fn recognizes_modes() {
        for (key, local) in [
            ("PORT", "4711"),
            ("HOST", "::"),
            ("NODE_ENV", "x"),
            ("NODE_ENV", "production"),
            ("RAILS_ENV", "development"),
            ("RACK_ENV", "development"),
            ("FLASK_ENV", "development"),
            ("APP_ENV", "local"),
            ("APP_ENVIRONMENT", "dev"),
            ("ENVIRONMENT", "dev"),
            ("MIX_ENV", "dev"),
            ("GIN_MODE", "debug"),
            ("ASPNETCORE_ENVIRONMENT", "Development"),
            ("SPRING_PROFILES_ACTIVE", "dev,local"),
            ("DEBUG", ""),
            ("DEBUG", "app:*"),
            ("APP_DEBUG", "false"),
            ("LOG_LEVEL", "debug"),
            ("SHOP_ENV", "development"),
            ("SHOP_ENV", "Production"),
            ("NEXT_PUBLIC_SHOP_ENV", "staging"),
            ("VITE_ENVIRONMENT", "local"),
            ("PAYPAL_MODE", "sandbox"),
            ("SQUARE_ENVIRONMENT", "sandbox"),
            ("SERVER_MODE", "development"),
            ("STAGE", "dev"),
            ("SHOP_DEBUG", "True"),
            ("DEBUG_MODE", "1"),
            ("SQL_DEBUG_ENABLED", "yes"),
            ("WORKER_LOG_LEVEL", "DEBUG"),
            ("APP_LOG_LEVEL", "info"),
            ("LOGGING_LEVEL", "warning"),
            ("LOG_LEVEL_SQL", "error"),
            ("PINO_LOG_LEVEL", "30"),
        ] {
            assert!(is_mode(key, local), "{key}={local}");
        }
    }

    #[test]
    fn rejects_other_settings() {
        for (key, local) in [
            ("SHOP_ENV", "blue"),
            ("BACKUP_ENV", "true"),
            ("SHOP_DEBUG", "app:*"),
            ("SHOP_DEBUG", "false"),
            ("DEBUGGER_URL", "true"),
            ("DEBUG_SQL", "1"),
            ("SSO_DEBUG_TOKENS", "true"),
            ("PRICE_LEVEL", "1"),
            ("LOG_LEVEL_FILE", "/var/log/levels"),
            ("ISOLATION_LEVEL", "debug"),
            ("MYENV", "dev"),
            ("ENVELOPE", "dev"),
            ("SSL_MODE", "require"),
            ("WRITE_MODE", "dual"),
            ("MODE_SWITCH", "dev"),
            ("MAINTENANCE_MODE", "true"),
            ("LIVE_MODE", "live"),
            ("REPORT", "4711"),
            ("DB_PORT", "4711"),
            ("DB_HOST", "x"),
            ("port", "4711"),
            ("shopEnvironment", "dev"),
            ("MAIL_MAILER", "log"),
            ("QUEUE_CONNECTION", "sync"),
            ("DJANGO_SETTINGS_MODULE", "config.settings.local"),
        ] {
            assert!(!is_mode(key, local), "{key}={local}");
        }
    }
}
