//! One value: whatever can be written so that all loaders agree, dotenvy itself reads back; and what a plain line says by the
//! format's own rules is what we and dotenvy read.

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::agreed_spelling::agreed;
use railway_doctor::drift::dotenv::{Loader, LocalFile, Spelling};

use super::{dotenvy_oracle, texts};

/// The input is a value, or the right-hand side of an assignment, and a comment behind it.
pub fn hold(data: &[u8]) {
    let Some([text, comment]) = texts(data) else { return };
    what_is_written_is_read(&Secret::new(text));
    what_all_agree_on_dotenvy_reads(text);
    a_plain_line_means_what_it_says(text, comment);
}

/// Holds a text with `K` and `NEXT` in it to a value, by our readers and by dotenvy.
fn reads(text: &str, value: &str) {
    let file = LocalFile::parse(".env", Secret::new(text));
    let read = |file: &LocalFile| {
        let entry = |key: &str| file.entry(key).map(|entry| entry.value.expose().to_owned());
        [entry("K"), entry("NEXT")]
    };
    let wanted = [Some(value.to_owned()), Some("1".to_owned())];
    assert_eq!(read(&file), wanted, "as written: {text:?}");
    assert!(file.disagreements().is_empty(), "all read it alike: {text:?}");
    for loader in Loader::ALL {
        assert_eq!(read(&file.read_as(loader)), wanted, "{loader:?}: {text:?}");
    }
    if let Some(rows) = dotenvy_oracle::dotenvy(text) {
        let wanted = [("K".to_owned(), value.to_owned()), ("NEXT".to_owned(), "1".to_owned())];
        assert_eq!(rows, wanted, "dotenvy itself: {text:?}");
    }
}

fn what_is_written_is_read(value: &Secret) {
    if let Some(spelling) = Spelling::of(value) {
        let text = format!("K={}\nNEXT=1\n", *spelling.write(value));
        reads(&text, value.expose());
        // A NUL is told as a flaw, because no process environment can hold it.
        assert!(is_sound(&text) || value.expose().contains('\0'), "a line is told to be broken: {text:?}");
    }
}

fn is_sound(text: &str) -> bool {
    LocalFile::parse(".env", Secret::new(text)).flaws.is_empty()
}

fn what_all_agree_on_dotenvy_reads(right_hand_side: &str) {
    if let Some(value) = agreed(right_hand_side) {
        reads(&format!("K={right_hand_side}\nNEXT=1\n"), value.expose());
    }
}

/// Three ways to write a value that no loader has an opinion about: here the format itself says what it is.
fn a_plain_line_means_what_it_says(value: &str, comment: &str) {
    if value.contains(|character: char| !matches!(character, ' '..='~') && !character.is_alphabetic())
        || value.contains(['\'', '"', '`', '\\', '$'])
        || comment
            .contains(|character: char| character.is_control() || "'\"`\u{85}\u{2028}\u{2029}".contains(character))
    {
        return;
    }
    let is_bare = |character: char| character.is_ascii_alphanumeric() || "_./:@%+,=^-".contains(character);
    let behind = if comment.is_empty() { String::new() } else { format!(" # {comment}") };
    for quote in ["", "'", "\""] {
        if quote.is_empty() && !value.chars().all(is_bare) {
            continue;
        }
        // Without quotes, an empty value and a comment are one word to some of them.
        let behind = if quote.is_empty() && value.is_empty() { "" } else { &behind };
        for (start, end) in [("", "\n"), ("export ", "\n"), ("", "\r\n"), ("# x\n\n", "\n")] {
            let text = format!("{start}K={quote}{value}{quote}{behind}{end}NEXT=1{end}");
            reads(&text, value);
            assert!(is_sound(&text), "a line is told to be broken: {text:?}");
        }
    }
}
