//! How a service comes to run with its new variables, and what that costs.

use crate::drift::ResourceRef;
use crate::drift::model::deployment::{Deployed, Deployment, DeploymentStage, DeploymentStatus};
pub use crate::drift::model::fix::{Commit, DeployReason};

/// One deployment that a fix will create, or why it creates none.
#[derive(Clone, Debug)]
pub struct PlannedDeployment {
    /// The service.
    pub service: ResourceRef,
    /// How.
    pub how: DeployMethod,
    /// Why this service.
    pub cause: DeployReason,
    /// What it costs; short phrases.
    pub costs: Vec<String>,
    /// The commit that it is to run; `None` for the one that runs.
    pub commit: Option<Commit>,
}

/// How a service comes to run with its new variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployMethod {
    /// The code of this deployment, again.
    Redeploy(Deployment),
    /// After this newer one, which is under way and must not be overtaken by older code.
    After(Deployment),
    /// From its source, for the first time.
    First,
    /// Not at all; a sentence without full stop that says why.
    Not(String),
}

/// What is known of how a service runs, beyond its deployments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Whether a volume is attached, which one deployment at a time can use.
    pub volume: Volume,
    /// When its command runs.
    pub schedule: Schedule,
    /// Whether it has a source to be deployed from.
    pub source: CodeSource,
}

/// Whether a service has a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Volume {
    /// It has.
    Attached,
    /// It has none.
    #[default]
    None,
}

/// When a service's command runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// At set times only.
    Cron,
    /// From its deployment on.
    #[default]
    Always,
}

/// Where a service comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeSource {
    /// A repository: a deployment builds it.
    Repository,
    /// An image: nothing is built.
    Image,
    /// Nowhere that Railway knows.
    #[default]
    None,
}

/// Decides how to deploy. What serves is deployed again; where nothing serves, what somebody took away stays away.
pub fn how(deployed: Option<&Deployed>, running: Running) -> DeployMethod {
    let nothing = Deployed::default();
    let deployed = deployed.unwrap_or(&nothing);
    if let Some(newer) = deployed.under_way() {
        return if newer.status.stage() == DeploymentStage::Stuck {
            DeployMethod::Not(format!("deployment {} waits for approval; approved, it gets the new values", newer.id))
        } else {
            DeployMethod::After(newer.clone())
        };
    }
    if let Some(active) = deployed.active.first() {
        return DeployMethod::Redeploy(active.clone());
    }
    match &deployed.latest {
        None if running.source == CodeSource::None => {
            DeployMethod::Not("it has no source to be deployed from".to_owned())
        }
        None => DeployMethod::First,
        Some(latest) => match latest.status {
            DeploymentStatus::Failed
            | DeploymentStatus::Crashed
            | DeploymentStatus::Success
            | DeploymentStatus::Sleeping => DeployMethod::Redeploy(latest.clone()),
            _ => DeployMethod::Not(format!("nothing of it runs: its last deployment is {}", latest.status)),
        },
    }
}

/// Where the newest deployment failed and is to be tried again, it is that one and not an older one that still serves.
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

/// What a deployment of the service costs.
pub fn costs(how: &DeployMethod, running: Running, keys: &[&str]) -> Vec<String> {
    let mut costs = Vec::new();
    let builds = running.source == CodeSource::Repository && !matches!(how, DeployMethod::Not(_));
    if builds {
        costs.push(match keys.iter().find(|key| is_built_in(key)) {
            Some(key) => format!("a rebuild, which {key} needs"),
            None => "a rebuild".to_owned(),
        });
    }
    if running.volume == Volume::Attached {
        costs.push("a short downtime: it has a volume".to_owned());
    }
    if running.schedule == Schedule::Cron {
        costs.push("its command runs at its next time, not now".to_owned());
    }
    if let DeployMethod::Redeploy(Deployment { stopped: true, status: DeploymentStatus::Success, .. }) = how
        && running.schedule == Schedule::Always
    {
        costs.push("its process has ended or was stopped, and will start again".to_owned());
    }
    costs
}

/// Prefixes of variables that front-end tools write into what they build.
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
            untold: None,
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
            (Some("REMOVED"), None, "nothing of it runs: its last deployment is REMOVED"),
            (Some("SKIPPED"), None, "nothing of it runs: its last deployment is SKIPPED"),
            (
                Some("NEEDS_APPROVAL"),
                Some("SUCCESS"),
                "deployment 2 waits for approval; approved, it gets the new values",
            ),
            (None, None, "first"),
        ] {
            assert_eq!(summary(latest, active, repository), expected, "{latest:?} {active:?}");
        }
        assert_eq!(summary(None, None, CodeSource::None), "it has no source to be deployed from");
        assert_eq!(how(None, Running { source: CodeSource::Image, ..Running::default() }), DeployMethod::First);
    }

    #[test]
    fn failed_deployment_is_retried_only_when_unhealthy() {
        let deployed = |status| Deployed {
            latest: Some(deployment("2", status)),
            active: vec![deployment("1", "SUCCESS")],
            untold: None,
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
                "a rebuild, which VITE_B needs; a short downtime: it has a volume; \
                 its command runs at its next time, not now",
            ),
        ] {
            assert_eq!(costs(&redeploy, running, keys).join("; "), expected);
        }
        let stopped = DeployMethod::Redeploy(Deployment { stopped: true, ..deployment("1", "SUCCESS") });
        assert_eq!(costs(&stopped, Running::default(), &[]).len(), 1);
    }
}
