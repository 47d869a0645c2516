//! What can go wrong between `doctor` and Railway, on command.

use serde_json::{Map, Value};

use crate::drift::Secret;
use crate::outside::railway::wire::Failure;
use crate::outside::sim::operation::batched;

/// Something that happens to the next request that it fits.
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until a `Sim` is given it"]
pub struct Fault {
    operation: Option<&'static str>,
    /// How often it is still due; `None` is for ever.
    pub(crate) left: Option<usize>,
    pub(crate) effect: Effect,
}

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// This answer instead of Railway's.
    Reply(Canned),
    /// No answer.
    Fail(Failure),
    /// HTTP 200 with one error that belongs to no field, and `data: null`.
    Refuse(String),
    /// HTTP 200 with an error of one field; `data` is null, as no root field may be.
    Field { field: String, message: String },
    /// The same for whatever reads the values of one service, by id.
    Service { id: String, message: String },
}

/// An answer that was written beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Secret,
}

impl Fault {
    /// Answers with this status and this body of JSON.
    pub fn reply(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", String::from("application/json; charset=utf-8"))];
        Self::once(Effect::Reply(Canned { status, headers, body: Secret::new(body) }))
    }

    /// Lets no answer come.
    pub fn failure(failure: Failure) -> Self {
        Self::once(Effect::Fail(failure))
    }

    /// Refuses the whole request: HTTP 200, one error without a path, `data: null`.
    pub fn refusal(message: &str) -> Self {
        Self::once(Effect::Refuse(message.into()))
    }

    /// Lets one root field fail, by its name in the answer: `environment`, `stored_1`.
    pub fn field(field: &str, message: &str) -> Self {
        Self::once(Effect::Field { field: field.into(), message: message.into() })
    }

    /// Lets the values of one service fail, by its id, in whatever batch they are asked for.
    pub fn service(id: &str, message: &str) -> Self {
        Self::once(Effect::Service { id: id.into(), message: message.into() })
    }

    fn once(effect: Effect) -> Self {
        Self { operation: None, left: Some(1), effect }
    }

    /// Sets a header of the answer; the name in lower case.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Effect::Reply(canned) = &mut self.effect {
            canned.headers.retain(|(known, _)| *known != name);
            canned.headers.push((name, value.into()));
        }
        self
    }

    /// Waits for that operation.
    pub fn on(mut self, operation: &'static str) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Happens so many times.
    pub fn times(mut self, times: usize) -> Self {
        self.left = Some(times);
        self
    }

    /// Happens every time.
    pub fn for_ever(mut self) -> Self {
        self.left = None;
        self
    }

    /// Whether it happens to that request.
    pub(crate) fn fits(&self, operation: &str, variables: &Map<String, Value>) -> bool {
        self.left != Some(0)
            && self.operation.is_none_or(|wanted| wanted == operation)
            && match &self.effect {
                Effect::Service { id, .. } => batched(variables).any(|(_, service)| service == id),
                _ => true,
            }
    }
}
