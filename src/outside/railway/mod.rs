//! Railway, in doctor's words.

mod answer;
pub mod batch;
pub mod build_log;
pub mod client;
mod deployed;
pub mod deployments;
mod edge;
pub mod failure;
pub mod guess;
pub mod http;
pub mod identity;
mod in_front;
mod inspect;
mod instance;
mod limit;
pub mod locate;
pub mod log;
mod maps;
mod operation;
mod probe;
pub mod record;
mod requested;
mod riders;
mod scalar;
mod send;
pub mod settings;
pub mod shape;
mod spare;
mod staged;
mod times;
mod underway;
pub mod values;
pub mod wire;
pub mod write;

#[cfg(test)]
mod tests;

use crate::drift::Named;
use crate::drift::times::Times;
use crate::error::Error;
use crate::outside::railway::client::Client;
use crate::outside::railway::locate::Located;
use crate::outside::railway::shape::{ServiceShape, Shape};
use crate::outside::railway::values::{Along, Read, Stored};

impl Client<'_> {
    /// The environment with these ids, without its values: one request, and one per further page of services.
    pub fn shape(&self, project: &str, environment: &str) -> Result<Shape, Error> {
        shape::by_ids(self, project, environment)
    }

    /// The same for ids that were looked up by names: these must be the names of what the ids then stand for.
    pub fn shape_of(&self, project: &Named, environment: &Named) -> Result<Shape, Error> {
        let shape = self.shape(&project.id, &environment.id)?;
        self.require_same("project", &project.name, &shape.project.name)?;
        self.require_same("environment", &environment.name, &shape.environment.name)?;
        Ok(shape)
    }

    /// The environment that the project token is for: one request.
    pub fn token_shape(&self) -> Result<Shape, Error> {
        shape::by_token(self)
    }

    /// The project with that id and its environments: one request.
    pub fn project(&self, id: &str) -> Result<Located, Error> {
        locate::by_id(self, id)
    }

    /// The project of that name and its environments: one request, more if it has to be looked for in workspaces.
    pub fn project_named(&self, name: &str) -> Result<Located, Error> {
        locate::by_name(self, name)
    }

    /// The variables of these services: one request for each twenty.
    pub fn values(&self, shape: &Shape, services: &[&ServiceShape]) -> Result<Vec<Stored>, Error> {
        Ok(values::read(self, shape, services, Along::Nothing)?.stored)
    }

    /// The same, with what the running deployments were created with and what is staged, in the same requests; one more
    /// for each of the two that is refused in a way that takes the rest along.
    pub fn values_and_running(&self, shape: &Shape, services: &[&ServiceShape]) -> Result<Read, Error> {
        values::read(self, shape, services, Along::Running)
    }

    /// When each variable of the environment was changed last: one request for each page.
    pub fn variable_times(&self, shape: &Shape) -> Result<Times, Error> {
        times::read(self, shape)
    }

    /// The environment's shared variables, as stored: one request.
    pub fn shared_values(&self, shape: &Shape) -> Stored {
        values::shared(self, shape)
    }

    /// The number of requests sent so far.
    pub fn requests(&self) -> usize {
        self.requests.get()
    }

    /// What Railway could not answer beside its data, a sentence each. Scrubbed once more: it may quote a value that was
    /// read only later.
    pub fn take_remarks(&self) -> Vec<String> {
        self.remarks.take().iter().map(|remark| self.scrubber.scrub(remark)).collect()
    }
}
