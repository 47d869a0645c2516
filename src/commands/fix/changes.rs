//! The available fixes, and the changes selected from them.

use crate::commands::fix::ignore::IgnoreEntry;
use crate::commands::fix::start_command::StartChoices;
use crate::drift::plan::bulk_selection::BulkSelection;
use crate::drift::plan::offer::{Offer, Proposal};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::start_command::StartCommandChange;

/// Everything that this run can fix.
#[derive(Clone, Copy)]
pub(super) struct Fixable<'o> {
    /// Fixes for findings about keys.
    pub(super) proposals: &'o [Proposal<'o>],
    /// Services that a deployment brings up to date.
    pub(super) due: &'o [DueRedeploy],
    /// Start commands.
    pub(super) commands: &'o StartChoices,
    /// The changes of `--hoist`.
    pub(super) hoisted: Option<&'o Offer>,
}

#[derive(Default)]
pub(super) struct SelectedChanges {
    pub(super) offers: Vec<Offer>,
    pub(super) ignores: Vec<IgnoreEntry>,
    /// Start commands to set.
    pub(super) settings: Vec<StartCommandChange>,
    /// Services to deploy even if none of their variables change.
    pub(super) redeploys: Vec<DueRedeploy>,
    /// What can't be done or was skipped; sentences without a full stop.
    pub(super) remarks: Vec<String>,
    /// Commands that add a named key to a service without it.
    pub(super) to_add: Vec<Vec<String>>,
}

impl SelectedChanges {
    /// Returns whether it has neither a change nor a remark.
    pub(super) fn is_empty(&self) -> bool {
        let Self { offers, ignores, settings, redeploys, remarks, to_add: _ } = self;
        offers.is_empty() && ignores.is_empty() && settings.is_empty() && redeploys.is_empty() && remarks.is_empty()
    }

    /// Drops the newer commit for services whose start command is set: Railway then deploys the running commit.
    pub(super) fn with_one_commit(mut self) -> Self {
        for due in &mut self.redeploys {
            if due.commit.is_some() && self.settings.iter().any(|setting| setting.service == due.service) {
                due.commit = None;
                self.remarks.push(format!(
                    "the start command of {} is deployed with the running commit; run --redeploy later for the newer one",
                    due.service.name
                ));
            }
        }
        self
    }
}

impl From<BulkSelection<'_>> for SelectedChanges {
    fn from(selection: BulkSelection<'_>) -> Self {
        let mut remarks: Vec<String> = selection.obstacles.into_iter().map(|(_, cause)| cause).collect();
        if !selection.unnamed.is_empty() {
            remarks.push(format!("skipped, because `--yes` pushes only named keys: {}", selection.unnamed.join(", ")));
        }
        Self { offers: selection.taken.into_iter().cloned().collect(), remarks, ..Self::default() }
    }
}
