//! The proof of a start command: the new deployment's own manifest. Which call makes a deployment with the settings of today
//! is not certain, so the other one is tried once.

use crate::commands::apply::watch_deployments::{DeploymentEnd, WatchedDeployment};
use crate::commands::apply::{ApplyState, WatchedDeployments};
use crate::drift::model::deployment::{Deployed, Deployment, StartCommand};
use crate::drift::plan::deployments::DeployMethod;
use crate::drift::{ResourceRef, Secret};

/// What is wrong with a new deployment.
enum StartCommandFault {
    /// It was started with another command than was set.
    Command,
    /// It runs another commit than the one before it, by its first characters.
    Commit(String),
}

impl ApplyState<'_, '_> {
    /// Holds what came up against the command that was set. One that has another is deployed once more from its commit, where
    /// that is known; those that are followed again have no end yet.
    pub(crate) fn verify_start_commands(&mut self, followers: &mut WatchedDeployments) {
        for followed in followers.iter_mut().filter(|followed| followed.end == Some(DeploymentEnd::Up)) {
            let service = self.plan.deploys[followed.index].service.clone();
            let Some(wanted) = self.set_command(&service).map(|setting| setting.after.clone()) else { continue };
            let Ok(Some(made)) = self.site.deployment(&service, &followed.id) else {
                self.applied
                    .remarks
                    .push(format!("what deployment {} of {} started with can't be read", followed.id, service.name));
                continue;
            };
            let Some(fault) = self.fault(followed, &made, wanted.as_ref()) else { continue };
            if !self.deploy_otherwise(followed, &service) {
                followed.end = Some(DeploymentEnd::Down(match fault {
                    StartCommandFault::Command => {
                        "it runs, and was started with another command than was set".to_owned()
                    }
                    StartCommandFault::Commit(commit) => {
                        format!("it runs commit {commit}, which is not the one that ran before")
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
            StartCommand::Is(command) => wanted == Some(command),
            StartCommand::OfImage => wanted.is_none(),
            StartCommand::Untold => {
                let words = format!(
                    "Railway does not return what deployment {} of {} started with",
                    made.id, deploy.service.name
                );
                self.applied.remarks.push(words);
                true
            }
        };
        if !is_wanted {
            return Some(StartCommandFault::Command);
        }
        let (before, now) = (self.commit_before(followed)?, made.origin.commit.as_ref()?);
        (before != now).then(|| StartCommandFault::Commit(now.chars().take(7).collect()))
    }

    /// The commit that is to run on; after a newer deployment that was under way, it is not known.
    fn commit_before(&self, followed: &WatchedDeployment) -> Option<&String> {
        match &self.plan.deploys[followed.index].how {
            DeployMethod::Redeploy(active) => active.origin.commit.as_ref(),
            DeployMethod::After(_) | DeployMethod::First | DeployMethod::Not(_) => None,
        }
    }

    /// Deploys the same commit by the other call, once.
    fn deploy_otherwise(&mut self, followed: &mut WatchedDeployment, service: &ResourceRef) -> bool {
        let Some(commit) = self.commit_before(followed).cloned() else { return false };
        if !self.ledger.redone.insert(followed.index) || self.is_over() {
            return false;
        }
        self.site.client.talk.waiting(&format!("deploying {} once more, with its new start command", service.name));
        let shape = self.site.shape;
        // Without it, the running deployment could be taken for the new one.
        let Ok(fence) = self.site.client.pre_write_state(&shape.project.id, &shape.environment.id) else {
            return false;
        };
        let known: Deployed = fence.deployed.get(&service.id).cloned().unwrap_or_default();
        let reply = self.writer().deploy(&service.id, Some(&commit));
        let Some(again) = self.settle_creation(followed.index, &known, reply) else { return false };
        *followed = again;
        true
    }
}
