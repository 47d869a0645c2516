//! The running state that needs further requests: change times of variables, failures, and commits.

use std::collections::BTreeMap;

use crate::commands::gather::read_railway::StoredSides;
use crate::drift::Target;
use crate::drift::model::deployment::{Deployment, DeploymentSource, DeploymentStatus, SkipReason};
use crate::drift::model::observed::Observed;
use crate::drift::model::variable_times::ChangeTimes;
use crate::drift::runtime::Relation;
use crate::drift::stale_evidence::stale_keys;
use crate::io::git::commit_relation::{RelationQuery, relate};
use crate::io::git::{self, GitClient};
use crate::io::railway::client::Client;
use crate::io::railway::environment::Shape;
use crate::io::world::World;

/// Both sides, with the running state.
pub(super) struct RunningSides {
    /// Both sides, with the variables as stored.
    pub(super) stored: StoredSides,
    /// When variables were last changed.
    pub(super) times: Observed<ChangeTimes>,
}

/// Completes the running state of the services in scope.
pub(super) fn read_running(
    client: &Client<'_>,
    shape: &Shape,
    mut stored: StoredSides,
    world: &World<'_>,
) -> RunningSides {
    let times = complete(client, shape, &mut stored.targets, world);
    RunningSides { stored, times }
}

/// Completes the running state of targets that were read again.
pub(super) fn complete(
    client: &Client<'_>,
    shape: &Shape,
    targets: &mut [Target],
    world: &World<'_>,
) -> Observed<ChangeTimes> {
    let times = read_details(client, shape, targets);
    relate_commits(client, shape, targets, world);
    times
}

/// Queries details that only problems need: the steps of failed deployments, and the change times of variables if the
/// variables of a running deployment are unknown.
fn read_details(client: &Client<'_>, shape: &Shape, targets: &mut [Target]) -> Observed<ChangeTimes> {
    read_failures(client, targets);
    if !targets.iter().any(needs_times) {
        return Observed::NotRequested;
    }
    client.variable_times(shape).map_or_else(|error| Observed::Unavailable(error.cause_or_message()), Observed::Known)
}

/// Returns whether the variables of the running deployment can't be compared.
fn needs_times(target: &Target) -> bool {
    let runs = target.live.deployed.known().is_some_and(|deployed| deployed.running().is_some());
    let is_unknown = match (&target.live.got, &target.stored) {
        (Observed::Unavailable(_), Ok(_)) => true,
        (Observed::Known(got), Ok(stored)) => stale_keys(got, stored).is_none(),
        _ => false,
    };
    runs && is_unknown
}

fn read_failures(client: &Client<'_>, targets: &mut [Target]) {
    let failed: Vec<(usize, String)> = targets
        .iter()
        .enumerate()
        .filter_map(|(index, target)| {
            let newest = target.live.deployed.known()?.newest()?;
            matches!(newest.status, DeploymentStatus::Failed | DeploymentStatus::Crashed)
                .then(|| (index, newest.id.clone()))
        })
        .collect();
    if failed.is_empty() {
        return;
    }
    let ids: Vec<&str> = failed.iter().map(|(_, id)| id.as_str()).collect();
    let answers = client.failures(&ids);
    for (position, (index, _)) in failed.iter().enumerate() {
        let target: &mut Target = &mut targets[*index];
        target.live.failure = match &answers {
            Err(error) => Observed::Unavailable(error.cause_or_message()),
            Ok(answers) => answers[position].clone(),
        };
    }
}

/// Compares the running commits with the declared ones, or else with the checkout.
fn relate_commits(client: &Client<'_>, shape: &Shape, targets: &mut [Target], world: &World<'_>) {
    relate_with(client, targets, world, &BTreeMap::new());
    let skipped = skipped_before(client, shape, targets);
    if !skipped.is_empty() {
        relate_with(client, targets, world, &skipped);
    }
}

/// Returns skipped pushes that are not the latest deployment, by service id: a redeploy of older code or another push
/// is newer. Sends one request for each service that seems to be behind and may have one.
fn skipped_before(client: &Client<'_>, shape: &Shape, targets: &[Target]) -> BTreeMap<String, Deployment> {
    let skipped = |target: &Target| {
        let code = target.live.code.known()?;
        let running = &target.live.deployed.known()?.running()?.origin;
        let may_have = match &code.skipped {
            None => !running.is_push(),
            Some(push) => !matches!(push.relation, Relation::Same | Relation::Behind(_)),
        };
        if code.is_covered() || !may_have || !matches!(code.running, Relation::Behind(_)) {
            return None;
        }
        let id = &target.service.id;
        let recent = client.recent(&shape.project.id, &shape.environment.id, id).ok()?;
        Some((id.clone(), skipped_push(recent, running, code.commit.as_deref())?))
    };
    targets.iter().filter_map(skipped).collect()
}

/// Returns the skipped push that explains why the service is behind: the push of the wanted commit, else the newest
/// one; if that push or an older one failed its checks, the newest of those. Returns `None` if a later push was
/// deployed. `recent` starts with the newest deployment.
fn skipped_push(recent: Vec<Deployment>, running: &DeploymentSource, wanted: Option<&str>) -> Option<Deployment> {
    let is_skipped = |one: &Deployment| one.status == DeploymentStatus::Skipped;
    let is_push = |one: &Deployment| one.origin.commit.is_some() && (is_skipped(one) || one.origin.is_push());
    let mut pushes = recent.into_iter().filter(is_push).peekable();
    let mut skipped: Vec<Deployment> = std::iter::from_fn(|| pushes.next_if(is_skipped)).collect();
    if pushes.next().is_some_and(|push| push.origin.commit != running.commit) {
        return None;
    }
    let newest = skipped.iter().position(|push| push.origin.commit.as_deref() == wanted).unwrap_or(0);
    skipped.drain(..newest);
    let refused = skipped.iter().position(|push| push.origin.skip_reason() == SkipReason::ChecksFailed);
    skipped.into_iter().nth(refused.unwrap_or(0))
}

fn relate_with(
    client: &Client<'_>,
    targets: &mut [Target],
    world: &World<'_>,
    skipped_before: &BTreeMap<String, Deployment>,
) {
    let root = git::root(&world.directory);
    let mut indexes = Vec::new();
    let mut questions = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        let Some(deployed) = target.live.deployed.known() else { continue };
        let Some(running) = deployed.running() else { continue };
        indexes.push(index);
        questions.push(RelationQuery {
            declared: target.declared.commit.as_deref(),
            running: &running.origin,
            coming: deployed.upcoming().map(|coming| &coming.origin),
            skipped: skipped_before.get(&target.service.id).or(deployed.skipped()).map(|push| &push.origin),
        });
    }
    let answers = relate(&GitClient::new(&world.variables).within(client.remaining()), root.as_deref(), &questions);
    for (index, code) in indexes.into_iter().zip(answers) {
        targets[index].live.code = code;
    }
}
