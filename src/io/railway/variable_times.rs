//! When variables were last changed, for deployments whose variables are unavailable.

use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;

use crate::drift::model::variable_times::ChangeTimes;
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::environment::{Pages, Shape};
use crate::io::railway::operations::{VariableTimes, variable_times};
use crate::io::railway::service_instance::PageEnd;

/// Reads the times of all variables of the environment, with one request for each page.
pub(crate) fn read(client: &Client<'_>, shape: &Shape) -> Result<ChangeTimes, Error> {
    let names: BTreeMap<&str, &str> =
        shape.services.iter().map(|service| (service.service.id.as_str(), service.service.name.as_str())).collect();
    let mut times = ChangeTimes::default();
    let mut pages = Pages::new("variables");
    let mut after = None;
    loop {
        let variables = variable_times::Variables {
            project_id: shape.project.id.clone(),
            environment_id: shape.environment.id.clone(),
            after,
        };
        let data: variable_times::ResponseData = client
            .query("VariableTimes", &VariableTimes::build_query(variables))
            .map_err(|failure| client.error(failure, "VariableTimes", "the change times of the variables"))?;
        client.require_same("environment", &shape.environment.id, &data.environment.id)?;
        let connection = data.environment.variables;
        for row in connection.edges.into_iter().map(|edge| edge.node) {
            let environment = row.environment_id.as_deref().unwrap_or(&shape.environment.id);
            client.require_same("environment", &shape.environment.id, environment)?;
            match row.service_id {
                None => drop(times.shared.insert(row.name, row.updated_at)),
                Some(id) => {
                    if let Some(name) = names.get(id.as_str()) {
                        times.services.entry((*name).to_owned()).or_default().insert(row.name, row.updated_at);
                    }
                }
            }
        }
        let end = PageEnd { more: connection.page_info.has_next_page, cursor: connection.page_info.end_cursor };
        after = pages.next(&end)?;
        if after.is_none() {
            return Ok(times);
        }
    }
}
