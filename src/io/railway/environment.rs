//! The shape of an environment: its services and the names of their variables, without values.
//!
//! The listing is paged, and a partial listing is an error: a comparison with a part of the services would report
//! the variables of the others as missing.
//!
//! Railway may reject a field that not every account or schema has. The comparison needs only ids, names and seals, so
//! a rejected query is sent again: without a field that the errors name (`optional_fields`), or without all details of
//! deployments and settings (`…Minimal`).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use graphql_client::{GraphQLQuery, QueryBody};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::drift::ResourceRef;
use crate::drift::model::deployment::Deployed;
use crate::drift::model::observed::Observed;
use crate::drift::plan::deployments::{CodeSource, Running, Schedule, Volume};
use crate::drift::runtime::ServiceSettings;
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::operations::{
    Environment, EnvironmentByToken, EnvironmentByTokenMinimal, EnvironmentMinimal, MoreServices, MoreServicesMinimal,
    environment, environment_by_token, environment_by_token_minimal, environment_minimal, more_services,
    more_services_minimal,
};
use crate::io::railway::optional_fields::{self, OptionalField};
use crate::io::railway::project_environments::EnvironmentData;
use crate::io::railway::response::{GraphqlError, QueryError, ResponseData};
use crate::io::railway::scalars::{EnvironmentConfig, ServiceConfig, VariableConfig};
use crate::io::railway::service_instance::{
    Listing, PageEnd, ServiceInstance, full, listing, may_pass_when_plain, plain,
};

/// The maximum number of pages of a listing: far more than any project has, and a limit for a listing that never ends.
pub(crate) const MOST_PAGES: usize = 200;

/// The cause of a listing that can't be continued.
pub(crate) const NO_CURSOR: &str = "Railway reports another page, but no cursor for it";

/// An environment without its values.
#[derive(Debug)]
pub struct Shape {
    pub project: ResourceRef,
    pub environment: ResourceRef,
    /// The services with an instance in it, sorted by name.
    pub services: Vec<ServiceShape>,
    /// The names of its shared variables.
    pub shared: BTreeSet<String>,
    /// All environments of the project, if they are known.
    pub environments: Option<Vec<ResourceRef>>,
}

/// A service of an environment.
#[derive(Debug)]
pub struct ServiceShape {
    pub service: ResourceRef,
    /// The directory in the repository that it is built from.
    pub root_directory: Option<String>,
    /// The image it runs, if it is not built.
    pub image: Option<String>,
    /// The names of its variables, and which of them are sealed.
    pub variables: BTreeMap<String, Seal>,
    /// The facts about how it runs that a plan needs.
    pub running: Running,
    /// Its deployments.
    pub deployed: Observed<Deployed>,
    /// Its settings on Railway, without the configuration files of a checkout.
    pub settings: Observed<ServiceSettings>,
    /// Its domains: those from Railway, and custom domains that are verified.
    pub domains: Observed<Vec<String>>,
}

impl Shape {
    /// Returns how the service with this id runs.
    pub fn running(&self, service: &str) -> Running {
        let known = self.services.iter().find(|known| known.service.id == service);
        known.map(|known| known.running).unwrap_or_default()
    }
}

/// Whether Railway returns the value of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// It does.
    Open,
    /// It never does.
    Sealed,
}

/// The first page of services, with the project and the environment.
pub(crate) struct First {
    pub(crate) project: Head,
    pub(crate) environment: Head,
    /// The project id that the environment states.
    pub(crate) environment_project: String,
    /// All environments of the project, if the response has them.
    pub(crate) environments: Option<Vec<ResourceRef>>,
    pub(crate) config: EnvironmentConfig,
    pub(crate) listing: Listing,
}

/// The common fields of a project and an environment.
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) deleted_at: Option<String>,
}

/// The environment of a page.
#[derive(Clone, Copy)]
struct EnvironmentIds<'i> {
    project: &'i str,
    environment: &'i str,
}

/// The extent of the requested fields, and the reason if it is not full.
pub(crate) enum FieldExtent {
    Full,
    Plain(String),
}

/// The data of a response, and the errors beside it.
type PartialData<T> = Result<(T, Vec<GraphqlError>), QueryError>;

/// Reads the first page from a generated type. A macro, because these differ only in name.
macro_rules! first {
    ($project:expr, $environment:expr, $instance:ident) => {{
        let (project, environment) = ($project, $environment);
        First {
            project: Head { id: project.id, name: project.name, deleted_at: project.deleted_at },
            environment_project: environment.project_id,
            environments: None,
            environment: Head { id: environment.id, name: environment.name, deleted_at: environment.deleted_at },
            config: environment.config,
            listing: listing!(environment.service_instances, $instance),
        }
    }};
}

/// Checks that the project and the environment in a response are those of the project token.
macro_rules! token {
    ($client:expr, $token:expr) => {{
        let token = &$token;
        let is_same = |kind, of: &str, id: &str| $client.require_same(kind, of, id).map_err(QueryError::Failed);
        is_same("project", &token.project_id, &token.project.id)?;
        is_same("environment", &token.environment_id, &token.environment.id)?;
    }};
}

/// Reads the environment with these ids.
pub(crate) fn by_ids(client: &Client<'_>, project: &str, environment: &str) -> Result<Shape, Error> {
    let what = format!("environment {environment} of project {project}");
    let (project_id, environment_id) = (project.to_owned(), environment.to_owned());
    let full = || -> PartialData<First> {
        let variables =
            environment::Variables { project_id: project_id.clone(), environment_id: environment_id.clone() };
        let (data, beside) = query::<_, EnvironmentData>(client, "Environment", &Environment::build_query(variables))?;
        let environments = data.project.all_environments(&environment_id);
        Ok((First { environments, ..first!(data.project, data.environment, full) }, beside))
    };
    let plain = || -> PartialData<First> {
        let variables =
            environment_minimal::Variables { project_id: project_id.clone(), environment_id: environment_id.clone() };
        let body = EnvironmentMinimal::build_query(variables);
        let (data, beside) = query::<_, environment_minimal::ResponseData>(client, "EnvironmentMinimal", &body)?;
        Ok((first!(data.project, data.environment, plain), beside))
    };
    let (first, extent) =
        first(client, "Environment", full, plain).map_err(|failure| client.error(failure, "Environment", &what))?;
    client.require_same("project", project, &first.project.id)?;
    client.require_same("environment", environment, &first.environment.id)?;
    assemble(client, first, extent)
}

/// Reads the environment that a project token is for.
pub(crate) fn by_token(client: &Client<'_>) -> Result<Shape, Error> {
    let full = || -> PartialData<First> {
        let body = EnvironmentByToken::build_query(environment_by_token::Variables);
        let (data, beside) = query::<_, environment_by_token::ResponseData>(client, "EnvironmentByToken", &body)?;
        token!(client, data.project_token);
        Ok((first!(data.project_token.project, data.project_token.environment, full), beside))
    };
    let plain = || -> PartialData<First> {
        let body = EnvironmentByTokenMinimal::build_query(environment_by_token_minimal::Variables);
        let (data, beside) =
            query::<_, environment_by_token_minimal::ResponseData>(client, "EnvironmentByTokenMinimal", &body)?;
        token!(client, data.project_token);
        Ok((first!(data.project_token.project, data.project_token.environment, plain), beside))
    };
    let (first, extent) = first(client, "EnvironmentByToken", full, plain)
        .map_err(|failure| client.error(failure, "EnvironmentByToken", "the token's environment"))?;
    assemble(client, first, extent)
}

/// Sends a query. If Railway rejects optional fields by name, sends it again without them.
fn query<V: Serialize, T: DeserializeOwned>(
    client: &Client<'_>,
    operation: &'static str,
    body: &QueryBody<V>,
) -> PartialData<T> {
    let refusals = match client.query_response(operation, body.query, &body.variables) {
        Ok(response) => return Ok((response.data, response.beside)),
        Err(QueryError::Refused(refusals)) => refusals,
        Err(failed) => return Err(failed),
    };
    let spares = OptionalField::to_leave_out(&refusals);
    if spares.is_empty() {
        return Err(QueryError::Refused(refusals));
    }
    let document = spares.iter().fold(body.query.to_owned(), |document, spare| spare.out_of(&document));
    let response: ResponseData<Value> = client.query_response(operation, &document, &body.variables)?;
    let mut data = response.data;
    optional_fields::fill(&mut data);
    // The rejected field is left out for all services, not only for the one in the error's path.
    let of_all = |refusal: &GraphqlError| GraphqlError {
        path: refusal.path.iter().rev().take(1).cloned().collect(),
        ..refusal.clone()
    };
    let left_out = refusals.iter().filter(|refusal| OptionalField::of(refusal).is_some());
    let beside = left_out.map(of_all).chain(response.beside).collect();
    // Parsed again from text: deserializers of these types for `Value` would add a third of a megabyte of code.
    serde_json::from_slice(data.to_string().as_bytes())
        .map(|data| (data, beside))
        .map_err(|_| QueryError::Refused(refusals))
}

/// Reads the first page in full, or without details of deployments and settings if Railway rejects those: the
/// comparison does not need them.
fn first(
    client: &Client<'_>,
    operation: &'static str,
    full: impl FnOnce() -> PartialData<First>,
    plain: impl FnOnce() -> PartialData<First>,
) -> Result<(First, FieldExtent), QueryError> {
    let (mut first, beside, extent) = match full() {
        Ok((first, beside)) => (first, beside, FieldExtent::Full),
        Err(QueryError::Refused(refusals)) if may_pass_when_plain(&refusals) => {
            let (first, beside) = plain()?;
            (first, beside, FieldExtent::Plain(client.refused(&refusals).to_string()))
        }
        Err(failure) => return Err(failure),
    };
    settle(client, operation, &mut first.listing, beside, &extent);
    Ok((first, extent))
}

/// Applies the errors beside a page to it: what they are about is unavailable. Notes the other errors as remarks.
fn settle(
    client: &Client<'_>,
    operation: &'static str,
    listing: &mut Listing,
    beside: Vec<GraphqlError>,
    extent: &FieldExtent,
) {
    let describe = |refusal: &GraphqlError| client.refused(std::slice::from_ref(refusal)).to_string();
    let others = listing.without(beside, describe);
    client.note_what_is_missing(operation, &others);
    if let FieldExtent::Plain(why) = extent {
        let instances = std::mem::take(&mut listing.instances);
        listing.instances = instances.into_iter().map(|instance| instance.without(why)).collect();
    }
}

/// Reads a further page. Once the details were rejected for one page, the others are requested without them.
fn more(
    client: &Client<'_>,
    ids: EnvironmentIds<'_>,
    after: String,
    extent: &mut FieldExtent,
) -> Result<Listing, QueryError> {
    let (project_id, environment_id, after) = (ids.project.to_owned(), ids.environment.to_owned(), Some(after));
    if matches!(extent, FieldExtent::Full) {
        let (project_id, environment_id, after) = (project_id.clone(), environment_id.clone(), after.clone());
        let body = MoreServices::build_query(more_services::Variables { project_id, environment_id, after });
        match query::<_, more_services::ResponseData>(client, "MoreServices", &body) {
            Ok((data, beside)) => {
                let of = EnvironmentIds { project: &data.environment.project_id, environment: &data.environment.id };
                require_same(client, ids, of).map_err(QueryError::Failed)?;
                let mut listing = listing!(data.environment.service_instances, full);
                settle(client, "MoreServices", &mut listing, beside, extent);
                return Ok(listing);
            }
            Err(QueryError::Refused(refusals)) if may_pass_when_plain(&refusals) => {
                *extent = FieldExtent::Plain(client.refused(&refusals).to_string());
            }
            Err(failure) => return Err(failure),
        }
    }
    let body = MoreServicesMinimal::build_query(more_services_minimal::Variables { project_id, environment_id, after });
    let (data, beside) = query::<_, more_services_minimal::ResponseData>(client, "MoreServicesMinimal", &body)?;
    let of = EnvironmentIds { project: &data.environment.project_id, environment: &data.environment.id };
    require_same(client, ids, of).map_err(QueryError::Failed)?;
    let mut listing = listing!(data.environment.service_instances, plain);
    settle(client, "MoreServicesMinimal", &mut listing, beside, extent);
    Ok(listing)
}

/// Returns an error if a page is of another environment.
fn require_same(client: &Client<'_>, ids: EnvironmentIds<'_>, of: EnvironmentIds<'_>) -> Result<(), Error> {
    client.require_same("project", ids.project, of.project)?;
    client.require_same("environment", ids.environment, of.environment)
}

/// Reads the remaining pages of services, and adds the variables' names and seals to them.
pub(crate) fn assemble(client: &Client<'_>, first: First, extent: FieldExtent) -> Result<Shape, Error> {
    let First { project, environment, environment_project, environments, config, listing } = first;
    client.require_same("project", &project.id, &environment_project)?;
    listing.require_environment(client, &environment.id)?;
    let project = existing("project", project)?;
    let environment = existing("environment", environment)?;
    let ids = EnvironmentIds { project: &project.id, environment: &environment.id };
    let instances = with_further_pages(client, ids, listing, extent)?;
    let mut configured = config.services.unwrap_or_default();
    let mut services: Vec<ServiceShape> = instances
        .into_iter()
        .filter(|instance| !instance.deleted)
        .map(|instance| {
            let config = configured.remove(&instance.id).flatten();
            service_shape(instance, config)
        })
        .collect();
    services.sort_by(|left, right| left.service.name.cmp(&right.service.name));
    services.dedup_by(|left, right| left.service.id == right.service.id);
    let shared = seals(config.shared_variables.unwrap_or_default()).into_keys().collect();
    Ok(Shape { project, environment, services, shared, environments })
}

/// Returns an error for a deleted project or environment, because Railway still returns it for a while.
fn existing(kind: &'static str, head: Head) -> Result<ResourceRef, Error> {
    refuse_deleted(kind, &head.name, head.deleted_at.as_deref())?;
    Ok(ResourceRef { id: head.id, name: head.name })
}

/// Returns the instances of the first page and of all further pages.
fn with_further_pages(
    client: &Client<'_>,
    ids: EnvironmentIds<'_>,
    first: Listing,
    mut extent: FieldExtent,
) -> Result<Vec<ServiceInstance>, Error> {
    let Listing { mut instances, mut end } = first;
    let mut pages = Pages::new("services");
    while let Some(after) = pages.next(&end)? {
        let page = more(client, ids, after, &mut extent)
            .map_err(|failure| client.error(failure, "MoreServices", "the services of the environment"))?;
        page.require_environment(client, ids.environment)?;
        instances.extend(page.instances);
        end = page.end;
    }
    Ok(instances)
}

/// Merges an instance with the environment's configuration of it.
fn service_shape(instance: ServiceInstance, config: Option<ServiceConfig>) -> ServiceShape {
    let mut settings = instance.settings.clone();
    if let Observed::Known(settings) = &mut settings {
        settings.configured = config.as_ref().map(ServiceConfig::settings);
    }
    let config = config.unwrap_or_default();
    ServiceShape {
        running: running(&instance, &config),
        service: ResourceRef { id: instance.id, name: instance.name },
        root_directory: instance.root_directory,
        image: instance.image,
        variables: seals(config.variables.unwrap_or_default()),
        deployed: instance.deployed,
        settings,
        domains: instance.domains,
    }
}

fn running(instance: &ServiceInstance, config: &ServiceConfig) -> Running {
    Running {
        volume: if config.has_volume() { Volume::Attached } else { Volume::None },
        schedule: if config.has_schedule() { Schedule::Cron } else { Schedule::Always },
        source: match (&instance.repository, &instance.image) {
            (Some(_), _) => CodeSource::Repository,
            (None, Some(_)) => CodeSource::Image,
            (None, None) => CodeSource::None,
        },
    }
}

/// Skips null entries, which are deleted variables.
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

/// Follows the pages of a listing to the end, or fails; it never returns a partial list. The position of a page is
/// known only from Railway's cursor, so a further page without a cursor, a cursor that was already returned and too
/// many pages are errors.
pub(crate) struct Pages {
    what: &'static str,
    cursors: HashSet<String>,
}

impl Pages {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, cursors: HashSet::new() }
    }

    /// Returns the cursor of the next page; `None` at the end.
    pub(crate) fn next(&mut self, end: &PageEnd) -> Result<Option<String>, Error> {
        let truncated = |cause: &str| Error::Truncated { what: self.what, cause: cause.to_owned() };
        if !end.more {
            return Ok(None);
        }
        let Some(cursor) = end.cursor.clone() else {
            return Err(truncated(NO_CURSOR));
        };
        if self.cursors.len() >= MOST_PAGES {
            return Err(truncated("Railway returned more pages than any project has"));
        }
        if !self.cursors.insert(cursor.clone()) {
            return Err(truncated("Railway returned the same cursor twice"));
        }
        Ok(Some(cursor))
    }
}
