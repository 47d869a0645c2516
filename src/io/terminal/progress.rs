//! The lines at the bottom of a terminal that are drawn anew in their places: a spinner, rows of progress.
//!
//! The cursor rests behind the last letter, so that the `^C` which a terminal writes for Ctrl-C lands there and is drawn
//! over; a library that pads its lines to the terminal's width leaves a stale line behind for each.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use terminal_size::{Height, Width, terminal_size_of};

use crate::io::terminal::text_width::{cut_end, harmless};

const TURN: Duration = Duration::from_millis(100);
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// The columns at the right end that stay free: for `^C`, and for the cursor behind it.
pub(in crate::io) const FREE: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::io) struct ProgressLine {
    /// What stands in front of it; a spinner, if there is nothing else.
    pub(in crate::io) mark: Option<&'static str>,
    /// Its text; cut to what the terminal has.
    pub(in crate::io) text: String,
}

/// What moves on standard error. It is shared with the thread that hears Ctrl-C, which must not write into it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Canvas>>);

#[derive(Debug, Default)]
struct Canvas {
    lines: Vec<ProgressLine>,
    /// How many lines of the terminal they take at the moment.
    drawn: usize,
    /// Where the spinner stands.
    turn: usize,
    ticker: Ticker,
}

/// The thread that turns the spinner: there while something is drawn.
#[derive(Debug, Default, PartialEq, Eq)]
enum Ticker {
    #[default]
    None,
    Running,
}

/// Columns and rows of the terminal.
type Size = (usize, usize);

impl Progress {
    /// Returns whether something is drawn.
    pub fn is_drawn(&self) -> bool {
        self.canvas().drawn > 0
    }

    /// Writes a line above what is drawn.
    pub fn print_above(&self, line: &str) {
        let mut canvas = self.canvas();
        let text = canvas.wiped() + line + "\n" + &canvas.frame(size());
        write(&text);
    }

    /// Takes away what is drawn.
    pub fn clear(&self) {
        self.show(Vec::new());
    }

    /// Draws these lines in place of those before.
    pub(in crate::io) fn show(&self, lines: Vec<ProgressLine>) {
        let mut canvas = self.canvas();
        canvas.lines = lines;
        let text = if canvas.lines.is_empty() { canvas.wiped() } else { canvas.frame(size()) };
        write(&text);
        if !canvas.lines.is_empty() && canvas.ticker == Ticker::None {
            let screen = self.clone();
            let ticker = thread::Builder::new().spawn(move || while screen.tick() == Ticker::Running {});
            // Without a thread the spinner stands still.
            canvas.ticker = if ticker.is_ok() { Ticker::Running } else { Ticker::None };
        }
    }

    /// Turns the spinner a little further, as long as there is one.
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
    /// Returns the control characters that move the cursor to the start of what is drawn.
    fn home(&self) -> String {
        match self.drawn {
            0 | 1 => "\r".repeat(self.drawn),
            lines => format!("\r\u{1b}[{}A", lines - 1),
        }
    }

    /// Returns the control characters that clear what is drawn.
    fn wiped(&mut self) -> String {
        let text = if self.drawn == 0 { String::new() } else { self.home() + "\u{1b}[J" };
        self.drawn = 0;
        text
    }

    /// Returns the frame as one text, so that nothing flickers.
    fn frame(&mut self, (columns, rows): Size) -> String {
        let mut text = self.home();
        // A line that wraps, or one above the top, could not be drawn over.
        let shown = self.lines.len().min(rows.saturating_sub(1).max(1));
        for (index, line) in self.lines.iter().take(shown).enumerate() {
            let between = if index == 0 { "" } else { "\r\n" };
            let mark = line.mark.unwrap_or(SPINNER[self.turn % SPINNER.len()]);
            let line = cut_end(&harmless(&line.text), columns.saturating_sub(2 + FREE));
            // Writing to memory can't fail.
            let _ = write!(text, "{between}{mark} {line}\u{1b}[K");
        }
        if self.drawn > shown {
            text += "\u{1b}[J";
        }
        self.drawn = shown;
        text
    }
}

/// What can't be drawn, on a terminal that went away, must not end the run.
fn write(text: &str) {
    let mut screen = io::stderr().lock();
    drop(screen.write_all(text.as_bytes()).and_then(|()| screen.flush()));
}

/// Returns the size of the terminal at this moment.
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

    /// Draws these frames one after the other, with what the terminal writes for Ctrl-C after each.
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
        assert_eq!(drawn(&[&["a", "b", "c"], &["d"]]), "✓ d^C", "what is below is wiped, the first echo with it");
    }

    #[test]
    fn lines_never_wrap_or_exceed_terminal_height() {
        let wide = "agentverse-worker-staging";
        assert_eq!(drawn(&[&[wide, wide], &[wide, "b"]]), "✓ agentverse-wor…\n✓ b^C");
        let many = ["1", "2", "3", "4", "5", "6", "7", "8"];
        assert_eq!(drawn(&[&many, &many]), "✓ 1\n✓ 2\n✓ 3\n✓ 4\n✓ 5^C");
    }
}
