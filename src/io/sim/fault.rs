//! Faults of the connection and of Railway, for tests.

use crate::drift::Secret;
use crate::io::railway::transport::TransportFailure;

/// A fault of the next matching request.
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until a `Sim` is given it"]
pub struct Fault {
    operation: Option<&'static str>,
    /// The service that the request must be about, by id.
    service: Option<String>,
    /// The number of matching requests to skip first.
    skip: usize,
    pub(crate) moment: Moment,
    /// The number of times that it will still happen; `None` for every time.
    left: Option<usize>,
    pub(crate) effect: Effect,
}

/// Whether a fault or change occurs before or after Railway processes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before: Railway never processes it.
    Before,
    After,
}

/// How a response is lost.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// The connection is reset.
    Reset,
    /// It never arrives.
    TimedOut,
    /// A gateway responds with this status and an empty body: 500, 502, 504.
    Empty(u16),
    /// A gateway responds with this status and a page.
    Html(u16),
    /// It is cut off in the middle of its JSON.
    Truncated,
}

/// The effect of a fault.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// This response instead of Railway's.
    Reply(Canned),
    /// No response.
    Fail(TransportFailure),
    /// A truncated response.
    Cut,
    /// HTTP 200 with one error without a field, and `data: null`.
    Refuse(String),
    /// HTTP 200 with an error of one field. `data` is null unless the field is nullable.
    Field { field: String, message: String },
    /// The same for any request that reads the values of one service, by id, in this environment or in any.
    Service { id: String, environment: Option<String>, message: String },
}

impl Effect {
    /// Returns whether it is the failure of this service.
    pub(crate) fn concerns(&self, service: &RequestedService) -> bool {
        let Self::Service { id, environment, .. } = self else { return false };
        *id == service.id && (environment.is_none() || *environment == service.environment)
    }

    /// Returns whether it changes only one field of the data.
    pub(crate) fn is_beside_data(&self) -> bool {
        matches!(self, Self::Field { field, .. } if is_nullable(field))
    }
}

/// Fields of a service instance that can have an error of their own.
const OF_INSTANCE: [&str; 7] = [
    "activeDeployments",
    "cronSchedule",
    "domains",
    "latestDeployment",
    "railwayConfigFile",
    "sleepApplication",
    "startCommand",
];

/// Returns whether a field is nullable, so that its error is beside the data.
pub(crate) fn is_nullable(field: &str) -> bool {
    field.starts_with("snapshot_") || OF_INSTANCE.contains(&field) && !["activeDeployments", "domains"].contains(&field)
}

/// A service that a request is about.
#[derive(Clone, Debug)]
pub(crate) struct RequestedService {
    /// Its id.
    pub(crate) id: String,
    /// The id of its environment, if the request names it.
    pub(crate) environment: Option<String>,
}

/// Returns the path of a field in the response to an operation.
pub(crate) fn path(operation: &str, field: &str) -> String {
    match (OF_INSTANCE.contains(&field), operation) {
        (false, _) => field.to_owned(),
        (true, "EnvironmentByToken") => format!("projectToken.environment.serviceInstances.edges.0.node.{field}"),
        (true, "ComparedEnvironments") => {
            format!("project.environments.edges.0.node.serviceInstances.edges.0.node.{field}")
        }
        (true, _) => format!("environment.serviceInstances.edges.0.node.{field}"),
    }
}

/// A fixed response.
#[derive(Clone, Debug)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Secret,
}

impl Fault {
    /// Responds with this status and this JSON body.
    pub fn reply(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", String::from("application/json; charset=utf-8"))];
        Self::once(Effect::Reply(Canned { status, headers, body: Secret::new(body) }))
    }

    /// Fails without a response.
    pub fn failure(failure: TransportFailure) -> Self {
        Self::once(Effect::Fail(failure))
    }

    /// Loses the response, before or after Railway has processed the request.
    pub fn lost(moment: Moment, loss: Loss) -> Self {
        let page = |status: u16, kind: &str, body: &str| {
            Effect::Reply(Canned {
                status,
                headers: vec![("content-type", String::from(kind))],
                body: Secret::new(body),
            })
        };
        let effect = match loss {
            Loss::Reset => Effect::Fail(TransportFailure::Broken("connection reset by peer".into())),
            Loss::TimedOut => Effect::Fail(TransportFailure::TimedOut),
            Loss::Empty(status) => page(status, "text/plain", ""),
            Loss::Html(status) => page(status, "text/html", "<html><body>upstream error</body></html>"),
            Loss::Truncated => Effect::Cut,
        };
        Self { moment, ..Self::once(effect) }
    }

    /// Rejects the whole request: HTTP 200, one error without a path, `data: null`.
    pub fn refusal(message: &str) -> Self {
        Self::once(Effect::Refuse(message.into()))
    }

    /// Rejects one field, by its name in the response: `environment`, `stored_1`, `snapshot_1`, `staged`; or by its
    /// name on the first service of a listing, if it is requested: `activeDeployments`.
    pub fn field(field: &str, message: &str) -> Self {
        Self::once(Effect::Field { field: field.into(), message: message.into() })
    }

    /// Rejects the values of one service, by its id, in any batch.
    pub fn service(id: &str, message: &str) -> Self {
        Self::once(Effect::Service { id: id.into(), environment: None, message: message.into() })
    }

    /// Rejects the values of one service in one environment, by their ids.
    pub fn service_in(environment: &str, id: &str, message: &str) -> Self {
        let environment = Some(environment.into());
        Self::once(Effect::Service { id: id.into(), environment, message: message.into() })
    }

    fn once(effect: Effect) -> Self {
        Self { operation: None, service: None, skip: 0, moment: Moment::Before, left: Some(1), effect }
    }

    /// Sets a header of the response; the name in lower case.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Effect::Reply(canned) = &mut self.effect {
            canned.headers.retain(|(known, _)| *known != name);
            canned.headers.push((name, value.into()));
        }
        self
    }

    /// Matches only this operation.
    pub fn on(mut self, operation: &'static str) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Matches only requests about this service, by its id or by the id of one of its deployments.
    pub fn for_service(mut self, id: &str) -> Self {
        self.service = Some(id.into());
        self
    }

    /// Happens to the matching request with this number, counted from 1.
    pub fn nth(mut self, number: usize) -> Self {
        self.skip = number.saturating_sub(1);
        self
    }

    /// Happens this many times.
    pub fn times(mut self, times: usize) -> Self {
        self.left = Some(times);
        self
    }

    /// Happens every time.
    pub fn permanent(mut self) -> Self {
        self.left = None;
        self
    }

    /// Returns whether the fault affects a request of this operation about these services. Counts skipped requests.
    pub(crate) fn meets(&mut self, operation: &str, services: &[RequestedService]) -> bool {
        let fits = self.left != Some(0)
            && self.operation.is_none_or(|wanted| wanted == operation)
            && self.service.as_ref().is_none_or(|id| services.iter().any(|service| service.id == *id))
            && (!matches!(self.effect, Effect::Service { .. })
                || services.iter().any(|service| self.effect.concerns(service)));
        let is_skipped = fits && self.skip > 0;
        self.skip -= usize::from(is_skipped);
        fits && !is_skipped
    }

    /// Returns whether it is about an optional field that this document does not request.
    pub(crate) fn is_besides(&self, query: &str) -> bool {
        let Effect::Field { field, .. } = &self.effect else { return false };
        let is_optional = OF_INSTANCE.contains(&field.as_str()) || *field == "staged" || is_nullable(field);
        is_optional && !query.contains(field.as_str())
    }

    /// Counts an occurrence.
    pub(crate) fn meet(&mut self) -> Self {
        self.left = self.left.map(|left| left - 1);
        self.clone()
    }
}
