//! Checks that a response is about the requested resources. Names can be equal by chance, and a proxy can mix up
//! responses: only ids prove that doctor compares, and later writes, what the user selected.

use crate::error::Error;
use crate::io::railway::client::Client;

/// The environment and the service that a part of a response states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) environment: String,
    /// Optional, because Railway's schema allows a deployment without one.
    pub(crate) service: Option<String>,
}

/// Returns the claim of a generated type with both ids: a service instance or a deployment.
macro_rules! claim {
    ($node:expr) => {
        crate::io::railway::requested_ids::Claim {
            environment: $node.environment_id.clone(),
            service: crate::io::railway::requested_ids::optional($node.service_id.clone()),
        }
    };
}

pub(crate) use claim;

/// Returns the id of a service, whether or not it is nullable in the schema.
pub(crate) fn optional(id: impl Into<Option<String>>) -> Option<String> {
    id.into()
}

impl Client<'_> {
    /// Returns an error if a response is about another project, environment, … than the requested one.
    pub(crate) fn require_same(&self, kind: &'static str, requested: &str, returned: &str) -> Result<(), Error> {
        if requested == returned {
            return Ok(());
        }
        // The returned id may be any text, so it is not shown.
        let cause = format!("the response is for a different {kind}");
        Err(Error::InvalidResponse { host: self.host(), cause })
    }

    /// Does the same for parts of a response: all must belong to this environment, and to this service if they name
    /// one.
    pub(crate) fn require_claims<'a>(
        &self,
        environment: &str,
        service: &str,
        claims: impl IntoIterator<Item = &'a Claim>,
    ) -> Result<(), Error> {
        claims.into_iter().try_for_each(|claim| {
            self.require_same("environment", environment, &claim.environment)?;
            self.require_same("service", service, claim.service.as_deref().unwrap_or(service))
        })
    }
}
