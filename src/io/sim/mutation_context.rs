//! The context of a mutation, and its changes to the estate.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::io::sim::clock::SimClock;
use crate::io::sim::estate::{Estate, SimVariable, TokenScope};
use crate::io::sim::options::SimOptions;
use crate::io::sim::render::Renderer;
use crate::io::sim::request_context::RequestContext;
use crate::io::sim::rollout::{DeploymentOrder, ServicePosition};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mutation {
    pub operation: String,
    /// The id of the service; `None` for shared variables, or if it is unknown.
    pub service: Option<String>,
    /// The names of the variables to set or delete, sorted.
    pub keys: Vec<String>,
    /// Whether Railway made the change, whatever the response was.
    pub applied: bool,
    /// The ids of the deployments that it created.
    pub deployments: Vec<String>,
}

pub(crate) struct MutationContext<'b> {
    pub(crate) estate: &'b mut Estate,
    pub(crate) quirks: &'b SimOptions,
    pub(crate) reach: Result<TokenScope, &'static str>,
    pub(crate) variables: &'b Map<String, Value>,
    pub(crate) record: Mutation,
    /// Violations: what no client should do although Railway accepts it.
    pub(crate) blame: Vec<String>,
}

/// The owner of variables: an environment, or one of its services.
#[derive(Clone, Copy)]
pub(crate) struct SimOwner {
    pub(crate) project: usize,
    pub(crate) environment: usize,
    pub(crate) service: Option<usize>,
}

impl Mutation {
    /// Describes a request before it is processed.
    pub(crate) fn of(operation: &str, variables: &Map<String, Value>, estate: &Estate) -> Self {
        let text = |name: &str| variables.get(name).and_then(Value::as_str);
        let deployed = text("deploymentId").and_then(|id| estate.place_of(id));
        let service = text("serviceId").map(String::from).or(deployed.map(|place| estate.at(place).2.id.clone()));
        let mut keys: Vec<String> = text("name").into_iter().map(String::from).collect();
        let patched = variables.get("patch").and_then(|patch| patch["services"].as_object()?.keys().next().cloned());
        if patched.is_some() {
            keys.push("start command".to_owned());
        }
        let service = service.or(patched);
        if let Some(Value::Object(set)) = variables.get("variables") {
            keys.extend(set.keys().cloned());
        }
        keys.sort_unstable();
        Self { operation: operation.into(), service, keys, applied: false, deployments: Vec::new() }
    }
}

impl MutationContext<'_> {
    pub(crate) fn request(&self) -> RequestContext<'_> {
        RequestContext::new(self.estate, self.quirks, self.variables)
            .reached(self.reach.as_ref().map_err(|message| *message))
    }

    pub(crate) fn owner(&self) -> Result<SimOwner, String> {
        let request = self.request();
        let (_, inside) = request.environment()?;
        let service = match self.variables.get("serviceId").and_then(Value::as_str) {
            Some(id) => Some(request.service(inside, id)?.service),
            None => None,
        };
        for (project, owner) in self.estate.projects.iter().enumerate() {
            if let Some(environment) = owner.environments.iter().position(|known| known.id == inside.id) {
                return Ok(SimOwner { project, environment, service });
            }
        }
        Err("Environment not found".into())
    }

    pub(crate) fn owned(&mut self, owner: SimOwner) -> &mut BTreeMap<String, SimVariable> {
        let environment = &mut self.estate.projects[owner.project].environments[owner.environment];
        match owner.service {
            Some(service) => &mut environment.services[service].variables,
            None => &mut environment.shared,
        }
    }

    /// Records the time at which a service's variables are changed.
    pub(crate) fn stamp<'n>(&mut self, owner: SimOwner, names: impl Iterator<Item = &'n String>) {
        let time = self.estate.clock.text();
        if let Some(service) = owner.service {
            let environment = &mut self.estate.projects[owner.project].environments[owner.environment];
            environment.services[service].changed.extend(names.map(|name| (name.clone(), time.clone())));
        }
    }

    /// Returns the variables that each service of the environment would be deployed with.
    pub(crate) fn rendered(&self, owner: SimOwner) -> Vec<BTreeMap<String, Option<String>>> {
        let project = &self.estate.projects[owner.project];
        let environment = &project.environments[owner.environment];
        let mut renderer = Renderer::new(project, environment);
        environment.services.iter().map(|service| renderer.variables(service)).collect()
    }

    pub(crate) fn make(&mut self, place: ServicePosition, order: DeploymentOrder) -> String {
        let id = self.estate.create(place, DeploymentOrder { unseen: self.quirks.latest_lag, ..order });
        self.record.deployments.push(id.clone());
        id
    }

    pub(crate) fn is_over_the_limit(&self, place: ServicePosition) -> bool {
        let (_, _, service) = self.estate.at(place);
        let recent = service
            .deployments
            .iter()
            .filter(|known| SimClock::at(&known.created_at).after(self.quirks.deploy_window) > self.estate.clock);
        recent.count() >= self.quirks.deploy_limit
    }
}
