//! The rows: every fault there is.

use std::time::Duration;

use crate::bad_responses::{Answer, Where};
use crate::certificate::Fit;
use crate::fault::{AMPLE, Ends, Root, Row, Way};

/// All of them. `elsewhere` is an address to which nothing may be sent.
pub(crate) fn rows(elsewhere: &str) -> Vec<Row> {
    [timing(), broken(), large(), pages(), limits(), redirects(elsewhere), odd(), ways()]
        .into_iter()
        .flatten()
        .collect()
}

fn timing() -> Vec<Row> {
    let late = ["no answer from 127.0.0.1:"];
    vec![
        Row::passes("latency", Answer::late(Duration::from_millis(150))),
        Row::fails("a hang", Answer::nothing(), 5, &late).within(2000),
        Row::fails("a drip", Answer::dripping(Duration::from_millis(100)), 5, &late).within(2000),
        Row::passes("a clock that is decades behind", Answer::with_header("date", "Thu, 01 Jan 1970 00:00:00 GMT")),
        Row::passes("a clock that is ages ahead", Answer::with_header("date", "Fri, 31 Dec 9999 23:59:59 GMT")),
        Row::passes("a clock that is none", Answer::with_header("date", "soon")),
    ]
}

fn broken() -> Vec<Row> {
    let broke = ["can't reach 127.0.0.1:", "the connection broke"];
    let raw = Answer::raw;
    let packed = [("content-type", "application/json"), ("content-encoding", "gzip")];
    vec![
        Row::fails("a connection that closes", Answer::closing(Where::Before), 5, &broke),
        Row::fails("a connection that closes in the body", Answer::closing(Where::Inside), 5, &broke),
        Row::fails("a reset", Answer::reset(Where::Before), 5, &broke),
        Row::fails("a reset in the body", Answer::reset(Where::Inside), 5, &broke),
        Row::fails("another protocol", raw("220 mail.example.org ESMTP\r\n\r\n"), 5, &broke),
        Row::fails("TLS where there should be none", Answer::raw([21, 3, 1, 0, 2, 2, 10]), 5, &broke),
        Row::fails(
            "a chunk that is none",
            raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZ\r\n"),
            5,
            &broke,
        ),
        Row::fails("gzip that is none", Answer::page(200, &packed, "{\"data\":{}}"), 5, &["127.0.0.1:"]),
        Row::fails(
            "JSON that breaks off",
            Answer::changed(half),
            5,
            &["HTTP 200 with an answer that breaks off after"],
        ),
        Row::fails("no body", Answer::json(""), 5, &["HTTP 200 with an empty body"]),
        Row::fails("nothing but a status", Answer::page(204, &[], ""), 5, &["HTTP 204 with an empty body"]),
    ]
}

/// With the memory that they take.
fn large() -> Vec<Row> {
    let long = ["an answer longer than anything Railway sends"];
    vec![
        Row::fails("100 MiB", Answer::large(), 5, &long).watched(),
        Row::fails("a body without end", Answer::without_end(), 5, &long).watched(),
        Row::fails("headers without end", Answer::headers_without_end(), 5, &["the connection broke"]).watched(),
        Row::fails("a gzip bomb", Answer::bomb(), 5, &long).watched(),
    ]
}

/// A gateway's page, for every status that one has.
fn pages() -> Vec<Row> {
    let html = [("content-type", "text/html; charset=UTF-8")];
    let page = |status: u16| Answer::page(status, &html, format!("<html><h1>{status}</h1>mark4711-stored</html>"));
    let json = [("content-type", "application/json")];
    let mut rows = Vec::new();
    for status in [200, 400, 404, 408, 421, 500].into_iter().chain(520..=526).chain([530]) {
        let says = format!("HTTP {status} with a web page: a gateway, a proxy or a sign-in page stands between");
        let row = Row::fails(format!("a page with {status}"), page(status), 5, &[&says]);
        rows.push(if status > 520 { row.thin() } else { row });
    }
    for status in [502, 503, 504] {
        let says = format!("a gateway answered HTTP {status}, not Railway itself");
        rows.push(Row::fails(format!("a page with {status}"), page(status), 5, &[&says]));
        rows.push(Row::fails(format!("an empty {status}"), Answer::page(status, &[], ""), 5, &[&says]).thin());
    }
    for status in [400, 404, 500, 520] {
        let says = format!("HTTP {status}, with neither data nor an error in it");
        let answer = Answer::page(status, &json, "{\"error\":\"mark4711-stored\"}");
        rows.push(Row::fails(format!("other JSON with {status}"), answer, 5, &[&says]).thin());
    }
    let blocked = "something in front of 127.0.0.1:";
    for status in [401, 403] {
        let row = |what: &str, answer, says: &str| {
            Row::fails(format!("{what} with {status}"), answer, 5, &[blocked, &format!("HTTP {status} with {says}")])
        };
        rows.push(row("a page", page(status), "a web page"));
        rows.push(row("nothing", Answer::page(status, &json, ""), "an empty body").thin());
        let gateway = Answer::page(status, &json, "{\"message\":\"mark4711-stored\"}");
        rows.push(row("a gateway's JSON", gateway, "JSON that is not a GraphQL response").thin());
        let plain = [("content-type", "text/plain"), ("server", "cloudflare"), ("cf-ray", "mark4711-SIN")];
        let cloudflare = Answer::page(status, &plain, "error code: 1010");
        rows.push(row("Cloudflare's code", cloudflare, "Cloudflare's `error code: 1010`: the client signature"));
        let own = Answer::page(status, &json, "{\"errors\":[{\"message\":\"Forbidden\"}]}");
        rows.push(Row::fails(format!("Railway's own {status}"), own, 4, &["Railway refused the token from"]).thin());
    }
    rows.push(Row::fails("a page with 413", page(413), 5, &["too large"]));
    rows
}

/// 429, with every way to say for how long.
fn limits() -> Vec<Row> {
    let limited = |headers: &[(&str, &str)]| {
        let page = [("content-type", "text/html")];
        Answer::page(429, &[&page, headers].concat(), "<html>slow down</html>")
    };
    let what = "Railway limits the rate of requests";
    let refused = "Railway refused every try";
    let after = |value| limited(&[("retry-after", value)]);
    let by_another_clock =
        [("date", "Mon, 23 Nov 2020 12:00:00 GMT"), ("retry-after", "Mon, 23 Nov 2020 12:30:00 GMT")];
    let row =
        |name: &str, answer, says: &[&str]| Row::fails(format!("429 {name}"), answer, 5, &[&[what], says].concat());
    vec![
        row("without a word", limited(&[]), &[refused]).within(1500),
        row("for no time", after("0"), &["asks to wait"]),
        row("for a second", after("1"), &["asks to wait 1 s"]).within(1900),
        row("for an hour", after("3600"), &["asks to wait 3600 s, longer than", "run it again in 3600 s"]),
        row("until a date long ago", after("Mon, 23 Nov 2020 12:00:00 GMT"), &["asks to wait"]),
        row("until a date far ahead", after("Fri, 31 Dec 2100 23:59:59 GMT"), &["asks to wait", "longer than"]),
        row("until a date by another clock", limited(&by_another_clock), &["asks to wait 1800 s, longer than"]),
        row("for nonsense", after("soon"), &[refused]),
        row("for less than nothing", after("-5"), &[refused]),
        row("for ages", after("99999999999999999999999"), &[refused]),
        row("with X-RateLimit", limited(&[("x-ratelimit-limit", "100")]), &["its limit is 100 requests"]),
        row(
            "with a policy",
            limited(&[("ratelimit-policy", "\"default\";q=1000;w=3600")]),
            &["1000 requests in 3600 s"],
        ),
        row(
            "by the edge",
            Answer::page(429, &[], "error code: 1015"),
            &["Cloudflare, Railway's edge, refused every try"],
        ),
    ]
}

fn redirects(elsewhere: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        let to = |place: &str| Answer::page(status, &[("location", place)], "");
        let says = ["redirects to http://127.0.0.1:", "was not followed"];
        rows.push(Row::fails(format!("{status} to another host"), to(&format!("{elsewhere}/mark4711")), 5, &says));
        let says = ["redirects to another path", "was not followed"];
        rows.push(Row::fails(format!("{status} to the same host"), to("/elsewhere/graphql/v2"), 5, &says).thin());
    }
    rows.push(Row::fails("307 to nowhere", Answer::page(307, &[], ""), 5, &["redirects to"]));
    rows
}

/// JSON that no reader expects.
fn odd() -> Vec<Row> {
    let no_data = ["HTTP 200, with neither data nor an error in it"];
    let shape = ["HTTP 200 with an answer of another shape than expected"];
    let no_json = ["HTTP 200 with a body that is no JSON"];
    let refusal = |message: &str| Answer::json(format!("{{\"errors\":[{{\"message\":\"{message}\"}}],\"data\":null}}"));
    let mut rows = vec![
        Row::fails("null data", Answer::json("{\"data\":null}"), 5, &no_data),
        Row::fails("nothing in it", Answer::json("{}"), 5, &no_data),
        Row::fails("no object", Answer::json("[]"), 5, &["HTTP 200"]),
        Row::fails("data of another shape", Answer::json("{\"data\":{\"mark4711\":\"mark4711\"}}"), 5, &shape),
        Row::fails("data twice", Answer::changed(twice), 5, &["HTTP 200, with the same key twice in one object"]),
        Row::fails(
            "another environment and project",
            Answer::changed(of_another_target),
            5,
            &["the response is about another"],
        )
        .but(&[("auth login", 0)]),
        Row::fails("100,000 brackets", Answer::json(format!("{{\"data\":{}", "[".repeat(100_000))), 5, &["HTTP 200"]),
        Row::fails("100,000 brackets in an error", Answer::json(deep_error()), 5, &["HTTP 200"]),
        Row::fails("no UTF-8", Answer::changed(no_unicode), 5, &no_json),
        Row::fails("a byte order mark", Answer::changed(marked), 5, &no_json),
        Row::fails("a failure without a word", refusal("Problem processing request"), 5, &["Railway could not answer"]),
        Row::fails("another schema", refusal("Cannot query field 'x' on type 'Y'."), 5, &["install the newest doctor"]),
        Row::fails("nobody's token", refusal("Not Authorized"), 4, &["Railway refused the token from"]),
        Row::passes("statuses that nobody knows", Answer::changed(with_new_statuses)).within(9000).but(&[
            ("push", 8),
            ("redeploy", 1),
            ("start command", 8),
            ("pull", 0),
        ]),
        Row::fails(
            "an id twice",
            Answer::changed(with_an_id_twice),
            5,
            &["HTTP 200, with the same key twice in one object"],
        ),
        Row::passes("errors beside the data", Answer::changed(with_error)),
        Row::passes("what nobody knows beside the data", Answer::changed(with_more)),
    ];
    for kind in ["text/plain", "text/html", "application/octet-stream", "application/graphql-response+json", ""] {
        rows.push(Row::passes(format!("JSON as {kind:?}"), Answer::with_header("content-type", kind)).thin());
    }
    rows
}

fn half(mut body: Vec<u8>) -> Vec<u8> {
    body.truncate(body.len() / 2);
    body
}

fn twice(body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    format!("{{\"data\":null,{}", text.trim_start_matches('{')).into_bytes()
}

fn deep_error() -> String {
    format!("{{\"errors\":[{{\"message\":{}1{}}}],\"data\":null}}", "[".repeat(100_000), "]".repeat(100_000))
}

fn of_another_target(body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    let changed = ["environmentId", "projectId"]
        .iter()
        .fold(text, |text, name| text.replace(&format!("\"{name}\":\""), &format!("\"{name}\":\"another-")));
    changed.into_bytes()
}

fn no_unicode(body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    let (before, after) = text.split_once("\":").unwrap();
    [before.as_bytes(), b"\xff\xfe\":", after.as_bytes()].concat()
}

fn marked(mut body: Vec<u8>) -> Vec<u8> {
    body.splice(..0, *b"\xef\xbb\xbf");
    body
}

fn with_error(body: Vec<u8>) -> Vec<u8> {
    if body.windows(8).any(|part| part == b"\"errors\"") {
        return body;
    }
    with("\"errors\":[{\"message\":\"mark4711-stored is odd\",\"path\":[\"elsewhere\"],\"extensions\":7}]", body)
}

fn with_more(body: Vec<u8>) -> Vec<u8> {
    with("\"extensions\":{\"cost\":[1,2,{\"deep\":null}]},\"hasNext\":false", body)
}

/// Enums grow.
fn with_new_statuses(body: Vec<u8>) -> Vec<u8> {
    String::from_utf8(body).unwrap().replace("\"SUCCESS\"", "\"LEVITATING\"").into_bytes()
}

fn with_an_id_twice(body: Vec<u8>) -> Vec<u8> {
    String::from_utf8(body).unwrap().replace("\"id\":\"", "\"id\":\"mark4711-first\",\"id\":\"").into_bytes()
}

/// The same object with this in front.
fn with(part: &str, body: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(body).unwrap();
    format!("{{{part},{}", text.trim_start_matches('{')).into_bytes()
}

fn ways() -> Vec<Row> {
    let certificate = "can't trust the certificate of backboard.railway.com";
    let reach = "can't reach backboard.railway.com";
    let tls = |name, fit, root| Row::way(name, Way::Tls(fit, root), &[certificate, "SSL_CERT_FILE"]);
    vec![
        Row { ends: Ends::AsEver, limit: AMPLE, ..Row::way("a proxy", Way::Tls(Fit::Right, Root::Known), &[]) },
        tls("a certificate of another name", Fit::OfAnotherName, Root::Known),
        tls("a certificate that has expired", Fit::Expired, Root::Known),
        tls("a certificate of the future", Fit::NotYet, Root::Known),
        tls("a certificate of an unknown root", Fit::Right, Root::Unknown),
        Row::way(
            "no roots at all",
            Way::Tls(Fit::Right, Root::None),
            &["no root certificates", "install ca-certificates"],
        ),
        Row::way("a proxy whose name nobody knows", Way::NoName, &[reach]),
        Row::way("a proxy that is not there", Way::NoPort, &[reach, "refused", "HTTPS_PROXY"]),
        Row::way("a proxy that wants a password", Way::Refuses("HTTP/1.1 407 No\r\n\r\n"), &[reach, "proxy"]),
        Row::way("a proxy that gets nowhere", Way::Refuses("HTTP/1.1 502 No\r\n\r\n"), &[reach]),
        Row::way("a proxy that is none", Way::Refuses("220 mail.example.org\r\n\r\n"), &[reach]),
        Row::way("a proxy that says nothing", Way::Silent, &["no answer from backboard.railway.com"]),
        Row::way("a port on which nobody listens", Way::Nobody, &["can't reach 127.0.0.1:", "refused"]),
    ]
}
