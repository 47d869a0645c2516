//! Ctrl-C: what it means depends on whether something is being changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::outside::clock::Clock;

/// The longest that a wait goes on after Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);

/// A question ends by itself at Ctrl-C, and the run with it: its temporary folders go, the terminal's mode comes back.
/// After this time the run is ended from outside, as one that hangs is.
const GRACE: Duration = Duration::from_millis(300);

const NOTHING_CHANGED: &str = "doctor: interrupted; nothing was changed";
const FINISHING: &str = "doctor: finishing this step, then stopping (Ctrl-C again stops at once)";
const CHANGES_MADE: &str =
    "doctor: interrupted after changes were made; `doctor undo --list` and `doctor check` tell what landed";
const CHANGES_UNDER_WAY: &str =
    "doctor: interrupted while changes were under way; `doctor undo --list` and `doctor check` tell what landed";

/// Ctrl-C, shared between the run and the thread that hears the signal. Termination signals are treated alike.
#[derive(Debug, Default)]
pub struct Interrupt {
    /// Locked from the decision to leave until the process ends: nothing starts to change in between.
    state: Mutex<State>,
    requested: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    question: Question,
    /// The last word has been said, and is not said again by another thread.
    told: Told,
}

/// Where the run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing was changed yet.
    #[default]
    Free,
    /// Something is being changed.
    Writing,
    /// Something is being changed, and the person was told that the run stops after this step.
    Stopping,
    /// Something was changed.
    Written,
}

/// Whether a question stands on the terminal, which then reads single keys and shows no cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Question {
    #[default]
    None,
    Open,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    No,
    Yes,
}

impl Interrupt {
    /// The next thing changes something: from here on, the first Ctrl-C only asks the run to stop.
    pub fn begin_writing(&self) {
        let mut state = self.state();
        if state.phase != Phase::Stopping {
            state.phase = Phase::Writing;
        }
    }

    /// Nothing is being changed any more. Ctrl-C ends the run at once again, and no longer claims that nothing was changed.
    pub fn end_writing(&self) {
        self.state().phase = Phase::Written;
    }

    /// Whether Ctrl-C was pressed, and the run is to stop after the step that it is in.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }

    /// Waits, and no longer than to the next Ctrl-C.
    pub fn pause(&self, clock: &dyn Clock, time: Duration) {
        let mut left = time;
        while !left.is_zero() && !self.is_requested() {
            let slice = left.min(SLICE);
            clock.sleep(slice);
            left -= slice;
        }
    }

    /// Says how an interrupted run ended, unless the thread of the signal said so already.
    pub fn tell(&self, say: &dyn Fn(&str)) {
        Self::last_word(&mut self.state(), say);
    }

    /// Presses Ctrl-C, as a test of a whole run does.
    #[cfg(test)]
    pub(crate) fn press(&self) {
        self.signal(&|_| {}, &|_, _| {});
    }

    /// Hears the signal. `say` is for a line while the run goes on; `leave` gets the last word, empty if it was said, and
    /// ends the process.
    pub(super) fn signal(&self, say: &dyn Fn(&str), leave: &dyn Fn(&str, Question)) {
        if self.state().question == Question::Open {
            self.requested.store(true, Ordering::SeqCst);
            thread::sleep(GRACE);
        }
        let mut state = self.state();
        if state.phase == Phase::Writing {
            state.phase = Phase::Stopping;
            self.requested.store(true, Ordering::SeqCst);
            say(FINISHING);
            return;
        }
        let told = state.told;
        state.told = Told::Yes;
        leave(if told == Told::Yes { "" } else { state.phase.last_word() }, state.question);
    }

    /// A question stands on the terminal.
    pub(super) fn begin_question(&self) {
        self.state().question = Question::Open;
    }

    /// The question was answered. One that Ctrl-C ended stays open, so that the run can end by itself.
    pub(super) fn end_question(&self) {
        self.state().question = Question::None;
    }

    fn last_word(state: &mut State, say: &dyn Fn(&str)) {
        if state.told == Told::No {
            state.told = Told::Yes;
            say(state.phase.last_word());
        }
    }

    /// A thread that panicked with the lock left nothing half done in it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Phase {
    fn last_word(self) -> &'static str {
        match self {
            Self::Free => NOTHING_CHANGED,
            Self::Writing | Self::Stopping => CHANGES_UNDER_WAY,
            Self::Written => CHANGES_MADE,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{CHANGES_MADE, CHANGES_UNDER_WAY, FINISHING, Interrupt, NOTHING_CHANGED};
    use crate::outside::clock::Clock;

    /// Presses Ctrl-C; what was said, and what was said on leaving.
    fn press(interrupt: &Interrupt) -> (Vec<String>, Vec<String>) {
        let (said, left) = (RefCell::default(), RefCell::default());
        let keep = |lines: &RefCell<Vec<String>>, line: &str| lines.borrow_mut().push(line.to_owned());
        interrupt.signal(&|line| keep(&said, line), &|line, _| keep(&left, line));
        (said.into_inner(), left.into_inner())
    }

    #[test]
    fn before_the_first_write_it_ends_the_run_and_nothing_was_changed() {
        let interrupt = Interrupt::default();
        assert_eq!(press(&interrupt), (vec![], vec![NOTHING_CHANGED.to_owned()]));
        assert!(!interrupt.is_requested());
    }

    #[test]
    fn while_something_is_written_the_first_one_asks_and_the_second_one_ends() {
        let interrupt = Interrupt::default();
        interrupt.begin_writing();
        assert_eq!(press(&interrupt), (vec![FINISHING.to_owned()], vec![]));
        assert!(interrupt.is_requested());
        interrupt.begin_writing();
        assert_eq!(press(&interrupt), (vec![], vec![CHANGES_UNDER_WAY.to_owned()]));
    }

    #[test]
    fn after_the_last_write_it_ends_the_run_without_claiming_that_nothing_was_changed() {
        let interrupt = Interrupt::default();
        interrupt.begin_writing();
        interrupt.end_writing();
        assert_eq!(press(&interrupt), (vec![], vec![CHANGES_MADE.to_owned()]));
    }

    #[test]
    fn the_last_word_is_said_once_by_whichever_thread_is_first() {
        let said = RefCell::new(Vec::new());
        let interrupt = Interrupt::default();
        interrupt.begin_question();
        for _ in 0..2 {
            interrupt.tell(&|line| said.borrow_mut().push(line.to_owned()));
        }
        assert_eq!(said.into_inner(), [NOTHING_CHANGED]);
        assert_eq!(press(&interrupt), (vec![], vec![String::new()]));
        assert!(interrupt.is_requested(), "the question is to end by itself");
    }

    /// A clock on which Ctrl-C is pressed after a while.
    struct Pressed<'i> {
        slept: Cell<Duration>,
        at: Duration,
        interrupt: &'i Interrupt,
    }

    impl Clock for Pressed<'_> {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            self.slept.get()
        }

        fn sleep(&self, time: Duration) {
            self.slept.set(self.slept.get() + time);
            if self.slept.get() >= self.at && !self.interrupt.is_requested() {
                press(self.interrupt);
            }
        }
    }

    #[test]
    fn a_wait_ends_with_its_time_or_soon_after_ctrl_c() {
        for (time, at, slept) in [(0, 9_999, 0), (250, 9_999, 250), (5_000, 1_050, 1_100), (5_000, 5_000, 5_000)] {
            let interrupt = Interrupt::default();
            interrupt.begin_writing();
            let at = Duration::from_millis(at);
            let clock = Pressed { slept: Cell::default(), at, interrupt: &interrupt };
            interrupt.pause(&clock, Duration::from_millis(time));
            assert_eq!(clock.slept.get(), Duration::from_millis(slept), "{time} ms");
        }
    }
}
