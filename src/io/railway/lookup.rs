//! Looks up the ids of projects and environments by name.

use graphql_client::GraphQLQuery;

use crate::drift::ResourceRef;
use crate::drift::similarity::close_matches;
use crate::error::{Error, RailwayErrors};
use crate::io::railway::client::Client;
use crate::io::railway::environment::{NO_CURSOR, Pages, refuse_deleted};
use crate::io::railway::operations::{ApiTokenProbe, Environments, Projects, api_token_probe, environments, projects};
use crate::io::railway::response::QueryError;
use crate::io::railway::service_instance::PageEnd;

/// A project and its environments.
#[derive(Clone, Debug)]
pub struct LocatedProject {
    pub project: ResourceRef,
    /// Its environments that are not deleted, in Railway's order.
    pub environments: Vec<LocatedEnvironment>,
    /// When it was deleted, if it was.
    deleted: Option<String>,
    /// The cursor of the next page of environments, if there is one.
    rest: Option<String>,
}

/// An environment of a project.
#[derive(Clone, Debug)]
pub struct LocatedEnvironment {
    /// The environment.
    pub named: ResourceRef,
    /// Whether the token has access to it.
    pub access: EnvironmentAccess,
    /// Whether Railway created it for a pull request.
    pub is_ephemeral: bool,
}

/// Access of a token to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentAccess {
    /// Full access.
    Open,
    /// None: only admins may read variables in a restricted environment.
    Restricted,
}

/// Reads a page of environments. A macro, because the generated types of the two operations differ only in name.
macro_rules! places {
    ($connection:expr) => {{
        let connection = $connection;
        let rest = connection.page_info.has_next_page.then_some(connection.page_info.end_cursor);
        let nodes: Vec<_> = connection.edges.into_iter().map(|edge| edge.node).collect();
        let owners: Vec<String> = nodes.iter().map(|node| node.project_id.clone()).collect();
        let places: Vec<LocatedEnvironment> = nodes
            .into_iter()
            .filter(|node| node.deleted_at.is_none())
            .map(|node| LocatedEnvironment {
                access: if node.can_access { EnvironmentAccess::Open } else { EnvironmentAccess::Restricted },
                is_ephemeral: node.is_ephemeral,
                named: ResourceRef { id: node.id, name: node.name },
            })
            .collect();
        (places, rest, owners)
    }};
}

/// Returns the project with this id and its environments.
pub(crate) fn by_id(client: &Client<'_>, project: &str) -> Result<LocatedProject, Error> {
    environments_after(client, project, None)
}

/// Returns the project with this name or id, among those that the token has access to.
pub(crate) fn by_name(client: &Client<'_>, wanted: &str) -> Result<LocatedProject, Error> {
    let mut accessible = listed(client, None)?;
    if !accessible.iter().any(|located| fits(&located.project, wanted)) {
        // Railway lists the projects of some workspaces only if the request names the workspace.
        for workspace in workspaces(client)? {
            accessible.extend(listed(client, Some(&workspace))?);
        }
    }
    accessible.sort_by(|left, right| left.project.cmp(&right.project));
    accessible.dedup_by(|left, right| left.project.id == right.project.id);
    let names: Vec<String> = accessible.iter().map(|located| located.project.name.clone()).collect();
    let mut fitting: Vec<LocatedProject> =
        accessible.into_iter().filter(|located| fits(&located.project, wanted)).collect();
    if fitting.len() > 1 {
        let candidates = fitting.into_iter().map(|located| located.project.id).collect();
        return Err(Error::Ambiguous { kind: "project", wanted: wanted.to_owned(), candidates });
    }
    let Some(mut located) = fitting.pop() else {
        return Err(unknown("project", wanted, "this token", names));
    };
    refuse_deleted("project", &located.project.name, located.deleted.as_deref())?;
    if let Some(after) = located.rest.take() {
        let rest = environments_after(client, &located.project.id, Some(after))?;
        located.environments.extend(rest.environments);
    }
    Ok(located)
}

impl LocatedProject {
    /// Returns the environment with this name or id.
    pub fn environment(&self, wanted: &str, from: &str) -> Result<ResourceRef, Error> {
        let Some(place) = self.environments.iter().find(|place| fits(&place.named, wanted)) else {
            return Err(unknown("environment", wanted, &format!("project {}", self.project.name), self.names()));
        };
        if place.access == EnvironmentAccess::Restricted {
            return Err(Error::NoPermission {
                from: from.to_owned(),
                what: format!("environment {}", place.named.name),
                errors: RailwayErrors::default(),
                reach: Some("the environment is restricted: only admins may read its variables".to_owned()),
            });
        }
        Ok(place.named.clone())
    }

    /// Returns the names of its environments.
    pub fn names(&self) -> Vec<String> {
        self.environments.iter().map(|place| place.named.name.clone()).collect()
    }
}

fn fits(named: &ResourceRef, wanted: &str) -> bool {
    named.id == wanted || named.name == wanted
}

fn unknown(kind: &'static str, wanted: &str, within: &str, choices: Vec<String>) -> Error {
    let candidates: Vec<&str> = choices.iter().map(String::as_str).collect();
    let suggestions = close_matches(wanted, &candidates, 1, 0.6);
    Error::Unknown { kind, wanted: wanted.to_owned(), within: within.to_owned(), suggestions, choices }
}

/// Reads all environments of a project after this cursor.
fn environments_after(client: &Client<'_>, project: &str, first: Option<String>) -> Result<LocatedProject, Error> {
    let mut pages = Pages::new("environments");
    let mut found: Option<LocatedProject> = None;
    let mut after = first;
    loop {
        let variables = environments::Variables { project_id: project.to_owned(), after: after.clone() };
        let data: environments::ResponseData = client
            .query("Environments", &Environments::build_query(variables))
            .map_err(|failure| client.error(failure, "Environments", &format!("project {project}")))?;
        client.require_same("project", project, &data.project.id)?;
        let project = data.project;
        let (places, rest, owners) = places!(project.environments);
        owners.iter().try_for_each(|owner| client.require_same("project", &project.id, owner))?;
        let located = found.get_or_insert_with(|| LocatedProject {
            project: ResourceRef { id: project.id, name: project.name },
            environments: Vec::new(),
            deleted: project.deleted_at,
            rest: None,
        });
        located.environments.extend(places);
        after = pages.next(&PageEnd { more: rest.is_some(), cursor: rest.flatten() })?;
        if after.is_none() {
            break;
        }
    }
    let located = found.expect("the loop ran at least once");
    refuse_deleted("project", &located.project.name, located.deleted.as_deref())?;
    Ok(located)
}

/// Reads all projects that the token has access to, or those of one workspace.
fn listed(client: &Client<'_>, workspace: Option<&str>) -> Result<Vec<LocatedProject>, Error> {
    let mut pages = Pages::new("projects");
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let variables = projects::Variables { workspace_id: workspace.map(str::to_owned), after };
        let data: projects::ResponseData = client
            .query("Projects", &Projects::build_query(variables))
            .map_err(|failure| client.error(failure, "Projects", "the list of projects"))?;
        let connection = data.projects;
        let end = PageEnd { more: connection.page_info.has_next_page, cursor: connection.page_info.end_cursor };
        for node in connection.edges.into_iter().map(|edge| edge.node) {
            let (environments, rest, owners) = places!(node.environments);
            owners.iter().try_for_each(|owner| client.require_same("project", &node.id, owner))?;
            let rest = match rest {
                None => None,
                Some(Some(cursor)) => Some(cursor),
                Some(None) => {
                    return Err(Error::Truncated { what: "environments", cause: NO_CURSOR.to_owned() });
                }
            };
            let project = ResourceRef { id: node.id, name: node.name };
            all.push(LocatedProject { project, environments, deleted: node.deleted_at, rest });
        }
        after = pages.next(&end)?;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Returns the ids of the workspaces that the token has access to; none if it may not list them.
fn workspaces(client: &Client<'_>) -> Result<Vec<String>, Error> {
    match client.query("ApiTokenProbe", &ApiTokenProbe::build_query(api_token_probe::Variables)) {
        Ok(api_token_probe::ResponseData { api_token }) => {
            Ok(api_token.workspaces.into_iter().map(|workspace| workspace.id).collect())
        }
        Err(QueryError::Refused(_)) => Ok(Vec::new()),
        Err(QueryError::Failed(error)) => Err(error),
    }
}
