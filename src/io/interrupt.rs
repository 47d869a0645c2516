//! Ctrl-C and the limits on time and memory, which end a run from another thread. The effect of each depends on whether
//! the run is writing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::Exit;
use crate::io::clock::Clock;

/// How much longer than its time limit a run may take. Code that waits for Railway ends at the limit itself, with a
/// more specific error.
const MARGIN: Duration = Duration::from_millis(300);

/// The longest time that a wait continues after Ctrl-C.
const SLICE: Duration = Duration::from_millis(100);

/// How long a run has to end by itself after Ctrl-C at a prompt, which removes its temporary directories and restores
/// the terminal. After that, the signal thread ends it, like a run that hangs.
const GRACE: Duration = Duration::from_millis(300);

const NOTHING_CHANGED: &str = "doctor: interrupted; nothing was changed";
const FINISHING: &str = "doctor: finishing this step; press Ctrl-C again to stop immediately";
const CHANGES_MADE: &str = "\
doctor: interrupted after changes were made
  help: to show what was applied, run:
    doctor undo --list
    doctor check";
const CHANGES_UNDER_WAY: &str = "\
doctor: interrupted while changes were under way
  help: to show what was applied, run:
    doctor undo --list
    doctor check";

/// The state of Ctrl-C, shared between the run and the thread that handles signals. Termination signals are treated
/// alike.
#[derive(Debug, Default)]
pub struct Interrupt {
    /// Locked from the decision to exit until the process ends, so that no write starts in between.
    state: Mutex<InterruptState>,
    requested: AtomicBool,
}

#[derive(Debug, Default)]
struct InterruptState {
    phase: Phase,
    question: PromptState,
    /// Whether the final message was printed, so that no other thread prints it again.
    announced: Announced,
    limits: Limits,
    /// The time that counts towards the limit.
    spent: Duration,
    /// The number of results that are being written. Their reader may be slow.
    readers: usize,
}

/// The limits of a run, and how it ends at them. They do not apply after the first write.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// The time limit. Time that the user takes to answer or to read does not count.
    pub time: Option<Duration>,
    /// How the run ends at the time limit.
    pub late: RunEnd,
    /// How the run ends at the memory limit.
    pub large: RunEnd,
}

/// The final message of a run on standard error, and its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// The message; empty if nothing may be printed.
    pub message: String,
    pub exit: Exit,
}

impl Default for RunEnd {
    fn default() -> Self {
        Self { message: String::new(), exit: Exit::Unreachable }
    }
}

/// The time and memory that a run has used since the last check.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// The time since the last check.
    pub(super) passed: Duration,
    /// Whether the run exceeds the memory limit.
    pub(super) is_large: bool,
}

/// The phase of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing was changed yet.
    #[default]
    Free,
    /// Something is being changed.
    Writing,
    /// Something is being changed, and Ctrl-C was pressed: the run stops after this step.
    Stopping,
    /// Something was changed.
    Written,
}

/// Whether a prompt is open. The terminal then reads single keys and shows no cursor.
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
    /// Marks the start of writing: from now on, the first Ctrl-C only requests a stop.
    pub fn begin_writing(&self) {
        let mut state = self.state();
        if state.phase != Phase::Stopping {
            state.phase = Phase::Writing;
        }
    }

    /// Marks the end of writing. Ctrl-C ends the run immediately again, and its message no longer claims that nothing
    /// was changed.
    pub fn end_writing(&self) {
        self.state().phase = Phase::Written;
    }

    /// Marks that nothing was changed after all: what was written is removed again.
    pub fn cancel_writing(&self) {
        self.state().phase = Phase::Free;
    }

    /// Returns whether Ctrl-C was pressed, so that the run must stop after the current step.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }

    /// Sets the limits of the run, and restarts its time.
    pub fn set_limits(&self, limits: Limits) {
        let mut state = self.state();
        state.limits = limits;
        state.spent = Duration::ZERO;
    }

    /// Restarts the time of the run, with the same limits.
    pub fn restart_time(&self) {
        self.state().spent = Duration::ZERO;
    }

    /// Writes a result. The time does not count, because its reader may be slow.
    pub fn without_time_limit<T>(&self, write: impl FnOnce() -> T) -> T {
        self.state().readers += 1;
        let written = write();
        self.state().readers -= 1;
        written
    }

    /// Returns how a run that panics now ends, after the message about the panic, and whether a prompt is open. The
    /// thread that panicked may hold the lock, so this does not wait for it.
    pub(super) fn state_at_panic(&self) -> (RunEnd, PromptState) {
        let (phase, question) =
            self.state.try_lock().map_or((Phase::Writing, PromptState::None), |state| (state.phase, state.question));
        let end = match phase {
            Phase::Free => RunEnd { message: String::new(), exit: Exit::Usage },
            _ => RunEnd { message: phase.final_message().to_owned(), exit: Exit::Partial },
        };
        (end, question)
    }

    /// Ends the run with `leave` if it exceeds a limit, unless it has begun to write.
    pub(super) fn enforce(&self, usage: Usage, leave: &dyn Fn(&RunEnd, PromptState)) {
        let mut state = self.state();
        let is_waiting = state.question == PromptState::Open || state.readers > 0;
        if !is_waiting {
            state.spent += usage.passed;
        }
        if state.phase != Phase::Free || state.announced == Announced::Yes {
            return;
        }
        let is_late = state.limits.time.is_some_and(|limit| state.spent > limit + MARGIN);
        if is_late && !is_waiting {
            leave(&state.limits.late, state.question);
        } else if usage.is_large {
            leave(&state.limits.large, state.question);
        }
    }

    /// Waits until the time has passed or Ctrl-C is pressed.
    pub fn pause(&self, clock: &dyn Clock, time: Duration) {
        let mut left = time;
        while !left.is_zero() && !self.is_requested() {
            let slice = left.min(SLICE);
            clock.sleep(slice);
            left -= slice;
        }
    }

    /// Prints how an interrupted run ended, unless the signal thread has already done so.
    pub fn announce(&self, print: &dyn Fn(&str)) {
        Self::final_message(&mut self.state(), print);
    }

    /// Simulates Ctrl-C, for tests of a whole run.
    #[cfg(test)]
    pub(crate) fn press(&self) {
        self.signal(&|_| {}, &|_, _| {});
    }

    /// Handles the signal. `print` prints a line if the run continues; `leave` gets the final message, or an empty one
    /// if it was printed, and ends the process.
    pub(super) fn signal(&self, print: &dyn Fn(&str), leave: &dyn Fn(&str, PromptState)) {
        if self.state().question == PromptState::Open {
            self.requested.store(true, Ordering::SeqCst);
            thread::sleep(GRACE);
        }
        let mut state = self.state();
        if state.phase == Phase::Writing {
            state.phase = Phase::Stopping;
            self.requested.store(true, Ordering::SeqCst);
            print(FINISHING);
            return;
        }
        let announced = state.announced;
        state.announced = Announced::Yes;
        leave(if announced == Announced::Yes { "" } else { state.phase.final_message() }, state.question);
    }

    /// Marks a prompt as open.
    pub(super) fn begin_question(&self) {
        self.state().question = PromptState::Open;
    }

    /// Marks a prompt as answered. After Ctrl-C it stays open, so that the run can end by itself.
    pub(super) fn end_question(&self) {
        self.state().question = PromptState::None;
    }

    fn final_message(state: &mut InterruptState, print: &dyn Fn(&str)) {
        if state.announced == Announced::No {
            state.announced = Announced::Yes;
            print(state.phase.final_message());
        }
    }

    /// Ignores poisoning: a panic leaves no partial update behind.
    fn state(&self) -> MutexGuard<'_, InterruptState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Phase {
    fn final_message(self) -> &'static str {
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
        CHANGES_MADE, CHANGES_UNDER_WAY, FINISHING, Interrupt, Limits, NOTHING_CHANGED, PromptState, RunEnd, Usage,
    };

    /// Simulates Ctrl-C. Returns the lines that were printed during the run and at its end.
    fn press(interrupt: &Interrupt) -> (Vec<String>, Vec<String>) {
        let (during, at_end) = (RefCell::default(), RefCell::default());
        let keep = |lines: &RefCell<Vec<String>>, line: &str| lines.borrow_mut().push(line.to_owned());
        interrupt.signal(&|line| keep(&during, line), &|line, _| keep(&at_end, line));
        (during.into_inner(), at_end.into_inner())
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
    fn panic_after_the_first_write_names_the_commands_that_show_the_changes() {
        let at_panic = |interrupt: &Interrupt| {
            let (RunEnd { message, exit }, question) = interrupt.state_at_panic();
            (message, exit, question)
        };
        let interrupt = Interrupt::default();
        interrupt.begin_question();
        assert_eq!(at_panic(&interrupt), (String::new(), Exit::Usage, PromptState::Open));
        interrupt.end_question();
        interrupt.begin_writing();
        let under_way = (CHANGES_UNDER_WAY.to_owned(), Exit::Partial, PromptState::None);
        assert_eq!(at_panic(&interrupt), under_way);
        {
            let _held = interrupt.state();
            assert_eq!(at_panic(&interrupt), under_way, "the lock is held");
        }
        interrupt.end_writing();
        assert_eq!(at_panic(&interrupt), (CHANGES_MADE.to_owned(), Exit::Partial, PromptState::None));
    }

    #[test]
    fn messages_fit_on_80_columns() {
        for message in [NOTHING_CHANGED, FINISHING, CHANGES_MADE, CHANGES_UNDER_WAY] {
            assert!(message.lines().all(|line| line.chars().count() <= 80), "{message}");
        }
    }

    #[test]
    fn final_message_is_printed_once_across_threads() {
        let lines = RefCell::new(Vec::new());
        let interrupt = Interrupt::default();
        interrupt.begin_question();
        for _ in 0..2 {
            interrupt.announce(&|line| lines.borrow_mut().push(line.to_owned()));
        }
        assert_eq!(lines.into_inner(), [NOTHING_CHANGED]);
        assert_eq!(press(&interrupt), (vec![], vec![String::new()]));
        assert!(interrupt.is_requested(), "the prompt can end by itself");
    }

    const LATE: &str = "late";
    const LARGE: &str = "large";

    /// Returns a run with a limit of two seconds.
    fn limited() -> Interrupt {
        let ending = |message: &str| RunEnd { message: message.to_owned(), exit: Exit::Unreachable };
        let interrupt = Interrupt::default();
        let time = Some(Duration::from_secs(2));
        interrupt.set_limits(Limits { time, late: ending(LATE), large: ending(LARGE) });
        interrupt
    }

    /// Lets `time` milliseconds pass. Returns how the run ended, if it did.
    fn pass(interrupt: &Interrupt, time: u64, is_large: bool) -> Vec<String> {
        let left = RefCell::new(Vec::new());
        let usage = Usage { passed: Duration::from_millis(time), is_large };
        interrupt.enforce(usage, &|ending, _| left.borrow_mut().push(ending.message.clone()));
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
        interrupt.without_time_limit(|| assert_eq!(pass(&interrupt, 10_000, false), [""; 0]));
        assert_eq!(pass(&interrupt, 2_200, false), [""; 0]);
        assert_eq!(pass(&interrupt, 200, false), [LATE]);
    }

    /// A clock that simulates Ctrl-C at a given time.
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
