//! The mutations of the simulated Railway, except for settings.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::drift::Secret;
use crate::drift::system_variables::is_provided;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{SimSource, SimVariable};
use crate::io::sim::mutation_context::{MutationContext, SimOwner};
use crate::io::sim::options::{Deletion, Empty, MissingDelete, Overwritten, Redeployed};
use crate::io::sim::request_context::{Denied, denied};
use crate::io::sim::rollout::{DeploymentOrder, ServicePosition};
use crate::io::sim::service_settings::started;

/// The only known message for a service that has nothing to deploy.
const NO_SNAPSHOT: &str = "Cannot redeploy without a snapshot";

const UNDER_WAY: &str =
    "Cannot redeploy yet, please wait for the original deployment to finish building, then try again";

pub(crate) fn set_variables(context: &mut MutationContext<'_>) -> Result<Value, Denied> {
    let denied = denied("variableCollectionUpsert");
    let owner = context.owner().map_err(&denied)?;
    let variables = context.variables.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    if variables.keys().any(|name| name.is_empty() || name.contains(['=', '\0'])) {
        return Err(denied("Invalid variable name".into()));
    }
    let reserved = variables.keys().filter(|name| is_provided(name));
    context.blame.extend(reserved.map(|name| format!("{name} is reserved by Railway and was written")));
    let quirks = context.quirks;
    context.stamp(owner, variables.keys());
    let map = context.owned(owner);
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
    context.record.applied = true;
    Ok(json!({ "variableCollectionUpsert": true }))
}

pub(crate) fn delete_variable(context: &mut MutationContext<'_>) -> Result<Value, Denied> {
    let denied = denied("variableDelete");
    let owner = context.owner().map_err(&denied)?;
    let name = context.request().text("name").to_owned();
    let before = context.rendered(owner);
    if context.owned(owner).remove(&name).is_none() {
        return match context.quirks.absent {
            MissingDelete::Refused => Err(denied("Variable not found".into())),
            MissingDelete::Accepted => Ok(json!({ "variableDelete": true })),
        };
    }
    context.record.applied = true;
    if context.quirks.deletion == Deletion::Deploys {
        deploy_changed(context, owner, &before);
    }
    Ok(json!({ "variableDelete": true }))
}

/// Deploys every service whose variables have changed, like any write without `skipDeploys`.
fn deploy_changed(context: &mut MutationContext<'_>, owner: SimOwner, before: &[BTreeMap<String, Option<String>>]) {
    let after = context.rendered(owner);
    for service in 0..after.len() {
        let place = ServicePosition { project: owner.project, environment: owner.environment, service };
        let (_, _, known) = context.estate.at(place);
        let touched = owner.service == Some(service) || before[service] != after[service];
        if touched && (!known.deployments.is_empty() || known.source != SimSource::Nothing) {
            let meta = known.meta(known.deployments.last().map(|last| &last.meta), "deploy");
            context.make(place, DeploymentOrder { meta, captured: None, plan: None, unseen: 0 });
        }
    }
}

pub(crate) fn redeploy(context: &mut MutationContext<'_>) -> Result<Value, Denied> {
    let denied = denied("deploymentRedeploy");
    let request = context.request();
    let (place, original) = request.deployment(request.text("deploymentId")).map_err(&denied)?;
    let (_, environment, service) = request.estate.at(place);
    let environment = environment.id.clone();
    let under_way = service.deployments.iter().any(SimDeployment::is_under_way);
    if !under_way && !original.can_redeploy() {
        return Err(denied(NO_SNAPSHOT.into()));
    }
    if under_way {
        return Err(denied(UNDER_WAY.into()));
    }
    if context.is_over_the_limit(place) {
        return Err(denied("Service deployment rate limit exceeded".into()));
    }
    let meta = service.meta(Some(&original.meta), "redeploy");
    let meta = started(meta, Some(original), context.quirks.redeployed_command);
    let captured = (context.quirks.redeployed == Redeployed::WithCaptured).then(|| original.captured.clone());
    let id = context.make(place, DeploymentOrder { meta, captured, plan: None, unseen: 0 });
    context.record.applied = true;
    let made = context.estate.service_at(place).deployments.last();
    let shown = made.map(|made| {
        json!({
            "id": made.id,
            "environmentId": environment,
            "status": made.status,
            "createdAt": made.created_at,
        })
    });
    // The response contains the status, so it counts as a poll.
    context.estate.poll(&id);
    Ok(json!({ "deploymentRedeploy": shown }))
}

pub(crate) fn deploy(context: &mut MutationContext<'_>) -> Result<Value, Denied> {
    let denied = denied("serviceInstanceDeployV2");
    let request = context.request();
    let (_, environment) = request.environment_anywhere().map_err(&denied)?;
    let place = request.service(environment, request.text("serviceId")).map_err(&denied)?;
    let (_, _, service) = request.estate.at(place);
    if service.source == SimSource::Nothing {
        return Err(denied(NO_SNAPSHOT.into()));
    }
    if context.is_over_the_limit(place) {
        return Err(denied("Service deployment rate limit exceeded".into()));
    }
    let mut meta = service.meta(None, "deploy");
    if let Some(commit) = context.variables.get("commitSha").and_then(Value::as_str) {
        meta["commitHash"] = json!(commit);
    }
    let serving = service.deployments.iter().rev().find(|known| known.active);
    let meta = started(meta, serving, context.quirks.deployed_command);
    let id = context.make(place, DeploymentOrder { meta, captured: None, plan: None, unseen: 0 });
    context.record.applied = true;
    Ok(json!({ "serviceInstanceDeployV2": id }))
}
