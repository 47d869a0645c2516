//! The simulated Railway behind a loopback socket, with a latency. It answers the same question from memory, so that what
//! is measured waits for nothing but the latency.

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

/// A [`Sim`] on `127.0.0.1`, until the bench ends.
pub(crate) struct Server {
    sim: Sim,
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    milliseconds: AtomicU64,
    heard: Mutex<Vec<Heard>>,
    /// Answers by what was asked.
    known: Mutex<HashMap<String, Arc<Vec<u8>>>>,
}

/// A request as it came in.
#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) body: String,
    came: Instant,
    answered: Instant,
}

impl Server {
    /// Serves it from now on.
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

    /// Lets each answer leave that long after its question came.
    pub(crate) fn latency(&self, milliseconds: u64) {
        self.shared.milliseconds.store(milliseconds, Ordering::Relaxed);
    }

    /// Every request since it was called last, in the order of their answers.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        assert_eq!(self.sim.violations(), Vec::<String>::new(), "what was sent is no question of ours");
        std::mem::take(&mut self.shared.heard.lock().unwrap())
    }
}

/// How many of these could not be under way together: the longest row of which each came after the answer to the one before.
pub(crate) fn round_trips(heard: &[Heard]) -> usize {
    let mut sorted: Vec<&Heard> = heard.iter().collect();
    sorted.sort_by_key(|one| one.answered);
    let mut last = None;
    sorted.iter().fold(0, |count, one| {
        if last.is_some_and(|last| one.came < last) {
            return count;
        }
        last = Some(one.answered);
        count + 1
    })
}

/// One request and its answer; `None` ends the connection.
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
    let came = Instant::now();
    let body = String::from_utf8(body).ok()?;
    let answer = answer(&body, token.as_ref(), sim, shared)?;
    let due = Duration::from_millis(shared.milliseconds.load(Ordering::Relaxed));
    thread::sleep(due.saturating_sub(came.elapsed()));
    shared.heard.lock().unwrap().push(Heard { body, came, answered: Instant::now() });
    reader.get_mut().write_all(&answer).ok()
}

fn answer(body: &str, token: Option<&Secret>, sim: &Sim, shared: &Shared) -> Option<Arc<Vec<u8>>> {
    if let Some(answer) = shared.known.lock().unwrap().get(body) {
        return Some(Arc::clone(answer));
    }
    let reply = sim.answer(body, token.map(|token| (Scheme::Bearer, token))).ok()?;
    let head = format!(
        "HTTP/1.1 {} Simulated\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        reply.status,
        reply.body.len()
    );
    let answer = Arc::new([head.as_bytes(), &reply.body].concat());
    shared.known.lock().unwrap().insert(body.to_owned(), Arc::clone(&answer));
    Some(answer)
}
