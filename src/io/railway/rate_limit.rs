//! The rate limit in response headers: how many requests are allowed, and how long to wait.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::io::railway::transport::HttpResponse;

/// The wait before the second attempt after a rate limit without `Retry-After`; it doubles for each further one.
pub(super) const FIRST_WAIT_WHEN_LIMITED: Duration = Duration::from_secs(1);

/// A shorter window limits how fast requests are sent, not how many a run can send.
const SHORTEST_WINDOW: u64 = 60;

/// Describes the limit: `"default";q=1000;w=3600` is a thousand requests in an hour.
///
/// Railway documents `X-RateLimit-Limit`, but sends `RateLimit-Policy`. Both are supported.
pub(super) fn allowance(rate: &[(String, String)]) -> Option<String> {
    policy(rate)
        .map(|(requests, seconds)| description(requests, seconds))
        .or_else(|| limit(rate).map(|requests| format!("{requests} requests")))
}

/// Describes requests and seconds.
pub(super) fn description(requests: u64, seconds: u64) -> String {
    let period = match seconds {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        3600 => "an hour".to_owned(),
        86400 => "a day".to_owned(),
        _ => format!("in {seconds} s"),
    };
    format!("{requests} requests {period}")
}

/// Parses the requests and seconds of `RateLimit-Policy`. Of several policies, it is the one with the longest window.
pub(super) fn policy(rate: &[(String, String)]) -> Option<(u64, u64)> {
    let policies = header(rate, "ratelimit-policy")?.split(',').filter_map(|policy| {
        let part = |prefix| policy.split(';').find_map(|part| part.trim().strip_prefix(prefix)?.trim().parse().ok());
        Some((part("q=")?, part("w=")?))
    });
    policies.max_by_key(|(_, seconds)| *seconds)
}

/// Parses `X-RateLimit-Limit`, which has no window.
fn limit(rate: &[(String, String)]) -> Option<u64> {
    header(rate, "x-ratelimit-limit")?.trim().parse().ok()
}

/// Returns how many requests a whole window allows.
pub(super) fn window_allowance(rate: &[(String, String)]) -> Option<u64> {
    match policy(rate) {
        Some((requests, seconds)) => (seconds >= SHORTEST_WINDOW).then_some(requests),
        None => limit(rate),
    }
}

/// Parses `X-RateLimit-Remaining`.
pub(super) fn remaining(reply: &HttpResponse) -> Option<u64> {
    header(&reply.others, "x-ratelimit-remaining")?.trim().parse().ok()
}

fn header<'r>(rate: &'r [(String, String)], name: &str) -> Option<&'r str> {
    rate.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Returns the wait of `Retry-After`. A date in it is compared with the sender's own clock, if `Date` contains it.
pub(super) fn named_delay(reply: &HttpResponse, now: Timestamp) -> Option<Duration> {
    waiting_time(reply.retry_after.as_deref()?, Some(reply.date.unwrap_or(now)))
}

/// Parses `Retry-After`: seconds, which is the form that Railway documents, or a date, which needs the sender's time.
pub(super) fn waiting_time(text: &str, now: Option<Timestamp>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(Duration::try_from(date.duration_since(now?)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::io::railway::rate_limit::{allowance, waiting_time, window_allowance};

    #[test]
    fn reads_rate_limit_from_headers() {
        for (name, value, expected) in [
            ("ratelimit-policy", "\"default\";q=1000;w=3600", Some("1000 requests an hour")),
            ("ratelimit-policy", "\"default\"; q=100; w=60; x=1", Some("100 requests a minute")),
            ("ratelimit-policy", "q=5;w=10", Some("5 requests in 10 s")),
            (
                "ratelimit-policy",
                "\"burst\";q=10;w=1, \"default\";q=1000;w=3600, \"x\";q=7",
                Some("1000 requests an hour"),
            ),
            ("ratelimit-policy", "nonsense", None),
            ("x-ratelimit-limit", "10000", Some("10000 requests")),
            ("x-ratelimit-limit", "\u{1b}[31m", None),
            ("x-ratelimit-reset", "12", None),
        ] {
            let rate = [(name.to_owned(), value.to_owned())];
            assert_eq!(allowance(&rate).as_deref(), expected, "{name}: {value}");
        }
    }

    #[test]
    fn short_window_is_no_allowance_for_run() {
        for (name, value, expected) in [
            ("ratelimit-policy", "\"default\";q=1000;w=3600", Some(1000)),
            ("ratelimit-policy", "\"burst\";q=10;w=1, \"default\";q=100;w=3600", Some(100)),
            ("ratelimit-policy", "\"burst\";q=10;w=1", None),
            ("ratelimit-policy", "nonsense", None),
            ("x-ratelimit-limit", " 300 ", Some(300)),
            ("x-ratelimit-limit", "many", None),
        ] {
            assert_eq!(window_allowance(&[(name.to_owned(), value.to_owned())]), expected, "{name}: {value}");
        }
    }

    #[test]
    fn parses_retry_after_seconds_and_dates() {
        let now = Some("2026-11-23T12:00:00Z".parse().unwrap());
        for (text, expected) in [
            ("7", Some(Duration::from_secs(7))),
            (" 0.5 ", Some(Duration::from_millis(500))),
            ("Mon, 23 Nov 2026 12:00:30 GMT", Some(Duration::from_secs(30))),
            ("Mon, 23 Nov 2026 11:00:00 GMT", Some(Duration::ZERO)),
            ("-3", None),
            ("soon", None),
            ("inf", None),
        ] {
            assert_eq!(waiting_time(text, now), expected, "{text}");
        }
        assert_eq!(waiting_time("7", None), Some(Duration::from_secs(7)));
        assert_eq!(waiting_time("Mon, 23 Nov 2026 12:00:30 GMT", None), None);
    }
}
