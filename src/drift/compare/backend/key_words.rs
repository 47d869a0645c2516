//! The kind of address that the words of a key name: a host or URL, and its engine.

use crate::drift::compare::backend::BackendKind;
use crate::drift::compare::backend::engine::{self, Engine};
use crate::drift::secret_like::name_parts;

/// Last words of keys for a host or a list of hosts.
const HOST_WORDS: [&str; 16] = [
    "ADDR",
    "ADDRESS",
    "ADDRESSES",
    "BROKER",
    "BROKERS",
    "ENDPOINT",
    "ENDPOINTS",
    "HOST",
    "HOSTNAME",
    "HOSTS",
    "NODE",
    "NODES",
    "POINTS",
    "SERVER",
    "SERVERS",
    "UPSTREAM",
];

/// Last words of keys for an address of any form.
const URL_WORDS: [&str; 6] = ["DSN", "STRING", "URI", "URIS", "URL", "URLS"];

/// Words after the one for the host: `DB_HOST_READ`.
const ROLES: [&str; 7] = ["MASTER", "PRIMARY", "READ", "READER", "REPLICA", "WRITE", "WRITER"];

/// Words of keys for something next to a backend: its dashboard, its documentation, a host on the way to it.
const NEIGHBOURS: [&str; 30] = [
    "ADMIN",
    "APM",
    "ASSET",
    "ASSETS",
    "BASTION",
    "CALLBACK",
    "CDN",
    "COMMANDER",
    "CONSOLE",
    "DASHBOARD",
    "DOC",
    "DOCS",
    "DOWNLOAD",
    "EXPRESS",
    "FAVICON",
    "HEALTH",
    "HEALTHCHECK",
    "ICON",
    "INSIGHT",
    "JUMP",
    "LOGIN",
    "LOGO",
    "REDIRECT",
    "SSH",
    "STATIC",
    "STATUS",
    "TUNNEL",
    "UI",
    "WEBHOOK",
    "WEBHOOKS",
];

/// Words right before the last one that name something next to a backend. Elsewhere, they are the name of a program with
/// a backend: `AUTH_DB_HOST`.
const LAST_NEIGHBOURS: [&str; 3] = ["AUTH", "EDITOR", "MANAGEMENT"];

/// Words of keys for programs in front of a backend, if the key does not name its engine: `DATABASE_API_URL`.
const PROGRAMS: [&str; 5] = ["API", "APP", "REST", "SITE", "WEB"];

/// What a key is for, by its last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressForm {
    /// A host, with or without a port.
    Host,
    /// Any address.
    Url,
}

/// A key for the address of a backend.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressKey {
    pub(super) form: AddressForm,
    pub(super) engine: &'static Engine,
}

impl AddressKey {
    /// Returns what the key is for; `None` if it is not for the address of a backend.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let mut words = words(key);
        while words.last().is_some_and(|last| ROLES.contains(&last.as_str())) {
            words.pop();
        }
        if let [.., host, name] = words.as_slice()
            && matches!((host.as_str(), name.as_str()), ("HOST" | "SERVER", "NAME"))
        {
            words.pop();
        }
        let last = words.pop()?;
        let form = if HOST_WORDS.contains(&last.as_str()) {
            AddressForm::Host
        } else if URL_WORDS.contains(&last.as_str()) {
            AddressForm::Url
        } else {
            return None;
        };
        if names_neighbour(&words) || words.last().is_some_and(|last| LAST_NEIGHBOURS.contains(&last.as_str())) {
            return None;
        }
        let engine = engine::by_words(&words)?;
        // A queue of emails belongs to a mail server.
        let is_mail = |word: &str| word == "MAIL" && engine.kind == BackendKind::Broker;
        let is_program = words.iter().any(|word| PROGRAMS.contains(&word.as_str()) || is_mail(word));
        (!is_program || !engine.is_generic()).then_some(Self { form, engine })
    }
}

/// Returns whether the words name something next to a backend.
pub(super) fn names_neighbour(words: &[String]) -> bool {
    words.iter().any(|word| NEIGHBOURS.contains(&word.as_str()))
}

/// Returns the words of a key, with `PGHOST` as two words.
pub(super) fn words(key: &str) -> Vec<String> {
    let mut words = name_parts(key);
    let before_host = words.last().and_then(|last| last.strip_suffix("HOST")).filter(|before| !before.is_empty());
    if let Some(before) = before_host.map(str::to_owned) {
        words.pop();
        words.extend([before, "HOST".to_owned()]);
    }
    words
}

#[cfg(test)]
mod tests {
    use crate::drift::compare::backend::key_words::{AddressForm, AddressKey};

    #[test]
    fn keys_for_addresses_of_backends_are_recognized() {
        use AddressForm::{Host, Url};
        for (key, expected) in [
            ("PGHOST", Some(Host)),
            ("DB_HOST", Some(Host)),
            ("dbHost", Some(Host)),
            ("DB_HOST_READ", Some(Host)),
            ("DB_HOST_NAME", Some(Host)),
            ("DATABASE_HOST", Some(Host)),
            ("MYSQLHOST", Some(Host)),
            ("WORDPRESS_DB_HOST", Some(Host)),
            ("RDS_HOSTNAME", Some(Host)),
            ("KAFKA_BOOTSTRAP_SERVERS", Some(Host)),
            ("CASSANDRA_CONTACT_POINTS", Some(Host)),
            ("ELASTICSEARCH_URL", Some(Url)),
            ("NEO4J_URI", Some(Url)),
            ("REDIS_CONNECTION_STRING", Some(Url)),
            ("QDRANT_API_URL", Some(Url)),
            ("HOST", None),
            ("SMTP_HOST", None),
            ("API_HOST", None),
            ("BROKERS", None),
            ("READ", None),
            ("AUTH_DB_HOST", Some(Host)),
            ("MAIL_DB_HOST", Some(Host)),
            ("TYPEORM_HOST", Some(Host)),
            ("BONSAI_URL", Some(Url)),
            ("SEARCHBOX_URL", Some(Url)),
            ("ELASTIC_APM_SERVER_URL", None),
            ("SUPABASE_AUTH_URL", None),
            ("SQL_EDITOR_URL", None),
            ("RABBITMQ_MANAGEMENT_URL", None),
            ("MAIL_QUEUE_HOST", None),
            ("DATABASE_NAME", None),
            ("DATABASE_API_URL", None),
            ("DB_SSH_HOST", None),
            ("PGADMIN_HOST", None),
            ("KAFKA_UI_URL", None),
            ("IMDB_URL", None),
            ("REDIS_PORT", None),
            ("DB_HOST_HEADER", None),
        ] {
            assert_eq!(AddressKey::parse(key).map(|parsed| parsed.form), expected, "{key}");
        }
    }
}
