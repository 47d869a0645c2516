//! What can go wrong between `doctor` and Railway, on command.

use crate::drift::Secret;
use crate::io::railway::transport::TransportFailure;

/// Something that happens to the next request that it fits.
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until a `Sim` is given it"]
pub struct Fault {
    operation: Option<&'static str>,
    /// The service that the request must be about, by id.
    service: Option<String>,
    /// So many requests that it fits go by first.
    skip: usize,
    pub(crate) moment: Moment,
    /// How often it is still due; `None` is for ever.
    left: Option<usize>,
    pub(crate) effect: Effect,
}

/// On which side of a request something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before Railway has done what the request asks: it never does.
    Before,
    After,
}

/// How an answer is lost.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// The connection is reset.
    Reset,
    /// It never comes.
    TimedOut,
    /// A gateway answers with this status and an empty body: 500, 502, 504.
    Empty(u16),
    /// A gateway answers with this status and a page.
    Html(u16),
    /// It breaks off in the middle of its JSON.
    Truncated,
}

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// This answer instead of Railway's.
    Reply(Canned),
    /// No answer.
    Fail(TransportFailure),
    /// A part of the answer.
    Cut,
    /// HTTP 200 with one error that belongs to no field, and `data: null`.
    Refuse(String),
    /// HTTP 200 with an error of one field; `data` is null, unless the field may be.
    Field { field: String, message: String },
    /// The same for whatever reads the values of one service, by id.
    Service { id: String, message: String },
}

impl Effect {
    /// Returns whether it leaves the data of the answer as they are, but for one field.
    pub(crate) fn is_beside_data(&self) -> bool {
        matches!(self, Self::Field { field, .. } if is_nullable(field))
    }
}

/// Fields of a service instance that may be refused by themselves.
const OF_INSTANCE: [&str; 7] = [
    "activeDeployments",
    "cronSchedule",
    "domains",
    "latestDeployment",
    "railwayConfigFile",
    "sleepApplication",
    "startCommand",
];

/// Returns whether a field may be null, so that its error stands beside the data.
pub(crate) fn is_nullable(field: &str) -> bool {
    field.starts_with("snapshot_") || OF_INSTANCE.contains(&field) && !["activeDeployments", "domains"].contains(&field)
}

/// Returns where a field stands in the answer to an operation.
pub(crate) fn path(operation: &str, field: &str) -> String {
    match (OF_INSTANCE.contains(&field), operation) {
        (false, _) => field.to_owned(),
        (true, "EnvironmentByToken") => format!("projectToken.environment.serviceInstances.edges.0.node.{field}"),
        (true, _) => format!("environment.serviceInstances.edges.0.node.{field}"),
    }
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
    pub fn failure(failure: TransportFailure) -> Self {
        Self::once(Effect::Fail(failure))
    }

    /// Loses the answer, before or after Railway has done what was asked.
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

    /// Refuses the whole request: HTTP 200, one error without a path, `data: null`.
    pub fn refusal(message: &str) -> Self {
        Self::once(Effect::Refuse(message.into()))
    }

    /// Lets one field fail, by its name in the answer: `environment`, `stored_1`, `snapshot_1`, `staged`; or by its name on
    /// the first service of a listing, where it is asked for: `activeDeployments`.
    pub fn field(field: &str, message: &str) -> Self {
        Self::once(Effect::Field { field: field.into(), message: message.into() })
    }

    /// Lets the values of one service fail, by its id, in whatever batch they are asked for.
    pub fn service(id: &str, message: &str) -> Self {
        Self::once(Effect::Service { id: id.into(), message: message.into() })
    }

    fn once(effect: Effect) -> Self {
        Self { operation: None, service: None, skip: 0, moment: Moment::Before, left: Some(1), effect }
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

    /// Waits for a request about that service, by its id or by the id of one of its deployments.
    pub fn for_service(mut self, id: &str) -> Self {
        self.service = Some(id.into());
        self
    }

    /// Waits for the request of that number, counted from 1, among those that it fits.
    pub fn nth(mut self, number: usize) -> Self {
        self.skip = number.saturating_sub(1);
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

    /// Returns whether it would happen to a request of that operation about those services. Counts those that go by.
    pub(crate) fn meets(&mut self, operation: &str, services: &[String]) -> bool {
        let about = |id: &String| services.contains(id);
        let fits = self.left != Some(0)
            && self.operation.is_none_or(|wanted| wanted == operation)
            && self.service.as_ref().is_none_or(about)
            && match &self.effect {
                Effect::Service { id, .. } => about(id),
                _ => true,
            };
        let goes_by = fits && self.skip > 0;
        self.skip -= usize::from(goes_by);
        fits && !goes_by
    }

    /// Returns whether it is about a field that this text does not ask for, so that nothing can happen to it.
    pub(crate) fn is_besides(&self, query: &str) -> bool {
        let Effect::Field { field, .. } = &self.effect else { return false };
        let may_be_left_out = OF_INSTANCE.contains(&field.as_str()) || *field == "staged" || is_nullable(field);
        may_be_left_out && !query.contains(field.as_str())
    }

    /// It happens.
    pub(crate) fn meet(&mut self) -> Self {
        self.left = self.left.map(|left| left - 1);
        self.clone()
    }
}
