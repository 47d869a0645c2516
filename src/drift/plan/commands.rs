//! The commands that do exactly what a plan shows. Each candidate is tried on what is known, and a command that would do
//! more or less than the plan is never printed.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::plan::VariableChange;
use crate::drift::plan::dependents::dependents;
use crate::drift::plan::invocation::{Deploying, Effects, FixInvocation, PredictionInput, Redeploy};
use crate::drift::plan::offer::{Direction, Offer};
use crate::drift::plan::redeploys::DueRedeploy;
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::{ResourceRef, Survey, Variable};

/// What was chosen, and what of the command line it depends on.
#[derive(Clone, Copy, Debug)]
pub struct CommandRequest<'w> {
    /// The offers that were taken.
    pub offers: &'w [Offer],
    /// The start commands that are set.
    pub settings: &'w [StartCommandChange],
    /// The services that are deployed again.
    pub due: &'w [DueRedeploy],
    /// Whether the services of this run are those of a run that names none.
    pub scope: Scope,
    /// `--only`, as it was typed.
    pub only: &'w BTreeSet<String>,
    /// The directions, as they were typed.
    pub ways: &'w BTreeSet<Direction>,
    /// `--redeploy`, as it was typed.
    pub redeploy: Redeploy,
    /// `--no-deploy`, as it was typed.
    pub deploying: Deploying,
    /// What a prediction needs.
    pub known: PredictionInput<'w>,
}

/// Which services a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of a run that names none, and the one that a start command is for.
    Default,
    /// Those that were typed.
    Typed,
}

/// One command where one is exact, several to be run one after the other where that is needed, and `None` where no
/// command says exactly this.
pub fn commands(survey: &mut Survey, wish: &CommandRequest<'_>) -> Option<Vec<FixInvocation>> {
    let units = without_repeated(wish.offers.iter().flat_map(units).collect());
    let mut search = CommandSearch { survey, wish, units };
    let expected = search.expected();
    search.single(&expected).map(|one| vec![one]).or_else(|| search.several(&expected))
}

/// What can be taken on by itself: one variable, one shared variable with those who refer to it, one value for a file.
fn units(offer: &Offer) -> Vec<Offer> {
    if matches!(offer.way, Direction::PushShared | Direction::Pull) {
        return vec![offer.clone()];
    }
    let alone = |store: &VariableChange| Offer { stores: vec![store.clone()], ..offer.clone() };
    offer.stores.iter().map(alone).collect()
}

/// The units without those that only write values to a file which an earlier one writes as well: two findings may be about
/// one key.
fn without_repeated(mut units: Vec<Offer>) -> Vec<Offer> {
    let mut seen: BTreeSet<(usize, String)> = BTreeSet::new();
    units.retain(|unit| {
        let new = unit.pulls.iter().filter(|pull| seen.insert((pull.file, pull.key.clone()))).count();
        unit.pulls.is_empty() || new > 0
    });
    units
}

/// The services that a command has to name for it.
fn services(unit: &Offer) -> BTreeSet<ResourceRef> {
    let pulled = unit.pulls.iter().flat_map(|pull| &pull.from);
    unit.stores.iter().flat_map(|store| &store.meant_for).chain(pulled).cloned().collect()
}

/// The command that takes on these units, by name.
fn covering(units: &[&Offer], services: Option<BTreeSet<ResourceRef>>, deploying: Deploying) -> FixInvocation {
    let keys =
        |is: &dyn Fn(&Offer) -> bool| units.iter().filter(|unit| is(unit)).map(|unit| unit.key.clone()).collect();
    let over = |unit: &Offer, is: fn(&Variable) -> bool| {
        matches!(unit.way, Direction::Push | Direction::Remove)
            && unit.stores.iter().any(|store| store.before.as_ref().is_some_and(is))
    };
    FixInvocation {
        ways: units.iter().map(|unit| unit.way).collect(),
        deploying,
        keys: keys(&|_| true),
        references: keys(&|unit| unit.way == Direction::Push && over(unit, |before| before.template().is_some())),
        sealed: keys(&|unit| over(unit, |before| matches!(before, Variable::Sealed))),
        shared: keys(&|unit| unit.way == Direction::PushShared),
        services,
        redeploy: Redeploy::None,
        start: None,
    }
}

struct CommandSearch<'s> {
    survey: &'s mut Survey,
    wish: &'s CommandRequest<'s>,
    units: Vec<Offer>,
}

impl CommandSearch<'_> {
    fn expected(&self) -> Effects {
        let offers: Vec<&Offer> = self.wish.offers.iter().collect();
        Effects::of(&offers, self.wish.due, self.wish.deploying, self.wish.known).setting(self.wish.settings)
    }

    fn is_exact(&mut self, invocation: &FixInvocation, expected: &Effects) -> bool {
        invocation.effects(self.survey, self.wish.known) == *expected
    }

    /// One command for everything: with the services of this run, or else with those of the plan.
    fn single(&mut self, expected: &Effects) -> Option<FixInvocation> {
        let units: Vec<&Offer> = self.units.iter().collect();
        let all = covering(&units, None, self.wish.deploying);
        let sends =
            units.iter().any(|unit| matches!(unit.way, Direction::Push | Direction::PushShared | Direction::Add));
        // Adding and removing are never combined with a start command, and one command sets one.
        let takes_none = |way: &Direction| matches!(way, Direction::Add | Direction::Remove);
        let is_apart = match self.wish.settings {
            [] => false,
            [_] => all.ways.iter().any(takes_none),
            _ => true,
        };
        if (sends && all.ways.contains(&Direction::Pull)) || is_apart {
            return None;
        }
        self.candidates(&all).into_iter().find(|one| self.is_exact(one, expected))
    }

    /// Commands that could do everything, in the order of preference. `all` names every key and direction.
    fn candidates(&self, all: &FixInvocation) -> Vec<FixInvocation> {
        let start = self.wish.settings.first().cloned();
        let due = self.wish.due.iter().map(|due| due.service.clone());
        let services: BTreeSet<ResourceRef> = self.units.iter().flat_map(services).chain(due).collect();
        let redeploy = if self.wish.due.is_empty() { self.wish.redeploy } else { Redeploy::Due };
        // A deployment may be due for a reason that is about no key.
        let mut names = vec![all.keys.clone()];
        if redeploy == Redeploy::Due {
            names.push(self.wish.only.clone());
        }
        names.dedup();
        let mut candidates = Vec::new();
        // Adding a key needs the service's name.
        let whole = if all.ways.contains(&Direction::Add) { Vec::new() } else { vec![None] };
        let typed: BTreeSet<Direction> = self.wish.ways.union(&all.ways).copied().collect();
        for ways in [&typed, &all.ways] {
            for services in whole.iter().cloned().chain([Some(services.clone())]) {
                let like = FixInvocation { ways: ways.clone(), redeploy, services, ..all.clone() };
                candidates.extend(names.iter().map(|keys| FixInvocation { keys: keys.clone(), ..like.clone() }));
            }
        }
        if let Some(setting) = start {
            // Which services the directions of such a command are about is known only where no service was typed.
            candidates.retain(|one| {
                self.wish.scope == Scope::Default || one.ways.is_empty() && one.redeploy == Redeploy::None
            });
            for one in &mut candidates {
                one.services = Some(BTreeSet::from([setting.service.clone()]));
                one.start = Some(setting.clone());
            }
        }
        candidates
    }

    /// What is stored, what is pulled and what is deployed, each by commands of its own that name their services.
    fn several(&mut self, expected: &Effects) -> Option<Vec<FixInvocation>> {
        let (pulled, stored): (Vec<Offer>, Vec<Offer>) =
            std::mem::take(&mut self.units).into_iter().partition(|unit| unit.way == Direction::Pull);
        // One key in both directions: the second command would find what the first has made of it.
        if stored.iter().any(|one| pulled.iter().any(|other| one.key == other.key)) {
            return None;
        }
        // What is pulled may refer to what is pushed, and not the other way round.
        let mut all = self.pulled(&pulled)?;
        let together = self.stored(&stored, Grouping::Together);
        all.extend(together.or_else(|| self.stored(&stored, Grouping::Apart))?);
        let mut done = Effects::default();
        for one in &all {
            done = done.and(one.effects(self.survey, self.wish.known))?;
        }
        for one in self.wish.settings.iter().map(FixInvocation::starting) {
            done = done.and(one.effects(self.survey, self.wish.known))?;
            all.push(one);
        }
        let left = |due: &&DueRedeploy| !done.deployed.contains_key(&due.service.id);
        let left: BTreeSet<ResourceRef> = self.wish.due.iter().filter(left).map(|due| due.service.clone()).collect();
        if !left.is_empty() {
            let keys = self.wish.only.clone();
            let last =
                FixInvocation { redeploy: Redeploy::Due, keys, services: Some(left), ..FixInvocation::default() };
            done = done.and(last.effects(self.survey, self.wish.known))?;
            all.push(last);
        }
        (done == *expected).then_some(all)
    }

    /// Each service is changed by one command, so that it is deployed once. One that also gets a newer commit or another start
    /// command is only changed: the command that follows deploys it with both.
    fn stored(&mut self, units: &[Offer], grouping: Grouping) -> Option<Vec<FixInvocation>> {
        let newer = |service: &ResourceRef| {
            let is_started = self.wish.settings.iter().any(|setting| setting.service == *service);
            is_started || self.wish.due.iter().any(|due| due.commit.is_some() && due.service == *service)
        };
        let (silent, deployed): (Vec<&Offer>, Vec<&Offer>) =
            units.iter().partition(|unit| services(unit).iter().any(newer));
        let mut all = Vec::new();
        for (units, deploying) in [(silent, Deploying::Never), (deployed, self.wish.deploying)] {
            let services: BTreeSet<ResourceRef> = units.iter().flat_map(|unit| services(unit)).collect();
            if units.is_empty() {
                continue;
            }
            let whole = (services, units.clone());
            if let Some(whole) = self.part(whole, deploying).filter(|_| grouping == Grouping::Together) {
                all.push(whole);
                continue;
            }
            for group in groups(&units) {
                match self.part(group.clone(), deploying) {
                    Some(part) => all.push(part),
                    None => all.extend(self.around_shared(&group.1, deploying)?),
                }
            }
        }
        self.in_order(all)
    }

    /// One command for a group, where it is exact.
    fn part<'u>(&mut self, (services, units): UnitGroup<'u>, deploying: Deploying) -> Option<CommandPart<'u>> {
        let invocation = covering(&units, Some(services), deploying);
        let wanted = Effects::of(&units, &[], deploying, self.wish.known);
        self.is_exact(&invocation, &wanted).then_some(CommandPart { invocation, units })
    }

    /// A shared variable is written for several services, and a key that only one of them gets can't be named beside it. The
    /// services' own variables are stored first, and the command that writes the shared variable deploys these services.
    fn around_shared<'u>(&mut self, units: &[&'u Offer], deploying: Deploying) -> Option<Vec<CommandPart<'u>>> {
        let (shared, own): (Vec<&Offer>, Vec<&Offer>) =
            units.iter().partition(|unit| unit.way == Direction::PushShared);
        let deployed: BTreeSet<ResourceRef> = shared.iter().flat_map(|unit| services(unit)).collect();
        let (silent, apart): (Vec<&Offer>, Vec<&Offer>) =
            own.iter().partition(|unit| services(unit).is_subset(&deployed));
        // A key that was stored on a service before would no longer be one that refers to the shared variable there.
        let is_both = |unit: &Offer| shared.iter().any(|one| one.key == unit.key);
        if shared.is_empty() || own.is_empty() || own.iter().any(|unit| is_both(unit)) {
            return None;
        }
        let mut parts = Vec::new();
        for (units, deploying) in [(silent, Deploying::Never), (apart, deploying), (shared, deploying)] {
            for group in groups(&units) {
                parts.push(self.part(group, deploying)?);
            }
        }
        Some(parts)
    }

    /// A reference gives another value once what it refers to was written, and a command that writes over it would find
    /// that: it goes first. `None` where each waits for another.
    fn in_order(&self, mut left: Vec<CommandPart<'_>>) -> Option<Vec<FixInvocation>> {
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let is_free = |at: &usize| {
                let others = left.iter().enumerate().filter(|(other, _)| other != at).map(|(_, part)| part);
                others.into_iter().all(|other| !self.disturbs(&left[*at], other))
            };
            let next = (0..left.len()).find(is_free)?;
            ordered.push(left.remove(next).invocation);
        }
        Some(ordered)
    }

    /// Whether what one command writes changes what a reference renders to that the other one writes over.
    fn disturbs(&self, first: &CommandPart<'_>, second: &CommandPart<'_>) -> bool {
        let written: Vec<VariableChange> = first.units.iter().flat_map(|unit| unit.stores.iter().cloned()).collect();
        let templates = self.survey.readable().flat_map(|target| {
            let stored = target.stored.iter().flatten();
            let service = target.service.name.as_str();
            stored.filter_map(move |(key, variable)| Some((service, key.as_str(), variable.template()?.expose())))
        });
        let following = dependents(&templates.collect::<Vec<_>>(), &written, &self.survey.catalogue);
        let is_followed =
            |store: &VariableChange| following.get(store.owner.name()).is_some_and(|keys| keys.contains(&store.key));
        second.units.iter().flat_map(|unit| &unit.stores).any(is_followed)
    }

    fn pulled(&mut self, units: &[Offer]) -> Option<Vec<FixInvocation>> {
        let units: Vec<&Offer> = units.iter().collect();
        let whole: Vec<Vec<&Offer>> = if units.is_empty() { Vec::new() } else { vec![units.clone()] };
        let apart: Vec<Vec<&Offer>> = units.iter().map(|unit| vec![*unit]).collect();
        [whole, apart].into_iter().find_map(|parts| self.pulled_in(&parts))
    }

    fn pulled_in(&mut self, parts: &[Vec<&Offer>]) -> Option<Vec<FixInvocation>> {
        let mut all = Vec::new();
        for units in parts {
            let services = units.iter().flat_map(|unit| services(unit)).collect();
            let one = covering(units, Some(services), Deploying::Changed);
            let wanted = Effects::of(units, &[], Deploying::Changed, self.wish.known);
            if !self.is_exact(&one, &wanted) {
                return None;
            }
            all.push(one);
        }
        Some(all)
    }
}

/// How services are put into commands. Fewer commands are better, and not always in an order that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    /// All in one, where that is exact.
    Together,
    /// Only services with the same keys in one.
    Apart,
}

/// One of several commands, with what it takes on.
struct CommandPart<'u> {
    invocation: FixInvocation,
    units: Vec<&'u Offer>,
}

/// Services, and the units that one command takes on for them.
type UnitGroup<'u> = (BTreeSet<ResourceRef>, Vec<&'u Offer>);

/// The units by the services that they change, services with the same keys together.
fn groups<'u>(units: &[&'u Offer]) -> Vec<UnitGroup<'u>> {
    // Services that share a unit stay together.
    let mut clusters: Vec<UnitGroup<'_>> = Vec::new();
    for unit in units {
        let own = services(unit);
        let (touched, apart): (Vec<_>, Vec<_>) =
            clusters.into_iter().partition(|(services, _)| !services.is_disjoint(&own));
        let mut cluster = (own, vec![*unit]);
        for (services, units) in touched {
            cluster.0.extend(services);
            cluster.1.extend(units);
        }
        clusters = apart;
        clusters.push(cluster);
    }
    let mut alike: BTreeMap<BTreeSet<(&str, Direction)>, UnitGroup<'_>> = BTreeMap::new();
    for (services, units) in clusters {
        let signature = units.iter().map(|unit| (unit.key.as_str(), unit.way)).collect();
        let known = alike.entry(signature).or_default();
        known.0.extend(services);
        known.1.extend(units);
    }
    let mut groups: Vec<_> = alike.into_values().collect();
    groups.sort_by(|one, other| one.0.cmp(&other.0));
    groups
}
