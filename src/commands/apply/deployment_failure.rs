//! What Railway tells of a deployment that failed: the step, and the end of a log where it may be shown.

use std::time::Duration;

use crate::commands::apply::ApplyState;
use crate::commands::apply::watch_deployments::WatchedDeployment;
use crate::drift::model::deployment::DeploymentStatus;
use crate::drift::model::receipt::ReceiptFailure;
use crate::io::railway::build_log::{Build, BuildLog};
use crate::io::railway::deployment_failure::FailedDeployment;
use crate::report::Logs;

/// Lines of a log that are shown.
const LINES: usize = 20;

/// The last lines of a build arrive up to that long after it has failed, and what it failed with is among them.
const LATE: Duration = Duration::from_secs(15);

impl ApplyState<'_, '_> {
    /// Asks for the failing step, and for the end of the log that tells of it.
    pub(crate) fn read_failure(&mut self, followed: &WatchedDeployment) {
        let service = &self.plan.deploys[followed.index].service;
        let failed = self.site.client.failure(&followed.id).unwrap_or_default();
        let (log, lines) = self.log_of(followed, &failed);
        let (lines, hidden) = match self.site.logs {
            Logs::Shown => (lines, 0),
            Logs::Counted => (Vec::new(), lines.len()),
        };
        let shape = self.site.shape;
        let failure = failed.failure;
        self.applied.failures.push(ReceiptFailure {
            service: service.name.clone(),
            step: Some(
                [failure.step, failure.said, failure.diagnosis].into_iter().flatten().collect::<Vec<_>>().join(": "),
            )
            .filter(|words| !words.is_empty()),
            log,
            lines,
            hidden,
            link: format!(
                "https://railway.com/project/{}/service/{}?environmentId={}&id={}",
                shape.project.id, service.id, shape.environment.id, followed.id
            ),
        });
    }

    /// Returns the log that has the cause. Where the step is unknown and the build wrote nothing, it is the deployment's.
    fn log_of(&self, followed: &WatchedDeployment, failed: &FailedDeployment) -> (&'static str, Vec<String>) {
        let run = || self.site.client.deployment_log(&followed.id, LINES).unwrap_or_default();
        let is_of_build = |step: &String| step.contains("BUILD") || step.contains("IMAGE");
        if followed.status != DeploymentStatus::Failed
            || failed.failure.step.as_ref().is_some_and(|step| !is_of_build(step))
        {
            return ("run", run());
        }
        let build = Build {
            environment: &self.site.shape.environment.id,
            deployment: &followed.id,
            snapshot: failed.snapshot.as_deref(),
            created_at: failed.created_at.as_deref(),
        };
        let first = self.site.client.build_log(build, LINES).unwrap_or_default();
        if first.lines.is_empty() && failed.failure.step.is_none() {
            let lines = run();
            if !lines.is_empty() {
                return ("run", lines);
            }
        }
        ("build", self.complete(followed, build, first).lines)
    }

    /// Reads the log a second time if the cause is not in it and may still arrive. Lines that are only counted are not worth
    /// the wait.
    fn complete(&self, followed: &WatchedDeployment, build: Build<'_>, first: BuildLog) -> BuildLog {
        let client = self.site.client;
        let wait = (followed.ended() + LATE).saturating_sub(client.clock.elapsed());
        if first.has_cause || self.site.logs == Logs::Counted || wait.is_zero() || wait >= client.remaining() {
            return first;
        }
        let service = &self.plan.deploys[followed.index].service.name;
        client.talk.waiting(&format!("waiting for the last lines of the build log of {service}"));
        self.site.interrupt.pause(client.clock, wait);
        client.talk.done();
        if self.site.interrupt.is_requested() {
            return first;
        }
        let second = client.build_log(build, LINES).unwrap_or_default();
        if second.lines.is_empty() { first } else { second }
    }
}
