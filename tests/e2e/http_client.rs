//! The HTTP client over a socket: headers, connection reuse, timeouts, broken bodies, redirects.

use std::time::Duration;

use railway_doctor::drift::Secret;
use railway_doctor::io::railway::http::{Endpoint, Http};
use railway_doctor::io::railway::transport::{HttpRequest, HttpResponse, Scheme, Transport, TransportFailure};
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::fault::Fault;
use railway_doctor::io::sim::seed::{self, ACCOUNT_TOKEN, PROJECT_TOKEN};

use crate::server::{Misbehaviour, Served};

const BODY: &str = r#"{"operationName":"ApiTokenProbe","query":"query ApiTokenProbe { … }","variables":{}}"#;
const PROJECT_BODY: &str =
    r#"{"operationName":"ProjectTokenProbe","query":"query ProjectTokenProbe { … }","variables":{}}"#;

fn served() -> Served {
    Served::start(Sim::new(seed::incident::estate()))
}

fn http(served: &Served) -> Http {
    Http::new(Endpoint::loopback(&served.url()).unwrap()).unwrap()
}

fn post(http: &Http, (token, scheme): (&str, Scheme), body: &str) -> Result<HttpResponse, TransportFailure> {
    let token = Secret::new(token);
    let time_limit = Duration::from_millis(700);
    http.post(&HttpRequest {
        operation: "ApiTokenProbe",
        body,
        token: &token,
        scheme,
        remaining: time_limit,
        time_limit,
        attempt: 1,
    })
}

fn probe(http: &Http) -> Result<HttpResponse, TransportFailure> {
    post(http, (ACCOUNT_TOKEN, Scheme::Bearer), BODY)
}

#[test]
fn each_token_kind_sends_only_its_own_header() {
    let served = served();
    let http = http(&served);
    assert_eq!(probe(&http).unwrap().status, 200);
    assert_eq!(post(&http, (PROJECT_TOKEN, Scheme::Project), PROJECT_BODY).unwrap().status, 200);
    let received = served.received();
    assert_eq!(received[0].line, "POST /graphql/v2 HTTP/1.1");
    assert_eq!(received[0].header("authorization"), Some(format!("Bearer {ACCOUNT_TOKEN}").as_str()));
    assert_eq!(received[0].header("project-access-token"), None);
    assert_eq!(received[1].header("project-access-token"), Some(PROJECT_TOKEN));
    assert_eq!(received[1].header("authorization"), None);
    for request in &received {
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("accept-encoding"), Some("gzip"));
        assert!(request.header("user-agent").unwrap().starts_with("railway-doctor/"));
        let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.retain(|name| !matches!(*name, "authorization" | "project-access-token"));
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"]);
    }
    assert_eq!(received[0].connection, received[1].connection, "both requests use one connection");
}

#[test]
fn closed_connection_is_an_error_and_not_an_empty_response() {
    let served = served();
    for misbehaviour in [
        Misbehaviour::CloseBeforeResponse,
        Misbehaviour::CloseMidBody,
        Misbehaviour::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{"),
        Misbehaviour::Raw(b"not HTTP\r\n\r\n"),
    ] {
        served.misbehave(misbehaviour);
        let failure = probe(&http(&served)).unwrap_err();
        assert!(matches!(failure, TransportFailure::Broken(_)), "{failure:?}");
    }
}

#[test]
fn timeout_covers_the_whole_attempt_including_the_body() {
    for misbehaviour in [Misbehaviour::Hang, Misbehaviour::Trickle(Duration::from_millis(100))] {
        let served = served();
        served.misbehave(misbehaviour);
        assert_eq!(probe(&http(&served)).unwrap_err(), TransportFailure::TimedOut);
    }
}

#[test]
fn redirect_is_not_followed() {
    let served = served();
    let elsewhere = crate::http_client::served();
    served.sim.fault(Fault::reply(307, "").header("location", &elsewhere.url()));
    let reply = probe(&http(&served)).unwrap();
    assert_eq!((reply.status, reply.location), (307, Some(elsewhere.url())));
    assert_eq!(elsewhere.received().len(), 0);
}

#[test]
fn refused_connection_means_nothing_was_sent() {
    let url = served().url();
    let http = Http::new(Endpoint::loopback(&url).unwrap()).unwrap();
    assert!(matches!(probe(&http).unwrap_err(), TransportFailure::NotSent(_)));
}

#[test]
fn rate_limit_headers_are_kept() {
    let served = served();
    served
        .sim
        .fault(Fault::reply(429, "{}").header("retry-after", "3").header("ratelimit-policy", "\"default\";q=1000"));
    let reply = probe(&http(&served)).unwrap();
    assert_eq!(reply.retry_after.as_deref(), Some("3"));
    assert_eq!(reply.rate, [("ratelimit-policy".to_owned(), "\"default\";q=1000".to_owned())]);
}
