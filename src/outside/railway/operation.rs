//! The operations, typed against `graphql/schema.graphql`. No generated name leaves `outside/railway`.

use graphql_client::GraphQLQuery;

use crate::outside::railway::scalar::{DateTime, EnvironmentConfig, EnvironmentVariables};

// The derive reads the schema without telling cargo; this line makes cargo rebuild when it changes.
const _: &str = include_str!("../../../graphql/schema.graphql");

/// One operation: the derive's types and nothing else. The struct's name is the operation's name.
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
operation!(Environments, "graphql/environments.graphql", "A project's environments.");
operation!(MoreServices, "graphql/more_services.graphql", "A further page of services.");
operation!(ProjectTokenProbe, "graphql/project_token_probe.graphql", "Whether a project token is alive.");
operation!(Projects, "graphql/projects.graphql", "The projects that a token reaches.");
operation!(ScopedShape, "graphql/scoped_shape.graphql", "The shape of a project token's environment.");
operation!(Shape, "graphql/shape.graphql", "The shape of an environment.");
operation!(Values, "graphql/values.graphql", "One service's variables; the batch is built from it.");
