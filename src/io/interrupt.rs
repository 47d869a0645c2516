//! What ends a run from outside, Ctrl-C and the limits of time and memory: each depends on whether something is being
//! changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::Exit;
use crate::io::clock::Clock;

/// How much longer than its time limit a run may take: what waits for Railway ends at the limit itself, with an error that
/// says more.
const MARGIN: Duration = Duration::from_millis(300);

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
    state: Mutex<InterruptState>,
    requested: AtomicBool,
}

#[derive(Debug, Default)]
struct InterruptState {
    phase: Phase,
    question: PromptState,
    /// The last word has been said, and is not said again by another thread.
    told: Announced,
    limits: Limits,
    /// How much of the time limit is spent.
    spent: Duration,
    /// How many readers are waited for, who take the time they like.
    readers: usize,
}

/// When a run is ended from outside, and with which words. A run that has begun to change something is not.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// The time limit, without the time that a person takes to answer or to read.
    pub time: Option<Duration>,
    /// How it ends when the time is over.
    pub late: RunEnd,
    /// How it ends when it needs too much memory.
    pub large: RunEnd,
}

/// The last words of a run on standard error, and its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// Lines; empty where nothing may be said.
    pub words: String,
    pub exit: Exit,
}

impl Default for RunEnd {
    fn default() -> Self {
        Self { words: String::new(), exit: Exit::Unreachable }
    }
}

/// What a run has used since it was last checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// The time that has passed.
    pub(super) passed: Duration,
    /// Whether it takes more memory than a run may.
    pub(super) is_large: bool,
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
pub(super) enum PromptState {
    #[default]
    None,
    Open,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Announced {
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

    /// Returns whether Ctrl-C was pressed, and the run is to stop after the step that it is in.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }

    /// Sets the limits of the run, and counts its time from now.
    pub fn set_limits(&self, limits: Limits) {
        let mut state = self.state();
        state.limits = limits;
        state.spent = Duration::ZERO;
    }

    /// Counts the time of the run from now, with the limits that it has.
    pub fn restart_time(&self) {
        self.state().spent = Duration::ZERO;
    }

    /// Writes a result. Whoever reads it may take longer than the run: the time does not count.
    pub fn while_written<T>(&self, write: impl FnOnce() -> T) -> T {
        self.state().readers += 1;
        let written = write();
        self.state().readers -= 1;
        written
    }

    /// Returns whether something is being changed, or was.
    pub(super) fn has_begun_writing(&self) -> bool {
        self.state().phase != Phase::Free
    }

    /// Ends the run if it is over one of its limits and has not begun to change anything. `leave` gets the last words.
    pub(super) fn enforce(&self, usage: Usage, leave: &dyn Fn(&RunEnd, PromptState)) {
        let mut state = self.state();
        let is_waiting = state.question == PromptState::Open || state.readers > 0;
        if !is_waiting {
            state.spent += usage.passed;
        }
        if state.phase != Phase::Free || state.told == Announced::Yes {
            return;
        }
        let is_late = state.limits.time.is_some_and(|limit| state.spent > limit + MARGIN);
        if is_late && !is_waiting {
            leave(&state.limits.late, state.question);
        } else if usage.is_large {
            leave(&state.limits.large, state.question);
        }
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
    pub fn announce(&self, say: &dyn Fn(&str)) {
        Self::final_message(&mut self.state(), say);
    }

    /// Presses Ctrl-C, as a test of a whole run does.
    #[cfg(test)]
    pub(crate) fn press(&self) {
        self.signal(&|_| {}, &|_, _| {});
    }

    /// Hears the signal. `say` is for a line while the run goes on; `leave` gets the last word, empty if it was said, and
    /// ends the process.
    pub(super) fn signal(&self, say: &dyn Fn(&str), leave: &dyn Fn(&str, PromptState)) {
        if self.state().question == PromptState::Open {
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
        state.told = Announced::Yes;
        leave(if told == Announced::Yes { "" } else { state.phase.last_word() }, state.question);
    }

    /// A question stands on the terminal.
    pub(super) fn begin_question(&self) {
        self.state().question = PromptState::Open;
    }

    /// The question was answered. One that Ctrl-C ended stays open, so that the run can end by itself.
    pub(super) fn end_question(&self) {
        self.state().question = PromptState::None;
    }

    fn final_message(state: &mut InterruptState, say: &dyn Fn(&str)) {
        if state.told == Announced::No {
            state.told = Announced::Yes;
            say(state.phase.last_word());
        }
    }

    /// A thread that panicked with the lock left nothing half done in it.
    fn state(&self) -> MutexGuard<'_, InterruptState> {
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

    use crate::error::Exit;
    use crate::io::clock::Clock;
    use crate::io::interrupt::{
        CHANGES_MADE, CHANGES_UNDER_WAY, FINISHING, Interrupt, Limits, NOTHING_CHANGED, RunEnd, Usage,
    };

    /// Presses Ctrl-C; what was said, and what was said on leaving.
    fn press(interrupt: &Interrupt) -> (Vec<String>, Vec<String>) {
        let (said, left) = (RefCell::default(), RefCell::default());
        let keep = |lines: &RefCell<Vec<String>>, line: &str| lines.borrow_mut().push(line.to_owned());
        interrupt.signal(&|line| keep(&said, line), &|line, _| keep(&left, line));
        (said.into_inner(), left.into_inner())
    }

    #[test]
    fn before_first_write_ends_run_with_nothing_changed() {
        let interrupt = Interrupt::default();
        assert_eq!(press(&interrupt), (vec![], vec![NOTHING_CHANGED.to_owned()]));
        assert!(!interrupt.is_requested());
    }

    #[test]
    fn during_write_first_press_requests_stop_and_second_ends_run() {
        let interrupt = Interrupt::default();
        interrupt.begin_writing();
        assert_eq!(press(&interrupt), (vec![FINISHING.to_owned()], vec![]));
        assert!(interrupt.is_requested());
        interrupt.begin_writing();
        assert_eq!(press(&interrupt), (vec![], vec![CHANGES_UNDER_WAY.to_owned()]));
    }

    #[test]
    fn after_last_write_does_not_claim_nothing_changed() {
        let interrupt = Interrupt::default();
        interrupt.begin_writing();
        interrupt.end_writing();
        assert_eq!(press(&interrupt), (vec![], vec![CHANGES_MADE.to_owned()]));
    }

    #[test]
    fn final_message_is_printed_once_across_threads() {
        let said = RefCell::new(Vec::new());
        let interrupt = Interrupt::default();
        interrupt.begin_question();
        for _ in 0..2 {
            interrupt.announce(&|line| said.borrow_mut().push(line.to_owned()));
        }
        assert_eq!(said.into_inner(), [NOTHING_CHANGED]);
        assert_eq!(press(&interrupt), (vec![], vec![String::new()]));
        assert!(interrupt.is_requested(), "the question is to end by itself");
    }

    const LATE: &str = "late";
    const LARGE: &str = "large";

    /// A run with a limit of two seconds.
    fn limited() -> Interrupt {
        let ending = |words: &str| RunEnd { words: words.to_owned(), exit: Exit::Unreachable };
        let interrupt = Interrupt::default();
        let time = Some(Duration::from_secs(2));
        interrupt.set_limits(Limits { time, late: ending(LATE), large: ending(LARGE) });
        interrupt
    }

    /// Lets so many milliseconds pass; how the run was ended.
    fn pass(interrupt: &Interrupt, time: u64, is_large: bool) -> Vec<String> {
        let left = RefCell::new(Vec::new());
        let usage = Usage { passed: Duration::from_millis(time), is_large };
        interrupt.enforce(usage, &|ending, _| left.borrow_mut().push(ending.words.clone()));
        left.into_inner()
    }

    #[test]
    fn time_or_size_limit_ends_run_before_first_write() {
        let interrupt = limited();
        assert_eq!(pass(&interrupt, 2_200, false), [""; 0]);
        assert_eq!(pass(&interrupt, 200, false), [LATE]);
        assert_eq!(pass(&limited(), 10, true), [LARGE]);
        interrupt.restart_time();
        assert_eq!(pass(&interrupt, 200, false), [""; 0]);
        assert_eq!(pass(&Interrupt::default(), 1_000_000, false), [""; 0], "no limit was set");
    }

    #[test]
    fn limit_never_ends_run_after_first_write() {
        let interrupt = limited();
        interrupt.begin_writing();
        assert_eq!(pass(&interrupt, 10_000, true), [""; 0]);
        interrupt.end_writing();
        assert_eq!(pass(&interrupt, 10_000, true), [""; 0]);
    }

    #[test]
    fn prompt_time_is_excluded_from_limit() {
        let interrupt = limited();
        interrupt.begin_question();
        assert_eq!(pass(&interrupt, 10_000, false), [""; 0]);
        interrupt.end_question();
        interrupt.while_written(|| assert_eq!(pass(&interrupt, 10_000, false), [""; 0]));
        assert_eq!(pass(&interrupt, 2_200, false), [""; 0]);
        assert_eq!(pass(&interrupt, 200, false), [LATE]);
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
    fn pause_ends_on_time_or_soon_after_ctrl_c() {
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
