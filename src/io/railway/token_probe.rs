//! Whether a token is valid: one small request, sent only after another one was rejected.

use std::time::Duration;

use graphql_client::{GraphQLQuery, QueryBody};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::io::railway::client::{Client, Probed};
use crate::io::railway::operations::{ApiTokenProbe, ProjectTokenProbe, api_token_probe, project_token_probe};
use crate::io::railway::response::{self, ResponseError};
use crate::io::railway::transport::{HttpRequest, Scheme};

/// The time limit of a probe. It only explains an error, so the user must not wait long for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends a query that only a valid token of this kind can read.
pub(crate) fn probe(client: &Client<'_>, scheme: Scheme) -> Probed {
    match scheme {
        Scheme::Bearer => {
            send(client, scheme, "ApiTokenProbe", &ApiTokenProbe::build_query(api_token_probe::Variables)).map(
                |data: api_token_probe::ResponseData| {
                    let names: Vec<String> =
                        data.api_token.workspaces.into_iter().map(|workspace| workspace.name).collect();
                    match names.len() {
                        0 => "the token is valid, but can't access any workspace".to_owned(),
                        1 => format!("the token is valid, and has access to workspace {}", names[0]),
                        _ => format!("the token is valid, and has access to the workspaces {}", names.join(", ")),
                    }
                },
            )
        }
        Scheme::Project => {
            let body = ProjectTokenProbe::build_query(project_token_probe::Variables);
            send(client, scheme, "ProjectTokenProbe", &body).map(|data: project_token_probe::ResponseData| {
                let token = data.project_token;
                let (environment, project) = (token.environment.name, token.project.name);
                format!("the token is valid, and can access only environment {environment} of project {project}")
            })
        }
    }
    .map_or_else(|probed| probed, Probed::Alive)
}

fn send<V: Serialize, T: DeserializeOwned>(
    client: &Client<'_>,
    scheme: Scheme,
    operation: &'static str,
    body: &QueryBody<V>,
) -> Result<T, Probed> {
    let remaining = client.remaining();
    if remaining.is_zero() || client.refuse_over_allowance().is_err() {
        return Err(Probed::Unknown);
    }
    let body = serde_json::json!({ "operationName": operation, "query": body.query, "variables": {} }).to_string();
    let outgoing = HttpRequest {
        operation,
        body: &body,
        token: &client.credentials.token,
        scheme,
        remaining,
        time_limit: remaining.min(PATIENCE),
        attempt: 1,
    };
    let reply = client.transport.post(&outgoing).map_err(|_| Probed::Unknown)?;
    match response::read(&reply) {
        Ok(response) => Ok(response.data),
        Err(ResponseError::Refused(refusals)) if refusals.iter().any(|refusal| refusal.kind.is_of_token()) => {
            Err(Probed::Dead)
        }
        Err(_) => Err(Probed::Unknown),
    }
}
