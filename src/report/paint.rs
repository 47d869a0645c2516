//! Styles as data. Colour only adds: every word that matters is there without it.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::drift::Severity;

/// What a piece of text is to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    Plain,
    /// The sentence to read first.
    Strong,
    /// Secondary text.
    Faint,
    /// The word of an error, `FAIL`.
    Error,
    /// The word of a warning.
    Warning,
    /// The word of a note.
    Note,
    /// `PASS`.
    Good,
}

impl Tone {
    /// Only the eight basic colours, which every terminal theme adapts to its background; never bold yellow, which many
    /// draw as bright yellow on white, and never blue, which many draw as near black on black.
    pub fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Error => AnsiColor::Red.on_default().bold(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Note => AnsiColor::Cyan.on_default(),
            Self::Good => AnsiColor::Green.on_default(),
        }
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Note => Self::Note,
        }
    }
}

/// Appends the text in its tone, and takes the style back at its end.
pub fn paint(tone: Tone, text: &str, out: &mut String) {
    let style = tone.style();
    write!(out, "{style}{text}{style:#}").expect("writing to a String can't fail");
}

#[cfg(test)]
mod tests {
    use super::{Tone, paint};

    #[test]
    fn style_is_reset_where_it_ends() {
        let mut out = String::new();
        paint(Tone::Plain, "a", &mut out);
        paint(Tone::Error, "b", &mut out);
        paint(Tone::Faint, "c", &mut out);
        assert_eq!(out, "a\u{1b}[1m\u{1b}[31mb\u{1b}[0m\u{1b}[2mc\u{1b}[0m");
    }
}
