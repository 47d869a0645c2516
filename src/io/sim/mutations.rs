//! What the simulated Railway does to answer the operations that change something.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::drift::Secret;
use crate::drift::system_variables::is_provided;
use crate::io::sim::clock::SimClock;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Estate, SimSource, SimVariable, TokenScope};
use crate::io::sim::options::{Deletion, Empty, MissingDelete, Overwritten, Redeployed, SimOptions};
use crate::io::sim::render::Renderer;
use crate::io::sim::request_context::{Denied, RequestContext, denied};
use crate::io::sim::rollout::{DeploymentOrder, ServicePosition};
use crate::io::sim::service_settings::started;

/// The only words that are known for a service that there is nothing to deploy of.
const NO_SNAPSHOT: &str = "Cannot redeploy without a snapshot";

const UNDER_WAY: &str =
    "Cannot redeploy yet, please wait for the original deployment to finish building, then try again";

/// A request that was to change something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mutation {
    /// The operation's name.
    pub operation: String,
    /// The service that it was about, by id; none for shared variables, or where it could not be told.
    pub service: Option<String>,
    /// The names of the variables that it was to set or delete, sorted.
    pub keys: Vec<String>,
    /// Whether Railway did it, whatever was answered.
    pub applied: bool,
    /// The ids of the deployments that it made.
    pub deployments: Vec<String>,
}

/// One such request, understood.
pub(crate) struct MutationContext<'b> {
    pub(crate) estate: &'b mut Estate,
    pub(crate) quirks: &'b SimOptions,
    pub(crate) reach: Result<TokenScope, &'static str>,
    pub(crate) variables: &'b Map<String, Value>,
    pub(crate) record: Mutation,
    /// What no client should do although Railway lets it.
    pub(crate) blame: Vec<String>,
}

/// Whose variables: an environment's, or those of one of its services.
#[derive(Clone, Copy)]
struct SimOwner {
    project: usize,
    environment: usize,
    service: Option<usize>,
}

impl Mutation {
    /// What a request was about, before anything is done.
    pub(crate) fn of(operation: &str, variables: &Map<String, Value>, estate: &Estate) -> Self {
        let text = |name: &str| variables.get(name).and_then(Value::as_str);
        let deployed = text("deploymentId").and_then(|id| estate.place_of(id));
        let service = text("serviceId").map(String::from).or(deployed.map(|place| estate.at(place).2.id.clone()));
        let mut keys: Vec<String> = text("name").into_iter().map(String::from).collect();
        let patched = variables.get("patch").and_then(|patch| patch["services"].as_object()?.keys().next().cloned());
        if patched.is_some() {
            keys.push("start command".to_owned());
        }
        let service = service.or(patched);
        if let Some(Value::Object(set)) = variables.get("variables") {
            keys.extend(set.keys().cloned());
        }
        keys.sort_unstable();
        Self { operation: operation.into(), service, keys, applied: false, deployments: Vec::new() }
    }
}

impl MutationContext<'_> {
    pub(crate) fn scene(&self) -> RequestContext<'_> {
        RequestContext::new(self.estate, self.quirks, self.variables).reached(self.reach.as_ref().map_err(|said| *said))
    }

    fn owner(&self) -> Result<SimOwner, String> {
        let scene = self.scene();
        let (_, inside) = scene.environment()?;
        let service = match self.variables.get("serviceId").and_then(Value::as_str) {
            Some(id) => Some(scene.service(inside, id)?.service),
            None => None,
        };
        for (project, owner) in self.estate.projects.iter().enumerate() {
            if let Some(environment) = owner.environments.iter().position(|known| known.id == inside.id) {
                return Ok(SimOwner { project, environment, service });
            }
        }
        Err("Environment not found".into())
    }

    fn owned(&mut self, owner: SimOwner) -> &mut BTreeMap<String, SimVariable> {
        let environment = &mut self.estate.projects[owner.project].environments[owner.environment];
        match owner.service {
            Some(service) => &mut environment.services[service].variables,
            None => &mut environment.shared,
        }
    }

    /// Keeps the time at which a service's variables are changed.
    fn stamp<'n>(&mut self, owner: SimOwner, names: impl Iterator<Item = &'n String>) {
        let time = self.estate.clock.text();
        if let Some(service) = owner.service {
            let environment = &mut self.estate.projects[owner.project].environments[owner.environment];
            environment.services[service].changed.extend(names.map(|name| (name.clone(), time.clone())));
        }
    }

    /// What each service of the environment would be deployed with.
    fn rendered(&self, owner: SimOwner) -> Vec<BTreeMap<String, Option<String>>> {
        let project = &self.estate.projects[owner.project];
        let environment = &project.environments[owner.environment];
        let mut renderer = Renderer::new(project, environment);
        environment.services.iter().map(|service| renderer.variables(service)).collect()
    }

    pub(crate) fn make(&mut self, place: ServicePosition, order: DeploymentOrder) -> String {
        let id = self.estate.create(place, DeploymentOrder { unseen: self.quirks.latest_lag, ..order });
        self.record.deployments.push(id.clone());
        id
    }

    pub(crate) fn is_over_the_limit(&self, place: ServicePosition) -> bool {
        let (_, _, service) = self.estate.at(place);
        let recent = service
            .deployments
            .iter()
            .filter(|known| SimClock::at(&known.created_at).after(self.quirks.deploy_window) > self.estate.clock);
        recent.count() >= self.quirks.deploy_limit
    }
}

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
fn deploy_changed(bench: &mut MutationContext<'_>, owner: SimOwner, before: &[BTreeMap<String, Option<String>>]) {
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
