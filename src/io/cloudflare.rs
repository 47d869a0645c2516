//! Cloudflare's own responses: `error code: 10xx` in plain text, or pages with such a code. Which codes there are:
//! Cloudflare's “1xxx errors” documentation.

/// What Cloudflare's own codes mean, where that helps.
const CODES: [(u16, &str); 10] = [
    (1003, "it does not allow access by address"),
    (1005, "it blocks the network that this request came from"),
    (1006, "it blocks the address that this request came from"),
    (1007, "it blocks the address that this request came from"),
    (1008, "it blocks the address that this request came from"),
    (1009, "it blocks the country that this request came from"),
    (1010, "the client signature, usually its User-Agent, is blocked"),
    (1012, "it denies access"),
    (1015, "it limits the rate of requests"),
    (1020, "one of its firewall rules blocks the request"),
];

/// How much of a body is searched, in bytes.
const READ: usize = 4096;

/// The code of Cloudflare's own response: `error code: 1010`, alone or on a line of a page.
pub(crate) fn error_code(body: &[u8]) -> Option<u16> {
    // A message in JSON may quote anything.
    if body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let start = String::from_utf8_lossy(&body[..body.len().min(READ)]).to_lowercase();
    let after = |marker: &str| {
        let (_, rest) = start.split_once(marker)?;
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().filter(|code| (1000..1100).contains(code))
    };
    after("error code:").or_else(|| after("<title>error "))
}

/// Whether a body is such a code and nothing else.
pub(crate) fn is_error_code_alone(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.len() == "error code: 1010".len() && error_code(body).is_some()
}

/// What a code means, where that helps.
pub(crate) fn meaning(code: u16) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use crate::io::cloudflare::{error_code, is_error_code_alone};

    #[test]
    fn reads_cloudflare_codes_only_from_cloudflare_responses() {
        for (body, expected) in [
            ("error code: 1010", Some(1010)),
            ("Error Code: 1020\n", Some(1020)),
            ("<html><title>Error 1015 (rate limited)</title>", Some(1015)),
            (r#"{"errors":[{"message":"error code: 1010"}]}"#, None),
            ("error code: 500", None),
            ("error code: 10101", None),
            ("error code:", None),
            ("1010", None),
            ("", None),
        ] {
            assert_eq!(error_code(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn a_page_that_quotes_a_code_is_more_than_a_code() {
        for (body, expected) in [
            ("error code: 1020\n", true),
            ("Error code: 1010", true),
            ("error code: 500", false),
            ("error code: 10101", false),
            ("<p>error code: 1010</p>", false),
            ("", false),
        ] {
            assert_eq!(is_error_code_alone(body.as_bytes()), expected, "{body}");
        }
    }
}
