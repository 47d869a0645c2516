//! A deployment: what it was made from, what it was created with, and what has become of it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::drift::Secret;
use crate::io::sim::log_line::SimLogLine;
use crate::io::sim::status_timeline::TimelineStatus;

/// Statuses from which nothing goes on by itself, in so far as another deployment may begin.
const SETTLED: [&str; 8] =
    ["CRASHED", "FAILED", "NEEDS_APPROVAL", "REMOVED", "REMOVING", "SKIPPED", "SLEEPING", "SUCCESS"];

/// Statuses in which `meta` is not yet filled.
const EARLY: [&str; 4] = ["BUILDING", "INITIALIZING", "QUEUED", "WAITING"];

/// What is known of a deployment's source before its code has been looked at.
const KNOWN_EARLY: [&str; 5] = ["branch", "image", "patchId", "reason", "repo"];

/// A deployment of a service.
#[derive(Clone, Debug)]
#[must_use = "a deployment does nothing until a service holds it"]
pub struct SimDeployment {
    /// Railway's id; made when the service is settled, unless it was set.
    pub id: String,
    /// Railway's word, or one that `doctor` has never seen.
    pub status: String,
    pub created_at: String,
    /// Whether it is what serves.
    pub active: bool,
    /// Whether its program has ended by itself, which leaves the status as it is.
    pub exited: bool,
    /// What it was made from; null where Railway tells nothing.
    pub meta: Value,
    /// What it was created with; those of a seed take the variables of the service as they are then.
    pub captured: BTreeMap<String, Captured>,
    pub events: Vec<Event>,
    /// What the platform makes of its failure.
    pub diagnosis: Value,
    pub build_log: Vec<SimLogLine>,
    /// Lines of its program.
    pub log: Vec<SimLogLine>,
    /// Whether Railway has kept its code, without which it can't be deployed again.
    pub has_snapshot: bool,
    pub(crate) had: BTreeMap<String, Option<String>>,
    /// The present stage and those to come.
    pub(crate) stages: VecDeque<TimelineStatus>,
    /// Polls that were answered in the present stage.
    pub(crate) polled: usize,
    /// Reads for which `latestDeployment` still does not know it.
    pub(crate) unseen: usize,
    pub(crate) log_reads: usize,
    /// Reads of its build log since it ended.
    pub(crate) build_reads: usize,
}

/// A variable as a deployment got it; `None` where it is sealed, or goes through something sealed.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The stored text, references and all.
    pub stored: Option<Secret>,
    /// What it came to.
    pub rendered: Option<Secret>,
}

/// A step of a deployment.
#[derive(Clone, Debug)]
pub struct Event {
    /// Railway's word for it.
    pub step: &'static str,
    /// When it began.
    pub created_at: String,
    /// When it ended, if it has.
    pub completed_at: Option<String>,
    /// What went wrong, if something did.
    pub error: Option<String>,
}

impl SimDeployment {
    pub fn serving(created_at: &str) -> Self {
        Self { active: true, ..Self::with_status("SUCCESS", created_at) }
    }

    /// One that does not serve.
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

    /// Gives it a certain id.
    pub fn id(mut self, id: &str) -> Self {
        self.id = id.into();
        self
    }

    /// Says something of what it was made from: `commitHash`, `branch`, `reason`.
    pub fn meta(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.meta[name] = value.into();
        self
    }

    /// Runs it with this start command instead of the one that the service has now.
    pub fn started_with(mut self, command: &str) -> Self {
        self.meta["serviceManifest"] = json!({ "deploy": { "startCommand": command } });
        self
    }

    /// Gave it this value, whatever is stored now.
    pub fn had(mut self, name: &str, value: &str) -> Self {
        self.had.insert(name.into(), Some(value.into()));
        self
    }

    /// Did not give it this variable, which is stored now.
    pub fn lacked(mut self, name: &str) -> Self {
        self.had.insert(name.into(), None);
        self
    }

    /// Its program has ended by itself.
    pub fn exited(mut self) -> Self {
        self.exited = true;
        self
    }

    /// It can't be deployed again.
    pub fn without_snapshot(mut self) -> Self {
        self.has_snapshot = false;
        self
    }

    pub(crate) fn is_under_way(&self) -> bool {
        !SETTLED.contains(&self.status.as_str())
    }

    /// Returns whether there is something that would change it.
    pub(crate) fn goes_on(&self) -> bool {
        self.stages.len() > 1
    }

    pub(crate) fn can_redeploy(&self) -> bool {
        self.has_snapshot && !self.is_under_way() && !["SKIPPED", "NEEDS_APPROVAL"].contains(&self.status.as_str())
    }

    /// True while it starts and while it sleeps, too.
    pub(crate) fn is_stopped(&self) -> bool {
        self.exited || self.status != "SUCCESS"
    }

    /// Returns what Railway tells of its source at this moment.
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
