//! What Railway tells of a deployment that failed: the step, and the end of a log where it may be shown.

use crate::command::apply::Work;
use crate::drift::deployment::Status;
use crate::drift::receipt::Failure;
use crate::report::Logs;

/// Lines of a log that are shown.
const LINES: usize = 20;

impl Work<'_, '_> {
    /// Asks for the failing step, and for the end of the log that tells of it.
    pub(crate) fn look_into(&mut self, index: usize, id: &str, status: &Status) {
        let client = self.site.client;
        let service = &self.plan.deploys[index].service;
        let told = client.failure(id).unwrap_or_default();
        let in_build = told.step.as_ref().is_some_and(|step| step.contains("BUILD") || step.contains("IMAGE"));
        let log = if *status == Status::Failed && in_build { "build" } else { "run" };
        let lines = if log == "build" { client.build_log(id, LINES) } else { client.deployment_log(id, LINES) };
        let lines = lines.unwrap_or_default();
        let (lines, hidden) = match self.site.logs {
            Logs::Shown => (lines, 0),
            Logs::Counted => (Vec::new(), lines.len()),
        };
        let shape = self.site.shape;
        self.applied.failures.push(Failure {
            service: service.name.clone(),
            step: Some([told.step, told.said, told.diagnosis].into_iter().flatten().collect::<Vec<_>>().join(": "))
                .filter(|words| !words.is_empty()),
            log,
            lines,
            hidden,
            link: format!(
                "https://railway.com/project/{}/service/{}?environmentId={}&id={id}",
                shape.project.id, service.id, shape.environment.id
            ),
        });
    }
}
