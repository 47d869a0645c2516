//! Texts that would take long with a naive search. Quadratic work would take minutes here.

use super::{PASSPHRASE, RANDOM};
use crate::drift::Secret;
use crate::drift::trace::occurrences::{find, replace};

/// About this many bytes.
const SIZE: usize = 1 << 17;

fn repeated(piece: &str) -> String {
    piece.repeat(SIZE / piece.len())
}

#[test]
fn hostile_text_takes_linear_time() {
    for piece in [
        "a",
        "/",
        "-",
        "%",
        "%25",
        "%2525",
        "%41",
        "+",
        "=",
        "\\",
        "\"",
        "{",
        "[",
        "://",
        "a://",
        "a://b@",
        ",a://",
        "${{",
        "${{a}}",
        "a/b-c_d+",
        "c3RhZ2luZy1vcHMt",
        "YWJj/",
        "YWJj\n",
        "c3RhZ2luZy1vcHMt\n",
        "Basic YTpi ",
        "&=",
        "\u{fc}",
        "staging-ops-step3-key-202",
        "x://u:p?",
        "; a",
        "=+%20",
    ] {
        assert_eq!(find(&repeated(piece), &Secret::new(PASSPHRASE)), [], "{piece}");
        assert_eq!(find(&repeated(piece), &Secret::new("aaaaaaaaaaaab")), [], "{piece}");
        find(&repeated(piece), &Secret::new("aaaaaaaaaaaaa"));
    }
}

#[test]
fn hostile_json_takes_linear_time() {
    let escaped =
        |depth: usize| (0..depth).fold("\"x\"".to_owned(), |text, _| serde_json::Value::from(text).to_string());
    for text in [
        format!("{}{}", repeated("["), repeated("]")),
        format!("[{}1]", repeated("\"a\\u0041\",")),
        format!("[{}1]", repeated("\"[]\",")),
        format!("{{{}\"\":0}}", repeated("\"%2541\":\"c3RhZ2luZy1vcHMt\",")),
        escaped(16),
    ] {
        assert_eq!(find(&text, &Secret::new(PASSPHRASE)), []);
    }
}

#[test]
fn many_occurrences_are_replaced_in_linear_time() {
    for (piece, new) in [
        ("Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0== ", "n3w-value "),
        ("https://h.dev/?t=Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0== ", "https://h.dev/?t=n3w-value "),
        ("a=Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc0%3D%3D&", "a=n3w-value&"),
        ("WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09,", "bjN3LXZhbHVl,"),
    ] {
        let result = replace(&piece.repeat(10_000), &Secret::new(RANDOM), &Secret::new("n3w-value"));
        assert!(result.unwrap().is_some_and(|text| text.expose() == new.repeat(10_000)), "{piece}");
    }
}

#[test]
fn many_variables_are_searched_quickly() {
    let value = Secret::new(RANDOM);
    let found = (0..100_000).map(|number| match number % 5 {
        0 => format!("https://user-{number}:password@database-{number}.railway.internal:5432/{number}"),
        1 => format!("4f1c9a77b2d04e554f1c9a77b2d04e554f1c9a77b2d04e554f1c9a{number}"),
        2 => format!("{{\"number\": {number}, \"name\": \"a name of an object in this array\"}}"),
        3 => format!("a sentence with some words, such as {number}, and a full stop."),
        _ => format!("https://service-{number}.dev/callback?state=a%2Fb%20c&number={number}"),
    });
    assert!(found.map(|text| find(&text, &value)).all(|forms| forms.is_empty()));
}
