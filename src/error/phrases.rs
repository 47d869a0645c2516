//! Parts of sentences that several errors share.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// "a, b and 3 more", or the word for none.
pub(super) fn listed(names: &[String], none: &str) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => none.to_owned(),
        count if count > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
        _ => names.join(", "),
    }
}

/// Returns the first of the names for a command line, or a placeholder.
pub(super) fn first(names: &[String]) -> Cow<'_, str> {
    names.first().map_or(Cow::Borrowed("NAME"), |name| quoted(name))
}

/// Quotes a name for a shell: anybody on the project may have chosen it.
pub(super) fn quoted(name: &str) -> Cow<'_, str> {
    // Only a NUL can't be quoted, and no shell can be given one anyway.
    shlex::try_quote(name).unwrap_or(Cow::Borrowed("NAME"))
}

/// Returns where a new token for that source is made.
pub(super) fn renewal(from: &str) -> &'static str {
    match from {
        "RAILWAY_TOKEN" => "make a new project token in the project's settings, under Tokens",
        "RAILWAY_API_TOKEN" => "make a new one at https://railway.com/account/tokens",
        "the keyring" | "what was given" => "make a new one, then run `doctor auth login`",
        _ => "run `railway login`",
    }
}

/// Returns who limits the rate, and by how much.
pub(super) fn rate_limit(wait: Option<Duration>, by: &str, allowance: Option<&str>) -> String {
    let asked = match wait {
        Some(wait) => format!("{by} asks to wait {}, longer than this run may take", Seconds(wait)),
        None => format!("{by} refused every try"),
    };
    match allowance {
        Some(allowance) => format!("{asked}; its limit is {allowance}"),
        None => asked,
    }
}

/// A duration as people write it.
pub(super) struct Seconds(pub(super) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_millis(100) {
            write!(formatter, "{} ms", self.0.as_millis().max(1))
        } else if self.0.subsec_millis() == 0 {
            write!(formatter, "{} s", self.0.as_secs())
        } else {
            write!(formatter, "{:.1} s", self.0.as_secs_f64())
        }
    }
}
