//! Recognises differences that are probably intentional, from names and from both values.
//!
//! A difference that may be a fault is never recognised: the services must agree among themselves, and no rule may have
//! found a cause.

use crate::drift::Secret;
use crate::drift::secret_like::{is_secret_like, name_parts};

/// Why a difference is probably intentional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Intent {
    /// A generated secret, next to development values.
    OwnSecret,
    /// It belongs to a test key of the same provider.
    TestAccount,
    /// It belongs to another OAuth app of the same provider.
    OtherApp,
    /// It belongs to a local server.
    LocalServer,
    /// The local value is for development.
    Development,
    /// Only a program on the developer's machine uses it.
    LocalProgram,
}

/// Secrets that the frameworks' documentation tells users to generate for each environment. Nothing outside the program
/// depends on their value.
const GENERATED: [&str; 22] = [
    "APP_KEY",
    "APP_SECRET",
    "AUTH_SECRET",
    "BETTER_AUTH_SECRET",
    "COOKIE_KEY",
    "COOKIE_SECRET",
    "CSRF_SECRET",
    "DJANGO_SECRET_KEY",
    "FLASK_SECRET_KEY",
    "JWT_KEY",
    "JWT_SECRET",
    "JWT_SECRET_KEY",
    "JWT_SIGNING_KEY",
    "NEXTAUTH_SECRET",
    "NUXT_SESSION_PASSWORD",
    "PAYLOAD_SECRET",
    "SECRET_KEY",
    "SECRET_KEY_BASE",
    "SESSION_KEY",
    "SESSION_PASSWORD",
    "SESSION_SECRET",
    "SESSION_SECRET_KEY",
];

/// Words of values that are for development.
const DEVELOPMENT: [&str; 22] = [
    "console",
    "consolemail",
    "debug",
    "dev",
    "develop",
    "development",
    "dummy",
    "dummycache",
    "fake",
    "filebased",
    "inmemory",
    "local",
    "locmem",
    "locmemcache",
    "mailcatcher",
    "mailhog",
    "mailpit",
    "memory",
    "mock",
    "sandbox",
    "test",
    "testing",
];

/// Words of values that are for production.
const PRODUCTION: [&str; 4] = ["live", "prod", "production", "release"];

/// First words of keys that configure programs on the developer's machine: containers, tunnels and test runners.
const LOCAL_PROGRAMS: [&str; 10] =
    ["COMPOSE", "CYPRESS", "DOCKER", "LOCAL", "LOCALSTACK", "MAILHOG", "MAILPIT", "NGROK", "PGADMIN", "PLAYWRIGHT"];

/// Settings of database images, which a compose file passes on from the `.env`.
const IMAGE_SETTINGS: [&str; 14] = [
    "MARIADB_DATABASE",
    "MARIADB_PASSWORD",
    "MARIADB_ROOT_PASSWORD",
    "MARIADB_USER",
    "MINIO_ROOT_PASSWORD",
    "MINIO_ROOT_USER",
    "MONGO_INITDB_ROOT_PASSWORD",
    "MONGO_INITDB_ROOT_USERNAME",
    "MYSQL_DATABASE",
    "MYSQL_PASSWORD",
    "MYSQL_ROOT_PASSWORD",
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
    "POSTGRES_USER",
];

/// First words of keys that a build tool adds to publish a value.
const PUBLISHING: [&str; 6] = ["EXPO", "NEXT", "NUXT", "PUBLIC", "REACT", "VITE"];

/// Last words of keys that belong to the address of a server.
const SERVER_SETTINGS: [&str; 13] = [
    "DATABASE", "DB", "NAME", "PASS", "PASSWORD", "PORT", "PROTOCOL", "SCHEME", "SECURE", "SSL", "TLS", "USER",
    "USERNAME",
];

/// Ends of keys for the access to a storage server, such as a local `MinIO`.
const STORAGE_ACCESS: [&str; 4] = ["_ACCESS_KEY", "_ACCESS_KEY_ID", "_SECRET_ACCESS_KEY", "_SECRET_KEY"];

/// Last words of keys that select an implementation, as in Laravel.
const IMPLEMENTATION_KEYS: [&str; 7] = ["CHANNEL", "CONNECTION", "DRIVER", "FORMAT", "MAILER", "STORE", "TRANSPORT"];

/// Implementations that need no server, or write for a person.
const LOCAL_IMPLEMENTATIONS: [&str; 9] =
    ["array", "console", "file", "log", "memory", "null", "pretty", "stack", "sync"];

/// First words that name no provider.
const GENERAL: [&str; 8] = ["API", "APP", "AUTH", "BACKEND", "CLIENT", "SECRET", "SERVER", "WEB"];

impl Intent {
    /// Returns a short description of the difference.
    pub fn description(self) -> &'static str {
        match self {
            Self::OwnSecret => "a generated secret",
            Self::TestAccount => "goes with a test key in the file",
            Self::OtherApp => "goes with another OAuth app in the file",
            Self::LocalServer => "goes with a local address in the file",
            Self::Development => "a development value in the file",
            Self::LocalProgram => "for a program on this machine",
        }
    }

    /// Returns the reason for `doctor.toml`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::OwnSecret => "each environment has its own secret",
            Self::TestAccount => "a test account locally, a live one on Railway",
            Self::OtherApp => "a separate OAuth app for development",
            Self::LocalServer => "a local server for development",
            Self::Development => "a value for development",
            Self::LocalProgram => "only for local runs",
        }
    }
}

/// Returns whether the key is a secret that each environment generates.
pub(super) fn is_generated(key: &str) -> bool {
    GENERATED.binary_search(&key).is_ok()
}

/// Returns whether only programs on the developer's machine use the key.
pub(super) fn is_for_local_program(key: &str) -> bool {
    let is_program = |first: &String| LOCAL_PROGRAMS.binary_search(&first.as_str()).is_ok();
    IMAGE_SETTINGS.binary_search(&key).is_ok() || name_parts(key).first().is_some_and(is_program)
}

/// Returns whether the key identifies an OAuth app.
pub(super) fn is_app_id(key: &str) -> bool {
    key.ends_with("_CLIENT_ID") || key.ends_with("_APP_ID")
}

/// Returns whether the key belongs to the address of a server, or to the access to it.
pub(super) fn is_server_setting(key: &str) -> bool {
    let is_address = name_parts(key).last().is_some_and(|last| SERVER_SETTINGS.binary_search(&last.as_str()).is_ok());
    is_address || STORAGE_ACCESS.iter().any(|end| key.ends_with(end))
}

/// Returns whether the key is the port of a server.
pub(super) fn is_port(key: &str) -> bool {
    key.ends_with("_PORT")
}

/// Returns whether both values are numbers, or both are boolean: settings that are often chosen for each environment.
/// A number may also identify something, which is then a fault.
pub(super) fn is_setting(key: &str, local: &Secret, stored: &Secret) -> bool {
    let values = [local.expose(), stored.expose()];
    let is_boolean = |value: &str| ["true", "false", "on", "off", "yes", "no"].iter().any(|word| is_word(value, word));
    let is_number =
        |value: &str| !value.is_empty() && value.len() <= 10 && value.parse::<f64>().is_ok_and(f64::is_finite);
    let identifies = name_parts(key).last().is_some_and(|last| matches!(last.as_str(), "ID" | "IDS"));
    !is_secret_like(key)
        && !identifies
        && (values.iter().all(|value| is_boolean(value)) || values.iter().all(|value| is_number(value)))
}

fn is_word(value: &str, word: &str) -> bool {
    value.eq_ignore_ascii_case(word)
}

/// Returns whether the key selects an implementation, and only the local one is for a developer's machine.
fn is_local_implementation(key: &str, local: &str, stored: &str) -> bool {
    let selects = |last: &String| IMPLEMENTATION_KEYS.binary_search(&last.as_str()).is_ok();
    let is_local = |value: &str| LOCAL_IMPLEMENTATIONS.iter().any(|word| is_word(value, word));
    name_parts(key).last().is_some_and(selects) && is_local(local) && !is_local(stored)
}

/// Returns the provider's part of a key: `STRIPE` for `STRIPE_SECRET_KEY` and `NEXT_PUBLIC_STRIPE_KEY`.
pub(super) fn provider(key: &str) -> Option<String> {
    let mut words = name_parts(key).into_iter().filter(|word| PUBLISHING.binary_search(&word.as_str()).is_err());
    let first = words.next().filter(|word| GENERAL.binary_search(&word.as_str()).is_err())?;
    words.next().map(|_| first)
}

/// Returns whether only the local value has a word for development. `http` is one next to `https`, and `log` one for a
/// mailer.
pub(super) fn is_development(key: &str, local: &Secret, stored: &Secret) -> bool {
    if is_secret_like(key) {
        return false;
    }
    if (local.expose(), stored.expose()) == ("http", "https")
        || is_local_implementation(key, local.expose(), stored.expose())
    {
        return true;
    }
    let (local, stored) = (words(local.expose()), words(stored.expose()));
    let has = |words: &[Word<'_>], of: &[&str]| words.iter().any(|word| of.iter().any(|one| word.is(one)));
    // `.dev` is also a top-level domain.
    let is_domain = |word: &Word<'_>| word.is("dev") && word.ends_name;
    let is_paired = has(&stored, &PRODUCTION);
    let local: Vec<Word<'_>> = local.into_iter().filter(|word| is_paired || !is_domain(word)).collect();
    let stored: Vec<Word<'_>> = stored.into_iter().filter(|word| !is_domain(word)).collect();
    has(&local, &DEVELOPMENT) && !has(&stored, &DEVELOPMENT)
}

/// A word of a value.
struct Word<'v> {
    text: &'v str,
    /// Whether it is the last part of a dotted name.
    ends_name: bool,
}

impl Word<'_> {
    fn is(&self, other: &str) -> bool {
        self.text.eq_ignore_ascii_case(other)
    }
}

fn words(value: &str) -> Vec<Word<'_>> {
    let names = value.split(|character: char| !character.is_alphanumeric() && character != '.');
    names
        .flat_map(|name| {
            let last = name.matches('.').count();
            name.split('.').enumerate().map(move |(at, text)| Word { text, ends_name: last > 0 && at == last })
        })
        .filter(|word| !word.text.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::drift::suggest::intent::{
        DEVELOPMENT, GENERAL, GENERATED, IMAGE_SETTINGS, IMPLEMENTATION_KEYS, LOCAL_PROGRAMS, PRODUCTION, PUBLISHING,
        SERVER_SETTINGS, is_app_id, is_development, is_for_local_program, is_generated, is_server_setting, is_setting,
        provider,
    };

    #[test]
    fn word_lists_are_sorted() {
        let sorted = [
            GENERATED.is_sorted(),
            DEVELOPMENT.is_sorted(),
            PRODUCTION.is_sorted(),
            LOCAL_PROGRAMS.is_sorted(),
            IMAGE_SETTINGS.is_sorted(),
            SERVER_SETTINGS.is_sorted(),
            PUBLISHING.is_sorted(),
            GENERAL.is_sorted(),
            IMPLEMENTATION_KEYS.is_sorted(),
        ];
        assert_eq!(sorted, [true; 9]);
    }

    #[test]
    fn development_values_are_recognised_by_their_words() {
        for (key, local, stored, expected) in [
            ("UPLOADS_BUCKET", "bakery-uploads-dev", "bakery-uploads", true),
            ("S3_BUCKET", "gallery-development", "gallery-production", true),
            ("EMAIL_URL", "consolemail://", "smtp+tls://post:x@mail.town-library.dev:587", true),
            ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "anymail.sendgrid", true),
            ("DJANGO_SETTINGS_MODULE", "shop.settings.local", "shop.settings.production", true),
            ("DJANGO_SETTINGS_MODULE", "shop.settings.dev", "shop.settings.prod", true),
            ("SMTP_ADDRESS", "mailpit", "smtp.shop.example", true),
            ("APP_PROTOCOL", "http", "https", true),
            ("MAIL_MAILER", "log", "smtp", true),
            ("LOG_CHANNEL", "stack", "stderr", true),
            ("QUEUE_CONNECTION", "sync", "redis", true),
            ("LOG_FORMAT", "pretty", "json", true),
            ("SESSION_DRIVER", "file", "array", false),
            ("CACHE_DRIVER", "redis", "file", false),
            ("EXPORT_KIND", "file", "stream", false),
            // A domain, the opposite direction, the same word on both sides, a part of a word, a secret, and no word.
            ("MAIL_FROM", "orders@rye.dev", "orders@rye.example", false),
            ("UPLOADS_BUCKET", "bakery-uploads", "bakery-uploads-dev", false),
            ("UPLOADS_BUCKET", "a-test", "b-test", false),
            ("NAME", "devices", "things", false),
            ("API_KEY", "key-dev", "key-live", false),
            ("REGION", "eu", "us", false),
            ("APP_PROTOCOL", "https", "http", false),
        ] {
            let found = is_development(key, &Secret::new(local), &Secret::new(stored));
            assert_eq!(found, expected, "{key} {local} {stored}");
        }
    }

    #[test]
    fn numbers_and_booleans_are_settings_unless_they_identify_something() {
        for (key, local, stored, expected) in [
            ("WORKERS", "1", "4", true),
            ("SAMPLE_RATE", "1.0", "0.1", true),
            ("ENABLE_CACHE", "false", "TRUE", true),
            ("ENABLE_CACHE", "false", "1", false),
            ("REGION", "eu", "us", false),
            ("TELEGRAM_CHAT_ID", "1", "2", false),
            ("API_KEY", "1", "2", false),
            ("WORKERS", "", "2", false),
            ("WORKERS", "inf", "2", false),
        ] {
            assert_eq!(is_setting(key, &Secret::new(local), &Secret::new(stored)), expected, "{key} {local} {stored}");
        }
    }

    #[test]
    fn keys_are_recognised_by_whole_words() {
        for (key, expected) in [("SECRET_KEY", true), ("STRIPE_SECRET_KEY", false), ("SLACK_SIGNING_SECRET", false)] {
            assert_eq!(is_generated(key), expected, "{key}");
        }
        for (key, expected) in [("POSTGRES_USER", true), ("COMPOSE_FILE", true), ("POSTGRES_URL", false)] {
            assert_eq!(is_for_local_program(key), expected, "{key}");
        }
        for (key, expected) in [
            ("SMTP_PORT", true),
            ("DB_USERNAME", true),
            ("MINIO_SECRET_KEY", true),
            ("AWS_ACCESS_KEY_ID", true),
            ("SMTP_TOKEN", false),
        ] {
            assert_eq!(is_server_setting(key), expected, "{key}");
        }
        for (key, expected) in [("GITHUB_CLIENT_ID", true), ("AWS_ACCESS_KEY_ID", false), ("CLIENT_IDS", false)] {
            assert_eq!(is_app_id(key), expected, "{key}");
        }
        for (key, expected) in [
            ("STRIPE_WEBHOOK_SECRET", Some("STRIPE")),
            ("NEXT_PUBLIC_STRIPE_KEY", Some("STRIPE")),
            ("VITE_API_KEY", None),
            ("SECRET", None),
            ("", None),
        ] {
            assert_eq!(provider(key).as_deref(), expected, "{key}");
        }
    }
}
