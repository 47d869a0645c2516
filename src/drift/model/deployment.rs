//! What Railway says of a deployment, and what it means for somebody who waits for it.

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
    /// How it is doing.
    pub status: DeploymentStatus,
    /// RFC 3339 in UTC with milliseconds, so that the order of the texts is the order of the times. Railway's clock.
    pub created_at: String,
    /// When its status changed last, on the same clock; nothing until it does for the first time.
    pub status_updated_at: Option<String>,
    /// Whether its process has ended or was stopped; also true while it starts or sleeps, so the status comes first.
    pub stopped: bool,
    /// Whether Railway says that it can be deployed again.
    pub can_redeploy: bool,
    /// How many instances it has; `None` where Railway does not tell.
    pub instances: Option<usize>,
    /// What it was made from.
    pub origin: DeploymentSource,
}

/// What a deployment was made from, as far as Railway tells: everything is left out at times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentSource {
    /// The full hash of the commit; absent for images and for `railway up`.
    pub commit: Option<String>,
    /// The image, if it was not built.
    pub image: Option<String>,
    /// `owner/name` of the repository.
    pub repository: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// What it starts with.
    pub start: StartCommand,
    /// The start command that its configuration file gave it; nothing in it where that file sets none.
    pub start_in_file: Observed<Option<Secret>>,
    /// The configuration file that was read for it: `railway.json`.
    pub config_file: Option<String>,
    /// The settings that it runs with; `None` where Railway does not tell.
    pub settings: Option<SettingValues>,
    /// The names of the settings that a configuration file gave it; `None` where Railway names no file, even if there was one.
    pub given_by_file: Option<BTreeSet<&'static str>>,
    /// Why it was made, in Railway's word: `deploy`, `redeploy`, `rollback`.
    pub reason: Option<String>,
    /// Whether it was only built: the command of a cron service runs at its next time.
    pub build_only: bool,
    /// Why Railway declined to build it, in Railway's words: `No changes to watched files`.
    pub skipped_reason: Option<String>,
    /// Whether a change of variables or settings is what it was made for.
    pub is_patch: bool,
}

/// Why Railway declined to build a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// No file changed that the service's watch paths name, so it misses nothing.
    Unwatched,
    /// The checks of the commit failed. Railway does not try again, even if they pass later.
    ChecksFailed,
    /// Railway does not say, or says something else.
    Unknown,
}

/// Words in Railway's reason for a deployment without a user action, letters only. Only the first was seen in answers;
/// the others are what its documentation calls such deployments.
const OWN_REASONS: [(&str, &str); 5] = [
    ("autoupdate", "an automatic update of its image"),
    ("vuln", "a security update"),
    ("security", "a security update"),
    ("remediation", "a security update"),
    ("migration", "a migration of the platform"),
];

/// What a deployment starts with. A command may hold a credential, so it is never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StartCommand {
    /// Railway does not tell: what it keeps of a deployment is empty or half filled.
    #[default]
    Untold,
    /// None was set: its image, or what built it, decides.
    OfImage,
    /// This command.
    Is(Secret),
}

impl StartCommand {
    /// The command, where it is known and set.
    pub fn text(&self) -> Option<&Secret> {
        match self {
            Self::Is(command) => Some(command),
            Self::Untold | Self::OfImage => None,
        }
    }
}

impl DeploymentSource {
    /// In a few words: `commit 371a158`, `image redis:8`, or nothing.
    pub fn description(&self) -> Option<String> {
        const SHORT: usize = 7;
        let commit = self.commit.as_ref().map(|hash| format!("commit {}", hash.get(..SHORT).unwrap_or(hash)));
        commit.or_else(|| self.image.as_ref().map(|image| format!("image {image}")))
    }

    /// Whether Railway shows that it read no file. It is a hint and no proof: for some that read one, it shows the same.
    pub fn names_no_file(&self) -> bool {
        self.start_in_file == Observed::Known(None) && self.given_by_file.is_none() && self.config_file.is_none()
    }

    /// Whether somebody went back to it: it runs with the variables of its time then, as it is meant to.
    pub fn is_rollback(&self) -> bool {
        self.reason.as_ref().is_some_and(|reason| reason.to_ascii_lowercase().contains("rollback"))
    }

    /// Whether it was made for a commit that was pushed, as far as is known, and not of older code once more.
    pub fn is_push(&self) -> bool {
        !self.is_patch && self.reason.as_deref().is_none_or(|reason| reason == "deploy")
    }

    /// Why Railway declined to build it.
    pub fn skip_reason(&self) -> SkipReason {
        let said = self.skipped_reason.as_deref().unwrap_or_default().to_ascii_lowercase();
        if said.starts_with("no changes") && said.contains("watch") {
            SkipReason::Unwatched
        } else if said.starts_with("ci ") && said.contains("failed") {
            SkipReason::ChecksFailed
        } else {
            SkipReason::Unknown
        }
    }

    /// Why Railway started the deployment itself, without a push or a user action; `None` where a user may have started it.
    pub fn railways_own(&self) -> Option<&'static str> {
        let reason: String =
            self.reason.iter().flat_map(|reason| reason.chars()).filter(char::is_ascii_alphabetic).collect();
        let reason = reason.to_ascii_lowercase();
        OWN_REASONS.iter().find(|(word, _)| reason.contains(word)).map(|(_, what)| *what)
    }
}

/// Railway's status of a deployment. The list grows: an unknown one keeps its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentStatus {
    /// It is being made.
    Initializing,
    /// It waits for a builder.
    Queued,
    /// It waits for checks.
    Waiting,
    /// It is being built.
    Building,
    /// It is being started.
    Deploying,
    /// It runs, or has run to its end.
    Success,
    /// It sleeps until somebody calls it.
    Sleeping,
    /// A person must approve it first.
    NeedsApproval,
    /// Its build, its first command or its health check failed; the one before still serves.
    Failed,
    /// It started, and its process ended in an error.
    Crashed,
    /// Nothing was deployed.
    Skipped,
    /// Another one takes its place, or somebody removes it.
    Removing,
    /// The same, done.
    Removed,
    /// One that Railway did not have when this was written.
    Unknown(String),
}

/// Every status and its name at Railway.
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

/// What a status means for somebody who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentStage {
    /// It goes on by itself.
    UnderWay,
    /// It goes on when a person does something.
    Stuck,
    /// It runs, sleeps, or has run to its end.
    Up,
    /// It will never run, or runs no more.
    Down,
    /// Another one took its place, or somebody removed it.
    Gone,
}

impl DeploymentStatus {
    /// The status of that name.
    pub fn named(name: &str) -> Self {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| Self::Unknown(name.to_owned()), |(_, status)| status.clone())
    }

    /// What it means. An unknown one is taken for one that goes on: the deadline ends the wait.
    pub fn stage(&self) -> DeploymentStage {
        match self {
            Self::Initializing | Self::Queued | Self::Waiting | Self::Building | Self::Deploying | Self::Unknown(_) => {
                DeploymentStage::UnderWay
            }
            Self::NeedsApproval => DeploymentStage::Stuck,
            Self::Success | Self::Sleeping => DeploymentStage::Up,
            Self::Failed | Self::Crashed | Self::Skipped => DeploymentStage::Down,
            Self::Removing | Self::Removed => DeploymentStage::Gone,
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
    /// The newest one, whatever became of it.
    pub latest: Option<Deployment>,
    /// Those that serve, newest first; several during a rollout.
    pub active: Vec<Deployment>,
    /// Why the newest one can't be told, where it can't.
    pub untold: Option<String>,
}

impl Deployed {
    /// One that is newer than what serves and not done yet.
    pub fn under_way(&self) -> Option<&Deployment> {
        let latest = self.latest.as_ref()?;
        let serves = self.active.iter().any(|active| active.id == latest.id);
        (!serves && matches!(latest.status.stage(), DeploymentStage::UnderWay | DeploymentStage::Stuck))
            .then_some(latest)
    }

    /// The newest of all. Right after a deployment was created, what Railway calls the latest may still be the one before.
    pub fn newest(&self) -> Option<&Deployment> {
        self.latest.iter().chain(&self.active).max_by(|one, other| one.created_at.cmp(&other.created_at))
    }

    /// The one that runs, or sleeps until it is called: the newest of those that serve and are up. What is said of a
    /// running deployment (its variables, its log) is about this one.
    pub fn running(&self) -> Option<&Deployment> {
        self.active.iter().find(|active| active.status.stage() == DeploymentStage::Up)
    }

    /// The running one; where nothing runs, what was meant to: the newest that serves in some way, or the newest at all.
    pub fn subject(&self) -> Option<&Deployment> {
        self.running().or_else(|| self.active.first()).or_else(|| self.newest_made()).or_else(|| self.newest())
    }

    fn newest_made(&self) -> Option<&Deployment> {
        let made = self.latest.iter().chain(&self.active).filter(|one| one.status != DeploymentStatus::Skipped);
        made.max_by(|one, other| one.created_at.cmp(&other.created_at))
    }

    /// The newest one that is made, where it is still on its way.
    pub fn coming(&self) -> Option<&Deployment> {
        self.newest_made()
            .filter(|newest| matches!(newest.status.stage(), DeploymentStage::UnderWay | DeploymentStage::Stuck))
    }

    /// A push that is newer than everything that was made, and that Railway declined to build.
    pub fn skipped(&self) -> Option<&Deployment> {
        self.newest().filter(|newest| newest.status == DeploymentStatus::Skipped && newest.origin.commit.is_some())
    }

    /// The ids of all of them.
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
        assert_eq!(DeploymentStatus::named("PAUSING").stage(), DeploymentStage::UnderWay);
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
                untold: None,
            };
            assert_eq!(deployed.under_way().is_some(), expected, "{latest:?} {active:?}");
        }
        let one = deployment("1", "DEPLOYING");
        let rollout = Deployed { latest: Some(one.clone()), active: vec![one], untold: None };
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
                untold: None,
            };
            let id = |found: Option<&Deployment>| found.map(|found| found.id.clone());
            let expected = (running.map(ToOwned::to_owned), coming.map(ToOwned::to_owned));
            assert_eq!((id(deployed.running()), id(deployed.coming())), expected, "{latest:?} {active:?}");
        }
    }

    #[test]
    fn skip_reason_requires_exact_message_from_railway() {
        for (said, expected) in [
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
                DeploymentSource { skipped_reason: said.map(ToOwned::to_owned), ..DeploymentSource::default() };
            assert_eq!(origin.skip_reason(), expected, "{said:?}");
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
            assert_eq!(origin.railways_own(), expected, "{reason:?}");
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
                Deployed { latest: Some(newest), active: vec![deployment(active.0, active.1)], untold: None };
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
        for (found, words) in [
            (origin(Some("371a158f00"), None), Some("commit 371a158")),
            (origin(Some("ü"), None), Some("commit ü")),
            (origin(None, Some("redis:8")), Some("image redis:8")),
            (origin(None, None), None),
        ] {
            assert_eq!(found.description().as_deref(), words);
        }
    }
}
