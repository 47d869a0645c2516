//! A server with scripted faults: raw TCP or TLS, with a simulated Railway at each path.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use railway_doctor::drift::Secret;
use railway_doctor::io::railway::transport::Scheme;
use railway_doctor::io::sim::Sim;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::bad_responses::{Effect, ScriptedResponse};

/// The simulated Railway of one test, and its scripted responses.
pub(crate) struct Backend {
    pub(crate) sim: Sim,
    script: Script,
    requests: Mutex<Vec<String>>,
}

/// Returns the response to a request, given its operation and its number, from 1, among requests of that operation.
pub(crate) type Script = Box<dyn Fn(&str, usize) -> ScriptedResponse + Send + Sync>;

impl Backend {
    pub(crate) fn new(sim: Sim, script: Script) -> Self {
        Self { sim, script, requests: Mutex::default() }
    }

    /// The requested operations, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, operation: &str) -> usize {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(operation.to_owned());
        requests.iter().filter(|other| *other == operation).count()
    }
}

/// A listener on `127.0.0.1`, which runs until the process ends.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    backends: Arc<Mutex<BTreeMap<String, Arc<Backend>>>>,
}

/// A connection, with or without TLS.
trait Stream: Read + Write + Send {
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
    pub(crate) fn plain() -> Self {
        Self::start("http", None)
    }

    pub(crate) fn tls(config: Arc<ServerConfig>) -> Self {
        Self::start("https", Some(config))
    }

    fn start(scheme: &'static str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let backends: Arc<Mutex<BTreeMap<String, Arc<Backend>>>> = Arc::default();
        let served = Arc::clone(&backends);
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (backends, tls) = (Arc::clone(&served), tls.clone());
                thread::spawn(move || {
                    let mut stream: Box<dyn Stream> = match tls.map(ServerConnection::new) {
                        Some(connection) => Box::new(StreamOwned::new(connection.unwrap(), socket)),
                        None => Box::new(socket),
                    };
                    while exchange(&mut *stream, &backends).is_some() {}
                });
            }
        });
        Self { address, scheme, backends }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves a backend at a separate path, and returns its URL.
    pub(crate) fn serve(&self, name: &str, backend: Backend) -> (String, Arc<Backend>) {
        let backend = Arc::new(backend);
        let path = format!("/{name}/graphql/v2");
        self.backends.lock().unwrap().insert(path.clone(), Arc::clone(&backend));
        (format!("{}://{}{path}", self.scheme, self.address), backend)
    }

    /// Serves a backend at Railway's path.
    pub(crate) fn serve_as_railway(&self, backend: Backend) -> Arc<Backend> {
        let backend = Arc::new(backend);
        self.backends.lock().unwrap().insert("/graphql/v2".to_owned(), Arc::clone(&backend));
        backend
    }
}

/// Serves one request; `None` closes the connection.
fn exchange(stream: &mut dyn Stream, backends: &Mutex<BTreeMap<String, Arc<Backend>>>) -> Option<()> {
    let head = head(stream)?;
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.split('?').next()?.to_owned();
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    let length: usize = header("content-length")?.parse().ok()?;
    // The last byte is not read yet: closing a socket with unread data resets the connection.
    let mut body = vec![0; length.checked_sub(1)?];
    stream.read_exact(&mut body).ok()?;
    body.push(b'}');
    let backend = backends.lock().ok()?.get(&path).cloned()?;
    let text = String::from_utf8(body).ok()?;
    let operation = serde_json::from_str::<serde_json::Value>(&text).ok()?["operationName"].as_str()?.to_owned();
    let number = backend.record(&operation);
    let response = (backend.script)(&operation, number);
    let project = header("project-access-token").map(|token| (Scheme::Project, Secret::new(token)));
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let presented = project.or_else(|| bearer.map(|token| (Scheme::Bearer, Secret::new(token))));
    let presented = presented.as_ref().map(|(scheme, token)| (*scheme, token));
    let normal = match response.effect {
        Effect::NotApplied => Vec::new(),
        Effect::Applied => backend.sim.respond(&text, presented).ok()?.body.to_vec(),
    };
    if !response.resets() {
        stream.read_exact(&mut [0]).ok()?;
    }
    let written = response.write(&normal, stream);
    if written.is_none() {
        // Reads what the client still sends, so that it receives the response before the end of the connection.
        let _ = stream.flush();
        if !response.resets() {
            let _ = stream.socket().shutdown(Shutdown::Write);
            let _ = std::io::copy(stream, &mut std::io::sink());
        }
    }
    written
}

/// Reads the head byte by byte, so that no byte of the body is consumed.
fn head(stream: &mut dyn Stream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}
