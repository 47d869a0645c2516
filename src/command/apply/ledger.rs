//! One receipt for each step of a plan, in the plan's order.

use std::collections::BTreeSet;

use crate::drift::plan::Plan;
use crate::drift::receipt::{Outcome, Receipt};
use crate::error::Exit;

/// What the steps are called in receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// `push`, `pull`, `remove`.
    Fix,
    /// `restore`.
    Undo,
}

/// The receipts of a plan while it is carried out.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// For each file, one for each assignment.
    pub(crate) files: Vec<Vec<Receipt>>,
    /// One for each variable.
    pub(crate) stores: Vec<Receipt>,
    /// One for each deployment.
    pub(crate) deploys: Vec<Receipt>,
    /// Deployments that were not to be made after all, as the plan or Railway said.
    pub(crate) excused: BTreeSet<usize>,
    /// How the proof ended, if not well.
    pub(crate) proof: Option<Exit>,
}

impl Ledger {
    /// Nothing is done yet.
    pub(crate) fn of(plan: &Plan, words: Words) -> Self {
        let word = |fix: &'static str| if words == Words::Undo { "restore" } else { fix };
        let edits = |file: &crate::drift::plan::FileChange| {
            file.edits.iter().map(|edit| Receipt::of(word(edit.change), Some(&edit.key), &file.name)).collect()
        };
        let store = |store: &crate::drift::plan::Store| {
            let change = if store.after.is_some() { "push" } else { "remove" };
            Receipt::of(word(change), Some(&store.key), store.owner.name())
        };
        Self {
            files: plan.files.iter().map(edits).collect(),
            stores: plan.stores.iter().map(store).collect(),
            deploys: plan.deploys.iter().map(|deploy| Receipt::of("redeploy", None, &deploy.service.name)).collect(),
            excused: BTreeSet::new(),
            proof: None,
        }
    }

    /// Whether anything is left to do, deployments aside.
    pub(crate) fn is_open(&self) -> bool {
        let open = |receipt: &Receipt| receipt.outcome == Outcome::NotTried;
        let changes = self.files.iter().flatten().chain(&self.stores);
        let mut changes = changes.peekable();
        // A plan of deployments alone is as open as they are.
        if changes.peek().is_none() { self.deploys.iter().any(open) } else { changes.any(open) }
    }

    /// Whether a step is not as it was to be, the proof aside.
    pub(crate) fn is_partial(&self) -> bool {
        let unmade = self
            .deploys
            .iter()
            .enumerate()
            .filter(|(index, receipt)| receipt.deployment.is_none() && !self.excused.contains(index));
        let changes = self.files.iter().flatten().chain(&self.stores);
        changes.chain(unmade.map(|(_, receipt)| receipt)).any(|receipt| receipt.outcome != Outcome::Done)
    }

    /// Whether anything was written, or may have been, or met what somebody else wrote.
    pub(crate) fn has_landed(&self) -> bool {
        let landed =
            |receipt: &Receipt| matches!(receipt.outcome, Outcome::Done | Outcome::Unknown | Outcome::Conflict);
        self.files.iter().flatten().chain(&self.stores).chain(&self.deploys).any(landed)
    }

    /// Takes the worse of two ends of the proof.
    pub(crate) fn proof_ends(&mut self, exit: Exit) {
        self.proof = match (self.proof, exit) {
            (Some(Exit::Disproved), _) | (_, Exit::Disproved) => Some(Exit::Disproved),
            _ => Some(exit),
        };
    }

    /// All of them, in the order of the plan.
    pub(crate) fn into_receipts(self) -> Vec<Receipt> {
        self.files.into_iter().flatten().chain(self.stores).chain(self.deploys).collect()
    }
}
