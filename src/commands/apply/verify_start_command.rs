//! Verifies a start command by the new deployment's manifest. It is not documented which mutation deploys with the
//! current settings, so the other one is tried once.

use crate::commands::apply::watch_deployments::{DeploymentEnd, WatchedDeployment};
use crate::commands::apply::{ApplyState, WatchedDeployments};
use crate::drift::model::deployment::{Deployed, Deployment, StartCommand};
use crate::drift::plan::deployments::DeployMethod;
use crate::drift::{ResourceRef, Secret};

/// Why a new deployment is not as planned.
enum StartCommandFault {
    /// It was started with another command than the one that was set.
    Command,
    /// It runs another commit than the previous deployment: the abbreviated hash.
    Commit(String),
}

impl ApplyState<'_, '_> {
    /// Compares the started deployments with the start commands that were set. A deployment with another command is
    /// created once more from its commit, if that is known, and has to be followed again.
    pub(crate) fn verify_start_commands(&mut self, followers: &mut WatchedDeployments) {
        for followed in followers.iter_mut().filter(|followed| followed.end == Some(DeploymentEnd::Up)) {
            let service = self.plan.deploys[followed.index].service.clone();
            let Some(wanted) = self.set_command(&service).map(|setting| setting.after.clone()) else { continue };
            let Ok(Some(made)) = self.context.deployment(&service, &followed.id) else {
                self.applied.remarks.push(format!(
                    "could not read the start command of deployment {} of {}",
                    followed.id, service.name
                ));
                continue;
            };
            let Some(fault) = self.fault(followed, &made, wanted.as_ref()) else { continue };
            if !self.deploy_otherwise(followed, &service) {
                followed.end = Some(DeploymentEnd::Down(match fault {
                    StartCommandFault::Command => "running, but not with the start command that was set".to_owned(),
                    StartCommandFault::Commit(commit) => {
                        format!("running commit {commit} instead of the previous one")
                    }
                }));
            }
        }
    }

    fn fault(
        &mut self,
        followed: &WatchedDeployment,
        made: &Deployment,
        wanted: Option<&Secret>,
    ) -> Option<StartCommandFault> {
        let deploy = &self.plan.deploys[followed.index];
        let is_wanted = match &made.origin.start {
            StartCommand::Set(command) => wanted == Some(command),
            StartCommand::Unset => wanted.is_none(),
            StartCommand::Unknown => {
                self.applied.remarks.push(format!(
                    "Railway does not return the start command of deployment {} of {}",
                    made.id, deploy.service.name
                ));
                true
            }
        };
        if !is_wanted {
            return Some(StartCommandFault::Command);
        }
        let (before, now) = (self.commit_before(followed)?, made.origin.commit.as_ref()?);
        (before != now).then(|| StartCommandFault::Commit(now.chars().take(7).collect()))
    }

    /// Returns the commit that has to keep running; unknown after a newer deployment that was in progress.
    fn commit_before(&self, followed: &WatchedDeployment) -> Option<&String> {
        match &self.plan.deploys[followed.index].how {
            DeployMethod::Redeploy(active) => active.origin.commit.as_ref(),
            DeployMethod::After(_) | DeployMethod::First | DeployMethod::Not(_) => None,
        }
    }

    /// Deploys the same commit with the other mutation, once.
    fn deploy_otherwise(&mut self, followed: &mut WatchedDeployment, service: &ResourceRef) -> bool {
        let Some(commit) = self.commit_before(followed).cloned() else { return false };
        if !self.receipts.redone.insert(followed.index) || self.is_over() {
            return false;
        }
        self.context.client.status.waiting(&format!("deploying {} again with its new start command", service.name));
        let shape = self.context.shape;
        // Without this state, the running deployment could be mistaken for the new one.
        let Ok(fence) = self.context.client.pre_write_state(&shape.project.id, &shape.environment.id) else {
            return false;
        };
        let known: Deployed = fence.deployed.get(&service.id).cloned().unwrap_or_default();
        let reply = self.writer().deploy(&service.id, Some(&commit));
        let Some(again) = self.record_creation(followed.index, &known, reply) else { return false };
        *followed = again;
        true
    }
}
