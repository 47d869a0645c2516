//! Services that a redeploy fixes: the running values, commit or start command are outdated.

use std::collections::BTreeMap;

use crate::drift::model::finding::{Finding, Remedy};
use crate::drift::model::fix::{Commit, DeployReason, Fix};
use crate::drift::{ResourceRef, Survey, Target};

/// A service to redeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRedeploy {
    pub service: ResourceRef,
    /// The first reason.
    pub cause: DeployReason,
    /// The messages of its findings.
    pub found: Vec<String>,
    /// The commit to deploy, if the running one is older.
    pub commit: Option<Commit>,
}

/// Returns every service with a finding that a redeploy fixes, by name.
pub fn due(survey: &Survey, findings: &[Finding]) -> Vec<DueRedeploy> {
    let mut all: BTreeMap<&str, DueRedeploy> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.remedies.contains(&Remedy::Redeploy)) {
        let Some(cause) = finding.rule.fix.as_ref().and_then(Fix::deploy_reason) else { continue };
        let is_meant = |target: &&Target| finding.services.contains(&target.service);
        for target in survey.targets.iter().filter(is_meant) {
            let due = all.entry(&target.service.name).or_insert_with(|| DueRedeploy {
                service: target.service.clone(),
                cause: cause.clone(),
                found: Vec::new(),
                commit: None,
            });
            due.found.push(finding.message.clone());
            due.commit = due.commit.take().or_else(|| finding.commit.clone());
        }
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use crate::drift::engine::run_rules::examine;
    use crate::drift::model::deployment::StartCommand;
    use crate::drift::model::observed::Observed;
    use crate::drift::plan::deployments::{Commit, DeployReason};
    use crate::drift::plan::redeploys::{DueRedeploy, due};
    use crate::drift::runtime::{Code, Relation, ServiceSettings};
    use crate::drift::test_support::{got, healthy, running, survey, target};
    use crate::drift::{Secret, Survey};

    fn found(survey: &Survey) -> Vec<(String, DeployReason, usize, Option<String>)> {
        let summary = |due: DueRedeploy| {
            let commit =
                due.commit.map(|Commit { over, wanted }| format!("{wanted} over {}", over.unwrap_or_default()));
            (due.service.name, due.cause, due.found.len(), commit)
        };
        due(survey, &examine(survey).findings).into_iter().map(summary).collect()
    }

    #[test]
    fn stale_or_behind_service_is_redeployed_once_with_its_commit() {
        assert_eq!(found(&healthy()), []);
        let mut all = survey(&[], &[("api", &["A=1"]), ("web", &["A=1"]), ("worker", &["A=1"])]);
        for name in ["api", "web", "worker"] {
            running(&mut all, name, "SUCCESS");
            got(&mut all, name, &["A=1"]);
        }
        got(&mut all, "api", &["A=0"]);
        let behind = |running| Code {
            expected: "371a158".to_owned(),
            commit: Some("371a158f".to_owned()),
            running,
            coming: None,
            skipped: None,
        };
        target(&mut all, "api").live.code = Observed::Known(behind(Relation::Behind(2)));
        target(&mut all, "web").live.code = Observed::Known(behind(Relation::Diverged));
        let worker = target(&mut all, "worker");
        worker.declared.start_command = vec!["-B".to_owned()];
        let set = ServiceSettings { start_command: Some(Secret::new("celery -B")), ..ServiceSettings::default() };
        worker.live.settings = Observed::Known(set);
        if let Observed::Known(deployed) = &mut worker.live.deployed {
            deployed.active[0].origin.start = StartCommand::Set(Secret::new("celery"));
        }
        if let Observed::Known(deployed) = &mut target(&mut all, "api").live.deployed {
            deployed.active[0].origin.commit = Some("b90c4e7".to_owned());
        }
        let commit = Some("371a158f over b90c4e7".to_owned());
        assert_eq!(
            found(&all),
            [("api".to_owned(), DeployReason::Stale, 2, commit), ("worker".to_owned(), DeployReason::Command, 1, None)]
        );
    }
}
