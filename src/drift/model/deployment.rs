//! Deployments as Railway reports them, and what their status means while waiting.

use std::collections::BTreeSet;
use std::fmt;

use crate::drift::Secret;
use crate::drift::model::observed::Observed;
use crate::drift::model::service_settings::SettingValues;

/// One deployment of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Railway's id.
    pub id: String,
    pub status: DeploymentStatus,
    /// RFC 3339 in UTC with milliseconds on Railway's clock, so that times sort as text.
    pub created_at: String,
    /// When its status last changed, on the same clock; `None` before the first change.
    pub status_updated_at: Option<String>,
    /// Whether its process has exited or was stopped. Also true while it starts or sleeps, so check the status first.
    pub stopped: bool,
    /// Whether Railway allows redeploying it.
    pub can_redeploy: bool,
    /// The number of instances; `None` if Railway does not report it.
    pub instances: Option<usize>,
    /// What it was created from.
    pub origin: DeploymentSource,
}

/// What a deployment was created from. Railway may omit any of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentSource {
    /// The full hash of the commit; `None` for images and for `railway up`.
    pub commit: Option<String>,
    /// The image, if it was not built.
    pub image: Option<String>,
    /// `owner/name` of the repository.
    pub repository: Option<String>,
    pub branch: Option<String>,
    /// The start command.
    pub start: StartCommand,
    /// The start command from its configuration file; `Known(None)` if the file sets none.
    pub start_in_file: Observed<Option<Secret>>,
    /// The configuration file that was read for it: `railway.json`.
    pub config_file: Option<String>,
    /// The settings that it runs with; `None` if Railway does not report them.
    pub settings: Option<SettingValues>,
    /// The names of the settings from a configuration file; `None` if Railway reports no file, even if there was one.
    pub given_by_file: Option<BTreeSet<&'static str>>,
    /// Railway's reason for it: `deploy`, `redeploy`, `rollback`.
    pub reason: Option<String>,
    /// Whether it was only built: the command of a cron service runs at the next scheduled time.
    pub build_only: bool,
    /// Railway's message why it did not build it: `No changes to watched files`.
    pub skipped_reason: Option<String>,
    /// Whether it was created for a change of variables or settings.
    pub is_patch: bool,
}

/// Why Railway skipped a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// No file in the service's watch paths changed, so the service is up to date.
    Unwatched,
    /// The checks of the commit failed. Railway does not retry, even if they pass later.
    ChecksFailed,
    /// Railway reports no reason, or another one.
    Unknown,
}

/// Words in Railway's reason for an automatic deployment, letters only. Only the first was observed in responses; the
/// others are from its documentation.
const OWN_REASONS: [(&str, &str); 5] = [
    ("autoupdate", "an automatic update of its image"),
    ("vuln", "a security update"),
    ("security", "a security update"),
    ("remediation", "a security update"),
    ("migration", "a migration of the platform"),
];

/// The start command of a deployment. It may contain a credential, so it is never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StartCommand {
    /// Unknown: Railway's metadata of the deployment is empty or incomplete.
    #[default]
    Unknown,
    /// None is set: the image or the build determines it.
    Unset,
    /// This command.
    Set(Secret),
}

impl StartCommand {
    /// Returns the command if it is known and set.
    pub fn text(&self) -> Option<&Secret> {
        match self {
            Self::Set(command) => Some(command),
            Self::Unknown | Self::Unset => None,
        }
    }
}

impl DeploymentSource {
    /// Returns `commit 371a158`, `image redis:8`, or `None`.
    pub fn description(&self) -> Option<String> {
        const SHORT: usize = 7;
        let commit = self.commit.as_ref().map(|hash| format!("commit {}", hash.get(..SHORT).unwrap_or(hash)));
        commit.or_else(|| self.image.as_ref().map(|image| format!("image {image}")))
    }

    /// Returns whether Railway reports that no configuration file was read. It may report the same if one was read.
    pub fn names_no_file(&self) -> bool {
        self.start_in_file == Observed::Known(None) && self.given_by_file.is_none() && self.config_file.is_none()
    }

    /// Returns whether it is a rollback, which runs with the variables of the original deployment, as intended.
    pub fn is_rollback(&self) -> bool {
        self.reason.as_ref().is_some_and(|reason| reason.to_ascii_lowercase().contains("rollback"))
    }

    /// Returns whether it was created for a push, as far as is known, and not from older code.
    pub fn is_push(&self) -> bool {
        !self.is_patch && self.reason.as_deref().is_none_or(|reason| reason == "deploy")
    }

    /// Returns why Railway skipped it.
    pub fn skip_reason(&self) -> SkipReason {
        let reason = self.skipped_reason.as_deref().unwrap_or_default().to_ascii_lowercase();
        if reason.starts_with("no changes") && reason.contains("watch") {
            SkipReason::Unwatched
        } else if reason.starts_with("ci ") && reason.contains("failed") {
            SkipReason::ChecksFailed
        } else {
            SkipReason::Unknown
        }
    }

    /// Returns why Railway created the deployment automatically; `None` if a user may have created it.
    pub fn automatic_reason(&self) -> Option<&'static str> {
        let reason: String =
            self.reason.iter().flat_map(|reason| reason.chars()).filter(char::is_ascii_alphabetic).collect();
        let reason = reason.to_ascii_lowercase();
        OWN_REASONS.iter().find(|(word, _)| reason.contains(word)).map(|(_, description)| *description)
    }
}

/// Railway's status of a deployment. Railway adds statuses, so an unknown one keeps its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentStatus {
    /// It is being created.
    Initializing,
    /// It is waiting for a builder.
    Queued,
    /// It is waiting for checks.
    Waiting,
    /// It is being built.
    Building,
    /// It is being started.
    Deploying,
    /// It is running, or its process has completed.
    Success,
    /// It sleeps until it receives a request.
    Sleeping,
    NeedsApproval,
    /// Its build, pre-deploy command or health check failed; the previous deployment is still active.
    Failed,
    /// It started, and its process exited with an error.
    Crashed,
    /// Nothing was deployed.
    Skipped,
    /// It is being replaced or removed.
    Removing,
    /// It was replaced or removed.
    Removed,
    /// A status that is not in this list.
    Unknown(String),
}

/// Every status with Railway's name.
const NAMES: &[(&str, DeploymentStatus)] = &[
    ("INITIALIZING", DeploymentStatus::Initializing),
    ("QUEUED", DeploymentStatus::Queued),
    ("WAITING", DeploymentStatus::Waiting),
    ("BUILDING", DeploymentStatus::Building),
    ("DEPLOYING", DeploymentStatus::Deploying),
    ("SUCCESS", DeploymentStatus::Success),
    ("SLEEPING", DeploymentStatus::Sleeping),
    ("NEEDS_APPROVAL", DeploymentStatus::NeedsApproval),
    ("FAILED", DeploymentStatus::Failed),
    ("CRASHED", DeploymentStatus::Crashed),
    ("SKIPPED", DeploymentStatus::Skipped),
    ("REMOVING", DeploymentStatus::Removing),
    ("REMOVED", DeploymentStatus::Removed),
];

/// What a status means while waiting for the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentStage {
    /// It needs no user action.
    InProgress,
    /// It needs a user action to continue.
    Stuck,
    /// It is running, sleeping or completed.
    Up,
    /// It will never run, or no longer runs.
    Down,
    /// It was replaced or removed.
    Replaced,
}

impl DeploymentStatus {
    /// Returns the status with Railway's name.
    pub fn named(name: &str) -> Self {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| Self::Unknown(name.to_owned()), |(_, status)| status.clone())
    }

    /// Returns the stage. An unknown status counts as in progress, because the wait has a timeout.
    pub fn stage(&self) -> DeploymentStage {
        match self {
            Self::Initializing | Self::Queued | Self::Waiting | Self::Building | Self::Deploying | Self::Unknown(_) => {
                DeploymentStage::InProgress
            }
            Self::NeedsApproval => DeploymentStage::Stuck,
            Self::Success | Self::Sleeping => DeploymentStage::Up,
            Self::Failed | Self::Crashed | Self::Skipped => DeploymentStage::Down,
            Self::Removing | Self::Removed => DeploymentStage::Replaced,
        }
    }
}

impl fmt::Display for DeploymentStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Unknown(name) => name.as_str(),
            known => NAMES.iter().find(|(_, status)| status == known).map_or("", |(name, _)| name),
        };
        formatter.write_str(name)
    }
}

/// The deployments of one service that matter to a fix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// The newest one, whatever its status.
    pub latest: Option<Deployment>,
    /// The active ones, newest first; several during a rollout.
    pub active: Vec<Deployment>,
    /// Why the newest one is unknown.
    pub unavailable: Option<String>,
}

impl Deployed {
    /// Returns the newest one if it is not active and still in progress.
    pub fn under_way(&self) -> Option<&Deployment> {
        let latest = self.latest.as_ref()?;
        let serves = self.active.iter().any(|active| active.id == latest.id);
        (!serves && matches!(latest.status.stage(), DeploymentStage::InProgress | DeploymentStage::Stuck))
            .then_some(latest)
    }

    /// Returns the newest one. Railway's latest may lag behind directly after a deployment was created.
    pub fn newest(&self) -> Option<&Deployment> {
        self.latest.iter().chain(&self.active).max_by(|one, other| one.created_at.cmp(&other.created_at))
    }

    /// Returns the newest active one that runs or sleeps. Everything reported about a running deployment, such as its
    /// variables and its log, is about this one.
    pub fn running(&self) -> Option<&Deployment> {
        self.active.iter().find(|active| active.status.stage() == DeploymentStage::Up)
    }

    /// Returns the running one, or else the newest active one, or else the newest one.
    pub fn subject(&self) -> Option<&Deployment> {
        self.running().or_else(|| self.active.first()).or_else(|| self.newest_made()).or_else(|| self.newest())
    }

    fn newest_made(&self) -> Option<&Deployment> {
        let made = self.latest.iter().chain(&self.active).filter(|one| one.status != DeploymentStatus::Skipped);
        made.max_by(|one, other| one.created_at.cmp(&other.created_at))
    }

    /// Returns the newest one that was not skipped, if it is still in progress.
    pub fn upcoming(&self) -> Option<&Deployment> {
        self.newest_made()
            .filter(|newest| matches!(newest.status.stage(), DeploymentStage::InProgress | DeploymentStage::Stuck))
    }

    /// Returns the newest one if it is a push that Railway skipped.
    pub fn skipped(&self) -> Option<&Deployment> {
        self.newest().filter(|newest| newest.status == DeploymentStatus::Skipped && newest.origin.commit.is_some())
    }

    /// Returns the ids of all of them.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.latest.iter().chain(&self.active).map(|deployment| deployment.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::model::deployment::{
        Deployed, Deployment, DeploymentSource, DeploymentStage, DeploymentStatus, NAMES, SkipReason,
    };

    fn deployment(id: &str, status: &str) -> Deployment {
        Deployment {
            id: id.to_owned(),
            status: DeploymentStatus::named(status),
            created_at: format!("2026-11-24T09:00:0{id}.000Z"),
            status_updated_at: None,
            stopped: false,
            can_redeploy: true,
            instances: None,
            origin: DeploymentSource::default(),
        }
    }

    #[test]
    fn status_names_round_trip() {
        for (name, status) in NAMES {
            assert_eq!((&DeploymentStatus::named(name), status.to_string().as_str()), (status, *name));
        }
        assert_eq!(DeploymentStatus::named("PAUSING").to_string(), "PAUSING");
        assert_eq!(DeploymentStatus::named("PAUSING").stage(), DeploymentStage::InProgress);
    }

    #[test]
    fn only_newer_unfinished_deployment_is_under_way() {
        for (latest, active, expected) in [
            (Some("BUILDING"), Some("SUCCESS"), true),
            (Some("NEEDS_APPROVAL"), Some("SUCCESS"), true),
            (Some("FAILED"), Some("SUCCESS"), false),
            (Some("DEPLOYING"), None, true),
            (None, None, false),
        ] {
            let deployed = Deployed {
                latest: latest.map(|status| deployment("2", status)),
                active: active.map(|status| deployment("1", status)).into_iter().collect(),
                unavailable: None,
            };
            assert_eq!(deployed.under_way().is_some(), expected, "{latest:?} {active:?}");
        }
        let one = deployment("1", "DEPLOYING");
        let rollout = Deployed { latest: Some(one.clone()), active: vec![one], unavailable: None };
        assert_eq!(rollout.under_way(), None);
    }

    #[test]
    fn running_and_upcoming_survive_rollouts_and_lagging_reads() {
        type Case<'c> = (Option<(&'c str, &'c str)>, &'c [(&'c str, &'c str)], Option<&'c str>, Option<&'c str>);
        let cases: &[Case<'_>] = &[
            (None, &[], None, None),
            (Some(("1", "SUCCESS")), &[("1", "SUCCESS")], Some("1"), None),
            (Some(("2", "BUILDING")), &[("1", "SUCCESS")], Some("1"), Some("2")),
            (Some(("2", "NEEDS_APPROVAL")), &[("1", "SLEEPING")], Some("1"), Some("2")),
            (Some(("2", "FAILED")), &[("1", "SUCCESS")], Some("1"), None),
            (Some(("2", "DEPLOYING")), &[("2", "DEPLOYING"), ("1", "SUCCESS")], Some("1"), Some("2")),
            (Some(("1", "SUCCESS")), &[("2", "SUCCESS"), ("1", "SUCCESS")], Some("2"), None),
            (Some(("1", "SUCCESS")), &[("2", "DEPLOYING"), ("1", "SUCCESS")], Some("1"), Some("2")),
            (Some(("1", "CRASHED")), &[("1", "CRASHED")], None, None),
            (Some(("2", "SKIPPED")), &[("1", "SUCCESS")], Some("1"), None),
            (Some(("3", "SKIPPED")), &[("2", "DEPLOYING"), ("1", "SUCCESS")], Some("1"), Some("2")),
        ];
        for (latest, active, running, coming) in cases {
            let deployed = Deployed {
                latest: latest.map(|(id, status)| deployment(id, status)),
                active: active.iter().map(|(id, status)| deployment(id, status)).collect(),
                unavailable: None,
            };
            let id = |found: Option<&Deployment>| found.map(|found| found.id.clone());
            let expected = (running.map(ToOwned::to_owned), coming.map(ToOwned::to_owned));
            assert_eq!((id(deployed.running()), id(deployed.upcoming())), expected, "{latest:?} {active:?}");
        }
    }

    #[test]
    fn skip_reason_requires_exact_message_from_railway() {
        for (message, expected) in [
            (Some("No changes to watched files"), SkipReason::Unwatched),
            (Some("no changes to watched files."), SkipReason::Unwatched),
            (Some("CI check suite failed"), SkipReason::ChecksFailed),
            (Some("CI check suite is pending"), SkipReason::Unknown),
            (Some("No changes"), SkipReason::Unknown),
            (Some("Watched files changed"), SkipReason::Unknown),
            (Some("failed"), SkipReason::Unknown),
            (Some(""), SkipReason::Unknown),
            (None, SkipReason::Unknown),
        ] {
            let origin =
                DeploymentSource { skipped_reason: message.map(ToOwned::to_owned), ..DeploymentSource::default() };
            assert_eq!(origin.skip_reason(), expected, "{message:?}");
        }
    }

    #[test]
    fn deployments_started_by_railway_are_recognized_by_reason() {
        for (reason, expected) in [
            (Some("autoupdate"), Some("an automatic update of its image")),
            (Some("AUTO_UPDATE"), Some("an automatic update of its image")),
            (Some("security-update"), Some("a security update")),
            (Some("platform migration"), Some("a migration of the platform")),
            (Some("deploy"), None),
            (Some("redeploy"), None),
            (Some("rollback"), None),
            (Some("update"), None),
            (Some(""), None),
            (None, None),
        ] {
            let origin = DeploymentSource { reason: reason.map(ToOwned::to_owned), ..DeploymentSource::default() };
            assert_eq!(origin.automatic_reason(), expected, "{reason:?}");
        }
    }

    #[test]
    fn skipped_push_must_be_newest_and_have_a_commit() {
        for (latest, commit, active, expected) in [
            (("2", "SKIPPED"), Some("371a158"), ("1", "SUCCESS"), true),
            (("2", "SKIPPED"), None, ("1", "SUCCESS"), false),
            (("2", "FAILED"), Some("371a158"), ("1", "SUCCESS"), false),
            (("1", "SKIPPED"), Some("371a158"), ("2", "SUCCESS"), false),
        ] {
            let mut newest = deployment(latest.0, latest.1);
            newest.origin.commit = commit.map(ToOwned::to_owned);
            let deployed =
                Deployed { latest: Some(newest), active: vec![deployment(active.0, active.1)], unavailable: None };
            assert_eq!(deployed.skipped().is_some(), expected, "{latest:?} {commit:?} {active:?}");
        }
    }

    #[test]
    fn describes_deployment_source() {
        let origin = |commit: Option<&str>, image: Option<&str>| DeploymentSource {
            commit: commit.map(ToOwned::to_owned),
            image: image.map(ToOwned::to_owned),
            ..DeploymentSource::default()
        };
        for (found, description) in [
            (origin(Some("371a158f00"), None), Some("commit 371a158")),
            (origin(Some("ü"), None), Some("commit ü")),
            (origin(None, Some("redis:8")), Some("image redis:8")),
            (origin(None, None), None),
        ] {
            assert_eq!(found.description().as_deref(), description);
        }
    }
}
