//! Backends that a variable leads to: databases, caches, message brokers and buckets.
//!
//! Two values lead to the same backend if their [`Backend`]s are equal. A host that exists only inside one environment
//! or on one machine is another one in each of them, so it never counts.

mod bucket;
mod connection;
mod connection_string;
mod engine;
mod host;
mod host_variable;
mod key_words;
mod managed;
mod parameters;
mod siblings;
#[cfg(test)]
mod tests;
mod url;
mod web;

use std::fmt;

use crate::drift::Secret;
use crate::drift::compare::backend::connection::Connection;
use crate::drift::compare::backend::host::MOST_HOSTS;
use crate::drift::compare::backend::siblings::Siblings;
use crate::drift::compare::backend::url::Url;
use crate::drift::indirect::is_indirect;
use crate::drift::placeholder::is_placeholder;
use crate::drift::suspicious_values::without_quotes;

/// A database, cache, broker or bucket that a value leads to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend {
    pub kind: BackendKind,
    /// The normalised address. It is never shown, because a host name may be a secret of its owner.
    address: String,
}

impl Backend {
    /// Returns whether the backend is on that host and port, whatever its database is.
    pub fn is_at(&self, host: &str, port: &str) -> bool {
        let rest = self.address.strip_prefix(&format!("{}:{port}", host.to_ascii_lowercase()));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn new(kind: BackendKind, address: String) -> Self {
        Self { kind, address }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Backend").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackendKind {
    Database,
    Cache,
    Broker,
    Bucket,
}

impl BackendKind {
    /// Returns the noun in messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Broker => "message broker",
            Self::Bucket => "bucket",
        }
    }
}

/// The longest value that may be an address, in bytes.
const LONGEST: usize = 8 * 1024;

/// Returns the backends that a value leads to, sorted.
///
/// `lookup` returns the value of another variable of the same service in the same environment; `None` if it is unknown.
/// It provides the port and the database that belong to a host (`DB_PORT`, `PGDATABASE`), or the endpoint of a bucket.
pub fn backends<'v>(key: &str, value: &Secret, lookup: &dyn Fn(&str) -> Option<&'v Secret>) -> Vec<Backend> {
    let Some(text) = address_text(value.expose()) else { return Vec::new() };
    let siblings = Siblings::new(key, lookup);
    let mut found = if let Some(items) = json_array(text) {
        items.iter().take(MOST_HOSTS).flat_map(|item| from_text(item, &siblings)).collect()
    } else if is_list_of_urls(text) {
        let items = text.split(|sign: char| matches!(sign, ',' | ';') || sign.is_whitespace());
        items.take(MOST_HOSTS).flat_map(|item| from_text(item, &siblings)).collect()
    } else {
        from_text(text, &siblings)
    };
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns the text without quotes; `None` if it is no address: empty, indirect, a placeholder, an object or several
/// lines.
fn address_text(text: &str) -> Option<&str> {
    if text.len() > LONGEST {
        return None;
    }
    let text = text.trim();
    let text = without_quotes(text).map_or(text, str::trim);
    let is_object = text.starts_with('{') || text.starts_with("[{") || text.starts_with("['");
    let is_unknown = text.contains("${{") || is_indirect(text) || is_placeholder(text);
    (!text.is_empty() && !is_object && !is_unknown && !text.contains(['\n', '\r'])).then_some(text)
}

/// Returns the strings of `["nats://one","nats://two"]`.
fn json_array(text: &str) -> Option<Vec<String>> {
    if text.starts_with('[') { serde_json::from_str(text).ok() } else { None }
}

/// Returns true for `nats://one,nats://two`, and for a single URL.
fn is_list_of_urls(text: &str) -> bool {
    let mut items = text.split(|sign: char| matches!(sign, ',' | ';') || sign.is_whitespace());
    items.all(|item| item.is_empty() || Url::parse(item).is_some())
}

fn from_text(text: &str, siblings: &Siblings<'_, '_>) -> Vec<Backend> {
    let Some(url) = Url::parse(text) else {
        return from_plain_text(text, siblings);
    };
    match url.scheme.as_str() {
        "http" | "https" | "ws" | "wss" => web::backend(&url, siblings).into_iter().collect(),
        "tcp" | "tls" | "ssl" => host_variable::backends(url.after_scheme, siblings),
        scheme => match engine::by_scheme(scheme) {
            Some(engine) => Connection::all_of_url(engine, &url)
                .iter()
                .filter_map(|connection| connection.backend(siblings))
                .collect(),
            None => bucket::from_uri(&url, siblings).into_iter().collect(),
        },
    }
}

/// Returns the backends of a text that is no URL.
fn from_plain_text(text: &str, siblings: &Siblings<'_, '_>) -> Vec<Backend> {
    if let Some(backend) = bucket::from_name(text, siblings) {
        return vec![backend];
    }
    // Every address that counts has one of these. Most values are settings, and the rest takes longer.
    if !text.contains(['.', ':', ';']) {
        return Vec::new();
    }
    if let Some(backend) = connection_string::backend(text, siblings) {
        return vec![backend];
    }
    host_variable::backends(text, siblings)
}
