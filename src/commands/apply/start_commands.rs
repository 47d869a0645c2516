//! Start commands: read in every environment, set in one, and read again. Which environments a change reaches is not
//! certain, so it is not assumed.

use std::collections::BTreeMap;

use crate::commands::apply::create_deployments::WaitOutcome;
use crate::commands::apply::read_back::{self, ReadBack};
use crate::commands::apply::{ApplyContext, ApplyState, decide, is_open};
use crate::drift::model::deployment::Deployed;
use crate::drift::model::receipt::{Outcome, Receipt, Shortfall, Sides};
use crate::drift::plan::Plan;
use crate::drift::plan::deployments::DeployMethod;
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::{ResourceRef, phrases};
use crate::error::Error;
use crate::io::poll::poll_until;
use crate::io::railway::lookup::EnvironmentAccess;
use crate::io::railway::service_settings::CommandsByService;
use crate::io::railway::writer::WriteOutcome;

/// The start commands of the environments that must not change.
#[derive(Debug, Default)]
pub(crate) struct OtherEnvironments {
    environments: Vec<(ResourceRef, CommandsByService)>,
    /// Those that this token can't read, or why it can't list them.
    unread: Vec<String>,
}

/// Reads the start commands right before the first write: one request for each environment, and one that lists them. A command
/// that changed since the plan was made is not written.
pub(crate) fn recheck(
    site: ApplyContext<'_>,
    plan: &Plan,
    receipts: &mut [Receipt],
) -> Result<OtherEnvironments, Error> {
    if plan.settings.is_empty() {
        return Ok(OtherEnvironments::default());
    }
    let now = read(site)?;
    for (setting, receipt) in plan.settings.iter().zip(&mut *receipts) {
        compare(setting, &now, receipt);
    }
    if receipts.iter().any(is_open) { other_environments(site) } else { Ok(OtherEnvironments::default()) }
}

/// Ends the receipt if the setting is not what the plan was made on.
fn compare(setting: &StartCommandChange, now: &CommandsByService, receipt: &mut Receipt) {
    let found = now.get(&setting.service.id);
    if found == setting.before.as_ref() {
        return;
    }
    if found == setting.after.as_ref() {
        receipt.end(Outcome::Done, "already set".to_owned());
        return;
    }
    receipt.end(Outcome::Conflict, "it was changed on Railway meanwhile".to_owned());
    receipt.sides =
        Some(Sides { planned_on: setting.before.clone(), found: found.cloned(), wanted: setting.after.clone() });
}

/// The start commands of the environment that is written to.
fn read(site: ApplyContext<'_>) -> Result<CommandsByService, Error> {
    site.client.start_commands(&site.shape.project.id, &site.shape.environment.id)
}

fn other_environments(site: ApplyContext<'_>) -> Result<OtherEnvironments, Error> {
    let mut found = OtherEnvironments::default();
    let (project, own) = (&site.shape.project.id, &site.shape.environment.id);
    let located = match site.client.project(project) {
        Ok(located) => located,
        Err(Error::NoPermission { .. }) => {
            found.unread.push("other environments".to_owned());
            return Ok(found);
        }
        Err(error) => return Err(error),
    };
    for place in located.environments.into_iter().filter(|place| place.named.id != *own) {
        if place.access == EnvironmentAccess::Restricted {
            found.unread.push(place.named.name);
            continue;
        }
        match site.client.start_commands(project, &place.named.id) {
            Ok(commands) => found.environments.push((place.named, commands)),
            Err(Error::NoPermission { .. }) => found.unread.push(place.named.name),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

impl ApplyState<'_, '_> {
    /// Sets every start command that is still to be set, and looks whether it was set nowhere else. Railway deploys a service
    /// with its new command, so its variables are stored before, and a newer deployment is waited for.
    pub(crate) fn write_settings(&mut self, elsewhere: &OtherEnvironments) {
        let is_left = |work: &Self, index: &usize| is_open(&work.ledger.settings[*index]);
        let open: Vec<usize> = (0..self.plan.settings.len()).filter(|index| is_left(self, index)).collect();
        if open.is_empty() || self.is_over() {
            return;
        }
        let shape = self.site.shape;
        let fence = match self.site.client.pre_write_state(&shape.project.id, &shape.environment.id) {
            Ok(fence) => fence,
            Err(error) => {
                self.applied.halted = Some(error);
                return;
            }
        };
        for index in open {
            if self.is_over() {
                break;
            }
            let known = fence.deployed.get(&self.plan.settings[index].service.id).cloned().unwrap_or_default();
            self.write_setting(index, known);
        }
        if !self.ledger.patched.is_empty() {
            self.check_other_environments(elsewhere);
        }
        self.site.client.talk.done();
    }

    fn write_setting(&mut self, index: usize, known: Deployed) {
        let setting = &self.plan.settings[index];
        if let Err(why) = self.may_set(&setting.service, &known) {
            self.ledger.settings[index].end(Outcome::NotTried, why);
            return;
        }
        // Storing variables and waiting for a deployment take time in which another person may set it.
        match read(self.site) {
            Ok(now) => compare(setting, &now, &mut self.ledger.settings[index]),
            Err(error) => {
                self.applied.halted = Some(error);
                return;
            }
        }
        if !is_open(&self.ledger.settings[index]) {
            return;
        }
        self.site.client.talk.waiting(&format!("setting the start command of {}", setting.service.name));
        let reply = self.writer().set_start_command(&setting.service, setting.after.as_ref());
        if !matches!(reply, WriteOutcome::NotSent(_)) {
            self.ledger.patched.insert(index, known);
        }
        self.settle_setting(index, reply);
    }

    /// Whether a deployment of the service may be created now; if not, why.
    fn may_set(&mut self, service: &ResourceRef, known: &Deployed) -> Result<(), String> {
        let stores = self.plan.stores.iter().zip(&self.ledger.stores);
        let mut own = stores.filter(|(store, _)| store.meant_for.iter().any(|meant| meant.id == service.id));
        if own.any(|(_, receipt)| matches!(receipt.outcome, Outcome::Failed | Outcome::Unknown)) {
            return Err("its variables were not stored".to_owned());
        }
        let decided =
            decide(self.site.client, self.site.shape, Some(known), service).map_err(|error| error.with_cause(": "))?;
        match decided {
            DeployMethod::Not(why) => Err(format!("Railway deploys with it, and {why}")),
            DeployMethod::After(other) => {
                let index = self.plan.deploys.iter().position(|deploy| deploy.service.id == service.id);
                match index.map(|index| self.wait_for(index, &other)) {
                    Some(WaitOutcome::Up | WaitOutcome::Down) => Ok(()),
                    Some(WaitOutcome::InVain) | None => Err(format!("a newer deployment, {}, is under way", other.id)),
                }
            }
            DeployMethod::Redeploy(_) | DeployMethod::First => Ok(()),
        }
    }

    /// What an answer means. What was not clearly done is looked for, never sent again.
    fn settle_setting(&mut self, index: usize, reply: WriteOutcome<String>) {
        let (look, outcome, error, workflow) = match reply {
            WriteOutcome::Done(workflow) => (ReadBack::Patiently, Outcome::Done, None, Some(workflow)),
            WriteOutcome::Refused(no) => (ReadBack::Once, Outcome::Failed, Some(no.error().clone()), None),
            WriteOutcome::Unclear(error) => (ReadBack::Patiently, Outcome::Unknown, Some(error), None),
            WriteOutcome::NotSent(error) => {
                self.ledger.settings[index].end(Outcome::Failed, error.with_cause(": "));
                self.applied.cause.get_or_insert(error.exit());
                self.applied.halted = Some(error);
                return;
            }
        };
        let observed = self.observe_setting(index, look, workflow.as_deref());
        self.end_setting(index, outcome, observed, error);
    }

    /// Ends the receipt with what the settings show, and with what Railway answered where they show nothing.
    fn end_setting(
        &mut self,
        index: usize,
        outcome: Outcome,
        observed: Result<ObservedSetting, Error>,
        error: Option<Error>,
    ) {
        let receipt = &mut self.ledger.settings[index];
        match (observed, error) {
            (Ok(ObservedSetting::Set), None) => receipt.end(outcome, None),
            (Ok(ObservedSetting::Set), Some(error)) => {
                receipt.end(Outcome::Done, format!("its answer was lost ({error}); Railway stores it"));
            }
            (Ok(ObservedSetting::Failed(why)), _) => receipt.end(Outcome::Failed, why),
            (Ok(ObservedSetting::Changed), error) => {
                let is_refused = error.is_some() && outcome == Outcome::Failed;
                let outcome = if is_refused { Outcome::Failed } else { Outcome::Unknown };
                receipt.end(outcome, "another start command was set on Railway meanwhile".to_owned());
            }
            (Ok(ObservedSetting::NotYet), None) => {
                receipt.end(outcome, "accepted, but not visible on Railway yet".to_owned());
                let place = self.plan.settings[index].service.name.clone();
                let words = format!("the start command of {place} can't be seen on Railway yet");
                self.inconclusive([place.as_str()], words);
            }
            (Ok(ObservedSetting::NotYet), Some(error)) => {
                receipt.end(outcome, error.with_cause(": "));
                if outcome == Outcome::Failed {
                    self.applied.cause.get_or_insert(error.exit());
                }
            }
            (Err(lost), error) => {
                receipt.end(Outcome::Unknown, error.as_ref().unwrap_or(&lost).with_cause(": "));
                self.applied.halted = Some(lost);
            }
        }
    }

    /// Whether the settings have the command that was sent.
    fn observe_setting(&self, index: usize, look: ReadBack, workflow: Option<&str>) -> Result<ObservedSetting, Error> {
        let setting = &self.plan.settings[index];
        let state = |now: CommandsByService| {
            let found = now.get(&setting.service.id);
            if found == setting.after.as_ref() {
                return Some(ObservedSetting::Set);
            }
            if found != setting.before.as_ref() {
                return Some(ObservedSetting::Changed);
            }
            // The work that Railway started for it may have failed meanwhile.
            workflow.and_then(|workflow| self.site.client.failed_patch(workflow)).map(ObservedSetting::Failed)
        };
        let observe = |_| read(self.site).map(state).transpose();
        let observed = poll_until(self.site.poll(look.limit()), read_back::backoff(), observe);
        observed.unwrap_or(Ok(ObservedSetting::NotYet))
    }

    /// Reads the other environments again. What changed there is a failure: whoever owns it has to know.
    fn check_other_environments(&mut self, elsewhere: &OtherEnvironments) {
        if !elsewhere.unread.is_empty() {
            let unread: Vec<&str> = elsewhere.unread.iter().map(String::as_str).collect();
            self.applied.remarks.push(format!(
                "this token can't read the start commands of {}, so whether they changed is not known",
                phrases::names(&unread)
            ));
        }
        let mut changed: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (environment, before) in &elsewhere.environments {
            self.site.client.talk.waiting(&format!("reading the start commands of {}", environment.name));
            match self.site.client.start_commands(&self.site.shape.project.id, &environment.id) {
                Ok(now) => {
                    for &index in self.ledger.patched.keys() {
                        let id = &self.plan.settings[index].service.id;
                        if before.get(id) != now.get(id) {
                            changed.entry(index).or_default().push(&environment.name);
                        }
                    }
                }
                Err(error) => {
                    let words = format!(
                        "the start commands of {} can't be read again: {}",
                        environment.name,
                        error.with_cause(": ")
                    );
                    let settings = &self.plan.settings;
                    let places: Vec<&str> =
                        self.ledger.patched.keys().map(|&index| settings[index].service.name.as_str()).collect();
                    self.inconclusive(places, words);
                }
            }
        }
        for (index, names) in changed {
            self.report_changed_elsewhere(index, &names);
        }
    }

    fn report_changed_elsewhere(&mut self, index: usize, environments: &[&str]) {
        let service = &self.plan.settings[index].service.name;
        let (names, own) = (phrases::names(environments), &self.site.shape.environment.name);
        self.ledger.settings[index].detail = Some(format!("it changed in {names}, too"));
        self.ledger.is_not_verified(service, Shortfall::Incomplete);
        self.applied.remarks.push(format!(
            "the start command of {service} was to change in {own} only, and changed in {names} as well: set it back there \
             before the next deployment, in Railway's dashboard under {service} → Settings → Deploy → Custom Start Command"
        ));
    }

    /// Railway deploys a service whose start command was set, also where this run ended before it could follow that.
    pub(crate) fn note_unfollowed(&mut self) {
        for (deploy, receipt) in self.plan.deploys.iter().zip(&mut self.ledger.deploys) {
            let is_own = |index: &usize| {
                let may_be_done = matches!(self.ledger.settings[*index].outcome, Outcome::Done | Outcome::Unknown);
                may_be_done && self.plan.settings[*index].service.id == deploy.service.id
            };
            if is_open(receipt) && receipt.detail.is_none() && self.ledger.patched.keys().any(is_own) {
                receipt.end(
                    Outcome::Unknown,
                    "Railway deploys it with the new start command; this run did not follow that deployment".to_owned(),
                );
            }
        }
    }

    /// What this run has set for the service.
    pub(crate) fn set_command(&self, service: &ResourceRef) -> Option<&StartCommandChange> {
        let settings = self.plan.settings.iter().zip(&self.ledger.settings);
        let mut set = settings.filter(|(_, receipt)| receipt.outcome == Outcome::Done);
        set.find(|(setting, _)| setting.service.id == service.id).map(|(setting, _)| setting)
    }
}

/// What the settings show of a change.
enum ObservedSetting {
    Set,
    NotYet,
    /// It is neither the old nor the new one.
    Changed,
    Failed(String),
}
