//! Responses from something in front of Railway's API: Cloudflare, a company's proxy, a gateway.
//!
//! All of Railway's responses pass through Cloudflare and have its headers. Cloudflare's own responses are recognised
//! by their error code.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::io::cloudflare;
use crate::io::railway::transport::HttpResponse;

/// Known values of `Server`, and how they are shown. Any other text in that header is not printed.
const SERVERS: [(&str, &str); 19] = [
    ("cloudflare", "Cloudflare"),
    ("railway", "railway"),
    ("railway-edge", "railway-edge"),
    ("akamaighost", "Akamai"),
    ("apache", "Apache"),
    ("awselb", "an AWS load balancer"),
    ("bigip", "BIG-IP"),
    ("caddy", "Caddy"),
    ("envoy", "Envoy"),
    ("fortiguard", "FortiGuard"),
    ("haproxy", "HAProxy"),
    ("istio-envoy", "Envoy"),
    ("microsoft-iis", "Microsoft IIS"),
    ("mitmproxy", "mitmproxy"),
    ("nginx", "nginx"),
    ("squid", "Squid"),
    ("traefik", "Traefik"),
    ("varnish", "Varnish"),
    ("zscaler", "Zscaler"),
];

/// Returns the program in `Server`, if it is known.
pub(crate) fn server(reply: &HttpResponse) -> Option<&'static str> {
    known_server(header(reply, "server")?)
}

/// Does the same for a header's value.
pub(crate) fn known_server(value: &str) -> Option<&'static str> {
    let name = value.trim().split(['/', ' ', '(']).next().unwrap_or_default().to_ascii_lowercase();
    SERVERS.iter().find(|(known, _)| *known == name).map(|(_, shown)| *shown)
}

/// Returns `CF-RAY`, which Cloudflare's support asks for: sixteen hex digits and an airport code.
pub(crate) fn ray(reply: &HttpResponse) -> Option<&str> {
    header(reply, "cf-ray").filter(|ray| is_ray(ray))
}

pub(crate) fn is_ray(value: &str) -> bool {
    let (id, airport) = value.split_once('-').unwrap_or((value, "AAA"));
    let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id && airport.len() == 3 && airport.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn header<'r>(reply: &'r HttpResponse, name: &str) -> Option<&'r str> {
    reply.others.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Returns whether a body is a GraphQL response: an object with `data`, or with errors that have messages. A gateway's
/// `{"message":"Forbidden"}` and the error list of JSON:API are not.
pub(crate) fn is_graphql(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct GraphqlBody {
        data: Option<IgnoredAny>,
        errors: Option<Vec<Value>>,
    }
    let has_message =
        |error: &Value| error.get("message").is_some_and(|message| message.is_string() || message.is_null());
    // serde would also read a list as the envelope.
    body.trim_ascii_start().starts_with(b"{")
        && serde_json::from_slice::<GraphqlBody>(body).is_ok_and(|envelope| {
            envelope.data.is_some() || envelope.errors.is_some_and(|errors| errors.iter().any(has_message))
        })
}

/// Describes a response without quoting its body: the status, the kind of body, and the sender if known.
pub(crate) fn described(reply: &HttpResponse, body: &str) -> String {
    let status = reply.status;
    let code = cloudflare::error_code(&reply.body);
    let sent = match code {
        Some(code) => format!("HTTP {status} with Cloudflare's `error code: {code}`"),
        None => format!("HTTP {status} with {body}"),
    };
    // The code already implies Cloudflare.
    let server = server(reply).filter(|_| code.is_none()).map(|name| format!("sent by {name}"));
    let ray = ray(reply).map(|ray| format!("CF-RAY {ray}"));
    let from: Vec<String> = server.into_iter().chain(ray).collect();
    let from = if from.is_empty() { String::new() } else { format!(" ({})", from.join(", ")) };
    let means = code.and_then(cloudflare::meaning).map(|means| format!(": {means}")).unwrap_or_default();
    format!("{sent}{from}{means}")
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use crate::io::railway::proxy_errors::{described, is_graphql, is_ray, known_server};
    use crate::io::railway::transport::HttpResponse;

    fn reply(body: &str, others: &[(&str, &str)]) -> HttpResponse {
        HttpResponse {
            status: 403,
            retry_after: None,
            rate: Vec::new(),
            location: None,
            date: None,
            content_type: None,
            others: others.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    #[test]
    fn only_railway_json_counts_as_graphql() {
        for (body, expected) in [
            (r#"{"errors":[{"message":"Not Authorized"}],"data":null}"#, true),
            (r#"{"errors":[{"message":null}]}"#, true),
            (r#" {"data":{}}"#, true),
            (r#"{"data":null}"#, false),
            (r#"{"errors":[]}"#, false),
            (r#"{"errors":[{"status":"403","title":"Forbidden"}]}"#, false),
            (r#"{"errors":["Forbidden"]}"#, false),
            (r#"{"errors":{"message":"no"}}"#, false),
            (r#"{"message":"Forbidden"}"#, false),
            (r#"{"error":"Forbidden","statusCode":403}"#, false),
            (r#"[{"data":{}}]"#, false),
            ("error code: 1010", false),
            ("<html>{\"data\":{}}</html>", false),
            ("\"data\"", false),
            ("", false),
        ] {
            assert_eq!(is_graphql(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn repeats_headers_only_in_known_forms() {
        for (value, expected) in [
            ("cloudflare", Some("Cloudflare")),
            ("nginx/1.25.3 (Ubuntu)", Some("nginx")),
            ("Squid/6.6", Some("Squid")),
            ("staging-ops-step3-key-2026", None),
            ("", None),
        ] {
            assert_eq!(known_server(value), expected, "{value}");
        }
        for (value, expected) in [
            ("8a1f3c5d7e9b0a2c-SIN", true),
            ("8a1f3c5d7e9b0a2c", true),
            ("8a1f3c5d7e9b0a2c-secret", false),
            ("key-SIN", false),
            ("", false),
        ] {
            assert_eq!(is_ray(value), expected, "{value}");
        }
    }

    #[test]
    fn describes_response_without_quoting_it() {
        let ray = ("cf-ray", "8a1f3c5d7e9b0a2c-SIN");
        for (body, others, expected) in [
            (
                "error code: 1010",
                &[("server", "cloudflare"), ray][..],
                "HTTP 403 with Cloudflare's `error code: 1010` (CF-RAY 8a1f3c5d7e9b0a2c-SIN): the client \
                 signature, usually its User-Agent, is blocked",
            ),
            ("error code: 1099", &[], "HTTP 403 with Cloudflare's `error code: 1099`"),
            ("<html>", &[("server", "squid/6.6")], "HTTP 403 with a page (sent by Squid)"),
            ("<html>", &[("server", "mark4711"), ("cf-ray", "mark4711")], "HTTP 403 with a page"),
        ] {
            assert_eq!(described(&reply(body, others), "a page"), expected);
        }
    }
}
