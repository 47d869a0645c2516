//! Declared requests over a real socket: what is sent, what comes of the answer, and what never leaves.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use railway_doctor::drift::Secret;
use railway_doctor::drift::redact::Redactor;
use railway_doctor::drift::runtime::{EndpointOutcome, JsonFault};
use railway_doctor::io::config::JsonPresence;
use railway_doctor::io::endpoint::{
    Address, AllowedHosts, BodyMode, Caller, Domain, DomainStatus, EndpointClient, EndpointRequest, judge,
};

const KEY: &str = "mark4711-key";

/// What to do with each request.
enum Service {
    Says(Vec<u8>),
    Hangs,
}

/// Serves on a loopback address, and tells the head of each request.
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
                // The client may have gone when it has read enough.
                Service::Says(answer) => drop(stream.write_all(answer)),
                Service::Hangs => hanging.push(stream),
            }
        }
    });
    (address, heads)
}

fn says(head: &str, body: &[u8]) -> Service {
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    Service::Says([head.as_bytes(), body].concat())
}

fn ask(address: SocketAddr, method: &str, json: &[(&str, &JsonPresence)]) -> EndpointOutcome {
    let domain = Domain { name: address.to_string(), standing: DomainStatus::Railways };
    let there = Address::of(&domain, AllowedHosts::Loopback).unwrap();
    let headers = [("x-api-key".to_owned(), Secret::new(KEY))];
    let reading = if json.is_empty() { BodyMode::Status } else { BodyMode::Body };
    let (path, status, patience) = ("/status?full=1", Some(200), Duration::from_millis(1500));
    let question = EndpointRequest { address: &there, method, path, headers: &headers, status, reading, patience };
    let scrubber = Redactor::default();
    scrubber.add("OPS_KEY", &headers[0].1);
    judge(Caller.ask(&question), &question, json, &scrubber)
}

fn came(answer: &EndpointOutcome) -> (u16, &[JsonFault]) {
    match answer {
        EndpointOutcome::Came { status, faults, .. } => (*status, faults),
        other => panic!("{other:?}"),
    }
}

#[test]
fn request_carries_declared_headers_and_no_token() {
    let (address, told) = serve(says("200 OK", b"{\"boot_info\": {}, \"none\": null}"));
    let answer = ask(address, "GET", &[("/boot_info", &JsonPresence::Present), ("/none", &JsonPresence::Present)]);
    assert_eq!(came(&answer), (200, &[JsonFault::Missing("/none".to_owned())][..]));
    let head = told.recv().unwrap();
    assert_eq!(head[0], "GET /status?full=1 HTTP/1.1");
    let names: Vec<&str> = head[1..].iter().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["accept", "accept-encoding", "host", "user-agent", "x-api-key"]);
    assert!(head.contains(&format!("x-api-key: {KEY}")));
    assert!(!format!("{answer:?}").contains(KEY));
}

#[test]
fn redirect_is_the_response_and_is_not_followed() {
    let (elsewhere, heard) = serve(says("200 OK", b"{}"));
    for status in [301, 302, 303, 307, 308] {
        let (address, _told) = serve(says(&format!("{status} Moved\r\nlocation: http://{elsewhere}/"), b""));
        assert_eq!(came(&ask(address, "GET", &[])), (status, &[][..]));
    }
    assert!(heard.recv_timeout(Duration::from_millis(200)).is_err(), "somebody was led elsewhere");
}

#[test]
fn unusual_responses_are_classified() {
    let json = [("/a", &JsonPresence::Present)];
    for (service, expected) in [
        (says("200 OK", b"<html>"), (200, vec![JsonFault::NotJson])),
        (says("200 OK", b"{\"a\": 1"), (200, vec![JsonFault::NotJson])),
        (says("401 Unauthorized", b"{\"detail\": \"no\"}"), (401, vec![])),
        (says("503 Gone", &[b'x'; 9]), (503, vec![])),
    ] {
        let (address, _told) = serve(service);
        let answer = ask(address, "GET", &json);
        let (status, faults) = came(&answer);
        assert_eq!((status, faults.to_vec()), expected);
    }
    let (address, _told) = serve(says("200 OK", &vec![b' '; (1 << 20) + 1]));
    let EndpointOutcome::None { why, .. } = ask(address, "GET", &json) else { panic!("it was read") };
    assert_eq!(why, "its answer is longer than 1 MiB, and was not read to its end");
    // Where the status is all that is wanted, nobody reads on.
    let (address, _told) = serve(says("200 OK", &vec![b' '; 8 << 20]));
    assert_eq!(came(&ask(address, "GET", &[])), (200, &[][..]));
}

#[test]
fn body_of_refused_request_is_kept_without_the_key() {
    let body = |answer: EndpointOutcome| match answer {
        EndpointOutcome::Came { body, .. } => body.map(|body| (body.text, body.bytes)),
        other => panic!("{other:?}"),
    };
    let said = format!("{{\"detail\": \"{KEY} is old\"}}");
    let (address, _told) = serve(says("401 Unauthorized", said.as_bytes()));
    assert_eq!(body(ask(address, "GET", &[])), Some(("{\"detail\": \"••• is old\"}".to_owned(), said.len())));
    let (address, _told) = serve(says("200 OK", said.as_bytes()));
    assert_eq!(body(ask(address, "GET", &[])), None, "nothing is wrong");
    // A body that does not end, or is too long, takes nothing from what the status tells.
    for unended in [
        &b"HTTP/1.1 500 No\r\ncontent-length: 50\r\n\r\npart"[..],
        b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\nzz",
    ] {
        let (address, _told) = serve(Service::Says(unended.to_vec()));
        let answer = ask(address, "GET", &[]);
        assert_eq!(came(&answer).0, 500);
        assert_eq!(body(answer), None);
    }
    let (address, _told) = serve(says("500 No", &vec![b'x'; (1 << 20) + 1]));
    assert_eq!(body(ask(address, "GET", &[])), None);
}

#[test]
fn other_methods_are_sent_unchanged() {
    for method in ["HEAD", "POST", "DELETE"] {
        let (address, told) = serve(says("200 OK", b""));
        assert_eq!(came(&ask(address, method, &[])).0, 200);
        assert_eq!(told.recv().unwrap()[0], format!("{method} /status?full=1 HTTP/1.1"));
    }
}

#[test]
fn missing_response_has_a_reason() {
    let (address, _told) = serve(Service::Hangs);
    let EndpointOutcome::None { why, .. } = ask(address, "GET", &[]) else { panic!("an answer came") };
    assert_eq!(why, "no answer within 1 s");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let EndpointOutcome::None { why, .. } = ask(free, "GET", &[]) else { panic!("an answer came") };
    assert!(why.starts_with("no connection: ") && !why.contains("status"), "{why}");
}
