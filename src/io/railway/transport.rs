//! One POST to Railway: the seam behind which the real network and the simulated Railway are the same.

use std::time::Duration;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::drift::Secret;

/// What is sent.
#[derive(Debug)]
pub struct HttpRequest<'o> {
    /// The operation's name; also in the body.
    pub operation: &'static str,
    /// The JSON body: `query`, `variables`, `operationName`.
    pub body: &'o str,
    /// The token and the header it goes into.
    pub token: &'o Secret,
    /// Which header.
    pub scheme: Scheme,
    /// What is left of the time of the run.
    pub remaining: Duration,
    /// How long this attempt may take, body included.
    pub patience: Duration,
    /// Which try of its question it is, counted from 1.
    pub attempt: u32,
}

/// The least time that one try is given, as long as the deadline allows. Ordinary responses take half a second.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(5);

/// The most time that one try is given, however long the run may take: the official CLI waits as long.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(90);

/// How long one try may take: half of what is left, so that there is time to try again, or to read back what became of it.
pub(crate) fn attempt_timeout(remaining: Duration) -> Duration {
    remaining.min(SHORTEST_ATTEMPT.max(remaining / 2)).min(LONGEST_ATTEMPT)
}

/// Which header carries the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer`: account, workspace and OAuth tokens.
    Bearer,
    /// `Project-Access-Token`.
    Project,
}

/// What is said of [`TransportFailure::TooLong`].
pub(crate) const TOO_LONG: &str = "an answer longer than anything Railway sends: more than 16 MiB";

/// Headers that show who answered, and what support asks for. None of them is believed before it was checked.
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

/// What came back, whatever it is.
#[derive(Debug)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` as sent.
    pub retry_after: Option<String>,
    /// `RateLimit-Policy` and `X-RateLimit-Limit`, whichever of them came; the names in lower case.
    pub rate: Vec<(String, String)>,
    /// `Location` of a redirect.
    pub location: Option<String>,
    /// `Date`: what time it is there.
    pub date: Option<Timestamp>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// Further headers that show who answered, see [`OTHER_HEADERS`]; the names in lower case.
    pub others: Vec<(String, String)>,
    /// The body; cleared on drop, because it holds values.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why no reply came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportFailure {
    /// No connection was made, so nothing was sent: DNS, refused, proxy, handshake.
    NotSent(String),
    /// The certificate was not accepted; never retried.
    Certificate(String),
    /// The connection broke after the request was sent: what became of it is not known.
    Broken(String),
    /// The attempt's time was over.
    TimedOut,
    /// The answer is longer than anything Railway sends.
    TooLong,
}

/// What came of a request.
pub type PostOutcome = Result<HttpResponse, TransportFailure>;

/// Whether a request with that outcome went out.
pub fn was_sent(outcome: &PostOutcome) -> bool {
    !matches!(outcome, Err(TransportFailure::NotSent(_) | TransportFailure::Certificate(_)))
}

/// One POST.
pub trait Transport {
    /// Sends and waits for the whole response.
    fn post(&self, request: &HttpRequest<'_>) -> PostOutcome;

    /// The host, for messages.
    fn host(&self) -> &str;

    /// The same transport, if it can send several requests at once.
    fn concurrent(&self) -> Option<&dyn ConcurrentTransport> {
        None
    }
}

/// A transport that can send several requests at once.
pub trait ConcurrentTransport {
    /// Sends a request and waits for the whole response. The others leave right behind it, and are not waited for.
    fn post_all(&self, first: &HttpRequest<'_>, others: &[HttpRequest<'_>]) -> (PostOutcome, Vec<Box<dyn InFlight>>);

    /// Whether many requests can be in flight on the one connection that was used last.
    fn shares_connection(&self) -> bool;
}

/// A request that is not waited for. Dropped, it is cancelled.
pub trait InFlight {
    /// Whether it went out.
    fn was_sent(&self) -> bool;

    /// Waits for the response. Where it takes longer than `alone`, the same request is sent once more, and the sooner
    /// response of the two counts.
    fn wait(self: Box<Self>, alone: Duration, again: &HttpRequest<'_>) -> EarlyOutcome;
}

/// What came of a request that was in flight.
#[derive(Debug)]
pub struct EarlyOutcome {
    /// Its own response.
    pub early: PostOutcome,
    /// That of the second request, if one was sent.
    pub second: Option<PostOutcome>,
}
