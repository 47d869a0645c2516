//! Services that a deployment mends: what runs is older than what is stored, wanted or set.

use std::collections::BTreeMap;

use crate::drift::finding::{Finding, Remedy};
use crate::drift::live::Relation;
use crate::drift::plan::deploy::{Cause, Commit};
use crate::drift::rule::{commit_behind, deployment_unhealthy, start_command};
use crate::drift::{Named, Survey, Target};

/// A service that is to be deployed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The service.
    pub service: Named,
    /// The first reason.
    pub cause: Cause,
    /// What was found, a sentence each, without full stop.
    pub found: Vec<String>,
    /// The commit that it is to run, where the one that runs is older.
    pub commit: Option<Commit>,
}

/// Every service with a finding that a deployment mends, by name.
pub fn due(survey: &Survey, findings: &[Finding]) -> Vec<Due> {
    let mut all: BTreeMap<&str, Due> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.remedies.contains(&Remedy::Redeploy)) {
        let is_meant = |target: &&Target| finding.services.contains(&target.service);
        for target in survey.targets.iter().filter(is_meant) {
            let due = all.entry(&target.service.name).or_insert_with(|| Due {
                service: target.service.clone(),
                cause: cause(finding),
                found: Vec::new(),
                commit: None,
            });
            due.found.push(finding.message.clone());
            due.commit = due.commit.take().or_else(|| commit(target, finding));
        }
    }
    all.into_values().collect()
}

fn cause(finding: &Finding) -> Cause {
    match finding.rule.code {
        code if code == commit_behind::RULE.code => Cause::Behind,
        code if code == start_command::RULE.code => Cause::Command,
        code if code == deployment_unhealthy::RULE.code => Cause::Unhealthy,
        _ => Cause::Stale,
    }
}

/// Only a commit that is known to be newer takes the place of one that runs.
fn commit(target: &Target, finding: &Finding) -> Option<Commit> {
    let code = target.live.code.known().filter(|_| finding.rule.code == commit_behind::RULE.code)?;
    let running = target.live.deployed.known()?.running()?;
    let wanted = code.commit.clone().filter(|_| matches!(code.running, Relation::Behind(_)))?;
    Some(Commit { over: running.origin.commit.clone(), wanted })
}

#[cfg(test)]
mod tests {
    use super::{Due, due};
    use crate::drift::deployment::StartCommand;
    use crate::drift::examine::examine;
    use crate::drift::learned::Learned;
    use crate::drift::live::{Code, Relation, Settings};
    use crate::drift::plan::deploy::{Cause, Commit};
    use crate::drift::scene::{got, healthy, running, survey, target};
    use crate::drift::{Secret, Survey};

    fn found(survey: &Survey) -> Vec<(String, Cause, usize, Option<String>)> {
        let told = |due: Due| {
            let commit =
                due.commit.map(|Commit { over, wanted }| format!("{wanted} over {}", over.unwrap_or_default()));
            (due.service.name, due.cause, due.found.len(), commit)
        };
        due(survey, &examine(survey).findings).into_iter().map(told).collect()
    }

    #[test]
    fn what_is_stale_behind_or_set_already_is_due_once_with_its_commit() {
        assert_eq!(found(&healthy()), []);
        let mut all = survey(&[], &[("api", &["A=1"]), ("web", &["A=1"]), ("worker", &["A=1"])]);
        for name in ["api", "web", "worker"] {
            running(&mut all, name, "SUCCESS");
            got(&mut all, name, &["A=1"]);
        }
        got(&mut all, "api", &["A=0"]);
        let behind = |running| Code {
            wanted: "371a158".to_owned(),
            commit: Some("371a158f".to_owned()),
            running,
            coming: None,
            skipped: None,
        };
        target(&mut all, "api").live.code = Learned::Known(behind(Relation::Behind(2)));
        target(&mut all, "web").live.code = Learned::Known(behind(Relation::Diverged));
        let worker = target(&mut all, "worker");
        worker.declared.start_command = vec!["-B".to_owned()];
        let set = Settings { start_command: Some(Secret::new("celery -B")), ..Settings::default() };
        worker.live.settings = Learned::Known(set);
        if let Learned::Known(deployed) = &mut worker.live.deployed {
            deployed.active[0].origin.start = StartCommand::Is(Secret::new("celery"));
        }
        if let Learned::Known(deployed) = &mut target(&mut all, "api").live.deployed {
            deployed.active[0].origin.commit = Some("b90c4e7".to_owned());
        }
        let commit = Some("371a158f over b90c4e7".to_owned());
        assert_eq!(
            found(&all),
            [("api".to_owned(), Cause::Stale, 2, commit), ("worker".to_owned(), Cause::Command, 1, None)]
        );
    }
}
