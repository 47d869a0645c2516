//! Status output on standard error: lines, a spinner while the run waits, and progress rows.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;

use crate::io::terminal::progress::{Progress, ProgressLine, size};
use crate::io::terminal::progress_row::{ProgressRow, layout};
use crate::io::terminal::workflow_commands;

/// Receives status messages. They are never part of the result.
pub trait StatusOutput {
    fn print_line(&self, line: &str);
    /// Shows what the run waits for, in a terminal only and until the wait is over.
    fn waiting(&self, what: &str);
    /// Shows the progress of operations, one row for each, always in the same order. In a terminal, the rows are
    /// redrawn in place; elsewhere, a line is printed when a row's state changes.
    fn progress(&self, rows: &[ProgressRow]);
    /// Ends the wait. The last state of the rows stays on the terminal.
    fn done(&self);
}

/// Discards all status messages, for `-q`.
#[derive(Debug)]
pub struct NoStatus;

impl StatusOutput for NoStatus {
    fn print_line(&self, _line: &str) {}
    fn waiting(&self, _what: &str) {}
    fn progress(&self, _rows: &[ProgressRow]) {}
    fn done(&self) {}
}

/// Prints lines to a stream; in a terminal, also a spinner and rows.
pub struct Stream<'s> {
    lines: RefCell<&'s mut dyn Write>,
    watched: Redraw,
    log: LogAudience,
    /// What the run waits for.
    waiting: RefCell<Option<String>>,
    /// The rows as shown last.
    rows: RefCell<Vec<ProgressRow>>,
}

/// Whether the stream can be redrawn.
#[derive(Clone, Debug)]
pub enum Redraw {
    /// Standard error is a terminal that supports cursor movement.
    Terminal(Progress),
    /// A pipe, a file, or a dumb terminal.
    No,
}

/// The reader of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogAudience {
    Plain,
    /// GitHub Actions, which executes some of them.
    Workflow,
}

impl<'s> Stream<'s> {
    /// Returns an output that writes lines to that stream.
    pub fn new(lines: &'s mut dyn Write, watched: Redraw, variables: &BTreeMap<String, String>) -> Self {
        let log = if workflow_commands::are_read(variables) { LogAudience::Workflow } else { LogAudience::Plain };
        Self { lines: RefCell::new(lines), watched, log, waiting: RefCell::default(), rows: RefCell::default() }
    }

    /// Ignores errors: a run whose result can be written must not fail because of its status messages.
    fn write(&self, line: &str) {
        let line = match self.log {
            LogAudience::Plain => line.into(),
            LogAudience::Workflow => workflow_commands::disarmed(line),
        };
        drop(writeln!(self.lines.borrow_mut(), "{line}"));
    }

    fn draw(&self, progress: &Progress) {
        let rows = self.rows.borrow();
        let rows = rows.iter().zip(layout(&rows, size().0));
        let mut lines: Vec<ProgressLine> =
            rows.map(|(row, text)| ProgressLine { mark: row.done.mark(), text }).collect();
        lines.extend(self.waiting.borrow().clone().map(|text| ProgressLine { mark: None, text }));
        progress.show(lines);
    }
}

impl StatusOutput for Stream<'_> {
    fn print_line(&self, line: &str) {
        match &self.watched {
            Redraw::Terminal(progress) if progress.is_drawn() => progress.print_above(line),
            _ => self.write(line),
        }
    }

    fn waiting(&self, what: &str) {
        if let Redraw::Terminal(progress) = &self.watched {
            self.waiting.replace(Some(what.to_owned()));
            self.draw(progress);
        }
    }

    fn progress(&self, rows: &[ProgressRow]) {
        self.waiting.take();
        let before = self.rows.replace(rows.to_vec());
        if let Redraw::Terminal(progress) = &self.watched {
            self.draw(progress);
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
        if let Redraw::Terminal(progress) = &self.watched {
            progress.clear();
            // Printed again as ordinary lines, which are not redrawn.
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
    use crate::io::terminal::status::{ProgressRow, Redraw, StatusOutput, Stream};

    fn row(name: &str, state: &str, seconds: u64, done: RowState) -> ProgressRow {
        ProgressRow { name: name.to_owned(), state: state.to_owned(), elapsed: Duration::from_secs(seconds), done }
    }

    #[test]
    fn pipe_output_prints_one_line_per_state_change() {
        let mut output = Vec::new();
        let status = Stream::new(&mut output, Redraw::No, &BTreeMap::new());
        status.waiting("not shown");
        for (seconds, api, worker) in [
            (1, ("QUEUED", RowState::Running), ("QUEUED", RowState::Running)),
            (2, ("QUEUED", RowState::Running), ("BUILDING", RowState::Running)),
            (9, ("QUEUED", RowState::Running), ("BUILDING", RowState::Running)),
            (75, ("SUCCESS", RowState::Good), ("FAILED", RowState::Bad)),
            (80, ("SUCCESS", RowState::Good), ("FAILED", RowState::Bad)),
        ] {
            status.progress(&[row("api", api.0, seconds, api.1), row("worker", worker.0, seconds, worker.1)]);
        }
        status.done();
        let expected = "api: QUEUED (1 s)\nworker: QUEUED (1 s)\nworker: BUILDING (2 s)\n\
                        api: SUCCESS (1 min 15 s)\nworker: FAILED (1 min 15 s)\n";
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }
}
