//! Reading back what was stored. Railway's reads lag behind its writes.

use std::time::Duration;

use crate::commands::apply::ApplyState;
use crate::commands::apply::precheck::{read, stands};
use crate::commands::apply::write_variables::OBSERVED;
use crate::drift::Variable;
use crate::drift::model::receipt::Outcome;
use crate::drift::plan::VariableOwner;

impl ApplyState<'_, '_> {
    /// Reads until everything that was stored can be seen, half a minute at most.
    pub(crate) fn confirm(&mut self) {
        let mut left: Vec<usize> =
            (0..self.plan.stores.len()).filter(|&index| self.ledger.stores[index].outcome == Outcome::Done).collect();
        let mut wait = Duration::from_millis(500);
        let mut waited = Duration::ZERO;
        while !left.is_empty() {
            self.site.client.talk.waiting("reading back what was stored");
            let mut owners: Vec<&VariableOwner> = left.iter().map(|&index| &self.plan.stores[index].owner).collect();
            owners.dedup();
            let now = match read(self.site, &owners) {
                Ok(now) => now,
                Err(error) => {
                    let words = format!("what was stored can't be read back: {}", error.with_cause(": "));
                    return self.inconclusive(owners.into_iter().map(VariableOwner::name), words);
                }
            };
            left.retain(|&index| {
                let store = &self.plan.stores[index];
                !self.is_settled(index, now.get(&store.owner).and_then(|variables| variables.get(&store.key)))
            });
            if left.is_empty() {
                return;
            }
            let is_late = waited + wait > OBSERVED || wait >= self.site.client.remaining();
            if is_late || self.site.interrupt.is_requested() {
                break;
            }
            self.site.interrupt.pause(self.site.client.clock, wait);
            waited += wait;
            wait *= 2;
        }
        for index in left {
            let store = &self.plan.stores[index];
            let words = format!("{} of {} can't be seen on Railway yet", store.key, store.owner.name());
            self.ledger.stores[index].detail = Some("accepted, and not to be seen yet".to_owned());
            self.inconclusive([store.owner.name()], words);
        }
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
