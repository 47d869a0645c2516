//! Recognises addresses that are valid only on a developer's machine, in its network or in its compose file.

use core::net::{IpAddr, Ipv4Addr};

use crate::drift::secret_like::name_parts;

/// Schemes that a host follows, so that a name without a dot is a host. A deep link such as `myapp://callback` has
/// none.
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

/// Last words of keys whose value is an address, with or without a port.
const ADDRESS_WORDS: &[&str] = &[
    "ADDR",
    "ADDRESS",
    "ADDRESSES",
    "BIND",
    "BROKER",
    "BROKERS",
    "DOMAIN",
    "DOMAINS",
    "ENDPOINT",
    "ENDPOINTS",
    "HOST",
    "HOSTNAME",
    "HOSTNAMES",
    "HOSTS",
    "IP",
    "IPS",
    "LISTEN",
    "NODES",
    "ORIGIN",
    "ORIGINS",
    "SERVER",
    "SERVERS",
    "SITE",
    "UPSTREAM",
    "URI",
    "URL",
    "URLS",
];

/// Domains that do not exist in the public DNS, or that resolve to this machine or tunnel to it.
const LOCAL_ENDS: &[&str] = &[
    ".app.github.dev",
    ".bore.pub",
    ".containers.internal",
    ".ddev.site",
    ".devtunnels.ms",
    ".docker.internal",
    ".docksal.site",
    ".gitpod.io",
    ".home.arpa",
    ".lan",
    ".lhr.life",
    ".lima.internal",
    ".lndo.site",
    ".loca.lt",
    ".local",
    ".localdomain",
    ".localhost",
    ".localhost.run",
    ".localtest.me",
    ".localtunnel.me",
    ".lvh.me",
    ".minikube.internal",
    ".ngrok-free.app",
    ".ngrok-free.dev",
    ".ngrok.app",
    ".ngrok.dev",
    ".ngrok.io",
    ".pagekite.me",
    ".pinggy.io",
    ".pinggy.link",
    ".serveo.net",
    ".sharedwithexpose.com",
    ".telebit.io",
    ".test",
    ".trycloudflare.com",
    ".vcap.me",
    ".zrok.io",
];

/// Names of this machine.
const LOCAL_NAMES: &[&str] =
    &["bore.pub", "ip6-localhost", "ip6-loopback", "localhost", "localtest.me", "lvh.me", "vcap.me"];

/// DNS services whose names contain the address that they resolve to.
const ADDRESS_IN_NAME: [&str; 3] = [".nip.io", ".sslip.io", ".xip.io"];

/// Parameters for the host in a connection string: `host=localhost port=5432`, `Server=localhost;Database=shop`.
const HOST_PARAMETERS: [&str; 6] = ["addr", "address", "data source", "host", "hostaddr", "server"];

/// Returns whether the whole value is a local address or a list of local addresses.
pub(super) fn is_local(key: &str, value: &str) -> bool {
    let value = value.trim();
    // With a single `://`, commas separate the hosts of one URL: `mongodb://one,two/x`.
    if value.matches("://").count() == 1 && is_local_url(value) {
        return true;
    }
    has_local_parameter(value) || is_local_tcp(value) || is_local_list(key, value)
}

/// Returns true for a list of local addresses, separated by commas, semicolons or whitespace, or a JSON array.
fn is_local_list(key: &str, value: &str) -> bool {
    let json = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|inner| inner.contains('"'));
    let unquoted = |item: &'_ str| item.len() - item.trim_matches('"').len();
    let mut items = json
        .unwrap_or(value)
        .split(|sign: char| matches!(sign, ',' | ';') || sign.is_whitespace())
        .filter(|item| !item.is_empty())
        .map(|item| if json.is_some() && unquoted(item) == 2 { item.trim_matches('"') } else { item })
        .peekable();
    items.peek().is_some() && items.all(|item| is_local_item(key, item))
}

/// Returns whether one item of a list is local: a URL, `host:port`, or a host alone.
fn is_local_item(key: &str, item: &str) -> bool {
    if is_local_url(item) || item.contains("://") {
        return is_local_url(item);
    }
    let Some(host) = without_port(item) else { return false };
    // A name without a port may be a module path (`shop.settings.local`) or a word, unless the key is for an address.
    let is_alone = host.len() == item.len();
    match kind(host.trim_start_matches("*.").trim_start_matches('.')) {
        Some(LocalHostKind::ThisMachine) => true,
        Some(LocalHostKind::Network) => !is_alone || ends_with_one_of(key, ADDRESS_WORDS),
        None => {
            is_single_label(host) && ends_with_one_of(key, if is_alone { &["HOST", "HOSTS"] } else { ADDRESS_WORDS })
        }
    }
}

/// Returns whether the key's last word is one of these. First compares the end of the key, because splitting it into
/// words is slower.
fn ends_with_one_of(key: &str, words: &[&str]) -> bool {
    let letters = key.trim_end_matches(|character: char| !character.is_alphabetic());
    let may_be = words.iter().any(|word| {
        let end = letters.len().checked_sub(word.len()).and_then(|start| letters.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(word))
    });
    may_be && name_parts(key).last().is_some_and(|last| words.contains(&last.as_str()))
}

/// Returns whether every host of the URL is local, or the URL is a local database file or socket.
fn is_local_url(text: &str) -> bool {
    if ["file:", "sqlite", "unix:"].iter().any(|start| text.starts_with(start)) && text.contains(':') {
        return true;
    }
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme = scheme.strip_prefix("jdbc:").unwrap_or(scheme);
    let scheme = scheme.split('+').next().unwrap_or(scheme);
    let authority = rest.split(['/', '?', '#', ';']).next().unwrap_or(rest);
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let network = NETWORK_SCHEMES.binary_search(&scheme).is_ok();
    let is_local = |host: &str| kind(host.trim_start_matches("*.")).is_some() || (network && is_single_label(host));
    hosts.split(',').all(|host| without_port(host).is_some_and(is_local))
}

/// Returns true for `host=localhost port=5432 dbname=shop`, `Server=localhost;Database=shop;User Id=sa`.
fn has_local_parameter(value: &str) -> bool {
    let by_semicolon = value.contains(';');
    let mut hosts = value
        .split(|sign: char| if by_semicolon { sign == ';' } else { sign.is_whitespace() })
        .filter_map(|item| item.split_once('='))
        .filter(|(name, _)| HOST_PARAMETERS.iter().any(|host| name.trim().eq_ignore_ascii_case(host)))
        .map(|(_, host)| host.trim().trim_start_matches("tcp:").split([',', '\\']).next().unwrap_or_default())
        .peekable();
    let is_local = |host: &str| without_port(host).is_some_and(|host| kind(host).is_some() || is_single_label(host));
    value.matches('=').count() > 1 && hosts.peek().is_some() && hosts.all(is_local)
}

/// Returns true for `user:password@tcp(localhost:3306)/shop`, the format of Go drivers.
fn is_local_tcp(value: &str) -> bool {
    let host = value.rsplit_once("@tcp(").and_then(|(_, rest)| rest.split_once(")/")).map(|(host, _)| host);
    let is_local = |host: &str| kind(host).is_some() || is_single_label(host);
    host.and_then(without_port).is_some_and(is_local)
}

/// Returns the host of `host:port`, `[::1]:port`, `host:port:weight` or a host alone; `None` if the rest is not a port.
fn without_port(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)).then_some(host);
    }
    match text.split_once(':') {
        None => Some(text),
        Some(_) if text.parse::<IpAddr>().is_ok() => Some(text),
        Some((host, ports)) => ports.split(':').all(is_port).then_some(host),
    }
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.parse::<u16>().is_ok()
}

/// Why a host is local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LocalHostKind {
    /// It is this machine in any context.
    ThisMachine,
    /// It is in the developer's network, or a name that resolves to this machine.
    Network,
}

fn kind(host: &str) -> Option<LocalHostKind> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if LOCAL_NAMES.iter().any(|name| host.eq_ignore_ascii_case(name)) {
        return Some(LocalHostKind::ThisMachine);
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return kind_of_address(address);
    }
    let ends = |end: &str| {
        let start = host.len().checked_sub(end.len()).filter(|&start| start > 0);
        start.and_then(|start| host.get(start..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    let named =
        || ADDRESS_IN_NAME.iter().find(|end| ends(end)).and_then(|end| address_in(&host[..host.len() - end.len()]));
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    // Stripping `*.` from `*.ngrok.io` leaves the domain itself; but `test` alone may be any name.
    let is_apex = |end: &str| end[1..].contains('.') && end[1..].eq_ignore_ascii_case(host);
    if is_name && LOCAL_ENDS.iter().any(|end| ends(end) || is_apex(end)) {
        return Some(LocalHostKind::Network);
    }
    named().and_then(|address| kind_of_address(address.into()))
}

fn kind_of_address(address: IpAddr) -> Option<LocalHostKind> {
    let is_private = match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    };
    if address.is_loopback() || address.is_unspecified() {
        return Some(LocalHostKind::ThisMachine);
    }
    is_private.then_some(LocalHostKind::Network)
}

/// Returns the address at the end of `app.192.168.1.5` or `app-192-168-1-5`.
fn address_in(name: &str) -> Option<Ipv4Addr> {
    let mut numbers: Vec<&str> = name.rsplit(['.', '-']).take(4).collect();
    numbers.reverse();
    numbers.join(".").parse().ok()
}

/// Returns whether the host is a name without a dot, like services in a compose file. Railway's private domains end in
/// `.railway.internal`.
fn is_single_label(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use crate::drift::expected_differences::local_address::{NETWORK_SCHEMES, is_local};

    #[test]
    fn schemes_are_sorted() {
        assert!(NETWORK_SCHEMES.is_sorted());
    }

    #[test]
    fn recognizes_local_addresses() {
        for (key, value) in [
            ("DATABASE_URL", "postgres://user:pw@localhost:5432/x"),
            ("DATABASE_URL", "postgres://user:pw@db:5432/x"),
            ("DATABASE_URL", "postgresql+asyncpg://user:p:w@db/x"),
            ("DATABASE_URL", "jdbc:postgresql://127.0.0.1:5432/x"),
            ("DATABASE_URL", "jdbc:sqlserver://localhost:1433;databaseName=x;encrypt=true"),
            ("DATABASE_URL", "sqlite:///./development.db"),
            ("DATABASE_URL", "sqlite+aiosqlite:///./development.db"),
            ("DATABASE_URL", "file:./dev.db"),
            ("DATABASE_URL", "host=localhost port=5432 dbname=x user=u password=p"),
            ("DATABASE_URL", "Server=localhost,1433;Database=x;User Id=sa;Password=p"),
            ("DATABASE_URL", "Data Source=db;Initial Catalog=x"),
            ("DATABASE_URL", "root:pw@tcp(127.0.0.1:3306)/x?parseTime=true"),
            ("DATABASE_URL", "root:pw@tcp(mysql:3306)/x"),
            ("MONGO", "mongodb://one:27017,two:27017/x?replicaSet=r"),
            ("REDIS_URL", "redis://redis"),
            ("REDIS_URL", "redis://redis:6379"),
            ("REDIS_URL", "redis://:pw@[::1]:6379/0"),
            ("REDIS_URL", "redis:6379"),
            ("API_URL", "http://app.localhost:3000"),
            ("API_URL", "http://printer.local/"),
            ("API_URL", "http://acme.test"),
            ("API_URL", "https://ACME.Test/path?next=https://x.com"),
            ("API_URL", "http://host.docker.internal:8000"),
            ("API_URL", "http://host.containers.internal:8000"),
            ("API_URL", "https://acme.ddev.site"),
            ("API_URL", "http://acme.lndo.site"),
            ("API_URL", "http://lvh.me:3000"),
            ("API_URL", "http://shop.lvh.me:3000"),
            ("API_URL", "http://shop.127.0.0.1.nip.io"),
            ("API_URL", "http://shop-192-168-1-5.sslip.io"),
            ("API_URL", "http://10.0.0.4:80"),
            ("API_URL", "http://172.16.0.1"),
            ("API_URL", "http://172.31.255.255:1"),
            ("API_URL", "http://192.168.1.20:3000"),
            ("API_URL", "http://169.254.169.254/latest"),
            ("API_URL", "http://[fd12:3456::1]:3000"),
            ("API_URL", "http://[fe80::1]/"),
            ("WEBHOOK_URL", "https://ab12cd.ngrok-free.app"),
            ("WEBHOOK_URL", "https://ab12cd.eu.ngrok.io/hook"),
            ("WEBHOOK_URL", "https://quick-brown-fox.trycloudflare.com"),
            ("WEBHOOK_URL", "https://shy-cat-1.loca.lt"),
            ("WEBHOOK_URL", "https://shop.serveo.net"),
            ("WEBHOOK_URL", "https://ab-3000.euw.devtunnels.ms"),
            ("WEBHOOK_URL", "https://shop-3000.app.github.dev"),
            ("BIND", "0.0.0.0"),
            ("BIND", "127.1.2.3:80"),
            ("BIND", "::1"),
            ("BIND", "192.168.1.20"),
            ("ANY", "LocalHost:3000"),
            ("ANY", "192.168.1.20:3000"),
            ("ANY", "shop.test:3000"),
            ("DB_HOST", "db"),
            ("dbHost", "db"),
            ("DB_HOST", "db.local"),
            ("DB_HOST", "10.1.2.3"),
            ("COOKIE_DOMAIN", ".shop.test"),
            ("COOKIE_DOMAIN", "shop.test"),
            ("KAFKA_BROKERS", "kafka:9092,kafka2:9092"),
            ("MEMCACHED_SERVERS", "127.0.0.1:11211:100"),
            ("MEMCACHED_SERVERS", "127.0.0.1:11211:100;127.0.0.1:11212:50"),
            ("CORS_ORIGINS", "http://localhost:3000, http://localhost:5173"),
            ("CORS_ORIGINS", "http://localhost:3000 http://shop.test"),
            ("CORS_ORIGINS", "http://localhost:3000;http://shop.test"),
            ("CORS_JSON", "[\"http://localhost:3000\"]"),
            ("CORS_JSON", "[\"http://localhost:3000\", \"http://shop.test\"]"),
            ("ALLOWED_HOSTS", "localhost,127.0.0.1"),
            ("ALLOWED_HOSTS", ".localhost,127.0.0.1,[::1]"),
            ("ALLOWED_HOSTS", "*.ngrok.io"),
            ("SANCTUM_STATEFUL_DOMAINS", "localhost:3000,shop.test"),
        ] {
            assert!(is_local(key, value), "{key} {value}");
        }
    }

    #[test]
    fn rejects_other_addresses() {
        for (key, value) in [
            ("DATABASE_URL", "postgres://user:pw@postgres.railway.internal:5432/x"),
            ("DATABASE_URL", "postgres://user:p/w@db.example.com:5432/x"),
            ("DATABASE_URL", "postgres://localhost:pw@db.example.com/x"),
            ("DATABASE_URL", "host=db.example.com port=5432 application_name=localhost"),
            ("DATABASE_URL", "Server=db.example.com;Database=localhost"),
            ("DATABASE_URL", "root:pw@tcp(db.example.com:3306)/x"),
            ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
            ("API_URL", "https://localhost.example.com"),
            ("API_URL", "https://example.com/?next=http://localhost"),
            ("API_URL", "https://local.example.com"),
            ("API_URL", "https://test.com"),
            ("API_URL", "https://notngrok.io"),
            ("API_URL", "https://latest.dev"),
            ("API_URL", "http://11.0.0.4:80"),
            ("API_URL", "http://172.32.0.1"),
            ("API_URL", "http://192.169.1.1"),
            ("API_URL", "http://8.8.8.8.nip.io"),
            ("API_URL", "http://[2001:db8::1]/"),
            ("CORS_ORIGINS", "http://localhost:3000,https://example.com"),
            ("CORS_JSON", "[\"http://localhost:3000\",\"https://example.com\"]"),
            ("CORS_JSON", "[]"),
            ("DB_HOST", "db.example.com"),
            ("DB_HOST", "127"),
            ("DB_NAME", "db"),
            ("DJANGO_SETTINGS_MODULE", "shop.settings.local"),
            ("DJANGO_SETTINGS_MODULE", "config.settings.test"),
            ("SETTINGS", "shop.settings.local"),
            ("CELERY_CONFIG", "worker.config.local"),
            ("FLASK_APP", "shop.local:app"),
            ("CONFIG_FILE", "settings.local"),
            ("TRANSLATION", "en.test"),
            ("APP_VERSION", "10.0.0.4"),
            ("APP_VERSION", "192.168.1.2"),
            ("TRUSTED_PROXIES", "10.0.0.0/8,192.168.0.0/16"),
            ("REDIRECT_URI", "myapp://callback"),
            ("BUCKET", "s3://uploads/x"),
            ("BASIC_AUTH", "admin:1234"),
            ("GREETING", "hello from localhost"),
            ("SUPPORT", ".local"),
            ("NAMES", "[\"one\",\"two\"]"),
            ("EMPTY", ""),
            ("EMPTY_HOST", ""),
        ] {
            assert!(!is_local(key, value), "{key} {value}");
        }
    }
}
