//! Where the new value comes from, and which values are rejected.

use crate::commands::tests::rotate::{ENV_FILE, NEW, OLD, running, shop};
use crate::commands::tests::sandbox::Sandbox;
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

fn one() -> Sandbox {
    Sandbox::of([running("api", &[("API_KEY", OLD)])]).file(".env", ENV_FILE)
}

#[test]
fn generated_value_has_the_requested_form() {
    for (spec, length, allowed) in [
        ("hex:32", 64, "0123456789abcdef"),
        ("alnum:40", 40, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
        ("uuid", 36, "0123456789abcdef-"),
    ] {
        let sandbox = one();
        let ended = sandbox.run(&["rotate", "API_KEY", "--generate", spec, "--yes"]);
        assert_eq!(ended.code, 0, "{spec}: {ended:?}");
        let value = sandbox.stored("api", "API_KEY").expect("it is stored");
        assert_eq!(value.len(), length, "{spec}");
        assert!(value.chars().all(|letter| allowed.contains(letter)), "{spec}");
        assert!(sandbox.text(".env").contains(&value), "{spec}: the file has the same value");
        assert!(!ended.text().contains(&value), "{spec}");
    }
}

#[test]
fn one_final_newline_of_standard_input_is_removed() {
    for (piped, stored) in [("value-0123456789\n", "value-0123456789"), ("value-0123456789\r\n", "value-0123456789")] {
        let sandbox = one();
        let ended = sandbox.answered(&["rotate", "API_KEY", "--stdin", "--yes"], vec![PreparedAnswer::Line(piped)]);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_eq!(sandbox.stored("api", "API_KEY").as_deref(), Some(stored));
    }
}

#[test]
fn unusable_values_are_rejected_before_anything_is_written() {
    for value in [
        "",
        "  ",
        "changeme",
        "${{shared.OTHER}}",
        "op://vault/item/key",
        "API_KEY=pT41c-uYw8rGh65ZsXe",
        "two-newlines-0123\n\n",
        "\"quoted-0123456789\"",
        OLD,
    ] {
        let sandbox = one();
        let ended = sandbox.answered(&["rotate", "API_KEY", "--stdin", "--yes"], vec![PreparedAnswer::Line(value)]);
        assert_eq!(ended.code, 2, "{value:?}: {ended:?}");
        ended.assert_shows("error: the new value was rejected");
        assert_eq!(sandbox.mutations(), [""; 0], "{value:?}");
        assert_eq!(sandbox.text(".env"), ENV_FILE, "{value:?}");
    }
}

#[test]
fn typed_value_is_repeated_until_both_are_equal() {
    let sandbox = one().at_a_terminal();
    let line = PreparedAnswer::Line;
    let answers = vec![
        line("changeme"),
        line(NEW),
        line("a-typing-error-1"),
        line(NEW),
        line(NEW),
        PreparedAnswer::Reply(YesNo::Yes),
    ];
    let ended = sandbox.answered(&["rotate", "API_KEY"], answers);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.assert_shows("The value is not accepted: ");
    ended.assert_shows("The two values differ.");
    assert_eq!(sandbox.stored("api", "API_KEY").as_deref(), Some(NEW));
    for answers in [vec![PreparedAnswer::Back], vec![line(NEW), PreparedAnswer::Back]] {
        let sandbox = one().at_a_terminal();
        let ended = sandbox.answered(&["rotate", "API_KEY"], answers);
        assert_eq!((ended.code, sandbox.mutations().len()), (2, 0), "{ended:?}");
    }
}

#[test]
fn missing_source_of_the_value_is_refused_without_a_request() {
    let sandbox = shop();
    for words in [&["rotate", "API_KEY"][..], &["rotate", "API_KEY", "--yes"]] {
        let ended = sandbox.run(words);
        assert_eq!(ended.code, 2, "{words:?}: {ended:?}");
        ended.assert_shows("no new value");
    }
    let ended = sandbox.run(&["rotate", "API_KEY", "--generate", "base32:4", "--yes"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    ended.assert_shows("invalid --generate");
    assert_eq!(sandbox.sim.count(), 0);
}
