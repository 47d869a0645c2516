//! How long to read back a change. Railway's reads lag behind its writes, at times by seconds, so a change that is not
//! visible yet may have been made. It is read again, at growing intervals.

use std::time::Duration;

use crate::io::poll::{PollLimit, doubling};

/// The longest lag before the outcome is unknown. The duration of the reads themselves is not counted.
const LONGEST_LAG: Duration = Duration::from_secs(30);

/// How often to read back a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadBack {
    /// Railway refused it: one read shows whether it was made anyway.
    Once,
    /// It was accepted, or its response was lost.
    Retried,
}

impl ReadBack {
    pub(super) fn limit(self) -> PollLimit {
        PollLimit::Waited(match self {
            Self::Once => Duration::ZERO,
            Self::Retried => LONGEST_LAG,
        })
    }
}

/// Starts with a short interval, because a stored value or setting is usually visible at once.
pub(super) fn backoff() -> impl Fn(u32) -> Duration {
    doubling(Duration::from_millis(500))
}
