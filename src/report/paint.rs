//! Text styles. Colour adds no information.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::drift::Severity;

/// The style of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    Plain,
    /// Headlines.
    Strong,
    /// Secondary text.
    Faint,
    /// `error`, `FAIL`.
    Error,
    /// `warning`.
    Warning,
    /// `note`.
    Note,
    /// `PASS`.
    Good,
}

impl Tone {
    /// Only the eight basic colours, which terminal themes adapt to the background. Bold yellow is avoided, because
    /// many terminals draw it as bright yellow on white; so is blue, which many draw as nearly black on black.
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

/// Appends styled text, and resets the style at its end.
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
