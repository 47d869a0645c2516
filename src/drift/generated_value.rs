//! Generates new values for secrets.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::drift::Secret;

/// The shortest and the longest value, in bytes or characters.
const SHORTEST: u16 = 16;
const LONGEST: u16 = 512;

/// Letters and digits.
const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The number of byte values that map evenly to letters and digits. Others are drawn again, so that no character is more
/// likely than another.
const EVEN: u8 = 62 * 4;

/// The positions of the bytes before which a UUID has a hyphen.
const HYPHENS: [usize; 4] = [4, 6, 8, 10];

/// What kind of value to generate, such as `hex:32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorSpec {
    kind: Kind,
    /// The number of random bytes; of characters for letters and digits. A UUID always has 16 bytes.
    length: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hex,
    Base64,
    Base64Url,
    Alphanumeric,
    Uuid,
}

/// Why a text specifies no generator. It contains the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidGenerator {
    /// The name before the colon is unknown.
    Name(String),
    /// The length is no number, or out of range.
    Length(String),
    /// A UUID has no other length.
    UuidLength(String),
}

impl fmt::Display for InvalidGenerator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(spec) => {
                write!(formatter, "expected `hex:32`, `base64:32`, `base64url:32`, `alnum:40` or `uuid`, got `{spec}`")
            }
            Self::Length(spec) => write!(formatter, "expected a length from {SHORTEST} to {LONGEST}, got `{spec}`"),
            Self::UuidLength(spec) => write!(formatter, "expected `uuid` without a length, got `{spec}`"),
        }
    }
}

impl std::error::Error for InvalidGenerator {}

impl Kind {
    const ALL: [Self; 5] = [Self::Hex, Self::Base64, Self::Base64Url, Self::Alphanumeric, Self::Uuid];

    fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Alphanumeric => "alnum",
            Self::Uuid => "uuid",
        }
    }

    /// Returns the length of a value that is specified without one.
    fn length(self) -> u16 {
        match self {
            Self::Hex | Self::Base64 | Self::Base64Url => 32,
            Self::Alphanumeric => 40,
            Self::Uuid => 16,
        }
    }
}

impl FromStr for GeneratorSpec {
    type Err = InvalidGenerator;

    fn from_str(spec: &str) -> Result<Self, InvalidGenerator> {
        let (name, length) = match spec.split_once(':') {
            Some((name, length)) => (name, Some(length)),
            None => (spec, None),
        };
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| InvalidGenerator::Name(spec.to_owned()))?;
        let Some(length) = length else { return Ok(Self { kind, length: kind.length() }) };
        if kind == Kind::Uuid {
            return Err(InvalidGenerator::UuidLength(spec.to_owned()));
        }
        let digits = Some(length).filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()));
        let length =
            digits.and_then(|digits| digits.parse().ok()).filter(|length| (SHORTEST..=LONGEST).contains(length));
        length.map(|length| Self { kind, length }).ok_or_else(|| InvalidGenerator::Length(spec.to_owned()))
    }
}

impl fmt::Display for GeneratorSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Uuid => formatter.write_str(self.kind.name()),
            kind => write!(formatter, "{}:{}", kind.name(), self.length),
        }
    }
}

impl GeneratorSpec {
    /// Generates a value. `fill` fills a buffer with random bytes.
    pub fn generate(&self, fill: &mut dyn FnMut(&mut [u8])) -> Secret {
        let length = usize::from(self.length);
        if self.kind == Kind::Alphanumeric {
            return alphanumeric(length, fill);
        }
        let mut bytes = Zeroizing::new(vec![0; length]);
        fill(&mut bytes);
        match self.kind {
            Kind::Base64 => encoded(&bytes, &STANDARD),
            Kind::Base64Url => encoded(&bytes, &URL_SAFE_NO_PAD),
            Kind::Uuid => uuid(&mut bytes),
            Kind::Hex | Kind::Alphanumeric => Secret::new(hex::encode(&*bytes)),
        }
    }
}

fn encoded(bytes: &[u8], alphabet: &GeneralPurpose) -> Secret {
    Secret::new(alphabet.encode(bytes))
}

fn alphanumeric(length: usize, fill: &mut dyn FnMut(&mut [u8])) -> Secret {
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new(vec![0; length]);
    while text.len() < length {
        fill(&mut bytes);
        let even = bytes.iter().filter(|byte| **byte < EVEN).take(length - text.len());
        text.extend(even.map(|byte| char::from(ALPHANUMERIC[usize::from(*byte) % ALPHANUMERIC.len()])));
    }
    Secret::new(std::mem::take(&mut *text))
}

/// Returns a UUID of version 4 (RFC 9562).
fn uuid(bytes: &mut [u8]) -> Secret {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = Zeroizing::new(hex::encode(bytes));
    let mut text = Zeroizing::new(String::with_capacity(digits.len() + HYPHENS.len()));
    for (at, digit) in digits.char_indices() {
        if at.is_multiple_of(2) && HYPHENS.contains(&(at / 2)) {
            text.push('-');
        }
        text.push(digit);
    }
    Secret::new(std::mem::take(&mut *text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use super::GeneratorSpec;

    /// Fills buffers with 0, 1, 2 … 255, 0 ….
    fn counting(start: u8) -> impl FnMut(&mut [u8]) {
        let mut next = start;
        move |buffer| {
            for byte in buffer {
                *byte = next;
                next = next.wrapping_add(1);
            }
        }
    }

    #[test]
    fn generates_the_specified_kind_and_length() {
        for (spec, expected) in [
            ("hex:16", "000102030405060708090a0b0c0d0e0f"),
            ("base64:16", "AAECAwQFBgcICQoLDA0ODw=="),
            ("base64url:16", "AAECAwQFBgcICQoLDA0ODw"),
            ("alnum:20", "ABCDEFGHIJKLMNOPQRST"),
            ("uuid", "00010203-0405-4607-8809-0a0b0c0d0e0f"),
        ] {
            let spec: GeneratorSpec = spec.parse().unwrap();
            assert_eq!(spec.generate(&mut counting(0)).expose(), expected, "{spec}");
        }
    }

    #[test]
    fn length_is_optional() {
        for (spec, canonical, length) in [
            ("hex", "hex:32", 64),
            ("base64", "base64:32", 44),
            ("base64url", "base64url:32", 43),
            ("alnum", "alnum:40", 40),
            ("uuid", "uuid", 36),
            ("hex:16", "hex:16", 32),
            ("hex:512", "hex:512", 1024),
            ("alnum:016", "alnum:16", 16),
        ] {
            let parsed: GeneratorSpec = spec.parse().unwrap();
            assert_eq!(parsed.to_string(), canonical);
            assert_eq!(parsed.generate(&mut counting(7)).expose().len(), length, "{spec}");
        }
    }

    #[test]
    fn invalid_specs_are_refused() {
        let names = "expected `hex:32`, `base64:32`, `base64url:32`, `alnum:40` or `uuid`, got";
        let lengths = "expected a length from 16 to 512, got";
        for (spec, expected) in [
            ("", names),
            ("Hex:32", names),
            ("hexadecimal", names),
            (":32", names),
            ("uuid4", names),
            ("hex:15", lengths),
            ("hex:513", lengths),
            ("hex:", lengths),
            ("hex:+32", lengths),
            ("hex:-32", lengths),
            ("hex: 32", lengths),
            ("hex:32:32", lengths),
            ("hex:99999999999999999999", lengths),
            ("alnum:many", lengths),
            ("uuid:16", "expected `uuid` without a length, got"),
        ] {
            let error = spec.parse::<GeneratorSpec>().unwrap_err();
            assert_eq!(error.to_string(), format!("{expected} `{spec}`"));
        }
    }

    /// 248 = 4 × 62: the last eight byte values would make the first eight characters more likely.
    #[test]
    fn characters_are_equally_likely() {
        let spec: GeneratorSpec = "alnum:248".parse().unwrap();
        let value = spec.generate(&mut counting(248));
        let mut counts = std::collections::BTreeMap::new();
        value.expose().chars().for_each(|character| *counts.entry(character).or_insert(0) += 1);
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| *count == 4), "{counts:?}");
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in any::<String>()) {
            if let Ok(spec) = text.parse::<GeneratorSpec>() {
                prop_assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }

        #[test]
        fn uuid_has_version_4(bytes in any::<[u8; 16]>()) {
            let spec: GeneratorSpec = "uuid".parse().unwrap();
            let value = spec.generate(&mut |buffer| buffer.copy_from_slice(&bytes));
            let parts: Vec<&str> = value.expose().split('-').collect();
            prop_assert!(parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]));
            prop_assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']));
        }
    }
}
