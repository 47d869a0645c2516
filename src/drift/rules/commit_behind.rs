//! D405 commit-behind: older code runs than is wanted.

use crate::drift::model::cause::PossibleCause;
use crate::drift::model::deployment::SkipReason;
use crate::drift::model::finding::{Finding, Remedy, Summary};
use crate::drift::model::fix::{Commit, DeployReason, Fix};
use crate::drift::model::observed::Observed;
use crate::drift::model::rule::{HookScope, Rule, StatusRow};
use crate::drift::model::severity::Severity;
use crate::drift::rules::{CheckOutcome, RuleCheck, deployment_unhealthy};
use crate::drift::runtime::{Code, Relation, SkippedPush, Unclear};
use crate::drift::{Survey, Target, phrases};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D405",
    name: "commit-behind",
    severity: Severity::Warning,
    summary: "The running commit is older than the one that is wanted",
    explain: EXPLAIN,
    fix: Some(Fix::Deployment(DeployReason::Behind)),
    status_row: Some(StatusRow { position: 4, name: "commit" }),
    hook: HookScope::CuredByCommit,
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck { passed, ..RuleCheck::new(&RULE, check) };

const EXPLAIN: &str = "\
## Why it matters

A push does not always deploy every service: watch paths, a failed build or a forgotten worker leave old code behind,
next to new code that expects something else of it.

## Example

    [services.worker]
    commit = \"371a158\"

    worker   runs 9c31f04, which is 3 commits behind 371a158

What is declared in `doctor.toml` must run, or a descendant of it: an error otherwise. Without a declaration the commit
that is checked out is what is wanted, and older code is a warning, told only where the repository and the branch are
those of the checkout. Where it can't be told (another repository or branch, a commit that the checkout does not have,
an image, `railway up`, no git), a declared commit has a note that says why.

Railway skips a push where no watched file changed: what runs then misses nothing, and is not behind. It also skips a
push whose CI checks failed, and does not try it again, even if they pass later: then it is behind, and the finding
says so. A push that was skipped without a reason proves neither.

## How to mend it

Push the commit; then `doctor fix --redeploy`, or deploy it on Railway's page. If a deployment of it is on its way,
wait for it.

## How to silence it

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
    let (name, wanted) = (&target.service.name, &code.wanted);
    let finding = match &code.running {
        Relation::Same | Relation::Newer => return None,
        Relation::Unclear(_) if target.declared.commit.is_none() => return None,
        Relation::Unclear(unclear) => {
            let why = unclear.sentence();
            Finding {
                severity: Severity::Note,
                gist: Some(Summary::Open(format!("can't be told: {why}"))),
                reason: Some(why),
                advice: advice(unclear).map(ToOwned::to_owned),
                ..Finding::new(&RULE, format!("it can't be told whether {name} runs commit {wanted}"))
            }
        }
        Relation::Behind(number) => {
            let number = phrases::count(*number, "commit");
            let why = if is_refused(code) { ", which Railway skipped because its CI checks failed" } else { "" };
            behind(target, code, format!("{name} runs a commit that is {number} behind {wanted}{why}"))
        }
        Relation::Diverged => {
            behind(target, code, format!("{name} runs a commit that is neither {wanted} nor a descendant of it"))
        }
    };
    Some(Finding { services: vec![target.service.clone()], ..finding })
}

fn behind(target: &Target, code: &Code, message: String) -> Finding {
    let wanted = &code.wanted;
    let finding = Finding {
        severity: if target.declared.commit.is_some() { Severity::Error } else { RULE.severity },
        suspects: vec![PossibleCause::own(&deployment_unhealthy::RULE).perhaps()],
        ..Finding::new(&RULE, message)
    };
    if let Some(Relation::Same | Relation::Newer) = code.coming {
        return on_its_way(target, wanted, finding);
    }
    let words = match code.running {
        Relation::Behind(number) => format!("{} behind {wanted}", phrases::count(number, "commit")),
        _ => format!("neither {wanted} nor a descendant"),
    };
    let finding = Finding { gist: Some(Summary::Wrong(words)), ..finding };
    if code.running == Relation::Diverged {
        let advice = format!("merge the two, or deploy {wanted} on Railway's page if the rest is to go");
        return Finding { advice: Some(advice), ..finding };
    }
    let advice = if is_refused(code) {
        format!("once its checks pass, deploy {wanted}")
    } else {
        "push the commit first if Railway's repository does not have it".to_owned()
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

/// What older code comes to while a deployment of the wanted commit is under way.
fn on_its_way(target: &Target, wanted: &str, finding: Finding) -> Finding {
    let coming = target.live.deployed.known().and_then(|deployed| deployed.coming());
    let status = coming.map(|coming| format!(" ({})", coming.status)).unwrap_or_default();
    Finding {
        severity: Severity::Note,
        reason: Some(format!("a deployment of it is on its way{status}")),
        advice: Some("wait until it is done, then check again".to_owned()),
        gist: Some(Summary::Open(format!("{wanted} is on its way"))),
        suspects: Vec::new(),
        ..finding
    }
}

/// Only a commit that is known to be newer takes the place of one that runs.
fn newer(target: &Target, code: &Code) -> Option<Commit> {
    let running = target.live.deployed.known()?.running()?;
    let wanted = code.commit.clone().filter(|_| matches!(code.running, Relation::Behind(_)))?;
    Some(Commit { over: running.origin.commit.clone(), wanted })
}

/// Whether the wanted commit is the one whose checks failed.
fn is_refused(code: &Code) -> bool {
    let refused = code.skipped.as_ref().filter(|push| push.reason == SkipReason::ChecksFailed);
    refused.is_some_and(|push| push.relation == Relation::Same)
}

/// What a push that Railway declined to build says of the service, where it does not have everything.
fn skipped(push: &SkippedPush) -> Option<String> {
    const FOR_GOOD: &str = "Railway does not try it again by itself, even if they pass later";
    let commit = &push.commit;
    Some(match (push.reason, &push.relation) {
        (SkipReason::ChecksFailed, Relation::Same) => FOR_GOOD.to_owned(),
        (SkipReason::ChecksFailed, _) => {
            format!("Railway skipped {commit}, because its CI checks failed; {FOR_GOOD}")
        }
        (SkipReason::Unwatched, Relation::Behind(number)) => format!(
            "up to {commit} it misses nothing, because no watched file changed; {} may",
            if *number == 1 { "the commit after that".to_owned() } else { format!("the {number} commits after that") }
        ),
        (SkipReason::Unwatched, _) | (SkipReason::Unknown, Relation::Diverged | Relation::Unclear(_)) => return None,
        (SkipReason::Unknown, _) => format!("Railway skipped {commit}, and does not say why"),
    })
}

impl Unclear {
    /// Why, as a sentence without full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::OtherRepository(theirs) => format!("it was built from {theirs}, which is no remote of this checkout"),
            Self::OtherBranch(theirs) => format!("it was built from the branch {theirs}, which is not checked out"),
            Self::UnknownCommit(hash) => format!("it runs {hash}, and this checkout does not have that commit"),
            Self::UnknownWanted => "this checkout does not have the commit that is wanted".to_owned(),
            Self::Image(image) => format!("it runs the image {image}, which names no commit"),
            Self::NoCommit => "Railway knows no commit of it, as after `railway up`".to_owned(),
            Self::NoGit(why) => format!("git can't be asked: {why}"),
        }
    }
}

fn advice(unclear: &Unclear) -> Option<&'static str> {
    match unclear {
        Unclear::UnknownCommit(_) | Unclear::UnknownWanted => {
            Some("`git fetch`, also `--unshallow` in a shallow clone, then check again")
        }
        Unclear::OtherRepository(_) => Some("run it in a checkout of that repository"),
        Unclear::OtherBranch(_) => Some("check that branch out, or declare a commit of it"),
        Unclear::Image(_) | Unclear::NoCommit => Some("remove `commit` for this service from doctor.toml"),
        Unclear::NoGit(_) => None,
    }
}

fn passed(_: &Survey, target: &Target) -> CheckOutcome {
    let is_declared = target.declared.commit.is_some();
    match &target.live.code {
        Observed::Known(code) => match code.running {
            Relation::Same => CheckOutcome::good(format!("{} runs", code.wanted)),
            Relation::Newer => CheckOutcome::good(format!("newer than {}", code.wanted)),
            _ if code.is_covered() => CheckOutcome::good(format!("no watched file changed up to {}", code.wanted)),
            Relation::Behind(_) | Relation::Diverged | Relation::Unclear(_) => CheckOutcome::NotMade,
        },
        Observed::Unavailable(why) if is_declared => CheckOutcome::open(why),
        Observed::NotRequested if is_declared => CheckOutcome::open("not looked at"),
        Observed::Unavailable(_) | Observed::NotRequested => CheckOutcome::NotMade,
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::model::deployment::SkipReason;
    use crate::drift::model::finding::{Remedy, Summary};
    use crate::drift::model::observed::Observed;
    use crate::drift::rules::commit_behind::RULE;
    use crate::drift::runtime::{Code, Relation, SkippedPush, Unclear};
    use crate::drift::test_support::{healthy, latest, lines, running, survey, target};
    use crate::drift::{Finding, Survey};

    fn with(declared: Option<&str>, running: Relation, coming: Option<Relation>) -> Survey {
        let mut found = survey(&[], &[("api", &[])]);
        let target = target(&mut found, "api");
        target.declared.commit = declared.map(ToOwned::to_owned);
        target.live.code =
            Observed::Known(Code { wanted: "371a158".to_owned(), commit: None, running, coming, skipped: None });
        found
    }

    #[test]
    fn reports_each_relation_for_declared_and_checked_out_commits() {
        let behind = "api runs a commit that is 3 commits behind 371a158";
        let one = "api runs a commit that is 1 commit behind 371a158";
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
        assert!(finding.advice.as_ref().is_some_and(|advice| advice.starts_with("push the commit first")));
        assert_eq!(finding.gist, Some(Summary::Wrong("1 commit behind 371a158".to_owned())));
        let suspects: Vec<_> = finding.suspects.iter().map(|suspect| suspect.rule.name).collect();
        assert_eq!(suspects, ["deployment-unhealthy"], "a build that failed may be why");
        assert!(finding.next.is_some());
        let diverged = check(&with(None, Relation::Diverged, None)).remove(0);
        assert!(diverged.advice.is_some_and(|advice| advice.starts_with("merge the two, or deploy 371a158")));
        assert!(diverged.next.is_none() && diverged.remedies.is_empty(), "a fix would take commits away");
    }

    #[test]
    fn unknown_relation_is_reported_only_for_declared_commit() {
        let text = |text: &str| text.to_owned();
        let (fetch, remove) = ("`git fetch`, also", "remove `commit` for this service");
        for (unclear, why, advice) in [
            (
                Unclear::OtherRepository(text("shop/web")),
                "it was built from shop/web, which is no remote of this checkout",
                "run it in a checkout of that repository",
            ),
            (
                Unclear::OtherBranch(text("main")),
                "it was built from the branch main, which is not checked out",
                "check that branch out",
            ),
            (
                Unclear::UnknownCommit(text("9c31f04")),
                "it runs 9c31f04, and this checkout does not have that commit",
                fetch,
            ),
            (Unclear::UnknownWanted, "this checkout does not have the commit that is wanted", fetch),
            (Unclear::Image(text("redis:8")), "it runs the image redis:8, which names no commit", remove),
            (Unclear::NoCommit, "Railway knows no commit of it, as after `railway up`", remove),
            (Unclear::NoGit(text("git is not installed")), "git can't be asked: git is not installed", ""),
        ] {
            let relation = Relation::Unclear(unclear);
            assert_eq!(lines(&RULE, &with(None, relation.clone(), None)), [""; 0], "{relation:?}");
            let found = with(Some("371a158"), relation.clone(), None);
            let expected = "note - [api]: it can't be told whether api runs commit 371a158";
            assert_eq!(lines(&RULE, &found), [expected], "{relation:?}");
            let finding = &check(&found)[0];
            assert_eq!(finding.reason.as_deref(), Some(why));
            assert_eq!(finding.gist, Some(Summary::Open(format!("can't be told: {why}"))));
            let said = finding.advice.as_deref().unwrap_or_default();
            assert!(said.starts_with(advice) && said.is_empty() == advice.is_empty(), "{relation:?}: {said}");
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
    fn skipped_push_without_watched_changes_covers_its_commits() {
        let unknown = || Relation::Unclear(Unclear::UnknownCommit("b90c4e7".to_owned()));
        let repository = || Relation::Unclear(Unclear::OtherRepository("shop/web".to_owned()));
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
        let behind = "api runs a commit that is 3 commits behind 371a158";
        let refused = format!("{behind}, which Railway skipped because its CI checks failed");
        let again = "Railway does not try it again by itself, even if they pass later";
        let failed = format!("Railway skipped 9c31f04, because its CI checks failed; {again}");
        for (reason, relation, message, why, advice) in [
            (
                SkipReason::ChecksFailed,
                Relation::Same,
                refused.as_str(),
                Some(again),
                "once its checks pass, deploy 371a158",
            ),
            (SkipReason::ChecksFailed, Relation::Newer, behind, Some(failed.as_str()), "push the commit first"),
            (SkipReason::ChecksFailed, Relation::Behind(1), behind, Some(&failed), "push the commit first"),
            (
                SkipReason::Unwatched,
                Relation::Behind(1),
                behind,
                Some("up to 9c31f04 it misses nothing, because no watched file changed; the commit after that may"),
                "push the commit first",
            ),
            (
                SkipReason::Unwatched,
                Relation::Behind(2),
                behind,
                Some("up to 9c31f04 it misses nothing, because no watched file changed; the 2 commits after that may"),
                "push the commit first",
            ),
            (
                SkipReason::Unknown,
                Relation::Same,
                behind,
                Some("Railway skipped 9c31f04, and does not say why"),
                "push the commit first",
            ),
            (SkipReason::ChecksFailed, Relation::Diverged, behind, Some(&failed), "push the commit first"),
            (SkipReason::Unwatched, Relation::Diverged, behind, None, "push the commit first"),
            (SkipReason::Unknown, Relation::Diverged, behind, None, "push the commit first"),
        ] {
            let found = with_skipped(Relation::Behind(3), reason, relation.clone());
            let finding = check(&found).remove(0);
            assert_eq!(
                (finding.message.as_str(), finding.reason.as_deref()),
                (message, why),
                "{reason:?} {relation:?}"
            );
            assert!(finding.advice.is_some_and(|said| said.starts_with(advice)), "{reason:?} {relation:?}");
            assert_eq!((finding.remedies, finding.severity.name()), (vec![Remedy::Redeploy], "error"));
        }
    }

    #[test]
    fn deployment_under_way_is_not_behind() {
        let finding = |coming| -> Finding {
            let mut found = with(Some("HEAD"), Relation::Behind(2), coming);
            running(&mut found, "api", "SUCCESS");
            latest(&mut found, "api", "WAITING");
            check(&found).remove(0)
        };
        for coming in [Relation::Same, Relation::Newer] {
            let found = finding(Some(coming));
            assert_eq!(found.severity.name(), "note");
            assert_eq!(found.reason.as_deref(), Some("a deployment of it is on its way (WAITING)"));
            assert!(found.remedies.is_empty() && found.next.is_none());
            assert_eq!(found.advice.as_deref(), Some("wait until it is done, then check again"));
        }
        for coming in [None, Some(Relation::Behind(1)), Some(Relation::Unclear(Unclear::NoCommit))] {
            assert_eq!(finding(coming).severity.name(), "error");
        }
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
