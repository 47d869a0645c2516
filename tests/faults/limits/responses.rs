//! Costly responses.

use std::fmt::Write;

use crate::limits::{CHECK, LimitCase, env, fill, lines, with_variables};

/// Expensive responses.
pub(super) fn remote() -> Vec<LimitCase> {
    vec![
        LimitCase {
            name: "6 MiB of small variables",
            change: Some(("Values", variables)),
            codes: &[5],
            stderr_contains: "has more than",
            ..CHECK
        },
        LimitCase {
            name: "1.5 million errors",
            change: Some(("Environment", |_| errors(1_500_000))),
            codes: &[5],
            stderr_contains: "HTTP 200 with JSON that has more than",
            ..CHECK
        },
        LimitCase {
            name: "20,000 errors",
            change: Some(("Environment", |_| errors(20_000))),
            codes: &[5],
            stderr_contains: "with more than 10000 GraphQL errors",
            ..CHECK
        },
        LimitCase {
            name: "a duplicate variable",
            change: Some(("Values", duplicate)),
            codes: &[5],
            stderr_contains: "JSON that has a duplicate key",
            ..CHECK
        },
        LimitCase {
            name: "an error of 8 MiB",
            change: Some(("Environment", |_| long_error())),
            codes: &[5],
            stderr_contains: "Railway responded “8192 KiB of text, omitted”",
            ..CHECK
        },
        LimitCase {
            name: "a value whose encoded forms are several times as long",
            prepare: |sandbox| env(sandbox, &format!("BIG_KEY='{}'\n", "é".repeat(1900 << 10))),
            change: Some(("Values", |body| with_errors(1, &body))),
            ..CHECK
        },
        LimitCase {
            name: "5,000 short secrets in 2,000 errors",
            prepare: |sandbox| env(sandbox, &lines(5000, |number| format!("A{number}_TOKEN=s{number}\n"))),
            change: Some(("Values", |body| with_errors(2000, &body))),
            ..CHECK
        },
        LimitCase {
            name: "19,000 values that differ",
            prepare: |sandbox| env(sandbox, &lines(19_000, |number| format!("K{number}=local-{number}\n"))),
            change: Some(("Values", differing)),
            codes: &[1, 5],
            ..CHECK
        },
    ]
}

/// Expensive responses about two environments.
pub(super) fn compared() -> Vec<LimitCase> {
    let compare = LimitCase { args: &["compare", "staging", "production"], ..CHECK };
    vec![
        LimitCase {
            name: "6 MiB of small variables in two environments",
            change: Some(("Values", variables)),
            codes: &[5],
            ..compare
        },
        // Each environment is then read alone.
        LimitCase {
            name: "a list of environments that is too large",
            change: Some(("ComparedEnvironments", |_| errors(1_500_000))),
            ..compare
        },
        LimitCase {
            name: "20,000 errors about the environments",
            change: Some(("ComparedEnvironments", |_| errors(20_000))),
            codes: &[5],
            stderr_contains: "with more than 10000 GraphQL errors",
            ..compare
        },
        // Production's worker lacks them.
        LimitCase {
            name: "19,000 keys that one environment lacks",
            change: Some(("Values", differing)),
            codes: &[1, 5],
            ..compare
        },
        LimitCase {
            name: "2,000 secrets that both environments have",
            change: Some(("Values", shared_secrets)),
            codes: &[1, 5],
            ..compare
        },
    ]
}

/// Adds variables to each map.
pub(super) fn variables(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, fill(5 << 18, |number| format!("\"B{number}\":\"\",")))
}

pub(super) fn differing(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, lines(19_000, |number| format!("\"K{number}\":\"stored-{number}\",")))
}

fn shared_secrets(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, lines(2000, |number| format!("\"K{number}_SECRET\":\"pq7Zr4Tk9WmX2cVb8NsL{number}\",")))
}

fn duplicate(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, "\"API_KEY\":\"mark4711-first\",".to_owned())
}

fn errors(count: usize) -> Vec<u8> {
    format!("{{\"data\":null,\"errors\":[{}]}}", vec!["{}"; count].join(",")).into_bytes()
}

fn long_error() -> Vec<u8> {
    format!("{{\"data\":null,\"errors\":[{{\"message\":\"{}\"}}]}}", "a b c d ".repeat(1 << 20)).into_bytes()
}

fn with_errors(count: usize, body: &[u8]) -> Vec<u8> {
    let mut errors = String::new();
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        write!(errors, "{comma}{{\"message\":\"e{number} s{number}\"}}").unwrap();
    }
    let text = String::from_utf8(body.to_vec()).unwrap();
    format!("{{\"errors\":[{errors}],{}", text.trim_start_matches('{')).into_bytes()
}
