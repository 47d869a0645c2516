//! The transport of one POST to Railway, implemented by the network and by the simulated Railway.

use std::time::Duration;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::drift::Secret;

/// A request to send.
#[derive(Debug)]
pub struct HttpRequest<'o> {
    /// The operation's name; also in the body.
    pub operation: &'static str,
    /// The JSON body: `query`, `variables`, `operationName`.
    pub body: &'o str,
    pub token: &'o Secret,
    /// The header that carries the token.
    pub scheme: Scheme,
    /// The time that is left for the run.
    pub remaining: Duration,
    /// The time limit of this attempt, including the body.
    pub time_limit: Duration,
    /// The number of this attempt, counted from 1.
    pub attempt: u32,
}

/// The minimum time limit of an attempt, if the deadline allows it. Railway usually responds in half a second.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(5);

/// The maximum time limit of an attempt, however long the run may take. The Railway CLI waits as long.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(90);

/// Returns the time limit of an attempt: half of the time that is left, to leave time for a retry or a read-back.
pub(crate) fn attempt_timeout(remaining: Duration) -> Duration {
    remaining.min(SHORTEST_ATTEMPT.max(remaining / 2)).min(LONGEST_ATTEMPT)
}

/// The header that carries the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer`: account, workspace and OAuth tokens.
    Bearer,
    /// `Project-Access-Token`.
    Project,
}

/// The message for [`TransportFailure::TooLong`].
pub(crate) const TOO_LONG: &str = "the response exceeds 16 MiB";

/// Headers that identify the sender, or that Railway's support asks for. They are not trusted until they are validated.
pub const OTHER_HEADERS: [&str; 8] = [
    "cf-ray",
    "server",
    "x-railway-edge",
    "x-railway-request-id",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
    "x-trace-id",
];

/// A response, from Railway or from a proxy in front of it.
#[derive(Debug)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` as sent.
    pub retry_after: Option<String>,
    /// `RateLimit-Policy` and `X-RateLimit-Limit`, if present; the names in lower case.
    pub rate: Vec<(String, String)>,
    /// `Location` of a redirect.
    pub location: Option<String>,
    /// `Date`: the time of the sender's clock.
    pub date: Option<Timestamp>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The headers of [`OTHER_HEADERS`], if present; the names in lower case.
    pub others: Vec<(String, String)>,
    /// The body; zeroed on drop, because it contains values.
    pub body: Zeroizing<Vec<u8>>,
}

/// The reason why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportFailure {
    /// No connection was made, so nothing was sent: DNS, connection refused, proxy, TLS handshake.
    NotSent(String),
    /// The certificate is not trusted; never retried.
    Certificate(String),
    /// The connection was lost after the request was sent, so that its outcome is unknown.
    Broken(String),
    /// The attempt reached its time limit.
    TimedOut,
    /// The response exceeds the size limit.
    TooLong,
}

/// The outcome of a request.
pub type PostOutcome = Result<HttpResponse, TransportFailure>;

/// Returns whether a request with this outcome was sent.
pub fn was_sent(outcome: &PostOutcome) -> bool {
    !matches!(outcome, Err(TransportFailure::NotSent(_) | TransportFailure::Certificate(_)))
}

/// Sends one POST at a time.
pub trait Transport {
    /// Sends a request, and waits for the whole response.
    fn post(&self, request: &HttpRequest<'_>) -> PostOutcome;

    /// Returns the host, for messages.
    fn host(&self) -> &str;

    /// Returns the same transport, if it can send several requests at once.
    fn concurrent(&self) -> Option<&dyn ConcurrentTransport> {
        None
    }
}

/// A transport that can send several requests at once.
pub trait ConcurrentTransport {
    /// Sends a request, and waits for the whole response. The others are sent right after it, without waiting for them.
    fn post_all(&self, first: &HttpRequest<'_>, others: &[HttpRequest<'_>]) -> (PostOutcome, Vec<Box<dyn InFlight>>);

    /// Returns whether many requests can be in flight on the connection that was used last.
    fn shares_connection(&self) -> bool;
}

/// A request in flight. Dropping it cancels it.
pub trait InFlight {
    fn was_sent(&self) -> bool;

    /// Waits for the response. If it takes longer than `alone`, sends the same request again and uses the response that
    /// arrives first.
    fn wait(self: Box<Self>, alone: Duration, again: &HttpRequest<'_>) -> EarlyOutcome;
}

/// The outcome of a request that was in flight.
#[derive(Debug)]
pub struct EarlyOutcome {
    /// The outcome of the request itself.
    pub early: PostOutcome,
    /// The outcome of the second request, if one was sent.
    pub second: Option<PostOutcome>,
}
