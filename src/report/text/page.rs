//! The lines of a text report while it is being written. Whatever is put on a page is made harmless here, once for all.

use textwrap::{Options, WordSplitter};

use crate::drift::Secret;
use crate::report::escape;
use crate::report::link::behind;
use crate::report::paint::{Tone, paint};
use crate::report::text::text_width::columns;
use crate::report::{CommandTexts, Detail, TextOptions, Values};

/// A piece of a line and what it is to the reader.
pub(crate) type StyledText<'t> = (Tone, &'t str);

/// A page that a piece of a line leads to, where links are understood.
#[derive(Clone, Copy)]
pub(crate) struct SpanLink<'t> {
    /// Which piece.
    pub(crate) span: usize,
    /// Where it leads.
    pub(crate) address: &'t str,
}

/// Below this many columns a terminal wraps for itself.
const NARROWEST: usize = 40;
/// Sentences are not read well in longer lines.
const PROSE: usize = 100;
/// Joins the words of an item that is to stay on one line; no text holds it once it has been escaped.
const GLUE: char = '\u{a0}';
const GLUE_TEXT: &str = "\u{a0}";
/// Longer items are broken at their blanks after all.
const GLUED: usize = 30;

/// A report as far as it is written.
pub(crate) struct TextPage<'l> {
    /// How it is to look.
    pub(crate) look: &'l TextOptions<'l>,
    text: String,
    fingerprints: usize,
    withheld: usize,
}

impl<'l> TextPage<'l> {
    /// An empty page.
    pub(crate) fn new(look: &'l TextOptions<'l>) -> Self {
        Self { look, text: String::new(), fingerprints: 0, withheld: 0 }
    }

    /// Columns for tables.
    pub(crate) fn width(&self) -> usize {
        self.look.width.max(NARROWEST)
    }

    /// Columns for sentences.
    pub(crate) fn prose(&self) -> usize {
        self.width().min(PROSE)
    }

    /// Whether everything is to be told.
    pub(crate) fn is_verbose(&self) -> bool {
        self.look.detail == Detail::Verbose
    }

    /// Whether a fingerprint was shown, so that it has to be explained.
    pub(crate) fn shows_fingerprints(&self) -> bool {
        self.fingerprints > 0
    }

    /// Whether a fingerprint was left out.
    pub(crate) fn withholds_fingerprints(&self) -> bool {
        self.withheld > 0
    }

    /// What stands for a value: its fingerprint, or the value itself at the user's wish.
    pub(crate) fn value(&mut self, value: &Secret) -> String {
        match self.look.values {
            Values::Fingerprints(_) => self.fingerprints += 1,
            Values::Withheld => self.withheld += 1,
            Values::Shown => {}
        }
        self.look.mask(value)
    }

    /// A start command: in full where it is shown, and else what stands for a value.
    pub(crate) fn command(&mut self, command: &Secret) -> String {
        if self.shows_commands() { escape::line(command.expose()).into_owned() } else { self.value(command) }
    }

    /// Whether start commands are shown in full.
    pub(crate) fn shows_commands(&self) -> bool {
        self.look.commands == CommandTexts::Shown
    }

    /// One line, as long as it may be; blanks at its end are left out.
    pub(crate) fn line(&mut self, spans: &[StyledText<'_>]) {
        self.linked(spans, None);
    }

    /// The same with a link.
    pub(crate) fn linked(&mut self, spans: &[StyledText<'_>], link: Option<SpanLink<'_>>) {
        let last = spans.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        for (index, (tone, text)) in spans.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let text = if Some(index) == last { text.trim_end() } else { text };
            let text = escape::line(text);
            let mut drawn = String::new();
            if self.look.colour {
                paint(*tone, &text, &mut drawn);
            } else {
                drawn.push_str(&text);
            }
            match link {
                Some(SpanLink { span, address }) if span == index && self.look.links => {
                    behind(address, &drawn, &mut self.text);
                }
                _ => self.text.push_str(&drawn),
            }
        }
        self.text.push('\n');
    }

    /// An empty line before what comes next, unless there is one or nothing stands above it.
    pub(crate) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A text broken into lines after `lead`; the lines below its first are indented by `hang`.
    pub(crate) fn paragraph(&mut self, lead: &[StyledText<'_>], hang: usize, body: StyledText<'_>) {
        for line in self.broken(lead, hang, &escape::line(body.1)) {
            self.body_line(&line, lead, hang, body.0);
        }
    }

    /// Items in a row with a separator between them, broken between short items rather than within.
    pub(crate) fn flow(&mut self, lead: &[StyledText<'_>], hang: usize, tone: Tone, separator: &str, items: &[String]) {
        let glued: Vec<String> = items.iter().map(|item| glue(&escape::line(item))).collect();
        let mark = separator.trim_end().replace(' ', GLUE_TEXT);
        let mut lines = self.broken(lead, hang, &glued.join(&format!("{mark} ")));
        let last = lines.len().saturating_sub(1);
        // A comma belongs to the word before it; a dot between two items is nothing at a line's end.
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

    /// A sentence as [`TextPage::paragraph`] writes it, with a faint word at the right edge of its last line, or on a line of
    /// its own.
    pub(crate) fn headline(&mut self, lead: &[StyledText<'_>], sentence: &str, label: &str) {
        let hang = 4;
        let mut lines = self.broken(lead, hang, &escape::line(sentence));
        let last = lines.pop().unwrap_or_default();
        let taken = columns(&last.text) + if last.is_first { lead_columns(lead) } else { hang };
        for line in lines {
            self.body_line(&line, lead, hang, Tone::Strong);
        }
        let gap = self.prose().saturating_sub(taken + columns(label));
        let indent = " ".repeat(hang);
        let mut spans = if last.is_first { lead.to_vec() } else { vec![(Tone::Plain, indent.as_str())] };
        spans.push((Tone::Strong, &last.text));
        if gap < 2 {
            self.line(&spans);
            self.line(&[(Tone::Faint, "  rule  "), (Tone::Faint, label)]);
        } else {
            let blanks = " ".repeat(gap);
            spans.extend([(Tone::Plain, blanks.as_str()), (Tone::Faint, label)]);
            self.line(&spans);
        }
    }

    /// The report so far.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn broken(&self, lead: &[StyledText<'_>], hang: usize, text: &str) -> Vec<Broken> {
        let (first, rest) = (" ".repeat(lead_columns(lead)), " ".repeat(hang));
        let options = Options::new(self.prose())
            .initial_indent(&first)
            .subsequent_indent(&rest)
            .word_splitter(WordSplitter::NoHyphenation);
        textwrap::wrap(text, options)
            .iter()
            .enumerate()
            .map(|(index, line)| Broken {
                is_first: index == 0,
                text: line.get(if index == 0 { first.len() } else { hang }..).unwrap_or_default().replace(GLUE, " "),
            })
            .collect()
    }

    fn body_line(&mut self, line: &Broken, lead: &[StyledText<'_>], hang: usize, tone: Tone) {
        let indent = " ".repeat(hang);
        let mut spans = if line.is_first { lead.to_vec() } else { vec![(Tone::Plain, indent.as_str())] };
        spans.push((tone, &line.text));
        self.line(&spans);
    }
}

/// One line of a broken text, without what stands before it.
#[derive(Default)]
struct Broken {
    is_first: bool,
    text: String,
}

fn lead_columns(lead: &[StyledText<'_>]) -> usize {
    lead.iter().map(|(_, text)| columns(&escape::line(text))).sum()
}

fn glue(item: &str) -> String {
    if columns(item) > GLUED { item.to_owned() } else { item.replace(' ', GLUE_TEXT) }
}
