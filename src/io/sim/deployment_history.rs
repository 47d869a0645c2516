//! How the deployments of a service are written down, and what a service that says nothing of them has.

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

/// When a service was deployed that says nothing of it.
const DEPLOYED_AT: &str = "2026-11-20T15:04:05.678Z";

impl SimService {
    /// Takes a deployment, newer than those it has.
    pub fn deployed(mut self, deployment: SimDeployment) -> Self {
        self.deployments.push(deployment);
        self
    }

    /// Has never been deployed, although it could be.
    pub fn never_deployed(mut self) -> Self {
        self.settled = true;
        self
    }

    /// Sets what becomes of its next deployment that has no plan yet. Called again: of the one after it.
    pub fn next(mut self, plan: StatusTimeline) -> Self {
        self.next_plans.push_back(plan);
        self
    }

    /// Sets what becomes of every deployment that [`Self::next`] does not set.
    pub fn plan(mut self, plan: StatusTimeline) -> Self {
        self.plan = Some(plan);
        self
    }

    /// Sets the commit at the head of its branch, which a deployment from the source takes.
    pub fn commit(mut self, hash: &str) -> Self {
        self.commit = Some(hash.into());
        self
    }

    pub fn volume(mut self, path: &str) -> Self {
        self.volume = Some(path.into());
        self
    }

    /// Runs it at these times only.
    pub fn cron(mut self, schedule: &str) -> Self {
        self.cron = Some(schedule.into());
        self
    }

    /// Its program writes this line when it starts.
    pub fn logs(self, line: &str) -> Self {
        self.saying(line, None, 0)
    }

    /// Its program writes this line when it starts and its start command has that word.
    pub fn logs_with(self, argument: &'static str, line: &str) -> Self {
        self.saying(line, Some(argument), 0)
    }

    /// Its program writes this line when it starts, but it shows only after so many reads of the log.
    pub fn logs_late(self, reads: usize, line: &str) -> Self {
        self.saying(line, None, reads)
    }

    /// Its program goes on to write so many lines that mean nothing.
    pub fn chatty(mut self, lines: usize) -> Self {
        self.chatter = lines;
        self
    }

    /// Stores a variable, as somebody would in the dashboard.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.into(), SimVariable::Open(Secret::new(value)));
    }

    fn saying(mut self, line: &str, argument: Option<&'static str>, after_reads: usize) -> Self {
        self.startup_lines.push(StartupLine { message: Secret::new(line), argument, after_reads });
        self
    }

    /// Returns what the program of a deployment writes when it starts at that time.
    pub(crate) fn first_lines(&self, start_command: &str, clock: SimClock) -> Vec<SimLogLine> {
        if self.cron.is_some() {
            // A cron service is only built; its program starts at the next time of its schedule.
            return Vec::new();
        }
        let said = self.startup_lines.iter().filter(|saying| {
            saying.argument.is_none_or(|argument| start_command.split_whitespace().any(|word| word == argument))
        });
        let said = said.map(|saying| (saying.message.clone(), saying.after_reads));
        let chatter = (0..self.chatter).map(|number| (Secret::new(format!("GET /health 200 ({number})")), 0));
        let lines = said.chain(chatter).zip(0_u32..);
        lines
            .map(|((message, after_reads), number)| SimLogLine::written(&message, clock, number).after(after_reads))
            .collect()
    }

    /// Returns what a deployment is made from: what an older one was made from, or the service's source as it is.
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

    /// Completes the deployments that a seed gave it; without any, and with a source, it gets one that serves.
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
            let spoke = self.first_lines(deployment.start_command(), SimClock::at(&deployment.created_at));
            deployment.log.extend(spoke);
        }
        self.deployments = deployments;
    }
}

impl Environment {
    /// Changes that somebody has made in the dashboard and not deployed: a patch as the API shows it.
    pub fn staged(mut self, patch: Value) -> Self {
        self.staged = Some(SimStagedChanges::new(patch, "STAGED"));
        self
    }

    /// Changes that were committed and could not be applied.
    pub fn failed_to_apply(mut self, patch: Value, why: &str) -> Self {
        self.staged = Some(SimStagedChanges { last_error: Some(why.into()), ..SimStagedChanges::new(patch, "FAILED") });
        self
    }

    /// Changes that somebody is deploying at this moment.
    pub fn applying(mut self, patch: Value) -> Self {
        self.staged = Some(SimStagedChanges::new(patch, "APPLYING"));
        self
    }
}

impl Estate {
    /// Returns the service of that name, in the first environment that has one, to change it as somebody else would.
    pub fn service_named(&mut self, name: &str) -> Option<&mut SimService> {
        let mut environments = self.projects.iter_mut().flat_map(|project| &mut project.environments);
        environments.find_map(|environment| environment.service_named(name))
    }

    /// Completes the deployments of every service that has not been looked at yet.
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

/// Returns what a deployment of the service would get at this moment. What Railway itself gives is not among it.
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

/// Returns the id of a service's deployment of that time; the number tells those of one moment apart.
pub(crate) fn deployment_id([environment, service]: [&str; 2], created_at: &str, number: usize) -> String {
    identity(&["deployment", environment, service, created_at, &number.to_string()])
}

/// Returns a commit that all services of a repository were deployed at.
fn commit_of(repository: &str) -> String {
    let hash = digest::digest(&digest::SHA256, repository.as_bytes());
    hex::encode(&hash.as_ref()[..20])
}
