//! The simulated Railway behind a loopback socket, for tests of what really goes over the wire.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use railway_doctor::drift::Secret;
use railway_doctor::io::railway::transport::{HttpResponse, Scheme};
use railway_doctor::io::sim::Sim;

/// A [`Sim`] on `127.0.0.1`, until it is dropped. The drop fails a test whose client sent what no client should.
pub(crate) struct Served {
    pub(crate) sim: Sim,
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What a connection does wrong with one request. Wrong statuses, redirects and bodies are faults of the `Sim`.
pub(crate) enum Misbehaviour {
    /// Closes when the request has been read.
    CloseBeforeAnswer,
    /// Answers, and closes in the middle of the body.
    CloseMidBody,
    /// Never answers.
    Hang,
    /// Answers once so many requests have come in, and never before.
    Together(usize),
    /// Answers byte by byte, with this pause before each byte of the body.
    Trickle(Duration),
    /// Sends these bytes in the place of an answer, and closes.
    Raw(&'static [u8]),
}

/// A request as it came over the wire.
#[derive(Clone)]
pub(crate) struct Heard {
    /// `POST /graphql/v2?source=doctor HTTP/1.1`.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Which connection it came over, counted from 1.
    pub(crate) connection: usize,
}

impl Heard {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    closed: Condvar,
    came: Condvar,
}

#[derive(Default)]
struct State {
    heard: Vec<Heard>,
    /// Each with the operation that it waits for, if it waits for one.
    misbehaviours: Vec<(Option<&'static str>, Misbehaviour)>,
    complaints: Vec<String>,
    streams: Vec<TcpStream>,
    closing: bool,
}

impl Served {
    /// Serves it from now on.
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

    /// For `--api-url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/graphql/v2", self.address)
    }

    /// Spoils the answer to the next request, or to the one after those that are spoilt already.
    pub(crate) fn misbehave(&self, misbehaviour: Misbehaviour) {
        self.shared.state.lock().expect("no panic").misbehaviours.push((None, misbehaviour));
    }

    /// Spoils the answer to the next request of that operation.
    pub(crate) fn misbehave_with(&self, operation: &'static str, misbehaviour: Misbehaviour) {
        self.shared.state.lock().expect("no panic").misbehaviours.push((Some(operation), misbehaviour));
    }

    /// Every request so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.shared.state.lock().expect("no panic").heard.clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let complaints = self.shared.state.lock().map(|mut state| {
            state.closing = true;
            for stream in state.streams.drain(..) {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
            std::mem::take(&mut state.complaints)
        });
        self.shared.closed.notify_all();
        self.shared.came.notify_all();
        // Wakes the listener, so that it sees that it is to end.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(acceptor)) = (woken, self.acceptor.take()) {
            let _ = acceptor.join();
        }
        if !thread::panicking() {
            assert_eq!(complaints.expect("no panic"), Vec::<String>::new(), "the client spoke bad HTTP");
            assert_eq!(self.sim.violations(), Vec::<String>::new(), "the client sent what no document of ours says");
        }
    }
}

impl Shared {
    /// Waits until the server is dropped, or that long.
    fn pause(&self, time: Duration) {
        let state = self.state.lock().expect("no panic");
        drop(self.closed.wait_timeout_while(state, time, |state| !state.closing));
    }

    /// Waits until so many requests have come in, or the server is dropped.
    fn together(&self, count: usize) {
        let state = self.state.lock().expect("no panic");
        drop(self.came.wait_while(state, |state| !state.closing && state.heard.len() < count));
    }

    fn complain(&self, complaint: String) {
        self.state.lock().expect("no panic").complaints.push(complaint);
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
            while exchange(&mut reader, connection, &sim, &shared).is_some() {}
            let _ = reader.get_ref().shutdown(Shutdown::Both);
        });
    }
}

/// One request and its answer; `None` ends the connection.
fn exchange(reader: &mut BufReader<TcpStream>, connection: usize, sim: &Sim, shared: &Shared) -> Option<()> {
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
    let heard = Heard { line, headers: headers.collect(), connection };
    let length = heard.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let misbehaviour = {
        let mut state = shared.state.lock().expect("no panic");
        state.heard.push(heard.clone());
        shared.came.notify_all();
        let asks =
            |operation: &str| String::from_utf8_lossy(&body).contains(&format!("\"operationName\":\"{operation}\""));
        let due = state.misbehaviours.iter().position(|(operation, _)| operation.is_none_or(asks));
        due.map(|due| state.misbehaviours.remove(due).1)
    };
    let answer = match complaint(&heard) {
        None => answer(&heard, &body, sim)?,
        Some(complaint) => {
            shared.complain(complaint);
            rendered(404, &[("content-type", "application/json")], b"{\"error\":\"Not Found\"}")
        }
    };
    send(reader.get_mut(), answer, misbehaviour.as_ref(), shared)
}

fn complaint(heard: &Heard) -> Option<String> {
    let mut words = heard.line.split(' ');
    let (method, target) = (words.next()?, words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, "source="));
    if method != "POST" || path != "/graphql/v2" || !query.starts_with("source=") {
        return Some(format!("not a request to Railway: {}", heard.line));
    }
    let json = heard.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    (!json || heard.header("content-length").is_none()).then(|| "not a body of JSON".to_owned())
}

fn answer(heard: &Heard, body: &[u8], sim: &Sim) -> Option<(Vec<u8>, Vec<u8>)> {
    let project = heard.header("project-access-token").map(|token| (Scheme::Project, Secret::new(token)));
    let bearer = heard.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let presented = project.or_else(|| bearer.map(|token| (Scheme::Bearer, Secret::new(token))));
    let presented = presented.as_ref().map(|(scheme, token)| (*scheme, token));
    let reply: HttpResponse = sim.answer(&String::from_utf8_lossy(body), presented).ok()?;
    let single =
        [("content-type", &reply.content_type), ("retry-after", &reply.retry_after), ("location", &reply.location)];
    let single = single.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let rate = reply.rate.iter().chain(&reply.others).map(|(name, value)| (name.as_str(), value.as_str()));
    let headers: Vec<(&str, &str)> = single.chain(rate).collect();
    Some(rendered(reply.status, &headers, &reply.body))
}

/// Head and body.
fn rendered(status: u16, headers: &[(&str, &str)], body: &[u8]) -> (Vec<u8>, Vec<u8>) {
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
        Some(Misbehaviour::CloseBeforeAnswer) => None,
        Some(Misbehaviour::CloseMidBody) => {
            stream.write_all(&[&head, &body[..body.len() / 2]].concat()).ok()?;
            None
        }
        Some(Misbehaviour::Together(count)) => {
            shared.together(*count);
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
