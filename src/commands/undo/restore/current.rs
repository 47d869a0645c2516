//! The current variables of the services that a run changed.

use std::collections::BTreeMap;

use crate::drift::{ResourceRef, Variable};
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::storage::journal::JournalRecord;

/// The variables of the services that a run changed, and the shared variables if it changed any.
pub(super) struct CurrentState {
    services: BTreeMap<String, BTreeMap<String, Variable>>,
    shared: BTreeMap<String, Variable>,
}

impl CurrentState {
    pub(super) fn variable(&self, owner: Option<&ResourceRef>, key: &str) -> Option<&Variable> {
        match owner {
            Some(service) => self.services.get(&service.id)?.get(key),
            None => self.shared.get(key),
        }
    }
}

/// Reads the current variables: one request for up to twenty services, one for the shared variables.
pub(super) fn read(client: &Client<'_>, shape: &Shape, record: &JournalRecord) -> Result<CurrentState, Error> {
    let is_meant = |service: &&ServiceShape| {
        record.stores.iter().filter_map(|store| store.owner.as_ref()).any(|owner| owner.id == service.service.id)
    };
    let services: Vec<&ServiceShape> = shape.services.iter().filter(is_meant).collect();
    let mut now = CurrentState { services: BTreeMap::new(), shared: BTreeMap::new() };
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
