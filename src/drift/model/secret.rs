//! A value that never prints itself.

use std::fmt;

use ring::hmac;
use serde::Deserialize;
use zeroize::Zeroizing;

/// A variable's value or a token.
///
/// It implements neither `Display` nor `Serialize`, so that code that reports a value does not compile. `Debug` prints
/// a placeholder, memory is zeroed on drop, and [`Secret::expose`] is the only access, easy to search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text without copying it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns what reports show instead of the value: equal values have equal fingerprints within one run only.
    pub fn fingerprint(&self, key: &FingerprintKey) -> String {
        let tag = hmac::sign(&key.0, self.0.as_bytes());
        hex::encode(&tag.as_ref()[..3])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("•••")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// The key of one run's fingerprints. It is generated for each run and never stored.
#[derive(Clone)]
pub struct FingerprintKey(hmac::Key);

impl FingerprintKey {
    /// Creates a key from 32 random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use crate::drift::model::secret::{FingerprintKey, Secret};

    #[test]
    fn debug_shows_neither_value_nor_length() {
        assert_eq!(format!("{:?}", Secret::new("marker-4711")), "•••");
        assert_eq!(format!("{:?}", Some(Secret::new(""))), "Some(•••)");
    }

    #[test]
    fn fingerprints_compare_only_within_a_run() {
        let (one, other) = (FingerprintKey::new(&[1; 32]), FingerprintKey::new(&[2; 32]));
        let value = Secret::new("same");
        assert_eq!(value.fingerprint(&one), Secret::new("same").fingerprint(&one));
        assert_ne!(value.fingerprint(&one), Secret::new("samf").fingerprint(&one));
        assert_ne!(value.fingerprint(&one), value.fingerprint(&other));
    }

    proptest! {
        #[test]
        fn debug_and_fingerprint_have_a_fixed_shape(text in any::<String>()) {
            let value = Secret::new(text.as_str());
            let shown = value.fingerprint(&FingerprintKey::new(&[1; 32]));
            prop_assert!(shown.len() == 6 && shown.bytes().all(|byte| byte.is_ascii_hexdigit()));
            prop_assert_eq!(format!("{value:?} {:#?} {:?}", (&value, 1), vec![&value]), "••• (\n    •••,\n    1,\n) [•••]");
        }
    }
}
