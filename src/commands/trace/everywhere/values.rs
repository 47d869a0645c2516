//! Reads the values of the environments.

use std::collections::BTreeMap;

use crate::commands::gather::catalogue;
use crate::commands::trace::everywhere::ReadEnvironment;
use crate::commands::trace::everywhere::unsearched::Gaps;
use crate::drift::model::deployed_variables::DeployedVariables;
use crate::drift::model::observed::Observed;
use crate::drift::phrases::count;
use crate::drift::runtime::Runtime;
use crate::drift::{Target, Variable};
use crate::error::Error;
use crate::io::railway::batch::{SERVICES_WITH_RUNNING_PER_REQUEST, SHARED_PER_REQUEST};
use crate::io::railway::client::Client;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::railway::environment_batch::ProjectEnvironment;
use crate::io::railway::variables::{EnvironmentService, PartialRead, StoredResult};
use crate::io::world::World;

/// The number of services whose values are in memory at once: those of twenty requests.
const SERVICES_AT_ONCE: usize = 20 * SERVICES_WITH_RUNNING_PER_REQUEST;

/// Returns how many requests the values of these environments take.
pub(super) fn requests(shapes: &[Shape]) -> usize {
    waves(shapes).into_iter().map(of_wave).sum()
}

fn of_wave(wave: &[Shape]) -> usize {
    let services: usize = wave.iter().map(|shape| shape.services.len()).sum();
    let shared = wave.iter().filter(|shape| has_shared(shape)).count();
    services.div_ceil(SERVICES_WITH_RUNNING_PER_REQUEST) + shared.div_ceil(SHARED_PER_REQUEST)
}

fn has_shared(shape: &Shape) -> bool {
    !shape.shared.is_empty()
}

/// Splits the environments into groups that are read together.
fn waves(shapes: &[Shape]) -> Vec<&[Shape]> {
    let mut waves = Vec::new();
    let (mut start, mut services) = (0, 0);
    for (index, shape) in shapes.iter().enumerate() {
        let is_full = services + shape.services.len() > SERVICES_AT_ONCE || index - start == SHARED_PER_REQUEST;
        if is_full && index > start {
            waves.push(&shapes[start..index]);
            (start, services) = (index, 0);
        }
        services += shape.services.len();
    }
    waves.extend(Some(&shapes[start..]).filter(|rest| !rest.is_empty()));
    waves
}

/// Reads the environments group by group, until an error concerns all further requests.
pub(super) fn read(
    client: &Client<'_>,
    shapes: &[Shape],
    gaps: &mut Gaps,
    world: &World<'_>,
    search: &mut dyn FnMut(&ReadEnvironment),
) {
    let mut last: Option<Error> = None;
    for wave in waves(shapes) {
        if let Some(error) = &last {
            for shape in wave {
                gaps.add_environment(&shape.project, &shape.environment, error);
            }
            continue;
        }
        world.status.waiting(&format!("reading the variables of {}", count(shapes.len(), "environment")));
        let mut reading = WaveReading { client, gaps: &mut *gaps, error: None };
        reading.read(wave, search);
        last = reading.error;
    }
}

/// Reads a group of environments.
struct WaveReading<'r, 'c> {
    client: &'r Client<'c>,
    gaps: &'r mut Gaps,
    /// The error that concerns all further requests.
    error: Option<Error>,
}

/// The values of a service.
struct ReadService {
    /// The stored variables, if they were requested.
    stored: Option<StoredResult>,
    /// Those of its running deployment.
    got: Observed<DeployedVariables>,
}

/// The values of an environment, as far as they were read.
struct EnvironmentParts {
    services: Vec<ReadService>,
    /// Its shared variables; `None` if they were not requested.
    shared: Option<StoredResult>,
}

impl WaveReading<'_, '_> {
    fn read(&mut self, wave: &[Shape], search: &mut dyn FnMut(&ReadEnvironment)) {
        let with_shared = wave.iter().filter(|shape| has_shared(shape));
        let wanted: Vec<ProjectEnvironment> = with_shared
            .map(|shape| ProjectEnvironment { project: shape.project.clone(), environment: shape.environment.clone() })
            .collect();
        let read = self.client.shared_values_of(&wanted);
        let mut shared = read.results.into_iter();
        self.error = read.error;
        let values = self.services(wave);
        let services = values.stored.into_iter().zip(values.got);
        let mut services = services.map(|(stored, got)| ReadService { stored, got });
        self.error = self.error.take().or(values.error);
        for shape in wave {
            let shared = if has_shared(shape) { shared.next().flatten() } else { Some(Ok(BTreeMap::new())) };
            let parts = EnvironmentParts { services: services.by_ref().take(shape.services.len()).collect(), shared };
            if let Some(environment) = self.assembled(shape, parts) {
                search(&environment);
            }
        }
    }

    /// Reads the values of the services, unless an error concerns all further requests.
    fn services(&self, wave: &[Shape]) -> PartialRead {
        let services = wave.iter().flat_map(|shape| {
            let (project, environment) = (&shape.project, &shape.environment);
            shape.services.iter().map(move |service| EnvironmentService { project, environment, service })
        });
        let services: Vec<EnvironmentService<'_>> = services.collect();
        if self.error.is_none() && !services.is_empty() {
            return self.client.values_of_projects(&services);
        }
        let (stored, got) = services.iter().map(|_| (None, Observed::NotRequested)).unzip();
        PartialRead { stored, got, error: None }
    }

    /// Returns the environment, if any part of it was read.
    fn assembled(&mut self, shape: &Shape, parts: EnvironmentParts) -> Option<ReadEnvironment> {
        let (project, environment) = (&shape.project, &shape.environment);
        let EnvironmentParts { services, shared } = parts;
        let is_requested = services.is_empty() || services.iter().any(|service| service.stored.is_some());
        let unread = self.error.clone().unwrap_or_else(|| self.client.allowance_used_up());
        let shared = shared.unwrap_or_else(|| Err(unread.clone()));
        let targets = if is_requested { self.targets(shape, services, &unread) } else { Vec::new() };
        let has_shared = shared.as_ref().is_ok_and(|shared: &BTreeMap<String, Variable>| !shared.is_empty());
        let errors = targets.iter().filter_map(|target| target.stored.as_ref().err()).chain(shared.as_ref().err());
        let error = errors.chain(Some(&unread).filter(|_| !is_requested)).next().cloned();
        if let Some(error) = error {
            if !has_shared && targets.iter().all(|target| target.stored.is_err()) {
                self.gaps.add_environment(project, environment, &error);
                return None;
            }
            if is_requested {
                self.gaps.add_error(&error);
            } else {
                self.gaps.add_services(project, environment, &error);
            }
        }
        let (project, environment) = (project.clone(), environment.clone());
        Some(ReadEnvironment { project, environment, targets, shared, catalogue: catalogue(shape) })
    }

    /// Returns the services of the environment. `unread` is the reason why some of them were not requested.
    fn targets(&self, shape: &Shape, services: Vec<ReadService>, unread: &Error) -> Vec<Target> {
        let target = |(service, read): (&ServiceShape, ReadService)| {
            let (deployed, got) = (service.deployed.clone(), self.redacted(read.got));
            let stored = read.stored.unwrap_or_else(|| Err(unread.clone()));
            let live = Runtime { deployed, got, ..Runtime::default() };
            Target { live, ..Target::new(service.service.clone(), Vec::new(), stored) }
        };
        shape.services.iter().zip(services).map(target).collect()
    }

    /// Redacts the reason again, after all values are known.
    fn redacted(&self, got: Observed<DeployedVariables>) -> Observed<DeployedVariables> {
        match got {
            Observed::Unavailable(why) => Observed::Unavailable(self.client.redactor.redact(&why)),
            got => got,
        }
    }
}
