//! What it is in a line that loaders read differently. Found by experiment: take it out, and they agree.

use zeroize::Zeroizing;

use crate::drift::dotenv::Entry;
use crate::drift::dotenv::agreed_spelling::{Spelling, agreed};

/// The kind of thing that loaders read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CauseKind {
    /// Nothing but `${{…}}`, which is meant for Railway.
    Reference,
    /// A `$` that some loader follows.
    Substitution,
    /// A `#` inside the value, or a comment that touches it.
    Hash,
    /// A comment right behind the `=`.
    Comment,
    /// Backticks.
    Backtick,
    /// A backslash.
    Escape,
    /// A quote inside a value.
    Quote,
    /// A quote without its partner.
    Unclosed,
    /// Blanks or other white space outside quotes.
    Blank,
    /// A carriage return inside the value.
    LineEnd,
    /// Key, `=` and value on several lines.
    LineBreak,
    /// `KEY: value`.
    Colon,
    /// A key that is no plain name.
    Key,
    /// A byte order mark at the start of the file.
    ByteOrderMark,
    /// An earlier line that takes this one with it.
    Swallowed,
    /// Assigned several times.
    Duplicate,
    /// Something else.
    Other,
}

impl CauseKind {
    /// What it is, for a sentence such as "because of …".
    pub fn description(self) -> &'static str {
        match self {
            Self::Reference => "a reference `${{…}}`, which dotenvy and python-dotenv take for a variable of their own",
            Self::Substitution => "a live `$`, in the place of which some loaders put a variable",
            Self::Hash => "a `#` without a blank before it",
            Self::Comment => "a comment right behind the `=`",
            Self::Backtick => "backticks, which only node's dotenv takes for quotes",
            Self::Escape => "a backslash",
            Self::Quote => "a quote inside the value",
            Self::Unclosed => "a quote that is opened and not closed",
            Self::Blank => "a blank outside quotes",
            Self::LineEnd => "a carriage return inside the value",
            Self::LineBreak => "a key, its `=` and its value on different lines",
            Self::Colon => "a `:` in the place of the `=`",
            Self::Key => "a key that is no plain name",
            Self::ByteOrderMark => "a byte order mark at the start of the file",
            Self::Swallowed => "an earlier line that takes this one with it",
            Self::Duplicate => "several assignments, of which dotenvy keeps the first and the others the last",
            Self::Other => "characters that the loaders divide differently",
        }
    }

    /// What to do about it, where quoting the value alike for all (`spelling`) is not what helps.
    pub fn advice(self, spelling: Option<Spelling>) -> &'static str {
        match (self, spelling) {
            (Self::Key, _) => "name it with letters, digits and underscores only",
            (Self::ByteOrderMark, _) => "save the file as UTF-8 without a byte order mark",
            (Self::Swallowed, _) => "close the quote in the earlier line",
            (Self::Duplicate, _) => "keep one of them",
            (Self::LineBreak, _) => "write key, `=` and value on one line, and an empty value as KEY=''",
            (_, Some(Spelling::Bare)) => "write it as KEY=…, on one line and without quotes",
            (_, Some(Spelling::Single)) => "write it as KEY='…'",
            (_, Some(Spelling::Double)) => "write it as KEY=\"…\"",
            (Self::Reference, None) => {
                "KEY='${{…}}' is read alike by dotenvy and node's dotenv; python-dotenv needs interpolate=False"
            }
            (Self::Substitution, None) => {
                "KEY='…' stops dotenvy, and only interpolate=False stops python-dotenv; or say `loader` in doctor.toml"
            }
            (_, None) => "no spelling is read alike by all; say `loader` in doctor.toml",
        }
    }
}

/// One thing to take out of a right-hand side: what it is, what gives it away, and how it is made harmless.
struct Experiment {
    kind: CauseKind,
    signs: &'static [char],
    harmless: fn(&str) -> String,
}

const EXPERIMENTS: &[Experiment] = &[
    Experiment { kind: CauseKind::Reference, signs: &['$'], harmless: without_references },
    Experiment { kind: CauseKind::Substitution, signs: &['$'], harmless: |text| text.replace('$', "s") },
    Experiment {
        kind: CauseKind::LineEnd,
        signs: &['\r'],
        harmless: |text| text.replace("\r\n", "\n").replace('\r', "\n"),
    },
    Experiment { kind: CauseKind::Hash, signs: &['#'], harmless: |text| text.replace('#', "h") },
    Experiment { kind: CauseKind::Escape, signs: &['\\'], harmless: |text| text.replace('\\', "b") },
    Experiment { kind: CauseKind::Backtick, signs: &['`'], harmless: |text| text.replace('`', "t") },
    Experiment { kind: CauseKind::Quote, signs: &['\'', '"'], harmless: without_inner_quotes },
    Experiment { kind: CauseKind::Blank, signs: &[' ', '\t'], harmless: |text| text.replace([' ', '\t'], "_") },
];

/// What keeps a loader from reading an assignment that others read.
pub fn of_entry(text: &str, entry: &Entry) -> CauseKind {
    let is_quoted = text[entry.key_span.clone()] != entry.key;
    if is_quoted || !is_plain(&entry.key) {
        return CauseKind::Key;
    }
    let is_flawless = text[entry.statement.clone()].trim() == &text[entry.key_span.start..entry.span.end]
        && entry.span.start == entry.key_span.end + "=".len();
    let around = || if is_flawless { CauseKind::Swallowed } else { around(text, entry) };
    inside(&text[entry.span.clone()]).unwrap_or_else(around)
}

/// Whether every loader takes the key.
pub fn is_plain(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.'))
}

/// What it is in a right-hand side; `None` if the loaders agree about it, so that the cause is around it.
pub fn inside(written: &str) -> Option<CauseKind> {
    if agreed(written).is_some() {
        return None;
    }
    if is_unclosed(written) {
        return Some(CauseKind::Unclosed);
    }
    let present = || EXPERIMENTS.iter().filter(|experiment| written.contains(experiment.signs));
    let cured = present().find(|experiment| agreed(&Zeroizing::new((experiment.harmless)(written))).is_some());
    // Several causes at once: the first that is there and is no mild one.
    let first = || present().find(|experiment| experiment.kind != CauseKind::Reference);
    Some(cured.or_else(first).map_or(CauseKind::Other, |experiment| experiment.kind))
}

/// What it is around a right-hand side that is itself read alike by all.
pub fn around(text: &str, entry: &Entry) -> CauseKind {
    let before = &text[entry.statement.start..entry.key_span.start];
    let between = &text[entry.key_span.end..entry.span.start];
    let behind = &text[entry.span.end..entry.statement.end];
    if between.starts_with(':') {
        CauseKind::Colon
    } else if before.contains(['\n', '\r']) || between.contains(['\n', '\r']) {
        CauseKind::LineBreak
    } else if entry.span.is_empty() && behind.trim_start().starts_with('#') {
        CauseKind::Comment
    } else if behind.contains('#') {
        CauseKind::Hash
    } else {
        CauseKind::Blank
    }
}

/// A quote at the start whose partner is not on the line.
fn is_unclosed(written: &str) -> bool {
    let mut characters = written.chars();
    let quote = characters.next().filter(|first| matches!(first, '\'' | '"'));
    quote.is_some_and(|quote| !characters.any(|character| character == quote))
}

/// `${{…}}` as a plain word.
fn without_references(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        let Some(length) = rest[start..].find("}}") else { break };
        plain.push_str(&rest[..start]);
        plain.push_str("reference");
        rest = &rest[start + length + 2..];
    }
    plain.push_str(rest);
    plain
}

/// Takes away every quote but one around the whole.
fn without_inner_quotes(text: &str) -> String {
    let around =
        text.chars().next().filter(|&first| matches!(first, '\'' | '"') && text.len() > 1 && text.ends_with(first));
    match around {
        Some(quote) => format!("{quote}{}{quote}", text[1..text.len() - 1].replace(['\'', '"'], "q")),
        None => text.replace(['\'', '"'], "q"),
    }
}
