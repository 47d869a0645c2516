//! How one service runs, as far as it was looked at.

use crate::drift::Secret;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::deployment::{Deployed, SkipReason};
use crate::drift::model::finding::Excerpt;
use crate::drift::model::observed::Observed;
use crate::drift::model::service_settings::SettingValues;

/// What is known of how one service runs. What is not known takes one rule its sight, and no other.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    /// Its deployments.
    pub deployed: Observed<Deployed>,
    /// What [`Deployed::running`] was created with.
    pub got: Observed<DeployedVariables>,
    /// Its settings.
    pub settings: Observed<ServiceSettings>,
    /// What is known of why [`Deployed::newest`] failed or crashed.
    pub failure: Observed<DeploymentFailure>,
    /// The code that runs, against the code that is wanted.
    pub code: Observed<Code>,
    /// What became of each declared log line, in the order of the declarations.
    pub lines: Vec<Observed<LogRead>>,
    /// What became of each declared request, in the order of the declarations.
    pub answers: Vec<Observed<EndpointOutcome>>,
}

/// What is set for a service, whatever runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// The start command of its settings; a configuration file's is not among them. It may hold a credential.
    pub start_command: Option<Secret>,
    /// The configuration file that its settings name, if they name one.
    pub config_file: Option<String>,
    /// Railway's configuration files for it in the checkout, as a person would type them: `railway.json`,
    /// `railway.toml`.
    pub files: Vec<String>,
    /// When its command runs, for a cron service.
    pub cron: Option<String>,
    /// Whether it may sleep when nobody calls it.
    pub sleeps: bool,
    /// What the environment's configuration has for it, if it lists the service.
    pub configured: Option<SettingValues>,
}

/// Why a deployment failed; everything scrubbed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentFailure {
    /// Railway's name of the step: `BUILD_IMAGE`, `HEALTHCHECK`.
    pub step: Option<String>,
    /// What Railway says of that step.
    pub said: Option<String>,
    /// Railway's own diagnosis.
    pub diagnosis: Option<String>,
}

/// The commit that runs, and the one that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The commit that is wanted, shortened: the declared one, or that of `HEAD`.
    pub wanted: String,
    /// The same in full, where the checkout has it.
    pub commit: Option<String>,
    /// The running deployment's.
    pub running: Relation,
    /// That of [`Deployed::coming`], if there is one.
    pub coming: Option<Relation>,
    /// A push that Railway declined to build, newer than what was deployed for a push last.
    pub skipped: Option<SkippedPush>,
}

/// A push that Railway declined to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedPush {
    /// Its commit, shortened.
    pub commit: String,
    /// Why.
    pub reason: SkipReason,
    /// How its commit stands to the wanted one.
    pub relation: Relation,
}

impl Code {
    /// Whether a push has the wanted commit and changed nothing that the service is built from, so that what runs is what the
    /// push would have made.
    pub fn is_covered(&self) -> bool {
        let is_older = matches!(self.running, Relation::Behind(_) | Relation::Unclear(Unclear::UnknownCommit(_)));
        let has_wanted = |push: &SkippedPush| {
            push.reason == SkipReason::Unwatched && matches!(push.relation, Relation::Same | Relation::Newer)
        };
        is_older && self.skipped.as_ref().is_some_and(has_wanted)
    }
}

/// How a deployed commit stands to the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is that commit.
    Same,
    /// It descends from it.
    Newer,
    /// It is that many commits older.
    Behind(usize),
    /// Each has commits that the other lacks.
    Diverged,
    /// It can't be told.
    Unclear(Unclear),
}

/// Why two commits can't be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// It was built from that repository, which is none of the checkout's.
    OtherRepository(String),
    /// It was built from that branch, and another one is checked out.
    OtherBranch(String),
    /// The checkout does not have that commit, shortened: a shallow clone, a squash, a forced push.
    UnknownCommit(String),
    /// The checkout does not have the commit that is wanted.
    UnknownWanted,
    /// It was made from that image.
    Image(String),
    /// It was uploaded by `railway up`, or Railway does not tell its commit.
    NoCommit,
    /// git can't be asked, and why.
    NoGit(String),
}

/// What reading a log came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRead {
    /// Whether the line was there.
    pub sought: LogMatch,
    /// How many lines were read.
    pub lines: usize,
    /// The times of the first and the last of them, as Railway writes them.
    pub span: Option<(String, String)>,
    /// How much of the log that was.
    pub reach: LogCoverage,
    /// How many replicas wrote it, if that is known.
    pub replicas: Option<usize>,
}

/// Whether a line was in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogMatch {
    /// It was; its time, as Railway writes it.
    At(String),
    /// It was not among the lines that were read.
    Nowhere,
    /// It may still come, or the answer can't be trusted; why.
    Open(String),
}

/// How much of a log was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogCoverage {
    /// All of it, from the deployment's start.
    Whole,
    /// Its end: there are more lines than could be read.
    End,
    /// What is kept of it: the deployment is older than that.
    Kept,
}

/// What a declared request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointOutcome {
    /// An answer came.
    Came {
        /// The domain that was asked.
        domain: String,
        /// Its status.
        status: u16,
        /// What was not as declared in its body.
        faults: Vec<JsonFault>,
        /// The body, where something was not as declared and all of it was read.
        body: Option<Excerpt>,
        /// Whether Railway's edge may have answered instead of the service, although nothing shows that it did.
        may_be_edge: bool,
    },
    /// Something in front of the service answered in its place.
    Edge {
        /// The domain that was asked.
        domain: String,
        /// The status of that response.
        status: u16,
        /// What answered.
        feature: EdgeFeature,
    },
    /// None came; why.
    None {
        /// The domain that was asked.
        domain: String,
        /// Why: a time-out, a broken connection.
        why: String,
    },
    /// It was not asked; why.
    NotAsked(String),
}

/// What answers in front of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeFeature {
    /// Under Attack Mode, which is on.
    UnderAttackMode,
    /// A page that checks whether a browser asks.
    Challenge,
    /// A sign-in with Railway.
    SignIn,
    /// Most likely one of the service's edge rules.
    Rule,
    /// Cloudflare, which refused the request.
    Cloudflare,
}

impl EdgeFeature {
    /// Who answered.
    pub fn responder(self) -> &'static str {
        if self == Self::Cloudflare { "Cloudflare" } else { "Railway's edge" }
    }

    /// How it is known, as a phrase.
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnderAttackMode => "Under Attack Mode is on for the service, and lets only browsers through",
            Self::Challenge => "it is a page that checks whether a browser asks, as Under Attack Mode sends it",
            Self::SignIn => "it leads to a sign-in with Railway, as Railway Authentication requires it",
            Self::Rule => "the service has edge rules, and one of them may have answered",
            Self::Cloudflare => "Cloudflare in front of the domain refused the request",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::UnderAttackMode | Self::Challenge => "check again when Under Attack Mode is off",
            Self::SignIn => {
                "let programs through in the service's Railway Authentication settings, or remove the entry"
            }
            Self::Rule => "let this request through in the service's edge rules, or remove the entry",
            Self::Cloudflare => "let this request through in Cloudflare's settings for the domain",
        }
    }
}

/// What was not as declared at one place of a JSON answer. Values of answers are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// The answer is no JSON at all.
    NotJson,
    /// Nothing, or null, is at that pointer.
    Missing(String),
    /// Something is at that pointer that should not be.
    Present(String),
    /// Something else is at that pointer.
    Other(String),
}

impl Runtime {
    /// Whether anybody looked at anything.
    pub fn is_requested(&self) -> bool {
        self.deployed.is_requested()
            || self.got.is_requested()
            || self.code.is_requested()
            || self.lines.iter().any(Observed::is_requested)
            || self.answers.iter().any(Observed::is_requested)
    }

    /// Whether its command runs at set times only.
    pub fn is_cron(&self) -> bool {
        self.settings.known().is_some_and(|settings| settings.cron.is_some())
    }
}
