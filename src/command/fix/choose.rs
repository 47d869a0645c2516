//! What is done, as flags or a person choose it.

use std::collections::BTreeSet;

use crate::command::fix::start::StartChoices;
use crate::command::fix::{Run, ask, commands, ignore};
use crate::drift::Finding;
use crate::drift::plan::deploy::Cause;
use crate::drift::plan::due::Due;
use crate::drift::plan::offer::{Asking, Offer, Proposal, Way};
use crate::drift::plan::select::{Consent, Selection, select};
use crate::drift::plan::start_command::StartCommandChange;
use crate::error::Error;
use crate::outside::world::World;

/// Everything that something can be done about.
#[derive(Clone, Copy)]
pub(super) struct Open<'o> {
    /// Findings about keys.
    pub(super) proposals: &'o [Proposal<'o>],
    /// Services that a deployment brings up to date.
    pub(super) due: &'o [Due],
    /// Start commands.
    pub(super) commands: &'o StartChoices,
}

/// The changes that were chosen.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) offers: Vec<Offer>,
    pub(super) ignores: Vec<ignore::Ignoring>,
    /// Start commands that are set.
    pub(super) settings: Vec<StartCommandChange>,
    /// Services that are deployed, whatever becomes of variables.
    pub(super) redeploys: Vec<Due>,
    /// What can't be done or was left out, to be said; sentences without full stop.
    pub(super) remarks: Vec<String>,
    /// Commands that add a named key to a service which does not hold it.
    pub(super) to_add: Vec<Vec<String>>,
}

/// What is done about what was chosen.
pub(super) enum Choice {
    /// It is planned.
    Made(Chosen),
    /// `--yes` names no key for it: it is planned, shown, and refused.
    Unnamed(Chosen),
    /// No direction was given, and there is no terminal: this is what the likeliest direction would do.
    Undirected(Chosen),
    /// The person leaves everything as it is.
    Nothing,
}

impl Run<'_> {
    /// What flags choose for all, or what a person chooses.
    pub(super) fn choose(&self, open: Open<'_>, findings: &[Finding], world: &mut World<'_>) -> Result<Choice, Error> {
        let Open { proposals, due, commands: StartChoices { typed, is_set_already, .. } } = open;
        if self.terms.asking == Asking::Person {
            let chosen = ask::choose(self, open, findings, world)?;
            return Ok(chosen.map_or(Choice::Nothing, |chosen| Choice::Made(chosen.with_one_commit())));
        }
        let ways = self.ways();
        if ways.is_empty() && !self.args.redeploy && self.args.start_command.is_none() {
            return Ok(Choice::Undirected(self.likeliest((proposals, due), world)));
        }
        let to_add = if ways.contains(&Way::Push) && !ways.contains(&Way::Add) {
            commands::to_add(self, proposals, world)
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
            return Ok(Choice::Unnamed(Chosen { settings, to_add, ..selected(wanted) }));
        }
        // What a run before this one has set and not deployed is deployed.
        let is_wanted = |due: &&Due| self.args.redeploy || *is_set_already && due.cause == Cause::Command;
        let redeploys = due.iter().filter(is_wanted).cloned().collect();
        let settings = typed.iter().cloned().collect();
        let mut chosen = Chosen { settings, redeploys, to_add, ..selected(selection) };
        if *is_set_already {
            chosen.remarks.push("the settings have that start command already".to_owned());
        }
        let unheld: BTreeSet<&str> = if chosen.to_add.is_empty() { BTreeSet::new() } else { self.unheld(proposals) };
        chosen.remarks.extend(unheld.into_iter().map(unheld_words));
        Ok(Choice::Made(chosen.with_one_commit()))
    }

    /// Named keys that no service in scope holds, and that could be added to one.
    fn unheld<'p>(&self, proposals: &[Proposal<'p>]) -> BTreeSet<&'p str> {
        let is_held = |key: &str| self.seen.survey.readable().any(|target| target.variable(key).is_some());
        let could = |one: &&Proposal<'_>| one.offers.iter().any(|offer| offer.way == Way::Add);
        let named = proposals.iter().filter(could).map(|one| one.key).filter(|key| self.terms.named.contains(*key));
        named.filter(|key| !is_held(key)).collect()
    }

    /// What a flag would do if it were typed: a push, or else a redeploy, or else a pull.
    fn likeliest(&self, (proposals, due): (&[Proposal<'_>], &[Due]), world: &World<'_>) -> Chosen {
        let all = |ways: &[Way]| selected(select(proposals, ways, &self.terms, Consent::Asked));
        let push = all(&[Way::Push, Way::PushShared]);
        if !push.offers.is_empty() {
            return push;
        }
        if !due.is_empty() {
            return Chosen { redeploys: due.to_vec(), ..Chosen::default() };
        }
        Chosen { to_add: commands::to_add(self, proposals, world), ..all(&[Way::Pull]) }
    }

    /// The directions that the flags name. A dry run without one shows what a push would do.
    fn ways(&self) -> Vec<Way> {
        let mut ways = Vec::new();
        let is_directed = self.args.pull || self.args.redeploy || self.args.prune || self.args.start_command.is_some();
        if self.args.push || self.args.add || (self.args.dry_run && !is_directed) {
            ways.extend([Way::Push, Way::PushShared]);
        }
        if self.args.add {
            ways.push(Way::Add);
        }
        if self.args.pull {
            ways.push(Way::Pull);
        }
        if self.args.prune {
            ways.push(Way::Remove);
        }
        ways
    }
}

impl Chosen {
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

fn unheld_words(key: &str) -> String {
    format!("no service in scope holds {key}, so it is not pushed; --add gives it to a service that needs it")
}

/// What one direction for all comes to.
pub(super) fn selected(selection: Selection<'_>) -> Chosen {
    let mut remarks: Vec<String> = selection.obstacles.into_iter().map(|(_, why)| why).collect();
    if !selection.unnamed.is_empty() {
        remarks.push(format!(
            "left out, because `--yes` pushes only keys that are named: {}",
            selection.unnamed.join(", ")
        ));
    }
    Chosen { offers: selection.taken.into_iter().cloned().collect(), remarks, ..Chosen::default() }
}
