//! The proof: the deployment runs, and it runs with what was stored.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::commands::apply::precheck::{CurrentVariables, read};
use crate::commands::apply::watch_deployments::{DeploymentEnd, WatchedDeployment};
use crate::commands::apply::{ApplyState, WatchedDeployments};
use crate::drift::ResourceRef;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::deployment::DeploymentStage;
use crate::drift::model::receipt::{Outcome, Shortfall};
use crate::drift::phrases;
use crate::drift::plan::VariableOwner;
use crate::drift::stale_evidence::{is_removed, is_running};

/// How long a deployment that has just come up is given to fall over.
const SETTLING: Duration = Duration::from_secs(3);

impl<'w> ApplyState<'w, '_> {
    /// Follows the deployments to their ends, and holds what runs against what is stored.
    pub(crate) fn prove(&mut self, mut followers: WatchedDeployments) {
        if followers.is_empty() {
            return;
        }
        self.follow(&mut followers);
        self.verify_start_commands(&mut followers);
        if !self.ledger.redone.is_empty() {
            self.follow(&mut followers);
            self.verify_start_commands(&mut followers);
        }
        self.prove_running(&mut followers);
        self.verify_expectations(&mut followers);
        self.site.client.talk.done();
        for followed in followers {
            self.conclude(&followed);
        }
    }

    /// The snapshots of those that came up, the stored values, and one more look, because a process may start and fall.
    fn prove_running(&mut self, followers: &mut [WatchedDeployment]) {
        let up: Vec<usize> = (0..followers.len()).filter(|&at| followers[at].end == Some(DeploymentEnd::Up)).collect();
        if up.is_empty() || self.site.interrupt.is_requested() {
            return;
        }
        let ids: Vec<String> = up.iter().map(|&at| followers[at].id.clone()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let owners: Vec<VariableOwner> = up
            .iter()
            .map(|&at| VariableOwner::Service(self.plan.deploys[followers[at].index].service.clone()))
            .collect();
        let now = match read(self.site, &owners.iter().collect::<Vec<_>>()) {
            Ok(now) => now,
            Err(error) => {
                let words = format!("the stored values can't be read again: {}", error.with_cause(": "));
                return self.inconclusive(owners.iter().map(VariableOwner::name), words);
            }
        };
        let got = self.site.client.snapshots(&ids).unwrap_or_else(|_| ids.iter().map(|_| None).collect());
        for (&at, got) in up.iter().zip(got) {
            let why = self.disproof(&followers[at], got.as_ref(), &now);
            if let Some(why) = why {
                followers[at].end = Some(DeploymentEnd::Down(why));
            }
        }
        self.site.interrupt.pause(self.site.client.clock, SETTLING.min(self.site.client.remaining()));
        let Ok(doings) = self.site.client.watch(&ids) else { return };
        for (&at, doing) in up.iter().zip(doings) {
            let Some(doing) = doing else { continue };
            if matches!(doing.status.stage(), DeploymentStage::Down) && followers[at].end == Some(DeploymentEnd::Up) {
                followers[at].end = Some(DeploymentEnd::Down(format!("it came up, and is {} now", doing.status)));
                followers[at].status = doing.status;
            }
        }
    }

    /// Why the running values are not the stored ones; `None` if they are, as far as can be known.
    fn disproof(
        &mut self,
        followed: &WatchedDeployment,
        got: Option<&DeployedVariables>,
        now: &CurrentVariables,
    ) -> Option<String> {
        let service = self.plan.deploys[followed.index].service.clone();
        let stored = now.get(&VariableOwner::Service(service.clone()))?;
        let is_raw = |got: &DeployedVariables| {
            let mut templates = stored.iter().filter_map(|(key, variable)| Some((key, variable.template()?)));
            templates.any(|(key, template)| got.get(key).is_some_and(|kept| kept.as_ref() == Some(template)))
        };
        let Some(got) = got.filter(|got| !is_raw(got)) else {
            self.applied.remarks.push(format!(
                "what deployment {} of {} got can't be read; it was made after the values were stored, and came up",
                followed.id, service.name
            ));
            return None;
        };
        let changed = self.changed_keys(&service);
        // A variable that was removed must be gone; every other one must be what it is now.
        let removed = changed.iter().filter(|key| !stored.contains_key(**key) && !is_removed(got, key)).copied();
        let differing = stored.iter().filter(|(key, variable)| !is_running(got, key, variable));
        let old: Vec<&str> = differing.map(|(key, _)| key.as_str()).chain(removed).collect();
        let (own, others): (Vec<&str>, Vec<&str>) = old.iter().partition(|key| changed.contains(**key));
        // Which keys follow a shared variable or another service's is not looked up: there, every one counts.
        let is_by_reference = changed.is_empty() || self.has_shared(&service);
        if !is_by_reference && !others.is_empty() {
            self.applied.remarks.push(format!(
                "{} does not run with the stored value of {} yet; this run did not change it",
                service.name,
                phrases::names(&others)
            ));
        }
        let old = if is_by_reference { old } else { own };
        if old.is_empty() {
            return None;
        }
        Some(format!("it runs, and got old values of {}", phrases::names(&old)))
    }

    /// The keys of the service's own variables that this run has stored or removed.
    fn changed_keys(&self, service: &ResourceRef) -> BTreeSet<&'w str> {
        let plan = self.plan;
        let stores = plan.stores.iter().zip(&self.ledger.stores);
        let done = stores.filter(|(_, receipt)| receipt.outcome == Outcome::Done);
        let own = done.filter(|(store, _)| store.owner.id() == Some(&service.id));
        own.map(|(store, _)| store.key.as_str()).collect()
    }

    fn has_shared(&self, service: &ResourceRef) -> bool {
        let mut stores = self.plan.stores.iter().filter(|store| store.owner == VariableOwner::Shared);
        stores.any(|store| store.meant_for.contains(service))
    }

    fn conclude(&mut self, followed: &WatchedDeployment) {
        let service = &self.plan.deploys[followed.index].service;
        let receipt = &mut self.ledger.deploys[followed.index];
        let add = |receipt: &mut crate::drift::model::receipt::Receipt, words: String| {
            receipt.detail = Some(match receipt.detail.take() {
                Some(detail) => format!("{words}; {detail}"),
                None => words,
            });
        };
        match followed.end.clone() {
            Some(DeploymentEnd::Up) => add(receipt, followed.status.to_string()),
            Some(DeploymentEnd::Down(why)) => {
                receipt.outcome = Outcome::Failed;
                add(receipt, why);
                self.ledger.is_not_verified(&service.name, Shortfall::Disproved);
                if followed.status.stage() == DeploymentStage::Down {
                    self.read_failure(followed);
                }
            }
            Some(DeploymentEnd::Open(why)) => {
                receipt.outcome = Outcome::Unknown;
                add(receipt, why);
                self.ledger.is_not_verified(&service.name, Shortfall::Unverified);
            }
            None => {
                receipt.outcome = Outcome::Unknown;
                add(receipt, "it was still under way when the run was interrupted".to_owned());
                self.ledger.is_not_verified(&service.name, Shortfall::Unverified);
            }
        }
    }
}
