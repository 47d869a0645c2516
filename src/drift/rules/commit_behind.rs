//! D405 commit-behind: the running commit is older than the expected one.

use crate::drift::model::cause::PossibleCause;
use crate::drift::model::deployment::SkipReason;
use crate::drift::model::finding::{Finding, Remedy, Summary};
use crate::drift::model::fix::{Commit, DeployReason, Fix};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{HookScope, Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CheckOutcome, RuleCheck, deployment_unhealthy};
use crate::drift::runtime::{Code, IncomparableCommit, Relation, SkippedPush};
use crate::drift::{Survey, Target, phrases};

pub static RULE: Rule = Rule {
    code: "D405",
    name: "commit-behind",
    severity: Severity::Warning,
    summary: "The running commit is older than the expected one",
    explain: EXPLAIN,
    fix: Some(Fix::Deployment(DeployReason::Behind)),
    status_row: Some(StatusRow { position: 4, name: "commit" }),
    hook: HookScope::FixedByCommit,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck { passed, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

A push does not always deploy every service. Watch paths, a failed build or a forgotten worker leave old code running
next to new code that expects a newer version of it.

## Example

    [services.worker]
    commit = \"371a158\"

    worker   runs 9c31f04, which is 3 commits behind 371a158

The service must run the commit declared in `doctor.toml` or a descendant of it; anything else is an error. Without a
declaration, the checked-out commit is expected, and older code is a warning. It is reported only if the repository and
the branch match those of the checkout. If the commits can't be compared (another repository or branch, a commit that
the checkout does not have, an image, `railway up`, no git), a declared commit gets a note with the cause.

Railway skips a push that changes no watched file. The running code is then up to date, and not behind. Railway also
skips a push whose CI checks failed, and does not retry it, even if they pass later. The service is then behind, and
the finding shows this cause. A push skipped for an unknown reason proves neither.

## Fix

Push the commit, then run `doctor fix --redeploy` or deploy it in the dashboard. If a deployment of it is in progress,
wait for it.

## Suppress

    [severity]
    commit-behind = \"off\"
";

fn check(survey: &Survey) -> Vec<Finding> {
    survey.targets.iter().filter_map(|target| finding(target, target.live.code.known()?)).collect()
}

fn finding(target: &Target, code: &Code) -> Option<Finding> {
    if code.is_covered() {
        return None;
    }
    let (name, wanted) = (&target.service.name, &code.expected);
    let finding = match &code.running {
        Relation::Same | Relation::Newer => return None,
        Relation::Unclear(_) if target.declared.commit.is_none() => return None,
        Relation::Unclear(unclear) => {
            let why = unclear.sentence();
            Finding {
                severity: Severity::Note,
                summary: Some(Summary::Open(format!("unknown: {why}"))),
                reason: Some(why),
                advice: advice(unclear).map(ToOwned::to_owned),
                ..Finding::new(&RULE, format!("could not determine whether {name} runs commit {wanted}"))
            }
        }
        Relation::Behind(number) => {
            let number = phrases::count(*number, "commit");
            let why = if is_refused(code) { ", which Railway skipped because its CI checks failed" } else { "" };
            behind(target, code, format!("{name} is {number} behind {wanted}{why}"))
        }
        Relation::Diverged => {
            behind(target, code, format!("{name} runs a commit that is neither {wanted} nor a descendant of it"))
        }
    };
    Some(Finding { services: vec![target.service.clone()], ..finding })
}

fn behind(target: &Target, code: &Code, message: String) -> Finding {
    let wanted = &code.expected;
    let finding = Finding {
        severity: if target.declared.commit.is_some() { Severity::Error } else { RULE.severity },
        possible_causes: vec![PossibleCause::own(&deployment_unhealthy::RULE).uncertain()],
        ..Finding::new(&RULE, message)
    };
    if let Some(Relation::Same | Relation::Newer) = code.coming {
        return in_progress(target, wanted, finding);
    }
    let summary = match code.running {
        Relation::Behind(number) => format!("{} behind {wanted}", phrases::count(number, "commit")),
        _ => format!("neither {wanted} nor a descendant"),
    };
    let finding = Finding { summary: Some(Summary::Wrong(summary)), ..finding };
    if code.running == Relation::Diverged {
        let advice = format!("merge the two commits, or deploy {wanted} in the dashboard to drop the other changes");
        return Finding { advice: Some(advice), ..finding };
    }
    let advice = if is_refused(code) {
        format!("once its CI checks pass, deploy {wanted}")
    } else {
        "push the commit if the remote does not have it yet, then deploy it".to_owned()
    };
    Finding {
        remedies: vec![Remedy::Redeploy],
        next: Some(Finding::fix_redeploy()),
        reason: code.skipped.as_ref().and_then(skipped),
        advice: Some(advice),
        commit: newer(target, code),
        ..finding
    }
}

/// Lowers the finding to a note while a deployment with the expected commit is in progress.
fn in_progress(target: &Target, wanted: &str, finding: Finding) -> Finding {
    let coming = target.live.deployed.known().and_then(|deployed| deployed.upcoming());
    let status = coming.map(|coming| format!(" ({})", coming.status)).unwrap_or_default();
    Finding {
        severity: Severity::Note,
        reason: Some(format!("a deployment with {wanted} is in progress{status}")),
        advice: Some("wait for it to finish, then check again".to_owned()),
        summary: Some(Summary::Open(format!("a deployment with {wanted} is in progress"))),
        possible_causes: Vec::new(),
        ..finding
    }
}

/// Returns the commit to deploy if it is known to be newer than the running one.
fn newer(target: &Target, code: &Code) -> Option<Commit> {
    let running = target.live.deployed.known()?.running()?;
    let wanted = code.commit.clone().filter(|_| matches!(code.running, Relation::Behind(_)))?;
    Some(Commit { over: running.origin.commit.clone(), wanted })
}

/// Returns whether Railway skipped the expected commit because its CI checks failed.
fn is_refused(code: &Code) -> bool {
    let refused = code.skipped.as_ref().filter(|push| push.reason == SkipReason::ChecksFailed);
    refused.is_some_and(|push| push.relation == Relation::Same)
}

/// Describes the push that Railway skipped; `None` if it does not explain why the service is behind.
fn skipped(push: &SkippedPush) -> Option<String> {
    let commit = &push.commit;
    Some(match (push.reason, &push.relation) {
        (SkipReason::ChecksFailed, Relation::Same) => {
            "Railway does not retry a push whose checks failed, even if they pass later".to_owned()
        }
        (SkipReason::ChecksFailed, _) => {
            format!("Railway skipped {commit} because its CI checks failed, and does not retry it")
        }
        (SkipReason::Unwatched, Relation::Behind(number)) => format!(
            "Railway skipped commits up to {commit} because no watched file changed; {} may have changed one",
            if *number == 1 { "the commit after it".to_owned() } else { format!("the {number} commits after it") }
        ),
        (SkipReason::Unwatched, _) | (SkipReason::Unknown, Relation::Diverged | Relation::Unclear(_)) => return None,
        (SkipReason::Unknown, _) => format!("Railway skipped {commit} for an unknown reason"),
    })
}

impl IncomparableCommit {
    /// Returns the reason as a clause without a full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::OtherRepository(theirs) => {
                format!("it was built from {theirs}, which is not a remote of this checkout")
            }
            Self::OtherBranch(theirs) => format!("it was built from branch {theirs}, which is not checked out"),
            Self::UnknownCommit(hash) => format!("it runs {hash}, which this checkout does not have"),
            Self::UnknownWanted => "this checkout does not have the expected commit".to_owned(),
            Self::Image(image) => format!("it runs image {image}, which does not identify a commit"),
            Self::NoCommit => "Railway has no commit for it, for example after `railway up`".to_owned(),
            Self::NoGit(why) => format!("could not query git: {why}"),
        }
    }
}

fn advice(unclear: &IncomparableCommit) -> Option<&'static str> {
    match unclear {
        IncomparableCommit::UnknownCommit(_) | IncomparableCommit::UnknownWanted => {
            Some("run `git fetch` (with `--unshallow` in a shallow clone), then check again")
        }
        IncomparableCommit::OtherRepository(_) => Some("run doctor in a checkout of that repository"),
        IncomparableCommit::OtherBranch(_) => Some("check out that branch, or declare one of its commits"),
        IncomparableCommit::Image(_) | IncomparableCommit::NoCommit => {
            Some("remove `commit` for this service from doctor.toml")
        }
        IncomparableCommit::NoGit(_) => None,
    }
}

fn passed(_: &Survey, target: &Target) -> CheckOutcome {
    let is_declared = target.declared.commit.is_some();
    match &target.live.code {
        Observed::Known(code) => match code.running {
            Relation::Same => CheckOutcome::good(format!("runs {}", code.expected)),
            Relation::Newer => CheckOutcome::good(format!("newer than {}", code.expected)),
            _ if code.is_covered() => CheckOutcome::good(format!("no watched file changed up to {}", code.expected)),
            Relation::Behind(_) | Relation::Diverged | Relation::Unclear(_) => CheckOutcome::NotChecked,
        },
        Observed::Unavailable(why) if is_declared => CheckOutcome::open(why),
        Observed::NotRequested if is_declared => CheckOutcome::open("not checked"),
        Observed::Unavailable(_) | Observed::NotRequested => CheckOutcome::NotChecked,
    }
}

#[cfg(test)]
mod tests {
    use super::{check, passed};
    use crate::drift::model::deployment::SkipReason;
    use crate::drift::model::finding::{Remedy, Summary};
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::CheckOutcome;
    use crate::drift::rules::commit_behind::RULE;
    use crate::drift::runtime::{Code, IncomparableCommit, Relation, SkippedPush};
    use crate::drift::test_support::{healthy, latest, lines, running, survey, target};
    use crate::drift::{Finding, Survey};

    fn with(declared: Option<&str>, running: Relation, coming: Option<Relation>) -> Survey {
        let mut found = survey(&[], &[("api", &[])]);
        let target = target(&mut found, "api");
        target.declared.commit = declared.map(ToOwned::to_owned);
        target.live.code =
            Observed::Known(Code { expected: "371a158".to_owned(), commit: None, running, coming, skipped: None });
        found
    }

    #[test]
    fn reports_each_relation_for_declared_and_checked_out_commits() {
        let behind = "api is 3 commits behind 371a158";
        let one = "api is 1 commit behind 371a158";
        let diverged = "api runs a commit that is neither 371a158 nor a descendant of it";
        for (relation, message) in [
            (Relation::Same, ""),
            (Relation::Newer, ""),
            (Relation::Behind(3), behind),
            (Relation::Behind(1), one),
            (Relation::Diverged, diverged),
        ] {
            for (declared, severity) in [(Some("371a158"), "error"), (Some("HEAD"), "error"), (None, "warning")] {
                let expected: Vec<String> = Some(format!("{severity} - [api]: {message}"))
                    .filter(|_| !message.is_empty())
                    .into_iter()
                    .collect();
                assert_eq!(
                    lines(&RULE, &with(declared, relation.clone(), None)),
                    expected,
                    "{relation:?} {declared:?}"
                );
            }
        }
        let finding = &check(&with(None, Relation::Behind(1), None))[0];
        assert_eq!(finding.remedies, [Remedy::Redeploy]);
        assert!(finding.advice.as_ref().is_some_and(|advice| advice.starts_with("push the commit if the remote")));
        assert_eq!(finding.summary, Some(Summary::Wrong("1 commit behind 371a158".to_owned())));
        let suspects: Vec<_> = finding.possible_causes.iter().map(|suspect| suspect.rule.name).collect();
        assert_eq!(suspects, ["deployment-unhealthy"], "a failed build may be the cause");
        assert!(finding.next.is_some());
        let diverged = check(&with(None, Relation::Diverged, None)).remove(0);
        assert!(diverged.advice.is_some_and(|advice| advice.starts_with("merge the two commits, or deploy 371a158")));
        assert!(diverged.next.is_none() && diverged.remedies.is_empty(), "a redeploy would drop commits");
    }

    #[test]
    fn unknown_relation_is_reported_only_for_a_declared_commit() {
        let text = |text: &str| text.to_owned();
        let (fetch, remove) = ("run `git fetch` (with `--unshallow`", "remove `commit` for this service");
        for (unclear, why, advice) in [
            (
                IncomparableCommit::OtherRepository(text("shop/web")),
                "it was built from shop/web, which is not a remote of this checkout",
                "run doctor in a checkout of that repository",
            ),
            (
                IncomparableCommit::OtherBranch(text("main")),
                "it was built from branch main, which is not checked out",
                "check out that branch",
            ),
            (
                IncomparableCommit::UnknownCommit(text("9c31f04")),
                "it runs 9c31f04, which this checkout does not have",
                fetch,
            ),
            (IncomparableCommit::UnknownWanted, "this checkout does not have the expected commit", fetch),
            (
                IncomparableCommit::Image(text("redis:8")),
                "it runs image redis:8, which does not identify a commit",
                remove,
            ),
            (IncomparableCommit::NoCommit, "Railway has no commit for it, for example after `railway up`", remove),
            (IncomparableCommit::NoGit(text("git is not installed")), "could not query git: git is not installed", ""),
        ] {
            let relation = Relation::Unclear(unclear);
            assert_eq!(lines(&RULE, &with(None, relation.clone(), None)), [""; 0], "{relation:?}");
            let found = with(Some("371a158"), relation.clone(), None);
            let expected = "note - [api]: could not determine whether api runs commit 371a158";
            assert_eq!(lines(&RULE, &found), [expected], "{relation:?}");
            let finding = &check(&found)[0];
            assert_eq!(finding.reason.as_deref(), Some(why));
            assert_eq!(finding.summary, Some(Summary::Open(format!("unknown: {why}"))));
            let actual = finding.advice.as_deref().unwrap_or_default();
            assert!(actual.starts_with(advice) && actual.is_empty() == advice.is_empty(), "{relation:?}: {actual}");
        }
    }

    fn with_skipped(running: Relation, reason: SkipReason, relation: Relation) -> Survey {
        let mut found = with(Some("HEAD"), running, None);
        if let Observed::Known(code) = &mut target(&mut found, "api").live.code {
            code.skipped = Some(SkippedPush { commit: "9c31f04".to_owned(), reason, relation });
        }
        found
    }

    #[test]
    fn push_skipped_without_watched_changes_is_not_behind() {
        let unknown = || Relation::Unclear(IncomparableCommit::UnknownCommit("b90c4e7".to_owned()));
        let repository = || Relation::Unclear(IncomparableCommit::OtherRepository("shop/web".to_owned()));
        for (running, relation, is_covered) in [
            (Relation::Behind(3), Relation::Same, true),
            (Relation::Behind(3), Relation::Newer, true),
            (unknown(), Relation::Same, true),
            (Relation::Behind(3), Relation::Behind(1), false),
            (Relation::Behind(3), Relation::Diverged, false),
            (Relation::Behind(3), unknown(), false),
            (Relation::Diverged, Relation::Same, false),
            (repository(), Relation::Same, false),
        ] {
            for reason in [SkipReason::Unwatched, SkipReason::ChecksFailed, SkipReason::Unknown] {
                let found = with_skipped(running.clone(), reason, relation.clone());
                let expected = is_covered && reason == SkipReason::Unwatched;
                assert_eq!(lines(&RULE, &found).is_empty(), expected, "{running:?} {relation:?} {reason:?}");
            }
        }
    }

    #[test]
    fn skip_reason_is_reported_with_its_consequence() {
        let behind = "api is 3 commits behind 371a158";
        let refused = format!("{behind}, which Railway skipped because its CI checks failed");
        let again = "Railway does not retry a push whose checks failed, even if they pass later";
        let failed = "Railway skipped 9c31f04 because its CI checks failed, and does not retry it";
        for (reason, relation, message, why, advice) in [
            (
                SkipReason::ChecksFailed,
                Relation::Same,
                refused.as_str(),
                Some(again),
                "once its CI checks pass, deploy 371a158",
            ),
            (SkipReason::ChecksFailed, Relation::Newer, behind, Some(failed), "push the commit if the remote"),
            (SkipReason::ChecksFailed, Relation::Behind(1), behind, Some(failed), "push the commit if the remote"),
            (
                SkipReason::Unwatched,
                Relation::Behind(1),
                behind,
                Some(
                    "Railway skipped commits up to 9c31f04 because no watched file changed; the commit after it may have changed one",
                ),
                "push the commit if the remote",
            ),
            (
                SkipReason::Unwatched,
                Relation::Behind(2),
                behind,
                Some(
                    "Railway skipped commits up to 9c31f04 because no watched file changed; the 2 commits after it may have changed one",
                ),
                "push the commit if the remote",
            ),
            (
                SkipReason::Unknown,
                Relation::Same,
                behind,
                Some("Railway skipped 9c31f04 for an unknown reason"),
                "push the commit if the remote",
            ),
            (SkipReason::ChecksFailed, Relation::Diverged, behind, Some(failed), "push the commit if the remote"),
            (SkipReason::Unwatched, Relation::Diverged, behind, None, "push the commit if the remote"),
            (SkipReason::Unknown, Relation::Diverged, behind, None, "push the commit if the remote"),
        ] {
            let found = with_skipped(Relation::Behind(3), reason, relation.clone());
            let finding = check(&found).remove(0);
            assert_eq!(
                (finding.message.as_str(), finding.reason.as_deref()),
                (message, why),
                "{reason:?} {relation:?}"
            );
            assert!(finding.advice.is_some_and(|actual| actual.starts_with(advice)), "{reason:?} {relation:?}");
            assert_eq!((finding.remedies, finding.severity.name()), (vec![Remedy::Redeploy], "error"));
        }
    }

    #[test]
    fn deployment_in_progress_lowers_the_finding_to_a_note() {
        let finding = |coming| -> Finding {
            let mut found = with(Some("HEAD"), Relation::Behind(2), coming);
            running(&mut found, "api", "SUCCESS");
            latest(&mut found, "api", "WAITING");
            check(&found).remove(0)
        };
        for coming in [Relation::Same, Relation::Newer] {
            let found = finding(Some(coming));
            assert_eq!(found.severity.name(), "note");
            assert_eq!(found.reason.as_deref(), Some("a deployment with 371a158 is in progress (WAITING)"));
            assert!(found.remedies.is_empty() && found.next.is_none());
            assert_eq!(found.advice.as_deref(), Some("wait for it to finish, then check again"));
            let open = Summary::Open("a deployment with 371a158 is in progress".to_owned());
            assert_eq!((found.summary, found.possible_causes.len()), (Some(open), 0));
        }
        for coming in [None, Some(Relation::Behind(1)), Some(Relation::Unclear(IncomparableCommit::NoCommit))] {
            assert_eq!(finding(coming).severity.name(), "error");
        }
    }

    #[test]
    fn undeclared_commit_has_a_row_only_if_it_was_compared() {
        let mut found = with(None, Relation::Behind(1), None);
        assert!(matches!(passed(&found, &found.targets[0]), CheckOutcome::NotChecked));
        target(&mut found, "api").live.code = Observed::Unavailable("refused".to_owned());
        assert!(matches!(passed(&found, &found.targets[0]), CheckOutcome::NotChecked));
    }

    #[test]
    fn healthy_project_has_no_findings() {
        assert_eq!(lines(&RULE, &healthy()), [""; 0]);
        let mut found = with(Some("HEAD"), Relation::Same, None);
        for code in [Observed::NotRequested, Observed::Unavailable("refused".to_owned())] {
            target(&mut found, "api").live.code = code;
            assert_eq!(lines(&RULE, &found), [""; 0]);
        }
    }
}
