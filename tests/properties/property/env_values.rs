//! Values: dotenvy reads back every value that is written for all loaders, and we and dotenvy read a plain line
//! according to the format.

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::agreed_spelling::agreed;
use railway_doctor::drift::dotenv::{Loader, LocalFile, Spelling};

use super::{dotenvy_oracle, texts};

/// The input is a value or the right-hand side of an assignment, and a comment after it.
pub fn check(data: &[u8]) {
    let Some([text, comment]) = texts(data) else { return };
    check_written_value(&Secret::new(text));
    check_agreed_value(text);
    check_plain_line(text, comment);
}

/// Checks the value of `K` in a text with `K` and `NEXT`, with our readers and dotenvy.
fn assert_value(text: &str, value: &str) {
    let file = LocalFile::parse(".env", Secret::new(text));
    let read = |file: &LocalFile| {
        let entry = |key: &str| file.entry(key).map(|entry| entry.value.expose().to_owned());
        [entry("K"), entry("NEXT")]
    };
    let wanted = [Some(value.to_owned()), Some("1".to_owned())];
    assert_eq!(read(&file), wanted, "as written: {text:?}");
    assert!(file.disagreements().is_empty(), "the loaders disagree: {text:?}");
    for loader in Loader::ALL {
        assert_eq!(read(&file.read_as(loader)), wanted, "{loader:?}: {text:?}");
    }
    if let Some(assignments) = dotenvy_oracle::dotenvy(text) {
        let wanted = [("K".to_owned(), value.to_owned()), ("NEXT".to_owned(), "1".to_owned())];
        assert_eq!(assignments, wanted, "dotenvy: {text:?}");
    }
}

fn check_written_value(value: &Secret) {
    if let Some(spelling) = Spelling::of(value) {
        let text = format!("K={}\nNEXT=1\n", *spelling.write(value));
        assert_value(&text, value.expose());
        // A NUL is reported as a flaw, because no environment variable can contain it.
        assert!(is_sound(&text) || value.expose().contains('\0'), "a line is reported as broken: {text:?}");
    }
}

fn is_sound(text: &str) -> bool {
    LocalFile::parse(".env", Secret::new(text)).problems.is_empty()
}

fn check_agreed_value(right_hand_side: &str) {
    if let Some(value) = agreed(right_hand_side) {
        assert_value(&format!("K={right_hand_side}\nNEXT=1\n"), value.expose());
    }
}

/// Three notations that all loaders read alike, as the format defines them.
fn check_plain_line(value: &str, comment: &str) {
    if value.contains(|character: char| !matches!(character, ' '..='~') && !character.is_alphabetic())
        || value.contains(['\'', '"', '`', '\\', '$'])
        || comment
            .contains(|character: char| character.is_control() || "'\"`\u{85}\u{2028}\u{2029}".contains(character))
    {
        return;
    }
    let is_bare = |character: char| character.is_ascii_alphanumeric() || "_./:@%+,=^-".contains(character);
    let suffix = if comment.is_empty() { String::new() } else { format!(" # {comment}") };
    for quote in ["", "'", "\""] {
        if quote.is_empty() && !value.chars().all(is_bare) {
            continue;
        }
        // Some loaders read an empty unquoted value and its comment as one word.
        let suffix = if quote.is_empty() && value.is_empty() { "" } else { &suffix };
        for (start, end) in [("", "\n"), ("export ", "\n"), ("", "\r\n"), ("# x\n\n", "\n")] {
            let text = format!("{start}K={quote}{value}{quote}{suffix}{end}NEXT=1{end}");
            assert_value(&text, value);
            assert!(is_sound(&text), "a line is reported as broken: {text:?}");
        }
    }
}
