//! A response must be about what was requested. Names may be equal by chance and a response may be mixed up on its way: only
//! ids show that what is compared, and later written, is what the user asked for.

use crate::error::Error;
use crate::io::railway::client::Client;

/// The environment and the service that a part of a response belongs to, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) environment: String,
    /// Railway's schema allows a deployment without one.
    pub(crate) service: Option<String>,
}

/// The claim of a generated type that has both ids; a service instance and a deployment have.
macro_rules! claim {
    ($node:expr) => {
        crate::io::railway::requested_ids::Claim {
            environment: $node.environment_id.clone(),
            service: crate::io::railway::requested_ids::optional($node.service_id.clone()),
        }
    };
}

pub(crate) use claim;

/// The id of a service, whether or not the schema lets it be null.
pub(crate) fn optional(id: impl Into<Option<String>>) -> Option<String> {
    id.into()
}

impl Client<'_> {
    /// An error if a response is about another project, environment, … than the requested one.
    pub(crate) fn require_same(&self, kind: &'static str, requested: &str, answered: &str) -> Result<(), Error> {
        if requested == answered {
            return Ok(());
        }
        // The id that came instead may be any text, so it is not shown.
        let what = format!("the response is about another {kind} than the requested one");
        Err(Error::InvalidResponse { host: self.host(), cause: what })
    }

    /// The same for parts of a response: all belong to that environment, and to that service as far as they name one.
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
