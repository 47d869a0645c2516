//! The one retry loop: what each failure of a request is, whether it is worth another try, and when to stop.
//!
//! A query changes nothing, so it is repeated after every failure that may pass by itself: no connection, a broken or slow
//! one, a gateway's page in place of JSON, a rate limit. It is not repeated where the next try would end the same: a
//! certificate that is not accepted, a firewall, a redirect, JSON that Railway never sends, and its own refusals.
//!
//! A mutation is repeated only where nothing of it can have arrived: no connection was made, or HTTP 429 turned it away
//! unread. After any other failure Railway may have carried it out: a second one could deploy twice, or overwrite what
//! somebody stored in between. Its outcome is read back instead, see `commands::apply`.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, RailwayErrors};
use crate::io::railway::client::Client;
use crate::io::railway::operations::query_body;
use crate::io::railway::rate_limit::{FIRST_WAIT_WHEN_LIMITED, allowance, named_delay};
use crate::io::railway::response::{self, ErrorKind, GraphqlError, QueryError, ResponseData, ResponseError};
use crate::io::railway::transport::{HttpRequest, HttpResponse, TOO_LONG, TransportFailure};

/// Tries per request; the deadline may end them earlier.
const TRIES: u32 = 4;

/// The wait before the second try; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// The wait after a try that took all of its time: it has waited long enough.
const WAIT_AFTER_TIMEOUT: Duration = Duration::from_millis(1);

/// Whether a request may be repeated after it may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Query,
    Mutation,
}

/// Whether a request that failed reached Railway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It certainly did not.
    Nothing,
    /// It may have arrived and been carried out.
    Unknown,
}

/// When another try is worth it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// It would end the same.
    Never,
    /// The failure took as long as a wait would.
    AtOnce,
    /// It may pass by itself.
    Backoff,
    /// The same, if this was the first try.
    BackoffOnce,
    /// When the limit ends, which the server may have named.
    RateLimit(Option<Duration>),
}

/// A failed try.
#[derive(Debug)]
struct AttemptFailure {
    error: Error,
    /// Railway's own errors, if it answered with some.
    refusals: Vec<GraphqlError>,
    delivery: Delivery,
    retry: Retry,
}

/// How a request ended without data, after all tries that are allowed for it.
#[derive(Debug)]
pub(crate) enum RequestFailure {
    /// Railway answered with errors. Most of them mean that nothing was done; none of them proves it.
    Refused(Vec<GraphqlError>),
    /// Anything else.
    Failed { error: Error, delivery: Delivery },
}

impl From<RequestFailure> for QueryError {
    fn from(failure: RequestFailure) -> Self {
        match failure {
            RequestFailure::Refused(refusals) => Self::Refused(refusals),
            RequestFailure::Failed { error, .. } => Self::Failed(error),
        }
    }
}

impl From<AttemptFailure> for RequestFailure {
    fn from(failure: AttemptFailure) -> Self {
        let AttemptFailure { error, refusals, delivery, .. } = failure;
        if refusals.is_empty() { Self::Failed { error, delivery } } else { Self::Refused(refusals) }
    }
}

impl AttemptFailure {
    fn new(error: Error, delivery: Delivery, retry: Retry) -> Self {
        Self { error, refusals: Vec::new(), delivery, retry }
    }

    /// How long to wait before the next try, after so many earlier ones; `None` if there is to be none.
    fn wait(&self, kind: RequestKind, earlier: u32) -> Option<Duration> {
        if kind == RequestKind::Mutation && self.delivery == Delivery::Unknown {
            return None;
        }
        match self.retry {
            Retry::Never => None,
            Retry::BackoffOnce if earlier > 0 => None,
            Retry::AtOnce => Some(WAIT_AFTER_TIMEOUT),
            Retry::Backoff | Retry::BackoffOnce => Some(FIRST_WAIT * 2_u32.pow(earlier)),
            Retry::RateLimit(named) => Some(named.unwrap_or(FIRST_WAIT_WHEN_LIMITED * 2_u32.pow(earlier))),
        }
    }
}

impl Client<'_> {
    /// Sends a query, and again while that may help. Queries only: nothing here may change anything.
    pub(crate) fn query_response<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &str,
        variables: &V,
    ) -> Result<ResponseData<T>, QueryError> {
        let body = query_body(operation, query, variables);
        Ok(self.with_retries(operation, &body, RequestKind::Query)?)
    }

    /// Sends a request until it is answered, another try is pointless, or the time is over.
    pub(crate) fn with_retries<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &str,
        kind: RequestKind,
    ) -> Result<ResponseData<T>, RequestFailure> {
        let mut last = None;
        for earlier in 0..TRIES {
            let remaining = self.remaining();
            if kind == RequestKind::Query && remaining.is_zero() {
                break;
            }
            let request = self.request(operation, body, remaining, earlier);
            let failure = match self.attempt(&request) {
                Ok(answer) => return Ok(answer),
                Err(failure) => *failure,
            };
            let Some(wait) = failure.wait(kind, earlier) else { return Err(failure.into()) };
            if earlier + 1 == TRIES || wait >= self.remaining() {
                return Err(self.exhausted(failure, kind, last.as_ref()));
            }
            self.report_wait(&failure.error, wait);
            // What an earlier try came to says more than that this one took too long.
            let is_late = matches!(failure.error, Error::TimedOut { .. });
            last = if is_late { last } else { Some(failure.error) };
            self.clock.sleep(wait);
        }
        Err(RequestFailure::Failed { error: self.timed_out(last.as_ref()), delivery: Delivery::Unknown })
    }

    fn attempt<T: DeserializeOwned>(&self, request: &HttpRequest<'_>) -> Result<ResponseData<T>, Box<AttemptFailure>> {
        let reply = self.wire.post(request).map_err(|failure| Box::new(self.classify_transport(failure, request)))?;
        response::read(&reply).map_err(|error| Box::new(self.classify_response(error, request.operation, &reply)))
    }

    fn classify_transport(&self, failure: TransportFailure, request: &HttpRequest<'_>) -> AttemptFailure {
        let host = self.host();
        match failure {
            TransportFailure::Certificate(why) => {
                AttemptFailure::new(Error::Certificate { host, cause: why }, Delivery::Nothing, Retry::Never)
            }
            TransportFailure::NotSent(why) => {
                AttemptFailure::new(Error::Unreachable { host, cause: why }, Delivery::Nothing, Retry::Backoff)
            }
            TransportFailure::Broken(why) => {
                let why = format!("the connection broke: {why}");
                AttemptFailure::new(Error::Unreachable { host, cause: why }, Delivery::Unknown, Retry::Backoff)
            }
            TransportFailure::TimedOut => {
                let error = Error::TimedOut { host, limit: request.patience, last: None };
                AttemptFailure::new(error, Delivery::Unknown, Retry::AtOnce)
            }
            TransportFailure::TooLong => {
                let what = TOO_LONG.to_owned();
                AttemptFailure::new(Error::InvalidResponse { host, cause: what }, Delivery::Unknown, Retry::Never)
            }
        }
    }

    fn classify_response(&self, error: ResponseError, operation: &'static str, reply: &HttpResponse) -> AttemptFailure {
        let host = self.host();
        let unknown = |error, retry| AttemptFailure::new(error, Delivery::Unknown, retry);
        match error {
            // A gateway's page. It may stand in place of the response to a mutation that was carried out.
            ResponseError::Garbled(what) => unknown(Error::InvalidResponse { host, cause: what }, Retry::Backoff),
            ResponseError::Invalid(what) => unknown(Error::InvalidResponse { host, cause: what }, Retry::Never),
            // Most likely nothing arrived, and nothing proves it.
            ResponseError::Blocked { why, code } => unknown(Error::Blocked { host, cause: why, code }, Retry::Never),
            // "See other" may well mean that it was done.
            ResponseError::Redirected(to) => unknown(Error::Redirected { host, to: origin(&to) }, Retry::Never),
            ResponseError::Refused(refusals) => {
                // `Problem processing request` is a failure of the moment as often as not: one more try shows which.
                let is_passing = refusals.iter().all(|refusal| refusal.kind == ErrorKind::Problem);
                let retry = if is_passing { Retry::BackoffOnce } else { Retry::Never };
                let error = Error::Railway { operation, errors: RailwayErrors::default() };
                AttemptFailure { refusals, ..unknown(error, retry) }
            }
            // A limit within HTTP 200 is Railway's answer to this operation; the caller of a mutation knows what it means.
            ResponseError::Limited { by, refusals } => {
                let delivery = if reply.status == 429 { Delivery::Nothing } else { Delivery::Unknown };
                let named = named_delay(reply, self.clock.now());
                let error = Error::RateLimited { wait: named, by: by.to_owned(), allowance: allowance(&reply.rate) };
                AttemptFailure { refusals, ..AttemptFailure::new(error, delivery, Retry::RateLimit(named)) }
            }
        }
    }

    /// The failure of a request that is worth another try and gets none. A query that ran out of time says so, with what
    /// the last try that ended came to; a mutation that never arrived is about that alone.
    fn exhausted(&self, failure: AttemptFailure, kind: RequestKind, last: Option<&Error>) -> RequestFailure {
        let AttemptFailure { error, delivery, .. } = failure;
        let is_late = matches!(error, Error::TimedOut { .. });
        let is_final = kind == RequestKind::Mutation || (!is_late && !self.remaining().is_zero());
        let error = match (is_final, is_late) {
            (true, _) => error,
            (false, true) => self.timed_out(last),
            (false, false) => self.timed_out(Some(&error)),
        };
        RequestFailure::Failed { error, delivery }
    }

    fn report_wait(&self, error: &Error, wait: Duration) {
        if let Error::RateLimited { by, .. } = error {
            let seconds = wait.as_secs_f64().ceil();
            self.talk.print_line(&format!("{by} limits the rate of requests: waiting {seconds:.0} s"));
        }
    }

    fn timed_out(&self, last: Option<&Error>) -> Error {
        let last = last.map(|error| match error.cause() {
            Some(because) => format!("the last try that ended: {error}, {because}"),
            None => format!("the last try that ended: {error}"),
        });
        Error::TimedOut { host: self.host(), limit: self.limit.get(), last }
    }
}

/// Scheme and host of a redirect: its path and query may hold anything.
fn origin(location: &str) -> String {
    reqwest::Url::parse(location).map_or_else(|_| "another path".to_owned(), |url| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::error::{Error, RailwayErrors};
    use crate::io::railway::retry::{AttemptFailure, Delivery, RequestKind, Retry, origin};

    fn wait(delivery: Delivery, retry: Retry, kind: RequestKind, earlier: u32) -> Option<u128> {
        let error = Error::Railway { operation: "Environment", errors: RailwayErrors::default() };
        AttemptFailure::new(error, delivery, retry).wait(kind, earlier).map(|wait| wait.as_millis())
    }

    #[test]
    fn a_mutation_is_repeated_only_where_nothing_arrived() {
        let named = Retry::RateLimit(Some(Duration::from_secs(7)));
        for (delivery, retry, query, mutation) in [
            (Delivery::Nothing, Retry::Backoff, Some(250), Some(250)),
            (Delivery::Nothing, named, Some(7_000), Some(7_000)),
            (Delivery::Nothing, Retry::RateLimit(None), Some(1_000), Some(1_000)),
            (Delivery::Nothing, Retry::Never, None, None),
            (Delivery::Unknown, Retry::Backoff, Some(250), None),
            (Delivery::Unknown, Retry::BackoffOnce, Some(250), None),
            (Delivery::Unknown, Retry::AtOnce, Some(1), None),
            (Delivery::Unknown, named, Some(7_000), None),
            (Delivery::Unknown, Retry::Never, None, None),
        ] {
            assert_eq!(wait(delivery, retry, RequestKind::Query, 0), query, "{delivery:?} {retry:?}");
            assert_eq!(wait(delivery, retry, RequestKind::Mutation, 0), mutation, "{delivery:?} {retry:?}");
        }
    }

    #[test]
    fn waits_double_and_a_problem_is_asked_about_once_more() {
        let of = |retry| [0, 1, 2].map(|earlier| wait(Delivery::Nothing, retry, RequestKind::Query, earlier));
        assert_eq!(of(Retry::Backoff), [Some(250), Some(500), Some(1_000)]);
        assert_eq!(of(Retry::RateLimit(None)), [Some(1_000), Some(2_000), Some(4_000)]);
        assert_eq!(of(Retry::BackoffOnce), [Some(250), None, None]);
    }

    #[test]
    fn redirect_error_omits_path() {
        assert_eq!(origin("https://evil.example/steal?token=1"), "https://evil.example");
        assert_eq!(origin("/login"), "another path");
    }
}
