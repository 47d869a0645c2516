//! What an answer's JSON holds at the declared places. Nothing of it is kept.

use serde_json::Value;

use crate::drift::live::JsonFault;
use crate::outside::config::Presence;

/// What is not as declared.
pub(super) fn faults(body: &[u8], wanted: &[(&str, &Presence)]) -> Vec<JsonFault> {
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return vec![JsonFault::NotJson] };
    wanted.iter().filter_map(|(pointer, presence)| fault(json.pointer(pointer), pointer, presence)).collect()
}

fn fault(found: Option<&Value>, pointer: &str, wanted: &Presence) -> Option<JsonFault> {
    let at = pointer.to_owned();
    let found = found.filter(|found| !found.is_null());
    match (found, wanted) {
        (None, Presence::Absent) | (Some(_), Presence::Present) => None,
        (None, _) => Some(JsonFault::Missing(at)),
        (Some(_), Presence::Absent) => Some(JsonFault::Present(at)),
        (Some(found), literal) => (!is(found, literal)).then_some(JsonFault::Other(at)),
    }
}

fn is(found: &Value, literal: &Presence) -> bool {
    match literal {
        Presence::Present => true,
        Presence::Absent => false,
        Presence::Text(text) => found.as_str() == Some(text),
        Presence::Boolean(value) => found.as_bool() == Some(*value),
        Presence::Integer(number) => found.as_i64() == Some(*number),
        Presence::Float(number) => found.as_f64().is_some_and(|found| found.total_cmp(number).is_eq()),
    }
}

#[cfg(test)]
mod tests {
    use super::faults;
    use crate::drift::live::JsonFault;
    use crate::outside::config::Presence;

    #[test]
    fn every_place_is_held_against_what_is_declared() {
        let body =
            br#"{"boot": {"id": "x"}, "none": null, "count": 3, "part": 0.5, "on": true, "list": [1, 2], "a/b": 1}"#;
        let text = |text: &str| Presence::Text(text.to_owned());
        for (pointer, presence, expected) in [
            ("/boot", Presence::Present, None),
            ("/boot/id", text("x"), None),
            ("/boot/id", text("y"), Some(JsonFault::Other("/boot/id".to_owned()))),
            ("/none", Presence::Present, Some(JsonFault::Missing("/none".to_owned()))),
            ("/none", Presence::Absent, None),
            ("/gone", Presence::Absent, None),
            ("/gone", text("x"), Some(JsonFault::Missing("/gone".to_owned()))),
            ("/boot", Presence::Absent, Some(JsonFault::Present("/boot".to_owned()))),
            ("/count", Presence::Integer(3), None),
            ("/count", text("3"), Some(JsonFault::Other("/count".to_owned()))),
            ("/part", Presence::Float(0.5), None),
            ("/on", Presence::Boolean(true), None),
            ("/on", Presence::Boolean(false), Some(JsonFault::Other("/on".to_owned()))),
            ("/list/1", Presence::Integer(2), None),
            ("/a~1b", Presence::Present, None),
            ("", Presence::Present, None),
        ] {
            assert_eq!(faults(body, &[(pointer, &presence)]), Vec::from_iter(expected), "{pointer} {presence:?}");
        }
        for broken in [&b""[..], b"<html>", b"{\"a\":", b"\xff"] {
            assert_eq!(faults(broken, &[("/a", &Presence::Absent)]), [JsonFault::NotJson]);
        }
    }
}
