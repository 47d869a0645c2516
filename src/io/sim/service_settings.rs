//! The settings of services. The simulated Railway accepts a change of a start command, and nothing else.

use serde_json::{Map, Value, json};

use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{SimService, SimSource};
use crate::io::sim::mutation_context::MutationContext;
use crate::io::sim::options::{PatchDeploys, Patched, Started};
use crate::io::sim::request_context::{Denied, RequestContext, denied};
use crate::io::sim::rollout::{DeploymentOrder, ServicePosition};

/// The prefix of the workflow id in the response to a committed patch.
const WORKFLOW: &str = "commitPatch/";

pub(crate) fn start_commands(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("environment");
    let (project, environment) = request.environment().map_err(&denied)?;
    let node = |service: &SimService| json!({ "serviceId": service.id, "startCommand": service.start_command });
    let services = request.services(environment, request.after(), node).map_err(&denied)?;
    Ok(json!({ "environment": { "id": environment.id, "projectId": project.id, "serviceInstances": services } }))
}

/// Returns the progress of a patch. It is applied immediately here.
pub(crate) fn patch_progress(request: &RequestContext<'_>) -> Result<Value, Denied> {
    request.reach.map_err(|message| denied("workflowStatus")(message.into()))?;
    let is_known = request.text("workflowId").starts_with(WORKFLOW);
    Ok(json!({ "workflowStatus": { "status": if is_known { "Complete" } else { "NotFound" }, "error": null } }))
}

/// Returns the service and the start command of a patch that contains nothing else.
fn only_command(patch: &Value) -> Option<(&String, Option<&str>)> {
    let only = |key: &'static str, object: &'_ Map<String, Value>| {
        if object.len() == 1 { object.get(key).cloned() } else { None }
    };
    let services = patch.as_object().filter(|patch| patch.len() == 1)?.get("services")?.as_object()?;
    let (service, parts) = services.iter().next().filter(|_| services.len() == 1)?;
    only("deploy", parts.as_object()?)?;
    let deploy = parts["deploy"].as_object()?;
    only("startCommand", deploy)?;
    let command = &parts["deploy"]["startCommand"];
    (command.is_null() || command.is_string()).then_some((service, command.as_str()))
}

pub(crate) fn commit_patch(context: &mut MutationContext<'_>) -> Result<Value, Denied> {
    let denied = denied("environmentPatchCommit");
    let patch = context.variables.get("patch").cloned().unwrap_or_default();
    let Some((service, command)) = only_command(&patch) else {
        context.blame.push("a patch contains more than one start command".to_owned());
        return Err(denied("Invalid patch".into()));
    };
    if command.is_some_and(|command| command.trim().is_empty()) {
        context.blame.push("an empty start command was sent".to_owned());
    }
    let request = context.request();
    let (_, environment) = request.environment_anywhere().map_err(&denied)?;
    let place = request.service(environment, service).map_err(&denied)?;
    set(context, place, command);
    context.record.applied = true;
    let (_, _, known) = context.estate.at(place);
    let serving = known.deployments.iter().rev().find(|one| one.active).or(known.deployments.last());
    let base = serving.map(|one| one.meta.clone()).filter(|_| context.quirks.patch_deploys == PatchDeploys::SameCommit);
    let is_deployed = !known.deployments.is_empty() || known.source != SimSource::Nothing;
    if context.quirks.patch_deploys != PatchDeploys::Nothing && is_deployed {
        if context.is_over_the_limit(place) {
            return Err(denied("Service deployment rate limit exceeded".into()));
        }
        let mut meta = context.estate.at(place).2.meta(base.as_ref(), "deploy");
        let id = format!("7ac4ed00-0000-4000-8000-{:012}", context.estate.at(place).2.deployments.len());
        meta["patchId"] = json!(id);
        context.make(place, DeploymentOrder { meta, captured: None, plan: None, unseen: 0 });
    }
    Ok(json!({ "environmentPatchCommit": format!("{WORKFLOW}7ac4ed00") }))
}

/// Sets the command in one environment, or in all with `Patched::All`.
fn set(context: &mut MutationContext<'_>, place: ServicePosition, command: Option<&str>) {
    let id = context.estate.at(place).2.id.clone();
    let in_all = context.quirks.patched == Patched::All;
    let environments = context.estate.projects[place.project].environments.iter_mut().enumerate();
    for (_, environment) in environments.filter(|(index, _)| in_all || *index == place.environment) {
        for service in environment.services.iter_mut().filter(|service| service.id == id) {
            service.start_command = command.map(ToOwned::to_owned);
        }
    }
}

/// Replaces the start command in `meta` by that of the older deployment, if `started` requires it.
pub(crate) fn started(mut meta: Value, base: Option<&SimDeployment>, started: Started) -> Value {
    if let (Started::WithCaptured, Some(base)) = (started, base) {
        meta["serviceManifest"]["deploy"]["startCommand"] =
            base.meta["serviceManifest"]["deploy"]["startCommand"].clone();
    }
    meta
}
