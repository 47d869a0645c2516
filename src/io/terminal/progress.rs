//! Lines at the bottom of a terminal that are redrawn in place: a spinner and progress rows.
//!
//! The cursor stays after the last character. There a terminal echoes `^C` for Ctrl-C, and the next frame overwrites
//! it. A library that pads its lines to the terminal's width leaves a stale line behind for each echo.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use terminal_size::{Height, Width, terminal_size_of};

use crate::io::terminal::text_width::{cut_end, harmless};

const TURN: Duration = Duration::from_millis(100);
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// The number of columns that stay free at the right edge: for `^C`, and for the cursor after it.
pub(in crate::io) const FREE: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io) struct ProgressLine {
    /// The mark in front of the text; `None` for a spinner.
    pub(in crate::io) mark: Option<&'static str>,
    /// The text, which is cut to the width of the terminal.
    pub(in crate::io) text: String,
}

/// The lines that are redrawn on standard error. The thread that handles Ctrl-C shares them, because it must not write
/// into them.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Canvas>>);

#[derive(Debug, Default)]
struct Canvas {
    lines: Vec<ProgressLine>,
    /// How many lines are drawn on the terminal.
    drawn: usize,
    /// The current frame of the spinner.
    turn: usize,
    ticker: Ticker,
}

/// The thread that turns the spinner, which runs while something is drawn.
#[derive(Debug, Default, PartialEq, Eq)]
enum Ticker {
    #[default]
    None,
    Running,
}

/// The columns and rows of the terminal.
type Size = (usize, usize);

impl Progress {
    pub fn is_drawn(&self) -> bool {
        self.canvas().drawn > 0
    }

    /// Prints a line above the drawn lines.
    pub fn print_above(&self, line: &str) {
        let mut canvas = self.canvas();
        let text = canvas.cleared() + line + "\n" + &canvas.frame(size());
        write(&text);
    }

    /// Clears the drawn lines.
    pub fn clear(&self) {
        self.show(Vec::new());
    }

    /// Draws these lines in place of the previous ones.
    pub(in crate::io) fn show(&self, lines: Vec<ProgressLine>) {
        let mut canvas = self.canvas();
        canvas.lines = lines;
        let text = if canvas.lines.is_empty() { canvas.cleared() } else { canvas.frame(size()) };
        write(&text);
        if !canvas.lines.is_empty() && canvas.ticker == Ticker::None {
            let progress = self.clone();
            let ticker = thread::Builder::new().spawn(move || while progress.tick() == Ticker::Running {});
            // Without a thread, the spinner does not turn.
            canvas.ticker = if ticker.is_ok() { Ticker::Running } else { Ticker::None };
        }
    }

    /// Draws the next frame of the spinner, unless nothing is drawn any more.
    fn tick(&self) -> Ticker {
        thread::sleep(TURN);
        let mut canvas = self.canvas();
        if canvas.lines.is_empty() {
            canvas.ticker = Ticker::None;
            return Ticker::None;
        }
        canvas.turn += 1;
        let text = canvas.frame(size());
        write(&text);
        Ticker::Running
    }

    fn canvas(&self) -> MutexGuard<'_, Canvas> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Canvas {
    /// Returns the control characters that move the cursor to the start of the drawn lines.
    fn home(&self) -> String {
        match self.drawn {
            0 | 1 => "\r".repeat(self.drawn),
            lines => format!("\r\u{1b}[{}A", lines - 1),
        }
    }

    /// Returns the control characters that clear the drawn lines.
    fn cleared(&mut self) -> String {
        let text = if self.drawn == 0 { String::new() } else { self.home() + "\u{1b}[J" };
        self.drawn = 0;
        text
    }

    /// Returns the frame as one string, which is written at once to avoid flicker.
    fn frame(&mut self, (columns, rows): Size) -> String {
        let mut text = self.home();
        // A line that wraps, or one that scrolled off the top, can't be overwritten.
        let shown = self.lines.len().min(rows.saturating_sub(1).max(1));
        for (index, line) in self.lines.iter().take(shown).enumerate() {
            let separator = if index == 0 { "" } else { "\r\n" };
            let mark = line.mark.unwrap_or(SPINNER[self.turn % SPINNER.len()]);
            let line = cut_end(&harmless(&line.text), columns.saturating_sub(2 + FREE));
            // Writing to memory can't fail.
            let _ = write!(text, "{separator}{mark} {line}\u{1b}[K");
        }
        if self.drawn > shown {
            text += "\u{1b}[J";
        }
        self.drawn = shown;
        text
    }
}

/// Ignores errors: a terminal that was closed must not end the run.
fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
}

/// Returns the current size of the terminal.
pub(in crate::io) fn size() -> Size {
    terminal_size_of(io::stderr())
        .map_or((80, 24), |(Width(columns), Height(rows))| (usize::from(columns), usize::from(rows)))
}

#[cfg(test)]
mod tests {
    use crate::io::terminal::progress::{Canvas, ProgressLine};

    fn lines(texts: &[&str]) -> Vec<ProgressLine> {
        texts.iter().map(|text| ProgressLine { mark: Some("✓"), text: (*text).to_owned() }).collect()
    }

    /// Draws these frames, and echoes Ctrl-C after each.
    fn drawn(frames: &[&[&str]]) -> String {
        let mut terminal = vt100::Parser::new(6, 20, 0);
        let mut canvas = Canvas::default();
        for texts in frames {
            canvas.lines = lines(texts);
            terminal.process(canvas.frame((20, 6)).as_bytes());
            terminal.process(b"^C");
        }
        terminal.screen().contents()
    }

    #[test]
    fn each_frame_overwrites_the_previous_one() {
        assert_eq!(drawn(&[&["api QUEUED", "worker QUEUED"], &["api OK", "worker"]]), "✓ api OK\n✓ worker^C");
        assert_eq!(drawn(&[&["a", "b", "c"], &["a"], &["b", "c"]]), "✓ b\n✓ c^C");
        assert_eq!(drawn(&[&["a", "b", "c"], &["d"]]), "✓ d^C", "the lines below and the first echo are cleared");
    }

    #[test]
    fn lines_never_wrap_or_exceed_terminal_height() {
        let wide = "agentverse-worker-staging";
        assert_eq!(drawn(&[&[wide, wide], &[wide, "b"]]), "✓ agentverse-wor…\n✓ b^C");
        let many = ["1", "2", "3", "4", "5", "6", "7", "8"];
        assert_eq!(drawn(&[&many, &many]), "✓ 1\n✓ 2\n✓ 3\n✓ 4\n✓ 5^C");
    }
}
