//! D402 deployment-unhealthy: the newest deployment failed, crashed or needs approval.

use crate::drift::model::deployment::{Deployed, Deployment, DeploymentStage, DeploymentStatus, SkipReason};
use crate::drift::model::finding::{Finding, Remedy, Summary};
use crate::drift::model::fix::{DeployReason, Fix};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{HookScope, Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CheckOutcome, RuleCheck};
use crate::drift::runtime::DeploymentFailure;
use crate::drift::{Survey, Target};

pub static RULE: Rule = Rule {
    code: "D402",
    name: "deployment-unhealthy",
    severity: Severity::Error,
    summary: "The newest deployment failed, crashed or needs approval",
    explain: EXPLAIN,
    fix: Some(Fix::Deployment(DeployReason::Unhealthy)),
    status_row: Some(StatusRow { position: 1, name: "deployment" }),
    hook: HookScope::FixedByCommit,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck { passed, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

When a deployment fails, the previous one keeps serving: the service responds, but with old code and old values. The
finding reports both.

## Example

    FAILED           error: the build, the pre-deploy command or the health check failed
    CRASHED          error: it started and exited with an error, and its restarts are used up
    NEEDS_APPROVAL   warning: it waits until a person approves it
    SKIPPED          note: Railway deployed nothing, because of watch paths or failed checks
    REMOVED          note, if nothing else is serving
    SUCCESS          note, if the process exited or was stopped and the service is not a cron service

If Railway reports the step that failed, or a diagnosis, the finding includes it.

## Fix

Read the deployment's log, which the finding links to. If a value was wrong, correct it; if the code was wrong, push a
fix. `doctor fix --redeploy` deploys the same code with the values that are stored now. That helps once the values are
right; any other failure will occur again.

## Suppress

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
            advice: Some("approve or remove it in the dashboard".to_owned()),
            summary: Some(wrong("the newest deployment needs approval")),
            ..Finding::new(
                &RULE,
                format!("the newest deployment of {name} needs approval{}", serving_suffix(deployed, "an older one")),
            )
        },
        DeploymentStatus::Skipped => skipped(name, deployed, newest),
        DeploymentStatus::Removing | DeploymentStatus::Removed if deployed.running().is_none() => Finding {
            severity: Severity::Note,
            summary: Some(wrong("nothing is running: it was removed")),
            ..Finding::new(&RULE, format!("{name} is not running: its newest deployment was removed"))
        },
        DeploymentStatus::Success if newest.stopped && !is_expected_to_exit(target, newest) => Finding {
            severity: Severity::Note,
            summary: Some(wrong("the process exited or was stopped")),
            ..Finding::new(&RULE, format!("the process of {name} exited or was stopped"))
        },
        _ if deployed.running().is_none() && crashed_before().is_some() => Finding {
            summary: Some(wrong("crashed; a newer deployment is in progress")),
            ..Finding::new(
                &RULE,
                format!("the active deployment of {name} crashed; a newer one is in progress ({})", newest.status),
            )
        },
        _ => return None,
    };
    Some(Finding { services: vec![target.service.clone()], deployment: Some(newest.id.clone()), ..finding })
}

/// Has no `summary` if no watched file changed and a deployment is running: the status table then shows that
/// deployment.
fn skipped(name: &str, deployed: &Deployed, newest: &Deployment) -> Finding {
    let what = newest.origin.description().unwrap_or_else(|| "the newest deployment".to_owned());
    let note = |why: &str, summary: Option<&str>| Finding {
        severity: Severity::Note,
        summary: summary.map(wrong),
        ..Finding::new(&RULE, format!("Railway skipped {what} for {name}{why}"))
    };
    let suffix = serving_suffix(deployed, "an older deployment");
    match (newest.origin.skip_reason(), deployed.running()) {
        (SkipReason::Unwatched, Some(_)) => note(": no watched file changed, so the service is up to date", None),
        (SkipReason::Unwatched, None) => note(
            &format!(": no watched file changed{suffix}"),
            Some("the newest push was skipped, and nothing is running"),
        ),
        (SkipReason::ChecksFailed, _) => Finding {
            reason: Some("Railway does not retry a push whose checks failed, even if they pass later".to_owned()),
            advice: Some("once the checks pass, deploy that commit".to_owned()),
            ..note(
                &format!(" because its CI checks failed{suffix}"),
                Some("the newest push was skipped: its CI checks failed"),
            )
        },
        (SkipReason::Unknown, _) => Finding {
            reason: Some(
                "its watch paths did not match or its checks failed; Railway does not report which".to_owned(),
            ),
            ..note(&suffix, Some("the newest deployment was skipped"))
        },
    }
}

fn broken(target: &Target, how: &str, deployed: &Deployed, newest: &Deployment) -> Finding {
    let name = &target.service.name;
    let log = if newest.status == DeploymentStatus::Failed { "build or deploy log" } else { "deploy log" };
    let next = "fix the cause, then redeploy";
    Finding {
        reason: match &target.live.failure {
            Observed::NotRequested => None,
            Observed::Unavailable(why) => Some(format!("could not read why it failed: {why}")),
            Observed::Known(failure) => why(failure),
        },
        advice: Some(format!("read the {log} of deployment {} in the dashboard, {next}", newest.id)),
        remedies: vec![Remedy::Redeploy],
        next: Some(Finding::fix_redeploy()),
        summary: Some(wrong(&format!("the newest deployment {how}{}", serving_suffix(deployed, "an older one")))),
        ..Finding::new(
            &RULE,
            format!("the newest deployment of {name} {how}{}", serving_suffix(deployed, "an older one")),
        )
    }
}

/// Describes whether another deployment is serving, as the end of a message. `older` is the noun for it.
fn serving_suffix(deployed: &Deployed, older: &str) -> String {
    match deployed.running() {
        Some(running) if running.status == DeploymentStatus::Sleeping => format!("; {older} is still active (asleep)"),
        Some(_) => format!("; {older} is still running"),
        None if deployed.active.iter().any(|active| active.status.stage() == DeploymentStage::InProgress) => {
            String::new()
        }
        None => "; nothing is running".to_owned(),
    }
}

/// Returns text such as `step HEALTHCHECK failed: no response within 300 s; DIAGNOSIS`.
fn why(failure: &DeploymentFailure) -> Option<String> {
    let step = match (&failure.step, &failure.message) {
        (Some(step), Some(said)) => Some(format!("step {step} failed: {said}")),
        (Some(step), None) => Some(format!("step {step} failed")),
        (None, said) => said.clone(),
    };
    let parts: Vec<String> = step.into_iter().chain(failure.diagnosis.clone()).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn is_expected_to_exit(target: &Target, newest: &Deployment) -> bool {
    target.live.is_cron() || newest.origin.build_only
}

fn wrong(text: &str) -> Summary {
    Summary::Wrong(text.to_owned())
}

fn passed(_: &Survey, target: &Target) -> CheckOutcome {
    match &target.live.deployed {
        Observed::NotRequested => CheckOutcome::NotChecked,
        Observed::Unavailable(why) | Observed::Known(Deployed { unavailable: Some(why), .. }) => {
            CheckOutcome::open(why)
        }
        Observed::Known(deployed) => {
            let unwatched = deployed.skipped().filter(|push| push.origin.skip_reason() == SkipReason::Unwatched);
            let Some(newest) = unwatched.and(deployed.running()).or_else(|| deployed.newest()) else {
                return CheckOutcome::NotChecked;
            };
            let origin = newest.origin.description().map(|source| format!(", {source}")).unwrap_or_default();
            let note = format!("{}{origin}", newest.status);
            if newest.status.stage() == DeploymentStage::Up {
                CheckOutcome::good(note)
            } else {
                CheckOutcome::open(note)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, wrong};
    use crate::drift::model::deployment::Deployed;
    use crate::drift::model::finding::Remedy;
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::deployment_unhealthy::RULE;
    use crate::drift::runtime::{DeploymentFailure, ServiceSettings};
    use crate::drift::test_support::{deployment, healthy, latest, lines, running, survey, target};

    #[test]
    fn reports_each_status_with_and_without_an_active_deployment() {
        let newest = "the newest deployment of api";
        for (status, alone, with_active) in [
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
                format!("warning - [api]: {newest} needs approval; nothing is running"),
                format!("warning - [api]: {newest} needs approval; an older one is still running"),
            ),
            (
                "FAILED",
                format!("error - [api]: {newest} failed; nothing is running"),
                format!("error - [api]: {newest} failed; an older one is still running"),
            ),
            (
                "CRASHED",
                format!("error - [api]: {newest} crashed; nothing is running"),
                format!("error - [api]: {newest} crashed; an older one is still running"),
            ),
            (
                "SKIPPED",
                "note - [api]: Railway skipped the newest deployment for api; nothing is running".to_owned(),
                "note - [api]: Railway skipped the newest deployment for api; an older deployment is still running"
                    .to_owned(),
            ),
            (
                "REMOVING",
                "note - [api]: api is not running: its newest deployment was removed".to_owned(),
                String::new(),
            ),
            (
                "REMOVED",
                "note - [api]: api is not running: its newest deployment was removed".to_owned(),
                String::new(),
            ),
        ] {
            let mut found = survey(&[], &[("api", &[])]);
            latest(&mut found, "api", status);
            assert_eq!(lines(&RULE, &found).concat(), alone, "{status} alone");
            running(&mut found, "api", "SUCCESS");
            latest(&mut found, "api", status);
            assert_eq!(lines(&RULE, &found).concat(), with_active, "{status} with an active deployment");
        }
    }

    #[test]
    fn skipped_push_has_its_reason() {
        let skipped = "Railway skipped commit 371a158 for api";
        for (reason, alone, with_active, is_wrong) in [
            (
                "No changes to watched files",
                ": no watched file changed; nothing is running",
                ": no watched file changed, so the service is up to date",
                false,
            ),
            (
                "CI check suite failed",
                " because its CI checks failed; nothing is running",
                " because its CI checks failed; an older deployment is still running",
                true,
            ),
            ("another", "; nothing is running", "; an older deployment is still running", true),
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
                let expected = format!("note - [api]: {skipped}{}", if runs { with_active } else { alone });
                assert_eq!(lines(&RULE, &found), [expected], "{reason}");
                let finding = check(&found).remove(0);
                assert_eq!(finding.summary.is_some(), is_wrong || !runs, "{reason}");
                let is_final = finding.reason.is_some_and(|why| why.contains("does not retry"));
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
            unavailable: None,
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
            ["error - [api]: the active deployment of api crashed; a newer one is in progress (BUILDING)"]
        );
        assert_eq!(check(&found)[0].summary, Some(wrong("crashed; a newer deployment is in progress")));
    }

    #[test]
    fn exited_process_is_a_note_unless_expected() {
        let mut found = survey(&[], &[("api", &[])]);
        for (status, stopped, cron, count) in [
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
            assert_eq!(lines(&RULE, &found).len(), count, "{status} {stopped}");
            let summaries: Vec<_> = check(&found).into_iter().filter_map(|finding| finding.summary).collect();
            assert_eq!(summaries, vec![wrong("the process exited or was stopped"); count], "{status} {stopped}");
        }
    }

    #[test]
    fn failing_step_and_diagnosis_are_reported() {
        let text = |text: &str| Some(text.to_owned());
        let mut found = survey(&[], &[("api", &[])]);
        latest(&mut found, "api", "FAILED");
        for (step, said, diagnosis, reason) in [
            (None, None, None, None),
            (text("HEALTHCHECK"), None, None, text("step HEALTHCHECK failed")),
            (text("BUILD_IMAGE"), text("no such file"), None, text("step BUILD_IMAGE failed: no such file")),
            (None, text("no such file"), None, text("no such file")),
            (text("HEALTHCHECK"), None, text("wrong port"), text("step HEALTHCHECK failed; wrong port")),
        ] {
            target(&mut found, "api").live.failure =
                Observed::Known(DeploymentFailure { step, message: said, diagnosis });
            assert_eq!(check(&found)[0].reason, reason);
        }
        target(&mut found, "api").live.failure = Observed::Unavailable("Railway refused".to_owned());
        let reason = check(&found).remove(0).reason;
        assert_eq!(reason.as_deref(), Some("could not read why it failed: Railway refused"));
    }

    #[test]
    fn failed_or_crashed_deployment_offers_redeploy() {
        for (status, remedies, summary) in [
            ("FAILED", &[Remedy::Redeploy][..], "the newest deployment failed; nothing is running"),
            ("CRASHED", &[Remedy::Redeploy], "the newest deployment crashed; nothing is running"),
            ("SKIPPED", &[], "the newest deployment was skipped"),
            ("NEEDS_APPROVAL", &[], "the newest deployment needs approval"),
            ("REMOVED", &[], "nothing is running: it was removed"),
        ] {
            let mut found = survey(&[], &[("api", &[])]);
            latest(&mut found, "api", status);
            let finding = check(&found).remove(0);
            assert_eq!(finding.remedies, remedies, "{status}");
            assert!(finding.deployment.is_some(), "{status}");
            assert_eq!(finding.next.is_some(), !remedies.is_empty(), "{status}");
            assert!(finding.advice.is_some() || remedies.is_empty(), "{status}");
            assert_eq!(finding.summary, Some(wrong(summary)), "{status}");
        }
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
        assert_eq!(lines(&RULE, &survey(&[], &[("api", &[])])), [""; 0], "deployments were not requested");
    }
}
