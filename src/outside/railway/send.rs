//! Sending a change: once, and never again unless it is certain that nothing of it arrived.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::outside::railway::answer::{self, Refusal, Trouble};
use crate::outside::railway::client::{Client, FIRST_WAIT, TRIES, origin, patience};
use crate::outside::railway::wire::{Failure, Outgoing, TOO_LONG};

/// What became of a change that was sent.
#[derive(Debug)]
pub(crate) enum Sent<T> {
    /// Railway said that it did it.
    Answered(T),
    /// Railway answered with errors. Most of them mean that nothing was done; none of them proves it.
    Refused(Vec<Refusal>),
    /// It may have arrived or not.
    Unclear(Error),
    /// It never left, or nobody took it.
    Not(Error),
}

/// One try to send a change.
enum Tried<T> {
    Over(Sent<T>),
    Again(Error, Duration),
}

/// The body of a change; values are written into it where they leave, see `scalar::Leaving`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Letter<'l, V> {
    operation_name: &'static str,
    query: &'static str,
    variables: &'l V,
}

impl Client<'_> {
    /// Sends a change, once. It is sent again only where it is certain that nothing of it arrived; everything else that
    /// is no answer is [`Sent::Unclear`], to be observed and never repeated.
    pub(crate) fn send<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &graphql_client::QueryBody<V>,
    ) -> Sent<T> {
        let body = Letter { operation_name: operation, query: body.query, variables: &body.variables };
        let body = Zeroizing::new(serde_json::to_string(&body).expect("maps of text are JSON"));
        for attempt in 0.. {
            let patience = patience(self.remaining());
            let (error, wait) = match self.sent_once(&self.outgoing(operation, &body, patience, attempt), attempt) {
                Tried::Over(sent) => return sent,
                Tried::Again(error, wait) => (error, wait),
            };
            if attempt + 1 == TRIES || wait >= self.remaining() {
                return Sent::Not(error);
            }
            self.tell_of_waiting(&error, wait);
            self.clock.sleep(wait);
        }
        unreachable!("the number of tries ends the loop")
    }

    fn sent_once<T: DeserializeOwned>(&self, outgoing: &Outgoing<'_>, attempt: u32) -> Tried<T> {
        let (host, wait) = (self.host(), FIRST_WAIT * 2_u32.pow(attempt));
        let unclear = |error| Tried::Over(Sent::Unclear(error));
        match self.post(outgoing) {
            Err(Failure::Certificate(why)) => Tried::Over(Sent::Not(Error::Certificate { host, why })),
            Err(Failure::NotSent(why)) => Tried::Again(Error::Unreachable { host, why }, wait),
            Err(Failure::Broken(why)) => {
                unclear(Error::Unreachable { host, why: format!("the connection broke: {why}") })
            }
            Err(Failure::TimedOut) => unclear(Error::TimedOut { host, limit: outgoing.patience, last: None }),
            Err(Failure::TooLong) => unclear(Error::Garbled { host, what: TOO_LONG.to_owned() }),
            Ok(reply) => match answer::read(&reply) {
                Ok(answer) => Tried::Over(Sent::Answered(answer.data)),
                Err(Trouble::Refused(refusals)) => Tried::Over(Sent::Refused(refusals)),
                Err(Trouble::Garbled(what) | Trouble::Invalid(what)) => unclear(Error::Garbled { host, what }),
                // Most likely nothing arrived, and nothing proves it.
                Err(Trouble::Blocked { why, code }) => unclear(Error::Blocked { host, why, code }),
                // "See other" may well mean that it was done.
                Err(Trouble::Redirected(to)) => unclear(Error::Redirected { host, to: origin(&to) }),
                Err(Trouble::Limited { .. }) if reply.status != 429 => {
                    // A limit that Railway tells in words is its answer; the caller knows what it is about.
                    Tried::Over(Sent::Refused(answer::refusals(&reply)))
                }
                Err(Trouble::Limited { retry_after, by }) => {
                    let (error, wait) = self.limited(retry_after.as_deref(), by, &reply, attempt);
                    Tried::Again(error, wait)
                }
            },
        }
    }
}
