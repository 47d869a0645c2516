//! A simulated Railway behind the same one-POST seam as the real one: stateful, strict, and able to fail on command.
//!
//! `doctor demo` and the tests run the real client against it. It does not execute GraphQL: it knows the operations of
//! `graphql/` by name, checks their variables, and answers what those documents select.

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
    BuildLogs, Deletion, Empty, Masked, MissingDelete, Overwritten, PatchDeploys, Patched, Redeployed, Sealed,
    SimOptions, Snapshots, Started, SystemVariables,
};
pub use crate::io::sim::tracing::{Sampler, Tracing};

/// The simulated Railway. A clone is another handle on the same one, so that a test can look at what `doctor` talks to.
#[derive(Clone, Debug)]
pub struct Sim(Arc<Mutex<SimState>>);

/// A request that came in.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// `operationName`; empty when there was none.
    pub operation: String,
    /// The header that the token came in; `None` without a token.
    pub scheme: Option<Scheme>,
    /// What the token opens; `None` when it was not known, or came in the wrong header.
    pub reach: Option<TokenScope>,
    /// The body as it was sent, which may hold values.
    pub body: Secret,
}

impl Sim {
    /// Returns a Railway that holds the estate.
    pub fn new(estate: Estate) -> Self {
        Self::with(estate, SimOptions::default())
    }

    /// Returns the same, with its own ways.
    pub fn with(estate: Estate, quirks: SimOptions) -> Self {
        Self(Arc::new(Mutex::new(SimState::of(estate, quirks))))
    }

    /// Lets something go wrong with the next request that it fits. Each request meets one fault at most, oldest first.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Changes the estate as somebody else would, between two requests.
    pub fn change<R>(&self, change: impl FnOnce(&mut Estate) -> R) -> R {
        let mut state = self.state();
        let result = change(&mut state.estate);
        state.estate.settle();
        result
    }

    /// Lets somebody else do something right before the next request of that operation, whatever becomes of it.
    pub fn before(&self, operation: &'static str, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.before_nth(operation, 1, act);
    }

    /// The same before the request of that number, counted from 1 from here on.
    pub fn before_nth(&self, operation: &'static str, number: usize, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.hook(ScheduledEvent {
            moment: Moment::Before,
            operation,
            skip: number.saturating_sub(1),
            act: Box::new(act),
        });
    }

    /// Lets somebody else do something right after the next request of that operation was answered.
    pub fn after(&self, operation: &'static str, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.after_nth(operation, 1, act);
    }

    /// The same after the request of that number, counted from 1 from here on.
    pub fn after_nth(&self, operation: &'static str, number: usize, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.hook(ScheduledEvent {
            moment: Moment::After,
            operation,
            skip: number.saturating_sub(1),
            act: Box::new(act),
        });
    }

    /// Returns every request that was to change something, in order, whether it did or not.
    pub fn mutations(&self) -> Vec<Mutation> {
        self.state().mutations.clone()
    }

    /// Returns every request so far, in order.
    pub fn asked(&self) -> Vec<RecordedRequest> {
        self.state().asked.clone()
    }

    /// Returns how many requests have come in.
    pub fn count(&self) -> usize {
        self.state().asked.len()
    }

    /// Returns what no client should ever send, one sentence each. A test that uses a `Sim` checks that there are none.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Answers a request's body, as the token in that header gets it.
    pub fn answer(&self, body: &str, presented: Option<(Scheme, &Secret)>) -> Result<HttpResponse, TransportFailure> {
        self.state().answer(body, presented)
    }

    fn hook(&self, hook: ScheduledEvent) {
        self.state().hooks.push(hook);
    }

    fn state(&self) -> MutexGuard<'_, SimState> {
        // A test that panicked while it held the lock must not hide the others' results.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Sim {
    fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let reply = self.answer(outgoing.body, Some((outgoing.scheme, outgoing.token)));
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
