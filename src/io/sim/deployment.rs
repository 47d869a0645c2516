//! A deployment: its source, its variables, its status and its logs.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::drift::Secret;
use crate::io::sim::log_line::SimLogLine;
use crate::io::sim::status_timeline::TimelineStatus;

/// Statuses in which another deployment may start.
const SETTLED: [&str; 8] =
    ["CRASHED", "FAILED", "NEEDS_APPROVAL", "REMOVED", "REMOVING", "SKIPPED", "SLEEPING", "SUCCESS"];

/// Statuses in which `meta` is incomplete.
const EARLY: [&str; 4] = ["BUILDING", "INITIALIZING", "QUEUED", "WAITING"];

/// The fields of `meta` that are known before the code is read.
const KNOWN_EARLY: [&str; 5] = ["branch", "image", "patchId", "reason", "repo"];

/// A deployment of a service.
#[derive(Clone, Debug)]
#[must_use = "a deployment does nothing until it is added to a service"]
pub struct SimDeployment {
    /// Railway's id; unless set, derived when the service is settled.
    pub id: String,
    /// Railway's status, or one that `doctor` does not know.
    pub status: String,
    pub created_at: String,
    /// Whether it is the active deployment.
    pub active: bool,
    /// Whether its program has exited by itself, which does not change the status.
    pub exited: bool,
    /// Its source; null if Railway returns none.
    pub meta: Value,
    /// The variables that it was created with; those of a seed get the service's variables when it is settled.
    pub captured: BTreeMap<String, Captured>,
    pub events: Vec<Event>,
    /// Railway's diagnosis of its failure.
    pub diagnosis: Value,
    pub build_log: Vec<SimLogLine>,
    /// The log of its program.
    pub log: Vec<SimLogLine>,
    /// Whether Railway has kept its code, which is required to deploy it again.
    pub has_snapshot: bool,
    pub(crate) had: BTreeMap<String, Option<String>>,
    /// The present stage and those to come.
    pub(crate) stages: VecDeque<TimelineStatus>,
    /// The number of polls in the present stage.
    pub(crate) polled: usize,
    /// The number of reads in which `latestDeployment` does not return it yet.
    pub(crate) unseen: usize,
    pub(crate) log_reads: usize,
    /// The number of reads of its build log since it ended.
    pub(crate) build_reads: usize,
}

/// A variable of a deployment; `None` for a sealed one, and for a reference to one.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The stored text, with unresolved references.
    pub stored: Option<Secret>,
    /// The rendered value.
    pub rendered: Option<Secret>,
}

/// A step of a deployment.
#[derive(Clone, Debug)]
pub struct Event {
    /// Railway's name of the step.
    pub step: &'static str,
    /// When it started.
    pub created_at: String,
    /// When it ended, if it has.
    pub completed_at: Option<String>,
    /// Its error, if it failed.
    pub error: Option<String>,
}

impl SimDeployment {
    pub fn serving(created_at: &str) -> Self {
        Self { active: true, ..Self::with_status("SUCCESS", created_at) }
    }

    /// Returns a deployment that is not active.
    pub fn with_status(status: &str, created_at: &str) -> Self {
        Self {
            id: String::new(),
            status: status.into(),
            created_at: created_at.into(),
            active: false,
            exited: false,
            meta: json!({}),
            captured: BTreeMap::new(),
            events: Vec::new(),
            diagnosis: Value::Null,
            build_log: Vec::new(),
            log: Vec::new(),
            has_snapshot: true,
            had: BTreeMap::new(),
            stages: VecDeque::new(),
            polled: 0,
            unseen: 0,
            log_reads: 0,
            build_reads: 0,
        }
    }

    /// Sets its id.
    pub fn id(mut self, id: &str) -> Self {
        self.id = id.into();
        self
    }

    /// Sets a field of its `meta`, such as `commitHash`, `branch` or `reason`.
    pub fn meta(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.meta[name] = value.into();
        self
    }

    /// Sets its start command, instead of the service's present one.
    pub fn started_with(mut self, command: &str) -> Self {
        self.meta["serviceManifest"] = json!({ "deploy": { "startCommand": command } });
        self
    }

    /// Sets a variable that it was created with, whatever is stored now.
    pub fn had(mut self, name: &str, value: &str) -> Self {
        self.had.insert(name.into(), Some(value.into()));
        self
    }

    /// Removes a variable that it was created without, although it is stored now.
    pub fn lacked(mut self, name: &str) -> Self {
        self.had.insert(name.into(), None);
        self
    }

    /// Marks its program as exited.
    pub fn exited(mut self) -> Self {
        self.exited = true;
        self
    }

    /// Removes its code, so that it can't be deployed again.
    pub fn without_snapshot(mut self) -> Self {
        self.has_snapshot = false;
        self
    }

    pub(crate) fn is_under_way(&self) -> bool {
        !SETTLED.contains(&self.status.as_str())
    }

    /// Returns whether its status will still change.
    pub(crate) fn goes_on(&self) -> bool {
        self.stages.len() > 1
    }

    pub(crate) fn can_redeploy(&self) -> bool {
        self.has_snapshot && !self.is_under_way() && !["SKIPPED", "NEEDS_APPROVAL"].contains(&self.status.as_str())
    }

    /// Returns whether its program is not running: also true while it starts and while it sleeps.
    pub(crate) fn is_stopped(&self) -> bool {
        self.exited || self.status != "SUCCESS"
    }

    /// Returns the `meta` that Railway returns in its present status.
    pub(crate) fn meta_now(&self) -> Value {
        match &self.meta {
            Value::Object(all) if EARLY.contains(&self.status.as_str()) => {
                let known = all.iter().filter(|(name, _)| KNOWN_EARLY.contains(&name.as_str()));
                known.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
            }
            meta => meta.clone(),
        }
    }

    /// Returns the start command that it runs.
    pub(crate) fn start_command(&self) -> &str {
        self.meta["serviceManifest"]["deploy"]["startCommand"].as_str().unwrap_or_default()
    }
}
