//! Costly files and responses to search for a value.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::limits::responses::{differing, variables};
use crate::limits::{CHECK, LimitCase, env, lines, with_variables};

pub(super) fn traced() -> Vec<LimitCase> {
    let trace = LimitCase { args: &["trace", "API_KEY", "--from=api"], codes: &[0, 5], timeout_ms: 5000, ..CHECK };
    let trace_file = LimitCase { args: &["trace", "API_KEY"], ..trace };
    vec![
        LimitCase { name: "19,000 values to search", change: Some(("Values", differing)), ..trace },
        LimitCase { name: "500 copies", change: Some(("Values", copies)), ..trace },
        LimitCase { name: "5,000 copies in one value", change: Some(("Values", repeated_copies)), ..trace },
        LimitCase { name: "encodings inside encodings", change: Some(("Values", nested)), ..trace },
        LimitCase { name: "2 MiB of separators", change: Some(("Values", separators)), ..trace },
        LimitCase {
            name: "a file with many copies",
            prepare: |sandbox| {
                env(sandbox, &lines(20_000, |number| format!("K{number}='x=mark4711-local;{number}'\n")));
            },
            ..trace_file
        },
        LimitCase {
            name: "a file with 1 MiB of base64 and JSON",
            prepare: |sandbox| {
                env(sandbox, &format!("BIG='{}{}'\n", "{\"a\":[\"QUJD-_/+".repeat(60_000), "}".repeat(9)));
            },
            ..trace_file
        },
    ]
}

/// The same for a rotation, with enough time to complete, and more of it.
pub(super) fn rotated() -> Vec<LimitCase> {
    let plan = &["rotate", "API_KEY", "--from=api", "--generate=hex:32", "--all-copies", "--dry-run"];
    let plan = LimitCase { args: plan, codes: &[1, 5], ..CHECK };
    vec![
        LimitCase {
            name: "6 MiB of small variables to replace",
            change: Some(("Values", variables)),
            codes: &[5],
            stderr_contains: "has more than",
            ..plan
        },
        LimitCase { name: "500 copies to replace", change: Some(("Values", copies)), ..plan },
        LimitCase { name: "5,000 copies in one value to replace", change: Some(("Values", repeated_copies)), ..plan },
        LimitCase { name: "encodings inside encodings to replace", change: Some(("Values", nested)), ..plan },
    ]
}

/// Variables with the stored value in a URL.
fn copies(body: Vec<u8>) -> Vec<u8> {
    let copy = |number| format!("\"URL{number}\":\"https://example.com/{number}?key=mark4711-stored&x=%20\",");
    with_variables(body, lines(500, copy))
}

fn repeated_copies(body: Vec<u8>) -> Vec<u8> {
    with_variables(body, format!("\"LIST\":\"{}\",", "mark4711-stored,".repeat(5000)))
}

/// Base64 of JSON of base64 …, twenty times, around the stored value.
fn nested(body: Vec<u8>) -> Vec<u8> {
    let text = (0..20).fold("mark4711-stored".to_owned(), |text, _| {
        STANDARD.encode(serde_json::json!({ "key": text, "url": "https://example.com/%20" }).to_string())
    });
    with_variables(body, lines(20, |number| format!("\"NESTED{number}\":\"{text}\",")))
}

/// Each place may be the start of base64, or of a part of a URL.
pub(crate) fn separators(body: Vec<u8>) -> Vec<u8> {
    let text =
        ["/+".repeat(200_000), "%2F-_".repeat(100_000), "a=b&".repeat(100_000), "{[\\\"".repeat(100_000)].concat();
    with_variables(body, format!("\"SEPARATORS\":\"{text}\","))
}
