//! The GraphQL operations, typed against `graphql/schema.graphql`. Generated names are used only in `io/railway`.

use graphql_client::GraphQLQuery;
use serde::Serialize;

use crate::io::railway::scalars::{
    DateTime, DeploymentDiagnosis, DeploymentMeta, EnvironmentConfig, EnvironmentVariables, JSON,
};

// The derive macro reads the schema without cargo's knowledge. This line makes cargo rebuild when it changes.
const _: &str = include_str!("../../../graphql/schema.graphql");

/// Declares an operation. The struct has the operation's name.
#[rustfmt::skip] // it indents the attribute further with every run
macro_rules! operation {
    ($name:ident, $file:tt, $what:literal) => {
        #[doc = $what]
        #[derive(GraphQLQuery)]
        #[graphql(
            schema_path = "graphql/schema.graphql",
            query_path = $file,
            response_derives = "Debug",
            variables_derives = "Debug",
            skip_serializing_none
        )]
        pub(crate) struct $name;
    };
}

operation!(ApiTokenProbe, "graphql/api_token_probe.graphql", "Whether a bearer token is valid.");
operation!(BuildLog, "graphql/build_log.graphql", "The end of a build's log.");
operation!(BuildLogBySnapshot, "graphql/build_log_by_snapshot.graphql", "The same, from the environment's log.");
operation!(ComparedEnvironments, "graphql/compared_environments.graphql", "A project's environments and services.");
operation!(DeploymentEvents, "graphql/deployment_events.graphql", "Steps of a deployment; for a batch.");
operation!(DeploymentLog, "graphql/deployment_log.graphql", "Lines of a deployment's log.");
operation!(DeploymentStatus, "graphql/deployment_status.graphql", "The status of a deployment; for a batch.");
operation!(Edge, "graphql/edge.graphql", "The edge settings of a service.");
operation!(Environment, "graphql/environment.graphql", "An environment and its services.");
operation!(EnvironmentBatch, "graphql/environment_batch.graphql", "An environment and its services; for a batch.");
operation!(EnvironmentByToken, "graphql/environment_by_token.graphql", "The environment of a project token.");
operation!(EnvironmentByTokenMinimal, "graphql/environment_by_token_minimal.graphql", "Without service details.");
operation!(EnvironmentMinimal, "graphql/environment_minimal.graphql", "Without service details.");
operation!(Environments, "graphql/environments.graphql", "A project's environments.");
operation!(MoreServices, "graphql/more_services.graphql", "A further page of services.");
operation!(MoreServicesMinimal, "graphql/more_services_minimal.graphql", "Without service details.");
operation!(PatchProgress, "graphql/patch_progress.graphql", "The progress of a committed patch.");
operation!(ProjectTokenProbe, "graphql/project_token_probe.graphql", "Whether a project token is valid.");
operation!(Projects, "graphql/projects.graphql", "The projects that a token has access to.");
operation!(RecentDeployments, "graphql/recent_deployments.graphql", "A service's newest deployments.");
operation!(SharedValues, "graphql/shared_values.graphql", "An environment's shared variables.");
operation!(SharedValuesBatch, "graphql/shared_values_batch.graphql", "Shared variables; for a batch.");
operation!(Snapshot, "graphql/snapshot.graphql", "A deployment's variables; for a batch.");
operation!(StagedChanges, "graphql/staged_changes.graphql", "Staged changes; for a batch of values.");
operation!(StartCommands, "graphql/start_commands.graphql", "An environment's start commands.");
operation!(UserProbe, "graphql/user_probe.graphql", "Whether a bearer token belongs to a user.");
operation!(Values, "graphql/values.graphql", "A service's variables; for a batch.");
operation!(VariableTimes, "graphql/variable_times.graphql", "When variables were last changed.");

/// Returns the JSON body of a query.
pub(crate) fn query_body<V: Serialize>(operation: &'static str, query: &str, variables: &V) -> String {
    serde_json::json!({ "operationName": operation, "query": query, "variables": variables }).to_string()
}

/// The operations of a fix. Here, a staged patch is read as it is, and variables are values to send.
pub(crate) mod change {
    use graphql_client::GraphQLQuery;

    use crate::io::railway::scalars::{
        DateTime, DeploymentMeta, Leaving as EnvironmentVariables, Patch as EnvironmentConfig,
    };

    operation!(DeleteVariable, "graphql/delete_variable.graphql", "Removes one variable.");
    operation!(Deploy, "graphql/deploy.graphql", "Deploys a service.");
    operation!(PreWriteState, "graphql/pre_write_state.graphql", "The state right before a write.");
    operation!(Redeploy, "graphql/redeploy.graphql", "Deploys a deployment's code again.");
    operation!(SetVariables, "graphql/set_variables.graphql", "Stores variables.");

    /// The operation that sends a patch.
    pub(crate) mod patch {
        use graphql_client::GraphQLQuery;

        use crate::io::railway::scalars::StartCommandPatch as EnvironmentConfig;

        operation!(CommitPatch, "graphql/commit_patch.graphql", "Changes settings in one environment.");
    }
}
