//! The environments of several projects: their services with the names of their variables and their running deployments,
//! and their shared variables, each with one request for many environments.

use std::collections::BTreeMap;

use crate::drift::model::deployment::{Deployment, DeploymentSource};
use crate::drift::model::observed::Observed;
use crate::drift::{ResourceRef, Variable};
use crate::error::Error;
use crate::io::railway::aliased_query::{AliasedQuery, PartialResults, concerns_one_item};
use crate::io::railway::batch::{self, BatchEnvironment, ENVIRONMENTS_PER_REQUEST, SHARED_PER_REQUEST};
use crate::io::railway::client::Client;
use crate::io::railway::deployment_fields::{deployed, named};
use crate::io::railway::environment::{FieldExtent, First, Head, Shape, assemble, by_ids};
use crate::io::railway::operations::environment_batch::{
    EnvironmentBatchEnvironment as EnvironmentNode,
    EnvironmentBatchEnvironmentServiceInstancesEdgesNode as InstanceNode,
};
use crate::io::railway::requested_ids::claim;
use crate::io::railway::scalars::EnvironmentVariables;
use crate::io::railway::service_instance::{Listing, PageEnd, ServiceInstance, plain};
use crate::io::railway::stored_variables::shared_variables;

/// An environment and its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectEnvironment {
    /// Its project.
    pub project: ResourceRef,
    /// The environment itself.
    pub environment: ResourceRef,
}

impl ProjectEnvironment {
    fn ids(&self) -> BatchEnvironment<'_> {
        BatchEnvironment { project: &self.project.id, environment: &self.environment.id }
    }

    fn description(&self) -> String {
        format!("environment {} of project {}", self.environment.name, self.project.name)
    }
}

/// Reads these environments without values and settings. They must be [`ENVIRONMENTS_PER_REQUEST`] or fewer: one request,
/// and one for each further page of services.
pub(crate) fn shapes(client: &Client<'_>, wanted: &[ProjectEnvironment]) -> PartialResults<Shape> {
    debug_assert!(wanted.len() <= ENVIRONMENTS_PER_REQUEST);
    let ids = |items: &[usize]| items.iter().map(|&item| wanted[item].ids()).collect::<Vec<_>>();
    let query = AliasedQuery {
        operation: "EnvironmentBatch",
        build: &|items| batch::environments(&ids(items)),
        describe: &|item| wanted[item].description(),
    };
    let PartialResults { results, error } = query.read::<EnvironmentNode>(client, wanted.len());
    let mut read = PartialResults { results: Vec::new(), error };
    for (place, result) in wanted.iter().zip(results) {
        let shape = result.map(|result| match result {
            Ok(node) => shape(client, place, node),
            // Railway's schema lacks a field that another query can do without.
            Err(Error::SchemaMismatch { .. }) => by_ids(client, &place.project.id, &place.environment.id),
            Err(error) => Err(error),
        });
        match shape {
            Some(Err(error)) if !concerns_one_environment(&error) => {
                read.error.get_or_insert(error);
                read.results.push(None);
            }
            shape => read.results.push(shape),
        }
    }
    read
}

fn concerns_one_environment(error: &Error) -> bool {
    concerns_one_item(error) || matches!(error, Error::InvalidResponse { .. })
}

/// Checks that the environment is the requested one, and reads its further services.
fn shape(client: &Client<'_>, place: &ProjectEnvironment, node: EnvironmentNode) -> Result<Shape, Error> {
    client.require_same("environment", &place.environment.id, &node.id)?;
    let instances = node.service_instances;
    let end = PageEnd { more: instances.page_info.has_next_page, cursor: instances.page_info.end_cursor };
    let first = First {
        project: Head { id: place.project.id.clone(), name: place.project.name.clone(), deleted_at: None },
        environment_project: node.project_id,
        environments: None,
        environment: Head { id: node.id, name: node.name, deleted_at: node.deleted_at },
        config: node.config,
        listing: Listing { instances: instances.edges.into_iter().map(|edge| instance(edge.node)).collect(), end },
    };
    assemble(client, first, FieldExtent::Full)
}

/// Converts a service with its running deployments, of which only the id, the status and the time are known.
fn instance(mut node: InstanceNode) -> ServiceInstance {
    let active = std::mem::take(&mut node.active_deployments);
    let claims = active.iter().map(|one| claim!(one)).collect::<Vec<_>>();
    let active = active.into_iter().map(|one| Deployment {
        status: named(&one.status),
        id: one.id,
        created_at: one.created_at,
        status_updated_at: None,
        stopped: false,
        can_redeploy: false,
        instances: None,
        origin: DeploymentSource::default(),
    });
    let deployed = Observed::Known(deployed(None, active.collect()));
    let plain = plain!(node);
    ServiceInstance { claims: [plain.claims, claims].concat(), deployed, ..plain }
}

/// Reads the shared variables of these environments as stored: one request for every [`SHARED_PER_REQUEST`].
pub(crate) fn shared(client: &Client<'_>, wanted: &[ProjectEnvironment]) -> PartialResults<BTreeMap<String, Variable>> {
    let mut read = PartialResults { results: Vec::new(), error: None };
    for wanted in wanted.chunks(SHARED_PER_REQUEST) {
        if read.error.is_some() {
            read.results.extend(wanted.iter().map(|_| None));
            continue;
        }
        let ids = |items: &[usize]| items.iter().map(|&item| wanted[item].ids()).collect::<Vec<_>>();
        let query = AliasedQuery {
            operation: "SharedValuesBatch",
            build: &|items| batch::shared(&ids(items)),
            describe: &|item| format!("the shared variables of {}", wanted[item].description()),
        };
        let PartialResults { results, error } = query.read::<EnvironmentVariables>(client, wanted.len());
        let stored = results.into_iter().map(|result| result.map(|stored| Ok(shared_variables(client, stored?))));
        read.results.extend(stored);
        read.error = error;
    }
    read
}
