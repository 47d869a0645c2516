//! Which values can be searched for. A short or common value occurs in unrelated text.

use crate::drift::expected_differences::local_host;
use crate::drift::indirect::is_indirect;
use crate::drift::leak::randomness::is_prose;
use crate::drift::leak::secrecy;
use crate::drift::placeholder::{is_unset, names_secret};
use crate::drift::suspicious_values::is_blank;
use crate::drift::{Secret, reference};

/// The length of the shortest traceable value, in characters.
const SHORTEST: usize = 8;

/// The number of digits from which a number is traceable.
const LONGEST_NUMBER: usize = 16;

/// The longest unit after a number: `86400000ms`, `10.240 MiB`.
const LONGEST_UNIT: usize = 4;

/// The length from which several words under a key that names a secret are traceable.
const PASSPHRASE: usize = 12;

/// Why a value can't be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untraceable {
    /// It has no characters but white space.
    Empty,
    /// It has fewer than eight characters.
    Short,
    /// It is a number, a boolean or an ordinary word.
    Common,
    /// It was never set: `changeme`, `<your key>`.
    Placeholder,
    /// It refers to a value that is kept elsewhere, such as `op://…`.
    Indirect,
}

impl Untraceable {
    /// Returns the reason as a phrase.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "it is empty",
            Self::Short => "it has fewer than 8 characters, and so occurs in unrelated values",
            Self::Common => "it is a number, a local address or ordinary words, and so occurs in unrelated values",
            Self::Placeholder => "it is a placeholder",
            Self::Indirect => "it refers to a value that is kept elsewhere",
        }
    }
}

/// Returns why the value can't be traced; `None` if it can.
pub fn objection(key: &str, value: &Secret) -> Option<Untraceable> {
    let text = value.expose();
    if is_blank(text) {
        Some(Untraceable::Empty)
    } else if is_indirect(text) || is_reference(text) {
        Some(Untraceable::Indirect)
    } else if is_unset(key, text) {
        Some(Untraceable::Placeholder)
    } else if text.trim().chars().take(SHORTEST).count() < SHORTEST {
        Some(Untraceable::Short)
    } else if is_common(key, value) {
        Some(Untraceable::Common)
    } else {
        None
    }
}

/// Returns true for `${{shared.API_KEY}}`, also within other text, and for `${API_KEY}`.
fn is_reference(text: &str) -> bool {
    let text = text.trim();
    !reference::occurrences(text).is_empty() || (text.starts_with("${") && text.ends_with('}'))
}

/// Returns whether the value occurs in unrelated values. The address of a service does not, but `localhost:3000` does.
fn is_common(key: &str, value: &Secret) -> bool {
    let text = value.expose().trim();
    if is_number(text) || is_local_address(text) {
        return true;
    }
    if secrecy::reason(key, value).is_some() || is_address(text) {
        return false;
    }
    // Weak secrets are rotated, too.
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).count();
    let is_passphrase = names_secret(key) && words > 1 && text.chars().count() >= PASSPHRASE;
    is_prose(text) && !is_passphrase
}

/// Returns true for amounts, dates, times, IP addresses and schedules: `86400000ms`, `2026-10-03T12:00:00Z`,
/// `0 */5 * * *`.
fn is_number(text: &str) -> bool {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '%').trim_end();
    let unit = text.len() - number.len();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let is_date = number.contains('-') && number.contains(':') && number.matches('T').count() == 1;
    let is_sign = |sign: char| sign.is_ascii_digit() || " .,:;+-*/_()?".contains(sign) || (is_date && sign == 'T');
    unit <= LONGEST_UNIT && digits < LONGEST_NUMBER && number.chars().all(is_sign)
}

/// Returns whether the text is one URL or the name of a host in the DNS, perhaps with a port.
fn is_address(text: &str) -> bool {
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    let mut labels = host.split('.');
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_host = host.contains('.') && labels.all(is_label);
    is_host || (text.contains("://") && !text.contains(char::is_whitespace))
}

/// Returns true for `http://localhost:3000/`, `127.0.0.1:5432` and `web.local`, without a user.
fn is_local_address(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let tail = rest[authority.len()..].trim_start_matches('/');
    tail.is_empty() && local_host::kind(host.trim_matches(['[', ']'])).is_some()
}

#[cfg(test)]
mod tests {
    use super::Untraceable::{Common, Empty, Indirect, Placeholder, Short};
    use super::{Untraceable, objection};
    use crate::drift::Secret;

    #[test]
    fn unsuitable_values_are_not_traced() {
        let cases: &[(&str, &str, Untraceable)] = &[
            ("API_KEY", "", Empty),
            ("API_KEY", " \t\n", Empty),
            ("API_KEY", "\u{feff}", Empty),
            ("API_KEY", "op://vault/item/field", Indirect),
            ("API_KEY", "${{shared.API_KEY}}", Indirect),
            ("DATABASE_URL", "postgres://app:${{ shared.PASSWORD }}@db.acme.dev/app", Indirect),
            ("API_KEY", "${{ secrets.API_KEY }}", Indirect),
            ("API_KEY", "${OTHER_API_KEY}", Indirect),
            ("API_KEY", "changeme", Placeholder),
            ("API_KEY", "xxx", Placeholder),
            ("API_KEY", "<your key>", Placeholder),
            ("API_KEY", "your-api-key-here", Placeholder),
            ("API_KEY", "k3y-of-", Short),
            ("API_KEY", "        k3y-of-    ", Short),
            ("PORT", "3000", Short),
            ("DEBUG", "true", Short),
            ("API_KEY", "12345678", Common),
            ("PIN", "123456789012345", Common),
            ("TIMEOUT", "86400000ms", Common),
            ("SIZE", "10.240 MiB", Common),
            ("SINCE", "2026-10-03", Common),
            ("SINCE", "2026-10-03T12:00:00Z", Common),
            ("SCHEDULE", "0 */5 * * *", Common),
            ("SCHEDULE", "* * * * *", Common),
            ("BIND", "192.168.10.20", Common),
            ("BIND", "203.0.113.7:8080", Common),
            ("SHARE", "99.99999 %", Common),
            ("NODE_ENV", "production", Common),
            ("NODE_ENV", "Production", Common),
            ("SECRET_KEY", "production", Common),
            ("ADMIN_PASSWORD", "SWORDFISH", Common),
            ("REGION", "us-east-1", Common),
            ("REGION", "europe-west", Common),
            ("TYPE", "application/json", Common),
            ("ZONE", "Europe/Berlin", Common),
            ("NAME", "Acme Web Shop", Common),
            ("STATUS", "undefined", Common),
            ("LEVELS", "info,warn", Common),
            ("DATA", "/var/lib/data", Common),
            ("HOST", "localhost:3000", Common),
            ("SITE_URL", "http://localhost:3000", Common),
            ("SITE_URL", "http://localhost:3000/", Common),
            ("DATABASE_HOST", "[::1]:5432", Common),
            ("API_KEY", "local-dev", Common),
            ("ADMIN_PASSWORD", "acknowledgement", Common),
            ("NAME", "mail..acme", Common),
            ("NAME", "mail.acme web", Common),
            ("NOTE", "see redis://cache", Common),
        ];
        for (key, value, expected) in cases {
            assert_eq!(objection(key, &Secret::new(*value)), Some(*expected), "{key}={value}");
        }
    }

    #[test]
    fn secrets_and_distinctive_values_are_traced() {
        for (key, value) in [
            ("STAGING_OPS_API_KEY", "staging-ops-step3-key-2026"),
            ("INTERNAL_API_KEY", "agentverse-internal-access"),
            ("INTERNAL_API_KEY", "agentverse-internal"),
            ("DB_PASSWORD", "correct horse battery staple"),
            ("API_KEY", "k3y-of-shop"),
            ("API_KEY", "4f1c9a77b2d04e55"),
            ("API_KEY", "4f1c9a77b2d04e55}"),
            ("API_KEY", "83519274kqvzmwpx"),
            ("API_KEY", "4821-77T0-9"),
            ("API_KEY", "localhost:4f1c9a77b2d04e55"),
            ("ID", "4f1c9a77-b2d0-4e5a-9c1d-0123456789ab"),
            ("PAYMENTS_API_KEY", "Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0=="),
            ("ANYTHING", "sk_live_51H8xAbCdEfGhIjKlMnOp"),
            ("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/app"),
            ("DATABASE_URL", "postgres://app:s3cr3t@localhost:5432/app"),
            ("CONNECTION", "Server=db;User Id=sa;Password=Xy12-zz"),
            ("CARD", "4111111111111111"),
            ("SITE_URL", "https://api.acme.dev/v1"),
            ("SMTP_HOST", "smtp.acme.dev"),
            ("SMTP_HOST", "mail.acme.com:2525"),
            ("SMTP_HOST", "mail-acme.com"),
            ("CACHE_URL", "redis://cache.acme"),
            ("CALLBACK", "http://localhost:3000/callback?token=4f1c9a77b2d04e55"),
            ("PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"),
        ] {
            assert_eq!(objection(key, &Secret::new(value)), None, "{key}={value}");
        }
    }

    #[test]
    fn reasons_are_phrases() {
        for one in [Empty, Short, Common, Placeholder, Indirect] {
            assert!(one.reason().starts_with("it ") && !one.reason().ends_with('.'), "{one:?}");
        }
    }
}
