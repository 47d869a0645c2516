//! What the simulated Railway holds: workspaces, projects, environments, services, variables, tokens.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde_json::Value;

use crate::drift::Secret;
use crate::io::sim::clock::SimClock;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::log_line::StartupLine;
use crate::io::sim::status_timeline::StatusTimeline;

/// Everything that the simulated Railway knows.
#[derive(Clone, Debug, Default)]
#[must_use = "an estate does nothing until a `Sim` holds it"]
pub struct Estate {
    /// Teams; each project is in one.
    pub workspaces: Vec<Workspace>,
    /// Every project of every workspace.
    pub projects: Vec<Project>,
    /// Every token that is alive. Removing one revokes it.
    pub tokens: Vec<Token>,
    /// What time it is there.
    pub clock: SimClock,
}

/// A team with projects.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub id: String,
    pub name: String,
}

/// A token and what it opens.
#[derive(Clone, Debug)]
pub struct Token {
    /// The text that a request presents.
    pub text: Secret,
    /// What it opens.
    pub reach: TokenScope,
}

/// What a token opens, which on Railway is also its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// An account token: everything that the person may see.
    Account,
    /// A workspace token: one workspace, by id.
    Workspace(String),
    /// The access token of a login, which may have been granted for some workspaces only, by id.
    Login(Vec<String>),
    /// A project token: one environment of one project, by id.
    Project { project: String, environment: String },
}

#[derive(Clone, Debug)]
#[must_use = "a project does nothing until an estate holds it"]
pub struct Project {
    /// Railway's id; made from the name when the estate takes the project, unless it was set.
    pub id: String,
    pub name: String,
    /// The id of its workspace.
    pub workspace: String,
    pub deleted_at: Option<String>,
    pub environments: Vec<Environment>,
}

#[derive(Clone, Debug)]
#[must_use = "an environment does nothing until a project holds it"]
pub struct Environment {
    /// Railway's id; made from the names when the estate takes the project, unless it was set.
    pub id: String,
    pub name: String,
    /// Who may look into it.
    pub access: SimAccess,
    pub deleted_at: Option<String>,
    pub shared: BTreeMap<String, SimVariable>,
    pub services: Vec<SimService>,
    /// Changes that somebody has made in the dashboard and not deployed.
    pub staged: Option<SimStagedChanges>,
}

/// Changes that wait to be deployed. They are shown, and never applied here.
#[derive(Clone)]
pub struct SimStagedChanges {
    pub id: String,
    /// `STAGED`, `APPLYING` while they are deployed, or `FAILED`.
    pub status: &'static str,
    /// A part of a configuration; its values are masked when it is shown.
    pub patch: Value,
    /// When it was last changed.
    pub updated_at: String,
    /// Why it could not be applied.
    pub last_error: Option<String>,
}

impl SimStagedChanges {
    /// Returns a patch with an id and a time of its own.
    pub fn new(patch: Value, status: &'static str) -> Self {
        Self {
            id: "7ac4ed00-57a6-4000-8000-00000000ed17".into(),
            status,
            patch,
            updated_at: "2026-11-23T17:20:30.400Z".into(),
            last_error: None,
        }
    }
}

impl fmt::Debug for SimStagedChanges {
    /// Without the patch, which may hold values.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Staged").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}

/// Who may look into an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimAccess {
    /// Everybody who may see the project.
    Everybody,
    /// Administrators, and nobody here is one: `canAccess` is false.
    Administrators,
}

#[derive(Clone, Debug)]
#[must_use = "a service does nothing until an environment holds it"]
pub struct SimService {
    /// Railway's id, the same in all environments; made from the names like the others.
    pub id: String,
    /// Unique within the project.
    pub name: String,
    /// Where its code comes from.
    pub source: SimSource,
    /// The folder of a monorepo that it is built from.
    pub root_directory: Option<String>,
    /// The start command of the service's settings.
    pub start_command: Option<String>,
    /// The configuration file that its settings name.
    pub config_file: Option<String>,
    /// The domain that Railway serves it on.
    pub domain: Option<String>,
    /// Domains of its owner's, and whether they are proven to be.
    pub custom_domains: Vec<(String, Proof)>,
    pub deleted_at: Option<String>,
    /// When variables were changed, where somebody says it.
    pub changed: BTreeMap<String, String>,
    /// Its variables as stored.
    pub variables: BTreeMap<String, SimVariable>,
    /// Where its volume is mounted, if it has one.
    pub volume: Option<String>,
    /// When it runs, if it does not run all the time.
    pub cron: Option<String>,
    /// The commit at the head of its branch.
    pub commit: Option<String>,
    /// Its deployments, the newest last.
    pub deployments: Vec<SimDeployment>,
    /// What answers in its place.
    pub edge: Option<Edge>,
    pub(crate) settled: bool,
    pub(crate) next_plans: VecDeque<StatusTimeline>,
    pub(crate) plan: Option<StatusTimeline>,
    pub(crate) startup_lines: Vec<StartupLine>,
    pub(crate) chatter: usize,
}

/// What stands in front of a service and answers in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Under Attack Mode, as the edge's settings show.
    UnderAttack,
    /// The same page, and the settings show nothing.
    Challenge,
    /// A redirect to a sign-in with Railway.
    Authentication,
    /// This status with this body, after it passed Railway's edge. The settings have rules.
    Rule(u16, String),
    /// The same without any rules.
    Page(u16, String),
}

/// Whether a custom domain is proven to be its owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Given,
    /// It is not yet.
    Missing,
}

impl Proof {
    pub(crate) fn is_given(self) -> bool {
        self == Self::Given
    }
}

/// Where a service's code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimSource {
    /// Nowhere yet: created empty, or fed by `railway up`.
    Nothing,
    /// A container image; what Railway's databases run from.
    Image(String),
    /// A GitHub repository, `owner/name`.
    Repository(String),
}

/// A variable as stored.
#[derive(Clone, Debug)]
pub enum SimVariable {
    /// A text, perhaps with references in it.
    Open(Secret),
    /// Kept, given to deployments, and never returned.
    Sealed(Secret),
}
