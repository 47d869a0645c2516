//! The polling loop: checks and waits until it has a result or no time is left.

use std::time::Duration;

use crate::io::clock::Clock;
use crate::io::interrupt::Interrupt;

/// The parameters of a polling loop.
#[derive(Clone, Copy)]
pub struct Poll<'p> {
    pub clock: &'p dyn Clock,
    /// Ctrl-C, which ends the loop after the current check, or after one more check if it comes during a wait: written
    /// values are read back once more.
    pub interrupt: &'p Interrupt,
    /// When the whole run must end, on its clock. No wait exceeds it.
    pub deadline: Duration,
    /// The limit of this loop, within the deadline.
    pub limit: PollLimit,
}

/// The limit of a polling loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollLimit {
    /// Until the deadline, unless the check ends it earlier.
    Deadline,
    /// Until the waits add up to this. The checks do not count, so that a slow network does not reduce the number of
    /// checks of a value that appears late.
    Waited(Duration),
    /// Until this time has passed since the start of the loop. For checks that may be slow themselves.
    Elapsed(Duration),
}

/// Why a polling loop has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollEnd {
    /// Ctrl-C.
    Interrupted,
    /// Another wait would exceed the loop's own limit.
    LimitReached,
    /// Another wait would exceed the deadline of the run.
    DeadlineReached,
}

/// Calls `check` until it returns a result. `check` gets the number of earlier calls; `backoff` returns how long to
/// wait after the call with that number. There is always a first call. A wait that would exceed a limit ends the loop.
///
/// # Errors
///
/// Returns what ended the loop without a result.
pub fn poll_until<T>(
    poll: Poll<'_>,
    backoff: impl Fn(u32) -> Duration,
    mut check: impl FnMut(u32) -> Option<T>,
) -> Result<T, PollEnd> {
    let began = poll.clock.elapsed();
    let mut waited = Duration::ZERO;
    for number in 0.. {
        if let Some(result) = check(number) {
            return Ok(result);
        }
        if poll.interrupt.is_requested() {
            return Err(PollEnd::Interrupted);
        }
        let (wait, now) = (backoff(number), poll.clock.elapsed());
        let is_over = match poll.limit {
            PollLimit::Deadline => false,
            PollLimit::Waited(limit) => waited + wait > limit,
            PollLimit::Elapsed(limit) => now.saturating_sub(began) + wait > limit,
        };
        if is_over {
            return Err(PollEnd::LimitReached);
        }
        if wait >= poll.deadline.saturating_sub(now) {
            return Err(PollEnd::DeadlineReached);
        }
        poll.interrupt.pause(poll.clock, wait);
        waited += wait;
    }
    Err(PollEnd::LimitReached)
}

/// Returns waits that double, for a result that is usually there immediately and sometimes much later.
pub fn doubling(first: Duration) -> impl Fn(u32) -> Duration {
    move |number| first.saturating_mul(2_u32.saturating_pow(number))
}

/// Returns constant waits.
pub fn every(wait: Duration) -> impl Fn(u32) -> Duration {
    move |_| wait
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use jiff::Timestamp;

    use crate::io::clock::Clock;
    use crate::io::interrupt::Interrupt;
    use crate::io::poll::{Poll, PollEnd, PollLimit, doubling, every, poll_until};

    #[derive(Default)]
    struct Jumping(Cell<Duration>);

    impl Clock for Jumping {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        fn elapsed(&self) -> Duration {
            self.0.get()
        }
        fn sleep(&self, time: Duration) {
            self.0.set(self.0.get() + time);
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    /// Runs a loop whose checks take a second each. Returns the result, the number of checks, and the seconds it took.
    fn run(
        limit: PollLimit,
        backoff: impl Fn(u32) -> Duration,
        check: impl Fn(u32, &Interrupt) -> Option<u32>,
    ) -> (Result<u32, PollEnd>, u32, u64) {
        let (clock, interrupt, checks) = (Jumping::default(), Interrupt::default(), Cell::new(0));
        let poll = Poll { clock: &clock, interrupt: &interrupt, deadline: 60 * SECOND, limit };
        let result = poll_until(poll, backoff, |number| {
            clock.sleep(SECOND);
            checks.set(checks.get() + 1);
            check(number, &interrupt)
        });
        (result, checks.get(), clock.elapsed().as_secs())
    }

    #[test]
    fn first_result_ends_loop() {
        let third = |number, _: &Interrupt| (number == 2).then_some(number);
        assert_eq!(run(PollLimit::Deadline, every(5 * SECOND), third), (Ok(2), 3, 13));
        assert_eq!(run(PollLimit::Waited(30 * SECOND), doubling(SECOND), third), (Ok(2), 3, 6));
        let at_once = |number, _: &Interrupt| Some(number);
        assert_eq!(run(PollLimit::Waited(Duration::ZERO), every(SECOND), at_once), (Ok(0), 1, 1));
    }

    #[test]
    fn limit_or_deadline_ends_loop_without_result() {
        let never = |_, _: &Interrupt| None;
        for (limit, expected) in [
            // 1 + 2 + 4 + 8 s of waiting; another 16 s would exceed the limit.
            (PollLimit::Waited(30 * SECOND), (Err(PollEnd::LimitReached), 5, 20)),
            (PollLimit::Waited(Duration::ZERO), (Err(PollEnd::LimitReached), 1, 1)),
            (PollLimit::Elapsed(12 * SECOND), (Err(PollEnd::LimitReached), 4, 11)),
            // Another 32 s would exceed the 60 s of the run.
            (PollLimit::Deadline, (Err(PollEnd::DeadlineReached), 6, 37)),
        ] {
            assert_eq!(run(limit, doubling(SECOND), never), expected, "{limit:?}");
        }
    }

    #[test]
    fn interrupt_ends_loop_after_current_check() {
        let pressed = |number, interrupt: &Interrupt| {
            interrupt.begin_writing();
            interrupt.press();
            (number == 1).then_some(number)
        };
        let expected = (Err(PollEnd::Interrupted), 1, 1);
        assert_eq!(run(PollLimit::Deadline, every(SECOND), pressed), expected);
    }
}
