//! The runtime state of a service.

use crate::drift::Secret;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::deployment::{Deployed, SkipReason};
use crate::drift::model::finding::Excerpt;
use crate::drift::model::observed::Observed;
use crate::drift::model::service_settings::SettingValues;

/// The runtime state of a service. Each unknown part only affects the rules that need it.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    /// Its deployments.
    pub deployed: Observed<Deployed>,
    /// The variables that [`Deployed::running`] was created with.
    pub got: Observed<DeployedVariables>,
    pub settings: Observed<ServiceSettings>,
    /// Why [`Deployed::newest`] failed or crashed.
    pub failure: Observed<DeploymentFailure>,
    /// The running commit, compared with the wanted one.
    pub code: Observed<Code>,
    /// The result for each declared log line, in the order of the declarations.
    pub lines: Vec<Observed<LogRead>>,
    /// The result of each declared request, in the order of the declarations.
    pub responses: Vec<Observed<EndpointOutcome>>,
}

/// The settings of a service, regardless of what runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// The directory in the repository that the service is built from.
    pub root_directory: Option<String>,
    /// The start command in the settings, without configuration files. It may contain a credential.
    pub start_command: Option<Secret>,
    /// The path of the configuration file in the settings.
    pub config_file: Option<String>,
    /// Railway's configuration files for it in the checkout, as a user would type them: `railway.json`,
    /// `railway.toml`.
    pub files: Vec<String>,
    /// The schedule of a cron service.
    pub cron: Option<String>,
    /// Whether it may sleep when it receives no requests.
    pub sleeps: bool,
    /// The settings in the environment's configuration, if it lists the service.
    pub configured: Option<SettingValues>,
}

/// Why a deployment failed, redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentFailure {
    /// Railway's name of the failed step: `BUILD_IMAGE`, `HEALTHCHECK`.
    pub step: Option<String>,
    /// Railway's message for the step.
    pub message: Option<String>,
    /// Railway's diagnosis.
    pub diagnosis: Option<String>,
}

/// The running commit, compared with the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The short hash of the wanted commit: the declared one, or `HEAD`.
    pub expected: String,
    /// The full hash, if the checkout has the commit.
    pub commit: Option<String>,
    /// How the running deployment's commit relates to the wanted one.
    pub running: Relation,
    /// The same for [`Deployed::upcoming`], if there is one.
    pub coming: Option<Relation>,
    /// A push that Railway skipped, newer than the last deployed push.
    pub skipped: Option<SkippedPush>,
}

/// A push that Railway skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedPush {
    /// The short hash of its commit.
    pub commit: String,
    /// Why it was skipped.
    pub reason: SkipReason,
    /// How its commit relates to the wanted one.
    pub relation: Relation,
}

impl Code {
    /// Returns whether a skipped push has the wanted commit without changes to the service's watch paths, so that a
    /// deployment of it would run the same code.
    pub fn is_covered(&self) -> bool {
        let is_older =
            matches!(self.running, Relation::Behind(_) | Relation::Unclear(IncomparableCommit::UnknownCommit(_)));
        let has_wanted = |push: &SkippedPush| {
            push.reason == SkipReason::Unwatched && matches!(push.relation, Relation::Same | Relation::Newer)
        };
        is_older && self.skipped.as_ref().is_some_and(has_wanted)
    }
}

/// How a deployed commit relates to the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is the wanted commit.
    Same,
    /// It descends from the wanted commit.
    Newer,
    /// It is this number of commits behind.
    Behind(usize),
    /// Each has commits that the other lacks.
    Diverged,
    /// Unknown.
    Unclear(IncomparableCommit),
}

/// Why two commits can't be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncomparableCommit {
    /// It was built from this repository, which is not a remote of the checkout.
    OtherRepository(String),
    /// It was built from this branch, and another one is checked out.
    OtherBranch(String),
    /// The checkout does not have this commit (short hash): a shallow clone, a squash or a force push.
    UnknownCommit(String),
    /// The checkout does not have the wanted commit.
    UnknownWanted,
    /// It was created from this image.
    Image(String),
    /// It was uploaded by `railway up`, or Railway does not report its commit.
    NoCommit,
    /// git failed, with the reason.
    NoGit(String),
}

/// The result of searching a log for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRead {
    /// Whether the line was found.
    pub outcome: LogMatch,
    /// The number of lines read.
    pub lines: usize,
    /// The times of the first and the last line, as Railway writes them.
    pub span: Option<(String, String)>,
    /// How much of the log was read.
    pub coverage: LogCoverage,
    /// The number of replicas that wrote it, if known.
    pub replicas: Option<usize>,
}

/// Whether a line was found in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogMatch {
    /// It was found; its time, as Railway writes it.
    At(String),
    /// It was not found in the lines that were read.
    Nowhere,
    /// It may still appear, or the log is unreliable; with the reason.
    Open(String),
}

/// How much of a log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogCoverage {
    /// All of it, from the deployment's start.
    Whole,
    /// Its end: it has more lines than could be read.
    End,
    /// The retained part: the deployment is older than Railway's log retention.
    Kept,
}

/// The result of a declared request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointOutcome {
    /// A response was received.
    Response {
        /// The requested domain.
        domain: String,
        /// The status of the response.
        status: u16,
        /// The differences from the declared body.
        faults: Vec<JsonMismatch>,
        /// The body, if the response was not as declared and the body was read completely.
        body: Option<Excerpt>,
        /// Whether Railway's edge may have responded instead of the service, without evidence that it did.
        may_be_edge: bool,
    },
    /// A proxy in front of the service responded instead.
    Edge {
        /// The requested domain.
        domain: String,
        /// The status of the response.
        status: u16,
        /// What responded.
        feature: EdgeFeature,
    },
    /// No response was received.
    None {
        /// The requested domain.
        domain: String,
        /// Why: a timeout, a broken connection.
        why: String,
    },
    /// No request was sent, with the reason.
    NotSent(String),
    /// No request was sent because the service is compared with no file, which would have this key.
    NoLocalValue(String),
}

/// What responds in front of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeFeature {
    /// Under Attack Mode, which is enabled.
    UnderAttackMode,
    /// A browser check.
    Challenge,
    /// A Railway sign-in.
    SignIn,
    /// Most likely one of the service's edge rules.
    Rule,
    /// Cloudflare, which rejected the request.
    Cloudflare,
}

impl EdgeFeature {
    /// Returns the name of what responded.
    pub fn responder(self) -> &'static str {
        if self == Self::Cloudflare { "Cloudflare" } else { "Railway's edge" }
    }

    /// Returns the cause, as a phrase.
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnderAttackMode => "Under Attack Mode is on for the service and lets only browsers through",
            Self::Challenge => "the response is a browser check, which Under Attack Mode sends",
            Self::SignIn => "the response is a Railway sign-in, as Railway Authentication requires",
            Self::Rule => "the service has edge rules, and one of them may have responded",
            Self::Cloudflare => "Cloudflare in front of the domain rejected the request",
        }
    }

    /// Returns how to fix it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::UnderAttackMode | Self::Challenge => "run the check again when Under Attack Mode is off",
            Self::SignIn => {
                "allow programs in the service's Railway Authentication settings, or remove the [[expect.http]]"
            }
            Self::Rule => "allow this request in the service's edge rules, or remove the [[expect.http]]",
            Self::Cloudflare => "allow this request in Cloudflare's settings for the domain",
        }
    }
}

/// A difference from the declared JSON body at one pointer. Values of the response are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonMismatch {
    /// The response is not JSON.
    NotJson,
    /// The value at this pointer is missing or null.
    Missing(String),
    /// The value at this pointer should not exist.
    Present(String),
    /// The value at this pointer is another one.
    Other(String),
}

impl Runtime {
    /// Returns whether any of it was requested.
    pub fn is_requested(&self) -> bool {
        self.deployed.is_requested()
            || self.got.is_requested()
            || self.code.is_requested()
            || self.lines.iter().any(Observed::is_requested)
            || self.responses.iter().any(Observed::is_requested)
    }

    /// Returns whether it is a cron service.
    pub fn is_cron(&self) -> bool {
        self.settings.known().is_some_and(|settings| settings.cron.is_some())
    }
}
