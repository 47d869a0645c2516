//! Recognises text that every loader reads alike, so that it need not be parsed by each of them: for a large file,
//! their readings take more memory than everything else.

use crate::drift::dotenv::LocalFile;

/// Returns whether all loaders certainly read the same values. It knows only the simplest form of a line, so `false`
/// means nothing.
pub fn is_plain(file: &LocalFile) -> bool {
    let text = file.text().expose();
    // A key that is assigned twice has its first value for dotenvy, and its last one for the others.
    text.lines().all(is_plain_line) && !text.contains('\r') && file.entries.len() == file.keys().count()
}

fn is_plain_line(line: &str) -> bool {
    if line.is_empty() {
        return true;
    }
    if let Some(comment) = line.strip_prefix('#') {
        return comment.bytes().all(|byte| byte == b' ' || byte.is_ascii_alphanumeric() || b"_-.,:/".contains(&byte));
    }
    let Some((key, value)) = line.split_once('=') else { return false };
    let is_name = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    let is_key = key.bytes().all(is_name) && key.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic());
    is_key && !value.is_empty() && value.bytes().all(|byte| is_name(byte) || b"-./:+@,%?&~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use proptest::{prop_assert, prop_assert_eq};

    use crate::drift::Secret;
    use crate::drift::dotenv::LocalFile;
    use crate::drift::dotenv::disagreement::find_by_parsing;
    use crate::drift::dotenv::plain_text::is_plain;

    fn file(text: &str) -> LocalFile {
        LocalFile::parse(".env", Secret::new(text))
    }

    #[test]
    fn only_the_simplest_lines_are_plain() {
        for (text, expected) in [
            ("", true),
            ("# a comment: see docs/x.md\n\nA=1\nB_2=https://x.dev/y?z=1", false),
            ("# a comment: see docs/x.md\n\nA=1\nB_2=https://x.dev/y?z", true),
            ("A=1\nA=1\n", false),
            ("A=\n", false),
            ("A=1\r\n", false),
            ("A= 1\n", false),
            ("export A=1\n", false),
            ("\u{feff}A=1\n", false),
            ("# it's\nA=1\n", false),
        ] {
            assert_eq!(is_plain(&file(text)), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn loaders_read_plain_text_alike(text in "((# [a-z .,:/-]{0,9}|[A-C_][A-Z0-9_]{0,3}=[a-zA-Z0-9./:+@,%?&~_-]{1,9})?\n){0,5}") {
            let file = file(&text);
            if is_plain(&file) {
                prop_assert_eq!(find_by_parsing(&file).len(), 0);
                prop_assert!(file.problems.is_empty());
            }
        }

        #[test]
        fn arbitrary_text_is_plain_only_if_loaders_agree(text in "[A-B=1#'\" \n\r$\\\\`:.]{0,12}") {
            let file = file(&text);
            prop_assert!(!is_plain(&file) || find_by_parsing(&file).is_empty());
        }
    }
}
