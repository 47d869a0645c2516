//! Rejects JSON that Railway never sends: an object with a duplicate key, which parsers read differently, and more
//! values than fit into memory. One pass over the body, before it is parsed.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The maximum number of values in a response, counting objects and lists and the values in them. A thousand services
/// with a hundred variables each have two hundred thousand.
const MOST_VALUES: usize = 400_000;

/// Returns a description of the fault if a body has one. Invalid JSON is not a fault here: the parser reports it.
pub(crate) fn inspect(body: &[u8]) -> Result<(), String> {
    let inspection =
        Inspection { left: Cell::new(MOST_VALUES), fault: RefCell::default(), hasher: RandomState::default() };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let end = Any(&inspection).deserialize(&mut reader);
    match inspection.fault.take() {
        Some(what) => {
            let place = end.err().map(|error| format!(" (line {}, column {})", error.line(), error.column()));
            Err(format!("{what}{}", place.unwrap_or_default()))
        }
        None => Ok(()),
    }
}

/// Returns whether a description is that of too many values.
pub(crate) fn has_too_many_values(description: &str) -> bool {
    description.contains(&too_many_values())
}

fn too_many_values() -> String {
    format!("more than {MOST_VALUES} values")
}

/// The state of one pass.
struct Inspection {
    /// The number of values that are still allowed.
    left: Cell<usize>,
    fault: RefCell<Option<String>>,
    /// Randomly seeded, so that no response can contain two keys that are known to have the same hash.
    hasher: RandomState,
}

impl Inspection {
    fn count<E: Error>(&self) -> Result<(), E> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.fault(too_many_values())),
        }
    }

    fn fault<E: Error>(&self, what: String) -> E {
        self.fault.replace(Some(what));
        E::custom("not a response of Railway")
    }
}

/// Most objects have fewer keys, so that the set of them does not grow.
const USUAL_KEYS: usize = 28;

/// Any value.
struct Any<'i>(&'i Inspection);

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut hashes = HashSet::with_capacity(USUAL_KEYS);
        while let Some(hash) = map.next_key_seed(KeyHash(self.0))? {
            if !hashes.insert(hash) {
                return Err(self.0.fault("a duplicate key".to_owned()));
            }
            map.next_value_seed(Any(self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Any(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

struct KeyHash<'i>(&'i Inspection);

impl<'de> DeserializeSeed<'de> for KeyHash<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyHash<'_> {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<u64, E> {
        Ok(self.0.hasher.hash_one(key))
    }
}

#[cfg(test)]
mod tests {
    use crate::io::railway::json_checks::{MOST_VALUES, inspect};

    #[test]
    fn rejects_duplicate_keys() {
        for text in [
            "{}",
            "[1, 2.5, -3, true, null, \"a\", \"a\"]",
            r#"{"a": {"a": 1}, "b": {"a": 1}, "A": 2}"#,
            r#"[{"a": 1}, {"a": 1}]"#,
            "invalid JSON, which the parser reports",
            "",
            r#"{"a": 1"#,
        ] {
            assert_eq!(inspect(text.as_bytes()), Ok(()), "{text}");
        }
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"data": {"stored_0": {"KEY": "one", "OTHER": "x", "KEY": "two"}}}"#,
            r#"{"data": [{"id": "one", "id": "two"}]}"#,
            r#"{"\u0061": 1, "a": 1}"#,
            r#"{"a": {}, "a": {}"#,
        ] {
            let fault = inspect(text.as_bytes()).unwrap_err();
            assert!(fault.starts_with("a duplicate key (line 1, column "), "{text}: {fault}");
        }
    }

    #[test]
    fn rejects_excessive_number_of_values() {
        let list = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert_eq!(inspect(list(MOST_VALUES - 1).as_bytes()), Ok(()));
        assert!(inspect(list(MOST_VALUES).as_bytes()).unwrap_err().starts_with("more than 400000 values"));
        let errors = format!("{{\"errors\":[{}]}}", vec!["{}"; 1_500_000].join(","));
        assert!(inspect(errors.as_bytes()).is_err());
    }
}
