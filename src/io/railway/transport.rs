//! One POST to Railway: the seam behind which the real network and the simulated Railway are the same.

use std::time::Duration;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::io::railway::in_flight::Underway;

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
    /// How long this attempt may take, body included.
    pub patience: Duration,
    /// Which try of its question it is, counted from 1.
    pub attempt: u32,
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

/// A request that left ahead of its turn. Dropped, it is called back.
#[derive(Debug)]
pub enum InFlightRequest {
    /// What came of it.
    Over(Result<HttpResponse, TransportFailure>),
    /// It is under way.
    Underway(Underway),
}

impl InFlightRequest {
    /// Whether it went out.
    pub fn was_sent(&self) -> bool {
        match self {
            Self::Over(result) => was_sent(result),
            Self::Underway(underway) => underway.was_sent(),
        }
    }
}

/// What came of a request that left ahead, and of the one that was sent after it.
pub type AheadOutcome = (Result<HttpResponse, TransportFailure>, Option<Result<HttpResponse, TransportFailure>>);

/// Whether a request with that result went out.
pub fn was_sent(result: &Result<HttpResponse, TransportFailure>) -> bool {
    !matches!(result, Err(TransportFailure::NotSent(_) | TransportFailure::Certificate(_)))
}

/// One POST.
pub trait Transport {
    /// Sends and waits for the whole answer.
    fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure>;

    /// The same, with others that leave right behind it, without waiting for theirs.
    fn post_ahead(
        &self,
        outgoing: &HttpRequest<'_>,
        others: &[HttpRequest<'_>],
    ) -> (Result<HttpResponse, TransportFailure>, Vec<InFlightRequest>) {
        let result = self.post(outgoing);
        let others = others.iter().map(|other| match &result {
            Err(failure @ (TransportFailure::NotSent(_) | TransportFailure::Certificate(_))) => {
                InFlightRequest::Over(Err(failure.clone()))
            }
            _ => InFlightRequest::Over(self.post(other)),
        });
        let others = others.collect();
        (result, others)
    }

    /// Waits for the answer to one of those; where it takes longer than that, the same question is sent once more, and the
    /// sooner answer of the two counts. What came of the second is told if there was one.
    fn wait(&self, ahead: InFlightRequest, _alone: Duration, _again: &HttpRequest<'_>) -> AheadOutcome {
        match ahead {
            InFlightRequest::Over(result) => (result, None),
            InFlightRequest::Underway(_) => (Err(TransportFailure::TimedOut), None),
        }
    }

    /// Whether many requests can be under way on the one connection that was used last.
    fn shares(&self) -> bool {
        true
    }

    /// The host, for messages.
    fn host(&self) -> &str;
}
