//! The encodings in which a value may occur in a file: unchanged, and as programs write it into JSON, URLs and base64.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The shortest value that is searched for inside other base64. The remainder of a shorter one occurs by chance.
const SHORTEST_INSIDE: usize = 8;

/// The characters that are not percent-encoded besides letters, digits and `-_.~`: none, or as in Python's `quote` or
/// in `encodeURIComponent`.
const NOT_ENCODED: [&[u8]; 3] = [b"", b"/", b"!'()*"];

/// Returns all encodings of a value, without duplicates. If the value has at least eight bytes, so has every encoding.
pub(crate) fn forms(value: &str) -> Vec<Zeroizing<String>> {
    let mut forms = vec![value.to_owned()];
    // Most values need no escape.
    if !value.bytes().all(is_unreserved) {
        forms.extend(in_json(value));
        forms.extend(in_urls(value));
    }
    for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        forms.push(alphabet.encode(value));
        if value.len() >= SHORTEST_INSIDE {
            forms.extend([0, 1, 2].map(|before| inside_base64(value, before, &alphabet)));
        }
    }
    forms.sort();
    forms.dedup();
    forms.into_iter().map(Zeroizing::new).collect()
}

/// Returns the base64 of a value after `before` other bytes, as in `user:value` of an `Authorization` header.
/// Characters that also encode part of the surrounding bytes are left out.
fn inside_base64(value: &str, before: usize, alphabet: &GeneralPurpose) -> String {
    let bytes = [&[0; 2][..before], value.as_bytes()].concat();
    let bytes = Zeroizing::new(bytes);
    let text = Zeroizing::new(alphabet.encode(&*bytes));
    text[[0, 2, 3][before]..bytes.len() * 4 / 3].to_owned()
}

/// Returns the value in JSON: as UTF-8, in ASCII only, and with escaped HTML characters.
fn in_json(value: &str) -> [String; 3] {
    let json = serde_json::Value::from(value).to_string();
    let plain = &json[1..json.len() - 1];
    let escaped = |is_escaped: fn(char) -> bool| {
        let mut text = String::with_capacity(plain.len());
        for character in plain.chars() {
            if is_escaped(character) {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(text, "\\u{unit:04x}").expect("writing to a string can't fail");
                }
            } else {
                text.push(character);
            }
        }
        text
    };
    [plain.to_owned(), escaped(|character| !character.is_ascii()), escaped(|character| "<>&".contains(character))]
}

/// Returns the value in a URL, with each set of unencoded characters and with hex digits of either case, and in form
/// data.
fn in_urls(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for not_encoded in NOT_ENCODED {
        for hex in [upper, lower] {
            let piece = |byte: u8| match byte {
                byte if is_unreserved(byte) || not_encoded.contains(&byte) => char::from(byte).to_string(),
                byte => hex(byte),
            };
            let text: String = value.bytes().map(piece).collect();
            forms.extend([text.replace("%20", "+"), text]);
        }
    }
    forms
}

fn upper(byte: u8) -> String {
    format!("%{byte:02X}")
}

fn lower(byte: u8) -> String {
    format!("%{byte:02x}")
}

/// Returns whether the byte is unchanged in JSON and in every part of a URL.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use crate::drift::redact::encodings::forms;

    /// The encodings were produced with Python's `base64`, `urllib.parse` and `json`, with node and with Go.
    #[test]
    fn encodings_match_common_programs() {
        let odd = "it's \"<ü>\" & a/b";
        for form in [
            r#"it's \"<ü>\" & a/b"#,
            r#"it's \"<\u00fc>\" & a/b"#,
            r#"it's \"\u003cü\u003e\" \u0026 a/b"#,
            "it%27s%20%22%3C%C3%BC%3E%22%20%26%20a/b",
            "it%27s+%22%3C%C3%BC%3E%22+%26+a%2Fb",
            "it's%20%22%3C%C3%BC%3E%22%20%26%20a%2Fb",
            "it%27s%20%22%3c%c3%bc%3e%22%20%26%20a%2fb",
            "aXQncyAiPMO8PiIgJiBhL2I",
        ] {
            assert!(forms(odd).iter().any(|known| known.as_str() == form), "{form}");
        }
        assert!(forms("\u{1f600}").iter().any(|form| form.as_str() == "\\ud83d\\ude00"));
    }

    #[test]
    fn value_is_found_at_any_base64_offset() {
        for text in
            ["azN5LXZhbHVl", "dTprM3ktdmFsdWU=", "dXNlcjprM3ktdmFsdWU=", "YWI6azN5LXZhbHVlOng=", "OmszeS12YWx1ZTo="]
        {
            assert!(forms("k3y-value").iter().any(|form| text.contains(form.as_str())), "{text}");
        }
        assert!(forms("k3y-value").iter().all(|form| form.len() >= 8));
    }

    #[test]
    fn short_and_plain_values_have_few_encodings() {
        assert_eq!(forms("k3y").len(), 2);
        assert_eq!(forms("k3y-value").len(), 4);
    }
}
