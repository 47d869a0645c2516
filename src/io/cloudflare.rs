//! Cloudflare's own error responses: `error code: 10xx` as plain text, or a page with such a code. Source of the codes:
//! Cloudflare's “1xxx errors” documentation.

/// The meaning of the codes that a user can act on.
const CODES: [(u16, &str); 10] = [
    (1003, "access by IP address is not allowed"),
    (1005, "the network of this machine is blocked"),
    (1006, "the IP address of this machine is blocked"),
    (1007, "the IP address of this machine is blocked"),
    (1008, "the IP address of this machine is blocked"),
    (1009, "the country of this machine is blocked"),
    (1010, "the client signature, usually its User-Agent, is blocked"),
    (1012, "access is denied"),
    (1015, "the rate limit is exceeded"),
    (1020, "a firewall rule blocks the request"),
];

/// How much of the body is searched, in bytes.
const READ: usize = 4096;

/// Returns the code of one of Cloudflare's own responses: `error code: 1010`, alone or in a page.
pub(crate) fn error_code(body: &[u8]) -> Option<u16> {
    // A JSON response may quote such a text.
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

/// Returns whether the body consists of such a code only.
pub(crate) fn is_error_code_alone(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.len() == "error code: 1010".len() && error_code(body).is_some()
}

/// Returns the meaning of a code, if the user can act on it.
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
    fn page_with_code_is_not_a_code_alone() {
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
