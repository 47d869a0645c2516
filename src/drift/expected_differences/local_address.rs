//! Recognises addresses of hosts that exist only on a developer's machine, in its network or in its compose file.

use core::net::IpAddr;

use crate::drift::expected_differences::address_words::{
    ADDRESS_WORDS, COMPOSE_SERVICES, DATABASE_FILES, EMBEDDED, HOST_PARAMETERS, NETWORK_SCHEMES, SQL_SERVER_LOCAL,
};
use crate::drift::expected_differences::local_host::{LocalHostKind, is_single_label, kind};
use crate::drift::secret_like::name_parts;

/// Returns whether the whole value is a local address or a list of local addresses.
pub(super) fn is_local(key: &str, value: &str) -> bool {
    let value = value.trim();
    // With a single `://`, commas separate the hosts of one URL: `mongodb://one,two/x`.
    if value.matches("://").count() == 1 && is_local_url(value) {
        return true;
    }
    has_local_parameter(value)
        || is_local_for_driver(value)
        || is_database_file(key, value)
        || (has_items(value) && items(value).all(|item| is_local_item(key, item)))
}

/// Returns whether the local value is a list that has all of its public addresses in common with the stored list, and
/// local ones besides.
pub(super) fn is_partly_local(key: &str, local: &str, stored: &str) -> bool {
    let stored: Vec<&str> = items(stored).collect();
    let (own, public): (Vec<&str>, Vec<&str>) = items(local).partition(|item| is_local_item(key, item));
    let is_stored = |item: &&str| stored.contains(item);
    !own.is_empty() && !public.is_empty() && public.iter().all(is_stored) && !own.iter().any(is_stored)
}

fn has_items(value: &str) -> bool {
    items(value).next().is_some()
}

/// Returns the items of a list, separated by commas, semicolons or whitespace, or of an array in JSON or Python. Options
/// after a host, as in `localhost:6379,ssl=false`, are left out.
fn items(value: &str) -> impl Iterator<Item = &str> {
    let array = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let array = array.filter(|inner| inner.contains(['"', '\'']));
    let unquoted = move |item: &'_ str| {
        let quotes = item.len() - item.trim_matches(['"', '\'']).len();
        array.is_some() && quotes == 2
    };
    array
        .unwrap_or(value)
        .split(|sign: char| matches!(sign, ',' | ';') || sign.is_whitespace())
        .filter(|item| !item.is_empty())
        .enumerate()
        .filter(|(index, item)| *index == 0 || item.contains("://") || !item.contains('='))
        .map(move |(_, item)| if unquoted(item) { item.trim_matches(['"', '\'']) } else { item })
}

/// Returns whether one item of a list is local: a URL, `host:port`, `host:port/path`, `user:password@host:port`,
/// or a host alone.
fn is_local_item(key: &str, item: &str) -> bool {
    if is_local_url(item) || item.contains("://") {
        return is_local_url(item);
    }
    let authority = item.trim_start_matches("//").split('/').next().unwrap_or(item);
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let Some(host) = without_port(hosts) else { return false };
    let has_port = host.len() < hosts.len();
    // `root@localhost` is an e-mail address.
    if !user.is_empty() && !has_port && !user.contains(':') {
        return false;
    }
    let host_kind = kind(host.trim_start_matches("*.").trim_start_matches('.'));
    if let Some((_, path)) = item.trim_start_matches("//").split_once('/') {
        // `10.0.0.0/8` is a network.
        let is_path = has_port || path.bytes().any(|byte| !byte.is_ascii_digit());
        return is_path && (has_port || host_kind == Some(LocalHostKind::ThisMachine)) && host_kind.is_some();
    }
    match host_kind {
        Some(LocalHostKind::ThisMachine) => true,
        // A name without a port may be a module path (`shop.settings.local`), unless the key is for an address.
        Some(LocalHostKind::Network) => has_port || ends_with_one_of(key, ADDRESS_WORDS),
        None => is_single_label(host) && names_compose_service(key, host, has_port),
    }
}

/// Returns whether the key is for an address, so that a name without a dot is a service of the compose file.
fn names_compose_service(key: &str, host: &str, has_port: bool) -> bool {
    let is_usual = || {
        let mut words = host.split(['-', '_']).map(str::to_ascii_lowercase);
        words.any(|word| COMPOSE_SERVICES.binary_search(&word.as_str()).is_ok())
    };
    ends_with_one_of(key, ADDRESS_WORDS) && (has_port || ends_with_one_of(key, &["HOST", "HOSTS"]) || is_usual())
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

/// Returns whether every host of the URL is local, or the URL has none.
fn is_local_url(text: &str) -> bool {
    if EMBEDDED.iter().any(|start| text.starts_with(start)) || (text.starts_with("sqlite") && text.contains(':')) {
        return true;
    }
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme = scheme.strip_prefix("jdbc:").or_else(|| scheme.strip_prefix("r2dbc:")).unwrap_or(scheme);
    let scheme = scheme.split(['+', ':']).next().unwrap_or(scheme).to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#', ';']).next().unwrap_or(rest);
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let is_network = NETWORK_SCHEMES.binary_search(&scheme.as_str()).is_ok();
    if hosts.is_empty() {
        return is_network
            && !matches!(scheme.as_str(), "http" | "https" | "ws" | "wss")
            && !has_remote_parameter(rest);
    }
    let is_local = |host: &str| kind(host.trim_start_matches("*.")).is_some() || (is_network && is_single_label(host));
    hosts.split(',').all(|host| without_port(host).is_some_and(is_local))
}

/// Returns whether the rest of a URL without a host names one: `postgres:///shop?host=db.example.com`.
fn has_remote_parameter(rest: &str) -> bool {
    let hosts = rest.split(['?', '&']).filter_map(|part| part.strip_prefix("host="));
    let is_local =
        |host: &str| host.starts_with(['/', '%']) || without_port(host).is_some_and(|host| kind(host).is_some());
    hosts.into_iter().any(|host| !is_local(host))
}

/// Returns true for `host=localhost port=5432 dbname=shop`, `Server=localhost;Database=shop;User Id=sa`,
/// `Data Source=shop.db;Cache=Shared`.
fn has_local_parameter(value: &str) -> bool {
    let by_semicolon = value.contains(';');
    let mut hosts = value
        .split(|sign: char| if by_semicolon { sign == ';' } else { sign.is_whitespace() })
        .filter_map(|item| item.split_once('='))
        .filter(|(name, _)| HOST_PARAMETERS.iter().any(|host| name.trim().eq_ignore_ascii_case(host)))
        .map(|(_, host)| host.trim().trim_start_matches("tcp:").split([',', '\\']).next().unwrap_or_default())
        .peekable();
    let is_named = |host: &str| kind(host).is_some() || is_single_label(host) || ends_as_database(host);
    let is_local = |host: &str| SQL_SERVER_LOCAL.contains(&host) || without_port(host).is_some_and(is_named);
    value.matches('=').count() > 1 && hosts.peek().is_some() && hosts.all(is_local)
}

/// Returns true for `user:password@tcp(localhost:3306)/shop`, the format of Go drivers, and for
/// `jdbc:oracle:thin:@localhost:1521:shop`.
fn is_local_for_driver(value: &str) -> bool {
    let go = || value.rsplit_once("@tcp(").and_then(|(_, rest)| rest.split_once(")/")).map(|(host, _)| host);
    let oracle = || {
        let (_, address) = value.strip_prefix("jdbc:oracle:thin:")?.split_once('@')?;
        address.trim_start_matches('/').split([':', '/']).next()
    };
    let is_local = |host: &str| kind(host).is_some() || is_single_label(host);
    go().or_else(oracle).and_then(without_port).is_some_and(is_local)
}

/// Returns true for `DATABASE_URL=./dev.db`.
fn is_database_file(key: &str, value: &str) -> bool {
    ends_as_database(value) && !value.contains("://") && ends_with_one_of(key, &["DSN", "URI", "URL"])
}

fn ends_as_database(path: &str) -> bool {
    DATABASE_FILES.iter().any(|end| path.len() > end.len() && path.ends_with(end))
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
