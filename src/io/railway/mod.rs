//! The client of Railway's GraphQL API.

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
pub mod token_identity;
mod token_probe;
mod traffic;
pub mod transport;
mod variable_times;
pub mod variables;
pub mod writer;

#[cfg(test)]
mod tests;

use crate::drift::ResourceRef;
use crate::drift::model::variable_times::ChangeTimes;
use crate::error::Error;
use crate::io::railway::batch_extras::ReadOptions;
use crate::io::railway::client::Client;
use crate::io::railway::compared_environments::ProjectEnvironments;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::railway::lookup::LocatedProject;
use crate::io::railway::variables::{EnvironmentService, Read, StoredResult};

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

    /// Reads the variables of services of several environments, in order: one request for every forty.
    pub fn values_of(
        &self,
        project: &ResourceRef,
        services: &[EnvironmentService<'_>],
    ) -> Result<Vec<StoredResult>, Error> {
        variables::read_several(self, project, services)
    }

    /// Reads the variables of these services, those of their running deployments, and the staged changes in the same
    /// requests.
    /// If one of these makes Railway reject a whole request, it is sent once more without it.
    pub fn values_and_running(&self, shape: &Shape, services: &[&ServiceShape]) -> Result<Read, Error> {
        variables::read(self, shape, services, ReadOptions::Running)
    }

    /// Reads when each variable of the environment was last changed: one request for each page.
    pub fn variable_times(&self, shape: &Shape) -> Result<ChangeTimes, Error> {
        variable_times::read(self, shape)
    }

    /// Reads the environment's shared variables as stored, with one request.
    pub fn shared_values(&self, shape: &Shape) -> StoredResult {
        variables::shared(self, shape)
    }

    /// Returns a sentence for each field that Railway could not return. They are redacted again, because they may quote
    /// a value that was read later.
    pub fn take_remarks(&self) -> Vec<String> {
        self.remarks.take().iter().map(|remark| self.redactor.redact(remark)).collect()
    }
}
