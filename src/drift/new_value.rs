//! Which new values of a secret are refused: mistakes of pasting, and values that are not the secret itself.

use crate::drift::indirect::is_indirect;
use crate::drift::placeholder::is_unset;
use crate::drift::reason::encoded::{is_base64, is_escaped, is_pem_on_one_line, is_percent_encoded};
use crate::drift::suspicious_values::{SuspiciousValue, is_blank, suspicions};
use crate::drift::{Secret, reference};

/// Why a new value is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedValue {
    /// It has no visible characters.
    Empty,
    /// It was never set: `changeme`, `<your key>`.
    Placeholder,
    /// It contains a reference, `${{…}}`.
    Reference,
    /// It refers to a value that is kept elsewhere, such as `op://…`.
    Indirect,
    /// It contains a control character other than a newline, which a private key has.
    ControlCharacter,
    /// It starts or ends with a space.
    SurroundingSpace,
    Suspicious(SuspiciousValue),
    /// It is a private key whose newlines are written as `\n`.
    EscapedNewlines,
    /// It is the old value, encoded.
    EncodedOldValue,
    /// It is the old value.
    Unchanged,
}

impl RejectedValue {
    /// Returns the reason as a phrase.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "it is empty",
            Self::Placeholder => "it is a placeholder",
            Self::Reference => "it contains a reference such as `${{shared.KEY}}`",
            Self::Indirect => "it refers to a value that is kept elsewhere",
            Self::ControlCharacter => "it contains a control character",
            Self::SurroundingSpace => "it starts or ends with a space",
            Self::Suspicious(SuspiciousValue::TrailingNewline) => "it ends with a newline",
            Self::Suspicious(SuspiciousValue::Quotes) => "it has surrounding quotes that are part of the value",
            Self::Suspicious(SuspiciousValue::Invisible) => "it contains invisible characters",
            Self::Suspicious(SuspiciousValue::CutPem) => "it is an incomplete PEM block",
            Self::EscapedNewlines => "it is a private key with `\\n` instead of newlines",
            Self::EncodedOldValue => "it is the old value in another encoding",
            Self::Unchanged => "it is equal to the old value",
        }
    }
}

/// Returns why the new value of the key is refused; `None` if it is accepted. `old` lists the values that it replaces.
pub fn objection(key: &str, new: &Secret, old: &[&Secret]) -> Option<RejectedValue> {
    let text = new.expose();
    let has_control = text.chars().any(|character| character.is_control() && character != '\n');
    // A property that an old value has, too, is intended.
    let is_new = |is: &dyn Fn(&str) -> bool| is(text) && !old.iter().any(|old| is(old.expose()));
    let suspicion = || suspicions(text).into_iter().next().map(RejectedValue::Suspicious);
    if is_blank(text) {
        Some(RejectedValue::Empty)
    } else if old.contains(&new) {
        Some(RejectedValue::Unchanged)
    } else if text.contains("${{") && !reference::occurrences(text).is_empty() {
        Some(RejectedValue::Reference)
    } else if is_indirect(text) {
        Some(RejectedValue::Indirect)
    } else if is_unset(key, text) {
        Some(RejectedValue::Placeholder)
    } else if old.iter().any(|old| is_encoded(text, old.expose())) {
        Some(RejectedValue::EncodedOldValue)
    } else if let Some(suspicion) = suspicion() {
        Some(suspicion)
    } else if has_control {
        Some(RejectedValue::ControlCharacter)
    } else if is_new(&has_surrounding_space) {
        Some(RejectedValue::SurroundingSpace)
    } else if is_new(&has_escaped_newlines) {
        Some(RejectedValue::EscapedNewlines)
    } else {
        None
    }
}

/// Returns whether the new value is the old one, encoded or decoded.
fn is_encoded(new: &str, old: &str) -> bool {
    let tests = [is_base64, is_escaped, is_percent_encoded, is_pem_on_one_line];
    new.trim() == old.trim() || tests.iter().any(|is_encoded| is_encoded(new, old) || is_encoded(old, new))
}

fn has_surrounding_space(text: &str) -> bool {
    text.starts_with(' ') || text.ends_with(' ')
}

fn has_escaped_newlines(text: &str) -> bool {
    text.contains("-----BEGIN ") && text.contains("\\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::RejectedValue::{
        ControlCharacter, Empty, EncodedOldValue, EscapedNewlines, Indirect, Placeholder, Reference, SurroundingSpace,
        Suspicious, Unchanged,
    };
    use super::{RejectedValue, objection};
    use crate::drift::Secret;
    use crate::drift::suspicious_values::SuspiciousValue::{CutPem, Invisible, Quotes, TrailingNewline};

    const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIB\nAQAB\n-----END PRIVATE KEY-----\n";
    const ESCAPED_PEM: &str = "-----BEGIN PRIVATE KEY-----\\nMIIB\\nAQAB\\n-----END PRIVATE KEY-----\\n";
    const OTHER_PEM: &str = "-----BEGIN PRIVATE KEY-----\\nMIIC\\nAQAB\\n-----END PRIVATE KEY-----\\n";

    fn check(new: &str, old: &str) -> Option<RejectedValue> {
        objection("API_KEY", &Secret::new(new), &[&Secret::new("an-0ther-old"), &Secret::new(old)])
    }

    #[test]
    fn unsuitable_values_are_refused() {
        for (new, old, expected) in [
            ("", "0ld-value", Empty),
            (" \n", "0ld-value", Empty),
            ("\u{200b}", "0ld-value", Empty),
            ("changeme", "0ld-value", Placeholder),
            ("your-api-key", "0ld-value", Placeholder),
            ("${{shared.API_KEY}}", "0ld-value", Reference),
            ("Bearer ${{ shared.API_KEY }}", "0ld-value", Reference),
            ("op://vault/item/field", "0ld-value", Indirect),
            ("n3w\0value", "0ld-value", ControlCharacter),
            ("n3w\tvalue", "0ld-value", ControlCharacter),
            ("n3w\u{1b}[0mvalue", "0ld-value", ControlCharacter),
            ("first\r\nsecond", "0ld-value", ControlCharacter),
            (" n3w-value", "0ld-value", SurroundingSpace),
            ("n3w-value ", "0ld-value", SurroundingSpace),
            ("n3w-value\n", "0ld-value", Suspicious(TrailingNewline)),
            ("\"n3w-value\"", "0ld-value", Suspicious(Quotes)),
            ("n3w\u{200b}-value", "0ld-value", Suspicious(Invisible)),
            ("-----BEGIN PRIVATE KEY-----\nMIIB", "0ld-value", Suspicious(CutPem)),
            (ESCAPED_PEM, "0ld-value", EscapedNewlines),
            (ESCAPED_PEM, PEM, EncodedOldValue),
            (PEM, ESCAPED_PEM, EncodedOldValue),
            ("0ld%2Fvalue", "0ld/value", EncodedOldValue),
            ("0ld/value", "0ld%2Fvalue", EncodedOldValue),
            ("MGxkLXZhbHVl", "0ld-value", EncodedOldValue),
            ("0ld-value\n", "0ld-value", EncodedOldValue),
            ("0ld-value", "0ld-value", Unchanged),
            ("an-0ther-old", "0ld-value", Unchanged),
        ] {
            assert_eq!(check(new, old), Some(expected), "{new:?}");
        }
    }

    #[test]
    fn secrets_are_accepted() {
        for (new, old) in [
            ("n3w-value", "0ld-value"),
            ("0ld-value-2", "0ld-value"),
            ("correct horse battery staple", "0ld-value"),
            ("p@ss w\\nrd; \"x\" & 'y'", "0ld-value"),
            (PEM, "0ld-value"),
            (OTHER_PEM, ESCAPED_PEM),
            (" n3w-value", " 0ld-value"),
            ("Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==", "Bf5k+Q1mWs9/GyTr7NjC3xVe6La2=="),
        ] {
            assert_eq!(check(new, old), None, "{new:?}");
        }
    }

    #[test]
    fn reasons_are_phrases() {
        let suspicious = [TrailingNewline, Quotes, Invisible, CutPem].map(Suspicious);
        let others = [
            ControlCharacter,
            Empty,
            EncodedOldValue,
            EscapedNewlines,
            Indirect,
            Placeholder,
            Reference,
            SurroundingSpace,
            Unchanged,
        ];
        for one in suspicious.into_iter().chain(others) {
            assert!(one.reason().starts_with("it ") && !one.reason().ends_with('.'), "{one:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_accepted_or_refused(new in any::<String>(), old in any::<String>()) {
            check(&new, &old);
        }
    }
}
