//! How a change without a clear answer is looked for. Railway's reads lag behind its writes, by seconds at times: that a
//! change can't be seen yet does not mean that it was not made, so it is looked for again, at growing intervals.

use std::time::Duration;

use crate::io::poll::{PollLimit, doubling};

/// How long the reads may lag behind before the outcome is unknown. What the reads themselves take is not counted.
const LONGEST_LAG: Duration = Duration::from_secs(30);

/// How long to look for what a change should have done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadBack {
    /// Railway refused it: one look shows whether it was done all the same.
    Once,
    /// It was accepted, or its answer was lost.
    Patiently,
}

impl ReadBack {
    pub(super) fn limit(self) -> PollLimit {
        PollLimit::Waited(match self {
            Self::Once => Duration::ZERO,
            Self::Patiently => LONGEST_LAG,
        })
    }
}

/// A stored value or setting is mostly visible at once.
pub(super) fn backoff() -> impl Fn(u32) -> Duration {
    doubling(Duration::from_millis(500))
}
