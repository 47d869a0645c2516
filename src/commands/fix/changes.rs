//! What can be fixed, and what of it was selected.

use crate::commands::fix::ignore::IgnoreEntry;
use crate::commands::fix::start_command::StartChoices;
use crate::drift::plan::bulk_selection::BulkSelection;
use crate::drift::plan::offer::{Offer, Proposal};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::start_command::StartCommandChange;

/// Everything that can be fixed.
#[derive(Clone, Copy)]
pub(super) struct Fixable<'o> {
    /// Findings about keys.
    pub(super) proposals: &'o [Proposal<'o>],
    /// Services that a deployment brings up to date.
    pub(super) due: &'o [DueRedeploy],
    /// Start commands.
    pub(super) commands: &'o StartChoices,
}

/// The changes that were chosen.
#[derive(Default)]
pub(super) struct SelectedChanges {
    pub(super) offers: Vec<Offer>,
    pub(super) ignores: Vec<IgnoreEntry>,
    /// Start commands that are set.
    pub(super) settings: Vec<StartCommandChange>,
    /// Services that are deployed, whatever becomes of variables.
    pub(super) redeploys: Vec<DueRedeploy>,
    /// What can't be done or was left out, to be said; sentences without full stop.
    pub(super) remarks: Vec<String>,
    /// Commands that add a named key to a service which does not hold it.
    pub(super) to_add: Vec<Vec<String>>,
}

impl SelectedChanges {
    /// Railway deploys the code that runs with a new start command: a service gets that, or another commit.
    pub(super) fn with_one_commit(mut self) -> Self {
        for due in &mut self.redeploys {
            if due.commit.is_some() && self.settings.iter().any(|setting| setting.service == due.service) {
                due.commit = None;
                self.remarks.push(format!(
                    "{} gets its start command with the commit that runs; `--redeploy` deploys the newer one afterwards",
                    due.service.name
                ));
            }
        }
        self
    }
}

impl From<BulkSelection<'_>> for SelectedChanges {
    /// What one direction for all changes.
    fn from(selection: BulkSelection<'_>) -> Self {
        let mut remarks: Vec<String> = selection.obstacles.into_iter().map(|(_, why)| why).collect();
        if !selection.unnamed.is_empty() {
            remarks.push(format!(
                "left out, because `--yes` pushes only keys that are named: {}",
                selection.unnamed.join(", ")
            ));
        }
        Self { offers: selection.taken.into_iter().cloned().collect(), remarks, ..Self::default() }
    }
}
