//! The shape of an environment: which services there are and which variables each of them has, without a value.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use graphql_client::GraphQLQuery;

use crate::drift::Named;
use crate::drift::plan::deploy::{Running, Schedule, Source, Volume};
use crate::error::Error;
use crate::outside::railway::client::{Client, Unanswered};
use crate::outside::railway::operation::{
    MoreServices, ScopedShape, Shape as ShapeOperation, more_services, scoped_shape, shape,
};
use crate::outside::railway::scalar::{EnvironmentConfig, ServiceConfig, VariableConfig};

/// Pages of one listing; far more than any project has, and an end to a listing that never ends.
pub(crate) const MOST_PAGES: usize = 200;

/// An environment without its values.
#[derive(Debug)]
pub struct Shape {
    /// The project.
    pub project: Named,
    /// The environment.
    pub environment: Named,
    /// The services with an instance in it, sorted by name.
    pub services: Vec<ServiceShape>,
    /// The names of its shared variables.
    pub shared: BTreeSet<String>,
}

/// One service of it.
#[derive(Debug)]
pub struct ServiceShape {
    /// The service.
    pub service: Named,
    /// Where in the repository it is built from.
    pub root_directory: Option<String>,
    /// The image it runs, if it is not built.
    pub image: Option<String>,
    /// Its variables' names, and which of them are sealed.
    pub variables: BTreeMap<String, Seal>,
    /// How it runs.
    pub running: Running,
}

impl Shape {
    /// How the service of that id runs.
    pub fn running(&self, service: &str) -> Running {
        let known = self.services.iter().find(|known| known.service.id == service);
        known.map(|known| known.running).unwrap_or_default()
    }
}

/// Whether Railway will ever return a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// It will.
    Open,
    /// It will not.
    Sealed,
}

/// A service instance as the three operations that list them agree on.
struct Instance {
    id: String,
    name: String,
    root_directory: Option<String>,
    image: Option<String>,
    repository: Option<String>,
}

/// A page's end: where the next one starts.
pub(crate) struct PageEnd {
    pub(crate) more: bool,
    pub(crate) cursor: Option<String>,
}

/// The generated types of the three operations differ in name only.
macro_rules! instances {
    ($connection:expr) => {{
        let connection = $connection;
        let end = PageEnd { more: connection.page_info.has_next_page, cursor: connection.page_info.end_cursor };
        let instances: Vec<Instance> = connection
            .edges
            .into_iter()
            .map(|edge| edge.node)
            .filter(|node| node.deleted_at.is_none())
            .map(|node| {
                let (image, repository) = node.source.map(|source| (source.image, source.repo)).unwrap_or_default();
                Instance {
                    id: node.service_id,
                    name: node.service_name,
                    root_directory: node.root_directory,
                    image,
                    repository,
                }
            })
            .collect();
        (instances, end)
    }};
}

/// Asks for the environment with these ids.
pub(crate) fn by_ids(client: &Client<'_>, project: &str, environment: &str) -> Result<Shape, Error> {
    let variables = shape::Variables { project_id: project.to_owned(), environment_id: environment.to_owned() };
    let data: shape::ResponseData =
        client.ask("Shape", &ShapeOperation::build_query(variables)).map_err(|unanswered| {
            client.error(unanswered, "Shape", &format!("environment {environment} of project {project}"))
        })?;
    let project = Named { id: data.project.id, name: data.project.name };
    let environment = Named { id: data.environment.id, name: data.environment.name };
    refuse_deleted("project", &project.name, data.project.deleted_at.as_deref())?;
    refuse_deleted("environment", &environment.name, data.environment.deleted_at.as_deref())?;
    let (instances, end) = instances!(data.environment.service_instances);
    assemble(client, project, environment, data.environment.config, (instances, end))
}

/// Asks for the environment that a project token is for.
pub(crate) fn by_token(client: &Client<'_>) -> Result<Shape, Error> {
    let data: scoped_shape::ResponseData = client
        .ask("ScopedShape", &ScopedShape::build_query(scoped_shape::Variables))
        .map_err(|unanswered| client.error(unanswered, "ScopedShape", "the environment it is for"))?;
    let token = data.project_token;
    let project = Named { id: token.project.id, name: token.project.name };
    let environment = Named { id: token.environment.id, name: token.environment.name };
    refuse_deleted("project", &project.name, token.project.deleted_at.as_deref())?;
    refuse_deleted("environment", &environment.name, token.environment.deleted_at.as_deref())?;
    let (instances, end) = instances!(token.environment.service_instances);
    assemble(client, project, environment, token.environment.config, (instances, end))
}

/// Follows the listing of services to its end, and puts names and seals to them.
fn assemble(
    client: &Client<'_>,
    project: Named,
    environment: Named,
    config: EnvironmentConfig,
    (mut instances, mut end): (Vec<Instance>, PageEnd),
) -> Result<Shape, Error> {
    let mut pages = Pages::new("services");
    while let Some(after) = pages.next(&end)? {
        let variables = more_services::Variables {
            project_id: project.id.clone(),
            environment_id: environment.id.clone(),
            after: Some(after),
        };
        let data: more_services::ResponseData = client
            .ask("MoreServices", &MoreServices::build_query(variables))
            .map_err(|unanswered| client.error(unanswered, "MoreServices", "its services"))?;
        let (more, next) = instances!(data.environment.service_instances);
        instances.extend(more);
        end = next;
    }
    let mut configured = config.services.unwrap_or_default();
    let mut services: Vec<ServiceShape> = instances
        .into_iter()
        .map(|instance| {
            let config = configured.remove(&instance.id).flatten().unwrap_or_default();
            ServiceShape {
                running: running(&instance, &config),
                service: Named { id: instance.id, name: instance.name },
                root_directory: instance.root_directory,
                image: instance.image,
                variables: seals(config.variables.unwrap_or_default()),
            }
        })
        .collect();
    services.sort_by(|left, right| left.service.name.cmp(&right.service.name));
    services.dedup_by(|left, right| left.service.id == right.service.id);
    let shared = seals(config.shared_variables.unwrap_or_default()).into_keys().collect();
    Ok(Shape { project, environment, services, shared })
}

fn running(instance: &Instance, config: &ServiceConfig) -> Running {
    Running {
        volume: if config.has_volume() { Volume::Attached } else { Volume::None },
        schedule: if config.has_schedule() { Schedule::Cron } else { Schedule::Always },
        source: match (&instance.repository, &instance.image) {
            (Some(_), _) => Source::Repository,
            (None, Some(_)) => Source::Image,
            (None, None) => Source::None,
        },
    }
}

/// Null entries stand for deleted ones.
fn seals(variables: BTreeMap<String, Option<VariableConfig>>) -> BTreeMap<String, Seal> {
    variables
        .into_iter()
        .filter_map(|(name, variable)| {
            let sealed = variable?.is_sealed.unwrap_or(false);
            Some((name, if sealed { Seal::Sealed } else { Seal::Open }))
        })
        .collect()
}

pub(crate) fn refuse_deleted(kind: &'static str, name: &str, deleted_at: Option<&str>) -> Result<(), Error> {
    match deleted_at {
        Some(_) => Err(Error::Deleted { kind, name: name.to_owned() }),
        None => Ok(()),
    }
}

/// A guard around a listing: to its end, or an error; never a short list.
pub(crate) struct Pages {
    what: &'static str,
    seen: HashSet<String>,
}

impl Pages {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, seen: HashSet::new() }
    }

    /// Where the next page starts; `None` at the end.
    pub(crate) fn next(&mut self, end: &PageEnd) -> Result<Option<String>, Error> {
        let truncated = |why: &str| Error::Truncated { what: self.what, why: why.to_owned() };
        if !end.more {
            return Ok(None);
        }
        let Some(cursor) = end.cursor.clone() else {
            return Err(truncated("it says there is more, and not where"));
        };
        if self.seen.len() >= MOST_PAGES {
            return Err(truncated("it has more pages than any project could"));
        }
        if !self.seen.insert(cursor.clone()) {
            return Err(truncated("it goes round in a circle"));
        }
        Ok(Some(cursor))
    }
}

impl Client<'_> {
    /// The error of a question that has no answer.
    pub(crate) fn error(&self, unanswered: Unanswered, operation: &'static str, what: &str) -> Error {
        match unanswered {
            Unanswered::Refused(refusals) => self.explain(operation, what, &refusals),
            Unanswered::Failed(error) => error,
        }
    }
}
