//! One receipt for each step of a plan, in the plan's order.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::model::deployment::Deployed;
use crate::drift::model::receipt::{Outcome, Receipt, Shortfall};
use crate::drift::plan::Plan;

/// What the steps are called in receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepNames {
    /// `push`, `pull`, `remove`, `start-command`.
    Fix,
    /// `restore`.
    Undo,
}

/// The receipts of a plan while it is carried out.
#[derive(Debug)]
pub(crate) struct Receipts {
    /// For each file, one for each assignment.
    pub(crate) files: Vec<Vec<Receipt>>,
    /// One for each variable.
    pub(crate) stores: Vec<Receipt>,
    /// One for each start command.
    pub(crate) settings: Vec<Receipt>,
    /// One for each deployment.
    pub(crate) deploys: Vec<Receipt>,
    /// Variables whose deletion was sent, as indexes into the stores: Railway may deploy by itself after it.
    pub(crate) deleted: BTreeSet<usize>,
    /// Start commands whose change was sent, as indexes into the settings, and the deployments of the service right before:
    /// Railway deploys by itself after it.
    pub(crate) patched: BTreeMap<usize, Deployed>,
    /// Deployments that were made a second time, because the first one had the old start command.
    pub(crate) redone: BTreeSet<usize>,
    /// Deployments that were not to be made after all, as the plan or Railway said.
    pub(crate) excused: BTreeSet<usize>,
    /// What verification came to, by the place that receipts name, where it did not succeed.
    verification: BTreeMap<String, Shortfall>,
}

impl Receipts {
    /// Nothing is done yet.
    pub(crate) fn of(plan: &Plan, words: StepNames) -> Self {
        let word = |fix: &'static str| if words == StepNames::Undo { "restore" } else { fix };
        let edits = |file: &crate::drift::plan::FileChange| {
            file.edits.iter().map(|edit| Receipt::of(word(edit.change), Some(&edit.key), &file.name)).collect()
        };
        let store = |store: &crate::drift::plan::VariableChange| {
            let change = if store.after.is_some() { "push" } else { "remove" };
            Receipt::of(word(change), Some(&store.key), store.owner.name())
        };
        Self {
            files: plan.files.iter().map(edits).collect(),
            stores: plan.stores.iter().map(store).collect(),
            settings: plan.settings.iter().map(|one| Receipt::of("start-command", None, &one.service.name)).collect(),
            deploys: plan.deploys.iter().map(|deploy| Receipt::of("redeploy", None, &deploy.service.name)).collect(),
            deleted: BTreeSet::new(),
            patched: BTreeMap::new(),
            redone: BTreeSet::new(),
            excused: BTreeSet::new(),
            verification: BTreeMap::new(),
        }
    }

    /// Whether anything is left to do, deployments aside.
    pub(crate) fn is_open(&self) -> bool {
        let open = |receipt: &Receipt| receipt.outcome == Outcome::NotTried;
        let changes = self.files.iter().flatten().chain(&self.stores).chain(&self.settings);
        let mut changes = changes.peekable();
        // A plan of deployments alone is as open as they are.
        if changes.peek().is_none() { self.deploys.iter().any(open) } else { changes.any(open) }
    }

    /// What is wrong with each service and file, by the place that receipts name.
    pub(crate) fn shortfalls(&self) -> BTreeMap<String, Shortfall> {
        let mut shortfalls = self.verification.clone();
        let made = |index: &usize, receipt: &Receipt| receipt.deployment.is_some() || self.excused.contains(index);
        let unmade = self.deploys.iter().enumerate().filter(|(index, receipt)| !made(index, receipt));
        let written = self.files.iter().flatten().chain(&self.stores).chain(&self.settings);
        let steps = written.chain(unmade.map(|(_, receipt)| receipt));
        for receipt in steps.filter(|receipt| receipt.outcome != Outcome::Done) {
            add(&mut shortfalls, &receipt.place, Shortfall::Incomplete);
        }
        shortfalls
    }

    /// Whether anything was written, or may have been, or met what somebody else wrote.
    pub(crate) fn has_landed(&self) -> bool {
        let landed =
            |receipt: &Receipt| matches!(receipt.outcome, Outcome::Done | Outcome::Unknown | Outcome::Conflict);
        let written = self.files.iter().flatten().chain(&self.stores).chain(&self.settings);
        written.chain(&self.deploys).any(landed)
    }

    /// Records that verification did not succeed for a place; the worst counts.
    pub(crate) fn is_not_verified(&mut self, place: &str, shortfall: Shortfall) {
        add(&mut self.verification, place, shortfall);
    }

    /// All of them, in the order of the plan.
    pub(crate) fn into_receipts(self) -> Vec<Receipt> {
        let written = self.files.into_iter().flatten().chain(self.stores).chain(self.settings);
        written.chain(self.deploys).collect()
    }
}

fn add(shortfalls: &mut BTreeMap<String, Shortfall>, place: &str, shortfall: Shortfall) {
    let known = shortfalls.entry(place.to_owned()).or_insert(shortfall);
    *known = (*known).max(shortfall);
}
