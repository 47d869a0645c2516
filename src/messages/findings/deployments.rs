//! Deployments, their variables and their commits.

use crate::drift::Survey;
use crate::drift::model::deployment::{Deployed, Deployment, SkipReason};
use crate::drift::model::observed::Observed;
use crate::drift::model::staged_changes::{OtherChanges, StagedChanges, StagedState};
use crate::drift::rules;
use crate::drift::runtime::{Code, DeploymentFailure, IncomparableCommit, Relation, ServiceSettings, SkippedPush};
use crate::drift::test_support::{changed, deployment, got, latest, named, running, survey, target};
use crate::messages::findings::Circumstance;

pub(super) fn circumstances() -> Vec<Circumstance> {
    let rules = [
        stale_deployment(),
        possibly_stale_deployment(),
        unhealthy_deployment(),
        failed_deployment(),
        skipped_deployment(),
        never_deployed(),
        staged_changes(),
        failed_staged_changes(),
        commit_behind(),
        skipped_commit(),
        unknown_commit(),
    ];
    rules.into_iter().flatten().collect()
}

fn deployed(found: &mut Survey) -> &mut Deployed {
    match &mut target(found, "api").live.deployed {
        Observed::Known(deployed) => deployed,
        _ => panic!("the deployments are unknown"),
    }
}

fn active(found: &mut Survey) -> &mut Deployment {
    &mut deployed(found).active[0]
}

fn newest(found: &mut Survey) -> &mut Deployment {
    deployed(found).latest.as_mut().expect("a newest deployment")
}

fn make_cron(found: &mut Survey) {
    let settings = ServiceSettings { cron: Some("0 * * * *".to_owned()), ..ServiceSettings::default() };
    target(found, "api").live.settings = Observed::Known(settings);
}

/// Returns a running deployment of `api` with old values of two keys.
fn outdated() -> Survey {
    let mut found = survey(&[], &[("api", &["API_KEY=4f1c9a77", "OPS_KEY=4f1c9a77"])]);
    running(&mut found, "api", "SUCCESS");
    got(&mut found, "api", &["API_KEY=b03e51d2", "OPS_KEY=4f1c9a77"]);
    found
}

fn stale_deployment() -> Vec<Circumstance> {
    let case = |name, change: fn(&mut Survey)| {
        let mut found = outdated();
        change(&mut found);
        Circumstance::new(&rules::stale_deployment::RULE, name, &found)
    };
    vec![
        case("old value of one key", |_| ()),
        case("old values of several keys", |found| got(found, "api", &[])),
        case("asleep", |found| running(found, "api", "SLEEPING")),
        case("cron service", make_cron),
        case("rollback", |found| active(found).origin.reason = Some("rollback".to_owned())),
        case("several running deployments", |found| deployed(found).active.push(deployment("0", "SUCCESS"))),
        case("redeployed by Railway", |found| active(found).origin.reason = Some("autoupdate".to_owned())),
        case("newer deployment in progress", |found| latest(found, "api", "BUILDING")),
        case("newer deployment started by Railway", |found| {
            latest(found, "api", "BUILDING");
            newest(found).origin.reason = Some("security-update".to_owned());
        }),
        case("newer deployment needs approval", |found| latest(found, "api", "NEEDS_APPROVAL")),
        case("newer deployment failed", |found| latest(found, "api", "FAILED")),
        case("the file has another value", |found| {
            found.files = survey(&["API_KEY=77e0aa31"], &[]).files;
        }),
    ]
}

fn possibly_stale_deployment() -> Vec<Circumstance> {
    let case = |name, time: &str, change: fn(&mut Survey)| {
        let mut found = outdated();
        target(&mut found, "api").live.got = Observed::Unavailable("permission denied".to_owned());
        changed(&mut found, "api", "API_KEY", time);
        change(&mut found);
        Circumstance::new(&rules::stale_deployment::RULE, name, &found)
    };
    let (later, near) = ("2026-11-24T10:00:00.000Z", "2026-11-24T09:00:02.000Z");
    vec![
        case("key changed after the deployment", later, |_| ()),
        case("keys changed after the deployment", later, |found| {
            changed(found, "api", "OPS_KEY", "2026-11-24T10:00:00.000Z");
        }),
        case("key changed while asleep", later, |found| running(found, "api", "SLEEPING")),
        case("key changed before the next run of a cron service", later, make_cron),
        case("key changed after a rollback", later, |found| active(found).origin.reason = Some("rollback".to_owned())),
        case("key changed during the deployment", near, |_| ()),
        case("references not rendered", later, |found| {
            target(found, "api").stored =
                survey(&[], &[("api", &["API_KEY=4f1c9a77", "URL=${{worker.URL}} => x"])]).targets.remove(0).stored;
            got(found, "api", &["API_KEY=b03e51d2", "URL=${{worker.URL}}"]);
        }),
    ]
}

fn unhealthy(name: &'static str, active: &[&str], newest: &str, change: fn(&mut Survey)) -> Circumstance {
    let mut found = survey(&[], &[("api", &[])]);
    for status in active {
        running(&mut found, "api", status);
    }
    latest(&mut found, "api", newest);
    change(&mut found);
    Circumstance::new(&rules::deployment_unhealthy::RULE, name, &found)
}

fn unhealthy_deployment() -> Vec<Circumstance> {
    let running = &["SUCCESS"];
    vec![
        unhealthy("failed, nothing is running", &[], "FAILED", |_| ()),
        unhealthy("failed, an older one is running", running, "FAILED", |_| ()),
        unhealthy("failed, an older one is asleep", &["SLEEPING"], "FAILED", |_| ()),
        unhealthy("failed, another one is starting", &["DEPLOYING"], "FAILED", |_| ()),
        unhealthy("crashed, nothing is running", &[], "CRASHED", |_| ()),
        unhealthy("crashed, an older one is running", running, "CRASHED", |_| ()),
        unhealthy("crashed, a newer one is in progress", &["CRASHED"], "BUILDING", |_| ()),
        unhealthy("needs approval, nothing is running", &[], "NEEDS_APPROVAL", |_| ()),
        unhealthy("needs approval, an older one is running", running, "NEEDS_APPROVAL", |_| ()),
        unhealthy("removed", &[], "REMOVED", |_| ()),
        unhealthy("process exited", running, "SUCCESS", |found| newest(found).stopped = true),
    ]
}

fn failed_deployment() -> Vec<Circumstance> {
    let case = |name, failure: Observed<DeploymentFailure>| {
        let mut found = survey(&[], &[("api", &[])]);
        latest(&mut found, "api", "FAILED");
        target(&mut found, "api").live.failure = failure;
        Circumstance::new(&rules::deployment_unhealthy::RULE, name, &found)
    };
    let known = |step: Option<&str>, said: Option<&str>, diagnosis: Option<&str>| {
        let [step, said, diagnosis] = [step, said, diagnosis].map(|text| text.map(str::to_owned));
        Observed::Known(DeploymentFailure { step, message: said, diagnosis })
    };
    vec![
        case("failed step", known(Some("HEALTHCHECK"), None, None)),
        case("failed step with a message", known(Some("BUILD_IMAGE"), Some("no such file"), None)),
        case("message without a step", known(None, Some("no such file"), None)),
        case("diagnosis", known(Some("HEALTHCHECK"), None, Some("wrong port"))),
        case("unknown failure", Observed::Unavailable("permission denied".to_owned())),
    ]
}

fn skipped_deployment() -> Vec<Circumstance> {
    let unwatched = |found: &mut Survey| {
        newest(found).origin.commit = Some("371a158f00".to_owned());
        newest(found).origin.skipped_reason = Some("No changes to watched files".to_owned());
    };
    let checks_failed = |found: &mut Survey| {
        newest(found).origin.commit = Some("371a158f00".to_owned());
        newest(found).origin.skipped_reason = Some("CI check suite failed".to_owned());
    };
    let running = &["SUCCESS"];
    vec![
        unhealthy("skipped without changes, an older one is running", running, "SKIPPED", unwatched),
        unhealthy("skipped without changes, nothing is running", &[], "SKIPPED", unwatched),
        unhealthy("skipped after failed checks, an older one is running", running, "SKIPPED", checks_failed),
        unhealthy("skipped after failed checks, nothing is running", &[], "SKIPPED", checks_failed),
        unhealthy("skipped for an unknown reason, an older one is running", running, "SKIPPED", |_| ()),
        unhealthy("skipped for an unknown reason, nothing is running", &[], "SKIPPED", |_| ()),
    ]
}

fn never_deployed() -> Vec<Circumstance> {
    let case = |name, service: &str| {
        let mut found = survey(&[], &[(service, &[])]);
        target(&mut found, service).live.deployed = Observed::Known(Deployed::default());
        Circumstance::new(&rules::never_deployed::RULE, name, &found)
    };
    vec![case("no deployment", "api"), case("name with a space", "my api")]
}

/// Returns staged changes of a service's keys.
fn staged(keys: &[&str], others: OtherChanges) -> StagedChanges {
    StagedChanges {
        state: StagedState::Waiting,
        variables: keys.iter().map(|&key| (Some(named("api").id), key.to_owned())).collect(),
        settings: Vec::new(),
        others,
        updated_at: "2026-11-24T09:00:00.000Z".to_owned(),
        by: None,
        error: None,
    }
}

fn with_staged(name: &'static str, staged: StagedChanges) -> Circumstance {
    let mut found = survey(&["API_KEY=4f1c9a77"], &[("api", &["API_KEY=4f1c9a77"])]);
    found.staged = Observed::Known(Some(staged));
    Circumstance::new(&rules::staged_changes::RULE, name, &found)
}

fn staged_changes() -> Vec<Circumstance> {
    let (none, settings) = (OtherChanges::None, OtherChanges::Some);
    let by = Some("ann@example.com".to_owned());
    let applying = StagedChanges { by: by.clone(), state: StagedState::Applying, ..staged(&["API_KEY"], none) };
    vec![
        with_staged("compared key", staged(&["API_KEY"], none)),
        with_staged("compared key, other keys and settings", staged(&["API_KEY", "DEBUG", "LOG_LEVEL"], settings)),
        with_staged("keys that are not compared", staged(&["DEBUG", "LOG_LEVEL"], none)),
        with_staged("settings", staged(&[], settings)),
        with_staged("known author", StagedChanges { by, ..staged(&["API_KEY"], none) }),
        with_staged("being applied", applying),
    ]
}

fn failed_staged_changes() -> Vec<Circumstance> {
    let failed = |state, error: Option<&str>| StagedChanges {
        state,
        error: error.map(str::to_owned),
        ..staged(&["API_KEY"], OtherChanges::None)
    };
    vec![
        with_staged("could not be applied", failed(StagedState::Failed, Some("no such image"))),
        with_staged("could not be applied for an unknown reason", failed(StagedState::Failed, None)),
        with_staged("staged again after a failure", failed(StagedState::Waiting, Some("no such image"))),
    ]
}

fn commit(
    name: &'static str,
    declared: Option<&str>,
    running: Relation,
    change: impl FnOnce(&mut Survey, &mut Code),
) -> Circumstance {
    let mut found = survey(&[], &[("api", &[])]);
    let mut code = Code { expected: "371a158".to_owned(), commit: None, running, coming: None, skipped: None };
    change(&mut found, &mut code);
    let target = target(&mut found, "api");
    target.declared.commit = declared.map(str::to_owned);
    target.live.code = Observed::Known(code);
    Circumstance::new(&rules::commit_behind::RULE, name, &found)
}

fn commit_behind() -> Vec<Circumstance> {
    let declared = Some("371a158");
    vec![
        commit("behind the checkout", None, Relation::Behind(3), |_, _| ()),
        commit("behind the declared commit", declared, Relation::Behind(1), |_, _| ()),
        commit("diverged", declared, Relation::Diverged, |_, _| ()),
        commit("newest deployment failed", declared, Relation::Behind(3), |found, _| {
            running(found, "api", "SUCCESS");
            latest(found, "api", "FAILED");
        }),
        commit("deployment in progress", declared, Relation::Behind(3), |found, code| {
            running(found, "api", "SUCCESS");
            latest(found, "api", "WAITING");
            code.coming = Some(Relation::Same);
        }),
    ]
}

fn skipped_commit() -> Vec<Circumstance> {
    let case = |name, reason, relation| {
        commit(name, Some("371a158"), Relation::Behind(3), |_, code| {
            code.skipped = Some(SkippedPush { commit: "9c31f04".to_owned(), reason, relation });
        })
    };
    vec![
        case("skipped after failed checks", SkipReason::ChecksFailed, Relation::Same),
        case("another commit skipped after failed checks", SkipReason::ChecksFailed, Relation::Behind(1)),
        case("previous commit skipped without changes", SkipReason::Unwatched, Relation::Behind(1)),
        case("older commit skipped without changes", SkipReason::Unwatched, Relation::Behind(2)),
        case("skipped for an unknown reason", SkipReason::Unknown, Relation::Same),
    ]
}

fn unknown_commit() -> Vec<Circumstance> {
    let case = |name, unclear| commit(name, Some("371a158"), Relation::Unclear(unclear), |_, _| ());
    vec![
        case("another repository", IncomparableCommit::OtherRepository("acme/web".to_owned())),
        case("another branch", IncomparableCommit::OtherBranch("main".to_owned())),
        case("unknown running commit", IncomparableCommit::UnknownCommit("9c31f04".to_owned())),
        case("unknown declared commit", IncomparableCommit::UnknownWanted),
        case("an image", IncomparableCommit::Image("redis:8".to_owned())),
        case("no commit", IncomparableCommit::NoCommit),
        case("no git", IncomparableCommit::NoGit("git is not installed".to_owned())),
    ]
}
