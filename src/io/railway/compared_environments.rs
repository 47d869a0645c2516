//! The environments of a project with their services and the names of their variables, in one request: two of them are
//! compared, and their names can be looked up in the same response.
//!
//! An environment that could not be read completely is left out, and Railway may reject the whole query because of an
//! environment that is not compared. The caller then reads each environment alone, which returns the exact error.

use graphql_client::GraphQLQuery;

use crate::drift::ResourceRef;
use crate::drift::model::observed::Observed;
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::environment::{FieldExtent, First, Head, Shape, assemble, refuse_deleted};
use crate::io::railway::json_checks;
use crate::io::railway::operations::ComparedEnvironments;
use crate::io::railway::operations::compared_environments::{
    self, ComparedEnvironmentsProject as ProjectPage,
    ComparedEnvironmentsProjectEnvironmentsEdgesNode as EnvironmentNode,
};
use crate::io::railway::response::{ErrorKind, GraphqlError, QueryError, ResponseData};
use crate::io::railway::service_instance::{configured, listing};
use crate::io::railway::transport::TOO_LONG;

/// The position of an environment's index in the path of an error: `project.environments.edges.3.node…`.
const INDEX_IN_PATH: usize = 3;

/// An environment without its values, deployments and domains.
#[derive(Debug)]
pub struct EnvironmentShape {
    /// The environment and its services.
    pub shape: Shape,
    /// Whether Railway created it for a pull request.
    pub is_ephemeral: bool,
}

/// A project and its environments.
#[derive(Debug)]
pub struct ProjectEnvironments {
    /// The project.
    pub project: ResourceRef,
    /// The environments that were read completely: not deleted, accessible, and on the first page of the list. An
    /// environment that is not in it may still exist.
    pub environments: Vec<EnvironmentShape>,
}

/// Reads the environments of a project. `None` if Railway rejects the query for a reason that may not apply to each
/// environment alone: its schema, its size, or one of the environments.
pub(crate) fn read(client: &Client<'_>, project: &str) -> Result<Option<ProjectEnvironments>, Error> {
    let body = ComparedEnvironments::build_query(compared_environments::Variables { project_id: project.to_owned() });
    let response = client.query_response("ComparedEnvironments", body.query, &body.variables);
    let ResponseData::<compared_environments::ResponseData> { data, beside } = match response {
        Ok(response) => response,
        Err(QueryError::Refused(refusals)) => return unless_avoidable(client, project, &refusals),
        Err(QueryError::Failed(error)) if is_too_large(&error) => return Ok(None),
        Err(QueryError::Failed(error)) => return Err(error),
    };
    client.require_same("project", project, &data.project.id)?;
    refuse_deleted("project", &data.project.name, data.project.deleted_at.as_deref())?;
    let Some(incomplete) = affected(&beside) else { return Ok(None) };
    let named = ResourceRef { id: data.project.id.clone(), name: data.project.name.clone() };
    let environments = shapes(client, data.project, &incomplete)?;
    Ok(Some(ProjectEnvironments { project: named, environments }))
}

/// Returns the environments without those that are deleted, not accessible or incomplete.
fn shapes(client: &Client<'_>, page: ProjectPage, incomplete: &[usize]) -> Result<Vec<EnvironmentShape>, Error> {
    let ProjectPage { id, name, deleted_at, environments: list } = page;
    let is_whole_list = !list.page_info.has_next_page && incomplete.is_empty();
    let nodes: Vec<EnvironmentNode> = list.edges.into_iter().map(|edge| edge.node).collect();
    let existing = nodes.iter().filter(|node| node.deleted_at.is_none());
    let all = existing.map(|node| ResourceRef { id: node.id.clone(), name: node.name.clone() }).collect::<Vec<_>>();
    let mut read = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        if node.deleted_at.is_some() || !node.can_access || incomplete.contains(&index) {
            continue;
        }
        let is_ephemeral = node.is_ephemeral;
        let first = First {
            project: Head { id: id.clone(), name: name.clone(), deleted_at: deleted_at.clone() },
            environment_project: node.project_id,
            environments: is_whole_list.then(|| all.clone()),
            environment: Head { id: node.id, name: node.name, deleted_at: node.deleted_at },
            config: node.config,
            listing: listing!(node.service_instances, configured),
        };
        match assemble(client, first, FieldExtent::Full) {
            Ok(shape) => read.push(EnvironmentShape { shape: without_runtime(shape), is_ephemeral }),
            Err(error) if concerns_one_environment(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Removes the deployments and domains, which only the further pages of services have.
fn without_runtime(mut shape: Shape) -> Shape {
    for service in &mut shape.services {
        service.deployed = Observed::NotRequested;
        service.domains = Observed::NotRequested;
    }
    shape
}

/// Returns whether the failure of a further page may not occur in another environment.
fn concerns_one_environment(error: &Error) -> bool {
    matches!(
        error,
        Error::Truncated { .. }
            | Error::NoPermission { .. }
            | Error::NotFound { .. }
            | Error::Railway { .. }
            | Error::SchemaMismatch { .. }
    )
}

/// Returns the positions of the environments that the errors beside the data are about; `None` if one of the errors is
/// about anything else, so that any environment may be incomplete.
fn affected(beside: &[GraphqlError]) -> Option<Vec<usize>> {
    let index = |refusal: &GraphqlError| {
        let path = &refusal.path;
        let starts = path.iter().map(String::as_str).take(INDEX_IN_PATH).eq(["project", "environments", "edges"]);
        path.get(INDEX_IN_PATH).filter(|_| starts)?.parse().ok()
    };
    beside.iter().map(index).collect()
}

/// Returns the error if reading each environment alone would fail for the same reason: the token, or the project.
fn unless_avoidable(
    client: &Client<'_>,
    project: &str,
    refusals: &[GraphqlError],
) -> Result<Option<ProjectEnvironments>, Error> {
    let explain = || client.explain("ComparedEnvironments", &format!("project {project}"), refusals);
    let is_of_project = |refusal: &GraphqlError| {
        matches!(refusal.kind, ErrorKind::NotAuthorized | ErrorKind::NotFound)
            && matches!(&refusal.path[..], [field] if field == "project")
    };
    let is_of_account =
        |refusal: &GraphqlError| matches!(refusal.kind, ErrorKind::TwoFactor | ErrorKind::ProjectTokenNotFound);
    if refusals.iter().any(|refusal| is_of_project(refusal) || is_of_account(refusal)) {
        return Err(explain());
    }
    // Railway has the same text for an invalid token and for an environment that the token has no access to.
    if refusals.iter().any(|refusal| refusal.kind == ErrorKind::NotAuthorized && refusal.path.is_empty()) {
        let error = explain();
        return if matches!(error, Error::NoPermission { .. }) { Ok(None) } else { Err(error) };
    }
    Ok(None)
}

/// Returns whether the response was too large to be read; that of one environment is smaller.
pub(crate) fn is_too_large(error: &Error) -> bool {
    let Error::InvalidResponse { cause, .. } = error else { return false };
    cause == TOO_LONG || json_checks::has_too_many_values(cause)
}
