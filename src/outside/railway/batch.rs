//! One question about many services or deployments in one request: an aliased batch, built from the text of the one
//! checked operation.
//!
//! `graphql_client` has no operations with a varying number of aliases, so the document is put together here. Ids travel as
//! variables, never in the text.

use std::fmt::Write;

use graphql_client::GraphQLQuery;
use serde_json::{Map, Value};

use crate::outside::railway::operation::{Snapshot, Values, Watch, snapshot, values, watch};

/// How many services go into one request. Railway documents no limit; this is modest, and a refused batch is split.
pub const SERVICES_PER_REQUEST: usize = 20;

/// A document and its variables.
#[derive(Debug)]
pub struct Batch {
    /// The document; its operation is named `Values`.
    pub query: String,
    /// `projectId`, `environmentId`, `serviceId_0`, … or `deploymentId_0`, …
    pub variables: Value,
}

/// The batch for these services: `stored_0` and `rendered_0` are the maps of the first, and so on.
pub fn build(project: &str, environment: &str, services: &[&str]) -> Batch {
    let nobody =
        values::Variables { project_id: String::new(), environment_id: String::new(), service_id: String::new() };
    let same = [("projectId", project), ("environmentId", environment)];
    assemble(Values::build_query(nobody).query, &same, ("serviceId", services))
}

/// How these deployments are doing: `deployment_0` is the first.
pub fn watch(deployments: &[&str]) -> Batch {
    let nobody = watch::Variables { deployment_id: String::new() };
    assemble(Watch::build_query(nobody).query, &[], ("deploymentId", deployments))
}

/// What these deployments were created with: `snapshot_0` is the first's.
pub fn snapshots(deployments: &[&str]) -> Batch {
    let nobody = snapshot::Variables { deployment_id: String::new() };
    assemble(Snapshot::build_query(nobody).query, &[], ("deploymentId", deployments))
}

/// The text of an operation that `graphql_client` has checked against the schema, its lines repeated for each id.
fn assemble(operation: &'static str, same: &[(&str, &str)], (own, ids): (&str, &[&str])) -> Batch {
    let mut declared: Vec<String> = same.iter().map(|(name, _)| format!("${name}: String!")).collect();
    let mut selections = String::new();
    let mut variables: Map<String, Value> = same.iter().map(|(name, id)| ((*name).to_owned(), (*id).into())).collect();
    for (index, id) in ids.iter().enumerate() {
        let name = format!("{own}_{index}");
        declared.push(format!("${name}: String!"));
        for line in selection_lines(operation) {
            let (alias, call) = line.split_once(": ").expect("each selection of a batched operation has an alias");
            let call = call.replace(&format!("${own}"), &format!("${name}"));
            writeln!(selections, "  {alias}_{index}: {call}").expect("writing to a String can't fail");
        }
        variables.insert(name, (*id).into());
    }
    let head = operation.lines().find(|line| line.starts_with("query ")).unwrap_or_default();
    let head = head.split('(').next().unwrap_or_default();
    Batch { query: format!("{head}({}) {{\n{selections}}}\n", declared.join(", ")), variables: variables.into() }
}

/// The lines between the operation's braces.
fn selection_lines(operation: &'static str) -> impl Iterator<Item = &'static str> {
    let body = operation.split_once(") {\n").map_or("", |(_, body)| body);
    body.lines().map(str::trim).take_while(|line| *line != "}")
}

#[cfg(test)]
mod tests {
    use super::{build, snapshots, watch};

    #[test]
    fn each_service_has_its_own_aliases_and_its_id_is_a_variable() {
        let batch = build("p", "e", &["one", "two"]);
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
    fn deployments_are_asked_for_by_aliases_too() {
        assert_eq!(
            watch(&["one", "two"]).query,
            "query Watch($deploymentId_0: String!, $deploymentId_1: String!) {\n\
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
