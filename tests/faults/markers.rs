//! Whether a secret stands in what was written, in whatever form.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use railway_doctor::io::sim::seed::ACCOUNT_TOKEN;

/// In every value of both sides, in every one of its lines, so that one search finds them all.
pub(crate) const MARK: &str = "mark4711";

/// Less of a value is one, too: no beginning is shown.
const BEGINNING: usize = 6;

/// Every form of every secret, and what it is called.
static FORMS: LazyLock<Vec<(&str, String)>> =
    LazyLock::new(|| [MARK, ACCOUNT_TOKEN].into_iter().flat_map(forms).collect());

/// A word in every form that programs write one in. It is of letters, digits and hyphens, which escapes for JSON, URLs, shells
/// and pages leave alone: within a value that they change it stands in plain.
fn forms(word: &str) -> Vec<(&'static str, String)> {
    let each = |form: fn(u8) -> String| word.bytes().map(form).collect::<String>();
    let mut forms = vec![
        ("its beginning", word[..BEGINNING.max(word.len() / 3)].to_owned()),
        ("upper case", word.to_uppercase()),
        ("hex", each(|byte| format!("{byte:02x}"))),
        ("hex in upper case", each(|byte| format!("{byte:02X}"))),
        ("URL", each(|byte| format!("%{byte:02x}"))),
        ("URL in upper case", each(|byte| format!("%{byte:02X}"))),
        ("a URL in a URL", each(|byte| format!("%25{byte:02x}"))),
        ("a URL in a URL in upper case", each(|byte| format!("%25{byte:02X}"))),
        ("a URL of IIS", each(|byte| format!("%u{byte:04x}"))),
        ("JSON", each(|byte| format!("\\u{byte:04x}"))),
        ("JSON in upper case", each(|byte| format!("\\u{byte:04X}"))),
        ("JSON in JSON", each(|byte| format!("\\\\u{byte:04x}"))),
        ("bytes for a shell", each(|byte| format!("\\x{byte:02x}"))),
        ("octal", each(|byte| format!("\\{byte:03o}"))),
        ("HTML", each(|byte| format!("&#{byte};"))),
        ("HTML in hex", each(|byte| format!("&#x{byte:x};"))),
        ("numbers", each(|byte| format!("{byte},")).trim_end_matches(',').to_owned()),
        ("UTF-16", each(|byte| format!("{}\0", char::from(byte))).trim_end_matches('\0').to_owned()),
    ];
    // PHP, Java and .NET write it into a URL as it is; they differ in what they do with other characters.
    for text in in_base64(word.as_bytes()) {
        forms.extend(in_base64(text.as_bytes()).map(|twice| ("base64 in base64", twice)));
        forms.push(("base64", text));
    }
    for bytes in
        [u16::to_le_bytes, u16::to_be_bytes].map(|bytes| word.encode_utf16().flat_map(bytes).collect::<Vec<u8>>())
    {
        forms.extend(in_base64(&bytes).map(|text| ("base64 of UTF-16", text)));
    }
    forms
}

/// Where it begins within three bytes decides what base64 makes of it; what its neighbours have a part in is left out.
fn in_base64(bytes: &[u8]) -> [String; 3] {
    [(0, 0), (1, 2), (2, 3)].map(|(before, cut)| {
        let text = [&b"xx"[..before], bytes].concat();
        STANDARD.encode(&text[..text.len() / 3 * 3])[cut..].to_owned()
    })
}

/// What is found: the form, and what stands around it, which tells whose value it is.
pub(crate) fn found(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    // As a terminal or a mail would have cut it: without breaks, indentation and frames.
    let joined = || text.chars().filter(|c| !c.is_whitespace() && !"│┃|".contains(*c)).collect::<String>();
    search(&text).or_else(|| search(&joined()).map(|what| format!("{what}, with the lines joined")))
}

fn search(text: &str) -> Option<String> {
    FORMS.iter().find_map(|(form, word)| {
        let at = text.find(word.as_str())?;
        let before: String = text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
        let after: String = text[at..].chars().take(60).collect();
        Some(format!("a secret as {form}: {before:?} {after:?}"))
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
        assert!(found(text.as_bytes()).is_some(), "{text:?}");
    }
    for text in ["", "a mark, and 4711", "5e1d0000 is no token", "bWFyay00NzEx"] {
        assert_eq!(found(text.as_bytes()), None);
    }
}
