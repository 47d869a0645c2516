//! Splits a URL into the parts of an address.

use percent_encoding::percent_decode_str;

use crate::drift::compare::backend::host::HostAndPort;

/// The parts of a URL. Several hosts may follow each other, as in `mongodb://one,two/shop`.
#[derive(Debug)]
pub(super) struct Url<'u> {
    /// In lower case.
    pub(super) scheme: String,
    /// Everything after `://`.
    pub(super) after_scheme: &'u str,
    user: Option<&'u str>,
    /// The hosts, each with or without a port.
    pub(super) hosts: &'u str,
    path: &'u str,
    parameters: &'u str,
}

impl<'u> Url<'u> {
    /// Parses a URL; `None` if the text is not one.
    pub(super) fn parse(text: &'u str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:_".contains(&byte));
        if !is_scheme {
            return None;
        }
        let (user, address) = split_user(rest);
        let (hosts, rest) = address.split_at(address.find(['/', '?', '#', ';']).unwrap_or(address.len()));
        let (path, parameters) = rest.split_at(rest.find(['?', '#', ';']).unwrap_or(rest.len()));
        let user = user.and_then(|user| user.split(':').next()).filter(|user| !user.is_empty());
        Some(Self {
            scheme: scheme.to_ascii_lowercase(),
            after_scheme: text.split_at(scheme.len() + 3).1,
            user,
            hosts,
            path,
            parameters,
        })
    }

    /// Returns the decoded user name.
    pub(super) fn user(&self) -> Option<String> {
        self.user.map(decoded)
    }

    /// Returns the decoded path without slashes around it; `None` if it is empty.
    pub(super) fn path(&self) -> Option<String> {
        Some(self.path.trim_matches('/')).filter(|path| !path.is_empty()).map(decoded)
    }

    /// Returns whether the last part of the path is the name of a file, such as `logo.png`. Programs only read such a
    /// file.
    pub(super) fn names_file(&self) -> bool {
        let name = self.path.rsplit_once('/').map_or("", |(_, name)| name);
        let ending = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ending)| ending);
        ending.is_some_and(|ending| {
            (2..=5).contains(&ending.len())
                && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && ending.bytes().any(|byte| byte.is_ascii_alphabetic())
        })
    }

    /// Returns the decoded value of the first parameter with one of these names, in lower case.
    pub(super) fn parameter(&self, names: &[&str]) -> Option<String> {
        let mut pairs = self.parameters.split(['?', '&', ';', '#']).filter_map(|pair| pair.split_once('='));
        let is_named = |name: &str| names.iter().any(|other| name.eq_ignore_ascii_case(other));
        pairs.find(|(name, value)| is_named(name) && !value.is_empty()).map(|(_, value)| decoded(value))
    }
}

/// Returns the user with the password, and the rest. A password that is not percent-encoded may contain an `@` or `/`.
fn split_user(rest: &str) -> (Option<&str>, &str) {
    let end = rest.find(['/', '?', '#', ';']).unwrap_or(rest.len());
    let authority = &rest[..end];
    let at = match authority.rfind('@') {
        None if authority.split(',').any(|host| HostAndPort::parse(host).is_none()) => rest.rfind('@'),
        at => at,
    };
    at.map_or((None, rest), |at| (Some(&rest[..at]), &rest[at + 1..]))
}

pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use crate::drift::compare::backend::url::Url;

    #[test]
    fn splits_urls() {
        for (text, user, hosts, path) in [
            ("postgres://app:pw@db.acme.dev:5432/shop?x=1", Some("app"), "db.acme.dev:5432", Some("shop")),
            ("postgres://db.acme.dev", None, "db.acme.dev", None),
            ("amqp://a%40b:pw@mq.acme.dev/%2F", Some("a@b"), "mq.acme.dev", Some("/")),
            ("mongodb://a:b@one.dev:1,two.dev/x/y/", Some("a"), "one.dev:1,two.dev", Some("x/y")),
            ("postgres://app:p@ss@db.acme.dev/shop", Some("app"), "db.acme.dev", Some("shop")),
            ("postgres://app:p/s?s@db.acme.dev/shop", Some("app"), "db.acme.dev", Some("shop")),
            ("https://acme.dev/share?mail=ada@acme.org", None, "acme.dev", Some("share")),
            ("redis://:pw@cache.acme.dev/1", None, "cache.acme.dev", Some("1")),
            ("jdbc:sqlserver://db.acme.dev:1433;databaseName=shop", None, "db.acme.dev:1433", None),
            ("postgres:///shop?host=db.acme.dev", None, "", Some("shop")),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.user().as_deref(), url.hosts, url.path().as_deref()), (user, hosts, path), "{text}");
        }
        for text in ["db.acme.dev:5432", "://db", "a b://c", "Endpoint=sb://acme.dev/", "", "see https://acme.dev"] {
            assert!(Url::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn path_of_a_file_ends_in_its_kind() {
        for (text, expected) in [
            ("https://acme.dev/logo.png", true),
            ("s3://acme/models/shop.onnx", true),
            ("https://acme.dev/logo.png?size=2", true),
            ("https://acme.dev/v1.2", false),
            ("https://acme.dev/.well", false),
            ("https://acme.dev/shop.production", false),
            ("https://acme.dev", false),
            ("https://acme.dev/a.png/", false),
        ] {
            assert_eq!(Url::parse(text).unwrap().names_file(), expected, "{text}");
        }
    }

    #[test]
    fn finds_parameters_by_name() {
        let url = Url::parse("sqlserver://db.acme.dev?User=sa;DataBase=a%20b&empty=#x=1").unwrap();
        assert_eq!(url.parameter(&["database"]).as_deref(), Some("a b"));
        assert_eq!(url.parameter(&["empty"]), None);
        assert_eq!(url.parameter(&["data"]), None);
    }
}
