use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use crate::drift::Secret;
use crate::drift::redact::encodings::forms;
use crate::drift::trace::occurrences::{find, replace};

/// A value such as programs generate or people choose, with special characters.
fn value() -> impl Strategy<Value = String> {
    "[-_.~!*'()+/=@:;,&$?# %\"\\\\<>|\u{fc}\u{20ac}a-zA-Z0-9]{0,3}[a-zA-Z0-9]{4,9}[-_.~!*'()+/=@:;,&$?# %\"\\\\<>|\u{fc}\u{20ac}]{0,3}[a-zA-Z0-9]{4,9}=?"
}

/// A value that starts and ends with a letter or digit.
fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9]{4,9}[-_.~!*'()+/=@:;,&$?# %\"\\\\<>|\u{fc}\u{20ac}]{0,3}[a-zA-Z0-9]{4,9}"
}

/// A value without characters that end a token in other text.
fn plain_value() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9]{4,9}[-_.~+/=]{0,3}[a-zA-Z0-9]{4,9}"
}

/// An encoding as other programs write and read it.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    Json,
    /// With escapes that JSON allows, but does not need.
    EscapedJson,
    Base64,
    Base64Url,
    Base64Unpadded,
    Base64UrlUnpadded,
    Basic,
    Query,
    LowerCaseQuery,
    Form,
    Password,
    Path,
}

fn encoding() -> impl Strategy<Value = Encoding> {
    use Encoding::{
        Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Basic, EscapedJson, Form, Json, LowerCaseQuery, Password,
        Path, Query,
    };
    select(vec![
        Json,
        EscapedJson,
        Base64,
        Base64Url,
        Base64Unpadded,
        Base64UrlUnpadded,
        Basic,
        Query,
        LowerCaseQuery,
        Form,
        Password,
        Path,
    ])
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}

fn lower_case_digits(encoded: &str) -> String {
    let mut lower = encoded.to_owned();
    for (at, _) in encoded.match_indices('%') {
        lower.replace_range(at..at + 3, &encoded[at..at + 3].to_lowercase());
    }
    lower
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit).map(char::from) {
            Ok(sign) if sign.is_ascii_alphanumeric() => escaped.push(sign),
            Ok('/') => escaped.push_str("\\/"),
            _ => write!(escaped, "\\u{unit:04x}").unwrap(),
        }
    }
    escaped
}

/// Returns the text between a start and an end, which are unchanged.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    text.strip_prefix(start).and_then(|text| text.strip_suffix(end)).unwrap_or_else(|| panic!("{text}"))
}

impl Encoding {
    fn encode(self, text: &str) -> String {
        match self {
            Self::Json => json!({"before": 1, "key": text, "after": ["ü"]}).to_string(),
            Self::EscapedJson => format!("[ \"{}\", \"\\/\" ]", escaped(text)),
            Self::Base64 => STANDARD.encode(text),
            Self::Base64Url => URL_SAFE.encode(text),
            Self::Base64Unpadded => STANDARD_NO_PAD.encode(text),
            Self::Base64UrlUnpadded => URL_SAFE_NO_PAD.encode(text),
            Self::Basic => format!("Basic {}", STANDARD.encode(format!("user:{text}"))),
            Self::Query => format!("https://h.dev/in?a=b%2Fc&key={}&d#e", percent_encoded(text)),
            Self::LowerCaseQuery => format!("https://h.dev/in?key={}", lower_case_digits(&percent_encoded(text))),
            Self::Form => format!("a=b+c&key={}", percent_encoded(text).replace("%20", "+")),
            Self::Password => format!("amqps://us%20er:{}@h.dev:5671/v%2Fh", percent_encoded(text)),
            Self::Path => format!("https://h.dev/api/{}/x", percent_encoded(text)),
        }
    }

    /// Returns the encoded text, after a check that everything around it is unchanged.
    fn decode(self, text: &str) -> String {
        let percent_decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let lenient = |text: &str| {
            let text = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
            String::from_utf8(STANDARD_NO_PAD.decode(text).unwrap()).unwrap()
        };
        match self {
            Self::Json => {
                let document: Value = serde_json::from_str(text).unwrap();
                let key = document["key"].as_str().unwrap().to_owned();
                assert_eq!(document, json!({"before": 1, "key": key, "after": ["ü"]}));
                key
            }
            Self::EscapedJson => serde_json::from_str(between(text, "[ ", ", \"\\/\" ]")).unwrap(),
            Self::Base64 | Self::Base64Url | Self::Base64Unpadded | Self::Base64UrlUnpadded => lenient(text),
            Self::Basic => between(&lenient(between(text, "Basic ", "")), "user:", "").to_owned(),
            Self::Query => percent_decoded(between(text, "https://h.dev/in?a=b%2Fc&key=", "&d#e")),
            Self::LowerCaseQuery => percent_decoded(between(text, "https://h.dev/in?key=", "")),
            Self::Form => percent_decoded(&between(text, "a=b+c&key=", "").replace('+', " ")),
            Self::Password => percent_decoded(between(text, "amqps://us%20er:", "@h.dev:5671/v%2Fh")),
            Self::Path => percent_decoded(between(text, "https://h.dev/api/", "/x")),
        }
    }
}

fn encoded(value: &str, layers: &[Encoding]) -> String {
    layers.iter().rev().fold(value.to_owned(), |text, layer| layer.encode(&text))
}

fn decoded(text: &str, layers: &[Encoding]) -> String {
    layers.iter().fold(text.to_owned(), |text, layer| layer.decode(&text))
}

fn replaced(text: &str, old: &str, new: &str) -> String {
    let result = replace(text, &Secret::new(old), &Secret::new(new));
    result.unwrap_or_else(|_| panic!("{text} {old} {new}")).expect(text).expose().to_owned()
}

proptest! {
    #[test]
    fn replaced_value_decodes_to_the_new_one(old in value(), new in value(), layers in vec(encoding(), 1..4)) {
        let result = replaced(&encoded(&old, &layers), &old, &new);
        prop_assert_eq!(decoded(&result, &layers), new);
    }

    #[test]
    fn text_around_a_replaced_value_is_unchanged(
        old in plain_value(), new in plain_value(), layers in vec(encoding(), 0..4),
        before in "([a-z]{0,5}[ :;,=(]){0,3}", after in "([ ;,)][a-z]{0,5}){0,3}",
    ) {
        let around = |value: &str| format!("{before}{value}{after}");
        let result = replaced(&encoded(&around(&old), &layers), &old, &new);
        prop_assert_eq!(decoded(&result, &layers), around(&new));
    }

    #[test]
    fn similar_value_is_not_found(value in word(), other in "[a-z]", layers in vec(encoding(), 0..4), change in 0..4) {
        let similar = match change {
            0 => format!("{value}{other}"),
            1 => format!("{other}{value}"),
            2 => value.chars().skip(1).collect(),
            _ => value.replacen(|sign: char| sign.is_ascii_alphanumeric(), &other, 1),
        };
        if similar != value {
            prop_assert_eq!(find(&encoded(&similar, &layers), &Secret::new(value)), []);
        }
    }

    #[test]
    fn every_encoding_of_a_value_is_found(value in value()) {
        let secret = Secret::new(value.as_str());
        let whole = [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|alphabet| alphabet.encode(&value));
        for form in forms(&value) {
            // Parts of longer base64 are not complete.
            let is_part = form.chars().all(|sign| sign.is_ascii_alphanumeric() || "+/-_".contains(sign));
            if is_part && !whole.contains(&form) && **form != *value {
                continue;
            }
            prop_assert!(!find(&format!("{{\"key\": \"{}\"}}", *form), &secret).is_empty() || form.contains('"'), "{}", *form);
            prop_assert!(!find(&format!("https://h.dev/?key={}&x", *form), &secret).is_empty() || form.contains('\\'), "{}", *form);
        }
        for before in ["", "a:", "ab:", "abc:"] {
            let text = format!("{before}{value}:x");
            for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                prop_assert!(!find(&encoded, &secret).is_empty(), "{encoded}");
            }
        }
    }

    #[test]
    fn any_text_and_any_value_are_searched(
        pieces in vec(prop_oneof![
            any::<String>(), "[%+/=\\\\\"{}\\[\\]:@?#&;, A-Za-z0-9_-]{0,12}", Just("k3y/of+shop=".to_owned()),
            Just("k3y%2Fof+shop%3D".to_owned()), Just("azN5L29mK3Nob3A9".to_owned()), Just("a://".to_owned()),
        ], 0..8),
        old in prop_oneof![Just("k3y/of+shop=".to_owned()), any::<String>()], new in any::<String>(),
    ) {
        let text = pieces.concat();
        let [old, new] = [old, new].map(Secret::new);
        let forms = find(&text, &old);
        match replace(&text, &old, &new) {
            Ok(result) => prop_assert_eq!(result.is_some(), !forms.is_empty()),
            Err(_) => prop_assert!(!forms.is_empty()),
        }
    }
}
