//! Tests of the test server: HTTP, faults of the `Sim`, and misbehaviours.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use railway_doctor::io::railway::transport::TransportFailure;
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::fault::{Fault, Loss, Moment};
use railway_doctor::io::sim::seed::{self, ACCOUNT_TOKEN, PROJECT_TOKEN};
use railway_doctor::io::sim::status_timeline::StatusTimeline;

use crate::server::{Misbehaviour, Served};

const PROBE: &str = r#"{"operationName":"ApiTokenProbe","query":"query ApiTokenProbe { … }","variables":{}}"#;
const PROJECT_PROBE: &str = r#"{"operationName":"ProjectTokenProbe","query":"query ProjectTokenProbe { … }"}"#;

fn served() -> Served {
    Served::start(Sim::new(seed::incident::estate()))
}

struct Client(BufReader<TcpStream>);

struct Response {
    status: String,
    headers: Vec<String>,
    body: String,
}

impl Client {
    fn connect(served: &Served) -> Self {
        let url = served.url();
        let address = url.trim_start_matches("http://").trim_end_matches("/graphql/v2");
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
        Self(BufReader::new(stream))
    }

    fn post(&mut self, token: &str, body: &str) -> std::io::Result<Response> {
        self.request("POST /graphql/v2?source=doctor", token, body)
    }

    fn request(&mut self, line: &str, token: &str, body: &str) -> std::io::Result<Response> {
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: x\r\n{token}\r\nContent-Type: application/json\r\nContent-Length: {length}"
        );
        self.0.get_mut().write_all(format!("{head}\r\n\r\n{body}").as_bytes())?;
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")).and_then(|it| it.parse().ok());
        let mut body = vec![0; length.ok_or(ErrorKind::InvalidData)?];
        self.0.read_exact(&mut body)?;
        let status = lines.remove(0);
        Ok(Response { status, headers: lines, body: String::from_utf8(body).expect("UTF-8") })
    }
}

fn bearer() -> String {
    format!("Authorization: Bearer {ACCOUNT_TOKEN}")
}

#[test]
fn serves_several_requests_per_connection_with_headers() {
    let served = served();
    let mut client = Client::connect(&served);
    let first = client.post(&bearer(), PROBE).expect("a response");
    assert!(first.status.starts_with("HTTP/1.1 200 ") && first.body.contains("agentverse"), "{}", first.body);
    assert!(first.headers.contains(&"content-type: application/json; charset=utf-8".to_owned()));
    assert!(first.headers.contains(&"ratelimit-policy: \"default\";q=10000;w=3600".to_owned()));
    let second = client.post(&format!("PROJECT-ACCESS-TOKEN: {PROJECT_TOKEN}"), PROJECT_PROBE).expect("a response");
    assert!(second.body.contains("staging"), "{}", second.body);
    let third = client.post("Accept: */*", PROBE).expect("a response");
    assert!(third.body.contains("Not Authorized"), "{}", third.body);
    Client::connect(&served).post(&bearer(), PROBE).expect("a response");

    let received = served.received();
    assert_eq!(received.iter().map(|request| request.connection).collect::<Vec<_>>(), [1, 1, 1, 2]);
    assert_eq!(received[0].line, "POST /graphql/v2?source=doctor HTTP/1.1");
    assert_eq!(received[0].header("authorization"), Some(&bearer()["Authorization: ".len()..]));
    assert_eq!(received[1].header("project-access-token"), Some(PROJECT_TOKEN));
    assert_eq!(received[2].header("authorization"), None);
    assert_eq!(served.sim.count(), 4);
}

#[test]
fn simulated_faults_are_sent_over_the_wire() {
    let served = served();
    served.sim.fault(Fault::reply(429, "slow down").header("retry-after", "7").header("x-ratelimit-remaining", "0"));
    served
        .sim
        .fault(Fault::reply(307, "").header("location", "http://127.0.0.1:9/").header("content-type", "text/html"));
    served.sim.fault(Fault::failure(TransportFailure::Broken("reset".into())));
    let mut client = Client::connect(&served);
    let limited = client.post(&bearer(), PROBE).expect("a response");
    assert!(limited.status.starts_with("HTTP/1.1 429 ") && limited.body == "slow down");
    assert!(limited.headers.contains(&"retry-after: 7".to_owned()));
    assert!(limited.headers.contains(&"x-ratelimit-remaining: 0".to_owned()));
    let moved = client.post(&bearer(), PROBE).expect("a response");
    assert!(moved.headers.contains(&"location: http://127.0.0.1:9/".to_owned()));
    assert!(moved.headers.contains(&"content-type: text/html".to_owned()));
    assert_eq!(client.post(&bearer(), PROBE).err().map(|error| error.kind()), Some(ErrorKind::UnexpectedEof));
}

#[test]
fn misbehaviour_affects_one_request() {
    for (misbehaviour, expected) in [
        (Misbehaviour::CloseBeforeResponse, ErrorKind::UnexpectedEof),
        (Misbehaviour::CloseMidBody, ErrorKind::UnexpectedEof),
        (Misbehaviour::Hang, ErrorKind::WouldBlock),
        (Misbehaviour::Trickle(Duration::from_secs(60)), ErrorKind::WouldBlock),
        (Misbehaviour::Raw(b"220 mail.example.org ESMTP\r\n\r\n"), ErrorKind::InvalidData),
    ] {
        let served = served();
        served.misbehave(misbehaviour);
        let failed = Client::connect(&served).post(&bearer(), PROBE).err().map(|error| match error.kind() {
            // Windows reports a timeout as this kind.
            ErrorKind::TimedOut => ErrorKind::WouldBlock,
            kind => kind,
        });
        assert_eq!(failed, Some(expected));
        let response = Client::connect(&served).post(&bearer(), PROBE).expect("a response");
        assert!(response.status.starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn trickling_response_completes() {
    let served = served();
    served.misbehave(Misbehaviour::Trickle(Duration::from_micros(10)));
    let response = Client::connect(&served).post(&bearer(), PROBE).expect("a response");
    assert!(response.body.ends_with('}'));
}

#[test]
fn invalid_client_request_fails_its_test() {
    for (line, body) in [
        ("GET /graphql/v2", PROBE),
        ("POST /graphql/v3", PROBE),
        ("POST /graphql/v2?token=x", PROBE),
        ("POST /graphql/v2", r#"{"operationName":"Everything","query":"query Everything { … }"}"#),
    ] {
        let served = served();
        let response = Client::connect(&served).request(line, &bearer(), body).expect("a response");
        assert!(response.status.starts_with("HTTP/1.1 40"), "{}", response.status);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(served))).is_err(), "{line}");
    }
}

#[test]
fn redeploy_with_lost_response_is_applied_between_other_writes() {
    let served = served();
    let worker = "agentverse-worker-staging";
    served.sim.fault(Fault::lost(Moment::After, Loss::Reset).on("Redeploy"));
    served.sim.before("Redeploy", move |estate| {
        estate.service_named(worker).expect("the service exists").set("APP_ENV", "concurrent");
    });
    served.sim.after("Redeploy", move |estate| drop(estate.deploy(worker, StatusTimeline::failing_build("no"))));
    let running =
        served.sim.change(|estate| estate.service_named(worker).expect("the service exists").deployments[0].id.clone());
    let body = r#"{"operationName":"Redeploy","query":"mutation Redeploy { … }","variables":{"deploymentId":"ID"}}"#;
    let lost = Client::connect(&served).post(&bearer(), &body.replace("ID", &running));
    assert!(lost.is_err());
    let mutations = served.sim.mutations();
    assert_eq!((mutations.len(), mutations[0].applied, mutations[0].deployments.len()), (1, true, 1));
    let deployments =
        served.sim.change(|estate| estate.service_named(worker).expect("the service exists").deployments.clone());
    assert_eq!(deployments.len(), 3);
    let value = deployments[1].captured["APP_ENV"].rendered.as_ref().expect("a rendered value");
    assert_eq!((deployments[1].id.as_str(), value.expose()), (mutations[0].deployments[0].as_str(), "concurrent"));
}
