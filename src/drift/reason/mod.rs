//! Why two values differ, where that can be told without showing them.

pub mod json;
pub mod other_values;
pub mod text;

use crate::drift::suspicious_values::SuspiciousValue;

/// The side that has what the other has not.
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

    fn other(self) -> &'static str {
        match self {
            Self::Local => "the stored one",
            Self::Stored => "the local one",
        }
    }
}

/// Why two values differ. The order is the one in which the reasons are looked for, the most telling first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// One side was never filled in.
    Placeholder(ReasonSide),
    /// One side is empty.
    Empty(ReasonSide),
    /// One side ends with a line break.
    TrailingNewline(ReasonSide),
    /// One side has quotes around it.
    Quotes(ReasonSide),
    /// Only the line breaks differ, and this side has CRLF.
    LineEnds(ReasonSide),
    /// One side writes its line breaks as `\n`.
    EscapedNewlines(ReasonSide),
    /// White space around one of them, or around both.
    SurroundingSpace,
    /// Characters that can't be seen, on this side.
    Invisible(ReasonSide),
    /// Only the case differs.
    Case,
    /// A URL, and this side has a slash more.
    TrailingSlash(ReasonSide),
    /// Base64, and this side has its padding.
    Padding(ReasonSide),
    /// The same JSON, written differently.
    Json,
    /// This side writes its dollar signs as `$$` or `\$`.
    EscapedDollar(ReasonSide),
    /// This side has `$` where the other has what a loader made of it.
    Expansion(ReasonSide),
    /// The local value is what the service has under another name.
    StoredKey(String),
    /// The local value is what other services have under the same name.
    OtherService(String),
    /// The local value is what another service has under another name.
    OtherServiceKey {
        /// The service's name.
        service: String,
        /// The name that it has the value under.
        key: String,
    },
    /// The stored value is what the file calls by another name.
    LocalKey(String),
}

impl Reason {
    /// One sentence without full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::Placeholder(side) => format!("{} is a placeholder that was never filled in", side.value()),
            Self::Empty(side) => format!("{} is empty", side.value()),
            Self::TrailingNewline(side) => {
                format!("{} ends with a line break, {} does not", side.value(), side.other())
            }
            Self::Quotes(side) => format!("{} has quotes around it that are part of the value", side.value()),
            Self::LineEnds(side) => {
                let (value, other) = (side.value(), side.other());
                format!("{value} has Windows line ends (CRLF), {other} does not; the text is the same")
            }
            Self::EscapedNewlines(side) => {
                format!("{} writes its line breaks as \\n, {} has real ones", side.value(), side.other())
            }
            Self::SurroundingSpace => "only the white space around the value differs".to_owned(),
            Self::Invisible(side) => {
                format!("{} holds characters that can't be seen; without them the two are equal", side.value())
            }
            Self::Case => "only upper and lower case differ".to_owned(),
            Self::TrailingSlash(side) => format!("the same URL, but {} ends with a slash", side.value()),
            Self::Padding(side) => format!("the same base64, but {} is padded with =", side.value()),
            Self::Json => "the same JSON, written differently".to_owned(),
            Self::EscapedDollar(ReasonSide::Local) => {
                "the dollar sign is escaped in the file, and plain on Railway".to_owned()
            }
            Self::EscapedDollar(ReasonSide::Stored) => {
                "the dollar sign is escaped on Railway, and plain in the file".to_owned()
            }
            Self::Expansion(side) => {
                format!("{} has a $ that a loader took for a variable on its way to {}", side.value(), side.other())
            }
            Self::LocalKey(key) => format!("the stored value is that of {key} in the file"),
            Self::StoredKey(key) => format!("the local value is what the service has as {key}"),
            Self::OtherService(service) => format!("the local value is what {service} holds"),
            Self::OtherServiceKey { service, key } => format!("the local value is what {service} has as {key}"),
        }
    }

    /// What to do about it, where that is more than choosing a side.
    pub fn advice(&self) -> Option<String> {
        let text = match self {
            Self::Placeholder(ReasonSide::Local) | Self::Empty(ReasonSide::Local) => {
                "fill it in, or pull what Railway has"
            }
            Self::Placeholder(ReasonSide::Stored) => "the service runs with it; push the local value",
            Self::Empty(ReasonSide::Stored) | Self::Case | Self::Json => return None,
            Self::TrailingNewline(_) => SuspiciousValue::TrailingNewline.advice(),
            Self::Quotes(_) => SuspiciousValue::Quotes.advice(),
            Self::Invisible(_) => SuspiciousValue::Invisible.advice(),
            Self::LineEnds(_) => "keep the side without CRLF; few programs expect it in a value",
            Self::EscapedNewlines(_) => {
                "keep the spelling that the program expects; keys and certificates need real ones"
            }
            Self::SurroundingSpace => "keep the side without it, unless the program needs it",
            Self::TrailingSlash(_) => {
                "programs that append a path make two different addresses of it; keep one spelling"
            }
            Self::Padding(_) => "strict decoders need the padding; keep the side that has it",
            Self::EscapedDollar(_) => {
                "Railway passes a value on as it is: store a plain $; `$$` is for docker compose, `\\$` for dotenv-expand"
            }
            Self::Expansion(_) => {
                "write the value in single quotes, or the dollar sign as the program's loader wants it"
            }
            Self::LocalKey(_) | Self::StoredKey(_) => {
                "see whether two values were swapped or pasted in the wrong place"
            }
            Self::OtherService(_) | Self::OtherServiceKey { .. } => {
                "a change of the value seems to have reached only some of the services"
            }
        };
        Some(text.to_owned())
    }

    /// The oddity that this reason already tells of, and the side that has it.
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
}
