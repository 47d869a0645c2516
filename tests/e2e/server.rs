//! Serves the simulated Railway over HTTP on a loopback socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use railway_doctor::drift::Secret;
use railway_doctor::io::railway::transport::{HttpResponse, Scheme};
use railway_doctor::io::sim::Sim;

/// A [`Sim`] on `127.0.0.1` until it is dropped. The drop panics if a client sent an invalid request.
pub(crate) struct Served {
    pub(crate) sim: Sim,
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// A connection-level failure of one request. Wrong statuses, redirects and bodies are faults of the `Sim`.
pub(crate) enum Misbehaviour {
    /// Closes the connection after it has read the request.
    CloseBeforeResponse,
    /// Closes the connection in the middle of the response body.
    CloseMidBody,
    /// Never responds.
    Hang,
    /// Responds once this many requests have been received in total.
    WaitForRequests(usize),
    /// Sends the body byte by byte, with this pause before each byte.
    Trickle(Duration),
    /// Sends these bytes instead of a response, and closes the connection.
    Raw(&'static [u8]),
}

/// A request as received.
#[derive(Clone)]
pub(crate) struct ReceivedRequest {
    /// The request line, such as `POST /graphql/v2?source=doctor HTTP/1.1`.
    pub(crate) line: String,
    /// With names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The number of its connection, counted from 1.
    pub(crate) connection: usize,
}

impl ReceivedRequest {
    /// Returns the first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    closed: Condvar,
    request_received: Condvar,
}

#[derive(Default)]
struct State {
    received: Vec<ReceivedRequest>,
    /// Each with the operation that it applies to, or `None` for the next request of any operation.
    misbehaviours: Vec<(Option<&'static str>, Misbehaviour)>,
    protocol_errors: Vec<String>,
    streams: Vec<TcpStream>,
    closing: bool,
}

impl Served {
    /// Starts the server.
    pub(crate) fn start(sim: Sim) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let (sim, shared) = (sim.clone(), Arc::clone(&shared));
            move || accept(&listener, &sim, &shared)
        });
        Self { sim, address, shared, acceptor: Some(acceptor) }
    }

    /// Returns the address for `--api-url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/graphql/v2", self.address)
    }

    /// Applies a misbehaviour to the next request for which none is queued yet.
    pub(crate) fn misbehave(&self, misbehaviour: Misbehaviour) {
        self.shared.state.lock().expect("no panic").misbehaviours.push((None, misbehaviour));
    }

    /// Applies a misbehaviour to the next request of that operation.
    pub(crate) fn misbehave_with(&self, operation: &'static str, misbehaviour: Misbehaviour) {
        self.shared.state.lock().expect("no panic").misbehaviours.push((Some(operation), misbehaviour));
    }

    /// Returns every request received so far.
    pub(crate) fn received(&self) -> Vec<ReceivedRequest> {
        self.shared.state.lock().expect("no panic").received.clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let protocol_errors = self.shared.state.lock().map(|mut state| {
            state.closing = true;
            for stream in state.streams.drain(..) {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
            std::mem::take(&mut state.protocol_errors)
        });
        self.shared.closed.notify_all();
        self.shared.request_received.notify_all();
        // Wakes the listener, so that it reads `closing` and ends.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(acceptor)) = (woken, self.acceptor.take()) {
            let _ = acceptor.join();
        }
        if !thread::panicking() {
            assert_eq!(protocol_errors.expect("no panic"), Vec::<String>::new(), "the client sent invalid HTTP");
            assert_eq!(self.sim.violations(), Vec::<String>::new(), "the client sent an unknown GraphQL document");
        }
    }
}

impl Shared {
    /// Waits for this time, or until the server is dropped.
    fn pause(&self, time: Duration) {
        let state = self.state.lock().expect("no panic");
        drop(self.closed.wait_timeout_while(state, time, |state| !state.closing));
    }

    /// Waits until this many requests have been received, or the server is dropped.
    fn wait_for_requests(&self, count: usize) {
        let state = self.state.lock().expect("no panic");
        drop(self.request_received.wait_while(state, |state| !state.closing && state.received.len() < count));
    }

    fn record_protocol_error(&self, error: String) {
        self.state.lock().expect("no panic").protocol_errors.push(error);
    }
}

fn accept(listener: &TcpListener, sim: &Sim, shared: &Arc<Shared>) {
    for (connection, stream) in (1..).zip(listener.incoming()) {
        let Ok(stream) = stream else { break };
        let mut state = shared.state.lock().expect("no panic");
        if state.closing {
            break;
        }
        state.streams.push(stream.try_clone().expect("a second handle"));
        let (sim, shared) = (sim.clone(), Arc::clone(shared));
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            while serve_one(&mut reader, connection, &sim, &shared).is_some() {}
            let _ = reader.get_ref().shutdown(Shutdown::Both);
        });
    }
}

/// Reads one request and responds to it. `None` closes the connection.
fn serve_one(reader: &mut BufReader<TcpStream>, connection: usize, sim: &Sim, shared: &Shared) -> Option<()> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers = lines.split_off(1.min(lines.len())).into_iter().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    let line = lines.pop()?;
    let request = ReceivedRequest { line, headers: headers.collect(), connection };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let misbehaviour = {
        let mut state = shared.state.lock().expect("no panic");
        state.received.push(request.clone());
        shared.request_received.notify_all();
        let matches =
            |operation: &str| String::from_utf8_lossy(&body).contains(&format!("\"operationName\":\"{operation}\""));
        let index = state.misbehaviours.iter().position(|(operation, _)| operation.is_none_or(matches));
        index.map(|index| state.misbehaviours.remove(index).1)
    };
    let response = match protocol_error(&request) {
        None => respond(&request, &body, sim)?,
        Some(error) => {
            shared.record_protocol_error(error);
            serialize(404, &[("content-type", "application/json")], b"{\"error\":\"Not Found\"}")
        }
    };
    send(reader.get_mut(), response, misbehaviour.as_ref(), shared)
}

fn protocol_error(request: &ReceivedRequest) -> Option<String> {
    let mut parts = request.line.split(' ');
    let (method, target) = (parts.next()?, parts.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, "source="));
    if method != "POST" || path != "/graphql/v2" || !query.starts_with("source=") {
        return Some(format!("not a request to Railway: {}", request.line));
    }
    let is_json = request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    (!is_json || request.header("content-length").is_none()).then(|| "no JSON body".to_owned())
}

fn respond(request: &ReceivedRequest, body: &[u8], sim: &Sim) -> Option<(Vec<u8>, Vec<u8>)> {
    let project = request.header("project-access-token").map(|token| (Scheme::Project, Secret::new(token)));
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let presented = project.or_else(|| bearer.map(|token| (Scheme::Bearer, Secret::new(token))));
    let presented = presented.as_ref().map(|(scheme, token)| (*scheme, token));
    let reply: HttpResponse = sim.respond(&String::from_utf8_lossy(body), presented).ok()?;
    let single =
        [("content-type", &reply.content_type), ("retry-after", &reply.retry_after), ("location", &reply.location)];
    let single = single.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let rate = reply.rate.iter().chain(&reply.others).map(|(name, value)| (name.as_str(), value.as_str()));
    let headers: Vec<(&str, &str)> = single.chain(rate).collect();
    Some(serialize(reply.status, &headers, &reply.body))
}

/// Returns the head and the body of a response.
fn serialize(status: u16, headers: &[(&str, &str)], body: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let lines = lines.concat();
    let head = format!("HTTP/1.1 {status} Simulated\r\n{lines}content-length: {}\r\n\r\n", body.len());
    (head.into_bytes(), body.to_vec())
}

fn send(
    stream: &mut TcpStream,
    (head, body): (Vec<u8>, Vec<u8>),
    misbehaviour: Option<&Misbehaviour>,
    shared: &Shared,
) -> Option<()> {
    match misbehaviour {
        None => stream.write_all(&[head, body].concat()).ok(),
        Some(Misbehaviour::CloseBeforeResponse) => None,
        Some(Misbehaviour::CloseMidBody) => {
            stream.write_all(&[&head, &body[..body.len() / 2]].concat()).ok()?;
            None
        }
        Some(Misbehaviour::WaitForRequests(count)) => {
            shared.wait_for_requests(*count);
            stream.write_all(&[head, body].concat()).ok()
        }
        Some(Misbehaviour::Hang) => {
            shared.pause(Duration::from_secs(600));
            None
        }
        Some(Misbehaviour::Trickle(pause)) => {
            stream.write_all(&head).ok()?;
            for byte in body {
                shared.pause(*pause);
                stream.write_all(&[byte]).ok()?;
            }
            Some(())
        }
        Some(Misbehaviour::Raw(bytes)) => {
            stream.write_all(bytes).ok()?;
            None
        }
    }
}
