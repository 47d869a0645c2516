//! Detects values that are equivalent JSON.

use serde_json::Value;
use zeroize::Zeroize;

/// Longer values are not parsed.
pub const LONGEST_JSON: usize = 256 * 1024;

/// Returns whether both are equal objects or arrays. `serde_json` rejects deep nesting itself.
pub fn is_same_json(one: &str, other: &str) -> bool {
    let may_be =
        |text: &str| text.len() <= LONGEST_JSON && text.trim_start().starts_with(['{', '[']) && !has_long_number(text);
    if !may_be(one) || !may_be(other) {
        return false;
    }
    let parse = |text| serde_json::from_str::<Value>(text).ok().map(Json);
    parse(one).zip(parse(other)).is_some_and(|(one, other)| one.0 == other.0)
}

/// Parsing drops the last digits of a number with 16 digits or more, so that different numbers would compare as equal.
fn has_long_number(json: &str) -> bool {
    let (mut in_string, mut escaped, mut digits) = (false, false, 0);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ => {}
        }
        let counts = !in_string && (byte.is_ascii_digit() || (byte == b'.' && digits > 0));
        digits = if counts { digits + 1 } else { 0 };
        if digits >= 16 {
            return true;
        }
    }
    false
}

/// Parsed JSON that is zeroed on drop, like the text that it was parsed from.
struct Json(Value);

impl Drop for Json {
    fn drop(&mut self) {
        clear(&mut self.0);
    }
}

/// The recursion is bounded by the parser's depth limit.
fn clear(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(clear),
        Value::Object(entries) => entries.values_mut().for_each(clear),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
