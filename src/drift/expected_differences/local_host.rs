//! Recognises hosts that exist only on a developer's machine, in its network or in its compose file.

use core::net::{IpAddr, Ipv4Addr};

/// Domains that do not exist in the public DNS, or that resolve to this machine or tunnel to it.
const LOCAL_ENDS: &[&str] = &[
    ".app.github.dev",
    ".bore.pub",
    ".containers.internal",
    ".csb.app",
    ".ddev.site",
    ".devtunnels.ms",
    ".docker.internal",
    ".docksal.site",
    ".gitpod.io",
    ".home.arpa",
    ".lan",
    ".lhr.life",
    ".lhrtunnel.link",
    ".lima.internal",
    ".lndo.site",
    ".loca.lt",
    ".local",
    ".localcan.dev",
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
    ".smee.io",
    ".srv.us",
    ".telebit.io",
    ".test",
    ".trycloudflare.com",
    ".tunnelmole.net",
    ".tunnelto.dev",
    ".vcap.me",
    ".zrok.io",
];

/// Names of this machine.
const LOCAL_NAMES: &[&str] =
    &["bore.pub", "ip6-localhost", "ip6-loopback", "localhost", "localtest.me", "lvh.me", "vcap.me"];

/// DNS services whose names contain the address that they resolve to.
const ADDRESS_IN_NAME: [&str; 3] = [".nip.io", ".sslip.io", ".xip.io"];

/// Why a host is local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocalHostKind {
    /// It is this machine in any context.
    ThisMachine,
    /// It is in the developer's network, or a name that resolves to this machine.
    Network,
}

/// Returns why the host, without a port, is local.
pub(crate) fn kind(host: &str) -> Option<LocalHostKind> {
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
    let address = address.to_canonical();
    let is_private = match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local() || is_shared(address),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    };
    if address.is_loopback() || address.is_unspecified() {
        return Some(LocalHostKind::ThisMachine);
    }
    is_private.then_some(LocalHostKind::Network)
}

/// Returns whether the address is in 100.64.0.0/10, which private networks such as Tailscale use.
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
}

/// Returns the address at the end of `app.192.168.1.5` or `app-192-168-1-5`.
fn address_in(name: &str) -> Option<Ipv4Addr> {
    let mut numbers: Vec<&str> = name.rsplit(['.', '-']).take(4).collect();
    numbers.reverse();
    numbers.join(".").parse().ok()
}

/// Returns whether the host is a name without a dot, like services in a compose file. Railway's private domains end in
/// `.railway.internal`.
pub(super) fn is_single_label(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use crate::drift::expected_differences::local_host::{LocalHostKind, kind};

    #[test]
    fn classifies_hosts() {
        use LocalHostKind::{Network, ThisMachine};
        for (host, expected) in [
            ("localhost", Some(ThisMachine)),
            ("LOCALHOST.", Some(ThisMachine)),
            ("127.0.0.1", Some(ThisMachine)),
            ("127.9.9.9", Some(ThisMachine)),
            ("0.0.0.0", Some(ThisMachine)),
            ("::", Some(ThisMachine)),
            ("::1", Some(ThisMachine)),
            ("::ffff:127.0.0.1", Some(ThisMachine)),
            ("lvh.me", Some(ThisMachine)),
            ("127.0.0.1.nip.io", Some(ThisMachine)),
            ("10.0.0.1", Some(Network)),
            ("172.16.0.1", Some(Network)),
            ("172.31.255.255", Some(Network)),
            ("192.168.0.1", Some(Network)),
            ("169.254.0.1", Some(Network)),
            ("100.64.0.1", Some(Network)),
            ("100.127.255.255", Some(Network)),
            ("::ffff:10.0.0.1", Some(Network)),
            ("fc00::1", Some(Network)),
            ("fdff::1", Some(Network)),
            ("fe80::1", Some(Network)),
            ("printer.local", Some(Network)),
            ("shop.test", Some(Network)),
            ("shop.localhost", Some(Network)),
            ("shop.ddev.site", Some(Network)),
            ("host.docker.internal", Some(Network)),
            ("gateway.docker.internal", Some(Network)),
            ("ab12.ngrok-free.app", Some(Network)),
            ("smee.io", Some(Network)),
            ("10-1-2-3.sslip.io", Some(Network)),
            ("11.0.0.1", None),
            ("172.15.0.1", None),
            ("172.32.0.1", None),
            ("192.167.0.1", None),
            ("100.63.255.255", None),
            ("100.128.0.1", None),
            ("128.0.0.1", None),
            ("8.8.8.8", None),
            ("2001:db8::1", None),
            ("::ffff:8.8.8.8", None),
            ("8.8.8.8.nip.io", None),
            ("local", None),
            (".local", None),
            ("test", None),
            ("db", None),
            ("localhost.example.com", None),
            ("mylocalhost", None),
            ("contest", None),
            ("notngrok.io", None),
            ("api.railway.internal", None),
            ("", None),
        ] {
            assert_eq!(kind(host), expected, "{host}");
        }
    }
}
