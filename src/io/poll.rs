//! The one polling loop: checks, waits, and checks again, until there is a result or no more time for one.

use std::time::Duration;

use crate::io::clock::Clock;
use crate::io::interrupt::Interrupt;

/// What a polling loop keeps to.
#[derive(Clone, Copy)]
pub struct Poll<'p> {
    /// What measures and waits.
    pub clock: &'p dyn Clock,
    /// Ctrl-C, which ends the loop after the check that is under way, or after one more if it comes in a wait: what was
    /// written is read back once more.
    pub interrupt: &'p Interrupt,
    /// When the whole run has to be done, on its clock. No wait goes beyond it.
    pub deadline: Duration,
    /// How long this loop may go on within that.
    pub limit: PollLimit,
}

/// How long a polling loop may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollLimit {
    /// Until the deadline, unless the check ends it earlier.
    Deadline,
    /// Until its waits add up to more than that. What the checks take is not counted, so that a slow network costs no
    /// checks of something that lags behind.
    Waited(Duration),
    /// Until so much time has passed since it began. For checks that may take long themselves.
    Elapsed(Duration),
}

/// Why a polling loop has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollEnd {
    /// Ctrl-C.
    Interrupted,
    /// Another wait would be longer than the loop's own limit.
    LimitReached,
    /// Another wait would be longer than what is left of the run's time.
    DeadlineReached,
}

/// Calls `check` until it returns a result. It is told how many times it was called before; `backoff` returns how long to
/// wait after the call of that number. There is always a first call, and none after a wait that would not fit.
///
/// # Errors
///
/// What ended the loop in place of a result.
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

/// A wait that doubles: for what usually is there at once, and sometimes much later.
pub fn doubling(first: Duration) -> impl Fn(u32) -> Duration {
    move |number| first.saturating_mul(2_u32.saturating_pow(number))
}

/// A wait that is always the same.
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

    /// The result, how many checks there were, and how many seconds it took where a check takes one.
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
    fn the_first_result_ends_it() {
        let third = |number, _: &Interrupt| (number == 2).then_some(number);
        assert_eq!(run(PollLimit::Deadline, every(5 * SECOND), third), (Ok(2), 3, 13));
        assert_eq!(run(PollLimit::Waited(30 * SECOND), doubling(SECOND), third), (Ok(2), 3, 6));
        let at_once = |number, _: &Interrupt| Some(number);
        assert_eq!(run(PollLimit::Waited(Duration::ZERO), every(SECOND), at_once), (Ok(0), 1, 1));
    }

    #[test]
    fn without_a_result_a_limit_or_the_deadline_ends_it() {
        let never = |_, _: &Interrupt| None;
        for (limit, expected) in [
            // 1 + 2 + 4 + 8 s of waiting, and 16 more would be too much.
            (PollLimit::Waited(30 * SECOND), (Err(PollEnd::LimitReached), 5, 20)),
            (PollLimit::Waited(Duration::ZERO), (Err(PollEnd::LimitReached), 1, 1)),
            (PollLimit::Elapsed(12 * SECOND), (Err(PollEnd::LimitReached), 4, 11)),
            // 32 s more would end after the 60 s of the run.
            (PollLimit::Deadline, (Err(PollEnd::DeadlineReached), 6, 37)),
        ] {
            assert_eq!(run(limit, doubling(SECOND), never), expected, "{limit:?}");
        }
    }

    #[test]
    fn an_interrupt_ends_it_after_the_check_under_way() {
        let pressed = |number, interrupt: &Interrupt| {
            interrupt.begin_writing();
            interrupt.press();
            (number == 1).then_some(number)
        };
        let expected = (Err(PollEnd::Interrupted), 1, 1);
        assert_eq!(run(PollLimit::Deadline, every(SECOND), pressed), expected);
    }
}
