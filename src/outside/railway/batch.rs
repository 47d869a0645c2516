//! The values of many services in one request: an aliased batch, built from the text of the one checked operation.
//!
//! `graphql_client` has no operations with a varying number of aliases, so the document is put together here. Ids travel as
//! variables, never in the text.

use std::fmt::Write;

use graphql_client::GraphQLQuery;
use serde_json::{Map, Value};

use crate::outside::railway::operation::{Values, values};

/// How many services go into one request. Railway documents no limit; this is modest, and a refused batch is split.
pub const SERVICES_PER_REQUEST: usize = 20;

/// A document and its variables.
#[derive(Debug)]
pub struct Batch {
    /// The document; its operation is named `Values`.
    pub query: String,
    /// `projectId`, `environmentId`, `serviceId_0`, …
    pub variables: Value,
}

/// The batch for these services: `stored_0` and `rendered_0` are the maps of the first, and so on.
pub fn build(project: &str, environment: &str, services: &[&str]) -> Batch {
    let operation = checked_text();
    let mut declared = String::from("$projectId: String!, $environmentId: String!");
    let mut selections = String::new();
    let mut variables = Map::new();
    variables.insert("projectId".to_owned(), project.into());
    variables.insert("environmentId".to_owned(), environment.into());
    for (index, service) in services.iter().enumerate() {
        let name = format!("serviceId_{index}");
        write!(declared, ", ${name}: String!").expect("writing to a String can't fail");
        for line in selection_lines(operation) {
            let (alias, call) = line.split_once(": ").expect("each selection of values.graphql has an alias");
            let call = call.replace("$serviceId", &format!("${name}"));
            writeln!(selections, "  {alias}_{index}: {call}").expect("writing to a String can't fail");
        }
        variables.insert(name, (*service).into());
    }
    Batch { query: format!("query Values({declared}) {{\n{selections}}}\n"), variables: variables.into() }
}

/// The text of the operation that `graphql_client` has checked against the schema.
fn checked_text() -> &'static str {
    let nobody =
        values::Variables { project_id: String::new(), environment_id: String::new(), service_id: String::new() };
    Values::build_query(nobody).query
}

/// The lines between the operation's braces.
fn selection_lines(operation: &'static str) -> impl Iterator<Item = &'static str> {
    let body = operation.split_once(") {\n").map_or("", |(_, body)| body);
    body.lines().map(str::trim).take_while(|line| *line != "}")
}

#[cfg(test)]
mod tests {
    use super::build;

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
}
