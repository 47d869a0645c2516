//! Batches: one request with the same query for many services or deployments, each under an alias.
//!
//! `graphql_client` can't generate operations with a variable number of aliases. The document is built from the text of
//! an operation that it has checked. Ids are sent as variables, never in the text.

use std::fmt::Write;

use graphql_client::GraphQLQuery;
use serde_json::{Map, Value};

use crate::io::railway::operations::{
    DeploymentEvents, DeploymentStatus, EnvironmentBatch, SharedValuesBatch, Snapshot, StagedChanges, Values,
    deployment_events, deployment_status, environment_batch, shared_values_batch, snapshot, staged_changes, values,
};

/// The number of services per request. Railway documents no limit. A rejected batch is split.
pub const SERVICES_PER_REQUEST: usize = 20;

/// The number of services per request if they are of several environments: twenty in each of two environments.
pub const SERVICES_OF_SEVERAL_PER_REQUEST: usize = 2 * SERVICES_PER_REQUEST;

/// The number of services per request if the variables of their running deployments are read with them: three fields for
/// each service instead of two.
pub const SERVICES_WITH_RUNNING_PER_REQUEST: usize = 25;

/// The number of environments per request, with their services and running deployments.
pub const ENVIRONMENTS_PER_REQUEST: usize = 10;

/// The number of environments per request if only their shared variables are read.
pub const SHARED_PER_REQUEST: usize = 75;

/// A document and its variables.
#[derive(Debug)]
pub struct Batch {
    /// The document, with one operation.
    pub query: String,
    /// `projectId`, `projectId_1`, …, `environmentId`, `environmentId_1`, …, `serviceId_0`, … or `deploymentId_0`, …
    pub variables: Value,
}

/// An environment in a batch.
#[derive(Clone, Copy, Debug)]
pub struct BatchEnvironment<'e> {
    /// The id of its project.
    pub project: &'e str,
    /// Its id.
    pub environment: &'e str,
}

/// A service in a batch of values.
#[derive(Clone, Copy, Debug)]
pub struct BatchService<'s> {
    /// The id of its project.
    pub project: &'s str,
    /// The id of its environment.
    pub environment: &'s str,
    /// Its id.
    pub service: &'s str,
    /// The deployment whose snapshot is read in the same request.
    pub deployment: Option<&'s str>,
}

/// What is read of the first environment in the same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentField {
    /// Its staged changes.
    Staged,
    /// Its shared variables, as stored.
    Shared,
}

/// What is read together with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOptions {
    /// The snapshots of the running deployments, and the staged changes.
    Running,
    /// The snapshots of the running deployments, the staged changes, and the shared variables.
    RunningAndShared,
    /// The snapshots of the running deployments.
    Snapshots,
    /// Nothing.
    Nothing,
}

impl ReadOptions {
    /// Returns what the first batch of an environment reads of it.
    pub(crate) fn environment_fields(self) -> &'static [EnvironmentField] {
        match self {
            Self::Running => &[EnvironmentField::Staged],
            Self::RunningAndShared => &[EnvironmentField::Staged, EnvironmentField::Shared],
            Self::Snapshots | Self::Nothing => &[],
        }
    }
}

/// Builds the batch for these services. `stored_0` and `rendered_0` are the variables of the first, `snapshot_0` is the
/// snapshot of its deployment, and `staged` and `shared` are the staged changes and the shared variables of its
/// environment. A further project or environment has a numbered variable.
pub fn build(services: &[BatchService<'_>], fields: &[EnvironmentField]) -> Batch {
    let no_ids =
        values::Variables { project_id: String::new(), environment_id: String::new(), service_id: String::new() };
    let operation = Values::build_query(no_ids).query;
    let mut parts = Parts::default();
    let projects = DistinctIds::of("projectId", services.iter().map(|entry| entry.project));
    let environments = DistinctIds::of("environmentId", services.iter().map(|entry| entry.environment));
    projects.declare(&mut parts);
    environments.declare(&mut parts);
    let snapshot = Snapshot::build_query(snapshot::Variables { deployment_id: String::new() }).query;
    for (index, entry) in services.iter().enumerate() {
        let own = projects.inserted(operation, entry.project);
        let own = environments.inserted(&own, entry.environment);
        parts.numbered(&own, index, &[NumberedId { variable: "serviceId", id: entry.service }]);
        if let Some(id) = entry.deployment {
            parts.numbered(snapshot, index, &[NumberedId { variable: "deploymentId", id }]);
        }
    }
    for field in fields {
        selection_lines(field.operation()).for_each(|line| parts.select(line));
    }
    parts.finish(operation)
}

impl EnvironmentField {
    /// Returns the operation that reads it.
    fn operation(self) -> &'static str {
        let (project_id, environment_id) = (String::new(), String::new());
        match self {
            Self::Staged => StagedChanges::build_query(staged_changes::Variables { environment_id }).query,
            Self::Shared => {
                SharedValuesBatch::build_query(shared_values_batch::Variables { project_id, environment_id }).query
            }
        }
    }
}

/// Builds the batch for these environments, which may be of several projects: `environment_0` is the first.
pub fn environments(environments: &[BatchEnvironment<'_>]) -> Batch {
    let no_ids = environment_batch::Variables { project_id: String::new(), environment_id: String::new() };
    for_environments(EnvironmentBatch::build_query(no_ids).query, environments)
}

/// Builds the batch for the shared variables of these environments: `shared_0` are those of the first.
pub fn shared(environments: &[BatchEnvironment<'_>]) -> Batch {
    let no_ids = shared_values_batch::Variables { project_id: String::new(), environment_id: String::new() };
    for_environments(SharedValuesBatch::build_query(no_ids).query, environments)
}

/// Builds the batch for the steps of these deployments: `events_0` are those of the first.
pub fn events(deployments: &[&str]) -> Batch {
    let no_ids = deployment_events::Variables { deployment_id: String::new() };
    assemble(DeploymentEvents::build_query(no_ids).query, deployments)
}

/// Builds the batch for the status of these deployments: `deployment_0` is the first.
pub fn watch(deployments: &[&str]) -> Batch {
    let no_ids = deployment_status::Variables { deployment_id: String::new() };
    assemble(DeploymentStatus::build_query(no_ids).query, deployments)
}

/// Builds the batch for the snapshots of these deployments: `snapshot_0` is that of the first.
pub fn snapshots(deployments: &[&str]) -> Batch {
    let no_ids = snapshot::Variables { deployment_id: String::new() };
    assemble(Snapshot::build_query(no_ids).query, deployments)
}

/// Repeats the selections of an operation, which `graphql_client` has checked against the schema, for each deployment.
fn assemble(operation: &'static str, deployments: &[&str]) -> Batch {
    let mut parts = Parts::default();
    for (index, id) in deployments.iter().enumerate() {
        parts.numbered(operation, index, &[NumberedId { variable: "deploymentId", id }]);
    }
    parts.finish(operation)
}

/// Does the same for each environment.
fn for_environments(operation: &'static str, environments: &[BatchEnvironment<'_>]) -> Batch {
    let mut parts = Parts::default();
    for (index, entry) in environments.iter().enumerate() {
        let project = NumberedId { variable: "projectId", id: entry.project };
        let environment = NumberedId { variable: "environmentId", id: entry.environment };
        parts.numbered(operation, index, &[project, environment]);
    }
    parts.finish(operation)
}

/// The ids of the projects or environments in a batch, each once, in the order of their first services.
struct DistinctIds<'s> {
    /// The variable of the first one. The others have a number.
    variable: &'static str,
    ids: Vec<&'s str>,
}

impl<'s> DistinctIds<'s> {
    fn of(variable: &'static str, all: impl Iterator<Item = &'s str>) -> Self {
        let mut ids: Vec<&str> = Vec::new();
        for id in all {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Self { variable, ids }
    }

    fn declare(&self, parts: &mut Parts) {
        for (position, id) in self.ids.iter().enumerate() {
            parts.declare(&self.name(position), id);
        }
    }

    /// Returns the operation with the variable of this id.
    fn inserted(&self, operation: &str, id: &str) -> String {
        let position = self.ids.iter().position(|known| *known == id).unwrap_or_default();
        operation.replace(&format!("${}", self.variable), &format!("${}", self.name(position)))
    }

    fn name(&self, position: usize) -> String {
        match position {
            0 => self.variable.to_owned(),
            _ => format!("{}_{position}", self.variable),
        }
    }
}

/// An id that only one item of a batch has.
#[derive(Clone, Copy)]
struct NumberedId<'i> {
    /// Its variable in the operation, without a number.
    variable: &'static str,
    id: &'i str,
}

/// The parts of a document under construction.
#[derive(Default)]
struct Parts {
    declared: Vec<String>,
    selections: String,
    variables: Map<String, Value>,
}

impl Parts {
    /// Declares a variable.
    fn declare(&mut self, name: &str, id: &str) {
        self.declared.push(format!("${name}: String!"));
        self.variables.insert(name.to_owned(), id.into());
    }

    /// Adds the selections of an operation, with numbered aliases and a numbered variable for each of these ids.
    fn numbered(&mut self, operation: &str, index: usize, ids: &[NumberedId<'_>]) {
        for line in selection_lines(operation) {
            let (alias, call) = line.split_once(": ").expect("each selection of a batched operation has an alias");
            let number = |call: String, NumberedId { variable, .. }: &NumberedId<'_>| {
                call.replace(&format!("${variable}"), &format!("${variable}_{index}"))
            };
            let call = ids.iter().fold(call.to_owned(), number);
            self.select(&format!("{alias}_{index}: {call}"));
        }
        for NumberedId { variable, id } in ids {
            self.declare(&format!("{variable}_{index}"), id);
        }
    }

    fn select(&mut self, line: &str) {
        writeln!(self.selections, "  {line}").expect("writing to a String can't fail");
    }

    /// Returns the document, under the name of that operation.
    fn finish(self, operation: &'static str) -> Batch {
        let head = operation.lines().find(|line| line.starts_with("query ")).unwrap_or_default();
        let head = head.split('(').next().unwrap_or_default();
        let query = format!("{head}({}) {{\n{}}}\n", self.declared.join(", "), self.selections);
        Batch { query, variables: self.variables.into() }
    }
}

/// Returns the lines between the operation's braces.
fn selection_lines(operation: &str) -> impl Iterator<Item = &str> {
    let body = operation.split_once(") {\n").map_or("", |(_, body)| body);
    body.lines().map(str::trim).take_while(|line| *line != "}")
}

#[cfg(test)]
mod tests {
    use crate::io::railway::batch::{
        BatchEnvironment, BatchService, EnvironmentField, build, environments, shared, snapshots, watch,
    };

    #[test]
    fn each_service_has_aliases_and_id_variable() {
        let entry = |service| BatchService { project: "p", environment: "e", service, deployment: None };
        let batch = build(&[entry("one"), entry("two")], &[]);
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
    fn batch_includes_snapshots_staged_changes_and_shared_variables() {
        let entry = |service, deployment| BatchService { project: "p", environment: "e", service, deployment };
        let services = [entry("one", None), entry("two", Some("d"))];
        let batch = build(&services, &[EnvironmentField::Staged, EnvironmentField::Shared]);
        assert_eq!(
            batch.query,
            "query Values($projectId: String!, $environmentId: String!, $serviceId_0: String!, $serviceId_1: String!, $deploymentId_1: String!) {\n\
             \x20 stored_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0, unrendered: true)\n\
             \x20 rendered_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0)\n\
             \x20 stored_1: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_1, unrendered: true)\n\
             \x20 rendered_1: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_1)\n\
             \x20 snapshot_1: deploymentSnapshot(deploymentId: $deploymentId_1) { variables }\n\
             \x20 staged: environmentStagedChanges(environmentId: $environmentId) { id environmentId status patch lastAppliedError updatedAt appliedBy { name email } }\n\
             \x20 shared: variables(projectId: $projectId, environmentId: $environmentId, unrendered: true)\n}\n"
        );
        assert_eq!(
            batch.variables,
            serde_json::json!({
                "projectId": "p", "environmentId": "e", "serviceId_0": "one", "serviceId_1": "two", "deploymentId_1": "d"
            })
        );
    }

    #[test]
    fn each_further_environment_has_a_numbered_variable() {
        let entry = |environment, service| BatchService { project: "p", environment, service, deployment: None };
        let services = [entry("left", "one"), entry("right", "one"), entry("left", "two"), entry("third", "two")];
        let batch = build(&services, &[]);
        assert_eq!(
            batch.query,
            "query Values($projectId: String!, $environmentId: String!, $environmentId_1: String!, $environmentId_2: String!, $serviceId_0: String!, $serviceId_1: String!, $serviceId_2: String!, $serviceId_3: String!) {\n\
             \x20 stored_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0, unrendered: true)\n\
             \x20 rendered_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0)\n\
             \x20 stored_1: variables(projectId: $projectId, environmentId: $environmentId_1, serviceId: $serviceId_1, unrendered: true)\n\
             \x20 rendered_1: variables(projectId: $projectId, environmentId: $environmentId_1, serviceId: $serviceId_1)\n\
             \x20 stored_2: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_2, unrendered: true)\n\
             \x20 rendered_2: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_2)\n\
             \x20 stored_3: variables(projectId: $projectId, environmentId: $environmentId_2, serviceId: $serviceId_3, unrendered: true)\n\
             \x20 rendered_3: variables(projectId: $projectId, environmentId: $environmentId_2, serviceId: $serviceId_3)\n}\n"
        );
        assert_eq!(
            batch.variables,
            serde_json::json!({
                "projectId": "p", "environmentId": "left", "environmentId_1": "right", "environmentId_2": "third",
                "serviceId_0": "one", "serviceId_1": "one", "serviceId_2": "two", "serviceId_3": "two"
            })
        );
    }

    #[test]
    fn services_of_several_projects_share_batch() {
        let entry = |project, environment| BatchService { project, environment, service: "s", deployment: None };
        let services = [entry("one", "a"), entry("one", "b"), entry("two", "c")];
        let batch = build(&services, &[]);
        assert_eq!(
            batch.query,
            "query Values($projectId: String!, $projectId_1: String!, $environmentId: String!, $environmentId_1: String!, $environmentId_2: String!, $serviceId_0: String!, $serviceId_1: String!, $serviceId_2: String!) {\n\
             \x20 stored_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0, unrendered: true)\n\
             \x20 rendered_0: variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId_0)\n\
             \x20 stored_1: variables(projectId: $projectId, environmentId: $environmentId_1, serviceId: $serviceId_1, unrendered: true)\n\
             \x20 rendered_1: variables(projectId: $projectId, environmentId: $environmentId_1, serviceId: $serviceId_1)\n\
             \x20 stored_2: variables(projectId: $projectId_1, environmentId: $environmentId_2, serviceId: $serviceId_2, unrendered: true)\n\
             \x20 rendered_2: variables(projectId: $projectId_1, environmentId: $environmentId_2, serviceId: $serviceId_2)\n}\n"
        );
        assert_eq!(
            batch.variables,
            serde_json::json!({
                "projectId": "one", "projectId_1": "two", "environmentId": "a", "environmentId_1": "b",
                "environmentId_2": "c", "serviceId_0": "s", "serviceId_1": "s", "serviceId_2": "s"
            })
        );
    }

    #[test]
    fn environments_of_several_projects_share_batch() {
        let both =
            [BatchEnvironment { project: "p", environment: "a" }, BatchEnvironment { project: "q", environment: "b" }];
        assert_eq!(
            shared(&both).query,
            "query SharedValuesBatch($projectId_0: String!, $environmentId_0: String!, $projectId_1: String!, $environmentId_1: String!) {\n\
             \x20 shared_0: variables(projectId: $projectId_0, environmentId: $environmentId_0, unrendered: true)\n\
             \x20 shared_1: variables(projectId: $projectId_1, environmentId: $environmentId_1, unrendered: true)\n}\n"
        );
        let batch = environments(&both);
        let ids = serde_json::json!({
            "projectId_0": "p", "environmentId_0": "a", "projectId_1": "q", "environmentId_1": "b"
        });
        assert_eq!([&batch.variables, &shared(&both).variables], [&ids, &ids]);
        for index in [0, 1] {
            let call = format!(
                "  environment_{index}: environment(id: $environmentId_{index}, projectId: $projectId_{index}) {{ id "
            );
            assert!(batch.query.contains(&call), "{}", batch.query);
        }
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
