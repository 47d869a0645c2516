//! Tests of the encodings in which programs write a value, and of texts that only look like one.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::sample::select;
use proptest::{prop_assert, prop_assert_eq, prop_assume};

use crate::drift::Secret;
use crate::drift::redact::Redactor;

/// Contains every character that some encoding escapes.
const ODD: &str = r#"it's "<ü~*!>" & a/b+c\d%20"#;

/// The number of characters of a value that may remain, at most.
const MOST_LEFT: usize = 7;

fn redactor_with(key: &str, value: &str) -> Redactor {
    let redactor = Redactor::default();
    redactor.add(key, &Secret::new(value));
    redactor
}

/// Percent-encodes everything but letters, digits and `kept`.
fn percent(text: &str, kept: &str, space: &str, hex: fn(u8) -> String) -> String {
    let encode = |char: char| match char {
        ' ' => space.to_owned(),
        char if char.is_ascii_alphanumeric() || kept.contains(char) => char.to_string(),
        char => char.encode_utf8(&mut [0; 4]).bytes().map(hex).collect(),
    };
    text.chars().map(encode).collect()
}

fn upper(byte: u8) -> String {
    format!("%{byte:02X}")
}

fn lower(byte: u8) -> String {
    format!("%{byte:02x}")
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Returns JSON with `\uXXXX` for every character that `is_escaped` selects.
fn json_units(text: &str, is_escaped: fn(char) -> bool, unit: fn(u16) -> String) -> String {
    let escape = |char: char| match char {
        '\\' | '"' => format!("\\{char}"),
        char if is_escaped(char) || char.is_control() => {
            char.encode_utf16(&mut [0; 2]).iter().map(|&one| unit(one)).collect()
        }
        char => char.to_string(),
    };
    text.chars().map(escape).collect()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// Encodes a text as a particular program does.
type Encoder = fn(&str) -> String;

/// Encoders by name.
const ENCODERS: &[(&str, Encoder)] = &[
    ("PHP's urlencode", |text| percent(text, "-_.", "+", upper)),
    ("PHP's rawurlencode", |text| percent(text, "-_.~", "%20", upper)),
    ("Java's URLEncoder", |text| percent(text, "-_.*", "+", upper)),
    (".NET's HttpUtility", |text| percent(text, "-_.!*()", "+", lower)),
    (".NET's EscapeDataString", |text| percent(text, "-_.~", "%20", upper)),
    ("Go's QueryEscape", |text| percent(text, "-_.~", "+", upper)),
    ("Go's PathEscape", |text| percent(text, "-_.~$&+=:@", "%20", upper)),
    ("encodeURI", |text| percent(text, "-_.~!*'();/?:@&=+$,#", "%20", upper)),
    ("encodeURIComponent", |text| percent(text, "-_.~!*'()", "%20", upper)),
    ("every byte in a URL", |text| text.bytes().map(lower).collect()),
    ("nothing", str::to_owned),
    ("JSON", json),
    ("PHP's json_encode", |text| {
        json_units(&text.replace('/', "\u{1}"), |char| !char.is_ascii(), |unit| format!("\\u{unit:04x}"))
            .replace("\\u0001", "\\/")
    }),
    ("JSON in HTML", |text| json_units(text, |char| "<>&'".contains(char), |unit| format!("\\u{unit:04X}"))),
    (".NET's JSON", |text| {
        json_units(text, |char| !char.is_ascii() || "<>&'+".contains(char), |unit| format!("\\u{unit:04X}"))
    }),
    ("HTML", |text| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#039;")
    }),
    ("base64", |text| STANDARD.encode(text)),
    ("base64url", |text| URL_SAFE_NO_PAD.encode(text)),
    ("base64 of UTF-16LE", |text| STANDARD.encode(utf16(text, u16::to_le_bytes))),
    ("base64 of UTF-16BE", |text| STANDARD.encode(utf16(text, u16::to_be_bytes))),
    ("basic authentication", |text| STANDARD.encode(format!("user:{text}"))),
    ("hexadecimal", |text| text.bytes().map(lower).collect::<String>().replace('%', "")),
];

/// Returns whether the text around the value remains, and at most `most` other characters.
fn is_redacted(clean: &str, before: &str, after: &str, most: usize) -> bool {
    let kept = clean.chars().zip(before.chars()).take_while(|(one, other)| one == other).count();
    let rest: String = clean.chars().skip(kept).collect();
    let end = rest.chars().rev().zip(after.chars().rev()).take_while(|(one, other)| one == other).count();
    let left = rest.chars().filter(|char| *char != '•').count().saturating_sub(end);
    rest.contains('•') && left <= most
}

/// Returns the number of characters of an encoded value that may remain, at most, including the user name before it.
fn most_left(value: &str, text: &str, names: &[&str]) -> usize {
    let users = names.iter().filter(|name| **name == "basic authentication").count();
    (MOST_LEFT + users * "user:".len()) * text.len().div_ceil(value.len())
}

#[test]
fn value_is_redacted_in_every_encoding() {
    let redactor = redactor_with("GREETING", ODD);
    for (outer, encode) in ENCODERS {
        for (inner, first) in ENCODERS {
            let text = encode(&first(ODD));
            let clean = redactor.redact(&format!("it was <{text}>, which is wrong"));
            let most = most_left(ODD, &text, &[outer, inner]);
            assert!(is_redacted(&clean, "it was <", ">, which is wrong", most), "{outer} of {inner}: {text} → {clean}");
        }
    }
}

#[test]
fn password_is_redacted_from_a_known_url() {
    let redactor = redactor_with("DATABASE_URL", "postgres://app:s3c%2Fr3t@db.internal:5432/x?password=another-one");
    for (text, expected) in [
        ("password s3c/r3t for app", "password ••• for app"),
        ("password s3c%2Fr3t for app", "password ••• for app"),
        ("pass=\"s3c\\/r3t\"", "pass=\"•••\""),
        ("basic YXBwOnMzYy9yM3Q=", "basic YXBwO•••="),
        ("key another-one", "key •••"),
        ("app at db.internal, not s3c/r3ts or 5432", "app at db.internal, not s3c/r3ts or 5432"),
    ] {
        assert_eq!(redactor.redact(text), expected);
    }
    assert_eq!(redactor_with("DSN", "https://0123456789abcdef@o1.ingest/2").redact("key 0123456789abcdef"), "key •••");
    assert_eq!(redactor_with("A", "redis://:pa/ss@h").redact("with pa/ss"), "with •••");
}

#[test]
fn short_value_is_redacted_only_as_a_whole_word() {
    let redactor = redactor_with("API_KEY", "k3y!");
    redactor.add("PIN_TOKEN", &Secret::new("4711"));
    redactor.add("DASH_SECRET", &Secret::new("-"));
    for (text, expected) in [
        ("got k3y!, not 4711.", "got •••, not •••."),
        ("key=k3y%21&x", "key=•••&x"),
        ("basic dTprM3kh", "basic dT•••"),
        ("{\"pin\":\"4711\"}", "{\"pin\":\"•••\"}"),
        ("say \"-\" or - alone", "say \"•••\" or ••• alone"),
        ("47110, a4711, xk3y!, a-b, --flag, 2026-01-02", "47110, a4711, xk3y!, a-b, --flag, 2026-01-02"),
    ] {
        assert_eq!(redactor.redact(text), expected);
    }
}

#[test]
fn base64_with_line_breaks_is_redacted() {
    let value = format!("{}-the-end", "0123456789-abcdef-".repeat(8));
    let encoded = STANDARD.encode(&value);
    let lines: Vec<&str> = encoded.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    for separator in ["\n", "\r\n", "\n    ", "\\n", "%0A"] {
        assert_eq!(redactor_with("A", &value).redact(&format!("a: {}!", lines.join(separator))), "a: •••=!");
    }
}

#[test]
fn truncated_long_value_is_redacted() {
    let value = (0..200).map(|number| number.to_string()).collect::<Vec<_>>().join("-");
    assert_eq!(redactor_with("A", &value).redact(&format!("starts with {}…", &value[..128])), "starts with •••…");
}

#[test]
fn credential_shapes_are_redacted_in_every_encoding() {
    let redactor = Redactor::default();
    for (text, expected) in [
        ("token%3Dghp_0123456789abcdef", "token%3D•••"),
        ("{\\\"token\\\":\\\"ghp_0123456789abcdef\\\"}", "{\\\"token\\\":\\\"•••\\\"}"),
        ("at postgres%3A%2F%2Fu%3Ap%40db", "at postgres%3A%2F%2F•••%40db"),
        ("dG9rZW4gZ2hwXzAxMjM0NTY3ODlhYmNkZWY=", "dG9rZW4g•••="),
    ] {
        assert_eq!(redactor.redact(text), expected);
    }
}

#[test]
fn ordinary_text_and_unrelated_base64_are_kept() {
    let redactor = redactor_with("A", ODD);
    redactor.add("API_KEY", &Secret::new("k3y"));
    redactor.add("B_TOKEN", &Secret::new("Q"));
    for text in [
        "GET /api/v1/ops/chaos/worker-status?x=1&y=a%20b+c HTTP/1.1",
        "C:\\new\\users\\table 100% &amp; more \\u00fc \\\"quoted\\\"",
        "371a158b8f4c9be4a5a0b5b6e4a4bb1aab9bd2b1 30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "cmFpbHdheSBpcyBhIHBsYXRmb3JtIGZvciBydW5uaW5nIHByb2dyYW1z",
        "aABlAGwAbABvACAAdwBvAHIAbABkAA==",
        "Traceback (most recent call last): ValueError: näive café – 東京",
    ] {
        assert_eq!(redactor.redact(text), text);
    }
}

/// What an unknown program did to a text that is encoded so often is unknown, so none of it is shown.
#[test]
fn text_in_more_encodings_than_programs_use_is_hidden() {
    let redactor = redactor_with("A", "a-known-value");
    let mut text = "a sentence without any secret in it".to_owned();
    for depth in 1..=6 {
        text = STANDARD.encode(text);
        let text = format!("before {text} after");
        let clean = redactor.redact(&text);
        if depth <= 4 {
            assert_eq!(clean, text, "{depth} times");
        } else {
            // The padding of an inner encoding is left.
            let rest = clean.strip_prefix("before •••").unwrap();
            assert!(rest.ends_with(" after") && rest.len() < 20, "{depth} times: {clean}");
        }
    }
}

/// The text behind the value forms an escape with its last character, so that they are decoded together.
#[test]
fn value_before_partial_escape_is_redacted() {
    for (value, text) in [
        ("a%41-and the rest of it%", "a%2541-and%20the%20rest%20of%20it%41"),
        ("a%41-and the rest of it\\u00", "a%2541-and%20the%20rest%20of%20it\\u0041"),
        ("a%41-and the rest of it&", "a%2541-and%20the%20rest%20of%20it&lt;"),
    ] {
        let clean = redactor_with("A", value).redact(text);
        assert!(clean.contains('•') && !clean.contains("rest"), "{value}: {clean}");
    }
}

/// The text before the value forms an escape with its first characters, so that they are decoded together.
#[test]
fn value_after_partial_escape_is_redacted() {
    for (value, text) in [
        ("baaa😀'€ß00a€a", "\\baaa%F0%9F%98%80%27%E2%82%AC%C3%9F00a%E2%82%ACa"),
        ("nothing here to see", "\\nothing%20here%20to%20see"),
        ("x41-and the rest of it", "\\x41-and%20the%20rest%20of%20it"),
        ("0ab3f and the rest of it", "\\u0\u{30}ab3f%20and%20the%20rest%20of%20it"),
        ("41 is the rest of it", "%41%20is%20the%20rest%20of%20it"),
        ("A€aaa  0ä A  0>0", "%AEEgrABhAGEAYQAgACAAMADkACAAQQAgACAAMAA%2BADA%3D"),
        ("9;and the rest of it", "&#39;and%20the%20rest%20of%20it"),
    ] {
        let clean = redactor_with("A", value).redact(text);
        let shows = ["rest", "here", "%AC", "AGEAYQ"].iter().any(|part| clean.contains(part));
        assert!(clean.contains('•') && !shows, "{clean}");
    }
}

/// Texts that make a naive search slow: if the search took more than linear time, this test would not end.
#[test]
fn redaction_takes_bounded_time() {
    let redactor = Redactor::default();
    for number in 0..20_000 {
        redactor.add("A_KEY", &Secret::new(format!("aaaaaaaaaaaaaaaaaaaaaaaa{number}")));
        redactor.add("B_KEY", &Secret::new(format!("k{number}")));
    }
    redactor.add("LONG", &Secret::new("a".repeat(1 << 16) + "b"));
    let size = 1 << 16;
    let mut nested = "a secret text that is not known".to_owned();
    while nested.len() < size {
        nested = STANDARD.encode(nested);
    }
    let units =
        ["a", "VVVV", "%25", "\\\\", "eyJ/", "://", "a://b@", "&#x", "AAEA", "word ", "\u{1f600}", "0123456789abcdef-"];
    for text in units
        .map(|unit| unit.repeat(size / unit.len()))
        .into_iter()
        .chain([nested, format!("%{}41", "25".repeat(size / 2))])
    {
        assert!(redactor.redact(&text).len() <= text.len());
    }
}

#[test]
fn text_beyond_the_limits_is_truncated() {
    let redactor = redactor_with("A", "a-known-value");
    let clean = redactor.redact(&format!("{}a-known-value{}", " ".repeat((2 << 20) - 5), "x".repeat(100_000)));
    assert!(clean.ends_with(" •••…") && clean.len() < (2 << 20) + 10);
    let mut nested = "a-known-value".to_owned();
    for _ in 0..8 {
        nested = STANDARD.encode(nested);
    }
    let clean = redactor.redact(&nested);
    assert!(clean.contains('•') && clean.len() < 40, "{clean}");
    assert_eq!(redactor.redact(&format!("a%{}41", "25".repeat(40))), "•••");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nested_encodings_are_redacted(
        value in "[ -~äß€😀\\n]{0,6}[a-z]{3}[ -~äß€😀\\n]{8,30}[!-~]",
        encoders in proptest::collection::vec(select(ENCODERS), 0..=3),
        before in "[ -~ä\\n]{0,12}",
        after in "[ -~ä\\n]{0,12}",
    ) {
        let value = value.trim();
        let redactor = redactor_with("PLAIN", value);
        let text = encoders.iter().fold(value.to_owned(), |text, (_, encode)| encode(&text));
        let names: Vec<&str> = encoders.iter().map(|(name, _)| *name).collect();
        let clean = redactor.redact(&format!("{before}{text}{after}"));
        let most = most_left(value, &text, &names);
        prop_assert!(is_redacted(&clean, &before, &after, most), "{names:?}: {before:?} {text} {after:?} → {clean}");
    }

    #[test]
    fn text_without_the_value_is_unchanged(
        text in "[a-z0-9ä .,:=\"{}\\\\/%+&-]{0,60}",
        encoder in select(ENCODERS),
        noise in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let redactor = redactor_with("A_KEY", "Zq7-known-VALUE-42");
        // In base64, a JSON object looks like the start of a JWT.
        prop_assume!(!text.starts_with("{\""));
        let text = format!("{} {}", (encoder.1)(&text), STANDARD.encode(noise));
        // A URL with `@` would always be redacted, but these characters can't form one.
        prop_assert_eq!(redactor.redact(&text), text);
    }
}
