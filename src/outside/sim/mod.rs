//! A simulated Railway behind the same one-POST seam as the real one: stateful, strict, and able to fail on command.
//!
//! `doctor demo` and the tests run the real client against it. It does not execute GraphQL: it knows the operations of
//! `graphql/` by name, checks their variables, and answers what those documents select.

mod access;
mod answer;
mod build;
mod call;
pub mod clock;
mod config;
pub mod deployment;
pub mod estate;
pub mod fault;
mod follow;
mod history;
mod hook;
mod operation;
mod page;
pub mod plan;
mod quirk;
mod render;
mod reply;
mod rollout;
mod scene;
pub mod seed;
mod settings;
mod state;
mod tracing;
mod write;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::drift::Secret;
use crate::outside::railway::wire::{Failure, Outgoing, Reply, Scheme, Wire};
use crate::outside::sim::estate::{Estate, Reach};
use crate::outside::sim::fault::{Fault, Moment};
use crate::outside::sim::hook::Hook;
use crate::outside::sim::state::State;

pub use crate::outside::sim::quirk::{
    Absent, BuildLogs, Deletion, Empty, Masked, Overwritten, PatchDeploys, Patched, Quirks, Redeployed, Sealed,
    Snapshots, Started, System,
};
pub use crate::outside::sim::tracing::{Sampler, Tracing};
pub use crate::outside::sim::write::Mutation;

/// The simulated Railway. A clone is another handle on the same one, so that a test can look at what `doctor` talks to.
#[derive(Clone, Debug)]
pub struct Sim(Arc<Mutex<State>>);

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `operationName`; empty when there was none.
    pub operation: String,
    /// The header that the token came in; `None` without a token.
    pub scheme: Option<Scheme>,
    /// What the token opens; `None` when it was not known, or came in the wrong header.
    pub reach: Option<Reach>,
    /// The body as it was sent, which may hold values.
    pub body: Secret,
}

impl Sim {
    /// A Railway that holds the estate.
    pub fn new(estate: Estate) -> Self {
        Self::with(estate, Quirks::default())
    }

    /// The same, with its own ways.
    pub fn with(estate: Estate, quirks: Quirks) -> Self {
        Self(Arc::new(Mutex::new(State::of(estate, quirks))))
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
        self.hook(Hook { moment: Moment::Before, operation, skip: number.saturating_sub(1), act: Box::new(act) });
    }

    /// Lets somebody else do something right after the next request of that operation was answered.
    pub fn after(&self, operation: &'static str, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.after_nth(operation, 1, act);
    }

    /// The same after the request of that number, counted from 1 from here on.
    pub fn after_nth(&self, operation: &'static str, number: usize, act: impl FnOnce(&mut Estate) + Send + 'static) {
        self.hook(Hook { moment: Moment::After, operation, skip: number.saturating_sub(1), act: Box::new(act) });
    }

    /// Every request that was to change something, in order, whether it did or not.
    pub fn mutations(&self) -> Vec<Mutation> {
        self.state().mutations.clone()
    }

    /// Every request so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// How many requests have come in.
    pub fn count(&self) -> usize {
        self.state().asked.len()
    }

    /// What no client should ever send, one sentence each. A test that uses a `Sim` checks that there are none.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Answers a request's body, as the token in that header gets it.
    pub fn answer(&self, body: &str, presented: Option<(Scheme, &Secret)>) -> Result<Reply, Failure> {
        self.state().answer(body, presented)
    }

    fn hook(&self, hook: Hook) {
        self.state().hooks.push(hook);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock must not hide the others' results.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire for Sim {
    fn post(&self, outgoing: &Outgoing<'_>) -> Result<Reply, Failure> {
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
