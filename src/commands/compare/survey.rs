//! Builds the survey of two environments, which the rules examine.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::Offset;

use crate::commands::compare::CompareRequest;
use crate::commands::compare::read::{EnvironmentValues, ReadEnvironments, is_database};
use crate::commands::service_selection::{SelectedService, ServiceSelection, Services};
use crate::drift::dotenv::disagreement::Disagreements;
use crate::drift::model::catalogue::Catalogue;
use crate::drift::model::observed::Observed;
use crate::drift::model::resource::ResourceRef;
use crate::drift::runtime::Runtime;
use crate::drift::survey::{Counterpart, Coverage, EnvironmentTraits, Original, Presence};
use crate::drift::{Survey, Target, compare};
use crate::io::railway::environment::ServiceShape;
use crate::io::railway::variables::StoredResult;
use crate::io::world::World;

/// The survey, and what the report needs beside it.
pub(super) struct PairSurvey {
    pub(super) survey: Survey,
    pub(super) selection: ServiceSelection,
    pub(super) remarks: Vec<String>,
    pub(super) project_origin: String,
    pub(super) requests: usize,
}

/// Builds the survey.
pub(super) fn build(request: &CompareRequest<'_>, read: ReadEnvironments, world: &World<'_>) -> PairSurvey {
    let ReadEnvironments { sides, originals, services, selection, policy, project_origin, remarks, requests } = read;
    let [mut left, mut right] = sides;
    let catalogue = Catalogue { databases: databases([&left, &right]), ..Catalogue::default() };
    let traits = [request.traits(&left), request.traits(&right)];
    let (targets, presences) = paired(&services, &selection, [&mut left, &mut right]);
    let counterpart = Counterpart {
        environment: right.shape.environment.clone(),
        traits,
        services: presences,
        originals: originals.into_iter().map(EnvironmentValues::original).collect(),
        databases: [left.rest(), right.rest()],
    };
    let survey = Survey {
        project: left.shape.project,
        environment: left.shape.environment,
        files: Vec::new(),
        exposures: Vec::new(),
        examples: Vec::new(),
        loader_conflicts: Disagreements::default(),
        targets,
        staged: Observed::NotRequested,
        times: Observed::NotRequested,
        catalogue,
        policy,
        only: request.options.keys.only.iter().cloned().collect(),
        coverage: if request.narrows() { Coverage::Part } else { Coverage::Whole },
        counterpart: Some(counterpart),
        proved: BTreeSet::new(),
        infrastructure: None,
        today: Offset::UTC.to_datetime(world.clock.now()).date(),
    };
    PairSurvey { survey, selection, remarks, project_origin, requests }
}

/// Pairs the services in scope by id.
fn paired(
    services: &Services,
    selection: &ServiceSelection,
    [left, right]: [&mut EnvironmentValues; 2],
) -> (Vec<Target>, Vec<Presence>) {
    let pair = |chosen: &SelectedService| {
        let service = &services.candidates[chosen.index].service;
        let (target, presence) = match (left.take(service), right.take(service)) {
            (Some(first), Some(second)) => (first, Presence::Both(Box::new(second))),
            (Some(first), None) => (first, Presence::Left),
            (None, Some(second)) => (second, Presence::Right),
            (None, None) => return None,
        };
        Some((Target { alias: chosen.alias.clone(), ..target }, presence))
    };
    selection.chosen.iter().filter_map(pair).unzip()
}

impl CompareRequest<'_> {
    fn traits(&self, side: &EnvironmentValues) -> EnvironmentTraits {
        let is_protected = self.protects(&side.shape.environment, side.is_ephemeral);
        EnvironmentTraits { is_protected, is_ephemeral: side.is_ephemeral }
    }

    /// Returns whether flags narrow the comparison.
    fn narrows(&self) -> bool {
        !self.options.service.is_empty() || !self.options.keys.only.is_empty()
    }
}

impl EnvironmentValues {
    /// Takes a service out of it; `None` if the environment does not have it.
    fn take(&mut self, service: &ResourceRef) -> Option<Target> {
        let shape = self.shape.services.iter().find(|known| known.service.id == service.id)?;
        let stored = self.stored.remove(&service.id)?;
        Some(target(shape, stored))
    }

    /// Returns the services that were read and not taken.
    fn rest(&mut self) -> Vec<Target> {
        let mut stored = std::mem::take(&mut self.stored);
        let services = self.shape.services.iter();
        services.filter_map(|shape| Some(target(shape, stored.remove(&shape.service.id)?))).collect()
    }

    fn original(mut self) -> Original {
        Original { targets: self.rest(), environment: self.shape.environment }
    }
}

fn target(shape: &ServiceShape, stored: StoredResult) -> Target {
    let live = Runtime { settings: shape.settings.clone(), ..Runtime::default() };
    Target { live, ..Target::new(shape.service.clone(), Vec::new(), stored) }
}

/// Returns the names of the databases in both environments.
fn databases(sides: [&EnvironmentValues; 2]) -> BTreeSet<String> {
    let services = sides.into_iter().flat_map(|side| &side.shape.services).filter(|service| is_database(service));
    services.map(|service| service.service.name.clone()).collect()
}

/// Returns why services could not be read, by id, with the environment.
pub(super) fn errors(survey: &Survey) -> BTreeMap<String, String> {
    let Some(sides) = compare::environments(survey) else { return BTreeMap::new() };
    let mut errors = BTreeMap::new();
    for pair in compare::services(survey) {
        let read = pair.sides.into_iter().zip(sides).filter_map(|(target, side)| Some((target?, side)));
        let failed = read.filter_map(|(target, side)| {
            let error = target.stored.as_ref().err()?;
            Some(format!("{}: {}", side.name(), error.with_cause(": ")))
        });
        let failed: Vec<String> = failed.collect();
        if !failed.is_empty() {
            errors.insert(pair.service.id.clone(), failed.join("; "));
        }
    }
    errors
}
