//! A `doctor fix` that asks nothing: how it is typed, and what it would do.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::engine::run_rules::examine;
use crate::drift::plan::bulk_selection::{Consent, select};
use crate::drift::plan::deployments::Commit;
use crate::drift::plan::offer::{Addition, Asking, Direction, FixPermissions, Offer, Prune};
use crate::drift::plan::proposals::proposals;
use crate::drift::plan::redeploys::{DueRedeploy, due};
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::{ResourceRef, Secret, Survey, Variable};

/// A `doctor fix` without questions. Everything else of a run is repeated as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixInvocation {
    /// The directions.
    pub ways: BTreeSet<Direction>,
    /// `--redeploy`.
    pub redeploy: Redeploy,
    /// `--no-deploy`.
    pub deploying: Deploying,
    /// `--only`; empty for every key.
    pub keys: BTreeSet<String>,
    /// `--start-command`, for the service that it is the only one to name.
    pub start: Option<StartCommandChange>,
    /// `--service`; `None` for the services of this run.
    pub services: Option<BTreeSet<ResourceRef>>,
    /// `--allow-reference`.
    pub references: BTreeSet<String>,
    /// `--allow-shared`.
    pub shared: BTreeSet<String>,
    /// `--allow-sealed`.
    pub sealed: BTreeSet<String>,
}

/// Whether services that run with something old are deployed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redeploy {
    /// Those in scope.
    Due,
    /// None.
    #[default]
    None,
}

/// Whether a service is deployed when its variables change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deploying {
    /// Once.
    #[default]
    Changed,
    /// It is not: what changes is stored only.
    Never,
}

/// What a fix changes, in a form that can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Owner's id and key → the new value; `None` removes the variable.
    pub stores: BTreeMap<(Option<String>, String), Option<Secret>>,
    /// File and key → the new value.
    pub pulls: BTreeMap<(usize, String), Secret>,
    /// The id of each service whose start command changes → the new one.
    pub settings: BTreeMap<String, Option<Secret>>,
    /// The id of each service that is deployed → the commit that takes the place of an older one.
    pub deployed: BTreeMap<String, Option<Commit>>,
}

/// What a prediction needs beside the survey.
#[derive(Clone, Copy, Debug)]
pub struct PredictionInput<'k> {
    /// The environment's shared variables, as far as they were read.
    pub shared_values: &'k BTreeMap<String, Variable>,
    /// Values that no spelling in the file would give, by file and key: they are left out of every pull.
    pub unwritable: &'k BTreeSet<(usize, String)>,
}

impl FixInvocation {
    /// The command that adds a key to that service.
    pub fn adding(key: &str, service: &ResourceRef) -> Self {
        Self {
            ways: BTreeSet::from([Direction::Add]),
            keys: BTreeSet::from([key.to_owned()]),
            services: Some(BTreeSet::from([service.clone()])),
            ..Self::default()
        }
    }

    /// The command that sets that start command, and does nothing else.
    pub fn starting(setting: &StartCommandChange) -> Self {
        let services = Some(BTreeSet::from([setting.service.clone()]));
        Self { start: Some(setting.clone()), services, ..Self::default() }
    }

    /// Whether it does something that is not about the service of its start command alone.
    fn is_directed(&self) -> bool {
        !self.ways.is_empty() || self.redeploy == Redeploy::Due
    }

    /// The arguments, without the targeting of the run: directions, then `more`, then keys and services.
    pub fn arguments(&self, more: &[String]) -> Vec<String> {
        let pushes = [Direction::Push, Direction::PushShared, Direction::Add].iter().any(|way| self.ways.contains(way));
        let flags = [
            (self.ways.contains(&Direction::Add), "--add"),
            (pushes, "--push"),
            (self.ways.contains(&Direction::Pull), "--pull"),
            (self.redeploy == Redeploy::Due, "--redeploy"),
            (self.ways.contains(&Direction::Remove), "--prune"),
            (self.deploying == Deploying::Never, "--no-deploy"),
        ];
        let mut words = vec!["fix".to_owned()];
        words.extend(flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag.to_owned()));
        words.extend(more.iter().cloned());
        for (flag, keys) in [
            ("--allow-reference", &self.references),
            ("--allow-shared", &self.shared),
            ("--allow-sealed", &self.sealed),
            ("--only", &self.keys),
        ] {
            words.extend(keys.iter().map(|key| format!("{flag}={key}")));
        }
        let text = self.start.iter().filter_map(|setting| setting.after.as_ref());
        words.extend(text.map(|text| format!("--start-command={}", text.expose())));
        words.extend(self.services.iter().flatten().map(|service| format!("--service={}", service.name)));
        words
    }

    /// What it would do, where nothing has changed since the survey. The survey is narrowed meanwhile.
    pub fn effects(&self, survey: &mut Survey, known: PredictionInput<'_>) -> Effects {
        let terms = self.terms(known.shared_values);
        let mut ways = self.ways.clone();
        if [Direction::PushShared, Direction::Add].iter().any(|way| ways.contains(way)) {
            ways.insert(Direction::Push);
        }
        if ways.contains(&Direction::Push) {
            ways.insert(Direction::PushShared);
        }
        let ways: Vec<Direction> = ways.into_iter().collect();
        // With a start command, the one service is not the only one that the directions are about.
        let services = self.services.as_ref().filter(|_| self.start.is_none() || !self.is_directed());
        survey.within(services, &self.keys, |survey| {
            let findings = examine(survey).findings;
            let proposals = proposals(survey, &findings, &terms);
            let selection = select(&proposals, &ways, &terms, Consent::GivenBefore);
            // Without a key that is named, a push is refused, and its start command with it.
            if selection.taken.is_empty() && !selection.unnamed.is_empty() && self.redeploy == Redeploy::None {
                return Effects::default();
            }
            let due = if self.redeploy == Redeploy::Due { due(survey, &findings) } else { Vec::new() };
            Effects::of(&selection.taken, &due, self.deploying, known).setting(self.start.as_slice())
        })
    }

    fn terms(&self, shared_values: &BTreeMap<String, Variable>) -> FixPermissions {
        FixPermissions {
            closed: BTreeMap::new(),
            named: self.keys.clone(),
            references: self.references.clone(),
            sealed: self.sealed.clone(),
            shared: self.shared.clone(),
            prune: if self.ways.contains(&Direction::Remove) { Prune::Allowed } else { Prune::No },
            addition: if self.ways.contains(&Direction::Add) { Addition::Allowed } else { Addition::No },
            asking: Asking::Nobody,
            shared_values: shared_values.clone(),
        }
    }
}

impl Effects {
    /// What these offers and deployments change.
    pub fn of(offers: &[&Offer], due: &[DueRedeploy], deploying: Deploying, known: PredictionInput<'_>) -> Self {
        let mut effects = Self::default();
        for store in offers.iter().flat_map(|offer| &offer.stores) {
            let owner = store.owner.id().map(ToOwned::to_owned);
            effects.stores.insert((owner, store.key.clone()), store.after.clone());
            if deploying == Deploying::Changed {
                effects.deployed.extend(store.meant_for.iter().map(|service| (service.id.clone(), None)));
            }
        }
        for pull in offers.iter().flat_map(|offer| &offer.pulls) {
            let place = (pull.file, pull.key.clone());
            if !known.unwritable.contains(&place) {
                effects.pulls.insert(place, pull.value.clone());
            }
        }
        effects.deployed.extend(due.iter().map(|due| (due.service.id.clone(), due.commit.clone())));
        effects
    }

    /// The same with these start commands, each with one deployment of the code that runs.
    #[must_use]
    pub fn setting(mut self, settings: &[StartCommandChange]) -> Self {
        self.settings.extend(settings.iter().map(|setting| (setting.service.id.clone(), setting.after.clone())));
        self.deployed.extend(settings.iter().map(|setting| (setting.service.id.clone(), None)));
        self
    }

    /// Takes in what another one does; `None` where both do the same thing, so that it would be done twice.
    pub fn and(mut self, other: Self) -> Option<Self> {
        let is_apart = other.stores.keys().all(|store| !self.stores.contains_key(store))
            && other.pulls.keys().all(|pull| !self.pulls.contains_key(pull))
            && other.settings.keys().all(|service| !self.settings.contains_key(service))
            && other.deployed.keys().all(|service| !self.deployed.contains_key(service));
        self.stores.extend(other.stores);
        self.pulls.extend(other.pulls);
        self.settings.extend(other.settings);
        self.deployed.extend(other.deployed);
        is_apart.then_some(self)
    }
}
