//! Parses the duration of `--timeout`.

use std::time::Duration;

use jiff::SignedDuration;

use crate::error::Error;

/// Parses `20s`, `1m30s`, or a bare number of seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, Error> {
    let invalid = |expected: &str| Error::Usage {
        what: format!("invalid --timeout `{text}`: expected {expected}"),
        cause: None,
        help: "use the units ms, s, m and h; a number without a unit is in seconds".into(),
    };
    let parsed = match text.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(seconds.into()),
        Err(_) => text.parse().map_err(|_| invalid("a duration such as 20s"))?,
    };
    match Duration::try_from(parsed) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        _ => Err(invalid("a duration longer than zero")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::commands::timeout::parse;

    #[test]
    fn parses_durations_with_and_without_units() {
        for (text, expected) in [
            ("20s", Some(Duration::from_secs(20))),
            ("20", Some(Duration::from_secs(20))),
            ("500ms", Some(Duration::from_millis(500))),
            ("1m30s", Some(Duration::from_secs(90))),
            ("2 min", Some(Duration::from_secs(120))),
            ("0", None),
            ("0s", None),
            ("-3s", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
    }
}
