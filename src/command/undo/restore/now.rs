//! What stands on Railway today under the names that a run changed.

use std::collections::BTreeMap;

use crate::drift::{Named, Variable};
use crate::error::Error;
use crate::outside::journal::Record;
use crate::outside::railway::client::Client;
use crate::outside::railway::shape::{ServiceShape, Shape};

/// The variables of the services that a run changed, and the shared ones if it changed some.
pub(super) struct Now {
    services: BTreeMap<String, BTreeMap<String, Variable>>,
    shared: BTreeMap<String, Variable>,
}

impl Now {
    /// What stands under that name.
    pub(super) fn variable(&self, owner: Option<&Named>, key: &str) -> Option<&Variable> {
        match owner {
            Some(service) => self.services.get(&service.id)?.get(key),
            None => self.shared.get(key),
        }
    }
}

/// Reads them: one request for up to twenty services, one for the shared variables.
pub(super) fn read(client: &Client<'_>, shape: &Shape, record: &Record) -> Result<Now, Error> {
    let is_meant = |service: &&ServiceShape| {
        record.stores.iter().filter_map(|store| store.owner.as_ref()).any(|owner| owner.id == service.service.id)
    };
    let services: Vec<&ServiceShape> = shape.services.iter().filter(is_meant).collect();
    let mut now = Now { services: BTreeMap::new(), shared: BTreeMap::new() };
    if !services.is_empty() {
        for (service, stored) in services.iter().zip(client.values(shape, &services)?) {
            now.services.insert(service.service.id.clone(), stored?);
        }
    }
    if record.stores.iter().any(|store| store.owner.is_none()) {
        now.shared = client.shared_values(shape)?;
    }
    Ok(now)
}
