use super::{ODD, PASSPHRASE, RANDOM};
use crate::drift::Secret;
use crate::drift::trace::occurrences::{Irreplaceable, replace};

/// A row: the old value, the new one, the text, and the text afterwards.
fn check(rows: &[(&str, &str, &str, &str)]) {
    for (old, new, text, expected) in rows {
        let result = replace(text, &Secret::new(*old), &Secret::new(*new)).unwrap();
        assert_eq!(result.as_ref().map(Secret::expose), Some(*expected), "{text}");
    }
}

fn check_refused(rows: &[(&str, &str, &str)]) {
    for (old, new, text) in rows {
        let result = replace(text, &Secret::new(*old), &Secret::new(*new));
        assert_eq!(result, Err(Irreplaceable::Unencodable), "{text} {new}");
    }
}

#[test]
fn whole_value_is_replaced_by_any_value() {
    check(&[(RANDOM, ODD, RANDOM, ODD), (RANDOM, "one\ntwo", RANDOM, "one\ntwo"), (RANDOM, RANDOM, RANDOM, RANDOM)]);
}

#[test]
fn value_in_other_text_is_replaced_as_it_is() {
    check(&[
        (PASSPHRASE, "n3w+/=.~", "Bearer staging-ops-step3-key-2026", "Bearer n3w+/=.~"),
        (PASSPHRASE, "n3w-ü", "Password=staging-ops-step3-key-2026;Port=1", "Password=n3w-ü;Port=1"),
        (PASSPHRASE, "n3w", "${{ a.B }} staging-ops-step3-key-2026 ${{c}}", "${{ a.B }} n3w ${{c}}"),
        ("my key; x", "n3w; k", "a 'my key; x' b", "a 'n3w; k' b"),
        ("prod-key-1", "n3w", "prod-key-1 prod-key-12\nprod-key-1", "n3w prod-key-12\nn3w"),
        (PASSPHRASE, "a b&c", "x=1&k=staging-ops-step3-key-2026&y=2", "x=1&k=a%20b%26c&y=2"),
        ("(k3y-of-shop)", "(n3w)", "(k3y-of-shop)(k3y-of-shop)", "(n3w)(n3w)"),
    ]);
    check_refused(&[
        (PASSPHRASE, "n3w key", "Bearer staging-ops-step3-key-2026"),
        (PASSPHRASE, "n3w\nkey", "Bearer staging-ops-step3-key-2026"),
        (PASSPHRASE, "n3w;key", "Password=staging-ops-step3-key-2026;Port=1"),
        (PASSPHRASE, "n3w;key", "a=1&b=2;Password=staging-ops-step3-key-2026"),
        (PASSPHRASE, "n3w,key", "a:staging-ops-step3-key-2026,b:x"),
        (PASSPHRASE, "n3w\"key", "say staging-ops-step3-key-2026"),
        (PASSPHRASE, "n3w\\key", "say staging-ops-step3-key-2026"),
        (PASSPHRASE, "n3w$key", "say staging-ops-step3-key-2026"),
        (PASSPHRASE, "n3w/key", "user:staging-ops-step3-key-2026@tcp(db)/x"),
        (PASSPHRASE, "n3w|key", "staging-ops-step3-key-2026|x"),
        (PASSPHRASE, "n3w!key", "staging-ops-step3-key-2026!x"),
    ]);
}

#[test]
fn special_characters_are_encoded_in_a_url() {
    check(&[
        (PASSPHRASE, "n3w-v", "redis://:staging-ops-step3-key-2026@h.dev", "redis://:n3w-v@h.dev"),
        (
            PASSPHRASE,
            "a/b@c:d#e?f",
            "redis://:staging-ops-step3-key-2026@h.dev",
            "redis://:a%2Fb%40c%3Ad%23e%3Ff@h.dev",
        ),
        (PASSPHRASE, "ü 100%", "https://h.dev/?a=staging-ops-step3-key-2026&b", "https://h.dev/?a=%C3%BC%20100%25&b"),
        (RANDOM, "n+w/x==", "https://h.dev/?t=Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==", "https://h.dev/?t=n+w/x=="),
        (RANDOM, "n+w&x==", "https://h.dev/?t=Zq8v+T3nLr6/XwPk2JmB9sYd4Hc0==", "https://h.dev/?t=n+w%26x=="),
        ("p@ss-w0rd", "n@w:x", "postgres://u:p@ss-w0rd@h.dev/db", "postgres://u:n@w%3Ax@h.dev/db"),
        ("p%40ss-w0rd", "q%40n3w", "postgres://u:p%40ss-w0rd@h.dev", "postgres://u:q%40n3w@h.dev"),
        ("p%40ss-w0rd", "q@n3w", "postgres://u:p%40ss-w0rd@h.dev", "postgres://u:q%40n3w@h.dev"),
        (PASSPHRASE, "n3w", "https://staging-ops-step3-key-2026.h.dev/", "https://n3w.h.dev/"),
        (
            PASSPHRASE,
            "x/y",
            "http://${{a.HOST}}/staging-ops-step3-key-2026, https://u:staging-ops-step3-key-2026@${{ b.H }}",
            "http://${{a.HOST}}/x%2Fy, https://u:x%2Fy@${{ b.H }}",
        ),
        (
            "https://hooks.acme.dev/in/4f1c9a77b2d04e55",
            "https://hooks.acme.dev/other/path/77b2",
            "https://a.dev/x,https://hooks.acme.dev/in/4f1c9a77b2d04e55",
            "https://a.dev/x,https://hooks.acme.dev/other/path/77b2",
        ),
        // The value starts inside one URL and ends inside another.
        (
            "a.dev/x,https://b.dev/y",
            "c.dev/x,https://d.dev/y",
            "https://a.dev/x,https://b.dev/y",
            "https://c.dev/x,https://d.dev/y",
        ),
    ]);
    check_refused(&[
        (PASSPHRASE, "n3w/x", "https://staging-ops-step3-key-2026.h.dev/"),
        ("p%40ss-w0rd", "x%41y@", "postgres://u:p%40ss-w0rd@h.dev"),
        ("p@ss/w-x", "pass", "postgres://u:p@ss/w-x@h.dev/db"),
        ("in/k3y?of-shop", "in/n3w/of-shop", "https://h.dev/in/k3y?of-shop"),
    ]);
}

#[test]
fn new_value_may_contain_the_old_one() {
    check(&[
        ("prod-key-1", "prod-key-12", "a prod-key-1 b", "a prod-key-12 b"),
        ("prod-key-1", "prod-key-1.prod-key-1", "a prod-key-1 b", "a prod-key-1.prod-key-1 b"),
        ("prod-key-12", "prod-key-1", "a prod-key-12 prod-key-1 b", "a prod-key-1 prod-key-1 b"),
        ("prod-key-1", "cHJvZC1rZXktMQ==", "a prod-key-1 b", "a cHJvZC1rZXktMQ== b"),
    ]);
}

#[test]
fn result_must_not_contain_the_old_value() {
    // The rest of an overlapping place becomes an occurrence together with the new value.
    check_refused(&[("-ab-ab-", "x-ab-", "-ab-ab-ab- y")]);
}
