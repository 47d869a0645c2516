//! Sending a change: once, and never again unless it is certain that nothing of it arrived.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::io::railway::client::{Client, FIRST_WAIT, TRIES, attempt_timeout, origin};
use crate::io::railway::response::{self, GraphqlError, ResponseError};
use crate::io::railway::transport::{HttpRequest, TOO_LONG, TransportFailure};

/// What became of a change that was sent.
#[derive(Debug)]
pub(crate) enum SendOutcome<T> {
    /// Railway said that it did it.
    Answered(T),
    /// Railway answered with errors. Most of them mean that nothing was done; none of them proves it.
    Refused(Vec<GraphqlError>),
    /// It may have arrived or not.
    Unclear(Error),
    /// It never left, or nobody took it.
    Not(Error),
}

/// One try to send a change.
enum AttemptOutcome<T> {
    Over(SendOutcome<T>),
    Again(Error, Duration),
}

/// The body of a change; values are written into it where they leave, see `scalar::Leaving`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MutationRequest<'l, V> {
    operation_name: &'static str,
    query: &'static str,
    variables: &'l V,
}

impl Client<'_> {
    /// Sends a change, once. It is sent again only where it is certain that nothing of it arrived; everything else that
    /// is no answer is [`SendOutcome::Unclear`], to be observed and never repeated.
    pub(crate) fn send<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &graphql_client::QueryBody<V>,
    ) -> SendOutcome<T> {
        let body = MutationRequest { operation_name: operation, query: body.query, variables: &body.variables };
        let body = Zeroizing::new(serde_json::to_string(&body).expect("maps of text are JSON"));
        for attempt in 0.. {
            let patience = attempt_timeout(self.remaining());
            let (error, wait) = match self.sent_once(&self.outgoing(operation, &body, patience, attempt), attempt) {
                AttemptOutcome::Over(sent) => return sent,
                AttemptOutcome::Again(error, wait) => (error, wait),
            };
            if attempt + 1 == TRIES || wait >= self.remaining() {
                return SendOutcome::Not(error);
            }
            self.report_wait(&error, wait);
            self.clock.sleep(wait);
        }
        unreachable!("the number of tries ends the loop")
    }

    fn sent_once<T: DeserializeOwned>(&self, outgoing: &HttpRequest<'_>, attempt: u32) -> AttemptOutcome<T> {
        let (host, wait) = (self.host(), FIRST_WAIT * 2_u32.pow(attempt));
        let unclear = |error| AttemptOutcome::Over(SendOutcome::Unclear(error));
        match self.post(outgoing) {
            Err(TransportFailure::Certificate(why)) => {
                AttemptOutcome::Over(SendOutcome::Not(Error::Certificate { host, cause: why }))
            }
            Err(TransportFailure::NotSent(why)) => AttemptOutcome::Again(Error::Unreachable { host, cause: why }, wait),
            Err(TransportFailure::Broken(why)) => {
                unclear(Error::Unreachable { host, cause: format!("the connection broke: {why}") })
            }
            Err(TransportFailure::TimedOut) => unclear(Error::TimedOut { host, limit: outgoing.patience, last: None }),
            Err(TransportFailure::TooLong) => unclear(Error::InvalidResponse { host, cause: TOO_LONG.to_owned() }),
            Ok(reply) => match response::read(&reply) {
                Ok(answer) => AttemptOutcome::Over(SendOutcome::Answered(answer.data)),
                Err(ResponseError::Refused(refusals)) => AttemptOutcome::Over(SendOutcome::Refused(refusals)),
                Err(ResponseError::Garbled(what) | ResponseError::Invalid(what)) => {
                    unclear(Error::InvalidResponse { host, cause: what })
                }
                // Most likely nothing arrived, and nothing proves it.
                Err(ResponseError::Blocked { why, code }) => unclear(Error::Blocked { host, cause: why, code }),
                // "See other" may well mean that it was done.
                Err(ResponseError::Redirected(to)) => unclear(Error::Redirected { host, to: origin(&to) }),
                Err(ResponseError::Limited { .. }) if reply.status != 429 => {
                    // A limit that Railway tells in words is its answer; the caller knows what it is about.
                    AttemptOutcome::Over(SendOutcome::Refused(response::refusals(&reply)))
                }
                Err(ResponseError::Limited { retry_after, by }) => {
                    let (error, wait) = self.limited(retry_after.as_deref(), by, &reply, attempt);
                    AttemptOutcome::Again(error, wait)
                }
            },
        }
    }
}
