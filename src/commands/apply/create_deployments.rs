//! Creates one deployment for each service with changed variables, and never a second one.

use std::time::Duration;

use crate::commands::apply::precheck::read;
use crate::commands::apply::read_back::ReadBack;
use crate::commands::apply::watch_deployments::WatchedDeployment;
use crate::commands::apply::{ApplyState, WatchedDeployments};
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::deployment::{Deployed, Deployment, DeploymentStage, DeploymentStatus};
use crate::drift::model::receipt::{Outcome, Shortfall};
use crate::drift::plan::deployments::{Commit, DeployMethod, DeployReason, how, retried};
use crate::drift::plan::{VariableChange, VariableOwner};
use crate::drift::stale_evidence::{is_removed, is_running};
use crate::drift::{ResourceRef, phrases};
use crate::error::Error;
use crate::io::poll::{PollLimit, every, poll_until};
use crate::io::railway::client::Client;
use crate::io::railway::deployments::PreWriteState;
use crate::io::railway::environment::Shape;
use crate::io::railway::writer::{MutationRefusal, WriteOutcome};

/// How long to wait for a deployment that has to finish before another one may be created.
const OTHERS: Duration = Duration::from_secs(180);

/// The time between two polls.
const PAUSE: Duration = Duration::from_secs(5);

impl ApplyState<'_, '_> {
    /// Creates the deployment of every service whose variables are all stored.
    pub(crate) fn create_deployments(&mut self, before: &PreWriteState) -> WatchedDeployments {
        let mut followers = WatchedDeployments::new();
        let ready: Vec<usize> = (0..self.plan.deploys.len()).filter(|&index| self.is_ready(index)).collect();
        // Railway may have created deployments after a deletion that are not in the plan.
        if (ready.is_empty() && self.receipts.deleted.is_empty()) || self.is_over() {
            return followers;
        }
        self.context.client.status.waiting("creating deployments");
        let shape = self.context.shape;
        let now = match self.context.client.pre_write_state(&shape.project.id, &shape.environment.id) {
            Ok(now) => now,
            Err(error) => {
                self.applied.halted = Some(error);
                return followers;
            }
        };
        self.report_side_effects(before, &now);
        for index in ready {
            if self.is_over() {
                break;
            }
            followers.extend(self.create(index, before, &now));
        }
        self.context.client.status.done();
        followers
    }

    /// Returns whether all changes for the service are stored, and there is at least one.
    fn is_ready(&self, index: usize) -> bool {
        let deploy = &self.plan.deploys[index];
        let stores = self.plan.stores.iter().zip(&self.receipts.stores);
        let stores = stores.filter(|(store, _)| store.meant_for.iter().any(|service| service.id == deploy.service.id));
        let settings = self.plan.settings.iter().zip(&self.receipts.settings);
        let settings = settings.filter(|(setting, _)| setting.service.id == deploy.service.id);
        let own = stores.map(|(_, receipt)| receipt.outcome).chain(settings.map(|(_, receipt)| receipt.outcome));
        let own: Vec<Outcome> = own.collect();
        let is_done = |outcome: &Outcome| *outcome == Outcome::Done;
        match deploy.cause {
            DeployReason::Stale | DeployReason::Behind | DeployReason::Command | DeployReason::Unhealthy => true,
            DeployReason::Dependent => self.receipts.stores.iter().any(|receipt| receipt.outcome == Outcome::Done),
            DeployReason::Changed => {
                own.iter().any(is_done) && !own.iter().any(|one| matches!(one, Outcome::Failed | Outcome::Unknown))
            }
        }
    }

    fn create(&mut self, index: usize, before: &PreWriteState, now: &PreWriteState) -> Option<WatchedDeployment> {
        let deploy = &self.plan.deploys[index];
        let nothing = Deployed::default();
        let [old, new] = [before, now].map(|state| state.deployed.get(&deploy.service.id).unwrap_or(&nothing));
        match self.deployed_with_its_command(index) {
            Ok(Some(id)) => return Some(self.created(index, id, None)),
            Ok(None) => {}
            Err(lost) => {
                self.receipts.deploys[index].end(Outcome::Unknown, lost.with_cause(": "));
                self.applied.halted = Some(lost);
                return None;
            }
        }
        if let Some(adopted) = self.appeared(index, old, new) {
            let detail = self.reason_of_adopted(&adopted);
            return Some(self.created(index, adopted.id, Some(detail)));
        }
        match decide(self.context.client, self.context.shape, Some(new), &deploy.service) {
            Ok(decided) => self.deploy_by(index, new, retried(decided, &deploy.cause, Some(new))),
            Err(error) => {
                self.receipts.deploys[index].end(Outcome::NotTried, error.with_cause(": "));
                None
            }
        }
    }

    /// Returns why this run follows a deployment that it did not create.
    fn reason_of_adopted(&self, adopted: &Deployment) -> String {
        let reason = match (adopted.origin.automatic_reason(), self.deleted_keys().as_slice()) {
            (Some(what), _) => {
                format!("Railway created it ({what}) while the values were being stored, and it has the new values")
            }
            (None, []) => "created while the values were being stored, and has the new values".to_owned(),
            (None, keys) => format!("Railway created it when {} was deleted", phrases::names(keys)),
        };
        format!("{reason}; no second one was needed")
    }

    fn deploy_by(&mut self, index: usize, known: &Deployed, method: DeployMethod) -> Option<WatchedDeployment> {
        let deploy = &self.plan.deploys[index];
        match method {
            DeployMethod::Not(why) => {
                self.receipts.deploys[index].end(Outcome::NotTried, why);
                self.receipts.excused.insert(index);
                // A deployment that waits for approval gets the new values; until then, the old ones are running.
                if known.under_way().is_some() {
                    self.receipts.is_not_verified(&deploy.service.name, Shortfall::Unverified);
                }
                None
            }
            DeployMethod::First => {
                let reply = self.writer().deploy(&deploy.service.id, None);
                self.record_creation(index, known, reply)
            }
            DeployMethod::Redeploy(active) => match deploy.commit.as_ref() {
                Some(commit) => self.advance(index, commit, known, &active),
                None => self.redeploy(index, known, &active),
            },
            DeployMethod::After(other) if deploy.commit.is_some() => {
                let detail = format!("deployment {} is in progress; check again when it has finished", other.id);
                self.receipts.deploys[index].end(Outcome::NotTried, detail);
                None
            }
            DeployMethod::After(other) => {
                let serves = match self.wait_for(index, &other) {
                    WaitOutcome::Up => &other,
                    WaitOutcome::Down => known.active.first().unwrap_or(&other),
                    WaitOutcome::InVain => return None,
                };
                self.redeploy(index, known, serves)
            }
        }
    }

    /// Returns the id of the deployment that Railway creates after a start command is set, with a short delay. `None`
    /// if no start command was set, or if Railway created no deployment.
    fn deployed_with_its_command(&self, index: usize) -> Result<Option<String>, Error> {
        let service = &self.plan.deploys[index].service;
        let is_own = |at: &usize| {
            self.plan.settings[*at].service.id == service.id && self.receipts.settings[*at].outcome == Outcome::Done
        };
        let Some(at) = self.receipts.patched.keys().find(|at| is_own(at)) else { return Ok(None) };
        self.find_deployment(index, &self.receipts.patched[at], ReadBack::Retried)
    }

    /// Deploys a newer commit, unless the running commit has changed since the plan was made.
    fn advance(
        &mut self,
        index: usize,
        commit: &Commit,
        known: &Deployed,
        active: &Deployment,
    ) -> Option<WatchedDeployment> {
        if active.origin.commit != commit.over {
            let detail = "the running commit has changed since the plan was made; check again".to_owned();
            self.receipts.deploys[index].end(Outcome::Conflict, detail);
            return None;
        }
        let service = self.plan.deploys[index].service.id.clone();
        let reply = self.writer().deploy(&service, Some(&commit.wanted));
        self.record_creation(index, known, reply)
    }

    /// Returns a deployment that was created while this run was writing and has the new values, so that no second one
    /// is needed.
    ///
    /// `variableDelete` has no option to skip deployments, so after a deletion such a deployment is caused by this run.
    fn appeared(&self, index: usize, old: &Deployed, new: &Deployed) -> Option<Deployment> {
        let service = &self.plan.deploys[index].service;
        let is_meant = |store: &VariableChange| store.meant_for.iter().any(|meant| meant.id == service.id);
        let own: Vec<&VariableChange> = self.plan.stores.iter().filter(|store| is_meant(store)).collect();
        let is_own_doing = !self.receipts.deleted.is_empty();
        let is_shared = own.iter().any(|store| store.owner == VariableOwner::Shared);
        // It takes one more request to find out how a shared variable renders in a service.
        if own.is_empty() || (is_shared && !is_own_doing) {
            return None;
        }
        let newest = self.created_since(service, old, new)?;
        let is_followed = match newest.status.stage() {
            DeploymentStage::InProgress | DeploymentStage::Up => true,
            // The same code would fail again.
            DeploymentStage::Down => is_own_doing,
            DeploymentStage::Stuck | DeploymentStage::Replaced => false,
        };
        if !is_followed {
            return None;
        }
        let got = self.context.client.snapshots(&[&newest.id]).ok()?.into_iter().next().flatten()?;
        let has = |store: &VariableChange| {
            got.get(&store.key).and_then(Option::as_ref) == store.after.as_ref()
                || store.after.is_none() && is_removed(&got, &store.key)
        };
        let is_current = own.iter().filter(|store| store.owner != VariableOwner::Shared).all(|store| has(store));
        (is_current && (!is_shared || self.has_everything(service, &got))).then_some(newest)
    }

    /// Returns the newest deployment, if it did not exist before the first write. A service's latest deployment may be
    /// reported late, so after a deletion the list is read as well.
    fn created_since(&self, service: &ResourceRef, old: &Deployed, new: &Deployed) -> Option<Deployment> {
        let is_new = |one: &Deployment| !old.ids().any(|known| known == one.id);
        // The latest deployment may be a push that Railway skipped.
        let is_made = |one: &Deployment| is_new(one) && one.status != DeploymentStatus::Skipped;
        if let Some(latest) = new.latest.as_ref().filter(|latest| is_made(latest)) {
            return Some(latest.clone());
        }
        if self.receipts.deleted.is_empty() {
            return None;
        }
        let listed = self.context.recent(service).ok()?;
        let newest = listed.into_iter().find(|one| one.status != DeploymentStatus::Skipped).filter(is_new)?;
        // A service whose older deployments were never read has only new ones.
        let is_newer = |known: &Deployment| known.created_at < newest.created_at;
        old.newest().is_none_or(is_newer).then_some(newest)
    }

    /// Returns whether a deployment has every variable of the service as it is stored now.
    fn has_everything(&self, service: &ResourceRef, got: &DeployedVariables) -> bool {
        let owner = VariableOwner::Service(service.clone());
        let Ok(now) = read(self.context, &[&owner]) else { return false };
        let deleted = self.deleted_keys();
        now.get(&owner).is_some_and(|stored| {
            let is_gone = |key: &&str| stored.contains_key(*key) || is_removed(got, key);
            stored.iter().all(|(key, variable)| is_running(got, key, variable)) && deleted.iter().all(is_gone)
        })
    }

    fn deleted_keys(&self) -> Vec<&str> {
        self.receipts.deleted.iter().map(|&index| self.plan.stores[index].key.as_str()).collect()
    }

    /// Reports the deployments that Railway created automatically after a deletion.
    fn report_side_effects(&mut self, before: &PreWriteState, now: &PreWriteState) {
        let deleted = phrases::names(&self.deleted_keys());
        if deleted.is_empty() {
            return;
        }
        let nothing = Deployed::default();
        for service in self.context.shape.services.iter().map(|service| &service.service) {
            let is_planned = self.plan.deploys.iter().any(|deploy| deploy.service.id == service.id);
            let latest = now.deployed.get(&service.id).and_then(|deployed| deployed.latest.as_ref());
            let known = before.deployed.get(&service.id).unwrap_or(&nothing);
            let is_new = |latest: &&Deployment| !known.ids().any(|id| id == latest.id);
            let Some(latest) =
                latest.filter(is_new).filter(|one| !is_planned && one.status != DeploymentStatus::Skipped)
            else {
                continue;
            };
            let why = match latest.origin.automatic_reason() {
                Some(what) => format!("Railway created automatically ({what})"),
                None => format!("Railway created when {deleted} was deleted"),
            };
            self.applied.remarks.push(format!(
                "{} has a new deployment, {}, which {why}; it was not verified",
                service.name, latest.id
            ));
        }
    }

    /// Waits for a newer deployment to finish. The deployment that serves afterwards is the one to redeploy.
    pub(super) fn wait_for(&mut self, index: usize, other: &Deployment) -> WaitOutcome {
        let (context, service) = (self.context, &self.plan.deploys[index].service.name);
        let by_itself = other.origin.automatic_reason().map(|what| format!(" (created by Railway: {what})"));
        let by_itself = by_itself.unwrap_or_default();
        let state = |_| {
            context.client.status.waiting(&format!("{service}: waiting for newer deployment {}{by_itself}", other.id));
            let doing = match context.client.watch(&[&other.id]) {
                Ok(doing) => doing.into_iter().next().flatten(),
                Err(error) => return Some(Err(error.with_cause(": "))),
            };
            match doing.map(|doing| doing.status.stage()) {
                Some(DeploymentStage::Up) => Some(Ok(WaitOutcome::Up)),
                Some(DeploymentStage::Down | DeploymentStage::Replaced) | None => Some(Ok(WaitOutcome::Down)),
                Some(DeploymentStage::InProgress | DeploymentStage::Stuck) => None,
            }
        };
        let waited = poll_until(context.poll(PollLimit::Waited(OTHERS)), every(PAUSE), state);
        let still = || {
            format!(
                "newer deployment {}{by_itself} is still in progress; it was not replaced with older code",
                other.id
            )
        };
        waited.unwrap_or_else(|_| Err(still())).unwrap_or_else(|why| {
            self.receipts.deploys[index].end(Outcome::NotTried, why);
            WaitOutcome::InVain
        })
    }

    /// Redeploys a deployment. If Railway responds that another one is still being built, nothing was done, and the
    /// request may be sent again.
    fn redeploy(&mut self, index: usize, known: &Deployed, active: &Deployment) -> Option<WatchedDeployment> {
        let service = &self.plan.deploys[index].service;
        let mut not_yet = None;
        let ask = |number| {
            // Ctrl-C was pressed in the pause.
            if number > 0 && self.context.interrupt.is_requested() {
                return None;
            }
            let reply = self.writer().redeploy(&active.id);
            if !matches!(reply, WriteOutcome::Refused(MutationRefusal::Later(_))) {
                return Some(reply);
            }
            self.context.client.status.waiting(&format!("{}: another deployment is being built", service.name));
            not_yet = Some(reply);
            None
        };
        let asked = poll_until(self.context.poll(PollLimit::Waited(OTHERS)), every(PAUSE), ask).ok();
        let reply = match asked.or(not_yet)? {
            WriteOutcome::Refused(MutationRefusal::NothingThere(_)) => {
                self.writer().deploy(&service.id, active.origin.commit.as_deref())
            }
            reply => reply,
        };
        self.record_creation(index, known, reply)
    }
}

/// Decides how to deploy a service. A service without a deployment may have been taken down, which takes one more
/// request to find out.
pub(crate) fn decide(
    client: &Client<'_>,
    shape: &Shape,
    deployed: Option<&Deployed>,
    service: &ResourceRef,
) -> Result<DeployMethod, Error> {
    let running = shape.running(&service.id);
    let decided = how(deployed, running);
    let recent = || client.recent(&shape.project.id, &shape.environment.id, &service.id);
    // A push that Railway skipped is reported as the latest deployment, and may hide one in progress.
    if let Some(deployed) = deployed.filter(|deployed| deployed.skipped().is_some()) {
        let newest = recent()?.into_iter().find(|one| one.status != DeploymentStatus::Skipped);
        let deployed = newest.map(|newest| Deployed { latest: Some(newest), ..deployed.clone() });
        return Ok(deployed.map_or(decided, |deployed| how(Some(&deployed), running)));
    }
    if decided != DeployMethod::First {
        return Ok(decided);
    }
    let earlier = recent()?;
    Ok(match earlier.first() {
        None => DeployMethod::First,
        Some(last) => DeployMethod::Not(format!("the service is not running: its last deployment is {}", last.status)),
    })
}

/// The outcome of waiting for a deployment of another origin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitOutcome {
    /// It is serving.
    Up,
    /// It failed or was removed, and the previous one is still serving.
    Down,
    /// It did not finish in time, or its status could not be read.
    InVain,
}
