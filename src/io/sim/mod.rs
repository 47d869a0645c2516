//! A simulated Railway with the same transport as the real one: stateful, strict, and able to fail on demand.
//!
//! `doctor demo` and the tests run the real client with it. It does not execute GraphQL: it knows the operations of
//! `graphql/` by name, checks their variables, and returns what these documents select.

mod access;
mod app_responses;
mod builder;
pub mod clock;
pub mod deployment;
mod deployment_history;
mod deployment_queries;
mod environment_config;
pub mod estate;
pub mod fault;
mod http_responses;
mod log_line;
mod mutation_context;
mod mutations;
mod operation;
mod options;
mod pagination;
mod queries;
mod render;
mod request_context;
mod rollout;
mod scheduled_event;
pub mod seed;
mod service_settings;
mod state;
pub mod status_timeline;
mod tracing;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::drift::Secret;
use crate::io::railway::transport::{HttpRequest, HttpResponse, Scheme, Transport, TransportFailure};
use crate::io::sim::estate::{Estate, TokenScope};
use crate::io::sim::fault::{Fault, Moment};
use crate::io::sim::scheduled_event::ScheduledEvent;
use crate::io::sim::state::SimState;

pub use crate::io::sim::mutation_context::Mutation;
pub use crate::io::sim::options::{
    BuildLogs, Deletion, Empty, Masked, MissingDelete, Overwritten, PatchDeploys, Patched, Redeployed, RemainingHeader,
    Sealed, SimOptions, Snapshots, Started, SystemVariables,
};
pub use crate::io::sim::tracing::{Sampler, Tracing};

/// The simulated Railway. A clone is another handle to the same one, so that a test can inspect it.
#[derive(Clone, Debug)]
pub struct Sim(Arc<Mutex<SimState>>);

/// A request that was received.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// `operationName`; empty if there was none.
    pub operation: String,
    /// The header with the token; `None` without a token.
    pub scheme: Option<Scheme>,
    /// The scope of the token; `None` if it is unknown or in the wrong header.
    pub reach: Option<TokenScope>,
    /// The body, which may contain values.
    pub body: Secret,
}

impl Sim {
    /// Creates a Railway with this estate.
    pub fn new(estate: Estate) -> Self {
        Self::with(estate, SimOptions::default())
    }

    /// Creates a Railway with this estate and these options.
    pub fn with(estate: Estate, quirks: SimOptions) -> Self {
        Self(Arc::new(Mutex::new(SimState::of(estate, quirks))))
    }

    /// Adds a fault for the next request that it matches. A request gets at most one fault, the oldest first.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Changes the estate between two requests, as another user would.
    pub fn change<R>(&self, change: impl FnOnce(&mut Estate) -> R) -> R {
        let mut state = self.state();
        let result = change(&mut state.estate);
        state.estate.settle();
        result
    }

    /// Changes the estate right before the next request of this operation, even if the request then fails.
    pub fn before(&self, operation: &'static str, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.before_nth(operation, 1, act);
    }

    /// Does the same before the request with this number, counted from 1 from here on.
    pub fn before_nth(&self, operation: &'static str, number: usize, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.hook(ScheduledEvent {
            moment: Moment::Before,
            operation,
            skip: number.saturating_sub(1),
            act: Box::new(act),
        });
    }

    /// Changes the estate right after the next request of this operation.
    pub fn after(&self, operation: &'static str, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.after_nth(operation, 1, act);
    }

    /// Does the same after the request with this number, counted from 1 from here on.
    pub fn after_nth(&self, operation: &'static str, number: usize, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.hook(ScheduledEvent {
            moment: Moment::After,
            operation,
            skip: number.saturating_sub(1),
            act: Box::new(act),
        });
    }

    /// Returns all mutations in order, whether or not they succeeded.
    pub fn mutations(&self) -> Vec<Mutation> {
        self.state().mutations.clone()
    }

    /// Returns all requests so far, in order.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().asked.clone()
    }

    /// Returns the number of requests so far.
    pub fn count(&self) -> usize {
        self.state().asked.len()
    }

    /// Returns a sentence for each request that no client should send. Tests check that there are none.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Responds to a request with this body and token.
    pub fn respond(&self, body: &str, presented: Option<(Scheme, &Secret)>) -> Result<HttpResponse, TransportFailure> {
        self.state().answer(body, presented)
    }

    fn hook(&self, hook: ScheduledEvent) {
        self.state().hooks.push(hook);
    }

    fn state(&self) -> MutexGuard<'_, SimState> {
        // A test that panics while it holds the lock must not affect the others.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Sim {
    fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let reply = self.respond(outgoing.body, Some((outgoing.scheme, outgoing.token)));
        let mut state = self.state();
        if state.asked.last().is_some_and(|asked| asked.operation != outgoing.operation) {
            let violation = format!("the body of {} names another operation", outgoing.operation);
            state.violations.push(violation);
        }
        reply
    }

    fn host(&self) -> &'static str {
        "the simulated Railway"
    }
}
