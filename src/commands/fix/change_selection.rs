//! Selects the changes: by the flags, or by the user's choices at the prompts.

use std::collections::BTreeSet;

use crate::commands::fix::changes::{Fixable, SelectedChanges};
use crate::commands::fix::start_command::StartChoices;
use crate::commands::fix::{FixRun, interactive, nothing_selected, printed_commands};
use crate::drift::Finding;
use crate::drift::plan::bulk_selection::{Consent, select};
use crate::drift::plan::deployments::DeployReason;
use crate::drift::plan::offer::{Direction, Prompting, Proposal};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::error::Error;
use crate::io::world::World;

/// The selected changes, and what the run does with them.
pub(super) enum ChangeSelection {
    /// They are planned and applied.
    Made(SelectedChanges),
    /// No key was named that `--yes` may push: the plan is shown, and the run fails.
    Unnamed(SelectedChanges),
    /// No direction was given, and there is no terminal: the run fails, and prints commands for the default direction.
    Undirected(SelectedChanges),
    /// The user chose to change nothing.
    Nothing,
}

impl FixRun<'_> {
    /// Selects changes in bulk by the flags, or asks the user.
    pub(super) fn choose(
        &self,
        open: Fixable<'_>,
        findings: &[Finding],
        world: &mut World<'_>,
    ) -> Result<ChangeSelection, Error> {
        if self.args.hoist.is_some() {
            return Ok(ChangeSelection::Made(self.hoist(open)));
        }
        if self.permissions.asking == Prompting::Interactive {
            let chosen = interactive::choose(self, open, findings, world)?.map(SelectedChanges::with_one_commit);
            return Ok(chosen.map_or(ChangeSelection::Nothing, ChangeSelection::Made));
        }
        let ways = self.ways();
        if ways.is_empty() && !self.args.redeploy && self.args.start_command.is_none() {
            return Ok(ChangeSelection::Undirected(self.likeliest(open, world)));
        }
        Ok(self.directed(open, &ways, world))
    }

    /// Selects the changes of the directions.
    fn directed(&self, open: Fixable<'_>, ways: &[Direction], world: &World<'_>) -> ChangeSelection {
        let Fixable { proposals, due, commands: StartChoices { typed, is_set_already, .. }, .. } = open;
        let is_push_alone = ways.contains(&Direction::Push) && !ways.contains(&Direction::Add);
        let to_add = if is_push_alone { printed_commands::to_add(self, proposals, world) } else { Vec::new() };
        let selection = select(proposals, ways, &self.permissions, self.consent());
        if self.args.yes && selection.taken.is_empty() && !selection.unnamed.is_empty() && !self.args.redeploy {
            let wanted = select(proposals, ways, &self.permissions, Consent::Prompt);
            let settings = typed.iter().cloned().collect();
            return ChangeSelection::Unnamed(SelectedChanges { settings, to_add, ..wanted.into() });
        }
        // An earlier run may have set the start command without a deployment.
        let is_wanted =
            |due: &&DueRedeploy| self.args.redeploy || *is_set_already && due.cause == DeployReason::Command;
        let redeploys = due.iter().filter(is_wanted).cloned().collect();
        let settings = typed.iter().cloned().collect();
        let mut chosen = SelectedChanges { settings, redeploys, to_add, ..selection.into() };
        if *is_set_already {
            chosen.remarks.push("the start command is already set".to_owned());
        }
        if !chosen.to_add.is_empty() {
            chosen.remarks.extend(self.unheld(proposals).into_iter().map(unheld_remark));
        }
        if chosen.is_empty() {
            chosen.remarks = nothing_selected::reasons(self, proposals, ways);
        }
        ChangeSelection::Made(chosen.with_one_commit())
    }

    /// Returns the changes of `--hoist`.
    fn hoist(&self, open: Fixable<'_>) -> SelectedChanges {
        let offers = open.hoisted.cloned().into_iter().collect();
        SelectedChanges { offers, remarks: self.unhoisted(), ..SelectedChanges::default() }
    }

    fn consent(&self) -> Consent {
        match (self.args.yes, self.gathered().expectations.trust.needs_acceptance()) {
            (false, _) => Consent::Prompt,
            (true, false) => Consent::Flag,
            (true, true) => Consent::FlagForNamedKeys,
        }
    }

    /// Returns the keys named by `--only` that no service in scope has, and that can be added to one.
    fn unheld<'p>(&self, proposals: &[Proposal<'p>]) -> BTreeSet<&'p str> {
        let could = |one: &&Proposal<'_>| one.offers.iter().any(|offer| offer.way == Direction::Add);
        let named =
            proposals.iter().filter(could).map(|one| one.key).filter(|key| self.permissions.named.contains(*key));
        named.filter(|key| self.holders(key).next().is_none()).collect()
    }

    /// Returns the changes of the first direction that has any: push, redeploy, pull.
    fn likeliest(&self, open: Fixable<'_>, world: &World<'_>) -> SelectedChanges {
        let Fixable { proposals, due, .. } = open;
        let all =
            |ways: &[Direction]| SelectedChanges::from(select(proposals, ways, &self.permissions, Consent::Prompt));
        let push = all(&[Direction::Push, Direction::PushShared]);
        if !push.offers.is_empty() {
            return push;
        }
        if !due.is_empty() {
            return SelectedChanges { redeploys: due.to_vec(), ..SelectedChanges::default() };
        }
        SelectedChanges { to_add: printed_commands::to_add(self, proposals, world), ..all(&[Direction::Pull]) }
    }

    /// Returns the directions of the flags. A dry run without one shows a push.
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

fn unheld_remark(key: &str) -> String {
    format!("no service in scope has {key}, so it is not pushed; use --add to add it to a service")
}
