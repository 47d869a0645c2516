//! Why loaders read a line differently. Determined by experiment: each suspicious character is replaced by a harmless
//! one, and the first replacement after which all loaders agree is the cause. This needs no knowledge of the loaders'
//! grammars.

use zeroize::Zeroizing;

use crate::drift::dotenv::Entry;
use crate::drift::dotenv::agreed_spelling::{Spelling, agreed};
use crate::drift::dotenv::loader::{Body, Loader};

/// Why loaders read an assignment differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CauseKind {
    /// Only `${{…}}`, a reference for Railway.
    Reference,
    /// A `$` that some loader expands.
    Substitution,
    /// A `#` inside the value, or a comment that touches it.
    Hash,
    /// A comment directly after the `=`.
    Comment,
    Backtick,
    /// A backslash.
    Escape,
    /// A quote inside a value.
    Quote,
    /// An unclosed quote.
    Unclosed,
    /// Whitespace outside quotes.
    Blank,
    /// A carriage return in the value.
    LineEnd,
    /// Key, `=` and value on several lines.
    LineBreak,
    /// `KEY: value`.
    Colon,
    /// A key that some loader rejects.
    Key,
    /// A byte order mark at the start of the file.
    ByteOrderMark,
    /// An earlier line of which this one is a part.
    Swallowed,
    /// Assigned several times.
    Duplicate,
    Other,
}

impl CauseKind {
    /// Returns the cause as a noun phrase.
    pub fn description(self) -> &'static str {
        match self {
            Self::Reference => {
                "a Railway reference `${{…}}`, which dotenvy and python-dotenv expand as a local variable"
            }
            Self::Substitution => "a `$` that some loaders expand",
            Self::Hash => "a `#` without a space before it",
            Self::Comment => "a comment directly after the `=`",
            Self::Backtick => "backticks, which only node's dotenv treats as quotes",
            Self::Escape => "a backslash",
            Self::Quote => "a quote inside the value",
            Self::Unclosed => "an unclosed quote",
            Self::Blank => "whitespace outside quotes",
            Self::LineEnd => "a carriage return in the value",
            Self::LineBreak => "key, `=` and value on different lines",
            Self::Colon => "a `:` instead of `=`",
            Self::Key => "a key that some loaders reject",
            Self::ByteOrderMark => "a byte order mark at the start of the file",
            Self::Swallowed => "an earlier line that extends into this one",
            Self::Duplicate => "several assignments: dotenvy keeps the first, the other loaders the last",
            Self::Other => "syntax that loaders parse differently",
        }
    }

    /// Returns how to fix it: by writing the value in the given spelling, unless the cause is not in the value.
    pub fn advice(self, spelling: Option<Spelling>) -> &'static str {
        match (self, spelling) {
            (Self::Key, _) => "rename the key, with only letters, digits and underscores",
            (Self::ByteOrderMark, _) => "save the file as UTF-8 without a byte order mark",
            (Self::Swallowed, _) => "close the quote on the earlier line",
            (Self::Duplicate, _) => "keep only one of them",
            (Self::LineBreak, _) => "put key, `=` and value on one line, and write an empty value as KEY=''",
            (_, Some(Spelling::Bare)) => "write it as KEY=…, on one line without quotes",
            (_, Some(Spelling::Single)) => "write it as KEY='…'",
            (_, Some(Spelling::Double)) => "write it as KEY=\"…\"",
            (Self::Reference, None) => {
                "write KEY='${{…}}' for dotenvy and node's dotenv; python-dotenv needs interpolate=False"
            }
            (Self::Substitution, None) => {
                "write KEY='…' for dotenvy and use interpolate=False for python-dotenv, or set `loader` in doctor.toml"
            }
            (_, None) => "no way of writing this line works for every loader; set `loader` in doctor.toml",
        }
    }
}

/// A possible cause in a right-hand side: the characters that it needs, and a function that removes it.
struct Experiment {
    kind: CauseKind,
    characters: &'static [char],
    without: fn(&str) -> String,
}

const EXPERIMENTS: &[Experiment] = &[
    Experiment { kind: CauseKind::Reference, characters: &['$'], without: without_references },
    Experiment { kind: CauseKind::Substitution, characters: &['$'], without: |text| text.replace('$', "s") },
    Experiment {
        kind: CauseKind::LineEnd,
        characters: &['\r'],
        without: |text| text.replace("\r\n", "\n").replace('\r', "\n"),
    },
    Experiment { kind: CauseKind::Hash, characters: &['#'], without: |text| text.replace('#', "h") },
    Experiment { kind: CauseKind::Escape, characters: &['\\'], without: |text| text.replace('\\', "b") },
    Experiment { kind: CauseKind::Backtick, characters: &['`'], without: |text| text.replace('`', "t") },
    Experiment { kind: CauseKind::Quote, characters: &['\'', '"'], without: without_inner_quotes },
    Experiment { kind: CauseKind::Blank, characters: &[' ', '\t'], without: |text| text.replace([' ', '\t'], "_") },
];

/// Returns why the loader does not read an assignment that others read.
pub fn of_entry(text: &str, entry: &Entry, loader: Loader) -> CauseKind {
    let is_quoted = text[entry.key_span.clone()] != entry.key;
    if is_quoted || !is_plain(&entry.key) {
        return CauseKind::Key;
    }
    // If the loader reads the statement alone, the cause is an earlier line.
    let alone = Body::of(&text[entry.statement.clone()]).bindings(loader);
    if alone.iter().any(|binding| binding.key == entry.key && binding.value.is_some()) {
        return CauseKind::Swallowed;
    }
    inside(&text[entry.span.clone()]).unwrap_or_else(|| around(text, entry))
}

/// Returns whether every loader accepts the key.
pub fn is_plain(key: &str) -> bool {
    // node's dotenv loses a key that is the prototype of its object.
    key != "__proto__"
        && key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.'))
}

/// Returns the cause in a right-hand side; `None` if loaders agree on it, so that the cause is in the text around it.
pub fn inside(written: &str) -> Option<CauseKind> {
    if agreed(written).is_some() {
        return None;
    }
    if is_unclosed(written) {
        return Some(CauseKind::Unclosed);
    }
    let present = || EXPERIMENTS.iter().filter(|experiment| written.contains(experiment.characters));
    let single = present().find(|experiment| agreed(&Zeroizing::new((experiment.without)(written))).is_some());
    // With several causes at once, no single replacement helps: report the first one that is
    // not a reference, which is the least serious.
    let first = || present().find(|experiment| experiment.kind != CauseKind::Reference);
    Some(single.or_else(first).map_or(CauseKind::Other, |experiment| experiment.kind))
}

/// Returns the cause in the text around a right-hand side that every loader reads the same.
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

/// Returns whether the text starts with a quote that is not closed on the same line.
fn is_unclosed(written: &str) -> bool {
    let mut characters = written.chars();
    let quote = characters.next().filter(|first| matches!(first, '\'' | '"'));
    quote.is_some_and(|quote| !characters.any(|character| character == quote))
}

/// Replaces each `${{…}}` with a plain word.
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

/// Replaces every quote except a pair around the whole text.
fn without_inner_quotes(text: &str) -> String {
    let without_quotes = |text: &str| text.replace(['\'', '"'], "q");
    let between = |quote: char| Some((quote, text.strip_prefix(quote)?.strip_suffix(quote)?));
    match between('\'').or_else(|| between('"')) {
        Some((quote, inner)) => format!("{quote}{}{quote}", without_quotes(inner)),
        None => without_quotes(text),
    }
}
