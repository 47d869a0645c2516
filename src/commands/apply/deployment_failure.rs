//! Reads why a deployment failed: the failed step, and the end of the log.

use std::time::Duration;

use crate::commands::apply::ApplyState;
use crate::commands::apply::watch_deployments::WatchedDeployment;
use crate::drift::model::deployment::DeploymentStatus;
use crate::drift::model::receipt::ReceiptFailure;
use crate::io::railway::build_log::{Build, BuildLog};
use crate::io::railway::deployment_failure::FailedDeployment;
use crate::report::Logs;

/// The number of log lines to show.
const LINES: usize = 20;

/// The last lines of a build log, which contain the error, arrive up to this long after the failure.
const LATE: Duration = Duration::from_secs(15);

impl ApplyState<'_, '_> {
    /// Reads the failed step, and the end of the log that contains the error.
    pub(crate) fn read_failure(&mut self, followed: &WatchedDeployment) {
        let service = &self.plan.deploys[followed.index].service;
        let failed = self.context.client.failure(&followed.id).unwrap_or_default();
        let (log, lines) = self.log_of(followed, &failed);
        let (lines, hidden) = match self.context.logs {
            Logs::Shown => (lines, 0),
            Logs::Counted => (Vec::new(), lines.len()),
        };
        let shape = self.context.shape;
        let failure = failed.failure;
        self.applied.failures.push(ReceiptFailure {
            service: service.name.clone(),
            step: Some(
                [failure.step, failure.message, failure.diagnosis].into_iter().flatten().collect::<Vec<_>>().join(": "),
            )
            .filter(|step| !step.is_empty()),
            log,
            lines,
            hidden,
            link: format!(
                "https://railway.com/project/{}/service/{}?environmentId={}&id={}",
                shape.project.id, service.id, shape.environment.id, followed.id
            ),
        });
    }

    /// Returns the log that contains the error: the deployment's log if the step is unknown and the build log is empty.
    fn log_of(&self, followed: &WatchedDeployment, failed: &FailedDeployment) -> (&'static str, Vec<String>) {
        let run = || self.context.client.deployment_log(&followed.id, LINES).unwrap_or_default();
        let is_of_build = |step: &String| step.contains("BUILD") || step.contains("IMAGE");
        if followed.status != DeploymentStatus::Failed
            || failed.failure.step.as_ref().is_some_and(|step| !is_of_build(step))
        {
            return ("run", run());
        }
        let build = Build {
            environment: &self.context.shape.environment.id,
            deployment: &followed.id,
            snapshot: failed.snapshot.as_deref(),
            created_at: failed.created_at.as_deref(),
        };
        let first = self.context.client.build_log(build, LINES).unwrap_or_default();
        if first.lines.is_empty() && failed.failure.step.is_none() {
            let lines = run();
            if !lines.is_empty() {
                return ("run", lines);
            }
        }
        ("build", self.complete(followed, build, first).lines)
    }

    /// Reads the log a second time if the error is not in it and may still arrive. Does not wait for lines that are not
    /// shown.
    fn complete(&self, followed: &WatchedDeployment, build: Build<'_>, first: BuildLog) -> BuildLog {
        let client = self.context.client;
        let wait = (followed.ended() + LATE).saturating_sub(client.clock.elapsed());
        if first.has_cause || self.context.logs == Logs::Counted || wait.is_zero() || wait >= client.remaining() {
            return first;
        }
        let service = &self.plan.deploys[followed.index].service.name;
        client.status.waiting(&format!("waiting for the last lines of the build log of {service}"));
        self.context.interrupt.pause(client.clock, wait);
        client.status.done();
        if self.context.interrupt.is_requested() {
            return first;
        }
        let second = client.build_log(build, LINES).unwrap_or_default();
        if second.lines.is_empty() { first } else { second }
    }
}
