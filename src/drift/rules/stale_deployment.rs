//! D401 stale-deployment: what runs got other values than are stored.

use std::collections::HashSet;

use crate::drift::engine::policy::Exceptions;
use crate::drift::model::cause::PossibleCause;
use crate::drift::model::deployment::{Deployed, Deployment, DeploymentStage, DeploymentStatus};
use crate::drift::model::finding::{Finding, Remedy, Summary};
use crate::drift::model::fix::{DeployReason, Fix};
use crate::drift::model::marker::{Mark, Marker};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CheckOutcome, RuleCheck, deployment_unhealthy, value_differs};
use crate::drift::stale_evidence::{Evidence, evidence, is_judged_by_time};
use crate::drift::{Survey, Target, phrases};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D401",
    name: "stale-deployment",
    severity: Severity::Error,
    summary: "The running deployment got other values than are stored",
    explain: EXPLAIN,
    fix: Some(Fix::Deployment(DeployReason::Stale)),
    markers: &[
        Marker::new(
            Mark::DiffersStale,
            "≢",
            "differs, stale",
            "differs-and-stale",
            "the file and Railway differ, and an older value still runs",
        ),
        Marker::new(Mark::Stale, "!", "stale", "stale", "the running deployment has another value than Railway stores"),
        Marker::new(
            Mark::PossiblyStale,
            "?",
            "stale?",
            "possibly-stale",
            "it may run with an old value: it was changed since the deployment",
        ),
    ],
    status_row: Some(StatusRow { position: 2, name: "running" }),
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck { passed, revise: settle_values_first, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

A deployment gets its variables when it is created and keeps them. A value that was stored since then is on Railway's
page, and not in the program: everything looks right, and the old key is in use.

## Example

    api      OPS_API_KEY is stored, and the running deployment got another value

Railway keeps what each deployment was created with; it is compared with what a deployment would get now. Sealed
variables and those that Railway sets itself are left out, such as the `OTEL_` variables of its tracing where the
service does not store them. Where Railway does not tell what a deployment got, the time
of the last change is compared with that of the deployment: then the finding says “possibly” and is a warning. A change
within five seconds of the deployment can't be told apart, and is a note. A variable that was deleted has no time.

A rollback runs with the variables of its time on purpose, and is named. A cron service takes the values of its last
deployment along to its next time.

## How to mend it

`doctor fix --redeploy` deploys the running code again, with what is stored now, and shows that it arrived.

## How to silence it

For a key that may be old:

    [[ignore]]
    keys   = [\"RELEASE_NOTE\"]
    rules  = [\"stale-deployment\"]
    reason = \"nothing reads it at run time\"
";

/// What is known of a service whose running deployment is looked at.
struct Case<'s> {
    target: &'s Target,
    deployed: &'s Deployed,
    running: &'s Deployment,
}

fn check(survey: &Survey) -> Vec<Finding> {
    let exceptions = Exceptions::new(&survey.policy, &survey.environment, survey.today);
    survey.readable().flat_map(|target| of_target(survey, &exceptions, target)).collect()
}

fn of_target(survey: &Survey, exceptions: &Exceptions<'_>, target: &Target) -> Vec<Finding> {
    let Some(deployed) = target.live.deployed.known() else { return Vec::new() };
    let Some(running) = deployed.running() else { return Vec::new() };
    let case = Case { target, deployed, running };
    let told = |keys| grouped(survey, exceptions, target, keys).into_iter();
    match evidence(survey, target) {
        None => Vec::new(),
        Some(Evidence::Values(keys)) => told(keys).map(|keys| case.by_value(&keys)).collect(),
        Some(Evidence::Times { later, near, why }) => {
            let possibly = told(later).map(|keys| case.by_time(&keys, &why));
            possibly.chain(told(near).map(|keys| case.by_near_time(&keys, &why))).collect()
        }
    }
}

/// Keys that are told in one finding. One that is asked about, or that an `[[ignore]]` covers, has a finding of its own.
fn grouped(survey: &Survey, exceptions: &Exceptions<'_>, target: &Target, keys: Vec<String>) -> Vec<Vec<String>> {
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
        let (values, names) = worded(keys);
        let message = format!("{} {} {values} of {names}", self.target.service.name, self.verb());
        self.finding(keys, message, Summary::Wrong(format!("got {values} of {names}")))
    }

    fn by_time(&self, keys: &[String], why: &str) -> Finding {
        let (values, names) = worded(keys);
        let message = format!("{} possibly {} {values} of {names}", self.target.service.name, self.verb());
        let how = format!("{} changed after the deployment was created; what it got can't be told: {why}", verb(keys));
        self.weakened(
            Severity::Warning,
            how,
            self.finding(keys, message, Summary::Open(format!("possibly old: {names}"))),
        )
    }

    fn by_near_time(&self, keys: &[String], why: &str) -> Finding {
        let (values, names) = worded(keys);
        let message =
            format!("it is uncertain whether {} {} {values} of {names}", self.target.service.name, self.verb());
        let how = format!(
            "{} changed within five seconds of the deployment's creation; what it got can't be told: {why}",
            verb(keys)
        );
        self.weakened(Severity::Note, how, self.finding(keys, message, Summary::Open(format!("uncertain: {names}"))))
    }

    fn weakened(&self, severity: Severity, how: String, finding: Finding) -> Finding {
        let reason = [Some(how), self.circumstances()].into_iter().flatten().collect::<Vec<_>>().join("; ");
        Finding { severity, reason: Some(reason), ..finding }
    }

    fn finding(&self, keys: &[String], message: String, gist: Summary) -> Finding {
        let finding = Finding {
            key: (keys.len() == 1).then(|| keys[0].clone()),
            services: vec![self.target.service.clone()],
            reason: self.circumstances(),
            gist: Some(gist),
            suspects: vec![PossibleCause::own(&deployment_unhealthy::RULE).perhaps()],
            ..Finding::new(&RULE, message)
        };
        if let Some(coming) = self.deployed.coming() {
            let until =
                if coming.status.stage() == DeploymentStage::Stuck { "somebody approves it" } else { "it is done" };
            let advice = format!("wait until {until}, then check again");
            return Finding { advice: Some(advice), ..finding };
        }
        Finding { remedies: vec![Remedy::Redeploy], next: Some(Finding::fix_redeploy()), ..finding }
    }

    fn verb(&self) -> &'static str {
        match self.running.status {
            _ if self.target.live.is_cron() => "goes on at its next time with",
            DeploymentStatus::Sleeping => "sleeps, and will wake up with",
            _ => "runs with",
        }
    }

    /// What a person should know of the deployment.
    fn circumstances(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.running.origin.is_rollback() {
            parts.push("it is a rollback, which takes the variables of its time; a redeploy keeps its code".to_owned());
        }
        let serving = self.deployed.active.iter().filter(|active| active.status.stage() == DeploymentStage::Up).count();
        if serving > 1 {
            parts.push(format!("{serving} deployments serve, and this is about the newest of them"));
        }
        if let Some(what) = self.running.origin.railways_own() {
            parts.push(format!("Railway redeployed it itself: {what}"));
        }
        if let Some(coming) = self.deployed.coming() {
            let by_itself = coming.origin.railways_own().map(|what| format!("; Railway made it itself: {what}"));
            parts.push(format!(
                "a newer deployment is on its way ({}){}",
                coming.status,
                by_itself.unwrap_or_default()
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn worded(keys: &[String]) -> (&'static str, String) {
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    (if names.len() == 1 { "an old value" } else { "old values" }, phrases::names(&names))
}

fn verb(keys: &[String]) -> &'static str {
    if keys.len() == 1 { "it was" } else { "they were" }
}

fn passed(survey: &Survey, target: &Target) -> CheckOutcome {
    let Some(deployed) = target.live.deployed.known() else { return CheckOutcome::NotMade };
    match &target.live.got {
        _ if target.stored.is_err() => CheckOutcome::NotMade,
        _ if deployed.running().is_none() => CheckOutcome::open("nothing runs"),
        Observed::NotRequested => CheckOutcome::NotMade,
        Observed::Known(_) if !is_judged_by_time(target) => CheckOutcome::good("got the stored values"),
        Observed::Known(_) => by_time(survey, "its references were kept unrendered"),
        Observed::Unavailable(why) => by_time(survey, why),
    }
}

fn by_time(survey: &Survey, why: &str) -> CheckOutcome {
    match &survey.times {
        Observed::Known(_) => CheckOutcome::good("nothing was changed since, by time alone"),
        Observed::Unavailable(_) | Observed::NotRequested => {
            CheckOutcome::open(format!("what it got can't be told: {why}"))
        }
    }
}

/// What is stored is deployed by a redeploy, also where it is not what the file has: that is to be settled first.
fn settle_values_first(findings: &mut [Finding]) {
    let differing: HashSet<(String, String)> = findings
        .iter()
        .filter(|finding| finding.rule.code == value_differs::RULE.code)
        .flat_map(|finding| finding.services.iter().filter_map(|one| Some((one.id.clone(), finding.key.clone()?))))
        .collect();
    for finding in findings.iter_mut().filter(|finding| finding.rule.code == RULE.code) {
        let Some(key) = &finding.key else { continue };
        if finding.services.iter().any(|service| differing.contains(&(service.id.clone(), key.clone()))) {
            finding.next = None;
            finding.advice = Some(format!("push or pull {key} first: a redeploy alone takes what is stored now"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Survey;
    use crate::drift::engine::policy::Ignore;
    use crate::drift::engine::run_rules::examine;
    use crate::drift::model::finding::Finding;
    use crate::drift::model::finding::Remedy;
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::stale_deployment::{RULE, settle_values_first};
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
        rows(&["A=1", "B=2", "C=1", "R=r"], &["error A [api]: api runs with an old value of A"]);
        rows(&["A=1", "B=1", "C=1", "R=r"], &["error - [api]: api runs with old values of A and B"]);
        rows(&["A=2", "B=2", "R=r"], &["error C [api]: api runs with an old value of C"]);
        rows(&["A=2", "B=2", "C=1", "R=q"], &["error R [api]: api runs with an old value of R"]);
        rows(&["A=2", "B=2", "C=1", "R=r", "D=gone"], &["error D [api]: api runs with an old value of D"]);
        rows(&["A=2", "B=2", "C=", "R=r"], &["error C [api]: api runs with an old value of C"]);
    }

    #[test]
    fn only_running_deployments_are_checked() {
        for (status, said) in [
            ("SUCCESS", Some("api runs with")),
            ("SLEEPING", Some("api sleeps, and will wake up with")),
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
                said.iter().map(|said| format!("error A [api]: {said} an old value of A")).collect();
            assert_eq!(lines(&RULE, &found), expected, "{status}");
        }
        let mut cron = old();
        got(&mut cron, "api", &["A=1", "B=2", "C=1", "R=r"]);
        let settings = ServiceSettings { cron: Some("0 * * * *".to_owned()), ..ServiceSettings::default() };
        target(&mut cron, "api").live.settings = Observed::Known(settings);
        assert_eq!(lines(&RULE, &cron), ["error A [api]: api goes on at its next time with an old value of A"]);
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
        assert_eq!(lines(&RULE, &found), [""; 0], "nobody looked");
        target(&mut found, "api").live.got = Observed::Unavailable("refused".to_owned());
        assert_eq!(lines(&RULE, &found), [""; 0], "no times either");
        changed(&mut found, "api", "A", "2027-01-01T00:00:00.000Z");
        unreadable(&mut found, "api");
        assert_eq!(lines(&RULE, &found), [""; 0], "not readable");
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
        let (told, reasons) = run(&found);
        assert_eq!(
            told,
            [
                "warning B [api]: api possibly runs with an old value of B",
                "note A [api]: it is uncertain whether api runs with an old value of A",
            ]
        );
        assert_eq!(
            reasons,
            [
                "it was changed after the deployment was created; what it got can't be told: Railway refused",
                "it was changed within five seconds of the deployment's creation; what it got can't be told: \
                 Railway refused",
            ]
        );
        got(&mut found, "api", &["A=2", "B=2", "C=1", "R=${{x.R}}"]);
        assert_eq!(run(&found).0.len(), 2, "what was never rendered is no value");
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
            "it is a rollback, which takes the variables of its time; a redeploy keeps its code; 2 deployments serve, \
             and this is about the newest of them"
        );
        for (status, advice) in [
            ("BUILDING", "wait until it is done, then check again"),
            ("NEEDS_APPROVAL", "wait until somebody approves it, then check again"),
        ] {
            latest(&mut found, "api", status);
            let coming = finding(&found);
            assert_eq!((coming.advice.as_deref(), coming.next), (Some(advice), None));
            assert!(coming.reason.unwrap().ends_with(&format!("a newer deployment is on its way ({status})")));
        }
    }

    #[test]
    fn selected_and_ignored_keys_are_applied_per_key() {
        let mut found = old();
        got(&mut found, "api", &["A=1", "B=1", "C=0", "R=r"]);
        let of_rule = |found: &Survey| {
            let examination = examine(found);
            let found = examination.findings.into_iter().filter(|finding| finding.rule.code == RULE.code);
            (found.map(|finding| finding.message).collect::<Vec<_>>(), examination.ignored)
        };
        found.only.insert("B".to_owned());
        assert_eq!(of_rule(&found), (vec!["api runs with an old value of B".to_owned()], 0));
        found.only.clear();
        found.policy.ignore.push(Ignore { services: vec![named("api").id], ..ignore(&["B"]) });
        found.policy.ignore.push(Ignore { services: vec![named("web").id], ..ignore(&["C"]) });
        let (told, ignored) = of_rule(&found);
        assert_eq!((told, ignored >= 1), (vec!["api runs with old values of A and C".to_owned()], true));
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
        settle_values_first(&mut findings);
        let nexts: Vec<bool> = findings.iter().map(|finding| finding.next.is_some()).collect();
        assert_eq!(nexts, [true, false, true]);
        assert!(findings[1].advice.as_ref().unwrap().starts_with("push or pull OPS_KEY first"));
    }
}
