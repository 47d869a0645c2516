//! Serves the simulated Railway on loopback, with a latency. Responses are cached, so that a repeated request waits only
//! for the latency.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use railway_doctor::drift::Secret;
use railway_doctor::io::railway::transport::Scheme;
use railway_doctor::io::sim::Sim;

/// A [`Sim`] on `127.0.0.1`, until the benchmark exits.
pub(crate) struct Server {
    sim: Sim,
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    milliseconds: AtomicU64,
    requests: Mutex<Vec<Request>>,
    /// Responses by request body.
    responses: Mutex<HashMap<String, Arc<Vec<u8>>>>,
}

/// A received request, with the time of its arrival and of its response.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) body: String,
    received: Instant,
    responded: Instant,
}

impl Server {
    /// Starts serving `sim`.
    pub(crate) fn start(sim: Sim) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        thread::spawn({
            let (sim, shared) = (sim.clone(), Arc::clone(&shared));
            move || {
                for stream in listener.incoming() {
                    let stream = stream.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let (sim, shared) = (sim.clone(), Arc::clone(&shared));
                    thread::spawn(move || {
                        let mut reader = BufReader::new(stream);
                        while exchange(&mut reader, &sim, &shared).is_some() {}
                    });
                }
            }
        });
        Self { sim, address, shared }
    }

    /// For `--api-url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/graphql/v2", self.address)
    }

    /// Delays each response by this time after its request.
    pub(crate) fn latency(&self, milliseconds: u64) {
        self.shared.milliseconds.store(milliseconds, Ordering::Relaxed);
    }

    /// Returns the requests since the last call, in the order of their responses.
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        assert_eq!(self.sim.violations(), Vec::<String>::new(), "a request violates the schema");
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }
}

/// Returns the number of sequential round trips: the length of the longest chain in which each request follows the
/// previous response.
pub(crate) fn round_trips(requests: &[Request]) -> usize {
    let mut sorted: Vec<&Request> = requests.iter().collect();
    sorted.sort_by_key(|request| request.responded);
    let mut last = None;
    sorted.iter().fold(0, |count, request| {
        if last.is_some_and(|last| request.received < last) {
            return count;
        }
        last = Some(request.responded);
        count + 1
    })
}

/// Handles one request. Returns `None` at the end of the connection.
fn exchange(reader: &mut BufReader<TcpStream>, sim: &Sim, shared: &Shared) -> Option<()> {
    let (mut length, mut token) = (0, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => token = value.strip_prefix("Bearer ").map(Secret::new),
            _ => (),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let received = Instant::now();
    let body = String::from_utf8(body).ok()?;
    let response = respond(&body, token.as_ref(), sim, shared)?;
    let latency = Duration::from_millis(shared.milliseconds.load(Ordering::Relaxed));
    thread::sleep(latency.saturating_sub(received.elapsed()));
    shared.requests.lock().unwrap().push(Request { body, received, responded: Instant::now() });
    reader.get_mut().write_all(&response).ok()
}

fn respond(body: &str, token: Option<&Secret>, sim: &Sim, shared: &Shared) -> Option<Arc<Vec<u8>>> {
    if let Some(response) = shared.responses.lock().unwrap().get(body) {
        return Some(Arc::clone(response));
    }
    let reply = sim.respond(body, token.map(|token| (Scheme::Bearer, token))).ok()?;
    let head = format!(
        "HTTP/1.1 {} Simulated\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        reply.status,
        reply.body.len()
    );
    let response = Arc::new([head.as_bytes(), &reply.body].concat());
    shared.responses.lock().unwrap().insert(body.to_owned(), Arc::clone(&response));
    Some(response)
}
