//! The future statuses of a deployment, which advance with each read.

use std::collections::VecDeque;

use serde_json::Value;

use crate::drift::Secret;
use crate::io::sim::log_line::SimLogLine;

/// The future statuses of a deployment, in order; the last one stays.
#[derive(Clone, Debug)]
#[must_use = "a timeline does nothing until it is given to a service"]
pub struct StatusTimeline {
    pub(crate) stages: VecDeque<TimelineStatus>,
}

#[derive(Clone, Debug)]
pub(crate) struct TimelineStatus {
    pub(crate) status: &'static str,
    /// The number of polls that return this status before the next one.
    pub(crate) polls: usize,
    /// The steps that start and end with it.
    pub(crate) steps: &'static [&'static str],
    /// The error of the last of these steps, if it fails.
    pub(crate) error: Option<String>,
    /// Lines that are added to the build log.
    pub(crate) build: Vec<SimLogLine>,
    /// Lines that are added to the program's log.
    pub(crate) log: Vec<Secret>,
    /// Whether another user creates a newer deployment at this moment.
    pub(crate) superseded: bool,
}

impl TimelineStatus {
    fn of(status: &'static str) -> Self {
        let steps: &[&str] = match status {
            "INITIALIZING" => &["SNAPSHOT_CODE"],
            "BUILDING" => &["BUILD_IMAGE", "PUBLISH_IMAGE"],
            "DEPLOYING" => &["CREATE_CONTAINER", "HEALTHCHECK"],
            "SUCCESS" => &["DRAIN_INSTANCES"],
            _ => &[],
        };
        let mut stage =
            Self { status, polls: 1, steps, error: None, build: Vec::new(), log: Vec::new(), superseded: false };
        if status == "BUILDING" {
            stage.build =
                ["#1 load build definition", "#2 install", "Build time: 12.34 seconds"].map(SimLogLine::new).into();
        }
        stage
    }
}

impl StatusTimeline {
    /// Returns the timeline of a deployment that has these statuses and stays at the last one, which may be unknown or
    /// not final.
    pub fn through(statuses: &[&'static str]) -> Self {
        Self { stages: statuses.iter().copied().map(TimelineStatus::of).collect() }
    }

    /// Returns the timeline of a deployment that is built, deployed and active: the usual case.
    pub fn success() -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS"])
    }

    /// Returns the timeline of a deployment that fails in the build.
    pub fn failing_build(error: &str) -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "FAILED"])
            .failing("BUILDING", &["BUILD_IMAGE"], error)
            .building("FAILED", &[error, "Build failed"])
    }

    /// Returns the timeline of a deployment that fails in the pre-deploy command.
    pub fn failing_pre_deploy(error: &str) -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "FAILED"]).failing(
            "DEPLOYING",
            &["PRE_DEPLOY_COMMAND"],
            error,
        )
    }

    /// Returns the timeline of a deployment that starts and fails the healthcheck.
    pub fn failing_healthcheck(error: &str) -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "FAILED"]).failing(
            "DEPLOYING",
            &["CREATE_CONTAINER", "HEALTHCHECK"],
            error,
        )
    }

    /// Returns the timeline of a deployment that is active for this number of polls, then crashes permanently.
    pub fn crashing(polls: usize) -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS", "CRASHED"]).polls("SUCCESS", polls)
    }

    /// Returns the timeline of a deployment that deploys nothing, as when no watched path has changed.
    pub fn skipped() -> Self {
        Self::through(&["INITIALIZING", "SKIPPED"])
    }

    /// Returns the timeline of a deployment that waits for approval.
    pub fn needs_approval() -> Self {
        Self::through(&["NEEDS_APPROVAL"])
    }

    /// Returns the timeline of a deployment that waits for checks, then continues.
    pub fn waiting() -> Self {
        Self::through(&["INITIALIZING", "WAITING", "BUILDING", "DEPLOYING", "SUCCESS"])
    }

    /// Returns the timeline of a deployment that waits in the queue, then continues.
    pub fn queued() -> Self {
        Self::through(&["INITIALIZING", "QUEUED", "BUILDING", "DEPLOYING", "SUCCESS"])
    }

    /// Returns the timeline of a deployment that is active, then sleeps.
    pub fn sleeping() -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS", "SLEEPING"])
    }

    /// Returns the timeline of a deployment that is removed during the build, because another user creates a newer
    /// deployment.
    pub fn superseded() -> Self {
        let mut plan = Self::through(&["INITIALIZING", "BUILDING", "REMOVED"]);
        plan.change("REMOVED", |stage| stage.superseded = true);
        plan
    }

    /// Returns the timeline of a deployment that is built forever.
    pub fn endless() -> Self {
        Self::through(&["INITIALIZING", "BUILDING"])
    }

    /// Sets the number of polls that return this status.
    pub fn polls(mut self, status: &str, polls: usize) -> Self {
        self.change(status, |stage| stage.polls = polls);
        self
    }

    /// Adds lines to the build log in this status.
    pub fn building(mut self, status: &str, lines: &[&str]) -> Self {
        self.change(status, |stage| stage.build.extend(lines.iter().map(|line| SimLogLine::new(line))));
        self
    }

    /// Adds a line to the build log in this status, as the builder writes it for a step in progress. The step's error
    /// is only in an attribute.
    pub fn step(self, status: &str, message: &str, error: Option<&str>) -> Self {
        self.late_step(0, status, message, error)
    }

    /// Does the same, but the line appears only after this number of reads of the log.
    pub fn late_step(mut self, reads: usize, status: &str, message: &str, error: Option<&str>) -> Self {
        let attributes = [("source", "buildkit"), ("type", "vertex"), ("digest", message)];
        let attributes = attributes.map(|(name, text)| (name, Value::from(text)));
        let attributes = attributes.into_iter().chain([("error", Value::from(error))]);
        let attributes = attributes.map(|(name, value)| (name, Secret::new(value.to_string()))).collect();
        let line = SimLogLine { after_reads: reads, attributes, ..SimLogLine::new(message) };
        self.change(status, |stage| stage.build.push(line.clone()));
        self
    }

    /// Adds lines to the program's log in this status.
    pub fn with_log(mut self, status: &str, lines: &[&str]) -> Self {
        self.change(status, |stage| stage.log.extend(lines.iter().map(|line| Secret::new(*line))));
        self
    }

    fn failing(mut self, status: &str, steps: &'static [&'static str], error: &str) -> Self {
        self.change(status, |stage| {
            stage.steps = steps;
            stage.error = Some(error.into());
        });
        self
    }

    /// Removes the build, unless it fails.
    pub(crate) fn without_build(mut self) -> Self {
        self.stages.retain(|stage| stage.status != "BUILDING" || stage.error.is_some());
        self
    }

    fn change(&mut self, status: &str, mut change: impl FnMut(&mut TimelineStatus)) {
        self.stages.iter_mut().filter(|stage| stage.status == status).for_each(&mut change);
    }
}
