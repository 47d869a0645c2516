//! The slot for the ids that a command remembers for its next run.

use std::fmt::Debug;

use crate::io::config::Config;
use crate::io::railway::client::Client;
use crate::io::storage::id_cache::IdCacheSlot;
use crate::io::world::World;

/// Returns the slot for runs from this directory that select environments and services like this. Its key does not
/// depend on the contents of the files: a stale entry costs one request, and is then replaced.
pub(crate) fn of(
    client: &Client<'_>,
    config: Option<&Config>,
    selection: &dyn Debug,
    world: &World<'_>,
) -> Option<IdCacheSlot> {
    let target = format!(
        "{} {} {:?} {:?} {selection:?}",
        env!("CARGO_PKG_VERSION"),
        client.host(),
        client.credentials.scheme,
        config.map(|config| &config.path),
    );
    IdCacheSlot::of(world.cache.as_deref(), &[target.as_bytes(), world.directory.as_os_str().as_encoded_bytes()])
}
