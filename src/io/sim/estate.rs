//! The contents of the simulated Railway: workspaces, projects, environments, services, variables, tokens.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde_json::Value;

use crate::drift::Secret;
use crate::io::sim::clock::SimClock;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::log_line::StartupLine;
use crate::io::sim::status_timeline::StatusTimeline;

/// All contents of the simulated Railway.
#[derive(Clone, Debug, Default)]
#[must_use = "an estate does nothing until it is given to a `Sim`"]
pub struct Estate {
    /// The workspaces; each project is in one.
    pub workspaces: Vec<Workspace>,
    /// The projects of all workspaces.
    pub projects: Vec<Project>,
    /// The valid tokens. Removing one revokes it.
    pub tokens: Vec<Token>,
    /// The current time.
    pub clock: SimClock,
}

#[derive(Clone, Debug)]
pub struct Workspace {
    pub id: String,
    pub name: String,
}

/// A token and its scope.
#[derive(Clone, Debug)]
pub struct Token {
    pub text: Secret,
    pub reach: TokenScope,
}

/// The scope of a token, which on Railway is also its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// An account token: everything that the user has access to.
    Account,
    /// A workspace token: one workspace, by id.
    Workspace(String),
    /// The access token of a login, which may be limited to some workspaces, by id.
    Login(Vec<String>),
    /// A project token: one environment of one project, by id.
    Project { project: String, environment: String },
}

#[derive(Clone, Debug)]
#[must_use = "a project does nothing until it is added to an estate"]
pub struct Project {
    /// Railway's id; unless set, derived from the name when the project is added to an estate.
    pub id: String,
    pub name: String,
    /// The id of its workspace.
    pub workspace: String,
    pub deleted_at: Option<String>,
    pub environments: Vec<Environment>,
}

#[derive(Clone, Debug)]
#[must_use = "an environment does nothing until it is added to a project"]
pub struct Environment {
    /// Railway's id; unless set, derived from the names when the project is added to an estate.
    pub id: String,
    pub name: String,
    /// Who has access to it.
    pub access: SimAccess,
    /// Whether it was created for a pull request.
    pub is_ephemeral: bool,
    pub deleted_at: Option<String>,
    pub shared: BTreeMap<String, SimVariable>,
    pub services: Vec<SimService>,
    /// Changes that were made in the dashboard and not deployed.
    pub staged: Option<SimStagedChanges>,
}

/// Staged changes. They are returned, and never applied here.
#[derive(Clone)]
pub struct SimStagedChanges {
    pub id: String,
    /// `STAGED`, `APPLYING` while they are deployed, or `FAILED`.
    pub status: &'static str,
    /// A part of a configuration; its values are redacted when it is returned.
    pub patch: Value,
    /// When it was last changed.
    pub updated_at: String,
    /// The reason why it could not be applied.
    pub last_error: Option<String>,
}

impl SimStagedChanges {
    /// Returns a patch with a fixed id and time.
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
    /// Without the patch, which may contain values.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SimStagedChanges")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Who has access to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimAccess {
    /// Everyone with access to the project.
    Everybody,
    /// Only administrators. No token here is one, so `canAccess` is false.
    Administrators,
}

#[derive(Clone, Debug)]
#[must_use = "a service does nothing until it is added to an environment"]
pub struct SimService {
    /// Railway's id, the same in all environments; unless set, derived from the names.
    pub id: String,
    /// Unique within the project.
    pub name: String,
    /// The source of its code.
    pub source: SimSource,
    /// The directory of a monorepo that it is built from.
    pub root_directory: Option<String>,
    /// The start command of the service's settings.
    pub start_command: Option<String>,
    /// The configuration file that its settings name.
    pub config_file: Option<String>,
    /// Its domain from Railway.
    pub domain: Option<String>,
    /// Its custom domains, and whether they are verified.
    pub custom_domains: Vec<(String, Proof)>,
    pub deleted_at: Option<String>,
    /// The times at which variables were changed, if not the default.
    pub changed: BTreeMap<String, String>,
    /// Its variables as stored.
    pub variables: BTreeMap<String, SimVariable>,
    /// The mount path of its volume, if it has one.
    pub volume: Option<String>,
    /// Its cron schedule, if it has one.
    pub cron: Option<String>,
    /// The commit at the head of its branch.
    pub commit: Option<String>,
    /// Its deployments, the newest last.
    pub deployments: Vec<SimDeployment>,
    /// The edge feature that responds instead of it.
    pub edge: Option<Edge>,
    pub(crate) settled: bool,
    pub(crate) next_plans: VecDeque<StatusTimeline>,
    pub(crate) plan: Option<StatusTimeline>,
    pub(crate) startup_lines: Vec<StartupLine>,
    pub(crate) chatter: usize,
}

/// An edge feature that responds instead of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Under Attack Mode, which is in the edge settings.
    UnderAttack,
    /// The same page, without a setting.
    Challenge,
    /// A redirect to Railway's sign-in.
    Authentication,
    /// This status and body, with the headers of Railway's edge. The settings have rules.
    Rule(u16, String),
    /// The same, without rules.
    Page(u16, String),
}

/// Whether a custom domain is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Given,
    /// Not yet.
    Missing,
}

impl Proof {
    pub(crate) fn is_given(self) -> bool {
        self == Self::Given
    }
}

/// The source of a service's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimSource {
    /// None: created empty, or deployed by `railway up`.
    Nothing,
    /// A container image, such as those of Railway's databases.
    Image(String),
    /// A GitHub repository, `owner/name`.
    Repository(String),
}

/// A variable as stored.
#[derive(Clone, Debug)]
pub enum SimVariable {
    /// A text, which may contain references.
    Open(Secret),
    /// Stored, given to deployments, and never returned.
    Sealed(Secret),
}
