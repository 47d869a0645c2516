//! How a service is deployed with its new variables, and the costs.

use crate::drift::ResourceRef;
use crate::drift::model::deployment::{Deployed, Deployment, DeploymentStage, DeploymentStatus};
pub use crate::drift::model::fix::{Commit, DeployReason};

/// A deployment that a fix will create, or the reason why it creates none.
#[derive(Clone, Debug)]
pub struct PlannedDeployment {
    pub service: ResourceRef,
    pub how: DeployMethod,
    /// Why the service is deployed.
    pub cause: DeployReason,
    /// The costs, as short phrases.
    pub costs: Vec<String>,
    /// The commit to deploy; `None` for the running one.
    pub commit: Option<Commit>,
}

/// How a service is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployMethod {
    /// The code of this deployment is deployed again.
    Redeploy(Deployment),
    /// After this newer deployment, which is in progress and must not be replaced by older code.
    After(Deployment),
    /// From its source, for the first time.
    First,
    /// Not deployed, with the reason as a sentence without a full stop.
    Not(String),
}

/// How a service runs, beyond its deployments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Whether a volume is attached, which only one deployment can use at a time.
    pub volume: Volume,
    /// When its command runs.
    pub schedule: Schedule,
    /// The source that it is deployed from.
    pub source: CodeSource,
}

/// Whether a service has a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Volume {
    Attached,
    /// No volume.
    #[default]
    None,
}

/// When a service's command runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// At scheduled times only.
    Cron,
    /// Continuously.
    #[default]
    Always,
}

/// The source of a service's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeSource {
    /// A repository, which is built for each deployment.
    Repository,
    /// An image, which is not built.
    Image,
    /// No source on Railway.
    #[default]
    None,
}

/// Decides how to deploy. The active deployment is redeployed; if there is none, a removed deployment is not restored.
pub fn how(deployed: Option<&Deployed>, running: Running) -> DeployMethod {
    let nothing = Deployed::default();
    let deployed = deployed.unwrap_or(&nothing);
    if let Some(newer) = deployed.under_way() {
        return if newer.status.stage() == DeploymentStage::Stuck {
            DeployMethod::Not(format!(
                "deployment {} is waiting for approval and gets the new values once approved",
                newer.id
            ))
        } else {
            DeployMethod::After(newer.clone())
        };
    }
    if let Some(active) = deployed.active.first() {
        return DeployMethod::Redeploy(active.clone());
    }
    match &deployed.latest {
        None if running.source == CodeSource::None => {
            DeployMethod::Not("the service has no source to deploy".to_owned())
        }
        None => DeployMethod::First,
        Some(latest) => match latest.status {
            DeploymentStatus::Failed
            | DeploymentStatus::Crashed
            | DeploymentStatus::Success
            | DeploymentStatus::Sleeping => DeployMethod::Redeploy(latest.clone()),
            _ => DeployMethod::Not(format!("the service is not running: its last deployment is {}", latest.status)),
        },
    }
}

/// Redeploys the newest deployment if it failed and is retried, not an older one that is still active.
pub fn retried(how: DeployMethod, cause: &DeployReason, deployed: Option<&Deployed>) -> DeployMethod {
    let newest = deployed.and_then(Deployed::newest);
    let failed = newest.filter(|newest| matches!(newest.status, DeploymentStatus::Failed | DeploymentStatus::Crashed));
    match (how, failed) {
        (DeployMethod::Redeploy(_), Some(failed)) if *cause == DeployReason::Unhealthy => {
            DeployMethod::Redeploy(failed.clone())
        }
        (how, _) => how,
    }
}

/// Returns the costs of deploying the service.
pub fn costs(how: &DeployMethod, running: Running, keys: &[&str]) -> Vec<String> {
    let mut costs = Vec::new();
    let builds = running.source == CodeSource::Repository && !matches!(how, DeployMethod::Not(_));
    if builds {
        costs.push(match keys.iter().find(|key| is_built_in(key)) {
            Some(key) => format!("a rebuild, which {key} requires"),
            None => "a rebuild".to_owned(),
        });
    }
    if running.volume == Volume::Attached {
        costs.push("a short downtime, because it has a volume".to_owned());
    }
    if running.schedule == Schedule::Cron {
        costs.push("its command runs at the next scheduled time, not now".to_owned());
    }
    if let DeployMethod::Redeploy(Deployment { stopped: true, status: DeploymentStatus::Success, .. }) = how
        && running.schedule == Schedule::Always
    {
        costs.push("its process, which exited or was stopped, will start again".to_owned());
    }
    costs
}

/// Prefixes of variables that front-end tools inline at build time.
const BUILT_IN: &[&str] =
    &["NEXT_PUBLIC_", "VITE_", "REACT_APP_", "NUXT_PUBLIC_", "PUBLIC_", "GATSBY_", "VUE_APP_", "EXPO_PUBLIC_"];

fn is_built_in(key: &str) -> bool {
    BUILT_IN.iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use crate::drift::model::deployment::{Deployed, Deployment, DeploymentSource, DeploymentStatus};
    use crate::drift::plan::deployments::{
        CodeSource, DeployMethod, DeployReason, Running, Schedule, Volume, costs, how, retried,
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

    fn summary(latest: Option<&str>, active: Option<&str>, source: CodeSource) -> String {
        let deployed = Deployed {
            latest: latest.map(|status| deployment("2", status)),
            active: active.map(|status| deployment("1", status)).into_iter().collect(),
            unavailable: None,
        };
        match how(Some(&deployed), Running { source, ..Running::default() }) {
            DeployMethod::Redeploy(deployment) => format!("redeploy {}", deployment.id),
            DeployMethod::After(deployment) => format!("after {}", deployment.id),
            DeployMethod::First => "first".to_owned(),
            DeployMethod::Not(why) => why,
        }
    }

    #[test]
    fn redeploy_targets_active_deployment_and_never_replaces_newer() {
        let repository = CodeSource::Repository;
        for (latest, active, expected) in [
            (Some("SUCCESS"), Some("SUCCESS"), "redeploy 1"),
            (Some("FAILED"), Some("SUCCESS"), "redeploy 1"),
            (Some("SKIPPED"), Some("SLEEPING"), "redeploy 1"),
            (Some("BUILDING"), Some("SUCCESS"), "after 2"),
            (Some("WAITING"), None, "after 2"),
            (Some("PAUSING"), Some("SUCCESS"), "after 2"),
            (Some("CRASHED"), None, "redeploy 2"),
            (Some("FAILED"), None, "redeploy 2"),
            (Some("REMOVED"), None, "the service is not running: its last deployment is REMOVED"),
            (Some("SKIPPED"), None, "the service is not running: its last deployment is SKIPPED"),
            (
                Some("NEEDS_APPROVAL"),
                Some("SUCCESS"),
                "deployment 2 is waiting for approval and gets the new values once approved",
            ),
            (None, None, "first"),
        ] {
            assert_eq!(summary(latest, active, repository), expected, "{latest:?} {active:?}");
        }
        assert_eq!(summary(None, None, CodeSource::None), "the service has no source to deploy");
        assert_eq!(how(None, Running { source: CodeSource::Image, ..Running::default() }), DeployMethod::First);
    }

    #[test]
    fn failed_deployment_is_retried_only_when_unhealthy() {
        let deployed = |status| Deployed {
            latest: Some(deployment("2", status)),
            active: vec![deployment("1", "SUCCESS")],
            unavailable: None,
        };
        for (status, cause, expected) in [
            ("FAILED", DeployReason::Unhealthy, "2"),
            ("CRASHED", DeployReason::Unhealthy, "2"),
            ("SUCCESS", DeployReason::Unhealthy, "1"),
            ("FAILED", DeployReason::Changed, "1"),
            ("FAILED", DeployReason::Stale, "1"),
        ] {
            let deployed = deployed(status);
            let again = retried(DeployMethod::Redeploy(deployment("1", "SUCCESS")), &cause, Some(&deployed));
            assert!(
                matches!(&again, DeployMethod::Redeploy(one) if one.id == expected),
                "{status} {cause:?}: {again:?}"
            );
            let not = DeployMethod::Not("no".to_owned());
            assert_eq!(retried(not.clone(), &cause, Some(&deployed)), not);
        }
    }

    #[test]
    fn deployment_lists_its_costs() {
        let redeploy = DeployMethod::Redeploy(deployment("1", "SUCCESS"));
        let everything = Running { volume: Volume::Attached, schedule: Schedule::Cron, source: CodeSource::Repository };
        for (running, keys, expected) in [
            (Running { source: CodeSource::Image, ..Running::default() }, &["A"][..], ""),
            (Running { source: CodeSource::Repository, ..Running::default() }, &["A"], "a rebuild"),
            (
                everything,
                &["A", "VITE_B"],
                "a rebuild, which VITE_B requires; a short downtime, because it has a volume; \
                 its command runs at the next scheduled time, not now",
            ),
        ] {
            assert_eq!(costs(&redeploy, running, keys).join("; "), expected);
        }
        let stopped = DeployMethod::Redeploy(Deployment { stopped: true, ..deployment("1", "SUCCESS") });
        assert_eq!(costs(&stopped, Running::default(), &[]).len(), 1);
    }
}
