//! Every fault.

use std::time::Duration;

use crate::bad_responses::{ConnectionEnd, ScriptedResponse};
use crate::certificate::CertificateState;
use crate::fault::{Coverage, Expected, FaultCase, LONG_TIMEOUT_MS, NetworkFault, Root};

/// One fault of each kind that the code distinguishes: all commands run with it in the ordinary tests, too.
const REPRESENTATIVES: [&str; 24] = [
    "no response",
    "a date header decades ago",
    "a closed connection",
    "a reset in the body",
    "invalid gzip",
    "truncated JSON",
    "no body",
    "a page with 200",
    "a page with 502",
    "a page with 401",
    "a Cloudflare error code with 403",
    "429 without headers",
    "429 for 1 h",
    "307 to another host",
    "null data",
    "another environment and project",
    "an error without a reason",
    "another schema",
    "an unknown token",
    "unknown statuses",
    "unknown fields next to the data",
    "a proxy",
    "a certificate for another name",
    "a closed port",
];

/// All of them. `other_host` is an address that must receive no request.
pub(crate) fn fault_cases(other_host: &str) -> Vec<FaultCase> {
    let all = [
        timing(),
        broken_connections(),
        large(),
        pages(),
        limits(),
        redirects(other_host),
        unexpected_json(),
        network(),
    ];
    let mut cases: Vec<FaultCase> = all.into_iter().flatten().collect();
    for name in REPRESENTATIVES {
        let case = cases.iter_mut().find(|case| case.name == name).unwrap_or_else(|| panic!("no fault {name:?}"));
        case.coverage = Coverage::AllCommands;
    }
    cases
}

fn timing() -> Vec<FaultCase> {
    let timed_out = ["no response from 127.0.0.1:"];
    vec![
        FaultCase::passes("latency", ScriptedResponse::delayed(Duration::from_millis(150))),
        FaultCase::fails("no response", ScriptedResponse::no_response(), 5, &timed_out).with_timeout(2000),
        FaultCase::fails(
            "a response byte by byte",
            ScriptedResponse::byte_by_byte(Duration::from_millis(100)),
            5,
            &timed_out,
        )
        .with_timeout(2000),
        FaultCase::passes(
            "a date header decades ago",
            ScriptedResponse::with_header("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ),
        FaultCase::passes(
            "a date header far ahead",
            ScriptedResponse::with_header("date", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ),
        FaultCase::passes("an invalid date header", ScriptedResponse::with_header("date", "soon")),
    ]
}

fn broken_connections() -> Vec<FaultCase> {
    let disconnected = ["failed to connect to 127.0.0.1:", "connection lost"];
    let raw = ScriptedResponse::raw;
    let packed = [("content-type", "application/json"), ("content-encoding", "gzip")];
    vec![
        FaultCase::fails(
            "a closed connection",
            ScriptedResponse::closed(ConnectionEnd::BeforeResponse),
            5,
            &disconnected,
        ),
        FaultCase::fails(
            "a connection closed in the body",
            ScriptedResponse::closed(ConnectionEnd::InBody),
            5,
            &disconnected,
        ),
        FaultCase::fails("a reset", ScriptedResponse::reset(ConnectionEnd::BeforeResponse), 5, &disconnected),
        FaultCase::fails("a reset in the body", ScriptedResponse::reset(ConnectionEnd::InBody), 5, &disconnected),
        FaultCase::fails("another protocol", raw("220 mail.example.org ESMTP\r\n\r\n"), 5, &disconnected),
        FaultCase::fails("TLS instead of HTTP", ScriptedResponse::raw([21, 3, 1, 0, 2, 2, 10]), 5, &disconnected),
        FaultCase::fails(
            "an invalid chunk",
            raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZ\r\n"),
            5,
            &disconnected,
        ),
        FaultCase::fails("invalid gzip", ScriptedResponse::page(200, &packed, "{\"data\":{}}"), 5, &["127.0.0.1:"]),
        FaultCase::fails(
            "truncated JSON",
            ScriptedResponse::modified(truncated),
            5,
            &["HTTP 200 with a response that is cut off after"],
        ),
        FaultCase::fails("no body", ScriptedResponse::json(""), 5, &["HTTP 200 with an empty body"]),
        FaultCase::fails("status 204", ScriptedResponse::page(204, &[], ""), 5, &["HTTP 204 with an empty body"]),
    ]
}

/// Large responses; memory use is measured.
fn large() -> Vec<FaultCase> {
    let long = ["the response exceeds 16 MiB"];
    vec![
        FaultCase::fails("100 MiB", ScriptedResponse::large(), 5, &long).with_memory_watch(),
        FaultCase::fails("an endless body", ScriptedResponse::endless_body(), 5, &long).with_memory_watch(),
        FaultCase::fails("endless headers", ScriptedResponse::endless_headers(), 5, &["connection lost"])
            .with_memory_watch(),
        FaultCase::fails("a gzip bomb", ScriptedResponse::bomb(), 5, &long).with_memory_watch(),
    ]
}

/// Responses of gateways, for every status that they send.
fn pages() -> Vec<FaultCase> {
    let html = [("content-type", "text/html; charset=UTF-8")];
    let page =
        |status: u16| ScriptedResponse::page(status, &html, format!("<html><h1>{status}</h1>mark4711-stored</html>"));
    let json = [("content-type", "application/json")];
    let mut cases = Vec::new();
    for status in [200, 400, 404, 408, 421, 500].into_iter().chain(520..=526).chain([530]) {
        let fragment =
            format!("HTTP {status} with a web page, probably from a gateway, a proxy or a network's sign-in page");
        let case = FaultCase::fails(format!("a page with {status}"), page(status), 5, &[&fragment]);
        cases.push(case);
    }
    for status in [502, 503, 504] {
        let fragment = format!("HTTP {status} from a gateway in front of Railway");
        cases.push(FaultCase::fails(format!("a page with {status}"), page(status), 5, &[&fragment]));
        cases.push(FaultCase::fails(
            format!("an empty {status}"),
            ScriptedResponse::page(status, &[], ""),
            5,
            &[&fragment],
        ));
    }
    for status in [400, 404, 500, 520] {
        let fragment = format!("HTTP {status} with neither data nor errors");
        let response = ScriptedResponse::page(status, &json, "{\"error\":\"mark4711-stored\"}");
        cases.push(FaultCase::fails(format!("other JSON with {status}"), response, 5, &[&fragment]));
    }
    let blocked = "a proxy or firewall in front of 127.0.0.1:";
    for status in [401, 403] {
        let case = |what: &str, response, fragment: &str| {
            FaultCase::fails(
                format!("{what} with {status}"),
                response,
                5,
                &[blocked, &format!("HTTP {status} with {fragment}")],
            )
        };
        cases.push(case("a page", page(status), "a web page"));
        cases.push(case("an empty body", ScriptedResponse::page(status, &json, ""), "an empty body"));
        let gateway = ScriptedResponse::page(status, &json, "{\"message\":\"mark4711-stored\"}");
        cases.push(case("JSON of a gateway", gateway, "JSON that is not a GraphQL response"));
        let plain = [("content-type", "text/plain"), ("server", "cloudflare"), ("cf-ray", "mark4711-SIN")];
        let cloudflare = ScriptedResponse::page(status, &plain, "error code: 1010");
        cases.push(case(
            "a Cloudflare error code",
            cloudflare,
            "Cloudflare's `error code: 1010`: the client signature",
        ));
        let own = ScriptedResponse::page(status, &json, "{\"errors\":[{\"message\":\"Forbidden\"}]}");
        cases.push(FaultCase::fails(format!("Railway's own {status}"), own, 4, &["Railway rejected the token from"]));
    }
    cases.push(FaultCase::fails("a page with 413", page(413), 5, &["too large"]));
    cases
}

/// Status 429, with every form of its headers.
fn limits() -> Vec<FaultCase> {
    let limited = |headers: &[(&str, &str)]| {
        let page = [("content-type", "text/html")];
        ScriptedResponse::page(429, &[&page, headers].concat(), "<html>slow down</html>")
    };
    let what = "Railway's rate limit was reached";
    let refused = "Railway rejected every attempt";
    let after = |value| limited(&[("retry-after", value)]);
    let relative_to_server_clock =
        [("date", "Mon, 23 Nov 2020 12:00:00 GMT"), ("retry-after", "Mon, 23 Nov 2020 12:30:00 GMT")];
    let case = |name: &str, response, fragments: &[&str]| {
        FaultCase::fails(format!("429 {name}"), response, 5, &[&[what], fragments].concat())
    };
    vec![
        case("without headers", limited(&[]), &[refused]).with_timeout(1500),
        case("for 0 s", after("0"), &["requires a wait"]),
        case("for 1 s", after("1"), &["requires a wait of 1 s"]).with_timeout(1900),
        case("for 1 h", after("3600"), &["requires a wait of 1 h, which exceeds", "try again in 1 h"]),
        case("until a past date", after("Mon, 23 Nov 2020 12:00:00 GMT"), &["requires a wait"]),
        case("until a date far ahead", after("Fri, 31 Dec 2100 23:59:59 GMT"), &["requires a wait", "which exceeds"]),
        case(
            "until a date relative to the server's clock",
            limited(&relative_to_server_clock),
            &["requires a wait of 30 min, which exceeds"],
        ),
        case("for an invalid time", after("soon"), &[refused]),
        case("for a negative time", after("-5"), &[refused]),
        case("for a time that overflows", after("99999999999999999999999"), &[refused]),
        case("with X-RateLimit", limited(&[("x-ratelimit-limit", "100")]), &["Railway allows 100 requests"]),
        case(
            "with a policy",
            limited(&[("ratelimit-policy", "\"default\";q=1000;w=3600")]),
            &["1000 requests an hour"],
        ),
        case(
            "from Cloudflare",
            ScriptedResponse::page(429, &[], "error code: 1015"),
            &["Cloudflare (Railway's edge) rejected every attempt"],
        ),
    ]
}

fn redirects(other_host: &str) -> Vec<FaultCase> {
    let mut cases = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        let to = |place: &str| ScriptedResponse::page(status, &[("location", place)], "");
        let fragments = ["redirects to http://127.0.0.1:", "was not followed"];
        cases.push(FaultCase::fails(
            format!("{status} to another host"),
            to(&format!("{other_host}/mark4711")),
            5,
            &fragments,
        ));
        let fragments = ["redirects to another path", "was not followed"];
        cases.push(FaultCase::fails(format!("{status} to the same host"), to("/elsewhere/graphql/v2"), 5, &fragments));
    }
    let fragments = ["redirects to an unnamed address", "was not followed"];
    cases.push(FaultCase::fails("307 without a location", ScriptedResponse::page(307, &[], ""), 5, &fragments));
    cases
}

/// Unexpected JSON.
fn unexpected_json() -> Vec<FaultCase> {
    let no_data = ["HTTP 200 with neither data nor errors"];
    let shape = ["HTTP 200 with JSON of an unexpected shape"];
    let no_json = ["HTTP 200 with a body that is not JSON"];
    let rejection =
        |message: &str| ScriptedResponse::json(format!("{{\"errors\":[{{\"message\":\"{message}\"}}],\"data\":null}}"));
    let mut cases = vec![
        FaultCase::fails("null data", ScriptedResponse::json("{\"data\":null}"), 5, &no_data),
        FaultCase::fails("an empty object", ScriptedResponse::json("{}"), 5, &no_data),
        FaultCase::fails("an array", ScriptedResponse::json("[]"), 5, &["HTTP 200"]),
        FaultCase::fails(
            "data of another shape",
            ScriptedResponse::json("{\"data\":{\"mark4711\":\"mark4711\"}}"),
            5,
            &shape,
        ),
        FaultCase::fails(
            "duplicate data",
            ScriptedResponse::modified(with_duplicate_data),
            5,
            &["HTTP 200 with JSON that has a duplicate key"],
        ),
        FaultCase::fails(
            "another environment and project",
            ScriptedResponse::modified(with_other_ids),
            5,
            &["the response is for a different"],
        )
        .except(&[("auth login", 0)]),
        FaultCase::fails(
            "100,000 brackets",
            ScriptedResponse::json(format!("{{\"data\":{}", "[".repeat(100_000))),
            5,
            &["HTTP 200"],
        ),
        FaultCase::fails("100,000 brackets in an error", ScriptedResponse::json(deep_error()), 5, &["HTTP 200"]),
        FaultCase::fails("invalid UTF-8", ScriptedResponse::modified(invalid_utf8), 5, &no_json),
        FaultCase::fails("a byte order mark", ScriptedResponse::modified(with_byte_order_mark), 5, &no_json),
        FaultCase::fails(
            "an error without a reason",
            rejection("Problem processing request"),
            5,
            &["Railway failed to process the `"],
        ),
        FaultCase::fails(
            "another schema",
            rejection("Cannot query field 'x' on type 'Y'."),
            5,
            &["upgrade doctor to the latest version"],
        ),
        FaultCase::fails("an unknown token", rejection("Not Authorized"), 4, &["Railway rejected the token from"]),
        FaultCase::passes("unknown statuses", ScriptedResponse::modified(with_new_statuses)).with_timeout(9000).except(
            &[
                ("push", 8),
                ("rotate", 8),
                ("rotate with a file", 8),
                // Whether a deployment with an unknown status is current is unknown.
                ("check without a file", 0),
                ("redeploy", 1),
                ("start command", 8),
                ("pull", 0),
                ("hoist", 0),
            ],
        ),
        FaultCase::fails(
            "a duplicate id",
            ScriptedResponse::modified(with_duplicate_ids),
            5,
            &["HTTP 200 with JSON that has a duplicate key"],
        ),
        FaultCase::passes("errors next to the data", ScriptedResponse::modified(with_error)),
        FaultCase::passes("unknown fields next to the data", ScriptedResponse::modified(with_unknown_fields)),
    ];
    for kind in ["text/plain", "text/html", "application/octet-stream", "application/graphql-response+json", ""] {
        cases.push(FaultCase::passes(format!("JSON as {kind:?}"), ScriptedResponse::with_header("content-type", kind)));
    }
    cases
}

fn truncated(mut body: Vec<u8>) -> Vec<u8> {
    body.truncate(body.len() / 2);
    body
}

fn with_duplicate_data(body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    format!("{{\"data\":null,{}", text.trim_start_matches('{')).into_bytes()
}

fn deep_error() -> String {
    format!("{{\"errors\":[{{\"message\":{}1{}}}],\"data\":null}}", "[".repeat(100_000), "]".repeat(100_000))
}

fn with_other_ids(body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    let text = ["environmentId", "projectId"]
        .iter()
        .fold(text, |text, name| text.replace(&format!("\"{name}\":\""), &format!("\"{name}\":\"another-")));
    text.into_bytes()
}

fn invalid_utf8(body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    let (before, after) = text.split_once("\":").unwrap();
    [before.as_bytes(), b"\xff\xfe\":", after.as_bytes()].concat()
}

fn with_byte_order_mark(mut body: Vec<u8>) -> Vec<u8> {
    body.splice(..0, *b"\xef\xbb\xbf");
    body
}

fn with_error(body: Vec<u8>) -> Vec<u8> {
    if body.windows(8).any(|part| part == b"\"errors\"") {
        return body;
    }
    with_prefix("\"errors\":[{\"message\":\"mark4711-stored is odd\",\"path\":[\"elsewhere\"],\"extensions\":7}]", body)
}

fn with_unknown_fields(body: Vec<u8>) -> Vec<u8> {
    with_prefix("\"extensions\":{\"cost\":[1,2,{\"deep\":null}]},\"hasNext\":false", body)
}

/// Replaces a known status: Railway may add variants to an enum.
fn with_new_statuses(body: Vec<u8>) -> Vec<u8> {
    String::from_utf8(body).unwrap().replace("\"SUCCESS\"", "\"LEVITATING\"").into_bytes()
}

fn with_duplicate_ids(body: Vec<u8>) -> Vec<u8> {
    String::from_utf8(body).unwrap().replace("\"id\":\"", "\"id\":\"mark4711-first\",\"id\":\"").into_bytes()
}

/// Inserts a part at the start of the object.
fn with_prefix(part: &str, body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    format!("{{{part},{}", text.trim_start_matches('{')).into_bytes()
}

fn network() -> Vec<FaultCase> {
    let certificate = "the certificate of backboard.railway.com is not trusted";
    let reach = "failed to connect to backboard.railway.com";
    let tls =
        |name, state, root| FaultCase::network(name, NetworkFault::Tls(state, root), &[certificate, "SSL_CERT_FILE"]);
    vec![
        FaultCase {
            expected: Expected::Unaffected,
            timeout_ms: LONG_TIMEOUT_MS,
            ..FaultCase::network("a proxy", NetworkFault::Tls(CertificateState::Valid, Root::Trusted), &[])
        },
        tls("a certificate for another name", CertificateState::WrongName, Root::Trusted),
        tls("a certificate that has expired", CertificateState::Expired, Root::Trusted),
        tls("a certificate that is not valid yet", CertificateState::NotYetValid, Root::Trusted),
        tls("a certificate from an untrusted root", CertificateState::Valid, Root::Untrusted),
        FaultCase::network(
            "no root certificates",
            NetworkFault::Tls(CertificateState::Valid, Root::Missing),
            &["no root certificates", "install ca-certificates"],
        ),
        FaultCase::network("a proxy whose name does not resolve", NetworkFault::UnresolvableProxy, &[reach]),
        FaultCase::network("a closed proxy port", NetworkFault::ClosedProxyPort, &[reach, "refused", "HTTPS_PROXY"]),
        FaultCase::network(
            "a proxy that requires a password",
            NetworkFault::ProxyResponse("HTTP/1.1 407 No\r\n\r\n"),
            &[reach, "proxy"],
        ),
        FaultCase::network("a proxy without a route", NetworkFault::ProxyResponse("HTTP/1.1 502 No\r\n\r\n"), &[reach]),
        FaultCase::network(
            "a mail server as the proxy",
            NetworkFault::ProxyResponse("220 mail.example.org\r\n\r\n"),
            &[reach],
        ),
        FaultCase::network(
            "a proxy that does not respond",
            NetworkFault::SilentProxy,
            &["no response from backboard.railway.com"],
        ),
        FaultCase::network("a closed port", NetworkFault::ClosedPort, &["failed to connect to 127.0.0.1:", "refused"]),
    ]
}
