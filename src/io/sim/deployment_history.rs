//! Builders for the deployments of a service, and the default deployment.

use std::collections::BTreeMap;

use ring::digest;
use serde_json::{Value, json};

use crate::drift::Secret;
use crate::io::sim::builder::identity;
use crate::io::sim::clock::SimClock;
use crate::io::sim::deployment::{Captured, SimDeployment};
use crate::io::sim::environment_config;
use crate::io::sim::estate::{Environment, Estate, SimService, SimSource, SimStagedChanges, SimVariable};
use crate::io::sim::log_line::{SimLogLine, StartupLine};
use crate::io::sim::render::Renderer;
use crate::io::sim::status_timeline::StatusTimeline;

/// The time of the default deployment.
const DEPLOYED_AT: &str = "2026-11-20T15:04:05.678Z";

impl SimService {
    /// Adds a deployment, newer than the others.
    pub fn deployed(mut self, deployment: SimDeployment) -> Self {
        self.deployments.push(deployment);
        self
    }

    /// Has no deployment, although it has a source.
    pub fn never_deployed(mut self) -> Self {
        self.settled = true;
        self
    }

    /// Sets the timeline of the next deployment; a second call sets that of the one after it.
    pub fn next(mut self, plan: StatusTimeline) -> Self {
        self.next_plans.push_back(plan);
        self
    }

    /// Sets the timeline of all deployments that [`Self::next`] does not set.
    pub fn plan(mut self, plan: StatusTimeline) -> Self {
        self.plan = Some(plan);
        self
    }

    /// Sets the commit at the head of its branch, which is used by a deployment from the source.
    pub fn commit(mut self, hash: &str) -> Self {
        self.commit = Some(hash.into());
        self
    }

    pub fn volume(mut self, path: &str) -> Self {
        self.volume = Some(path.into());
        self
    }

    /// Sets its cron schedule.
    pub fn cron(mut self, schedule: &str) -> Self {
        self.cron = Some(schedule.into());
        self
    }

    /// Its program logs this line at the start.
    pub fn logs(self, line: &str) -> Self {
        self.log_at_start(line, None, 0)
    }

    /// Its program logs this line at the start if its start command has this argument.
    pub fn logs_with(self, argument: &'static str, line: &str) -> Self {
        self.log_at_start(line, Some(argument), 0)
    }

    /// Its program logs this line at the start, but it appears only after this number of reads of the log.
    pub fn logs_late(self, reads: usize, line: &str) -> Self {
        self.log_at_start(line, None, reads)
    }

    /// Its program then logs this number of irrelevant lines.
    pub fn chatty(mut self, lines: usize) -> Self {
        self.chatter = lines;
        self
    }

    /// Stores a variable, as a user would in the dashboard.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.into(), SimVariable::Open(Secret::new(value)));
    }

    fn log_at_start(mut self, line: &str, argument: Option<&'static str>, after_reads: usize) -> Self {
        self.startup_lines.push(StartupLine { message: Secret::new(line), argument, after_reads });
        self
    }

    /// Returns the lines that a deployment's program logs when it starts at this time.
    pub(crate) fn first_lines(&self, start_command: &str, clock: SimClock) -> Vec<SimLogLine> {
        if self.cron.is_some() {
            // A cron service is only built. Its program starts at the next time of the schedule.
            return Vec::new();
        }
        let lines = self.startup_lines.iter().filter(|line| {
            line.argument.is_none_or(|argument| start_command.split_whitespace().any(|word| word == argument))
        });
        let lines = lines.map(|line| (line.message.clone(), line.after_reads));
        let chatter = (0..self.chatter).map(|number| (Secret::new(format!("GET /health 200 ({number})")), 0));
        let lines = lines.chain(chatter).zip(0_u32..);
        lines
            .map(|((message, after_reads), number)| SimLogLine::written(&message, clock, number).after(after_reads))
            .collect()
    }

    /// Returns the `meta` of a deployment: from an older one, or from the service's present source.
    pub(crate) fn meta(&self, base: Option<&Value>, reason: &str) -> Value {
        let mut deploy = json!({ "startCommand": self.start_command });
        let mut meta = json!({ "reason": reason });
        match &self.source {
            SimSource::Nothing => {}
            SimSource::Image(image) => meta["image"] = json!(image),
            SimSource::Repository(repository) => {
                meta["repo"] = json!(repository);
                meta["branch"] = json!("main");
                meta["commitMessage"] = json!("Make it so");
                meta["commitHash"] = json!(self.commit.clone().unwrap_or_else(|| commit_of(repository)));
            }
        }
        for name in ["repo", "branch", "commitHash", "commitMessage", "commitAuthor", "image"] {
            if let Some(known) = base.and_then(|base| base.get(name)) {
                meta[name] = known.clone();
            }
        }
        if let Some(schedule) = &self.cron {
            deploy["cronSchedule"] = json!(schedule);
            meta["buildOnly"] = json!(true);
        }
        meta["serviceManifest"] = json!({ "build": { "builder": "RAILPACK" }, "deploy": deploy });
        meta
    }

    /// Completes the deployments of a seed. A service with a source and no deployment gets an active one.
    fn settle(&mut self, environment: &str, captured: &BTreeMap<String, Captured>) {
        self.settled = true;
        if self.deployments.is_empty() && self.source != SimSource::Nothing && self.deleted_at.is_none() {
            self.deployments.push(SimDeployment::serving(DEPLOYED_AT));
        }
        let mut deployments = std::mem::take(&mut self.deployments);
        for (number, deployment) in deployments.iter_mut().enumerate() {
            if deployment.id.is_empty() {
                deployment.id = deployment_id([environment, &self.id], &deployment.created_at, number);
            }
            if let Value::Object(own) = &deployment.meta {
                let mut meta = self.meta(None, "deploy");
                own.iter().for_each(|(name, value)| meta[name] = value.clone());
                deployment.meta = meta;
            }
            deployment.captured = captured.clone();
            for (name, value) in std::mem::take(&mut deployment.had) {
                match value.map(Secret::new) {
                    Some(value) => {
                        let variable = Captured { stored: Some(value.clone()), rendered: Some(value) };
                        deployment.captured.insert(name, variable);
                    }
                    None => drop(deployment.captured.remove(&name)),
                }
            }
            let lines = self.first_lines(deployment.start_command(), SimClock::at(&deployment.created_at));
            deployment.log.extend(lines);
        }
        self.deployments = deployments;
    }
}

impl Environment {
    /// Sets staged changes: a patch as the API returns it.
    pub fn staged(mut self, patch: Value) -> Self {
        self.staged = Some(SimStagedChanges::new(patch, "STAGED"));
        self
    }

    /// Sets staged changes that were committed and could not be applied.
    pub fn failed_to_apply(mut self, patch: Value, why: &str) -> Self {
        self.staged = Some(SimStagedChanges { last_error: Some(why.into()), ..SimStagedChanges::new(patch, "FAILED") });
        self
    }

    /// Sets staged changes that are being applied.
    pub fn applying(mut self, patch: Value) -> Self {
        self.staged = Some(SimStagedChanges::new(patch, "APPLYING"));
        self
    }
}

impl Estate {
    /// Returns the service with this name, in the first environment that has one, to change it as another user would.
    pub fn service_named(&mut self, name: &str) -> Option<&mut SimService> {
        let mut environments = self.projects.iter_mut().flat_map(|project| &mut project.environments);
        environments.find_map(|environment| environment.service_named(name))
    }

    /// Completes the deployments of every service that is not settled yet.
    pub(crate) fn settle(&mut self) {
        for project in 0..self.projects.len() {
            for environment in 0..self.projects[project].environments.len() {
                let (owner, place) = (&self.projects[project], &self.projects[project].environments[environment]);
                if place.services.iter().all(|service| service.settled) {
                    continue;
                }
                let id = place.id.clone();
                let mut renderer = Renderer::new(owner, place);
                let captured: Vec<_> = place.services.iter().map(|service| capture(&mut renderer, service)).collect();
                let services = &mut self.projects[project].environments[environment].services;
                for (service, captured) in services.iter_mut().zip(&captured).filter(|(service, _)| !service.settled) {
                    service.settle(&id, captured);
                }
            }
        }
    }
}

/// Returns the variables that a deployment of the service would get now, without those that Railway provides.
pub(crate) fn capture<'e>(renderer: &mut Renderer<'e>, service: &'e SimService) -> BTreeMap<String, Captured> {
    let mut texts = renderer.variables(service);
    let stored = environment_config::stored(&service.variables).into_iter();
    stored
        .map(|(name, template)| {
            let text = texts.remove(&name).flatten();
            (name, Captured { stored: template.map(Secret::new), rendered: text.map(Secret::new) })
        })
        .collect()
}

/// Returns the id of a service's deployment at this time; the number distinguishes deployments at the same time.
pub(crate) fn deployment_id([environment, service]: [&str; 2], created_at: &str, number: usize) -> String {
    identity(&["deployment", environment, service, created_at, &number.to_string()])
}

/// Returns the default commit of a repository.
fn commit_of(repository: &str) -> String {
    let hash = digest::digest(&digest::SHA256, repository.as_bytes());
    hex::encode(&hash.as_ref()[..20])
}
