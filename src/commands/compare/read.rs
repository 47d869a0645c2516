//! Reads the services and the variables of the two environments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::commands::compare::CompareRequest;
use crate::commands::compare::select::{SelectedPair, select};
use crate::commands::connection::Connection;
use crate::commands::service_selection::{ServiceSelection, Services, choose_of_both};
use crate::commands::{id_cache_slot, policy};
use crate::drift::engine::policy::Policy;
use crate::drift::service_scope::is_database_image;
use crate::error::Error;
use crate::io::railway::batch::ReadOptions;
use crate::io::railway::client::Client;
use crate::io::railway::compared_environments::EnvironmentShape;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::railway::variables::{EnvironmentService, StoredResult};
use crate::io::storage::id_cache::IdCacheSlot;
use crate::io::world::World;

/// The two environments with the values that are compared.
pub(super) struct ReadEnvironments {
    pub(super) sides: [EnvironmentValues; 2],
    /// Protected environments that are not compared.
    pub(super) originals: Vec<EnvironmentValues>,
    pub(super) services: Services,
    pub(super) selection: ServiceSelection,
    pub(super) policy: Policy,
    pub(super) project_origin: String,
    pub(super) remarks: Vec<String>,
    pub(super) requests: usize,
}

/// An environment with values.
pub(super) struct EnvironmentValues {
    pub(super) shape: Shape,
    pub(super) is_ephemeral: bool,
    /// The variables of the services that were read, by id.
    pub(super) stored: BTreeMap<String, StoredResult>,
}

impl ReadEnvironments {
    /// Returns the names and the ids of the environments whose values were read.
    pub(super) fn names_and_ids(&self) -> Vec<&str> {
        let environments = self.sides.iter().chain(&self.originals).map(|read| &read.shape.environment);
        environments.flat_map(|environment| [environment.name.as_str(), &environment.id]).collect()
    }
}

/// Reads both environments: two requests for up to twenty services if one token reaches both. They are sent at the same
/// time if the ids are cached.
pub(super) fn read(
    request: &CompareRequest<'_>,
    connections: &[Connection],
    limit: Duration,
    world: &World<'_>,
) -> Result<ReadEnvironments, Error> {
    let clients: Vec<Client<'_>> = connections.iter().map(|connection| connection.client(world, limit)).collect();
    world.status.waiting("querying Railway");
    if let [client] = &clients[..] {
        client.transport.begin(cache_slot(client, request, world), ReadOptions::Nothing);
    }
    let read = read_all(request, &clients, world);
    world.status.done();
    for client in &clients {
        client.transport.finish();
    }
    let mut read = read?;
    read.requests = clients.iter().map(Client::requests).sum();
    for client in &clients {
        read.remarks.extend(client.credentials.remarks.iter().cloned());
        read.remarks.extend(client.take_remarks());
    }
    Ok(read)
}

/// Returns the cache slot for the ids of both environments.
fn cache_slot(client: &Client<'_>, request: &CompareRequest<'_>, world: &World<'_>) -> Option<IdCacheSlot> {
    let project = request.sources.project().ok()?.text;
    let selection = ("compare", project, request.environments, &request.options.service);
    id_cache_slot::of(client, request.config, &selection, world)
}

fn read_all(
    request: &CompareRequest<'_>,
    clients: &[Client<'_>],
    world: &World<'_>,
) -> Result<ReadEnvironments, Error> {
    let SelectedPair { sides, originals, project_origin, remarks } = select(request, clients, world)?;
    let shapes = [&sides[0].shape, &sides[1].shape];
    let services = Services::of_both(shapes, request.config);
    let selection = choose_of_both(&request.options.service, &services, request.config)?;
    let policy = request.config.map(|config| policy::policy(config, &services)).transpose()?.unwrap_or_default();
    let chosen: BTreeSet<&str> =
        selection.chosen.iter().map(|chosen| services.candidates[chosen.index].service.id.as_str()).collect();
    world.status.waiting("reading the variables of both environments");
    let all: Vec<&Shape> = shapes.into_iter().chain(&originals).collect();
    let mut values = values(clients, &all, &chosen)?.into_iter();
    let mut take = || values.next().unwrap_or_default();
    let names: Vec<&str> = originals.iter().map(|shape| shape.environment.name.as_str()).collect();
    let remark = (!names.is_empty()).then(|| format!("also read, to find copied values: {}", names.join(", ")));
    let sides =
        sides.map(|EnvironmentShape { shape, is_ephemeral }| EnvironmentValues { shape, is_ephemeral, stored: take() });
    let originals = originals.into_iter().map(|shape| EnvironmentValues { shape, is_ephemeral: false, stored: take() });
    let originals = originals.collect();
    let originals: Vec<EnvironmentValues> = originals;
    let copied = unread(&originals, &BTreeSet::new(), "values copied from");
    let shared = unread(&sides, &chosen, "a backend shared with");
    let remarks = remarks.into_iter().chain(remark).chain(copied).chain(shared).collect();
    Ok(ReadEnvironments { sides, originals, services, selection, policy, project_origin, remarks, requests: 0 })
}

/// Returns a remark on each service that could not be read and is not compared, with what can't be found for it.
fn unread(environments: &[EnvironmentValues], compared: &BTreeSet<&str>, what: &str) -> Vec<String> {
    let remark = |read: &EnvironmentValues, id: &str, error: &Error| {
        let service = read.shape.services.iter().find(|service| service.service.id == id)?;
        let (name, environment) = (&service.service.name, &read.shape.environment.name);
        Some(format!("{what} {name} in {environment} can't be found: {}", error.with_cause(": ")))
    };
    let all = environments.iter().flat_map(|read| {
        let others = read.stored.iter().filter(|(id, _)| !compared.contains(id.as_str()));
        others.filter_map(move |(id, stored)| remark(read, id, stored.as_ref().err()?))
    });
    all.collect()
}

/// Reads the variables of the chosen services and of databases in each environment. One client reads all of them in the
/// same requests.
fn values(
    clients: &[Client<'_>],
    shapes: &[&Shape],
    chosen: &BTreeSet<&str>,
) -> Result<Vec<BTreeMap<String, StoredResult>>, Error> {
    let is_read = |service: &&ServiceShape| chosen.contains(service.service.id.as_str()) || is_database(service);
    let needed: Vec<Vec<&ServiceShape>> =
        shapes.iter().map(|shape| shape.services.iter().filter(is_read).collect()).collect();
    let mut results: Vec<StoredResult> = Vec::new();
    let entries = shapes.iter().zip(&needed).map(|(shape, services)| {
        let services = services.iter().copied();
        let (project, environment) = (&shape.project, &shape.environment);
        services.map(|service| EnvironmentService { project, environment, service }).collect::<Vec<_>>()
    });
    let entries: Vec<Vec<EnvironmentService<'_>>> = match clients {
        [_] => vec![entries.flatten().collect()],
        _ => entries.collect(),
    };
    for (client, entries) in clients.iter().zip(&entries) {
        if !entries.is_empty() {
            results.extend(client.values_of(entries)?);
        }
    }
    let mut results = results.into_iter();
    let of_services = |services: Vec<&ServiceShape>| {
        services.iter().map(|service| service.service.id.clone()).zip(results.by_ref()).collect()
    };
    Ok(needed.into_iter().map(of_services).collect())
}

/// Returns whether the service is a database, whose addresses are compared even if it is out of scope.
pub(super) fn is_database(service: &ServiceShape) -> bool {
    service.image.as_deref().is_some_and(is_database_image)
}
