//! Every encoded text was produced with Python's `base64`, `json` and `urllib.parse`.

use super::{ODD, PASSPHRASE, RANDOM, TILDES};
use crate::drift::Secret;
use crate::drift::trace::form::Form;
use crate::drift::trace::occurrences::find;

fn check(rows: &[(&str, &str, &[&str])]) {
    for (value, text, expected) in rows {
        let found: Vec<String> = find(text, &Secret::new(*value)).iter().map(Form::description).collect();
        assert_eq!(found, *expected, "{text}");
    }
}

#[test]
fn value_is_found_as_it_is() {
    check(&[
        (RANDOM, RANDOM, &["whole value"]),
        (ODD, ODD, &["whole value"]),
        ("k3y-${{shared.NAME}}-x", "k3y-${{shared.NAME}}-x", &["whole value"]),
        (RANDOM, "Bearer Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==", &["in other text"]),
        (RANDOM, "(Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==)", &["in other text"]),
        (PASSPHRASE, "Server=db;Password=staging-ops-step3-key-2026;Timeout=3", &["in other text"]),
        (PASSPHRASE, "redis-server --requirepass staging-ops-step3-key-2026", &["in other text"]),
        (PASSPHRASE, "key='staging-ops-step3-key-2026'", &["in other text"]),
        (PASSPHRASE, "staging-ops-step3-key-2026\n", &["in other text"]),
        (PASSPHRASE, " staging-ops-step3-key-2026,x staging-ops-step3-key-2026", &["in other text"]),
        (PASSPHRASE, "${{shared.NAME}}:staging-ops-step3-key-2026", &["in other text"]),
        (ODD, "a=it's \"<ü>\" & a/b.", &["in other text"]),
        ("prod-key-1", "prod-key-1 prod-key-12", &["in other text"]),
        ("prod-key-1", "prod-key-12 prod-key-1", &["in other text"]),
        ("-ab-ab-ab", "x-ab-ab-ab-ab", &["in other text"]),
        ("4f1c9a77b2d04e55", "key_4f1c9a77b2d04e55-2", &["in other text"]),
        ("https://hooks.acme.dev/in", "https://a.dev,https://hooks.acme.dev/in", &["in other text"]),
        ("postgres://u:s3cr3t-x@h.dev/db", "postgres://u:s3cr3t-x@h.dev/db?pool=5", &["in other text"]),
    ]);
}

#[test]
fn value_is_found_in_each_part_of_a_url() {
    check(&[
        (RANDOM, "amqps://relay:Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==@mq.dev:5671/pay", &["in a URL (password)"]),
        (PASSPHRASE, "amqps://staging-ops-step3-key-2026:@mq.dev", &["in a URL (user)"]),
        (PASSPHRASE, "https://staging-ops-step3-key-2026@mq.dev/", &["in a URL (user)"]),
        (PASSPHRASE, "https://staging-ops-step3-key-2026.mq.dev/", &["in a URL (host)"]),
        (PASSPHRASE, "https://staging-ops-step3-key-2026", &["in a URL (host)"]),
        (PASSPHRASE, "https://h.dev/hooks/staging-ops-step3-key-2026/in", &["in a URL (path)"]),
        (PASSPHRASE, "https://@h.dev/staging-ops-step3-key-2026", &["in a URL (path)"]),
        (PASSPHRASE, "https://h.dev:8080/in@staging-ops-step3-key-2026", &["in a URL (path)"]),
        (RANDOM, "https://h.dev/in?mode=live&token=Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==", &["in a URL (query)"]),
        (PASSPHRASE, "https://h.dev/in?staging-ops-step3-key-2026", &["in a URL (query)"]),
        (PASSPHRASE, "https://h.dev/in#token=staging-ops-step3-key-2026", &["in a URL (fragment)"]),
        (PASSPHRASE, "https://h.dev#staging-ops-step3-key-2026", &["in a URL (fragment)"]),
        (PASSPHRASE, "jdbc:sqlserver://h.dev:1433;user=sa;password=staging-ops-step3-key-2026", &["in a URL (query)"]),
        (
            PASSPHRASE,
            "postgres://${{Db.USER}}:staging-ops-step3-key-2026@h.dev:${{Db.PORT}}/x",
            &["in a URL (password)"],
        ),
        (PASSPHRASE, "https://${{ a.HOST }}/in?t=staging-ops-step3-key-2026", &["in a URL (query)"]),
        ("pa/ss?w0rd", "postgres://u:pa/ss?w0rd@h.dev/db", &["in a URL (password)"]),
        ("pa/ss?w0rd#", "postgres://u:pa/ss?w0rd#@h.dev/db", &["in a URL (password)"]),
        (PASSPHRASE, "https://u:o'neil@h.dev/staging-ops-step3-key-2026", &["in a URL (path)"]),
        ("p@ss/w?rd#1x", "postgres://u:p@ss/w?rd#1x@h.dev/db", &["in a URL (password)"]),
        ("my pass word", "postgres://u:my pass word@h.dev/db", &["in a URL (password)"]),
        (
            PASSPHRASE,
            "http://a.dev:1, https://u:staging-ops-step3-key-2026@b.dev http://c.dev/staging-ops-step3-key-2026",
            &["in a URL (password)", "in a URL (path)"],
        ),
        (PASSPHRASE, "see <https://a.dev/x> staging-ops-step3-key-2026", &["in other text"]),
        (PASSPHRASE, "'https://a.dev/x' staging-ops-step3-key-2026", &["in other text"]),
        (PASSPHRASE, "['https://a.dev/x','staging-ops-step3-key-2026']", &["in other text"]),
        (PASSPHRASE, "<a href=\"https://a.dev/x\">staging-ops-step3-key-2026</a>", &["in other text"]),
        (PASSPHRASE, "https://a.dev/x staging-ops-step3-key-2026", &["in other text"]),
        (PASSPHRASE, "://staging-ops-step3-key-2026", &["in other text"]),
    ]);
}

#[test]
fn percent_encoded_value_is_found() {
    check(&[
        (RANDOM, "amqps://u:Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc0%3D%3D@h.dev/x", &["in a URL (password, percent-encoded)"]),
        (RANDOM, "amqps://u:Zq8v%2bT3nLr6%2fXwPk2JmB9sYd4Hc0%3d%3d@h.dev/x", &["in a URL (password, percent-encoded)"]),
        (RANDOM, "https://h.dev/?t=Zq8v%2BT3nLr6/XwPk2JmB9sYd4Hc0==", &["in a URL (query, percent-encoded)"]),
        (RANDOM, "https://h.dev/Zq8v%2BT3nLr6/XwPk2JmB9sYd4Hc0==/x", &["in a URL (path, percent-encoded)"]),
        (
            RANDOM,
            "https://%5a%71%38%76%2b%54%33%6e%4c%72%36%2f%58%77%50%6b%32%4a%6d%42%39%73%59%64%34%48%63%30%3d%3d@h.dev",
            &["in a URL (user, percent-encoded)"],
        ),
        (RANDOM, "grant=x&secret=Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc0%3D%3D&a=b", &["percent-encoded"]),
        (RANDOM, "Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc0%3D%3D", &["percent-encoded"]),
        (
            RANDOM,
            "https://u:Zq8v%252BT3nLr6%252FXwPk2JmB9sYd4Hc0%253D%253D@h.dev",
            &["in a URL (password, percent-encoded)"],
        ),
        (ODD, "https://h.dev/?q=it%27s%20%22%3C%C3%BC%3E%22%20%26%20a%2Fb", &["in a URL (query, percent-encoded)"]),
        (ODD, "https://h.dev/?q=it's+%22%3C%C3%BC%3E%22+%26+a/b", &["in a URL (query, percent-encoded)"]),
        (ODD, "a=it%27s+%22%3C%C3%BC%3E%22+%26+a%2Fb&b", &["percent-encoded"]),
        ("one two & three", "https://h.dev/?q=one%20two%20&%20three", &["in a URL (query, percent-encoded)"]),
        ("one two three", "q=one+two+three", &["percent-encoded"]),
        (PASSPHRASE, "https://h.dev/?q=Bearer%20staging-ops-step3-key-2026", &["in a URL (query)"]),
        (PASSPHRASE, "https://h.dev/?q=x%2Fstaging-ops-step3-key-2026%26", &["in a URL (query)"]),
        ("p%40ss-w0rd", "postgres://u:p%40ss-w0rd@h.dev", &["in a URL (password)"]),
        (
            RANDOM,
            "https://a.dev/?to=https%3A%2F%2Fu%3AZq8v%252BT3nLr6%252FXwPk2JmB9sYd4Hc0%253D%253D%40h.dev%2F",
            &["in a URL (query, percent-encoded), a URL (password, percent-encoded)"],
        ),
    ]);
}

#[test]
fn value_is_found_in_json() {
    check(&[
        (RANDOM, r#"{"a": {"key": ["x", "Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0=="]}}"#, &["in JSON"]),
        (RANDOM, r#"{"key": "Zq8v+T3nLr6\/XwPk2JmB9sYd4Hc0=="}"#, &["in JSON"]),
        (RANDOM, " [\"Bearer Zq8v\\u002bT3nLr6\\u002FXwPk2JmB9sYd4Hc0==\"]\n", &["in JSON"]),
        (RANDOM, r#""Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==""#, &["in JSON"]),
        (PASSPHRASE, r#"{"staging-ops-step3-key-2026": true}"#, &["in JSON"]),
        (PASSPHRASE, r#"{"a": "x\nstaging-ops-step3-key-2026\n"}"#, &["in JSON"]),
        (ODD, r#"{"key": "it's \"<\u00fc>\" & a/b"}"#, &["in JSON"]),
        (ODD, r#"{"key": "it's \"\u003cü\u003e\" \u0026 a/b"}"#, &["in JSON"]),
        (ODD, r#"{"key": "see it's \"<ü>\" & a/b."}"#, &["in JSON"]),
        ("one\ntwo-lines", r#"{"pem": "one\ntwo-lines"}"#, &["in JSON"]),
        ("one\\ntwo-lines", r#"{"pem": "one\ntwo-lines"}"#, &["in JSON"]),
        ("4111111111111111", r#"{"card": 4111111111111111}"#, &["in JSON"]),
        (r#"{"k": "v4lue"}"#, r#"[{"k": "v4lue"}, 1]"#, &["in JSON"]),
        (RANDOM, "\"{\\\"key\\\": \\\"Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==\\\"}\"", &["in JSON, JSON"]),
        (
            RANDOM,
            r#"{"default": "x", "providers": [{"key_b64": "WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09", "t": 3}]}"#,
            &["in JSON, base64"],
        ),
        (PASSPHRASE, r#"{"u": "https:\/\/u:staging-ops-step3-key-2026@h.dev\/"}"#, &["in JSON, a URL (password)"]),
        (
            ODD,
            r#"{"u": "https://h.dev/?q=it%27s+%22%3C%C3%BC%3E%22+%26+a%2Fb"}"#,
            &["in JSON, a URL (query, percent-encoded)"],
        ),
        (RANDOM, r#"{"auth": "Basic YXBwOlpxOHYrVDNuTHI2L1h3UGsySm1COXNZZDRIYzA9PQ=="}"#, &["in JSON, a Basic header"]),
        (RANDOM, r#"{"c": "eyJrZXkiOiAiWnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09In0="}"#, &["in JSON, base64, JSON"]),
        (
            RANDOM,
            "https://a.dev/?c=%7B%22key%22%3A%20%22Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc0%3D%3D%22%7D",
            &["in a URL (query, percent-encoded), JSON"],
        ),
        (
            RANDOM,
            "a=1&c=%7B%22key%22%3A+%22Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc0%3D%3D%22%7D",
            &["in percent-encoded text, JSON"],
        ),
    ]);
}

#[test]
fn value_is_found_in_base64() {
    check(&[
        (RANDOM, "WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09", &["in base64"]),
        (PASSPHRASE, "c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY=", &["in base64"]),
        (PASSPHRASE, "c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY", &["in base64"]),
        (PASSPHRASE, "key: c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY=;", &["in base64"]),
        ("k3y\u{1b}-of-shop-1", "azN5Gy1vZi1zaG9wLTE=", &["in base64"]),
        (TILDES, "eDl+Pz53N35+P3Ey", &["in base64"]),
        (TILDES, "eDl-Pz53N35-P3Ey", &["in base64"]),
        (TILDES, "prefix-eDl-Pz53N35-P3Ey_suffix", &["in base64"]),
        (TILDES, "prefix/eDl+Pz53N35+P3Ey+suffix", &["in base64"]),
        (TILDES, "YTp4OX4/Pnc3fn4/cTI=", &["in base64"]),
        (TILDES, "YWI6eDl-Pz53N35-P3Ey", &["in base64"]),
        (TILDES, "YWJjOng5fj8+dzd+fj9xMiB0YWls", &["in base64"]),
        (TILDES, "v1/YWJjOng5fj8+dzd+fj9xMiB0YWls", &["in base64"]),
        (TILDES, "key_YTp4OX4_Pnc3fn4_cTIgdGFpbA==", &["in base64"]),
        (RANDOM, "Authorization: Basic YXBwOlpxOHYrVDNuTHI2L1h3UGsySm1COXNZZDRIYzA9PQ==", &["in a Basic header"]),
        (RANDOM, "basic WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09Og==", &["in a Basic header"]),
        (RANDOM, "Basic WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD09", &["in base64"]),
        (RANDOM, "authorization=Basic%20YXBwOlpxOHYrVDNuTHI2L1h3UGsySm1COXNZZDRIYzA9PQ==", &["in a Basic header"]),
        (RANDOM, "AGFwcABacTh2K1QzbkxyNi9Yd1BrMkptQjlzWWQ0SGMwPT0=", &["in base64"]),
        (PASSPHRASE, "eyJrZXkiOiAic3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjYifQ==", &["in base64, JSON"]),
        (PASSPHRASE, "eyJhbGciOiAibm9uZSJ9.eyJrIjogInN0YWdpbmctb3BzLXN0ZXAzLWtleS0yMDI2In0.c2ln", &["in base64, JSON"]),
        (ODD, "eyJrZXkiOiAiaXQncyBcIjxcdTAwZmM+XCIgJiBhL2IifQ==", &["in base64, JSON"]),
        (RANDOM, "V25FNGRpdFVNMjVNY2pZdldIZFFhekpLYlVJNWMxbGtORWhqTUQwOQ==", &["in base64, base64"]),
        (
            PASSPHRASE,
            "eyJjbGllbnQiOiAiYWNtZS13ZWIiLCAicHJpdmF0ZSI6ICJzdGFnaW5nLW9wcy1zdGVwMy1rZXkt\n\
             MjAyNiIsICJtb3JlIjogInh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\n\
             eHh4eHh4eHh4eHh4eHh4eHh4eCJ9\n",
            &["in base64, JSON"],
        ),
    ]);
}

#[test]
fn base64_is_found_in_a_url() {
    check(&[
        (PASSPHRASE, "https://h.dev/?k=c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY=&x=1", &["in a URL (query), base64"]),
        (
            PASSPHRASE,
            "https://h.dev/?k=c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY%3D",
            &["in a URL (query, percent-encoded), base64"],
        ),
        (PASSPHRASE, "https://h.dev/api/v1/c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY/more/x", &["in a URL (path), base64"]),
        (PASSPHRASE, "https://h.dev/ab/YWI6c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY", &["in a URL (path), base64"]),
        (
            PASSPHRASE,
            "https://h.dev/api/v10/foo/bar/YWI6c3RhZ2luZy1vcHMtc3RlcDMta2V5LTIwMjY",
            &["in a URL (path), base64"],
        ),
        (TILDES, "https://h.dev/ab/YWI6eDl-Pz53N35-P3Ey/x", &["in a URL (path), base64"]),
        (
            RANDOM,
            "https://a.dev/?c=eDpacTh2K1QzbkxyNi9Yd1BrMkptQjlzWWQ0SGMwPT0%3D",
            &["in a URL (query, percent-encoded), base64"],
        ),
        (ODD, "https://a.dev/?c=eDppdCdzICI8w7w%2BIiAmIGEvYg%3D%3D", &["in a URL (query, percent-encoded), base64"]),
    ]);
}
