//! Reads JSON that another program writes: a value of an unexpected type counts as missing, without an error.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::drift::Secret;

/// Converts a JSON value, if it has the expected type.
pub(super) trait Fits<'de>: Sized {
    fn text(_text: &str) -> Option<Self> {
        None
    }
    fn number(_number: i64) -> Option<Self> {
        None
    }
    /// Reads the whole object, and returns `None` if an object is not expected.
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl Fits<'_> for String {
    fn text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Fits<'_> for Secret {
    fn text(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }
}

impl Fits<'_> for i64 {
    fn number(number: i64) -> Option<Self> {
        Some(number)
    }
}

/// An object with known keys; others are ignored.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Fits<'de> for Object<T> {
    fn object<A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|known| Some(Self(known)))
    }
}

/// An object whose keys are data. The last of duplicate keys wins, and values of another type are left out.
pub(super) struct Entries<T>(pub(super) BTreeMap<String, T>);

impl<'de, T: Fits<'de>> Fits<'de> for Entries<T> {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(key) = object.next_key::<String>()? {
            match object.next_value::<Loose<T>>()?.0 {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        Ok(Some(Self(entries)))
    }
}

/// A value of any type; `None` unless it has the expected one.
pub(super) struct Loose<T>(pub(super) Option<T>);

/// For `#[serde(deserialize_with = "…")]`.
pub(super) fn loose<'de, T: Fits<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Loose::deserialize(deserializer).map(|loose| loose.0)
}

impl<'de, T: Fits<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData)).map(Self)
    }
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Fits<'de>> Visitor<'de> for Any<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Option<T>, E> {
        Ok(T::number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Option<T>, E> {
        Ok(i64::try_from(number).ok().and_then(T::number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Option<T>, E> {
        // JavaScript may write whole seconds as `1.7e9`. The cast saturates.
        #[expect(clippy::cast_possible_truncation, reason = "a fraction of a second does not matter here")]
        Ok(T::number(number as i64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<T>, E> {
        Ok(T::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<T>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Option<T>, A::Error> {
        T::object(object)
    }
}
