//! One question about many services or deployments in one request: an aliased batch, built from the text of the one
//! checked operation.
//!
//! `graphql_client` has no operations with a varying number of aliases, so the document is put together here. Ids travel as
//! variables, never in the text.

use std::fmt::Write;

use graphql_client::GraphQLQuery;
use serde_json::{Map, Value};

use crate::io::railway::operations::{
    DeploymentEvents, DeploymentStatus, Snapshot, StagedChanges, Values, deployment_events, deployment_status,
    snapshot, staged_changes, values,
};

/// How many services go into one request. Railway documents no limit; this is modest, and a refused batch is split.
pub const SERVICES_PER_REQUEST: usize = 20;

/// A document and its variables.
#[derive(Debug)]
pub struct Batch {
    /// The document, with one operation.
    pub query: String,
    /// `projectId`, `environmentId`, `serviceId_0`, … or `deploymentId_0`, …
    pub variables: Value,
}

/// A service in a batch of values.
#[derive(Clone, Copy, Debug)]
pub struct BatchService<'s> {
    /// Its id.
    pub service: &'s str,
    /// Its deployment whose snapshot rides along.
    pub deployment: Option<&'s str>,
}

/// Whether the environment's staged changes ride along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StagedQuery {
    /// They do.
    Asked,
    /// They do not.
    NotAsked,
}

/// The batch for these services: `stored_0` and `rendered_0` are the maps of the first, `snapshot_0` is what its
/// deployment was created with; `staged` is the environment's.
pub fn build(project: &str, environment: &str, services: &[BatchService<'_>], staged: StagedQuery) -> Batch {
    let nobody =
        values::Variables { project_id: String::new(), environment_id: String::new(), service_id: String::new() };
    let mut parts = Parts::default();
    parts.same("projectId", project);
    parts.same("environmentId", environment);
    let values = Values::build_query(nobody).query;
    let snapshot = Snapshot::build_query(snapshot::Variables { deployment_id: String::new() }).query;
    for (index, asked) in services.iter().enumerate() {
        parts.numbered(values, "serviceId", index, asked.service);
        if let Some(deployment) = asked.deployment {
            parts.numbered(snapshot, "deploymentId", index, deployment);
        }
    }
    if staged == StagedQuery::Asked {
        let nobody = staged_changes::Variables { environment_id: String::new() };
        selection_lines(StagedChanges::build_query(nobody).query).for_each(|line| parts.select(line));
    }
    parts.finish(values)
}

/// The steps of these deployments: `events_0` are the first's.
pub fn events(deployments: &[&str]) -> Batch {
    let nobody = deployment_events::Variables { deployment_id: String::new() };
    assemble(DeploymentEvents::build_query(nobody).query, deployments)
}

/// How these deployments are doing: `deployment_0` is the first.
pub fn watch(deployments: &[&str]) -> Batch {
    let nobody = deployment_status::Variables { deployment_id: String::new() };
    assemble(DeploymentStatus::build_query(nobody).query, deployments)
}

/// What these deployments were created with: `snapshot_0` is the first's.
pub fn snapshots(deployments: &[&str]) -> Batch {
    let nobody = snapshot::Variables { deployment_id: String::new() };
    assemble(Snapshot::build_query(nobody).query, deployments)
}

/// The text of an operation that `graphql_client` has checked against the schema, its lines repeated for each deployment.
fn assemble(operation: &'static str, deployments: &[&str]) -> Batch {
    let mut parts = Parts::default();
    for (index, id) in deployments.iter().enumerate() {
        parts.numbered(operation, "deploymentId", index, id);
    }
    parts.finish(operation)
}

/// A document that grows.
#[derive(Default)]
struct Parts {
    declared: Vec<String>,
    selections: String,
    variables: Map<String, Value>,
}

impl Parts {
    /// A variable that all parts share, or that one of them has for itself.
    fn same(&mut self, name: &str, id: &str) {
        self.declared.push(format!("${name}: String!"));
        self.variables.insert(name.to_owned(), id.into());
    }

    /// The selections of an operation with a variable and aliases of their own.
    fn numbered(&mut self, operation: &'static str, own: &str, index: usize, id: &str) {
        let name = format!("{own}_{index}");
        for line in selection_lines(operation) {
            let (alias, call) = line.split_once(": ").expect("each selection of a batched operation has an alias");
            let call = call.replace(&format!("${own}"), &format!("${name}"));
            self.select(&format!("{alias}_{index}: {call}"));
        }
        self.same(&name, id);
    }

    fn select(&mut self, line: &str) {
        writeln!(self.selections, "  {line}").expect("writing to a String can't fail");
    }

    /// Under the name of that operation.
    fn finish(self, operation: &'static str) -> Batch {
        let head = operation.lines().find(|line| line.starts_with("query ")).unwrap_or_default();
        let head = head.split('(').next().unwrap_or_default();
        let query = format!("{head}({}) {{\n{}}}\n", self.declared.join(", "), self.selections);
        Batch { query, variables: self.variables.into() }
    }
}

/// The lines between the operation's braces.
fn selection_lines(operation: &'static str) -> impl Iterator<Item = &'static str> {
    let body = operation.split_once(") {\n").map_or("", |(_, body)| body);
    body.lines().map(str::trim).take_while(|line| *line != "}")
}

#[cfg(test)]
mod tests {
    use crate::io::railway::batch::{BatchService, StagedQuery, build, snapshots, watch};

    #[test]
    fn each_service_has_aliases_and_id_variable() {
        let asked = |service| BatchService { service, deployment: None };
        let batch = build("p", "e", &[asked("one"), asked("two")], StagedQuery::NotAsked);
        assert_eq!(
            batch.query,
            "query Values($projectId: String!, $environmentId: String!, $serviceId_0: String!, $serviceId_1: String!) {\n\
             \x20 stored_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0, unrendered: true)\n\
             \x20 rendered_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0)\n\
             \x20 stored_1: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_1, unrendered: true)\n\
             \x20 rendered_1: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_1)\n}\n"
        );
        assert_eq!(
            batch.variables,
            serde_json::json!({"projectId": "p", "environmentId": "e", "serviceId_0": "one", "serviceId_1": "two"})
        );
    }

    #[test]
    fn batch_includes_snapshots_and_staged_changes() {
        let asked = |service, deployment| BatchService { service, deployment };
        let batch = build("p", "e", &[asked("one", None), asked("two", Some("d"))], StagedQuery::Asked);
        assert_eq!(
            batch.query,
            "query Values($projectId: String!, $environmentId: String!, $serviceId_0: String!, $serviceId_1: String!, $deploymentId_1: String!) {\n\
             \x20 stored_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0, unrendered: true)\n\
             \x20 rendered_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0)\n\
             \x20 stored_1: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_1, unrendered: true)\n\
             \x20 rendered_1: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_1)\n\
             \x20 snapshot_1: deploymentSnapshot(deploymentId: $deploymentId_1) { variables }\n\
             \x20 staged: environmentStagedChanges(environmentId: $environmentId) { id environmentId status patch lastAppliedError updatedAt appliedBy { name email } }\n}\n"
        );
        assert_eq!(
            batch.variables,
            serde_json::json!({
                "projectId": "p", "environmentId": "e", "serviceId_0": "one", "serviceId_1": "two", "deploymentId_1": "d"
            })
        );
    }

    #[test]
    fn deployments_are_requested_by_alias() {
        assert_eq!(
            watch(&["one", "two"]).query,
            "query DeploymentStatus($deploymentId_0: String!, $deploymentId_1: String!) {\n\
             \x20 deployment_0: deployment(id: $deploymentId_0) { id status createdAt deploymentStopped }\n\
             \x20 deployment_1: deployment(id: $deploymentId_1) { id status createdAt deploymentStopped }\n}\n"
        );
        let batch = snapshots(&["one"]);
        assert_eq!(
            batch.query,
            "query Snapshot($deploymentId_0: String!) {\n\
             \x20 snapshot_0: deploymentSnapshot(deploymentId: $deploymentId_0) { variables }\n}\n"
        );
        assert_eq!(batch.variables, serde_json::json!({"deploymentId_0": "one"}));
    }
}
