//! Turns GraphQL errors into an [`Error`].
//!
//! Railway returns `Not Authorized` for an invalid token, for a missing permission and for an unknown id. A probe, one
//! small request that needs only a valid token, distinguishes an invalid token from the others.

use crate::error::{Error, RailwayErrors};
use crate::io::railway::client::{Client, Probed};
use crate::io::railway::response::{ErrorKind, GraphqlError, QueryError};
use crate::io::railway::token_probe::probe;
use crate::io::railway::transport::Scheme;

impl Client<'_> {
    /// Returns the error for a query without data.
    pub(crate) fn error(&self, failure: QueryError, operation: &'static str, what: &str) -> Error {
        match failure {
            QueryError::Refused(refusals) => self.explain(operation, what, &refusals),
            QueryError::Failed(error) => error,
        }
    }

    /// Returns the error for these GraphQL errors. May send a probe.
    pub(crate) fn explain(&self, operation: &'static str, what: &str, refusals: &[GraphqlError]) -> Error {
        let errors = self.refused(refusals);
        let from = self.credentials.from.clone();
        let has = |kind| refusals.iter().any(|refusal| refusal.kind == kind);
        if let Some(refusal) = refusals.iter().find(|refusal| refusal.kind == ErrorKind::TwoFactor) {
            let workspace = refusal.workspace.clone().unwrap_or_else(|| "of this project".to_owned());
            return Error::TwoFactor { workspace };
        }
        if has(ErrorKind::TooLarge) {
            let cause = "HTTP 413: the request is too large for a gateway or a proxy".to_owned();
            return Error::InvalidResponse { host: self.host(), cause };
        }
        if has(ErrorKind::Document) || has(ErrorKind::Schema) {
            return Error::SchemaMismatch { operation, errors };
        }
        if has(ErrorKind::NotAuthorized) || has(ErrorKind::ProjectTokenNotFound) {
            return match self.probe(self.credentials.scheme) {
                Probed::Alive(reach) => Error::NoPermission { from, what: what.to_owned(), errors, reach: Some(reach) },
                Probed::Unknown => Error::NoPermission { from, what: what.to_owned(), errors, reach: None },
                Probed::Dead => self.invalid_token(errors),
            };
        }
        if has(ErrorKind::NotFound) {
            return Error::NotFound { what: what.to_owned(), errors, variable: None };
        }
        Error::Railway { operation, errors }
    }

    /// Returns the error for a token that Railway does not accept: invalid, or of the other kind.
    pub(crate) fn why_refused(&self) -> Error {
        self.invalid_token(RailwayErrors { messages: vec!["Not Authorized".to_owned()], traces: Vec::new() })
    }

    /// A token that Railway rejects in its own header may be of the other kind. A common mistake is an account token in
    /// `RAILWAY_TOKEN`.
    fn invalid_token(&self, errors: RailwayErrors) -> Error {
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
