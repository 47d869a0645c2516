//! Backends with an address for HTTP. Most such addresses are of websites and APIs: the host or the key must name a
//! backend.

use crate::drift::compare::backend::bucket;
use crate::drift::compare::backend::connection::{Connection, DATABASE_PARAMETERS};
use crate::drift::compare::backend::engine::{self, Engine};
use crate::drift::compare::backend::host::{HostAndPort, public_host};
use crate::drift::compare::backend::key_words::{AddressKey, names_neighbour, words};
use crate::drift::compare::backend::managed::{self, Managed};
use crate::drift::compare::backend::siblings::Siblings;
use crate::drift::compare::backend::url::Url;
use crate::drift::compare::backend::{Backend, BackendKind};

/// Returns the backend that the URL leads to; `None` if it is that of anything else.
pub(super) fn backend(url: &Url<'_>, siblings: &Siblings<'_, '_>) -> Option<Backend> {
    let address = HostAndPort::parse(url.hosts)?;
    let host = public_host(address.host)?;
    if names_neighbour(&words(siblings.key)) || url.names_file() {
        return None;
    }
    if let Some(store) = bucket::Store::parse(&host) {
        return bucket::from_url(&store, url);
    }
    let engine = match managed::classify(&host) {
        Some(Managed::Common) => return None,
        Some(Managed::Instance(kind)) => return Some(Backend::new(kind, managed::canonical(&host, None))),
        Some(Managed::Cluster) => engine_of(siblings).unwrap_or(&engine::UNKNOWN_DATABASE),
        None if is_queue(&host) => return queue(&host, url),
        None => engine_of(siblings)?,
    };
    let port = address.port.or(Some(if matches!(url.scheme.as_str(), "http" | "ws") { 80 } else { 443 }));
    let database = url.path().or_else(|| url.parameter(&DATABASE_PARAMETERS));
    Connection { port, user: url.user(), database, ..Connection::new(engine, address) }.backend(siblings)
}

/// Returns the engine that the key names. `CACHE_URL` and `BROKER_URL` may be of a website.
fn engine_of(siblings: &Siblings<'_, '_>) -> Option<&'static Engine> {
    let engine = AddressKey::parse(siblings.key)?.engine;
    (engine.kind == BackendKind::Database || !engine.is_generic()).then_some(engine)
}

fn is_queue(host: &str) -> bool {
    host.starts_with("sqs.") && host.ends_with(".amazonaws.com")
}

/// Returns the queue of `https://sqs.eu-west-1.amazonaws.com/ACCOUNT/QUEUE`.
fn queue(host: &str, url: &Url<'_>) -> Option<Backend> {
    let path = url.path().filter(|path| path.contains('/'))?;
    Some(Backend::new(BackendKind::Broker, format!("{host}/{path}")))
}
