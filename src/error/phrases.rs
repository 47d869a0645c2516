//! Phrases that several errors share.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::error::{Help, RailwayErrors, STANDARD_OUTPUT};

/// What to do if the token may lack access to a resource that exists.
pub const NO_ACCESS: &str = "use a token with access to it, or ask a workspace admin for access";

/// How to report a response that was not as expected.
pub(super) const BUG_REPORT: &str = "to report a bug, repeat the command with `--debug-api FILE` and attach the file";

/// Returns `a, b and 3 more`, or `none` for an empty list.
pub fn listed(names: &[String], none: &str) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => none.to_owned(),
        count if count > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
        _ => names.join(", "),
    }
}

/// Returns what to do if a report can't be written to that path.
pub(super) fn output_help(path: &str) -> &'static str {
    match path {
        STANDARD_OUTPUT => "check where standard output is redirected to",
        _ => "name another file with --output, or leave --output out",
    }
}

/// Returns which names exist: `project shop has the services api, worker`.
pub(super) fn available(kind: &str, within: &str, names: &[String]) -> String {
    let verb = if kind == "project" { "can access" } else { "has" };
    match names {
        [] => format!("{within} {verb} no {kind}s"),
        [only] => format!("{within} {verb} only the {kind} {only}"),
        _ => format!("{within} {verb} the {kind}s {}", listed(names, "")),
    }
}

/// Returns the first of the names for a command line, or a placeholder.
pub(super) fn first(names: &[String]) -> Cow<'_, str> {
    names.first().map_or(Cow::Borrowed("NAME"), |name| quoted(name))
}

/// Quotes a name for a shell, because any member of the project can choose it.
pub(super) fn quoted(name: &str) -> Cow<'_, str> {
    // Only a NUL can't be quoted, and no argument can contain one.
    shlex::try_quote(name).unwrap_or(Cow::Borrowed("NAME"))
}

/// How to replace the token in `RAILWAY_TOKEN`, or in a variable that `--token` names.
const PROJECT_TOKEN: &str = "create a new project token in the project's settings, under Tokens";

/// The meaning of Railway's “not found”: members of a workspace may have access only to the projects of their groups.
pub const NOT_FOUND: &str = "not found, or not visible to this token";

/// Returns why a token has no access: Railway's errors, and what the token can access.
pub(super) fn denial<'e>(errors: &RailwayErrors, reach: Option<&'e str>) -> Cow<'e, str> {
    match reach {
        Some(reach) if errors.messages.is_empty() => reach.into(),
        Some(reach) => format!("{errors}; {reach}").into(),
        None => errors.to_string().into(),
    }
}

/// Returns how to replace the token of that source.
pub(super) fn renewal(from: &str) -> Help {
    match from {
        "RAILWAY_API_TOKEN" => "create a new token at https://railway.com/account/tokens".into(),
        "the OS keyring" | "standard input" => {
            Help::command("create a new token at https://railway.com/account/tokens, then run:", "doctor auth login")
        }
        path if path.contains('/') => Help::command("log in again:", "railway login"),
        _ => PROJECT_TOKEN.into(),
    }
}

/// Returns which side limits the rate, and by how much.
pub(super) fn rate_limit(wait: Option<Duration>, by: &str, allowance: Option<&str>) -> String {
    let limit = match wait {
        Some(wait) => format!("{by} requires a wait of {}, which exceeds this run's time limit", Seconds(wait)),
        None => format!("{by} rejected every attempt"),
    };
    match allowance {
        Some(allowance) => format!("{limit}; {by} allows {allowance}"),
        None => limit,
    }
}

/// Prints a duration: `20 ms`, `1.5 s`, `1 min 20 s`, `15 min`, `1 h`.
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        // A longer time is rounded up, so that a wait of that time is long enough.
        let minutes = seconds.div_ceil(60);
        if seconds >= 3600 && minutes.is_multiple_of(60) {
            write!(formatter, "{} h", minutes / 60)
        } else if seconds > 3600 {
            write!(formatter, "{} h {} min", minutes / 60, minutes % 60)
        } else if seconds >= 60 && seconds.is_multiple_of(60) {
            write!(formatter, "{} min", seconds / 60)
        } else if seconds > 60 {
            write!(formatter, "{} min {} s", seconds / 60, seconds % 60)
        } else if self.0 < Duration::from_millis(100) {
            write!(formatter, "{} ms", self.0.as_millis().max(1))
        } else if self.0.subsec_millis() == 0 {
            write!(formatter, "{} s", self.0.as_secs())
        } else {
            write!(formatter, "{:.1} s", self.0.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::error::phrases::{Seconds, available};

    #[test]
    fn durations_have_the_largest_units_that_fit() {
        for (milliseconds, expected) in [
            (0, "1 ms"),
            (20, "20 ms"),
            (1500, "1.5 s"),
            (20_000, "20 s"),
            (80_000, "1 min 20 s"),
            (900_000, "15 min"),
            (3_599_000, "59 min 59 s"),
            (3_600_000, "1 h"),
            (3_601_000, "1 h 1 min"),
            (5_430_000, "1 h 31 min"),
            (7_199_000, "2 h"),
        ] {
            assert_eq!(Seconds(Duration::from_millis(milliseconds)).to_string(), expected);
        }
    }

    #[test]
    fn available_names_agree_in_number() {
        let names = |count| ["api", "web"].iter().take(count).map(|&name| name.to_owned()).collect::<Vec<_>>();
        let list = |count| available("service", "project shop", &names(count));
        assert_eq!(list(0), "project shop has no services");
        assert_eq!(list(1), "project shop has only the service api");
        assert_eq!(list(2), "project shop has the services api, web");
    }
}
