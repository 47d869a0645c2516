//! The queries of the simulated Railway, one for each in `graphql/` that is not about deployments.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::io::sim::access::{NOT_AUTHORIZED, can_read_project, can_read_workspace};
use crate::io::sim::deployment_queries;
use crate::io::sim::environment_config;
use crate::io::sim::estate::{Edge, Environment, Project, SimService, SimSource, TokenScope};
use crate::io::sim::options::SimOptions;
use crate::io::sim::pagination::connection;
use crate::io::sim::render::Renderer;
use crate::io::sim::request_context::{Denied, RequestContext, batched, denied, variable_of};
use crate::io::sim::tracing;

// GraphQL is not executed, so the page sizes repeat the documents' `first`; a test compares them.
const PROJECTS_PER_PAGE: usize = 100;
const ENVIRONMENTS_PER_PAGE: usize = 100;
/// The page size of the environments in the response with one of them.
const ENVIRONMENTS_BESIDE_ONE: usize = 500;
/// The page size of the environments with their services.
const ENVIRONMENTS_COMPARED: usize = 20;

fn named(id: &str, name: &str) -> Value {
    json!({ "id": id, "name": name })
}

fn headed(project: &Project) -> Value {
    json!({ "id": project.id, "name": project.name, "deletedAt": project.deleted_at })
}

fn plain_instance(service: &SimService) -> Value {
    let source = match &service.source {
        SimSource::Nothing => Value::Null,
        SimSource::Image(image) => json!({ "image": image, "repo": null }),
        SimSource::Repository(repository) => json!({ "image": null, "repo": repository }),
    };
    json!({
        "serviceId": service.id,
        "serviceName": service.name,
        "rootDirectory": service.root_directory,
        "deletedAt": service.deleted_at,
        "source": source,
    })
}

/// Returns a service without its deployments and domains.
fn configured_instance(service: &SimService) -> Value {
    let mut shown = plain_instance(service);
    for (name, value) in deployment_queries::settings(service).as_object().into_iter().flatten() {
        if name != "domains" {
            shown[name] = value.clone();
        }
    }
    shown
}

fn full_instance(request: &RequestContext<'_>, service: &SimService) -> Value {
    let mut shown = plain_instance(service);
    for part in [deployment_queries::instance(request, service), deployment_queries::settings(service)] {
        for (name, value) in part.as_object().into_iter().flatten() {
            shown[name] = value.clone();
        }
    }
    shown
}

/// Renders a service as a GraphQL object.
type InstanceView<'i> = &'i dyn Fn(&SimService) -> Value;

fn inside(
    request: &RequestContext<'_>,
    project: &Project,
    environment: &Environment,
    instance: InstanceView<'_>,
) -> Result<Value, String> {
    Ok(json!({
        "id": environment.id,
        "projectId": project.id,
        "name": environment.name,
        "deletedAt": environment.deleted_at,
        "config": environment_config::of(environment, request.quirks),
        "serviceInstances": request.services(environment, None, instance)?,
    }))
}

pub(crate) fn api_token(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("apiToken");
    let reach = request.reach.map_err(|message| denied(message.into()))?;
    if matches!(reach, TokenScope::Project { .. }) {
        return Err(denied(NOT_AUTHORIZED.into()));
    }
    let accessible = request.estate.workspaces.iter().filter(|workspace| can_read_workspace(reach, &workspace.id));
    let workspaces: Vec<Value> = accessible.map(|workspace| named(&workspace.id, &workspace.name)).collect();
    Ok(json!({ "apiToken": { "workspaces": workspaces } }))
}

/// Only a token of a user has `me`; workspace and project tokens do not.
pub(crate) fn me(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("me");
    match request.reach.map_err(|message| denied(message.into()))? {
        TokenScope::Account | TokenScope::Login(_) => Ok(json!({ "me": { "id": "user-1" } })),
        TokenScope::Workspace(_) | TokenScope::Project { .. } => Err(denied(NOT_AUTHORIZED.into())),
    }
}

pub(crate) fn project_token(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let (project, environment) = request.own().map_err(denied("projectToken"))?;
    Ok(json!({ "projectToken": {
        "projectId": project.id,
        "environmentId": environment.id,
        "project": named(&project.id, &project.name),
        "environment": named(&environment.id, &environment.name),
    }}))
}

pub(crate) fn scoped_shape(request: &RequestContext<'_>) -> Result<Value, Denied> {
    scoped(request, &|service| full_instance(request, service))
}

pub(crate) fn plain_scoped_shape(request: &RequestContext<'_>) -> Result<Value, Denied> {
    scoped(request, &plain_instance)
}

fn scoped(request: &RequestContext<'_>, instance: InstanceView<'_>) -> Result<Value, Denied> {
    let denied = denied("projectToken");
    let (project, environment) = request.own().map_err(&denied)?;
    let shown = inside(request, project, environment, instance).map_err(&denied)?;
    Ok(json!({ "projectToken": {
        "projectId": project.id,
        "environmentId": environment.id,
        "project": headed(project),
        "environment": shown,
    }}))
}

pub(crate) fn shape(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let mut shown = shaped(request, &|service| full_instance(request, service))?;
    // A client can leave out the environments.
    if request.query.contains("environments(") {
        let project = request.project().map_err(denied("project"))?;
        let page = request.page(ENVIRONMENTS_BESIDE_ONE, None);
        shown["project"]["environments"] = request.listed_environments(project, page).map_err(denied("project"))?;
    }
    Ok(shown)
}

pub(crate) fn plain_shape(request: &RequestContext<'_>) -> Result<Value, Denied> {
    shaped(request, &plain_instance)
}

fn shaped(request: &RequestContext<'_>, instance: InstanceView<'_>) -> Result<Value, Denied> {
    let project = request.project().map_err(denied("project"))?;
    let (owner, environment) = request.environment().map_err(denied("environment"))?;
    let environment = inside(request, owner, environment, instance).map_err(denied("environment"))?;
    Ok(json!({ "project": headed(project), "environment": environment }))
}

pub(crate) fn more_services(request: &RequestContext<'_>) -> Result<Value, Denied> {
    more(request, &|service| full_instance(request, service))
}

pub(crate) fn plain_more_services(request: &RequestContext<'_>) -> Result<Value, Denied> {
    more(request, &plain_instance)
}

fn more(request: &RequestContext<'_>, instance: InstanceView<'_>) -> Result<Value, Denied> {
    let denied = denied("environment");
    let (project, environment) = request.environment().map_err(&denied)?;
    let services = request.services(environment, request.after(), instance).map_err(&denied)?;
    Ok(json!({ "environment": { "id": environment.id, "projectId": project.id, "serviceInstances": services } }))
}

pub(crate) fn environments(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let project = request.project().map_err(denied("project"))?;
    let page = request.page(ENVIRONMENTS_PER_PAGE, request.after());
    let environments = request.listed_environments(project, page).map_err(denied("project"))?;
    let mut shown = headed(project);
    shown["environments"] = environments;
    Ok(json!({ "project": shown }))
}

/// Returns a service with its active deployments, of which a document requests few fields.
fn running_instance(request: &RequestContext<'_>, service: &SimService) -> Value {
    let mut shown = plain_instance(service);
    shown["activeDeployments"] = deployment_queries::active(request, service);
    shown
}

/// Returns no data if the token has no access to one of the environments.
pub(crate) fn environment_batch(request: &RequestContext<'_>) -> Result<Value, Denied> {
    each_environment(request, "environment", &|project, environment| {
        inside(request, project, environment, &|service| running_instance(request, service))
    })
}

/// Returns no data if the token has no access to one of the environments.
pub(crate) fn shared_values_batch(request: &RequestContext<'_>) -> Result<Value, Denied> {
    each_environment(request, "shared", &|_, environment| Ok(shared(request, environment)))
}

/// Renders an environment as a GraphQL object.
type EnvironmentView<'i> = &'i dyn Fn(&Project, &Environment) -> Result<Value, String>;

/// Returns the environments of a batch under their aliases.
fn each_environment(request: &RequestContext<'_>, kind: &str, show: EnvironmentView<'_>) -> Result<Value, Denied> {
    let mut data = Map::new();
    for (number, _) in batched(request.variables, "environmentId_") {
        let alias = format!("{kind}_{number}");
        let denied = denied(&alias);
        let place = request.environment_of(&format!("projectId_{number}"), &format!("environmentId_{number}"));
        let (project, environment) = place.map_err(&denied)?;
        data.insert(alias.clone(), show(project, environment).map_err(&denied)?);
    }
    Ok(Value::Object(data))
}

/// Returns no data if one of the environments is restricted, because its configuration is not nullable.
pub(crate) fn compared_environments(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let project = request.project().map_err(denied("project"))?;
    let page = request.page(ENVIRONMENTS_COMPARED, None);
    let mut listed = request.listed_environments(project, page).map_err(denied("project"))?;
    let edges = listed["edges"].as_array_mut().into_iter().flatten();
    for (position, (edge, environment)) in edges.zip(&project.environments).enumerate() {
        let field = format!("project.environments.edges.{position}.node.config");
        let denied = denied(&field);
        if edge["node"]["canAccess"] == false {
            return Err(denied(NOT_AUTHORIZED.into()));
        }
        let contents = inside(request, project, environment, &configured_instance).map_err(denied)?;
        for (name, value) in contents.as_object().into_iter().flatten() {
            edge["node"][name] = value.clone();
        }
    }
    let mut shown = headed(project);
    shown["environments"] = listed;
    Ok(json!({ "project": shown }))
}

pub(crate) fn projects(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("projects");
    let reach = request.reach.map_err(|message| denied(message.into()))?;
    let workspace = request.variables.get("workspaceId").and_then(Value::as_str);
    let refused = match workspace {
        Some(workspace) => !can_read_workspace(reach, workspace),
        None => matches!(reach, TokenScope::Project { .. }),
    };
    if refused {
        return Err(denied(NOT_AUTHORIZED.into()));
    }
    let accessible: Vec<&Project> = request
        .estate
        .projects
        .iter()
        .filter(|project| project.deleted_at.is_none() && can_read_project(reach, project))
        .filter(|project| workspace.is_none_or(|workspace| project.workspace == workspace))
        .collect();
    let page = request.page(PROJECTS_PER_PAGE, request.after());
    let listed = connection(
        &accessible,
        page,
        |project| &project.id,
        |project| {
            let mut node = headed(project);
            // The first page can't have an invalid cursor.
            let page = request.page(ENVIRONMENTS_PER_PAGE, None);
            node["environments"] = request.listed_environments(project, page).unwrap_or_default();
            node
        },
    );
    Ok(json!({ "projects": listed.map_err(&denied)? }))
}

pub(crate) fn values(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let mut renderers: BTreeMap<&str, Renderer<'_>> = BTreeMap::new();
    let mut data = Map::new();
    for (number, id) in batched(request.variables, "serviceId_") {
        for (kind, alias) in [("stored", format!("stored_{number}")), ("rendered", format!("rendered_{number}"))] {
            let denied = denied(&alias);
            let variable = |argument| variable_of(request.query, &alias, argument);
            let place = request.environment_of(variable("projectId"), variable("environmentId"));
            let (project, environment) = place.map_err(&denied)?;
            let place = request.service(environment, id).map_err(&denied)?;
            let (_, _, service) = request.estate.at(place);
            let map = if kind == "stored" {
                environment_config::stored(&service.variables)
            } else {
                let renderer = renderers.entry(&environment.id).or_insert_with(|| Renderer::new(project, environment));
                rendered(request, renderer, service)
            };
            data.insert(alias.clone(), shown_values(request, map));
        }
        if let Some(id) = request.variables.get(&format!("deploymentId_{number}")).and_then(Value::as_str) {
            data.insert(format!("snapshot_{number}"), deployment_queries::snapshot_of(request, number, id));
        }
    }
    if request.query.contains("staged: ") {
        let (_, environment) = request.environment().map_err(denied("staged"))?;
        data.insert("staged".into(), deployment_queries::staged(request, environment));
    }
    if request.query.contains("shared: ") {
        let (_, environment) = request.environment().map_err(denied("shared"))?;
        data.insert("shared".into(), shared(request, environment));
    }
    Ok(Value::Object(data))
}

/// Returns the shared variables of an environment, as stored.
fn shared(request: &RequestContext<'_>, environment: &Environment) -> Value {
    environment_config::values(environment_config::stored(&environment.shared), request.quirks.sealed)
}

/// Returns the variables of a service that its next deployment gets.
fn rendered<'e>(
    request: &RequestContext<'e>,
    renderer: &mut Renderer<'e>,
    service: &'e SimService,
) -> BTreeMap<String, Option<String>> {
    let mut map = renderer.variables(service);
    if request.quirks.tracing.is_in_variables() {
        let newest = service.deployments.last().map_or("", |newest| newest.id.as_str());
        tracing::add(&mut map, service, newest, request.quirks.sampler);
    }
    map
}

/// Returns a map of values, with null for those that Railway withholds.
fn shown_values(request: &RequestContext<'_>, mut map: BTreeMap<String, Option<String>>) -> Value {
    let SimOptions { sealed, withheld, .. } = request.quirks;
    map.iter_mut().filter(|(key, _)| withheld.contains(&key.as_str())).for_each(|(_, value)| *value = None);
    environment_config::values(map, *sealed)
}

pub(crate) fn shared_values(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let (_, environment) = request.environment().map_err(denied("stored"))?;
    Ok(json!({ "stored": shared(request, environment) }))
}

/// The default time of a variable's last change, before all deployments.
const CHANGED_AT: &str = "2026-10-02T08:15:30.250Z";

const ROWS_PER_PAGE: usize = 200;

pub(crate) fn variable_times(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("environment");
    let (_, environment) = request.environment().map_err(&denied)?;
    let row = |service: Option<&SimService>, name: &String| {
        let changed = service.and_then(|service| service.changed.get(name)).map_or(CHANGED_AT, String::as_str);
        let id = service.map(|service| service.id.as_str());
        let cursor = format!("{}/{name}", id.unwrap_or_default());
        (cursor, json!({ "name": name, "serviceId": id, "environmentId": environment.id, "updatedAt": changed }))
    };
    let alive = environment.services.iter().filter(|service| service.deleted_at.is_none());
    let own = alive.flat_map(|service| service.variables.keys().map(move |name| row(Some(service), name)));
    let rows: Vec<(String, Value)> = environment.shared.keys().map(|name| row(None, name)).chain(own).collect();
    let page = request.page(ROWS_PER_PAGE, request.after());
    let listed = connection(&rows.iter().collect::<Vec<_>>(), page, |row| row.0.as_str(), |row| row.1.clone());
    Ok(json!({ "environment": { "id": environment.id, "variables": listed.map_err(&denied)? } }))
}

/// Returns the edge settings of a service; null if there are none.
pub(crate) fn edge(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("serviceInstance");
    let (_, environment) = request.environment_anywhere().map_err(&denied)?;
    let place = request.service(environment, request.text("serviceId")).map_err(&denied)?;
    let (_, environment, service) = request.estate.at(place);
    let config = match &service.edge {
        Some(Edge::UnderAttack) => {
            let until = request.estate.clock.moment().as_second() + 3600;
            json!({ "edgeRules": null, "underAttackModeUntil": until })
        }
        Some(Edge::Rule(..)) => json!({ "edgeRules": [{ "action": "block" }], "underAttackModeUntil": null }),
        _ => Value::Null,
    };
    Ok(json!({ "serviceInstance": { "environmentId": environment.id, "serviceId": service.id, "edgeConfig": config } }))
}
