//! A non-interactive `doctor fix`: its arguments and its effects.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::engine::run_rules::examine;
use crate::drift::plan::bulk_selection::{Consent, select};
use crate::drift::plan::deployments::Commit;
use crate::drift::plan::hoist::Hoist;
use crate::drift::plan::offer::{Addition, Direction, FixPermissions, Offer, Prompting, Prune};
use crate::drift::plan::proposals::proposals;
use crate::drift::plan::redeploys::{DueRedeploy, due};
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::{ResourceRef, Secret, Survey, Variable};

/// A non-interactive `doctor fix`. The other flags of the run are repeated as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixInvocation {
    pub ways: BTreeSet<Direction>,
    /// `--redeploy`.
    pub redeploy: Redeploy,
    /// `--no-deploy`.
    pub deploying: Deploying,
    /// `--only`; empty for every key.
    pub keys: BTreeSet<String>,
    /// `--hoist`; combined with nothing else.
    pub hoist: Option<String>,
    /// `--start-command`, for the one service that is named.
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

/// Whether outdated services are redeployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redeploy {
    /// The outdated services in scope.
    Due,
    #[default]
    None,
}

/// Whether a service is deployed when its variables change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deploying {
    /// Once.
    #[default]
    Changed,
    /// Never: changes are only stored.
    Never,
}

/// The changes that a fix makes, in a comparable form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Owner's id and key → the new value; `None` removes the variable.
    pub stores: BTreeMap<(Option<String>, String), Option<Secret>>,
    /// File and key → the new value.
    pub pulls: BTreeMap<(usize, String), Secret>,
    /// Service id → the new start command.
    pub settings: BTreeMap<String, Option<Secret>>,
    /// Id of each deployed service → the commit that replaces an older one.
    pub deployed: BTreeMap<String, Option<Commit>>,
}

/// The input of a prediction, in addition to the survey.
#[derive(Clone, Copy, Debug)]
pub struct PredictionInput<'k> {
    /// The environment's shared variables, if they were read.
    pub shared_values: &'k BTreeMap<String, Variable>,
    /// Values that can't be written so that every loader reads them, by file and key: pulls skip them.
    pub unwritable: &'k BTreeSet<(usize, String)>,
}

impl FixInvocation {
    /// Returns the command that adds the key to the service.
    pub fn adding(key: &str, service: &ResourceRef) -> Self {
        Self {
            ways: BTreeSet::from([Direction::Add]),
            keys: BTreeSet::from([key.to_owned()]),
            services: Some(BTreeSet::from([service.clone()])),
            ..Self::default()
        }
    }

    /// Returns the command that only sets this start command.
    pub fn starting(setting: &StartCommandChange) -> Self {
        let services = Some(BTreeSet::from([setting.service.clone()]));
        Self { start: Some(setting.clone()), services, ..Self::default() }
    }

    /// Returns the command that only hoists the key. Without services, it is hoisted on those of this run.
    pub fn hoisting(key: &str, services: Option<BTreeSet<ResourceRef>>) -> Self {
        Self { hoist: Some(key.to_owned()), services, ..Self::default() }
    }

    /// Returns the arguments, without those that select the project and environment: directions, `more`, keys,
    /// services.
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
        let mut arguments = vec!["fix".to_owned()];
        arguments.extend(flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag.to_owned()));
        arguments.extend(self.hoist.iter().map(|key| format!("--hoist={key}")));
        arguments.extend(more.iter().cloned());
        for (flag, keys) in [
            ("--allow-reference", &self.references),
            ("--allow-shared", &self.shared),
            ("--allow-sealed", &self.sealed),
            ("--only", &self.keys),
        ] {
            arguments.extend(keys.iter().map(|key| format!("{flag}={key}")));
        }
        let text = self.start.iter().filter_map(|setting| setting.after.as_ref());
        arguments.extend(text.map(|text| format!("--start-command={}", text.expose())));
        arguments.extend(self.services.iter().flatten().map(|service| format!("--service={}", service.name)));
        arguments
    }

    /// Returns its effects if nothing has changed since the survey. The survey is narrowed temporarily.
    pub fn effects(&self, survey: &mut Survey, known: PredictionInput<'_>) -> Effects {
        if let Some(key) = &self.hoist {
            return survey.within(self.services.as_ref(), &BTreeSet::new(), |survey| hoisted(survey, key, known));
        }
        let permissions = self.permissions(known.shared_values);
        let mut ways = self.ways.clone();
        if [Direction::PushShared, Direction::Add].iter().any(|way| ways.contains(way)) {
            ways.insert(Direction::Push);
        }
        if ways.contains(&Direction::Push) {
            ways.insert(Direction::PushShared);
        }
        let ways: Vec<Direction> = ways.into_iter().collect();
        // With a start command, directions apply to more than the one named service.
        let services = self.services.as_ref().filter(|_| self.start.is_none());
        survey.within(services, &self.keys, |survey| {
            let examination = examine(survey);
            let fixable = examination.fixable(survey, &permissions.named);
            let proposals = proposals(survey, &fixable, &permissions);
            let selection = select(&proposals, &ways, &permissions, Consent::Flag);
            // A push without named keys is refused, together with its start command.
            if selection.taken.is_empty() && !selection.unnamed.is_empty() && self.redeploy == Redeploy::None {
                return Effects::default();
            }
            let due = if self.redeploy == Redeploy::Due { due(survey, &examination.findings) } else { Vec::new() };
            Effects::of(&selection.taken, &due, self.deploying, known).setting(self.start.as_slice())
        })
    }

    fn permissions(&self, shared_values: &BTreeMap<String, Variable>) -> FixPermissions {
        FixPermissions {
            closed: BTreeMap::new(),
            named: self.keys.clone(),
            references: self.references.clone(),
            sealed: self.sealed.clone(),
            shared: self.shared.clone(),
            prune: if self.ways.contains(&Direction::Remove) { Prune::Allowed } else { Prune::No },
            addition: if self.ways.contains(&Direction::Add) { Addition::Allowed } else { Addition::No },
            asking: Prompting::NonInteractive,
            shared_values: shared_values.clone(),
        }
    }
}

/// Returns the effects of hoisting the key on every service of the survey that has it.
fn hoisted(survey: &Survey, key: &str, known: PredictionInput<'_>) -> Effects {
    let services = survey.targets.iter().collect();
    let offer = Hoist { survey, key, services, shared_values: known.shared_values }.offer().ok().flatten();
    Effects::of(&offer.iter().collect::<Vec<_>>(), &[], Deploying::Never, known)
}

impl Effects {
    /// Returns the effects of these offers and deployments.
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

    /// Adds these start commands, each with one deployment of the running code.
    #[must_use]
    pub fn setting(mut self, settings: &[StartCommandChange]) -> Self {
        self.settings.extend(settings.iter().map(|setting| (setting.service.id.clone(), setting.after.clone())));
        self.deployed.extend(settings.iter().map(|setting| (setting.service.id.clone(), None)));
        self
    }

    /// Merges the effects; `None` if both have an effect in common, which would then happen twice.
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
