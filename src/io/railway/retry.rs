//! The retry loop: classifies each failure of a request, and decides whether and when to send it again.
//!
//! A query changes nothing, so it is retried after every failure that may be transient: no connection, a lost or slow
//! one, a gateway's page in place of JSON, a rate limit. It is not retried after a failure that would repeat: an
//! untrusted certificate, a firewall, a redirect, JSON that Railway never sends, and errors that Railway returns. The
//! exception is `Problem processing request`, which Railway returns for transient failures as well: it is retried once.
//!
//! A mutation is retried only if Railway certainly did not process it: no connection was made, or the status is HTTP
//! 429. After any other failure, Railway may have processed it. A second attempt could deploy twice, or overwrite a
//! value that another user has stored in between. `commands::apply` reads the outcome back instead.
//!
//! The waits double from attempt to attempt, unless the response to a rate limit names one. A wait that would exceed
//! `--timeout` is not started: the request fails at once.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, RailwayErrors};
use crate::io::railway::client::Client;
use crate::io::railway::operations::query_body;
use crate::io::railway::prefetch::Exchange;
use crate::io::railway::rate_limit::{FIRST_WAIT_WHEN_LIMITED, allowance, named_delay};
use crate::io::railway::response::{ErrorKind, GraphqlError, QueryError, ResponseData, ResponseError};
use crate::io::railway::transport::{HttpRequest, HttpResponse, TOO_LONG, TransportFailure};

/// The number of attempts per request; the deadline may end them earlier.
const TRIES: u32 = 4;

/// The wait before the second attempt; it doubles for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// The wait after an attempt that timed out, which has waited long enough.
const WAIT_AFTER_TIMEOUT: Duration = Duration::from_millis(1);

/// The kind of a request: only a query may be sent again after it may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Query,
    Mutation,
}

/// Whether a request that failed reached Railway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It was certainly not processed.
    Nothing,
    /// It may have arrived and been processed.
    Unknown,
}

/// Whether and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// It would fail in the same way.
    Never,
    /// Without a wait: the failure took as long as a wait would.
    AtOnce,
    /// It may be transient.
    Backoff,
    /// The same, but only after the first attempt.
    BackoffOnce,
    /// When the rate limit ends, if the response contains that time.
    RateLimit(Option<Duration>),
}

/// A failed attempt.
#[derive(Debug)]
struct AttemptFailure {
    error: Error,
    /// The GraphQL errors of the response, if any.
    refusals: Vec<GraphqlError>,
    delivery: Delivery,
    retry: Retry,
}

/// The failure of a request, after all attempts that are allowed for it.
#[derive(Debug)]
pub(crate) enum RequestFailure {
    /// Railway responded with errors. Most of them mean that nothing was changed; none of them proves it.
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

    /// Returns the wait before the next attempt, after `earlier` other ones; `None` if there is no next attempt.
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
    /// Sends a query, with retries. For queries only, because a request may be sent several times.
    pub(crate) fn query_response<V: Serialize, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &str,
        variables: &V,
    ) -> Result<ResponseData<T>, QueryError> {
        let body = query_body(operation, query, variables);
        Ok(self.with_retries(operation, &body, RequestKind::Query)?)
    }

    /// Sends a request until it succeeds, fails permanently, or the time is over.
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
            self.refuse_over_allowance()
                .map_err(|error| RequestFailure::Failed { error, delivery: Delivery::Nothing })?;
            let request = self.request(operation, body, remaining, earlier);
            let failure = match self.attempt(&request) {
                Ok(response) => return Ok(response),
                Err(failure) => *failure,
            };
            let Some(wait) = failure.wait(kind, earlier) else { return Err(failure.into()) };
            if earlier + 1 == TRIES || wait >= self.remaining() {
                return Err(self.exhausted(failure, kind, last.as_ref()));
            }
            self.report_wait(&failure.error, wait);
            // The error of an earlier attempt is more specific than a timeout.
            let is_late = matches!(failure.error, Error::TimedOut { .. });
            last = if is_late { last } else { Some(failure.error) };
            self.clock.sleep(wait);
        }
        Err(RequestFailure::Failed { error: self.timed_out(last.as_ref()), delivery: Delivery::Unknown })
    }

    fn attempt<T: DeserializeOwned>(&self, request: &HttpRequest<'_>) -> Result<ResponseData<T>, Box<AttemptFailure>> {
        let Exchange { reply, read } =
            self.transport.exchange(request).map_err(|failure| Box::new(self.classify_transport(failure, request)))?;
        read.map_err(|error| Box::new(self.classify_response(error, request.operation, &reply)))
    }

    fn classify_transport(&self, failure: TransportFailure, request: &HttpRequest<'_>) -> AttemptFailure {
        let host = self.host();
        match failure {
            TransportFailure::Certificate(cause) => {
                AttemptFailure::new(Error::Certificate { host, cause }, Delivery::Nothing, Retry::Never)
            }
            TransportFailure::NotSent(cause) => {
                AttemptFailure::new(Error::Unreachable { host, cause }, Delivery::Nothing, Retry::Backoff)
            }
            TransportFailure::Broken(cause) => {
                let cause = format!("connection lost: {cause}");
                AttemptFailure::new(Error::Unreachable { host, cause }, Delivery::Unknown, Retry::Backoff)
            }
            TransportFailure::TimedOut => {
                let error = Error::TimedOut { host, limit: request.time_limit, last: None };
                AttemptFailure::new(error, Delivery::Unknown, Retry::AtOnce)
            }
            TransportFailure::TooLong => {
                let cause = TOO_LONG.to_owned();
                AttemptFailure::new(Error::InvalidResponse { host, cause }, Delivery::Unknown, Retry::Never)
            }
        }
    }

    fn classify_response(&self, error: ResponseError, operation: &'static str, reply: &HttpResponse) -> AttemptFailure {
        let host = self.host();
        let unknown = |error, retry| AttemptFailure::new(error, Delivery::Unknown, retry);
        match error {
            // A gateway's page. It may replace the response to a mutation that was processed.
            ResponseError::Garbled(cause) => unknown(Error::InvalidResponse { host, cause }, Retry::Backoff),
            ResponseError::Invalid(cause) => unknown(Error::InvalidResponse { host, cause }, Retry::Never),
            // Most likely the request did not arrive, but nothing proves it.
            ResponseError::Blocked { why, code } => unknown(Error::Blocked { host, cause: why, code }, Retry::Never),
            // HTTP 303 can mean that the request was processed.
            ResponseError::Redirected(to) => unknown(Error::Redirected { host, to: origin(&to) }, Retry::Never),
            ResponseError::Refused(refusals) => {
                // `Problem processing request` is often a transient failure: a second attempt shows whether it is.
                let is_transient = refusals.iter().all(|refusal| refusal.kind == ErrorKind::Problem);
                let retry = if is_transient { Retry::BackoffOnce } else { Retry::Never };
                let error = Error::Railway { operation, errors: RailwayErrors::default() };
                AttemptFailure { refusals, ..unknown(error, retry) }
            }
            // HTTP 429 rejects a request unread. A rate limit inside HTTP 200 comes from the operation itself, such as
            // a throttled redeployment, and does not prove that nothing was changed.
            ResponseError::Limited { by, refusals } => {
                let delivery = if reply.status == 429 { Delivery::Nothing } else { Delivery::Unknown };
                let named = named_delay(reply, self.clock.now());
                let error = Error::RateLimited { wait: named, by: by.to_owned(), allowance: allowance(&reply.rate) };
                AttemptFailure { refusals, ..AttemptFailure::new(error, delivery, Retry::RateLimit(named)) }
            }
        }
    }

    /// Returns the failure of a request that is not retried although that might help. A query that ran out of time
    /// reports the timeout, with the last other error as its cause. A mutation reports its own error.
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
            self.status.print_line(&format!("rate limited by {by}; retrying in {seconds:.0} s"));
        }
    }

    fn timed_out(&self, last: Option<&Error>) -> Error {
        let last = last.map(|error| format!("last error: {}", error.with_cause(": ")));
        Error::TimedOut { host: self.host(), limit: self.limit.get(), last }
    }
}

/// Returns the scheme and the host of a redirect, which is empty if the response does not name it. Its path and query
/// are not shown, because they may contain secrets.
fn origin(location: &str) -> String {
    if location.is_empty() {
        return "an unnamed address".to_owned();
    }
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
    fn mutation_is_retried_only_if_it_was_not_delivered() {
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
    fn waits_double_and_transient_problem_is_retried_once() {
        let of = |retry| [0, 1, 2].map(|earlier| wait(Delivery::Nothing, retry, RequestKind::Query, earlier));
        assert_eq!(of(Retry::Backoff), [Some(250), Some(500), Some(1_000)]);
        assert_eq!(of(Retry::RateLimit(None)), [Some(1_000), Some(2_000), Some(4_000)]);
        assert_eq!(of(Retry::BackoffOnce), [Some(250), None, None]);
    }

    #[test]
    fn redirect_error_omits_path() {
        assert_eq!(origin("https://evil.example/steal?token=1"), "https://evil.example");
        assert_eq!(origin("/login"), "another path");
        assert_eq!(origin(""), "an unnamed address");
    }
}
