//! The operations, typed against `graphql/schema.graphql`. No generated name leaves `io/railway`.

use graphql_client::GraphQLQuery;
use serde::Serialize;

use crate::io::railway::scalars::{
    DateTime, DeploymentDiagnosis, DeploymentMeta, EnvironmentConfig, EnvironmentVariables, JSON,
};

// The derive reads the schema without telling cargo; this line makes cargo rebuild when it changes.
const _: &str = include_str!("../../../graphql/schema.graphql");

/// One operation: the derive's types and nothing else. The struct's name is the operation's name.
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

operation!(ApiTokenProbe, "graphql/api_token_probe.graphql", "Whether a bearer token is alive.");
operation!(BuildLog, "graphql/build_log.graphql", "The end of a build's log.");
operation!(BuildLogBySnapshot, "graphql/build_log_by_snapshot.graphql", "The same, from the environment's lines.");
operation!(DeploymentEvents, "graphql/deployment_events.graphql", "Steps of a deployment; for a batch.");
operation!(DeploymentLog, "graphql/deployment_log.graphql", "Lines of a deployment's log.");
operation!(DeploymentStatus, "graphql/deployment_status.graphql", "How a deployment is doing; for a batch.");
operation!(Edge, "graphql/edge.graphql", "What stands in front of a service.");
operation!(Environment, "graphql/environment.graphql", "An environment and its services.");
operation!(EnvironmentByToken, "graphql/environment_by_token.graphql", "The environment of a project token.");
operation!(EnvironmentByTokenMinimal, "graphql/environment_by_token_minimal.graphql", "Without how services run.");
operation!(EnvironmentMinimal, "graphql/environment_minimal.graphql", "Without how services run.");
operation!(Environments, "graphql/environments.graphql", "A project's environments.");
operation!(MoreServices, "graphql/more_services.graphql", "A further page of services.");
operation!(MoreServicesMinimal, "graphql/more_services_minimal.graphql", "Without how services run.");
operation!(PatchProgress, "graphql/patch_progress.graphql", "What became of a patch.");
operation!(ProjectTokenProbe, "graphql/project_token_probe.graphql", "Whether a project token is alive.");
operation!(Projects, "graphql/projects.graphql", "The projects that a token reaches.");
operation!(RecentDeployments, "graphql/recent_deployments.graphql", "A service's newest deployments.");
operation!(SharedValues, "graphql/shared_values.graphql", "An environment's shared variables.");
operation!(Snapshot, "graphql/snapshot.graphql", "What a deployment got; the batch is built from it.");
operation!(StagedChanges, "graphql/staged_changes.graphql", "What is staged; it rides along with values.");
operation!(StartCommands, "graphql/start_commands.graphql", "An environment's start commands.");
operation!(UserProbe, "graphql/user_probe.graphql", "Whether a bearer token is a person's.");
operation!(Values, "graphql/values.graphql", "One service's variables; the batch is built from it.");
operation!(VariableTimes, "graphql/variable_times.graphql", "When variables were changed last.");

/// The JSON body of a query.
pub(crate) fn query_body<V: Serialize>(operation: &'static str, query: &str, variables: &V) -> String {
    serde_json::json!({ "operationName": operation, "query": query, "variables": variables }).to_string()
}

/// What only a fix asks and sends: a staged patch is read as it comes, and values go out.
pub(crate) mod change {
    use graphql_client::GraphQLQuery;

    use crate::io::railway::scalars::{
        DateTime, DeploymentMeta, Leaving as EnvironmentVariables, Patch as EnvironmentConfig,
    };

    operation!(DeleteVariable, "graphql/delete_variable.graphql", "Removes one variable.");
    operation!(Deploy, "graphql/deploy.graphql", "Makes a first deployment.");
    operation!(PreWriteState, "graphql/pre_write_state.graphql", "What is read right before a write.");
    operation!(Redeploy, "graphql/redeploy.graphql", "Deploys a deployment's code again.");
    operation!(SetVariables, "graphql/set_variables.graphql", "Stores variables.");

    /// A patch that goes out.
    pub(crate) mod patch {
        use graphql_client::GraphQLQuery;

        use crate::io::railway::scalars::StartCommandPatch as EnvironmentConfig;

        operation!(CommitPatch, "graphql/commit_patch.graphql", "Changes settings in one environment.");
    }
}
