//! Writes variables that keep their value: a literal becomes a reference to a shared variable, or the reverse. Services
//! are changed one by one. Each variable is read back as it is stored and as it renders; if it renders another value, the
//! old text is written back before anything else.

use std::collections::BTreeMap;

use crate::commands::apply::precheck::{read, stands};
use crate::commands::apply::read_back::{self, ReadBack};
use crate::commands::apply::{ApplyState, is_open};
use crate::drift::model::receipt::Outcome;
use crate::drift::plan::VariableOwner;
use crate::drift::{Secret, Variable};
use crate::error::Error;
use crate::io::poll::{PollEnd, poll_until};
use crate::io::railway::writer::WriteOutcome;

/// What reading back shows of a variable that must keep its value.
enum ObservedValue {
    Kept,
    /// It is stored as planned, and renders this instead; `None` if it renders nothing that Railway returns.
    Other(Option<Secret>),
    /// Neither the old nor the new text is stored.
    Replaced,
}

impl ApplyState<'_, '_> {
    /// Changes the services, and then removes shared variables to which none of them refers any more. `unconfirmed` are
    /// the changes that are not visible yet.
    pub(super) fn write_references(&mut self, unconfirmed: &[usize]) {
        for owner in self.plan.owners() {
            if *owner == VariableOwner::Shared {
                continue;
            }
            let open = self.open(owner, |store| store.renders.is_some());
            let ready = self.without_blocked(&open, unconfirmed);
            if self.is_over() || ready.is_empty() {
                continue;
            }
            self.context.client.status.waiting(&format!("storing variables of {}", owner.name()));
            self.set(&ready);
            for index in ready {
                if self.receipts.stores[index].outcome == Outcome::Done {
                    self.verify_value(index);
                }
            }
        }
        self.remove_shared();
    }

    /// Returns the changes that may be written now, and ends the others with the cause.
    fn without_blocked(&mut self, open: &[usize], unconfirmed: &[usize]) -> Vec<usize> {
        let mut ready = Vec::new();
        for &index in open {
            match self.obstacle(index, unconfirmed) {
                Some(cause) => self.receipts.stores[index].end(Outcome::NotTried, cause),
                None => ready.push(index),
            }
        }
        ready
    }

    /// Returns why a service must not be made to refer to a shared variable now.
    fn obstacle(&self, index: usize, unconfirmed: &[usize]) -> Option<String> {
        let name = self.plan.stores[index].reference()?;
        if let Some(shared) = self.plan.shared(name) {
            if self.receipts.stores[shared].outcome != Outcome::Done {
                return Some(format!("the shared variable {name} was not stored"));
            }
            if unconfirmed.contains(&shared) {
                return Some(format!("the shared variable {name} is not visible on Railway yet"));
            }
        }
        let stores = self.plan.stores.iter().zip(&self.receipts.stores);
        let mut alike = stores.filter(|(store, _)| store.reference() == Some(name));
        let failed = alike.find(|(_, receipt)| matches!(receipt.outcome, Outcome::Failed | Outcome::Unknown));
        failed.map(|(store, _)| format!("skipped, because {} could not be changed", store.owner.name()))
    }

    /// Reads back a stored variable until its value is known, and restores the old text unless the value is the same.
    fn verify_value(&mut self, index: usize) {
        self.context.client.status.waiting("reading back the rendered value");
        let observe = |_| self.observe_value(index).transpose();
        let observed = poll_until(self.context.poll(ReadBack::Retried.limit()), read_back::backoff(), observe);
        let receipt = &mut self.receipts.stores[index];
        match observed {
            Ok(Ok(ObservedValue::Kept)) => {
                receipt.detail.get_or_insert_with(|| "renders the same value".to_owned());
            }
            Ok(Ok(ObservedValue::Other(value))) => {
                let is_empty = value.is_none_or(|value| value.expose().is_empty());
                self.restore(index, if is_empty { "it rendered no value" } else { "it rendered another value" });
            }
            Ok(Ok(ObservedValue::Replaced)) => {
                receipt.end(Outcome::Failed, "Railway stored a different value".to_owned());
            }
            Ok(Err(error)) => {
                receipt.end(Outcome::Unknown, format!("could not read it back: {}", error.with_cause(": ")));
                self.applied.halted = Some(error);
            }
            Err(PollEnd::LimitReached) => self.restore(index, "it did not become visible on Railway"),
            Err(PollEnd::Interrupted | PollEnd::DeadlineReached) => {
                receipt.end(Outcome::Unknown, "accepted, but not visible on Railway yet".to_owned());
            }
        }
    }

    /// Returns what is stored now; `None` while the old text is still visible.
    fn observe_value(&self, index: usize) -> Result<Option<ObservedValue>, Error> {
        let store = &self.plan.stores[index];
        let found = self.stored(index)?;
        Ok(match &found {
            _ if stands(store, found.as_ref()) => {
                let value = found.as_ref().and_then(Variable::effective);
                Some(if value == store.renders.as_ref() {
                    ObservedValue::Kept
                } else {
                    ObservedValue::Other(value.cloned())
                })
            }
            _ if self.is_as_before(index, found.as_ref()) => None,
            _ => Some(ObservedValue::Replaced),
        })
    }

    /// Reads the variable of a change: one request.
    fn stored(&self, index: usize) -> Result<Option<Variable>, Error> {
        let store = &self.plan.stores[index];
        let mut now = read(self.context, &[&store.owner])?;
        Ok(now.remove(&store.owner).and_then(|mut variables| variables.remove(&store.key)))
    }

    fn is_as_before(&self, index: usize, found: Option<&Variable>) -> bool {
        self.plan.stores[index].before.as_ref().and_then(Variable::stored) == found.and_then(Variable::stored)
    }

    /// Writes the old text back, and reads until it is visible. The receipt states whether that succeeded.
    fn restore(&mut self, index: usize, cause: &str) {
        let store = &self.plan.stores[index];
        let Some(text) = store.before.as_ref().and_then(Variable::stored) else { return };
        self.context.client.status.waiting(&format!("restoring {} of {}", store.key, store.owner.name()));
        let reply = self.writer().set(store.owner.id(), &BTreeMap::from([(store.key.clone(), text.clone())]));
        let (look, error) = match reply {
            WriteOutcome::Done(()) => (ReadBack::Retried, None),
            WriteOutcome::Refused(no) => (ReadBack::Once, Some(no.error().clone())),
            WriteOutcome::Unclear(error) => (ReadBack::Retried, Some(error)),
            WriteOutcome::NotSent(error) => (ReadBack::Once, Some(error)),
        };
        let is_restored = |_| match self.stored(index) {
            Ok(found) => self.is_as_before(index, found.as_ref()).then_some(Ok(())),
            Err(error) => Some(Err(error)),
        };
        let observed = poll_until(self.context.poll(look.limit()), read_back::backoff(), is_restored);
        let receipt = &mut self.receipts.stores[index];
        match (observed, error) {
            (Ok(Ok(())), _) => receipt.end(Outcome::Failed, format!("{cause}, so the old value was written back")),
            (_, None) => {
                let detail = format!("{cause}; the old value was written back, but is not visible on Railway yet");
                receipt.end(Outcome::Unknown, detail);
            }
            (_, Some(error)) => {
                let detail = format!("{cause}, and writing the old value back failed: {}", error.with_cause(": "));
                receipt.end(Outcome::Unknown, detail);
            }
        }
    }

    /// Removes the shared variables that services referred to, unless one of them may still do so.
    fn remove_shared(&mut self) {
        let removed = self.open(&VariableOwner::Shared, |store| store.renders.is_some() && store.after.is_none());
        let mut free = Vec::new();
        for index in removed {
            let name = &self.plan.stores[index].key;
            let stores = self.plan.stores.iter().zip(&self.receipts.stores);
            let mut services =
                stores.filter(|(store, _)| store.owner != VariableOwner::Shared && store.shared_name() == Some(name));
            match services.find(|(_, receipt)| receipt.outcome != Outcome::Done) {
                Some((store, receipt)) if !is_open(receipt) => {
                    let cause = format!("{} may still refer to it", store.owner.name());
                    self.receipts.stores[index].end(Outcome::NotTried, cause);
                }
                Some(_) => {}
                None => free.push(index),
            }
        }
        if self.is_over() || free.is_empty() {
            return;
        }
        self.delete(&free);
        free.retain(|&index| self.receipts.stores[index].outcome == Outcome::Done);
        self.confirm(free);
    }
}
