//! What is done, as flags or a person choose it.

use std::collections::BTreeSet;

use crate::commands::fix::start_command::StartChoices;
use crate::commands::fix::{FixRun, ignore, interactive, printed_commands};
use crate::drift::Finding;
use crate::drift::plan::bulk_selection::{BulkSelection, Consent, select};
use crate::drift::plan::deployments::DeployReason;
use crate::drift::plan::offer::{Asking, Direction, Offer, Proposal};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::start_command::StartCommandChange;
use crate::error::Error;
use crate::io::world::World;

/// Everything that something can be done about.
#[derive(Clone, Copy)]
pub(super) struct Open<'o> {
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
    pub(super) ignores: Vec<ignore::IgnoreEntry>,
    /// Start commands that are set.
    pub(super) settings: Vec<StartCommandChange>,
    /// Services that are deployed, whatever becomes of variables.
    pub(super) redeploys: Vec<DueRedeploy>,
    /// What can't be done or was left out, to be said; sentences without full stop.
    pub(super) remarks: Vec<String>,
    /// Commands that add a named key to a service which does not hold it.
    pub(super) to_add: Vec<Vec<String>>,
}

/// What is done about what was chosen.
pub(super) enum ChangeSelection {
    /// It is planned.
    Made(SelectedChanges),
    /// `--yes` names no key for it: it is planned, shown, and refused.
    Unnamed(SelectedChanges),
    /// No direction was given, and there is no terminal: this is what the likeliest direction would do.
    Undirected(SelectedChanges),
    /// The person leaves everything as it is.
    Nothing,
}

impl FixRun<'_> {
    /// What flags choose for all, or what a person chooses.
    pub(super) fn choose(
        &self,
        open: Open<'_>,
        findings: &[Finding],
        world: &mut World<'_>,
    ) -> Result<ChangeSelection, Error> {
        let Open { proposals, due, commands: StartChoices { typed, is_set_already, .. } } = open;
        if self.terms.asking == Asking::Person {
            let chosen = interactive::choose(self, open, findings, world)?;
            return Ok(
                chosen.map_or(ChangeSelection::Nothing, |chosen| ChangeSelection::Made(chosen.with_one_commit()))
            );
        }
        let ways = self.ways();
        if ways.is_empty() && !self.args.redeploy && self.args.start_command.is_none() {
            return Ok(ChangeSelection::Undirected(self.likeliest((proposals, due), world)));
        }
        let to_add = if ways.contains(&Direction::Push) && !ways.contains(&Direction::Add) {
            printed_commands::to_add(self, proposals, world)
        } else {
            Vec::new()
        };
        let consent = match (self.args.yes, self.seen.sights.trust.is_wanted()) {
            (false, _) => Consent::Asked,
            (true, false) => Consent::GivenBefore,
            (true, true) => Consent::GivenToNamed,
        };
        let selection = select(proposals, &ways, &self.terms, consent);
        if self.args.yes && selection.taken.is_empty() && !selection.unnamed.is_empty() && !self.args.redeploy {
            let wanted = select(proposals, &ways, &self.terms, Consent::Asked);
            let settings = typed.iter().cloned().collect();
            return Ok(ChangeSelection::Unnamed(SelectedChanges { settings, to_add, ..selected(wanted) }));
        }
        // What a run before this one has set and not deployed is deployed.
        let is_wanted =
            |due: &&DueRedeploy| self.args.redeploy || *is_set_already && due.cause == DeployReason::Command;
        let redeploys = due.iter().filter(is_wanted).cloned().collect();
        let settings = typed.iter().cloned().collect();
        let mut chosen = SelectedChanges { settings, redeploys, to_add, ..selected(selection) };
        if *is_set_already {
            chosen.remarks.push("the settings have that start command already".to_owned());
        }
        let unheld: BTreeSet<&str> = if chosen.to_add.is_empty() { BTreeSet::new() } else { self.unheld(proposals) };
        chosen.remarks.extend(unheld.into_iter().map(unheld_sentence));
        Ok(ChangeSelection::Made(chosen.with_one_commit()))
    }

    /// Named keys that no service in scope holds, and that could be added to one.
    fn unheld<'p>(&self, proposals: &[Proposal<'p>]) -> BTreeSet<&'p str> {
        let is_held = |key: &str| self.seen.survey.readable().any(|target| target.variable(key).is_some());
        let could = |one: &&Proposal<'_>| one.offers.iter().any(|offer| offer.way == Direction::Add);
        let named = proposals.iter().filter(could).map(|one| one.key).filter(|key| self.terms.named.contains(*key));
        named.filter(|key| !is_held(key)).collect()
    }

    /// What a flag would do if it were typed: a push, or else a redeploy, or else a pull.
    fn likeliest(&self, (proposals, due): (&[Proposal<'_>], &[DueRedeploy]), world: &World<'_>) -> SelectedChanges {
        let all = |ways: &[Direction]| selected(select(proposals, ways, &self.terms, Consent::Asked));
        let push = all(&[Direction::Push, Direction::PushShared]);
        if !push.offers.is_empty() {
            return push;
        }
        if !due.is_empty() {
            return SelectedChanges { redeploys: due.to_vec(), ..SelectedChanges::default() };
        }
        SelectedChanges { to_add: printed_commands::to_add(self, proposals, world), ..all(&[Direction::Pull]) }
    }

    /// The directions that the flags name. A dry run without one shows what a push would do.
    fn ways(&self) -> Vec<Direction> {
        let mut ways = Vec::new();
        let is_directed = self.args.pull || self.args.redeploy || self.args.prune || self.args.start_command.is_some();
        if self.args.push || self.args.add || (self.args.dry_run && !is_directed) {
            ways.extend([Direction::Push, Direction::PushShared]);
        }
        if self.args.add {
            ways.push(Direction::Add);
        }
        if self.args.pull {
            ways.push(Direction::Pull);
        }
        if self.args.prune {
            ways.push(Direction::Remove);
        }
        ways
    }
}

impl SelectedChanges {
    /// Railway deploys the code that runs with a new start command: a service gets that, or another commit.
    fn with_one_commit(mut self) -> Self {
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

fn unheld_sentence(key: &str) -> String {
    format!("no service in scope holds {key}, so it is not pushed; --add gives it to a service that needs it")
}

/// What one direction for all comes to.
pub(super) fn selected(selection: BulkSelection<'_>) -> SelectedChanges {
    let mut remarks: Vec<String> = selection.obstacles.into_iter().map(|(_, why)| why).collect();
    if !selection.unnamed.is_empty() {
        remarks.push(format!(
            "left out, because `--yes` pushes only keys that are named: {}",
            selection.unnamed.join(", ")
        ));
    }
    SelectedChanges { offers: selection.taken.into_iter().cloned().collect(), remarks, ..SelectedChanges::default() }
}
