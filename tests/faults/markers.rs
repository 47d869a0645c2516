//! Finds secrets in output, in any encoding.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;

/// Part of every local and stored value, and of each of their lines, so that one search finds them all.
pub(crate) const MARKER: &str = "mark4711";

/// The length of a prefix that also counts as a leak.
const PREFIX_LENGTH: usize = 6;

/// The name and the text of every encoding of every secret.
static ENCODINGS: LazyLock<Vec<(&str, String)>> =
    LazyLock::new(|| [MARKER, ACCOUNT_TOKEN].into_iter().flat_map(encodings).collect());

/// A secret in every encoding that programs use. It consists of letters, digits and hyphens, which escaping for JSON,
/// URLs, shells and HTML leaves unchanged, so it also stays readable within an escaped value.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let each = |encoding: fn(u8) -> String| secret.bytes().map(encoding).collect::<String>();
    let mut encodings = vec![
        ("its prefix", secret[..PREFIX_LENGTH.max(secret.len() / 3)].to_owned()),
        ("uppercase", secret.to_uppercase()),
        ("hex", each(|byte| format!("{byte:02x}"))),
        ("uppercase hex", each(|byte| format!("{byte:02X}"))),
        ("URL", each(|byte| format!("%{byte:02x}"))),
        ("uppercase URL", each(|byte| format!("%{byte:02X}"))),
        ("a doubly encoded URL", each(|byte| format!("%25{byte:02x}"))),
        ("a doubly encoded uppercase URL", each(|byte| format!("%25{byte:02X}"))),
        ("an IIS URL", each(|byte| format!("%u{byte:04x}"))),
        ("JSON", each(|byte| format!("\\u{byte:04x}"))),
        ("uppercase JSON", each(|byte| format!("\\u{byte:04X}"))),
        ("JSON in JSON", each(|byte| format!("\\\\u{byte:04x}"))),
        ("shell bytes", each(|byte| format!("\\x{byte:02x}"))),
        ("octal", each(|byte| format!("\\{byte:03o}"))),
        ("HTML", each(|byte| format!("&#{byte};"))),
        ("hex HTML", each(|byte| format!("&#x{byte:x};"))),
        ("decimal bytes", each(|byte| format!("{byte},")).trim_end_matches(',').to_owned()),
        ("UTF-16", each(|byte| format!("{}\0", char::from(byte))).trim_end_matches('\0').to_owned()),
    ];
    // PHP, Java and .NET leave these characters unchanged in URLs; they differ only in others.
    for text in in_base64(secret.as_bytes()) {
        encodings.extend(in_base64(text.as_bytes()).map(|twice| ("base64 in base64", twice)));
        encodings.push(("base64", text));
    }
    for bytes in
        [u16::to_le_bytes, u16::to_be_bytes].map(|bytes| secret.encode_utf16().flat_map(bytes).collect::<Vec<u8>>())
    {
        encodings.extend(in_base64(&bytes).map(|text| ("base64 of UTF-16", text)));
    }
    encodings
}

/// The base64 text depends on the offset modulo three; the characters that mix in adjacent bytes are left out.
fn in_base64(bytes: &[u8]) -> [String; 3] {
    [(0, 0), (1, 2), (2, 3)].map(|(before, cut)| {
        let text = [&b"xx"[..before], bytes].concat();
        STANDARD.encode(&text[..text.len() / 3 * 3])[cut..].to_owned()
    })
}

/// The first secret: its encoding, and the text around it, which shows whose value it is.
pub(crate) fn find_secret(bytes: &[u8]) -> Option<String> {
    find(bytes, &ENCODINGS)
}

/// The first occurrence of a value without the marker: its encoding, and the text around it. The value consists of
/// letters, digits and hyphens, or at least starts with so many of them that they identify it.
pub(crate) fn find_value(bytes: &[u8], value: &str) -> Option<String> {
    let part: String = value.chars().take_while(|sign| sign.is_ascii_alphanumeric() || *sign == '-').collect();
    let part = if part.len() > 2 * PREFIX_LENGTH { &part } else { value };
    find(bytes, &encodings(part))
}

fn find(bytes: &[u8], encodings: &[(&str, String)]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    // Undoes wrapping by a terminal or a mail client: removes line breaks, indentation and frames.
    let joined = || text.chars().filter(|c| !c.is_whitespace() && !"│┃|".contains(*c)).collect::<String>();
    let found = search(&text, encodings);
    found.or_else(|| search(&joined(), encodings).map(|what| format!("{what}, with the lines joined")))
}

fn search(text: &str, encodings: &[(&str, String)]) -> Option<String> {
    encodings.iter().find_map(|(encoding, secret)| {
        let at = text.find(secret.as_str())?;
        let before: String = text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
        let after: String = text[at..].chars().take(60).collect();
        Some(format!("a secret as {encoding}: {before:?} {after:?}"))
    })
}

#[test]
fn secret_is_found_in_every_encoding() {
    for text in [
        "it is mark4711-local.",
        "it begins with mark47…",
        "MARK4711",
        "bWFyazQ3MTE=",
        "YSBtYXJrNDcxMSBi",
        "eGFtYXJrNDcxMQ==",
        "QmFzaWMgdXNlcjpt\n    YXJrNDcxMQ==",
        "6d61726b34373131",
        "6D61726B34373131",
        "%6d%61%72%6b%34%37%31%31",
        "\\u006d\\u0061\\u0072\\u006b\\u0034\\u0037\\u0031\\u0031",
        "%256d%2561%2572%256b%2534%2537%2531%2531",
        "%256D%2561%2572%256B%2534%2537%2531%2531",
        "%u006d%u0061%u0072%u006b%u0034%u0037%u0031%u0031",
        "\\u006D\\u0061\\u0072\\u006B\\u0034\\u0037\\u0031\\u0031",
        "\\\\u006d\\\\u0061\\\\u0072\\\\u006b\\\\u0034\\\\u0037\\\\u0031\\\\u0031",
        "bQBhAHIAawA0ADcAMQAxAA==",
        "AG0AYQByAGsANAA3ADEAMQ==",
        "YldGeWF6UTNNVEU9",
        "eCBiV0Z5YXpRM01URT0=",
        "\\x6d\\x61\\x72\\x6b\\x34\\x37\\x31\\x31",
        "[109, 97, 114, 107, 52, 55, 49, 49]",
        "│ mar │\n│ k47 │\n│ 11- │",
        "m\0a\0r\0k\x004\x007\x001\x001\0",
        "Bearer 5e1d0000-acc0-4000-8000-000000000001",
        "5e1d0000-acc0-…",
    ] {
        assert!(find_secret(text.as_bytes()).is_some(), "{text:?}");
    }
    for text in ["", "a mark, and 4711", "5e1d0000 is not a token", "bWFyay00NzEx"] {
        assert_eq!(find_secret(text.as_bytes()), None);
    }
}
