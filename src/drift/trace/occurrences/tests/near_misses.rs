use super::{ODD, RANDOM, TILDES};
use crate::drift::Secret;
use crate::drift::trace::occurrences::{find, replace};

const HEX: &str = "4f1c9a77b2d04e55";

fn check(value: &str, texts: &[&str]) {
    let value = Secret::new(value);
    for text in texts {
        assert_eq!(find(text, &value), [], "{text}");
        assert_eq!(replace(text, &value, &Secret::new("n3w-value")), Ok(None), "{text}");
    }
}

#[test]
fn similar_values_are_not_occurrences() {
    check(
        RANDOM,
        &[
            "",
            "Zq8v+T3n",
            "Zq8v+T3nLr6/XwPk2JmB9sYd4Hc1==",
            "zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==",
            "Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0",
            "Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0=",
            "f8b8ebdcd8535accfe2aa87664cf2ea01f67c6616970bcad42ef98a74ba99f14",
            "xZq8v+T3nLr6/XwPk2JmB9sYd4Hc0==",
            "https://u:Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc1%3D%3D@h.dev",
            "https://u:Zq8v%2BT3nLr6%2FXwPk2JmB9sYd4Hc0%3D@h.dev",
            "https://u:Zq8v T3nLr6/XwPk2JmB9sYd4Hc0==@h.dev",
            r#"{"key": "Zq8v+T3nLr6\/XwPk2JmB9sYd4Hc1=="}"#,
            r#"{"key": "xZq8v+T3nLr6\/XwPk2JmB9sYd4Hc0=="}"#,
            "WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD16",
            "eFpxOHYrVDNuTHI2L1h3UGsySm1COXNZZDRIYzA9PQ==",
            "WnE4ditUM25McjYvWHdQazJKbUI5c1lkNEhjMD0=",
        ],
    );
    check(ODD, &["it's \"<ü>\" & a/c", "it%27s+%22%3C%C3%BC%3E%22+%26+a%2Fc", "aXQncyAiPMO8PiIgJiBhL3o="]);
    check(TILDES, &["eDl+Pz53N35+P3Ez", "eDl+Pz53N35-P3Ey"]);
}

#[test]
fn part_of_a_longer_token_is_no_occurrence() {
    check(
        "prod-key-1",
        &[
            "prod-key-12",
            "prod-key-1-old",
            "prod-key-1_old",
            "old-prod-key-1",
            "my_prod-key-1",
            "xprod-key-1",
            "üprod-key-1",
            "prod-key-1é",
            "https://h.dev/prod-key-1-old?x=prod-key-11",
            "https://h.dev/prod-key-1%2Dold",
            "https://h.dev/%78prod-key-1",
            "https://h.dev/?x=prod%2Dkey%2D1%32",
            "x=prod-key-1%C3%BC",
            r#"{"key": "prod-key-1\u0032"}"#,
            r#"{"key": "\u0078prod-key-1"}"#,
            r#"{"key": "prod\u002dkey-1-old"}"#,
            r#"{"key": "prod-key-1\u0061"}"#,
            "cHJvZC1rZXktMTI=",
            "cHJvZC1rZXktMS1vbGQ=",
            "${{shared.prod-key-1}}",
            "x ${{ prod-key-1.X }} y",
            "https://${{prod-key-1.HOST}}/",
        ],
    );
    check("one\\ntwo", &[r#"{"key": "one\ntwo\u0061"}"#]);
    check("~~k3y-of-shop", &["${{A}}k3y-of-shop"]);
    check(HEX, &["4f1c9a77b2d04e550", "a4f1c9a77b2d04e55"]);
    // Padded base64 is another value than unpadded base64.
    check("4f1c9a77b2d04e5501", &["4f1c9a77b2d04e5501==", "x=4f1c9a77b2d04e5501==&y"]);
    check("4f1c9a77b2d04e55012", &["4f1c9a77b2d04e55012="]);
}

#[test]
fn random_value_may_be_joined_to_a_word() {
    for text in ["key-4f1c9a77b2d04e55", "4f1c9a77b2d04e55_old", "4f1c9a77b2d04e55=", "4f1c9a77b2d04e55==x"] {
        assert_eq!(find(text, &Secret::new(HEX)).len(), 1, "{text}");
    }
    // Only the end that touches the word counts.
    check("postgres://u:4f1c9a77b2d04e55@h.dev/db", &["postgres://u:4f1c9a77b2d04e55@h.dev/db_test"]);
}

#[test]
fn empty_value_does_not_occur() {
    check("", &["", "x", "a b"]);
}
