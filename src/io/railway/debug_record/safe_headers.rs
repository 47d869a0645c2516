//! The response headers that help to diagnose an error, each only in a form that can't contain anything private.

use std::collections::BTreeMap;

use crate::io::railway::proxy_errors::{is_ray, known_server};
use crate::io::railway::rate_limit::{policy, waiting_time};
use crate::io::railway::transport::HttpResponse;

/// The placeholder for a value in any other form.
const OTHER: &str = "<other>";

/// The known media types.
const TYPES: [&str; 7] = [
    "application/graphql-response+json",
    "application/json",
    "application/octet-stream",
    "application/problem+json",
    "application/xml",
    "text/html",
    "text/plain",
];

/// Returns the headers to record.
pub(super) fn of(reply: &HttpResponse) -> BTreeMap<&'static str, String> {
    let mut headers = BTreeMap::new();
    if let Some(kind) = &reply.content_type {
        headers.insert("content-type", media_type(kind));
    }
    if let Some(date) = reply.date {
        headers.insert("date", date.to_string());
    }
    if let Some(after) = &reply.retry_after {
        let wait = waiting_time(after, reply.date);
        headers.insert("retry-after", wait.map_or(OTHER.to_owned(), |wait| wait.as_secs().to_string()));
    }
    if reply.location.is_some() {
        headers.insert("location", OTHER.to_owned());
    }
    if reply.rate.iter().any(|(name, _)| name == "ratelimit-policy") {
        let known = policy(&reply.rate).map(|(requests, seconds)| format!("q={requests};w={seconds}"));
        headers.insert("ratelimit-policy", known.unwrap_or(OTHER.to_owned()));
    }
    for (name, value) in reply.rate.iter().chain(&reply.others) {
        if let Some((name, value)) = known(name, value.trim()) {
            headers.insert(name, value);
        }
    }
    headers
}

fn media_type(value: &str) -> String {
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    TYPES.iter().find(|known| **known == kind).map_or(OTHER, |known| known).to_owned()
}

/// Returns the name and the value to record, if the header is one of the recorded ones.
fn known(name: &str, value: &str) -> Option<(&'static str, String)> {
    let number = |value: &str| value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = |value: &str| value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    // 128 bits without padding, as Railway's edge writes them.
    let is_base64 = |value: &str| {
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        value.len() == 22 && value.bytes().all(is_digit)
    };
    let id = |value: &str| (8..=40).contains(&value.len()) && is_hex(value);
    let (name, is_known) = match name {
        "cf-ray" => ("cf-ray", is_ray(value)),
        "server" => return Some(("server", known_server(value).unwrap_or(OTHER).to_owned())),
        "x-railway-edge" => return Some(("x-railway-edge", "<present>".to_owned())),
        "x-railway-request-id" => ("x-railway-request-id", id(value) || is_base64(value)),
        "x-ratelimit-limit" => ("x-ratelimit-limit", number(value)),
        "x-ratelimit-remaining" => ("x-ratelimit-remaining", number(value)),
        "x-ratelimit-reset" => ("x-ratelimit-reset", number(value)),
        "x-request-id" => ("x-request-id", id(value)),
        "x-trace-id" => ("x-trace-id", id(value)),
        _ => return None,
    };
    Some((name, if is_known { value.to_owned() } else { OTHER.to_owned() }))
}

#[cfg(test)]
mod tests {
    use crate::io::railway::debug_record::safe_headers::{OTHER, known, media_type};

    #[test]
    fn headers_are_recorded_only_in_known_forms() {
        for (name, value, expected) in [
            ("cf-ray", "8a1f3c5d7e9b0a2c-SIN", Some("8a1f3c5d7e9b0a2c-SIN")),
            ("cf-ray", "mark4711-SIN", Some(OTHER)),
            ("server", "cloudflare", Some("Cloudflare")),
            ("server", "mark4711", Some(OTHER)),
            ("x-railway-edge", "railway/mark4711", Some("<present>")),
            ("x-railway-request-id", "Kb3b5nMbQT-6gJzJ8Ud5XQ", Some("Kb3b5nMbQT-6gJzJ8Ud5XQ")),
            ("x-railway-request-id", "mark4711-local", Some(OTHER)),
            ("x-trace-id", "5e1d0000acc04000", Some("5e1d0000acc04000")),
            ("x-trace-id", "mark4711", Some(OTHER)),
            ("x-ratelimit-remaining", "97", Some("97")),
            ("x-ratelimit-reset", "in mark4711", Some(OTHER)),
            ("set-cookie", "mark4711", None),
            ("authorization", "mark4711", None),
        ] {
            assert_eq!(known(name, value).map(|(_, value)| value).as_deref(), expected, "{name}: {value}");
        }
        for (value, expected) in [
            ("application/json; charset=utf-8", "application/json"),
            ("TEXT/HTML", "text/html"),
            ("text/mark4711", OTHER),
            ("mark4711", OTHER),
        ] {
            assert_eq!(media_type(value), expected);
        }
    }
}
