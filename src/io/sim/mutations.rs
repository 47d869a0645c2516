//! What the simulated Railway does to answer the operations that change something.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::drift::Secret;
use crate::drift::system_variables::is_provided;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{SimSource, SimVariable};
use crate::io::sim::mutation_context::{MutationContext, VariableOwner};
use crate::io::sim::options::{Deletion, Empty, MissingDelete, Overwritten, Redeployed};
use crate::io::sim::request_context::{Denied, denied};
use crate::io::sim::rollout::{DeploymentOrder, ServicePosition};
use crate::io::sim::service_settings::started;

/// The only words that are known for a service that there is nothing to deploy of.
const NO_SNAPSHOT: &str = "Cannot redeploy without a snapshot";

const UNDER_WAY: &str =
    "Cannot redeploy yet, please wait for the original deployment to finish building, then try again";

pub(crate) fn set_variables(bench: &mut MutationContext<'_>) -> Result<Value, Denied> {
    let denied = denied("variableCollectionUpsert");
    let owner = bench.owner().map_err(&denied)?;
    let variables = bench.variables.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    if variables.keys().any(|name| name.is_empty() || name.contains(['=', '\0'])) {
        return Err(denied("Invalid variable name".into()));
    }
    let reserved = variables.keys().filter(|name| is_provided(name));
    bench.blame.extend(reserved.map(|name| format!("{name} is Railway's own, and was written")));
    let quirks = bench.quirks;
    bench.stamp(owner, variables.keys());
    let map = bench.owned(owner);
    for (name, value) in variables {
        let text = Secret::new(value.as_str().unwrap_or_default());
        if text.expose().is_empty() && quirks.empty == Empty::Dropped {
            map.remove(&name);
            continue;
        }
        let stays_sealed = quirks.overwritten == Overwritten::StaysSealed;
        let stored = match map.get(&name) {
            Some(SimVariable::Sealed(_)) if stays_sealed => SimVariable::Sealed(text),
            _ => SimVariable::Open(text),
        };
        map.insert(name, stored);
    }
    bench.record.applied = true;
    Ok(json!({ "variableCollectionUpsert": true }))
}

pub(crate) fn delete_variable(bench: &mut MutationContext<'_>) -> Result<Value, Denied> {
    let denied = denied("variableDelete");
    let owner = bench.owner().map_err(&denied)?;
    let name = bench.scene().text("name").to_owned();
    let before = bench.rendered(owner);
    if bench.owned(owner).remove(&name).is_none() {
        return match bench.quirks.absent {
            MissingDelete::Refused => Err(denied("Variable not found".into())),
            MissingDelete::Accepted => Ok(json!({ "variableDelete": true })),
        };
    }
    bench.record.applied = true;
    if bench.quirks.deletion == Deletion::Deploys {
        deploy_changed(bench, owner, &before);
    }
    Ok(json!({ "variableDelete": true }))
}

/// Deploys every service whose variables are not what they were, as a write does that can't be told not to.
fn deploy_changed(bench: &mut MutationContext<'_>, owner: VariableOwner, before: &[BTreeMap<String, Option<String>>]) {
    let after = bench.rendered(owner);
    for service in 0..after.len() {
        let place = ServicePosition { project: owner.project, environment: owner.environment, service };
        let (_, _, known) = bench.estate.at(place);
        let touched = owner.service == Some(service) || before[service] != after[service];
        if touched && (!known.deployments.is_empty() || known.source != SimSource::Nothing) {
            let meta = known.meta(known.deployments.last().map(|last| &last.meta), "deploy");
            bench.make(place, DeploymentOrder { meta, captured: None, plan: None, unseen: 0 });
        }
    }
}

pub(crate) fn redeploy(bench: &mut MutationContext<'_>) -> Result<Value, Denied> {
    let denied = denied("deploymentRedeploy");
    let scene = bench.scene();
    let (place, original) = scene.deployment(scene.text("deploymentId")).map_err(&denied)?;
    let (_, environment, service) = scene.estate.at(place);
    let environment = environment.id.clone();
    let under_way = service.deployments.iter().any(SimDeployment::is_under_way);
    if !under_way && !original.can_redeploy() {
        return Err(denied(NO_SNAPSHOT.into()));
    }
    if under_way {
        return Err(denied(UNDER_WAY.into()));
    }
    if bench.is_over_the_limit(place) {
        return Err(denied("Service deployment rate limit exceeded".into()));
    }
    let meta = service.meta(Some(&original.meta), "redeploy");
    let meta = started(meta, Some(original), bench.quirks.redeployed_command);
    let captured = (bench.quirks.redeployed == Redeployed::WithCaptured).then(|| original.captured.clone());
    let id = bench.make(place, DeploymentOrder { meta, captured, plan: None, unseen: 0 });
    bench.record.applied = true;
    let made = bench.estate.service_at(place).deployments.last();
    let shown = made.map(|made| {
        json!({
            "id": made.id,
            "environmentId": environment,
            "status": made.status,
            "createdAt": made.created_at,
        })
    });
    // The answer tells the status, which is a poll.
    bench.estate.poll(&id);
    Ok(json!({ "deploymentRedeploy": shown }))
}

pub(crate) fn deploy(bench: &mut MutationContext<'_>) -> Result<Value, Denied> {
    let denied = denied("serviceInstanceDeployV2");
    let scene = bench.scene();
    let (_, environment) = scene.environment_anywhere().map_err(&denied)?;
    let place = scene.service(environment, scene.text("serviceId")).map_err(&denied)?;
    let (_, _, service) = scene.estate.at(place);
    if service.source == SimSource::Nothing {
        return Err(denied(NO_SNAPSHOT.into()));
    }
    if bench.is_over_the_limit(place) {
        return Err(denied("Service deployment rate limit exceeded".into()));
    }
    let mut meta = service.meta(None, "deploy");
    if let Some(commit) = bench.variables.get("commitSha").and_then(Value::as_str) {
        meta["commitHash"] = json!(commit);
    }
    let serving = service.deployments.iter().rev().find(|known| known.active);
    let meta = started(meta, serving, bench.quirks.deployed_command);
    let id = bench.make(place, DeploymentOrder { meta, captured: None, plan: None, unseen: 0 });
    bench.record.applied = true;
    Ok(json!({ "serviceInstanceDeployV2": id }))
}
