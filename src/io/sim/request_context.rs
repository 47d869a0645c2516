//! The context of a request: the estate, the variables, and the access of the token.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::io::sim::access::{NO_PROJECT_TOKEN, NOT_AUTHORIZED, can_read_environment, can_read_project};
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService, TokenScope};
use crate::io::sim::options::SimOptions;
use crate::io::sim::pagination::{PageRequest, connection};
use crate::io::sim::rollout::ServicePosition;

const SERVICES_PER_PAGE: usize = 500;

pub(crate) struct RequestContext<'s> {
    pub(crate) estate: &'s Estate,
    pub(crate) quirks: &'s SimOptions,
    /// The scope of the token, or the message that every field returns instead.
    pub(crate) reach: Result<&'s TokenScope, &'static str>,
    pub(crate) variables: &'s Map<String, Value>,
    /// The document, because the variables of a batch of values do not show all requested fields.
    pub(crate) query: &'s str,
    /// The deployments that were read.
    pub(crate) seen: RefCell<ViewedDeployments>,
    /// Errors of nullable fields, beside the data.
    pub(crate) beside: RefCell<Vec<Denied>>,
}

/// The deployments that a request has read, by id. Some states advance with each read.
#[derive(Debug, Default)]
pub(crate) struct ViewedDeployments {
    /// Those whose status or logs were read.
    pub(crate) polled: BTreeSet<String>,
    /// Those that `latestDeployment` did not return yet.
    pub(crate) passed: BTreeSet<String>,
    /// Those whose log was read.
    pub(crate) log: BTreeSet<String>,
    /// Those whose build log was read.
    pub(crate) build: BTreeSet<String>,
}

/// An error of a field. If the field is not nullable, the response has no data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    /// The field's name in the response, or its path, separated by dots.
    pub(crate) field: String,
    pub(crate) message: String,
}

impl<'s> RequestContext<'s> {
    pub(crate) fn new(estate: &'s Estate, quirks: &'s SimOptions, variables: &'s Map<String, Value>) -> Self {
        let (seen, beside) = (RefCell::default(), RefCell::default());
        Self { estate, quirks, reach: Err(NOT_AUTHORIZED), variables, query: "", seen, beside }
    }

    pub(crate) fn with_query(self, query: &'s str) -> Self {
        Self { query, ..self }
    }

    pub(crate) fn reached(self, reach: Result<&'s TokenScope, &'static str>) -> Self {
        Self { reach, ..self }
    }

    pub(crate) fn text(&self, name: &str) -> &'s str {
        self.variables.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn after(&self) -> Option<&'s str> {
        self.variables.get("after").and_then(Value::as_str)
    }

    pub(crate) fn page(&self, first: usize, after: Option<&'s str>) -> PageRequest<'s> {
        PageRequest { first, after, cap: self.quirks.page_cap }
    }

    pub(crate) fn project(&self) -> Result<&'s Project, String> {
        let reach = self.reach?;
        let wanted = self.text("projectId");
        let project = self.estate.projects.iter().find(|project| project.id == wanted);
        let project = project.ok_or("Project not found")?;
        if can_read_project(reach, project) { Ok(project) } else { Err(NOT_AUTHORIZED.into()) }
    }

    pub(crate) fn environment(&self) -> Result<(&'s Project, &'s Environment), String> {
        self.environment_of("projectId", "environmentId")
    }

    /// Returns the environment with the ids in these variables.
    pub(crate) fn environment_of(
        &self,
        project: &str,
        environment: &str,
    ) -> Result<(&'s Project, &'s Environment), String> {
        let reach = self.reach?;
        let wanted = [self.text(project), self.text(environment)];
        let (project, environment) = find(self.estate, wanted)
            .filter(|(_, environment)| environment.deleted_at.is_none())
            .ok_or("Environment not found")?;
        if can_read_environment(reach, project, environment) {
            Ok((project, environment))
        } else {
            Err(NOT_AUTHORIZED.into())
        }
    }

    pub(crate) fn own(&self) -> Result<(&'s Project, &'s Environment), String> {
        match self.reach? {
            TokenScope::Project { project, environment } => find(self.estate, [project.as_str(), environment.as_str()]),
            _ => None,
        }
        .ok_or_else(|| NO_PROJECT_TOKEN.into())
    }

    pub(crate) fn services(
        &self,
        environment: &'s Environment,
        after: Option<&'s str>,
        node: impl Fn(&'s SimService) -> Value,
    ) -> Result<Value, String> {
        let services: Vec<&SimService> = environment.services.iter().collect();
        let placed = |service: &'s SimService| {
            let mut shown = node(service);
            let mut place = |part: &mut Value| {
                if part.is_object() {
                    (part["environmentId"], part["serviceId"]) = (json!(environment.id), json!(service.id));
                }
            };
            place(&mut shown);
            for deployments in ["latestDeployment", "activeDeployments"] {
                match shown.get_mut(deployments) {
                    Some(Value::Array(all)) => all.iter_mut().for_each(&mut place),
                    Some(one) => place(one),
                    None => {}
                }
            }
            shown
        };
        connection(&services, self.page(SERVICES_PER_PAGE, after), |service| &service.id, placed)
    }

    pub(crate) fn listed_environments(&self, project: &'s Project, page: PageRequest<'_>) -> Result<Value, String> {
        let reach = self.reach?;
        let environments: Vec<&Environment> = project.environments.iter().collect();
        connection(
            &environments,
            page,
            |environment| &environment.id,
            |environment| {
                json!({
                    "id": environment.id,
                    "projectId": project.id,
                    "name": environment.name,
                    "canAccess": can_read_environment(reach, project, environment),
                    "isEphemeral": environment.is_ephemeral,
                    "deletedAt": environment.deleted_at,
                })
            },
        )
    }

    /// Returns the environment with this id, in any project.
    pub(crate) fn environment_anywhere(&self) -> Result<(&'s Project, &'s Environment), String> {
        let reach = self.reach?;
        let wanted = self.text("environmentId");
        let mut all = self
            .estate
            .projects
            .iter()
            .flat_map(|project| project.environments.iter().map(move |environment| (project, environment)));
        let (project, environment) = all
            .find(|(_, environment)| environment.id == wanted && environment.deleted_at.is_none())
            .ok_or("Environment not found")?;
        if can_read_environment(reach, project, environment) {
            Ok((project, environment))
        } else {
            Err(NOT_AUTHORIZED.into())
        }
    }

    /// Returns the deployment with this id, and the position of its service.
    pub(crate) fn deployment(&self, id: &str) -> Result<(ServicePosition, &'s SimDeployment), String> {
        let reach = self.reach?;
        let place = self.estate.place_of(id).ok_or("Deployment not found")?;
        let (project, environment, service) = self.estate.at(place);
        if !can_read_environment(reach, project, environment) {
            return Err(NOT_AUTHORIZED.into());
        }
        let known = service.deployments.iter().find(|known| known.id == id);
        known.map(|deployment| (place, deployment)).ok_or_else(|| "Deployment not found".into())
    }

    /// Returns the position of a service in this environment.
    pub(crate) fn service(&self, environment: &Environment, id: &str) -> Result<ServicePosition, String> {
        let alive = |service: &SimService| service.id == id && service.deleted_at.is_none();
        let place = self.estate.place(|inside, service| inside.id == environment.id && alive(service));
        place.ok_or_else(|| {
            let elsewhere = self.estate.place(|_, service| service.id == id);
            if elsewhere.is_some() { "ServiceInstance not found".into() } else { "Service not found".into() }
        })
    }
}

fn find<'s>(estate: &'s Estate, [project, environment]: [&str; 2]) -> Option<(&'s Project, &'s Environment)> {
    let project = estate.projects.iter().find(|candidate| candidate.id == project)?;
    let environment = project.environments.iter().find(|candidate| candidate.id == environment)?;
    Some((project, environment))
}

/// Returns the variable that the document passes for this argument of an alias; the variable with the argument's name if
/// the document does not contain the alias.
pub(crate) fn variable_of<'q>(query: &'q str, alias: &str, argument: &'q str) -> &'q str {
    let call = query.split_once(&format!("{alias}: ")).map_or("", |(_, call)| call);
    let arguments = call.split_once(')').map_or(call, |(arguments, _)| arguments);
    let passed = arguments.split_once(&format!("{argument}: $")).map(|(_, passed)| passed);
    passed.map_or(argument, |passed| passed.split(',').next().unwrap_or(passed).trim())
}

/// Returns a function that turns a message into an error of this field.
pub(crate) fn denied(field: &str) -> impl Fn(String) -> Denied {
    move |message| Denied { field: field.to_owned(), message }
}

/// Returns the numbers and ids of a batch's variables with this prefix, in order.
pub(crate) fn batched<'v>(variables: &'v Map<String, Value>, prefix: &str) -> impl Iterator<Item = (usize, &'v str)> {
    (0..).map_while(move |number| Some((number, variables.get(&format!("{prefix}{number}"))?.as_str()?)))
}
