//! What Railway says of a deployment, and what it means for somebody who waits for it.

use std::fmt;

/// One deployment of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Railway's id.
    pub id: String,
    /// How it is doing.
    pub status: Status,
    /// RFC 3339 in UTC with milliseconds, so that the order of the texts is the order of the times. Railway's clock.
    pub created_at: String,
    /// Whether its process has ended or was stopped; also true while it starts or sleeps, so the status comes first.
    pub stopped: bool,
    /// Whether Railway says that it can be deployed again.
    pub can_redeploy: bool,
    /// What it was made from.
    pub origin: Origin,
}

/// What a deployment was made from, as far as Railway tells: everything is left out at times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The full hash of the commit; absent for images and for `railway up`.
    pub commit: Option<String>,
    /// The image, if it was not built.
    pub image: Option<String>,
}

impl Origin {
    /// In a few words: `commit 371a158`, `image redis:8`, or nothing.
    pub fn words(&self) -> Option<String> {
        const SHORT: usize = 7;
        let commit = self.commit.as_ref().map(|hash| format!("commit {}", hash.get(..SHORT).unwrap_or(hash)));
        commit.or_else(|| self.image.as_ref().map(|image| format!("image {image}")))
    }
}

/// Railway's status of a deployment. The list grows: an unknown one keeps its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
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
const NAMES: &[(&str, Status)] = &[
    ("INITIALIZING", Status::Initializing),
    ("QUEUED", Status::Queued),
    ("WAITING", Status::Waiting),
    ("BUILDING", Status::Building),
    ("DEPLOYING", Status::Deploying),
    ("SUCCESS", Status::Success),
    ("SLEEPING", Status::Sleeping),
    ("NEEDS_APPROVAL", Status::NeedsApproval),
    ("FAILED", Status::Failed),
    ("CRASHED", Status::Crashed),
    ("SKIPPED", Status::Skipped),
    ("REMOVING", Status::Removing),
    ("REMOVED", Status::Removed),
];

/// What a status means for somebody who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
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

impl Status {
    /// The status of that name.
    pub fn named(name: &str) -> Self {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| Self::Unknown(name.to_owned()), |(_, status)| status.clone())
    }

    /// What it means. An unknown one is taken for one that goes on: the deadline ends the wait.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Initializing | Self::Queued | Self::Waiting | Self::Building | Self::Deploying | Self::Unknown(_) => {
                Stage::UnderWay
            }
            Self::NeedsApproval => Stage::Stuck,
            Self::Success | Self::Sleeping => Stage::Up,
            Self::Failed | Self::Crashed | Self::Skipped => Stage::Down,
            Self::Removing | Self::Removed => Stage::Gone,
        }
    }
}

impl fmt::Display for Status {
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
}

impl Deployed {
    /// One that is newer than what serves and not done yet.
    pub fn under_way(&self) -> Option<&Deployment> {
        let latest = self.latest.as_ref()?;
        let serves = self.active.iter().any(|active| active.id == latest.id);
        (!serves && matches!(latest.status.stage(), Stage::UnderWay | Stage::Stuck)).then_some(latest)
    }

    /// The ids of all of them.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.latest.iter().chain(&self.active).map(|deployment| deployment.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Deployed, Deployment, NAMES, Origin, Stage, Status};

    fn deployment(id: &str, status: &str) -> Deployment {
        Deployment {
            id: id.to_owned(),
            status: Status::named(status),
            created_at: format!("2026-11-24T09:00:0{id}.000Z"),
            stopped: false,
            can_redeploy: true,
            origin: Origin::default(),
        }
    }

    #[test]
    fn every_name_is_read_and_written_alike() {
        for (name, status) in NAMES {
            assert_eq!((&Status::named(name), status.to_string().as_str()), (status, *name));
        }
        assert_eq!(Status::named("PAUSING").to_string(), "PAUSING");
        assert_eq!(Status::named("PAUSING").stage(), Stage::UnderWay);
    }

    #[test]
    fn only_a_newer_unfinished_deployment_is_under_way() {
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
            };
            assert_eq!(deployed.under_way().is_some(), expected, "{latest:?} {active:?}");
        }
        let one = deployment("1", "DEPLOYING");
        let rollout = Deployed { latest: Some(one.clone()), active: vec![one] };
        assert_eq!(rollout.under_way(), None);
    }

    #[test]
    fn an_origin_is_said_in_a_few_words() {
        let origin = |commit: Option<&str>, image: Option<&str>| Origin {
            commit: commit.map(ToOwned::to_owned),
            image: image.map(ToOwned::to_owned),
        };
        for (found, words) in [
            (origin(Some("371a158f00"), None), Some("commit 371a158")),
            (origin(Some("ü"), None), Some("commit ü")),
            (origin(None, Some("redis:8")), Some("image redis:8")),
            (origin(None, None), None),
        ] {
            assert_eq!(found.words().as_deref(), words);
        }
    }
}
