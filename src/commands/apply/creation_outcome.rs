//! The outcome of a request for a deployment. If its response is lost, the deployment is searched for, and never
//! requested again.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::commands::apply::ApplyState;
use crate::commands::apply::read_back::ReadBack;
use crate::commands::apply::watch_deployments::WatchedDeployment;
use crate::drift::model::deployment::{Deployed, Deployment, DeploymentStatus};
use crate::drift::model::receipt::Outcome;
use crate::drift::phrases;
use crate::error::Error;
use crate::io::poll::{doubling, poll_until};
use crate::io::railway::writer::{MutationRefusal, WriteOutcome};
use crate::report::shell_command;

/// A new deployment takes a moment to be listed.
const FIRST_WAIT: Duration = Duration::from_secs(1);

impl ApplyState<'_, '_> {
    /// Records the outcome. If it is unclear, the deployment is searched for, and never requested again.
    pub(super) fn record_creation(
        &mut self,
        index: usize,
        known: &Deployed,
        reply: WriteOutcome<String>,
    ) -> Option<WatchedDeployment> {
        let is_limit = matches!(reply, WriteOutcome::Refused(MutationRefusal::TooMany(_)));
        let (look, outcome, error) = match reply {
            WriteOutcome::Done(id) => return Some(self.created(index, id, None)),
            WriteOutcome::NotSent(error) => {
                self.receipts.deploys[index].end(Outcome::Failed, error.with_cause(": "));
                self.applied.halted = Some(error);
                return None;
            }
            WriteOutcome::Refused(MutationRefusal::TooMany(error)) => {
                self.report_rate_limit(index);
                (ReadBack::Once, Outcome::Failed, error)
            }
            WriteOutcome::Refused(no) => (ReadBack::Once, Outcome::Failed, no.error().clone()),
            WriteOutcome::Unclear(error) => (ReadBack::Retried, Outcome::Unknown, error),
        };
        match self.find_deployment(index, known, look) {
            Ok(Some(id)) => {
                let note = format!("the response was lost ({error}), but the deployment exists");
                Some(self.created(index, id, Some(note)))
            }
            Ok(None) => {
                if outcome == Outcome::Failed && !is_limit {
                    self.report_what_still_runs(index);
                }
                self.receipts.deploys[index].end(outcome, error.with_cause(": "));
                None
            }
            Err(lost) => {
                self.receipts.deploys[index].end(Outcome::Unknown, error.with_cause(": "));
                self.applied.halted = Some(lost);
                None
            }
        }
    }

    /// Reports values that are stored but not deployed: a workspace policy, for example, may refuse only deployments.
    fn report_what_still_runs(&mut self, index: usize) {
        let service = &self.plan.deploys[index].service;
        let stored = self.plan.stores.iter().zip(&self.receipts.stores).filter(|(store, receipt)| {
            receipt.outcome == Outcome::Done && store.meant_for.iter().any(|meant| meant.id == service.id)
        });
        let keys: Vec<&str> = stored.map(|(store, _)| store.key.as_str()).collect();
        if keys.is_empty() {
            return;
        }
        let (value, is) = if keys.len() == 1 { ("value", "is") } else { ("values", "are") };
        self.applied.remarks.push(format!(
            "the new {value} of {} {is} stored for {}, which is still running with the old {value}: its deployment was \
             refused",
            phrases::names(&keys),
            service.name
        ));
    }

    fn report_rate_limit(&mut self, index: usize) {
        let service = &self.plan.deploys[index].service.name;
        let arguments = [self.context.redeploy_command, &[format!("--service={service}")]].concat();
        self.applied.remarks.push(format!(
            "{service} reached Railway's deployment rate limit; its values are stored; to deploy them, run `{}` in a few \
             minutes",
            shell_command::line(&arguments)
        ));
    }

    /// Returns the id of a deployment that is newer than all known ones.
    pub(super) fn find_deployment(
        &self,
        index: usize,
        known: &Deployed,
        look: ReadBack,
    ) -> Result<Option<String>, Error> {
        let ids: BTreeSet<&str> = known.ids().collect();
        let newest = known.latest.iter().chain(&known.active).map(|known| known.created_at.as_str()).max();
        let service = &self.plan.deploys[index].service;
        let is_new = |one: &Deployment| {
            let is_newer = newest.is_none_or(|newest| one.created_at.as_str() > newest);
            is_newer && !ids.contains(one.id.as_str()) && one.status != DeploymentStatus::Skipped
        };
        let find = |_| {
            let recent = self.context.recent(service);
            recent.map(|recent| recent.into_iter().find(is_new).map(|found| found.id)).transpose()
        };
        let found = poll_until(self.context.poll(look.limit()), doubling(FIRST_WAIT), find);
        found.ok().transpose()
    }

    pub(super) fn created(&mut self, index: usize, id: String, detail: Option<String>) -> WatchedDeployment {
        let receipt = &mut self.receipts.deploys[index];
        receipt.end(Outcome::Done, detail);
        receipt.deployment = Some(id.clone());
        let service = &self.plan.deploys[index].service;
        let stores = self.plan.stores.iter().zip(&mut self.receipts.stores);
        for (_, receipt) in stores.filter(|(store, _)| store.meant_for.iter().any(|meant| meant.id == service.id)) {
            receipt.deployment = Some(id.clone());
        }
        let settings = self.plan.settings.iter().zip(&mut self.receipts.settings);
        for (_, receipt) in settings.filter(|(setting, _)| setting.service.id == service.id) {
            receipt.deployment = Some(id.clone());
        }
        WatchedDeployment::new(index, id, self.context.client.clock.elapsed())
    }
}
