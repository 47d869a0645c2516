//! Why two values differ, where that can be stated without showing them.

pub mod encoded;
pub mod json;
pub mod other_values;
pub mod text;

use crate::drift::suspicious_values::SuspiciousValue;

/// The side that a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonSide {
    /// The file.
    Local,
    /// Railway.
    Stored,
}

impl ReasonSide {
    fn value(self) -> &'static str {
        match self {
            Self::Local => "the local value",
            Self::Stored => "the stored value",
        }
    }

    fn opposite(self) -> Self {
        match self {
            Self::Local => Self::Stored,
            Self::Stored => Self::Local,
        }
    }

    fn other(self) -> &'static str {
        match self {
            Self::Local => "the stored one",
            Self::Stored => "the local one",
        }
    }
}

/// Why two values differ, in the order in which the reasons are tried: the most specific first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// One side is a placeholder.
    Placeholder(ReasonSide),
    /// One side is empty.
    Empty(ReasonSide),
    /// One side ends with a newline.
    TrailingNewline(ReasonSide),
    /// One side ends with a backslash and an `n`.
    LiteralNewline(ReasonSide),
    /// One side has surrounding quotes.
    Quotes(ReasonSide),
    /// One side starts with the key and `=`.
    KeyCopied(ReasonSide),
    /// One side ends with a comment.
    Comment(ReasonSide),
    /// Only the line endings differ, and this side has CRLF.
    LineEnds(ReasonSide),
    /// One side has its newlines escaped as `\n`.
    EscapedNewlines(ReasonSide),
    /// The same PEM block, on one line on this side.
    PemOnOneLine(ReasonSide),
    /// One side or both have surrounding whitespace.
    SurroundingSpace,
    /// This side contains invisible characters.
    Invisible(ReasonSide),
    /// Only the case differs.
    Case,
    /// The same URL, with a trailing slash on this side.
    TrailingSlash(ReasonSide),
    /// The same base64, with padding on this side.
    Padding(ReasonSide),
    /// This side is percent-encoded.
    PercentEncoded(ReasonSide),
    /// This side is encoded as base64.
    Base64(ReasonSide),
    /// Equivalent JSON.
    Json,
    /// This side has its dollar signs escaped as `$$` or `\$`.
    EscapedDollar(ReasonSide),
    /// This side has quotes or other characters escaped with backslashes.
    Escaped(ReasonSide),
    /// This side has a `$` that a loader expanded into the other side.
    Expansion(ReasonSide),
    /// The service has the local value under this other key.
    StoredKey(String),
    /// Other services have the local value under the same key.
    OtherService(String),
    /// Another service has the local value under another key.
    OtherServiceKey {
        /// The service's name.
        service: String,
        /// The key that has the value there.
        key: String,
    },
    /// The file has the stored value under this other key.
    LocalKey(String),
}

impl Reason {
    /// Returns the reason as a sentence without a full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::Placeholder(side) => format!("{} is a placeholder", side.value()),
            Self::Empty(side) => format!("{} is empty", side.value()),
            Self::TrailingNewline(side) => {
                format!("{} ends with a newline; {} does not", side.value(), side.other())
            }
            Self::LiteralNewline(side) => {
                format!("{} ends with the characters \\n; {} does not", side.value(), side.other())
            }
            Self::Quotes(side) => format!("{} has surrounding quotes that are part of the value", side.value()),
            Self::KeyCopied(side) => {
                format!("{} starts with the key and an equals sign; otherwise the two are equal", side.value())
            }
            Self::Comment(side) => format!("{} ends with a comment; otherwise the two are equal", side.value()),
            Self::LineEnds(side) => {
                format!("{} has Windows line endings (CRLF); otherwise the two are equal", side.value())
            }
            Self::EscapedNewlines(side) => {
                format!("{} has newlines escaped as \\n; {} has real newlines", side.value(), side.other())
            }
            Self::PemOnOneLine(side) => {
                format!("both values are the same PEM block, but {} has no line breaks", side.value())
            }
            Self::SurroundingSpace => "only the surrounding whitespace differs".to_owned(),
            Self::Invisible(side) => {
                format!("{} contains invisible characters; otherwise the two are equal", side.value())
            }
            Self::Case => "only the case differs".to_owned(),
            Self::TrailingSlash(side) => {
                format!("both values are the same URL, but {} has a trailing slash", side.value())
            }
            Self::Padding(side) => {
                format!("both values are the same base64, but only {} has `=` padding", side.value())
            }
            Self::PercentEncoded(side) => format!("{} is {} with percent-encoding", side.value(), side.other()),
            Self::Base64(side) => format!("{} is {} in base64", side.value(), side.other()),
            Self::Json => "the two values are equivalent JSON".to_owned(),
            Self::EscapedDollar(ReasonSide::Local) => {
                "the dollar sign is escaped in the local value but not in the stored value".to_owned()
            }
            Self::EscapedDollar(ReasonSide::Stored) => {
                "the dollar sign is escaped in the stored value but not in the local value".to_owned()
            }
            Self::Escaped(side) => {
                format!("{} has characters escaped with backslashes; otherwise the two are equal", side.value())
            }
            Self::Expansion(side) => {
                format!("expanding the variables in {} gives {}", side.value(), side.other())
            }
            Self::LocalKey(key) => format!("the stored value matches {key} in the file"),
            Self::StoredKey(key) => format!("the local value matches {key} on the same service"),
            Self::OtherService(service) => format!("the local value matches the value on {service}"),
            Self::OtherServiceKey { service, key } => format!("the local value matches {key} on {service}"),
        }
    }

    /// Returns whether the two values differ only in form, so that the difference rarely matters.
    pub fn is_about_form(&self) -> bool {
        matches!(
            self,
            Self::TrailingNewline(_)
                | Self::LiteralNewline(_)
                | Self::Quotes(_)
                | Self::Comment(_)
                | Self::LineEnds(_)
                | Self::SurroundingSpace
                | Self::Case
        )
    }

    /// Returns the side with the intended value, if the other one is evidently a mistake.
    pub fn intended(&self) -> Option<ReasonSide> {
        match self {
            Self::TrailingNewline(side)
            | Self::LiteralNewline(side)
            | Self::Quotes(side)
            | Self::KeyCopied(side)
            | Self::Comment(side)
            | Self::LineEnds(side)
            | Self::PemOnOneLine(side)
            | Self::Invisible(side) => Some(side.opposite()),
            Self::Padding(side) => Some(*side),
            Self::EscapedDollar(ReasonSide::Stored) => Some(ReasonSide::Local),
            _ => None,
        }
    }

    /// Returns whether both sides have the same text, which was changed when it was copied. This is never intended: not
    /// even in a value that is expected to differ.
    pub fn is_copying_mistake(&self) -> bool {
        matches!(
            self,
            Self::TrailingNewline(_)
                | Self::LiteralNewline(_)
                | Self::Quotes(_)
                | Self::KeyCopied(_)
                | Self::Comment(_)
                | Self::LineEnds(_)
                | Self::EscapedNewlines(_)
                | Self::SurroundingSpace
                | Self::Invisible(_)
                | Self::PercentEncoded(_)
                | Self::Base64(_)
                | Self::Escaped(_)
        )
    }

    /// Returns how to correct the file, if only the local value is a mistake.
    pub fn correction(&self) -> Option<&'static str> {
        match self {
            Self::LineEnds(ReasonSide::Local) => Some("replace CRLF with LF"),
            Self::LiteralNewline(ReasonSide::Local) => Some("remove the \\n"),
            Self::KeyCopied(ReasonSide::Local) => Some("remove the repeated key"),
            Self::Comment(ReasonSide::Local) => Some("remove the comment"),
            Self::PemOnOneLine(ReasonSide::Local) => Some("restore the line breaks"),
            Self::Padding(ReasonSide::Stored) => Some("add the `=` padding"),
            _ => match self.suspicious_value()? {
                (ReasonSide::Local, value) => value.correction(),
                (ReasonSide::Stored, _) => None,
            },
        }
    }

    /// Returns how to fix it, where that is more than choosing a side.
    pub fn advice(&self) -> Option<String> {
        let text = match self {
            Self::Placeholder(ReasonSide::Local) | Self::Empty(ReasonSide::Local) => {
                "set it in the file, or pull the value from Railway"
            }
            Self::Placeholder(ReasonSide::Stored) => "push the local value: the service uses the placeholder",
            Self::Empty(ReasonSide::Stored) | Self::Case | Self::Json => return None,
            Self::TrailingNewline(_) => SuspiciousValue::TrailingNewline.advice(),
            Self::LiteralNewline(_) => "store it without the \\n",
            Self::Quotes(_) => SuspiciousValue::Quotes.advice(),
            Self::KeyCopied(_) => "store only the text after the equals sign",
            Self::Comment(_) => "store it without the comment: Railway stores the whole text as the value",
            Self::PemOnOneLine(_) => "store the block with its line breaks, which most libraries need",
            Self::Invisible(_) => "push the local value, which has no invisible characters",
            Self::LineEnds(_) => "use the value without CRLF; few programs expect CRLF in a value",
            Self::EscapedNewlines(_) => {
                "use the form that the program expects; keys and certificates need real newlines"
            }
            Self::SurroundingSpace => "remove the whitespace unless the program needs it",
            Self::TrailingSlash(_) => "use the same form on both sides; appending a path gives different URLs",
            Self::PercentEncoded(_) | Self::Base64(_) | Self::Escaped(_) => {
                "use the form that the program expects on both sides"
            }
            Self::Padding(_) => "use the padded value; strict decoders require padding",
            Self::EscapedDollar(_) => {
                "store a plain $: Railway does not unescape values; `$$` is for docker compose, `\\$` for dotenv-expand"
            }
            Self::Expansion(_) => "write the value in single quotes, or escape the $ for the program's loader",
            Self::LocalKey(_) | Self::StoredKey(_) => {
                "check whether two values were swapped or pasted under the wrong key"
            }
            Self::OtherService(_) | Self::OtherServiceKey { .. } => {
                "check whether the value was changed on only some of the services"
            }
        };
        Some(text.to_owned())
    }

    /// Returns the suspicious value that this reason already reports, and its side.
    pub fn suspicious_value(&self) -> Option<(ReasonSide, SuspiciousValue)> {
        match self {
            Self::TrailingNewline(side) => Some((*side, SuspiciousValue::TrailingNewline)),
            Self::Quotes(side) => Some((*side, SuspiciousValue::Quotes)),
            Self::Invisible(side) => Some((*side, SuspiciousValue::Invisible)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reason, ReasonSide};

    #[test]
    fn reasons_are_lowercase_without_final_period() {
        let reasons = [
            Reason::Placeholder(ReasonSide::Local),
            Reason::TrailingNewline(ReasonSide::Stored),
            Reason::Case,
            Reason::LocalKey("OTHER".to_owned()),
        ];
        for reason in reasons {
            let sentence = reason.sentence();
            assert!(sentence.starts_with(char::is_lowercase) && !sentence.ends_with('.'), "{sentence}");
        }
    }

    #[test]
    fn only_a_mistake_in_the_file_is_corrected_there() {
        let (local, stored) = (ReasonSide::Local, ReasonSide::Stored);
        for (reason, correction) in [
            (Reason::LineEnds(local), Some("replace CRLF with LF")),
            (Reason::LiteralNewline(local), Some("remove the \\n")),
            (Reason::KeyCopied(local), Some("remove the repeated key")),
            (Reason::Comment(local), Some("remove the comment")),
            (Reason::PemOnOneLine(local), Some("restore the line breaks")),
            (Reason::Padding(stored), Some("add the `=` padding")),
            (Reason::LineEnds(stored), None),
            (Reason::LiteralNewline(stored), None),
            (Reason::KeyCopied(stored), None),
            (Reason::Comment(stored), None),
            (Reason::PemOnOneLine(stored), None),
            (Reason::Padding(local), None),
        ] {
            assert_eq!(reason.correction(), correction, "{reason:?}");
        }
    }

    #[test]
    fn escaped_dollar_on_railway_is_not_intended() {
        assert_eq!(Reason::EscapedDollar(ReasonSide::Stored).intended(), Some(ReasonSide::Local));
        assert_eq!(Reason::EscapedDollar(ReasonSide::Local).intended(), None);
    }
}
