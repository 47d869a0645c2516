//! Hosts and ports in addresses.

use core::net::IpAddr;

use crate::drift::expected_differences::local_host;

/// Domains of private networks, besides those of developers' machines. A name below them resolves to another host in
/// each environment.
const PRIVATE_ENDS: [&str; 7] = [".cluster", ".corp", ".flycast", ".home", ".internal", ".intranet", ".svc"];

/// Endings of database files, which look like hosts.
const FILE_ENDS: [&str; 5] = [".db", ".json", ".sql", ".sqlite", ".sqlite3"];

/// The number of hosts of one value that are read. A cluster has fewer.
pub(super) const MOST_HOSTS: usize = 32;

/// The longest host name, in bytes.
const LONGEST: usize = 253;

/// A host and the port after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostAndPort<'h> {
    pub(super) host: &'h str,
    pub(super) port: Option<u16>,
}

impl<'h> HostAndPort<'h> {
    /// Parses `host`, `host:port`, `[::1]:port`; `None` if the rest is not a port.
    pub(super) fn parse(text: &'h str) -> Option<Self> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None if text.parse::<IpAddr>().is_ok() => (text, ""),
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match rest {
            "" | ":" => None,
            rest => Some(rest.strip_prefix(':')?.parse().ok()?),
        };
        Some(Self { host, port })
    }
}

/// Returns the normalised host; `None` if it is not a host that means the same machine everywhere: a private or local
/// one, a name without a dot, a path of a socket, a placeholder.
pub(super) fn public_host(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if local_host::kind(&host).is_some() {
        return None;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(address.to_canonical().to_string());
    }
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let (_, top) = host.rsplit_once('.')?;
    let is_name = host.len() <= LONGEST
        && host.split('.').all(is_label)
        && top.len() >= 2
        && top.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_private = PRIVATE_ENDS.iter().chain(&FILE_ENDS).any(|end| host.ends_with(end));
    (is_name && !is_private).then_some(host)
}

#[cfg(test)]
mod tests {
    use crate::drift::compare::backend::host::{HostAndPort, public_host};

    #[test]
    fn splits_host_and_port() {
        for (text, expected) in [
            ("db.acme.dev", Some(("db.acme.dev", None))),
            ("db.acme.dev:5432", Some(("db.acme.dev", Some(5432)))),
            ("db.acme.dev:", Some(("db.acme.dev", None))),
            ("[2001:db8::1]:5432", Some(("2001:db8::1", Some(5432)))),
            ("[2001:db8::1]", Some(("2001:db8::1", None))),
            ("2001:db8::1", Some(("2001:db8::1", None))),
            ("", Some(("", None))),
            ("db.acme.dev:port", None),
            ("db.acme.dev:70000", None),
            ("db.acme.dev:1:2", None),
            ("[2001:db8::1", None),
            ("[2001:db8::1]5432", None),
        ] {
            let expected = expected.map(|(host, port)| HostAndPort { host, port });
            assert_eq!(HostAndPort::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn only_hosts_that_are_the_same_everywhere_count() {
        for (host, expected) in [
            ("db.acme.dev", Some("db.acme.dev")),
            ("DB.Acme.Dev.", Some("db.acme.dev")),
            ("8.8.8.8", Some("8.8.8.8")),
            ("2001:DB8:0::1", Some("2001:db8::1")),
            ("::ffff:8.8.8.8", Some("8.8.8.8")),
            ("internal.acme.dev", Some("internal.acme.dev")),
            ("db", None),
            ("localhost", None),
            ("127.0.0.1", None),
            ("10.1.2.3", None),
            ("172.16.0.1", None),
            ("192.168.1.1", None),
            ("100.64.0.1", None),
            ("fd12::1", None),
            ("::1", None),
            ("postgres.railway.internal", None),
            ("db.internal", None),
            ("db.local", None),
            ("db.localhost", None),
            ("db.shop.svc", None),
            ("db.shop.svc.cluster.local", None),
            ("/var/run/postgresql", None),
            ("%2fvar%2frun%2fpostgresql", None),
            ("data.sqlite3", None),
            ("1.2.3", None),
            ("db..dev", None),
            ("${DB_HOST}.acme.dev", None),
            ("<host>.acme.dev", None),
            ("", None),
        ] {
            assert_eq!(public_host(host).as_deref(), expected, "{host}");
        }
    }
}
