//! Compares the JSON of a response with the declared pointers. The values are not kept.

use serde_json::Value;

use crate::drift::runtime::JsonMismatch;
use crate::io::config::JsonPresence;

pub(super) fn faults(body: &[u8], wanted: &[(&str, &JsonPresence)]) -> Vec<JsonMismatch> {
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return vec![JsonMismatch::NotJson] };
    wanted.iter().filter_map(|(pointer, presence)| fault(json.pointer(pointer), pointer, presence)).collect()
}

fn fault(found: Option<&Value>, pointer: &str, wanted: &JsonPresence) -> Option<JsonMismatch> {
    let at = pointer.to_owned();
    let found = found.filter(|found| !found.is_null());
    match (found, wanted) {
        (None, JsonPresence::Absent) | (Some(_), JsonPresence::Present) => None,
        (None, _) => Some(JsonMismatch::Missing(at)),
        (Some(_), JsonPresence::Absent) => Some(JsonMismatch::Present(at)),
        (Some(found), literal) => (!is(found, literal)).then_some(JsonMismatch::Other(at)),
    }
}

fn is(found: &Value, literal: &JsonPresence) -> bool {
    match literal {
        JsonPresence::Present => true,
        JsonPresence::Absent => false,
        JsonPresence::Text(text) => found.as_str() == Some(text),
        JsonPresence::Boolean(value) => found.as_bool() == Some(*value),
        JsonPresence::Integer(number) => found.as_i64() == Some(*number),
        JsonPresence::Float(number) => found.as_f64().is_some_and(|found| found.total_cmp(number).is_eq()),
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::runtime::JsonMismatch;
    use crate::io::config::JsonPresence;
    use crate::io::endpoint::json_body::faults;

    #[test]
    fn compares_each_pointer_with_expectation() {
        let body =
            br#"{"boot": {"id": "x"}, "none": null, "count": 3, "part": 0.5, "on": true, "list": [1, 2], "a/b": 1}"#;
        let text = |text: &str| JsonPresence::Text(text.to_owned());
        for (pointer, presence, expected) in [
            ("/boot", JsonPresence::Present, None),
            ("/boot/id", text("x"), None),
            ("/boot/id", text("y"), Some(JsonMismatch::Other("/boot/id".to_owned()))),
            ("/none", JsonPresence::Present, Some(JsonMismatch::Missing("/none".to_owned()))),
            ("/none", JsonPresence::Absent, None),
            ("/gone", JsonPresence::Absent, None),
            ("/gone", text("x"), Some(JsonMismatch::Missing("/gone".to_owned()))),
            ("/boot", JsonPresence::Absent, Some(JsonMismatch::Present("/boot".to_owned()))),
            ("/count", JsonPresence::Integer(3), None),
            ("/count", text("3"), Some(JsonMismatch::Other("/count".to_owned()))),
            ("/part", JsonPresence::Float(0.5), None),
            ("/on", JsonPresence::Boolean(true), None),
            ("/on", JsonPresence::Boolean(false), Some(JsonMismatch::Other("/on".to_owned()))),
            ("/list/1", JsonPresence::Integer(2), None),
            ("/a~1b", JsonPresence::Present, None),
            ("", JsonPresence::Present, None),
        ] {
            assert_eq!(faults(body, &[(pointer, &presence)]), Vec::from_iter(expected), "{pointer} {presence:?}");
        }
        for broken in [&b""[..], b"<html>", b"{\"a\":", b"\xff"] {
            assert_eq!(faults(broken, &[("/a", &JsonPresence::Absent)]), [JsonMismatch::NotJson]);
        }
    }
}
