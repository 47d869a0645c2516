//! D401 stale-deployment: the running deployment has values that differ from the stored ones.

use std::collections::HashSet;

use crate::drift::engine::policy::ActiveIgnores;
use crate::drift::model::cause::PossibleCause;
use crate::drift::model::deployment::{Deployed, Deployment, DeploymentStage, DeploymentStatus};
use crate::drift::model::finding::{Finding, Remedy, Summary};
use crate::drift::model::fix::{DeployReason, Fix};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CheckOutcome, RuleCheck, deployment_unhealthy, services_disagree, value_differs};
use crate::drift::stale_evidence::{Evidence, evidence, is_judged_by_time};
use crate::drift::{Survey, Target, phrases};

pub static RULE: Rule = Rule {
    code: "D401",
    name: "stale-deployment",
    severity: Severity::Error,
    summary: "The running deployment has old values",
    explain: EXPLAIN,
    fix: Some(Fix::Deployment(DeployReason::Stale)),
    markers: &[
        Marker::new(
            Mark::DiffersStale,
            "≢",
            "differs, stale",
            "differs-and-stale",
            "the file and Railway differ, and an older value is running",
        ),
        Marker::new(Mark::Stale, "!", "stale", "stale", "the running deployment has an old value"),
        Marker::new(
            Mark::PossiblyStale,
            "?",
            "stale?",
            "possibly-stale",
            "the running deployment may have an old value: it was changed later",
        ),
    ],
    status_row: Some(StatusRow::RUNNING),
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck { passed, revise: advise_correct_values, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

A deployment gets its variables when it is created and keeps them. A value that was stored later is in the dashboard but
not in the program: everything looks right while the old key is in use.

## Example

    api      the running deployment has an old value of OPS_API_KEY

Railway keeps the variables that each deployment was created with; they are compared with those that a deployment would
get now. Sealed variables are left out. So are those that Railway sets, such as the `OTEL_` variables of its tracing,
unless the service stores them.

If Railway does not return the variables of a deployment, the time of the last change is compared with the time of the
deployment. The finding then has “may” in its message and is a warning. If the two are within five seconds, their order
is unknown, and it is a note. A deleted variable has no time of change, so it is not found this way.

A rollback runs with the variables of the deployment it restored; the finding mentions this. A cron service uses the
values of its last deployment for its next run.

## Fix

`doctor fix --redeploy` deploys the running code again with the stored values and verifies that it got them.

## Suppress

For a key that may have an old value:

    [[ignore]]
    keys   = [\"RELEASE_NOTE\"]
    rules  = [\"stale-deployment\"]
    reason = \"nothing reads it at run time\"
";

const ROLLBACK: &str =
    "the deployment is a rollback, so it has the variables of the deployment it restored; a redeploy keeps that code";

/// A service and the deployment that is checked.
struct Case<'s> {
    target: &'s Target,
    deployed: &'s Deployed,
    running: &'s Deployment,
}

fn check(survey: &Survey) -> Vec<Finding> {
    let exceptions = ActiveIgnores::new(&survey.policy, &survey.environments(), survey.today);
    survey.readable().flat_map(|target| of_target(survey, &exceptions, target)).collect()
}

fn of_target(survey: &Survey, exceptions: &ActiveIgnores<'_>, target: &Target) -> Vec<Finding> {
    let Some(deployed) = target.live.deployed.known() else { return Vec::new() };
    let Some(running) = deployed.running() else { return Vec::new() };
    let case = Case { target, deployed, running };
    let groups = |keys| grouped(survey, exceptions, target, keys).into_iter();
    match evidence(survey, target) {
        None => Vec::new(),
        Some(Evidence::Values(keys)) => groups(keys).map(|keys| case.by_value(&keys)).collect(),
        Some(Evidence::Times { later, near, why }) => {
            let possible = groups(later).map(|keys| case.by_time(&keys, &why));
            possible.chain(groups(near).map(|keys| case.by_near_time(&keys, &why))).collect()
        }
    }
}

/// Groups keys by finding. A key that is named in `--only`, or that an `[[ignore]]` covers, has a separate finding.
fn grouped(survey: &Survey, exceptions: &ActiveIgnores<'_>, target: &Target, keys: Vec<String>) -> Vec<Vec<String>> {
    if !survey.only.is_empty() {
        return keys.into_iter().filter(|key| survey.includes_key(key)).map(|key| vec![key]).collect();
    }
    let is_ignored = |key: &String| {
        let probe = Finding { key: Some(key.clone()), ..Finding::new(&RULE, "") };
        exceptions.about(&probe).iter().any(|ignore| ignore.includes(&target.service))
    };
    let (alone, together): (Vec<_>, Vec<_>) = keys.into_iter().partition(is_ignored);
    let groups = [together].into_iter().chain(alone.into_iter().map(|key| vec![key]));
    groups.filter(|group| !group.is_empty()).collect()
}

impl Case<'_> {
    fn by_value(&self, keys: &[String]) -> Finding {
        let old_values = old_values(keys);
        let message = format!("{} {} {old_values}", self.target.service.name, self.verb());
        self.finding(keys, message, Summary::Wrong(format!("has {old_values}")))
    }

    fn by_time(&self, keys: &[String], why: &str) -> Finding {
        let old_values = old_values(keys);
        let message = format!("{} {} {old_values}", self.target.service.name, self.possible_verb());
        let times = format!("{} changed after the deployment was created", subject(keys));
        let finding = self.finding(keys, message, Summary::Open(format!("may have {old_values}")));
        self.weakened(Severity::Warning, &times, why, finding)
    }

    fn by_near_time(&self, keys: &[String], why: &str) -> Finding {
        let old_values = old_values(keys);
        let message = format!("could not determine whether {} {} {old_values}", self.target.service.name, self.verb());
        let times = format!("{} changed within five seconds of the deployment's creation", subject(keys));
        let finding = self.finding(keys, message, Summary::Open(format!("unknown whether it has {old_values}")));
        self.weakened(Severity::Note, &times, why, finding)
    }

    fn weakened(&self, severity: Severity, times: &str, why: &str, finding: Finding) -> Finding {
        let cause = format!("{times}; the deployed variables are unknown ({why})");
        let reason = [Some(cause), self.circumstances()].into_iter().flatten().collect::<Vec<_>>().join("; ");
        Finding { severity, reason: Some(reason), ..finding }
    }

    fn finding(&self, keys: &[String], message: String, summary: Summary) -> Finding {
        let finding = Finding {
            key: (keys.len() == 1).then(|| keys[0].clone()),
            services: vec![self.target.service.clone()],
            reason: self.circumstances(),
            summary: Some(summary),
            possible_causes: vec![PossibleCause::own(&deployment_unhealthy::RULE).uncertain()],
            ..Finding::new(&RULE, message)
        };
        if let Some(coming) = self.deployed.upcoming() {
            let step = match coming.status.stage() {
                DeploymentStage::Stuck => "approve or remove the newer deployment in the dashboard",
                _ => "wait until the newer deployment has finished",
            };
            return Finding { advice: Some(format!("{step}, then check again")), ..finding };
        }
        Finding { remedies: vec![Remedy::Redeploy], next: Some(Finding::fix_redeploy()), ..finding }
    }

    fn verb(&self) -> &'static str {
        match self.running.status {
            _ if self.target.live.is_cron() => "will start its next run with",
            DeploymentStatus::Sleeping => "is asleep and will wake up with",
            _ => "is running with",
        }
    }

    fn possible_verb(&self) -> &'static str {
        match self.running.status {
            _ if self.target.live.is_cron() => "may start its next run with",
            DeploymentStatus::Sleeping => "is asleep and may wake up with",
            _ => "may be running with",
        }
    }

    /// Returns facts about the deployment that explain its values.
    fn circumstances(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.running.origin.is_rollback() {
            parts.push(ROLLBACK.to_owned());
        }
        let serving = self.deployed.active.iter().filter(|active| active.status.stage() == DeploymentStage::Up).count();
        if serving > 1 {
            parts.push(format!("{serving} deployments are running, and the newest was checked"));
        }
        if let Some(what) = self.running.origin.automatic_reason() {
            parts.push(format!("Railway redeployed it for {what}"));
        }
        if let Some(coming) = self.deployed.upcoming() {
            let origin = coming.origin.automatic_reason().map(|what| format!(", which Railway started for {what},"));
            parts.push(format!("a newer deployment{} is pending ({})", origin.unwrap_or_default(), coming.status));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Returns `an old value of A`, `old values of A and B`.
fn old_values(keys: &[String]) -> String {
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let values = if names.len() == 1 { "an old value" } else { "old values" };
    format!("{values} of {}", phrases::names(&names))
}

fn subject(keys: &[String]) -> &'static str {
    if keys.len() == 1 { "it was" } else { "they were" }
}

fn passed(survey: &Survey, target: &Target) -> CheckOutcome {
    let Some(deployed) = target.live.deployed.known() else { return CheckOutcome::NotChecked };
    match &target.live.got {
        _ if target.stored.is_err() => CheckOutcome::NotChecked,
        _ if deployed.running().is_none() => CheckOutcome::open("nothing is running"),
        Observed::NotRequested => CheckOutcome::NotChecked,
        Observed::Known(_) if !is_judged_by_time(target) => CheckOutcome::good("has the stored values"),
        Observed::Known(_) => by_time(survey, "Railway returned unrendered references"),
        Observed::Unavailable(why) => by_time(survey, why),
    }
}

fn by_time(survey: &Survey, why: &str) -> CheckOutcome {
    match &survey.times {
        Observed::Known(_) => CheckOutcome::good("no later changes, judged by time"),
        Observed::Unavailable(_) | Observed::NotRequested => {
            CheckOutcome::open(format!("deployed variables unknown: {why}"))
        }
    }
}

/// A redeploy uses the stored value. If that differs from the file, the difference must be resolved first.
fn advise_correct_values(findings: &mut [Finding]) {
    let differing: HashSet<(String, String)> = findings
        .iter()
        .filter(|finding| [value_differs::RULE.code, services_disagree::RULE.code].contains(&finding.rule.code))
        .flat_map(|finding| finding.services.iter().filter_map(|one| Some((one.id.clone(), finding.key.clone()?))))
        .collect();
    for finding in findings.iter_mut().filter(|finding| finding.rule.code == RULE.code) {
        let Some(key) = &finding.key else { continue };
        if finding.services.iter().any(|service| differing.contains(&(service.id.clone(), key.clone()))) {
            finding.next = None;
            finding.advice = Some(format!("correct {key} first: a redeploy uses the stored value"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Survey;
    use crate::drift::engine::policy::Ignore;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::model::finding::{Finding, Remedy};
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::stale_deployment::{RULE, advise_correct_values};
    use crate::drift::rules::value_differs;
    use crate::drift::runtime::ServiceSettings;
    use crate::drift::test_support::{
        changed, deployment, got, healthy, ignore, latest, lines, named, running, survey, target, unreadable,
    };

    fn old() -> Survey {
        let mut found = survey(&["A=2"], &[("api", &["A=2", "B=2", "C=1", "S=<sealed>", "R=${{x.R}} => r"])]);
        running(&mut found, "api", "SUCCESS");
        found
    }

    fn rows(taken: &[&str], expected: &[&str]) {
        let mut found = old();
        got(&mut found, "api", taken);
        assert_eq!(lines(&RULE, &found), expected, "{taken:?}");
    }

    #[test]
    fn deployed_variables_are_compared_with_stored_ones() {
        let same = ["A=2", "B=2", "C=1", "R=r", "RAILWAY_DEPLOYMENT_ID=1"];
        rows(&same, &[]);
        rows(&["A=2", "B=2", "C=1", "R=r", "S=<sealed>"], &[]);
        rows(&["A=2", "B=2", "C=1", "R=r", "S=old"], &[]);
        rows(&["A=1", "B=2", "C=1", "R=r"], &["error A [api]: api is running with an old value of A"]);
        rows(&["A=1", "B=1", "C=1", "R=r"], &["error - [api]: api is running with old values of A and B"]);
        rows(&["A=2", "B=2", "R=r"], &["error C [api]: api is running with an old value of C"]);
        rows(&["A=2", "B=2", "C=1", "R=q"], &["error R [api]: api is running with an old value of R"]);
        rows(&["A=2", "B=2", "C=1", "R=r", "D=gone"], &["error D [api]: api is running with an old value of D"]);
        rows(&["A=2", "B=2", "C=", "R=r"], &["error C [api]: api is running with an old value of C"]);
    }

    #[test]
    fn only_running_deployments_are_checked() {
        for (status, start) in [
            ("SUCCESS", Some("api is running with")),
            ("SLEEPING", Some("api is asleep and will wake up with")),
            ("CRASHED", None),
            ("FAILED", None),
            ("REMOVED", None),
            ("REMOVING", None),
            ("SKIPPED", None),
            ("NEEDS_APPROVAL", None),
            ("BUILDING", None),
            ("INITIALIZING", None),
            ("QUEUED", None),
            ("WAITING", None),
            ("DEPLOYING", None),
            ("PAUSING", None),
        ] {
            let mut found = old();
            running(&mut found, "api", status);
            got(&mut found, "api", &["A=1", "B=2", "C=1", "R=r"]);
            let expected: Vec<String> =
                start.iter().map(|start| format!("error A [api]: {start} an old value of A")).collect();
            assert_eq!(lines(&RULE, &found), expected, "{status}");
        }
        let mut cron = old();
        got(&mut cron, "api", &["A=1", "B=2", "C=1", "R=r"]);
        let settings = ServiceSettings { cron: Some("0 * * * *".to_owned()), ..ServiceSettings::default() };
        target(&mut cron, "api").live.settings = Observed::Known(settings);
        assert_eq!(lines(&RULE, &cron), ["error A [api]: api will start its next run with an old value of A"]);
    }

    #[test]
    fn deployed_stored_value_is_not_stale() {
        let mut found = survey(&["A=local"], &[("api", &["A=stored"])]);
        running(&mut found, "api", "SUCCESS");
        got(&mut found, "api", &["A=stored"]);
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }

    #[test]
    fn unknown_deployed_variables_yield_no_finding() {
        let mut found = old();
        assert_eq!(lines(&RULE, &found), [""; 0], "not requested");
        target(&mut found, "api").live.got = Observed::Unavailable("refused".to_owned());
        assert_eq!(lines(&RULE, &found), [""; 0], "times unavailable, too");
        changed(&mut found, "api", "A", "2027-01-01T00:00:00.000Z");
        unreadable(&mut found, "api");
        assert_eq!(lines(&RULE, &found), [""; 0], "unreadable");
    }

    #[test]
    fn change_time_alone_makes_staleness_possible_or_uncertain() {
        let run = |found: &Survey| {
            let findings = check(found);
            let reasons: Vec<_> = findings.iter().map(|finding| finding.reason.clone().unwrap()).collect();
            (lines(&RULE, found), reasons)
        };
        let mut found = old();
        target(&mut found, "api").live.got = Observed::Unavailable("Railway refused".to_owned());
        changed(&mut found, "api", "A", "2026-11-24T09:00:02.000Z");
        changed(&mut found, "api", "B", "2026-11-24T10:00:00.000Z");
        changed(&mut found, "api", "C", "2026-11-23T10:00:00.000Z");
        let (findings, reasons) = run(&found);
        assert_eq!(
            findings,
            [
                "warning B [api]: api may be running with an old value of B",
                "note A [api]: could not determine whether api is running with an old value of A",
            ]
        );
        assert_eq!(
            reasons,
            [
                "it was changed after the deployment was created; the deployed variables are unknown (Railway refused)",
                "it was changed within five seconds of the deployment's creation; the deployed variables are \
                 unknown (Railway refused)",
            ]
        );
        got(&mut found, "api", &["A=2", "B=2", "C=1", "R=${{x.R}}"]);
        assert_eq!(run(&found).0.len(), 2, "an unrendered reference is not a value");
    }

    #[test]
    fn reason_includes_rollback_rollout_and_pending_deployment() {
        let finding = |found: &Survey| check(found).remove(0);
        let mut found = old();
        got(&mut found, "api", &["A=1", "B=2", "C=1", "R=r"]);
        let plain = finding(&found);
        assert_eq!((plain.remedies.as_slice(), plain.reason), (&[Remedy::Redeploy][..], None));
        assert_eq!(plain.next.unwrap(), ["fix", "--redeploy"]);
        if let Observed::Known(deployed) = &mut target(&mut found, "api").live.deployed {
            deployed.active[0].origin.reason = Some("rollback".to_owned());
            deployed.active.push(deployment("0", "SUCCESS"));
        }
        let reason = finding(&found).reason.unwrap();
        assert_eq!(
            reason,
            "the deployment is a rollback, so it has the variables of the deployment it restored; a redeploy keeps \
             that code; 2 deployments are running, and the newest was checked"
        );
        for (status, advice) in [
            ("BUILDING", "wait until the newer deployment has finished, then check again"),
            ("NEEDS_APPROVAL", "approve or remove the newer deployment in the dashboard, then check again"),
        ] {
            latest(&mut found, "api", status);
            let coming = finding(&found);
            assert_eq!((coming.advice.as_deref(), coming.next), (Some(advice), None));
            assert!(coming.reason.unwrap().ends_with(&format!("a newer deployment is pending ({status})")));
        }
    }

    #[test]
    fn selected_and_ignored_keys_are_applied_per_key() {
        let mut found = old();
        got(&mut found, "api", &["A=1", "B=1", "C=0", "R=r"]);
        let of_rule = |found: &Survey| {
            let examination = examine(found);
            let found = examination.findings.into_iter().filter(|finding| finding.rule.code == RULE.code);
            (found.map(|finding| finding.message).collect::<Vec<_>>(), examination.ignored.len())
        };
        found.only.insert("B".to_owned());
        assert_eq!(of_rule(&found), (vec!["api is running with an old value of B".to_owned()], 0));
        found.only.clear();
        found.policy.ignore.push(Ignore { services: vec![named("api").id], ..ignore(&["B"]) });
        found.policy.ignore.push(Ignore { services: vec![named("web").id], ..ignore(&["C"]) });
        let (messages, ignored) = of_rule(&found);
        assert_eq!((messages, ignored >= 1), (vec!["api is running with old values of A and C".to_owned()], true));
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
    }

    #[test]
    fn redeploy_is_not_suggested_until_stored_value_is_fixed() {
        let keyed = |rule, service: &str| Finding {
            key: Some("OPS_KEY".to_owned()),
            services: vec![named(service)],
            next: Some(Finding::fix_redeploy()),
            ..Finding::new(rule, "")
        };
        let mut findings = vec![keyed(&value_differs::RULE, "api"), keyed(&RULE, "api"), keyed(&RULE, "web")];
        advise_correct_values(&mut findings);
        let nexts: Vec<bool> = findings.iter().map(|finding| finding.next.is_some()).collect();
        assert_eq!(nexts, [true, false, true]);
        assert!(findings[1].advice.as_ref().unwrap().starts_with("correct OPS_KEY first"));
    }
}
