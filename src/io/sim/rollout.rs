//! Creates deployments, and advances their status.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::io::sim::clock::SimClock;
use crate::io::sim::deployment::{Captured, Event, SimDeployment};
use crate::io::sim::deployment_history::{capture, deployment_id};
use crate::io::sim::estate::{Environment, Estate, Project, SimService, SimSource};
use crate::io::sim::log_line::SimLogLine;
use crate::io::sim::render::Renderer;
use crate::io::sim::status_timeline::{StatusTimeline, TimelineStatus};

/// The position of a service in the estate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServicePosition {
    pub(crate) project: usize,
    pub(crate) environment: usize,
    pub(crate) service: usize,
}

#[derive(Debug)]
pub(crate) struct DeploymentOrder {
    pub(crate) meta: Value,
    /// Variables of an older deployment instead of the current ones.
    pub(crate) captured: Option<BTreeMap<String, Captured>>,
    /// Its timeline, instead of the service's.
    pub(crate) plan: Option<StatusTimeline>,
    /// The number of reads in which `latestDeployment` does not return it yet.
    pub(crate) unseen: usize,
}

impl Estate {
    /// Returns the project, the environment and the service at this position.
    pub(crate) fn at(&self, place: ServicePosition) -> (&Project, &Environment, &SimService) {
        let project = &self.projects[place.project];
        let environment = &project.environments[place.environment];
        (project, environment, &environment.services[place.service])
    }

    pub(crate) fn service_at(&mut self, place: ServicePosition) -> &mut SimService {
        &mut self.projects[place.project].environments[place.environment].services[place.service]
    }

    /// Returns the position of the first service that matches.
    pub(crate) fn place(&self, mut fits: impl FnMut(&Environment, &SimService) -> bool) -> Option<ServicePosition> {
        for (project, owner) in self.projects.iter().enumerate() {
            for (environment, inside) in owner.environments.iter().enumerate() {
                if let Some(service) = inside.services.iter().position(|service| fits(inside, service)) {
                    return Some(ServicePosition { project, environment, service });
                }
            }
        }
        None
    }

    /// Returns the position of a deployment's service.
    pub(crate) fn place_of(&self, deployment: &str) -> Option<ServicePosition> {
        self.place(|_, service| service.deployments.iter().any(|known| known.id == deployment))
    }

    /// Deploys a service from its source, with the current variables, as another user would. It is found by its name,
    /// in the first environment that has it. Returns the deployment's id.
    pub fn deploy(&mut self, service: &str, plan: StatusTimeline) -> Option<String> {
        let place = self.place(|_, known| known.name == service)?;
        let meta = self.at(place).2.meta(None, "deploy");
        Some(self.create(place, DeploymentOrder { meta, captured: None, plan: Some(plan), unseen: 0 }))
    }

    /// Creates a deployment, newer than all others of its service. Returns its id.
    pub(crate) fn create(&mut self, place: ServicePosition, order: DeploymentOrder) -> String {
        let (project, environment, service) = self.at(place);
        let captured = order.captured.unwrap_or_else(|| capture(&mut Renderer::new(project, environment), service));
        let newest = service.deployments.iter().map(|known| SimClock::at(&known.created_at)).max();
        let clock = newest.map_or(self.clock, |newest| self.clock.max(newest.after(Duration::from_millis(1))));
        let id = deployment_id([&environment.id, &service.id], &clock.text(), service.deployments.len());
        let service = self.service_at(place);
        let own = if order.plan.is_some() { None } else { service.next_plans.pop_front() };
        let plan = order.plan.or(own).or_else(|| service.plan.clone()).unwrap_or_else(StatusTimeline::success);
        let is_built = !matches!(service.source, SimSource::Image(_));
        let stages = if is_built { plan.stages } else { plan.without_build().stages };
        let mut made = SimDeployment::with_status("INITIALIZING", &clock.text());
        made = SimDeployment { id: id.clone(), meta: order.meta, captured, stages, unseen: order.unseen, ..made };
        let first = made.stages.front().cloned();
        service.deployments.push(made);
        if let Some(stage) = first {
            service.enter(service.deployments.len() - 1, &stage, clock);
        }
        id
    }

    /// Counts a read of the deployment, which may advance its status.
    pub(crate) fn poll(&mut self, deployment: &str) {
        let Some(place) = self.place_of(deployment) else { return };
        let clock = self.clock;
        let service = self.service_at(place);
        let Some(index) = service.deployments.iter().position(|known| known.id == deployment) else { return };
        let Some(stage) = service.deployments[index].turn(clock) else { return };
        service.enter(index, &stage, clock);
        if stage.superseded {
            let meta = service.meta(None, "deploy");
            self.create(
                place,
                DeploymentOrder { meta, captured: None, plan: Some(StatusTimeline::success()), unseen: 0 },
            );
        }
    }
}

impl SimDeployment {
    /// Counts a poll. Returns the next stage if the present one is over.
    fn turn(&mut self, clock: SimClock) -> Option<TimelineStatus> {
        self.polled += 1;
        if !self.goes_on() || self.polled < self.stages.front()?.polls {
            return None;
        }
        let left = self.stages.pop_front()?;
        self.polled = 0;
        let open = self.events.iter_mut().filter(|event| event.completed_at.is_none());
        for event in open {
            event.completed_at = Some(clock.text());
            if left.steps.last() == Some(&event.step) {
                event.error.clone_from(&left.error);
            }
        }
        self.stages.front().cloned()
    }

    fn write(&mut self, stage: &TimelineStatus, clock: SimClock) {
        let event = |&step| Event { step, created_at: clock.text(), completed_at: None, error: None };
        self.events.extend(stage.steps.iter().map(event));
        let severity = if ["FAILED", "CRASHED"].contains(&stage.status) { "error" } else { "info" };
        let written = |line: SimLogLine, number| {
            let SimLogLine { timestamp, .. } = SimLogLine::written(&line.message, clock, number);
            SimLogLine { timestamp, severity, ..line }
        };
        self.build_log.extend(stage.build.iter().cloned().zip(0..).map(|(line, number)| written(line, number)));
        let messages = stage.log.iter().map(|message| SimLogLine::new(message.expose()));
        self.log.extend(messages.zip(0..).map(|(line, number)| written(line, number)));
    }
}

impl SimService {
    fn enter(&mut self, index: usize, stage: &TimelineStatus, clock: SimClock) {
        if stage.status == "SUCCESS" {
            let lines = self.first_lines(self.deployments[index].start_command(), clock);
            self.deployments[index].log.extend(lines);
            self.remove_others(index);
        }
        let deployment = &mut self.deployments[index];
        deployment.status = stage.status.into();
        deployment.write(stage, clock);
        deployment.active = match stage.status {
            "SUCCESS" => true,
            "FAILED" | "CRASHED" | "SKIPPED" | "REMOVED" => false,
            _ => deployment.active,
        };
    }

    /// Removes the previously active deployment, and older ones in progress: only one deployment is active.
    fn remove_others(&mut self, index: usize) {
        for (other, deployment) in self.deployments.iter_mut().enumerate() {
            if other != index && (deployment.active || other < index && deployment.is_under_way()) {
                deployment.active = false;
                deployment.status = "REMOVED".into();
                deployment.stages.clear();
            }
        }
    }
}
