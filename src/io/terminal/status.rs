//! Standard error: what is said while a run goes on, the spinner while it waits, and the rows of what it follows.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;

use crate::io::terminal::progress::{Progress, ProgressLine, size};
use crate::io::terminal::progress_row::{ProgressRow, layout};
use crate::io::terminal::workflow_commands;

/// Where the talk goes. Nothing that is said here is a result.
pub trait StatusOutput {
    /// One line, finished.
    fn print_line(&self, line: &str);
    /// Waiting for something: shown on a terminal only, and gone afterwards.
    fn waiting(&self, what: &str);
    /// How things stand that take their time, each in a row of its own, always in the same order. On a terminal the rows
    /// are drawn anew in their places; elsewhere a row is a line whenever its state changes.
    fn progress(&self, rows: &[ProgressRow]);
    /// The wait is over. Rows stay as they were last.
    fn done(&self);
}

/// `-q`: nothing but the result and errors.
#[derive(Debug)]
pub struct Silence;

impl StatusOutput for Silence {
    fn print_line(&self, _line: &str) {}
    fn waiting(&self, _what: &str) {}
    fn progress(&self, _rows: &[ProgressRow]) {}
    fn done(&self) {}
}

/// Lines on a stream; a spinner and rows where the stream is a terminal.
pub struct Stream<'s> {
    lines: RefCell<&'s mut dyn Write>,
    watched: Watched,
    log: LogAudience,
    /// There while something is waited for.
    waiting: RefCell<Option<String>>,
    /// There while something is followed, as it was shown last.
    rows: RefCell<Vec<ProgressRow>>,
}

/// Whether there is somebody to watch what moves.
#[derive(Clone, Debug)]
pub enum Watched {
    /// A terminal that understands cursor movements: standard error.
    Terminal(Progress),
    /// A pipe, a file, or a dumb terminal.
    No,
}

/// Who reads the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogAudience {
    Plain,
    /// GitHub Actions, which obeys some of them.
    Workflow,
}

impl<'s> Stream<'s> {
    /// Talk on that stream; what moves is drawn on the screen, if somebody watches.
    pub fn new(lines: &'s mut dyn Write, watched: Watched, variables: &BTreeMap<String, String>) -> Self {
        let log = if workflow_commands::are_read(variables) { LogAudience::Workflow } else { LogAudience::Plain };
        Self { lines: RefCell::new(lines), watched, log, waiting: RefCell::default(), rows: RefCell::default() }
    }

    /// Talk that can't be heard must not end a run whose result can be.
    fn write(&self, line: &str) {
        let line = match self.log {
            LogAudience::Plain => line.into(),
            LogAudience::Workflow => workflow_commands::disarmed(line),
        };
        drop(writeln!(self.lines.borrow_mut(), "{line}"));
    }

    fn draw(&self, screen: &Progress) {
        let rows = self.rows.borrow();
        let rows = rows.iter().zip(layout(&rows, size().0));
        let mut lines: Vec<ProgressLine> =
            rows.map(|(row, text)| ProgressLine { mark: row.done.mark(), text }).collect();
        lines.extend(self.waiting.borrow().clone().map(|text| ProgressLine { mark: None, text }));
        screen.show(lines);
    }
}

impl StatusOutput for Stream<'_> {
    fn print_line(&self, line: &str) {
        match &self.watched {
            Watched::Terminal(screen) if screen.is_drawn() => screen.print_above(line),
            _ => self.write(line),
        }
    }

    fn waiting(&self, what: &str) {
        if let Watched::Terminal(screen) = &self.watched {
            self.waiting.replace(Some(what.to_owned()));
            self.draw(screen);
        }
    }

    fn progress(&self, rows: &[ProgressRow]) {
        self.waiting.take();
        let before = self.rows.replace(rows.to_vec());
        if let Watched::Terminal(screen) = &self.watched {
            self.draw(screen);
            return;
        }
        for (index, row) in rows.iter().enumerate() {
            if !before.get(index).is_some_and(|before| before.is_like(row)) {
                self.write(&row.sentence());
            }
        }
    }

    fn done(&self) {
        self.waiting.take();
        let rows = self.rows.take();
        if let Watched::Terminal(screen) = &self.watched {
            screen.clear();
            // Once more, as lines that nothing draws over.
            for (row, text) in rows.iter().zip(layout(&rows, size().0)) {
                self.write(&format!("{} {text}", row.done.mark().unwrap_or("·")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::collections::BTreeMap;

    use crate::io::terminal::progress_row::RowState;
    use crate::io::terminal::status::{ProgressRow, StatusOutput, Stream, Watched};

    fn row(name: &str, state: &str, seconds: u64, done: RowState) -> ProgressRow {
        ProgressRow { name: name.to_owned(), state: state.to_owned(), elapsed: Duration::from_secs(seconds), done }
    }

    #[test]
    fn pipe_output_prints_one_line_per_state_change() {
        let mut heard = Vec::new();
        let talk = Stream::new(&mut heard, Watched::No, &BTreeMap::new());
        talk.waiting("not shown");
        for (seconds, api, worker) in [
            (1, ("QUEUED", RowState::Running), ("QUEUED", RowState::Running)),
            (2, ("QUEUED", RowState::Running), ("BUILDING", RowState::Running)),
            (9, ("QUEUED", RowState::Running), ("BUILDING", RowState::Running)),
            (75, ("SUCCESS", RowState::Good), ("FAILED", RowState::Bad)),
            (80, ("SUCCESS", RowState::Good), ("FAILED", RowState::Bad)),
        ] {
            talk.progress(&[row("api", api.0, seconds, api.1), row("worker", worker.0, seconds, worker.1)]);
        }
        talk.done();
        let expected = "api: QUEUED (1 s)\nworker: QUEUED (1 s)\nworker: BUILDING (2 s)\n\
                        api: SUCCESS (1 min 15 s)\nworker: FAILED (1 min 15 s)\n";
        assert_eq!(String::from_utf8(heard).unwrap(), expected);
    }
}
