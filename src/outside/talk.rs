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
    spinner: Option<ProgressBar>,
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
        let spinner = (watched == Watched::Terminal).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::default_spinner());
            bar
        });
        Self { lines: RefCell::new(lines), spinner }
    }
}

impl Talk for Stream<'_> {
    fn say(&self, line: &str) {
        // Talk that can't be heard must not end a run whose result can be.
        let write = || drop(writeln!(self.lines.borrow_mut(), "{line}"));
        match &self.spinner {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        }
    }

    fn waiting(&self, what: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(what.to_owned());
            spinner.enable_steady_tick(Duration::from_millis(100));
        }
    }

    fn done(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.disable_steady_tick();
            spinner.finish_and_clear();
        }
    }
}
