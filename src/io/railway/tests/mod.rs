//! Tests of the client with the simulated Railway, in process, with a clock on which waits take no time.

mod account;
mod allowance;
mod compared;
mod deployment_log;
mod faults;
mod listings;
mod requested;
mod running;
mod tokens;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use jiff::Timestamp;

use crate::drift::Secret;
use crate::drift::redact::Redactor;
use crate::error::Error;
use crate::io::clock::Clock;
use crate::io::credentials::Credentials;
use crate::io::endpoint::AllowedHosts;
use crate::io::railway::client::Client;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::railway::prefetch::PrefetchingTransport;
use crate::io::railway::transport::{Scheme, Transport};
use crate::io::railway::variables::StoredResult;
use crate::io::sim::Sim;
use crate::io::sim::seed::{ACCOUNT_TOKEN, incident};
use crate::io::terminal::progress_row::ProgressRow;
use crate::io::terminal::status::StatusOutput;

/// A clock on which waits take no time.
#[derive(Default)]
struct JumpingClock {
    elapsed: Cell<Duration>,
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }
    fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }
    fn sleep(&self, time: Duration) {
        self.elapsed.set(self.elapsed.get() + time);
    }
}

/// Collects the printed lines.
#[derive(Default)]
struct CollectedLines(RefCell<Vec<String>>);

impl StatusOutput for CollectedLines {
    fn print_line(&self, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
    fn waiting(&self, _what: &str) {}
    fn progress(&self, _rows: &[ProgressRow]) {}
    fn done(&self) {}
}

/// A client's dependencies, with a simulated Railway.
struct Bench {
    sim: Sim,
    credentials: Credentials,
    clock: JumpingClock,
    status: CollectedLines,
    redactor: Redactor,
}

impl Bench {
    fn new(sim: Sim) -> Self {
        let credentials = Credentials {
            token: Secret::new(ACCOUNT_TOKEN),
            scheme: Scheme::Bearer,
            from: "RAILWAY_API_TOKEN".to_owned(),
            remarks: Vec::new(),
        };
        Self {
            sim,
            credentials,
            clock: JumpingClock::default(),
            status: CollectedLines::default(),
            redactor: Redactor::default(),
        }
    }

    fn incident() -> Self {
        Self::new(Sim::new(incident::estate()))
    }

    fn with_token(mut self, token: &str, scheme: Scheme, from: &str) -> Self {
        self.credentials.token = Secret::new(token);
        self.credentials.scheme = scheme;
        self.credentials.from = from.to_owned();
        self
    }

    fn client(&self) -> Client<'_> {
        self.client_on(&self.sim)
    }

    fn client_on<'c>(&'c self, wire: &'c dyn Transport) -> Client<'c> {
        Client {
            transport: PrefetchingTransport::new(wire, &self.clock),
            credentials: &self.credentials,
            clock: &self.clock,
            status: &self.status,
            limit: Cell::new(Duration::from_secs(20)),
            remarks: RefCell::new(Vec::new()),
            allowed_hosts: AllowedHosts::Public,
            redactor: &self.redactor,
            probed: RefCell::default(),
        }
    }

    /// Returns the ids of the first project and its first environment.
    fn ids(&self) -> (String, String) {
        self.sim.change(|estate| {
            let project = &estate.projects[0];
            (project.id.clone(), project.environments[0].id.clone())
        })
    }

    fn shape(&self) -> Result<Shape, Error> {
        let (project, environment) = self.ids();
        self.client().shape(&project, &environment)
    }

    /// Reads the values of every service, in the order of names. Returns the number of requests, too.
    fn values(&self) -> (Result<Vec<StoredResult>, Error>, usize) {
        let shape = self.shape().expect("the shape is readable");
        let client = self.client();
        let services: Vec<&ServiceShape> = shape.services.iter().collect();
        let values = client.values(&shape, &services);
        (values, client.requests())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.sim.violations(), Vec::<String>::new(), "Railway would reject a request");
        }
    }
}
