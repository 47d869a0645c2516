//! The lines of a text report. Every text is escaped when it is written to the page.

use textwrap::{Options, WordSplitter};

use crate::drift::Secret;
use crate::report::escape;
use crate::report::link::write_link;
use crate::report::paint::{Tone, paint};
use crate::report::text::text_width::columns;
use crate::report::{CommandTexts, Detail, TextOptions, Values};

/// A piece of a line and its style.
pub(crate) type StyledText<'t> = (Tone, &'t str);

/// A link on a piece of a line, for terminals that support links.
#[derive(Clone, Copy)]
pub(crate) struct SpanLink<'t> {
    /// The index of the piece.
    pub(crate) span: usize,
    /// The URL.
    pub(crate) address: &'t str,
}

/// Narrower terminals wrap the lines themselves.
const NARROWEST: usize = 40;
/// Longer lines of prose are hard to read.
const PROSE: usize = 100;
/// Replaces the spaces of an item that stays on one line. Escaped text never contains it.
const GLUE: char = '\u{a0}';
const GLUE_TEXT: &str = "\u{a0}";
/// Longer items are broken at their spaces.
const GLUED: usize = 36;

/// A text report under construction.
pub(crate) struct TextPage<'l> {
    /// How it is rendered.
    pub(crate) options: &'l TextOptions<'l>,
    text: String,
    fingerprints: usize,
    redacted: usize,
}

impl<'l> TextPage<'l> {
    /// Creates an empty page.
    pub(crate) fn new(options: &'l TextOptions<'l>) -> Self {
        Self { options, text: String::new(), fingerprints: 0, redacted: 0 }
    }

    /// Returns the width of tables, in columns.
    pub(crate) fn width(&self) -> usize {
        self.options.width.max(NARROWEST)
    }

    /// Returns the width of prose, in columns.
    pub(crate) fn prose(&self) -> usize {
        self.width().min(PROSE)
    }

    /// Returns whether `-v` was given.
    pub(crate) fn is_verbose(&self) -> bool {
        self.options.detail == Detail::Verbose
    }

    /// Returns whether the page has a fingerprint, which needs a legend.
    pub(crate) fn shows_fingerprints(&self) -> bool {
        self.fingerprints > 0
    }

    /// Returns whether the page has a value without a fingerprint.
    pub(crate) fn has_redacted_values(&self) -> bool {
        self.redacted > 0
    }

    /// Returns the fingerprint of a value, `●`, or with `--show-values` the value; `(empty)` for an empty one.
    pub(crate) fn value(&mut self, value: &Secret) -> String {
        match self.options.values {
            _ if value.expose().is_empty() => {}
            Values::Fingerprints(_) => self.fingerprints += 1,
            Values::Redacted(_) => self.redacted += 1,
            Values::Shown => {}
        }
        self.options.mask(value)
    }

    /// Returns a start command: in full if start commands are shown, or else as [`TextPage::value`].
    pub(crate) fn command(&mut self, command: &Secret) -> String {
        if self.shows_commands() { escape::line(command.expose()).into_owned() } else { self.value(command) }
    }

    /// Returns whether start commands are shown in full.
    pub(crate) fn shows_commands(&self) -> bool {
        self.options.commands == CommandTexts::Shown
    }

    /// Writes one line without wrapping it, and without trailing spaces.
    pub(crate) fn line(&mut self, spans: &[StyledText<'_>]) {
        self.linked(spans, None);
    }

    /// Writes one line, one piece of which may be a link.
    pub(crate) fn linked(&mut self, spans: &[StyledText<'_>], link: Option<SpanLink<'_>>) {
        let last = spans.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        for (index, (tone, text)) in spans.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let text = if Some(index) == last { text.trim_end() } else { text };
            let text = escape::line(text);
            let mut styled = String::new();
            if self.options.colour {
                paint(*tone, &text, &mut styled);
            } else {
                styled.push_str(&text);
            }
            match link {
                Some(SpanLink { span, address }) if span == index && self.options.links => {
                    write_link(address, &styled, &mut self.text);
                }
                _ => self.text.push_str(&styled),
            }
        }
        self.text.push('\n');
    }

    /// Writes an empty line, unless the page is empty or ends with one.
    pub(crate) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Writes text after `lead`, wrapped; all lines but the first are indented by `hang`.
    pub(crate) fn paragraph(&mut self, lead: &[StyledText<'_>], hang: usize, body: StyledText<'_>) {
        for line in self.wrapped(lead, hang, &escape::line(body.1)) {
            self.body_line(&line, lead, hang, body.0);
        }
    }

    /// Writes items with a separator between them, wrapped between items; long items are wrapped inside, too.
    pub(crate) fn flow(&mut self, lead: &[StyledText<'_>], hang: usize, tone: Tone, separator: &str, items: &[String]) {
        let glued: Vec<String> = items.iter().map(|item| glue(&escape::line(item))).collect();
        let mark = separator.trim_end().replace(' ', GLUE_TEXT);
        let mut lines = self.wrapped(lead, hang, &glued.join(&format!("{mark} ")));
        let last = lines.len().saturating_sub(1);
        // A comma stays at the end of a line; a dot between two items is removed there.
        if separator.starts_with(' ') {
            for line in &mut lines[..last] {
                let kept = line.text.trim_end_matches(separator.trim_end()).len();
                line.text.truncate(kept);
            }
        }
        for line in lines {
            self.body_line(&line, lead, hang, tone);
        }
    }

    /// Writes a sentence as [`TextPage::paragraph`] does, with a faint `[label]` at its end.
    pub(crate) fn headline(&mut self, lead: &[StyledText<'_>], sentence: &str, label: &str) {
        let hang = 4;
        let label = format!("[{label}]");
        let mut lines = self.wrapped(lead, hang, &format!("{} {label}", escape::line(sentence)));
        let last = lines.pop().unwrap_or_default();
        for line in lines {
            self.body_line(&line, lead, hang, Tone::Strong);
        }
        let indent = " ".repeat(hang);
        let mut spans = if last.is_first { lead.to_vec() } else { vec![(Tone::Plain, indent.as_str())] };
        match last.text.strip_suffix(label.as_str()) {
            Some(rest) => spans.extend([(Tone::Strong, rest), (Tone::Faint, &*label)]),
            None => spans.push((Tone::Strong, &last.text)),
        }
        self.line(&spans);
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn wrapped(&self, lead: &[StyledText<'_>], hang: usize, text: &str) -> Vec<WrappedLine> {
        let (first, rest) = (" ".repeat(lead_columns(lead)), " ".repeat(hang));
        let options = Options::new(self.prose())
            .initial_indent(&first)
            .subsequent_indent(&rest)
            .word_splitter(WordSplitter::NoHyphenation);
        textwrap::wrap(text, options)
            .iter()
            .enumerate()
            .map(|(index, line)| WrappedLine {
                is_first: index == 0,
                text: line.get(if index == 0 { first.len() } else { hang }..).unwrap_or_default().replace(GLUE, " "),
            })
            .collect()
    }

    fn body_line(&mut self, line: &WrappedLine, lead: &[StyledText<'_>], hang: usize, tone: Tone) {
        let indent = " ".repeat(hang);
        let mut spans = if line.is_first { lead.to_vec() } else { vec![(Tone::Plain, indent.as_str())] };
        spans.push((tone, &line.text));
        self.line(&spans);
    }
}

/// One line of a wrapped text, without its lead or indentation.
#[derive(Default)]
struct WrappedLine {
    is_first: bool,
    text: String,
}

fn lead_columns(lead: &[StyledText<'_>]) -> usize {
    lead.iter().map(|(_, text)| columns(&escape::line(text))).sum()
}

fn glue(item: &str) -> String {
    if columns(item) > GLUED { item.to_owned() } else { item.replace(' ', GLUE_TEXT) }
}
