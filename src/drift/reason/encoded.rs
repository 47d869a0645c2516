//! Compares two values of which one may be encoded: percent-encoding, base64, backslash escapes, a PEM block on one
//! line.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// The shortest base64 that is decoded. A shorter text is a word.
const SHORTEST_BASE64: usize = 8;

/// Returns whether `one` is the percent-encoded `other`, as in a URL or in form data.
pub fn is_percent_encoded(one: &str, other: &str) -> bool {
    let is_other = |text: &str| percent_decode_str(text).eq(other.bytes());
    one.contains('%') && (is_other(one) || (one.contains('+') && is_other(&Zeroizing::new(one.replace('+', " ")))))
}

/// Returns whether `one` is `other` in base64, of either alphabet. A tool may have wrapped the base64, and encoded a
/// final newline.
pub fn is_base64(one: &str, other: &str) -> bool {
    if one.len() < SHORTEST_BASE64 || one.len() < other.len() {
        return false;
    }
    let text = Zeroizing::new(one.split_ascii_whitespace().collect::<String>());
    [STANDARD_NO_PAD, URL_SAFE_NO_PAD].iter().any(|alphabet| {
        let decoded = Zeroizing::new(alphabet.decode(text.trim_end_matches('=')).unwrap_or_default());
        let line = decoded.strip_suffix(b"\n").unwrap_or(&decoded);
        !other.is_empty() && (decoded.as_slice() == other.as_bytes() || line == other.as_bytes())
    })
}

/// Returns whether `other` is `one` with each backslash escape resolved, as in a string of JSON or of a program.
pub fn is_escaped(one: &str, other: &str) -> bool {
    if !one.contains('\\') {
        return false;
    }
    let mut plain = Zeroizing::new(String::with_capacity(one.len()));
    let mut letters = one.chars();
    while let Some(letter) = letters.next() {
        let escaped = if letter == '\\' { letters.next() } else { None };
        plain.push(match escaped {
            None => letter,
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(sign @ ('\\' | '"' | '\'' | '/' | '`' | '$')) => sign,
            Some(_) => return false,
        });
    }
    plain.as_str() == other
}

/// Returns whether both are the same PEM block, and `one` has it on one line.
pub fn is_pem_on_one_line(one: &str, other: &str) -> bool {
    let joined = |text: &str| {
        let text = Zeroizing::new(text.replace("\\r", ""));
        let text = Zeroizing::new(text.replace("\\n", ""));
        Zeroizing::new(text.split_whitespace().collect::<String>())
    };
    one.contains("-----BEGIN ")
        && !one.trim().contains('\n')
        && other.trim().contains('\n')
        && joined(one) == joined(other)
}

#[cfg(test)]
mod tests {
    use crate::drift::reason::encoded::{is_base64, is_escaped, is_pem_on_one_line, is_percent_encoded};

    fn check(test: fn(&str, &str) -> bool, rows: &[(&str, &str, bool)]) {
        for (one, other, expected) in rows {
            assert_eq!(test(one, other), *expected, "{one} {other}");
        }
    }

    #[test]
    fn percent_encoding_is_decoded() {
        check(
            is_percent_encoded,
            &[
                ("p%40ss", "p@ss", true),
                ("p%40ss%2fw", "p@ss/w", true),
                ("a%20b", "a b", true),
                ("a+b%21", "a b!", true),
                ("a%2Bb", "a+b", true),
                ("%E2%82%AC", "€", true),
                ("postgres://u:p%40ss@h/x", "postgres://u:p@ss@h/x", true),
                ("100%", "100", false),
                ("a%4", "a@", false),
                ("a%zz", "a", false),
                ("a+b", "a b", false),
                ("p%40ss", "p@s", false),
                ("%2540", "@", false),
                ("p@ss", "p@ss", false),
            ],
        );
    }

    #[test]
    fn base64_is_decoded() {
        check(
            is_base64,
            &[
                ("c2VjcmV0LWtleQ==", "secret-key", true),
                ("c2VjcmV0LWtleQ", "secret-key", true),
                ("c2VjcmV0LWtleQo=", "secret-key", true),
                ("c2VjcmV0\nLWtleQ==\n", "secret-key", true),
                ("fn5+fz8/", "~~~\u{7f}??", true),
                ("fn5-fz8_", "~~~\u{7f}??", true),
                ("eyJhIjoxfQ==", "{\"a\":1}", true),
                ("c2VjcmV0LWtleQ==", "secret-kez", false),
                ("c2VjcmV0LWtleQ==", "", false),
                ("YWI=", "ab", false),
                ("secret-key", "secret-key", false),
                ("not base64!", "x", false),
            ],
        );
    }

    #[test]
    fn backslash_escapes_are_resolved() {
        check(
            is_escaped,
            &[
                ("{\\\"a\\\":1}", "{\"a\":1}", true),
                ("C:\\\\data", "C:\\data", true),
                ("a\\tb", "a\tb", true),
                ("a\\nb", "a\nb", true),
                ("it\\'s", "it's", true),
                ("https:\\/\\/x.com", "https://x.com", true),
                ("a\\db", "adb", false),
                ("C:\\data", "C:data", false),
                ("ab", "ab", false),
                ("a\\\"b", "a'b", false),
            ],
        );
        assert!(is_escaped("a\\", "a\\"), "a final backslash escapes nothing");
    }

    #[test]
    fn pem_block_on_one_line_is_recognized() {
        let block = "-----BEGIN PRIVATE KEY-----\nMIIB\nAQAB\n-----END PRIVATE KEY-----\n";
        for (one, expected) in [
            ("-----BEGIN PRIVATE KEY-----MIIBAQAB-----END PRIVATE KEY-----", true),
            ("-----BEGIN PRIVATE KEY----- MIIB AQAB -----END PRIVATE KEY-----", true),
            ("-----BEGIN PRIVATE KEY----- MIIB AQAB -----END PRIVATE KEY-----\n", true),
            ("-----BEGIN PRIVATE KEY-----\\nMIIB AQAB\\n-----END PRIVATE KEY-----", true),
            ("-----BEGIN PRIVATE KEY----- MIIB AQAC -----END PRIVATE KEY-----", false),
            ("-----BEGIN PRIVATE KEY-----\nMIIBAQAB\n-----END PRIVATE KEY-----", false),
            ("MIIBAQAB", false),
        ] {
            assert_eq!(is_pem_on_one_line(one, block), expected, "{one}");
            assert!(!is_pem_on_one_line(block, one), "{one}");
        }
    }
}
