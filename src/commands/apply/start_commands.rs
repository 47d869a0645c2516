//! Sets start commands. They are read in every environment before and after, because it is not documented which
//! environments a change affects.

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
    /// Environments that this token can't read.
    unread: Vec<String>,
}

/// Reads the start commands right before the first write: one request for each environment, and one for the list. A
/// start command that has changed since the plan was made is not set.
pub(crate) fn recheck(
    context: ApplyContext<'_>,
    plan: &Plan,
    receipts: &mut [Receipt],
) -> Result<OtherEnvironments, Error> {
    if plan.settings.is_empty() {
        return Ok(OtherEnvironments::default());
    }
    let now = read(context)?;
    for (setting, receipt) in plan.settings.iter().zip(&mut *receipts) {
        compare(setting, &now, receipt);
    }
    if receipts.iter().any(is_open) { other_environments(context) } else { Ok(OtherEnvironments::default()) }
}

/// Ends the receipt if the setting has changed since the plan was made.
fn compare(setting: &StartCommandChange, now: &CommandsByService, receipt: &mut Receipt) {
    let found = now.get(&setting.service.id);
    if found == setting.before.as_ref() {
        return;
    }
    if found == setting.after.as_ref() {
        receipt.end(Outcome::Done, "already set".to_owned());
        return;
    }
    receipt.end(Outcome::Conflict, "changed on Railway in the meantime".to_owned());
    receipt.sides =
        Some(Sides { planned_on: setting.before.clone(), found: found.cloned(), wanted: setting.after.clone() });
}

/// Returns the start commands of the environment of the plan.
fn read(context: ApplyContext<'_>) -> Result<CommandsByService, Error> {
    context.client.start_commands(&context.shape.project.id, &context.shape.environment.id)
}

fn other_environments(context: ApplyContext<'_>) -> Result<OtherEnvironments, Error> {
    let mut found = OtherEnvironments::default();
    let (project, own) = (&context.shape.project.id, &context.shape.environment.id);
    let located = match context.client.project(project) {
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
        match context.client.start_commands(project, &place.named.id) {
            Ok(commands) => found.environments.push((place.named, commands)),
            Err(Error::NoPermission { .. }) => found.unread.push(place.named.name),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

impl ApplyState<'_, '_> {
    /// Sets the open start commands, and checks that no other environment changed. Railway deploys the service with its
    /// new command, so variables are stored before, and a deployment in progress is awaited.
    pub(crate) fn write_settings(&mut self, elsewhere: &OtherEnvironments) {
        let is_left = |work: &Self, index: &usize| is_open(&work.receipts.settings[*index]);
        let open: Vec<usize> = (0..self.plan.settings.len()).filter(|index| is_left(self, index)).collect();
        if open.is_empty() || self.is_over() {
            return;
        }
        let shape = self.context.shape;
        let fence = match self.context.client.pre_write_state(&shape.project.id, &shape.environment.id) {
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
        if !self.receipts.patched.is_empty() {
            self.check_other_environments(elsewhere);
        }
        self.context.client.status.done();
    }

    fn write_setting(&mut self, index: usize, known: Deployed) {
        let setting = &self.plan.settings[index];
        if let Err(cause) = self.may_set(&setting.service, &known) {
            self.receipts.settings[index].end(Outcome::NotTried, cause);
            return;
        }
        // Another user may have set it while variables were stored or a deployment was awaited.
        match read(self.context) {
            Ok(now) => compare(setting, &now, &mut self.receipts.settings[index]),
            Err(error) => {
                self.applied.halted = Some(error);
                return;
            }
        }
        if !is_open(&self.receipts.settings[index]) {
            return;
        }
        self.context.client.status.waiting(&format!("setting the start command of {}", setting.service.name));
        let reply = self.writer().set_start_command(&setting.service, setting.after.as_ref());
        if !matches!(reply, WriteOutcome::NotSent(_)) {
            self.receipts.patched.insert(index, known);
        }
        self.record_setting(index, reply);
    }

    /// Returns the cause as an error if no deployment of the service may be created now.
    fn may_set(&mut self, service: &ResourceRef, known: &Deployed) -> Result<(), String> {
        let stores = self.plan.stores.iter().zip(&self.receipts.stores);
        let mut own = stores.filter(|(store, _)| store.meant_for.iter().any(|meant| meant.id == service.id));
        if own.any(|(_, receipt)| matches!(receipt.outcome, Outcome::Failed | Outcome::Unknown)) {
            return Err("its variables were not stored".to_owned());
        }
        let decided = decide(self.context.client, self.context.shape, Some(known), service)
            .map_err(|error| error.with_cause(": "))?;
        match decided {
            DeployMethod::Not(why) => Err(format!("setting it deploys the service, but {why}")),
            DeployMethod::After(other) => {
                let index = self.plan.deploys.iter().position(|deploy| deploy.service.id == service.id);
                match index.map(|index| self.wait_for(index, &other)) {
                    Some(WaitOutcome::Up | WaitOutcome::Down) => Ok(()),
                    Some(WaitOutcome::InVain) | None => Err(format!("newer deployment {} is in progress", other.id)),
                }
            }
            DeployMethod::Redeploy(_) | DeployMethod::First => Ok(()),
        }
    }

    /// Records the outcome. If it is unclear, the settings are read back, and the request is never sent again.
    fn record_setting(&mut self, index: usize, reply: WriteOutcome<String>) {
        let (look, outcome, error, workflow) = match reply {
            WriteOutcome::Done(workflow) => (ReadBack::Retried, Outcome::Done, None, Some(workflow)),
            WriteOutcome::Refused(no) => (ReadBack::Once, Outcome::Failed, Some(no.error().clone()), None),
            WriteOutcome::Unclear(error) => (ReadBack::Retried, Outcome::Unknown, Some(error), None),
            WriteOutcome::NotSent(error) => {
                self.receipts.settings[index].end(Outcome::Failed, error.with_cause(": "));
                self.applied.cause.get_or_insert(error.exit());
                self.applied.halted = Some(error);
                return;
            }
        };
        let observed = self.observe_setting(index, look, workflow.as_deref());
        self.end_setting(index, outcome, observed, error);
    }

    /// Ends the receipt by the settings that were read back, or by Railway's response if they are inconclusive.
    fn end_setting(
        &mut self,
        index: usize,
        outcome: Outcome,
        observed: Result<ObservedSetting, Error>,
        error: Option<Error>,
    ) {
        let receipt = &mut self.receipts.settings[index];
        match (observed, error) {
            (Ok(ObservedSetting::Set), None) => receipt.end(outcome, None),
            (Ok(ObservedSetting::Set), Some(error)) => {
                receipt.end(Outcome::Done, format!("the response was lost ({error}), but it is set"));
            }
            (Ok(ObservedSetting::Failed(why)), _) => receipt.end(Outcome::Failed, why),
            (Ok(ObservedSetting::Changed), error) => {
                let is_refused = error.is_some() && outcome == Outcome::Failed;
                let outcome = if is_refused { Outcome::Failed } else { Outcome::Unknown };
                receipt.end(outcome, "another start command was set on Railway in the meantime".to_owned());
            }
            (Ok(ObservedSetting::NotYet), None) => {
                receipt.end(outcome, "accepted, but not visible on Railway yet".to_owned());
                let place = self.plan.settings[index].service.name.clone();
                let remark = format!("the start command of {place} is not visible on Railway yet");
                self.inconclusive([place.as_str()], remark);
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

    /// Reads back the setting.
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
            // The workflow that Railway started for the change may have failed.
            workflow.and_then(|workflow| self.context.client.failed_patch(workflow)).map(ObservedSetting::Failed)
        };
        let observe = |_| read(self.context).map(state).transpose();
        let observed = poll_until(self.context.poll(look.limit()), read_back::backoff(), observe);
        observed.unwrap_or(Ok(ObservedSetting::NotYet))
    }

    /// Reads the other environments again. A change there is a failure, which their owners must know about.
    fn check_other_environments(&mut self, elsewhere: &OtherEnvironments) {
        if !elsewhere.unread.is_empty() {
            let unread: Vec<&str> = elsewhere.unread.iter().map(String::as_str).collect();
            self.applied.remarks.push(format!(
                "could not check the start commands of {}: this token can't read them",
                phrases::names(&unread)
            ));
        }
        let mut changed: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (environment, before) in &elsewhere.environments {
            self.context.client.status.waiting(&format!("reading the start commands of {}", environment.name));
            match self.context.client.start_commands(&self.context.shape.project.id, &environment.id) {
                Ok(now) => {
                    for &index in self.receipts.patched.keys() {
                        let id = &self.plan.settings[index].service.id;
                        if before.get(id) != now.get(id) {
                            changed.entry(index).or_default().push(&environment.name);
                        }
                    }
                }
                Err(error) => {
                    let remark = format!(
                        "could not read the start commands of {} again: {}",
                        environment.name,
                        error.with_cause(": ")
                    );
                    let settings = &self.plan.settings;
                    let places: Vec<&str> =
                        self.receipts.patched.keys().map(|&index| settings[index].service.name.as_str()).collect();
                    self.inconclusive(places, remark);
                }
            }
        }
        for (index, names) in changed {
            self.report_changed_elsewhere(index, &names);
        }
    }

    fn report_changed_elsewhere(&mut self, index: usize, environments: &[&str]) {
        let service = &self.plan.settings[index].service.name;
        let (names, own) = (phrases::names(environments), &self.context.shape.environment.name);
        self.receipts.settings[index].detail = Some(format!("also changed in {names}"));
        self.receipts.is_not_verified(service, Shortfall::Incomplete);
        self.applied.remarks.push(format!(
            "the start command of {service} also changed in {names}, not only in {own}; before the next deployment, \
             restore it in {names}: dashboard → {service} → Settings → Deploy → Custom Start Command"
        ));
    }

    /// Ends the receipts of deployments that Railway created for a start command, but that this run did not follow.
    pub(crate) fn note_unfollowed(&mut self) {
        for (deploy, receipt) in self.plan.deploys.iter().zip(&mut self.receipts.deploys) {
            let is_own = |index: &usize| {
                let may_be_done = matches!(self.receipts.settings[*index].outcome, Outcome::Done | Outcome::Unknown);
                may_be_done && self.plan.settings[*index].service.id == deploy.service.id
            };
            if is_open(receipt) && receipt.detail.is_none() && self.receipts.patched.keys().any(is_own) {
                receipt.end(
                    Outcome::Unknown,
                    "Railway deploys it with the new start command; this run did not follow that deployment".to_owned(),
                );
            }
        }
    }

    /// Returns the start command that this run has set for the service.
    pub(crate) fn set_command(&self, service: &ResourceRef) -> Option<&StartCommandChange> {
        let settings = self.plan.settings.iter().zip(&self.receipts.settings);
        let mut set = settings.filter(|(_, receipt)| receipt.outcome == Outcome::Done);
        set.find(|(setting, _)| setting.service.id == service.id).map(|(setting, _)| setting)
    }
}

/// The result of reading back a setting.
enum ObservedSetting {
    Set,
    NotYet,
    /// Neither the old nor the new start command.
    Changed,
    Failed(String),
}
