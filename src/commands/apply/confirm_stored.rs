//! Reading back what was stored. Railway's reads lag behind its writes.

use crate::commands::apply::ApplyState;
use crate::commands::apply::precheck::{read, stands};
use crate::commands::apply::read_back::{self, ReadBack};
use crate::drift::Variable;
use crate::drift::model::receipt::Outcome;
use crate::drift::plan::VariableOwner;
use crate::io::poll::poll_until;

impl ApplyState<'_, '_> {
    /// Reads until everything that was stored can be seen, half a minute at most.
    pub(crate) fn confirm(&mut self) {
        let mut left: Vec<usize> =
            (0..self.plan.stores.len()).filter(|&index| self.ledger.stores[index].outcome == Outcome::Done).collect();
        if left.is_empty() {
            return;
        }
        let poll = self.site.poll(ReadBack::Patiently.limit());
        let confirmed = poll_until(poll, read_back::backoff(), |_| self.settle_visible(&mut left));
        if confirmed.is_ok() {
            return;
        }
        for index in left {
            let store = &self.plan.stores[index];
            let words = format!("{} of {} can't be seen on Railway yet", store.key, store.owner.name());
            self.ledger.stores[index].detail = Some("accepted, and not to be seen yet".to_owned());
            self.inconclusive([store.owner.name()], words);
        }
    }

    /// Takes what can be seen by now out of the list; a result once nothing is left, or nothing can be read.
    fn settle_visible(&mut self, left: &mut Vec<usize>) -> Option<()> {
        self.site.client.talk.waiting("reading back what was stored");
        let mut owners: Vec<&VariableOwner> = left.iter().map(|&index| &self.plan.stores[index].owner).collect();
        owners.dedup();
        let now = match read(self.site, &owners) {
            Ok(now) => now,
            Err(error) => {
                let words = format!("what was stored can't be read back: {}", error.with_cause(": "));
                self.inconclusive(owners.into_iter().map(VariableOwner::name), words);
                return Some(());
            }
        };
        left.retain(|&index| {
            let store = &self.plan.stores[index];
            !self.is_settled(index, now.get(&store.owner).and_then(|variables| variables.get(&store.key)))
        });
        left.is_empty().then_some(())
    }

    /// Whether what is found is the end of the matter.
    fn is_settled(&mut self, index: usize, found: Option<&Variable>) -> bool {
        let store = &self.plan.stores[index];
        if stands(store, found) {
            return true;
        }
        if matches!(found, Some(Variable::Sealed)) && store.after.is_some() {
            self.ledger.stores[index].detail = Some("accepted; it is sealed, so it can't be read back".to_owned());
            return true;
        }
        let is_old = store.before.as_ref().and_then(Variable::stored) == found.and_then(Variable::stored);
        if !is_old {
            // Railway may have made something else of the value, or somebody wrote right behind us.
            self.ledger.stores[index].end(Outcome::Failed, "Railway stores something else than was sent".to_owned());
        }
        !is_old
    }
}
