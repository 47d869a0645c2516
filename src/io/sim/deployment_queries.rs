//! The queries about deployments, whose states advance with each read.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::drift::Secret;
use crate::io::sim::builder::identity;
use crate::io::sim::clock::SimClock;
use crate::io::sim::deployment::{Captured, Event, SimDeployment};
use crate::io::sim::environment_config;
use crate::io::sim::estate::{Environment, SimService, SimSource};
use crate::io::sim::log_line::SimLogLine;
use crate::io::sim::options::{BuildLogs, Snapshots, SystemVariables};
use crate::io::sim::pagination::connection;
use crate::io::sim::render::Renderer;
use crate::io::sim::request_context::{Denied, RequestContext, batched, denied};
use crate::io::sim::rollout::ServicePosition;
use crate::io::sim::tracing;

const DEPLOYMENTS_PER_PAGE: usize = 10;
const EVENTS_PER_PAGE: usize = 50;

/// The maximum number of lines per request. With a larger limit, Railway returns none, as users have reported.
const MOST_LINES: usize = 5000;

pub(crate) fn pre_write_state(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let (_, environment) = request.environment_anywhere().map_err(denied("environmentStagedChanges"))?;
    let staged = staged(request, environment);
    let (_, environment) = request.environment().map_err(denied("environment"))?;
    let instance = |service| instance(request, service);
    let services = request.services(environment, request.after(), instance).map_err(denied("environment"))?;
    let environment =
        json!({ "id": environment.id, "projectId": request.text("projectId"), "serviceInstances": services });
    Ok(json!({ "environmentStagedChanges": staged, "environment": environment }))
}

/// Returns the staged changes, or the placeholder if there are none.
pub(crate) fn staged(request: &RequestContext<'_>, environment: &Environment) -> Value {
    match &environment.staged {
        Some(staged) => json!({
            "id": staged.id,
            "environmentId": environment.id,
            "status": staged.status,
            "patch": environment_config::patch(&staged.patch, request.quirks),
            "lastAppliedError": staged.last_error,
            "updatedAt": staged.updated_at,
        }),
        None => json!({
            "id": "<empty>",
            "environmentId": environment.id,
            "status": "STAGED",
            "patch": {},
            "updatedAt": request.estate.clock.text(),
        }),
    }
}

/// Returns the deployments of a service.
pub(crate) fn instance(request: &RequestContext<'_>, service: &SimService) -> Value {
    let active = service.deployments.iter().filter(|known| known.active);
    json!({
        "serviceId": service.id,
        "latestDeployment": latest(request, service).map(|known| in_full(request, known)),
        "activeDeployments": active.map(|known| in_full(request, known)).collect::<Vec<_>>(),
    })
}

/// Returns the active deployments of a service, without their sources and instances.
pub(crate) fn active(request: &RequestContext<'_>, service: &SimService) -> Value {
    let active = service.deployments.iter().filter(|known| known.active);
    active
        .map(|known| {
            request.seen.borrow_mut().polled.insert(known.id.clone());
            json!({ "id": known.id, "status": known.status, "createdAt": known.created_at })
        })
        .collect()
}

/// Returns the settings and the domains of a service.
pub(crate) fn settings(service: &SimService) -> Value {
    let own = service.domain.iter().map(|domain| json!({ "domain": domain }));
    let custom = service.custom_domains.iter();
    let custom = custom.map(|(domain, proof)| json!({ "domain": domain, "status": { "verified": proof.is_given() } }));
    json!({
        "startCommand": service.start_command,
        "railwayConfigFile": service.config_file,
        "cronSchedule": service.cron,
        "sleepApplication": null,
        "domains": { "serviceDomains": own.collect::<Vec<_>>(), "customDomains": custom.collect::<Vec<_>>() },
    })
}

pub(crate) fn staged_changes(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let (_, environment) = request.environment_anywhere().map_err(denied("staged"))?;
    Ok(json!({ "staged": staged(request, environment) }))
}

/// Returns the newest deployment, whatever its status; `None` if all have been removed.
fn latest<'s>(request: &RequestContext<'_>, service: &'s SimService) -> Option<&'s SimDeployment> {
    if service.deployments.iter().all(|known| known.status == "REMOVED") {
        return None;
    }
    newest_first(service).into_iter().find(|known| {
        if known.unseen > 0 {
            request.seen.borrow_mut().passed.insert(known.id.clone());
        }
        known.unseen == 0
    })
}

fn newest_first(service: &SimService) -> Vec<&SimDeployment> {
    let mut deployments: Vec<&SimDeployment> = service.deployments.iter().collect();
    deployments.sort_by_key(|known| std::cmp::Reverse(SimClock::at(&known.created_at)));
    deployments
}

fn in_full(request: &RequestContext<'_>, deployment: &SimDeployment) -> Value {
    let mut shown = in_short(request, deployment);
    shown["canRedeploy"] = json!(deployment.can_redeploy());
    shown["meta"] = deployment.meta_now();
    // Null until the status changes for the first time.
    shown["statusUpdatedAt"] = json!((deployment.status != "INITIALIZING").then_some(&deployment.created_at));
    shown["instances"] = match (deployment.status.as_str(), deployment.exited) {
        ("SUCCESS", true) => json!([{ "status": "EXITED" }]),
        ("SUCCESS", false) => json!([{ "status": "RUNNING" }]),
        ("CRASHED", _) => json!([{ "status": "CRASHED" }]),
        _ => json!([]),
    };
    shown
}

fn in_short(request: &RequestContext<'_>, deployment: &SimDeployment) -> Value {
    request.seen.borrow_mut().polled.insert(deployment.id.clone());
    json!({
        "id": deployment.id,
        "status": deployment.status,
        "createdAt": deployment.created_at,
        "deploymentStopped": deployment.is_stopped(),
    })
}

pub(crate) fn watch(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let mut data = Map::new();
    for (number, id) in batched(request.variables, "deploymentId_") {
        let field = format!("deployment_{number}");
        let (_, deployment) = request.deployment(id).map_err(denied(&field))?;
        data.insert(field, in_short(request, deployment));
    }
    Ok(data.into())
}

pub(crate) fn recent_deployments(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("deployments");
    let (_, environment) = request.environment().map_err(&denied)?;
    let wanted = request.text("serviceId");
    let service = environment.services.iter().find(|service| service.id == wanted);
    let deployments = service.map(newest_first).unwrap_or_default();
    let page = request.page(DEPLOYMENTS_PER_PAGE, None);
    let node = |known: &SimDeployment| {
        let mut shown = in_full(request, known);
        (shown["environmentId"], shown["serviceId"]) = (json!(environment.id), json!(wanted));
        shown
    };
    let mut page = connection(&deployments, page, |known| &known.id, node).map_err(&denied)?;
    Ok(json!({ "deployments": { "edges": page["edges"].take() } }))
}

#[expect(clippy::unnecessary_wraps, reason = "one of many in a table, and the others can be refused as a whole")]
pub(crate) fn snapshot(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let mut data = Map::new();
    for (number, id) in batched(request.variables, "deploymentId_") {
        data.insert(format!("snapshot_{number}"), snapshot_of(request, number, id));
    }
    Ok(data.into())
}

/// Returns a snapshot. The field is nullable, so its error is beside the data.
pub(crate) fn snapshot_of(request: &RequestContext<'_>, number: usize, id: &str) -> Value {
    captured(request, id).unwrap_or_else(|message| {
        request.beside.borrow_mut().push(Denied { field: format!("snapshot_{number}"), message });
        Value::Null
    })
}

fn captured(request: &RequestContext<'_>, id: &str) -> Result<Value, String> {
    let (place, deployment) = request.deployment(id)?;
    let text = |variable: &Captured| {
        let side = if request.quirks.snapshot == Snapshots::Raw { &variable.stored } else { &variable.rendered };
        side.as_ref().map(|value| value.expose().to_owned())
    };
    let mut map: BTreeMap<String, Option<String>> =
        deployment.captured.iter().map(|(name, variable)| (name.clone(), text(variable))).collect();
    if request.quirks.snapshot_system == SystemVariables::Present {
        map.extend(given(request, place, id));
    }
    if request.quirks.tracing.is_in_snapshots() {
        tracing::add(&mut map, request.estate.at(place).2, id, request.quirks.sampler);
    }
    match request.quirks.snapshot {
        Snapshots::Rendered | Snapshots::Raw => {
            Ok(json!({ "variables": environment_config::values(map, request.quirks.snapshot_sealed) }))
        }
        Snapshots::Null => Ok(Value::Null),
        Snapshots::Refused => Err("Not Authorized".into()),
    }
}

/// Returns the variables that Railway provides to a deployment.
fn given(request: &RequestContext<'_>, place: ServicePosition, id: &str) -> BTreeMap<String, Option<String>> {
    let (project, environment, service) = request.estate.at(place);
    let system = Renderer::new(project, environment).system(service).into_iter();
    let own = [("RAILWAY_DEPLOYMENT_ID", id.to_owned())];
    system.chain(own).map(|(name, value)| (name.to_owned(), Some(value))).collect()
}

pub(crate) fn events(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let mut data = Map::new();
    for (number, id) in batched(request.variables, "deploymentId_") {
        let field = format!("events_{number}");
        let (place, deployment) = request.deployment(id).map_err(denied(&field))?;
        let shown = deployment.events.iter().take(EVENTS_PER_PAGE.min(request.quirks.page_cap));
        let edges: Vec<Value> = shown.zip(0..).map(|(event, number)| json!({ "node": step(event, number) })).collect();
        data.insert(field, json!({ "edges": edges }));
        let own = json!({
            "diagnosis": deployment.diagnosis,
            "snapshotId": snapshot_id(request.estate.at(place).2, deployment),
            "createdAt": deployment.created_at,
        });
        data.insert(format!("deployment_{number}"), own);
    }
    Ok(data.into())
}

/// Returns the snapshot id of a deployment's build; an image is not built.
fn snapshot_id(service: &SimService, deployment: &SimDeployment) -> Option<String> {
    (!matches!(service.source, SimSource::Image(_))).then(|| identity(&["snapshot", &deployment.id]))
}

fn step(event: &Event, number: usize) -> Value {
    let payload = event.error.as_ref();
    let payload = payload.map(|error| json!({ "error": error, "reason": null, "detail": null, "skipped": false }));
    json!({
        "id": format!("{}-{number}", event.step),
        "step": event.step,
        "createdAt": event.created_at,
        "completedAt": event.completed_at,
        "payload": payload,
    })
}

pub(crate) fn build_log(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("buildLogs");
    let (_, deployment) = request.deployment(request.text("deploymentId")).map_err(&denied)?;
    request.seen.borrow_mut().polled.insert(deployment.id.clone());
    if request.quirks.build_logs == BuildLogs::OfEnvironment {
        return Ok(json!({ "buildLogs": [] }));
    }
    request.seen.borrow_mut().build.insert(deployment.id.clone());
    Ok(json!({ "buildLogs": lines(request, &deployment.build_log, deployment.build_reads).map_err(&denied)? }))
}

/// Returns lines of builds, and only for the filter that Railway's own clients use.
pub(crate) fn build_log_by_snapshot(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("environmentLogs");
    let (_, environment) = request.environment_anywhere().map_err(&denied)?;
    let is_requested = |service: &SimService, deployment: &&SimDeployment| {
        let id = snapshot_id(service, deployment);
        id.is_some_and(|id| request.text("build") == format!("(@snapshot:{id} OR @replica:{id})"))
    };
    let mut services = environment.services.iter();
    let found = services.find_map(|service| service.deployments.iter().find(|one| is_requested(service, one)));
    let Some(deployment) = found else { return Ok(json!({ "environmentLogs": [] })) };
    request.seen.borrow_mut().build.insert(deployment.id.clone());
    let (start, end) = (SimClock::at(request.text("start")), SimClock::at(request.text("end")));
    let is_within = |line: &&SimLogLine| (start..=end).contains(&SimClock::at(&line.timestamp));
    let within: Vec<SimLogLine> = deployment.build_log.iter().filter(is_within).cloned().collect();
    Ok(json!({ "environmentLogs": lines(request, &within, deployment.build_reads).map_err(&denied)? }))
}

pub(crate) fn deployment_log(request: &RequestContext<'_>) -> Result<Value, Denied> {
    let denied = denied("deploymentLogs");
    let (_, deployment) = request.deployment(request.text("deploymentId")).map_err(&denied)?;
    request.seen.borrow_mut().polled.insert(deployment.id.clone());
    request.seen.borrow_mut().log.insert(deployment.id.clone());
    Ok(json!({ "deploymentLogs": lines(request, &deployment.log, deployment.log_reads).map_err(&denied)? }))
}

/// Returns the last matching lines: one more than the limit.
fn lines(request: &RequestContext<'_>, all: &[SimLogLine], reads: usize) -> Result<Value, String> {
    let limit = request.variables.get("limit").and_then(Value::as_u64).ok_or("limit must be a non-negative integer")?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if limit > MOST_LINES {
        return Ok(json!([]));
    }
    let moment = |name: &str| request.variables.get(name).and_then(Value::as_str).map(SimClock::at);
    let (start, end) = (moment("startDate"), moment("endDate"));
    let filter = request.text("filter");
    let shown: Vec<&SimLogLine> = all
        .iter()
        .filter(|line| line.after_reads <= reads && fits(line.message.expose(), filter))
        .filter(|line| start.is_none_or(|start| SimClock::at(&line.timestamp) >= start))
        .filter(|line| end.is_none_or(|end| SimClock::at(&line.timestamp) <= end))
        .collect();
    let last = &shown[shown.len().saturating_sub(limit + 1)..];
    let attribute = |(key, value): &(&str, Secret)| json!({ "key": key, "value": value.expose() });
    let line = |line: &&SimLogLine| {
        json!({
            "timestamp": line.timestamp,
            "message": line.message.expose(),
            "severity": line.severity,
            "attributes": line.attributes.iter().map(attribute).collect::<Vec<_>>(),
        })
    };
    Ok(last.iter().map(line).collect())
}

/// Returns whether a line contains every word of the filter, or the whole phrase if it is quoted. Case is ignored.
fn fits(message: &str, filter: &str) -> bool {
    let (message, filter) = (message.to_lowercase(), filter.to_lowercase());
    match filter.strip_prefix('"').and_then(|filter| filter.strip_suffix('"')) {
        Some(phrase) => message.contains(phrase),
        None => filter.split_whitespace().all(|word| message.contains(word)),
    }
}
