//! Standard error: what is said while a run goes on, and the spinner while it waits.

use std::cell::RefCell;
use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where the talk goes. Nothing that is said here is a result.
pub trait Talk {
    /// One line, finished.
    fn say(&self, line: &str);
    /// Waiting for something: shown on a terminal only, and gone afterwards.
    fn waiting(&self, what: &str);
    /// The wait is over.
    fn done(&self);
}

/// `-q`: nothing but the result and errors.
#[derive(Debug)]
pub struct Silence;

impl Talk for Silence {
    fn say(&self, _line: &str) {}
    fn waiting(&self, _what: &str) {}
    fn done(&self) {}
}

/// Lines on a stream; a spinner where the stream is a terminal.
pub struct Stream<'s> {
    lines: RefCell<&'s mut dyn Write>,
    watched: Watched,
    /// There while something is waited for.
    spinner: RefCell<Option<ProgressBar>>,
}

/// Whether there is somebody to watch a spinner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// A terminal that understands cursor movements.
    Terminal,
    /// A pipe, a file, a dumb terminal, or `-q`.
    No,
}

impl<'s> Stream<'s> {
    /// Talk on that stream; the spinner draws on the process's standard error.
    pub fn new(lines: &'s mut dyn Write, watched: Watched) -> Self {
        Self { lines: RefCell::new(lines), watched, spinner: RefCell::new(None) }
    }
}

impl Talk for Stream<'_> {
    fn say(&self, line: &str) {
        // Talk that can't be heard must not end a run whose result can be.
        let write = || drop(writeln!(self.lines.borrow_mut(), "{line}"));
        match &*self.spinner.borrow() {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        }
    }

    fn waiting(&self, what: &str) {
        if self.watched == Watched::Terminal {
            self.spinner.borrow_mut().get_or_insert_with(spinner).set_message(what.to_owned());
        }
    }

    fn done(&self) {
        if let Some(spinner) = self.spinner.borrow_mut().take() {
            spinner.finish_and_clear();
        }
    }
}

/// The message is not padded to the terminal's width: what a terminal echoes for Ctrl-C would begin a line of its own.
fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
