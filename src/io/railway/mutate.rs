//! Sends a mutation. It is retried only if the first attempt did not arrive, see [`retry`].
//!
//! [`retry`]: crate::io::railway::retry

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::io::railway::client::Client;
use crate::io::railway::retry::{RequestFailure, RequestKind};

/// The body of a mutation. Values are written into it by `scalars::Leaving` alone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MutationRequest<'l, V> {
    operation_name: &'static str,
    query: &'static str,
    variables: &'l V,
}

impl Client<'_> {
    /// Sends a mutation. After a failure with an unknown outcome, the caller must read the outcome back.
    pub(crate) fn mutate<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &graphql_client::QueryBody<V>,
    ) -> Result<T, RequestFailure> {
        let body = MutationRequest { operation_name: operation, query: body.query, variables: &body.variables };
        let body = Zeroizing::new(serde_json::to_string(&body).expect("maps of text are JSON"));
        Ok(self.with_retries(operation, &body, RequestKind::Mutation)?.data)
    }
}
