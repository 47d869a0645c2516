//! Writes variables: one upsert for each owner, and deletions one by one. An unclear response is verified by reading
//! back.

use std::collections::BTreeMap;

use crate::commands::apply::precheck::{read, stands};
use crate::commands::apply::read_back::{self, ReadBack};
use crate::commands::apply::{ApplyState, is_open};
use crate::drift::Secret;
use crate::drift::model::receipt::{Outcome, Shortfall};
use crate::drift::plan::{VariableChange, VariableOwner};
use crate::error::Error;
use crate::io::poll::{PollEnd, poll_until};
use crate::io::railway::writer::WriteOutcome;

/// What reading back shows of a change.
enum ObservedChange {
    Stored,
    NotStored,
    /// The run ended before the longest lag had passed.
    NotYetStored,
}

/// Returns whether a change must follow others: services refer to a shared variable only while it exists.
fn is_last(store: &VariableChange) -> bool {
    store.renders.is_some() && (store.owner != VariableOwner::Shared || store.after.is_none())
}

impl ApplyState<'_, '_> {
    /// Writes the open variables. Owners do not depend on each other: after a failure, the next one is tried, unless
    /// Railway is unreachable. Variables that keep their value follow, because they depend on shared variables.
    pub(crate) fn write_stores(&mut self) {
        for owner in self.plan.owners() {
            if self.is_over() {
                return;
            }
            self.context.client.status.waiting(&format!("storing variables of {}", owner.name()));
            self.set(&self.open(owner, |store| !is_last(store)));
            self.delete(&self.open(owner, |store| !is_last(store)));
        }
        let written = (0..self.plan.stores.len()).filter(|&index| self.receipts.stores[index].outcome == Outcome::Done);
        let unconfirmed = self.confirm(written.collect());
        self.write_references(&unconfirmed);
        self.context.client.status.done();
    }

    /// Returns the open changes of an owner that fit.
    pub(super) fn open(&self, owner: &VariableOwner, fits: impl Fn(&VariableChange) -> bool) -> Vec<usize> {
        let stores = self.plan.stores.iter().enumerate();
        stores
            .filter(|(index, store)| store.owner == *owner && is_open(&self.receipts.stores[*index]) && fits(store))
            .map(|(index, _)| index)
            .collect()
    }

    /// Stores the new values among these changes of one owner.
    pub(super) fn set(&mut self, changes: &[usize]) {
        let (mut indexes, mut values) = (Vec::new(), BTreeMap::<String, Secret>::new());
        for &index in changes {
            if let Some(after) = &self.plan.stores[index].after {
                values.insert(self.plan.stores[index].key.clone(), after.clone());
                indexes.push(index);
            }
        }
        if let Some(&first) = indexes.first() {
            let reply = self.writer().set(self.plan.stores[first].owner.id(), &values);
            self.settle(&indexes, reply);
        }
    }

    /// Deletes the variables among these changes that have no new value.
    pub(super) fn delete(&mut self, changes: &[usize]) {
        for &index in changes {
            if self.is_over() {
                return;
            }
            let store = &self.plan.stores[index];
            if store.after.is_none() {
                self.receipts.deleted.insert(index);
                let reply = self.writer().delete(store.owner.id(), &store.key);
                self.settle(&[index], reply);
            }
        }
    }

    /// Records the outcome. If it is unclear, the variables are read back, and the request is never sent again.
    fn settle(&mut self, indexes: &[usize], reply: WriteOutcome<()>) {
        let (look, otherwise, error) = match reply {
            WriteOutcome::Done(()) => return self.end(indexes, Outcome::Done, None),
            WriteOutcome::Refused(no) => (ReadBack::Once, Outcome::Failed, no.error().clone()),
            // Railway responded with an error that does not say whether something was changed.
            WriteOutcome::Unclear(error @ Error::Railway { .. }) => (ReadBack::Retried, Outcome::Failed, error),
            WriteOutcome::Unclear(error) => (ReadBack::Retried, Outcome::Unknown, error),
            WriteOutcome::NotSent(error) => {
                self.end(indexes, Outcome::Failed, Some(&error.with_cause(": ")));
                self.applied.cause.get_or_insert(error.exit());
                self.applied.halted = Some(error);
                return;
            }
        };
        match self.observe(indexes, look) {
            Ok(ObservedChange::Stored) => {
                let detail = format!("the response was lost ({error}), but the value is stored");
                self.end(indexes, Outcome::Done, Some(&detail));
            }
            Ok(ObservedChange::NotYetStored) if look == ReadBack::Retried => {
                self.end(indexes, Outcome::Unknown, Some(&error.with_cause(": ")));
            }
            Ok(ObservedChange::NotStored | ObservedChange::NotYetStored) => {
                if otherwise == Outcome::Failed {
                    self.applied.cause.get_or_insert(error.exit());
                }
                self.end(indexes, otherwise, Some(&error.with_cause(": ")));
            }
            Err(lost) => {
                self.end(indexes, Outcome::Unknown, Some(&error.with_cause(": ")));
                self.applied.halted = Some(lost);
            }
        }
    }

    fn end(&mut self, indexes: &[usize], outcome: Outcome, detail: Option<&str>) {
        for &index in indexes {
            self.receipts.stores[index].end(outcome, detail.map(ToOwned::to_owned));
        }
    }

    /// Reads whether all of these variables are stored as planned.
    fn observe(&self, indexes: &[usize], look: ReadBack) -> Result<ObservedChange, Error> {
        let Some(owner) = indexes.first().map(|&index| &self.plan.stores[index].owner) else {
            return Ok(ObservedChange::Stored);
        };
        let is_stored = |_| {
            let now = read(self.context, &[owner]).map(|now| {
                let mut stores = indexes.iter().map(|&index| &self.plan.stores[index]);
                stores.all(|store| stands(store, now[owner].get(&store.key)))
            });
            now.map(|is_stored| is_stored.then_some(ObservedChange::Stored)).transpose()
        };
        match poll_until(self.context.poll(look.limit()), read_back::backoff(), is_stored) {
            Ok(observed) => observed,
            Err(PollEnd::LimitReached) => Ok(ObservedChange::NotStored),
            Err(PollEnd::Interrupted | PollEnd::DeadlineReached) => Ok(ObservedChange::NotYetStored),
        }
    }

    /// Records that the services could not be verified, and why.
    pub(crate) fn inconclusive<'p>(&mut self, places: impl IntoIterator<Item = &'p str>, cause: String) {
        self.applied.remarks.push(cause);
        for place in places {
            self.receipts.is_not_verified(place, Shortfall::Unverified);
        }
    }
}
