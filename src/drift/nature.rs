//! Values that are meant to differ between a person's machine and Railway.

use core::net::IpAddr;

use crate::drift::Secret;
use crate::drift::secret_like::words;

/// Why a difference is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nature {
    /// The key says where a program runs, and how.
    Key,
    /// The value names a host that only this machine, its network or its compose file knows.
    Host,
    /// The local value is a payment provider's test key, and Railway has a live one.
    TestKey,
}

/// Keys that every place sets for itself. `APP_ENV` is not one of them: applications give it a meaning of their own.
const KEYS: &[&str] = &[
    "DEBUG",
    "FLASK_DEBUG",
    "FLASK_ENV",
    "HOST",
    "NODE_ENV",
    "PORT",
    "RACK_ENV",
    "RAILS_ENV",
    // What this machine shows to Railway; a service that talks to Railway has a token of its own.
    "RAILWAY_API_TOKEN",
    "RAILWAY_TOKEN",
];

/// Schemes behind which a name without a dot is a machine. A deep link such as `myapp://callback` has none.
const NETWORK_SCHEMES: &[&str] = &[
    "amqp",
    "amqps",
    "clickhouse",
    "elasticsearch",
    "grpc",
    "http",
    "https",
    "kafka",
    "ldap",
    "mariadb",
    "memcached",
    "mongodb",
    "mssql",
    "mysql",
    "nats",
    "postgres",
    "postgresql",
    "redis",
    "rediss",
    "smtp",
    "sqlserver",
    "tcp",
    "valkey",
    "ws",
    "wss",
];

/// Words at the end of a key that promise an address as its value.
const ADDRESS_WORDS: &[&str] =
    &["ADDR", "ADDRESS", "BROKER", "BROKERS", "ENDPOINT", "HOST", "HOSTS", "SERVER", "SERVERS", "URI", "URL"];

/// Why the key with that local value is meant to differ on Railway; `None` where it is not.
pub fn of(key: &str, local: &Secret) -> Option<Nature> {
    if KEYS.binary_search(&key).is_ok() {
        return Some(Nature::Key);
    }
    is_local_address(key, local.reveal()).then_some(Nature::Host)
}

/// Why these two values are meant to differ: a test key here, and a live one of the same kind there.
pub fn between(local: &Secret, stored: &Secret) -> Option<Nature> {
    // Stripe's prefixes, which others have taken over.
    let pairs = [("sk_test_", "sk_live_"), ("pk_test_", "pk_live_"), ("rk_test_", "rk_live_")];
    let is_pair = |(test, live)| local.reveal().starts_with(test) && stored.reveal().starts_with(live);
    pairs.into_iter().any(is_pair).then_some(Nature::TestKey)
}

/// Whether the whole value is one local address, or a list of nothing else.
fn is_local_address(key: &str, value: &str) -> bool {
    // A list of hosts within one URL is that URL's own: `mongodb://one,two/x`.
    let is_one_url = value.matches("://").count() == 1 && is_local_url(value.trim());
    is_one_url || value.split(',').all(|item| is_local_item(key, item.trim()))
}

/// One item of a list: a URL, `host:port`, or a host alone.
fn is_local_item(key: &str, item: &str) -> bool {
    if is_local_url(item) {
        return true;
    }
    let Some(host) = without_port(item) else { return false };
    let promised: &[&str] = if host.len() == item.len() { &["HOST", "HOSTS"] } else { ADDRESS_WORDS };
    is_local_host(host) || (is_single_label(host) && ends_with_one_of(key, promised))
}

/// Whether the key's last word is one of these. Most keys end otherwise, and are not taken apart for it.
fn ends_with_one_of(key: &str, promised: &[&str]) -> bool {
    let letters = key.trim_end_matches(|character: char| !character.is_alphabetic());
    let may_be = promised.iter().any(|word| {
        let end = letters.len().checked_sub(word.len()).and_then(|start| letters.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(word))
    });
    may_be && words(key).last().is_some_and(|last| promised.contains(&last.as_str()))
}

/// Whether every host of the URL is local, or the URL is a database in a file of this machine.
fn is_local_url(text: &str) -> bool {
    if text.starts_with("file:") || text.starts_with("sqlite:") {
        return true;
    }
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme = scheme.strip_prefix("jdbc:").unwrap_or(scheme);
    let scheme = scheme.split('+').next().unwrap_or(scheme);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let network = NETWORK_SCHEMES.binary_search(&scheme).is_ok();
    hosts
        .split(',')
        .all(|host| without_port(host).is_some_and(|host| is_local_host(host) || (network && is_single_label(host))))
}

/// The host of `host:port`, `[::1]:port` or a host alone; `None` if what follows the colon is no port.
fn without_port(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)).then_some(host);
    }
    match text.split_once(':') {
        None => Some(text),
        Some((_, rest)) if rest.contains(':') => text.parse::<IpAddr>().is_ok().then_some(text),
        Some((host, port)) => is_port(port).then_some(host),
    }
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.parse::<u16>().is_ok()
}

/// Hosts that mean this machine or its local network wherever they are written.
fn is_local_host(host: &str) -> bool {
    let ends = |end: &str| {
        let start = host.len().checked_sub(end.len()).filter(|&start| start > 0);
        start.and_then(|start| host.get(start..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    host.eq_ignore_ascii_case("localhost")
        || [".localhost", ".local", ".docker.internal"].into_iter().any(ends)
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// A name without a dot, as compose files give to their services. Railway's own names end in `.railway.internal`.
fn is_single_label(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::{ADDRESS_WORDS, KEYS, NETWORK_SCHEMES, Nature, of};
    use crate::drift::Secret;

    #[test]
    fn the_lists_can_be_searched() {
        assert!(KEYS.is_sorted() && NETWORK_SCHEMES.is_sorted() && ADDRESS_WORDS.is_sorted());
    }

    #[test]
    fn hosts_of_this_machine_and_of_compose_files_are_local() {
        for (key, value) in [
            ("DATABASE_URL", "postgres://user:pw@localhost:5432/x"),
            ("DATABASE_URL", "postgres://user:pw@db:5432/x"),
            ("DATABASE_URL", "postgresql+asyncpg://user:p:w@db/x"),
            ("DATABASE_URL", "jdbc:postgresql://127.0.0.1:5432/x"),
            ("DATABASE_URL", "sqlite:///./development.db"),
            ("DATABASE_URL", "file:./dev.db"),
            ("MONGO", "mongodb://one:27017,two:27017/x?replicaSet=r"),
            ("REDIS_URL", "redis://redis"),
            ("REDIS_URL", "redis://:pw@[::1]:6379/0"),
            ("API_URL", "http://app.localhost:3000"),
            ("API_URL", "http://printer.local/"),
            ("API_URL", "http://host.docker.internal:8000"),
            ("BIND", "0.0.0.0"),
            ("BIND", "127.1.2.3:80"),
            ("BIND", "::1"),
            ("ANY", "LocalHost:3000"),
            ("DB_HOST", "db"),
            ("dbHost", "db"),
            ("KAFKA_BROKERS", "kafka:9092,kafka2:9092"),
            ("CORS_ORIGINS", "http://localhost:3000, http://localhost:5173"),
            ("ALLOWED_HOSTS", "localhost,127.0.0.1"),
        ] {
            assert_eq!(of(key, &Secret::new(value)), Some(Nature::Host), "{key} {value}");
        }
    }

    #[test]
    fn other_values_are_not_local() {
        for (key, value) in [
            ("DATABASE_URL", "postgres://user:pw@postgres.railway.internal:5432/x"),
            ("DATABASE_URL", "postgres://user:p/w@db.example.com:5432/x"),
            ("DATABASE_URL", "postgres://localhost:pw@db.example.com/x"),
            ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
            ("API_URL", "https://localhost.example.com"),
            ("API_URL", "https://example.com/?next=http://localhost"),
            ("API_URL", "http://10.0.0.4:80"),
            ("CORS_ORIGINS", "http://localhost:3000,https://example.com"),
            ("DB_HOST", "db.example.com"),
            ("DB_HOST", "127"),
            ("DB_NAME", "db"),
            ("REDIRECT_URI", "myapp://callback"),
            ("BUCKET", "s3://uploads/x"),
            ("BASIC_AUTH", "admin:1234"),
            ("GREETING", "hello from localhost"),
            ("APP_ENV", "development"),
            ("SUPPORT", ".local"),
            ("EMPTY", ""),
            ("EMPTY_HOST", ""),
        ] {
            assert_eq!(of(key, &Secret::new(value)), None, "{key} {value}");
        }
    }

    #[test]
    fn some_keys_are_set_by_every_place_for_itself() {
        for (key, nature) in [
            ("PORT", Some(Nature::Key)),
            ("NODE_ENV", Some(Nature::Key)),
            ("DEBUG", Some(Nature::Key)),
            ("REPORT", None),
            ("DB_PORT", None),
            ("APP_ENV", None),
            ("port", None),
        ] {
            assert_eq!(of(key, &Secret::new("4711")), nature, "{key}");
        }
    }
}
