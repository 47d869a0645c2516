//! Writes strings, keys and comments of TOML.

use std::fmt::Write;

/// Returns a TOML basic string. Invisible characters and those that change the text direction are escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if is_hidden(character) => escape(character, &mut quoted),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns a bare key if TOML allows it, otherwise a quoted one.
pub(super) fn key(text: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !text.is_empty() && text.bytes().all(is_bare) { text.to_owned() } else { quoted(text) }
}

/// Returns untrusted text for a comment. It can't contain a line break, so it can't end the comment.
pub(super) fn comment(text: &str) -> String {
    text.chars().map(|character| if is_hidden(character) { '\u{fffd}' } else { character }).collect()
}

fn is_hidden(character: char) -> bool {
    let is_unseen = matches!(
        character,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    is_unseen || character.is_control()
}

fn escape(character: char, quoted: &mut String) {
    let written = write!(quoted, "\\U{:08X}", u32::from(character));
    debug_assert!(written.is_ok(), "writing to a String can't fail");
}
