//! One receipt for each step of a plan, in the plan's order.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::model::deployment::Deployed;
use crate::drift::model::receipt::{Outcome, Receipt, Shortfall};
use crate::drift::plan::{FileChange, Plan, VariableChange};

/// The names of the steps in receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepNames {
    /// `push`, `pull`, `remove`, `hoist`, `start-command`.
    Fix,
    /// `rotate`.
    Rotate,
    /// `restore`.
    Undo,
}

/// The receipts of a plan while it is applied.
#[derive(Debug)]
pub(crate) struct Receipts {
    /// For each file, one for each changed assignment.
    pub(crate) files: Vec<Vec<Receipt>>,
    /// One for each variable.
    pub(crate) stores: Vec<Receipt>,
    /// One for each start command.
    pub(crate) settings: Vec<Receipt>,
    /// One for each deployment.
    pub(crate) deploys: Vec<Receipt>,
    /// Indexes of `stores` whose deletion was sent: Railway may deploy automatically afterwards.
    pub(crate) deleted: BTreeSet<usize>,
    /// Indexes of `settings` whose change was sent, with the service's deployments before that: Railway deploys by
    /// itself afterwards.
    pub(crate) patched: BTreeMap<usize, Deployed>,
    /// Deployments that were created a second time, because the first one had the old start command.
    pub(crate) redone: BTreeSet<usize>,
    /// Deployments that were not created because the plan or Railway ruled them out.
    pub(crate) excused: BTreeSet<usize>,
    /// Failed and inconclusive verifications, by the place of the receipts.
    verification: BTreeMap<String, Shortfall>,
}

impl Receipts {
    /// Returns the receipts of a plan, with every step not tried.
    pub(crate) fn of(plan: &Plan, names: StepNames) -> Self {
        let name = |fix: &'static str| match names {
            StepNames::Fix => fix,
            StepNames::Rotate => "rotate",
            StepNames::Undo => "restore",
        };
        let edits = |file: &FileChange| {
            file.edits.iter().map(|edit| Receipt::of(name(edit.change), Some(&edit.key), &file.name)).collect()
        };
        let store = |store: &VariableChange| {
            let change = match (&store.renders, &store.after) {
                (Some(_), _) => "hoist",
                (None, Some(_)) => "push",
                (None, None) => "remove",
            };
            Receipt::of(name(change), Some(&store.key), store.owner.name())
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

    /// Returns whether a step is not done yet. Deployments count only in a plan without other steps.
    pub(crate) fn is_open(&self) -> bool {
        let open = |receipt: &Receipt| receipt.outcome == Outcome::NotTried;
        let changes = self.files.iter().flatten().chain(&self.stores).chain(&self.settings);
        let mut changes = changes.peekable();
        if changes.peek().is_none() { self.deploys.iter().any(open) } else { changes.any(open) }
    }

    /// Returns the shortfall of each service and file, by the place of its receipts.
    pub(crate) fn shortfalls(&self) -> BTreeMap<String, Shortfall> {
        let mut shortfalls = self.verification.clone();
        let is_settled =
            |index: &usize, receipt: &Receipt| receipt.deployment.is_some() || self.excused.contains(index);
        let missing = self.deploys.iter().enumerate().filter(|(index, receipt)| !is_settled(index, receipt));
        let written = self.files.iter().flatten().chain(&self.stores).chain(&self.settings);
        let steps = written.chain(missing.map(|(_, receipt)| receipt));
        for receipt in steps.filter(|receipt| receipt.outcome != Outcome::Done) {
            add(&mut shortfalls, &receipt.place, Shortfall::Incomplete);
        }
        shortfalls
    }

    /// Returns whether any step was done, may have been done, or conflicted with another change.
    pub(crate) fn has_landed(&self) -> bool {
        let landed =
            |receipt: &Receipt| matches!(receipt.outcome, Outcome::Done | Outcome::Unknown | Outcome::Conflict);
        let written = self.files.iter().flatten().chain(&self.stores).chain(&self.settings);
        written.chain(&self.deploys).any(landed)
    }

    /// Records a failed or inconclusive verification of a place. The worst one counts.
    pub(crate) fn is_not_verified(&mut self, place: &str, shortfall: Shortfall) {
        add(&mut self.verification, place, shortfall);
    }

    /// Returns all receipts, in the order of the plan.
    pub(crate) fn into_receipts(self) -> Vec<Receipt> {
        let written = self.files.into_iter().flatten().chain(self.stores).chain(self.settings);
        written.chain(self.deploys).collect()
    }
}

fn add(shortfalls: &mut BTreeMap<String, Shortfall>, place: &str, shortfall: Shortfall) {
    let known = shortfalls.entry(place.to_owned()).or_insert(shortfall);
    *known = (*known).max(shortfall);
}
