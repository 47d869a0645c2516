//! A value in any text: it is found and replaced without a panic, the new value stands exactly where the old one was, in
//! the same encoding, and the rest of the text does not change. Then a search finds the new value, and no longer the old.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use railway_doctor::drift::Secret;
use railway_doctor::drift::new_value::objection;
use railway_doctor::drift::trace::form::{Form, Layer};
use railway_doctor::drift::trace::occurrences::{find, replace};
use serde_json::{Value, json};

use super::texts;

/// The input is a text, the old value, the new value, other text beside the value, and the letters of encodings, the
/// outermost first.
pub fn check(data: &[u8]) {
    let Some([text, old, new, beside, letters]) = texts::<5>(data) else { return };
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
    check_nested(letters, beside, &old_value, &new_value);
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
            if !may_remain(old, new) {
                assert_eq!(find(replaced.expose(), old), [], "the old value is still found");
            }
            assert_eq!(replace(text, old, new), Ok(Some(replaced)), "the result is not the same each time");
        }
        Err(_) => assert!(!forms.is_empty(), "a value that was not found can't be replaced"),
    }
    for form in forms {
        assert!(!form.name().is_empty() && !form.description().is_empty());
    }
}

/// Whether a text with the new value also contains the old one.
fn may_remain(old: &Secret, new: &Secret) -> bool {
    old == new || new.expose().contains(old.expose()) || !find(new.expose(), old).is_empty()
}

/// Returns the replaced text, if the value can be replaced there. A search finds the new value in it.
fn replaced(text: &str, old: &Secret, new: &Secret) -> Option<String> {
    check_any(text, old, new);
    let replaced = replace(text, old, new).ok().flatten()?;
    // Other values are refused before a rotation.
    let is_accepted = objection("API_KEY", new, &[old]).is_none();
    if is_accepted && find(text, new).is_empty() {
        let [before, after] = [find(text, old), find(replaced.expose(), new)].map(|forms| encodings(&forms));
        assert_eq!(before, after, "the new value is in another form");
    }
    Some(replaced.expose().to_owned())
}

/// The encodings of each form. A part of a URL is percent-encoded only if its text needs it.
fn encodings(forms: &[Form]) -> Vec<Vec<Layer>> {
    let is_shown = |layer: &&Layer| **layer != Layer::Percent;
    forms.iter().map(|form| form.layers.iter().filter(is_shown).copied().collect()).collect()
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

/// The most encodings around a value that are searched.
const MOST_NESTED: usize = 4;

/// An encoding as other programs write and read it.
#[derive(Clone, Copy)]
enum Encoding {
    Json,
    Base64,
    BasicHeader,
    Query,
    Password,
}

impl Encoding {
    fn of(letter: char) -> Option<Self> {
        match letter {
            'j' => Some(Self::Json),
            'b' => Some(Self::Base64),
            'h' => Some(Self::BasicHeader),
            'q' => Some(Self::Query),
            'p' => Some(Self::Password),
            _ => None,
        }
    }

    /// The text around the encoded value.
    fn around(self, beside: &str) -> [String; 2] {
        let [start, end] = match self {
            Self::Json => return [format!("{{\"list\": [1, {}, \"", json!(beside)), "\", true]}".to_owned()],
            Self::Base64 => ["", ""],
            Self::BasicHeader => ["Basic ", ""],
            Self::Query => ["https://example.com/hook?key=", "&queue=ops#end"],
            Self::Password => ["amqps://shop:", "@mq.example.com/pay"],
        };
        [start, end].map(str::to_owned)
    }

    fn encode(self, text: &str, beside: &str) -> String {
        let [start, end] = self.around(beside);
        let encoded = match self {
            Self::Json => {
                let quoted = json!(text).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Base64 => STANDARD.encode(text),
            Self::BasicHeader => STANDARD.encode(format!("ops:{text}")),
            Self::Query | Self::Password => percent(text),
        };
        start + &encoded + &end
    }

    /// Returns the text, after a check that everything around it is unchanged.
    fn decode(self, encoded: &str, beside: &str) -> String {
        let [start, end] = self.around(beside);
        let encoded = encoded.strip_prefix(&start).and_then(|rest| rest.strip_suffix(&end));
        let encoded = encoded.expect("the rest is unchanged");
        let bytes = match self {
            Self::Json => return serde_json::from_str(&format!("\"{encoded}\"")).expect("the result is JSON"),
            Self::Base64 => from_base64(encoded),
            Self::BasicHeader => from_base64(encoded).strip_prefix(b"ops:").expect("the user is unchanged").to_vec(),
            Self::Query | Self::Password => decoded(encoded),
        };
        String::from_utf8(bytes).expect("the result is text")
    }
}

/// Decodes either alphabet: in a URL, a value without special characters is in both.
fn from_base64(encoded: &str) -> Vec<u8> {
    let standard = encoded.trim_end_matches('=').replace('-', "+").replace('_', "/");
    STANDARD_NO_PAD.decode(standard).expect("the result is base64")
}

/// The value is in several encodings, one around the other.
fn check_nested(letters: &str, beside: &str, old: &Secret, new: &Secret) {
    let layers: Vec<Encoding> = letters.chars().filter_map(Encoding::of).take(MOST_NESTED).collect();
    let encoded = |value: &str| layers.iter().rev().fold(value.to_owned(), |text, layer| layer.encode(&text, beside));
    // The value is nowhere else.
    if layers.is_empty() || !find(&encoded("x"), old).is_empty() {
        return;
    }
    let Some(result) = replaced(&encoded(old.expose()), old, new) else { return };
    let value = layers.iter().fold(result, |text, layer| layer.decode(&text, beside));
    assert_eq!(value, new.expose(), "another value is stored");
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
