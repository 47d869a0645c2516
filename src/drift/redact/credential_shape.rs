//! Finds text that looks like a credential, whether or not its value is known.

/// Prefixes with which issuers mark credentials.
const PREFIXES: [&str; 24] = [
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "whsec_",
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "npm_",
    "pypi-",
    "dop_v1_",
    "shpat_",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
];

/// The number of characters after the prefix, at least.
const SHORTEST_REST: usize = 12;

/// Returns the byte ranges of credentials: words with a known prefix, and the user info of URLs.
pub(in crate::drift) fn find(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    tokens(text).chain(passwords(text))
}

/// Returns whether the whole text is one credential with a known prefix.
pub(in crate::drift) fn is_credential(text: &str) -> bool {
    tokens(text.as_bytes()).next() == Some((0, text.len()))
}

fn tokens(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut end = 0;
    (0..text.len()).filter_map(move |start| {
        if start < end || start > 0 && text[start - 1].is_ascii_alphanumeric() {
            return None;
        }
        let prefix = PREFIXES.iter().find(|prefix| text[start..].starts_with(prefix.as_bytes()))?;
        end = start + text[start..].iter().take_while(|byte| is_token(**byte)).count();
        (end - start >= prefix.len() + SHORTEST_REST).then_some((start, end))
    })
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte)
}

/// Returns the text between `://` and the last `@` of a word, because a password may contain an `@` or `/`.
fn passwords(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut offset = 0;
    text.split_inclusive(|byte| is_delimiter(*byte)).filter_map(move |word| {
        let word_start = offset;
        offset += word.len();
        let start = word.windows(3).position(|window| window == b"://")? + 3;
        let end = start + word[start..].iter().rposition(|byte| *byte == b'@')?;
        (start < end).then_some((word_start + start, word_start + end))
    })
}

/// Returns whether the byte ends a word: whitespace, and punctuation around a URL.
fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`,;()<>".contains(&byte)
}

#[cfg(test)]
mod tests {
    use crate::drift::redact::credential_shape::{find, is_credential};

    #[test]
    fn credentials_are_recognized_by_shape() {
        for (text, expected) in [
            ("token \"ghp_0123456789abcdef\" is bad", vec!["ghp_0123456789abcdef"]),
            ("key=sk_live_0123456789ab&x=1", vec!["sk_live_0123456789ab"]),
            ("at postgres://u:p@ss@db.internal:5432/x", vec!["u:p@ss"]),
            ("<amqp://u:p@a>, redis://:q@b", vec!["u:p", ":q"]),
            ("sk- is a prefix, eyJ too", vec![]),
            ("risk-assessment-of-today", vec![]),
            ("https://railway.com/account", vec![]),
            ("mail a@b.com, see https://x", vec![]),
        ] {
            let found: Vec<&str> = find(text.as_bytes()).map(|(start, end)| &text[start..end]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
    #[test]
    fn credential_is_the_whole_text() {
        for (text, expected) in [
            ("ghp_0123456789abcdef", true),
            ("sk_live_0123456789ab", true),
            ("key=sk_live_0123456789ab", false),
            ("sk_live_0123456789ab,sk_live_0123456789cd", false),
            ("sk_live_", false),
            ("4f1c9a77b2d04e55", false),
            ("postgres://u:p@db.internal", false),
            ("", false),
        ] {
            assert_eq!(is_credential(text), expected, "{text}");
        }
    }
}
