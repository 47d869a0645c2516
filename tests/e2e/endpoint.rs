//! Requests of `[[expect.http]]` over a socket: what is sent, and how responses are classified.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use railway_doctor::drift::Secret;
use railway_doctor::drift::redact::Redactor;
use railway_doctor::drift::runtime::{EndpointOutcome, JsonMismatch};
use railway_doctor::io::config::JsonPresence;
use railway_doctor::io::endpoint::{
    Address, AllowedHosts, BodyMode, Domain, DomainStatus, EndpointClient, EndpointRequest, HttpEndpointClient,
    evaluate,
};

const KEY: &str = "mark4711-key";

/// How the server handles each request.
enum Service {
    Responds(Vec<u8>),
    Hangs,
}

/// Serves on a loopback address, and sends the head of each request to the receiver.
fn serve(service: Service) -> (SocketAddr, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heads) = channel();
    thread::spawn(move || {
        let mut hanging = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            if sender.send(head).is_err() {
                return;
            }
            match &service {
                // The write fails if the client closes the connection early.
                Service::Responds(response) => drop(stream.write_all(response)),
                Service::Hangs => hanging.push(stream),
            }
        }
    });
    (address, heads)
}

fn respond(head: &str, body: &[u8]) -> Service {
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    Service::Responds([head.as_bytes(), body].concat())
}

fn request(address: SocketAddr, method: &str, json: &[(&str, &JsonPresence)]) -> EndpointOutcome {
    let domain = Domain { name: address.to_string(), status: DomainStatus::Railways };
    let endpoint = Address::of(&domain, AllowedHosts::Loopback).unwrap();
    let headers = [("x-api-key".to_owned(), Secret::new(KEY))];
    let reading = if json.is_empty() { BodyMode::Status } else { BodyMode::Body };
    let (path, status, time_limit) = ("/status?full=1", Some(200), Duration::from_millis(1500));
    let request = EndpointRequest {
        address: &endpoint,
        method,
        path,
        headers: &headers,
        status,
        reading,
        attempt_timeout: time_limit,
    };
    let redactor = Redactor::default();
    redactor.add("OPS_KEY", &headers[0].1);
    evaluate(HttpEndpointClient.send(&request), &request, json, &redactor)
}

fn status_and_faults(outcome: &EndpointOutcome) -> (u16, &[JsonMismatch]) {
    match outcome {
        EndpointOutcome::Response { status, faults, .. } => (*status, faults),
        other => panic!("{other:?}"),
    }
}

#[test]
fn request_carries_declared_headers_and_no_token() {
    let (address, heads) = serve(respond("200 OK", b"{\"boot_info\": {}, \"none\": null}"));
    let outcome = request(address, "GET", &[("/boot_info", &JsonPresence::Present), ("/none", &JsonPresence::Present)]);
    assert_eq!(status_and_faults(&outcome), (200, &[JsonMismatch::Missing("/none".to_owned())][..]));
    let head = heads.recv().unwrap();
    assert_eq!(head[0], "GET /status?full=1 HTTP/1.1");
    let names: Vec<&str> = head[1..].iter().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["accept", "accept-encoding", "host", "user-agent", "x-api-key"]);
    assert!(head.contains(&format!("x-api-key: {KEY}")));
    assert!(!format!("{outcome:?}").contains(KEY));
}

#[test]
fn redirect_is_the_response_and_is_not_followed() {
    let (elsewhere, other_heads) = serve(respond("200 OK", b"{}"));
    for status in [301, 302, 303, 307, 308] {
        let (address, _heads) = serve(respond(&format!("{status} Moved\r\nlocation: http://{elsewhere}/"), b""));
        assert_eq!(status_and_faults(&request(address, "GET", &[])), (status, &[][..]));
    }
    assert!(other_heads.recv_timeout(Duration::from_millis(200)).is_err(), "a redirect was followed");
}

#[test]
fn unusual_responses_are_classified() {
    let json = [("/a", &JsonPresence::Present)];
    for (service, expected) in [
        (respond("200 OK", b"<html>"), (200, vec![JsonMismatch::NotJson])),
        (respond("200 OK", b"{\"a\": 1"), (200, vec![JsonMismatch::NotJson])),
        (respond("401 Unauthorized", b"{\"detail\": \"no\"}"), (401, vec![])),
        (respond("503 Gone", &[b'x'; 9]), (503, vec![])),
    ] {
        let (address, _heads) = serve(service);
        let outcome = request(address, "GET", &json);
        let (status, faults) = status_and_faults(&outcome);
        assert_eq!((status, faults.to_vec()), expected);
    }
    let (address, _heads) = serve(respond("200 OK", &vec![b' '; (1 << 20) + 1]));
    let EndpointOutcome::None { why, .. } = request(address, "GET", &json) else { panic!("the body was accepted") };
    assert_eq!(why, "its response exceeds 1 MiB");
    // If only the status is expected, the body is not read.
    let (address, _heads) = serve(respond("200 OK", &vec![b' '; 8 << 20]));
    assert_eq!(status_and_faults(&request(address, "GET", &[])), (200, &[][..]));
}

#[test]
fn body_of_refused_request_is_kept_without_the_key() {
    let body = |outcome: EndpointOutcome| match outcome {
        EndpointOutcome::Response { body, .. } => body.map(|body| (body.text, body.bytes)),
        other => panic!("{other:?}"),
    };
    let text = format!("{{\"detail\": \"{KEY} is old\"}}");
    let (address, _heads) = serve(respond("401 Unauthorized", text.as_bytes()));
    assert_eq!(body(request(address, "GET", &[])), Some(("{\"detail\": \"••• is old\"}".to_owned(), text.len())));
    let (address, _heads) = serve(respond("200 OK", text.as_bytes()));
    assert_eq!(body(request(address, "GET", &[])), None, "an expected status keeps no body");
    // The status is reported even if the body is incomplete or too long.
    for incomplete in [
        &b"HTTP/1.1 500 No\r\ncontent-length: 50\r\n\r\npart"[..],
        b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\nzz",
    ] {
        let (address, _heads) = serve(Service::Responds(incomplete.to_vec()));
        let outcome = request(address, "GET", &[]);
        assert_eq!(status_and_faults(&outcome).0, 500);
        assert_eq!(body(outcome), None);
    }
    let (address, _heads) = serve(respond("500 No", &vec![b'x'; (1 << 20) + 1]));
    assert_eq!(body(request(address, "GET", &[])), None);
}

#[test]
fn other_methods_are_sent_unchanged() {
    for method in ["HEAD", "POST", "DELETE"] {
        let (address, heads) = serve(respond("200 OK", b""));
        assert_eq!(status_and_faults(&request(address, method, &[])).0, 200);
        assert_eq!(heads.recv().unwrap()[0], format!("{method} /status?full=1 HTTP/1.1"));
    }
}

#[test]
fn missing_response_has_a_reason() {
    let (address, _heads) = serve(Service::Hangs);
    let EndpointOutcome::None { why, .. } = request(address, "GET", &[]) else { panic!("unexpected response") };
    assert_eq!(why, "no response within 1 s");
    // The system never assigns this port, whereas another test may get one that was free.
    let closed = ([127, 0, 0, 1], 1).into();
    let EndpointOutcome::None { why, .. } = request(closed, "GET", &[]) else { panic!("unexpected response") };
    assert!(why.starts_with("no connection: ") && !why.contains("status"), "{why}");
}
