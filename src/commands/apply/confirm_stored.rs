//! Reads back the stored values. Railway's reads lag behind its writes.

use crate::commands::apply::ApplyState;
use crate::commands::apply::precheck::{read, stands};
use crate::commands::apply::read_back::{self, ReadBack};
use crate::drift::Variable;
use crate::drift::model::receipt::Outcome;
use crate::drift::plan::VariableOwner;
use crate::io::poll::poll_until;

impl ApplyState<'_, '_> {
    /// Reads until each of these stored values is visible, for half a minute at most. Returns the others.
    pub(crate) fn confirm(&mut self, written: Vec<usize>) -> Vec<usize> {
        let mut left = written;
        if left.is_empty() {
            return left;
        }
        let poll = self.context.poll(ReadBack::Retried.limit());
        let confirmed = poll_until(poll, read_back::backoff(), |_| self.remove_visible(&mut left));
        if confirmed.is_ok() {
            return left;
        }
        for &index in &left {
            let store = &self.plan.stores[index];
            let remark = format!("{} of {} is not visible on Railway yet", store.key, store.owner.name());
            self.receipts.stores[index].detail = Some("accepted, but not visible on Railway yet".to_owned());
            self.inconclusive([store.owner.name()], remark);
        }
        left
    }

    /// Removes the visible changes from the list. Returns `Some` once the list is empty, or if reading fails.
    fn remove_visible(&mut self, left: &mut Vec<usize>) -> Option<()> {
        self.context.client.status.waiting("reading back the stored values");
        let mut owners: Vec<&VariableOwner> = left.iter().map(|&index| &self.plan.stores[index].owner).collect();
        owners.dedup();
        let now = match read(self.context, &owners) {
            Ok(now) => now,
            Err(error) => {
                let remark = format!("could not read back the stored values: {}", error.with_cause(": "));
                self.inconclusive(owners.into_iter().map(VariableOwner::name), remark);
                return Some(());
            }
        };
        left.retain(|&index| {
            let store = &self.plan.stores[index];
            !self.is_confirmed(index, now.get(&store.owner).and_then(|variables| variables.get(&store.key)))
        });
        left.is_empty().then_some(())
    }

    /// Returns whether a change is visible, sealed, or contradicted by another value, so that no further read is
    /// needed.
    fn is_confirmed(&mut self, index: usize, found: Option<&Variable>) -> bool {
        let store = &self.plan.stores[index];
        if stands(store, found) {
            return true;
        }
        if matches!(found, Some(Variable::Sealed)) && store.after.is_some() {
            self.receipts.stores[index].detail = Some("accepted; sealed, so it can't be read back".to_owned());
            return true;
        }
        let is_old = store.before.as_ref().and_then(Variable::stored) == found.and_then(Variable::stored);
        if !is_old {
            // Railway may have changed the value, or another user may have written it right after this run.
            self.receipts.stores[index].end(Outcome::Failed, "Railway stored a different value".to_owned());
        }
        !is_old
    }
}
