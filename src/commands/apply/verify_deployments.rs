//! Verifies that the deployments run, and that they run with the stored values.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::commands::apply::precheck::{CurrentVariables, read};
use crate::commands::apply::watch_deployments::{DeploymentEnd, WatchedDeployment, failure_text};
use crate::commands::apply::{ApplyState, WatchedDeployments};
use crate::drift::ResourceRef;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::deployment::DeploymentStage;
use crate::drift::model::receipt::{Outcome, Receipt, Shortfall};
use crate::drift::phrases;
use crate::drift::plan::VariableOwner;
use crate::drift::stale_evidence::{is_removed, is_running};

/// How long to wait for a crash after a deployment has started.
const SETTLING: Duration = Duration::from_secs(3);

impl<'w> ApplyState<'w, '_> {
    /// Follows the deployments until they end, and compares the running values with the stored ones.
    pub(crate) fn verify(&mut self, mut followers: WatchedDeployments) {
        if followers.is_empty() {
            return;
        }
        self.follow(&mut followers);
        self.verify_start_commands(&mut followers);
        if !self.receipts.redone.is_empty() {
            self.follow(&mut followers);
            self.verify_start_commands(&mut followers);
        }
        self.verify_running_values(&mut followers);
        self.verify_expectations(&mut followers);
        self.context.client.status.done();
        for followed in followers {
            self.conclude(&followed);
        }
    }

    /// Compares the snapshots of the started deployments with the stored values, then reads their status once more,
    /// because a process may crash after it has started.
    fn verify_running_values(&mut self, followers: &mut [WatchedDeployment]) {
        let up: Vec<usize> = (0..followers.len()).filter(|&at| followers[at].end == Some(DeploymentEnd::Up)).collect();
        if up.is_empty() || self.context.interrupt.is_requested() {
            return;
        }
        let ids: Vec<String> = up.iter().map(|&at| followers[at].id.clone()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let owners: Vec<VariableOwner> = up
            .iter()
            .map(|&at| VariableOwner::Service(self.plan.deploys[followers[at].index].service.clone()))
            .collect();
        let now = match read(self.context, &owners.iter().collect::<Vec<_>>()) {
            Ok(now) => now,
            Err(error) => {
                let remark = format!("could not read the stored values again: {}", error.with_cause(": "));
                return self.inconclusive(owners.iter().map(VariableOwner::name), remark);
            }
        };
        let got = self.context.client.snapshots(&ids).unwrap_or_else(|_| ids.iter().map(|_| None).collect());
        for (&at, got) in up.iter().zip(got) {
            let cause = self.outdated_values(&followers[at], got.as_ref(), &now);
            if let Some(cause) = cause {
                followers[at].end = Some(DeploymentEnd::Down(cause));
            }
        }
        self.context.interrupt.pause(self.context.client.clock, SETTLING.min(self.context.client.remaining()));
        let Ok(doings) = self.context.client.watch(&ids) else { return };
        for (&at, doing) in up.iter().zip(doings) {
            let Some(doing) = doing else { continue };
            if matches!(doing.status.stage(), DeploymentStage::Down) && followers[at].end == Some(DeploymentEnd::Up) {
                followers[at].end =
                    Some(DeploymentEnd::Down(format!("{} after it had started", failure_text(&doing.status))));
                followers[at].status = doing.status;
            }
        }
    }

    /// Returns why the running values are not the stored ones; `None` if they are equal or unknown.
    fn outdated_values(
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
                "could not read the variables of deployment {} of {}; it was created after the values were stored, and \
                 started",
                followed.id, service.name
            ));
            return None;
        };
        let changed = self.changed_keys(&service);
        // A removed variable must be gone; every other one must be equal to the stored one.
        let removed = changed.iter().filter(|key| !stored.contains_key(**key) && !is_removed(got, key)).copied();
        let differing = stored.iter().filter(|(key, variable)| !is_running(got, key, variable));
        let old: Vec<&str> = differing.map(|(key, _)| key.as_str()).chain(removed).collect();
        let (own, others): (Vec<&str>, Vec<&str>) = old.iter().partition(|key| changed.contains(**key));
        // With changes by reference, it is unknown which keys change, so every key counts.
        let is_by_reference = changed.is_empty() || self.has_shared(&service);
        if !is_by_reference && !others.is_empty() {
            self.applied.remarks.push(format!(
                "{} is not running with the stored value of {} yet; this run did not change that value",
                service.name,
                phrases::names(&others)
            ));
        }
        let old = if is_by_reference { old } else { own };
        (!old.is_empty()).then(|| format!("running, but with old values of {}", phrases::names(&old)))
    }

    /// Returns the keys of the service's variables that this run has stored or removed.
    fn changed_keys(&self, service: &ResourceRef) -> BTreeSet<&'w str> {
        let plan = self.plan;
        let stores = plan.stores.iter().zip(&self.receipts.stores);
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
        let receipt = &mut self.receipts.deploys[followed.index];
        let add = |receipt: &mut Receipt, text: String| {
            receipt.detail = Some(match receipt.detail.take() {
                Some(detail) => format!("{text}; {detail}"),
                None => text,
            });
        };
        match followed.end.clone() {
            Some(DeploymentEnd::Up) => add(receipt, followed.status.to_string()),
            Some(DeploymentEnd::Down(why)) => {
                receipt.outcome = Outcome::Failed;
                add(receipt, why);
                self.receipts.is_not_verified(&service.name, Shortfall::VerificationFailed);
                if followed.status.stage() == DeploymentStage::Down {
                    self.read_failure(followed);
                }
            }
            Some(DeploymentEnd::Open(why)) => {
                receipt.outcome = Outcome::Unknown;
                add(receipt, why);
                self.receipts.is_not_verified(&service.name, Shortfall::Unverified);
            }
            None => {
                receipt.outcome = Outcome::Unknown;
                add(receipt, "still in progress when the run was interrupted".to_owned());
                self.receipts.is_not_verified(&service.name, Shortfall::Unverified);
            }
        }
    }
}
