//! A simulated Railway behind the same one-POST seam as the real one: stateful, strict, and able to fail on command.
//!
//! `doctor demo` and the tests run the real client against it. It does not execute GraphQL: it knows the operations of
//! `graphql/` by name, checks their variables, and answers what those documents select.

mod access;
mod answer;
mod build;
mod config;
pub mod estate;
pub mod fault;
mod operation;
mod page;
mod render;
pub mod seed;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::outside::railway::wire::{Failure, Outgoing, Reply, Scheme, Wire};
use crate::outside::sim::access::identify;
use crate::outside::sim::answer::{Denied, Scene};
use crate::outside::sim::estate::{Estate, Reach};
use crate::outside::sim::fault::{Canned, Effect, Fault};
use crate::outside::sim::operation::{Operation, batched};

/// The simulated Railway. A clone is another handle on the same one, so that a test can look at what `doctor` talks to.
#[derive(Clone, Debug)]
pub struct Sim(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    estate: Estate,
    quirks: Quirks,
    faults: Vec<Fault>,
    asked: Vec<Asked>,
    violations: Vec<String>,
}

/// How this Railway does what is not known of the real one, or differs from day to day.
#[derive(Clone, Debug)]
pub struct Quirks {
    /// The most that one page of a listing holds.
    pub page_cap: usize,
    /// The most root fields that one request may ask for; a values batch has two for each service.
    pub root_fields: usize,
    /// How sealed variables show.
    pub sealed: Sealed,
    /// How values show where they are withheld from everybody, in `environment.config`.
    pub masked: Masked,
}

/// How a sealed variable shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// Its name is there, its value is null.
    Null,
    /// It is left out of the maps of values; the configuration names it without a value.
    Absent,
}

/// What stands in the place of a value that `environment.config` withholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masked {
    /// The empty text.
    Empty,
    /// Null.
    Null,
    /// Nothing: there is no `value`.
    Absent,
}

impl Default for Quirks {
    fn default() -> Self {
        Self { page_cap: 1000, root_fields: usize::MAX, sealed: Sealed::Null, masked: Masked::Empty }
    }
}

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `operationName`; empty when there was none.
    pub operation: String,
    /// The header that the token came in; `None` without a token.
    pub scheme: Option<Scheme>,
    /// What the token opens; `None` when it was not known, or came in the wrong header.
    pub reach: Option<Reach>,
    /// The body as it was sent, which may hold values.
    pub body: Secret,
}

impl Sim {
    /// A Railway that holds the estate.
    pub fn new(estate: Estate) -> Self {
        Self::with(estate, Quirks::default())
    }

    /// The same, with its own ways.
    pub fn with(estate: Estate, quirks: Quirks) -> Self {
        Self(Arc::new(Mutex::new(State { estate, quirks, ..State::default() })))
    }

    /// Lets something go wrong with the next request that it fits. Each request meets one fault at most, oldest first.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Changes the estate as somebody else would, between two requests.
    pub fn change<R>(&self, change: impl FnOnce(&mut Estate) -> R) -> R {
        change(&mut self.state().estate)
    }

    /// Every request so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// How many requests have come in.
    pub fn count(&self) -> usize {
        self.state().asked.len()
    }

    /// What no client should ever send, one sentence each. A test that uses a `Sim` checks that there are none.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Answers a request's body, as the token in that header gets it.
    pub fn answer(&self, body: &str, presented: Option<(Scheme, &Secret)>) -> Result<Reply, Failure> {
        self.state().answer(body, presented)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock must not hide the others' results.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire for Sim {
    fn post(&self, outgoing: &Outgoing<'_>) -> Result<Reply, Failure> {
        let reply = self.answer(outgoing.body, Some((outgoing.scheme, outgoing.token)));
        let mut state = self.state();
        if state.asked.last().is_some_and(|asked| asked.operation != outgoing.operation) {
            let violation = format!("the body of {} names another operation", outgoing.operation);
            state.violations.push(violation);
        }
        reply
    }

    fn host(&self) -> &'static str {
        "the simulated Railway"
    }
}

impl State {
    fn answer(&mut self, body: &str, presented: Option<(Scheme, &Secret)>) -> Result<Reply, Failure> {
        let request: Value = serde_json::from_str(body).unwrap_or_default();
        let none = Map::new();
        let variables = request["variables"].as_object().unwrap_or(&none);
        let operation = request["operationName"].as_str().unwrap_or_default();
        self.asked.push(Asked {
            operation: operation.into(),
            scheme: presented.map(|(scheme, _)| scheme),
            reach: identify(&self.estate, presented).ok().cloned(),
            body: Secret::new(body),
        });
        if let Some(effect) = self.due(operation, variables) {
            return self.spoilt(effect, variables);
        }
        let understood = request["query"].as_str().and_then(|_| Operation::named(operation));
        let Some(known) = understood else {
            return Ok(self.invalid(&format!("Unknown operation named \"{operation}\".")));
        };
        if let Some(complaint) = known.complaint(variables) {
            return Ok(self.invalid(&complaint));
        }
        if 2 * batched(variables).count() > self.quirks.root_fields {
            // Too large a batch is no fault of the client's: nobody has said how large is too large.
            return Ok(malformed("Too many root fields", self.asked.len()));
        }
        let reach = identify(&self.estate, presented);
        let scene = Scene { estate: &self.estate, quirks: &self.quirks, reach, variables };
        match known.answer(&scene) {
            Ok(data) => Ok(json_reply(200, &json!({ "data": data }))),
            Err(Denied { field, message }) => Ok(self.refused(&message, Some(&field))),
        }
    }

    fn spoilt(&self, effect: Effect, variables: &Map<String, Value>) -> Result<Reply, Failure> {
        match effect {
            Effect::Reply(canned) => Ok(reply(canned)),
            Effect::Fail(failure) => Err(failure),
            Effect::Refuse(message) => Ok(self.refused(&message, None)),
            Effect::Field { field, message } => Ok(self.refused(&message, Some(&field))),
            Effect::Service { id, message } => {
                let number = batched(variables).find(|(_, service)| *service == id).map_or(0, |(number, _)| number);
                Ok(self.refused(&message, Some(&format!("stored_{number}"))))
            }
        }
    }

    fn due(&mut self, operation: &str, variables: &Map<String, Value>) -> Option<Effect> {
        let fault = self.faults.iter_mut().find(|fault| fault.fits(operation, variables))?;
        if let Some(left) = &mut fault.left {
            *left -= 1;
        }
        Some(fault.effect.clone())
    }

    fn refused(&self, message: &str, field: Option<&str>) -> Reply {
        let mut error = json!({ "message": message, "traceId": trace(self.asked.len()) });
        if let Some(field) = field {
            error["locations"] = json!([{ "line": 2, "column": 3 }]);
            error["path"] = json!([field]);
            error["extensions"] = json!({ "code": "INTERNAL_SERVER_ERROR" });
        }
        json_reply(200, &json!({ "errors": [error], "data": null }))
    }

    fn invalid(&mut self, message: &str) -> Reply {
        self.violations.push(message.into());
        malformed(message, self.asked.len())
    }
}

fn malformed(message: &str, request: usize) -> Reply {
    let code = json!({ "code": "GRAPHQL_VALIDATION_FAILED" });
    let error = json!({ "message": message, "extensions": code, "traceId": trace(request) });
    json_reply(400, &json!({ "errors": [error] }))
}

/// Railway's trace ids are decimal digits; these count the requests.
fn trace(request: usize) -> String {
    format!("{}", 4_700_000_000_000_000_000 + request as u64)
}

fn json_reply(status: u16, body: &Value) -> Reply {
    let headers = vec![
        ("content-type", String::from("application/json; charset=utf-8")),
        ("ratelimit-policy", String::from("\"default\";q=10000;w=3600")),
    ];
    reply(Canned { status, headers, body: Secret::new(body.to_string()) })
}

fn reply(canned: Canned) -> Reply {
    let mut reply = Reply {
        status: canned.status,
        retry_after: None,
        rate: Vec::new(),
        location: None,
        content_type: None,
        body: Zeroizing::new(canned.body.reveal().as_bytes().to_vec()),
    };
    for (name, value) in canned.headers {
        match name {
            "retry-after" => reply.retry_after = Some(value),
            "location" => reply.location = Some(value),
            "content-type" => reply.content_type = Some(value),
            _ => reply.rate.push((name.into(), value)),
        }
    }
    reply
}
