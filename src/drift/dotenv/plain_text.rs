//! Recognises text that every loader reads alike, so that it need not be parsed by each of them: for a large file,
//! their readings take more memory than everything else.

use crate::drift::dotenv::LocalFile;

/// Returns whether all loaders certainly read the same values. It knows only the simplest forms of a line, so `false`
/// means nothing.
pub fn is_plain(file: &LocalFile) -> bool {
    // A key that is assigned twice has its first value for dotenvy, and its last one for the others.
    file.entries.len() == file.keys().count() && has_plain_lines(file.text().expose())
}

/// Returns whether all loaders certainly read the same assignments from the text. A key may be assigned twice.
pub fn has_plain_lines(text: &str) -> bool {
    text.lines().all(is_plain_line) && !text.contains('\r')
}

fn is_plain_line(line: &str) -> bool {
    if line.is_empty() {
        return true;
    }
    if let Some(comment) = line.strip_prefix('#') {
        return comment.bytes().all(|byte| byte == b' ' || is_of_name(byte) || b"-.,:/".contains(&byte));
    }
    let Some((key, value)) = line.split_once('=') else { return false };
    // node's dotenv loses a key that is the prototype of its object.
    key != "__proto__"
        && key.bytes().all(is_of_name)
        && key.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic())
        && is_plain_value(value.as_bytes())
}

/// Returns whether the right-hand side is a value without quotes, or between quotes of one kind, and has only characters
/// that mean nothing to any loader.
fn is_plain_value(value: &[u8]) -> bool {
    let is_plain = |byte: u8| is_of_name(byte) || b"-./:+@,%?&~=".contains(&byte);
    match value {
        [b'\'', quoted @ .., b'\''] | [b'"', quoted @ .., b'"'] => {
            quoted.iter().all(|&byte| byte == b' ' || is_plain(byte))
        }
        bare => !bare.is_empty() && bare.iter().all(|&byte| is_plain(byte)),
    }
}

fn is_of_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use proptest::{prop_assert, prop_assert_eq};

    use crate::drift::Secret;
    use crate::drift::dotenv::LocalFile;
    use crate::drift::dotenv::disagreement::find_by_parsing;
    use crate::drift::dotenv::literal::are_equal;
    use crate::drift::dotenv::loader::{Body, Substitution};
    use crate::drift::dotenv::plain_text::{has_plain_lines, is_plain};
    use crate::drift::dotenv::python_reader::Edition;

    /// Comments, blank lines, and the three forms of a value.
    const PLAIN: &str = "((# [a-z .,:/-]{0,9}|[A-C_][A-Z0-9_]{0,3}=([a-zA-Z0-9./:+@,%?&~_=-]{1,9}\
                         |'[a-zA-Z0-9 ./:+@,%?&~_=-]{0,9}'|\"[a-zA-Z0-9 ./:+@,%?&~_=-]{0,9}\"))?\n){0,5}";

    fn file(text: &str) -> LocalFile {
        LocalFile::parse(".env", Secret::new(text))
    }

    #[test]
    fn only_the_simplest_lines_are_plain() {
        for (text, expected) in [
            ("", true),
            ("# a comment: see docs/x.md\n\nA=1\nB_2=https://x.dev/y?z=1", true),
            ("A='two words'\nB=\" x \"\nC=''\nD==\n", true),
            ("__proto__=1\n", false),
            ("A='\n", false),
            ("A='x\"\n", false),
            ("A='it's'\n", false),
            ("A='x' \n", false),
            ("A='x#y'\n", false),
            ("A=\"$B\"\n", false),
            ("A=\"\\n\"\n", false),
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
        fn loaders_read_plain_text_alike(text in PLAIN) {
            prop_assert!(has_plain_lines(&text));
            let file = file(&text);
            if is_plain(&file) {
                prop_assert_eq!(find_by_parsing(&file).len(), 0);
                prop_assert!(file.problems.is_empty());
            }
        }

        #[test]
        fn python_and_node_read_the_same_assignments_from_plain_text(text in PLAIN) {
            let body = Body::of(&text);
            let python = body.python(Edition::Current, Substitution::Off);
            prop_assert!(are_equal(&python.bindings, &body.node()));
        }

        #[test]
        fn arbitrary_text_is_plain_only_if_loaders_agree(text in "[A-B=1#'\" \n\r$\\\\`:.]{0,12}") {
            let file = file(&text);
            prop_assert!(!is_plain(&file) || find_by_parsing(&file).is_empty());
            let body = Body::of(&text);
            let python = body.python(Edition::Current, Substitution::Off);
            prop_assert!(!has_plain_lines(&text) || are_equal(&python.bindings, &body.node()));
        }
    }
}
