//! The client of Railway's GraphQL API.

pub mod aliased_query;
pub mod batch;
mod batch_extras;
mod batch_response;
pub mod build_log;
pub mod client;
pub mod compared_environments;
pub mod debug_record;
pub mod deployment_failure;
mod deployment_fields;
pub mod deployment_log;
pub mod deployments;
mod edge;
pub mod environment;
pub mod environment_batch;
mod explain_refusal;
pub mod http;
mod json_checks;
pub mod lookup;
mod mutate;
mod operations;
mod optional_fields;
pub mod prefetch;
mod project_environments;
mod proxy_errors;
mod rate_limit;
mod requested_ids;
mod response;
mod retry;
mod scalars;
mod service_instance;
pub mod service_settings;
mod staged_changes;
mod stored_variables;
pub mod token_identity;
mod token_probe;
mod traffic;
pub mod transport;
mod variable_times;
pub mod variables;
pub mod writer;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::drift::model::variable_times::ChangeTimes;
use crate::drift::{ResourceRef, Variable};
use crate::error::Error;
use crate::io::railway::aliased_query::PartialResults;
use crate::io::railway::batch::ReadOptions;
use crate::io::railway::client::Client;
use crate::io::railway::compared_environments::ProjectEnvironments;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::railway::environment_batch::ProjectEnvironment;
use crate::io::railway::lookup::{AccessibleProjects, LocatedProject};
use crate::io::railway::variables::{EnvironmentService, PartialRead, Read, StoredResult};

impl Client<'_> {
    /// Reads the environment with these ids, without its values: one request for each page of services.
    pub fn shape(&self, project: &str, environment: &str) -> Result<Shape, Error> {
        environment::by_ids(self, project, environment)
    }

    /// Does the same for ids that were looked up by name. Returns an error if the ids now belong to resources with
    /// other names.
    pub fn shape_of(&self, project: &ResourceRef, environment: &ResourceRef) -> Result<Shape, Error> {
        let shape = self.shape(&project.id, &environment.id)?;
        self.require_same("project", &project.name, &shape.project.name)?;
        self.require_same("environment", &environment.name, &shape.environment.name)?;
        Ok(shape)
    }

    /// Reads the environment that the project token is for, with one request.
    pub fn token_shape(&self) -> Result<Shape, Error> {
        environment::by_token(self)
    }

    /// Reads the project with this id and its environments, with one request.
    pub fn project(&self, id: &str) -> Result<LocatedProject, Error> {
        lookup::by_id(self, id)
    }

    /// Reads the project with this name and its environments: one request, more if each workspace has to be searched.
    pub fn project_named(&self, name: &str) -> Result<LocatedProject, Error> {
        lookup::by_name(self, name)
    }

    /// Reads the environments of the project with this id, without their values: one request, and one for each further
    /// page of services. `None` if Railway rejects it for a reason that may not apply to each environment alone.
    pub fn project_environments(&self, project: &str) -> Result<Option<ProjectEnvironments>, Error> {
        compared_environments::read(self, project)
    }

    /// Reads the variables of these services: one request for every twenty.
    pub fn values(&self, shape: &Shape, services: &[&ServiceShape]) -> Result<Vec<StoredResult>, Error> {
        Ok(variables::read(self, shape, services, ReadOptions::Nothing)?.stored)
    }

    /// Reads the variables of services of several environments of a project, in order: one request for every forty, or
    /// for up to sixty if there are many.
    pub fn values_of(&self, services: &[EnvironmentService<'_>]) -> Result<Vec<StoredResult>, Error> {
        variables::read_several(self, services)
    }

    /// Lists the projects that the token has access to, with their environments: one request, one for the names of the
    /// workspaces, and one for each workspace; more if a list has several pages.
    pub fn accessible_projects(&self) -> AccessibleProjects {
        lookup::accessible(self)
    }

    /// Reads at most ten environments, which may be of several projects, with their services and running deployments:
    /// one request, and one for each further page of services.
    pub fn environments(&self, wanted: &[ProjectEnvironment]) -> PartialResults<Shape> {
        environment_batch::shapes(self, wanted)
    }

    /// Reads the shared variables of these environments as stored, in order: one request for every 75.
    pub fn shared_values_of(&self, wanted: &[ProjectEnvironment]) -> PartialResults<BTreeMap<String, Variable>> {
        environment_batch::shared(self, wanted)
    }

    /// Reads the variables of services of several projects and those of their running deployments, in order: one request
    /// for every 25.
    pub fn values_of_projects(&self, services: &[EnvironmentService<'_>]) -> PartialRead {
        variables::read_of_projects(self, services)
    }

    /// Reads the variables of these services, and in the same requests what the options name. If one of these makes
    /// Railway reject a whole request, it is sent once more without it.
    pub fn values_and(&self, shape: &Shape, services: &[&ServiceShape], along: ReadOptions) -> Result<Read, Error> {
        variables::read(self, shape, services, along)
    }

    /// Reads when each variable of the environment was last changed: one request for each page.
    pub fn variable_times(&self, shape: &Shape) -> Result<ChangeTimes, Error> {
        variable_times::read(self, shape)
    }

    /// Reads the environment's shared variables as stored, with one request.
    pub fn shared_values(&self, shape: &Shape) -> StoredResult {
        stored_variables::shared(self, shape)
    }

    /// Returns a sentence for each field that Railway could not return. They are redacted again, because they may quote
    /// a value that was read later.
    pub fn take_remarks(&self) -> Vec<String> {
        self.remarks.take().iter().map(|remark| self.redactor.redact(remark)).collect()
    }
}
