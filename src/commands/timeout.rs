//! The time that `--timeout` gives.

use std::time::Duration;

use jiff::SignedDuration;

use crate::error::Error;

/// Parses `20s`, `1m30s`, or a bare number of seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, Error> {
    let refuse = |why: &str| Error::Flag {
        flag: "--timeout",
        value: text.to_owned(),
        cause: why.to_owned(),
        help: "give a time with its unit: `--timeout 20s`, `--timeout 2m`".to_owned(),
    };
    let parsed = match text.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(seconds.into()),
        Err(_) => text.parse().map_err(|_| refuse("it is no time"))?,
    };
    match Duration::try_from(parsed) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        _ => Err(refuse("it must be longer than nothing")),
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
