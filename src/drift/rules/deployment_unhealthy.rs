//! D402 deployment-unhealthy: the newest deployment did not end well.

use crate::drift::model::deployment::{Deployed, Deployment, DeploymentStage, DeploymentStatus, SkipReason};
use crate::drift::model::finding::{Finding, Remedy, Summary};
use crate::drift::model::fix::{DeployReason, Fix};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{HookScope, Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CheckOutcome, RuleCheck};
use crate::drift::runtime::DeploymentFailure;
use crate::drift::{Survey, Target};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D402",
    name: "deployment-unhealthy",
    severity: Severity::Error,
    summary: "The newest deployment failed, crashed, or waits for somebody",
    explain: EXPLAIN,
    fix: Some(Fix::Deployment(DeployReason::Unhealthy)),
    status_row: Some(StatusRow { position: 1, name: "deployment" }),
    hook: HookScope::CuredByCommit,
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck { passed, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

When a deployment fails, the one before it goes on serving: the service answers, and with old code and old values. Both
are true, and the finding says both.

## Example

    FAILED           error: the build, a command before it, or the health check did not succeed
    CRASHED          error: it started, ended in an error, and its restarts are used up
    NEEDS_APPROVAL   warning: nothing goes on until a person approves it
    SKIPPED          note: Railway deployed nothing, because of watch paths or failed checks
    REMOVED          note, where nothing else serves
    SUCCESS          note, where the process has ended or was stopped and the service is no cron service

Where Railway tells the step that failed, or its own diagnosis, the finding does.

## How to mend it

Read the deployment's log, to which the finding links. If a value was wrong, correct it; if the code was wrong, push a
correction. `doctor fix --redeploy` deploys the same code again with the values that are stored now: it helps once the
values are right, and repeats any other failure.

## How to silence it

    [severity]
    deployment-unhealthy = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.targets.iter().filter_map(finding).collect()
}

fn finding(target: &Target) -> Option<Finding> {
    let deployed = target.live.deployed.known()?;
    let newest = deployed.newest()?;
    let name = &target.service.name;
    let crashed_before = || deployed.active.iter().find(|active| active.status == DeploymentStatus::Crashed);
    let finding = match newest.status {
        DeploymentStatus::Failed => broken(target, "failed", deployed, newest),
        DeploymentStatus::Crashed => broken(target, "crashed", deployed, newest),
        DeploymentStatus::NeedsApproval => Finding {
            severity: Severity::Warning,
            advice: Some("approve it on the dashboard, or remove it there".to_owned()),
            gist: Some(wrong("the newest deployment waits for approval")),
            ..Finding::new(&RULE, format!("the newest deployment of {name} waits for approval{}", beside(deployed)))
        },
        DeploymentStatus::Skipped => skipped(name, deployed, newest),
        DeploymentStatus::Removing | DeploymentStatus::Removed if deployed.running().is_none() => Finding {
            severity: Severity::Note,
            gist: Some(wrong("nothing runs: it was removed")),
            ..Finding::new(&RULE, format!("nothing of {name} runs: its newest deployment was removed"))
        },
        DeploymentStatus::Success if newest.stopped && !is_meant_to_end(target, newest) => Finding {
            severity: Severity::Note,
            gist: Some(wrong("its process has ended or was stopped")),
            ..Finding::new(&RULE, format!("the process of {name} has ended, or was stopped"))
        },
        _ if deployed.running().is_none() && crashed_before().is_some() => Finding {
            gist: Some(wrong("crashed; a newer one is on its way")),
            ..Finding::new(
                &RULE,
                format!("what runs of {name} crashed; a newer deployment is on its way ({})", newest.status),
            )
        },
        _ => return None,
    };
    Some(Finding { services: vec![target.service.clone()], deployment: Some(newest.id.clone()), ..finding })
}

/// Where no watched file changed and something runs, nothing is wrong, and the table shows what runs.
fn skipped(name: &str, deployed: &Deployed, newest: &Deployment) -> Finding {
    let what = newest.origin.description().unwrap_or_else(|| "the newest deployment".to_owned());
    let told = |why: &str, gist: Option<&str>| Finding {
        severity: Severity::Note,
        gist: gist.map(wrong),
        ..Finding::new(&RULE, format!("Railway skipped {what} of {name}{why}"))
    };
    let beside = beside(deployed);
    match (newest.origin.skip_reason(), deployed.running()) {
        (SkipReason::Unwatched, Some(_)) => told(": no watched file changed, so what runs misses nothing of it", None),
        (SkipReason::Unwatched, None) => {
            told(&format!(": no watched file changed{beside}"), Some("the newest push was skipped, and nothing runs"))
        }
        (SkipReason::ChecksFailed, _) => Finding {
            reason: Some("it is not tried again by itself, even if the checks pass later".to_owned()),
            advice: Some("once they pass, deploy that commit".to_owned()),
            ..told(
                &format!(": its CI checks failed{beside}"),
                Some("the newest push was skipped: its CI checks failed"),
            )
        },
        (SkipReason::Unknown, _) => Finding {
            reason: Some("its watch paths did not match, or its checks failed; Railway does not say which".to_owned()),
            ..told(beside, Some("the newest deployment was skipped"))
        },
    }
}

fn broken(target: &Target, how: &str, deployed: &Deployed, newest: &Deployment) -> Finding {
    let name = &target.service.name;
    let log = if newest.status == DeploymentStatus::Failed { "build or deploy log" } else { "deploy log" };
    let next = "once the cause is fixed, deploy it again";
    Finding {
        reason: match &target.live.failure {
            Observed::NotRequested => None,
            Observed::Unavailable(why) => Some(format!("what went wrong can't be told: {why}")),
            Observed::Known(failure) => why(failure),
        },
        advice: Some(format!("read the {log} of deployment {} on the dashboard; {next}", newest.id)),
        remedies: vec![Remedy::Redeploy],
        next: Some(Finding::fix_redeploy()),
        gist: Some(wrong(&format!("the newest deployment {how}{}", beside(deployed)))),
        ..Finding::new(&RULE, format!("the newest deployment of {name} {how}{}", beside(deployed)))
    }
}

/// Whether something else serves.
fn beside(deployed: &Deployed) -> &'static str {
    match deployed.running() {
        Some(running) if running.status == DeploymentStatus::Sleeping => "; an older one still serves, and sleeps",
        Some(_) => "; an older one still serves",
        None if deployed.active.iter().any(|active| active.status.stage() == DeploymentStage::UnderWay) => "",
        None => "; nothing serves",
    }
}

/// `HEALTHCHECK: no answer in 300 s`, and the diagnosis.
fn why(failure: &DeploymentFailure) -> Option<String> {
    let step = match (&failure.step, &failure.said) {
        (Some(step), Some(said)) => Some(format!("the step {step} failed: {said}")),
        (Some(step), None) => Some(format!("the step {step} failed")),
        (None, said) => said.clone(),
    };
    let parts: Vec<String> = step.into_iter().chain(failure.diagnosis.clone()).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn is_meant_to_end(target: &Target, newest: &Deployment) -> bool {
    target.live.is_cron() || newest.origin.build_only
}

fn wrong(words: &str) -> Summary {
    Summary::Wrong(words.to_owned())
}

fn passed(_: &Survey, target: &Target) -> CheckOutcome {
    match &target.live.deployed {
        Observed::NotRequested => CheckOutcome::NotMade,
        Observed::Unavailable(why) | Observed::Known(Deployed { untold: Some(why), .. }) => CheckOutcome::open(why),
        Observed::Known(deployed) => {
            let unwatched = deployed.skipped().filter(|push| push.origin.skip_reason() == SkipReason::Unwatched);
            let Some(newest) = unwatched.and(deployed.running()).or_else(|| deployed.newest()) else {
                return CheckOutcome::NotMade;
            };
            let origin = newest.origin.description().map(|words| format!(", {words}")).unwrap_or_default();
            let words = format!("{}{origin}", newest.status);
            if newest.status.stage() == DeploymentStage::Up {
                CheckOutcome::good(words)
            } else {
                CheckOutcome::open(words)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::model::deployment::Deployed;
    use crate::drift::model::finding::Remedy;
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::deployment_unhealthy::RULE;
    use crate::drift::runtime::{DeploymentFailure, ServiceSettings};
    use crate::drift::test_support::{deployment, healthy, latest, lines, running, survey, target};

    #[test]
    fn reports_each_status_with_and_without_an_active_deployment() {
        let newest = "the newest deployment of api";
        for (status, alone, beside) in [
            ("INITIALIZING", String::new(), String::new()),
            ("QUEUED", String::new(), String::new()),
            ("WAITING", String::new(), String::new()),
            ("BUILDING", String::new(), String::new()),
            ("DEPLOYING", String::new(), String::new()),
            ("SUCCESS", String::new(), String::new()),
            ("SLEEPING", String::new(), String::new()),
            ("PAUSING", String::new(), String::new()),
            (
                "NEEDS_APPROVAL",
                format!("warning - [api]: {newest} waits for approval; nothing serves"),
                format!("warning - [api]: {newest} waits for approval; an older one still serves"),
            ),
            (
                "FAILED",
                format!("error - [api]: {newest} failed; nothing serves"),
                format!("error - [api]: {newest} failed; an older one still serves"),
            ),
            (
                "CRASHED",
                format!("error - [api]: {newest} crashed; nothing serves"),
                format!("error - [api]: {newest} crashed; an older one still serves"),
            ),
            (
                "SKIPPED",
                "note - [api]: Railway skipped the newest deployment of api; nothing serves".to_owned(),
                "note - [api]: Railway skipped the newest deployment of api; an older one still serves".to_owned(),
            ),
            (
                "REMOVING",
                "note - [api]: nothing of api runs: its newest deployment was removed".to_owned(),
                String::new(),
            ),
            (
                "REMOVED",
                "note - [api]: nothing of api runs: its newest deployment was removed".to_owned(),
                String::new(),
            ),
        ] {
            let mut found = survey(&[], &[("api", &[])]);
            latest(&mut found, "api", status);
            assert_eq!(lines(&RULE, &found).concat(), alone, "{status} alone");
            running(&mut found, "api", "SUCCESS");
            latest(&mut found, "api", status);
            assert_eq!(lines(&RULE, &found).concat(), beside, "{status} beside another");
        }
    }

    #[test]
    fn skipped_push_has_its_reason() {
        let words = "Railway skipped commit 371a158 of api";
        for (reason, alone, beside, is_wrong) in [
            (
                "No changes to watched files",
                ": no watched file changed; nothing serves",
                ": no watched file changed, so what runs misses nothing of it",
                false,
            ),
            (
                "CI check suite failed",
                ": its CI checks failed; nothing serves",
                ": its CI checks failed; an older one still serves",
                true,
            ),
            ("another", "; nothing serves", "; an older one still serves", true),
        ] {
            for runs in [false, true] {
                let mut found = survey(&[], &[("api", &[])]);
                if runs {
                    running(&mut found, "api", "SUCCESS");
                }
                latest(&mut found, "api", "SKIPPED");
                if let Observed::Known(deployed) = &mut target(&mut found, "api").live.deployed {
                    let origin = &mut deployed.latest.as_mut().unwrap().origin;
                    origin.commit = Some("371a158f00".to_owned());
                    origin.skipped_reason = Some(reason.to_owned());
                }
                let expected = format!("note - [api]: {words}{}", if runs { beside } else { alone });
                assert_eq!(lines(&RULE, &found), [expected], "{reason}");
                let finding = check(&found).remove(0);
                assert_eq!(finding.gist.is_some(), is_wrong || !runs, "{reason}");
                let is_final = finding.reason.is_some_and(|why| why.contains("not tried again by itself"));
                assert_eq!(is_final, reason.starts_with("CI"), "{reason}");
            }
        }
    }

    #[test]
    fn lagging_latest_does_not_report_an_older_failure() {
        let mut found = survey(&[], &[("api", &[])]);
        let deployed = Deployed {
            latest: Some(deployment("1", "FAILED")),
            active: vec![deployment("2", "SUCCESS")],
            untold: None,
        };
        target(&mut found, "api").live.deployed = Observed::Known(deployed);
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn crash_is_reported_while_the_next_deployment_builds() {
        let mut found = survey(&[], &[("api", &[])]);
        running(&mut found, "api", "CRASHED");
        latest(&mut found, "api", "BUILDING");
        assert_eq!(
            lines(&RULE, &found),
            ["error - [api]: what runs of api crashed; a newer deployment is on its way (BUILDING)"]
        );
    }

    #[test]
    fn exited_process_is_a_note_unless_expected() {
        let mut found = survey(&[], &[("api", &[])]);
        for (status, stopped, cron, told) in [
            ("SUCCESS", true, None, 1),
            ("SUCCESS", false, None, 0),
            ("SLEEPING", true, None, 0),
            ("DEPLOYING", true, None, 0),
            ("SUCCESS", true, Some("0 * * * *".to_owned()), 0),
        ] {
            running(&mut found, "api", status);
            let live = &mut target(&mut found, "api").live;
            live.settings = Observed::Known(ServiceSettings { cron, ..ServiceSettings::default() });
            if let Observed::Known(deployed) = &mut live.deployed {
                deployed.active[0].stopped = stopped;
                deployed.latest = deployed.active.first().cloned();
            }
            assert_eq!(lines(&RULE, &found).len(), told, "{status} {stopped}");
        }
    }

    #[test]
    fn failing_step_and_diagnosis_are_reported() {
        let text = |text: &str| Some(text.to_owned());
        let mut found = survey(&[], &[("api", &[])]);
        latest(&mut found, "api", "FAILED");
        for (step, said, diagnosis, reason) in [
            (None, None, None, None),
            (text("HEALTHCHECK"), None, None, text("the step HEALTHCHECK failed")),
            (text("BUILD_IMAGE"), text("no such file"), None, text("the step BUILD_IMAGE failed: no such file")),
            (None, text("no such file"), None, text("no such file")),
            (text("HEALTHCHECK"), None, text("wrong port"), text("the step HEALTHCHECK failed; wrong port")),
        ] {
            target(&mut found, "api").live.failure = Observed::Known(DeploymentFailure { step, said, diagnosis });
            assert_eq!(check(&found)[0].reason, reason);
        }
        target(&mut found, "api").live.failure = Observed::Unavailable("Railway refused".to_owned());
        let reason = check(&found).remove(0).reason;
        assert_eq!(reason.as_deref(), Some("what went wrong can't be told: Railway refused"));
    }

    #[test]
    fn failed_or_crashed_deployment_offers_redeploy() {
        for (status, remedies) in [
            ("FAILED", &[Remedy::Redeploy][..]),
            ("CRASHED", &[Remedy::Redeploy]),
            ("SKIPPED", &[]),
            ("NEEDS_APPROVAL", &[]),
            ("REMOVED", &[]),
        ] {
            let mut found = survey(&[], &[("api", &[])]);
            latest(&mut found, "api", status);
            let finding = check(&found).remove(0);
            assert_eq!(finding.remedies, remedies, "{status}");
            assert!(finding.deployment.is_some(), "{status}");
            assert_eq!(finding.next.is_some(), !remedies.is_empty(), "{status}");
            assert!(finding.advice.is_some() || remedies.is_empty(), "{status}");
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
        assert_eq!(lines(&RULE, &survey(&[], &[("api", &[])])), [""; 0], "nobody looked");
    }
}
