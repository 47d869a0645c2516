//! A server that goes wrong on command: raw TCP, or TLS over it, with a simulated Railway behind each path.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use railway_doctor::drift::Secret;
use railway_doctor::io::railway::transport::Scheme;
use railway_doctor::io::sim::Sim;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::bad_responses::{Answer, Moment};

/// One run's Railway, and what goes wrong with it.
pub(crate) struct Case {
    pub(crate) sim: Sim,
    /// The answer to each request; the number counts from 1 for each operation.
    script: Script,
    heard: Mutex<Vec<String>>,
}

/// What is answered to a request: its operation, and how many of that operation came so far.
pub(crate) type Script = Box<dyn Fn(&str, usize) -> Answer + Send + Sync>;

impl Case {
    pub(crate) fn new(sim: Sim, script: Script) -> Self {
        Self { sim, script, heard: Mutex::default() }
    }

    /// The operations that were asked, in order.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hear(&self, operation: &str) -> usize {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(operation.to_owned());
        heard.iter().filter(|known| *known == operation).count()
    }
}

/// A listener on `127.0.0.1`. It ends with the process.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    cases: Arc<Mutex<BTreeMap<String, Arc<Case>>>>,
}

/// What is read and written, with TLS or without.
trait Stream: Read + Write + Send {
    /// The socket below.
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref()
    }
}

impl Server {
    /// Speaks plain HTTP.
    pub(crate) fn plain() -> Self {
        Self::start("http", None)
    }

    /// Speaks HTTPS.
    pub(crate) fn tls(config: Arc<ServerConfig>) -> Self {
        Self::start("https", Some(config))
    }

    fn start(scheme: &'static str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let cases: Arc<Mutex<BTreeMap<String, Arc<Case>>>> = Arc::default();
        let known = Arc::clone(&cases);
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (cases, tls) = (Arc::clone(&known), tls.clone());
                thread::spawn(move || {
                    let mut stream: Box<dyn Stream> = match tls.map(ServerConnection::new) {
                        Some(connection) => Box::new(StreamOwned::new(connection.unwrap(), socket)),
                        None => Box::new(socket),
                    };
                    while exchange(&mut *stream, &cases).is_some() {}
                });
            }
        });
        Self { address, scheme, cases }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the case at a path of its own, whose URL this gives.
    pub(crate) fn serve(&self, name: &str, case: Case) -> (String, Arc<Case>) {
        let case = Arc::new(case);
        let path = format!("/{name}/graphql/v2");
        self.cases.lock().unwrap().insert(path.clone(), Arc::clone(&case));
        (format!("{}://{}{path}", self.scheme, self.address), case)
    }

    /// Serves the case at Railway's own path.
    pub(crate) fn serve_as_railway(&self, case: Case) -> Arc<Case> {
        let case = Arc::new(case);
        self.cases.lock().unwrap().insert("/graphql/v2".to_owned(), Arc::clone(&case));
        case
    }
}

/// One request and its answer; `None` ends the connection.
fn exchange(stream: &mut dyn Stream, cases: &Mutex<BTreeMap<String, Arc<Case>>>) -> Option<()> {
    let head = head(stream)?;
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.split('?').next()?.to_owned();
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let length: usize = header("content-length")?.parse().ok()?;
    // The last byte stays where it is: a socket that is closed over it is reset.
    let mut body = vec![0; length.checked_sub(1)?];
    stream.read_exact(&mut body).ok()?;
    body.push(b'}');
    let case = cases.lock().ok()?.get(&path).cloned()?;
    let text = String::from_utf8(body).ok()?;
    let operation = serde_json::from_str::<serde_json::Value>(&text).ok()?["operationName"].as_str()?.to_owned();
    let number = case.hear(&operation);
    let answer = (case.script)(&operation, number);
    let project = header("project-access-token").map(|token| (Scheme::Project, Secret::new(token)));
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let presented = project.or_else(|| bearer.map(|token| (Scheme::Bearer, Secret::new(token))));
    let presented = presented.as_ref().map(|(scheme, token)| (*scheme, token));
    let usual = match answer.moment {
        Moment::Before => Vec::new(),
        Moment::After => case.sim.answer(&text, presented).ok()?.body.to_vec(),
    };
    if !answer.resets() {
        stream.read_exact(&mut [0]).ok()?;
    }
    let done = answer.write(&usual, stream);
    if done.is_none() {
        // What the client has sent meanwhile is read, so that it gets what was written to it.
        let _ = stream.flush();
        if !answer.resets() {
            let _ = stream.socket().shutdown(Shutdown::Write);
            let _ = std::io::copy(stream, &mut std::io::sink());
        }
    }
    done
}

/// The request's head, byte by byte, so that nothing behind it is taken.
fn head(stream: &mut dyn Stream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}
