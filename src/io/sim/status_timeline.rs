//! What will become of a deployment: the statuses that it goes through, one after another as it is looked at.

use std::collections::VecDeque;

use serde_json::Value;

use crate::drift::Secret;
use crate::io::sim::log_line::SimLogLine;

/// The statuses of a deployment to come, in order; the last one stays.
#[derive(Clone, Debug)]
#[must_use = "a plan does nothing until a service is given it"]
pub struct StatusTimeline {
    pub(crate) stages: VecDeque<TimelineStatus>,
}

#[derive(Clone, Debug)]
pub(crate) struct TimelineStatus {
    pub(crate) status: &'static str,
    /// So many polls are answered with this status before the next one appears.
    pub(crate) polls: usize,
    /// The steps that begin with it and end with it.
    pub(crate) steps: &'static [&'static str],
    /// What the last of these steps ends with, where it fails.
    pub(crate) error: Option<String>,
    /// Lines of the build's log that are there from here on.
    pub(crate) build: Vec<SimLogLine>,
    /// Lines of the program's log that are there from here on.
    pub(crate) log: Vec<Secret>,
    /// Somebody else makes a newer deployment at this moment.
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
    /// Goes through these statuses and stays at the last one, whatever it is: known or not, final or not.
    pub fn through(statuses: &[&'static str]) -> Self {
        Self { stages: statuses.iter().copied().map(TimelineStatus::of).collect() }
    }

    /// Is built, deployed and serves: the ordinary case.
    pub fn success() -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS"])
    }

    /// Fails while it is built.
    pub fn failing_build(error: &str) -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "FAILED"])
            .failing("BUILDING", &["BUILD_IMAGE"], error)
            .building("FAILED", &[error, "Build failed"])
    }

    /// Fails in the command that runs before the program.
    pub fn failing_pre_deploy(error: &str) -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "FAILED"]).failing(
            "DEPLOYING",
            &["PRE_DEPLOY_COMMAND"],
            error,
        )
    }

    /// Starts, and never answers the healthcheck.
    pub fn failing_healthcheck(error: &str) -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "FAILED"]).failing(
            "DEPLOYING",
            &["CREATE_CONTAINER", "HEALTHCHECK"],
            error,
        )
    }

    /// Serves for so many polls, and then crashes for good.
    pub fn crashing(polls: usize) -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS", "CRASHED"]).polls("SUCCESS", polls)
    }

    /// Deploys nothing, as when no watched path has changed.
    pub fn skipped() -> Self {
        Self::through(&["INITIALIZING", "SKIPPED"])
    }

    /// Waits for a person.
    pub fn needs_approval() -> Self {
        Self::through(&["NEEDS_APPROVAL"])
    }

    /// Waits for checks, and goes on.
    pub fn waiting() -> Self {
        Self::through(&["INITIALIZING", "WAITING", "BUILDING", "DEPLOYING", "SUCCESS"])
    }

    /// Waits for its turn, and goes on.
    pub fn queued() -> Self {
        Self::through(&["INITIALIZING", "QUEUED", "BUILDING", "DEPLOYING", "SUCCESS"])
    }

    /// Serves, and falls asleep.
    pub fn sleeping() -> Self {
        Self::through(&["INITIALIZING", "BUILDING", "DEPLOYING", "SUCCESS", "SLEEPING"])
    }

    /// Is removed while it is built, because somebody else makes a newer deployment at that moment.
    pub fn superseded() -> Self {
        let mut plan = Self::through(&["INITIALIZING", "BUILDING", "REMOVED"]);
        plan.change("REMOVED", |stage| stage.superseded = true);
        plan
    }

    /// Is built for ever.
    pub fn endless() -> Self {
        Self::through(&["INITIALIZING", "BUILDING"])
    }

    /// Answers so many polls with that status.
    pub fn polls(mut self, status: &str, polls: usize) -> Self {
        self.change(status, |stage| stage.polls = polls);
        self
    }

    /// Adds lines to the build's log when it gets to that status.
    pub fn building(mut self, status: &str, lines: &[&str]) -> Self {
        self.change(status, |stage| stage.build.extend(lines.iter().map(|line| SimLogLine::new(line))));
        self
    }

    /// Adds a line to the build's log as its builder writes it while a step goes on, when it gets to that status. What the step
    /// failed with is in an attribute only.
    pub fn step(self, status: &str, message: &str, error: Option<&str>) -> Self {
        self.late_step(0, status, message, error)
    }

    /// Returns the same, and it shows only after so many reads of the log.
    pub fn late_step(mut self, reads: usize, status: &str, message: &str, error: Option<&str>) -> Self {
        let attributes = [("source", "buildkit"), ("type", "vertex"), ("digest", message)];
        let attributes = attributes.map(|(name, text)| (name, Value::from(text)));
        let attributes = attributes.into_iter().chain([("error", Value::from(error))]);
        let attributes = attributes.map(|(name, value)| (name, Secret::new(value.to_string()))).collect();
        let line = SimLogLine { after_reads: reads, attributes, ..SimLogLine::new(message) };
        self.change(status, |stage| stage.build.push(line.clone()));
        self
    }

    /// Adds lines to the program's log when it gets to that status.
    pub fn saying(mut self, status: &str, lines: &[&str]) -> Self {
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

    /// Leaves out the build, unless it fails.
    pub(crate) fn without_build(mut self) -> Self {
        self.stages.retain(|stage| stage.status != "BUILDING" || stage.error.is_some());
        self
    }

    fn change(&mut self, status: &str, mut change: impl FnMut(&mut TimelineStatus)) {
        self.stages.iter_mut().filter(|stage| stage.status == status).for_each(&mut change);
    }
}
