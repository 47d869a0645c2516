//! A value in any text: it is found and replaced without a panic, the new value stands exactly where the old one was, in
//! the same encoding, and the rest of the text does not change.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use railway_doctor::drift::Secret;
use railway_doctor::drift::trace::occurrences::{find, replace};
use serde_json::{Value, json};

use super::texts;

/// The input is a text, the old value, the new value, and other text beside the value.
pub fn check(data: &[u8]) {
    let Some([text, old, new, beside]) = texts::<4>(data) else { return };
    let (old_value, new_value) = (Secret::new(old), Secret::new(new));
    check_any(text, &old_value, &new_value);
    // A value that is too short for a search is found in its own text only.
    if old.len() < SHORTEST || old == new || old.trim() != old {
        return;
    }
    check_any(beside, &old_value, &new_value);
    if !find(beside, &old_value).is_empty() || beside.contains(old) || old.contains(beside) || new.contains(old) {
        return;
    }
    check_whole(&old_value, &new_value);
    check_json(beside, &old_value, &new_value);
    check_url(&old_value, &new_value);
    check_base64(&old_value, &new_value);
}

/// Shorter values are not searched for.
const SHORTEST: usize = 12;

/// Whatever the texts are, the result is consistent.
fn check_any(text: &str, old: &Secret, new: &Secret) {
    let forms = find(text, old);
    match replace(text, old, new) {
        Ok(None) => assert!(forms.is_empty(), "a value is found, but not replaced"),
        Ok(Some(replaced)) => {
            assert!(!forms.is_empty(), "a value is replaced, but was not found");
            assert!(old == new || replaced.expose() != text, "nothing was replaced");
            assert_eq!(replace(text, old, new), Ok(Some(replaced)), "the result is not the same each time");
        }
        Err(_) => assert!(!forms.is_empty(), "a value that was not found can't be replaced"),
    }
    for form in forms {
        assert!(!form.name().is_empty() && !form.description().is_empty());
    }
}

/// Returns the replaced text, if the value can be replaced there.
fn replaced(text: &str, old: &Secret, new: &Secret) -> Option<String> {
    check_any(text, old, new);
    replace(text, old, new).ok().flatten().map(|replaced| replaced.expose().to_owned())
}

fn check_whole(old: &Secret, new: &Secret) {
    let result = replace(old.expose(), old, new);
    assert_eq!(result, Ok(Some(new.clone())), "the whole text is the value");
}

/// The strings and names of a document beside the value stay as they are.
fn check_json(beside: &str, old: &Secret, new: &Secret) {
    let document = |value: &str| json!({ "beside": beside, "list": [1, null, value, true] });
    let Some(result) = replaced(&document(old.expose()).to_string(), old, new) else { return };
    let parsed: Value = serde_json::from_str(&result).expect("the result is JSON");
    assert_eq!(parsed, document(new.expose()));
}

/// The value is percent-encoded in the query and in the password of a URL.
fn check_url(old: &Secret, new: &Secret) {
    let parts = [("https://example.com/hook?key=", "&queue=ops#end"), ("amqps://shop:", "@mq.example.com/pay")];
    for (start, end) in parts {
        let text = format!("{start}{}{end}", percent(old.expose()));
        let Some(result) = replaced(&text, old, new) else { continue };
        let middle = result.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).expect("the rest is unchanged");
        assert_eq!(decoded(middle), new.expose().as_bytes());
        assert!(!middle.contains(['&', '#', '@', '?', ' ']), "the URL has another structure");
    }
}

fn check_base64(old: &Secret, new: &Secret) {
    for (start, value_start) in [("", ""), ("Basic ", "ops:")] {
        let text = format!("{start}{}", STANDARD.encode(format!("{value_start}{}", old.expose())));
        let Some(result) = replaced(&text, old, new) else { continue };
        let encoded = result.strip_prefix(start).expect("the rest is unchanged");
        let bytes = STANDARD.decode(encoded).expect("the result is base64");
        assert_eq!(bytes, format!("{value_start}{}", new.expose()).into_bytes());
    }
}

fn percent(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}
