//! The hosts to which a request may be sent. A domain from Railway is used only if it is a public host name, because a
//! service could otherwise direct doctor to a private network.

use std::net::SocketAddr;

use crate::io::endpoint::{Domain, DomainStatus};

/// Top-level names of private networks.
const PRIVATE: [&str; 7] = ["internal", "local", "localhost", "localdomain", "lan", "home", "corp"];

/// The maximum lengths of a host name and of one label.
const LONGEST: (usize, usize) = (253, 63);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedHosts {
    /// Public hosts only, for Railway itself.
    Public,
    /// Loopback addresses as well, for a Railway on a loopback address from `--api-url`.
    Loopback,
}

/// A host to which a request may be sent. No other can be constructed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    neighbourhood: AllowedHosts,
}

impl Address {
    /// Returns the host of a domain, or the reason why no request may be sent to it.
    pub fn of(domain: &Domain, neighbourhood: AllowedHosts) -> Result<Self, String> {
        let host = domain.name.to_ascii_lowercase();
        if domain.status == DomainStatus::Unverified {
            return Err("Railway has not verified its custom domain".to_owned());
        }
        let loopback = host.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
        if neighbourhood == AllowedHosts::Loopback && loopback {
            return Ok(Self { host, neighbourhood });
        }
        if !is_public(&host) {
            return Err("its domain is not a public host name".to_owned());
        }
        Ok(Self { host, neighbourhood: AllowedHosts::Public })
    }

    /// Returns the host, and the port of a loopback one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns whether it is a loopback address, for which plain HTTP is used.
    pub fn is_loopback(&self) -> bool {
        self.neighbourhood == AllowedHosts::Loopback
    }
}

/// Returns the first allowed domain, Railway's own before custom ones, or the reason why there is none.
pub fn choose(domains: &[Domain], neighbourhood: AllowedHosts) -> Result<Address, String> {
    let mut sorted: Vec<&Domain> = domains.iter().collect();
    sorted.sort_by_key(|domain| domain.status != DomainStatus::Railways);
    let mut why = "Railway reports no domain for it".to_owned();
    for domain in sorted {
        match Address::of(domain, neighbourhood) {
            Ok(address) => return Ok(address),
            Err(reason) => why = reason,
        }
    }
    Err(why)
}

/// Returns whether a host name is public: labels of letters, digits and hyphens; not an IP address in any notation, and
/// not a name of a private network.
fn is_public(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && !label.is_empty() && label.len() <= LONGEST.1 && !label.starts_with('-') && !label.ends_with('-')
    };
    // The last part of an IP address starts with a digit in any notation: `127.1`, `0x7f.0x1`.
    let is_named = |last: &&str| last.len() > 1 && !last.starts_with(|first: char| first.is_ascii_digit());
    host.len() <= LONGEST.0
        && labels.len() > 1
        && labels.iter().all(is_label)
        && labels.last().is_some_and(|last| is_named(last) && !PRIVATE.contains(last))
        && !host.ends_with(".home.arpa")
}

#[cfg(test)]
mod tests {
    use crate::io::endpoint::allowed_hosts::{Address, AllowedHosts, choose};
    use crate::io::endpoint::{Domain, DomainStatus};

    fn domain(name: &str, standing: DomainStatus) -> Domain {
        Domain { name: name.to_owned(), status: standing }
    }

    #[test]
    fn only_public_domain_names_are_allowed() {
        for (name, expected) in [
            ("shop.up.railway.app", true),
            ("SHOP.example.com", true),
            ("xn--bcher-kva.example", true),
            ("localhost", false),
            ("api.localhost", false),
            ("api.railway.internal", false),
            ("printer.local", false),
            ("127.0.0.1", false),
            ("127.0.0.1:8080", false),
            ("127.1", false),
            ("0x7f.0x1", false),
            ("2130706433", false),
            ("[::1]", false),
            ("[::1]:80", false),
            ("::1", false),
            ("169.254.169.254", false),
            ("example.com:8443", false),
            ("user@example.com", false),
            ("example.com/path", false),
            ("example.com\\@evil.com", false),
            ("example.com#", false),
            ("example.com?", false),
            ("exa mple.com", false),
            ("example.com\r\nhost: evil.com", false),
            ("bücher.example", false),
            ("example。com", false),
            ("example%2ecom.evil.com", false),
            (".example.com", false),
            ("example.com.", false),
            ("-a.example.com", false),
            ("router.home.arpa", false),
            ("", false),
        ] {
            let found = Address::of(&domain(name, DomainStatus::Railways), AllowedHosts::Public);
            assert_eq!(found.is_ok(), expected, "{name}");
        }
    }

    #[test]
    fn loopback_host_requires_loopback_railway() {
        for (name, expected) in [
            ("127.0.0.1:8080", Some(true)),
            ("[::1]:8080", Some(true)),
            ("127.0.0.1", None),
            ("localhost:8080", None),
            ("10.0.0.1:80", None),
            ("0.0.0.0:80", None),
            ("127.0.0.1:8080@evil.com", None),
            ("shop.up.railway.app", Some(false)),
        ] {
            let found = Address::of(&domain(name, DomainStatus::Railways), AllowedHosts::Loopback);
            assert_eq!(found.ok().map(|address| address.is_loopback()), expected, "{name}");
        }
    }

    #[test]
    fn railway_domain_is_preferred_over_verified_domain() {
        let own = domain("shop.example.com", DomainStatus::Verified);
        let unverified = domain("evil.example.com", DomainStatus::Unverified);
        let railways = domain("shop.up.railway.app", DomainStatus::Railways);
        let host = |domains: &[Domain]| choose(domains, AllowedHosts::Public).map(|address| address.host().to_owned());
        assert_eq!(host(&[own.clone(), railways]).as_deref(), Ok("shop.up.railway.app"));
        assert_eq!(host(&[unverified.clone(), own]).as_deref(), Ok("shop.example.com"));
        assert_eq!(host(&[unverified]).unwrap_err(), "Railway has not verified its custom domain");
        assert_eq!(host(&[]).unwrap_err(), "Railway reports no domain for it");
    }
}
