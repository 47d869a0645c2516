//! Every encoded text was produced with Python's `base64`, `json` and `urllib.parse`.

use super::{ODD, PASSPHRASE, RANDOM, TILDES};
use crate::drift::Secret;
use crate::drift::trace::occurrences::{Irreplaceable, replace};

const NEW: &str = "n3w/of+shop=";

/// A row: the old value, the new one, the text, and the text afterwards.
fn check(rows: &[(&str, &str, &str, &str)]) {
    for (old, new, text, expected) in rows {
        let result = replace(text, &Secret::new(*old), &Secret::new(*new)).unwrap();
        assert_eq!(result.as_ref().map(Secret::expose), Some(*expected), "{text}");
    }
}

#[test]
fn percent_encoding_keeps_its_style() {
    check(&[
        (RANDOM, NEW, "amqps://u:Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc0%3D%3D@h.dev", "amqps://u:n3w%2Fof%2Bshop%3D@h.dev"),
        (RANDOM, NEW, "amqps://u:Zq8v%2bT3nLr6%2fXwPk2JmB9sYd4Hc0%3d%3d@h.dev", "amqps://u:n3w%2fof%2bshop%3d@h.dev"),
        (RANDOM, NEW, "https://h.dev/?t=Zq8v%2BT3nLr6/XwPk2JmB9sYd4Hc0==&x", "https://h.dev/?t=n3w/of%2Bshop=&x"),
        (RANDOM, NEW, "https://h.dev/Zq8v%2BT3nLr6/XwPk2JmB9sYd4Hc0%3D=/x", "https://h.dev/n3w/of%2Bshop=/x"),
        (RANDOM, "a b", "https://h.dev/Zq8v+T3nLr6%2FXwPk2JmB9sYd4Hc0%3D%3D/x", "https://h.dev/a%20b/x"),
        (
            RANDOM,
            "Zq8a",
            "a=%5a%71%38%76%2b%54%33%6e%4c%72%36%2f%58%77%50%6b%32%4a%6d%42%39%73%59%64%34%48%63%30%3d%3d",
            "a=%5a%71%38a",
        ),
        (ODD, "a b+c", "https://h.dev/?q=it%27s+%22%3C%C3%BC%3E%22+%26+a%2Fb&x+y", "https://h.dev/?q=a+b%2Bc&x+y"),
        (ODD, "a b+c", "https://h.dev/?q=it%27s%20%22%3C%C3%BC%3E%22%20%26%20a%2Fb", "https://h.dev/?q=a%20b%2Bc"),
        (ODD, "100% é", "a=1&q=it%27s+%22%3c%C3%bc%3e%22+%26+a%2fb&b", "a=1&q=100%25+%c3%a9&b"),
        ("100%-d w9", "x%41y9", "https://h.dev/?q=100%-d%20w9", "https://h.dev/?q=x%2541y9"),
        ("one two & three", "a & b#", "https://h.dev/?q=one%20two%20&%20three", "https://h.dev/?q=a%20&%20b%23"),
        ("one two three", "a b+c", "q=one+two+three", "q=a+b%2Bc"),
        ("one two three", "a b", "q=one%20two%20three&r=x+y", "q=a%20b&r=x+y"),
        // `%FF` is not UTF-8.
        ("<k3y-of-shop>", "n3w", "https://h.dev/?q=%FF%C3%BC%3Ck3y-of-shop%3E%FF", "https://h.dev/?q=%FF%C3%BCn3w%FF"),
        (
            RANDOM,
            NEW,
            "https://a.dev/?to=https%3A%2F%2Fu%3AZq8v%252BT3nLr6%252FXwPk2JmB9sYd4Hc0%253D%253D%40h.dev%2F",
            "https://a.dev/?to=https%3A%2F%2Fu%3An3w%252Fof%252Bshop%253D%40h.dev%2F",
        ),
        (
            PASSPHRASE,
            NEW,
            "https://a.dev/?to=https%3A%2F%2Fu%3Ax%40h.dev%2Fhook%2Fstaging-ops-step3-key-2026",
            "https://a.dev/?to=https%3A%2F%2Fu%3Ax%40h.dev%2Fhook%2Fn3w%252Fof%252Bshop%253D",
        ),
    ]);
}

#[test]
fn json_keeps_its_style() {
    check(&[
        (
            RANDOM,
            "a\"b\\c\n\t\u{1}ü/",
            r#" {"k":"Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0=="} "#,
            r#" {"k":"a\"b\\c\n\t\u0001ü/"} "#,
        ),
        (RANDOM, "a \r\u{8}\u{c}b", r#"{"k": "Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0=="}"#, r#"{"k": "a \r\b\fb"}"#),
        (RANDOM, "a/b", r#"{"k": "Zq8v+T3nLr6\/XwPk2JmB9sYd4Hc0==", "l": "x"}"#, r#"{"k": "a\/b", "l": "x"}"#),
        (PASSPHRASE, "a/b", r#"{"k": "staging-ops-step3-key-2026", "l": "\/"}"#, r#"{"k": "a\/b", "l": "\/"}"#),
        (
            PASSPHRASE,
            "é😀",
            r#"{"k": "staging-ops-step3-key-2026", "l": "\u00fc"}"#,
            r#"{"k": "\u00e9\ud83d\ude00", "l": "\u00fc"}"#,
        ),
        (
            PASSPHRASE,
            "é😀",
            r#"{"k": "staging-ops-step3-key-2026", "l": "\u00FC"}"#,
            r#"{"k": "\u00E9\uD83D\uDE00", "l": "\u00FC"}"#,
        ),
        (
            PASSPHRASE,
            "<é>",
            r#"{"k": "staging-ops-step3-key-2026", "l": "\u00fc"}"#,
            r#"{"k": "<\u00e9>", "l": "\u00fc"}"#,
        ),
        (PASSPHRASE, "é", r#"{"k": "staging-ops-step3-key-2026", "l": "ü\u00fc"}"#, r#"{"k": "é", "l": "ü\u00fc"}"#),
        (ODD, "<a&b>", r#"{"k": "it's \"\u003cü\u003e\" \u0026 a/b"}"#, r#"{"k": "\u003ca\u0026b\u003e"}"#),
        ("one\ntwo-lines", "three\nlines", r#"{"pem": "one\ntwo-lines"}"#, r#"{"pem": "three\nlines"}"#),
        ("one\\ntwo-lines", "three\\nlines", r#"{"pem": "one\ntwo-lines"}"#, r#"{"pem": "three\nlines"}"#),
        ("4111111111111111", "5111111111111111", r#"{"card": 4111111111111111}"#, r#"{"card": 5111111111111111}"#),
        ("4111111111111111", "[5, 6]", r#"{"card": 4111111111111111}"#, r#"{"card": [5, 6]}"#),
        (PASSPHRASE, "n3w", r#"{"staging-ops-step3-key-2026": "${{shared.X}}"}"#, r#"{"n3w": "${{shared.X}}"}"#),
        (r#"{"k": "v4lue"}"#, r#"{"l": 1}"#, r#"[{"k": "v4lue"}, 1]"#, r#"[{"l": 1}, 1]"#),
        (
            RANDOM,
            "a\"b",
            "\"{\\\"key\\\": \\\"Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==\\\"}\"",
            "\"{\\\"key\\\": \\\"a\\\\\\\"b\\\"}\"",
        ),
        (
            PASSPHRASE,
            "a/b",
            r#"{"u": "https:\/\/u:staging-ops-step3-key-2026@h.dev\/"}"#,
            r#"{"u": "https:\/\/u:a%2Fb@h.dev\/"}"#,
        ),
        (
            RANDOM,
            NEW,
            "a=1&c=%7B%22key%22%3A+%22Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc0%3D%3D%22%7D",
            "a=1&c=%7B%22key%22%3A+%22n3w%2Fof%2Bshop%3D%22%7D",
        ),
    ]);
    for (old, new, text) in [
        ("4111111111111111", "n3w", r#"{"card": 4111111111111111}"#),
        ("one\\ntwo-lines", "thr\"ee", r#"{"pem": "one\ntwo-lines"}"#),
        (r#"{"k": "v4lue"}"#, "n3w", r#"[{"k": "v4lue"}, 1]"#),
        (PASSPHRASE, "n3w key", r#"{"auth": "Bearer staging-ops-step3-key-2026"}"#),
    ] {
        assert_eq!(replace(text, &Secret::new(old), &Secret::new(new)), Err(Irreplaceable::Unencodable), "{text}");
    }
}

#[test]
fn base64_keeps_alphabet_and_padding() {
    let other = "9w~?~>2?x7~~1";
    check(&[
        (TILDES, other, "eDl+Pz53N35+P3Ey", "OXd+P34+Mj94N35+MQ=="),
        (TILDES, other, "eDl-Pz53N35-P3Ey", "OXd-P34-Mj94N35-MQ"),
        (TILDES, other, "YTp4OX4/Pnc3fn4/cTI=", "YTo5d34/fj4yP3g3fn4x"),
        (TILDES, other, "YTp4OX4_Pnc3fn4_cTI", "YTo5d34_fj4yP3g3fn4x"),
        (TILDES, other, "v1/YTp4OX4/Pnc3fn4/cTI=", "v1/YTo5d34/fj4yP3g3fn4x"),
        (TILDES, other, "eDl-Pz53N35-P3Ey=1", "OXd-P34-Mj94N35-MQ=1"),
        (TILDES, other, "prefix-eDl-Pz53N35-P3Ey_suffix", "prefix-OXd-P34-Mj94N35-MQ_suffix"),
        (TILDES, other, "v1/YWJjOng5fj8+dzd+fj9xMiB0YWls", "v1/YWJjOjl3fj9+PjI/eDd+fjEgdGFpbA=="),
        (TILDES, other, "key_YTp4OX4_Pnc3fn4_cTIgdGFpbA==", "key_YTo5d34_fj4yP3g3fn4xIHRhaWw="),
        (TILDES, other, "https://h.dev/ab/YWI6eDl-Pz53N35-P3Ey/x", "https://h.dev/ab/YWI6OXd-P34-Mj94N35-MQ/x"),
        (PASSPHRASE, other, "c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY=", "OXd+P34+Mj94N35+MQ=="),
        (PASSPHRASE, other, "c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY", "OXd-P34-Mj94N35-MQ"),
        (
            PASSPHRASE,
            other,
            "https://h.dev/?k=c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY=&x=1",
            "https://h.dev/?k=OXd-P34-Mj94N35-MQ==&x=1",
        ),
        (
            PASSPHRASE,
            other,
            "https://h.dev/?k=c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY%3d",
            "https://h.dev/?k=OXd-P34-Mj94N35-MQ%3d%3d",
        ),
        (TILDES, "9w~>x~>7", "https://h.dev/?k=YTp4OX4/Pnc3fn4/cTI=", "https://h.dev/?k=YTo5d34%2BeH4%2BNw=="),
        (
            RANDOM,
            NEW,
            "https://a.dev/?c=eDpacTh2K1QzbkxyNi9Yd1BrMkptQjlzWWQ0SGMwPT0%3D&d",
            "https://a.dev/?c=eDpuM3cvb2Yrc2hvcD0%3D&d",
        ),
        (RANDOM, NEW, "Basic YXBwOlpxOHYrVDNuTHI2L1h3UGsySm1COXNZZDRIYzA9PQ==", "Basic YXBwOm4zdy9vZitzaG9wPQ=="),
        (
            RANDOM,
            other,
            "a=b+c&key=WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09&d=e",
            "a=b+c&key=OXd%2BP34%2BMj94N35%2BMQ%3D%3D&d=e",
        ),
        (RANDOM, ODD, "Basic+YXBwOlpxOHYrVDNuTHI2L1h3UGsySm1COXNZZDRIYzA9PQ==", "Basic+YXBwOml0J3MgIjzDvD4iICYgYS9i"),
        (RANDOM, "a:b", "Basic YXBwOlpxOHYrVDNuTHI2L1h3UGsySm1COXNZZDRIYzA9PQ==", "Basic YXBwOmE6Yg=="),
        ("app:s3cr3t-x", "web:n3w-x", "Basic YXBwOnMzY3IzdC14", "Basic d2ViOm4zdy14"),
        (RANDOM, NEW, "Basic WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09Og==", "Basic bjN3L29mK3Nob3A9Og=="),
        (
            RANDOM,
            NEW,
            r#"{"p": [{"key_b64": "WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09", "t": 3}]}"#,
            r#"{"p": [{"key_b64": "bjN3L29mK3Nob3A9", "t": 3}]}"#,
        ),
        (RANDOM, NEW, "eyJrZXkiOiAiWnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09In0=", "eyJrZXkiOiAibjN3L29mK3Nob3A9In0="),
        (
            PASSPHRASE,
            NEW,
            "eyJhbGciOiAibm9uZSJ9.eyJrIjogInN0YWdpbmctb3BzLXN0ZXAzLWtleS0yMDI2In0.c2ln",
            "eyJhbGciOiAibm9uZSJ9.eyJrIjogIm4zdy9vZitzaG9wPSJ9.c2ln",
        ),
    ]);
    let rejected =
        replace("Basic WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09Og==", &Secret::new(RANDOM), &Secret::new("n3w:value"));
    assert_eq!(rejected, Err(Irreplaceable::Unencodable), "a user name has no colon");
}

#[test]
fn wrapped_base64_is_wrapped_again() {
    for line_break in ["\n", "\r\n"] {
        let text = "eyJjbGllbnQiOiAiYWNtZS13ZWIiLCAicHJpdmF0ZSI6ICJzdGFnaW5nLW9wcy1zdGVwMy1rZXkt\n\
                    MjAyNiIsICJtb3JlIjogInh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\n\
                    eHh4eHh4eHh4eHh4eHh4eHh4eCJ9\n";
        let expected = "eyJjbGllbnQiOiAiYWNtZS13ZWIiLCAicHJpdmF0ZSI6ICJuM3ctdmFsdWUtb2Ytc2hvcCIsICJt\n\
                        b3JlIjogInh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\n\
                        eHh4eHh4eHh4eCJ9\n";
        let full_lines = "eyJjbGllbnQiOiAiYWNtZS13ZWIiLCAicHJpdmF0ZSI6ICJuM3ctdiIsICJtb3JlIjogInh4eHh4\n\
                          eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eCJ9\n";
        let padded = "eyJjbGllbnQiOiAiYWNtZS13ZWIiLCAicHJpdmF0ZSI6ICJuM3ctdmFsdWUtb2Ytc2hvcC0xIiwg\n\
                      Im1vcmUiOiAieHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\n\
                      eHh4eHh4eHh4eHh4In0=\n";
        let [text, expected, full_lines, padded] =
            [text, expected, full_lines, padded].map(|text| text.replace('\n', line_break));
        check(&[
            (PASSPHRASE, "n3w-value-of-shop", &text, &expected),
            (PASSPHRASE, "n3w-v", &text, &full_lines),
            (PASSPHRASE, "n3w-value-of-shop-1", &text, &padded),
            ("n3w-value-of-shop-1", PASSPHRASE, &padded, &text),
        ]);
    }
}

#[test]
fn only_the_base64_itself_is_encoded_again() {
    check(&[
        // The next character could encode a question mark, and so it does.
        ("k3y-of-shop-x1", "n3w-k3y", "azN5LW9mLXNob3AteDE/bW9yZSB0ZXh0", "bjN3LWszeT9tb3JlIHRleHQ="),
        // The characters after the slash decode to text by chance.
        (PASSPHRASE, "n3w-key", "YWI6c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY/aa/api", "YWI6bjN3LWtleQ/aa/api"),
        // The bytes after the value's text are not text, but those behind them are.
        (PASSPHRASE, "n3w-key", "YTpzdGFnaW5nLW9wcy1zdGVwMy1rZXktMjAyNg/DqXh5eg==", "YTpuM3cta2V5/DqXh5eg=="),
        // Short lines are separate texts.
        (
            "s3cr3t-k9",
            "n3w-value-of-9",
            "aWQ6IHMzY3IzdC1rOTsgYWJj\nc2Vjb25kIGxpbmUgb2YgMThi",
            "aWQ6IG4zdy12YWx1ZS1vZi05OyBhYmM=\nc2Vjb25kIGxpbmUgb2YgMThi",
        ),
        // A word on the next line does not continue base64 if it would not be complete.
        (
            "s3cr3t-k9",
            "n3w-k9",
            "b25lIGxpbmUgb2YgNDggYnl0ZXM6IHMzY3IzdC1rOSwgYW5kIGEgZnVsbCBzdG9w\na",
            "b25lIGxpbmUgb2YgNDggYnl0ZXM6IG4zdy1rOSwgYW5kIGEgZnVsbCBzdG9w\na",
        ),
        // Lines of different lengths are separate texts.
        (
            "s3cr3t-k9",
            "n3w-value-of-9",
            "ICAgZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmYgZmlyc3QgbGluZTog\n\
             azogczNjcjN0LWs5OiB4Li4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4u\n\
             IHRoaXJkLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4u",
            "ICAgZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmYgZmlyc3QgbGluZTog\n\
             azogbjN3LXZhbHVlLW9mLTk6IHguLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4=\n\
             IHRoaXJkLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4u",
        ),
    ]);
}

#[test]
fn value_that_forms_an_escape_is_refused() {
    for (old, new, text) in [
        ("zz-top-k3y", "41-n3w-k3y", "https://h.dev/?q=a%20%zz-top-k3y"),
        ("zz top&k3y", "41-n3w-k3y", "https://h.dev/?q=a%20%zz%20top&k3y"),
    ] {
        assert_eq!(replace(text, &Secret::new(old), &Secret::new(new)), Err(Irreplaceable::Unencodable), "{text}");
    }
}
