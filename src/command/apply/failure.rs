//! What Railway tells of a deployment that failed: the step, and the end of a log where it may be shown.

use crate::command::apply::Work;
use crate::drift::deployment::Status;
use crate::drift::receipt::Failure;

/// Lines of a log that are shown.
const LINES: usize = 20;

/// Whether logs may be shown: they are a service's own words, and a log of CI is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logs {
    /// On a terminal, or with `--show-logs`.
    Shown,
    /// They are counted, and linked to.
    Counted,
}

impl Work<'_, '_> {
    /// Asks for the failing step, and for the end of the log that tells of it.
    pub(crate) fn look_into(&mut self, index: usize, id: &str, status: &Status) {
        let client = self.site.client;
        let service = &self.plan.deploys[index].service;
        let step = client.failed_step(id).ok().flatten();
        let in_build = step.as_ref().is_some_and(|step| step.step.contains("BUILD") || step.step.contains("IMAGE"));
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
            step: step.map(|step| match step.said {
                Some(said) => format!("{}: {said}", step.step),
                None => step.step,
            }),
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
