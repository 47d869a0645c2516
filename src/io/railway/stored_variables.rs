//! Converts the variables of a service or an environment from Railway's responses.

use std::collections::BTreeMap;

use graphql_client::GraphQLQuery;

use crate::drift::system_variables::{TRACING_CREDENTIAL, is_provided};
use crate::drift::{Secret, Variable};
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::environment::{Seal, ServiceShape, Shape};
use crate::io::railway::operations::{SharedValues, shared_values};
use crate::io::railway::scalars::EnvironmentVariables;

/// Reads the environment's shared variables as stored, with one request. Railway does not render their references.
pub(crate) fn shared(client: &Client<'_>, shape: &Shape) -> Result<BTreeMap<String, Variable>, Error> {
    let variables =
        shared_values::Variables { project_id: shape.project.id.clone(), environment_id: shape.environment.id.clone() };
    let data: shared_values::ResponseData = client
        .query("SharedValues", &SharedValues::build_query(variables))
        .map_err(|failure| client.error(failure, "SharedValues", "the shared variables"))?;
    Ok(shared_variables(client, data.stored))
}

/// Converts shared variables, and redacts their values from now on.
pub(crate) fn shared_variables(client: &Client<'_>, stored: EnvironmentVariables) -> BTreeMap<String, Variable> {
    let variable = |(key, value): (String, Option<Secret>)| {
        if let Some(value) = &value {
            client.redactor.add(&key, value);
        }
        (key, as_stored(value, None, None))
    };
    stored.into_iter().map(variable).collect()
}

/// A null value is sealed, unless the listing states that the variable is not.
fn as_stored(stored: Option<Secret>, rendered: Option<Secret>, seal: Option<Seal>) -> Variable {
    match stored {
        None if seal == Some(Seal::Open) => Variable::Unavailable,
        None => Variable::Sealed,
        Some(template) if template.expose().contains("${{") => Variable::Reference { template, rendered },
        Some(value) => Variable::Plain(value),
    }
}

/// Merges the stored and the rendered variables of a service.
pub(super) fn merged(
    client: &Client<'_>,
    service: &ServiceShape,
    stored: EnvironmentVariables,
    mut rendered: EnvironmentVariables,
) -> BTreeMap<String, Variable> {
    let mut variables: BTreeMap<String, Variable> = stored
        .into_iter()
        .filter(|(key, _)| !is_provided(key) || service.variables.contains_key(key))
        .map(|(key, value)| {
            let rendered = rendered.remove(&key).flatten();
            for value in value.iter().chain(&rendered) {
                client.redactor.add(&key, value);
            }
            let seal = service.variables.get(&key).copied();
            (key, as_stored(value, rendered, seal))
        })
        .collect();
    // Variables that Railway sets are not compared, but its tracing credential must be redacted in logs.
    if let Some(Some(credential)) = rendered.get(TRACING_CREDENTIAL) {
        client.redactor.add(TRACING_CREDENTIAL, credential);
    }
    // Railway has been observed to omit sealed variables from both maps, instead of returning null.
    for (key, seal) in &service.variables {
        if *seal == Seal::Sealed {
            variables.entry(key.clone()).or_insert(Variable::Sealed);
        }
    }
    variables
}
