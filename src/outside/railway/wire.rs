//! One POST to Railway: the seam behind which the real network and the simulated Railway are the same.

use std::time::Duration;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::outside::railway::underway::Underway;

/// What is sent.
#[derive(Debug)]
pub struct Outgoing<'o> {
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

/// What is said of [`Failure::TooLong`].
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
pub struct Reply {
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
pub enum Failure {
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
pub enum Ahead {
    /// What came of it.
    Over(Result<Reply, Failure>),
    /// It is under way.
    Underway(Underway),
}

impl Ahead {
    /// Whether it went out.
    pub fn was_sent(&self) -> bool {
        match self {
            Self::Over(result) => was_sent(result),
            Self::Underway(underway) => underway.was_sent(),
        }
    }
}

/// What came of a request that left ahead, and of the one that was sent after it.
pub type Waited = (Result<Reply, Failure>, Option<Result<Reply, Failure>>);

/// Whether a request with that result went out.
pub fn was_sent(result: &Result<Reply, Failure>) -> bool {
    !matches!(result, Err(Failure::NotSent(_) | Failure::Certificate(_)))
}

/// One POST.
pub trait Wire {
    /// Sends and waits for the whole answer.
    fn post(&self, outgoing: &Outgoing<'_>) -> Result<Reply, Failure>;

    /// The same, with others that leave right behind it, without waiting for theirs.
    fn post_ahead(&self, outgoing: &Outgoing<'_>, others: &[Outgoing<'_>]) -> (Result<Reply, Failure>, Vec<Ahead>) {
        let result = self.post(outgoing);
        let others = others.iter().map(|other| match &result {
            Err(failure @ (Failure::NotSent(_) | Failure::Certificate(_))) => Ahead::Over(Err(failure.clone())),
            _ => Ahead::Over(self.post(other)),
        });
        let others = others.collect();
        (result, others)
    }

    /// Waits for the answer to one of those; where it takes longer than that, the same question is sent once more, and the
    /// sooner answer of the two counts. What came of the second is told if there was one.
    fn wait(&self, ahead: Ahead, _alone: Duration, _again: &Outgoing<'_>) -> Waited {
        match ahead {
            Ahead::Over(result) => (result, None),
            Ahead::Underway(_) => (Err(Failure::TimedOut), None),
        }
    }

    /// Whether many requests can be under way on the one connection that was used last.
    fn shares(&self) -> bool {
        true
    }

    /// The host, for messages.
    fn host(&self) -> &str;
}
