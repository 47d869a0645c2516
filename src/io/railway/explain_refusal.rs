//! What a refusal means. `Not Authorized` has several meanings; a small request that shows whether the token is alive tells
//! them apart.

use crate::error::{Error, RailwayErrors};
use crate::io::railway::client::{Client, Probed};
use crate::io::railway::response::{ErrorKind, GraphqlError, QueryError};
use crate::io::railway::token_probe::probe;
use crate::io::railway::transport::Scheme;

impl Client<'_> {
    /// The error of a query that has no data.
    pub(crate) fn error(&self, unanswered: QueryError, operation: &'static str, what: &str) -> Error {
        match unanswered {
            QueryError::Refused(refusals) => self.explain(operation, what, &refusals),
            QueryError::Failed(error) => error,
        }
    }

    /// What a refusal comes to. `Not Authorized` has three meanings; a probe, one request, tells them apart.
    pub(crate) fn explain(&self, operation: &'static str, what: &str, refusals: &[GraphqlError]) -> Error {
        let errors = self.refused(refusals);
        let from = self.credentials.from.clone();
        let has = |kind| refusals.iter().any(|refusal| refusal.kind == kind);
        if let Some(refusal) = refusals.iter().find(|refusal| refusal.kind == ErrorKind::TwoFactor) {
            let workspace = refusal.workspace.clone().unwrap_or_else(|| "of this project".to_owned());
            return Error::TwoFactor { workspace };
        }
        if has(ErrorKind::TooLarge) {
            let what = "HTTP 413: the request is too large for a gateway or a proxy".to_owned();
            return Error::InvalidResponse { host: self.host(), cause: what };
        }
        if has(ErrorKind::Document) || has(ErrorKind::Schema) {
            return Error::SchemaMismatch { operation, errors };
        }
        if has(ErrorKind::NotAuthorized) || has(ErrorKind::ProjectTokenNotFound) {
            return match self.probe(self.credentials.scheme) {
                Probed::Alive(reach) => Error::NoPermission { from, what: what.to_owned(), errors, reach: Some(reach) },
                Probed::Unknown => Error::NoPermission { from, what: what.to_owned(), errors, reach: None },
                Probed::Dead => self.dead(errors),
            };
        }
        if has(ErrorKind::NotFound) {
            return Error::NotFound { what: what.to_owned(), errors };
        }
        Error::Railway { operation, errors }
    }

    /// Why Railway does not know the token: refused, or of the other kind.
    pub(crate) fn why_refused(&self) -> Error {
        self.dead(RailwayErrors { messages: vec!["Not Authorized".to_owned()], traces: Vec::new() })
    }

    /// A token that its own header does not wake may be of the other kind: the classic is an account token in `RAILWAY_TOKEN`.
    fn dead(&self, errors: RailwayErrors) -> Error {
        let from = self.credentials.from.clone();
        let other = match self.credentials.scheme {
            Scheme::Bearer => Scheme::Project,
            Scheme::Project => Scheme::Bearer,
        };
        match (other, self.probe(other)) {
            (Scheme::Bearer, Probed::Alive(_)) => Error::WrongKind {
                from,
                found: "an account or workspace token",
                expected: "a project token",
                belongs_in: "RAILWAY_API_TOKEN",
            },
            (Scheme::Project, Probed::Alive(_)) => Error::WrongKind {
                from,
                found: "a project token",
                expected: "an account or workspace token",
                belongs_in: "RAILWAY_TOKEN",
            },
            _ => Error::Refused { from, errors },
        }
    }

    fn probe(&self, scheme: Scheme) -> Probed {
        let known = self.probed.borrow().iter().find(|(of, _)| *of == scheme).map(|(_, probed)| probed.clone());
        known.unwrap_or_else(|| {
            let probed = probe(self, scheme);
            self.probed.borrow_mut().push((scheme, probed.clone()));
            probed
        })
    }
}
