//! One deployment for each service that is to run with its new variables, and never a second one.

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

/// How long a deployment is waited for that must be done before another one may be asked for.
const OTHERS: Duration = Duration::from_secs(180);

/// How often it is looked at.
const PAUSE: Duration = Duration::from_secs(5);

impl ApplyState<'_, '_> {
    /// Creates the deployments of every service whose variables are all in place.
    pub(crate) fn create_deployments(&mut self, before: &PreWriteState) -> WatchedDeployments {
        let mut followers = WatchedDeployments::new();
        let ready: Vec<usize> = (0..self.plan.deploys.len()).filter(|&index| self.is_ready(index)).collect();
        // A deletion may have made deployments that the plan does not have.
        if (ready.is_empty() && self.ledger.deleted.is_empty()) || self.is_over() {
            return followers;
        }
        self.site.client.talk.waiting("asking for deployments");
        let shape = self.site.shape;
        let now = match self.site.client.pre_write_state(&shape.project.id, &shape.environment.id) {
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
        self.site.client.talk.done();
        followers
    }

    /// Whether the service has something new to run with, and nothing of it is missing.
    fn is_ready(&self, index: usize) -> bool {
        let deploy = &self.plan.deploys[index];
        let stores = self.plan.stores.iter().zip(&self.ledger.stores);
        let stores = stores.filter(|(store, _)| store.meant_for.iter().any(|service| service.id == deploy.service.id));
        let settings = self.plan.settings.iter().zip(&self.ledger.settings);
        let settings = settings.filter(|(setting, _)| setting.service.id == deploy.service.id);
        let own = stores.map(|(_, receipt)| receipt.outcome).chain(settings.map(|(_, receipt)| receipt.outcome));
        let own: Vec<Outcome> = own.collect();
        let is_done = |outcome: &Outcome| *outcome == Outcome::Done;
        match deploy.cause {
            DeployReason::Stale | DeployReason::Behind | DeployReason::Command | DeployReason::Unhealthy => true,
            DeployReason::Dependent => self.ledger.stores.iter().any(|receipt| receipt.outcome == Outcome::Done),
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
                self.ledger.deploys[index].end(Outcome::Unknown, lost.with_cause(": "));
                self.applied.halted = Some(lost);
                return None;
            }
        }
        if let Some(adopted) = self.appeared(index, old, new) {
            let detail = self.reason_of_adopted(&adopted);
            return Some(self.created(index, adopted.id, Some(detail)));
        }
        match decide(self.site.client, self.site.shape, Some(new), &deploy.service) {
            Ok(decided) => self.deploy_by(index, new, retried(decided, &deploy.cause, Some(new))),
            Err(error) => {
                self.ledger.deploys[index].end(Outcome::NotTried, error.with_cause(": "));
                None
            }
        }
    }

    /// Why a deployment that this run did not ask for is the one that it follows.
    fn reason_of_adopted(&self, adopted: &Deployment) -> String {
        let words = match (adopted.origin.railways_own(), self.deleted_keys().as_slice()) {
            (Some(what), _) => {
                format!("Railway made it itself ({what}) while the values were stored, and it has them")
            }
            (None, []) => "created while the values were stored, and has them".to_owned(),
            (None, keys) => format!("Railway created it when {} was deleted", phrases::names(keys)),
        };
        format!("{words}; no second one was needed")
    }

    fn deploy_by(&mut self, index: usize, known: &Deployed, method: DeployMethod) -> Option<WatchedDeployment> {
        let deploy = &self.plan.deploys[index];
        match method {
            DeployMethod::Not(why) => {
                self.ledger.deploys[index].end(Outcome::NotTried, why);
                self.ledger.excused.insert(index);
                // What waits for approval will run with the new values; what runs until then has the old ones.
                if known.under_way().is_some() {
                    self.ledger.is_not_verified(&deploy.service.name, Shortfall::Unverified);
                }
                None
            }
            DeployMethod::First => {
                let reply = self.writer().deploy(&deploy.service.id, None);
                self.settle_creation(index, known, reply)
            }
            DeployMethod::Redeploy(active) => match deploy.commit.as_ref() {
                Some(commit) => self.advance(index, commit, known, &active),
                None => self.redeploy(index, known, &active),
            },
            DeployMethod::After(other) if deploy.commit.is_some() => {
                let words = format!("deployment {} is on its way: check again when it is done", other.id);
                self.ledger.deploys[index].end(Outcome::NotTried, words);
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

    /// The id of the deployment that Railway creates when a start command is set, which appears a moment later; nothing for a
    /// service that got none, or where Railway created nothing.
    fn deployed_with_its_command(&self, index: usize) -> Result<Option<String>, Error> {
        let service = &self.plan.deploys[index].service;
        let is_own = |at: &usize| {
            self.plan.settings[*at].service.id == service.id && self.ledger.settings[*at].outcome == Outcome::Done
        };
        let Some(at) = self.ledger.patched.keys().find(|at| is_own(at)) else { return Ok(None) };
        self.find_deployment(index, &self.ledger.patched[at], ReadBack::Patiently)
    }

    /// Puts a newer commit in the place of the one that ran when it was planned.
    fn advance(
        &mut self,
        index: usize,
        commit: &Commit,
        known: &Deployed,
        active: &Deployment,
    ) -> Option<WatchedDeployment> {
        if active.origin.commit != commit.over {
            let words = "it runs another commit now than when this was planned: check again".to_owned();
            self.ledger.deploys[index].end(Outcome::Conflict, words);
            return None;
        }
        let service = self.plan.deploys[index].service.id.clone();
        let reply = self.writer().deploy(&service, Some(&commit.wanted));
        self.settle_creation(index, known, reply)
    }

    /// A deployment that was created while this run wrote, and has the new values: a second one would be one too many.
    ///
    /// `variableDelete` can't be told not to deploy, so after a deletion such a deployment is this run's own.
    fn appeared(&self, index: usize, old: &Deployed, new: &Deployed) -> Option<Deployment> {
        let service = &self.plan.deploys[index].service;
        let is_meant = |store: &VariableChange| store.meant_for.iter().any(|meant| meant.id == service.id);
        let own: Vec<&VariableChange> = self.plan.stores.iter().filter(|store| is_meant(store)).collect();
        let is_own_doing = !self.ledger.deleted.is_empty();
        let is_shared = own.iter().any(|store| store.owner == VariableOwner::Shared);
        // What a shared variable renders to in a service takes one more request to know.
        if own.is_empty() || (is_shared && !is_own_doing) {
            return None;
        }
        let newest = self.created_since(service, old, new)?;
        let is_followed = match newest.status.stage() {
            DeploymentStage::UnderWay | DeploymentStage::Up => true,
            // The same code would fail again.
            DeploymentStage::Down => is_own_doing,
            DeploymentStage::Stuck | DeploymentStage::Gone => false,
        };
        if !is_followed {
            return None;
        }
        let got = self.site.client.snapshots(&[&newest.id]).ok()?.into_iter().next().flatten()?;
        let has = |store: &VariableChange| {
            got.get(&store.key).and_then(Option::as_ref) == store.after.as_ref()
                || store.after.is_none() && is_removed(&got, &store.key)
        };
        let is_current = own.iter().filter(|store| store.owner != VariableOwner::Shared).all(|store| has(store));
        (is_current && (!is_shared || self.has_everything(service, &got))).then_some(newest)
    }

    /// The newest deployment, if it was not there before the first write. The latest one of a service may be told late, so
    /// after a deletion the list is asked as well.
    fn created_since(&self, service: &ResourceRef, old: &Deployed, new: &Deployed) -> Option<Deployment> {
        let is_new = |one: &Deployment| !old.ids().any(|known| known == one.id);
        // A push that Railway skipped is the latest, and nothing was made of it.
        let is_made = |one: &Deployment| is_new(one) && one.status != DeploymentStatus::Skipped;
        if let Some(latest) = new.latest.as_ref().filter(|latest| is_made(latest)) {
            return Some(latest.clone());
        }
        if self.ledger.deleted.is_empty() {
            return None;
        }
        let listed = self.site.recent(service).ok()?;
        let newest = listed.into_iter().find(|one| one.status != DeploymentStatus::Skipped).filter(is_new)?;
        // A service whose older deployments were never read has only new ones.
        let is_newer = |known: &Deployment| known.created_at < newest.created_at;
        old.newest().is_none_or(is_newer).then_some(newest)
    }

    /// Whether a deployment got every variable of the service as it is stored now.
    fn has_everything(&self, service: &ResourceRef, got: &DeployedVariables) -> bool {
        let owner = VariableOwner::Service(service.clone());
        let Ok(now) = read(self.site, &[&owner]) else { return false };
        let deleted = self.deleted_keys();
        now.get(&owner).is_some_and(|stored| {
            let is_gone = |key: &&str| stored.contains_key(*key) || is_removed(got, key);
            stored.iter().all(|(key, variable)| is_running(got, key, variable)) && deleted.iter().all(is_gone)
        })
    }

    fn deleted_keys(&self) -> Vec<&str> {
        self.ledger.deleted.iter().map(|&index| self.plan.stores[index].key.as_str()).collect()
    }

    /// Names the deployments that Railway created after a deletion without being asked to.
    fn report_side_effects(&mut self, before: &PreWriteState, now: &PreWriteState) {
        let deleted = phrases::names(&self.deleted_keys());
        if deleted.is_empty() {
            return;
        }
        let nothing = Deployed::default();
        for service in self.site.shape.services.iter().map(|service| &service.service) {
            let is_planned = self.plan.deploys.iter().any(|deploy| deploy.service.id == service.id);
            let latest = now.deployed.get(&service.id).and_then(|deployed| deployed.latest.as_ref());
            let known = before.deployed.get(&service.id).unwrap_or(&nothing);
            let is_new = |latest: &&Deployment| !known.ids().any(|id| id == latest.id);
            let Some(latest) =
                latest.filter(is_new).filter(|one| !is_planned && one.status != DeploymentStatus::Skipped)
            else {
                continue;
            };
            let why = match latest.origin.railways_own() {
                Some(what) => format!("Railway made itself: {what}"),
                None => format!("Railway created when {deleted} was deleted"),
            };
            self.applied.remarks.push(format!(
                "{} has a new deployment, {}, which {why}; it was not verified",
                service.name, latest.id
            ));
        }
    }

    /// Waits for a newer deployment; what serves after it is the one to deploy again.
    pub(super) fn wait_for(&mut self, index: usize, other: &Deployment) -> WaitOutcome {
        let (site, service) = (self.site, &self.plan.deploys[index].service.name);
        let by_itself = other.origin.railways_own().map(|what| format!(", and Railway's own: {what}"));
        let by_itself = by_itself.unwrap_or_default();
        let state = |_| {
            let words = format!("{service}: waiting for deployment {}, which is newer{by_itself}", other.id);
            site.client.talk.waiting(&words);
            let doing = match site.client.watch(&[&other.id]) {
                Ok(doing) => doing.into_iter().next().flatten(),
                Err(error) => return Some(Err(error.with_cause(": "))),
            };
            match doing.map(|doing| doing.status.stage()) {
                Some(DeploymentStage::Up) => Some(Ok(WaitOutcome::Up)),
                Some(DeploymentStage::Down | DeploymentStage::Gone) | None => Some(Ok(WaitOutcome::Down)),
                Some(DeploymentStage::UnderWay | DeploymentStage::Stuck) => None,
            }
        };
        let waited = poll_until(site.poll(PollLimit::Waited(OTHERS)), every(PAUSE), state);
        let still = || {
            format!("a newer deployment, {}, is still under way{by_itself}; older code was not put over it", other.id)
        };
        waited.unwrap_or_else(|_| Err(still())).unwrap_or_else(|why| {
            self.ledger.deploys[index].end(Outcome::NotTried, why);
            WaitOutcome::InVain
        })
    }

    /// Deploys that code again. "Not yet" is a clear answer, so that may be asked again.
    fn redeploy(&mut self, index: usize, known: &Deployed, active: &Deployment) -> Option<WatchedDeployment> {
        let service = &self.plan.deploys[index].service;
        let mut not_yet = None;
        let ask = |number| {
            // Ctrl-C in the pause: no further deployment.
            if number > 0 && self.site.interrupt.is_requested() {
                return None;
            }
            let reply = self.writer().redeploy(&active.id);
            if !matches!(reply, WriteOutcome::Refused(MutationRefusal::Later(_))) {
                return Some(reply);
            }
            self.site.client.talk.waiting(&format!("{}: another deployment is being built", service.name));
            not_yet = Some(reply);
            None
        };
        let asked = poll_until(self.site.poll(PollLimit::Waited(OTHERS)), every(PAUSE), ask).ok();
        let reply = match asked.or(not_yet)? {
            WriteOutcome::Refused(MutationRefusal::NothingThere(_)) => {
                self.writer().deploy(&service.id, active.origin.commit.as_deref())
            }
            reply => reply,
        };
        self.settle_creation(index, known, reply)
    }
}

/// Decides how to deploy a service. That it has no deployment may mean that somebody took it down: one request tells.
pub(crate) fn decide(
    client: &Client<'_>,
    shape: &Shape,
    deployed: Option<&Deployed>,
    service: &ResourceRef,
) -> Result<DeployMethod, Error> {
    let running = shape.running(&service.id);
    let decided = how(deployed, running);
    let recent = || client.recent(&shape.project.id, &shape.environment.id, &service.id);
    // Behind a push that Railway skipped, one that is on its way is not seen.
    if let Some(deployed) = deployed.filter(|deployed| deployed.skipped().is_some()) {
        let made = recent()?.into_iter().find(|one| one.status != DeploymentStatus::Skipped);
        let seen = made.map(|made| Deployed { latest: Some(made), ..deployed.clone() });
        return Ok(seen.map_or(decided, |seen| how(Some(&seen), running)));
    }
    if decided != DeployMethod::First {
        return Ok(decided);
    }
    let earlier = recent()?;
    Ok(match earlier.first() {
        None => DeployMethod::First,
        Some(last) => DeployMethod::Not(format!("nothing of it runs: its last deployment is {}", last.status)),
    })
}

/// What became of somebody else's deployment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitOutcome {
    /// It serves.
    Up,
    /// It does not, and the one before it still does.
    Down,
    /// It was not done in time, or can't be looked at.
    InVain,
}
