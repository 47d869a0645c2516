//! Looks up the ids of projects and environments by name, and lists those that a token has access to.

use graphql_client::GraphQLQuery;

use crate::drift::ResourceRef;
use crate::drift::similarity::close_matches;
use crate::error::{Error, RailwayErrors};
use crate::io::railway::aliased_query::concerns_one_item;
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
    let mut accessible = Vec::new();
    list_into(client, None, &mut accessible)?;
    if !accessible.iter().any(|located| fits(&located.project, wanted)) {
        // Railway lists the projects of some workspaces only if the request names the workspace.
        for workspace in workspaces(client)? {
            list_into(client, Some(&workspace.id), &mut accessible)?;
        }
    }
    remove_repeated(&mut accessible);
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

/// The projects that a token has access to.
#[derive(Debug, Default)]
pub struct AccessibleProjects {
    /// Those that are not deleted, sorted by name.
    pub projects: Vec<LocatedProject>,
    /// The lists that could not be read to their ends.
    pub unlisted: Vec<UnreadListing>,
}

/// A list that could not be read to its end.
#[derive(Debug)]
pub struct UnreadListing {
    /// What it lists: `projects of workspace acme`.
    pub what: String,
    /// Why it could not be read.
    pub error: Error,
}

/// Lists the projects that the token has access to, with all their environments. After an error that concerns all
/// requests, the rest is not requested.
pub(crate) fn accessible(client: &Client<'_>) -> AccessibleProjects {
    let mut found = AccessibleProjects::default();
    let last = list_accessible(client, &mut found);
    found.unlisted.extend(last);
    remove_repeated(&mut found.projects);
    found.projects.sort_by(|left, right| left.project.name.cmp(&right.project.name));
    found.projects.retain(|located| located.deleted.is_none());
    let is_over = |found: &AccessibleProjects| found.unlisted.iter().any(|list| !concerns_one_item(&list.error));
    for index in 0..found.projects.len() {
        let Some(after) = found.projects[index].rest.take() else { continue };
        let ResourceRef { id, name } = found.projects[index].project.clone();
        let what = format!("further environments of project {name}");
        match environments_after(client, &id, Some(after)) {
            Ok(rest) => found.projects[index].environments.extend(rest.environments),
            Err(error) => found.unlisted.push(UnreadListing { what, error }),
        }
        if is_over(&found) {
            break;
        }
    }
    found
}

/// Lists the projects of the token itself and those of each workspace. Returns the list after which no other can be
/// read, if there is one.
fn list_accessible(client: &Client<'_>, found: &mut AccessibleProjects) -> Option<UnreadListing> {
    let unread = |what: &str, error| Some(UnreadListing { what: what.to_owned(), error });
    let own = list_into(client, None, &mut found.projects).err();
    if own.as_ref().is_some_and(|error| !concerns_one_item(error)) {
        return unread("all other projects", own?);
    }
    let workspaces = match workspaces(client) {
        Ok(workspaces) => workspaces,
        Err(error) => return unread("projects of further workspaces", error),
    };
    // The list of a workspace token itself may be empty.
    let refused = own.filter(|_| workspaces.is_empty());
    found.unlisted.extend(refused.and_then(|error| unread("projects outside of workspaces", error)));
    for workspace in workspaces {
        let Err(error) = list_into(client, Some(&workspace.id), &mut found.projects) else { continue };
        let what = format!("projects of workspace {}", workspace.name);
        if !concerns_one_item(&error) {
            return unread(&what, error);
        }
        found.unlisted.extend(unread(&what, error));
    }
    None
}

/// Removes projects that are in several lists.
fn remove_repeated(projects: &mut Vec<LocatedProject>) {
    projects.sort_by(|left, right| left.project.cmp(&right.project));
    projects.dedup_by(|left, right| left.project.id == right.project.id);
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

/// Reads the projects of the token itself, or those of one workspace, and adds them to `all`, page by page.
fn list_into(client: &Client<'_>, workspace: Option<&str>, all: &mut Vec<LocatedProject>) -> Result<(), Error> {
    let mut pages = Pages::new("projects");
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
            return Ok(());
        }
    }
}

/// Returns the workspaces that the token has access to; none if it may not list them.
fn workspaces(client: &Client<'_>) -> Result<Vec<ResourceRef>, Error> {
    match client.query("ApiTokenProbe", &ApiTokenProbe::build_query(api_token_probe::Variables)) {
        Ok(api_token_probe::ResponseData { api_token }) => {
            let workspaces = api_token.workspaces.into_iter();
            Ok(workspaces.map(|workspace| ResourceRef { id: workspace.id, name: workspace.name }).collect())
        }
        Err(QueryError::Refused(_)) => Ok(Vec::new()),
        Err(QueryError::Failed(error)) => Err(error),
    }
}
