//! Hosts in separate variables, such as `PGHOST`, `REDIS_HOST` and `KAFKA_BROKERS`. Other variables have the port and
//! the database.

use crate::drift::compare::backend::Backend;
use crate::drift::compare::backend::connection::Connection;
use crate::drift::compare::backend::engine::{self, Engine};
use crate::drift::compare::backend::host::{HostAndPort, MOST_HOSTS};
use crate::drift::compare::backend::key_words::{AddressForm, AddressKey};
use crate::drift::compare::backend::siblings::Siblings;
use crate::drift::compare::backend::url::decoded;

/// Returns the backends of a host, or a list of hosts, if the key is for one. Options after a host are ignored, as in
/// `cache.acme.dev:6380,ssl=True`.
pub(super) fn backends(text: &str, siblings: &Siblings<'_, '_>) -> Vec<Backend> {
    let Some(key) = AddressKey::parse(siblings.key) else { return Vec::new() };
    let items = text.split(|sign: char| matches!(sign, ',' | ';') || sign.is_whitespace());
    let items = items.filter(|item| !item.is_empty() && !item.contains('=')).take(MOST_HOSTS);
    let connections = items.map(|item| connection(item, key, siblings));
    // A text with words is not a list of hosts.
    connections.collect::<Option<Vec<_>>>().unwrap_or_default().iter().filter_map(|one| one.backend(siblings)).collect()
}

/// Parses `host`, `host:port`, `host:port/database`, `user:password@host:port`.
fn connection(item: &str, key: AddressKey, siblings: &Siblings<'_, '_>) -> Option<Connection> {
    let (user, rest) = match item.rsplit_once('@') {
        Some((user, rest)) => (user.split(':').next().map(decoded), rest),
        None => (None, item),
    };
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = HostAndPort::parse(address)?;
    // `ada@acme.dev` is an email address, and the value of a key such as DATABASE_URL may be no address at all.
    let needs_port = user.is_some() || key.form == AddressForm::Url;
    if needs_port && address.port.is_none() {
        return None;
    }
    let port = match address.port {
        Some(port) => Some(port),
        None => siblings.port(key.engine).ok()?,
    };
    let database = Some(path.trim_matches('/')).filter(|path| !path.is_empty()).map(decoded);
    let engine = if key.engine.is_generic() { named_engine(key.engine, port, siblings) } else { key.engine };
    Some(Connection { port, user, database, ..Connection::new(engine, address) })
}

/// Returns the engine by the variable for the driver or by the port; the generic one if both are unknown.
fn named_engine(generic: &'static Engine, port: Option<u16>, siblings: &Siblings<'_, '_>) -> &'static Engine {
    let by_port = || engine::by_port(port?, generic.kind);
    // WordPress has no other database.
    let by_program = || engine::by_scheme("mysql").filter(|_| siblings.key.starts_with("WORDPRESS_"));
    let named = siblings.engine(generic).or_else(by_program).filter(|engine| engine.kind == generic.kind);
    named.or_else(by_port).unwrap_or(generic)
}
